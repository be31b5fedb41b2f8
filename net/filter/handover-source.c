/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The source's end of a handover: diverts frames and keeps them until the end is known. */

/*
 * While the filter is on (the VM is stopped by a migration), frames go into one queue: first those
 * that its QEMU got but may not have used, then those that were held, then those that arrive. The
 * queue is sent to the destination as fast as the channel takes it. handover-rules-source.c
 * decides about it; this file acts.
 */

#include "net/filter/handover.h"

#include <inttypes.h>

#include "net/turn.h"
#include "qom/object.h"
#include "util/log.h"
#include "util/trace.h"

TRACE_POINT(filter_handover_kept);
TRACE_POINT(filter_handover_let_go);

/* The netdev counts as quiet when it brought nothing between three looks at this distance. */
#define QUIET_LOOK_NS INT64_C(10000000)
#define QUIET_LOOKS   2u

static const NetHandoverPhase source_phases[] = {
    [SOURCE_IDLE] = NET_HANDOVER_PHASE_IDLE,
    [SOURCE_COLLECTING] = NET_HANDOVER_PHASE_DIVERTING,
    [SOURCE_OFFERED] = NET_HANDOVER_PHASE_DIVERTING,
    [SOURCE_CANCELLING] = NET_HANDOVER_PHASE_CANCELLING,
    [SOURCE_RELEASED] = NET_HANDOVER_PHASE_RELEASED,
    [SOURCE_DRAINING] = NET_HANDOVER_PHASE_DRAINING,
    [SOURCE_TAKEN_BACK] = NET_HANDOVER_PHASE_TAKEN_BACK,
};

G_STATIC_ASSERT(G_N_ELEMENTS(source_phases) == SOURCE_STATE__MAX);

static NetStage *source_stage(const HandoverSource *source)
{
    return &source->link.filter->stages[NET_DIRECTION_TX];
}

static uint64_t source_n_kept(const HandoverSource *source)
{
    return source->sent.n_frames + source->unsent.n_frames;
}

static int64_t source_now(void)
{
    return clock_now_ns(CLOCK_TYPE_REALTIME);
}

static void source_notify_phase(HandoverSource *source)
{
    handover_notify_phase(source->link.filter, &source->phase, (NetHandoverEvent) {
        .phase = source_phases[source->rules.state],
        .round = source->rules.round,
        .frames = source->rules.end,
        .kept = source_n_kept(source),
        .dropped = source->n_dropped,
    });
}

/* --- The queue --------------------------------------------------------------------------- */

/* Send what the channel takes. */
static void source_pump(HandoverSource *source)
{
    while (handover_source_may_send(&source->rules)) {
        NetBatch batch;
        size_t taken;

        net_hold_peek(&source->unsent, &batch);
        taken = handover_link_write(&source->link, batch.frames, batch.n);
        if (taken == 0) {
            return;
        }
        net_hold_push(&source->sent, batch.frames, taken);
        net_hold_pop(&source->unsent, taken);
        handover_source_sent(&source->rules, taken);
    }
}

/* All that is kept has to be sent (again). */
static void source_rewind(HandoverSource *source)
{
    net_hold_append(&source->sent, &source->unsent);
    source->unsent = source->sent;
    source->sent = (NetHold) { 0 };
}

/* A frame that is all header would be a message. */
static void source_keep(HandoverSource *source, const NetFrame *frames, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        NetFrame frame = frames[i];

        if (frame.vnet_hdr_len >= frame.len) {
            frame.vnet_hdr_len = 0;
        }
        net_hold_push(&source->unsent, &frame, 1);
    }
    TRACE(filter_handover_kept, "filter '%s': %zu frames, %" PRIu64 " kept now",
          source->link.filter->obj.id, n, source_n_kept(source));
    handover_source_took(&source->rules, n);
    source->last_taken_ns = source_now();
}

/* Take up to @n of the oldest frames out, as many as @batch has then. */
static void source_next(HandoverSource *source, uint64_t n, NetBatch *batch)
{
    NetHold *hold = source->sent.n_frames > 0 ? &source->sent : &source->unsent;

    net_hold_peek(hold, batch);
    batch->n = MIN(batch->n, n);
}

static void source_pop(HandoverSource *source, size_t n)
{
    net_hold_pop(source->sent.n_frames > 0 ? &source->sent : &source->unsent, n);
    source->first += n;
    TRACE(filter_handover_let_go, "filter '%s': %zu frames, %" PRIu64 " kept now",
          source->link.filter->obj.id, n, source_n_kept(source));
}

/* How many of the next @n frames were in flight: the VM here has them, if its QEMU lost none. */
static size_t source_n_in_flight(const HandoverSource *source, size_t n)
{
    return source->first < source->n_in_flight ? MIN(n, source->n_in_flight - source->first) : 0;
}

/* --- What the rules want done ------------------------------------------------------------ */

static void source_begin(HandoverSource *source)
{
    const NetClient *peer = source->link.filter->netdev->peer;
    NetBatch batch = { .n = 0 };

    if (peer && peer->info->in_flight) {
        peer->info->in_flight(peer, &batch);
    }
    source->first = 0;
    source_keep(source, batch.frames, batch.n);
    source->n_in_flight = batch.n;
    source->n_in_flight_total += batch.n;
}

static void source_forget(HandoverSource *source, uint64_t n)
{
    source->n_acknowledged += n;
    while (n > 0) {
        NetBatch batch;

        source_next(source, n, &batch);
        source_pop(source, batch.n);
        n -= batch.n;
    }
}

static void source_return(HandoverSource *source)
{
    source->n_returned += source_n_kept(source);
    while (source_n_kept(source) > 0) {
        NetBatch batch;
        size_t skip;

        source_next(source, UINT64_MAX, &batch);
        skip = source_n_in_flight(source, batch.n);
        handover_inject(source->link.filter, batch.frames + skip, batch.n - skip);
        source_pop(source, batch.n);
    }
}

/* No VM will get them: they count as dropped, not as taken on purpose. */
static void source_drop(HandoverSource *source)
{
    uint64_t n = source_n_kept(source);

    if (n == 0) {
        return;
    }
    log_warning(source->is_closing
                ? "filter '%s': ends before the destination has acknowledged %" PRIu64 " frames; "
                  "%" PRIu64 " of them were not sent"
                : "filter '%s': the destination has lost what it knew of %" PRIu64 " frames, "
                  "%" PRIu64 " of which were not sent: they are dropped",
                source->link.filter->obj.id, n, source->unsent.n_frames);
    source->n_dropped += n;
    while (source_n_kept(source) > 0) {
        NetBatch batch;
        size_t skip;

        source_next(source, UINT64_MAX, &batch);
        skip = source_n_in_flight(source, batch.n);
        net_stage_drop(source_stage(source), batch.frames + skip, batch.n - skip,
                       NET_DROP_REASON_GUEST_GONE);
        source_pop(source, batch.n);
    }
}

static void source_renumber(HandoverSource *source, uint64_t n)
{
    source->n_in_flight -= MIN(n, source->n_in_flight);
    source->first -= n;
}

static void source_watch_quiet(HandoverSource *source)
{
    source->quiet_mark = source->n_taken;
    source->n_quiet = 0;
    timer_start_at(source->quiet_timer, source_now() + QUIET_LOOK_NS);
}

static void source_say_unasked(HandoverSource *source, uint64_t n)
{
    if (n > 0) {
        source->n_unasked += n;
        log_warning("filter '%s': the destination does not answer; the VM goes on here and gets "
                    "%" PRIu64 " frames", source->link.filter->obj.id, n);
    }
}

static void source_act(HandoverSource *source, const HandoverAction *action)
{
    switch (action->what) {
    case HANDOVER_DO_TELL:
        handover_link_notify(&source->link, &action->message);
        break;
    case HANDOVER_DO_BEGIN:
        source_begin(source);
        break;
    case HANDOVER_DO_FORGET:
        source_forget(source, action->count);
        break;
    case HANDOVER_DO_RETURN:
        source_return(source);
        break;
    case HANDOVER_DO_DROP:
        source_drop(source);
        break;
    case HANDOVER_DO_REWIND:
        source_rewind(source);
        break;
    case HANDOVER_DO_RENUMBER:
        source_renumber(source, action->count);
        break;
    case HANDOVER_DO_WATCH:
        source_watch_quiet(source);
        break;
    case HANDOVER_DO_START:
        timer_start_at(source->timer, source_now() + handover_wait_ns(source->link.filter));
        break;
    case HANDOVER_DO_STOP:
        timer_stop(source->timer);
        break;
    case HANDOVER_DO_UNASKED:
        source_say_unasked(source, action->count);
        break;
    case HANDOVER_DO_SPLIT:
        source->n_split += action->count;
        handover_notify_split(source->link.filter, "destination", source->rules.round,
                              action->count);
        break;
    case HANDOVER_DO_KEEP:
    case HANDOVER_DO_INJECT:
    case HANDOVER_DO_DISCARD:
    case HANDOVER_DO_RELEASE:
    case HANDOVER_DO_CLEAR:
    case HANDOVER_DO_GO_ON:
        g_assert_not_reached();
    }
}

/*
 * Frames are sent last: a message says what they are. It is one turn of the net core, so that no
 * frame that waits in front of the filter overtakes those that are given back.
 */
static void source_carry_out(HandoverSource *source, const HandoverActions *actions)
{
    for (size_t i = 0; i < actions->n; i++) {
        source_act(source, &actions->items[i]);
    }
    source_notify_phase(source);
    source_pump(source);
}

/* The state of the last decision, as far as the rules are still the same. */
static bool source_takes(const HandoverSource *source)
{
    return handover_source_may_take(&source->rules, source->link.filter->on);
}

/* Whether the chain treats the filter otherwise than before: @took and @lingered. */
static void source_update_chain(HandoverSource *source, bool took, bool lingered)
{
    NetFilter *nf = source->link.filter;

    if (took != source_takes(source) ||
        (!nf->on && lingered != handover_source_lingers(source))) {
        net_filter_update(nf);
    }
}

static void source_handle(HandoverSource *source, HandoverSourceEvent event)
{
    bool took = source_takes(source);
    bool lingered = handover_source_lingers(source);
    HandoverActions actions = { 0 };

    handover_source_event(&source->rules, event, &actions);
    net_turn_begin();
    source_carry_out(source, &actions);
    source_update_chain(source, took, lingered);
    net_turn_end();
}

void handover_source_switched(HandoverSource *source)
{
    bool on = source->link.filter->on;

    if (on != source->rules.is_on) {
        source_handle(source, on ? SOURCE_STOPS : SOURCE_GOES_ON);
    }
}

bool handover_source_lingers(const HandoverSource *source)
{
    return source_phases[source->rules.state] == NET_HANDOVER_PHASE_DIVERTING ||
           source->rules.state == SOURCE_CANCELLING;
}

/* --- Frames ------------------------------------------------------------------------------ */

/*
 * How many of the frames can be kept within the limit. Those that were held further on can: they
 * take no more room here than there, and are younger than the kept frames, so if they were left
 * there, and the VM went on here, they would overtake it.
 */
static size_t source_fitting(const HandoverSource *source, const NetFrame *frames, size_t n)
{
    uint64_t limit = net_filter_hold_size(source->link.filter);
    uint64_t cost = net_hold_cost(&source->sent) + net_hold_cost(&source->unsent);
    size_t i = 0;

    if (source_stage(source)->reclaiming) {
        return n;
    }
    /* The first fits always: a frame that is longer than the limit must not wait for ever. */
    while (i < n && (cost == 0 || cost + frames[i].len + NET_HOLD_FRAME_OVERHEAD <= limit)) {
        cost += frames[i].len + NET_HOLD_FRAME_OVERHEAD;
        i++;
    }
    return i;
}

size_t handover_source_run(HandoverSource *source, const NetFrame *frames, size_t n)
{
    size_t taken;

    if (!source_takes(source)) {
        return 0;
    }
    /*
     * A filter that is created in an active state gets the held frames before switched() is
     * called.
     */
    handover_source_switched(source);
    taken = source_fitting(source, frames, n);
    source_keep(source, frames, taken);
    source->n_taken += taken;
    source_pump(source);
    return taken;
}

/* --- What the destination says ----------------------------------------------------------- */

/* The export need not remember the frames in flight any more. */
static void source_notify_peer(const HandoverSource *source)
{
    NetClient *peer = source->link.filter->netdev->peer;

    if ((source->rules.state == SOURCE_RELEASED || source->rules.state == SOURCE_DRAINING) &&
        peer && peer->info->in_flight_taken) {
        peer->info->in_flight_taken(peer);
    }
}

static bool source_message(const HandoverMessage *message, void *opaque)
{
    HandoverSource *source = opaque;
    bool took = source_takes(source);
    bool lingered = handover_source_lingers(source);
    HandoverActions actions = { 0 };

    if (!handover_source_message(&source->rules, message, &actions)) {
        return false;
    }
    net_turn_begin();
    source_carry_out(source, &actions);
    if (message->type == HANDOVER_RELEASED) {
        source_notify_peer(source);
    }
    source_update_chain(source, took, lingered);
    net_stage_ready(source_stage(source));
    net_turn_end();
    return true;
}

static void source_opened(uint64_t peer, void *opaque)
{
    source_handle(opaque, SOURCE_CONNECTED);
}

static void source_closed(void *opaque)
{
    source_handle(opaque, SOURCE_DISCONNECTED);
}

static void source_ready(void *opaque)
{
    source_pump(opaque);
}

static const HandoverLinkOps source_link_ops = {
    .opened = source_opened,
    .closed = source_closed,
    .message = source_message,
    .ready = source_ready,
};

/* --- Time -------------------------------------------------------------------------------- */

/* The network sends the VM's frames elsewhere when for a while none comes here. */
static void source_look(void *opaque)
{
    HandoverSource *source = opaque;
    bool quiet = source->n_taken == source->quiet_mark && source->unsent.n_frames == 0 &&
                 handover_link_is_connected(&source->link);

    if (source->rules.state != SOURCE_RELEASED) {
        return;
    }
    source->quiet_mark = source->n_taken;
    source->n_quiet = quiet ? source->n_quiet + 1 : 0;
    if (source->n_quiet < QUIET_LOOKS) {
        timer_start_at(source->quiet_timer, source_now() + QUIET_LOOK_NS);
    } else {
        source_handle(source, SOURCE_IS_QUIET);
    }
}

static void source_timer(void *opaque)
{
    source_handle(opaque, SOURCE_TIMES_OUT);
}

/* --- Open, close, describe --------------------------------------------------------------- */

bool handover_source_open(HandoverSource *source, NetFilter *nf, const char *outdev, GBytes *key,
                          GError **error)
{
    source->timer = timer_new(CLOCK_TYPE_REALTIME, source_timer, source);
    source->quiet_timer = timer_new(CLOCK_TYPE_REALTIME, source_look, source);
    source->link.is_source = true;
    source->link.identity = handover_identity_new();
    if (!handover_link_open(&source->link, nf, outdev, &source_link_ops, source, key, error)) {
        g_clear_pointer(&source->timer, timer_free);
        g_clear_pointer(&source->quiet_timer, timer_free);
        return false;
    }
    return true;
}

void handover_source_close(HandoverSource *source)
{
    HandoverActions actions = { 0 };

    if (!source->link.filter) {
        return;
    }
    source->is_closing = true;
    handover_source_event(&source->rules,
                          object_is_ending() ? SOURCE_EXITS : SOURCE_IS_DELETED, &actions);
    for (size_t i = 0; i < actions.n; i++) {
        source_act(source, &actions.items[i]);
    }
    g_clear_pointer(&source->timer, timer_free);
    g_clear_pointer(&source->quiet_timer, timer_free);
    handover_link_close(&source->link);
}

static bool source_is_quiet_known(const HandoverSource *source)
{
    return source->rules.state != SOURCE_IDLE && source->rules.round > 0;
}

void handover_source_describe(const HandoverSource *source, NetHandoverInfo *info)
{
    info->phase = source_phases[source->rules.state];
    info->connected = handover_link_is_connected(&source->link);
    info->round = source->rules.round;
    info->kept->frames = source_n_kept(source);
    info->kept->bytes = source->sent.n_bytes + source->unsent.n_bytes;
    info->unsent->frames = source->unsent.n_frames;
    info->unsent->bytes = source->unsent.n_bytes;
    info->in_flight = source->n_in_flight_total;
    info->taken = source->n_taken;
    info->acknowledged = source->n_acknowledged;
    info->returned = source->n_returned;
    info->dropped = source->n_dropped;
    info->unasked = source->n_unasked;
    info->split = source->n_split;
    info->has_quiet = source_is_quiet_known(source);
    if (info->has_quiet) {
        info->quiet = (uint64_t)(source_now() - source->last_taken_ns) / 1000000;
    }
}
