/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections: the keys of packets, and a table of connections with a limit. */

/*
 * A sender of packets can fill the table. So each connection has a class, and a new one replaces
 * one of the lowest class: first connections that are over, then those that do not matter yet,
 * such as handshakes of a flood. Inside a class it replaces the one that was unused for longest.
 *
 * The hash is keyed with a number drawn at random, so that nobody outside can choose
 * connections that fall into one bucket.
 */

#include "net/packet/conn-track.h"

#include <assert.h>
#include <string.h>

static_assert(sizeof(NetConnKey) == 16, "a key is hashed and compared as a whole");

#define IPV4_SRC_AT 12u
#define IPV4_DST_AT 16u

struct NetConnTable {
    const NetConnTableInfo *info; /* borrowed */
    void *opaque;
    GHashTable *conns;            /* owned set of owned NetConn *, which begin with their key */
    GQueue by_use[NET_CONN_CLASS__MAX];
    GQueue by_age;
    NetConnStats stats;
};

/* Drawn once per process: nothing outside ever sees a hash. */
static uint64_t conn_hash_seed;

/* --- Keys -------------------------------------------------------------------------------- */

/* Where the four bytes that serve as ports are, counted from the IP payload; -1 = nowhere. */
static int protocol_ports_at(uint8_t protocol)
{
    switch (protocol) {
    case NET_PROTOCOL_TCP:
    case NET_PROTOCOL_UDP:
    case NET_PROTOCOL_DCCP:
    case NET_PROTOCOL_ESP:
    case NET_PROTOCOL_SCTP:
    case NET_PROTOCOL_UDP_LITE:
        return 0;
    case NET_PROTOCOL_AH:
        return 4;
    default:
        return -1;
    }
}

static bool packet_is_trackable(const NetPacket *packet)
{
    return packet->fault == NET_PACKET_FAULT_NONE && packet->ip_version == 4 &&
           packet->outer_type != NET_ETHERTYPE_VLAN && packet->fragment_offset == 0 &&
           packet->vnet_hdr_len <= NET_CONN_VNET_HDR_MAX;
}

bool net_conn_key_init(NetConnKey *key, const NetPacket *packet)
{
    int ports_at = protocol_ports_at(packet->protocol);
    const uint8_t *ip;

    if (!packet_is_trackable(packet)) {
        return false;
    }
    ip = packet->data + packet->network;
    *key = (NetConnKey) { .protocol = packet->protocol };
    memcpy(&key->src_be, ip + IPV4_SRC_AT, sizeof(key->src_be));
    memcpy(&key->dst_be, ip + IPV4_DST_AT, sizeof(key->dst_be));
    if (ports_at >= 0) {
        const uint8_t *ports = packet->data + packet->transport + ports_at;

        memcpy(&key->src_port_be, ports, 2);
        memcpy(&key->dst_port_be, ports + 2, 2);
    }
    return true;
}

void net_conn_key_reverse(NetConnKey *key)
{
    *key = (NetConnKey) {
        .src_be = key->dst_be,
        .dst_be = key->src_be,
        .src_port_be = key->dst_port_be,
        .dst_port_be = key->src_port_be,
        .protocol = key->protocol,
    };
}

/* One round of a keyed multiply and shift per half of the key. */
static guint conn_hash(gconstpointer key)
{
    uint64_t halves[2];
    uint64_t hash = conn_hash_seed;

    memcpy(halves, key, sizeof(halves));
    for (size_t i = 0; i < G_N_ELEMENTS(halves); i++) {
        hash = (hash ^ halves[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
        hash *= conn_hash_seed | 1;
        hash ^= hash >> 32;
    }
    return (guint)hash;
}

static gboolean conn_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, sizeof(NetConnKey)) == 0;
}

/* --- The table --------------------------------------------------------------------------- */

NetConnTable *net_conn_table_new(const NetConnTableInfo *info, void *opaque)
{
    NetConnTable *table = g_new0(NetConnTable, 1);

    if (conn_hash_seed == 0) {
        conn_hash_seed = (uint64_t)g_random_int() << 32 | g_random_int() | 1;
    }
    table->info = info;
    table->opaque = opaque;
    table->conns = g_hash_table_new(conn_hash, conn_equal);
    g_queue_init(&table->by_age);
    for (int c = 0; c < NET_CONN_CLASS__MAX; c++) {
        g_queue_init(&table->by_use[c]);
    }
    return table;
}

/* Out of all lists, and freed. */
static void conn_free(NetConnTable *table, NetConn *conn)
{
    if (table->info->finalize) {
        table->info->finalize(conn, table->opaque);
    }
    g_queue_unlink(&table->by_age, &conn->by_age);
    g_queue_unlink(&table->by_use[conn->class], &conn->by_use);
    g_hash_table_remove(table->conns, conn);
    g_free(conn);
}

void net_conn_table_free(NetConnTable *table)
{
    if (!table) {
        return;
    }
    while (table->by_age.head) {
        conn_free(table, table->by_age.head->data);
    }
    g_hash_table_unref(table->conns);
    g_free(table);
}

NetConn *net_conn_table_find(const NetConnTable *table, const NetConnKey *key)
{
    return g_hash_table_lookup(table->conns, key);
}

/* Returns: whether there is room for one more. */
static bool table_make_room(NetConnTable *table)
{
    unsigned max = table->info->max ? table->info->max : NET_CONN_MAX;
    int n_classes = table->info->may_evict_busy ? NET_CONN_CLASS__MAX : NET_CONN_BUSY;

    if (table->by_age.length < max) {
        return true;
    }
    for (int c = 0; c < n_classes; c++) {
        NetConn *conn = net_conn_table_longest_unused(table, c);

        if (conn) {
            table->stats.evicted++;
            conn_free(table, conn);
            return true;
        }
    }
    table->stats.refused++;
    return false;
}

NetConn *net_conn_table_add(NetConnTable *table, const NetConnKey *key, int64_t now_ns)
{
    NetConn *conn;

    if (!table_make_room(table)) {
        return NULL;
    }
    conn = g_malloc0(table->info->conn_size);
    conn->key = *key;
    conn->class = NET_CONN_IDLE;
    conn->used_ns = now_ns;
    conn->by_use.data = conn;
    conn->by_age.data = conn;
    g_queue_push_tail_link(&table->by_use[conn->class], &conn->by_use);
    g_queue_push_tail_link(&table->by_age, &conn->by_age);
    if (!g_hash_table_add(table->conns, conn)) {
        g_assert_not_reached();
    }
    table->stats.added++;
    table->stats.peak = MAX(table->stats.peak, table->by_age.length);
    return conn;
}

void net_conn_table_remove(NetConnTable *table, NetConn *conn)
{
    table->stats.removed++;
    conn_free(table, conn);
}

void net_conn_table_touch(NetConnTable *table, NetConn *conn, int64_t now_ns)
{
    GQueue *queue = &table->by_use[conn->class];

    conn->used_ns = now_ns;
    if (queue->tail != &conn->by_use) {
        g_queue_unlink(queue, &conn->by_use);
        g_queue_push_tail_link(queue, &conn->by_use);
    }
}

void net_conn_table_set_class(NetConnTable *table, NetConn *conn, NetConnClass class)
{
    if (class != conn->class) {
        g_queue_unlink(&table->by_use[conn->class], &conn->by_use);
        g_queue_push_tail_link(&table->by_use[class], &conn->by_use);
        conn->class = class;
    }
}

NetConn *net_conn_table_longest_unused(const NetConnTable *table, NetConnClass class)
{
    const GList *head = table->by_use[class].head;

    return head ? head->data : NULL;
}

NetConn *net_conn_table_oldest(const NetConnTable *table)
{
    return table->by_age.head ? table->by_age.head->data : NULL;
}

NetConn *net_conn_table_next(const NetConn *conn)
{
    return conn->by_age.next ? conn->by_age.next->data : NULL;
}

unsigned net_conn_table_size(const NetConnTable *table)
{
    return table->by_age.length;
}

unsigned net_conn_table_class_size(const NetConnTable *table, NetConnClass class)
{
    return table->by_use[class].length;
}

const NetConnStats *net_conn_table_stats(const NetConnTable *table)
{
    return &table->stats;
}
