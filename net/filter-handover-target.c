/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The destination's end of a hand-over: keeps the source's frames for the VM that comes. */

/*
 * Until the VM runs here, the source's frames are kept apart, so that they can be forgotten if
 * it goes on at the source; from then on they go straight into the chain. Frames that arrive
 * here directly wait at the filter's own stage meanwhile: they are younger than any frame from
 * the source, until that says that it has no more, or a time is over.
 *
 * What there is no room for while the VM does not run is thrown away, and asked for again later:
 * the source keeps it. To leave it in the channel would leave a cancel behind it there, and the
 * end of the connection.
 */

#include "net/filter-handover.h"

#include "system/run-state.h"

static NetFilter *target_filter(const HandoverTarget *target)
{
    return target->link.filter;
}

static void target_set_phase(HandoverTarget *target, NetHandoverPhase phase)
{
    handover_set_phase(target_filter(target), &target->phase, phase);
}

bool handover_target_holds(const HandoverTarget *target)
{
    return target->phase != NET_HANDOVER_PHASE_IDLE;
}

/* --- Phases ------------------------------------------------------------------------------ */

static void target_inject(HandoverTarget *target, const NetFrame *frames, size_t n)
{
    handover_inject(target_filter(target), frames, n);
    target->n_injected += n;
}

static void target_forget(HandoverTarget *target)
{
    target->n_cancelled += target->kept.n_frames;
    target->refuses = false;
    net_hold_clear(&target->kept);
}

static void target_ask_again(HandoverTarget *target)
{
    if (target->refuses) {
        handover_link_tell(&target->link, HANDOVER_AGAIN, target->number, 0);
    }
}

/* No older frame is to be expected: what arrived directly goes on. */
static void target_finish(HandoverTarget *target)
{
    timer_stop(target->timer);
    target_set_phase(target, NET_HANDOVER_PHASE_IDLE);
    net_filter_ready(target_filter(target));
    handover_link_go_on(&target->link);
}

static void target_tell_released(HandoverTarget *target)
{
    if (target->is_open) {
        handover_link_tell(&target->link, HANDOVER_RELEASED, target->number, target->n_here);
    }
}

static void target_start_wait(HandoverTarget *target)
{
    timer_start_at(target->timer, clock_now_ns(CLOCK_TYPE_REALTIME) +
                                  handover_wait_ns(target_filter(target)));
}

/* The VM runs: it gets what is kept, before anything else. */
static void target_release(HandoverTarget *target)
{
    target_set_phase(target, NET_HANDOVER_PHASE_RELEASED);
    while (target->kept.n_frames > 0) {
        NetBatch batch;

        net_hold_peek(&target->kept, &batch);
        target_inject(target, batch.frames, batch.n);
        net_hold_pop(&target->kept, batch.n);
    }
    target_tell_released(target);
    target_ask_again(target);
    if (handover_link_is_connected(&target->link)) {
        target_start_wait(target);
        handover_link_go_on(&target->link);
    } else {
        target_finish(target);
    }
}

static void target_run_state_changed(bool running, RunState state, void *opaque)
{
    HandoverTarget *target = opaque;

    if (state == RUN_STATE_INMIGRATE && target->phase == NET_HANDOVER_PHASE_IDLE) {
        target_set_phase(target, NET_HANDOVER_PHASE_WAITING);
    }
    if (running && target->phase == NET_HANDOVER_PHASE_WAITING) {
        target_release(target);
    }
}

static void target_timer(void *opaque)
{
    target_finish(opaque);
}

/* --- What the source says ---------------------------------------------------------------- */

static bool target_offered(HandoverTarget *target, uint32_t number, uint64_t first)
{
    if (number == 0) {
        return false;
    }
    if (number != target->number || !target->is_open) {
        target_forget(target);
        target->number = number;
        target->is_open = true;
        target->n_here = first;
    }
    if (first > target->n_here) {
        return false;
    }
    target->n_to_skip = target->n_here - first;
    target->refuses = false;
    if (target->phase == NET_HANDOVER_PHASE_RELEASED) {
        target_start_wait(target);
    }
    if (target->phase == NET_HANDOVER_PHASE_IDLE && !run_state_is_running()) {
        target_set_phase(target, NET_HANDOVER_PHASE_WAITING);
    }
    if (target->phase != NET_HANDOVER_PHASE_WAITING) {
        target_tell_released(target);
    }
    return true;
}

/* The VM goes on at the source, unless it runs here already. */
static void target_cancelled(HandoverTarget *target, uint32_t number)
{
    if (number == target->number && target->is_open &&
        target->phase != NET_HANDOVER_PHASE_WAITING) {
        target_tell_released(target);
        return;
    }
    if (number == target->number) {
        target_forget(target);
        target->is_open = false;
    }
    handover_link_tell(&target->link, HANDOVER_CANCELLED, number, 0);
    if (target->phase == NET_HANDOVER_PHASE_WAITING &&
        run_state_get() != RUN_STATE_INMIGRATE) {
        target_finish(target);
    }
}

static bool target_message(const HandoverMessage *message, void *opaque)
{
    HandoverTarget *target = opaque;

    switch (message->type) {
    case HANDOVER_OFFER:
        return target_offered(target, message->number, message->count);
    case HANDOVER_CANCEL:
        target_cancelled(target, message->number);
        return true;
    case HANDOVER_DONE:
        if (target->phase == NET_HANDOVER_PHASE_RELEASED && message->number == target->number) {
            target_finish(target);
        }
        return true;
    case HANDOVER_RELEASED:
    case HANDOVER_CANCELLED:
    case HANDOVER_AGAIN:
    case HANDOVER_MESSAGE__MAX:
        break;
    }
    return false;
}

static bool target_is_full(const HandoverTarget *target)
{
    return net_hold_cost(&target->kept) >= net_filter_hold_size(target_filter(target));
}

/* Returns: how many of the frames are kept, from the front. */
static size_t target_keep(HandoverTarget *target, const NetFrame *frames, size_t n)
{
    size_t taken = 0;

    while (taken < n && !target->refuses) {
        target->refuses = target_is_full(target);
        if (!target->refuses) {
            net_hold_push(&target->kept, &frames[taken++], 1);
        }
    }
    target->n_refused += n - taken;
    return taken;
}

/* New ones. */
static void target_take(HandoverTarget *target, const NetFrame *frames, size_t n)
{
    if (target->phase == NET_HANDOVER_PHASE_WAITING || target->refuses) {
        target->n_here += target_keep(target, frames, n);
    } else {
        target->n_here += n;
        target_inject(target, frames, n);
        target_tell_released(target);
    }
}

static bool target_frames(const NetFrame *frames, size_t n, void *opaque)
{
    HandoverTarget *target = opaque;
    size_t skip = MIN(n, target->n_to_skip);

    target->n_received += n;
    if (!target->is_open) {
        target->n_cancelled += n;
        return false;
    }
    target->n_to_skip -= skip;
    target->n_repeated += skip;
    target_take(target, frames + skip, n - skip);
    return true;
}

static bool target_has_room(void *opaque)
{
    const HandoverTarget *target = opaque;
    const NetFilter *nf = target_filter(target);

    return target->phase == NET_HANDOVER_PHASE_WAITING || !nf->netdev ||
           net_stage_can_inject(&nf->stages[NET_DIRECTION_TX]);
}

void handover_target_changed(HandoverTarget *target)
{
    if (target->link.filter && !target_is_full(target)) {
        target_ask_again(target);
    }
    handover_link_go_on(&target->link);
}

/* Whatever the old connection had to send comes again, from where the next offer says. */
static void target_opened(void *opaque)
{
    HandoverTarget *target = opaque;

    target->n_to_skip = 0;
}

static void target_ready(void *opaque)
{
}

static const HandoverLinkOps target_link_ops = {
    .opened = target_opened,
    .message = target_message,
    .frames = target_frames,
    .has_room = target_has_room,
    .ready = target_ready,
};

/* --- Open, close, describe --------------------------------------------------------------- */

bool handover_target_open(HandoverTarget *target, NetFilter *nf, const char *indev,
                          GError **error)
{
    if (!handover_link_open(&target->link, nf, indev, &target_link_ops, target, error)) {
        return false;
    }
    target->timer = timer_new(CLOCK_TYPE_REALTIME, target_timer, target);
    target->listener = run_state_listener_add(RUN_STATE_ORDER_FILTER, target_run_state_changed,
                                              target);
    if (run_state_get() == RUN_STATE_INMIGRATE) {
        target->phase = NET_HANDOVER_PHASE_WAITING;
    }
    return true;
}

/* The source keeps what was not released, and sees the connection end. */
void handover_target_close(HandoverTarget *target)
{
    if (!target->link.filter) {
        return;
    }
    target_forget(target);
    target->phase = NET_HANDOVER_PHASE_IDLE;
    g_clear_pointer(&target->timer, timer_free);
    g_clear_pointer(&target->listener, run_state_listener_remove);
    handover_link_close(&target->link);
}

void handover_target_describe(const HandoverTarget *target, NetHandoverInfo *info)
{
    info->phase = target->phase;
    info->connected = handover_link_is_connected(&target->link);
    info->number = target->number;
    info->kept->frames = target->kept.n_frames;
    info->kept->bytes = target->kept.n_bytes;
    info->received = target->n_received;
    info->repeated = target->n_repeated;
    info->injected = target->n_injected;
    info->cancelled = target->n_cancelled;
    info->refused = target->n_refused;
}
