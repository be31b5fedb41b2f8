/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Announces the VM to the network of the new host. */

/*
 * Bridges learn from any frame with the guest's MAC address as its source: a RARP request (RFC
 * 903) does, and asks nothing of anyone. Neighbours that know the guest's address with another
 * MAC address learn from a gratuitous ARP (RFC 5227) or an unsolicited neighbour advertisement
 * (RFC 4861).
 */

#include "net/filter/handover-announce.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "net/packet/checksum.h"
#include "util/error.h"

#define ETH_LEN  14u
#define ARP_LEN  28u
#define IP6_LEN  40u
#define NA_LEN   32u /* with the option of the link-layer address */

#define ETH_TYPE_ARP  0x0806u
#define ETH_TYPE_RARP 0x8035u
#define ETH_TYPE_IPV6 0x86ddu

#define ARP_REQUEST  1u
#define RARP_REQUEST 3u

#define ICMP6_NEIGHBOUR_SOLICITATION  135u
#define ICMP6_NEIGHBOUR_ADVERTISEMENT 136u
#define NA_OVERRIDE 0x20u

static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

/* --- What is known ----------------------------------------------------------------------- */

static uint32_t get_be16(const uint8_t *pos)
{
    return (uint32_t)pos[0] << 8 | pos[1];
}

static void put_be16(uint8_t *pos, uint32_t value)
{
    pos[0] = (uint8_t)(value >> 8);
    pos[1] = (uint8_t)value;
}

static void announce_add_mac(HandoverAnnounce *announce, const uint8_t *mac)
{
    for (size_t i = 0; i < announce->n_macs; i++) {
        if (memcmp(announce->macs[i], mac, 6) == 0) {
            return;
        }
    }
    if (announce->n_macs < ANNOUNCE_MAX) {
        memcpy(announce->macs[announce->n_macs++], mac, 6);
    }
}

static void announce_add_address(HandoverAnnounce *announce, const uint8_t *mac,
                                 const uint8_t *bytes, uint8_t size)
{
    AnnounceAddress address = { .size = size };

    memcpy(address.mac, mac, 6);
    memcpy(address.bytes, bytes, size);
    for (size_t i = 0; i < announce->n_addresses; i++) {
        if (memcmp(&announce->addresses[i], &address, sizeof(address)) == 0) {
            return;
        }
    }
    if (announce->n_addresses < ANNOUNCE_MAX) {
        announce->addresses[announce->n_addresses++] = address;
    }
}

static bool announce_parse_mac(const char *text, uint8_t *mac)
{
    unsigned bytes[6];
    int len = 0;

    if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &bytes[0], &bytes[1], &bytes[2], &bytes[3],
               &bytes[4], &bytes[5], &len) != 6 || text[len] != '\0' || (bytes[0] & 1)) {
        return false;
    }
    for (size_t i = 0; i < 6; i++) {
        mac[i] = (uint8_t)bytes[i];
    }
    return true;
}

static bool announce_parse_address(HandoverAnnounce *announce, const char *text, GError **error)
{
    uint8_t bytes[16];

    if (announce->n_addresses == ANNOUNCE_MAX) {
        return error_set(error, "Property 'filter-handover.guest-addresses' takes at most %u "
                         "addresses", ANNOUNCE_MAX);
    }
    if (inet_pton(AF_INET, text, bytes) == 1) {
        announce_add_address(announce, announce->macs[0], bytes, 4);
    } else if (inet_pton(AF_INET6, text, bytes) == 1) {
        announce_add_address(announce, announce->macs[0], bytes, 16);
    } else {
        return error_set(error, "Property 'filter-handover.guest-addresses' takes IPv4 and IPv6 "
                         "addresses, not '%s'", text);
    }
    return true;
}

bool handover_announce_init(HandoverAnnounce *announce, const FilterHandoverProperties *props,
                            GError **error)
{
    const strList *addresses = props->guest_addresses;

    if (addresses && !props->guest_mac) {
        return error_set(error, "'guest-addresses' needs 'guest-mac'");
    }
    if (!props->guest_mac) {
        return true;
    }
    announce->is_given = true;
    announce->n_macs = 1;
    if (!announce_parse_mac(props->guest_mac, announce->macs[0])) {
        return error_set(error, "Property 'filter-handover.guest-mac' takes the MAC address of a "
                         "NIC, not '%s'", props->guest_mac);
    }
    for (size_t i = 0; addresses && i < addresses->len; i++) {
        if (!announce_parse_address(announce, addresses->items[i], error)) {
            return false;
        }
    }
    return true;
}

/* --- Addresses in frames -------------------------------------------------------------------- */

/* To the guest: the target of an ARP message that has the guest's MAC address in it. */
static void announce_learn_arp(HandoverAnnounce *announce, const uint8_t *mac, const uint8_t *arp)
{
    static const uint8_t ipv4_on_ethernet[] = { 0, 1, 8, 0, 6, 4 };

    if (memcmp(arp, ipv4_on_ethernet, sizeof(ipv4_on_ethernet)) == 0 &&
        memcmp(arp + 18, mac, 6) == 0) {
        announce_add_address(announce, mac, arp + 24, 4);
    }
}

/* Routers do not pass these on, so the destination is the guest itself. */
static void announce_learn_ipv6(HandoverAnnounce *announce, const uint8_t *mac,
                                const uint8_t *ip)
{
    bool is_own = ip[6] == IPPROTO_ICMPV6 && ip[7] == 255 && ip[24] != 0xff &&
                  (ip[IP6_LEN] == ICMP6_NEIGHBOUR_SOLICITATION ||
                   ip[IP6_LEN] == ICMP6_NEIGHBOUR_ADVERTISEMENT);

    if (is_own) {
        announce_add_address(announce, mac, ip + 24, 16);
    }
}

static void announce_learn_frame(HandoverAnnounce *announce, const uint8_t *eth, size_t len)
{
    if (len < ETH_LEN || (eth[0] & 1)) {
        return;
    }
    announce_add_mac(announce, eth);
    if (get_be16(eth + 12) == ETH_TYPE_ARP && len >= ETH_LEN + ARP_LEN) {
        announce_learn_arp(announce, eth, eth + ETH_LEN);
    } else if (get_be16(eth + 12) == ETH_TYPE_IPV6 && len > ETH_LEN + IP6_LEN) {
        announce_learn_ipv6(announce, eth, eth + ETH_LEN);
    }
}

void handover_announce_learn(HandoverAnnounce *announce, const NetFrame *frames, size_t n)
{
    for (size_t i = 0; i < n && !announce->is_given; i++) {
        announce_learn_frame(announce, frames[i].data + frames[i].vnet_hdr_len,
                             frames[i].len - frames[i].vnet_hdr_len);
    }
}

/* --- Announcing -------------------------------------------------------------------------- */

/** Frames are padded to the least that Ethernet carries, as a NIC does it. */
#define ANNOUNCE_LEN 60u

static void announce_send_frame(NetFilter *nf, const uint8_t *data, uint32_t len)
{
    NetFrame frame = { .data = data, .len = len };

    net_stage_inject(&nf->stages[NET_DIRECTION_RX], &frame, 1);
}

static void announce_put_eth(uint8_t *eth, const uint8_t *to, const uint8_t *from, uint32_t type)
{
    memcpy(eth, to, 6);
    memcpy(eth + 6, from, 6);
    put_be16(eth + 12, type);
}

/* @ip: NULL = none */
static void announce_send_arp(NetFilter *nf, const uint8_t *mac, const uint8_t *ip)
{
    uint8_t frame[ANNOUNCE_LEN] = { 0 };
    uint8_t *arp = frame + ETH_LEN;

    announce_put_eth(frame, broadcast, mac, ip ? ETH_TYPE_ARP : ETH_TYPE_RARP);
    put_be16(arp, 1);
    put_be16(arp + 2, 0x0800);
    arp[4] = 6;
    arp[5] = 4;
    put_be16(arp + 6, ip ? ARP_REQUEST : RARP_REQUEST);
    memcpy(arp + 8, mac, 6);
    if (ip) {
        memcpy(arp + 14, ip, 4);
        memcpy(arp + 24, ip, 4);
    } else {
        memcpy(arp + 18, mac, 6);
    }
    announce_send_frame(nf, frame, sizeof(frame));
}

/* As it lies in the packet; the pseudo header is that of RFC 8200, 8.1. */
static uint16_t announce_checksum(const uint8_t *ip6, const uint8_t *na)
{
    uint64_t sum = net_checksum_add(0, ip6 + 8, 32);

    sum = net_checksum_add_word(sum, GUINT32_TO_BE(NA_LEN));
    sum = net_checksum_add_word(sum, GUINT32_TO_BE(IPPROTO_ICMPV6));
    return net_checksum_finish(net_checksum_add(sum, na, NA_LEN));
}

static void announce_send_advertisement(NetFilter *nf, const uint8_t *mac, const uint8_t *ip)
{
    static const uint8_t to_mac[6] = { 0x33, 0x33, 0, 0, 0, 1 };
    static const uint8_t to_ip[16] = { 0xff, 0x02, [15] = 1 };
    uint8_t frame[ETH_LEN + IP6_LEN + NA_LEN] = { 0 };
    uint8_t *ip6 = frame + ETH_LEN;
    uint8_t *na = ip6 + IP6_LEN;
    uint16_t checksum;

    announce_put_eth(frame, to_mac, mac, ETH_TYPE_IPV6);
    ip6[0] = 0x60;
    put_be16(ip6 + 4, NA_LEN);
    ip6[6] = IPPROTO_ICMPV6;
    ip6[7] = 255;
    memcpy(ip6 + 8, ip, 16);
    memcpy(ip6 + 24, to_ip, 16);
    na[0] = ICMP6_NEIGHBOUR_ADVERTISEMENT;
    na[4] = NA_OVERRIDE;
    memcpy(na + 8, ip, 16);
    na[24] = 2; /* target link-layer address, in units of 8 bytes: 1 */
    na[25] = 1;
    memcpy(na + 26, mac, 6);
    checksum = announce_checksum(ip6, na);
    memcpy(na + 2, &checksum, sizeof(checksum));
    announce_send_frame(nf, frame, sizeof(frame));
}

void handover_announce_send(const HandoverAnnounce *announce, NetFilter *nf)
{
    for (size_t i = 0; i < announce->n_macs; i++) {
        announce_send_arp(nf, announce->macs[i], NULL);
    }
    for (size_t i = 0; i < announce->n_addresses; i++) {
        const AnnounceAddress *address = &announce->addresses[i];

        if (address->size == 4) {
            announce_send_arp(nf, address->mac, address->bytes);
        } else {
            announce_send_advertisement(nf, address->mac, address->bytes);
        }
    }
}
