/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parsing of packets in the tests of the parser, and what holds for all of them. */

#ifndef TESTS_UNIT_PACKET_CHECK_H
#define TESTS_UNIT_PACKET_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/packet/packet.h"
#include "packets.h"

/** Options for a PacketSpec: of IPv4 four bytes, of TCP a time stamp. */
extern const uint8_t packet_ipv4_options[4];
extern const uint8_t packet_tcp_options[12];

/** Extension headers of IPv6: hop-by-hop (8), destination options (16), then TCP. */
extern const uint8_t packet_ipv6_extensions[24];

/**
 * packet_parse: net_packet_parse() of memory that is no longer than the frame
 *
 * So a sanitizer sees what is read beyond. The memory is valid until the next call.
 * Returns: whether the packet has no fault.
 */
bool packet_parse(NetPacket *packet, const uint8_t *data, size_t len, uint32_t vnet_hdr_len);

/** Up to which length, exclusively, a frame cut there has which fault; the last: SIZE_MAX. */
typedef struct PacketCutFault {
    size_t until;
    NetPacketFault fault;
} PacketCutFault;

NetPacketFault packet_cut_fault(const PacketCutFault *faults, size_t len);

/**
 * packet_set_ip_len: so that the frame in @buf, cut at @end, has the length that IP tells
 *
 * Then what is inside is the first to see the cut.
 */
void packet_set_ip_len(uint8_t *buf, const PacketLayout *at, bool is_ipv6, size_t end);

/** packet_check_bounds: what holds for every packet, whatever is in it. */
void packet_check_bounds(const NetPacket *packet);

#endif
