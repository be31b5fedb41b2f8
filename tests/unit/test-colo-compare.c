/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests the queues of colo-compare: order, limits, timeouts, checkpoints, and its messages. */

#include "net/colo/compare-queue.h"

#include <string.h>

#include "net/colo/notify.h"
#include "util/log.h"
#include "colo-fixture.h"

/* --- Sequences ---------------------------------------------------------------------------- */

/** One arrival, or a checkpoint. */
typedef struct Step {
    char side;        /* 'p', 's', 'c' = checkpoint, or 0 = no more */
    PacketSpec spec;
    const char *log;  /* what it brings about */
} Step;

typedef struct Sequence {
    const char *name;
    Step steps[8];
    const char *at_checkpoint; /* what is released then */
} Sequence;

#define P_UDP(text, log) { 'p', { .protocol = 17, .payload = (text) }, log }
#define S_UDP(text, log) { 's', { .protocol = 17, .payload = (text) }, log }
#define P_TCP(seq_, ack_, text, log) \
    { 'p', { .flags = ACK, .seq = (seq_), .ack = (ack_), .payload = (text) }, log }
#define P_SYN(isn, log) { 'p', { .flags = SYN | ACK, .seq = (isn), .ack = 5 }, log }
#define S_SYN(isn, log) { 's', { .flags = SYN | ACK, .seq = (isn), .ack = 5 }, log }
#define CHECKPOINT(log) { 'c', { 0 }, log }
#define S_TCP(seq_, ack_, text, log) \
    { 's', { .flags = ACK, .seq = (seq_), .ack = (ack_), .payload = (text) }, log }

static const Sequence sequences[] = {
    { "udp/primary-first", { P_UDP("1", ""), S_UDP("1", "1") }, "" },
    { "udp/secondary-first", { S_UDP("1", ""), P_UDP("1", "1") }, "" },
    { "udp/secondary-ahead",
      { S_UDP("1", ""), S_UDP("2", ""), P_UDP("1", "1"), P_UDP("2", "2") }, "" },
    { "udp/secondary-in-another-order",
      { P_UDP("1", ""), P_UDP("2", ""), S_UDP("2", ""), S_UDP("1", "1 2") }, "" },
    { "udp/secondary-behind",
      { P_UDP("1", ""), P_UDP("2", ""), S_UDP("1", "1"), S_UDP("2", "2") }, "" },
    { "udp/different",
      { P_UDP("u3", ""), S_UDP("U3", "D"), S_UDP("u3", "u3"), P_UDP("u4", "D") }, "u4" },
    { "udp/equal-ones-match-one-to-one",
      { P_UDP("1", ""), P_UDP("1", ""), S_UDP("1", "1"), S_UDP("1", "1"), S_UDP("1", "") },
      "" },
    { "udp/checkpoint-keeps-order",
      { P_UDP("1", ""), P_UDP("2", ""), P_UDP("3", ""), S_UDP("2", "") }, "1 2 3" },
    { "icmp/equal",
      { { 'p', { .protocol = 1, .payload = "ping" }, "" },
        { 's', { .protocol = 1, .payload = "ping" }, "ping" } }, "" },

    { "tcp/bare-waits-for-any-packet",
      { { 'p', { .flags = SYN | ACK, .seq = 9, .ack = 5 }, "" },
        { 's', { .flags = SYN | ACK, .seq = 9, .ack = 5 }, "-" } }, "" },
    { "tcp/bare-waits-until-checkpoint", { P_TCP(10, 5, NULL, "") }, "-" },
    { "tcp/secondary-in-two",
      { P_TCP(10, 5, "abcdefgh", ""), S_TCP(10, 5, "abcd", ""), S_TCP(14, 5, "efgh", "abcdefgh"),
        P_TCP(18, 5, "i", ""), S_TCP(18, 5, "i", "i") }, "" },
    { "tcp/primary-in-two",
      { P_TCP(18, 5, "abcd", ""), S_TCP(18, 5, "abcdefgh", "abcd"), P_TCP(22, 5, "efgh", "efgh") },
      "" },
    { "tcp/retransmission-waits-for-any-packet",
      { P_TCP(10, 5, "abcd", ""), S_TCP(10, 5, "abcd", "abcd"), P_TCP(10, 5, "abcd", ""),
        S_TCP(14, 5, NULL, "abcd") }, "" },
    { "tcp/primary-reorders",
      { P_TCP(22, 5, "efgh", ""), P_TCP(18, 5, "abcd", ""), S_TCP(18, 5, "abcd", "abcd"),
        S_TCP(22, 5, "efgh", "efgh") }, "" },
    { "tcp/ack-ahead-of-secondary",
      { P_TCP(10, 100, "ab", ""), S_TCP(10, 50, "abcd", "D"), S_TCP(14, 100, NULL, "ab") }, "" },
    { "tcp/different-stays-so",
      { P_TCP(26, 5, "1111", ""), S_TCP(26, 5, "2222", "D"), S_TCP(26, 5, "1111", "D") },
      "1111" },
    { "tcp/highest-ack-counts",
      { S_TCP(10, 100, NULL, ""), S_TCP(10, 50, "abcd", ""), P_TCP(10, 100, "ab", "ab"),
        P_TCP(12, 100, "cd", "cd") }, "" },
    { "tcp/checkpoint-in-order-of-numbers",
      { P_TCP(22, 5, "efgh", ""), P_TCP(14, 5, "a", ""), P_TCP(18, 5, "abcd", "") },
      "a abcd efgh" },
    { "tcp/primary-acknowledges-more-often",
      { P_TCP(10, 5, NULL, ""), P_TCP(10, 6, NULL, ""), P_TCP(10, 7, NULL, ""),
        S_TCP(10, 7, NULL, "- - -"), P_TCP(10, 7, NULL, "-"), P_TCP(10, 8, NULL, ""),
        S_TCP(10, 8, NULL, "-") }, "" },
    { "tcp/secondary-acknowledges-more-often",
      { S_TCP(10, 5, NULL, ""), S_TCP(10, 6, NULL, ""), P_TCP(10, 7, NULL, "-"),
        S_TCP(10, 7, NULL, ""), P_TCP(10, 8, NULL, "") }, "-" },
    { "tcp/acks-wait-behind-data",
      { S_TCP(10, 9, NULL, ""), P_TCP(10, 8, "ab", ""), P_TCP(12, 9, NULL, ""),
        S_TCP(10, 9, "ab", "ab -") }, "" },
    { "tcp/repeated-answer-to-syn-waits",
      { { 'p', { .flags = SYN | ACK, .seq = 9, .ack = 5 }, "" },
        { 's', { .flags = SYN | ACK, .seq = 9, .ack = 5 }, "-" },
        { 'p', { .flags = SYN | ACK, .seq = 9, .ack = 5 }, "" } }, "-" },
    { "tcp/fin-waits-for-fin",
      { S_TCP(10, 5, NULL, ""), { 'p', { .flags = FIN | ACK, .seq = 10, .ack = 5 }, "-" },
        { 'p', { .flags = FIN | ACK, .seq = 10, .ack = 5 }, "" },
        { 's', { .flags = FIN | ACK, .seq = 10, .ack = 5 }, "-" },
        { 'p', { .flags = FIN | ACK, .seq = 10, .ack = 5 }, "-" } }, "" },
    { "tcp/rst-waits-for-end",
      { S_TCP(10, 5, NULL, ""), P_TCP(10, 5, NULL, "-"), { 'p', { .flags = RST, .seq = 10 }, "" },
        { 's', { .flags = RST, .seq = 10 }, "-" }, { 'p', { .flags = RST, .seq = 10 }, "-" } },
      "" },
    { "tcp/checkpoint-counts-as-comparison",
      { P_TCP(10, 5, "abcd", ""), CHECKPOINT("abcd"), P_TCP(10, 5, "abcd", ""),
        S_TCP(14, 5, "efgh", "abcd"), P_TCP(14, 5, "efgh", "efgh") }, "" },
    { "tcp/checkpoint-does-not-trust-bare-numbers",
      { P_TCP(0x40000000, 5, NULL, ""), CHECKPOINT("-"), P_TCP(10, 5, "abcd", ""),
        S_TCP(10, 5, "abxx", "D") }, "abcd" },
    { "tcp/checkpoint-gives-secondary-what-primary-has",
      { S_TCP(10, 50, NULL, ""), P_TCP(10, 100, "abcd", ""), CHECKPOINT("abcd"),
        P_TCP(14, 100, "ef", ""), S_TCP(14, 50, "efgh", "ef") }, "" },
    { "tcp/primary-opens-anew",
      { S_TCP(500, 5, "old", ""), P_SYN(9, ""), S_SYN(7777, "-"), P_TCP(10, 5, "new", ""),
        S_TCP(10, 5, "new", "new") }, "" },
    { "tcp/secondary-opens-anew",
      { S_TCP(500, 5, "old", ""), S_SYN(7777, ""), P_SYN(9, "-"), P_TCP(10, 5, "new", ""),
        S_TCP(10, 5, "new", "new") }, "" },
    { "tcp/primary-has-old-data",
      { P_TCP(500, 5, "old", ""), P_SYN(9, ""), S_SYN(7777, "-"), P_TCP(10, 5, "new", ""),
        S_TCP(10, 5, "new", "new") }, "" },
    { "tcp/syn-repeated",
      { P_SYN(9, ""), P_SYN(9, ""), S_SYN(7777, "-"), S_SYN(7777, "-"), P_TCP(10, 5, "new", ""),
        S_SYN(7777, ""), S_TCP(10, 5, "new", "new") }, "" },
    { "tcp/wraps",
      { P_TCP(0xfffffffe, 5, "abcd", ""), S_TCP(0xfffffffe, 5, "ab", ""),
        S_TCP(0, 5, "cd", "abcd") }, "" },
};

static void test_sequence(gconstpointer opaque)
{
    const Sequence *sequence = opaque;
    ColoRig rig;

    colo_rig_init(&rig);
    for (const Step *step = sequence->steps; step->side; step++) {
        if (step->side == 'c') {
            colo_queues_checkpoint(&rig.queues);
        } else {
            colo_rig_add(&rig, step->side == 'p' ? COLO_SIDE_PRIMARY : COLO_SIDE_SECONDARY,
                         &step->spec);
        }
        colo_rig_expect(&rig, step->log);
        colo_rig_check(&rig);
    }
    colo_queues_checkpoint(&rig.queues);
    colo_rig_expect(&rig, sequence->at_checkpoint);
    colo_rig_clear(&rig);
}

/* --- Arrival ------------------------------------------------------------------------------ */

/** Frames that cannot be compared. */
static void test_untrackable(void)
{
    static const PacketSpec specs[] = {
        { .ether_type = 0x0806 },
        { .is_ipv6 = true, .payload = "six" },
        { .n_tags = 1, .tags = { 0x8100 } },
        { .vnet_hdr_len = 21 },
        { .protocol = 17, .fragment = 100, .payload = "fragment" },
    };
    ColoRig rig;

    colo_rig_init(&rig);
    for (size_t i = 0; i < G_N_ELEMENTS(specs); i++) {
        colo_rig_add(&rig, COLO_SIDE_SECONDARY, &specs[i]);
        g_assert_cmpuint(rig.n_released, ==, i);
        colo_rig_add(&rig, COLO_SIDE_PRIMARY, &specs[i]);
        g_assert_cmpuint(rig.n_released, ==, i + 1);
    }
    g_assert_cmpuint(rig.queues.n_untracked, ==, G_N_ELEMENTS(specs));
    g_assert_cmpuint(net_conn_table_size(rig.queues.conns), ==, 0);
    colo_rig_clear(&rig);
}

/* Every length of a frame that ends too early: the primary's goes out as it is. */
static void test_truncated(void)
{
    static const PacketSpec spec = { .flags = ACK, .seq = 1, .ack = 1, .payload = "payload" };
    ColoFrame frame;
    ColoRig rig;
    uint32_t whole;

    colo_rig_init(&rig);
    colo_frame_build(&frame, &spec);
    whole = frame.frame.len;
    for (uint32_t len = 1; len < whole; len++) {
        g_autofree uint8_t *exact = g_memdup2(frame.data, len);
        NetFrame cut = { exact, len, 0 };

        colo_queues_add(&rig.queues, COLO_SIDE_PRIMARY, &cut, rig.now_ns);
        colo_queues_add(&rig.queues, COLO_SIDE_SECONDARY, &cut, rig.now_ns);
    }
    g_assert_cmpuint(rig.n_released, ==, whole - 1);
    g_assert_cmpuint(net_packet_faults_total(&rig.queues.faults), ==, 2 * (whole - 1));
    colo_rig_clear(&rig);
}

static void test_full_list(void)
{
    ColoRig rig;

    colo_rig_init(&rig);
    rig.max_queue = 3;
    for (int i = 0; i < 6; i++) {
        colo_rig_add(&rig, COLO_SIDE_PRIMARY,
                     &(PacketSpec) { .protocol = 17, .payload = (char[]) { (char)('a' + i), 0 } });
    }
    g_assert_cmpuint(rig.queues.side[COLO_SIDE_PRIMARY].queued.frames, ==, 4);
    g_assert_cmpuint(
        rig.queues.side[COLO_SIDE_PRIMARY].dropped[COLO_DROP_REASON_QUEUE_FULL].frames, ==, 2);
    colo_rig_expect(&rig, "");
    rig.max_queue = 1;
    colo_rig_add(&rig, COLO_SIDE_PRIMARY,
                 &(PacketSpec) { .protocol = 17, .payload = "x", .dst_port = 7 });
    g_assert_cmpuint(rig.queues.side[COLO_SIDE_PRIMARY].queued.frames, ==, 5);
    colo_queues_checkpoint(&rig.queues);
    colo_rig_expect(&rig, "a b c d x");
    colo_rig_clear(&rig);
}

/* The secondary cannot make the process grow. */
static void test_secondary_overflow(void)
{
    ColoRig rig;
    ColoSideStats *stats = &rig.queues.side[COLO_SIDE_SECONDARY];

    colo_rig_init(&rig);
    rig.queues.max_cost = 100000;
    for (int i = 0; i < 1000; i++) {
        colo_rig_add(&rig, COLO_SIDE_SECONDARY,
                     &(PacketSpec) { .protocol = 17, .payload = "x",
                                     .dst_port = (uint16_t)(i + 1) });
    }
    g_assert_cmpuint(stats->cost, <, 101000);
    g_assert_cmpuint(stats->dropped[COLO_DROP_REASON_OVERFLOW].frames, >, 0);
    colo_rig_clear(&rig);
}

/* --- Connections and time ----------------------------------------------------------------- */

static void test_connections_are_apart(void)
{
    ColoRig rig;

    colo_rig_init(&rig);
    colo_rig_add(&rig, COLO_SIDE_PRIMARY,
                 &(PacketSpec) { .protocol = 17, .payload = "a", .dst_port = 1 });
    colo_rig_add(&rig, COLO_SIDE_SECONDARY,
                 &(PacketSpec) { .protocol = 17, .payload = "b", .dst_port = 2 });
    colo_rig_expect(&rig, "");
    colo_rig_add(&rig, COLO_SIDE_SECONDARY,
                 &(PacketSpec) { .protocol = 17, .payload = "a", .dst_port = 1 });
    colo_rig_expect(&rig, "a");
    colo_rig_clear(&rig);
}

static void test_timeout(gconstpointer opaque)
{
    ColoSide side = (ColoSide)GPOINTER_TO_INT(opaque);
    ColoRig rig;

    colo_rig_init(&rig);
    colo_rig_add(&rig, side, &(PacketSpec) { .protocol = 17, .payload = "a", .dst_port = 1 });
    colo_rig_add(&rig, side, &(PacketSpec) { .protocol = 17, .payload = "b", .dst_port = 2 });
    colo_queues_scan(&rig.queues, 500, rig.now_ns + 500 * MS);
    colo_rig_expect(&rig, "");
    colo_queues_scan(&rig.queues, 500, rig.now_ns + 500 * MS + 1);
    colo_rig_expect(&rig, "T");
    colo_queues_scan(&rig.queues, 500, rig.now_ns + 700 * MS);
    colo_rig_expect(&rig, "T");
    colo_queues_checkpoint(&rig.queues);
    colo_rig_expect(&rig, side == COLO_SIDE_PRIMARY ? "a b" : "");
    colo_queues_scan(&rig.queues, 500, rig.now_ns + 900 * MS);
    colo_rig_expect(&rig, "");
    colo_rig_clear(&rig);
}

/* The oldest packet of a sorted list need not be the first. */
static void test_timeout_of_any_packet(void)
{
    ColoRig rig;

    colo_rig_init(&rig);
    colo_rig_add(&rig, COLO_SIDE_PRIMARY, &(PacketSpec) { .flags = ACK, .seq = 20 });
    rig.now_ns += 400 * MS;
    colo_rig_add(&rig, COLO_SIDE_PRIMARY, &(PacketSpec) { .flags = ACK, .seq = 10 });
    colo_queues_scan(&rig.queues, 500, rig.now_ns + 101 * MS);
    colo_rig_expect(&rig, "T");
    colo_rig_clear(&rig);
}

static void exchange(ColoRig *rig, PacketSpec spec)
{
    colo_rig_add(rig, COLO_SIDE_PRIMARY, &spec);
    colo_rig_add(rig, COLO_SIDE_SECONDARY, &spec);
    g_string_truncate(rig->log, 0);
}

/* Ten thousand come and go, and so does what was kept for them. */
static void test_connections_are_forgotten(void)
{
    ColoRig rig;

    colo_rig_init(&rig);
    for (int i = 1; i <= 10000; i++) {
        uint16_t port = (uint16_t)i;

        exchange(&rig, (PacketSpec) { .flags = SYN | ACK, .seq = 1, .dst_port = port });
        exchange(&rig, (PacketSpec) { .flags = ACK, .seq = 2, .payload = "x", .dst_port = port });
        exchange(&rig, (PacketSpec) { .flags = FIN | ACK, .seq = 3, .dst_port = port });
    }
    exchange(&rig, (PacketSpec) { .protocol = 17, .payload = "stays" });
    g_assert_cmpuint(rig.n_released, ==, 30001);
    g_assert_cmpuint(net_conn_table_size(rig.queues.conns), ==, 10001);
    colo_queues_scan(&rig.queues, 500, rig.now_ns + 10000 * MS);
    g_assert_cmpuint(net_conn_table_size(rig.queues.conns), ==, 10001);
    colo_queues_scan(&rig.queues, 500, rig.now_ns + 10000 * MS + 1);
    g_assert_cmpuint(net_conn_table_size(rig.queues.conns), ==, 1);
    colo_queues_scan(&rig.queues, 500, rig.now_ns + COLO_QUEUES_IDLE_NS + 1);
    g_assert_cmpuint(net_conn_table_size(rig.queues.conns), ==, 0);
    colo_rig_expect(&rig, "");
    colo_rig_clear(&rig);
}

/* Nothing of the primary's is lost when connections make room. */
static void test_full_table(void)
{
    ColoRig rig;

    colo_rig_init(&rig);
    for (unsigned i = 0; i < NET_CONN_MAX + 10; i++) {
        colo_rig_add(&rig, COLO_SIDE_PRIMARY,
                     &(PacketSpec) { .protocol = 17, .payload = "x",
                                     .src = (uint8_t)(1 + (i >> 14)),
                                     .dst_port = (uint16_t)((i & 0x3fff) + 1) });
    }
    g_assert_cmpuint(net_conn_table_size(rig.queues.conns), ==, NET_CONN_MAX);
    g_assert_cmpuint(rig.n_released, ==, 10);
    colo_rig_clear(&rig);
}

/* --- Failover ----------------------------------------------------------------------------- */

static void test_alone(void)
{
    const PacketSpec spec = { .protocol = 17, .payload = "a" };
    ColoRig rig;

    colo_rig_init(&rig);
    colo_rig_add(&rig, COLO_SIDE_PRIMARY, &spec);
    colo_queues_go_alone(&rig.queues);
    colo_rig_expect(&rig, "a");
    colo_rig_add(&rig, COLO_SIDE_PRIMARY, &spec);
    colo_rig_expect(&rig, "a");
    colo_rig_add(&rig, COLO_SIDE_SECONDARY, &spec);
    colo_rig_expect(&rig, "");
    colo_queues_checkpoint(&rig.queues);
    colo_rig_add(&rig, COLO_SIDE_PRIMARY, &spec);
    colo_rig_expect(&rig, "");
    colo_rig_clear(&rig);
}

/* Each guest repeats its last data in its own way, when the client has long not answered. */
static void test_repetition_after_the_end(void)
{
    const PacketSpec all = { .flags = FIN | ACK, .seq = 10, .payload = "abcdef" };
    const PacketSpec rest = { .flags = FIN | ACK, .seq = 13, .payload = "def" };
    ColoRig rig;

    colo_rig_init(&rig);
    exchange(&rig, all);
    rig.now_ns += 9000 * MS;
    colo_queues_scan(&rig.queues, 500, rig.now_ns);
    colo_rig_add(&rig, COLO_SIDE_PRIMARY, &rest);
    colo_rig_add(&rig, COLO_SIDE_SECONDARY, &all);
    colo_rig_expect(&rig, "def");
    colo_rig_clear(&rig);
}

/* What was known of a connection is worth nothing after a time without comparison. */
static void test_alone_forgets_numbers(void)
{
    const PacketSpec old = { .flags = ACK, .seq = 10, .payload = "old" };
    const PacketSpec later = { .flags = ACK, .seq = 0x80000010, .payload = "later" };
    const PacketSpec bare = { .flags = ACK, .seq = 0x80000010 };
    ColoRig rig;

    colo_rig_init(&rig);
    colo_rig_add(&rig, COLO_SIDE_PRIMARY, &old);
    colo_rig_add(&rig, COLO_SIDE_SECONDARY, &old);
    colo_rig_expect(&rig, "old");
    colo_queues_go_alone(&rig.queues);
    g_assert_cmpuint(net_conn_table_size(rig.queues.conns), ==, 0);
    colo_queues_checkpoint(&rig.queues);
    colo_rig_add(&rig, COLO_SIDE_PRIMARY, &later);
    colo_rig_add(&rig, COLO_SIDE_SECONDARY, &bare);
    colo_rig_expect(&rig, "");
    colo_rig_add(&rig, COLO_SIDE_SECONDARY, &later);
    colo_rig_expect(&rig, "later");
    colo_rig_clear(&rig);
}

/* --- notify_dev's messages ---------------------------------------------------------------- */

/** Bytes, and what they mean: 'h' hello, 'c' checkpoint, '?' unknown, '!' dead. */
typedef struct NotifyCase {
    const char *name;
    bool vnet_hdr;
    const char *bytes;
    size_t len;
    const char *meaning;
} NotifyCase;

#define BYTES(text) text, sizeof(text) - 1
#define HELLO "COLO_USERSPACE_PROXY_INIT"

static const NotifyCase notify_cases[] = {
    { "hello", false, BYTES("\0\0\0\x19" HELLO), "h" },
    { "checkpoint", false, BYTES("\0\0\0\x0f" "COLO_CHECKPOINT"), "c" },
    { "two", false, BYTES("\0\0\0\x0f" "COLO_CHECKPOINT" "\0\0\0\x19" HELLO), "ch" },
    { "unknown", false, BYTES("\0\0\0\x03" "abc" "\0\0\0\x0f" "COLO_CHECKPOINT"), "?c" },
    { "with-terminator", false, BYTES("\0\0\0\x10" "COLO_CHECKPOINT" "\0"), "?" },
    { "longer-than-any", false, BYTES("\0\0\0\x1a" HELLO "x" "\0\0\0\x19" HELLO), "?h" },
    { "empty", false, BYTES("\0\0\0\0" "\0\0\0\x19" HELLO), "?h" },
    { "too-long", false, BYTES("\0\1\x10\1"), "!" },
    { "vnet/hello", true, BYTES("\0\0\0\x19\0\0\0\0" HELLO), "h" },
    { "vnet/without-the-word", true, BYTES("\0\0\0\x0f" "COLO_CHECKPOINT"), "c" },
    { "vnet/both-forms", true,
      BYTES("\0\0\0\x0f" "COLO_CHECKPOINT" "\0\0\0\x0f\0\0\0\0" "COLO_CHECKPOINT"), "cc" },
    { "vnet/word-with-a-value", true, BYTES("\0\0\0\x0f\0\0\0\x0c" "COLO_CHECKPOINT"), "c" },
    { "vnet/short", true, BYTES("\0\0\0\3\xff\0\0\0" "abc" "\0\0\0\x19" HELLO), "?h" },
    { "vnet/too-long", true, BYTES("\0\1\x10\1"), "!" },
};

static void notify_feed(ColoNotifyParser *parser, GString *meaning, const uint8_t *data,
                        size_t len)
{
    static const char letters[] = { [COLO_NOTIFY_HELLO] = 'h', [COLO_NOTIFY_CHECKPOINT] = 'c',
                                    [COLO_NOTIFY_UNKNOWN] = '?' };

    for (size_t pos = 0; pos < len;) {
        g_autoptr(GError) error = NULL;
        ColoNotifyMessage message;
        ssize_t used = colo_notify_parse(parser, data + pos, len - pos, &message, &error);

        if (used < 0) {
            g_assert_cmpstr(error->message, ==,
                            "serious error: oversized packet received,connection terminated.");
            g_string_append_c(meaning, '!');
            return;
        }
        g_assert_cmpint(used, >, 0);
        pos += (size_t)used;
        if (message != COLO_NOTIFY_NONE) {
            g_string_append_c(meaning, letters[message]);
        }
    }
}

/* At once, and byte by byte. */
static void test_notify_case(gconstpointer opaque)
{
    const NotifyCase *c = opaque;

    for (int at_once = 0; at_once < 2; at_once++) {
        ColoNotifyParser parser = { .vnet_hdr = c->vnet_hdr };
        GString *meaning = g_string_new(NULL);

        for (size_t pos = 0; pos < c->len; pos += at_once ? c->len : 1) {
            notify_feed(&parser, meaning, (const uint8_t *)c->bytes + pos, at_once ? c->len : 1);
        }
        g_assert_cmpstr(meaning->str, ==, c->meaning);
        g_string_free(meaning, TRUE);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    log_init("test");
    for (size_t i = 0; i < G_N_ELEMENTS(sequences); i++) {
        g_autofree char *path = g_strconcat("/colo-compare/", sequences[i].name, NULL);

        g_test_add_data_func(path, &sequences[i], test_sequence);
    }
    g_test_add_func("/colo-compare/untrackable-is-not-compared", test_untrackable);
    g_test_add_func("/colo-compare/truncated-is-not-compared", test_truncated);
    g_test_add_func("/colo-compare/full-list-drops", test_full_list);
    g_test_add_func("/colo-compare/secondary-overflow-drops", test_secondary_overflow);
    g_test_add_func("/colo-compare/connections-are-apart", test_connections_are_apart);
    g_test_add_data_func("/colo-compare/timeout/primary", GINT_TO_POINTER(COLO_SIDE_PRIMARY),
                         test_timeout);
    g_test_add_data_func("/colo-compare/timeout/secondary", GINT_TO_POINTER(COLO_SIDE_SECONDARY),
                         test_timeout);
    g_test_add_func("/colo-compare/timeout/any-packet", test_timeout_of_any_packet);
    g_test_add_func("/colo-compare/connections-are-forgotten", test_connections_are_forgotten);
    g_test_add_func("/colo-compare/repetition-after-the-end", test_repetition_after_the_end);
    g_test_add_func("/colo-compare/full-table-loses-nothing", test_full_table);
    g_test_add_func("/colo-compare/alone-after-failover", test_alone);
    g_test_add_func("/colo-compare/alone-forgets-numbers", test_alone_forgets_numbers);
    for (size_t i = 0; i < G_N_ELEMENTS(notify_cases); i++) {
        g_autofree char *path = g_strconcat("/colo-compare/notify/", notify_cases[i].name, NULL);

        g_test_add_data_func(path, &notify_cases[i], test_notify_case);
    }
    return g_test_run();
}
