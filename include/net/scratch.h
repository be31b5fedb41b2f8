/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Room for changed copies of frames, lent to a stage for one call. */

#ifndef NET_SCRATCH_H
#define NET_SCRATCH_H

#include <string.h>
#include "net/packet/frame.h"

/** At least as much as one read brings, and the longest frame in any case. */
#define NET_SCRATCH_SIZE (NET_READ_SIZE + NET_FRAME_MAX)

/** Belongs to a chain; empty at the beginning of each call. */
typedef struct NetScratch {
    size_t used; /* bytes of @data */
    uint8_t data[NET_SCRATCH_SIZE];
} NetScratch;

/** net_scratch_has_room: for a copy of @frame. */
static inline bool net_scratch_has_room(const NetScratch *scratch, const NetFrame *frame)
{
    return frame->len <= sizeof(scratch->data) - scratch->used;
}

/**
 * net_scratch_copy: make a view a view of a copy that may be changed
 * @frame: (inout) points to the copy afterwards
 * Returns: the bytes of the copy; NULL when there is no room, and @frame is as before.
 */
static inline uint8_t *net_scratch_copy(NetScratch *scratch, NetFrame *frame)
{
    uint8_t *copy = scratch->data + scratch->used;

    if (!net_scratch_has_room(scratch, frame)) {
        return NULL;
    }
    memcpy(copy, frame->data, frame->len);
    scratch->used += frame->len;
    frame->data = copy;
    return copy;
}

#endif
