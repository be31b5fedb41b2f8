/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A held queue: copies of frames that wait, first in, first out, charged in bytes. */

/*
 * Frames lie packed in blocks, each behind its two lengths in the form of a stream's prefix
 * with vnet header length, so that the frame writer may send neighbours as one piece.
 */

#include "net/hold.h"

#include <string.h>
#include <glib.h>

#define HOLD_BLOCK_SIZE (64u * 1024)

struct NetHoldBlock {
    NetHoldBlock *next; /* owned by the list */
    uint32_t size;      /* of data */
    uint32_t begin;     /* of the oldest frame's prefix */
    uint32_t end;       /* behind the newest frame */
    uint8_t data[];
};

/* What a block that gets no more frames takes beside them. */
static uint64_t block_unused(const NetHoldBlock *block)
{
    return sizeof(*block) + block->size - block->end;
}

/* @block comes behind the last, which is full. */
static void hold_link(NetHold *hold, NetHoldBlock *block)
{
    if (hold->last != NULL) {
        hold->last->next = block;
        hold->n_unused += block_unused(hold->last);
    } else {
        hold->first = block;
    }
}

/* The block is as large as blocks are, or as the one frame needs. */
static NetHoldBlock *hold_add_block(NetHold *hold, uint32_t need)
{
    uint32_t size = MAX(need, HOLD_BLOCK_SIZE - sizeof(NetHoldBlock));
    NetHoldBlock *block = g_malloc(sizeof(NetHoldBlock) + size);

    *block = (NetHoldBlock) { .size = size };
    hold_link(hold, block);
    hold->last = block;
    return block;
}

void net_hold_push(NetHold *hold, const NetFrame *frames, size_t n)
{
    NetHoldBlock *block = hold->last;

    for (size_t i = 0; i < n; i++) {
        const NetFrame *frame = &frames[i];
        uint32_t prefix_be[2] = { GUINT32_TO_BE(frame->len),
                                  GUINT32_TO_BE(frame->vnet_hdr_len) };
        uint32_t need = NET_HOLD_FRAME_OVERHEAD + frame->len;

        if (block == NULL || block->size - block->end < need) {
            block = hold_add_block(hold, need);
        }
        memcpy(block->data + block->end, prefix_be, NET_HOLD_FRAME_OVERHEAD);
        memcpy(block->data + block->end + NET_HOLD_FRAME_OVERHEAD, frame->data, frame->len);
        block->end += need;
        hold->n_bytes += frame->len;
    }
    hold->n_frames += n;
}

void net_hold_push_front(NetHold *hold, const NetFrame *frame)
{
    NetHold alone = { 0 };

    net_hold_push(&alone, frame, 1);
    net_hold_append(&alone, hold);
    *hold = alone;
}

static NetFrame hold_frame_at(const NetHoldBlock *block, uint32_t pos)
{
    uint32_t prefix_be[2];

    memcpy(prefix_be, block->data + pos, NET_HOLD_FRAME_OVERHEAD);
    return (NetFrame) {
        .data = block->data + pos + NET_HOLD_FRAME_OVERHEAD,
        .len = GUINT32_FROM_BE(prefix_be[0]),
        .vnet_hdr_len = GUINT32_FROM_BE(prefix_be[1]),
    };
}

void net_hold_peek(const NetHold *hold, NetBatch *batch)
{
    const NetHoldBlock *block = hold->first;
    uint32_t pos = block != NULL ? block->begin : 0;

    batch->n = 0;
    while (block != NULL && batch->n < NET_BATCH_MAX) {
        NetFrame *frame = &batch->frames[batch->n];

        if (pos == block->end) {
            block = block->next;
            pos = block != NULL ? block->begin : 0;
            continue;
        }
        *frame = hold_frame_at(block, pos);
        pos += NET_HOLD_FRAME_OVERHEAD + frame->len;
        batch->n++;
    }
}

static void hold_remove_first(NetHold *hold)
{
    NetHoldBlock *block = hold->first;

    hold->first = block->next;
    if (hold->first == NULL) {
        hold->last = NULL;
    } else {
        hold->n_unused -= block_unused(block);
    }
    g_free(block);
}

void net_hold_pop(NetHold *hold, size_t n)
{
    g_assert(n <= hold->n_frames);
    hold->n_frames -= n;
    while (n > 0) {
        NetHoldBlock *block = hold->first;
        NetFrame frame = hold_frame_at(block, block->begin);

        block->begin += NET_HOLD_FRAME_OVERHEAD + frame.len;
        hold->n_bytes -= frame.len;
        if (block->begin == block->end) {
            hold_remove_first(hold);
        }
        n--;
    }
}

void net_hold_append(NetHold *to, NetHold *from)
{
    if (from->first == NULL) {
        return;
    }
    hold_link(to, from->first);
    to->last = from->last;
    to->n_frames += from->n_frames;
    to->n_bytes += from->n_bytes;
    to->n_unused += from->n_unused;
    *from = (NetHold) { 0 };
}

void net_hold_clear(NetHold *hold)
{
    while (hold->first != NULL) {
        hold_remove_first(hold);
    }
    *hold = (NetHold) { 0 };
}
