/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames made to order: tags, IPv4 or IPv6, TCP and others, checksums right. */

#include "packets.h"

#include <string.h>

/* Of TCP and UDP the pseudo-header's word is their number; it is the same in all tests. */
#define TCP 6u
#define UDP 17u

uint16_t packet_get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t packet_get32(const uint8_t *p)
{
    return (uint32_t)packet_get16(p) << 16 | packet_get16(p + 2);
}

void packet_put16(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

void packet_put32(uint8_t *p, uint32_t value)
{
    packet_put16(p, (uint16_t)(value >> 16));
    packet_put16(p + 2, (uint16_t)value);
}

/* Word by word, on purpose not with net/packet/checksum.h. */
static uint32_t plain_sum(uint32_t sum, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        sum += i % 2 == 0 ? (uint32_t)data[i] << 8 : data[i];
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

/* The sum over pseudo-header and segment: 0xffff when the checksum in it is right. */
static uint32_t transport_sum(const uint8_t *buf, const PacketLayout *at, bool is_ipv6,
                              uint8_t protocol)
{
    size_t len = at->end - at->transport;
    const uint8_t *addresses = buf + at->network + (is_ipv6 ? 8 : 12);
    uint32_t sum = plain_sum(protocol, addresses, is_ipv6 ? 32 : 8);

    sum = plain_sum(sum, (const uint8_t[]) { (uint8_t)(len >> 8), (uint8_t)len }, 2);
    return plain_sum(sum, buf + at->transport, len);
}

bool packet_tcp_checksum_is_right(const uint8_t *buf, const PacketLayout *at, bool is_ipv6)
{
    return transport_sum(buf, at, is_ipv6, TCP) == 0xffff;
}

static size_t put_ethernet(uint8_t *buf, const PacketSpec *spec)
{
    size_t at = spec->vnet_hdr_len;
    uint16_t type = spec->ether_type;

    if (spec->vnet_hdr_len > 0) {
        buf[0] = spec->vnet_flags;
    }
    memcpy(buf + at, "\x52\x54\x00\x00\x00\x01\x52\x54\x00\x00\x00\x02", 12);
    at += 12;
    for (unsigned i = 0; i < spec->n_tags; i++) {
        packet_put16(buf + at, spec->tags[i]);
        packet_put16(buf + at + 2, (uint16_t)(100 + i));
        at += 4;
    }
    packet_put16(buf + at, type ? type : spec->is_ipv6 ? 0x86dd : 0x0800);
    return at + 2;
}

static void put_ipv4(uint8_t *ip, const PacketSpec *spec, size_t total_len)
{
    size_t header_len = 20 + spec->extensions_len;

    ip[0] = (uint8_t)(0x40 | header_len / 4);
    packet_put16(ip + 2, (uint16_t)total_len);
    packet_put16(ip + 4, 0x1234);
    packet_put16(ip + 6, spec->fragment);
    ip[8] = 64;
    ip[9] = spec->protocol;
    packet_put32(ip + 12, 0x0a000000u | spec->src);
    packet_put32(ip + 16, 0x0a000000u | spec->dst);
    packet_put16(ip + 10, (uint16_t)~plain_sum(0, ip, header_len));
}

static void put_ipv6(uint8_t *ip, const PacketSpec *spec, size_t payload_len)
{
    ip[0] = 0x60;
    packet_put16(ip + 4, (uint16_t)payload_len);
    ip[6] = spec->extensions_len > 0 ? spec->next_header : spec->protocol;
    ip[7] = 64;
    packet_put16(ip + 8, 0xfd00);
    ip[23] = spec->src;
    packet_put16(ip + 24, 0xfd00);
    ip[39] = spec->dst;
}

static size_t put_tcp(uint8_t *tcp, const PacketSpec *spec)
{
    size_t header_len = 20 + spec->options_len;

    packet_put16(tcp, spec->src_port);
    packet_put16(tcp + 2, spec->dst_port);
    packet_put32(tcp + 4, spec->seq);
    packet_put32(tcp + 8, spec->ack);
    tcp[12] = (uint8_t)(header_len / 4 << 4);
    tcp[13] = spec->flags;
    packet_put16(tcp + 14, 8192);
    if (spec->options_len > 0) {
        memcpy(tcp + 20, spec->options, spec->options_len);
    }
    return header_len;
}

/* The header of the protocol; of others than TCP the first four bytes are the ports. */
static size_t put_transport(uint8_t *p, const PacketSpec *spec, size_t payload_len)
{
    if (spec->protocol == TCP) {
        return put_tcp(p, spec);
    }
    packet_put16(p, spec->src_port);
    packet_put16(p + 2, spec->dst_port);
    if (spec->protocol == UDP) {
        packet_put16(p + 4, (uint16_t)(8 + payload_len));
    }
    return 8;
}

PacketLayout packet_build(uint8_t *buf, const PacketSpec *given)
{
    PacketSpec spec = *given;
    size_t payload_len = spec.payload ? strlen(spec.payload) : 0;
    PacketLayout at = { 0 };

    spec.protocol = spec.protocol ? spec.protocol : TCP;
    memset(buf, 0, PACKET_MAX);
    at.network = put_ethernet(buf, &spec);
    at.transport = at.network + (spec.is_ipv6 ? 40 : 20) + spec.extensions_len;
    if (spec.extensions_len > 0) {
        memcpy(buf + at.transport - spec.extensions_len, spec.extensions, spec.extensions_len);
    }
    at.payload = at.transport + put_transport(buf + at.transport, &spec, payload_len);
    memcpy(buf + at.payload, spec.payload ? spec.payload : "", payload_len);
    at.end = at.payload + payload_len;
    at.len = MAX(at.end, spec.vnet_hdr_len + spec.pad_to);
    if (spec.is_ipv6) {
        put_ipv6(buf + at.network, &spec, at.end - at.network - 40);
    } else {
        put_ipv4(buf + at.network, &spec, at.end - at.network);
    }
    if (spec.protocol == TCP) {
        packet_put16(buf + at.transport + 16,
                     (uint16_t)~transport_sum(buf, &at, spec.is_ipv6, TCP));
    }
    return at;
}
