/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests what the packet parser says of faults: cut at every length, every value of each length. */

#include <string.h>
#include <glib.h>

#include "net/packet/packet.h"
#include "packet-check.h"
#include "packets.h"

/* --- Truncation -------------------------------------------------------------------------- */

/*
 * Cut at every length; once as it happens on a wire, where the IP length then is too much, and
 * once with the IP length adapted, so that the cut is first seen by what is inside.
 */
static void check_cuts(const PacketSpec *spec, NetPacketFault ip_len, const PacketCutFault *faults)
{
    uint8_t buf[PACKET_MAX];
    PacketLayout at = packet_build(buf, spec);
    size_t ip_end = at.network + (spec->is_ipv6 ? 40 : 20 + spec->extensions_len);
    NetPacket packet;

    for (size_t len = 0; len < at.len; len++) {
        NetPacketFault want = packet_cut_fault(faults, len);

        packet_parse(&packet, buf, len, spec->vnet_hdr_len);
        packet_check_bounds(&packet);
        g_assert_cmpint(packet.fault, ==, len >= at.end ? NET_PACKET_FAULT_NONE
                                          : len >= ip_end ? ip_len : want);
    }
    for (size_t len = 0; len <= at.end; len++) {
        packet_build(buf, spec);
        packet_set_ip_len(buf, &at, spec->is_ipv6, len);
        packet_parse(&packet, buf, len, spec->vnet_hdr_len);
        packet_check_bounds(&packet);
        g_assert_cmpint(packet.fault, ==, packet_cut_fault(faults, len));
    }
}

static void test_cut_tcp(void)
{
    check_cuts(&(PacketSpec) { .options = packet_tcp_options, .options_len = 12,
                               .payload = "data" },
               NET_PACKET_FAULT_IPV4_LEN,
               (PacketCutFault[]) { { 14, NET_PACKET_FAULT_ETHERNET },
                                    { 34, NET_PACKET_FAULT_IPV4_SHORT },
                                    { 54, NET_PACKET_FAULT_TCP_SHORT },
                                    { 66, NET_PACKET_FAULT_TCP_OFFSET },
                                    { SIZE_MAX, NET_PACKET_FAULT_NONE } });
}

static void test_cut_tcp_padded(void)
{
    check_cuts(&(PacketSpec) { .pad_to = 60 }, NET_PACKET_FAULT_IPV4_LEN,
               (PacketCutFault[]) { { 14, NET_PACKET_FAULT_ETHERNET },
                                    { 34, NET_PACKET_FAULT_IPV4_SHORT },
                                    { 54, NET_PACKET_FAULT_TCP_SHORT },
                                    { SIZE_MAX, NET_PACKET_FAULT_NONE } });
}

static void test_cut_vnet_tags_ip_options(void)
{
    check_cuts(&(PacketSpec) { .vnet_hdr_len = 12, .n_tags = 2, .tags = { 0x88a8, 0x8100 },
                               .extensions = packet_ipv4_options,
                               .extensions_len = 4, .payload = "data" },
               NET_PACKET_FAULT_IPV4_LEN,
               (PacketCutFault[]) { { 12, NET_PACKET_FAULT_VNET_HDR },
                                    { 26, NET_PACKET_FAULT_ETHERNET },
                                    { 34, NET_PACKET_FAULT_VLAN },
                                    { 58, NET_PACKET_FAULT_IPV4_SHORT },
                                    { 78, NET_PACKET_FAULT_TCP_SHORT },
                                    { SIZE_MAX, NET_PACKET_FAULT_NONE } });
}

static void test_cut_udp(void)
{
    check_cuts(&(PacketSpec) { .protocol = 17, .payload = "data" }, NET_PACKET_FAULT_IPV4_LEN,
               (PacketCutFault[]) { { 14, NET_PACKET_FAULT_ETHERNET },
                                    { 34, NET_PACKET_FAULT_IPV4_SHORT },
                                    { 42, NET_PACKET_FAULT_UDP_SHORT },
                                    { 46, NET_PACKET_FAULT_UDP_LEN },
                                    { SIZE_MAX, NET_PACKET_FAULT_NONE } });
}

static void test_cut_icmp(void)
{
    check_cuts(&(PacketSpec) { .protocol = 1, .payload = "data" }, NET_PACKET_FAULT_IPV4_LEN,
               (PacketCutFault[]) { { 14, NET_PACKET_FAULT_ETHERNET },
                                    { 34, NET_PACKET_FAULT_IPV4_SHORT },
                                    { 42, NET_PACKET_FAULT_ICMP_SHORT },
                                    { SIZE_MAX, NET_PACKET_FAULT_NONE } });
}

static void test_cut_others(void)
{
    static const uint8_t with_ports[] = { 33, 50, 132, 136 };

    for (size_t i = 0; i < sizeof(with_ports); i++) {
        check_cuts(&(PacketSpec) { .protocol = with_ports[i] }, NET_PACKET_FAULT_IPV4_LEN,
                   (PacketCutFault[]) { { 14, NET_PACKET_FAULT_ETHERNET },
                                        { 34, NET_PACKET_FAULT_IPV4_SHORT },
                                        { 38, NET_PACKET_FAULT_PORTS_SHORT },
                                        { SIZE_MAX, NET_PACKET_FAULT_NONE } });
    }
    check_cuts(&(PacketSpec) { .protocol = 51 }, NET_PACKET_FAULT_IPV4_LEN,
               (PacketCutFault[]) { { 14, NET_PACKET_FAULT_ETHERNET },
                                    { 34, NET_PACKET_FAULT_IPV4_SHORT },
                                    { 42, NET_PACKET_FAULT_PORTS_SHORT },
                                    { SIZE_MAX, NET_PACKET_FAULT_NONE } });
    check_cuts(&(PacketSpec) { .protocol = 47 }, NET_PACKET_FAULT_IPV4_LEN,
               (PacketCutFault[]) { { 14, NET_PACKET_FAULT_ETHERNET },
                                    { 34, NET_PACKET_FAULT_IPV4_SHORT },
                                    { SIZE_MAX, NET_PACKET_FAULT_NONE } });
}

static void test_cut_ipv6(void)
{
    check_cuts(&(PacketSpec) { .is_ipv6 = true, .payload = "data" }, NET_PACKET_FAULT_IPV6_LEN,
               (PacketCutFault[]) { { 14, NET_PACKET_FAULT_ETHERNET },
                                    { 54, NET_PACKET_FAULT_IPV6_SHORT },
                                    { 74, NET_PACKET_FAULT_TCP_SHORT },
                                    { SIZE_MAX, NET_PACKET_FAULT_NONE } });
}

/* With a payload of no bytes and hop-by-hop options next it says that it is a jumbogram. */
static void test_cut_ipv6_extensions(void)
{
    check_cuts(&(PacketSpec) { .is_ipv6 = true, .extensions = packet_ipv6_extensions,
                               .extensions_len = 24, .payload = "data" },
               NET_PACKET_FAULT_IPV6_LEN,
               (PacketCutFault[]) { { 14, NET_PACKET_FAULT_ETHERNET },
                                    { 54, NET_PACKET_FAULT_IPV6_SHORT },
                                    { 55, NET_PACKET_FAULT_IPV6_LEN },
                                    { 78, NET_PACKET_FAULT_IPV6_EXTENSION },
                                    { 98, NET_PACKET_FAULT_TCP_SHORT },
                                    { SIZE_MAX, NET_PACKET_FAULT_NONE } });
}

/* --- Every value of every length --------------------------------------------------------- */

static NetPacketFault fault_with_byte(const PacketSpec *spec, size_t from_network, uint8_t value)
{
    uint8_t buf[PACKET_MAX];
    PacketLayout at = packet_build(buf, spec);
    NetPacket packet;

    buf[at.network + from_network] = value;
    packet_parse(&packet, buf, at.len, spec->vnet_hdr_len);
    packet_check_bounds(&packet);
    return packet.fault;
}

static NetPacketFault fault_with_word(const PacketSpec *spec, size_t from_network,
                                      uint16_t value)
{
    uint8_t buf[PACKET_MAX];
    PacketLayout at = packet_build(buf, spec);
    NetPacket packet;

    packet_put16(buf + at.network + from_network, value);
    packet_parse(&packet, buf, at.len, spec->vnet_hdr_len);
    packet_check_bounds(&packet);
    return packet.fault;
}

static void test_ipv4_version_and_header_len(void)
{
    PacketSpec spec = { .payload = "0123456789" };

    for (unsigned value = 0; value < 256; value++) {
        unsigned header_len = (value & 15) * 4;
        NetPacketFault want = value >> 4 != 4 ? NET_PACKET_FAULT_IPV4_VERSION
                              : header_len < 20 ? NET_PACKET_FAULT_IPV4_HEADER_LEN
                              : header_len > 50 ? NET_PACKET_FAULT_IPV4_SHORT
                              : NET_PACKET_FAULT_NONE;
        NetPacketFault is = fault_with_byte(&spec, 0, (uint8_t)value);

        if (want == NET_PACKET_FAULT_NONE && header_len > 20) {
            g_assert_true(is == NET_PACKET_FAULT_TCP_SHORT ||
                          is == NET_PACKET_FAULT_TCP_OFFSET || is == NET_PACKET_FAULT_NONE);
        } else {
            g_assert_cmpint(is, ==, want);
        }
    }
}

static void test_ipv4_total_len(void)
{
    PacketSpec spec = { .payload = "0123456789", .pad_to = 80 };

    for (unsigned value = 0; value <= 65535; value++) {
        NetPacketFault want = value < 20 || value > 66 ? NET_PACKET_FAULT_IPV4_LEN
                              : value < 40 ? NET_PACKET_FAULT_TCP_SHORT
                              : NET_PACKET_FAULT_NONE;

        g_assert_cmpint(fault_with_word(&spec, 2, (uint16_t)value), ==, want);
    }
}

static void test_ipv6_payload_len(void)
{
    PacketSpec spec = { .is_ipv6 = true, .payload = "0123456789", .pad_to = 100 };

    for (unsigned value = 0; value <= 65535; value++) {
        NetPacketFault want = value > 46 ? NET_PACKET_FAULT_IPV6_LEN
                              : value < 20 ? NET_PACKET_FAULT_TCP_SHORT
                              : NET_PACKET_FAULT_NONE;

        g_assert_cmpint(fault_with_word(&spec, 4, (uint16_t)value), ==, want);
    }
}

static void test_ipv6_version(void)
{
    PacketSpec spec = { .is_ipv6 = true };

    for (unsigned value = 0; value < 256; value++) {
        g_assert_cmpint(fault_with_byte(&spec, 0, (uint8_t)value), ==,
                        value >> 4 == 6 ? NET_PACKET_FAULT_NONE
                                        : NET_PACKET_FAULT_IPV6_VERSION);
    }
}

static void test_tcp_data_offset(void)
{
    PacketSpec spec = { .payload = "0123456789" };

    for (unsigned value = 0; value < 256; value++) {
        unsigned header_len = (value >> 4) * 4;

        g_assert_cmpint(fault_with_byte(&spec, 20 + 12, (uint8_t)value), ==,
                        header_len < 20 || header_len > 30 ? NET_PACKET_FAULT_TCP_OFFSET
                                                           : NET_PACKET_FAULT_NONE);
    }
}

static void test_udp_len(void)
{
    PacketSpec spec = { .protocol = 17, .payload = "0123456789", .pad_to = 80 };

    for (unsigned value = 0; value <= 65535; value++) {
        g_assert_cmpint(fault_with_word(&spec, 20 + 4, (uint16_t)value), ==,
                        value < 8 || value > 18 ? NET_PACKET_FAULT_UDP_LEN
                                                : NET_PACKET_FAULT_NONE);
    }
}

static void test_ipv6_extension_len(void)
{
    PacketSpec spec = { .is_ipv6 = true, .extensions = packet_ipv6_extensions, .extensions_len = 24,
                        .payload = "data" };

    for (unsigned value = 0; value < 256; value++) {
        NetPacketFault is = fault_with_byte(&spec, 40 + 8 + 1, (uint8_t)value);

        g_assert_cmpint(is == NET_PACKET_FAULT_IPV6_EXTENSION, ==, 8 + (value + 1) * 8 > 48);
    }
}

static void test_every_fragment_field(void)
{
    PacketSpec spec = { .payload = "0123456789ab" };

    for (unsigned value = 0; value <= 65535; value++) {
        unsigned offset = (value & 0x1fff) * 8;

        g_assert_cmpint(fault_with_word(&spec, 6, (uint16_t)value), ==,
                        offset + 32 > 65535 ? NET_PACKET_FAULT_FRAGMENT
                                            : NET_PACKET_FAULT_NONE);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/packet-faults/cut/tcp", test_cut_tcp);
    g_test_add_func("/packet-faults/cut/tcp-padded", test_cut_tcp_padded);
    g_test_add_func("/packet-faults/cut/vnet-tags-ip-options", test_cut_vnet_tags_ip_options);
    g_test_add_func("/packet-faults/cut/udp", test_cut_udp);
    g_test_add_func("/packet-faults/cut/icmp", test_cut_icmp);
    g_test_add_func("/packet-faults/cut/others", test_cut_others);
    g_test_add_func("/packet-faults/cut/ipv6", test_cut_ipv6);
    g_test_add_func("/packet-faults/cut/ipv6-extensions", test_cut_ipv6_extensions);
    g_test_add_func("/packet-faults/field/ipv4-version-and-header-len",
                    test_ipv4_version_and_header_len);
    g_test_add_func("/packet-faults/field/ipv4-total-len", test_ipv4_total_len);
    g_test_add_func("/packet-faults/field/ipv6-payload-len", test_ipv6_payload_len);
    g_test_add_func("/packet-faults/field/ipv6-version", test_ipv6_version);
    g_test_add_func("/packet-faults/field/tcp-data-offset", test_tcp_data_offset);
    g_test_add_func("/packet-faults/field/udp-len", test_udp_len);
    g_test_add_func("/packet-faults/field/ipv6-extension-len", test_ipv6_extension_len);
    g_test_add_func("/packet-faults/field/fragment", test_every_fragment_field);
    return g_test_run();
}
