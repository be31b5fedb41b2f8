/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs batches of frames through the stages of a chain and keeps what cannot go on. */

/*
 * A batch walks along the stages. Each stage answers how many frames, from the front, it has dealt
 * with and which of those go on; the rest is copied into its held queue. A stage that holds
 * anything gets no new frames before the held ones: newer frames queue up behind them. When the
 * stage becomes ready, its held frames run from there on. So the order is always kept, without
 * looking at any frame twice.
 *
 * A stage that starts to take frames out (a redirector switched on) may find older frames held
 * further down. It reclaims them: they run through it, oldest first, straight from the queues
 * where they are, and frames that arrive meanwhile wait behind. If it is switched off half-way,
 * the rest is still where it was.
 *
 * A stage may change frames: it makes the views point to copies, in memory that the chain lends it
 * until these frames have gone their way. The change may depend on the state of the guest; then
 * frames toward the guest wait in front of it, not behind it, while the VM is stopped.
 *
 * Runs nest: the end of a chain may be a hub port that sends into other chains. Where too many
 * do, frames are held at the first stage and run in a later step of the turn. A stage that
 * becomes ready during a run is looked at in a later step, too.
 */

#include "net/chain-internal.h"

#include <inttypes.h>
#include <string.h>

#include "net/run-state.h"
#include "util/trace.h"

TRACE_POINT(net_hold);
TRACE_POINT(net_release);

/* How long a full filter may keep the source of a stopped VM waiting before reading goes on. */
#define CHAIN_GRACE_NS INT64_C(5000000)

static size_t stage_index(const NetStage *stage)
{
    const NetChain *chain = stage->chain;
    size_t i = 0;

    while (chain->stages[i] != stage) {
        i++;
    }
    return i;
}

static void stage_hold(NetStage *stage, const NetFrame *frames, size_t n)
{
    net_hold_push(&stage->held, frames, n);
    net_count_add(&stage->chain->held, n, net_frames_bytes(frames, n));
    if (n > 0) {
        TRACE(net_hold, "%s '%s': %zu frames, %" PRIu64 " wait now", net_stage_noun(stage),
              net_stage_id(stage), n, stage->held.n_frames);
    }
}

static void stage_unhold(NetStage *stage, const NetFrame *frames, size_t n)
{
    NetCount *held = &stage->chain->held;

    held->frames -= n;
    held->bytes -= net_frames_bytes(frames, n);
    net_hold_pop(&stage->held, n);
    if (n > 0) {
        TRACE(net_release, "%s '%s': %zu frames, %" PRIu64 " wait now", net_stage_noun(stage),
              net_stage_id(stage), n, stage->held.n_frames);
    }
}

/* Let the stage deal with frames from the front. Returns: how many it dealt with. */
static size_t stage_run(NetStage *stage, const NetFrame *frames, size_t n, NetPass *pass)
{
    *pass = (NetPass) { .all = false };
    return stage->ops->run(stage, frames, n, pass);
}

/*
 * Account for @n frames that the stage has dealt with and move those that go on to the front.
 * @all: (in, out) their bytes; those of the frames that go on
 * Returns: how many go on.
 */
static size_t stage_complete(NetStage *stage, NetFrame *frames, size_t n, const NetPass *pass,
                             uint64_t *all)
{
    NetChainStats *stats = &stage->chain->stats;
    uint64_t bytes = 0;
    size_t n_pass = 0;

    if (!stage->id) {
        net_count_add(&stage->stats.passed, n, *all);
        net_count_add(&stats->delivered, n, *all);
        return 0;
    }
    if (pass->all) {
        net_count_add(&stage->stats.passed, n, *all);
        return n;
    }
    for (size_t i = 0; i < n; i++) {
        if (net_pass_has(pass, i)) {
            bytes += frames[i].len;
            frames[n_pass++] = frames[i];
        }
    }
    net_count_add(&stage->stats.passed, n_pass, bytes);
    net_count_add(&stage->stats.consumed, n - n_pass, *all - bytes);
    net_count_add(&stats->consumed, n - n_pass, *all - bytes);
    *all = bytes;
    return n_pass;
}

static void chain_feed(NetChain *chain, size_t index, NetFrame *frames, size_t n);

/*
 * The stage changes @frames, part by part as far as the copies have room; each part goes on
 * before the next is made. A run inside this one finds no scratch and makes its own.
 *
 * Returns: frames, from the front, that it has dealt with.
 */
static size_t chain_feed_changed(NetChain *chain, size_t index, NetFrame *frames, size_t n)
{
    NetStage *stage = chain->stages[index];
    NetScratch *scratch = g_steal_pointer(&chain->scratch);
    size_t total = 0;
    size_t done;

    if (!scratch) {
        scratch = g_malloc(sizeof(NetScratch));
    }
    do {
        scratch->used = 0;
        done = stage->ops->change(stage, frames + total, n - total, scratch);
        net_count_add(&stage->stats.passed, done, net_frames_bytes(frames + total, done));
        chain_feed(chain, index + 1, frames + total, done);
        total += done;
    } while (done > 0 && total < n);
    g_free(chain->scratch);
    chain->scratch = scratch;
    return total;
}

void net_chain_take_rest(NetChain *chain)
{
    if (chain->end_rest.n_frames > 0) {
        net_hold_append(&chain->end_rest, &chain->end.held);
        chain->end.held = chain->end_rest;
        chain->end_rest = (NetHold) { 0 };
    }
}

/*
 * The stage deals with new frames. @bytes: (in, out) of all of them; of those that go on.
 * Returns: how many of them, moved to the front, go on.
 */
static size_t stage_feed(NetStage *stage, size_t index, NetFrame *frames, size_t n,
                         uint64_t *bytes)
{
    NetPass pass;
    size_t done;

    net_count_add(&stage->stats.in, n, *bytes);
    if (stage->held.n_frames > 0 || stage->reclaiming) {
        stage_hold(stage, frames, n);
        return 0;
    }
    if (stage->ops->change) {
        done = chain_feed_changed(stage->chain, index, frames, n);
        stage_hold(stage, frames + done, n - done);
        return 0;
    }
    done = stage_run(stage, frames, n, &pass);
    net_chain_take_rest(stage->chain);
    if (done < n) {
        stage_hold(stage, frames + done, n - done);
        *bytes = net_frames_bytes(frames, done);
    }
    return stage_complete(stage, frames, done, &pass, bytes);
}

/*
 * Walk @frames, which may be moved about, along the stages from @index on. One that was switched
 * off may hold older ones still: those go first.
 */
static void chain_feed(NetChain *chain, size_t index, NetFrame *frames, size_t n)
{
    uint64_t bytes = net_frames_bytes(frames, n);

    for (size_t i = index; n > 0 && i < chain->n_stages; i++) {
        NetStage *stage = chain->stages[i];

        if (stage->state.active || stage->held.n_frames > 0) {
            n = stage_feed(stage, i, frames, n, &bytes);
        }
    }
}

/* Let what was held be changed and go on. */
static void stage_drain_changed(NetStage *stage, size_t index)
{
    NetBatch held;
    NetBatch going;
    size_t done;

    do {
        net_hold_peek(&stage->held, &held);
        going = held;
        done = chain_feed_changed(stage->chain, index, going.frames, going.n);
        stage_unhold(stage, held.frames, done);
    } while (stage->held.n_frames > 0 && done > 0);
}

/* Let held frames run through their stage as far as it takes them. */
static void stage_drain(NetStage *stage, size_t index)
{
    NetBatch held;
    NetBatch going;

    if (stage->ops->change) {
        stage_drain_changed(stage, index);
        return;
    }
    while (stage->held.n_frames > 0 && !stage->reclaiming) {
        NetPass pass;
        uint64_t bytes;
        size_t done;

        net_hold_peek(&stage->held, &held);
        done = stage_run(stage, held.frames, held.n, &pass);
        if (done == 0) {
            return;
        }
        memcpy(going.frames, held.frames, done * sizeof(NetFrame));
        bytes = net_frames_bytes(going.frames, done);
        going.n = stage_complete(stage, going.frames, done, &pass, &bytes);
        chain_feed(stage->chain, index + 1, going.frames, going.n);
        stage_unhold(stage, held.frames, done);
        net_chain_take_rest(stage->chain);
        if (done < held.n) {
            return;
        }
    }
}

/* The stage releases its held frames without dealing with them. */
static void stage_release(NetStage *stage, size_t index)
{
    NetBatch held;
    NetBatch going;

    while (stage->held.n_frames > 0) {
        net_hold_peek(&stage->held, &held);
        going = held;
        net_count_add(&stage->stats.passed, held.n, net_frames_bytes(held.frames, held.n));
        chain_feed(stage->chain, index + 1, going.frames, going.n);
        stage_unhold(stage, held.frames, held.n);
    }
}

/* The last stage behind @index that holds anything, i.e. the oldest frames; NULL = none. */
static NetStage *oldest_behind(const NetChain *chain, size_t index)
{
    for (size_t i = chain->n_stages - 1; i > index; i--) {
        if (chain->stages[i]->held.n_frames > 0) {
            return chain->stages[i];
        }
    }
    return NULL;
}

/* How many of the first @n frames do not go on: they are what a reclaim may take out. */
static size_t taken_prefix(size_t n, const NetPass *pass)
{
    size_t i = 0;

    while (i < n && !net_pass_has(pass, i)) {
        i++;
    }
    return i;
}

/* Take over what later stages hold, oldest first, as far as the stage takes it. */
static void stage_reclaim(NetStage *stage)
{
    NetChain *chain = stage->chain;
    size_t index = stage_index(stage);
    NetStage *from;

    while (stage->reclaiming && (from = oldest_behind(chain, index)) != NULL) {
        NetBatch held;
        NetPass pass;
        uint64_t bytes;
        size_t done;
        size_t taken;

        net_hold_peek(&from->held, &held);
        done = stage_run(stage, held.frames, held.n, &pass);
        taken = taken_prefix(done, &pass);
        bytes = net_frames_bytes(held.frames, taken);
        net_count_add(&stage->stats.in, taken, bytes);
        net_count_add(&stage->stats.consumed, taken, bytes);
        net_count_add(&chain->stats.consumed, taken, bytes);
        from->stats.in.frames -= taken;
        from->stats.in.bytes -= bytes;
        stage_unhold(from, held.frames, taken);
        if (taken < done) {
            break; /* it lets frames pass: nothing is stranded behind it */
        }
        if (done < held.n) {
            return;
        }
    }
    stage->reclaiming = false;
}

/*
 * Whether what the stage holds makes the source wait before the limit is reached.
 *
 * While the VM runs, anything held does, unless the peer is away or the source drains. While
 * the VM is stopped only a filter does whose outdev is full for a moment: it is given that
 * moment, as holding frames costs a copy of each.
 */
static bool stage_blocks(const NetChain *chain, const NetStage *stage)
{
    if (stage->held.n_frames == 0 || stage->state.holds || chain->ends.source_drains) {
        return false;
    }
    if (stage->id) {
        return run_state_is_running() || !chain->grace_over;
    }
    return run_state_is_running() && !*chain->ends.peer_is_away;
}

/* Whether whoever feeds stage @index has to wait. */
static bool chain_is_blocked_from(const NetChain *chain, size_t index)
{
    uint64_t cost = 0;

    if (chain->held.frames == 0) {
        return false;
    }
    for (size_t i = index; i < chain->n_stages; i++) {
        const NetStage *stage = chain->stages[i];

        cost += net_hold_cost(&stage->held);
        if (stage_blocks(chain, stage)) {
            return true;
        }
    }
    return cost >= chain->hold_size;
}

bool net_chain_reads_once(const NetChain *chain)
{
    for (size_t i = 0; i + 1 < chain->n_stages; i++) {
        if (chain->stages[i]->state.active && !chain->stages[i]->state.reads_once) {
            return false;
        }
    }
    return true;
}

bool net_chain_is_full(const NetChain *chain)
{
    uint64_t cost = 0;

    for (size_t i = 0; chain->held.frames > 0 && i < chain->n_stages; i++) {
        cost += net_hold_cost(&chain->stages[i]->held);
    }
    return cost >= chain->hold_size;
}

static void chain_wake_injectors(NetChain *chain)
{
    chain->injectors_wait = false;
    for (size_t i = 0; i < chain->n_stages; i++) {
        NetStage *stage = chain->stages[i];

        if (!stage->ops->can_inject) {
            continue;
        }
        if (chain_is_blocked_from(chain, i + 1)) {
            chain->injectors_wait = true;
        } else {
            stage->ops->can_inject(stage);
        }
    }
}

static void chain_enter(NetChain *chain)
{
    net_turn_begin();
    chain->depth++;
}

static void chain_drain(NetChain *chain)
{
    for (size_t i = chain->n_stages; i-- > 0;) {
        NetStage *stage = chain->stages[i];

        if (stage->reclaiming) {
            stage_reclaim(stage);
        }
        if (stage->held.n_frames > 0) {
            if (stage->state.active) {
                stage_drain(stage, i);
            } else {
                stage_release(stage, i);
            }
        }
    }
}

bool net_chain_look(NetChain *chain)
{
    chain->blocked = chain_is_blocked_from(chain, 0);
    if (chain->injectors_wait) {
        chain_wake_injectors(chain);
    }
    return chain->blocked;
}

static void chain_grace_ended(void *opaque)
{
    NetChain *chain = opaque;

    chain->grace_over = true;
    net_turn_add(NET_TURN_TELL, chain->ends.source, chain->ends.from);
}

/* Starts or ends the moment that a full filter is given while the VM is stopped. */
static void chain_update_grace(NetChain *chain)
{
    if (chain->held.frames == 0) {
        chain->grace_over = false;
        if (chain->grace) {
            timer_stop(chain->grace);
        }
        return;
    }
    if (run_state_is_running() || chain->grace_over) {
        return;
    }
    if (!chain->grace) {
        chain->grace = timer_new(CLOCK_TYPE_REALTIME, chain_grace_ended, chain);
    }
    if (!timer_is_running(chain->grace)) {
        timer_start_at(chain->grace, clock_now_ns(CLOCK_TYPE_REALTIME) + CHAIN_GRACE_NS);
    }
}

/* The end of a run. Notify the source when that makes a difference to it. */
static void chain_leave(NetChain *chain)
{
    chain->depth--;
    if (chain->depth == 0) {
        chain_update_grace(chain);
        if (chain->injectors_wait || chain->blocked != chain_is_blocked_from(chain, 0)) {
            net_turn_add(NET_TURN_TELL, chain->ends.source, chain->ends.from);
        }
    }
    net_turn_end();
}

/* A step of a turn. */
static void chain_run(void *what)
{
    NetChain *chain = what;

    chain_enter(chain);
    chain_drain(chain);
    chain_leave(chain);
}

/* Frames wait where they would begin. */
static void chain_queue(NetChain *chain, const NetFrame *frames, size_t n)
{
    size_t i = 0;

    while (!chain->stages[i]->state.active) {
        i++;
    }
    net_count_add(&chain->stages[i]->stats.in, n, net_frames_bytes(frames, n));
    stage_hold(chain->stages[i], frames, n);
    net_turn_add(NET_TURN_RUN, &chain->run, chain);
}

void net_chain_send(NetChain *chain, const NetFrame *frames, size_t n)
{
    NetFrame going[NET_BATCH_MAX];

    net_count_add(&chain->stats.in, n, net_frames_bytes(frames, n));
    if (net_turn_is_deep()) {
        chain_queue(chain, frames, n);
        return;
    }
    memcpy(going, frames, n * sizeof(NetFrame));
    chain_enter(chain);
    chain_feed(chain, 0, going, n);
    chain_leave(chain);
}

void net_stage_inject(NetStage *stage, const NetFrame *frames, size_t n)
{
    NetChain *chain = stage->chain;
    uint64_t bytes = net_frames_bytes(frames, n);

    if (!chain) {
        net_drops_add(stage->drops, "filter", stage->id, n, bytes,
                      NET_DROP_REASON_NO_PEER);
        return;
    }
    net_count_add(&stage->stats.injected, n, bytes);
    net_count_add(&chain->stats.injected, n, bytes);
    chain_enter(chain);
    while (n > 0) {
        NetFrame going[NET_BATCH_MAX];
        size_t part = MIN(n, NET_BATCH_MAX);

        memcpy(going, frames, part * sizeof(NetFrame));
        chain_feed(chain, stage_index(stage) + 1, going, part);
        frames += part;
        n -= part;
    }
    chain_leave(chain);
}

uint64_t net_stage_n_delivered(const NetStage *stage)
{
    return stage->chain ? stage->chain->stats.delivered.frames : 0;
}

void net_stage_give_back(NetStage *stage, const NetFrame *frame)
{
    NetChain *chain = stage->chain;
    NetStage *front = chain ? oldest_behind(chain, stage_index(stage)) : NULL;

    if (!front) {
        net_stage_inject(stage, frame, 1);
        return;
    }
    net_count_add(&stage->stats.injected, 1, frame->len);
    net_count_add(&chain->stats.injected, 1, frame->len);
    net_count_add(&front->stats.in, 1, frame->len);
    net_count_add(&chain->held, 1, frame->len);
    net_hold_push_front(&front->held, frame);
    TRACE(net_hold, "%s '%s': %zu frames, %" PRIu64 " wait now", net_stage_noun(front),
          net_stage_id(front), (size_t)1, front->held.n_frames);
}

bool net_stage_can_inject(const NetStage *stage)
{
    NetChain *chain = stage->chain;

    if (!chain || !chain_is_blocked_from(chain, stage_index(stage) + 1)) {
        return true;
    }
    chain->injectors_wait = true;
    return false;
}

void net_stage_ready(NetStage *stage)
{
    NetChain *chain = stage->chain;

    if (chain) {
        net_turn_add(NET_TURN_RUN, &chain->run, chain);
    }
}

void net_stage_drop(NetStage *stage, const NetFrame *frames, size_t n, NetDropReason reason)
{
    uint64_t bytes = net_frames_bytes(frames, n);
    NetCount *stage_count = stage->id ? &stage->stats.consumed : &stage->stats.passed;

    /* The frames are, or will be when the run ends, counted as dealt with: take that back. */
    net_drops_add(&stage->stats.dropped, net_stage_noun(stage), net_stage_id(stage), n, bytes,
                  reason);
    stage_count->frames -= n;
    stage_count->bytes -= bytes;
    if (stage->chain) {
        NetChainStats *stats = &stage->chain->stats;
        NetCount *chain_count = stage->id ? &stats->consumed : &stats->delivered;

        net_count_add(&stats->dropped.by_reason[reason], n, bytes);
        chain_count->frames -= n;
        chain_count->bytes -= bytes;
    }
}

void net_stage_leave(NetStage *stage)
{
    NetChain *chain = stage->chain;

    stage->reclaiming = false;
    stage->state.active = false;
    if (chain) {
        chain_enter(chain);
        stage_release(stage, stage_index(stage));
        chain_leave(chain);
    }
}

bool net_stage_feeds_reader(const NetStage *stage)
{
    return stage->chain && stage_index(stage) + 1 < stage->chain->reader_index;
}

void net_chain_begin_reclaims(NetChain *chain)
{
    for (size_t i = 0; i + 1 < chain->n_stages; i++) {
        NetStage *stage = chain->stages[i];
        bool taking = stage->state.active && stage->state.takes;

        if (!stage->state.active) {
            stage->reclaiming = false;
        } else if (taking && !stage->taking && oldest_behind(chain, i)) {
            stage->reclaiming = true;
        }
        stage->taking = taking;
    }
}

__attribute__((constructor)) static void chain_register(void)
{
    net_turn_set_work(NET_TURN_RUN, chain_run);
}
