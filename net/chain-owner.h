/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A chain as the client that owns it sees it; stages see net/chain.h. */

#ifndef NET_CHAIN_OWNER_H
#define NET_CHAIN_OWNER_H

#include "net/chain.h"
#include "net/turn.h"

/** What a chain has counted; in + injected = delivered + consumed + dropped + held. */
typedef struct NetChainStats {
    NetCount in;
    NetCount injected;
    NetCount delivered;
    NetCount consumed;
    NetDrops dropped;
} NetChainStats;

/** What a chain looks at of the clients at its ends; all borrowed. */
typedef struct NetChainEnds {
    NetClient *from;
    NetClient *to;
    NetTurnItem *source;     /* @from's place in the queue of calls of read_poll */
    NetDrops *drops;         /* @from's, for frames held when the link goes */
    const uint64_t *near_hold_size; /* what either end set, in bytes; 0 = nothing */
    const uint64_t *far_hold_size;
    const bool *peer_is_away; /* @to has no connection */
    bool source_drains;      /* @from is read up to the limit, whatever is held */
} NetChainEnds;

/** net_chain_new: a chain without filters as yet. */
NetChain *net_chain_new(const NetChainEnds *ends);

/** net_chain_free: held frames are dropped, counted at their filter or at the source. */
void net_chain_free(NetChain *chain);

/**
 * net_chain_rebuild: the filters of either end have changed
 * @stages: @n borrowed stages, in order, without the end; none that left holds anything
 */
void net_chain_rebuild(NetChain *chain, NetStage *const *stages, size_t n);

/** net_chain_end: the last stage, which delivers. */
NetStage *net_chain_end(NetChain *chain);

/** net_chain_send: @n frames, none empty or too long, start at the first stage. */
void net_chain_send(NetChain *chain, const NetFrame *frames, size_t n);

/** net_chain_changed: run state, a stage's state or a limit has changed: decide anew, and run. */
void net_chain_changed(NetChain *chain);

/** net_chain_reads_once: no active stage reads a byte of a frame twice. */
bool net_chain_reads_once(const NetChain *chain);

/** net_chain_is_full: held frames take as much memory as they may. */
bool net_chain_is_full(const NetChain *chain);

/** net_chain_look: notify injectors. Returns: whether the source has to wait. */
bool net_chain_look(NetChain *chain);

/** net_chain_return_end: @frames wait at the last stage, in front, as frames put in there. */
void net_chain_return_end(NetChain *chain, const NetFrame *frames, size_t n);

/** net_chain_return_hold: the same for all frames of @hold, which is empty afterwards. */
void net_chain_return_hold(NetChain *chain, NetHold *hold);

/**
 * net_chain_take_end: what waits at the last stage goes to @hold, and counts as delivered
 *
 * Unless a stage takes it. Not from inside a run.
 */
void net_chain_take_end(NetChain *chain, NetHold *hold);

/** net_chain_drop_end: drop the frames that wait for the peer; not from inside a run. */
void net_chain_drop_end(NetChain *chain, NetDropReason reason);

/** net_chain_mark_run_state: the VM starts or stops: mark the counters for "while stopped". */
void net_chain_mark_run_state(NetChain *chain, bool running);

/** net_chain_stats, net_chain_held: its counters, and its held frames. */
const NetChainStats *net_chain_stats(const NetChain *chain);
NetCount net_chain_held(const NetChain *chain);

/** net_chain_hold_size: bytes of memory that waiting frames may take while the VM is stopped. */
uint64_t net_chain_hold_size(const NetChain *chain);

/** net_chain_describe: for QMP, without the ids of filters. Returns: owned. */
NetChainInfo *net_chain_describe(const NetChain *chain);

#endif
