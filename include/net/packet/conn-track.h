/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections: the keys of packets, and a table of connections with a limit. */

#ifndef NET_PACKET_CONN_TRACK_H
#define NET_PACKET_CONN_TRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>

#include "net/packet/packet.h"

/** Connections in one table at most (docs/reference-colo.rst). */
#define NET_CONN_MAX 16384u

/** Longest virtio-net header of a frame that is tracked. */
#define NET_CONN_VNET_HDR_MAX 20u

/** The way of a packet. Two ways belong to one conversation, see net_conn_key_reverse(). */
typedef struct NetConnKey {
    uint32_t src_be; /* addresses and ports as they lie in the packet */
    uint32_t dst_be;
    uint16_t src_port_be;
    uint16_t dst_port_be;
    uint32_t protocol;
} NetConnKey;

/**
 * net_conn_key_init: the key of a packet
 * @key: (out) set when it can be tracked
 *
 * The ports are the first four bytes behind the IP header of TCP, UDP, DCCP, ESP, SCTP and
 * UDP-Lite, bytes 4 to 7 of AH, and 0 for all else. Not tracked: packets with a fault, other
 * than IPv4, with a customer VLAN tag (0x8100) outermost, later fragments, and frames with a
 * virtio-net header longer than NET_CONN_VNET_HDR_MAX.
 * Source: docs/reference-colo.rst, "Connections".
 *
 * Returns: whether the packet can be tracked.
 */
bool net_conn_key_init(NetConnKey *key, const NetPacket *packet);

/** net_conn_key_reverse: swap the ends: the key of the answer. */
void net_conn_key_reverse(NetConnKey *key);

/** What is lost when a connection is forgotten to make room. The lower the sooner. */
typedef enum NetConnClass {
    NET_CONN_LINGERING, /* it is over; late packets may come */
    NET_CONN_IDLE,      /* nothing is lost */
    NET_CONN_BUSY,      /* something is */
    NET_CONN_CLASS__MAX,
} NetConnClass;

/** The first member of each entry of a table. */
typedef struct NetConn {
    NetConnKey key;
    NetConnClass class;
    int64_t used_ns;     /* by the clock of the table's user */
    GList by_use;        /* in its class, longest unused first */
    GList by_age;        /* in the table, oldest first */
} NetConn;

/** What a table is for; constant. */
typedef struct NetConnTableInfo {
    size_t conn_size;    /* of the instance; its first member is NetConn, the rest is zeroed */
    unsigned max;        /* connections; 0 = NET_CONN_MAX */
    bool may_evict_busy; /* when there is no other to make room; else a new one is refused */
    /** Called before a connection is freed for whatever reason; may be NULL. */
    void (*finalize)(NetConn *conn, void *opaque);
} NetConnTableInfo;

/** What a table has counted; added = removed + evicted + there now. */
typedef struct NetConnStats {
    uint64_t added;
    uint64_t removed;
    uint64_t evicted;  /* to make room for another */
    uint64_t refused;  /* there was no room */
    unsigned peak;     /* most at a time */
} NetConnStats;

typedef struct NetConnTable NetConnTable;

/** net_conn_table_new: @opaque: for @info's finalize(). Returns: owned by the caller. */
NetConnTable *net_conn_table_new(const NetConnTableInfo *info, void *opaque);

/** net_conn_table_free: with all connections; NULL is legal. */
void net_conn_table_free(NetConnTable *table);

/** net_conn_table_find: borrowed; NULL = not there. */
NetConn *net_conn_table_find(const NetConnTable *table, const NetConnKey *key);

/**
 * net_conn_table_add: a new connection, of class NET_CONN_IDLE; @key is not there yet
 *
 * In a full table the longest unused connection of the lowest class makes room.
 * Returns: borrowed; NULL when no connection may make room.
 */
NetConn *net_conn_table_add(NetConnTable *table, const NetConnKey *key, int64_t now_ns);

/** net_conn_table_remove: forget @conn. */
void net_conn_table_remove(NetConnTable *table, NetConn *conn);

/** net_conn_table_touch: @conn is used now; @now_ns: by the clock of the table's user. */
void net_conn_table_touch(NetConnTable *table, NetConn *conn, int64_t now_ns);

/** net_conn_table_set_class: in a new class it counts as the last used. */
void net_conn_table_set_class(NetConnTable *table, NetConn *conn, NetConnClass class);

/** net_conn_table_longest_unused: of a class; NULL = none. */
NetConn *net_conn_table_longest_unused(const NetConnTable *table, NetConnClass class);

/**
 * net_conn_table_oldest, net_conn_table_next: all in order of first use; NULL = no more
 *
 * To remove one on the way, ask for the next before.
 */
NetConn *net_conn_table_oldest(const NetConnTable *table);
NetConn *net_conn_table_next(const NetConn *conn);

/** net_conn_table_size: connections that are there. */
unsigned net_conn_table_size(const NetConnTable *table);

/** net_conn_table_class_size: those of one class. */
unsigned net_conn_table_class_size(const NetConnTable *table, NetConnClass class);

/** net_conn_table_stats: since the table was made. Borrowed. */
const NetConnStats *net_conn_table_stats(const NetConnTable *table);

#endif
