/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Announces the VM to the network of the new host. */

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
 * handover_announce_learn: learn the guest's addresses from frames that were handed over
 *
 * Unicast frames have its MAC address. Only answers to its own ARP and neighbour discovery have
 * its addresses: another frame may be for a host behind it.
 */
void handover_announce_learn(HandoverAnnounce *announce, const NetFrame *frames, size_t n);

/** handover_announce_send: a RARP, an ARP or a neighbour advertisement for each that is known. */
void handover_announce_send(const HandoverAnnounce *announce, NetFilter *nf);

#endif
