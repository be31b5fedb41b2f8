/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests the comparison rules of colo-compare, one by one. */

#include "net/colo/compare-rules.h"

#include <string.h>

#include "cases.h"
#include "colo-fixture.h"

#define STAY COLO_VERDICT_DIFFERENT
#define OUT COLO_VERDICT_RELEASE
#define DROP COLO_VERDICT_DROP
#define BOTH (COLO_VERDICT_RELEASE | COLO_VERDICT_DROP)

/* --- TCP --------------------------------------------------------------------------------- */

/** Two segments meet. The rules are in docs/reference-colo.rst. */
typedef struct TcpCase {
    const char *name;
    uint32_t seen;     /* 0 = nothing */
    uint32_t s_acked;  /* what the secondary has acknowledged before; 0 = nothing */
    PacketSpec p;
    PacketSpec s;
    unsigned verdict;
    uint32_t seen_after; /* 0 = as before */
} TcpCase;

#define SEG(seq_, ack_, text) { .flags = ACK, .seq = (seq_), .ack = (ack_), .payload = (text) }
#define BARE(seq_, ack_, more) { .flags = ACK | (more), .seq = (seq_), .ack = (ack_) }

static const uint8_t stamp_a[] = { 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2 };
static const uint8_t stamp_b[] = { 1, 1, 8, 10, 9, 9, 9, 9, 0, 0, 0, 2 };

static const TcpCase tcp_cases[] = {
    /* Rows 1 and 3: no payload. */
    { "row-1/syn", 0, 0, { .flags = SYN | ACK, .seq = 1, .ack = 5 }, SEG(10, 5, "x"), OUT, 0 },
    { "row-1/bare-ack", 0, 0, BARE(10, 5, 0), SEG(10, 5, "x"), OUT, 0 },
    { "row-1/fin", 0, 0, BARE(10, 5, FIN), SEG(10, 5, "x"), OUT, 0 },
    { "row-1/rst", 0, 0, { .flags = RST, .seq = 10 }, SEG(10, 5, "x"), OUT, 0 },
    { "row-1/ack-beyond-secondary", 0, 5, BARE(10, 500, 0), SEG(10, 5, "x"), OUT, 0 },
    { "row-1/padding-is-no-payload", 0, 0,
      { .flags = ACK, .seq = 10, .ack = 5, .pad_to = 60 }, SEG(10, 5, "x"), OUT, 0 },
    { "row-3/bare-ack", 0, 0, SEG(10, 5, "x"), BARE(10, 5, 0), DROP, 0 },
    { "row-3/syn", 0, 0, SEG(10, 5, "x"), { .flags = SYN | ACK, .seq = 7, .ack = 5 }, DROP, 0 },
    { "row-3/padding-is-no-payload", 0, 0, SEG(10, 5, "x"),
      { .flags = ACK, .seq = 10, .ack = 5, .pad_to = 60 }, DROP, 0 },
    { "rows-1-3/both-bare", 0, 0, BARE(10, 5, 0), BARE(99, 7, FIN), BOTH, 0 },

    /* Rows 2 and 4: seen before. */
    { "row-2/retransmission", 14, 0, SEG(10, 5, "abcd"), SEG(14, 5, "efgh"), OUT, 0 },
    { "row-2/content-does-not-matter", 14, 0, SEG(10, 5, "ABCD"), SEG(14, 5, "x"), OUT, 0 },
    { "row-2/not-after-wrap", 3, 0, SEG(0xfffffffe, 5, "abcd"), SEG(3, 5, "x"), OUT, 0 },
    { "row-4/retransmission", 14, 0, SEG(14, 5, "efgh"), SEG(10, 5, "abcd"), DROP, 0 },
    { "rows-2-4/both", 14, 0, SEG(10, 5, "abcd"), SEG(12, 5, "cd"), BOTH, 0 },
    { "row-2/one-byte-more-is-not-seen", 14, 5, SEG(10, 5, "abcde"), SEG(14, 5, "e"), BOTH, 15 },

    /* Row 6: the same segment. */
    { "row-6/equal", 0, 0, SEG(10, 5, "abcd"), SEG(10, 5, "abcd"), BOTH, 14 },
    { "row-6/acks-do-not-matter", 0, 5, SEG(10, 500, "abcd"), SEG(10, 5, "abcd"), BOTH, 14 },
    { "row-6/flags-do-not-matter", 0, 0,
      { .flags = ACK | PSH | FIN, .seq = 10, .ack = 5, .payload = "abcd" },
      SEG(10, 5, "abcd"), BOTH, 14 },
    { "row-6/options-do-not-matter", 0, 0,
      { .flags = ACK, .seq = 10, .ack = 5, .payload = "abcd", .options = stamp_a,
        .options_len = sizeof(stamp_a) },
      { .flags = ACK, .seq = 10, .ack = 5, .payload = "abcd", .options = stamp_b,
        .options_len = sizeof(stamp_b) }, BOTH, 14 },
    { "row-6/header-lengths-may-differ", 0, 0,
      { .flags = ACK, .seq = 10, .ack = 5, .payload = "abcd", .options = stamp_a,
        .options_len = sizeof(stamp_a) }, SEG(10, 5, "abcd"), BOTH, 14 },
    { "row-6/vnet-header-does-not-count", 0, 0,
      { .flags = ACK, .seq = 10, .ack = 5, .payload = "abcd", .vnet_hdr_len = 12 },
      { .flags = ACK, .seq = 10, .ack = 5, .payload = "abcd", .vnet_hdr_len = 10,
        .vnet_flags = 2 }, BOTH, 14 },
    { "row-6/padding-does-not-count", 0, 0,
      { .flags = ACK, .seq = 10, .ack = 5, .payload = "a", .pad_to = 60 },
      SEG(10, 5, "a"), BOTH, 11 },
    { "row-6/wraps", 0, 0, SEG(0xfffffffe, 5, "abcd"), SEG(0xfffffffe, 5, "abcd"), BOTH, 2 },

    /* Row 7: the primary's is a part of the secondary's. */
    { "row-7/shorter", 0, 5, SEG(10, 5, "ab"), SEG(10, 5, "abcd"), OUT, 12 },
    { "row-7/rest-of-secondary", 12, 5, SEG(12, 5, "c"), SEG(10, 5, "abcd"), OUT, 13 },
    { "row-7/same-end-serves-both", 12, 5, SEG(12, 5, "cd"), SEG(10, 5, "abcd"), BOTH, 14 },
    { "row-7/rest-of-primary", 12, 5, SEG(10, 5, "xxc"), SEG(12, 5, "cd"), OUT, 13 },
    { "row-7/ack-equal", 0, 100, SEG(10, 100, "ab"), SEG(10, 50, "abcd"), OUT, 12 },
    { "row-7/ack-wraps", 0, 3, SEG(10, 0xfffffff0, "ab"), SEG(10, 3, "abcd"), OUT, 12 },
    { "row-7/without-ack-flag", 0, 5, { .flags = PSH, .seq = 10, .ack = 99, .payload = "ab" },
      SEG(10, 5, "abcd"), OUT, 12 },

    /* Row 8: it acknowledges more than the secondary has. */
    { "row-8/ack-beyond", 0, 50, SEG(10, 100, "ab"), SEG(10, 50, "abcd"), STAY, 0 },
    { "row-8/ack-beyond-by-wrap", 0, 0xfffffff0, SEG(10, 3, "ab"),
      SEG(10, 0xfffffff0, "abcd"), STAY, 0 },
    { "row-8/secondary-has-none", 0, 0, SEG(10, 100, "ab"),
      { .flags = PSH, .seq = 10, .payload = "abcd" }, STAY, 0 },

    /* Row 9: the secondary's is a part of the primary's. */
    { "row-9/longer", 0, 0, SEG(10, 5, "abcd"), SEG(10, 5, "ab"), DROP, 12 },
    { "row-9/ack-does-not-matter", 0, 5, SEG(10, 500, "abcd"), SEG(10, 5, "ab"), DROP, 12 },
    { "row-9/rest-of-primary", 12, 0, SEG(10, 5, "abcd"), SEG(12, 5, "c"), DROP, 13 },
    { "row-9/rest-of-secondary", 12, 0, SEG(12, 5, "cd"), SEG(10, 5, "xxc"), DROP, 13 },

    /* Row 10: anything else. */
    { "row-10/content", 0, 0, SEG(10, 5, "abcd"), SEG(10, 5, "abcx"), STAY, 0 },
    { "row-10/first-byte", 0, 0, SEG(10, 5, "abcd"), SEG(10, 5, "Abcd"), STAY, 0 },
    { "row-10/shorter-content", 0, 5, SEG(10, 5, "ax"), SEG(10, 5, "abcd"), STAY, 0 },
    { "row-10/longer-content", 0, 0, SEG(10, 5, "abcd"), SEG(10, 5, "ax"), STAY, 0 },
    { "row-10/rest-differs", 12, 5, SEG(10, 5, "abcX"), SEG(12, 5, "cd"), STAY, 0 },
    { "row-10/same-content-elsewhere", 0, 0, SEG(10, 5, "abcd"), SEG(20, 5, "abcd"), STAY, 0 },
    { "row-10/primary-ahead", 0, 0, SEG(20, 5, "abcd"), SEG(10, 5, "abcd"), STAY, 0 },
    { "row-10/gap-before-overlap", 0, 0, SEG(10, 5, "abcd"), SEG(12, 5, "cdef"), STAY, 0 },
};

static void test_tcp_case(gconstpointer opaque)
{
    const TcpCase *c = opaque;
    ColoPool pool = { 0 };
    ColoPacket *p = colo_packet_build(&pool, &c->p);
    ColoPacket *s = colo_packet_build(&pool, &c->s);
    ColoTcp tcp = { .has_seen = c->seen != 0, .seen = c->seen };

    if (c->s_acked != 0) {
        tcp.side[COLO_SIDE_SECONDARY] = (ColoTcpSide) { .has_ack = true, .ack = c->s_acked };
    }
    g_assert_cmpuint(colo_tcp_compare(&tcp, p, s), ==, c->verdict);
    g_assert_cmpuint(tcp.seen, ==, c->seen_after ? c->seen_after : c->seen);
    g_assert_true(tcp.has_seen == (tcp.seen != 0));
    colo_pool_give(&pool, p);
    colo_pool_give(&pool, s);
    colo_pool_clear(&pool);
}

static void note(ColoTcp *tcp, ColoSide side, PacketSpec spec)
{
    ColoPool pool = { 0 };
    ColoPacket *packet = colo_packet_build(&pool, &spec);

    colo_tcp_note(tcp, side, packet);
    colo_pool_give(&pool, packet);
    colo_pool_clear(&pool);
}

static void test_highest_ack_counts(void)
{
    ColoTcp tcp = { 0 };
    ColoTcpSide *side = &tcp.side[COLO_SIDE_SECONDARY];

    note(&tcp, COLO_SIDE_SECONDARY, (PacketSpec) BARE(10, 100, 0));
    g_assert_cmpuint(side->ack, ==, 100);
    note(&tcp, COLO_SIDE_SECONDARY, (PacketSpec) BARE(10, 50, 0));
    g_assert_cmpuint(side->ack, ==, 100);
    note(&tcp, COLO_SIDE_SECONDARY, (PacketSpec) { .flags = PSH, .seq = 10, .ack = 500 });
    g_assert_cmpuint(side->ack, ==, 100);
    side->ack = 0xfffffff0;
    note(&tcp, COLO_SIDE_SECONDARY, (PacketSpec) BARE(10, 5, 0));
    g_assert_cmpuint(side->ack, ==, 5);
    g_assert_false(tcp.side[COLO_SIDE_PRIMARY].has_ack);
}

static void test_new_connection_forgets_old_numbers(void)
{
    const PacketSpec syn = { .flags = SYN | ACK, .seq = 7000, .ack = 10 };
    ColoTcp tcp = { .has_seen = true, .seen = 0x80000000 };

    tcp.side[COLO_SIDE_PRIMARY] = (ColoTcpSide) { .has_ack = true, .ack = 0x90000000,
                                                  .has_closed = true };
    note(&tcp, COLO_SIDE_PRIMARY, syn);
    g_assert_false(tcp.has_seen);
    g_assert_cmpuint(tcp.side[COLO_SIDE_PRIMARY].ack, ==, 10);
    g_assert_false(tcp.side[COLO_SIDE_PRIMARY].has_closed);
    tcp.has_seen = true;
    note(&tcp, COLO_SIDE_PRIMARY, syn);
    g_assert_true(tcp.has_seen);
}

static void test_over_when_both_have_closed(void)
{
    ColoTcp tcp = { 0 };

    g_assert_false(colo_tcp_is_over(&tcp));
    note(&tcp, COLO_SIDE_PRIMARY, (PacketSpec) BARE(10, 5, FIN));
    g_assert_false(colo_tcp_is_over(&tcp));
    note(&tcp, COLO_SIDE_SECONDARY, (PacketSpec) { .flags = RST, .seq = 10 });
    g_assert_true(colo_tcp_is_over(&tcp));
}

/* --- Others ------------------------------------------------------------------------------ */

/** Two packets of a protocol other than TCP. */
typedef struct OtherCase {
    const char *name;
    PacketSpec p;
    PacketSpec s;
    size_t change_at; /* offset in the secondary's frame of a byte to be changed; 0 = none */
    bool equal;
} OtherCase;

#define UDP_(text) { .protocol = 17, .payload = (text) }
#define ICMP_(text) { .protocol = 1, .payload = (text) }
#define GRE_(text) { .protocol = 47, .payload = (text) }

static const uint8_t ip_option[] = { 1, 1, 1, 0 };

static const OtherCase other_cases[] = {
    { "udp/equal", UDP_("abcd"), UDP_("abcd"), 0, true },
    { "udp/content", UDP_("abcd"), UDP_("abcx"), 0, false },
    { "udp/length", UDP_("abcd"), UDP_("abcde"), 0, false },
    { "udp/checksum-counts", UDP_("abcd"), UDP_("abcd"), 14 + 20 + 6, false },
    { "udp/mac-does-not-count", UDP_("abcd"), UDP_("abcd"), 6, true },
    { "udp/tos-does-not-count", UDP_("abcd"), UDP_("abcd"), 14 + 1, true },
    { "udp/ip-id-does-not-count", UDP_("abcd"), UDP_("abcd"), 14 + 4, true },
    { "udp/ttl-does-not-count", UDP_("abcd"), UDP_("abcd"), 14 + 8, true },
    { "udp/padding-does-not-count", { .protocol = 17, .payload = "a", .pad_to = 60 },
      { .protocol = 17, .payload = "a", .pad_to = 60 }, 59, true },
    { "udp/frame-sizes-count", { .protocol = 17, .payload = "a", .pad_to = 60 },
      { .protocol = 17, .payload = "a", .pad_to = 62 }, 0, false },
    { "udp/ip-header-lengths-count", { .protocol = 17, .payload = "abcd", .extensions = ip_option,
                                       .extensions_len = sizeof(ip_option) },
      UDP_("abcdefgh"), 0, false },
    { "udp/same-vnet-headers", { .protocol = 17, .payload = "abcd", .vnet_hdr_len = 10 },
      { .protocol = 17, .payload = "abcd", .vnet_hdr_len = 10 }, 1, true },
    { "udp/vnet-header-lengths-count", { .protocol = 17, .payload = "abcd", .vnet_hdr_len = 20 },
      { .protocol = 17, .payload = "abcd", .vnet_hdr_len = 10 }, 0, false },
    { "icmp/equal", ICMP_("ping"), ICMP_("ping"), 0, true },
    { "icmp/content", ICMP_("ping"), ICMP_("pong"), 0, false },
    { "icmp/ttl-does-not-count", ICMP_("ping"), ICMP_("ping"), 14 + 8, true },
    { "other/equal", GRE_("abcd"), GRE_("abcd"), 0, true },
    { "other/content", GRE_("abcd"), GRE_("abce"), 0, false },
    { "other/ip-id-counts", GRE_("abcd"), GRE_("abcd"), 14 + 4, false },
    { "other/mac-counts", GRE_("abcd"), GRE_("abcd"), 6, false },
    { "other/vnet-header-does-not-count", { .protocol = 47, .payload = "a", .vnet_hdr_len = 10 },
      { .protocol = 47, .payload = "a", .vnet_hdr_len = 10 }, 1, true },
};

static void test_other_case(gconstpointer opaque)
{
    const OtherCase *c = opaque;
    ColoPool pool = { 0 };
    ColoPacket *p = colo_packet_build(&pool, &c->p);
    ColoPacket *s = colo_packet_build(&pool, &c->s);

    if (c->change_at != 0) {
        s->data[c->change_at] ^= 0x55;
    }
    g_assert_true(colo_packets_equal(p, s) == c->equal);
    colo_pool_give(&pool, p);
    colo_pool_give(&pool, s);
    colo_pool_clear(&pool);
}

/* --- Storage ----------------------------------------------------------------------------- */

static void test_list_is_sorted_by_number(void)
{
    static const uint32_t seqs[] = { 0xfffffff0, 30, 10, 20, 0xfffffffe, 10 };
    static const uint32_t want[] = { 0xfffffff0, 0xfffffffe, 10, 10, 20, 30 };
    ColoPool pool = { 0 };
    ColoList list = { 0 };

    for (size_t i = 0; i < G_N_ELEMENTS(seqs); i++) {
        PacketSpec spec = { .flags = ACK, .seq = seqs[i] };

        colo_list_insert_by_seq(&list, colo_packet_build(&pool, &spec));
    }
    g_assert_cmpuint(list.n, ==, G_N_ELEMENTS(seqs));
    for (size_t i = 0; i < G_N_ELEMENTS(want); i++) {
        ColoPacket *packet = list.head;

        g_assert_cmpuint(packet->seq, ==, want[i]);
        colo_list_remove(&list, packet);
        colo_pool_give(&pool, packet);
    }
    g_assert_null(list.tail);
    g_assert_cmpuint(list.bytes, ==, 0);
    colo_pool_clear(&pool);
}

static void test_pool_serves_every_length(void)
{
    static const uint32_t lens[] = { 1, 128, 129, 2048, 2049, 16384, 16385, NET_FRAME_MAX };
    g_autofree uint8_t *data = g_malloc(NET_FRAME_MAX);
    ColoPool pool = { 0 };

    memset(data, 0x5a, NET_FRAME_MAX);
    for (int round = 0; round < 2; round++) {
        ColoPacket *packets[G_N_ELEMENTS(lens)];

        for (size_t i = 0; i < G_N_ELEMENTS(lens); i++) {
            packets[i] = colo_pool_copy(&pool, &(NetFrame) { data, lens[i], 0 });
            g_assert_cmpmem(packets[i]->data, packets[i]->len, data, lens[i]);
            g_assert_cmpuint(colo_packet_cost(packets[i]), >, lens[i]);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(lens); i++) {
            colo_pool_give(&pool, packets[i]);
        }
    }
    colo_pool_clear(&pool);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    CASES_ADD("/colo-rules/tcp/", tcp_cases, name, test_tcp_case);
    CASES_ADD("/colo-rules/", other_cases, name, test_other_case);
    g_test_add_func("/colo-rules/tcp/highest-ack-counts", test_highest_ack_counts);
    g_test_add_func("/colo-rules/tcp/new-connection-forgets-old-numbers",
                    test_new_connection_forgets_old_numbers);
    g_test_add_func("/colo-rules/tcp/over-when-both-have-closed",
                    test_over_when_both_have_closed);
    g_test_add_func("/colo-rules/list-is-sorted-by-number", test_list_is_sorted_by_number);
    g_test_add_func("/colo-rules/pool-serves-every-length", test_pool_serves_every_length);
    return g_test_run();
}
