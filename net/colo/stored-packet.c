/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets that colo-compare keeps: their storage, and lists of them. */

/*
 * Packets come and go at the rate of the network, so their memory is not given back but kept by
 * size, up to a limit: most are about as long as a bare ACK or as an Ethernet frame.
 */

#include "net/colo/stored-packet.h"

#include <assert.h>
#include <string.h>
#include <glib.h>

/* Unused memory kept for each size. */
#define POOL_KEEP_BYTES (4u * 1024 * 1024)

static const uint32_t pool_sizes[] = { 128, 2048, 16384, NET_FRAME_MAX };

static_assert(G_N_ELEMENTS(pool_sizes) == COLO_POOL_CLASSES, "a list for each size");

static uint8_t pool_class_of(uint32_t len)
{
    uint8_t class = 0;

    while (len > pool_sizes[class]) {
        class++;
    }
    return class;
}

ColoPacket *colo_pool_copy(ColoPool *pool, const NetFrame *frame)
{
    uint8_t class = pool_class_of(frame->len);
    ColoPacket *packet = pool->unused[class];

    if (packet) {
        pool->unused[class] = packet->next;
        pool->n_unused[class]--;
    } else {
        packet = g_malloc(sizeof(ColoPacket) + pool_sizes[class]);
    }
    *packet = (ColoPacket) {
        .len = frame->len,
        .vnet_hdr_len = frame->vnet_hdr_len,
        .size_class = class,
    };
    memcpy(packet->data, frame->data, frame->len);
    return packet;
}

void colo_pool_give(ColoPool *pool, ColoPacket *packet)
{
    uint8_t class = packet->size_class;

    if (pool->n_unused[class] >= POOL_KEEP_BYTES / pool_sizes[class]) {
        g_free(packet);
        return;
    }
    packet->next = pool->unused[class];
    pool->unused[class] = packet;
    pool->n_unused[class]++;
}

void colo_pool_clear(ColoPool *pool)
{
    for (int class = 0; class < COLO_POOL_CLASSES; class++) {
        while (pool->unused[class]) {
            ColoPacket *packet = pool->unused[class];

            pool->unused[class] = packet->next;
            g_free(packet);
        }
        pool->n_unused[class] = 0;
    }
}

void colo_packet_describe(ColoPacket *packet, const NetPacket *parsed)
{
    packet->transport = parsed->transport;
    packet->payload = parsed->payload;
    packet->end = parsed->end;
    packet->protocol = parsed->protocol;
    packet->tcp_flags = parsed->tcp_flags;
    packet->seq = parsed->tcp_seq;
    packet->ack = parsed->tcp_ack;
    packet->seq_end = parsed->tcp_seq + net_packet_payload_len(parsed);
}

uint32_t colo_packet_cost(const ColoPacket *packet)
{
    return (uint32_t)sizeof(ColoPacket) + pool_sizes[packet->size_class];
}

/* Put it behind @before; NULL = at the front. */
static void list_insert(ColoList *list, ColoPacket *before, ColoPacket *packet)
{
    packet->prev = before;
    packet->next = before ? before->next : list->head;
    *(before ? &before->next : &list->head) = packet;
    *(packet->next ? &packet->next->prev : &list->tail) = packet;
    list->n++;
    list->bytes += packet->len;
}

void colo_list_append(ColoList *list, ColoPacket *packet)
{
    list_insert(list, list->tail, packet);
}

/* Almost always it is the last. */
void colo_list_insert_by_seq(ColoList *list, ColoPacket *packet)
{
    ColoPacket *before = list->tail;

    while (before && (int32_t)(packet->seq - before->seq) < 0) {
        before = before->prev;
    }
    list_insert(list, before, packet);
}

void colo_list_remove(ColoList *list, ColoPacket *packet)
{
    *(packet->prev ? &packet->prev->next : &list->head) = packet->next;
    *(packet->next ? &packet->next->prev : &list->tail) = packet->prev;
    packet->prev = NULL;
    packet->next = NULL;
    list->n--;
    list->bytes -= packet->len;
}
