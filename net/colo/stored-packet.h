/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets that colo-compare keeps: their storage, and lists of them. */

#ifndef NET_COLO_STORED_PACKET_H
#define NET_COLO_STORED_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/packet/frame.h"
#include "net/packet/packet.h"

/** Whose packet it is. */
typedef enum ColoSide {
    COLO_SIDE_PRIMARY,
    COLO_SIDE_SECONDARY,
    COLO_SIDE__MAX,
} ColoSide;

/** A copy of a frame with the fields that the comparison needs. */
typedef struct ColoPacket {
    struct ColoPacket *prev; /* in its list */
    struct ColoPacket *next; /* ... or among the unused ones of the pool */
    int64_t arrived_ns;      /* by the clock of the pool's user */
    uint32_t len;            /* of the frame */
    uint32_t vnet_hdr_len;
    uint32_t transport;      /* offsets in @data, as in NetPacket */
    uint32_t payload;
    uint32_t end;
    uint32_t seq;            /* of TCP: number of the first payload byte */
    uint32_t seq_end;        /* ... and the one behind the last */
    uint32_t ack;
    uint8_t tcp_flags;
    uint8_t protocol;        /* of IPv4; 0 = not looked into */
    bool matched;            /* an equal one of the other side has been found */
    uint8_t size_class;
    uint8_t data[];
} ColoPacket;

#define COLO_POOL_CLASSES 4

/** Storage for packets that is used again and again. Embedded; zeroed = empty. */
typedef struct ColoPool {
    ColoPacket *unused[COLO_POOL_CLASSES];
    uint32_t n_unused[COLO_POOL_CLASSES];
} ColoPool;

/** colo_pool_copy: a copy of @frame, on no list; fields that @packet lacks are 0. Owned. */
ColoPacket *colo_pool_copy(ColoPool *pool, const NetFrame *frame);

/** colo_pool_give: the packet is no longer needed. */
void colo_pool_give(ColoPool *pool, ColoPacket *packet);

/** colo_pool_clear: free what is unused. */
void colo_pool_clear(ColoPool *pool);

/** colo_packet_describe: take over the fields that @parsed has of the copied frame. */
void colo_packet_describe(ColoPacket *packet, const NetPacket *parsed);

/** colo_packet_cost: bytes of memory that it takes. */
uint32_t colo_packet_cost(const ColoPacket *packet);

/** colo_packet_frame: a view of it. */
static inline NetFrame colo_packet_frame(const ColoPacket *packet)
{
    return (NetFrame) { packet->data, packet->len, packet->vnet_hdr_len };
}

/** Packets in a row. Zeroed = empty. */
typedef struct ColoList {
    ColoPacket *head;
    ColoPacket *tail;
    uint32_t n;
    uint64_t bytes; /* of frames */
} ColoList;

void colo_list_append(ColoList *list, ColoPacket *packet);

/** colo_list_insert_by_seq: behind those whose number is not greater, modulo 2^32. */
void colo_list_insert_by_seq(ColoList *list, ColoPacket *packet);

/** colo_list_remove: @packet, which is on @list, is then the caller's. */
void colo_list_remove(ColoList *list, ColoPacket *packet);

#endif
