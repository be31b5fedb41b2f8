/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of software offloads: what comes out is what a NIC would have put on the wire. */

#include <string.h>
#include <glib.h>

#include "net/packet/offload.h"
#include "bytes.h"
#include "cases.h"

#define NEEDS_CSUM 1
#define TCPV4 1
#define UFO 3
#define TCPV6 4
#define USO 5
#define ECN 0x80

#define FIN 0x01
#define PSH 0x08
#define ACK 0x10
#define CWR 0x80

#define FIRST_ID 0xfffe     /* so that the identification wraps */
#define FIRST_SEQ 0xffffff00u

/** A frame to be segmented. */
typedef struct Case {
    const char *name;
    uint8_t gso_type;
    uint32_t vnet_hdr_len;
    uint32_t n_vlans;
    uint32_t n_extensions; /* IPv6: headers of 8, 16, 24... bytes */
    uint32_t options_len;  /* of IPv4 and of TCP each */
    uint32_t payload_len;
    uint16_t gso_size;
    uint32_t padding;
    bool whole_csum;       /* without NEEDS_CSUM */
} Case;

static const Case cases[] = {
    { "tcpv4", TCPV4, 10, .payload_len = 10000, .gso_size = 1448 },
    { "tcpv4-exact", TCPV4, 12, .payload_len = 2896, .gso_size = 1448 },
    { "tcpv4-odd", TCPV4, 12, .payload_len = 1000, .gso_size = 333 },
    { "tcpv4-one", TCPV4, 12, .payload_len = 700, .gso_size = 1448 },
    { "tcpv4-nothing", TCPV4, 12, .payload_len = 0, .gso_size = 1448 },
    { "tcpv4-byte-each", TCPV4, 12, .payload_len = 512, .gso_size = 1 },
    { "tcpv4-ecn", TCPV4 | ECN, 12, .payload_len = 5000, .gso_size = 1000 },
    { "tcpv4-options", TCPV4, 12, .options_len = 40, .payload_len = 9999, .gso_size = 1400 },
    { "tcpv4-vlan", TCPV4, 12, .n_vlans = 1, .payload_len = 4000, .gso_size = 1448 },
    { "tcpv4-vlans", TCPV4, 20, .n_vlans = 3, .payload_len = 4000, .gso_size = 1448 },
    { "tcpv4-padded", TCPV4, 24, .payload_len = 3, .gso_size = 2, .padding = 20 },
    { "tcpv4-whole-csum", TCPV4, 10, .payload_len = 4000, .gso_size = 900, .whole_csum = true },
    { "tcpv4-largest", TCPV4, 12, .payload_len = 65535 - 40, .gso_size = 1448 },
    { "tcpv4-big", TCPV4, 12, .payload_len = 68000, .gso_size = 1448 },
    { "tcpv6", TCPV6, 12, .payload_len = 10000, .gso_size = 1428 },
    { "tcpv6-ecn", TCPV6 | ECN, 12, .payload_len = 10000, .gso_size = 1428 },
    { "tcpv6-vlan", TCPV6, 12, .n_vlans = 1, .payload_len = 10000, .gso_size = 1428 },
    { "tcpv6-extension", TCPV6, 12, .n_extensions = 1, .payload_len = 99, .gso_size = 10 },
    { "tcpv6-extensions", TCPV6, 12, .n_vlans = 2, .n_extensions = 4, .options_len = 12,
      .payload_len = 9999, .gso_size = 1311 },
    { "tcpv6-padded", TCPV6, 12, .payload_len = 20, .gso_size = 8, .padding = 7 },
    { "tcpv6-big", TCPV6, 12, .payload_len = 68000, .gso_size = 1428 },
    { "udpv4", USO, 12, .payload_len = 12001, .gso_size = 1200 },
    { "udpv4-vlan", USO, 12, .n_vlans = 1, .payload_len = 12000, .gso_size = 1200 },
    { "udpv6", USO, 12, .n_extensions = 0, .payload_len = 12001, .gso_size = 1200 },
    { "udpv6-extension", USO, 10, .n_extensions = 2, .payload_len = 1201, .gso_size = 1200 },
};

static bool case_is_ipv6(const Case *c)
{
    return g_str_has_prefix(c->name, "tcpv6") || g_str_has_prefix(c->name, "udpv6");
}

static bool case_is_tcp(const Case *c)
{
    return c->gso_type != USO;
}

/* --- Building a frame -------------------------------------------------------------------- */

/** A frame under construction, and where its headers begin (behind the virtio-net header). */
typedef struct Built {
    GByteArray *bytes; /* owned */
    uint32_t vnet_hdr_len;
    uint32_t network;
    uint32_t transport;
    uint32_t payload;
    uint32_t end;      /* of what the IP header covers */
} Built;

static void add(Built *built, const void *data, size_t len)
{
    g_byte_array_append(built->bytes, data, (guint)len);
}

static void add_filler(Built *built, size_t len, uint8_t seed)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = (uint8_t)(seed + i * 7 + i / 251);

        add(built, &byte, 1);
    }
}

static void add_be16(Built *built, uint32_t value)
{
    add(built, (uint8_t[]) { (uint8_t)(value >> 8), (uint8_t)value }, 2);
}

static void add_le16(Built *built, uint32_t value)
{
    add(built, (uint8_t[]) { (uint8_t)value, (uint8_t)(value >> 8) }, 2);
}

static uint32_t at(const Built *built)
{
    return built->bytes->len - built->vnet_hdr_len;
}

static uint8_t *frame_of(const Built *built)
{
    return built->bytes->data + built->vnet_hdr_len;
}

static void add_ethernet(Built *built, const Case *c)
{
    static const uint8_t macs[12] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };
    static const uint16_t tags[] = { 0x8100, 0x88a8, 0x9100 };

    add(built, macs, sizeof(macs));
    for (uint32_t i = 0; i < c->n_vlans; i++) {
        add_be16(built, tags[i]);
        add_be16(built, 0x6000 + i);
    }
    add_be16(built, case_is_ipv6(c) ? 0x86dd : 0x0800);
    built->network = at(built);
}

static void add_ipv4(Built *built, const Case *c)
{
    uint8_t start[] = { (uint8_t)(0x45 + c->options_len / 4), 0x02 };
    uint8_t ttl[] = { 0x40, 0, 64, case_is_tcp(c) ? 6 : 17, 0, 0 };

    add(built, start, sizeof(start));
    add_be16(built, 0);
    add_be16(built, FIRST_ID);
    add(built, ttl, sizeof(ttl));
    add(built, (uint8_t[]) { 192, 0, 2, 1, 198, 51, 100, 7 }, 8);
    add_filler(built, c->options_len, 1);
}

static void add_ipv6(Built *built, const Case *c)
{
    static const uint8_t kinds[] = { 0, 60, 43, 60 };
    uint8_t protocol = case_is_tcp(c) ? 6 : 17;

    add(built, (uint8_t[]) { 0x60, 1, 2, 3, 0, 0, c->n_extensions ? kinds[0] : protocol, 64 }, 8);
    add_filler(built, 32, 0xfe);
    for (uint32_t i = 0; i < c->n_extensions; i++) {
        uint8_t next = i + 1 < c->n_extensions ? kinds[i + 1] : protocol;

        add(built, (uint8_t[]) { next, (uint8_t)i, 0, 0, 0, 0, 0, 0 }, 8);
        add_filler(built, i * 8, 3);
    }
}

static void add_tcp(Built *built, const Case *c)
{
    uint8_t flags[] = { (uint8_t)((5 + c->options_len / 4) << 4), FIN | PSH | ACK | CWR };

    add_be16(built, 1234);
    add_be16(built, 80);
    add_be16(built, FIRST_SEQ >> 16);
    add_be16(built, FIRST_SEQ);
    add_filler(built, 4, 9);
    add(built, flags, sizeof(flags));
    add_filler(built, 6, 77); /* window, checksum, urgent pointer */
    add_filler(built, c->options_len, 5);
}

static void add_udp(Built *built)
{
    add_be16(built, 1234);
    add_be16(built, 53);
    add_be16(built, 4711); /* of no account */
    add_be16(built, 0);
}

/* The length as far as it fits. */
static void set_ip_len(Built *built, const Case *c)
{
    uint8_t *ip = frame_of(built) + built->network;
    uint32_t len = built->end - built->network;

    if (case_is_ipv6(c)) {
        put_be16(ip + 4, len - 40 > 65535 ? 0 : len - 40);
    } else {
        put_be16(ip + 2, len > 65535 ? 0 : len);
    }
}

static void add_vnet_hdr(Built *built, const Case *c)
{
    uint8_t type[] = { c->whole_csum ? 0 : NEEDS_CSUM, c->gso_type };

    add(built, type, sizeof(type));
    add_le16(built, 0);
    add_le16(built, c->gso_size);
    add_le16(built, 0); /* csum_start, known later */
    add_le16(built, case_is_tcp(c) ? 16 : 6);
    add_filler(built, c->vnet_hdr_len - 10, 200);
    built->vnet_hdr_len = c->vnet_hdr_len;
}

static Built build(const Case *c)
{
    Built built = { .bytes = g_byte_array_new() };

    add_vnet_hdr(&built, c);
    add_ethernet(&built, c);
    if (case_is_ipv6(c)) {
        add_ipv6(&built, c);
    } else {
        add_ipv4(&built, c);
    }
    built.transport = at(&built);
    if (case_is_tcp(c)) {
        add_tcp(&built, c);
    } else {
        add_udp(&built);
    }
    built.payload = at(&built);
    add_filler(&built, c->payload_len, 42);
    built.end = at(&built);
    add_filler(&built, c->padding, 0);
    set_ip_len(&built, c);
    built.bytes->data[6] = (uint8_t)built.transport;
    built.bytes->data[7] = (uint8_t)(built.transport >> 8);
    return built;
}

static NetFrame built_frame(const Built *built)
{
    return (NetFrame) { built->bytes->data, built->bytes->len, built->vnet_hdr_len };
}

/* --- Checking the segments --------------------------------------------------------------- */

/* RFC 1071 as it is written there, on big-endian words. */
static uint32_t plain_sum(uint32_t sum, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        sum += i % 2 ? data[i] : (uint32_t)data[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

static void check_ip(const Case *c, const Built *built, const uint8_t *frame, size_t len,
                     uint32_t i)
{
    const uint8_t *ip = frame + built->network;

    if (case_is_ipv6(c)) {
        g_assert_cmpuint(get_be16(ip + 4), ==, len - built->network - 40);
        return;
    }
    g_assert_cmpuint(get_be16(ip + 2), ==, len - built->network);
    g_assert_cmpuint(get_be16(ip + 4), ==, (FIRST_ID + i) & 0xffff);
    g_assert_cmpuint(plain_sum(0, ip, 20 + c->options_len), ==, 0xffff);
}

static void check_transport_sum(const Case *c, const Built *built, const uint8_t *frame, size_t len)
{
    const uint8_t *ip = frame + built->network;
    size_t transport_len = len - built->transport;
    uint32_t sum = (uint32_t)transport_len + (case_is_tcp(c) ? 6 : 17);

    sum = case_is_ipv6(c) ? plain_sum(sum, ip + 8, 32) : plain_sum(sum, ip + 12, 8);
    g_assert_cmpuint(plain_sum(sum, frame + built->transport, transport_len), ==, 0xffff);
}

static void check_transport(const Case *c, const Built *built, const uint8_t *frame, size_t len,
                            uint32_t i, bool last)
{
    const uint8_t *transport = frame + built->transport;

    check_transport_sum(c, built, frame, len);
    if (case_is_tcp(c)) {
        uint32_t seq = get_be32(transport + 4);

        g_assert_cmphex(seq, ==, FIRST_SEQ + i * c->gso_size);
        g_assert_cmphex(transport[13], ==,
                        ACK | (last ? FIN | PSH : 0) | (i == 0 ? CWR : 0));
    } else {
        g_assert_cmpuint(get_be16(transport + 4), ==, len - built->transport);
        g_assert_cmpuint(get_be16(transport + 6), !=, 0);
    }
}

/* What is changed on purpose is made equal; then the headers must be. */
static void check_rest_of_headers(const Case *c, const Built *built, const uint8_t *frame)
{
    g_autofree uint8_t *got = g_memdup2(frame, built->payload);
    g_autofree uint8_t *want = g_memdup2(frame_of(built), built->payload);
    uint8_t *both[] = { got, want };

    for (int i = 0; i < 2; i++) {
        memset(both[i] + built->network + (case_is_ipv6(c) ? 4 : 2), 0, case_is_ipv6(c) ? 2 : 4);
        if (!case_is_ipv6(c)) {
            memset(both[i] + built->network + 10, 0, 2);
        }
        memset(both[i] + built->transport + 4, 0, 4);
        if (case_is_tcp(c)) {
            both[i][built->transport + 13] = 0;
            memset(both[i] + built->transport + 16, 0, 2);
        }
    }
    g_assert_cmpmem(got, built->payload, want, built->payload);
}

static void check_segment(const Case *c, const Built *built, const NetOffload *offload,
                          const NetFrame *segment, uint32_t i)
{
    uint32_t from = built->payload + i * c->gso_size;
    bool last = i + 1 == offload->n_segments;

    g_assert_cmpuint(segment->vnet_hdr_len, ==, 0);
    g_assert_cmpuint(segment->len, <=, net_offload_segment_size(offload));
    g_assert_cmpuint(segment->len, ==,
                     built->payload + MIN(c->gso_size, built->end - from));
    check_ip(c, built, segment->data, segment->len, i);
    check_transport(c, built, segment->data, segment->len, i, last);
    check_rest_of_headers(c, built, segment->data);
    g_assert_cmpmem(segment->data + built->payload, segment->len - built->payload,
                    frame_of(built) + from, segment->len - built->payload);
}

static void test_segments(const void *data)
{
    const Case *c = data;
    Built built = build(c);
    NetFrame frame = built_frame(&built);
    NetFrame segment;
    NetOffload offload;
    const char *why = NULL;
    g_autofree uint8_t *buffer = NULL;
    uint32_t sum = 0;

    g_assert_true(net_offload_is_needed(&frame));
    if (!net_offload_init(&offload, &frame, &why)) {
        g_error("%s", why);
    }
    g_assert_cmpuint(offload.n_segments, ==,
                     MAX(1, (c->payload_len + c->gso_size - 1u) / c->gso_size));
    for (uint32_t i = 0; i < offload.n_segments; i++) {
        /* Of the exact size, so that a write beyond it is noticed. */
        buffer = g_realloc(buffer, net_offload_segment_size(&offload));
        g_assert_true(net_offload_next(&offload, buffer, &segment));
        check_segment(c, &built, &offload, &segment, i);
        sum += segment.len - built.payload;
    }
    g_assert_false(net_offload_next(&offload, buffer, &segment));
    g_assert_cmpuint(sum, ==, c->payload_len);
    g_byte_array_unref(built.bytes);
}

/* A segment that was not taken can be made again. */
static void test_again(void)
{
    Built built = build(&cases[0]);
    NetFrame frame = built_frame(&built);
    NetFrame segment;
    NetOffload offload;
    uint8_t buffer[2048];

    g_assert_true(net_offload_init(&offload, &frame, NULL));
    for (uint32_t i = offload.n_segments; i-- > 0;) {
        offload.next = i;
        g_assert_true(net_offload_next(&offload, buffer, &segment));
        check_segment(&cases[0], &built, &offload, &segment, i);
    }
    g_byte_array_unref(built.bytes);
}

/* --- Not segmented ----------------------------------------------------------------------- */

static void test_strip(void)
{
    static const uint32_t hdr_lens[] = { 10, 12, 20, 24 };
    uint8_t data[24 + 60] = { 2 }; /* DATA_VALID */
    NetFrame plain = { data, 60, 0 };

    g_assert_false(net_offload_is_needed(&plain));
    for (size_t i = 0; i < G_N_ELEMENTS(hdr_lens); i++) {
        NetFrame frame = { data, hdr_lens[i] + 60, hdr_lens[i] };
        NetFrame segment;
        NetOffload offload;

        g_assert_true(net_offload_init(&offload, &frame, NULL));
        g_assert_cmpuint(offload.n_segments, ==, 1);
        g_assert_true(net_offload_next(&offload, NULL, &segment));
        g_assert_true(segment.data == data + hdr_lens[i]);
        g_assert_cmpuint(segment.len, ==, 60);
        g_assert_cmpuint(segment.vnet_hdr_len, ==, 0);
        g_assert_false(net_offload_next(&offload, NULL, &segment));
    }
}

static void test_partial_csum(void)
{
    static const Case udp = { "udpv4", USO, 12, .payload_len = 101, .gso_size = 1 };
    Built built = build(&udp);
    NetFrame frame = built_frame(&built);
    uint8_t *plain = frame_of(&built);
    g_autofree uint8_t *buffer = g_malloc(frame.len - 12);
    NetFrame segment;
    NetOffload offload;

    built.bytes->data[1] = 0; /* not segmented */
    put_be16(plain + built.transport + 4, 109);
    put_be16(plain + built.transport + 6, plain_sum(109 + 17, plain + built.network + 12, 8));
    g_assert_true(net_offload_init(&offload, &frame, NULL));
    g_assert_cmpuint(net_offload_segment_size(&offload), ==, frame.len - 12);
    g_assert_true(net_offload_next(&offload, buffer, &segment));
    g_assert_cmpuint(segment.len, ==, frame.len - 12);
    check_transport_sum(&udp, &built, segment.data, segment.len);
    memcpy(buffer + built.transport + 6, plain + built.transport + 6, 2);
    g_assert_cmpmem(buffer, segment.len, plain, segment.len);
    g_byte_array_unref(built.bytes);
}

/* A sum that comes to 0 is written as 0xffff: 0 would mean that there is none. */
static void test_csum_never_zero(void)
{
    uint8_t data[10 + 60] = { NEEDS_CSUM, 0, 0, 0, 0, 0, 34, 0, 6, 0 };
    NetFrame frame = { data, sizeof(data), 10 };
    uint8_t buffer[60];
    NetFrame segment;
    NetOffload offload;

    memset(data + 10 + 34, 0xff, 2);
    g_assert_true(net_offload_init(&offload, &frame, NULL));
    g_assert_true(net_offload_next(&offload, buffer, &segment));
    g_assert_cmphex(get_be16(segment.data + 40), ==, 0xffff);
}

/* --- Refusals ---------------------------------------------------------------------------- */

/** One byte of a good frame changed makes it a bad one. */
typedef struct Bad {
    const char *name;
    const Case *from;
    enum { IN_VNET, IN_ETHERNET, IN_IP, IN_EXTENSION, IN_TRANSPORT } where;
    uint32_t offset;
    uint8_t value;
    const char *why;
} Bad;

static const Case v4 = { "tcpv4", TCPV4, 12, .options_len = 8, .payload_len = 3000,
                         .gso_size = 1000 };
static const Case v6 = { "tcpv6", TCPV6, 12, .n_extensions = 3, .payload_len = 3000,
                         .gso_size = 1000 };
static const Case udp6 = { "udpv6", USO, 12, .payload_len = 3000, .gso_size = 1000 };
static const Case big6 = { "tcpv6", TCPV6, 12, .n_extensions = 1, .payload_len = 68000,
                           .gso_size = 1000 };
static const Case many = { "tcpv4", TCPV4, 12, .payload_len = 513, .gso_size = 1 };
static const Case long_segment = { "tcpv4", TCPV4, 12, .payload_len = 66000,
                                   .gso_size = 65535 };

static const Bad bads[] = {
    { "flag-tunnel", &v4, IN_VNET, 0, 9, "the virtio-net header has a flag that is not supported" },
    { "flag-rsc", &v4, IN_VNET, 0, 4, "the virtio-net header has a flag that is not supported" },
    { "type-unknown", &v4, IN_VNET, 1, 2, "this kind of segmentation is not supported" },
    { "type-tunnel", &v4, IN_VNET, 1, 0x21, "this kind of segmentation is not supported" },
    { "type-ufo", &v4, IN_VNET, 1, UFO, "UDP fragmentation (UFO) is not supported" },
    { "type-udp-ecn", &udp6, IN_VNET, 1, USO | ECN, "this kind of segmentation is not supported" },
    { "type-only-ecn", &v4, IN_VNET, 1, ECN, "this kind of segmentation is not supported" },
    { "type-v6-for-v4", &v4, IN_VNET, 1, TCPV6,
      "the frame has another version of IP than its virtio-net header" },
    { "type-v4-for-v6", &v6, IN_VNET, 1, TCPV4,
      "the frame has another version of IP than its virtio-net header" },
    { "type-udp-for-tcp", &v4, IN_VNET, 1, USO,
      "the IP header names another protocol than the virtio-net header" },
    { "type-tcp-for-udp", &udp6, IN_VNET, 1, TCPV6,
      "the IP header names another protocol than the virtio-net header" },
    { "csum-start", &v4, IN_VNET, 6, 1, "the checksum does not start at the TCP or UDP header" },
    { "arp", &v4, IN_ETHERNET, 13, 6, "the frame to be segmented is not IP" },
    { "ipv4-version", &v4, IN_IP, 0, 0x55, "the IPv4 header is malformed" },
    { "ipv4-ihl", &v4, IN_IP, 0, 0x44, "the IPv4 header is malformed" },
    { "ipv4-more-fragments", &v4, IN_IP, 6, 0x20, "an IP fragment cannot be segmented" },
    { "ipv4-fragment-offset", &v4, IN_IP, 7, 1, "an IP fragment cannot be segmented" },
    { "ipv4-too-long", &v4, IN_IP, 2, 0x7f, "the frame is shorter than its IP header says" },
    { "ipv4-protocol", &v4, IN_IP, 9, 47,
      "the IP header names another protocol than the virtio-net header" },
    { "ipv6-version", &v6, IN_IP, 0, 0x40, "the IPv6 header is malformed" },
    { "ipv6-too-long", &v6, IN_IP, 4, 0x7f, "the frame is shorter than its IP header says" },
    { "ipv6-fragment", &v6, IN_IP, 6, 44, "an IP fragment cannot be segmented" },
    { "ipv6-jumbo", &big6, IN_IP, 0, 0x60, "an IPv6 jumbogram cannot be segmented" },
    { "ipv6-extension-long", &v6, IN_EXTENSION, 1, 0xff,
      "the IP header names another protocol than the virtio-net header" },
    { "ipv6-routing", &v6, IN_EXTENSION, 8 + 16 + 3, 1,
      "an IPv6 routing header is still to be followed" },
    { "tcp-offset-short", &v4, IN_TRANSPORT, 12, 0x40, "the TCP header is malformed" },
    { "too-many", &many, IN_VNET, 2, 0, "the frame makes too many segments" },
    { "segments-too-long", &long_segment, IN_VNET, 2, 0, "the segments are too long for IP" },
};

static uint32_t bad_offset(const Bad *bad, const Built *built)
{
    const uint32_t bases[] = {
        [IN_VNET] = 0,
        [IN_ETHERNET] = built->vnet_hdr_len,
        [IN_IP] = built->vnet_hdr_len + built->network,
        [IN_EXTENSION] = built->vnet_hdr_len + built->network + 40,
        [IN_TRANSPORT] = built->vnet_hdr_len + built->transport,
    };

    return bases[bad->where] + bad->offset;
}

static void assert_refused(const NetFrame *frame, const char *want)
{
    NetOffload offload;
    const char *why = NULL;

    g_assert_false(net_offload_init(&offload, frame, &why));
    g_assert_cmpstr(why, ==, want);
}

static void test_bad(const void *data)
{
    const Bad *bad = data;
    Built built = build(bad->from);
    NetFrame frame = built_frame(&built);

    built.bytes->data[bad_offset(bad, &built)] = bad->value;
    assert_refused(&frame, bad->why);
    g_byte_array_unref(built.bytes);
}

static void test_bad_sizes(void)
{
    Built built = build(&v4);
    NetFrame frame = built_frame(&built);
    uint32_t offset = built.vnet_hdr_len + built.transport + 12;

    built.bytes->data[offset] = 0xf0;
    frame.len = built.vnet_hdr_len + built.transport + 40;
    put_be16(frame_of(&built) + built.network + 2, built.transport - built.network + 40);
    assert_refused(&frame, "the frame ends within its TCP or UDP header");
    built.bytes->data[4] = 0;
    built.bytes->data[5] = 0;
    built.bytes->data[offset] = 0x70;
    assert_refused(&frame, "the size of the segments is 0");
    frame.vnet_hdr_len = 11;
    assert_refused(&frame, "a virtio-net header has no such length");
    frame.vnet_hdr_len = 12;
    frame.len = 12;
    assert_refused(&frame, "there is nothing behind the virtio-net header");
    frame.len = 3;
    assert_refused(&frame, "there is nothing behind the virtio-net header");
    g_byte_array_unref(built.bytes);
}

static void test_bad_csum(void)
{
    uint8_t data[10 + 60] = { NEEDS_CSUM, 0, 0, 0, 0, 0, 34, 0, 24, 0 };
    NetFrame frame = { data, sizeof(data), 10 };
    NetOffload offload;

    g_assert_true(net_offload_init(&offload, &frame, NULL));
    data[8]++;
    assert_refused(&frame, "the checksum lies beyond the end of the frame");
    memset(data + 6, 0xff, 4);
    assert_refused(&frame, "the checksum lies beyond the end of the frame");
    memcpy(data + 6, "\15\0\0\0", 4);
    assert_refused(&frame, "the checksum starts within the Ethernet header");
}

/* Headers of 513 bytes and more would make the room for all segments too small. */
static void test_long_headers(void)
{
    static const Case c = { "tcpv6", TCPV6, 12, .n_extensions = 1, .payload_len = 3000,
                            .gso_size = 1000 };
    Built built = build(&c);
    NetFrame frame = built_frame(&built);
    uint8_t *extension = frame_of(&built) + built.network + 40;

    extension[1] = 60;
    memset(extension + 61 * 8, 0x60, 20);
    built.bytes->data[0] = 0;
    assert_refused(&frame, "the headers of the frame are too long");
    g_byte_array_unref(built.bytes);
}

static bool reason_is_about_an_end(const char *why)
{
    return strstr(why, "the frame ends within") || strstr(why, "shorter than its IP header") ||
           strstr(why, "nothing behind the virtio-net header");
}

/* Cut at each length, in memory of that size, with and without the IP header telling. */
static void test_truncated(const void *data)
{
    const Case *c = data;
    Built built = build(c);

    for (uint32_t len = 0; len < built.bytes->len; len++) {
        g_autofree uint8_t *copy = g_memdup2(built.bytes->data, len);
        NetFrame frame = { copy, len, built.vnet_hdr_len };
        uint32_t field = built.vnet_hdr_len + built.network + (case_is_ipv6(c) ? 4 : 2);
        NetOffload offload;
        const char *why = NULL;

        g_assert_false(net_offload_init(&offload, &frame, &why));
        g_assert_true(reason_is_about_an_end(why));
        if (len >= field + 2 && !c->n_extensions) {
            memset(copy + field, 0, 2);
            g_assert_true(net_offload_init(&offload, &frame, &why) ==
                          (len >= built.vnet_hdr_len + built.payload));
        }
    }
    g_byte_array_unref(built.bytes);
}

static void test_truncated_csum(void)
{
    uint8_t data[10 + 60] = { NEEDS_CSUM, 0, 0, 0, 0, 0, 34, 0, 16, 0 };

    for (uint32_t len = 0; len < sizeof(data); len++) {
        g_autofree uint8_t *copy = g_memdup2(data, len);
        NetFrame frame = { copy, len, 10 };
        NetOffload offload;

        g_assert_true(net_offload_init(&offload, &frame, NULL) == (len >= 10 + 34 + 18));
    }
}

int main(int argc, char **argv)
{
    static const Case *const truncated[] = { &v4, &v6, &udp6 };

    g_test_init(&argc, &argv, NULL);
    CASES_ADD("/offload/segments/", cases, name, test_segments);
    CASES_ADD("/offload/refuses/", bads, name, test_bad);
    for (size_t i = 0; i < G_N_ELEMENTS(truncated); i++) {
        g_autofree char *path = g_strdup_printf("/offload/refuses-truncated/%s",
                                                truncated[i]->name);

        g_test_add_data_func(path, truncated[i], test_truncated);
    }
    g_test_add_func("/offload/makes-a-segment-again", test_again);
    g_test_add_func("/offload/strips-the-header", test_strip);
    g_test_add_func("/offload/completes-a-checksum", test_partial_csum);
    g_test_add_func("/offload/checksum-is-never-zero", test_csum_never_zero);
    g_test_add_func("/offload/refuses/sizes", test_bad_sizes);
    g_test_add_func("/offload/refuses/checksum", test_bad_csum);
    g_test_add_func("/offload/refuses/long-headers", test_long_headers);
    g_test_add_func("/offload/refuses-truncated/checksum", test_truncated_csum);
    return g_test_run();
}
