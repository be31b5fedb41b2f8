/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs batches of frames through the stages of a chain and keeps what cannot go on. */

/*
 * A batch walks along the stages. Each stage answers how many frames, from the front, it has
 * dealt with and which of those go on; the rest is copied into its held queue. A stage that
 * holds anything gets no new frames before the held ones: newer frames queue up behind them.
 * When the stage says that it is ready, its held frames run from there on. So the order is
 * kept whatever happens, without looking at any frame twice.
 *
 * A stage that starts to take frames out (a redirector switched on) may find older frames held
 * further down. It reclaims them: they run through it, oldest first, straight from the queues
 * where they are, and what arrives meanwhile waits behind. If it is switched off half-way, the
 * rest is still where it was.
 *
 * A stage may change frames: it makes the views point to copies, which the chain lends it room
 * for until these frames have gone their way. What it makes of a frame may depend on the state
 * of the guest; then frames toward the guest wait in front of it, not behind it, while the VM
 * is stopped.
 *
 * Runs nest: the end of a chain may be a hub port that sends into other chains, whose readiness
 * may come back to this one. A stage that becomes ready during a run is looked at when the
 * outermost run ends.
 */

#include "net/chain-internal.h"

#include <string.h>

#include "net/client.h"
#include "net/filter.h"
#include "system/run-state.h"

/* How long a full filter may keep the source of a stopped VM waiting before reading goes on. */
#define CHAIN_PATIENCE_NS INT64_C(5000000)

static size_t stage_index(const NetStage *stage)
{
    const NetChain *chain = stage->chain;
    size_t i = 0;

    while (chain->stages[i] != stage) {
        i++;
    }
    return i;
}

static bool stage_holds_by_design(const NetStage *stage)
{
    return stage->filter && stage->filter->info->holds_by_design;
}

/*
 * Whether frames meet the stage at all. A filter that holds on purpose lets them go past while
 * the VM is stopped and somebody behind it asks for them: its clock stands still.
 */
static bool stage_is_met(const NetStage *stage, size_t index)
{
    if (!stage->active) {
        return false;
    }
    return index + 1 >= stage->chain->reader_index || !stage->filter ||
           !stage->filter->info->rests_when_stopped;
}

static void stage_hold(NetStage *stage, const NetFrame *frames, size_t n)
{
    net_hold_push(&stage->held, frames, n);
    net_count_add(&stage->chain->held, n, net_frames_bytes(frames, n));
}

static void stage_unhold(NetStage *stage, const NetFrame *frames, size_t n)
{
    NetCount *held = &stage->chain->held;

    held->frames -= n;
    held->bytes -= net_frames_bytes(frames, n);
    net_hold_pop(&stage->held, n);
}

/* Let the stage deal with frames from the front. Returns: how many it dealt with. */
static size_t stage_run(NetStage *stage, const NetFrame *frames, size_t n, NetPass *pass)
{
    *pass = (NetPass) { .all = false };
    if (!stage->filter) {
        return net_chain_end_run(stage->chain, frames, n);
    }
    return stage->filter->info->run(stage->filter, stage->direction, frames, n, pass);
}

/*
 * Account for @n frames that the stage has dealt with and move those that go on to the front.
 * Returns: how many go on.
 */
static size_t stage_settle(NetStage *stage, NetFrame *frames, size_t n, const NetPass *pass)
{
    NetChainStats *stats = &stage->chain->stats;
    uint64_t all = net_frames_bytes(frames, n);
    uint64_t bytes = 0;
    size_t n_pass = 0;

    if (!stage->filter) {
        net_count_add(&stage->stats.passed, n, all);
        net_count_add(&stats->delivered, n, all);
        return 0;
    }
    if (pass->all) {
        net_count_add(&stage->stats.passed, n, all);
        return n;
    }
    for (size_t i = 0; i < n; i++) {
        if (net_pass_has(pass, i)) {
            bytes += frames[i].len;
            frames[n_pass++] = frames[i];
        }
    }
    net_count_add(&stage->stats.passed, n_pass, bytes);
    net_count_add(&stage->stats.consumed, n - n_pass, all - bytes);
    net_count_add(&stats->consumed, n - n_pass, all - bytes);
    return n_pass;
}

static bool stage_changes(const NetStage *stage)
{
    return stage->filter && stage->filter->info->change;
}

/* Whether frames have to wait in front of the stage until it can tell what becomes of them. */
static bool stage_waits_for_vm(const NetStage *stage, size_t index)
{
    return stage_changes(stage) && stage->filter->info->waits_for_vm &&
           stage->direction == NET_DIRECTION_TX && !run_state_is_running() &&
           index + 1 >= stage->chain->reader_index;
}

static void chain_feed(NetChain *chain, size_t index, NetFrame *frames, size_t n);

/*
 * The stage changes @frames, part by part as far as the copies have room; each part goes on
 * before the next is made. A run inside this one finds no scratch and makes its own.
 */
static void chain_feed_changed(NetChain *chain, size_t index, NetFrame *frames, size_t n)
{
    NetStage *stage = chain->stages[index];
    NetScratch *scratch = g_steal_pointer(&chain->scratch);

    if (!scratch) {
        scratch = g_malloc(sizeof(NetScratch));
    }
    while (n > 0) {
        size_t done;

        scratch->used = 0;
        done = stage->filter->info->change(stage->filter, stage->direction, frames, n, scratch);
        g_assert(done > 0 && done <= n);
        net_count_add(&stage->stats.passed, done, net_frames_bytes(frames, done));
        chain_feed(chain, index + 1, frames, done);
        frames += done;
        n -= done;
    }
    g_free(chain->scratch);
    chain->scratch = scratch;
}

/* Walk @frames, which may be moved about, along the stages from @index on. */
static void chain_feed(NetChain *chain, size_t index, NetFrame *frames, size_t n)
{
    for (size_t i = index; n > 0 && i < chain->n_stages; i++) {
        NetStage *stage = chain->stages[i];
        NetPass pass;
        size_t done;

        if (!stage_is_met(stage, i)) {
            continue;
        }
        net_count_add(&stage->stats.in, n, net_frames_bytes(frames, n));
        if (stage->held.n_frames > 0 || stage->reclaiming || stage_waits_for_vm(stage, i)) {
            stage_hold(stage, frames, n);
            return;
        }
        if (stage_changes(stage)) {
            chain_feed_changed(chain, i, frames, n);
            return;
        }
        done = stage_run(stage, frames, n, &pass);
        net_chain_end_take_rest(chain);
        if (done < n) {
            stage_hold(stage, frames + done, n - done);
        }
        n = stage_settle(stage, frames, done, &pass);
    }
}

/* Let what waited for the VM be changed and go on. */
static void stage_drain_changed(NetStage *stage, size_t index)
{
    NetBatch held;
    NetBatch going;

    while (stage->held.n_frames > 0 && !stage_waits_for_vm(stage, index)) {
        net_hold_peek(&stage->held, &held);
        going = held;
        chain_feed_changed(stage->chain, index, going.frames, going.n);
        stage_unhold(stage, held.frames, held.n);
    }
}

/* Let held frames run through their stage as far as it takes them. */
static void stage_drain(NetStage *stage, size_t index)
{
    NetBatch held;
    NetBatch going;

    if (stage_changes(stage)) {
        stage_drain_changed(stage, index);
        return;
    }
    while (stage->held.n_frames > 0 && !stage->reclaiming) {
        NetPass pass;
        size_t done;

        net_hold_peek(&stage->held, &held);
        done = stage_run(stage, held.frames, held.n, &pass);
        if (done == 0) {
            return;
        }
        memcpy(going.frames, held.frames, done * sizeof(NetFrame));
        going.n = stage_settle(stage, going.frames, done, &pass);
        chain_feed(stage->chain, index + 1, going.frames, going.n);
        stage_unhold(stage, held.frames, done);
        net_chain_end_take_rest(stage->chain);
        if (done < held.n) {
            return;
        }
    }
}

/* The stage lets go of what it holds without dealing with it. */
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
    if (stage->held.n_frames == 0 || stage_holds_by_design(stage) ||
        chain->from->info->drains) {
        return false;
    }
    if (stage->filter) {
        return !stage->filter->info->waits_for_vm &&
               (run_state_is_running() || !chain->impatient);
    }
    return run_state_is_running() && !chain->to->disconnected;
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
        NetFilter *nf = chain->stages[i]->filter;

        if (!nf || !nf->info->can_inject) {
            continue;
        }
        if (chain_is_blocked_from(chain, i + 1)) {
            chain->injectors_wait = true;
        } else {
            nf->info->can_inject(nf);
        }
    }
}

static void chain_enter(NetChain *chain)
{
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
            if (stage_is_met(stage, i)) {
                stage_drain(stage, i);
            } else {
                stage_release(stage, i);
            }
        }
    }
}

void net_chain_tell_sources(NetChain *chain)
{
    bool blocked = chain_is_blocked_from(chain, 0);

    if (chain->depth > 0) {
        return; /* told when the run ends */
    }
    if (blocked != chain->blocked) {
        chain->blocked = blocked;
        net_client_update(chain->from);
    }
    if (chain->injectors_wait) {
        chain_wake_injectors(chain);
    }
}

static void chain_lose_patience(void *opaque)
{
    NetChain *chain = opaque;

    chain->impatient = true;
    net_chain_tell_sources(chain);
}

/* Starts or ends the moment that a full filter is given while the VM is stopped. */
static void chain_update_patience(NetChain *chain)
{
    if (chain->held.frames == 0) {
        chain->impatient = false;
        if (chain->patience) {
            timer_stop(chain->patience);
        }
        return;
    }
    if (run_state_is_running() || chain->impatient) {
        return;
    }
    if (!chain->patience) {
        chain->patience = timer_new(CLOCK_TYPE_REALTIME, chain_lose_patience, chain);
    }
    if (!timer_is_running(chain->patience)) {
        timer_start_at(chain->patience, clock_now_ns(CLOCK_TYPE_REALTIME) + CHAIN_PATIENCE_NS);
    }
}

/* The end of a run: look again if asked to, then tell the sources what has changed. */
static void chain_leave(NetChain *chain)
{

    if (chain->depth > 1) {
        chain->depth--;
        return;
    }
    while (chain->again) {
        chain->again = false;
        chain_drain(chain);
    }
    chain->depth--;
    chain_update_patience(chain);
    net_chain_tell_sources(chain);
}

void net_chain_send(NetChain *chain, const NetFrame *frames, size_t n)
{
    NetFrame going[NET_BATCH_MAX];

    memcpy(going, frames, n * sizeof(NetFrame));
    net_count_add(&chain->stats.in, n, net_frames_bytes(frames, n));
    chain_enter(chain);
    chain_feed(chain, 0, going, n);
    chain_leave(chain);
}

void net_stage_inject(NetStage *stage, const NetFrame *frames, size_t n)
{
    NetChain *chain = stage->chain;
    uint64_t bytes = net_frames_bytes(frames, n);

    if (!chain) {
        net_client_drop(stage->filter->netdev, n, bytes, NET_DROP_REASON_NO_PEER);
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

/* Whether some stage reclaims. */
static bool chain_is_reclaimed(const NetChain *chain)
{
    for (size_t i = 0; i + 1 < chain->n_stages; i++) {
        if (chain->stages[i]->reclaiming) {
            return true;
        }
    }
    return false;
}

void net_stage_ready(NetStage *stage)
{
    NetChain *chain = stage->chain;
    size_t index;

    if (!chain) {
        return;
    }
    if (chain->depth > 0) {
        chain->again = true;
        return;
    }
    chain_enter(chain);
    index = stage_index(stage);
    if (stage->reclaiming) {
        stage_reclaim(stage);
    }
    if (stage_is_met(stage, index)) {
        stage_drain(stage, index);
    }
    /* Whoever waits to reclaim what this stage held may have waited for the last of it. */
    chain->again |= chain_is_reclaimed(chain);
    chain_leave(chain);
}

void net_stage_drop(NetStage *stage, const NetFrame *frames, size_t n, NetDropReason reason)
{
    uint64_t bytes = net_frames_bytes(frames, n);
    NetCount *stage_count = stage->filter ? &stage->stats.consumed : &stage->stats.passed;

    /* The frames are, or will be when the run ends, counted as dealt with: take that back. */
    net_count_add(&stage->stats.dropped.by_reason[reason], n, bytes);
    stage_count->frames -= n;
    stage_count->bytes -= bytes;
    if (stage->chain) {
        NetChainStats *stats = &stage->chain->stats;
        NetCount *chain_count = stage->filter ? &stats->consumed : &stats->delivered;

        net_count_add(&stats->dropped.by_reason[reason], n, bytes);
        chain_count->frames -= n;
        chain_count->bytes -= bytes;
    }
}

/* Starts a reclaim when the stage begins to take frames out. */
static void stage_update_taking(NetStage *stage)
{
    const NetFilter *nf = stage->filter;
    bool taking = stage->active && nf->info->takes_held && nf->info->takes_held(nf);

    if (taking && !stage->taking && oldest_behind(stage->chain, stage_index(stage))) {
        stage->reclaiming = true;
        stage->chain->again = true;
    }
    stage->taking = taking;
}

void net_stage_set_active(NetStage *stage, bool active)
{
    NetChain *chain = stage->chain;
    bool change = active != stage->active;

    if (!chain) {
        stage->active = active;
        return;
    }
    chain_enter(chain);
    if (change && !active) {
        stage->reclaiming = false;
        stage->active = false;
        stage_release(stage, stage_index(stage));
    }
    stage->active = active;
    stage_update_taking(stage);
    chain_leave(chain);
}
