/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames that the kernel dropped before they could be read are counted, each of them. */

#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "export-rig.h"
#include "filter-rig.h"
#include "sockets.h"
#include "tap-rig.h"

/* More than any buffer here takes; frames are up to 1514 bytes long. */
#define TOO_MANY 40000u

/* Enough to fill the receive buffer of a socket that asks for no larger one. */
#define SOME 4000u

/* @n whole frames come, in the order of their numbers, of which some are missing. */
static void expect_some(FrameLink *link, int64_t n)
{
    uint8_t frame[FRAME_MAX];
    int64_t last = -1;

    for (int64_t i = 0; i < n; i++) {
        size_t len = frame_link_receive(link, frame);
        uint32_t seq;

        g_assert_true(frame_check(frame, len, &seq));
        g_assert_cmpint(seq, >, last);
        last = seq;
    }
}

/* ---- Sockets ---- */

/*
 * The VM is stopped and nobody asks for frames, so they stay in the kernel, which keeps some.
 * Then the VM runs, and what was not dropped arrives: together that is all.
 */
static void G_GNUC_PRINTF(1, 0) check_netdev(const char *netdev)
{
    uint16_t theirs;
    uint16_t ours = sock_free_port(SOCK_DGRAM);
    int fd = sock_udp(&theirs);
    Pair *pair = pair_new(netdev, ours, theirs);
    g_autofree char *text = NULL;
    FrameLink link;
    int64_t dropped;

    sock_udp_connect(fd, ours);
    frame_link_init(&link, FRAME_LINK_DATAGRAM, fd);
    g_assert_cmpint(qtest_netdev_count(pair->s, "net0", "kernel-dropped"), ==, 0);
    frame_link_send(&link, 0, TOO_MANY);
    dropped = qtest_netdev_count(pair->s, "net0", "kernel-dropped");
    g_assert_cmpint(dropped, >, 0);
    g_assert_cmpint(dropped, <, TOO_MANY);
    text = qtest_hmp(pair->s, "info netdevs");
    g_assert_nonnull(strstr(text, "by the kernel, before they were read"));
    qtest_cont(pair->s);
    expect_some(&pair->peer, TOO_MANY - dropped);
    g_assert_cmpint(qtest_netdev_count(pair->s, "net0", "kernel-dropped"), ==, dropped);
    g_assert_cmpint(qtest_netdev_count(pair->s, "net0", "tx.in.frames"), ==, TOO_MANY - dropped);
    pair_free(pair);
    frame_link_clear(&link);
    sock_close(&fd);
}

static void test_netdev_dgram(void)
{
    check_netdev("-S -netdev dgram,id=net0,local.type=inet,local.host=127.0.0.1,local.port=%u,"
                 "remote.type=inet,remote.host=127.0.0.1,remote.port=%u");
}

static void test_netdev_socket(void)
{
    check_netdev("-S -netdev socket,id=net0,localaddr=127.0.0.1:%u,udp=127.0.0.1:%u");
}

/* A stream loses nothing, so it tells nothing. */
static void test_stream(void)
{
    Rig *rig = rig_new(RIG_STREAM_TCP, "-S");
    g_autoptr(json_object) entry = qtest_netdev(rig->s, "net0");

    g_assert_false(json_object_object_get_ex(entry, "kernel-dropped", NULL));
    rig_free(rig);
}

/* A given socket may have lost frames before: those were not ours. */
static void test_given_socket(void)
{
    uint16_t theirs_port;
    uint16_t ours_port;
    int theirs = sock_udp(&theirs_port);
    int ours = sock_udp(&ours_port);
    FrameLink link;
    QTest *s;

    sock_udp_connect(theirs, ours_port);
    sock_udp_connect(ours, theirs_port);
    frame_link_init(&link, FRAME_LINK_DATAGRAM, theirs);
    frame_link_send(&link, 0, SOME);
    netns_inherit_fd(ours);
    s = qtest_start("-S -netdev dgram,id=net0,local.type=fd,local.str=%d", ours);
    g_assert_cmpint(qtest_netdev_count(s, "net0", "kernel-dropped"), ==, 0);
    frame_link_send(&link, 0, 10);
    g_assert_cmpint(qtest_netdev_count(s, "net0", "kernel-dropped"), ==, 10);
    qtest_quit(s);
    frame_link_clear(&link);
    sock_close(&ours);
    sock_close(&theirs);
}

/* An export is read always: only a process that does not come to it loses anything. */
static void test_export(void)
{
    uint16_t theirs;
    uint16_t ours = sock_free_port(SOCK_DGRAM);
    int fd = sock_udp(&theirs);
    g_autofree char *options =
        g_strdup_printf("dgram,id=e0,netdev=net0,addr.type=inet,addr.host=127.0.0.1,"
                        "addr.port=%u,remote.type=inet,remote.host=127.0.0.1,remote.port=%u",
                        ours, theirs);
    ExportRig *rig = export_rig_start(options);
    int64_t dropped;

    sock_udp_connect(fd, ours);
    export_rig_adopt(rig, FRAME_LINK_DATAGRAM, fd);
    export_rig_check(rig, 10);
    g_assert_cmpint(export_rig_count(rig, "kernel-dropped"), ==, 0);
    qtest_stop(rig->s);
    qtest_signal(rig->s, SIGSTOP);
    frame_link_send(&rig->guest, 10, TOO_MANY);
    qtest_signal(rig->s, SIGCONT);
    dropped = export_rig_count(rig, "kernel-dropped");
    g_assert_cmpint(dropped, >, 0);
    export_rig_wait(rig, "from-guest.frames", 10 + TOO_MANY - dropped);
    g_assert_cmpint(export_rig_count(rig, "kernel-dropped"), ==, dropped);
    export_rig_free(rig);
}

/*
 *   test ──udp── "in0" ── f0 (redirector) ── net0
 */
static void test_indev(void)
{
    uint16_t theirs;
    uint16_t ours = sock_free_port(SOCK_DGRAM);
    int fd = sock_udp(&theirs);
    FrameLink link;
    int64_t dropped;
    QTest *s = qtest_start("-netdev hubport,id=net0,hubid=0 -chardev udp,id=in0,host=127.0.0.1,"
                           "port=%u,localaddr=127.0.0.1,localport=%u "
                           "-object filter-redirector,id=f0,netdev=net0,indev=in0,queue=rx",
                           theirs, ours);

    sock_udp_connect(fd, ours);
    frame_link_init(&link, FRAME_LINK_STREAM, fd);
    g_assert_cmpint(qtest_filter_count(s, "f0", "kernel-dropped"), ==, 0);
    qtest_signal(s, SIGSTOP);
    for (uint32_t i = 0; i < SOME; i++) {
        uint8_t frame[4 + 64] = { 0, 0, 0, 64 };

        g_assert_cmpint(send(fd, frame, sizeof(frame), 0), ==, sizeof(frame));
    }
    qtest_signal(s, SIGCONT);
    dropped = qtest_filter_count(s, "f0", "kernel-dropped");
    g_assert_cmpint(dropped, >, 0);
    qtest_wait_filter(s, "f0", "from-indev.frames", SOME - dropped);
    qtest_quit(s);
    frame_link_clear(&link);
    sock_close(&fd);
}

/* ---- A tap ---- */

/* What the queue of a tap does not take while nobody reads it. */
static void test_tap(void)
{
    TapRig *rig;
    int64_t dropped;

    if (tap_skipped()) {
        return;
    }
    rig = tap_rig_new("");
    qtest_stop(rig->pair->s);
    g_assert_cmpint(qtest_netdev_count(rig->pair->s, "net0", "kernel-dropped"), ==, 0);
    frame_link_send(&rig->wire, 0, SOME);
    dropped = qtest_netdev_count(rig->pair->s, "net0", "kernel-dropped");
    g_assert_cmpint(dropped, >, 0);
    qtest_cont(rig->pair->s);
    expect_some(&rig->pair->peer, SOME - dropped);
    g_assert_cmpint(qtest_netdev_count(rig->pair->s, "net0", "kernel-dropped"), ==, dropped);
    tap_rig_free(rig);
}

/* The interface of a descriptor from another namespace is not to be confused with one here. */
static void test_tap_from_elsewhere(void)
{
    g_autoptr(json_object) entry = NULL;
    QTest *s;
    int fd;

    if (tap_skipped()) {
        return;
    }
    netns_enter_new();
    fd = netns_tap_open("t0", 0);
    netns_inherit_fd(fd);
    netns_enter_new();
    netns_tap_make("t0");
    s = qtest_start("-netdev tap,id=net0,fd=%d", fd);
    entry = qtest_netdev(s, "net0");
    g_assert_false(json_object_object_get_ex(entry, "kernel-dropped", NULL));
    qtest_quit(s);
    sock_close(&fd);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kernel-dropped/netdev-dgram", test_netdev_dgram);
    g_test_add_func("/kernel-dropped/netdev-socket", test_netdev_socket);
    g_test_add_func("/kernel-dropped/stream-tells-nothing", test_stream);
    g_test_add_func("/kernel-dropped/not-what-a-given-socket-lost-before", test_given_socket);
    g_test_add_func("/kernel-dropped/export-dgram", test_export);
    g_test_add_func("/kernel-dropped/indev-udp", test_indev);
    g_test_add_func("/kernel-dropped/tap", test_tap);
    g_test_add_func("/kernel-dropped/tap-from-elsewhere", test_tap_from_elsewhere);
    return g_test_run();
}
