/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Genuine Ethernet frames with sequence numbers, and links to send and receive them. */

#ifndef TESTS_QTEST_FRAMES_H
#define TESTS_QTEST_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>

#define FRAME_MAX 69632
/** Shortest frame that frame_build() makes. */
#define FRAME_LEN_MIN 60

typedef enum FrameKind {
    FRAME_ARP,
    FRAME_ICMP,
    FRAME_UDP,
    FRAME_KIND__MAX,
} FrameKind;

/**
 * frame_build: an ARP request, an ICMP echo request or a UDP datagram, checksums right
 * @buf: @len bytes
 * @len: FRAME_LEN_MIN to 65549; ARP is always FRAME_LEN_MIN long
 * @seq: stands in the frame; the rest of the payload is a pattern made of it
 * Returns: the length of the frame.
 */
size_t frame_build(uint8_t *buf, size_t len, FrameKind kind, uint32_t seq);

/** frame_check: all checksums and the pattern. @seq: (out) its number. False if damaged. */
bool frame_check(const uint8_t *frame, size_t len, uint32_t *seq);

/** frame_of_seq: the frame that stands for @seq: kind and length follow from it. */
size_t frame_of_seq(uint8_t *buf, uint32_t seq);

/** What is at the other end of a link: how frames are cut. */
typedef enum FrameLinkKind {
    FRAME_LINK_STREAM,      /* be32 length in front: stream and socket netdevs, chardevs */
    FRAME_LINK_STREAM_VNET, /* be32 length, be32 vnet header length: vnet_hdr_support=on */
    FRAME_LINK_DATAGRAM,    /* one datagram is one frame */
} FrameLinkKind;

/** One end of a link that carries frames. */
typedef struct FrameLink {
    FrameLinkKind kind;
    int fd;              /* borrowed */
    uint32_t vnet_len;   /* of the last frame received; sent with each frame */
    GByteArray *pending; /* read from a stream and not yet taken */
} FrameLink;

void frame_link_init(FrameLink *link, FrameLinkKind kind, int fd);

/** frame_link_clear: the fd stays open. */
void frame_link_clear(FrameLink *link);

/** frame_link_send: @n frames, numbered from @first, made by frame_of_seq(). */
void frame_link_send(FrameLink *link, uint32_t first, uint32_t n);

/** frame_link_send_bytes: one frame of any content. */
void frame_link_send_bytes(FrameLink *link, const void *frame, size_t len);

/**
 * frame_link_try_send: like frame_link_send() while there is room in the socket
 *
 * A frame once begun is finished under the deadline.
 * Returns: how many went out.
 */
uint32_t frame_link_try_send(FrameLink *link, uint32_t first, uint32_t n);

/**
 * frame_link_receive: the next frame
 * @buf: FRAME_MAX bytes
 * Returns: its length; ends the test at the deadline.
 */
size_t frame_link_receive(FrameLink *link, uint8_t *buf);

/** frame_link_expect: @n whole frames, numbered from @first, in order. */
void frame_link_expect(FrameLink *link, uint32_t first, uint32_t n);

/** frame_link_expect_bytes: one frame of exactly this content. */
void frame_link_expect_bytes(FrameLink *link, const void *frame, size_t len);

/** frame_link_expect_nothing: neither data nor the end of file is there by now. */
void frame_link_expect_nothing(FrameLink *link);

#endif
