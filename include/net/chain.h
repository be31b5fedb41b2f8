/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One direction of a link: the filters in order and then the peer. */

#ifndef NET_CHAIN_H
#define NET_CHAIN_H

#include <stdbool.h>
#include "net/counters.h"
#include "net/hold.h"
#include "net/packet/frame.h"
#include "net/scratch.h"

typedef struct NetChain NetChain;
typedef struct NetClient NetClient;
typedef struct NetFilter NetFilter;
typedef struct NetStage NetStage;

/** Seen from the netdev that owns a filter. */
typedef enum NetDirection {
    NET_DIRECTION_TX, /* the netdev hands frames to its peer */
    NET_DIRECTION_RX, /* the netdev gets frames from its peer */
    NET_DIRECTION__MAX,
} NetDirection;

/** Default limit of held frames of a chain while the VM is stopped, in bytes. */
#define NET_HOLD_SIZE_DEFAULT (UINT64_C(16) * 1024 * 1024)

/** What a stage counts; conservation: in = passed + consumed + dropped + held. */
typedef struct NetStageStats {
    NetCount in;       /* came to the stage, held ones included */
    NetCount passed;   /* went on to the next stage, or reached the peer */
    NetCount consumed; /* ended here on purpose */
    NetCount injected; /* entered the chain behind this stage */
    NetDrops dropped;  /* by the stage itself */
} NetStageStats;

/** Hooks of a stage; constant. Called from a run of its chain, which they must not rebuild. */
typedef struct NetStageOps {
    /**
     * Deal with frames from the front of @frames, which are borrowed for the call.
     * @pass: (out) which of those dealt with go on to the next stage; zeroed by the caller
     *
     * Returns: frames dealt with; fewer than @n means "not now": the rest is held, and
     * net_stage_ready() says when to try again. Frames neither passed nor reported by
     * net_stage_drop() count as consumed.
     */
    size_t (*run)(NetStage *stage, const NetFrame *frames, size_t n, NetPass *pass);

    /**
     * Instead of @run, for a stage that lets all frames pass and changes some: make @frames
     * point to changed copies in @scratch, which is empty and may be used until the frames
     * have gone their way.
     *
     * Returns: frames dealt with, from the front; fewer than @n when @scratch is full: they
     * go on, and the rest comes again. 0 = not now, as with @run.
     */
    size_t (*change)(NetStage *stage, NetFrame *frames, size_t n, NetScratch *scratch);

    /** The chain behind the stage is no longer blocked: injection may go on. */
    void (*can_inject)(NetStage *stage);
} NetStageOps;

/** What is decided about a stage whenever something changes that matters to it. */
typedef struct NetStageState {
    bool active;        /* off: frames go past, in order */
    bool reads_once;    /* it reads no byte of a frame twice, but in a copy of its own */
    bool takes;         /* it takes frames out of the chain, those held behind it as well */
    bool asks;          /* it wants frames while the VM is stopped */
    bool holds;         /* it holds on purpose: that blocks the source at the limit only */
    uint64_t hold_size; /* how much the chain is to hold, in bytes; 0 = no wish */
} NetStageState;

/** One step of a chain: a filter in one direction, or the peer at the end. */
struct NetStage {
    const NetStageOps *ops;
    NetChain *chain;      /* back pointer; NULL = in no chain, e.g. the netdev has no peer */
    NetFilter *filter;    /* borrowed, for @ops; the chain looks at @id only */
    const char *id;       /* borrowed: the filter's; NULL = the peer */
    NetDrops *drops;      /* borrowed: counts frames injected while it is in no chain */
    NetDirection direction;
    NetStageState state;
    bool taking;          /* what state.takes was when the chain looked last */
    bool reclaiming;      /* takes over what later stages held when it became active */
    NetHold held;
    NetStageStats stats;
};

/**
 * net_stage_ready: the stage may take frames again
 *
 * Its held frames run from this stage on, then the source is polled again where possible: now,
 * or inside a turn of the net core (see net/client.h) later in that turn.
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
 * Like net_stage_inject(), but in front of the frames held behind @stage: those are not older. Not
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

/** net_stage_leave: its held frames go on, now, and no frame comes to it any more. */
void net_stage_leave(NetStage *stage);

/** net_stage_feeds_reader: whether the VM is stopped and a stage further on asks for frames. */
bool net_stage_feeds_reader(const NetStage *stage);

#endif
