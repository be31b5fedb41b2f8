/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts damaged packets by kind and says so, once in a while. */

#ifndef NET_PACKET_FAULTS_H
#define NET_PACKET_FAULTS_H

#include <stdint.h>
#include "net/packet/packet.h"

/** Embedded; zeroed = none seen. */
typedef struct NetPacketFaults {
    uint64_t n[NET_PACKET_FAULT__MAX];
} NetPacketFaults;

/**
 * net_packet_faults_count: one more packet with @fault
 * @who: for the message, e.g. "filter 'rw'"
 */
void net_packet_faults_count(NetPacketFaults *faults, NetPacketFault fault, const char *who);

/** net_packet_faults_total: packets of all kinds. */
uint64_t net_packet_faults_total(const NetPacketFaults *faults);

#endif
