/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes, rebuilds and frees chains, and decides their limits. */

#include "net/chain-internal.h"

#include "net/run-state.h"

static void chain_append(NetChain *chain, NetStage *stage)
{
    chain->stages[chain->n_stages++] = stage;
    stage->chain = chain;
}

NetChain *net_chain_new(const NetChainEnds *ends)
{
    NetChain *chain = g_new0(NetChain, 1);

    chain->ends = *ends;
    chain->end.ops = &net_chain_end_ops;
    chain->end.state.active = true;
    chain->stages = g_new(NetStage *, 1);
    chain_append(chain, &chain->end);
    return chain;
}

/* A stage leaves the chain with its held frames, which no other stage will run. */
static void stage_drop_held(NetStage *stage)
{
    NetChain *chain = stage->chain;
    NetHold *held = &stage->held;

    if (held->n_frames > 0) {
        NetDrops *drops = stage->id ? &stage->stats.dropped : chain->ends.drops;

        net_drops_add(drops, net_stage_noun(stage), net_stage_id(stage), held->n_frames,
                      held->n_bytes, NET_DROP_REASON_DELETED);
        net_hold_clear(held);
    }
    stage->reclaiming = false;
    stage->chain = NULL;
}

void net_chain_free(NetChain *chain)
{
    if (!chain) {
        return;
    }
    g_assert(chain->depth == 0);
    net_turn_remove(NET_TURN_LIMITS, &chain->limits);
    net_turn_remove(NET_TURN_RUN, &chain->run);
    for (size_t i = 0; i < chain->n_stages; i++) {
        stage_drop_held(chain->stages[i]);
    }
    timer_free(chain->grace);
    g_free(chain->scratch);
    g_free(chain->stages);
    g_free(chain);
}

void net_chain_rebuild(NetChain *chain, NetStage *const *stages, size_t n)
{
    g_assert(chain->depth == 0);
    chain->stages = g_renew(NetStage *, chain->stages, n + 1);
    chain->n_stages = 0;
    for (size_t i = 0; i < n; i++) {
        chain_append(chain, stages[i]);
    }
    chain_append(chain, &chain->end);
}

static uint64_t smaller_limit(uint64_t size, uint64_t wanted)
{
    return wanted != 0 && wanted != NET_HOLD_SIZE_DEFAULT ? MIN(size, wanted) : size;
}

/* The smallest limit that was set; default limits do not count. */
static uint64_t chain_hold_size(const NetChain *chain)
{
    uint64_t size = smaller_limit(smaller_limit(UINT64_MAX, *chain->ends.near_hold_size),
                                  *chain->ends.far_hold_size);

    for (size_t i = 0; i + 1 < chain->n_stages; i++) {
        size = smaller_limit(size, chain->stages[i]->state.hold_size);
    }
    return size == UINT64_MAX ? NET_HOLD_SIZE_DEFAULT : size;
}

static size_t chain_reader_index(const NetChain *chain)
{
    if (run_state_is_running()) {
        return 0;
    }
    for (size_t i = chain->n_stages - 1; i-- > 0;) {
        const NetStage *stage = chain->stages[i];

        if (stage->state.active && stage->direction == NET_DIRECTION_TX && stage->state.asks) {
            return i + 1;
        }
    }
    return 0;
}

/* A step of a turn: all stages have been decided about. */
static void chain_decide(void *what)
{
    NetChain *chain = what;

    chain->hold_size = chain_hold_size(chain);
    chain->reader_index = chain_reader_index(chain);
    net_chain_begin_reclaims(chain);
    net_turn_add(NET_TURN_RUN, &chain->run, chain);
}

void net_chain_changed(NetChain *chain)
{
    net_turn_add(NET_TURN_LIMITS, &chain->limits, chain);
}

NetStage *net_chain_end(NetChain *chain)
{
    return &chain->end;
}

void net_chain_drop_end(NetChain *chain, NetDropReason reason)
{
    NetStage *end = &chain->end;
    uint64_t frames = end->held.n_frames;
    uint64_t bytes = end->held.n_bytes;

    g_assert(chain->depth == 0);
    if (frames == 0) {
        return;
    }
    net_drops_add(&end->stats.dropped, net_stage_noun(end), net_stage_id(end), frames, bytes,
                  reason);
    net_count_add(&chain->stats.dropped.by_reason[reason], frames, bytes);
    chain->held.frames -= frames;
    chain->held.bytes -= bytes;
    net_hold_clear(&end->held);
    net_turn_add(NET_TURN_RUN, &chain->run, chain);
}

__attribute__((constructor)) static void chain_build_register(void)
{
    net_turn_set_work(NET_TURN_LIMITS, chain_decide);
}
