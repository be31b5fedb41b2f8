/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Both hosts of a COLO pair as two programs: the chains of docs/colo.rst, end to end. */

/*
 *            +----------------- primary -----------------+        +------- secondary -------+
 *  client ◄─►│ net0 ─ copy ─ release ─ capture ─ guest   │──copy─►│ inject ─ reply ─ rw ─   │
 *            │            ▲               │              │        │                 guest   │
 *            │            └── cmp0 ◄──────┘              │◄─reply─│                         │
 *            +-------------------------------------------+        +-------------------------+
 *
 * A guest is the other port of a hub: a socket of the test's.
 */

#include "packets.h"
#include "qtest-client.h"

#include <string.h>
#include <sys/socket.h>

typedef struct Pair {
    QTest *primary;
    QTest *secondary;
    FrameLink client;
    FrameLink guests[2];
    int fds[3];
} Pair;

#define HUB "-netdev socket,id=net0,fd=%d -netdev hubport,id=p0,hubid=0,netdev=net0 " \
    "-netdev socket,id=net1,fd=%d -netdev hubport,id=p1,hubid=0,netdev=net1 "

static int pair_link(FrameLink *link)
{
    int ours, theirs;

    sock_pair(SOCK_STREAM, &ours, &theirs);
    frame_link_init(link, FRAME_LINK_STREAM, ours);
    return theirs;
}

static void pair_start_primary(Pair *pair, const char *folder)
{
    int net = pair_link(&pair->client);
    int guest = pair_link(&pair->guests[0]);

    pair->primary = qtest_start(
        HUB
        "-chardev socket,id=to-sec,path=%s.copy,server=on,wait=off "
        "-chardev socket,id=from-sec,path=%s.reply,server=on,wait=off "
        "-chardev socket,id=pri-a,path=%s.pri,server=on,wait=off "
        "-chardev socket,id=pri-b,path=%s.pri "
        "-chardev socket,id=rel-a,path=%s.rel,server=on,wait=off "
        "-chardev socket,id=rel-b,path=%s.rel "
        "-object iothread,id=cmp-thr "
        "-object filter-mirror,id=copy,netdev=net0,queue=tx,outdev=to-sec "
        "-object filter-redirector,id=release,netdev=net0,queue=rx,indev=rel-a "
        "-object filter-redirector,id=capture,netdev=net0,queue=rx,outdev=pri-a "
        "-object colo-compare,id=cmp0,primary_in=pri-b,secondary_in=from-sec,outdev=rel-b,"
        "iothread=cmp-thr", net, guest, folder, folder, folder, folder, folder, folder);
    sock_close(&net);
    sock_close(&guest);
}

static void pair_start_secondary(Pair *pair, const char *folder)
{
    FrameLink nobody;
    int net = pair_link(&nobody);
    int guest = pair_link(&pair->guests[1]);

    pair->secondary = qtest_start(
        HUB
        "-chardev socket,id=copy-in,path=%s.copy "
        "-chardev socket,id=reply-out,path=%s.reply "
        "-object filter-redirector,id=inject,netdev=net0,queue=tx,indev=copy-in "
        "-object filter-redirector,id=reply,netdev=net0,queue=rx,outdev=reply-out "
        "-object filter-rewriter,id=rw,netdev=net0,queue=all", net, guest, folder, folder);
    sock_close(&net);
    sock_close(&guest);
    pair->fds[2] = nobody.fd;
    frame_link_clear(&nobody);
}

/* A packet released, or copied, before the other end has been accepted would be lost. */
static void pair_wait_connected(const Pair *pair)
{
    for (;;) {
        g_autofree char *text = qtest_hmp(pair->primary, "info chardev");

        if (!strstr(text, "disconnected:")) {
            return;
        }
    }
}

static void pair_start(Pair *pair)
{
    g_autofree char *folder = tmp_path("colo");

    *pair = (Pair) { 0 };
    pair_start_primary(pair, folder);
    pair_start_secondary(pair, folder);
    pair_wait_connected(pair);
    pair->fds[0] = pair->client.fd;
    pair->fds[1] = pair->guests[0].fd;
}

static void pair_end(Pair *pair)
{
    int guest = pair->guests[1].fd;

    qtest_assert_conservation(pair->primary);
    qtest_assert_conservation(pair->secondary);
    qtest_quit(pair->secondary);
    qtest_quit(pair->primary);
    frame_link_clear(&pair->client);
    frame_link_clear(&pair->guests[0]);
    frame_link_clear(&pair->guests[1]);
    sock_close(&guest);
    for (size_t i = 0; i < G_N_ELEMENTS(pair->fds); i++) {
        sock_close(&pair->fds[i]);
    }
}

static const PacketSpec to_guest = { .src = 9, .dst = 1, .src_port = 20000, .dst_port = 80 };
static const PacketSpec from_guest = { .src = 1, .dst = 9, .src_port = 80, .dst_port = 20000 };

/* @base with what matters of a segment. */
static PacketSpec segment(PacketSpec base, uint8_t flags, uint32_t seq, uint32_t ack,
                          const char *payload)
{
    base.flags = flags;
    base.seq = seq;
    base.ack = ack;
    base.payload = payload;
    return base;
}

static void send_spec(FrameLink *link, PacketSpec spec)
{
    uint8_t buf[PACKET_MAX];
    PacketLayout at = packet_build(buf, &spec);

    frame_link_send_bytes(link, buf, at.len);
}

static void expect_spec(FrameLink *link, PacketSpec spec)
{
    uint8_t buf[PACKET_MAX];
    PacketLayout at = packet_build(buf, &spec);

    frame_link_expect_bytes(link, buf, at.len);
}

/* The client sends; each guest gets it, with the ack that it knows. */
static void client_says(Pair *pair, PacketSpec spec, uint32_t secondary_ack)
{
    PacketSpec translated = spec;

    translated.ack = secondary_ack;
    send_spec(&pair->client, spec);
    expect_spec(&pair->guests[0], spec);
    expect_spec(&pair->guests[1], translated);
}

/* Both guests answer, the secondary's from another initial number; the client sees one. */
static void guests_say(Pair *pair, PacketSpec spec, uint32_t secondary_seq)
{
    PacketSpec own = spec;

    own.seq = secondary_seq;
    send_spec(&pair->guests[0], spec);
    send_spec(&pair->guests[1], own);
    expect_spec(&pair->client, spec);
}

static void test_connection(void)
{
    Pair pair;

    pair_start(&pair);
    client_says(&pair, segment(to_guest, SYN, 100, 0, NULL), 0);
    guests_say(&pair, segment(from_guest, SYN | ACK, 2000, 101, NULL), 5000);
    client_says(&pair, segment(to_guest, ACK, 101, 2001, NULL), 5001);
    client_says(&pair, segment(to_guest, ACK | PSH, 101, 2001, "ask"), 5001);
    guests_say(&pair, segment(from_guest, ACK | PSH, 2001, 104, "answer"), 5001);
    client_says(&pair, segment(to_guest, ACK | FIN, 104, 2007, NULL), 5007);
    guests_say(&pair, segment(from_guest, ACK | FIN, 2007, 105, NULL), 5007);
    client_says(&pair, segment(to_guest, ACK, 105, 2008, NULL), 5008);
    g_assert_cmpint(qtest_query_count(pair.primary, "query-colo-compare", "cmp0", "mismatches"),
                    ==, 0);
    frame_link_expect_nothing(&pair.client);
    pair_end(&pair);
}

/* They disagree; after a checkpoint on both hosts the numbers are the same. */
static void test_checkpoint(void)
{
    Pair pair;

    pair_start(&pair);
    client_says(&pair, segment(to_guest, SYN, 100, 0, NULL), 0);
    guests_say(&pair, segment(from_guest, SYN | ACK, 2000, 101, NULL), 5000);
    client_says(&pair, segment(to_guest, ACK, 101, 2001, NULL), 5001);
    send_spec(&pair.guests[0], segment(from_guest, ACK, 2001, 101, "this"));
    send_spec(&pair.guests[1], segment(from_guest, ACK, 5001, 101, "that"));
    qtest_expect_event(pair.primary, "COLO_CHECKPOINT_NEEDED");
    qtest_qmp_ok(pair.secondary, "{'execute': 'colo-checkpoint'}");
    qtest_qmp_ok(pair.primary, "{'execute': 'colo-checkpoint'}");
    expect_spec(&pair.client, segment(from_guest, ACK, 2001, 101, "this"));
    client_says(&pair, segment(to_guest, ACK, 101, 2005, "go on"), 2005);
    guests_say(&pair, segment(from_guest, ACK, 2005, 106, "yes"), 2005);
    pair_end(&pair);
}

/* The secondary dies: the primary's connections go on. */
static void test_secondary_lost(void)
{
    Pair pair;

    pair_start(&pair);
    send_spec(&pair.guests[0], segment(from_guest, ACK, 2001, 101, "waits"));
    qtest_wait_query(pair.primary, "query-colo-compare", "cmp0", "primary.queued.frames", 1);
    qtest_qmp_ok(pair.primary, "{'execute': 'x-colo-lost-heartbeat'}");
    expect_spec(&pair.client, segment(from_guest, ACK, 2001, 101, "waits"));
    send_spec(&pair.guests[0], segment(from_guest, ACK, 2006, 101, "alone"));
    expect_spec(&pair.client, segment(from_guest, ACK, 2006, 101, "alone"));
    pair_end(&pair);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/colo-pair/connection", test_connection);
    g_test_add_func("/colo-pair/checkpoint", test_checkpoint);
    g_test_add_func("/colo-pair/secondary-lost", test_secondary_lost);
    return g_test_run();
}
