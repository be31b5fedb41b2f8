/* SPDX-License-Identifier: GPL-2.0-or-later */
/* colo-compare with full queues, slow, missing and malicious peers. */

#include "compare-rig.h"

#include <string.h>

static void test_secondary_gone_and_back(void)
{
    CompareRig *rig = crig_new("");

    crig_send_udp(&rig->sec, 1, "one");
    crig_wait(rig, "secondary.queued.frames", 1);
    crig_disconnect(rig, &rig->sec);
    crig_send_udp(&rig->pri, 1, "one");
    crig_expect_udp(rig, 1, "one");
    crig_send_udp(&rig->pri, 1, "two");
    crig_connect(rig, &rig->sec);
    crig_send_udp(&rig->sec, 1, "two");
    crig_expect_udp(rig, 1, "two");
    crig_free(rig);
}

/* What began in one connection does not go on in the next. */
static void test_half_a_frame(void)
{
    CompareRig *rig = crig_new("");

    sock_write(rig->sec.fd, "\0\0\0\x40half", 8);
    crig_disconnect(rig, &rig->sec);
    crig_wait(rig, "secondary.malformed", 1);
    qtest_wait_output(rig->s, "colo-compare 'cmp0': secondary_in 'sec' was closed in the middle "
                      "of a frame");
    crig_connect(rig, &rig->sec);
    crig_send_udp(&rig->sec, 1, "whole");
    crig_send_udp(&rig->pri, 1, "whole");
    crig_expect_udp(rig, 1, "whole");
    crig_free(rig);
}

static void check_oversized(CompareRig *rig, FrameLink *link, const char *message)
{
    sock_write(link->fd, "\0\1\x10\1", 4);
    sock_expect_eof(link->fd);
    qtest_wait_output(rig->s, "colo-compare 'cmp0': serious error: oversized packet received,"
                      "connection terminated.");
    qtest_wait_output(rig->s, message);
    crig_disconnect(rig, link);
    crig_connect(rig, link);
}

static void test_oversized_disconnects(void)
{
    CompareRig *rig = crig_new("");

    check_oversized(rig, &rig->sec, "colo-compare secondary_in error");
    check_oversized(rig, &rig->pri, "colo-compare primary_in error");
    crig_send_udp(&rig->sec, 1, "again");
    crig_send_udp(&rig->pri, 1, "again");
    crig_expect_udp(rig, 1, "again");
    g_assert_cmpint(crig_count(rig, "primary.malformed"), ==, 1);
    crig_free(rig);
}

static void test_empty_and_longest(void)
{
    CompareRig *rig = crig_new("");
    g_autofree uint8_t *longest = g_malloc0(FRAME_MAX);

    sock_write(rig->pri.fd, "\0\0\0\0\0\0\0\0", 8);
    frame_link_send_bytes(&rig->pri, longest, FRAME_MAX);
    frame_link_expect_bytes(&rig->out, longest, FRAME_MAX);
    g_assert_cmpint(crig_count(rig, "primary.empty"), ==, 2);
    crig_free(rig);
}

/* Damaged headers of every kind: the primary's go out, the secondary's do not. */
static void test_malformed_packets(void)
{
    const PacketSpec spec = { .flags = ACK, .seq = 1, .payload = "payload" };
    CompareRig *rig = crig_new("");
    uint8_t buf[PACKET_MAX];
    PacketLayout at = packet_build(buf, &spec);

    for (size_t len = 1; len < at.len; len++) {
        frame_link_send_bytes(&rig->sec, buf, len);
        frame_link_send_bytes(&rig->pri, buf, len);
        frame_link_expect_bytes(&rig->out, buf, len);
    }
    crig_wait(rig, "secondary.dropped.malformed.frames", (int64_t)at.len - 1);
    g_assert_cmpint(crig_count(rig, "malformed"), ==, 2 * ((int64_t)at.len - 1));
    qtest_wait_output(rig->s, "colo-compare 'cmp0': malformed frame: bad IPv4 total length");
    crig_free(rig);
}

static void test_full_queue(void)
{
    CompareRig *rig = crig_new(",max_queue_size=3");

    for (int i = 0; i < 6; i++) {
        crig_send_udp(&rig->pri, 1, (char[]) { (char)('a' + i), 0 });
    }
    crig_wait(rig, "primary.dropped.queue-full.frames", 2);
    qtest_wait_output(rig->s, "colo-compare 'cmp0': primary packet dropped: queue-full (1 so "
                      "far)");
    crig_notify(rig, "COLO_CHECKPOINT");
    for (int i = 0; i < 4; i++) {
        crig_expect_udp(rig, 1, (char[]) { (char)('a' + i), 0 });
    }
    crig_expect_nothing(rig);
    crig_free(rig);
}

/* The secondary's memory is limited, whatever it sends. */
static void test_secondary_overflow(void)
{
    enum { N = 100 };
    CompareRig *rig = crig_new(",hold-size=5000");

    for (uint16_t port = 1; port <= N; port++) {
        crig_send_udp(&rig->sec, port, "early");
    }
    crig_wait(rig, "secondary.in.frames", N);
    g_assert_cmpint(crig_count(rig, "secondary.dropped.overflow.frames"), >, N / 2);
    g_assert_cmpint(crig_count(rig, "secondary.queued.frames"), >, 0);
    qtest_wait_output(rig->s, "colo-compare 'cmp0': secondary packet dropped: overflow (1 so "
                      "far)");
    crig_free(rig);
}

/* The connection that was unused for longest makes room for one too many. */
static void test_full_table(void)
{
    enum { N = 16384 };
    CompareRig *rig = crig_new("");

    for (uint16_t port = 1; port <= N + 1; port++) {
        crig_send_udp(&rig->sec, port, "early");
    }
    crig_wait(rig, "secondary.in.frames", N + 1);
    g_assert_cmpint(crig_count(rig, "connections"), ==, N);
    g_assert_cmpint(crig_count(rig, "evicted"), ==, 1);
    g_assert_cmpint(crig_count(rig, "secondary.dropped.evicted.frames"), ==, 1);
    crig_send_udp(&rig->pri, 2, "early");
    crig_expect_udp(rig, 2, "early");
    crig_free(rig);
}

static void test_ports_used_again(void)
{
    CompareRig *rig = crig_new("");

    crig_send(&rig->sec, &(PacketSpec) { .flags = ACK, .seq = 500, .payload = "old" });
    crig_wait(rig, "secondary.queued.frames", 1);
    crig_send(&rig->pri, &(PacketSpec) { .flags = SYN | ACK, .seq = 9 });
    crig_wait(rig, "secondary.dropped.reopened.frames", 1);
    crig_expect_nothing(rig);
    crig_send(&rig->sec, &(PacketSpec) { .flags = SYN | ACK, .seq = 7777 });
    crig_expect(rig, &(PacketSpec) { .flags = SYN | ACK, .seq = 9 });
    crig_free(rig);
}

static void send_long(FrameLink *link, uint32_t i)
{
    uint8_t frame[1500] = { 0 };

    packet_put32(frame + 14, i);
    frame_link_send_bytes(link, frame, sizeof(frame));
}

static void expect_long(CompareRig *rig, uint32_t i)
{
    uint8_t frame[1500] = { 0 };

    packet_put32(frame + 14, i);
    frame_link_expect_bytes(&rig->out, frame, sizeof(frame));
}

static bool can_send(const FrameLink *link)
{
    GPollFD poll_fd = { .fd = link->fd, .events = G_IO_OUT };

    return g_poll(&poll_fd, 1, 0) == 1;
}

/* Nobody reads what is released: reading pauses, QMP answers, and all comes in order. */
static void test_slow_outdev(void)
{
    CompareRig *rig = crig_new(",hold-size=100000");
    uint32_t n = 0;

    for (int quiet = 0; quiet < 3;) {
        qtest_qmp_ok(rig->s, "{'execute': 'query-status'}");
        quiet = can_send(&rig->pri) ? 0 : quiet + 1;
        if (quiet == 0) {
            send_long(&rig->pri, n++);
        }
    }
    g_assert_cmpint(crig_count(rig, "held.bytes"), <, 1000000);
    g_assert_cmpint(crig_count(rig, "held.bytes"), >, 50000);
    for (uint32_t i = 0; i < n; i++) {
        expect_long(rig, i);
    }
    crig_wait(rig, "primary.done.frames", n);
    crig_free(rig);
}

/* The secondary is silent: the primary is made to wait, and goes on after a checkpoint. */
static void test_primary_is_held_back(void)
{
    CompareRig *rig = crig_new(",hold-size=100000,max_queue_size=100000");
    uint32_t n = 0;

    for (int quiet = 0; quiet < 3;) {
        qtest_qmp_ok(rig->s, "{'execute': 'query-status'}");
        quiet = can_send(&rig->pri) ? 0 : quiet + 1;
        if (quiet == 0) {
            crig_send_udp(&rig->pri, 1, "waits");
            n++;
        }
    }
    g_assert_cmpint(crig_count(rig, "primary.queued.frames"), <, n);
    while (crig_count(rig, "primary.in.frames") < n) {
        crig_notify(rig, "COLO_CHECKPOINT");
    }
    crig_notify(rig, "COLO_CHECKPOINT");
    for (uint32_t i = 0; i < n; i++) {
        crig_expect_udp(rig, 1, "waits");
    }
    crig_free(rig);
}

static void test_outdev_gone(void)
{
    CompareRig *rig = crig_new("");

    crig_disconnect(rig, &rig->out);
    for (int i = 0; i < 50; i++) {
        send_long(&rig->pri, 0);
    }
    crig_wait(rig, "primary.dropped.not-connected.frames", 50);
    qtest_wait_output(rig->s, "colo-compare 'cmp0': outdev 'out' is not connected: released "
                      "packets are lost");
    crig_connect(rig, &rig->out);
    send_long(&rig->pri, 1);
    expect_long(rig, 1);
    crig_free(rig);
}

/* A reader that goes away in the middle of a frame: the next one begins with a whole frame. */
static void test_outdev_torn(void)
{
    CompareRig *rig = crig_new(",hold-size=100000");
    uint32_t n = 0;

    while (crig_count(rig, "held.frames") == 0) {
        send_long(&rig->pri, n++);
    }
    crig_disconnect(rig, &rig->out);
    crig_wait(rig, "held.frames", 0);
    g_assert_cmpint(crig_count(rig, "primary.dropped.not-connected.frames"), >, 0);
    crig_wait(rig, "primary.in.frames", n);
    crig_connect(rig, &rig->out);
    send_long(&rig->pri, n);
    expect_long(rig, n);
    crig_free(rig);
}

static void test_deletion_releases(void)
{
    CompareRig *rig = crig_new("");

    crig_send_udp(&rig->pri, 1, "first");
    crig_send_udp(&rig->pri, 1, "second");
    crig_wait(rig, "primary.queued.frames", 2);
    qtest_object_del(rig->s, "cmp0");
    crig_expect_udp(rig, 1, "first");
    crig_expect_udp(rig, 1, "second");
    qtest_object_del(rig->s, "io");
    qtest_quit(g_steal_pointer(&rig->s));
    crig_free(rig);
}

/* More than a socket holds waits for the secondary. Returns: how many packets. */
static uint32_t queue_a_lot(CompareRig *rig)
{
    enum { N = 6000 };
    char text[1400] = { 0 };

    memset(text, 'x', sizeof(text) - 1);
    for (int i = 0; i < N; i++) {
        crig_send_udp(&rig->pri, 1, text);
    }
    crig_wait(rig, "primary.queued.frames", N);
    return N;
}

#define MANY ",max_queue_size=100000"

/* The reader is slow: what waits leaves when the object has long been gone. */
static void test_deletion_with_slow_outdev(void)
{
    CompareRig *rig = crig_new(MANY);
    g_autofree uint8_t *got = g_malloc(FRAME_MAX);
    uint32_t n = queue_a_lot(rig);

    qtest_object_del(rig->s, "cmp0");
    for (uint32_t i = 0; i < n; i++) {
        g_assert_cmpuint(frame_link_receive(&rig->out, got), ==, 14 + 20 + 8 + 1399);
    }
    qtest_qmp_ok(rig->s, "{'execute': 'chardev-remove', 'arguments': {'id': 'out'}}");
    qtest_quit(g_steal_pointer(&rig->s));
    crig_free(rig);
}

/* The reader never reads: that keeps nobody from removing the chardev or from using it. */
static void test_deletion_without_reader(void)
{
    CompareRig *rig = crig_new(MANY);

    queue_a_lot(rig);
    qtest_object_del(rig->s, "cmp0");
    qtest_qmp_ok(rig->s, "{'execute': 'object-add', 'arguments': {'qom-type': 'colo-compare', "
                 "'id': 'cmp0', 'primary_in': 'pri', 'secondary_in': 'sec', 'outdev': 'out', "
                 "'iothread': 'io'}}");
    qtest_wait_output(rig->s, "outdev 'out' is used by another: released packets are lost");
    crig_disconnect(rig, &rig->out);
    crig_connect(rig, &rig->out);
    crig_send_udp(&rig->pri, 1, "whole");
    crig_send_udp(&rig->sec, 1, "whole");
    crig_expect_udp(rig, 1, "whole");
    queue_a_lot(rig);
    qtest_object_del(rig->s, "cmp0");
    qtest_qmp_ok(rig->s, "{'execute': 'chardev-remove', 'arguments': {'id': 'out'}}");
    qtest_quit(g_steal_pointer(&rig->s));
    crig_free(rig);
}

static void test_reader_leaves_after_deletion(void)
{
    CompareRig *rig = crig_new(MANY);

    queue_a_lot(rig);
    qtest_object_del(rig->s, "cmp0");
    crig_disconnect(rig, &rig->out);
    qtest_wait_output(rig->s, "outdev 'out' is not connected: released packets are lost");
    qtest_quit(g_steal_pointer(&rig->s));
    crig_free(rig);
}

static void test_end_after_deletion(void)
{
    CompareRig *rig = crig_new(MANY);

    queue_a_lot(rig);
    qtest_object_del(rig->s, "cmp0");
    qtest_quit(g_steal_pointer(&rig->s));
    crig_free(rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/colo-compare/secondary-gone-and-back", test_secondary_gone_and_back);
    g_test_add_func("/colo-compare/half-a-frame", test_half_a_frame);
    g_test_add_func("/colo-compare/oversized-disconnects", test_oversized_disconnects);
    g_test_add_func("/colo-compare/empty-and-longest", test_empty_and_longest);
    g_test_add_func("/colo-compare/malformed-packets", test_malformed_packets);
    g_test_add_func("/colo-compare/full-queue", test_full_queue);
    g_test_add_func("/colo-compare/secondary-overflow", test_secondary_overflow);
    g_test_add_func("/colo-compare/full-table", test_full_table);
    g_test_add_func("/colo-compare/ports-used-again", test_ports_used_again);
    g_test_add_func("/colo-compare/slow-outdev", test_slow_outdev);
    g_test_add_func("/colo-compare/primary-is-held-back", test_primary_is_held_back);
    g_test_add_func("/colo-compare/outdev-gone", test_outdev_gone);
    g_test_add_func("/colo-compare/outdev-torn", test_outdev_torn);
    g_test_add_func("/colo-compare/deletion-releases", test_deletion_releases);
    g_test_add_func("/colo-compare/deletion-with-slow-outdev", test_deletion_with_slow_outdev);
    g_test_add_func("/colo-compare/deletion-without-reader", test_deletion_without_reader);
    g_test_add_func("/colo-compare/reader-leaves-after-deletion",
                    test_reader_leaves_after_deletion);
    g_test_add_func("/colo-compare/end-after-deletion", test_end_after_deletion);
    return g_test_run();
}
