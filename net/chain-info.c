/* SPDX-License-Identifier: GPL-2.0-or-later */
/* State and counters of a chain, for queries. */

#include "net/chain-internal.h"

#include "net/client.h"
#include "net/run-state.h"

const char *net_stage_noun(const NetStage *stage)
{
    return stage->id ? "filter" : net_client_noun(stage->chain->ends.to);
}

const char *net_stage_id(const NetStage *stage)
{
    return stage->id ? stage->id : stage->chain->ends.to->id;
}

const NetChainStats *net_chain_stats(const NetChain *chain)
{
    return &chain->stats;
}

NetCount net_chain_held(const NetChain *chain)
{
    return chain->held;
}

uint64_t net_chain_hold_size(const NetChain *chain)
{
    return chain->hold_size;
}

void net_chain_mark_run_state(NetChain *chain, bool running)
{
    *(running ? &chain->at_start : &chain->at_stop) = chain->stats;
}

static NetCount count_minus(NetCount a, NetCount b)
{
    return (NetCount){ .frames = a.frames - b.frames, .bytes = a.bytes - b.bytes };
}

/* What was counted between the last stop and the start that followed it, or now. */
static NetStoppedInfo *stopped_info(const NetChain *chain)
{
    const NetChainStats *from = &chain->at_stop;
    const NetChainStats *to = run_state_is_running() ? &chain->at_start : &chain->stats;
    NetStoppedInfo *info = g_new0(NetStoppedInfo, 1);

    info->in = net_count_to_qapi(count_minus(to->in, from->in));
    info->consumed = net_count_to_qapi(count_minus(to->consumed, from->consumed));
    info->dropped = net_count_to_qapi(count_minus(net_drops_total(&to->dropped),
                                                  net_drops_total(&from->dropped)));
    return info;
}

NetChainInfo *net_chain_describe(const NetChain *chain)
{
    NetChainInfo *info = g_new0(NetChainInfo, 1);

    info->in = net_count_to_qapi(chain->stats.in);
    info->injected = net_count_to_qapi(chain->stats.injected);
    info->delivered = net_count_to_qapi(chain->stats.delivered);
    info->consumed = net_count_to_qapi(chain->stats.consumed);
    info->held = net_count_to_qapi(chain->held);
    info->dropped = net_drops_to_qapi(&chain->stats.dropped);
    info->hold_size = chain->hold_size;
    info->blocked = chain->blocked;
    info->while_stopped = stopped_info(chain);
    return info;
}
