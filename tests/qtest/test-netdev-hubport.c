/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netdev hubport through the real program: fan-out, pressure, ports that come and go. */

#include "qtest-client.h"

#include <sys/socket.h>

#define N_ENDS 3

/*
 *   end 0 ── n0 ── p0 ┐
 *   end 1 ── n1 ── p1 ┼ hub 1
 *   end 2 ── n2 ── p2 ┘
 */
typedef struct HubRig {
    QTest *s;
    int fds[N_ENDS];
    FrameLink ends[N_ENDS];
} HubRig;

/* Ports are made for the first @n_ports netdevs. */
static HubRig *hub_rig_new(int n_ports, const char *more)
{
    HubRig *rig = g_new0(HubRig, 1);
    g_autoptr(GString) options = g_string_new(more);
    int theirs[N_ENDS];

    for (int i = 0; i < N_ENDS; i++) {
        sock_pair(SOCK_STREAM, &rig->fds[i], &theirs[i]);
        frame_link_init(&rig->ends[i], FRAME_LINK_STREAM, rig->fds[i]);
        g_string_append_printf(options, " -netdev socket,id=n%d,fd=%d", i, theirs[i]);
        if (i < n_ports) {
            g_string_append_printf(options, " -netdev hubport,id=p%d,hubid=1,netdev=n%d", i, i);
        }
    }
    rig->s = qtest_start("%s", options->str);
    for (int i = 0; i < N_ENDS; i++) {
        sock_close(&theirs[i]);
    }
    return rig;
}

static void hub_rig_free(HubRig *rig)
{
    qtest_assert_conservation(rig->s);
    qtest_quit(rig->s);
    for (int i = 0; i < N_ENDS; i++) {
        frame_link_clear(&rig->ends[i]);
        sock_close(&rig->fds[i]);
    }
    g_free(rig);
}

static void add_port(HubRig *rig, int i)
{
    qtest_qmp_ok(rig->s, "{'execute': 'netdev_add', 'arguments': {'type': 'hubport', "
                 "'id': 'p%d', 'hubid': 1, 'netdev': 'n%d'}}", i, i);
}

static void del_netdev(HubRig *rig, const char *id)
{
    qtest_qmp_ok(rig->s, "{'execute': 'netdev_del', 'arguments': {'id': '%s'}}", id);
}

/* --- Fan-out ----------------------------------------------------------------------------- */

static void test_to_all_other_ports(void)
{
    HubRig *rig = hub_rig_new(3, "");

    for (int from = 0; from < N_ENDS; from++) {
        frame_link_send(&rig->ends[from], 100 * from, 20);
        for (int to = 0; to < N_ENDS; to++) {
            if (to != from) {
                frame_link_expect(&rig->ends[to], 100 * from, 20);
            }
        }
    }
    for (int i = 0; i < N_ENDS; i++) {
        frame_link_expect_nothing(&rig->ends[i]);
    }
    hub_rig_free(rig);
}

static void test_short_frames_stay_short(void)
{
    HubRig *rig = hub_rig_new(2, "");

    frame_link_send_bytes(&rig->ends[0], "twenty bytes, no more", 20);
    frame_link_expect_bytes(&rig->ends[1], "twenty bytes, no more", 20);
    hub_rig_free(rig);
}

static void test_hubs_are_apart(void)
{
    HubRig *rig = hub_rig_new(2, "");

    qtest_qmp_ok(rig->s, "{'execute': 'netdev_add', 'arguments': {'type': 'hubport', "
                 "'id': 'q', 'hubid': 2, 'netdev': 'n2'}}");
    frame_link_send(&rig->ends[0], 0, 5);
    frame_link_expect(&rig->ends[1], 0, 5);
    frame_link_expect_nothing(&rig->ends[2]);
    hub_rig_free(rig);
}

/* A port plugged into a port of another hub joins the two. */
static void test_joined_hubs(void)
{
    HubRig *rig = hub_rig_new(2, "");

    qtest_qmp_ok(rig->s, "{'execute': 'netdev_add', 'arguments': {'type': 'hubport', "
                 "'id': 'q0', 'hubid': 2, 'netdev': 'n2'}}");
    qtest_qmp_ok(rig->s, "{'execute': 'netdev_add', 'arguments': {'type': 'hubport', "
                 "'id': 'q1', 'hubid': 2}}");
    qtest_qmp_ok(rig->s, "{'execute': 'netdev_add', 'arguments': {'type': 'hubport', "
                 "'id': 'p2', 'hubid': 1, 'netdev': 'q1'}}");
    frame_link_send(&rig->ends[2], 0, 5);
    frame_link_expect(&rig->ends[0], 0, 5);
    frame_link_expect(&rig->ends[1], 0, 5);
    qtest_qmp_ok(rig->s, "{'execute': 'netdev_add', 'arguments': {'type': 'hubport', "
                 "'id': 'q3', 'hubid': 2}}");
    qtest_qmp_error(rig->s, "GenericError", "netdev 'q3' leads back to hub 1",
                    "{'execute': 'netdev_add', 'arguments': {'type': 'hubport', "
                    "'id': 'p3', 'hubid': 1, 'netdev': 'q3'}}");
    hub_rig_free(rig);
}

#define N_LINE 1000

/*
 *   end 0 ── n0 ── hub 1 b1 ── a2 hub 2 b2 ── a3 hub 3 ... a1000 hub 1000 ── n1 ── end 1
 */
static void test_long_line_of_hubs(void)
{
    HubRig *rig;
    g_autoptr(GString) ports = g_string_new(NULL);

    for (int i = 2; i <= N_LINE; i++) {
        g_string_append_printf(ports, " -netdev hubport,id=a%d,hubid=%d", i, i);
    }
    for (int i = 1; i < N_LINE; i++) {
        g_string_append_printf(ports, " -netdev hubport,id=b%d,hubid=%d,netdev=a%d", i, i, i + 1);
    }
    rig = hub_rig_new(0, ports->str);
    qtest_qmp_ok(rig->s, "{'execute': 'netdev_add', 'arguments': {'type': 'hubport', "
                 "'id': 'first', 'hubid': 1, 'netdev': 'n0'}}");
    qtest_qmp_ok(rig->s, "{'execute': 'netdev_add', 'arguments': {'type': 'hubport', "
                 "'id': 'last', 'hubid': %d, 'netdev': 'n1'}}", N_LINE);
    for (int i = 0; i < 2; i++) {
        frame_link_send(&rig->ends[i], 0, 100);
        frame_link_expect(&rig->ends[1 - i], 0, 100);
    }
    g_assert_cmpint(qtest_netdev_count(rig->s, "b500", "tx.delivered.frames"), ==, 100);
    g_assert_cmpint(qtest_netdev_count(rig->s, "b500", "rx.delivered.frames"), ==, 100);
    hub_rig_free(rig);
}

static void test_port_without_peer_takes_copies(void)
{
    HubRig *rig = hub_rig_new(1, "-netdev hubport,id=bare,hubid=1");

    frame_link_send(&rig->ends[0], 0, 5);
    qtest_wait_netdev(rig->s, "bare", "dropped.no-peer.frames", 5);
    hub_rig_free(rig);
}

/* --- Waiting ----------------------------------------------------------------------------- */

static void test_only_port_waits(void)
{
    HubRig *rig = hub_rig_new(1, "");

    frame_link_send(&rig->ends[0], 0, 5);
    qtest_wait_netdev(rig->s, "n0", "polled", 0);
    add_port(rig, 1);
    frame_link_expect(&rig->ends[1], 0, 5);
    g_assert_cmpint(qtest_netdev_count(rig->s, "n0", "tx.dropped.frames"), ==, 0);
    hub_rig_free(rig);
}

static void test_nothing_crosses_while_stopped(void)
{
    HubRig *rig = hub_rig_new(3, "");

    qtest_stop(rig->s);
    frame_link_send(&rig->ends[0], 0, 5);
    g_assert_cmpint(qtest_netdev_count(rig->s, "n0", "polled"), ==, 0);
    frame_link_expect_nothing(&rig->ends[1]);
    qtest_cont(rig->s);
    frame_link_expect(&rig->ends[1], 0, 5);
    frame_link_expect(&rig->ends[2], 0, 5);
    hub_rig_free(rig);
}

/* At cont no frame crosses before the filters of all netdevs know that the VM runs. */
static void test_filters_across_a_hub_change_together(void)
{
    HubRig *rig = hub_rig_new(2, "-chardev null,id=c0 -chardev null,id=c1 "
                              "-object filter-mirror,id=m0,netdev=n0,queue=tx,outdev=c0,"
                              "enable_when_stopped=true "
                              "-object filter-redirector,id=r1,netdev=n1,queue=rx,outdev=c1,"
                              "active-in=paused");

    for (uint32_t i = 0; i < 5; i++) {
        qtest_stop(rig->s);
        frame_link_send(&rig->ends[0], i, 1);
        qtest_wait_netdev(rig->s, "n0", "tx.held.frames", 1);
        qtest_cont(rig->s);
        frame_link_expect(&rig->ends[1], i, 1);
    }
    g_assert_cmpint(qtest_filter_count(rig->s, "r1", "in.frames"), ==, 0);
    hub_rig_free(rig);
}

/* One port's end does not read. The other gets all, and in the end the slow one as well. */
static void test_slow_port_loses_nothing(void)
{
    HubRig *rig = hub_rig_new(3, "");
    const uint32_t n = 6000;

    for (uint32_t i = 0; i < n; i += 20) {
        frame_link_send(&rig->ends[0], i, 20);
        frame_link_expect(&rig->ends[1], i, 20);
    }
    g_assert_cmpint(qtest_netdev_count(rig->s, "n2", "rx.held.frames"), >, 0);
    frame_link_expect(&rig->ends[2], 0, n);
    g_assert_cmpint(qtest_netdev_count(rig->s, "n2", "rx.dropped.frames"), ==, 0);
    hub_rig_free(rig);
}

/* More than a port may hold: the sender has to wait, and nothing is lost. */
static void test_full_port_blocks_the_sender(void)
{
    HubRig *rig = hub_rig_new(3, "");
    g_autofree uint8_t *frame = g_malloc0(FRAME_MAX);
    g_autofree uint8_t *got = g_malloc(FRAME_MAX);
    uint32_t n_sent = 0;
    uint32_t n_got = 0;

    while (qtest_netdev_count(rig->s, "n0", "polled")) {
        frame[0] = n_sent++;
        frame_link_send_bytes(&rig->ends[0], frame, FRAME_MAX);
        if (n_sent > n_got + 2) {
            frame_link_receive(&rig->ends[1], got);
            n_got++;
        }
        g_assert_cmpuint(n_sent, <, 1000);
    }
    g_assert_cmpuint(n_sent, >, 200);
    for (uint32_t i = 0; i < n_sent; i++) {
        g_assert_cmpuint(frame_link_receive(&rig->ends[2], got), ==, FRAME_MAX);
        g_assert_cmpuint(got[0], ==, (uint8_t)i);
    }
    for (; n_got < n_sent; n_got++) {
        frame_link_receive(&rig->ends[1], got);
        g_assert_cmpuint(got[0], ==, (uint8_t)n_got);
    }
    qtest_wait_netdev(rig->s, "n0", "polled", 1);
    hub_rig_free(rig);
}

/* The slow netdev goes: who waited because of it goes on. */
static void test_removed_port_frees_the_sender(void)
{
    HubRig *rig = hub_rig_new(2, "-netdev hubport,id=stuck,hubid=1 -device e1000,netdev=stuck");
    uint32_t n = 0;
    uint32_t n_got = 0;

    while (qtest_netdev_count(rig->s, "n0", "polled")) {
        frame_link_send(&rig->ends[0], n, 20);
        n += 20;
        while (n_got + 100 < n) {
            frame_link_expect(&rig->ends[1], n_got++, 1);
        }
        g_assert_cmpuint(n, <, 100000);
    }
    del_netdev(rig, "stuck");
    frame_link_expect(&rig->ends[1], n_got, n - n_got);
    hub_rig_free(rig);
}

/* A frame of the longest kind from end 0 to end 1 and back, more of them than a port may hold. */
static void exchange_more_than_a_port_holds(HubRig *rig)
{
    g_autofree uint8_t *frame = g_malloc0(FRAME_MAX);
    g_autofree uint8_t *got = g_malloc(FRAME_MAX);

    for (int i = 0; i < 300; i++) {
        frame[0] = i;
        frame_link_send_bytes(&rig->ends[i % 2], frame, FRAME_MAX);
        g_assert_cmpuint(frame_link_receive(&rig->ends[1 - i % 2], got), ==, FRAME_MAX);
        g_assert_cmpuint(got[0], ==, (uint8_t)i);
    }
}

/* Nobody has connected to the export on a port: it gets nothing, and the others do not wait. */
static void test_export_without_guest_holds_nobody_up(void)
{
    g_autofree char *path = tmp_path("export.sock");
    HubRig *rig = hub_rig_new(2, "-netdev hubport,id=guest,hubid=1");
    FrameLink guest;
    int fd;

    qtest_qmp_ok(rig->s, "{'execute': 'net-export-add', 'arguments': {'type': 'stream', "
                 "'id': 'e0', 'netdev': 'guest', 'addr': {'type': 'unix', 'path': '%s'}}}", path);
    exchange_more_than_a_port_holds(rig);
    g_assert_cmpint(qtest_netdev_count(rig->s, "guest", "dropped.not-connected.frames"), ==, 300);
    g_assert_cmpint(qtest_netdev_count(rig->s, "guest", "tx.held.frames"), ==, 0);
    fd = sock_connect_unix(path);
    qtest_expect_event(rig->s, "NET_EXPORT_CONNECTED");
    frame_link_init(&guest, FRAME_LINK_STREAM, fd);
    frame_link_send(&rig->ends[0], 0, 20);
    frame_link_expect(&rig->ends[1], 0, 20);
    frame_link_expect(&guest, 0, 20);
    frame_link_clear(&guest);
    sock_close(&fd);
    qtest_expect_event(rig->s, "NET_EXPORT_DISCONNECTED");
    exchange_more_than_a_port_holds(rig);
    hub_rig_free(rig);
}

/* A hub that has no other port is nobody, too. */
static void test_empty_joined_hub_holds_nobody_up(void)
{
    HubRig *rig = hub_rig_new(2, "-netdev hubport,id=q0,hubid=2 "
                              "-netdev hubport,id=p2,hubid=1,netdev=q0");

    exchange_more_than_a_port_holds(rig);
    g_assert_cmpint(qtest_netdev_count(rig->s, "p2", "dropped.not-connected.frames"), ==, 300);
    qtest_qmp_ok(rig->s, "{'execute': 'netdev_add', 'arguments': {'type': 'hubport', "
                 "'id': 'q1', 'hubid': 2, 'netdev': 'n2'}}");
    frame_link_send(&rig->ends[0], 0, 5);
    frame_link_expect(&rig->ends[1], 0, 5);
    frame_link_expect(&rig->ends[2], 0, 5);
    hub_rig_free(rig);
}

/* A NIC that takes nothing holds the others up until its limit and its time are over. */
static void test_slow_port_is_left_behind(void)
{
    HubRig *rig = hub_rig_new(2, "-netdev hubport,id=stuck,hubid=1 -device e1000,netdev=stuck");

    exchange_more_than_a_port_holds(rig);
    g_assert_cmpint(qtest_netdev_count(rig->s, "stuck", "dropped.overflow.frames"), >, 0);
    g_assert_cmpint(qtest_netdev_count(rig->s, "stuck", "tx.held.bytes"), >, 15 * 1024 * 1024);
    g_assert_cmpint(qtest_netdev_count(rig->s, "stuck", "tx.in.frames") +
                    qtest_netdev_count(rig->s, "stuck", "dropped.overflow.frames"), ==, 300);
    hub_rig_free(rig);
}

/* --- Ports that come and go -------------------------------------------------------------- */

static void test_port_comes_and_goes(void)
{
    HubRig *rig = hub_rig_new(2, "");

    for (uint32_t i = 0; i < 5; i++) {
        add_port(rig, 2);
        frame_link_send(&rig->ends[0], 10 * i, 10);
        frame_link_expect(&rig->ends[1], 10 * i, 10);
        frame_link_expect(&rig->ends[2], 10 * i, 10);
        del_netdev(rig, "p2");
    }
    frame_link_send(&rig->ends[0], 0, 10);
    frame_link_expect(&rig->ends[1], 0, 10);
    frame_link_expect_nothing(&rig->ends[2]);
    hub_rig_free(rig);
}

static void test_netdev_of_a_port_goes(void)
{
    HubRig *rig = hub_rig_new(3, "");

    del_netdev(rig, "n1");
    sock_expect_eof(rig->fds[1]);
    frame_link_send(&rig->ends[0], 0, 10);
    frame_link_expect(&rig->ends[2], 0, 10);
    g_assert_cmpint(qtest_netdev_count(rig->s, "p1", "dropped.no-peer.frames"), ==, 10);
    hub_rig_free(rig);
}

static void test_info_network(void)
{
    HubRig *rig = hub_rig_new(0, "-netdev hubport,id=a,hubid=3 -netdev hubport,id=b,hubid=3 "
                              "-netdev hubport,id=c,hubid=-4 -device e1000,netdev=b,id=nic0 ");
    g_autofree char *text = NULL;

    for (int i = 0; i < N_ENDS; i++) {
        g_autofree char *id = g_strdup_printf("n%d", i);

        del_netdev(rig, id);
    }
    text = qtest_hmp(rig->s, "info network");
    g_assert_cmpstr(text, ==, "hub -4\r\n \\ c\r\nhub 3\r\n"
                    " \\ b: nic0: index=0,type=nic,model=e1000,macaddr=52:54:00:12:34:56\r\n"
                    " \\ a\r\n");
    hub_rig_free(rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/netdev-hubport/to-all-other-ports", test_to_all_other_ports);
    g_test_add_func("/netdev-hubport/short-frames-stay-short", test_short_frames_stay_short);
    g_test_add_func("/netdev-hubport/hubs-are-apart", test_hubs_are_apart);
    g_test_add_func("/netdev-hubport/joined-hubs", test_joined_hubs);
    g_test_add_func("/netdev-hubport/long-line-of-hubs", test_long_line_of_hubs);
    g_test_add_func("/netdev-hubport/filters-across-a-hub-change-together",
                    test_filters_across_a_hub_change_together);
    g_test_add_func("/netdev-hubport/port-without-peer-takes-copies",
                    test_port_without_peer_takes_copies);
    g_test_add_func("/netdev-hubport/only-port-waits", test_only_port_waits);
    g_test_add_func("/netdev-hubport/nothing-crosses-while-stopped",
                    test_nothing_crosses_while_stopped);
    g_test_add_func("/netdev-hubport/slow-port-loses-nothing", test_slow_port_loses_nothing);
    g_test_add_func("/netdev-hubport/full-port-blocks-the-sender",
                    test_full_port_blocks_the_sender);
    g_test_add_func("/netdev-hubport/removed-port-frees-the-sender",
                    test_removed_port_frees_the_sender);
    g_test_add_func("/netdev-hubport/export-without-guest-holds-nobody-up",
                    test_export_without_guest_holds_nobody_up);
    g_test_add_func("/netdev-hubport/empty-joined-hub-holds-nobody-up",
                    test_empty_joined_hub_holds_nobody_up);
    g_test_add_func("/netdev-hubport/slow-port-is-left-behind", test_slow_port_is_left_behind);
    g_test_add_func("/netdev-hubport/port-comes-and-goes", test_port_comes_and_goes);
    g_test_add_func("/netdev-hubport/netdev-of-a-port-goes", test_netdev_of_a_port_goes);
    g_test_add_func("/netdev-hubport/info-network", test_info_network);
    return g_test_run();
}
