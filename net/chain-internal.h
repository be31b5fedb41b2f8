/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of a chain, for the files of the chain only. */

#ifndef NET_CHAIN_INTERNAL_H
#define NET_CHAIN_INTERNAL_H

#include "net/chain-owner.h"
#include "util/clock.h"

struct NetChain {
    NetChainEnds ends;
    NetStage **stages;      /* owned array of borrowed stages; the last is @end */
    size_t n_stages;
    NetScratch *scratch;    /* owned; for stages that change frames; NULL = none as yet, or a
                               run that has not ended uses it */
    NetStage end;           /* delivers to @ends.to */
    NetHold end_rest;       /* segments of a frame that was taken in part; empty between runs */
    NetChainStats stats;
    NetCount held;          /* by all stages together */
    uint64_t hold_size;     /* memory that held frames may take while the VM is stopped */
    size_t reader_index;    /* one behind the last stage that asks to be fed while the VM is
                               stopped; 0 = none does, or the VM runs */
    NetTurnItem limits;     /* due: the two above are to be decided */
    NetTurnItem run;        /* due: held frames may be able to run */
    unsigned depth;         /* runs of this chain on the stack */
    bool blocked;           /* the source has to wait, as reported last */
    bool injectors_wait;    /* an injector has been refused */
    Timer *grace;           /* owned; runs while the source waits for a filter that is full
                               though the VM is stopped; NULL until first needed */
    bool grace_over;        /* it has waited long enough: read on until hold_size */
    NetChainStats at_stop;  /* the counters when the VM stopped last */
    NetChainStats at_start; /* and when it went on after that */
};

/** The end of a chain, in chain-end.c. */
extern const NetStageOps net_chain_end_ops;

/** net_stage_noun, net_stage_id: what messages call it; the last stage is the client it feeds. */
const char *net_stage_noun(const NetStage *stage);
const char *net_stage_id(const NetStage *stage);

/** net_chain_take_rest: after a run of the last stage: the rest of a frame waits there. */
void net_chain_take_rest(NetChain *chain);

/** net_chain_begin_reclaims: stages that have begun to take frames get those held behind them. */
void net_chain_begin_reclaims(NetChain *chain);

#endif
