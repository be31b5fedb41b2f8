/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The source's end of a hand-over: diverts frames and keeps them until the end is known. */

/*
 * While the filter is on (the VM is stopped by a migration), frames go into one queue: first
 * those that its QEMU was given but may not have used, then those that were held, then what
 * arrives. The queue is sent to the destination as fast as the channel takes it, but stays here
 * until the destination says how many of its frames belong to the VM there. So a channel that
 * breaks loses nothing, and if the VM goes on here instead, the frames go back into the chain;
 * not before the destination has forgotten them, as no frame may reach both guests. If it cannot
 * be asked, or does not answer, it is told at the next connection; and its late answer is none
 * to the hand-over that may have begun meanwhile.
 */

#include "net/filter-handover.h"

#include "qom/object.h"
#include "util/log.h"

/* The netdev counts as quiet when it brought nothing between three looks at this distance. */
#define QUIET_LOOK_NS INT64_C(10000000)
#define QUIET_LOOKS   2u

static NetFilter *source_filter(const HandoverSource *source)
{
    return source->link.filter;
}

static NetStage *source_stage(const HandoverSource *source)
{
    return &source_filter(source)->stages[NET_DIRECTION_TX];
}

static void source_set_phase(HandoverSource *source, NetHandoverPhase phase)
{
    handover_set_phase(source_filter(source), &source->phase, phase);
}

static uint64_t source_n_kept(const HandoverSource *source)
{
    return source->sent.n_frames + source->unsent.n_frames;
}

static uint64_t source_bytes_kept(const HandoverSource *source)
{
    return source->sent.n_bytes + source->unsent.n_bytes;
}

static void source_start_timer(HandoverSource *source, int64_t ns)
{
    timer_start_at(source->timer, clock_now_ns(CLOCK_TYPE_REALTIME) + ns);
}

/* --- The queue --------------------------------------------------------------------------- */

/* Send what the channel takes. */
static void source_pump(HandoverSource *source)
{
    while (source->unsent.n_frames > 0 && source->phase != NET_HANDOVER_PHASE_CANCELLING) {
        NetBatch batch;
        size_t taken;

        net_hold_peek(&source->unsent, &batch);
        taken = handover_link_write(&source->link, batch.frames, batch.n);
        if (taken == 0) {
            return;
        }
        net_hold_push(&source->sent, batch.frames, taken);
        net_hold_pop(&source->unsent, taken);
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
}

/* The destination's VM has, or will have, the first @count frames. */
static bool source_acknowledge(HandoverSource *source, uint64_t count)
{
    uint64_t n = count - source->first;

    if (count < source->first || n > source->sent.n_frames) {
        return false;
    }
    net_hold_pop(&source->sent, n);
    source->first = count;
    source->n_acknowledged += n;
    return true;
}

/* --- Begin and end ----------------------------------------------------------------------- */

static void source_keep_doubtful(HandoverSource *source)
{
    const NetClient *peer = source_filter(source)->netdev->peer;
    NetBatch batch = { .n = 0 };

    if (peer && peer->info->doubtful) {
        peer->info->doubtful(peer, &batch);
    }
    source_keep(source, batch.frames, batch.n);
    source->n_doubtful = batch.n;
    source->n_doubtful_total += batch.n;
}

static void source_begin(HandoverSource *source)
{
    source->n_dropped += source_n_kept(source);
    net_hold_clear(&source->sent);
    net_hold_clear(&source->unsent);
    source->first = 0;
    source->is_taken_back = false;
    source->is_unanswered = false; /* the offer makes the destination forget what it keeps */
    source->number = g_random_int() | 1;
    source_keep_doubtful(source);
    source_set_phase(source, NET_HANDOVER_PHASE_DIVERTING);
    handover_link_tell(&source->link, HANDOVER_OFFER, source->number, 0);
    source_pump(source);
}

static void source_return(HandoverSource *source, NetHold *hold)
{
    while (hold->n_frames > 0) {
        NetBatch batch;
        size_t skip = 0;

        net_hold_peek(hold, &batch);
        if (source->first < source->n_doubtful) {
            skip = MIN(batch.n, source->n_doubtful - source->first);
        }
        handover_inject(source_filter(source), batch.frames + skip, batch.n - skip);
        net_hold_pop(hold, batch.n);
        source->first += batch.n;
        source->n_returned += batch.n;
    }
}

/*
 * The VM goes on here: it gets the frames, but for those that its QEMU has. It may have been
 * stopped for another migration meanwhile.
 */
static void source_give_back(HandoverSource *source)
{
    timer_stop(source->timer);
    source_return(source, &source->sent);
    source_return(source, &source->unsent);
    source_set_phase(source, NET_HANDOVER_PHASE_IDLE);
    net_filter_update(source_filter(source));
    handover_source_switched(source);
}

/* The destination may keep the frames, or have given them to its VM: that is told later. */
static void source_give_back_unasked(HandoverSource *source)
{
    source->is_taken_back = true;
    source->is_unanswered = true;
    source_give_back(source);
}

static void source_cancel(HandoverSource *source)
{
    source_set_phase(source, NET_HANDOVER_PHASE_CANCELLING);
    if (!handover_link_is_connected(&source->link)) {
        source_give_back_unasked(source);
        return;
    }
    handover_link_tell(&source->link, HANDOVER_CANCEL, source->number, 0);
    source_start_timer(source, handover_wait_ns(source_filter(source)));
}

void handover_source_switched(HandoverSource *source)
{
    bool on = source_filter(source)->on;

    switch (source->phase) {
    case NET_HANDOVER_PHASE_IDLE:
        if (on) {
            source_begin(source);
        }
        break;
    case NET_HANDOVER_PHASE_DIVERTING:
        if (!on) {
            source_cancel(source);
        }
        break;
    case NET_HANDOVER_PHASE_RELEASED:
        if (!on) {
            timer_stop(source->timer);
            source_set_phase(source, NET_HANDOVER_PHASE_IDLE);
        }
        break;
    case NET_HANDOVER_PHASE_CANCELLING: /* looked at when the answer is there */
    case NET_HANDOVER_PHASE_WAITING:
        break;
    }
}

bool handover_source_lingers(const HandoverSource *source)
{
    return source->phase == NET_HANDOVER_PHASE_DIVERTING ||
           source->phase == NET_HANDOVER_PHASE_CANCELLING;
}

bool handover_source_takes(const HandoverSource *source)
{
    return source->phase != NET_HANDOVER_PHASE_CANCELLING;
}

/* --- Frames ------------------------------------------------------------------------------ */

/*
 * How many of the frames can be kept within the limit. Those that were held further on can: they
 * take no more room here than there, and are younger than what is kept, so if they were left
 * there, and the VM went on here, they would overtake it.
 */
static size_t source_fitting(const HandoverSource *source, const NetFrame *frames, size_t n)
{
    uint64_t limit = net_filter_hold_size(source_filter(source));
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

    if (source->phase == NET_HANDOVER_PHASE_CANCELLING || !source_filter(source)->on) {
        return 0;
    }
    if (source->phase == NET_HANDOVER_PHASE_IDLE) {
        source_begin(source);
    }
    taken = source_fitting(source, frames, n);
    source_keep(source, frames, taken);
    source->n_taken += taken;
    source_pump(source);
    return taken;
}

/* --- What the destination says ----------------------------------------------------------- */

static void source_watch_quiet(HandoverSource *source)
{
    source->quiet_mark = source->n_taken;
    source->n_quiet = 0;
    source_start_timer(source, QUIET_LOOK_NS);
}

/* Returns: false when the destination cannot have that many frames. */
static bool source_released(HandoverSource *source, uint64_t count)
{
    NetClient *peer = source_filter(source)->netdev->peer;

    if (!source_acknowledge(source, count)) {
        return false;
    }
    if (peer && peer->info->doubtful_taken) {
        peer->info->doubtful_taken(peer);
    }
    switch (source->phase) {
    case NET_HANDOVER_PHASE_DIVERTING:
        source_set_phase(source, NET_HANDOVER_PHASE_RELEASED);
        source_watch_quiet(source);
        break;
    case NET_HANDOVER_PHASE_CANCELLING: /* too late: both VMs run, the frames stay there */
        timer_stop(source->timer);
        source_set_phase(source, NET_HANDOVER_PHASE_IDLE);
        net_filter_update(source_filter(source));
        break;
    case NET_HANDOVER_PHASE_IDLE:
    case NET_HANDOVER_PHASE_RELEASED:
    case NET_HANDOVER_PHASE_WAITING:
        break;
    }
    source_pump(source);
    net_stage_ready(source_stage(source));
    return true;
}

/* The VM runs here already, and has got the frames. */
static void source_released_late(HandoverSource *source, uint64_t count)
{
    if (source->is_unanswered && count > 0) {
        log_warning("filter '%s': the VM runs at the destination too, and has %" PRIu64 " frames "
                    "that the one here has got", source_filter(source)->obj.id, count);
    }
    source->is_unanswered = false;
}

static void source_cancelled(HandoverSource *source)
{
    source->is_unanswered = false;
    if (source->phase == NET_HANDOVER_PHASE_CANCELLING) {
        source_give_back(source);
    }
}

/* Say which frames come, and send them. */
static void source_offer(HandoverSource *source)
{
    uint64_t first = source->is_taken_back ? 0 : source->first;

    source_rewind(source);
    handover_link_tell(&source->link, HANDOVER_OFFER, source->number, first);
    source_pump(source);
}

static bool source_message(const HandoverMessage *message, void *opaque)
{
    HandoverSource *source = opaque;
    bool is_ours = message->number == source->number && source->number != 0;

    switch (message->type) {
    case HANDOVER_RELEASED:
        if (is_ours && source->is_taken_back) {
            source_released_late(source, message->count);
        } else if (is_ours) {
            return source_released(source, message->count);
        }
        return true;
    case HANDOVER_CANCELLED:
        if (is_ours) {
            source_cancelled(source);
        }
        return true;
    case HANDOVER_AGAIN:
        if (is_ours && source->phase != NET_HANDOVER_PHASE_CANCELLING) {
            source_offer(source);
        }
        return true;
    case HANDOVER_OFFER:
    case HANDOVER_CANCEL:
    case HANDOVER_DONE:
    case HANDOVER_MESSAGE__MAX:
        break;
    }
    return false;
}

/*
 * A new connection: whatever was under way on the old one is said again. Even if the frames were
 * taken back the offer comes first: it makes the destination forget those of an older one.
 */
static void source_opened(void *opaque)
{
    HandoverSource *source = opaque;

    if (source->phase == NET_HANDOVER_PHASE_IDLE && source_n_kept(source) == 0 &&
        !source->is_unanswered) {
        return;
    }
    source_offer(source);
    if (source->phase == NET_HANDOVER_PHASE_CANCELLING || source->is_unanswered) {
        handover_link_tell(&source->link, HANDOVER_CANCEL, source->number, 0);
    }
}

static void source_ready(void *opaque)
{
    source_pump(opaque);
}

static const HandoverLinkOps source_link_ops = {
    .opened = source_opened,
    .message = source_message,
    .ready = source_ready,
};

/* --- Time -------------------------------------------------------------------------------- */

/* The network sends the VM's frames elsewhere when for a while none comes here. */
static void source_look(HandoverSource *source)
{
    bool quiet = source->n_taken == source->quiet_mark && source->unsent.n_frames == 0 &&
                 handover_link_is_connected(&source->link);

    source->quiet_mark = source->n_taken;
    source->n_quiet = quiet ? source->n_quiet + 1 : 0;
    if (source->n_quiet < QUIET_LOOKS) {
        source_start_timer(source, QUIET_LOOK_NS);
    } else {
        handover_link_tell(&source->link, HANDOVER_DONE, source->number, source->first);
    }
}

static void source_timer(void *opaque)
{
    HandoverSource *source = opaque;

    if (source->phase == NET_HANDOVER_PHASE_RELEASED) {
        source_look(source);
    } else if (source->phase == NET_HANDOVER_PHASE_CANCELLING) {
        log_warning("filter '%s': the destination does not answer; the VM goes on here and gets "
                    "the frames", source_filter(source)->obj.id);
        source_give_back_unasked(source);
    }
}

/* --- Open, close, describe --------------------------------------------------------------- */

bool handover_source_open(HandoverSource *source, NetFilter *nf, const char *outdev,
                          GError **error)
{
    source->timer = timer_new(CLOCK_TYPE_REALTIME, source_timer, source);
    if (!handover_link_open(&source->link, nf, outdev, &source_link_ops, source, error)) {
        g_clear_pointer(&source->timer, timer_free);
        return false;
    }
    return true;
}

void handover_source_close(HandoverSource *source)
{
    if (!source->link.filter) {
        return;
    }
    if (handover_source_lingers(source) && !object_is_ending()) {
        handover_link_tell(&source->link, HANDOVER_CANCEL, source->number, 0);
        source_return(source, &source->sent);
        source_return(source, &source->unsent);
    } else if (source_n_kept(source) > 0) {
        log_warning("filter '%s': ends before the destination has acknowledged %" PRIu64
                    " frames; %" PRIu64 " of them were not sent", source_filter(source)->obj.id,
                    source_n_kept(source), source->unsent.n_frames);
    }
    source->phase = NET_HANDOVER_PHASE_IDLE;
    net_hold_clear(&source->sent);
    net_hold_clear(&source->unsent);
    g_clear_pointer(&source->timer, timer_free);
    handover_link_close(&source->link);
}

void handover_source_describe(const HandoverSource *source, NetHandoverInfo *info)
{
    info->phase = source->phase;
    info->connected = handover_link_is_connected(&source->link);
    info->number = source->number;
    info->kept->frames = source_n_kept(source);
    info->kept->bytes = source_bytes_kept(source);
    info->unsent->frames = source->unsent.n_frames;
    info->unsent->bytes = source->unsent.n_bytes;
    info->doubtful = source->n_doubtful_total;
    info->taken = source->n_taken;
    info->acknowledged = source->n_acknowledged;
    info->returned = source->n_returned;
    info->dropped = source->n_dropped;
}
