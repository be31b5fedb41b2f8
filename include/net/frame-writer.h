/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes batches of frames to a length-prefixed byte stream without tearing one. */

#ifndef NET_FRAME_WRITER_H
#define NET_FRAME_WRITER_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>
#include "net/packet/frame.h"

/** Writes without waiting. Returns: bytes taken, 0 = would block, or -errno. */
typedef ssize_t NetWritevFunc(const struct iovec *iov, int n_iov, void *opaque);

/** Embedded; start with net_frame_writer_init(). */
typedef struct NetFrameWriter {
    NetWritevFunc *writev;
    void *opaque;
    bool vnet_hdr;        /* send the vnet header length as a second word; change when idle */
    uint8_t *pending;     /* owned: the whole frame that is partly out, prefix included */
    uint32_t pending_len; /* 0 = nothing is kept */
    uint32_t pending_out; /* bytes of it that are out */
    uint32_t pending_prefix_len;
    uint32_t pending_vnet_hdr_len;
} NetFrameWriter;

/** net_frame_writer_init: @vnet_hdr: as the member; @func: writes to the stream. */
void net_frame_writer_init(NetFrameWriter *writer, bool vnet_hdr, NetWritevFunc *func,
                           void *opaque);

/** net_frame_writer_clear: give up the kept rest; it may be used again. */
void net_frame_writer_clear(NetFrameWriter *writer);

/**
 * net_frame_writer_write: write frames from the front of @frames
 * @frames: where two lie as far apart as a prefix is long, the bytes between them must be
 *          readable; those of one batch are, they come from one buffer
 * @error_out: (out) 0, or the errno that ended the writing (the stream is broken)
 *
 * A frame of which a part is out counts as taken; its rest is kept. While a rest is kept
 * nothing more is taken: net_frame_writer_flush() comes first.
 * Returns: frames taken; fewer than @n means wait for writability, or see @error_out.
 */
size_t net_frame_writer_write(NetFrameWriter *writer, const NetFrame *frames, size_t n,
                              int *error_out);

/** net_frame_writer_flush: go on with the kept rest. Returns: 1 done, 0 wait, or -errno. */
int net_frame_writer_flush(NetFrameWriter *writer);

/** net_frame_writer_is_idle: nothing is kept. */
bool net_frame_writer_is_idle(const NetFrameWriter *writer);

/** net_frame_writer_rewind: the stream broke; the kept frame is sent whole on the next one. */
void net_frame_writer_rewind(NetFrameWriter *writer);

/**
 * net_frame_writer_take: give up the kept frame
 * @frame: (out) a view of it without prefix, valid until the writer is used again
 * Returns: whether there was one.
 */
bool net_frame_writer_take(NetFrameWriter *writer, NetFrame *frame);

#endif
