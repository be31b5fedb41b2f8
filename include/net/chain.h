/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One direction of a link: the filters in order and then the peer. */

#ifndef NET_CHAIN_H
#define NET_CHAIN_H

#include <stdbool.h>
#include "net/counters.h"
#include "net/frame.h"
#include "net/hold.h"

typedef struct NetChain NetChain;
typedef struct NetClient NetClient;
typedef struct NetFilter NetFilter;
typedef struct NetStage NetStage;

/** Seen from the netdev that owns a filter (net.md 3.2). */
typedef enum NetDirection {
    NET_DIRECTION_TX, /* the netdev hands frames to its peer */
    NET_DIRECTION_RX, /* the netdev gets frames from its peer */
    NET_DIRECTION__MAX,
} NetDirection;

/** Default limit of what a chain holds while the VM is stopped, in bytes. */
#define NET_HOLD_SIZE_DEFAULT (UINT64_C(16) * 1024 * 1024)

/** What a stage counts; conservation: in = passed + consumed + dropped + held. */
typedef struct NetStageStats {
    NetCount in;       /* came to the stage, held ones included */
    NetCount passed;   /* went on to the next stage, or reached the peer */
    NetCount consumed; /* ended here on purpose */
    NetCount injected; /* entered the chain behind this stage */
    NetDrops dropped;  /* by the stage itself */
} NetStageStats;

/** One step of a chain: a filter in one direction, or the peer at the end. */
struct NetStage {
    NetChain *chain;      /* back pointer; NULL = in no chain, e.g. the netdev has no peer */
    NetFilter *filter;    /* borrowed; NULL = the peer */
    NetDirection direction;
    bool active;          /* off: frames go past, in order */
    bool taking;          /* active, and takes frames out of the chain */
    bool reclaiming;      /* takes over what later stages held when it became active */
    NetHold held;
    NetStageStats stats;
};

/**
 * net_stage_ready: the stage may take frames again
 *
 * Its held frames run from this stage on, then the source is polled again where possible.
 * Legal at any time; does nothing inside a run of the same chain, which looks again itself.
 */
void net_stage_ready(NetStage *stage);

/**
 * net_stage_inject: let frames enter the chain behind @stage, behind anything held there
 *
 * All frames are taken: delivered, held or, without a chain or with a link down, dropped and
 * counted. Ask net_stage_can_inject() before reading more.
 */
void net_stage_inject(NetStage *stage, const NetFrame *frames, size_t n);

/**
 * net_stage_give_back: a frame that the stage took goes on after all
 *
 * Like net_stage_inject(), but in front of what is held behind @stage: that is not older. Not
 * from inside a run that takes frames.
 */
void net_stage_give_back(NetStage *stage, const NetFrame *frame);

/** net_stage_n_delivered: frames that the end of @stage's chain has taken so far. */
uint64_t net_stage_n_delivered(const NetStage *stage);

/** net_stage_can_inject: whether the part of the chain behind @stage is not blocked. */
bool net_stage_can_inject(const NetStage *stage);

/**
 * net_stage_drop: frames that the stage deals with now, or has taken before, are dropped
 *
 * They count under @reason instead of as consumed (at the peer: as delivered).
 */
void net_stage_drop(NetStage *stage, const NetFrame *frames, size_t n, NetDropReason reason);

/** net_stage_set_active: switch on or off; what it holds goes on, what is held behind comes. */
void net_stage_set_active(NetStage *stage, bool active);

#endif
