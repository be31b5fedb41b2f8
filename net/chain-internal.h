/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of a chain, for the net core only. */

#ifndef NET_CHAIN_INTERNAL_H
#define NET_CHAIN_INTERNAL_H

#include "net/chain.h"
#include "net/scratch.h"
#include "util/clock.h"

/** What a chain has counted; in + injected = delivered + consumed + dropped + held. */
typedef struct NetChainStats {
    NetCount in;
    NetCount injected;
    NetCount delivered;
    NetCount consumed;
    NetDrops dropped;
} NetChainStats;

struct NetChain {
    NetClient *from;        /* borrowed: the source; owns the chain */
    NetClient *to;          /* borrowed: its peer */
    NetStage **stages;      /* owned array of borrowed stages; the last is @end */
    size_t n_stages;
    NetScratch *scratch;    /* owned; for stages that change frames; NULL = none as yet, or a
                               run that has not ended uses it */
    NetStage end;           /* delivers to @to */
    NetHold end_rest;       /* segments of a frame that @to took in part; empty between runs */
    NetChainStats stats;
    NetCount held;          /* by all stages together */
    uint64_t hold_size;     /* memory that held frames may take while the VM is stopped */
    size_t reader_index;    /* one behind the last stage that asks to be fed while the VM is
                               stopped; 0 = none does, or the VM runs */
    unsigned depth;         /* runs of this chain on the stack */
    bool again;             /* a stage became ready during a run */
    bool blocked;           /* the source has to wait */
    bool injectors_wait;    /* somebody was told that it cannot inject */
    Timer *patience;        /* owned; runs while the source waits for a filter that is full
                               though the VM is stopped; NULL until first needed */
    bool impatient;         /* it has waited long enough: read on until hold_size */
    NetChainStats at_stop;  /* the counters when the VM stopped last */
    NetChainStats at_start; /* and when it went on after that */
};

/** net_chain_new: the chain from @from to @to, without filters as yet. */
NetChain *net_chain_new(NetClient *from, NetClient *to);

/** net_chain_free: what is held is dropped, counted at its filter or at the source. */
void net_chain_free(NetChain *chain);

/** net_chain_rebuild: the filters of either end have changed. No stage that left holds any. */
void net_chain_rebuild(NetChain *chain);

/** net_chain_send: @n frames, none empty or too long, start at the first stage. */
void net_chain_send(NetChain *chain, const NetFrame *frames, size_t n);

/** net_chain_is_full: what is held takes as much memory as it may. */
bool net_chain_is_full(const NetChain *chain);

/** net_chain_end_run: the last stage. Returns: frames, from the front, that are dealt with. */
size_t net_chain_end_run(NetChain *chain, const NetFrame *frames, size_t n);

/** net_chain_end_take_rest: after a run of the last stage: what remains of a frame waits there. */
void net_chain_end_take_rest(NetChain *chain);

/** net_chain_refresh: run state, an asker or a limit has changed; run what can run now. */
void net_chain_refresh(NetChain *chain);

/** net_chain_tell_sources: what holds frames may have changed; tell those who wait for it. */
void net_chain_tell_sources(NetChain *chain);

/** net_chain_return_end: @frames wait at the last stage, in front, as frames put in there. */
void net_chain_return_end(NetChain *chain, const NetFrame *frames, size_t n);

/** net_chain_drop_end: what waits for the peer is dropped; not from inside a run. */
void net_chain_drop_end(NetChain *chain, NetDropReason reason);

/** net_chain_mark_run_state: the VM starts or stops: mark the counters for "while stopped". */
void net_chain_mark_run_state(NetChain *chain, bool running);

#endif
