/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames made to order: tags, IPv4 or IPv6, TCP and others, checksums right. */

#ifndef TESTS_UNIT_PACKETS_H
#define TESTS_UNIT_PACKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>

/** Room that packet_build() needs at most for what the tests ask. */
#define PACKET_MAX 2048

#define FIN 0x01u
#define SYN 0x02u
#define RST 0x04u
#define PSH 0x08u
#define ACK 0x10u

/** What a frame is made of; zeroed = IPv4, TCP, no tags, no options, no payload. */
typedef struct PacketSpec {
    uint32_t vnet_hdr_len;
    uint8_t vnet_flags;
    unsigned n_tags;
    uint16_t tags[3];          /* their EtherTypes */
    uint16_t ether_type;       /* 0 = IPv4, or IPv6 with @is_ipv6 */
    bool is_ipv6;
    const uint8_t *extensions; /* IPv6, or IPv4 options: chained by the test; NULL = none */
    size_t extensions_len;
    uint8_t next_header;       /* IPv6: type of the first extension header */
    uint16_t fragment;         /* the IPv4 field: flags and offset in units of 8 */
    uint8_t protocol;          /* 0 = TCP */
    uint8_t src;               /* last byte of the addresses */
    uint8_t dst;
    uint16_t src_port;
    uint16_t dst_port;
    uint8_t flags;             /* of TCP */
    uint32_t seq;
    uint32_t ack;
    const uint8_t *options;    /* of TCP; a multiple of 4 */
    size_t options_len;
    const char *payload;       /* a string; NULL = none */
    size_t pad_to;             /* zero bytes behind the packet up to this length, V excluded */
} PacketSpec;

/** Where the headers of a frame begin, found without the code under test. */
typedef struct PacketLayout {
    size_t network;
    size_t transport;
    size_t payload;
    size_t end;       /* of the IP packet */
    size_t len;       /* of the frame */
} PacketLayout;

/** packet_build: @buf: PACKET_MAX bytes. */
PacketLayout packet_build(uint8_t *buf, const PacketSpec *spec);

/** packet_tcp_checksum_is_right: of a frame that packet_build() made, perhaps changed since. */
bool packet_tcp_checksum_is_right(const uint8_t *buf, const PacketLayout *at, bool is_ipv6);

/** packet_get16, packet_get32, packet_put16, packet_put32: big-endian numbers. */
uint16_t packet_get16(const uint8_t *p);
uint32_t packet_get32(const uint8_t *p);
void packet_put16(uint8_t *p, uint16_t value);
void packet_put32(uint8_t *p, uint32_t value);

#endif
