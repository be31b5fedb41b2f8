/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of the connection key and of the table: who makes room, and what is counted. */

#include <string.h>
#include <glib.h>

#include "net/packet/conn-track.h"
#include "cases.h"
#include "packets.h"

/* --- Keys -------------------------------------------------------------------------------- */

/* Parses, and makes the key. The packet's bytes are gone afterwards, as its user's are. */
static bool key_of(NetConnKey *key, const PacketSpec *spec)
{
    uint8_t buf[PACKET_MAX];
    PacketLayout at = packet_build(buf, spec);
    NetFrame frame = { buf, (uint32_t)at.len, spec->vnet_hdr_len };
    NetPacket packet;

    net_packet_parse(&packet, &frame);
    return net_conn_key_init(key, &packet);
}

typedef struct TrackCase {
    const char *name;
    PacketSpec spec;
    bool trackable;
} TrackCase;

static const uint8_t fragment_header[8] = { 6 };

static const TrackCase track_cases[] = {
    { "ipv4", { .payload = "x" }, true },
    { "vnet-20", { .vnet_hdr_len = 20 }, true },
    { "vnet-21", { .vnet_hdr_len = 21 }, false },
    { "vnet-24", { .vnet_hdr_len = 24 }, false },
    { "vlan", { .n_tags = 1, .tags = { 0x8100 } }, false },
    { "vlan-twice", { .n_tags = 2, .tags = { 0x8100, 0x8100 } }, false },
    { "service-tag", { .n_tags = 1, .tags = { 0x88a8 } }, true },
    { "service-and-vlan-tag", { .n_tags = 2, .tags = { 0x88a8, 0x8100 } }, true },
    { "three-tags", { .n_tags = 3, .tags = { 0x88a8, 0x8100, 0x8100 } }, false },
    { "arp", { .ether_type = 0x0806 }, false },
    { "ipv6", { .is_ipv6 = true }, false },
    { "ipv6-fragment", { .is_ipv6 = true, .next_header = 44, .extensions = fragment_header,
                         .extensions_len = 8 }, false },
    { "first-fragment", { .fragment = 0x2000 }, true },
    { "later-fragment", { .fragment = 0x2001 }, false },
    { "last-fragment", { .fragment = 0x0001 }, false },
    { "icmp", { .protocol = 1 }, true },
    { "unknown", { .protocol = 200 }, true },
};

static void test_trackable(gconstpointer data)
{
    const TrackCase *c = data;
    NetConnKey key;

    g_assert_cmpint(key_of(&key, &c->spec), ==, c->trackable);
}

static void test_cut_is_not_trackable(void)
{
    PacketSpec spec = { .src_port = 1, .dst_port = 2 };
    uint8_t buf[PACKET_MAX];
    PacketLayout at = packet_build(buf, &spec);

    for (size_t len = 0; len <= at.len; len++) {
        g_autofree uint8_t *exact = g_memdup2(buf, len);
        NetFrame frame = { exact, (uint32_t)len, 0 };
        NetPacket packet;
        NetConnKey key;

        net_packet_parse(&packet, &frame);
        g_assert_cmpint(net_conn_key_init(&key, &packet), ==, len == at.len);
    }
}

static void test_ports(void)
{
    static const struct {
        uint8_t protocol;
        uint16_t src;
        uint16_t dst;
    } cases[] = {
        { 6, 1000, 2000 }, { 17, 1000, 2000 }, { 33, 1000, 2000 }, { 50, 1000, 2000 },
        { 132, 1000, 2000 }, { 136, 1000, 2000 }, { 51, 0x5152, 0x5354 }, { 1, 0, 0 },
        { 2, 0, 0 }, { 47, 0, 0 }, { 200, 0, 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        PacketSpec spec = { .protocol = cases[i].protocol, .src = 1, .dst = 2,
                            .src_port = 1000, .dst_port = 2000 };
        uint8_t buf[PACKET_MAX];
        PacketLayout at = packet_build(buf, &spec);
        NetFrame frame = { buf, (uint32_t)at.len, 0 };
        NetPacket packet;
        NetConnKey key;

        if (cases[i].protocol == 51) {
            memcpy(buf + at.transport + 4, "QRST", 4);
        }
        g_assert_true(net_packet_parse(&packet, &frame));
        g_assert_true(net_conn_key_init(&key, &packet));
        g_assert_cmphex(GUINT32_FROM_BE(key.src_be), ==, 0x0a000001);
        g_assert_cmphex(GUINT32_FROM_BE(key.dst_be), ==, 0x0a000002);
        g_assert_cmpuint(GUINT16_FROM_BE(key.src_port_be), ==, cases[i].src);
        g_assert_cmpuint(GUINT16_FROM_BE(key.dst_port_be), ==, cases[i].dst);
        g_assert_cmpuint(key.protocol, ==, cases[i].protocol);
    }
}

static void test_direction_matters(void)
{
    PacketSpec there = { .src = 1, .dst = 2, .src_port = 10, .dst_port = 20 };
    PacketSpec back = { .src = 2, .dst = 1, .src_port = 20, .dst_port = 10 };
    NetConnKey a;
    NetConnKey b;

    g_assert_true(key_of(&a, &there));
    g_assert_true(key_of(&b, &back));
    g_assert_cmpint(memcmp(&a, &b, sizeof(a)), !=, 0);
    net_conn_key_reverse(&b);
    g_assert_cmpmem(&a, sizeof(a), &b, sizeof(b));
}

static void test_options_do_not_move_ports(void)
{
    PacketSpec plain = { .src_port = 10, .dst_port = 20 };
    PacketSpec with = plain;
    NetConnKey a;
    NetConnKey b;

    with.extensions = (const uint8_t *)"\x01\x01\x01\x00";
    with.extensions_len = 4;
    with.vnet_hdr_len = 12;
    with.pad_to = 100;
    g_assert_true(key_of(&a, &plain));
    g_assert_true(key_of(&b, &with));
    g_assert_cmpmem(&a, sizeof(a), &b, sizeof(b));
}

/* --- The table --------------------------------------------------------------------------- */

typedef struct TestConn {
    NetConn conn;
    unsigned number;
} TestConn;

static void count_finalize(NetConn *conn, void *opaque)
{
    unsigned *n = opaque;

    *n += 1;
}

static const NetConnTableInfo small_info = {
    .conn_size = sizeof(TestConn),
    .max = 3,
    .may_evict_busy = true,
    .finalize = count_finalize,
};

static const NetConnTableInfo strict_info = {
    .conn_size = sizeof(TestConn),
    .max = 3,
};

static const NetConnTableInfo large_info = {
    .conn_size = sizeof(TestConn),
};

static NetConnKey key_number(unsigned i)
{
    return (NetConnKey) { .src_be = i, .dst_be = ~i, .src_port_be = (uint16_t)i, .protocol = 6 };
}

static TestConn *add(NetConnTable *table, unsigned i)
{
    NetConnKey key = key_number(i);
    TestConn *conn = (TestConn *)net_conn_table_add(table, &key, i);

    if (conn) {
        g_assert_cmpuint(conn->number, ==, 0);
        conn->number = i;
    }
    return conn;
}

static TestConn *find(NetConnTable *table, unsigned i)
{
    NetConnKey key = key_number(i);

    return (TestConn *)net_conn_table_find(table, &key);
}

static void assert_stats_add_up(const NetConnTable *table)
{
    const NetConnStats *stats = net_conn_table_stats(table);
    unsigned sum = 0;

    g_assert_cmpuint(stats->added, ==,
                     stats->removed + stats->evicted + net_conn_table_size(table));
    for (int c = 0; c < NET_CONN_CLASS__MAX; c++) {
        sum += net_conn_table_class_size(table, c);
    }
    g_assert_cmpuint(sum, ==, net_conn_table_size(table));
}

static void test_find_and_remove(void)
{
    unsigned n_finalized = 0;
    NetConnTable *table = net_conn_table_new(&small_info, &n_finalized);

    g_assert_null(find(table, 1));
    add(table, 1);
    add(table, 2);
    g_assert_cmpuint(find(table, 1)->number, ==, 1);
    g_assert_cmpuint(find(table, 2)->number, ==, 2);
    net_conn_table_remove(table, &find(table, 1)->conn);
    g_assert_null(find(table, 1));
    g_assert_cmpuint(n_finalized, ==, 1);
    assert_stats_add_up(table);
    net_conn_table_free(table);
    g_assert_cmpuint(n_finalized, ==, 2);
    net_conn_table_free(NULL);
}

static void test_longest_unused_makes_room(void)
{
    unsigned n_finalized = 0;
    NetConnTable *table = net_conn_table_new(&small_info, &n_finalized);

    for (unsigned i = 1; i <= 3; i++) {
        add(table, i);
    }
    net_conn_table_touch(table, &find(table, 1)->conn, 10);
    add(table, 4);
    g_assert_null(find(table, 2));
    g_assert_nonnull(find(table, 1));
    g_assert_cmpint(find(table, 1)->conn.used_ns, ==, 10);
    g_assert_cmpuint(net_conn_table_size(table), ==, 3);
    g_assert_cmpuint(net_conn_table_stats(table)->evicted, ==, 1);
    g_assert_cmpuint(net_conn_table_stats(table)->peak, ==, 3);
    g_assert_cmpuint(n_finalized, ==, 1);
    assert_stats_add_up(table);
    net_conn_table_free(table);
}

static void test_lower_classes_make_room_first(void)
{
    unsigned n_finalized = 0;
    NetConnTable *table = net_conn_table_new(&small_info, &n_finalized);

    net_conn_table_set_class(table, &add(table, 1)->conn, NET_CONN_BUSY);
    add(table, 2);
    net_conn_table_set_class(table, &add(table, 3)->conn, NET_CONN_LINGERING);
    net_conn_table_set_class(table, &add(table, 4)->conn, NET_CONN_BUSY);
    g_assert_null(find(table, 3));
    net_conn_table_set_class(table, &add(table, 5)->conn, NET_CONN_BUSY);
    g_assert_null(find(table, 2));
    add(table, 6);
    g_assert_null(find(table, 1));
    g_assert_cmpuint(net_conn_table_class_size(table, NET_CONN_BUSY), ==, 2);
    assert_stats_add_up(table);
    net_conn_table_free(table);
}

static void test_busy_are_kept(void)
{
    NetConnTable *table = net_conn_table_new(&strict_info, NULL);

    for (unsigned i = 1; i <= 3; i++) {
        net_conn_table_set_class(table, &add(table, i)->conn, NET_CONN_BUSY);
    }
    g_assert_null(add(table, 4));
    g_assert_cmpuint(net_conn_table_stats(table)->refused, ==, 1);
    net_conn_table_set_class(table, &find(table, 2)->conn, NET_CONN_IDLE);
    g_assert_nonnull(add(table, 4));
    g_assert_null(find(table, 2));
    assert_stats_add_up(table);
    net_conn_table_free(table);
}

static void test_order_of_first_use(void)
{
    NetConnTable *table = net_conn_table_new(&large_info, NULL);
    unsigned want = 1;

    for (unsigned i = 1; i <= 5; i++) {
        add(table, i);
    }
    net_conn_table_touch(table, &find(table, 1)->conn, 99);
    net_conn_table_set_class(table, &find(table, 3)->conn, NET_CONN_BUSY);
    for (NetConn *conn = net_conn_table_oldest(table), *next; conn; conn = next) {
        next = net_conn_table_next(conn);
        g_assert_cmpuint(((TestConn *)conn)->number, ==, want++);
        net_conn_table_remove(table, conn);
    }
    g_assert_cmpuint(want, ==, 6);
    g_assert_null(net_conn_table_oldest(table));
    net_conn_table_free(table);
}

static void test_longest_unused_of_class(void)
{
    NetConnTable *table = net_conn_table_new(&large_info, NULL);

    g_assert_null(net_conn_table_longest_unused(table, NET_CONN_LINGERING));
    add(table, 1);
    add(table, 2);
    net_conn_table_set_class(table, &find(table, 2)->conn, NET_CONN_LINGERING);
    net_conn_table_set_class(table, &find(table, 1)->conn, NET_CONN_LINGERING);
    g_assert_true(net_conn_table_longest_unused(table, NET_CONN_LINGERING) ==
                  &find(table, 2)->conn);
    net_conn_table_touch(table, &find(table, 2)->conn, 7);
    g_assert_true(net_conn_table_longest_unused(table, NET_CONN_LINGERING) ==
                  &find(table, 1)->conn);
    net_conn_table_free(table);
}

/* As many as there may be, and some more; then none. */
static void test_full_and_empty(void)
{
    NetConnTable *table = net_conn_table_new(&large_info, NULL);

    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 1; i <= NET_CONN_MAX + 1000; i++) {
            if (!find(table, i)) {
                add(table, i);
            }
        }
        g_assert_cmpuint(net_conn_table_size(table), ==, NET_CONN_MAX);
        g_assert_cmpuint(net_conn_table_stats(table)->peak, ==, NET_CONN_MAX);
        assert_stats_add_up(table);
        while (net_conn_table_oldest(table)) {
            net_conn_table_remove(table, net_conn_table_oldest(table));
        }
        assert_stats_add_up(table);
    }
    net_conn_table_free(table);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    CASES_ADD("/conn-track/trackable/", track_cases, name, test_trackable);
    g_test_add_func("/conn-track/cut-is-not-trackable", test_cut_is_not_trackable);
    g_test_add_func("/conn-track/ports", test_ports);
    g_test_add_func("/conn-track/direction-matters", test_direction_matters);
    g_test_add_func("/conn-track/options-do-not-move-ports", test_options_do_not_move_ports);
    g_test_add_func("/conn-track/find-and-remove", test_find_and_remove);
    g_test_add_func("/conn-track/longest-unused-makes-room", test_longest_unused_makes_room);
    g_test_add_func("/conn-track/lower-classes-make-room-first",
                    test_lower_classes_make_room_first);
    g_test_add_func("/conn-track/busy-are-kept", test_busy_are_kept);
    g_test_add_func("/conn-track/order-of-first-use", test_order_of_first_use);
    g_test_add_func("/conn-track/longest-unused-of-class", test_longest_unused_of_class);
    g_test_add_func("/conn-track/full-and-empty", test_full_and_empty);
    return g_test_run();
}
