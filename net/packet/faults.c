/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts damaged packets by kind and says so, once in a while. */

#include "net/packet/faults.h"

#include <inttypes.h>

#include "util/log.h"

void net_packet_faults_count(NetPacketFaults *faults, NetPacketFault fault, const char *who)
{
    const char *name = net_packet_fault_name(fault);

    faults->n[fault]++;
    log_limited_warning(who, name, "malformed frame: %s (%" PRIu64 " so far)", name,
                        faults->n[fault]);
}

uint64_t net_packet_faults_total(const NetPacketFaults *faults)
{
    uint64_t sum = 0;

    for (int i = 0; i < NET_PACKET_FAULT__MAX; i++) {
        sum += faults->n[i];
    }
    return sum;
}
