/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cuts a length-prefixed byte stream into frames. */

#ifndef NET_FRAMER_H
#define NET_FRAMER_H

#include <stdbool.h>
#include <sys/types.h>
#include <glib.h>
#include "net/packet/frame.h"

/** Embedded; start with net_framer_init(). */
typedef struct NetFramer {
    bool vnet_hdr;         /* a second word, the vnet header length, follows the first */
    uint64_t n_empty;      /* frames of length 0, discarded */
    uint8_t prefix[8];
    uint32_t prefix_len;   /* bytes of the prefix seen */
    uint8_t *partial;      /* owned: payload of a frame split across reads, or NULL */
    uint32_t partial_len;  /* bytes of it that are here */
} NetFramer;

/** net_framer_init: a stream begins; @vnet_hdr: as the member. */
void net_framer_init(NetFramer *framer, bool vnet_hdr);

/** net_framer_reset: forget an unfinished frame; for a new connection. */
void net_framer_reset(NetFramer *framer);

/** net_framer_clear: net_framer_reset(), and give the memory back. */
void net_framer_clear(NetFramer *framer);

/** net_framer_is_between_frames: whether the stream could end here without a torn frame. */
bool net_framer_is_between_frames(const NetFramer *framer);

/**
 * net_framer_push: turn one read into a batch of frames
 * @framer: keeps the frame that the read before left unfinished
 * @data: @len bytes as they came; borrowed until the batch has been run
 * @batch: (out) views into @data, in order of arrival; the first may be into @framer and is
 *         valid until the next push
 * @error: set when a prefix exceeds NET_FRAME_MAX bytes; the stream is then dead, but the
 *         frames of @batch are good
 *
 * Shape: be32 length, be32 vnet header length if negotiated, then length bytes. Empty frames
 * are discarded and counted. A vnet header length beyond the frame counts as the frame's
 * length. Change @framer->vnet_hdr only between frames.
 * Source: docs/protocol.rst, "Stream framing".
 * Returns: bytes consumed, at least 1 of any; call again with the rest. -1 with @error set.
 */
ssize_t net_framer_push(NetFramer *framer, const uint8_t *data, size_t len, NetBatch *batch,
                        GError **error);

#endif
