/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The destination's end of a handover: keeps the source's frames for the VM that comes. */

/*
 * Until the VM runs here, the source's frames are kept apart, so that they can be forgotten if it
 * goes on at the source; from then on they go straight into the chain. Frames that arrive here
 * directly wait at the filter's own stage meanwhile: they are younger than any frame from the
 * source, until the source reports that it has no more, or a time is over.
 *
 * While the VM does not run, this end throws away frames for which it has no room, and asks for
 * them again later: the source keeps them. If it left them in the channel, a cancel behind them
 * would stay there, and the end of the connection. handover-rules-target.c decides about the
 * frames; this file acts.
 */

#include "net/filter/handover.h"

#include <inttypes.h>

#include "net/run-state.h"
#include "net/turn.h"
#include "util/trace.h"

TRACE_POINT(filter_handover_waits);
TRACE_POINT(filter_handover_released);
TRACE_POINT(filter_handover_forgot);

/* What has come in one read, while it is dealt with. */
typedef struct TargetFrames {
    const NetFrame *frames;
    size_t n;
} TargetFrames;

static const NetHandoverPhase target_phases[] = {
    [TARGET_IDLE] = NET_HANDOVER_PHASE_IDLE,
    [TARGET_WAITING] = NET_HANDOVER_PHASE_WAITING,
    [TARGET_RELEASED] = NET_HANDOVER_PHASE_RELEASED,
};

G_STATIC_ASSERT(G_N_ELEMENTS(target_phases) == TARGET_STATE__MAX);

static FilterHandoverProperties *target_props(const HandoverTarget *target)
{
    return target->link.filter->obj.props;
}

bool handover_target_holds(const HandoverTarget *target)
{
    return target->rules.state != TARGET_IDLE;
}

/* --- What the rules want done ------------------------------------------------------------ */

static void target_inject(HandoverTarget *target, const NetFrame *frames, size_t n)
{
    handover_announce_learn(&target->announce, frames, n);
    handover_inject(target->link.filter, frames, n);
    target->n_injected += n;
}

static void target_release(HandoverTarget *target)
{
    while (target->kept.n_frames > 0) {
        NetBatch batch;

        net_hold_peek(&target->kept, &batch);
        target_inject(target, batch.frames, batch.n);
        net_hold_pop(&target->kept, batch.n);
        TRACE(filter_handover_released, "filter '%s': %zu frames, %" PRIu64 " wait now",
              target->link.filter->obj.id, batch.n, target->kept.n_frames);
    }
    if (target_props(target)->announce) {
        handover_announce_send(&target->announce, target->link.filter);
    }
}

static void target_clear(HandoverTarget *target)
{
    TRACE(filter_handover_forgot, "filter '%s': %" PRIu64 " frames",
          target->link.filter->obj.id, target->kept.n_frames);
    target->n_cancelled += target->kept.n_frames;
    net_hold_clear(&target->kept);
}

static void target_use(HandoverTarget *target, const HandoverAction *action,
                       const TargetFrames *came)
{
    const NetFrame *frames = came->frames + action->count;
    size_t n = (size_t)action->message.count;

    target->n_repeated += action->count;
    target->n_refused += came->n - action->count - n;
    if (action->what == HANDOVER_DO_INJECT) {
        target_inject(target, frames, n);
    } else {
        net_hold_push(&target->kept, frames, n);
        TRACE(filter_handover_waits, "filter '%s': %zu frames, %" PRIu64 " wait now",
              target->link.filter->obj.id, n, target->kept.n_frames);
    }
}

static void target_act(HandoverTarget *target, const HandoverAction *action,
                       const TargetFrames *came)
{
    switch (action->what) {
    case HANDOVER_DO_TELL:
        handover_link_notify(&target->link, &action->message);
        break;
    case HANDOVER_DO_KEEP:
    case HANDOVER_DO_INJECT:
        target_use(target, action, came);
        break;
    case HANDOVER_DO_DISCARD:
        target->n_refused += came->n;
        break;
    case HANDOVER_DO_RELEASE:
        target_release(target);
        break;
    case HANDOVER_DO_CLEAR:
        target_clear(target);
        break;
    case HANDOVER_DO_START:
        timer_start_at(target->timer, clock_now_ns(CLOCK_TYPE_REALTIME) +
                                      handover_wait_ns(target->link.filter));
        break;
    case HANDOVER_DO_STOP:
        timer_stop(target->timer);
        break;
    case HANDOVER_DO_GO_ON: /* looked at when all is done */
        break;
    case HANDOVER_DO_SPLIT:
        target->n_split += action->count;
        handover_notify_split(target->link.filter, "source", target->rules.round, action->count);
        break;
    case HANDOVER_DO_BEGIN:
    case HANDOVER_DO_FORGET:
    case HANDOVER_DO_RETURN:
    case HANDOVER_DO_DROP:
    case HANDOVER_DO_REWIND:
    case HANDOVER_DO_RENUMBER:
    case HANDOVER_DO_WATCH:
    case HANDOVER_DO_UNASKED:
        g_assert_not_reached();
    }
}

static void target_notify_phase(HandoverTarget *target)
{
    handover_notify_phase(target->link.filter, &target->phase, (NetHandoverEvent) {
        .phase = target_phases[target->rules.state],
        .round = target->rules.round,
        .frames = target->rules.n_here,
        .kept = target->kept.n_frames,
    });
}

/*
 * Frames that arrived directly wait until all is carried out: one turn of the net core.
 * Property armed is what it is, not what was set last.
 */
static void target_carry_out(HandoverTarget *target, const HandoverActions *actions,
                             const TargetFrames *came)
{
    bool held = target->phase != NET_HANDOVER_PHASE_IDLE;

    net_turn_begin();
    for (size_t i = 0; i < actions->n; i++) {
        target_act(target, &actions->items[i], came);
    }
    target_props(target)->has_armed = true;
    target_props(target)->armed = target->rules.is_armed;
    target_notify_phase(target);
    if (held && !handover_target_holds(target)) {
        net_filter_ready(target->link.filter);
    }
    net_turn_end();
}

static void target_handle(HandoverTarget *target, HandoverTargetEvent event)
{
    HandoverActions actions = { 0 };

    handover_target_event(&target->rules, event, &actions);
    target_carry_out(target, &actions, NULL);
    handover_link_go_on(&target->link);
}

/* --- Events ------------------------------------------------------------------------------ */

static void target_run_state_changed(bool running, RunState state, void *opaque)
{
    if (running) {
        target_handle(opaque, TARGET_VM_RUNS);
    } else if (state == RUN_STATE_INMIGRATE) {
        target_handle(opaque, TARGET_VM_IS_TO_COME);
    } else {
        target_handle(opaque, TARGET_VM_STOPS);
    }
}

static void target_timer(void *opaque)
{
    target_handle(opaque, TARGET_TIMES_OUT);
}

void handover_target_arm(HandoverTarget *target, bool is_armed)
{
    target_handle(target, is_armed ? TARGET_IS_ARMED : TARGET_IS_DISARMED);
}

static bool target_has_room_for(const HandoverTarget *target, uint64_t cost)
{
    return cost < net_filter_hold_size(target->link.filter);
}

void handover_target_changed(HandoverTarget *target)
{
    if (target->link.filter && target_has_room_for(target, net_hold_cost(&target->kept))) {
        target_handle(target, TARGET_HAS_ROOM);
    }
}

/* --- What the source says ---------------------------------------------------------------- */

static bool target_message(const HandoverMessage *message, void *opaque)
{
    HandoverTarget *target = opaque;
    HandoverActions actions = { 0 };

    if (!handover_target_message(&target->rules, message, &actions)) {
        return false;
    }
    target_carry_out(target, &actions, NULL);
    return true;
}

/* How many of the frames could be kept; those that are here already take no room. */
static uint64_t target_fitting(const HandoverTarget *target, const NetFrame *frames, size_t n)
{
    uint64_t n_skip = MIN(n, target->rules.n_here - target->rules.at);
    uint64_t cost = net_hold_cost(&target->kept);
    size_t i = (size_t)n_skip;

    while (i < n && target_has_room_for(target, cost)) {
        cost += frames[i++].len + NET_HOLD_FRAME_OVERHEAD;
    }
    return i - n_skip;
}

static bool target_frames(const NetFrame *frames, size_t n, void *opaque)
{
    HandoverTarget *target = opaque;
    HandoverActions actions = { 0 };
    const TargetFrames came = { frames, n };

    target->n_received += n;
    if (!handover_target_frames(&target->rules, n, target_fitting(target, frames, n),
                                &actions)) {
        target->n_refused += n;
        return false;
    }
    target_carry_out(target, &actions, &came);
    return true;
}

/* What is kept has a limit of its own. */
static bool target_has_room(void *opaque)
{
    const HandoverTarget *target = opaque;
    const NetFilter *nf = target->link.filter;

    return target->rules.fate != FATE_RELEASED || !nf->netdev ||
           net_stage_can_inject(&nf->stages[NET_DIRECTION_TX]);
}

static void target_opened(uint64_t peer, void *opaque)
{
    HandoverTarget *target = opaque;
    HandoverActions actions = { 0 };

    handover_target_connect(&target->rules, peer, &actions);
    target_carry_out(target, &actions, NULL);
}

static void target_closed(void *opaque)
{
    target_handle(opaque, TARGET_DISCONNECTED);
}

static void target_ready(void *opaque)
{
}

static const HandoverLinkOps target_link_ops = {
    .opened = target_opened,
    .closed = target_closed,
    .message = target_message,
    .frames = target_frames,
    .has_room = target_has_room,
    .ready = target_ready,
};

/* --- Open, close, describe --------------------------------------------------------------- */

/* Unless it is said, a round is waited for if the VM does not run. */
static void target_init_rules(HandoverTarget *target)
{
    const FilterHandoverProperties *props = target_props(target);
    HandoverActions actions = { 0 };

    if (run_state_get() == RUN_STATE_INMIGRATE) {
        handover_target_event(&target->rules, TARGET_VM_IS_TO_COME, &actions);
        target->phase = NET_HANDOVER_PHASE_WAITING;
    }
    target->rules.is_running = run_state_is_running();
    target->rules.is_armed = props->has_armed ? props->armed : !target->rules.is_running;
}

bool handover_target_open(HandoverTarget *target, NetFilter *nf, const char *indev, GBytes *key,
                          GError **error)
{
    FilterHandoverProperties *props = nf->obj.props;

    if (!handover_announce_init(&target->announce, props, error)) {
        return false;
    }
    target->timer = timer_new(CLOCK_TYPE_REALTIME, target_timer, target);
    if (!handover_link_open(&target->link, nf, indev, &target_link_ops, target, key, error)) {
        g_clear_pointer(&target->timer, timer_free);
        return false;
    }
    target_init_rules(target);
    props->has_armed = true;
    props->armed = target->rules.is_armed;
    target->listener = run_state_listener_add(RUN_STATE_ORDER_FILTER, target_run_state_changed,
                                              target);
    return true;
}

/* The source keeps what was not released, and sees the connection end. */
void handover_target_close(HandoverTarget *target)
{
    if (!target->link.filter) {
        return;
    }
    net_hold_clear(&target->kept);
    target->rules.state = TARGET_IDLE;
    g_clear_pointer(&target->timer, timer_free);
    g_clear_pointer(&target->listener, run_state_listener_remove);
    handover_link_close(&target->link);
}

void handover_target_describe(const HandoverTarget *target, NetHandoverInfo *info)
{
    info->phase = target_phases[target->rules.state];
    info->connected = handover_link_is_connected(&target->link);
    info->round = target->rules.round;
    info->armed = target->rules.is_armed;
    info->kept->frames = target->kept.n_frames;
    info->kept->bytes = target->kept.n_bytes;
    info->received = target->n_received;
    info->repeated = target->n_repeated;
    info->injected = target->n_injected;
    info->cancelled = target->n_cancelled;
    info->refused = target->n_refused;
    info->split = target->n_split;
}
