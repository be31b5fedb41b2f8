/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes, rebuilds and frees chains, and tells them of the run state. */

#include "net/chain-internal.h"

#include "net/client.h"
#include "net/filter.h"
#include "system/run-state.h"

NetChain *net_chain_new(NetClient *from, NetClient *to)
{
    NetChain *chain = g_new0(NetChain, 1);

    chain->from = from;
    chain->to = to;
    chain->end.active = true;
    chain->end.chain = chain;
    net_chain_rebuild(chain);
    return chain;
}

/* A stage leaves the chain with what it holds: nobody will come for it. */
static void stage_drop_held(NetStage *stage)
{
    NetChain *chain = stage->chain;
    NetHold *held = &stage->held;

    if (held->n_frames > 0) {
        NetDrops *drops = stage->filter ? &stage->stats.dropped : &chain->from->drops;

        net_count_add(&drops->by_reason[NET_DROP_REASON_DELETED], held->n_frames,
                      held->n_bytes);
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
    for (size_t i = 0; i < chain->n_stages; i++) {
        stage_drop_held(chain->stages[i]);
    }
    timer_free(chain->patience);
    g_free(chain->scratch);
    g_free(chain->stages);
    g_free(chain);
}

static void chain_append(NetChain *chain, NetStage *stage)
{
    chain->stages[chain->n_stages++] = stage;
    stage->chain = chain;
}

void net_chain_rebuild(NetChain *chain)
{
    GPtrArray *near = chain->from->filters;
    GPtrArray *far = chain->to->filters;

    g_assert(chain->depth == 0);
    chain->stages = g_renew(NetStage *, chain->stages, near->len + far->len + 1);
    chain->n_stages = 0;
    for (guint i = 0; i < near->len; i++) {
        NetFilter *nf = near->pdata[i];

        chain_append(chain, &nf->stages[NET_DIRECTION_TX]);
    }
    for (guint i = far->len; i-- > 0;) {
        NetFilter *nf = far->pdata[i];

        chain_append(chain, &nf->stages[NET_DIRECTION_RX]);
    }
    chain_append(chain, &chain->end);
    net_chain_refresh(chain);
}

static uint64_t smaller_limit(uint64_t size, uint64_t wanted)
{
    return wanted != 0 && wanted != NET_HOLD_SIZE_DEFAULT ? MIN(size, wanted) : size;
}

/* The smallest limit that somebody set; those that left the default do not count. */
static uint64_t chain_hold_size(const NetChain *chain)
{
    uint64_t size = smaller_limit(smaller_limit(UINT64_MAX, chain->from->hold_size),
                                  chain->to->hold_size);

    for (size_t i = 0; i + 1 < chain->n_stages; i++) {
        const NetFilter *nf = chain->stages[i]->filter;

        if (net_filter_is_on(nf)) {
            size = smaller_limit(size, net_filter_hold_size(nf));
        }
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

        if (stage->active && stage->direction == NET_DIRECTION_TX &&
            net_filter_wants_stopped(stage->filter)) {
            return i + 1;
        }
    }
    return 0;
}

void net_chain_refresh(NetChain *chain)
{
    chain->hold_size = chain_hold_size(chain);
    chain->reader_index = chain_reader_index(chain);
    chain->again = true;
    net_stage_ready(&chain->end);
    net_client_update(chain->from);
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
    net_count_add(&end->stats.dropped.by_reason[reason], frames, bytes);
    net_count_add(&chain->stats.dropped.by_reason[reason], frames, bytes);
    chain->held.frames -= frames;
    chain->held.bytes -= bytes;
    net_hold_clear(&end->held);
    net_chain_refresh(chain);
}

void net_chain_mark_run_state(NetChain *chain, bool running)
{
    *(running ? &chain->at_start : &chain->at_stop) = chain->stats;
}
