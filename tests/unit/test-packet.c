/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of the packet parser: what it finds in whole packets, and what can be changed there. */

#include <string.h>
#include <glib.h>

#include "net/packet/packet.h"
#include "packet-check.h"
#include "packets.h"

/* --- What is found in whole packets ------------------------------------------------------ */

typedef struct WholeCase {
    const char *name;
    PacketSpec spec;
    NetTransport kind;
} WholeCase;

static const WholeCase whole_cases[] = {
    { "tcp", { .payload = "data" }, NET_TRANSPORT_TCP },
    { "tcp-padded", { .pad_to = 60 }, NET_TRANSPORT_TCP },
    { "tcp-options", { .options = packet_tcp_options, .options_len = 12, .payload = "x" },
      NET_TRANSPORT_TCP },
    { "tcp-vnet-10", { .vnet_hdr_len = 10, .payload = "data" }, NET_TRANSPORT_TCP },
    { "tcp-vnet-12", { .vnet_hdr_len = 12, .payload = "data" }, NET_TRANSPORT_TCP },
    { "tcp-vnet-20", { .vnet_hdr_len = 20, .payload = "data" }, NET_TRANSPORT_TCP },
    { "tcp-tag", { .n_tags = 1, .tags = { 0x8100 }, .payload = "data" }, NET_TRANSPORT_TCP },
    { "tcp-qinq", { .n_tags = 2, .tags = { 0x88a8, 0x8100 }, .payload = "data" },
      NET_TRANSPORT_TCP },
    { "tcp-ip-options", { .extensions = packet_ipv4_options,
                          .extensions_len = 4, .payload = "data" }, NET_TRANSPORT_TCP },
    { "udp", { .protocol = 17, .payload = "data" }, NET_TRANSPORT_UDP },
    { "icmp", { .protocol = 1, .payload = "data" }, NET_TRANSPORT_ICMP },
    { "sctp", { .protocol = 132, .payload = "data" }, NET_TRANSPORT_OTHER },
    { "ah", { .protocol = 51, .payload = "data" }, NET_TRANSPORT_OTHER },
    { "unknown", { .protocol = 200 }, NET_TRANSPORT_OTHER },
    { "ipv6-tcp", { .is_ipv6 = true, .payload = "data" }, NET_TRANSPORT_TCP },
    { "ipv6-tcp-padded", { .is_ipv6 = true, .pad_to = 100 }, NET_TRANSPORT_TCP },
    { "ipv6-extensions", { .is_ipv6 = true, .extensions = packet_ipv6_extensions,
                           .extensions_len = 24, .payload = "data" }, NET_TRANSPORT_TCP },
    { "ipv6-udp", { .is_ipv6 = true, .protocol = 17, .payload = "data" }, NET_TRANSPORT_UDP },
    { "ipv6-icmp", { .is_ipv6 = true, .protocol = 58 }, NET_TRANSPORT_ICMP },
    { "ipv6-icmp4", { .is_ipv6 = true, .protocol = 1 }, NET_TRANSPORT_OTHER },
};

static void test_whole(gconstpointer data)
{
    const WholeCase *c = data;
    uint8_t buf[PACKET_MAX];
    PacketSpec spec = c->spec;
    PacketLayout at;
    NetPacket packet;
    size_t header = c->kind == NET_TRANSPORT_OTHER ? 0 : SIZE_MAX;

    spec.seq = 0xfedcba98;
    spec.ack = 0x89abcdef;
    spec.flags = ACK | PSH;
    at = packet_build(buf, &spec);
    g_assert_true(packet_parse(&packet, buf, at.len, spec.vnet_hdr_len));
    packet_check_bounds(&packet);
    g_assert_cmpint(packet.kind, ==, c->kind);
    g_assert_cmpuint(packet.vnet_hdr_len, ==, spec.vnet_hdr_len);
    g_assert_cmpuint(packet.n_tags, ==, spec.n_tags);
    g_assert_cmpuint(packet.ip_version, ==, spec.is_ipv6 ? 6 : 4);
    g_assert_cmphex(packet.ether_type, ==, spec.is_ipv6 ? 0x86dd : 0x0800);
    g_assert_cmphex(packet.outer_type, ==, spec.n_tags ? spec.tags[0] : packet.ether_type);
    g_assert_cmpuint(packet.protocol, ==, spec.protocol ? spec.protocol : 6);
    g_assert_cmpuint(packet.network, ==, at.network);
    g_assert_cmpuint(packet.transport, ==, at.transport);
    g_assert_cmpuint(packet.payload, ==, header == 0 ? at.transport : at.payload);
    g_assert_cmpuint(packet.end, ==, at.end);
    g_assert_false(packet.is_fragment);
    if (c->kind == NET_TRANSPORT_TCP) {
        g_assert_cmphex(packet.tcp_seq, ==, spec.seq);
        g_assert_cmphex(packet.tcp_ack, ==, spec.ack);
        g_assert_cmphex(packet.tcp_flags, ==, spec.flags);
        g_assert_cmpuint(net_packet_payload_len(&packet), ==, at.end - at.payload);
    }
}

static void test_not_ip(void)
{
    static const uint16_t types[] = { 0x0806, 0x0001, 0x05dc, 0x88cc, 0xffff };
    uint8_t buf[PACKET_MAX];
    NetPacket packet;

    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        PacketSpec spec = { .ether_type = types[i] };
        PacketLayout at = packet_build(buf, &spec);

        g_assert_true(packet_parse(&packet, buf, at.len, 0));
        g_assert_cmpuint(packet.ip_version, ==, 0);
        g_assert_cmpint(packet.kind, ==, NET_TRANSPORT_NONE);
        g_assert_cmpuint(packet.network, ==, 14);
        g_assert_cmpuint(packet.end, ==, at.len);
    }
}

/* A third tag is not taken off: what follows is no IP to us. */
static void test_third_tag(void)
{
    PacketSpec spec = { .n_tags = 3, .tags = { 0x88a8, 0x8100, 0x8100 } };
    uint8_t buf[PACKET_MAX];
    PacketLayout at = packet_build(buf, &spec);
    NetPacket packet;

    g_assert_true(packet_parse(&packet, buf, at.len, 0));
    g_assert_cmpuint(packet.n_tags, ==, 2);
    g_assert_cmphex(packet.ether_type, ==, 0x8100);
    g_assert_cmpuint(packet.ip_version, ==, 0);
}

static void test_tcp_end(void)
{
    PacketSpec spec = { .flags = SYN | FIN, .seq = 0xfffffffe, .payload = "abc", .pad_to = 60 };
    uint8_t buf[PACKET_MAX];
    PacketLayout at = packet_build(buf, &spec);
    NetPacket packet;

    g_assert_true(packet_parse(&packet, buf, at.len, 0));
    g_assert_cmpuint(net_packet_tcp_end(&packet), ==, 3);
}

/* --- Fragments --------------------------------------------------------------------------- */

static void test_first_fragment(void)
{
    PacketSpec spec = { .fragment = 0x2000, .seq = 7, .payload = "data" };
    uint8_t buf[PACKET_MAX];
    PacketLayout at = packet_build(buf, &spec);
    NetPacket packet;

    g_assert_true(packet_parse(&packet, buf, at.len, 0));
    g_assert_true(packet.is_fragment);
    g_assert_cmpuint(packet.fragment_offset, ==, 0);
    g_assert_cmpint(packet.kind, ==, NET_TRANSPORT_TCP);
}

/* Of UDP the length is that of the whole datagram. */
static void test_first_fragment_of_udp(void)
{
    PacketSpec spec = { .fragment = 0x2000, .protocol = 17, .payload = "data" };
    uint8_t buf[PACKET_MAX];
    PacketLayout at = packet_build(buf, &spec);
    NetPacket packet;

    packet_put16(buf + at.transport + 4, 9000);
    g_assert_true(packet_parse(&packet, buf, at.len, 0));
    g_assert_cmpint(packet.kind, ==, NET_TRANSPORT_UDP);
}

static void test_later_fragment(void)
{
    PacketSpec spec = { .fragment = 0x2000 | 185 };
    uint8_t buf[PACKET_MAX];
    PacketLayout at = packet_build(buf, &spec);
    NetPacket packet;

    g_assert_true(packet_parse(&packet, buf, at.len, 0));
    g_assert_true(packet.is_fragment);
    g_assert_cmpuint(packet.fragment_offset, ==, 1480);
    g_assert_cmpint(packet.kind, ==, NET_TRANSPORT_NONE);
    g_assert_cmpuint(packet.payload, ==, packet.transport);
}

static void check_ipv6_fragment(uint16_t field, NetPacketFault fault, NetTransport kind,
                                uint16_t offset)
{
    uint8_t header[8] = { 6 };
    PacketSpec spec = { .is_ipv6 = true, .next_header = 44, .extensions = header,
                        .extensions_len = 8, .payload = "data" };
    uint8_t buf[PACKET_MAX];
    PacketLayout at;
    NetPacket packet;

    packet_put16(header + 2, field);
    at = packet_build(buf, &spec);
    packet_parse(&packet, buf, at.len, 0);
    packet_check_bounds(&packet);
    g_assert_cmpint(packet.fault, ==, fault);
    g_assert_cmpint(packet.kind, ==, kind);
    g_assert_cmpuint(packet.fragment_offset, ==, offset);
    g_assert_cmpint(packet.is_fragment, ==, field != 0);
}

static void test_ipv6_fragments(void)
{
    check_ipv6_fragment(0, NET_PACKET_FAULT_NONE, NET_TRANSPORT_TCP, 0);
    check_ipv6_fragment(1, NET_PACKET_FAULT_NONE, NET_TRANSPORT_TCP, 0);
    check_ipv6_fragment(1480 | 1, NET_PACKET_FAULT_NONE, NET_TRANSPORT_NONE, 1480);
    check_ipv6_fragment(1480, NET_PACKET_FAULT_NONE, NET_TRANSPORT_NONE, 1480);
    check_ipv6_fragment(65528, NET_PACKET_FAULT_FRAGMENT, NET_TRANSPORT_NONE, 65528);
}

static void test_too_many_ipv6_extensions(void)
{
    uint8_t headers[17 * 8] = { 0 };
    PacketSpec spec = { .is_ipv6 = true, .extensions = headers };
    uint8_t buf[PACKET_MAX];
    NetPacket packet;

    for (size_t n = 15; n <= 17; n++) {
        PacketLayout at;

        memset(headers, 0, sizeof(headers));
        headers[(n - 1) * 8] = 6;
        spec.extensions_len = n * 8;
        at = packet_build(buf, &spec);
        g_assert_cmpint(packet_parse(&packet, buf, at.len, 0), ==, n <= 16);
        g_assert_cmpint(packet.fault, ==, n <= 16 ? NET_PACKET_FAULT_NONE
                                                  : NET_PACKET_FAULT_IPV6_EXTENSION);
    }
}

/* --- TCP options ------------------------------------------------------------------------- */

static void check_options(const uint8_t *options, size_t len, const char *want)
{
    PacketSpec spec = { .options = options, .options_len = len, .payload = "\x05\x0a" };
    g_autoptr(GString) is = g_string_new(NULL);
    uint8_t buf[PACKET_MAX];
    PacketLayout at = packet_build(buf, &spec);
    NetTcpOption option;
    NetPacket packet;
    uint32_t pos = 0;

    g_assert_true(packet_parse(&packet, buf, at.len, 0));
    while (net_packet_next_option(&packet, &pos, &option)) {
        g_assert_cmpuint(option.value + option.len - 2, <=, packet.payload);
        g_string_append_printf(is, "%u:%u ", option.kind, option.len);
    }
    g_assert_false(net_packet_next_option(&packet, &pos, &option));
    g_assert_cmpstr(is->str, ==, want);
}

#define OPTIONS(...) (const uint8_t[]) { __VA_ARGS__ }, sizeof((uint8_t[]) { __VA_ARGS__ })

static void test_tcp_options(void)
{
    check_options(NULL, 0, "");
    check_options(OPTIONS(1, 1, 1, 1), "");
    check_options(OPTIONS(2, 4, 5, 180), "2:4 ");
    check_options(OPTIONS(1, 3, 3, 7), "3:3 ");
    check_options(OPTIONS(2, 4, 5, 180, 1, 3, 3, 7, 4, 2, 1, 1), "2:4 3:3 4:2 ");
    check_options(OPTIONS(4, 2, 0, 3), "4:2 ");
    check_options(OPTIONS(4, 0, 4, 2), "");
    check_options(OPTIONS(4, 1, 4, 2), "");
    check_options(OPTIONS(4, 5, 4, 2), "");
    check_options(OPTIONS(1, 1, 1, 4), "");
    check_options(OPTIONS(4, 2, 4, 255), "4:2 ");
}

static void test_no_options_but_of_tcp(void)
{
    PacketSpec spec = { .protocol = 17, .payload = "\x04\x02" };
    uint8_t buf[PACKET_MAX];
    PacketLayout at = packet_build(buf, &spec);
    NetTcpOption option;
    NetPacket packet;
    uint32_t pos = 0;

    g_assert_true(packet_parse(&packet, buf, at.len, 0));
    g_assert_false(net_packet_next_option(&packet, &pos, &option));
}

/* --- Changing numbers -------------------------------------------------------------------- */

/* Random numbers in, random numbers out: the checksum is right before and after. */
static void check_edit(const PacketSpec *given)
{
    for (int round = 0; round < 200; round++) {
        PacketSpec spec = *given;
        uint8_t buf[PACKET_MAX];
        PacketLayout at;
        NetPacket packet;
        NetTcpEdit edit;
        uint32_t seq = (uint32_t)g_test_rand_int();
        uint32_t ack = (uint32_t)g_test_rand_int();

        spec.seq = (uint32_t)g_test_rand_int();
        spec.ack = (uint32_t)g_test_rand_int();
        at = packet_build(buf, &spec);
        g_assert_true(packet_tcp_checksum_is_right(buf, &at, spec.is_ipv6));
        g_assert_true(packet_parse(&packet, buf, at.len, spec.vnet_hdr_len));
        net_tcp_edit_begin(&edit, &packet, buf);
        net_tcp_edit_set_seq(&edit, seq);
        net_tcp_edit_set_ack(&edit, ack);
        net_tcp_edit_end(&edit);
        g_assert_cmphex(packet_get32(buf + at.transport + 4), ==, seq);
        g_assert_cmphex(packet_get32(buf + at.transport + 8), ==, ack);
        g_assert_true(packet_tcp_checksum_is_right(buf, &at, spec.is_ipv6));
    }
}

static void test_edit_keeps_checksum_right(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(whole_cases); i++) {
        if (whole_cases[i].kind == NET_TRANSPORT_TCP) {
            check_edit(&whole_cases[i].spec);
        }
    }
}

static void test_edit_keeps_damage(void)
{
    PacketSpec spec = { .payload = "data" };
    uint8_t buf[PACKET_MAX];
    PacketLayout at = packet_build(buf, &spec);
    NetPacket packet;
    NetTcpEdit edit;

    buf[at.payload] ^= 0x40;
    g_assert_true(packet_parse(&packet, buf, at.len, 0));
    net_tcp_edit_begin(&edit, &packet, buf);
    net_tcp_edit_set_seq(&edit, 0x12345678);
    net_tcp_edit_end(&edit);
    g_assert_false(packet_tcp_checksum_is_right(buf, &at, false));
    buf[at.payload] ^= 0x40;
    g_assert_true(packet_tcp_checksum_is_right(buf, &at, false));
}

/* The field holds the pseudo-header's sum, which the numbers are not in. */
static void test_edit_leaves_partial_checksum(void)
{
    PacketSpec spec = { .vnet_hdr_len = 12, .vnet_flags = 1, .payload = "data" };
    uint8_t buf[PACKET_MAX];
    PacketLayout at = packet_build(buf, &spec);
    uint16_t before = packet_get16(buf + at.transport + 16);
    NetPacket packet;
    NetTcpEdit edit;

    g_assert_true(packet_parse(&packet, buf, at.len, 12));
    g_assert_true(net_packet_needs_checksum(&packet));
    net_tcp_edit_begin(&edit, &packet, buf);
    net_tcp_edit_set_seq(&edit, 0x12345678);
    net_tcp_edit_end(&edit);
    g_assert_cmphex(packet_get16(buf + at.transport + 16), ==, before);
}

/* SACK blocks at an odd offset too; one that is cut in the middle of a number stays. */
static void test_edit_shifts_sack(void)
{
    static const uint8_t options[] = { 1, 5, 18, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff,
                                       0, 0, 0, 9, 0, 0, 0, 10, 0, 0, 0, 0, 0 };
    PacketSpec spec = { .flags = ACK, .options = options, .options_len = sizeof(options),
                        .payload = "data" };
    uint8_t buf[PACKET_MAX];
    PacketLayout at = packet_build(buf, &spec);
    const uint8_t *edges = buf + at.transport + 20 + 3;
    NetPacket packet;
    NetTcpEdit edit;

    g_assert_true(packet_parse(&packet, buf, at.len, 0));
    net_tcp_edit_begin(&edit, &packet, buf);
    net_tcp_edit_shift_sack(&edit, 1000);
    net_tcp_edit_end(&edit);
    g_assert_cmpuint(packet_get32(edges), ==, 1001);
    g_assert_cmpuint(packet_get32(edges + 4), ==, 999);
    g_assert_cmpuint(packet_get32(edges + 8), ==, 1009);
    g_assert_cmpuint(packet_get32(edges + 12), ==, 1010);
    g_assert_true(packet_tcp_checksum_is_right(buf, &at, false));
}

/* At an odd offset, too; what has another length is no option of this kind. */
static void test_edit_shifts_timestamps(void)
{
    static const uint8_t options[] = { 8, 2, 1, 8, 10, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 9, 0, 0,
                                       0 };
    PacketSpec spec = { .flags = ACK, .options = options, .options_len = sizeof(options) };
    uint8_t buf[PACKET_MAX];
    PacketLayout at = packet_build(buf, &spec);
    const uint8_t *values = buf + at.transport + 20 + 5;
    NetTcpTimestamps timestamps;
    NetPacket packet;
    NetTcpEdit edit;

    g_assert_true(packet_parse(&packet, buf, at.len, 0));
    g_assert_true(net_packet_timestamps(&packet, &timestamps));
    g_assert_cmpuint(timestamps.own, ==, UINT32_MAX);
    g_assert_cmpuint(timestamps.echo, ==, 9);
    net_tcp_edit_begin(&edit, &packet, buf);
    net_tcp_edit_shift_timestamps(&edit, (NetTcpTimestamps) { .own = 3, .echo = 1000 });
    net_tcp_edit_end(&edit);
    g_assert_cmpuint(packet_get32(values), ==, 2);
    g_assert_cmpuint(packet_get32(values + 4), ==, 1009);
    g_assert_true(packet_tcp_checksum_is_right(buf, &at, false));
}

static void test_without_timestamps(void)
{
    static const uint8_t options[] = { 8, 2, 8, 9, 0, 0, 0, 0, 0, 0, 0, 8 };
    PacketSpec spec = { .flags = ACK, .options = options, .options_len = sizeof(options) };
    uint8_t buf[PACKET_MAX];
    uint8_t copy[PACKET_MAX];
    PacketLayout at = packet_build(buf, &spec);
    NetTcpTimestamps timestamps;
    NetPacket packet;
    NetTcpEdit edit;

    memcpy(copy, buf, at.len);
    g_assert_true(packet_parse(&packet, buf, at.len, 0));
    g_assert_false(net_packet_timestamps(&packet, &timestamps));
    net_tcp_edit_begin(&edit, &packet, copy);
    net_tcp_edit_shift_timestamps(&edit, (NetTcpTimestamps) { .own = 3, .echo = 1000 });
    net_tcp_edit_end(&edit);
    g_assert_cmpmem(copy, at.len, buf, at.len);
}

static void test_fault_names(void)
{
    for (int i = 0; i < NET_PACKET_FAULT__MAX; i++) {
        g_assert_nonnull(net_packet_fault_name(i));
    }
    g_assert_cmpstr(net_packet_fault_name(NET_PACKET_FAULT_TCP_SHORT), ==,
                    "TCP header cut short");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(whole_cases); i++) {
        g_autofree char *path = g_strdup_printf("/packet/whole/%s", whole_cases[i].name);

        g_test_add_data_func(path, &whole_cases[i], test_whole);
    }
    g_test_add_func("/packet/not-ip", test_not_ip);
    g_test_add_func("/packet/third-tag", test_third_tag);
    g_test_add_func("/packet/tcp-end", test_tcp_end);
    g_test_add_func("/packet/fragment/first", test_first_fragment);
    g_test_add_func("/packet/fragment/first-of-udp", test_first_fragment_of_udp);
    g_test_add_func("/packet/fragment/later", test_later_fragment);
    g_test_add_func("/packet/fragment/ipv6", test_ipv6_fragments);
    g_test_add_func("/packet/too-many-ipv6-extensions", test_too_many_ipv6_extensions);
    g_test_add_func("/packet/tcp-options", test_tcp_options);
    g_test_add_func("/packet/no-options-but-of-tcp", test_no_options_but_of_tcp);
    g_test_add_func("/packet/edit/keeps-checksum-right", test_edit_keeps_checksum_right);
    g_test_add_func("/packet/edit/keeps-damage", test_edit_keeps_damage);
    g_test_add_func("/packet/edit/leaves-partial-checksum", test_edit_leaves_partial_checksum);
    g_test_add_func("/packet/edit/shifts-sack", test_edit_shifts_sack);
    g_test_add_func("/packet/edit/shifts-timestamps", test_edit_shifts_timestamps);
    g_test_add_func("/packet/without-timestamps", test_without_timestamps);
    g_test_add_func("/packet/fault-names", test_fault_names);
    return g_test_run();
}
