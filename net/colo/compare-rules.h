/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules by which colo-compare compares two packets. */

#ifndef NET_COLO_COMPARE_RULES_H
#define NET_COLO_COMPARE_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "net/colo/stored-packet.h"

/** What is known of one side of a TCP connection. Zeroed = nothing. */
typedef struct ColoTcpSide {
    bool has_isn;
    uint32_t isn;    /* number of its last SYN */
    bool has_ack;
    uint32_t ack;    /* highest that it has acknowledged */
    bool has_closed; /* it has sent FIN or RST */
} ColoTcpSide;

/** What the comparison knows of a TCP connection. Zeroed = nothing. */
typedef struct ColoTcp {
    bool has_seen;
    uint32_t seen;   /* number behind the last byte that has been compared, or released */
    ColoTcpSide side[COLO_SIDE__MAX];
} ColoTcp;

/** What becomes of a primary and a secondary packet; bits. */
typedef enum ColoVerdict {
    COLO_VERDICT_DIFFERENT = 0,    /* both stay, and a checkpoint is needed */
    COLO_VERDICT_RELEASE = 1 << 0, /* the primary one goes out */
    COLO_VERDICT_DROP = 1 << 1,    /* the secondary one has served */
} ColoVerdict;

/**
 * colo_tcp_note: a packet of @side has come; before it is compared
 *
 * Returns: whether it opens another connection: the waiting packets of @side are of an old one.
 */
bool colo_tcp_note(ColoTcp *tcp, ColoSide side, const ColoPacket *packet);

/**
 * colo_tcp_checkpoint: the secondary has become what the primary is
 * @primary: the primary's packets that wait; they will go out without comparison
 *
 * So it has sent what they hold, and received all that the primary has acknowledged.
 */
void colo_tcp_checkpoint(ColoTcp *tcp, const ColoList *primary);

/**
 * colo_tcp_compare: the packets with the smallest numbers of both sides
 *
 * Bare segments (without payload) and those that have been seen wholly need no partner; the rests
 * of the two others are compared where their ranges of numbers overlap.
 * Source: docs/reference-colo.rst, "Comparison of TCP".
 *
 * Returns: bits of ColoVerdict.
 */
unsigned colo_tcp_compare(ColoTcp *tcp, const ColoPacket *primary, const ColoPacket *secondary);

/**
 * colo_tcp_is_answered: nothing is left to be said to @packet, of @side, that the other has not
 * @packet: without payload, and neither opens a connection
 *
 * Guests need not acknowledge equally often: a segment that acknowledges no more than the other
 * side has acknowledged needs no partner. One that ends the connection needs the other's end.
 */
bool colo_tcp_is_answered(const ColoTcp *tcp, ColoSide side, const ColoPacket *packet);

/** colo_tcp_is_over: both sides have ended the connection. */
bool colo_tcp_is_over(const ColoTcp *tcp);

/**
 * colo_packets_equal: whether two packets of a protocol other than TCP are the same to a client
 *
 * UDP and ICMP count from behind the IP header, others from the Ethernet header on; padding
 * behind the IP packet does not count.
 * Source: docs/reference-colo.rst, "Other protocols".
 */
bool colo_packets_equal(const ColoPacket *primary, const ColoPacket *secondary);

#endif
