/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of the packet parser: each field of a header when the packet is cut at each length. */

#include <glib.h>

#include "net/packet/packet.h"
#include "packet-check.h"
#include "packets.h"

typedef struct CutCase {
    const char *name;
    PacketSpec spec;
    PacketCutFault faults[6]; /* the last: SIZE_MAX */
} CutCase;

static const uint8_t ip_options[] = { 1, 1, 1, 0 };
static const uint8_t tcp_options[] = { 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8 };
static const uint8_t fragment_header[] = { 17, 0, 0, 1, 0, 0, 0, 7 };
static const uint8_t authentication_header[] = { 58, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1 };

#define EXTENSIONS(bytes) .extensions = (bytes), .extensions_len = sizeof(bytes)
#define ETHERNET_TO(len) { (len), NET_PACKET_FAULT_ETHERNET }
#define WHOLE { SIZE_MAX, NET_PACKET_FAULT_NONE }

static const CutCase cases[] = {
    { "tcp", { .payload = "data" },
      { ETHERNET_TO(14), { 34, NET_PACKET_FAULT_IPV4_SHORT }, { 54, NET_PACKET_FAULT_TCP_SHORT },
        WHOLE } },
    { "tcp-options", { .options = tcp_options, .options_len = sizeof(tcp_options) },
      { ETHERNET_TO(14), { 34, NET_PACKET_FAULT_IPV4_SHORT }, { 54, NET_PACKET_FAULT_TCP_SHORT },
        { 66, NET_PACKET_FAULT_TCP_OFFSET }, WHOLE } },
    { "vnet-tags-ip-options",
      { .vnet_hdr_len = 10, .n_tags = 2, .tags = { 0x88a8, 0x8100 }, EXTENSIONS(ip_options) },
      { ETHERNET_TO(24), { 32, NET_PACKET_FAULT_VLAN }, { 56, NET_PACKET_FAULT_IPV4_SHORT },
        { 76, NET_PACKET_FAULT_TCP_SHORT }, WHOLE } },
    { "tag-udp", { .n_tags = 1, .tags = { 0x8100 }, .protocol = 17, .payload = "data" },
      { ETHERNET_TO(14), { 18, NET_PACKET_FAULT_VLAN }, { 38, NET_PACKET_FAULT_IPV4_SHORT },
        { 46, NET_PACKET_FAULT_UDP_SHORT }, { 50, NET_PACKET_FAULT_UDP_LEN }, WHOLE } },
    { "icmp", { .protocol = 1, .payload = "data" },
      { ETHERNET_TO(14), { 34, NET_PACKET_FAULT_IPV4_SHORT }, { 42, NET_PACKET_FAULT_ICMP_SHORT },
        WHOLE } },
    { "sctp", { .protocol = 132 },
      { ETHERNET_TO(14), { 34, NET_PACKET_FAULT_IPV4_SHORT },
        { 38, NET_PACKET_FAULT_PORTS_SHORT }, WHOLE } },
    { "ah", { .protocol = 51 },
      { ETHERNET_TO(14), { 34, NET_PACKET_FAULT_IPV4_SHORT },
        { 42, NET_PACKET_FAULT_PORTS_SHORT }, WHOLE } },
    { "first-fragment-of-udp", { .fragment = 0x2000, .protocol = 17, .payload = "data" },
      { ETHERNET_TO(14), { 34, NET_PACKET_FAULT_IPV4_SHORT }, { 42, NET_PACKET_FAULT_UDP_SHORT },
        WHOLE } },
    { "later-fragment", { .fragment = 0x2001, .payload = "data" },
      { ETHERNET_TO(14), { 34, NET_PACKET_FAULT_IPV4_SHORT }, WHOLE } },
    { "ipv6-tcp", { .is_ipv6 = true, .payload = "data" },
      { ETHERNET_TO(14), { 54, NET_PACKET_FAULT_IPV6_SHORT }, { 74, NET_PACKET_FAULT_TCP_SHORT },
        WHOLE } },
    { "ipv6-first-fragment-of-udp",
      { .is_ipv6 = true, .next_header = 44, EXTENSIONS(fragment_header), .protocol = 17,
        .payload = "data" },
      { ETHERNET_TO(14), { 54, NET_PACKET_FAULT_IPV6_SHORT },
        { 62, NET_PACKET_FAULT_IPV6_EXTENSION }, { 70, NET_PACKET_FAULT_UDP_SHORT }, WHOLE } },
    { "ipv6-ah-icmp",
      { .is_ipv6 = true, .next_header = 51, EXTENSIONS(authentication_header), .protocol = 58 },
      { ETHERNET_TO(14), { 54, NET_PACKET_FAULT_IPV6_SHORT },
        { 66, NET_PACKET_FAULT_IPV6_EXTENSION }, { 74, NET_PACKET_FAULT_ICMP_SHORT }, WHOLE } },
    { "ipv6-sctp", { .is_ipv6 = true, .protocol = 132 },
      { ETHERNET_TO(14), { 54, NET_PACKET_FAULT_IPV6_SHORT },
        { 58, NET_PACKET_FAULT_PORTS_SHORT }, WHOLE } },
};

/* @is: as in the whole packet when the frame reaches to @from, else 0. */
#define assert_from(from, is, want) g_assert_cmpuint(is, ==, cut->len >= (from) ? (want) : 0)

static void check_network(const PacketSpec *spec, const PacketLayout *at, const NetPacket *whole,
                          const NetPacket *cut)
{
    size_t tags_at = spec->vnet_hdr_len + 14;
    size_t ip_end = spec->is_ipv6 ? at->network + 40 : at->transport;

    assert_from(tags_at, cut->outer_type, whole->outer_type);
    g_assert_cmpuint(cut->n_tags, ==,
                     cut->len < tags_at ? 0 : MIN((cut->len - tags_at) / 4, spec->n_tags));
    assert_from(at->network, cut->network, whole->network);
    assert_from(at->network, cut->ether_type, whole->ether_type);
    assert_from(ip_end, cut->ip_version, whole->ip_version);
    assert_from(at->transport, cut->is_fragment, whole->is_fragment);
    assert_from(at->transport, cut->fragment_offset, whole->fragment_offset);
    if (cut->len >= at->transport) {
        g_assert_cmpuint(cut->transport, ==, whole->transport);
        g_assert_cmpuint(cut->protocol, ==, whole->protocol);
    }
}

static void check_transport(const NetPacket *whole, const NetPacket *cut)
{
    bool is_read = cut->fault == NET_PACKET_FAULT_NONE;

    g_assert_cmpint(cut->kind, ==, is_read ? whole->kind : NET_TRANSPORT_NONE);
    g_assert_cmpuint(cut->tcp_flags, ==, is_read ? whole->tcp_flags : 0);
    g_assert_cmpuint(cut->tcp_seq, ==, is_read ? whole->tcp_seq : 0);
    g_assert_cmpuint(cut->tcp_ack, ==, is_read ? whole->tcp_ack : 0);
    if (is_read) {
        g_assert_cmpuint(cut->payload, ==, whole->payload);
    }
}

/* Each field is as in the whole packet as soon as its header is there, and nothing before. */
static void test_cut(gconstpointer data)
{
    const CutCase *c = data;
    uint8_t whole_buf[PACKET_MAX];
    PacketSpec spec = c->spec;
    PacketLayout at;
    NetPacket whole;

    spec.seq = 0xfedcba98;
    spec.ack = 0x89abcdef;
    spec.flags = ACK | PSH;
    at = packet_build(whole_buf, &spec);
    g_assert_true(net_packet_parse(
        &whole, &(NetFrame) { whole_buf, (uint32_t)at.len, spec.vnet_hdr_len }));
    for (size_t len = spec.vnet_hdr_len; len <= at.end; len++) {
        uint8_t buf[PACKET_MAX];
        g_autofree uint8_t *exact = NULL;
        NetPacket cut;

        packet_build(buf, &spec);
        packet_set_ip_len(buf, &at, spec.is_ipv6, len);
        exact = g_memdup2(buf, len);
        net_packet_parse(&cut, &(NetFrame) { exact, (uint32_t)len, spec.vnet_hdr_len });
        g_assert_cmpint(cut.fault, ==, packet_cut_fault(c->faults, len));
        check_network(&spec, &at, &whole, &cut);
        check_transport(&whole, &cut);
    }
}

static void test_cut_vnet_hdr(void)
{
    uint8_t exact[20] = { 0 };
    NetPacket cut;

    for (uint32_t len = 0; len < sizeof(exact); len++) {
        g_assert_false(net_packet_parse(&cut, &(NetFrame) { exact, len, sizeof(exact) }));
        g_assert_cmpint(cut.fault, ==, NET_PACKET_FAULT_VNET_HDR);
        g_assert_cmpuint(cut.network, ==, 0);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/packet-cut/%s", cases[i].name);

        g_test_add_data_func(path, &cases[i], test_cut);
    }
    g_test_add_func("/packet-cut/vnet-hdr", test_cut_vnet_hdr);
    return g_test_run();
}
