/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gates of exports: no more than QEMU has room to lose, and which frames are in doubt. */

#include "export-rig.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define N_FRAMES 40

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

static void check_the_last_three_are_in_doubt(RigNewFunc *rig_new)
{
    ExportRig *rig = rig_new(",gate=on");

    export_rig_attach(rig);
    send_singly(rig, 2);
    qtest_stop(rig->s);
    g_assert_cmpint(export_rig_count(rig, "doubtful"), ==, 2);
    qtest_cont(rig->s);
    g_assert_cmpint(export_rig_count(rig, "doubtful"), ==, 0);
    send_singly(rig, N_FRAMES);
    qtest_stop(rig->s);
    g_assert_cmpint(export_rig_count(rig, "doubtful"), ==, 3);
    qtest_cont(rig->s);
    send_singly(rig, N_FRAMES); /* none of the three came again */
    export_rig_free(rig);
}

static void test_the_last_three_are_in_doubt(void)
{
    check_the_last_three_are_in_doubt(export_rig_new);
    check_the_last_three_are_in_doubt(export_rig_new_dgram);
}

static void test_an_unread_frame_is_in_doubt(void)
{
    ExportRig *rig = export_rig_new(",gate=on");

    export_rig_attach(rig);
    send_singly(rig, 2);
    send_and_leave_unread(rig, 4);
    qtest_stop(rig->s);
    g_assert_cmpint(export_rig_count(rig, "doubtful"), ==, 3);
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
    g_assert_cmpint(export_rig_count(rig, "doubtful"), ==, 0);
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

/* Until the VM runs again the doubtful frames are kept, whatever becomes of the gate. */
static void test_switched_off_while_stopped(void)
{
    ExportRig *rig = export_rig_new(",gate=on");

    export_rig_attach(rig);
    send_singly(rig, N_FRAMES);
    qtest_stop(rig->s);
    set_gate(rig, "auto");
    g_assert_cmpint(export_rig_count(rig, "gating"), ==, 0);
    g_assert_cmpint(export_rig_count(rig, "doubtful"), ==, 3);
    export_rig_detach(rig);
    g_assert_cmpint(export_rig_count(rig, "doubtful"), ==, 3);
    qtest_cont(rig->s);
    qtest_stop(rig->s);
    g_assert_cmpint(export_rig_count(rig, "doubtful"), ==, 0);
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
    g_assert_cmpint(export_rig_count(rig, "doubtful"), ==, 3);
    export_rig_attach(rig);
    g_assert_cmpint(export_rig_count(rig, "doubtful"), ==, 0);
    qtest_cont(rig->s);
    export_rig_guest_gets(rig, 3);
    export_rig_check(rig, N_FRAMES);
    export_rig_free(rig);
}

/* A backlog: frames go by growing handfuls, in order, and the last three handfuls are in doubt. */
static void test_a_backlog(void)
{
    ExportRig *rig = export_rig_new(",gate=on");

    export_rig_send(rig, 200);
    export_rig_wait(rig, "held-to-guest.frames", 200);
    export_rig_attach(rig);
    export_rig_guest_gets(rig, 200);
    export_rig_check(rig, N_FRAMES);
    qtest_stop(rig->s);
    g_assert_cmpint(export_rig_count(rig, "doubtful"), >=, 3);
    export_rig_free(rig);
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
    g_assert_cmpint(export_rig_count(rig, "doubtful"), <=, 512);
    qtest_cont(rig->s);
    export_rig_guest_gets(rig, 100);
    export_rig_free(rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/export-gate/one-is-on-its-way", test_one_is_on_its_way);
    g_test_add_func("/export-gate/the-last-three-are-in-doubt", test_the_last_three_are_in_doubt);
    g_test_add_func("/export-gate/an-unread-frame-is-in-doubt", test_an_unread_frame_is_in_doubt);
    g_test_add_func("/export-gate/off", test_off);
    g_test_add_func("/export-gate/switched", test_switched);
    g_test_add_func("/export-gate/switched-off-while-stopped", test_switched_off_while_stopped);
    g_test_add_func("/export-gate/another-guest", test_another_guest);
    g_test_add_func("/export-gate/a-backlog", test_a_backlog);
    g_test_add_func("/export-gate/tcp", test_tcp);
    return g_test_run();
}
