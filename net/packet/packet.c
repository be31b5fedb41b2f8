/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes frames apart; every length of a header is checked here and nowhere else. */

/*
 * @end of the packet always bounds what may be read: the frame's end at first, then that of the
 * IP packet. Each step asks packet_holds() before it reads and sets the offset of the next step
 * only when its own header is whole. So a packet with a fault never leads behind its frame.
 */

#include "net/packet/packet.h"

#include <assert.h>
#include <string.h>
#include <glib.h>

#include "net/packet/checksum.h"
#include "util/bytes.h"

#define ETHERNET_LEN 14u
#define ETHERTYPE_AT 12u
#define TAG_LEN 4u
#define MAX_TAGS 2u

#define IPV4_MIN_LEN 20u
#define IPV4_MORE_FRAGMENTS 0x2000u
#define IPV4_OFFSET_MASK 0x1fffu
#define FRAGMENT_UNIT 8u
#define IP_MAX_LEN 65535u

#define IPV6_LEN 40u
#define IPV6_FRAGMENT_LEN 8u
#define IPV6_MORE_FRAGMENTS 0x0001u
#define IPV6_MAX_EXTENSIONS 16u

#define TCP_MIN_LEN 20u
#define TCP_SEQ_AT 4u
#define TCP_ACK_AT 8u
#define TCP_OFFSET_AT 12u
#define TCP_FLAGS_AT 13u
#define TCP_CHECKSUM_AT 16u
#define TCP_OPTION_END 0u
#define TCP_OPTION_NOP 1u
#define TCP_OPTION_SACK 5u
#define TCP_OPTION_TIMESTAMPS 8u
#define TCP_TIMESTAMPS_LEN 10u

#define UDP_LEN 8u
#define ICMP_LEN 8u

#define VNET_HDR_MIN_LEN 10u
#define VNET_HDR_NEEDS_CSUM 1u

static bool packet_holds(const NetPacket *packet, uint32_t at, uint32_t len)
{
    return at <= packet->end && packet->end - at >= len;
}

static bool packet_fail(NetPacket *packet, NetPacketFault fault)
{
    packet->fault = fault;
    return false;
}

/* --- Transport --------------------------------------------------------------------------- */

static bool packet_parse_tcp(NetPacket *packet)
{
    const uint8_t *tcp = packet->data + packet->transport;
    uint32_t header_len;

    if (!packet_holds(packet, packet->transport, TCP_MIN_LEN)) {
        return packet_fail(packet, NET_PACKET_FAULT_TCP_SHORT);
    }
    header_len = (tcp[TCP_OFFSET_AT] >> 4) * 4u;
    if (header_len < TCP_MIN_LEN || !packet_holds(packet, packet->transport, header_len)) {
        return packet_fail(packet, NET_PACKET_FAULT_TCP_OFFSET);
    }
    packet->kind = NET_TRANSPORT_TCP;
    packet->payload = packet->transport + header_len;
    packet->tcp_flags = tcp[TCP_FLAGS_AT];
    packet->tcp_seq = get_be32(tcp + TCP_SEQ_AT);
    packet->tcp_ack = get_be32(tcp + TCP_ACK_AT);
    return true;
}

static bool packet_parse_udp(NetPacket *packet)
{
    const uint8_t *udp = packet->data + packet->transport;
    uint32_t len;

    if (!packet_holds(packet, packet->transport, UDP_LEN)) {
        return packet_fail(packet, NET_PACKET_FAULT_UDP_SHORT);
    }
    len = get_be16(udp + 4);
    if (len < UDP_LEN ||
        (!packet->is_fragment && !packet_holds(packet, packet->transport, len))) {
        return packet_fail(packet, NET_PACKET_FAULT_UDP_LEN);
    }
    packet->kind = NET_TRANSPORT_UDP;
    packet->payload = packet->transport + UDP_LEN;
    return true;
}

static bool packet_parse_icmp(NetPacket *packet)
{
    if (!packet_holds(packet, packet->transport, ICMP_LEN)) {
        return packet_fail(packet, NET_PACKET_FAULT_ICMP_SHORT);
    }
    packet->kind = NET_TRANSPORT_ICMP;
    packet->payload = packet->transport + ICMP_LEN;
    return true;
}

/* Bytes at the front of the payload that distinguish connections of a protocol. */
static uint32_t protocol_key_len(uint8_t protocol)
{
    switch (protocol) {
    case NET_PROTOCOL_DCCP:
    case NET_PROTOCOL_ESP:
    case NET_PROTOCOL_SCTP:
    case NET_PROTOCOL_UDP_LITE:
        return 4;
    case NET_PROTOCOL_AH:
        return 8;
    default:
        return 0;
    }
}

static bool packet_parse_transport(NetPacket *packet)
{
    bool is_icmp = packet->protocol ==
                   (packet->ip_version == 4 ? NET_PROTOCOL_ICMP : NET_PROTOCOL_ICMPV6);

    packet->payload = packet->transport;
    if (packet->fragment_offset > 0) {
        return true;
    }
    if (packet->protocol == NET_PROTOCOL_TCP) {
        return packet_parse_tcp(packet);
    }
    if (packet->protocol == NET_PROTOCOL_UDP) {
        return packet_parse_udp(packet);
    }
    if (is_icmp) {
        return packet_parse_icmp(packet);
    }
    if (!packet_holds(packet, packet->transport, protocol_key_len(packet->protocol))) {
        return packet_fail(packet, NET_PACKET_FAULT_PORTS_SHORT);
    }
    packet->kind = NET_TRANSPORT_OTHER;
    return true;
}

/* --- IP ---------------------------------------------------------------------------------- */

/* A fragment that would end behind the longest packet is an attack on a receiver's buffer. */
static bool packet_set_fragment(NetPacket *packet, uint32_t offset, bool more)
{
    packet->is_fragment |= offset > 0 || more;
    packet->fragment_offset = (uint16_t)offset;
    if (offset + (packet->end - packet->transport) > IP_MAX_LEN) {
        return packet_fail(packet, NET_PACKET_FAULT_FRAGMENT);
    }
    return true;
}

static bool packet_parse_ipv4(NetPacket *packet)
{
    const uint8_t *ip = packet->data + packet->network;
    uint32_t header_len;
    uint32_t total_len;
    uint16_t fragment;

    if (!packet_holds(packet, packet->network, IPV4_MIN_LEN)) {
        return packet_fail(packet, NET_PACKET_FAULT_IPV4_SHORT);
    }
    if (ip[0] >> 4 != 4) {
        return packet_fail(packet, NET_PACKET_FAULT_IPV4_VERSION);
    }
    header_len = (ip[0] & 0x0f) * 4u;
    if (header_len < IPV4_MIN_LEN) {
        return packet_fail(packet, NET_PACKET_FAULT_IPV4_HEADER_LEN);
    }
    if (!packet_holds(packet, packet->network, header_len)) {
        return packet_fail(packet, NET_PACKET_FAULT_IPV4_SHORT);
    }
    total_len = get_be16(ip + 2);
    if (total_len < header_len || !packet_holds(packet, packet->network, total_len)) {
        return packet_fail(packet, NET_PACKET_FAULT_IPV4_LEN);
    }
    packet->ip_version = 4;
    packet->protocol = ip[9];
    packet->transport = packet->network + header_len;
    packet->end = packet->network + total_len;
    fragment = get_be16(ip + 6);
    return packet_set_fragment(packet, (fragment & IPV4_OFFSET_MASK) * FRAGMENT_UNIT,
                               fragment & IPV4_MORE_FRAGMENTS) &&
           packet_parse_transport(packet);
}

/* The length of the extension header of type @protocol at @ext; 0 = it is none. */
static uint32_t ipv6_extension_len(uint8_t protocol, const uint8_t *ext)
{
    switch (protocol) {
    case 0:   /* hop-by-hop options */
    case 43:  /* routing */
    case 60:  /* destination options */
    case 135: /* mobility */
    case 139: /* host identity */
    case 140: /* shim6 */
        return (ext[1] + 1u) * 8u;
    case 44: /* fragment */
        return IPV6_FRAGMENT_LEN;
    case NET_PROTOCOL_AH:
        return (ext[1] + 2u) * 4u;
    default:
        return 0;
    }
}

/* Walk to the transport header. A later fragment has no more headers that could be read. */
static bool packet_parse_extensions(NetPacket *packet)
{
    static const uint8_t nothing[2];

    for (unsigned i = 0; packet->fragment_offset == 0; i++) {
        bool readable = packet_holds(packet, packet->transport, 2);
        const uint8_t *ext = readable ? packet->data + packet->transport : nothing;
        uint32_t len = ipv6_extension_len(packet->protocol, ext);
        bool is_fragment = packet->protocol == 44;

        if (len == 0) {
            return true;
        }
        if (!packet_holds(packet, packet->transport, len) || i == IPV6_MAX_EXTENSIONS) {
            return packet_fail(packet, NET_PACKET_FAULT_IPV6_EXTENSION);
        }
        packet->protocol = ext[0];
        packet->transport += len;
        if (is_fragment) {
            uint16_t fragment = get_be16(ext + 2);

            if (!packet_set_fragment(packet, fragment & ~7u, fragment & IPV6_MORE_FRAGMENTS)) {
                return false;
            }
        }
    }
    return true;
}

static bool packet_parse_ipv6(NetPacket *packet)
{
    const uint8_t *ip = packet->data + packet->network;
    uint32_t payload_len;

    if (!packet_holds(packet, packet->network, IPV6_LEN)) {
        return packet_fail(packet, NET_PACKET_FAULT_IPV6_SHORT);
    }
    if (ip[0] >> 4 != 6) {
        return packet_fail(packet, NET_PACKET_FAULT_IPV6_VERSION);
    }
    payload_len = get_be16(ip + 4);
    if (!packet_holds(packet, packet->network, IPV6_LEN + payload_len) ||
        (payload_len == 0 && ip[6] == 0)) {
        return packet_fail(packet, NET_PACKET_FAULT_IPV6_LEN);
    }
    packet->ip_version = 6;
    packet->protocol = ip[6];
    packet->transport = packet->network + IPV6_LEN;
    packet->end = packet->transport + payload_len;
    return packet_parse_extensions(packet) && packet_parse_transport(packet);
}

/* --- Ethernet ---------------------------------------------------------------------------- */

static bool is_tag(uint16_t ether_type)
{
    return ether_type == NET_ETHERTYPE_VLAN || ether_type == NET_ETHERTYPE_QINQ;
}

static bool packet_parse_ethernet(NetPacket *packet)
{
    uint32_t at = packet->vnet_hdr_len;
    uint16_t type;

    if (!packet_holds(packet, at, ETHERNET_LEN)) {
        return packet_fail(packet, NET_PACKET_FAULT_ETHERNET);
    }
    type = get_be16(packet->data + at + ETHERTYPE_AT);
    packet->outer_type = type;
    at += ETHERNET_LEN;
    while (is_tag(type) && packet->n_tags < MAX_TAGS) {
        if (!packet_holds(packet, at, TAG_LEN)) {
            return packet_fail(packet, NET_PACKET_FAULT_VLAN);
        }
        type = get_be16(packet->data + at + 2);
        at += TAG_LEN;
        packet->n_tags++;
    }
    packet->ether_type = type;
    packet->network = at;
    return true;
}

bool net_packet_parse(NetPacket *packet, const NetFrame *frame)
{
    *packet = (NetPacket) {
        .data = frame->data,
        .len = frame->len,
        .end = frame->len,
        .vnet_hdr_len = frame->vnet_hdr_len,
    };
    if (!packet_holds(packet, 0, frame->vnet_hdr_len)) {
        return packet_fail(packet, NET_PACKET_FAULT_VNET_HDR);
    }
    if (!packet_parse_ethernet(packet)) {
        return false;
    }
    if (packet->ether_type == NET_ETHERTYPE_IPV4) {
        return packet_parse_ipv4(packet);
    }
    if (packet->ether_type == NET_ETHERTYPE_IPV6) {
        return packet_parse_ipv6(packet);
    }
    return true;
}

const char *net_packet_fault_name(NetPacketFault fault)
{
    static const char *const names[] = {
        [NET_PACKET_FAULT_NONE] = "no fault",
        [NET_PACKET_FAULT_VNET_HDR] = "virtio-net header cut short",
        [NET_PACKET_FAULT_ETHERNET] = "Ethernet header cut short",
        [NET_PACKET_FAULT_VLAN] = "VLAN tag cut short",
        [NET_PACKET_FAULT_IPV4_SHORT] = "IPv4 header cut short",
        [NET_PACKET_FAULT_IPV4_VERSION] = "bad IPv4 version",
        [NET_PACKET_FAULT_IPV4_HEADER_LEN] = "bad IPv4 header length",
        [NET_PACKET_FAULT_IPV4_LEN] = "bad IPv4 total length",
        [NET_PACKET_FAULT_IPV6_SHORT] = "IPv6 header cut short",
        [NET_PACKET_FAULT_IPV6_VERSION] = "bad IPv6 version",
        [NET_PACKET_FAULT_IPV6_LEN] = "bad IPv6 payload length",
        [NET_PACKET_FAULT_IPV6_EXTENSION] = "bad IPv6 extension header",
        [NET_PACKET_FAULT_FRAGMENT] = "fragment beyond the longest packet",
        [NET_PACKET_FAULT_TCP_SHORT] = "TCP header cut short",
        [NET_PACKET_FAULT_TCP_OFFSET] = "bad TCP data offset",
        [NET_PACKET_FAULT_UDP_SHORT] = "UDP header cut short",
        [NET_PACKET_FAULT_UDP_LEN] = "bad UDP length",
        [NET_PACKET_FAULT_ICMP_SHORT] = "ICMP header cut short",
        [NET_PACKET_FAULT_PORTS_SHORT] = "ports cut short",
    };

    static_assert(G_N_ELEMENTS(names) == NET_PACKET_FAULT__MAX, "a name for each fault");
    return names[fault];
}

bool net_packet_needs_checksum(const NetPacket *packet)
{
    return packet->vnet_hdr_len >= VNET_HDR_MIN_LEN &&
           (packet->data[0] & VNET_HDR_NEEDS_CSUM) != 0;
}

/* --- TCP options and numbers ------------------------------------------------------------- */

bool net_packet_next_option(const NetPacket *packet, uint32_t *pos, NetTcpOption *option)
{
    uint32_t at = *pos > 0 ? *pos : packet->transport + TCP_MIN_LEN;

    if (packet->kind != NET_TRANSPORT_TCP) {
        return false;
    }
    while (at < packet->payload && packet->data[at] == TCP_OPTION_NOP) {
        at++;
    }
    *pos = packet->payload;
    if (packet->payload - at < 2 || packet->data[at] == TCP_OPTION_END) {
        return false;
    }
    *option = (NetTcpOption) {
        .kind = packet->data[at],
        .len = packet->data[at + 1],
        .value = at + 2,
    };
    if (option->len < 2 || option->len > packet->payload - at) {
        return false;
    }
    *pos = at + option->len;
    return true;
}

/* Returns: offset of the values; 0 = there are none. */
static uint32_t packet_find_timestamps(const NetPacket *packet)
{
    NetTcpOption option;
    uint32_t pos = 0;

    while (net_packet_next_option(packet, &pos, &option)) {
        if (option.kind == TCP_OPTION_TIMESTAMPS && option.len == TCP_TIMESTAMPS_LEN) {
            return option.value;
        }
    }
    return 0;
}

bool net_packet_timestamps(const NetPacket *packet, NetTcpTimestamps *timestamps)
{
    uint32_t at = packet_find_timestamps(packet);

    if (at == 0) {
        return false;
    }
    timestamps->own = get_be32(packet->data + at);
    timestamps->echo = get_be32(packet->data + at + 4);
    return true;
}

static uint64_t edit_sum(const NetTcpEdit *edit)
{
    const NetPacket *packet = edit->packet;

    return net_checksum_add(0, edit->copy + packet->transport,
                            packet->payload - packet->transport);
}

void net_tcp_edit_begin(NetTcpEdit *edit, const NetPacket *packet, uint8_t *copy)
{
    *edit = (NetTcpEdit) { .packet = packet, .copy = copy };
    edit->old_sum = edit_sum(edit);
}

void net_tcp_edit_set_seq(NetTcpEdit *edit, uint32_t seq)
{
    put_be32(edit->copy + edit->packet->transport + TCP_SEQ_AT, seq);
}

void net_tcp_edit_set_ack(NetTcpEdit *edit, uint32_t ack)
{
    put_be32(edit->copy + edit->packet->transport + TCP_ACK_AT, ack);
}

void net_tcp_edit_shift_sack(NetTcpEdit *edit, uint32_t shift)
{
    NetTcpOption option;
    uint32_t pos = 0;

    while (net_packet_next_option(edit->packet, &pos, &option)) {
        if (option.kind != TCP_OPTION_SACK) {
            continue;
        }
        for (uint32_t i = 0; i + 4 <= option.len - 2u; i += 4) {
            uint8_t *edge = edit->copy + option.value + i;

            put_be32(edge, get_be32(edge) + shift);
        }
    }
}

void net_tcp_edit_shift_timestamps(NetTcpEdit *edit, NetTcpTimestamps shift)
{
    uint32_t at = packet_find_timestamps(edit->packet);
    uint8_t *values = edit->copy + at;

    if (at > 0) {
        put_be32(values, get_be32(values) + shift.own);
        put_be32(values + 4, get_be32(values + 4) + shift.echo);
    }
}

void net_tcp_edit_end(NetTcpEdit *edit)
{
    uint8_t *field = edit->copy + edit->packet->transport + TCP_CHECKSUM_AT;
    uint16_t checksum_be;

    if (net_packet_needs_checksum(edit->packet)) {
        return;
    }
    memcpy(&checksum_be, field, sizeof(checksum_be));
    checksum_be = net_checksum_replace(checksum_be, edit->old_sum, edit_sum(edit));
    memcpy(field, &checksum_be, sizeof(checksum_be));
}
