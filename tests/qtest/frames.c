/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Genuine Ethernet frames with sequence numbers, and links to send and receive them. */

#include "frames.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bytes.h"
#include "sockets.h"

/* Offsets in an Ethernet frame. */
#define ETH_TYPE 12
#define ETH_LEN 14
#define ARP_LEN 28
#define IP_LEN 20
#define L4 (ETH_LEN + IP_LEN)
#define L4_LEN 8
#define PAYLOAD (L4 + L4_LEN)
#define ARP_PAYLOAD (ETH_LEN + ARP_LEN)

#define TYPE_IP 0x0800
#define TYPE_ARP 0x0806
#define PROTO_ICMP 1
#define PROTO_UDP 17

/* The payload: this mark, the number, and bytes counted up from it. */
#define MARK 0x514e4454u
#define MARK_LEN 8

static const uint8_t mac_from[6] = { 0x52, 0x54, 0x00, 0xaa, 0xbb, 0x01 };
static const uint8_t mac_to[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };
static const uint8_t ip_from[4] = { 192, 0, 2, 1 };
static const uint8_t ip_to[4] = { 192, 0, 2, 15 };

/* Ones' complement sum of 16-bit words, as in RFC 1071; 0 over data with its checksum. */
static uint16_t checksum(const uint8_t *data, size_t len, uint32_t sum)
{
    for (; len > 1; data += 2, len -= 2) {
        sum += get_be16(data);
    }
    if (len) {
        sum += data[0] << 8;
    }
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return ~sum;
}

/* What the pseudo header of UDP adds up to. */
static uint32_t pseudo_sum(const uint8_t *ip, size_t l4_len)
{
    return get_be16(ip + 12) + get_be16(ip + 14) + get_be16(ip + 16) + get_be16(ip + 18) +
           PROTO_UDP + l4_len;
}

static void put_payload(uint8_t *p, size_t len, uint32_t seq)
{
    put_be32(p, MARK);
    put_be32(p + 4, seq);
    for (size_t i = MARK_LEN; i < len; i++) {
        p[i] = seq + i;
    }
}

static bool payload_is_right(const uint8_t *p, size_t len, uint32_t *seq)
{
    if (len < MARK_LEN || get_be32(p) != MARK) {
        return false;
    }
    *seq = get_be32(p + 4);
    for (size_t i = MARK_LEN; i < len; i++) {
        if (p[i] != (uint8_t)(*seq + i)) {
            return false;
        }
    }
    return true;
}

static void put_arp(uint8_t *buf, uint32_t seq)
{
    static const uint8_t head[8] = { 0, 1, 8, 0, 6, 4, 0, 1 };
    uint8_t *arp = buf + ETH_LEN;

    memset(buf, 0xff, 6);
    put_be16(buf + ETH_TYPE, TYPE_ARP);
    memcpy(arp, head, sizeof(head));
    memcpy(arp + 8, mac_from, 6);
    memcpy(arp + 14, ip_from, 4);
    memset(arp + 18, 0, 6);
    memcpy(arp + 24, ip_to, 4);
    put_payload(buf + ARP_PAYLOAD, FRAME_LEN_MIN - ARP_PAYLOAD, seq);
}

static void put_ip(uint8_t *ip, size_t len, uint8_t proto, uint32_t seq)
{
    memset(ip, 0, IP_LEN);
    ip[0] = 0x45;
    put_be16(ip + 2, len);
    put_be16(ip + 4, seq);
    ip[8] = 64;
    ip[9] = proto;
    memcpy(ip + 12, ip_from, 4);
    memcpy(ip + 16, ip_to, 4);
    put_be16(ip + 10, checksum(ip, IP_LEN, 0));
}

static void put_icmp(uint8_t *icmp, size_t len, uint32_t seq)
{
    memset(icmp, 0, L4_LEN);
    icmp[0] = 8;
    put_be16(icmp + 4, 1);
    put_be16(icmp + 6, seq);
    put_be16(icmp + 2, checksum(icmp, len, 0));
}

static void put_udp(uint8_t *ip, uint8_t *udp, size_t len)
{
    uint16_t sum;

    put_be16(udp, 40000);
    put_be16(udp + 2, 9);
    put_be16(udp + 4, len);
    put_be16(udp + 6, 0);
    sum = checksum(udp, len, pseudo_sum(ip, len));
    put_be16(udp + 6, sum ? sum : 0xffff);
}

size_t frame_build(uint8_t *buf, size_t len, FrameKind kind, uint32_t seq)
{
    uint8_t *ip = buf + ETH_LEN;

    g_assert_cmpuint(len, >=, FRAME_LEN_MIN);
    g_assert_cmpuint(len, <=, ETH_LEN + UINT16_MAX);
    memcpy(buf, mac_to, 6);
    memcpy(buf + 6, mac_from, 6);
    if (kind == FRAME_ARP) {
        put_arp(buf, seq);
        return FRAME_LEN_MIN;
    }
    put_be16(buf + ETH_TYPE, TYPE_IP);
    put_payload(buf + PAYLOAD, len - PAYLOAD, seq);
    put_ip(ip, len - ETH_LEN, kind == FRAME_ICMP ? PROTO_ICMP : PROTO_UDP, seq);
    if (kind == FRAME_ICMP) {
        put_icmp(buf + L4, len - L4, seq);
    } else {
        put_udp(ip, buf + L4, len - L4);
    }
    return len;
}

bool frame_check(const uint8_t *frame, size_t len, uint32_t *seq)
{
    const uint8_t *ip = frame + ETH_LEN;
    size_t l4_len = len - L4;

    if (len < FRAME_LEN_MIN) {
        return false;
    }
    if (get_be16(frame + ETH_TYPE) == TYPE_ARP) {
        return payload_is_right(frame + ARP_PAYLOAD, len - ARP_PAYLOAD, seq);
    }
    if (get_be16(frame + ETH_TYPE) != TYPE_IP || get_be16(ip + 2) != len - ETH_LEN ||
        checksum(ip, IP_LEN, 0) != 0) {
        return false;
    }
    if (ip[9] == PROTO_UDP ? checksum(frame + L4, l4_len, pseudo_sum(ip, l4_len)) != 0
                           : checksum(frame + L4, l4_len, 0) != 0) {
        return false;
    }
    return payload_is_right(frame + PAYLOAD, len - PAYLOAD, seq);
}

size_t frame_of_seq(uint8_t *buf, uint32_t seq)
{
    /* Lengths of all sizes that occur on a wire, odd ones too. */
    static const size_t lens[] = { 60, 61, 98, 342, 590, 1024, 1513, 1514 };

    return frame_build(buf, lens[seq % G_N_ELEMENTS(lens)], seq % FRAME_KIND__MAX, seq);
}

void frame_link_init(FrameLink *link, FrameLinkKind kind, int fd)
{
    *link = (FrameLink) { .kind = kind, .fd = fd, .pending = g_byte_array_new() };
}

void frame_link_clear(FrameLink *link)
{
    g_clear_pointer(&link->pending, g_byte_array_unref);
    link->fd = -1;
}

/* Bytes in front of each frame. */
static size_t frame_link_prefix_len(const FrameLink *link)
{
    switch (link->kind) {
    case FRAME_LINK_STREAM:
        return 4;
    case FRAME_LINK_STREAM_VNET:
        return 8;
    case FRAME_LINK_DATAGRAM:
        break;
    }
    return 0;
}

/* Returns: bytes of prefix and frame in @buf. */
static size_t frame_link_wrap(const FrameLink *link, uint8_t *buf, const void *frame, size_t len)
{
    size_t prefix = frame_link_prefix_len(link);

    if (prefix >= 4) {
        put_be32(buf, len);
    }
    if (prefix == 8) {
        put_be32(buf + 4, link->vnet_len);
    }
    memcpy(buf + prefix, frame, len);
    return prefix + len;
}

void frame_link_send_bytes(FrameLink *link, const void *frame, size_t len)
{
    g_autofree uint8_t *buf = g_malloc(8 + len);

    sock_write(link->fd, buf, frame_link_wrap(link, buf, frame, len));
}

void frame_link_send(FrameLink *link, uint32_t first, uint32_t n)
{
    uint8_t frame[1514];

    for (uint32_t i = 0; i < n; i++) {
        frame_link_send_bytes(link, frame, frame_of_seq(frame, first + i));
    }
}

uint32_t frame_link_try_send(FrameLink *link, uint32_t first, uint32_t n)
{
    uint8_t frame[1514], buf[sizeof(frame) + 8];

    for (uint32_t i = 0; i < n; i++) {
        size_t len = frame_link_wrap(link, buf, frame, frame_of_seq(frame, first + i));
        ssize_t done = send(link->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (done < 0) {
            if (errno != EAGAIN && errno != ENOBUFS) {
                g_error("send: %s", g_strerror(errno));
            }
            return i;
        }
        if ((size_t)done < len) {
            sock_write(link->fd, buf + done, len - done);
        }
    }
    return n;
}

/* More bytes of a stream. */
static void frame_link_fill(FrameLink *link)
{
    uint8_t buf[65536];
    ssize_t n;

    wait_fd(link->fd, POLLIN, "a frame");
    n = read(link->fd, buf, sizeof(buf));
    if (n == 0) {
        g_error("end of file instead of a frame");
    }
    if (n > 0) {
        g_byte_array_append(link->pending, buf, n);
    } else if (errno != EAGAIN && errno != EINTR) {
        g_error("read: %s", g_strerror(errno));
    }
}

static size_t frame_link_receive_datagram(FrameLink *link, uint8_t *buf)
{
    for (;;) {
        ssize_t n;

        wait_fd(link->fd, POLLIN, "a datagram");
        n = recv(link->fd, buf, FRAME_MAX, 0);
        if (n >= 0) {
            return n;
        }
        if (errno != EAGAIN && errno != EINTR) {
            g_error("recv: %s", g_strerror(errno));
        }
    }
}

size_t frame_link_receive(FrameLink *link, uint8_t *buf)
{
    size_t prefix = frame_link_prefix_len(link);
    size_t len;

    if (prefix == 0) {
        return frame_link_receive_datagram(link, buf);
    }
    while (link->pending->len < prefix) {
        frame_link_fill(link);
    }
    len = get_be32(link->pending->data);
    if (prefix == 8) {
        link->vnet_len = get_be32(link->pending->data + 4);
    }
    g_assert_cmpuint(len, <=, FRAME_MAX);
    while (link->pending->len < prefix + len) {
        frame_link_fill(link);
    }
    memcpy(buf, link->pending->data + prefix, len);
    g_byte_array_remove_range(link->pending, 0, prefix + len);
    return len;
}

void frame_link_expect(FrameLink *link, uint32_t first, uint32_t n)
{
    g_autofree uint8_t *buf = g_malloc(FRAME_MAX);

    for (uint32_t i = 0; i < n; i++) {
        size_t len = frame_link_receive(link, buf);
        uint32_t seq;

        if (!frame_check(buf, len, &seq)) {
            g_error("frame %u (%u expected) of %zu bytes is damaged", i, first + i, len);
        }
        g_assert_cmpuint(seq, ==, first + i);
    }
}

void frame_link_expect_bytes(FrameLink *link, const void *frame, size_t len)
{
    g_autofree uint8_t *buf = g_malloc(FRAME_MAX);
    size_t got = frame_link_receive(link, buf);

    g_assert_cmpmem(buf, got, frame, len);
}

void frame_link_expect_nothing(FrameLink *link)
{
    g_assert_cmpuint(link->pending->len, ==, 0);
    g_assert_false(fd_is_readable(link->fd));
}
