/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A held queue: copies of frames that wait, first in, first out, charged in bytes. */

#ifndef NET_HOLD_H
#define NET_HOLD_H

#include <stdbool.h>
#include "net/packet/frame.h"

typedef struct NetHoldBlock NetHoldBlock;

/** What a frame takes in a held queue beside its own bytes. */
#define NET_HOLD_FRAME_OVERHEAD 8u

/** Embedded; zeroed = empty. */
typedef struct NetHold {
    NetHoldBlock *first; /* owned list of blocks */
    NetHoldBlock *last;
    uint64_t n_frames;
    uint64_t n_bytes;    /* of the frames, without the queue's own overhead */
    uint64_t n_unused;   /* bytes of the blocks before the last in which no frame lies */
} NetHold;

/** net_hold_cost: the memory that the frames take, in bytes; limits are compared with it. */
static inline uint64_t net_hold_cost(const NetHold *hold)
{
    return hold->n_bytes + hold->n_frames * NET_HOLD_FRAME_OVERHEAD + hold->n_unused;
}

/** net_hold_push: copy @n frames to the end. */
void net_hold_push(NetHold *hold, const NetFrame *frames, size_t n);

/** net_hold_push_front: copy a frame to the front; for a rare one that comes back. */
void net_hold_push_front(NetHold *hold, const NetFrame *frame);

/** net_hold_peek: views of the oldest frames, at most NET_BATCH_MAX; valid until popped. */
void net_hold_peek(const NetHold *hold, NetBatch *batch);

/** net_hold_pop: forget the @n oldest frames. */
void net_hold_pop(NetHold *hold, size_t n);

/** net_hold_append: move all frames of @from behind those of @to. */
void net_hold_append(NetHold *to, NetHold *from);

/** net_hold_clear: forget everything. */
void net_hold_clear(NetHold *hold);

#endif
