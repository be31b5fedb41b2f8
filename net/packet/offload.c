/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Turns a frame with a virtio-net header into plain Ethernet frames, in software. */

/*
 * The maker of a virtio-net header may leave two things to the next sender of the frame: the
 * checksum of the transport header, and cutting a long TCP or UDP payload into segments. They are
 * done here if the receiver of a frame knows no such header.
 *
 * net_offload_init() reads each length and offset once and checks it against the frame; making a
 * segment then only copies and writes to places that are known to exist. Segment number i follows
 * from i alone, so one that was not taken can be made again later.
 */

#include "net/packet/offload.h"

#include <netinet/in.h>
#include <string.h>
#include <glib.h>

#include "net/packet/checksum.h"
#include "util/bytes.h"

/* The virtio-net header (virtio 1.2, 5.1.6). */
#define VNET_FLAGS 0u
#define VNET_GSO_TYPE 1u
#define VNET_GSO_SIZE 4u
#define VNET_CSUM_START 6u
#define VNET_CSUM_OFFSET 8u

#define VNET_F_NEEDS_CSUM 1u
#define VNET_F_DATA_VALID 2u

#define VNET_GSO_NONE 0u
#define VNET_GSO_TCPV4 1u
#define VNET_GSO_UDP 3u
#define VNET_GSO_TCPV6 4u
#define VNET_GSO_UDP_L4 5u
#define VNET_GSO_ECN 0x80u

/* Offsets and sizes of Ethernet, IP, TCP and UDP headers. */
#define ETH_LEN 14u
#define ETH_TYPE 12u
#define VLAN_LEN 4u

#define IPV4_LEN 20u
#define IPV4_TOTAL_LEN 2u
#define IPV4_ID 4u
#define IPV4_FRAGMENT 6u
#define IPV4_PROTOCOL 9u
#define IPV4_CSUM 10u
#define IPV4_SOURCE 12u

#define IPV6_LEN 40u
#define IPV6_PAYLOAD_LEN 4u
#define IPV6_NEXT_HEADER 6u
#define IPV6_SOURCE 8u

#define TCP_LEN 20u
#define TCP_SEQUENCE 4u
#define TCP_DATA_OFFSET 12u
#define TCP_FLAGS 13u
#define TCP_CSUM 16u
#define TCP_FIN 0x01u
#define TCP_PSH 0x08u
#define TCP_CWR 0x80u

#define UDP_LEN 8u
#define UDP_LENGTH 4u
#define UDP_CSUM 6u

static bool refuse(const char **why, const char *reason)
{
    if (why) {
        *why = reason;
    }
    return false;
}

/* --- Checksums --------------------------------------------------------------------------- */

/* Sum @len bytes at @data, whose field at @at counts as 0, and store the result there. */
static void checksum_store(uint64_t sum, uint8_t *data, uint32_t len, uint32_t at)
{
    uint16_t csum;

    memset(data + at, 0, sizeof(csum));
    csum = net_checksum_finish_nonzero(net_checksum_add(sum, data, len));
    memcpy(data + at, &csum, sizeof(csum));
}

/* --- Reading the headers ----------------------------------------------------------------- */

/* Find the IP header behind Ethernet and VLAN tags. */
static bool offload_find_network(NetOffload *offload, const char **why)
{
    uint32_t at = ETH_TYPE;
    uint16_t type;

    do {
        if (offload->len < at + 2) {
            return refuse(why, "the frame ends within its Ethernet header");
        }
        type = get_be16(offload->data + at);
        at += type == 0x8100 || type == 0x88a8 || type == 0x9100 ? VLAN_LEN : 2;
    } while (type == 0x8100 || type == 0x88a8 || type == 0x9100);
    if (type != 0x0800 && type != 0x86dd) {
        return refuse(why, "the frame to be segmented is not IP");
    }
    offload->is_ipv6 = type == 0x86dd;
    offload->network = at;
    return true;
}

/* @ip_len: of the packet by its header; 0 = more than fits the field. */
static bool offload_cut_padding(NetOffload *offload, uint32_t ip_len, const char **why)
{
    if (ip_len > offload->len - offload->network) {
        return refuse(why, "the frame is shorter than its IP header says");
    }
    if (ip_len > 0) {
        offload->len = offload->network + ip_len;
    }
    return true;
}

static bool offload_parse_ipv4(NetOffload *offload, const char **why)
{
    const uint8_t *ip = offload->data + offload->network;
    uint32_t header_len;

    if (offload->len - offload->network < IPV4_LEN) {
        return refuse(why, "the frame ends within its IPv4 header");
    }
    header_len = (ip[0] & 0xf) * 4u;
    if (ip[0] >> 4 != 4 || header_len < IPV4_LEN) {
        return refuse(why, "the IPv4 header is malformed");
    }
    if (get_be16(ip + IPV4_FRAGMENT) & 0x3fff) {
        return refuse(why, "an IP fragment cannot be segmented");
    }
    if (!offload_cut_padding(offload, get_be16(ip + IPV4_TOTAL_LEN), why)) {
        return false;
    }
    if (offload->len - offload->network < header_len) {
        return refuse(why, "the frame ends within its IPv4 header");
    }
    offload->transport = offload->network + header_len;
    return ip[IPV4_PROTOCOL] == offload->protocol ||
           refuse(why, "the IP header names another protocol than the virtio-net header");
}

/* Extension headers that each fragment of a packet would carry too. */
static bool ipv6_is_extension(uint8_t next_header)
{
    return next_header == IPPROTO_HOPOPTS || next_header == IPPROTO_ROUTING ||
           next_header == IPPROTO_DSTOPTS;
}

static bool offload_skip_extensions(NetOffload *offload, uint8_t next_header, const char **why)
{
    uint32_t at = offload->transport;

    while (ipv6_is_extension(next_header)) {
        const uint8_t *extension = offload->data + at;
        uint32_t left = offload->len - at;

        if (left < 8 || left < (extension[1] + 1u) * 8) {
            return refuse(why, "the frame ends within an IPv6 extension header");
        }
        if (next_header == IPPROTO_ROUTING && extension[3] > 0) {
            return refuse(why, "an IPv6 routing header is still to be followed");
        }
        next_header = extension[0];
        at += (extension[1] + 1u) * 8;
    }
    offload->transport = at;
    if (next_header == IPPROTO_FRAGMENT) {
        return refuse(why, "an IP fragment cannot be segmented");
    }
    return next_header == offload->protocol ||
           refuse(why, "the IP header names another protocol than the virtio-net header");
}

static bool offload_parse_ipv6(NetOffload *offload, const char **why)
{
    const uint8_t *ip = offload->data + offload->network;
    uint32_t payload_len;

    if (offload->len - offload->network < IPV6_LEN) {
        return refuse(why, "the frame ends within its IPv6 header");
    }
    if (ip[0] >> 4 != 6) {
        return refuse(why, "the IPv6 header is malformed");
    }
    payload_len = get_be16(ip + IPV6_PAYLOAD_LEN);
    if (payload_len == 0 && ip[IPV6_NEXT_HEADER] == IPPROTO_HOPOPTS) {
        return refuse(why, "an IPv6 jumbogram cannot be segmented");
    }
    if (!offload_cut_padding(offload, payload_len > 0 ? IPV6_LEN + payload_len : 0, why)) {
        return false;
    }
    offload->transport = offload->network + IPV6_LEN;
    return offload_skip_extensions(offload, ip[IPV6_NEXT_HEADER], why);
}

static bool offload_parse_transport(NetOffload *offload, const char **why)
{
    bool is_tcp = offload->protocol == IPPROTO_TCP;
    uint32_t least = is_tcp ? TCP_LEN : UDP_LEN;
    uint32_t left = offload->len - offload->transport;
    uint32_t header_len = least;

    if (left >= least && is_tcp) {
        header_len = (offload->data[offload->transport + TCP_DATA_OFFSET] >> 4) * 4u;
    }
    if (left < least || left < header_len) {
        return refuse(why, "the frame ends within its TCP or UDP header");
    }
    if (header_len < least) {
        return refuse(why, "the TCP header is malformed");
    }
    offload->payload = offload->transport + header_len;
    return offload->payload <= NET_OFFLOAD_HEADERS_MAX ||
           refuse(why, "the headers of the frame are too long");
}

static bool offload_count_segments(NetOffload *offload, const char **why)
{
    uint32_t payload_len = offload->len - offload->payload;

    if (offload->gso_size == 0) {
        return refuse(why, "the size of the segments is 0");
    }
    if (net_offload_segment_size(offload) - offload->network > 0xffff) {
        return refuse(why, "the segments are too long for IP");
    }
    offload->n_segments = MAX(1, (payload_len + offload->gso_size - 1) / offload->gso_size);
    return offload->n_segments <= NET_BATCH_MAX ||
           refuse(why, "the frame makes too many segments");
}

/* What each kind of segmentation is about. */
static bool offload_parse_gso_type(NetOffload *offload, uint8_t gso_type, const char **why)
{
    uint8_t kind = gso_type & (uint8_t)~VNET_GSO_ECN;

    if (kind == VNET_GSO_UDP) {
        return refuse(why, "UDP fragmentation (UFO) is not supported");
    }
    if (kind != VNET_GSO_TCPV4 && kind != VNET_GSO_TCPV6 && gso_type != VNET_GSO_UDP_L4) {
        return refuse(why, "this kind of segmentation is not supported");
    }
    if (!offload_find_network(offload, why)) {
        return false;
    }
    offload->protocol = kind == VNET_GSO_UDP_L4 ? IPPROTO_UDP : IPPROTO_TCP;
    if (kind != VNET_GSO_UDP_L4 && offload->is_ipv6 != (kind == VNET_GSO_TCPV6)) {
        return refuse(why, "the frame has another version of IP than its virtio-net header");
    }
    return true;
}

static bool offload_init_gso(NetOffload *offload, const uint8_t *vnet, const char **why)
{
    offload->gso_size = get_le16(vnet + VNET_GSO_SIZE);
    if (!offload_parse_gso_type(offload, vnet[VNET_GSO_TYPE], why) ||
        !(offload->is_ipv6 ? offload_parse_ipv6(offload, why)
                           : offload_parse_ipv4(offload, why)) ||
        !offload_parse_transport(offload, why)) {
        return false;
    }
    /* Another place would mean a tunnel, whose inner headers this does not know. */
    if (vnet[VNET_FLAGS] & VNET_F_NEEDS_CSUM &&
        get_le16(vnet + VNET_CSUM_START) != offload->transport) {
        return refuse(why, "the checksum does not start at the TCP or UDP header");
    }
    return offload_count_segments(offload, why);
}

static bool offload_init_csum(NetOffload *offload, const uint8_t *vnet, const char **why)
{
    offload->n_segments = 1;
    offload->needs_csum = vnet[VNET_FLAGS] & VNET_F_NEEDS_CSUM;
    if (!offload->needs_csum) {
        return true;
    }
    offload->csum_start = get_le16(vnet + VNET_CSUM_START);
    offload->csum_at = offload->csum_start + get_le16(vnet + VNET_CSUM_OFFSET);
    if (offload->csum_start < ETH_LEN) {
        return refuse(why, "the checksum starts within the Ethernet header");
    }
    return offload->csum_at + 2 <= offload->len ||
           refuse(why, "the checksum lies beyond the end of the frame");
}

bool net_offload_init(NetOffload *offload, const NetFrame *frame, const char **why)
{
    uint32_t hdr_len = frame->vnet_hdr_len;

    *offload = (NetOffload) { 0 };
    if (hdr_len != 10 && hdr_len != 12 && hdr_len != 20 && hdr_len != 24) {
        return refuse(why, "a virtio-net header has no such length");
    }
    if (frame->len <= hdr_len) {
        return refuse(why, "there is nothing behind the virtio-net header");
    }
    if (frame->data[VNET_FLAGS] & ~(VNET_F_NEEDS_CSUM | VNET_F_DATA_VALID)) {
        return refuse(why, "the virtio-net header has a flag that is not supported");
    }
    offload->data = frame->data + hdr_len;
    offload->len = frame->len - hdr_len;
    return frame->data[VNET_GSO_TYPE] == VNET_GSO_NONE
           ? offload_init_csum(offload, frame->data, why)
           : offload_init_gso(offload, frame->data, why);
}

/* --- Making the segments ----------------------------------------------------------------- */

/* The length fields and, over IPv4, the identification and the checksum. */
static void segment_write_ip(const NetOffload *offload, uint8_t *segment, uint32_t len)
{
    uint8_t *ip = segment + offload->network;
    uint32_t header_len = (ip[0] & 0xf) * 4u;

    if (offload->is_ipv6) {
        put_be16(ip + IPV6_PAYLOAD_LEN, len - offload->network - IPV6_LEN);
        return;
    }
    put_be16(ip + IPV4_TOTAL_LEN, len - offload->network);
    put_be16(ip + IPV4_ID, get_be16(ip + IPV4_ID) + offload->next);
    checksum_store(0, ip, header_len, IPV4_CSUM);
}

static void segment_write_tcp(const NetOffload *offload, uint8_t *tcp)
{
    put_be32(tcp + TCP_SEQUENCE,
             get_be32(tcp + TCP_SEQUENCE) + offload->next * offload->gso_size);
    if (offload->next > 0) {
        tcp[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
    }
    if (offload->next + 1 < offload->n_segments) {
        tcp[TCP_FLAGS] &= (uint8_t)~(TCP_FIN | TCP_PSH);
    }
}

/* The sum of the fields that TCP and UDP take from the IP header. */
static uint64_t segment_pseudo_sum(const NetOffload *offload, const uint8_t *segment,
                                   uint32_t transport_len)
{
    const uint8_t *ip = segment + offload->network;
    uint8_t rest[8] = { [7] = offload->protocol };
    uint64_t sum = offload->is_ipv6 ? net_checksum_add(0, ip + IPV6_SOURCE, 32)
                                    : net_checksum_add(0, ip + IPV4_SOURCE, 8);

    put_be32(rest, transport_len);
    return net_checksum_add(sum, rest, sizeof(rest));
}

static void segment_write_transport(const NetOffload *offload, uint8_t *segment, uint32_t len)
{
    uint8_t *transport = segment + offload->transport;
    uint32_t transport_len = len - offload->transport;
    uint64_t sum = segment_pseudo_sum(offload, segment, transport_len);

    if (offload->protocol == IPPROTO_TCP) {
        segment_write_tcp(offload, transport);
        checksum_store(sum, transport, transport_len, TCP_CSUM);
    } else {
        put_be16(transport + UDP_LENGTH, transport_len);
        checksum_store(sum, transport, transport_len, UDP_CSUM);
    }
}

/* Returns: the length of the segment. */
static uint32_t offload_make_segment(const NetOffload *offload, uint8_t *segment)
{
    uint32_t from = offload->payload + offload->next * offload->gso_size;
    uint32_t payload_len = MIN(offload->len - from, offload->gso_size);
    uint32_t len = offload->payload + payload_len;

    memcpy(segment, offload->data, offload->payload);
    memcpy(segment + offload->payload, offload->data + from, payload_len);
    segment_write_ip(offload, segment, len);
    segment_write_transport(offload, segment, len);
    return len;
}

/* The field already holds the sum of the pseudo header, so it counts. */
static void offload_complete_csum(const NetOffload *offload, uint8_t *buffer)
{
    uint64_t sum = net_checksum_add(0, offload->data + offload->csum_start,
                                    offload->len - offload->csum_start);
    uint16_t csum = net_checksum_finish_nonzero(sum);

    memcpy(buffer, offload->data, offload->len);
    memcpy(buffer + offload->csum_at, &csum, sizeof(csum));
}

uint32_t net_offload_segment_size(const NetOffload *offload)
{
    return offload->gso_size > 0 ? MIN(offload->payload + offload->gso_size, offload->len)
                                 : offload->len;
}

bool net_offload_next(NetOffload *offload, uint8_t *buffer, NetFrame *segment)
{
    if (offload->next >= offload->n_segments) {
        return false;
    }
    *segment = (NetFrame) { .data = buffer, .len = offload->len };
    if (offload->gso_size > 0) {
        segment->len = offload_make_segment(offload, buffer);
    } else if (offload->needs_csum) {
        offload_complete_csum(offload, buffer);
    } else {
        segment->data = offload->data;
    }
    offload->next++;
    return true;
}
