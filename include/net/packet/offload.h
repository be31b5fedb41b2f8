/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Turns a frame with a virtio-net header into plain Ethernet frames, in software. */

#ifndef NET_PACKET_OFFLOAD_H
#define NET_PACKET_OFFLOAD_H

#include <stdbool.h>
#include <stdint.h>
#include "net/packet/frame.h"

/** Bytes that every form of the virtio-net header begins with; the rest does not matter here. */
#define NET_VNET_HDR_LEN 10u

/** The longest part of a frame that each of its segments begins with, in bytes. */
#define NET_OFFLOAD_HEADERS_MAX 512u

/** A buffer of this size has room for all segments of any one frame. */
#define NET_OFFLOAD_BUFFER_SIZE (NET_FRAME_MAX + NET_BATCH_MAX * NET_OFFLOAD_HEADERS_MAX)

/** A frame that is being turned into plain ones; on the stack, needs no clearing. */
typedef struct NetOffload {
    const uint8_t *data;  /* borrowed: the Ethernet frame behind the virtio-net header */
    uint32_t len;         /* its bytes; without padding if it is to be segmented */
    uint32_t n_segments;  /* how many plain frames come of it: 1 to NET_BATCH_MAX */
    uint32_t next;        /* number of the one to come; the caller may set it */
    uint32_t gso_size;    /* bytes of payload of a segment; 0 = not segmented */
    bool is_ipv6;         /* this and the next members: if segmented */
    uint8_t protocol;     /* IPPROTO_TCP or IPPROTO_UDP */
    uint32_t network;     /* offset of the IP header */
    uint32_t transport;   /* of the TCP or UDP header */
    uint32_t payload;     /* of the payload */
    bool needs_csum;      /* this and the next members: if not segmented */
    uint32_t csum_start;  /* the sum covers the frame from here on */
    uint32_t csum_at;     /* offset of the field that it goes to */
} NetOffload;

/** net_offload_is_needed: @frame is no plain Ethernet frame. */
static inline bool net_offload_is_needed(const NetFrame *frame)
{
    return frame->vnet_hdr_len > 0;
}

/**
 * net_offload_init: look at the headers of a frame
 * @frame: with a virtio-net header of 10, 12, 20 or 24 bytes; borrowed while @offload is used
 * @why: (out) one phrase, constant, why it cannot be turned into plain frames; may be NULL
 *
 * TCP over IPv4 and IPv6 and UDP (USO) are segmented, with VLAN tags and IPv6 extension headers in
 * front. Refused are: offloads for which the frame is too short, tunnels, IP fragments, UFO (which
 * Linux sends only on request), routing headers that are still to be followed, and more than
 * NET_BATCH_MAX segments.
 *
 * Source: virtio 1.2, 5.1.6; multi-byte fields little-endian.
 * Returns: false with @why set; the frame is malformed.
 */
bool net_offload_init(NetOffload *offload, const NetFrame *frame, const char **why);

/** net_offload_segment_size: bytes that a segment needs at most. */
uint32_t net_offload_segment_size(const NetOffload *offload);

/**
 * net_offload_next: make the plain frame number @next, and count that up
 * @buffer: net_offload_segment_size() bytes; not used where the frame can stay where it is
 * @segment: (out) a view into @buffer or into the frame given at the beginning
 *
 * Returns: false, with @segment untouched, behind the last one.
 */
bool net_offload_next(NetOffload *offload, uint8_t *buffer, NetFrame *segment);

#endif
