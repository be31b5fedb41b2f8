/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is inside a frame: Ethernet, VLAN tags, IP, TCP, UDP, ICMP; checked once, here. */

#ifndef NET_PACKET_PACKET_H
#define NET_PACKET_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/packet/frame.h"

/* EtherTypes. */
#define NET_ETHERTYPE_IPV4 0x0800u
#define NET_ETHERTYPE_VLAN 0x8100u /* IEEE 802.1Q customer tag */
#define NET_ETHERTYPE_QINQ 0x88a8u /* IEEE 802.1ad service tag */
#define NET_ETHERTYPE_IPV6 0x86ddu

/* IP protocols that this module or users of a NetPacket distinguish. */
#define NET_PROTOCOL_ICMP 1u
#define NET_PROTOCOL_TCP 6u
#define NET_PROTOCOL_UDP 17u
#define NET_PROTOCOL_DCCP 33u
#define NET_PROTOCOL_ESP 50u
#define NET_PROTOCOL_AH 51u
#define NET_PROTOCOL_ICMPV6 58u
#define NET_PROTOCOL_SCTP 132u
#define NET_PROTOCOL_UDP_LITE 136u

/* Flags of a TCP segment. */
#define NET_TCP_FIN 0x01u
#define NET_TCP_SYN 0x02u
#define NET_TCP_RST 0x04u
#define NET_TCP_PSH 0x08u
#define NET_TCP_ACK 0x10u
#define NET_TCP_URG 0x20u

/** Why a frame could not be read to its end. */
typedef enum NetPacketFault {
    NET_PACKET_FAULT_NONE,
    NET_PACKET_FAULT_VNET_HDR,        /* the frame ends in its virtio-net header */
    NET_PACKET_FAULT_ETHERNET,        /* ... in the Ethernet header */
    NET_PACKET_FAULT_VLAN,            /* ... in a VLAN tag */
    NET_PACKET_FAULT_IPV4_SHORT,      /* ... in the IPv4 header */
    NET_PACKET_FAULT_IPV4_VERSION,    /* the version is not 4 */
    NET_PACKET_FAULT_IPV4_HEADER_LEN, /* the header's length is less than 20 */
    NET_PACKET_FAULT_IPV4_LEN,        /* total length less than the header or beyond the frame */
    NET_PACKET_FAULT_IPV6_SHORT,      /* the frame ends in the IPv6 header */
    NET_PACKET_FAULT_IPV6_VERSION,    /* the version is not 6 */
    NET_PACKET_FAULT_IPV6_LEN,        /* payload length beyond the frame, or a jumbogram */
    NET_PACKET_FAULT_IPV6_EXTENSION,  /* an extension header cut, or too many of them */
    NET_PACKET_FAULT_FRAGMENT,        /* a fragment that ends beyond 65535 */
    NET_PACKET_FAULT_TCP_SHORT,       /* the packet ends in the TCP header */
    NET_PACKET_FAULT_TCP_OFFSET,      /* data offset less than 20 or beyond the packet */
    NET_PACKET_FAULT_UDP_SHORT,       /* the packet ends in the UDP header */
    NET_PACKET_FAULT_UDP_LEN,         /* length less than 8 or beyond the packet */
    NET_PACKET_FAULT_ICMP_SHORT,      /* the packet ends in the ICMP header */
    NET_PACKET_FAULT_PORTS_SHORT,     /* ... in the ports, or the SPI, of another protocol */
    NET_PACKET_FAULT__MAX,
} NetPacketFault;

/** What follows the IP header. */
typedef enum NetTransport {
    NET_TRANSPORT_NONE,  /* no IP, a later fragment, or a fault before it */
    NET_TRANSPORT_TCP,
    NET_TRANSPORT_UDP,
    NET_TRANSPORT_ICMP,  /* or ICMPv6 */
    NET_TRANSPORT_OTHER, /* @protocol says which */
} NetTransport;

/**
 * A frame taken apart. Offsets count from @data; those of headers that are not there, or lie
 * behind the fault, are 0.
 */
typedef struct NetPacket {
    const uint8_t *data;      /* borrowed: the frame's, virtio-net header included */
    uint32_t len;             /* of the frame */
    NetPacketFault fault;

    uint32_t vnet_hdr_len;    /* = offset of the Ethernet header */
    uint32_t network;         /* behind Ethernet header and tags */
    uint32_t transport;       /* behind the IP header (and IPv6 extension headers) */
    uint32_t payload;         /* behind the TCP, UDP or ICMP header; else = @transport */
    uint32_t end;             /* of the IP packet; behind it only padding. Without IP: @len */

    uint16_t outer_type;      /* EtherType at offset 12 of the frame, a tag's included */
    uint16_t ether_type;      /* of the header at @network */
    uint8_t n_tags;           /* VLAN tags, 0 to 2 */
    uint8_t ip_version;       /* 4 or 6; 0 = no IP */
    uint8_t protocol;         /* IPv4 protocol, or last IPv6 next header */
    bool is_fragment;         /* one part of an IP packet */
    uint16_t fragment_offset; /* in bytes; not 0 = a later fragment: @transport is no header */

    NetTransport kind;
    uint8_t tcp_flags;        /* of TCP: flags and numbers in host byte order */
    uint32_t tcp_seq;
    uint32_t tcp_ack;
} NetPacket;

/** A TCP option inside a packet. */
typedef struct NetTcpOption {
    uint8_t kind;
    uint8_t len;    /* whole, kind and length included; at least 2 */
    uint32_t value; /* offset in the frame, @len - 2 bytes */
} NetTcpOption;

/**
 * net_packet_parse: take a frame apart, without a copy
 * @packet: (out) filled as far as the frame can be read
 *
 * All lengths are checked against the frame and against those around them, so that offsets in
 * @packet may be used as they are. Not all Ethernet is IP: a frame of another kind is no fault.
 * Source: IEEE 802.3 and 802.1Q, RFC 791, 793, 768, 792, 8200.
 *
 * Returns: whether there is no fault.
 */
bool net_packet_parse(NetPacket *packet, const NetFrame *frame);

/** net_packet_fault_name: for messages, e.g. "TCP header cut short". */
const char *net_packet_fault_name(NetPacketFault fault);

/**
 * net_packet_next_option: the TCP options of a packet one after the other
 * @pos: (inout) start with 0
 *
 * No-operations are skipped. Returns: false at the end, or at an option that is cut.
 */
bool net_packet_next_option(const NetPacket *packet, uint32_t *pos, NetTcpOption *option);

/** NetTcpTimestamps: the values of the option timestamps (RFC 7323), in host byte order. */
typedef struct NetTcpTimestamps {
    uint32_t own;  /* TSval: by the sender's clock */
    uint32_t echo; /* TSecr: by the receiver's; means nothing without ACK */
} NetTcpTimestamps;

/** net_packet_timestamps: Returns: whether the packet has them, and @timestamps is set. */
bool net_packet_timestamps(const NetPacket *packet, NetTcpTimestamps *timestamps);

/** net_packet_payload_len: bytes behind the transport header, Ethernet padding left out. */
static inline uint32_t net_packet_payload_len(const NetPacket *packet)
{
    return packet->end - packet->payload;
}

/** net_packet_tcp_end: the number behind the segment, in which SYN and FIN count (RFC 793). */
static inline uint32_t net_packet_tcp_end(const NetPacket *packet)
{
    return packet->tcp_seq + net_packet_payload_len(packet) +
           !!(packet->tcp_flags & NET_TCP_SYN) + !!(packet->tcp_flags & NET_TCP_FIN);
}

/**
 * net_packet_needs_checksum: whether its checksum is to be completed by the receiver
 *
 * The field then holds the folded sum of the pseudo-header only (virtio 1.2, 5.1.6.2).
 */
bool net_packet_needs_checksum(const NetPacket *packet);

/* --- Changing a copy --------------------------------------------------------------------- */

/**
 * NetTcpEdit: changes numbers in the TCP header of a copy and then mends its checksum
 *
 * The checksum changes by the difference of the bytes, so it stays right, or wrong, as it was; if
 * the receiver completes it, it does not change, as no number is in the pseudo-header.
 */
typedef struct NetTcpEdit {
    const NetPacket *packet; /* borrowed: offsets are the same in the copy */
    uint8_t *copy;           /* borrowed: of the whole frame */
    uint64_t old_sum;        /* of the header before */
} NetTcpEdit;

/** net_tcp_edit_begin: @packet is TCP without a fault; @copy: of the whole frame. */
void net_tcp_edit_begin(NetTcpEdit *edit, const NetPacket *packet, uint8_t *copy);

void net_tcp_edit_set_seq(NetTcpEdit *edit, uint32_t seq);
void net_tcp_edit_set_ack(NetTcpEdit *edit, uint32_t ack);

/** net_tcp_edit_shift_sack: add to the numbers of selective acknowledgements (RFC 2018). */
void net_tcp_edit_shift_sack(NetTcpEdit *edit, uint32_t shift);

/** net_tcp_edit_shift_timestamps: add to both values, if it has them. */
void net_tcp_edit_shift_timestamps(NetTcpEdit *edit, NetTcpTimestamps shift);

/** net_tcp_edit_end: mend the checksum. */
void net_tcp_edit_end(NetTcpEdit *edit);

#endif
