/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells the network of the new host that the VM is there now. */

#ifndef NET_FILTER_HANDOVER_ANNOUNCE_H
#define NET_FILTER_HANDOVER_ANNOUNCE_H

#include "net/filter.h"

#define ANNOUNCE_MAX 16u

/** An IPv4 or IPv6 address of the guest, and the MAC address that it belongs to. */
typedef struct AnnounceAddress {
    uint8_t mac[6];
    uint8_t size; /* 4 or 16 */
    uint8_t bytes[16];
} AnnounceAddress;

/** What is known of the guest; zeroed = nothing. */
typedef struct HandoverAnnounce {
    bool is_given; /* by the properties: nothing is to be learned */
    size_t n_macs;
    uint8_t macs[ANNOUNCE_MAX][6];
    size_t n_addresses;
    AnnounceAddress addresses[ANNOUNCE_MAX];
} HandoverAnnounce;

/** handover_announce_init: read guest-mac and guest-addresses. */
bool handover_announce_init(HandoverAnnounce *announce, const FilterHandoverProperties *props,
                            GError **error);

/**
 * handover_announce_learn: see what frames that were handed over tell of the guest
 *
 * Unicast frames tell its MAC address. Only frames that answer its own ARP and neighbour
 * discovery tell its addresses: any other may be for somebody behind it.
 */
void handover_announce_learn(HandoverAnnounce *announce, const NetFrame *frames, size_t n);

/** handover_announce_send: a RARP, an ARP or a neighbour advertisement for each that is known. */
void handover_announce_send(const HandoverAnnounce *announce, NetFilter *nf);

#endif
