/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter-rewriter in the real program: alone, and in the chain of a COLO secondary. */

/*
 *   rig->net (client) ◄──► net0 ──[ rw ]── hub ◄──► rig->peer (guest)
 *
 * and as a secondary, where copies come in at chr1 and answers leave by chr0:
 *
 *   frig->in ──► inject(tx) ──► rw ──► rig->peer (guest)
 *   rig->out ◄── reply(rx)  ◄── rw ◄──
 */

#include "filter-rig.h"

#include <string.h>

#include "packets.h"

#define REWRITER "-object filter-rewriter,id=rw,netdev=net0"
#define SECONDARY(more)                                                                        \
    "-object filter-redirector,id=inject,netdev=net0,queue=tx,indev=chr1" more " "             \
    "-object filter-redirector,id=reply,netdev=net0,queue=rx,outdev=chr0" more " "             \
    REWRITER ",queue=all" more

#define SECOND INT64_C(1000000000)

/** Where the two sides of the filter are. */
typedef struct Ends {
    QTest *s;
    FrameLink *client_out; /* what the client sends goes in there */
    FrameLink *client_in;  /* what reaches the client comes out there */
    FrameLink *guest;
    uint32_t vnet_hdr_len;
} Ends;

static Ends plain_ends(FilterRig *frig)
{
    return (Ends) {
        .s = frig->s,
        .client_out = &frig->rig->net,
        .client_in = &frig->rig->net,
        .guest = &frig->rig->peer,
    };
}

static Ends secondary_ends(FilterRig *frig)
{
    frig_connect_in(frig);
    return (Ends) {
        .s = frig->s,
        .client_out = &frig->in,
        .client_in = &frig->rig->out,
        .guest = &frig->rig->peer,
    };
}

static PacketSpec client_spec(const Ends *ends, uint32_t i)
{
    return (PacketSpec) {
        .vnet_hdr_len = ends->vnet_hdr_len,
        .src = 9, .dst = 1, .src_port = (uint16_t)(20000 + i), .dst_port = 80,
    };
}

static PacketSpec guest_spec(uint32_t i)
{
    return (PacketSpec) {
        .src = 1, .dst = 9, .src_port = 80, .dst_port = (uint16_t)(20000 + i),
    };
}

/* Receive what @sent became: these numbers, and a right checksum. */
static void expect_numbers(FrameLink *link, const PacketSpec *sent, uint32_t want_seq,
                           uint32_t want_ack)
{
    g_autofree uint8_t *got = g_malloc(FRAME_MAX);
    uint8_t want[PACKET_MAX];
    PacketSpec spec = *sent;
    PacketLayout at;
    size_t len = frame_link_receive(link, got);

    spec.seq = want_seq;
    spec.ack = want_ack;
    at = packet_build(want, &spec);
    g_assert_cmpmem(got, len, want, at.len);
}

static void from_client(const Ends *ends, const PacketSpec *spec, uint32_t want_ack)
{
    PacketSpec without = *spec;
    uint8_t buf[PACKET_MAX];
    PacketLayout at = packet_build(buf, spec);

    frame_link_send_bytes(ends->client_out, buf, at.len);
    without.vnet_hdr_len = 0;
    expect_numbers(ends->guest, &without, spec->seq, want_ack);
}

static void from_guest(const Ends *ends, const PacketSpec *spec, uint32_t want_seq)
{
    uint8_t buf[PACKET_MAX];
    PacketLayout at = packet_build(buf, spec);

    frame_link_send_bytes(ends->guest, buf, at.len);
    expect_numbers(ends->client_in, spec, want_seq, spec->ack);
}

static void client_says(const Ends *ends, uint32_t i, uint8_t flags, uint32_t seq, uint32_t ack,
                        const char *payload, uint32_t want_ack)
{
    PacketSpec spec = client_spec(ends, i);

    spec.flags = flags;
    spec.seq = seq;
    spec.ack = ack;
    spec.payload = payload;
    from_client(ends, &spec, want_ack);
}

static void guest_says(const Ends *ends, uint32_t i, uint8_t flags, uint32_t seq, uint32_t ack,
                       const char *payload, uint32_t want_seq)
{
    PacketSpec spec = guest_spec(i);

    spec.flags = flags;
    spec.seq = seq;
    spec.ack = ack;
    spec.payload = payload;
    from_guest(ends, &spec, want_seq);
}

/* The guest counts from 5000, the primary did from 2000. */
static void open_connection(const Ends *ends, uint32_t i)
{
    client_says(ends, i, SYN, 100, 0, NULL, 0);
    guest_says(ends, i, SYN | ACK, 5000, 101, NULL, 5000);
    client_says(ends, i, ACK, 101, 2001, NULL, 5001);
}

static void talk(const Ends *ends, uint32_t i)
{
    client_says(ends, i, PSH | ACK, 101, 2001, "abc", 5001);
    guest_says(ends, i, PSH | ACK, 5001, 104, "xyz", 2001);
}

static void close_connection(const Ends *ends, uint32_t i)
{
    client_says(ends, i, FIN | ACK, 104, 2004, NULL, 5004);
    guest_says(ends, i, FIN | ACK, 5004, 105, NULL, 2004);
    client_says(ends, i, ACK, 105, 2005, NULL, 5005);
}

static void test_conversation(void)
{
    FilterRig *frig = frig_new(REWRITER);
    Ends ends = plain_ends(frig);

    open_connection(&ends, 0);
    g_assert_cmpint(qtest_filter_count(frig->s, "rw", "rewriter.connections"), ==, 1);
    g_assert_cmpint(qtest_filter_count(frig->s, "rw", "rewriter.translated"), ==, 1);
    talk(&ends, 0);
    close_connection(&ends, 0);
    g_assert_cmpint(qtest_filter_count(frig->s, "rw", "rewriter.connections"), ==, 0);
    g_assert_cmpint(qtest_filter_count(frig->s, "rw", "rewriter.closed"), ==, 1);
    g_assert_cmpint(qtest_filter_count(frig->s, "rw", "rewriter.rewritten"), ==, 6);
    g_assert_cmpint(qtest_filter_count(frig->s, "rw", "passed.frames"), ==, 8);
    frig_free(frig);
}

/* Nothing leaves by the secondary's own netdev. */
static void test_secondary(void)
{
    FilterRig *frig = frig_new(SECONDARY(""));
    Ends ends = secondary_ends(frig);

    open_connection(&ends, 0);
    talk(&ends, 0);
    close_connection(&ends, 0);
    frame_link_expect_nothing(&frig->rig->net);
    frig_free(frig);
}

/* Copies of a primary with virtio-net headers; our hub's port takes frames without. */
static void test_vnet_hdr(void)
{
    FilterRig *frig = frig_new("-object filter-redirector,id=inject,netdev=net0,queue=tx,"
                               "indev=chr1,vnet_hdr_support=on "
                               "-object filter-redirector,id=out,netdev=net0,queue=tx,"
                               "outdev=chr0,vnet_hdr_support=on "
                               REWRITER ",position=id=out,insert=before,vnet_hdr_support=on");
    PacketSpec spec = { .vnet_hdr_len = 12, .src = 9, .dst = 1, .src_port = 20000,
                        .dst_port = 80, .flags = SYN, .seq = 100 };
    Ends ends = secondary_ends(frig);
    uint8_t buf[PACKET_MAX];
    PacketLayout at;

    frig->in.kind = frig->rig->out.kind = FRAME_LINK_STREAM_VNET;
    frig->in.vnet_len = 12;
    at = packet_build(buf, &spec);
    frame_link_send_bytes(&frig->in, buf, at.len);
    expect_numbers(&frig->rig->out, &spec, 100, 0);
    ends.client_in = &frig->rig->net;
    guest_says(&ends, 0, SYN | ACK, 5000, 101, NULL, 5000);
    spec.flags = ACK;
    spec.seq = 101;
    spec.ack = 2001;
    spec.payload = "abc";
    at = packet_build(buf, &spec);
    frame_link_send_bytes(&frig->in, buf, at.len);
    expect_numbers(&frig->rig->out, &spec, 101, 5001);
    g_assert_cmpuint(frig->rig->out.vnet_len, ==, 12);
    frig_free(frig);
}

/* Frames of all kinds and lengths, in both directions and around a stop: as they were. */
static void test_other_frames(void)
{
    FilterRig *frig = frig_new(REWRITER);

    frig_send_tx(frig, 500);
    frig_expect(&frig->rig->peer, 0, 500);
    frig_send_rx(frig, 500);
    frig_expect(&frig->rig->net, 0, 500);
    qtest_stop(frig->s);
    frame_link_send(&frig->rig->net, 500, 50);
    qtest_cont(frig->s);
    frame_link_expect(&frig->rig->peer, 500, 50);
    g_assert_cmpint(qtest_filter_count(frig->s, "rw", "rewriter.connections"), ==, 0);
    g_assert_cmpint(qtest_filter_count(frig->s, "rw", "rewriter.rewritten"), ==, 0);
    frig_free(frig);
}

/* QEMU lets the first frame after a stop overtake those from before, and keeps these back. */
static void test_order_over_a_stop(void)
{
    FilterRig *frig = frig_new(SECONDARY(""));
    Ends ends = secondary_ends(frig);
    PacketSpec spec = client_spec(&ends, 0);
    uint8_t buf[PACKET_MAX];

    open_connection(&ends, 0);
    qtest_stop(frig->s);
    spec.flags = ACK;
    spec.ack = 2001;
    for (spec.seq = 1000; spec.seq < 1020; spec.seq++) {
        PacketLayout at = packet_build(buf, &spec);

        frame_link_send_bytes(&frig->in, buf, at.len);
        if (spec.seq == 1009) {
            qtest_wait_filter(frig->s, "rw", "held.frames", 10);
            frame_link_expect_nothing(&frig->rig->peer);
            qtest_cont(frig->s);
        }
    }
    for (spec.seq = 1000; spec.seq < 1020; spec.seq++) {
        expect_numbers(&frig->rig->peer, &spec, spec.seq, 5001);
    }
    frig_free(frig);
}

/* 10,000 connections at a time, a thousand of them closed by the guest first. */
static void test_table_shrinks(void)
{
    enum { N = 10000, N_LINGER = 1000 };
    FilterRig *frig = frig_new(REWRITER);
    Ends ends = plain_ends(frig);

    for (uint32_t i = 0; i < N; i++) {
        open_connection(&ends, i);
    }
    g_assert_cmpint(qtest_filter_count(frig->s, "rw", "rewriter.translated"), ==, N);
    for (uint32_t i = 0; i < N; i++) {
        talk(&ends, i);
        if (i < N_LINGER) {
            guest_says(&ends, i, FIN | ACK, 5004, 104, NULL, 2004);
            client_says(&ends, i, FIN | ACK, 104, 2005, NULL, 5005);
        } else {
            close_connection(&ends, i);
        }
    }
    g_assert_cmpint(qtest_filter_count(frig->s, "rw", "rewriter.lingering"), ==, N_LINGER);
    g_assert_cmpint(qtest_filter_count(frig->s, "rw", "rewriter.connections"), ==, N_LINGER);
    qtest_clock_step(frig->s, 120 * SECOND);
    g_assert_cmpint(qtest_filter_count(frig->s, "rw", "rewriter.connections"), ==, 0);
    g_assert_cmpint(qtest_filter_count(frig->s, "rw", "rewriter.translated"), ==, 0);
    g_assert_cmpint(qtest_filter_count(frig->s, "rw", "rewriter.added"), ==, N);
    g_assert_cmpint(qtest_filter_count(frig->s, "rw", "rewriter.closed"), ==, N);
    frig_free(frig);
}

static void test_deleted_while_it_holds(void)
{
    FilterRig *frig = frig_new(SECONDARY(""));
    Ends ends = secondary_ends(frig);
    PacketSpec spec = client_spec(&ends, 0);
    uint8_t buf[PACKET_MAX];
    PacketLayout at = packet_build(buf, &spec);

    qtest_stop(frig->s);
    frame_link_send_bytes(&frig->in, buf, at.len);
    qtest_wait_filter(frig->s, "rw", "held.frames", 1);
    qtest_object_del(frig->s, "rw");
    qtest_cont(frig->s);
    frame_link_expect_bytes(&frig->rig->peer, buf, at.len);
    frig_free(frig);
}

static void test_malformed(void)
{
    FilterRig *frig = frig_new(REWRITER);
    uint8_t buf[PACKET_MAX];
    PacketSpec spec = { .flags = ACK };
    PacketLayout at = packet_build(buf, &spec);

    frame_link_send_bytes(&frig->rig->net, buf, at.len - 1);
    frame_link_expect_bytes(&frig->rig->peer, buf, at.len - 1);
    g_assert_cmpint(qtest_filter_count(frig->s, "rw", "rewriter.malformed"), ==, 1);
    qtest_wait_output(frig->s, "warning: filter 'rw': malformed frame: bad IPv4 total length "
                      "(1 so far)");
    frig_free(frig);
}

static void test_properties(void)
{
    FilterRig *frig = frig_new(REWRITER);
    g_autofree char *value = qtest_qom_get(frig->s, "rw", "vnet_hdr_support");
    g_autofree char *status = qtest_qom_get(frig->s, "rw", "status");

    g_assert_cmpstr(value, ==, "false");
    g_assert_cmpstr(status, ==, "\"on\"");
    qtest_qom_set_bool(frig->s, "rw", "vnet_hdr_support", true);
    qtest_qmp_ok(frig->s, "{'execute': 'object-add', 'arguments': {'qom-type': "
                 "'filter-rewriter', 'id': 'r2', 'netdev': 'net0', 'vnet_hdr_support': true, "
                 "'queue': 'rx', 'position': 'head'}}");
    qtest_object_del(frig->s, "r2");
    frig_free(frig);
}

static void test_errors(void)
{
    FilterRig *frig = frig_new("");

#define ADD(members) "{'execute': 'object-add', 'arguments': {'qom-type': 'filter-rewriter', " \
                     "'id': 'rw'" members "}}"
    qtest_qmp_error(frig->s, "GenericError", "Parameter 'netdev' is missing", ADD(""));
    qtest_qmp_error(frig->s, "GenericError",
                    "Parameter 'netdev' expects a network backend id",
                    ADD(", 'netdev': 'nope'"));
    qtest_qmp_error(frig->s, "GenericError", "Parameter 'outdev' is unexpected",
                    ADD(", 'netdev': 'net0', 'outdev': 'chr0'"));
    qtest_qmp_error(frig->s, "GenericError",
                    "Invalid parameter type for 'vnet_hdr_support', expected: boolean",
                    ADD(", 'netdev': 'net0', 'vnet_hdr_support': 'on'"));
#undef ADD
    frig_free(frig);
}

static void test_human_monitor(void)
{
    FilterRig *frig = frig_new(REWRITER);
    Ends ends = plain_ends(frig);
    g_autofree char *text = NULL;

    open_connection(&ends, 0);
    text = qtest_hmp(frig->s, "info netfilters");
    g_assert_nonnull(strstr(text, "rw: type=filter-rewriter, netdev=net0"));
    g_assert_nonnull(strstr(text, "connections: 1, translated 1, lingering 0, added 1, closed 0,"
                            " evicted 0"));
    g_assert_nonnull(strstr(text, "rewritten: 1 frames, untracked 0, malformed 0"));
    frig_free(frig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/filter-rewriter/conversation", test_conversation);
    g_test_add_func("/filter-rewriter/secondary", test_secondary);
    g_test_add_func("/filter-rewriter/vnet-hdr", test_vnet_hdr);
    g_test_add_func("/filter-rewriter/other-frames", test_other_frames);
    g_test_add_func("/filter-rewriter/order-over-a-stop", test_order_over_a_stop);
    g_test_add_func("/filter-rewriter/table-shrinks", test_table_shrinks);
    g_test_add_func("/filter-rewriter/deleted-while-it-holds", test_deleted_while_it_holds);
    g_test_add_func("/filter-rewriter/malformed", test_malformed);
    g_test_add_func("/filter-rewriter/properties", test_properties);
    g_test_add_func("/filter-rewriter/errors", test_errors);
    g_test_add_func("/filter-rewriter/human-monitor", test_human_monitor);
    return g_test_run();
}
