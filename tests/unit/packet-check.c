/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parsing of packets in the tests of the parser, and what holds for all of them. */

#include "packet-check.h"

#include <glib.h>

const uint8_t packet_ipv4_options[4] = { 1, 1, 1, 0 };
const uint8_t packet_tcp_options[12] = { 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8 };
const uint8_t packet_ipv6_extensions[24] = { 60, 0, 1, 4, 0, 0, 0, 0, 6, 1, 1, 12 };

bool packet_parse(NetPacket *packet, const uint8_t *data, size_t len, uint32_t vnet_hdr_len)
{
    static uint8_t *exact;
    NetFrame frame;

    g_free(exact);
    exact = g_memdup2(data, len);
    frame = (NetFrame) { exact, (uint32_t)len, vnet_hdr_len };
    return net_packet_parse(packet, &frame);
}

void packet_check_bounds(const NetPacket *packet)
{
    g_assert_cmpuint(packet->end, <=, packet->len);
    g_assert_cmpuint(packet->network, <=, packet->len);
    g_assert_cmpuint(packet->transport, <=, packet->end);
    g_assert_cmpuint(packet->payload, <=, packet->end);
    g_assert_true(packet->fault == NET_PACKET_FAULT_NONE || packet->kind == NET_TRANSPORT_NONE);
    if (packet->kind != NET_TRANSPORT_NONE) {
        g_assert_cmpuint(packet->network, <, packet->transport);
        g_assert_cmpuint(packet->transport, <=, packet->payload);
    }
}

NetPacketFault packet_cut_fault(const PacketCutFault *faults, size_t len)
{
    while (len >= faults->until) {
        faults++;
    }
    return faults->fault;
}

void packet_set_ip_len(uint8_t *buf, const PacketLayout *at, bool is_ipv6, size_t end)
{
    if (!is_ipv6 && end >= at->network + 4) {
        packet_put16(buf + at->network + 2, (uint16_t)(end - at->network));
    } else if (is_ipv6 && end >= at->network + 40) {
        packet_put16(buf + at->network + 4, (uint16_t)(end - at->network - 40));
    }
}
