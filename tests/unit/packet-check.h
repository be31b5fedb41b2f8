/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parsing of packets in the tests of the parser, and what holds for all of them. */

#ifndef TESTS_UNIT_PACKET_CHECK_H
#define TESTS_UNIT_PACKET_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/packet.h"

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

/** packet_check_bounds: what holds for every packet, whatever is in it. */
void packet_check_bounds(const NetPacket *packet);

#endif
