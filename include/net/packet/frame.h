/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames and batches: borrowed views of Ethernet frames on their way. */

#ifndef NET_PACKET_FRAME_H
#define NET_PACKET_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Largest frame on any path, vnet header included, in bytes (docs/protocol.rst). */
#define NET_FRAME_MAX 69632u

/** Frames in one batch: enough that a system call per batch costs little per frame. */
#define NET_BATCH_MAX 512u

/** Room for one read of a byte stream, in bytes. */
#define NET_READ_SIZE (256u * 1024)

/** A view, valid for the duration of one call. Copy a frame to keep it. */
typedef struct NetFrame {
    const uint8_t *data;
    uint32_t len;          /* bytes, vnet header included */
    uint32_t vnet_hdr_len; /* bytes of virtio-net header at the front (virtio 1.2, 5.1.6) */
} NetFrame;

/** Up to NET_BATCH_MAX frames that came from one read. */
typedef struct NetBatch {
    size_t n;
    NetFrame frames[NET_BATCH_MAX];
} NetBatch;

/** Which of the frames that a stage has dealt with go on; zeroed = none. */
typedef struct NetPass {
    bool all;                          /* all of them; @some does not count */
    uint64_t some[NET_BATCH_MAX / 64]; /* a bit each */
} NetPass;

static inline void net_pass_add(NetPass *pass, size_t i)
{
    pass->some[i / 64] |= UINT64_C(1) << i % 64;
}

static inline bool net_pass_has(const NetPass *pass, size_t i)
{
    return pass->all || (pass->some[i / 64] >> i % 64 & 1);
}

/** net_frames_bytes: the sum of the lengths of @n frames. */
static inline uint64_t net_frames_bytes(const NetFrame *frames, size_t n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++) {
        sum += frames[i].len;
    }
    return sum;
}

#endif
