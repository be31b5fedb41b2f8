/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gates of exports: no more than QEMU has room to lose, and which frames are in flight. */

#include "export-rig.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define N_FRAMES 40
#define N_BACKLOG 200

/* Shorter frames go one by one; handovers of others may grow to so many. */
#define LARGE 512
#define BURST_MAX 64

typedef ExportRig *RigNewFunc(const char *more);

static void set_gate(ExportRig *rig, const char *gate)
{
    qtest_qmp_ok(rig->s, "{'execute': 'net-export-set', 'arguments': {'id': 'e0', "
                 "'gate': '%s'}}", gate);
}

/* One frame after the other, so that none is handed over together with another. */
static void send_singly(ExportRig *rig, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        export_rig_send(rig, 1);
        export_rig_guest_gets(rig, 1);
    }
}

/* One frame that the guest leaves unread, and @n behind it: one held, for which net0 waits. */
static void send_and_leave_unread(ExportRig *rig, uint32_t n)
{
    int64_t had = export_rig_count(rig, "to-guest.frames");

    export_rig_send(rig, 1);
    export_rig_wait(rig, "to-guest.frames", had + 1);
    export_rig_send(rig, 1);
    export_rig_wait(rig, "held-to-guest.frames", 1);
    export_rig_send(rig, n - 1);
}

static void check_one_is_on_its_way(RigNewFunc *rig_new)
{
    ExportRig *rig = rig_new(",gate=on");

    export_rig_attach(rig);
    g_assert_cmpint(export_rig_count(rig, "gating"), ==, 1);
    send_and_leave_unread(rig, 5);
    export_rig_expect_str(rig, "waits-for", "guest-reading");
    g_assert_cmpint(export_rig_count(rig, "to-guest.frames"), ==, 1);
    g_assert_cmpint(export_rig_count(rig, "unread"), >, 0);
    export_rig_guest_gets(rig, 6);
    export_rig_wait(rig, "unread", 0);
    export_rig_expect_str(rig, "waits-for", "none");
    export_rig_check(rig, N_FRAMES);
    export_rig_free(rig);
}

static void test_one_is_on_its_way(void)
{
    check_one_is_on_its_way(export_rig_new);
    check_one_is_on_its_way(export_rig_new_dgram);
}

static void check_the_last_three_are_in_flight(RigNewFunc *rig_new)
{
    ExportRig *rig = rig_new(",gate=on");

    export_rig_attach(rig);
    send_singly(rig, 2);
    qtest_stop(rig->s);
    g_assert_cmpint(export_rig_count(rig, "in-flight"), ==, 2);
    qtest_cont(rig->s);
    g_assert_cmpint(export_rig_count(rig, "in-flight"), ==, 0);
    send_singly(rig, N_FRAMES);
    qtest_stop(rig->s);
    g_assert_cmpint(export_rig_count(rig, "in-flight"), ==, 3);
    qtest_cont(rig->s);
    send_singly(rig, N_FRAMES); /* none of the three came again */
    export_rig_free(rig);
}

static void test_the_last_three_are_in_flight(void)
{
    check_the_last_three_are_in_flight(export_rig_new);
    check_the_last_three_are_in_flight(export_rig_new_dgram);
}

static void test_an_unread_frame_is_in_flight(void)
{
    ExportRig *rig = export_rig_new(",gate=on");

    export_rig_attach(rig);
    send_singly(rig, 2);
    send_and_leave_unread(rig, 4);
    qtest_stop(rig->s);
    g_assert_cmpint(export_rig_count(rig, "in-flight"), ==, 3);
    export_rig_wait(rig, "held-to-guest.frames", 4);
    export_rig_guest_gets(rig, 1);
    frame_link_expect_nothing(&rig->guest);
    qtest_cont(rig->s);
    export_rig_guest_gets(rig, 4);
    export_rig_free(rig);
}

static void test_off(void)
{
    ExportRig *rig = export_rig_new(",gate=off");

    export_rig_attach(rig);
    export_rig_send(rig, N_FRAMES);
    export_rig_wait(rig, "to-guest.frames", N_FRAMES);
    g_assert_cmpint(export_rig_count(rig, "gating"), ==, 0);
    qtest_stop(rig->s);
    g_assert_cmpint(export_rig_count(rig, "in-flight"), ==, 0);
    export_rig_free(rig);
}

static void test_switched(void)
{
    ExportRig *rig = export_rig_new("");

    export_rig_attach(rig);
    export_rig_expect_str(rig, "gate", "auto");
    g_assert_cmpint(export_rig_count(rig, "gating"), ==, 0);
    export_rig_check(rig, N_FRAMES);
    set_gate(rig, "on");
    send_and_leave_unread(rig, N_FRAMES - 1);
    set_gate(rig, "off");
    export_rig_wait(rig, "held-to-guest.frames", 0);
    export_rig_guest_gets(rig, N_FRAMES);
    set_gate(rig, "on");
    send_singly(rig, N_FRAMES);
    export_rig_free(rig);
}

/* Until the VM runs again the frames in flight are kept, whatever becomes of the gate. */
static void test_switched_off_while_stopped(void)
{
    ExportRig *rig = export_rig_new(",gate=on");

    export_rig_attach(rig);
    send_singly(rig, N_FRAMES);
    qtest_stop(rig->s);
    set_gate(rig, "auto");
    g_assert_cmpint(export_rig_count(rig, "gating"), ==, 0);
    g_assert_cmpint(export_rig_count(rig, "in-flight"), ==, 3);
    export_rig_detach(rig);
    g_assert_cmpint(export_rig_count(rig, "in-flight"), ==, 3);
    qtest_cont(rig->s);
    qtest_stop(rig->s);
    g_assert_cmpint(export_rig_count(rig, "in-flight"), ==, 0);
    export_rig_free(rig);
}

/* Frames that the next guest gets are not those that the one before left unread. */
static void test_another_guest(void)
{
    ExportRig *rig = export_rig_new(",gate=on");

    export_rig_attach(rig);
    send_singly(rig, 3);
    send_and_leave_unread(rig, 3);
    qtest_stop(rig->s);
    export_rig_detach(rig);
    rig->n_guest_got++;
    g_assert_cmpint(export_rig_count(rig, "in-flight"), ==, 3);
    export_rig_attach(rig);
    g_assert_cmpint(export_rig_count(rig, "in-flight"), ==, 0);
    qtest_cont(rig->s);
    export_rig_guest_gets(rig, 3);
    export_rig_check(rig, N_FRAMES);
    export_rig_free(rig);
}

static void send_of(ExportRig *rig, size_t len, uint32_t n)
{
    g_autofree uint8_t *frame = g_malloc(len);

    for (uint32_t i = 0; i < n; i++) {
        frame_build(frame, len, FRAME_UDP, rig->n_to_guest++);
        frame_link_send_bytes(&rig->net, frame, len);
    }
}

/* A guest attaches when @rig has sent frames, and reads all as fast as it can. */
static void let_guest_read_backlog(ExportRig *rig)
{
    export_rig_wait(rig, "held-to-guest.frames", rig->n_to_guest);
    export_rig_attach(rig);
    export_rig_guest_gets(rig, rig->n_to_guest);
    qtest_stop(rig->s);
}

/* Short frames go one by one, however many there are. */
static void check_short_backlog(RigNewFunc *rig_new)
{
    ExportRig *rig = rig_new(",gate=on");

    send_of(rig, LARGE - 1, N_BACKLOG);
    let_guest_read_backlog(rig);
    g_assert_cmpint(export_rig_count(rig, "in-flight"), ==, 3);
    qtest_cont(rig->s);
    export_rig_check(rig, N_FRAMES);
    export_rig_free(rig);
}

static void test_short_backlog(void)
{
    check_short_backlog(export_rig_new);
    check_short_backlog(export_rig_new_dgram);
}

/* Large ones may go by growing bursts, in order, and the last three bursts are in flight. */
static void check_large_backlog(RigNewFunc *rig_new)
{
    ExportRig *rig = rig_new(",gate=on");

    send_of(rig, LARGE, N_BACKLOG);
    let_guest_read_backlog(rig);
    g_assert_cmpint(export_rig_count(rig, "in-flight"), >=, 3);
    g_assert_cmpint(export_rig_count(rig, "in-flight"), <=, 3 * BURST_MAX);
    qtest_cont(rig->s);
    export_rig_check(rig, N_FRAMES);
    export_rig_free(rig);
}

static void test_large_backlog(void)
{
    check_large_backlog(export_rig_new);
    check_large_backlog(export_rig_new_dgram);
}

/* No burst goes past a short frame: each of the last three is one frame here. */
static void check_mixed_backlog(RigNewFunc *rig_new)
{
    ExportRig *rig = rig_new(",gate=on");

    export_rig_send(rig, N_BACKLOG);
    send_of(rig, 1514, N_BACKLOG);
    send_of(rig, LARGE - 1, 1);
    send_of(rig, 1514, 1);
    send_of(rig, FRAME_LEN_MIN, 1);
    let_guest_read_backlog(rig);
    g_assert_cmpint(export_rig_count(rig, "in-flight"), ==, 3);
    qtest_cont(rig->s);
    export_rig_check(rig, N_FRAMES);
    export_rig_free(rig);
}

static void test_mixed_backlog(void)
{
    check_mixed_backlog(export_rig_new);
    check_mixed_backlog(export_rig_new_dgram);
}

/* What was read cannot be seen: the frames of the last moments are remembered. */
static void test_tcp(void)
{
    uint16_t port = sock_free_port(SOCK_STREAM);
    g_autofree char *options = g_strdup_printf("stream,id=e0,netdev=net0,gate=on,addr.type=inet,"
                                               "addr.host=127.0.0.1,addr.port=%u", port);
    ExportRig *rig = export_rig_start(options);

    export_rig_adopt(rig, FRAME_LINK_STREAM, sock_connect_tcp(port));
    export_rig_check(rig, N_FRAMES);
    export_rig_send(rig, 100);
    export_rig_wait(rig, "to-guest.frames", N_FRAMES + 100);
    export_rig_expect_str(rig, "unread", NULL);
    qtest_stop(rig->s);
    g_assert_cmpint(export_rig_count(rig, "in-flight"), <=, 512);
    qtest_cont(rig->s);
    export_rig_guest_gets(rig, 100);
    export_rig_free(rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/export-gate/one-is-on-its-way", test_one_is_on_its_way);
    g_test_add_func("/export-gate/the-last-three-are-in-flight", test_the_last_three_are_in_flight);
    g_test_add_func("/export-gate/an-unread-frame-is-in-flight", test_an_unread_frame_is_in_flight);
    g_test_add_func("/export-gate/off", test_off);
    g_test_add_func("/export-gate/switched", test_switched);
    g_test_add_func("/export-gate/switched-off-while-stopped", test_switched_off_while_stopped);
    g_test_add_func("/export-gate/another-guest", test_another_guest);
    g_test_add_func("/export-gate/short-backlog", test_short_backlog);
    g_test_add_func("/export-gate/large-backlog", test_large_backlog);
    g_test_add_func("/export-gate/mixed-backlog", test_mixed_backlog);
    g_test_add_func("/export-gate/tcp", test_tcp);
    return g_test_run();
}
