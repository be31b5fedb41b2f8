/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exports of type dgram: guests that come and go without a word, and senders that are none. */

#include "export-rig.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define N_FRAMES 40

static void test_unix(void)
{
    ExportRig *rig = export_rig_new_dgram("");
    g_autofree char *path = g_strdup(rig->path);
    g_autofree char *address = g_strdup_printf("unix:%s", path);

    export_rig_expect_str(rig, "address", address);
    export_rig_expect_shown(rig, "info network", ",not-connected\r\n");
    export_rig_attach(rig);
    export_rig_check(rig, N_FRAMES);
    g_assert_cmpint(export_rig_count(rig, "connected"), ==, 1);
    g_assert_cmpint(export_rig_count(rig, "unread"), ==, 0);
    export_rig_expect_shown(rig, "info network", "guest.dgram\r\n");
    export_rig_free(rig);
    g_assert_cmpint(access(path, F_OK), !=, 0);
}

static void test_a_stale_path_is_unlinked(void)
{
    g_autofree char *path = tmp_path("export.dgram");
    int stale = sock_dgram_unix(path);
    ExportRig *rig;

    sock_close(&stale);
    rig = export_rig_new_dgram("");
    export_rig_attach(rig);
    export_rig_check(rig, N_FRAMES);
    export_rig_free(rig);
}

/* What is not a socket was not left behind by a daemon. */
static void test_a_file_is_not_unlinked(void)
{
    g_autofree char *path = tmp_path("precious");
    g_autofree char *message = g_strdup_printf("can't bind unix=%s to socket: Address already in "
                                               "use", path);
    g_autofree char *text = NULL;

    g_assert_true(g_file_set_contents(path, "data", -1, NULL));
    qtest_expect_start_error(message, "-netdev hubport,id=net0,hubid=0 --export dgram,id=e0,"
                             "netdev=net0,addr.type=unix,addr.path=%s,remote.type=unix,"
                             "remote.path=/tmp/y", path);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "data");
}

static ExportRig *start_udp(uint16_t *ours, uint16_t theirs)
{
    g_autofree char *options = NULL;

    *ours = sock_free_port(SOCK_DGRAM);
    options = g_strdup_printf("dgram,id=e0,netdev=net0,addr.type=inet,addr.host=127.0.0.1,"
                              "addr.port=%u,remote.type=inet,remote.host=127.0.0.1,"
                              "remote.port=%u", *ours, theirs);
    return export_rig_start(options);
}

static void test_udp(void)
{
    uint16_t ours;
    uint16_t theirs;
    int fd = sock_udp(&theirs);
    ExportRig *rig = start_udp(&ours, theirs);
    g_autofree char *address = NULL;

    sock_udp_connect(fd, ours);
    export_rig_adopt(rig, FRAME_LINK_DATAGRAM, fd);
    export_rig_check(rig, N_FRAMES);
    address = g_strdup_printf("udp:127.0.0.1:%u", theirs);
    export_rig_expect_str(rig, "peer", address);
    export_rig_free(rig);
}

/* Frames to a port that refuses them wait; only what was sent before the first error is lost. */
static void test_udp_guest_comes_late(void)
{
    uint16_t ours;
    uint16_t theirs = sock_free_port(SOCK_DGRAM);
    ExportRig *rig = start_udp(&ours, theirs);

    export_rig_wait(rig, "connected", 1);
    export_rig_send(rig, 1);
    qtest_expect_event(rig->s, "NET_EXPORT_DISCONNECTED");
    export_rig_send(rig, N_FRAMES);
    export_rig_wait(rig, "held-to-guest.frames", N_FRAMES);
    export_rig_expect_str(rig, "waits-for", "not-connected");
    g_assert_cmpint(export_rig_count(rig, "to-guest.frames"), ==, 1);
    export_rig_adopt(rig, FRAME_LINK_DATAGRAM, sock_udp_at(theirs));
    sock_udp_connect(rig->guest_fd, ours);
    export_rig_wait(rig, "connected", 1);
    rig->n_guest_got = 1;
    export_rig_guest_gets(rig, N_FRAMES);
    export_rig_check(rig, N_FRAMES);
    export_rig_free(rig);
}

static void test_fd(void)
{
    int guest;
    int theirs;
    ExportRig *rig;
    g_autofree char *options = NULL;

    sock_pair(SOCK_DGRAM, &guest, &theirs);
    options = g_strdup_printf("dgram,id=e0,netdev=net0,addr.type=fd,addr.str=%d", theirs);
    rig = export_rig_start(options);
    sock_close(&theirs);
    export_rig_adopt(rig, FRAME_LINK_DATAGRAM, guest);
    export_rig_check(rig, N_FRAMES);
    export_rig_free(rig);
}

static void test_guests_come_and_go(void)
{
    ExportRig *rig = export_rig_new_dgram("");

    for (int i = 0; i < 3; i++) {
        export_rig_send(rig, N_FRAMES);
        export_rig_wait(rig, "held-to-guest.frames", N_FRAMES);
        export_rig_expect_str(rig, "waits-for", "not-connected");
        export_rig_attach(rig);
        export_rig_guest_gets(rig, N_FRAMES);
        export_rig_check(rig, N_FRAMES);
        export_rig_detach(rig);
        unlink(rig->remote);
    }
    g_assert_cmpint(export_rig_count(rig, "connections"), ==, 3);
    g_assert_cmpint(export_rig_count(rig, "dropped.frames"), ==, 0);
    export_rig_free(rig);
}

/* Only QEMU's own address is listened to. */
static void test_others_are_not_heard(void)
{
    ExportRig *rig = export_rig_new_dgram("");
    g_autofree char *path = tmp_path("intruder.dgram");
    int intruder = sock_dgram_unix(path);

    export_rig_attach(rig);
    export_rig_check(rig, N_FRAMES);
    g_assert_false(sock_dgram_unix_may_connect(intruder, rig->path));
    export_rig_check(rig, N_FRAMES);
    g_assert_cmpint(export_rig_count(rig, "from-guest.frames"), ==, 2 * N_FRAMES);
    export_rig_free(rig);
    sock_close(&intruder);
}

/* The kernel lets them through while QEMU is not there; they do not make it so. */
static void test_others_are_not_heard_while_the_guest_is_away(void)
{
    ExportRig *rig = export_rig_new_dgram("");
    g_autofree char *path = tmp_path("intruder.dgram");
    int named = sock_dgram_unix(path);
    int unnamed = socket(AF_UNIX, SOCK_DGRAM, 0);

    sock_dgram_unix_connect(named, rig->path);
    sock_dgram_unix_connect(unnamed, rig->path);
    g_assert_cmpint(send(named, "intruder's", 10, 0), ==, 10);
    g_assert_cmpint(send(unnamed, "intruder's", 10, 0), ==, 10);
    g_assert_cmpint(send(named, "", 0, 0), ==, 0);
    export_rig_wait(rig, "dropped.foreign.frames", 3);
    g_assert_cmpint(export_rig_count(rig, "from-guest.frames"), ==, 0);
    g_assert_cmpint(export_rig_count(rig, "connections"), ==, 0);
    export_rig_attach(rig);
    export_rig_check(rig, N_FRAMES);
    export_rig_free(rig);
    sock_close(&named);
    sock_close(&unnamed);
}

/* What it sends as soon as it is there is taken, by whatever path it is bound to its address. */
static void test_the_guest_is_heard_at_once(void)
{
    ExportRig *rig = export_rig_new_dgram("");
    g_autofree char *folder = g_path_get_dirname(rig->remote);
    g_autofree char *name = g_path_get_basename(rig->remote);
    g_autofree char *path = g_strdup_printf("%s/./%s", folder, name);
    int fd = sock_dgram_unix(path);

    sock_dgram_unix_connect(fd, rig->path);
    export_rig_adopt(rig, FRAME_LINK_DATAGRAM, fd);
    export_rig_guest_sends(rig, 5);
    export_rig_net_gets(rig, 5);
    g_assert_cmpint(export_rig_count(rig, "connections"), ==, 1);
    g_assert_cmpint(export_rig_count(rig, "dropped.frames"), ==, 0);
    export_rig_free(rig);
}

static void test_empty_datagrams(void)
{
    ExportRig *rig = export_rig_new_dgram("");

    export_rig_attach(rig);
    g_assert_cmpint(send(rig->guest_fd, "", 0, 0), ==, 0);
    export_rig_check(rig, N_FRAMES);
    g_assert_cmpint(export_rig_count(rig, "dropped.empty.frames"), ==, 1);
    export_rig_free(rig);
}

static void test_nothing_reaches_the_guest_of_a_stopped_vm(void)
{
    ExportRig *rig = export_rig_new_dgram("");

    export_rig_attach(rig);
    export_rig_check(rig, N_FRAMES);
    qtest_stop(rig->s);
    export_rig_send(rig, N_FRAMES);
    export_rig_wait(rig, "held-to-guest.frames", N_FRAMES);
    frame_link_expect_nothing(&rig->guest);
    qtest_cont(rig->s);
    export_rig_guest_gets(rig, N_FRAMES);
    export_rig_free(rig);
}

/* Beyond the limit it goes on reading, since QEMU would spin, and drops the newest. */
static void test_the_guest_is_read_beyond_the_limit(void)
{
    ExportRig *rig = export_rig_new_dgram(",hold-size=50k");
    int64_t held;

    export_rig_attach(rig);
    qtest_stop(rig->s);
    export_rig_guest_sends(rig, 1000);
    while (export_rig_count(rig, "from-guest.frames") +
           export_rig_count(rig, "dropped.overflow.frames") < 1000) {
    }
    held = export_rig_count(rig, "held-from-guest.frames");
    g_assert_cmpint(export_rig_count(rig, "held-from-guest.bytes"), >, 25 * 1024);
    g_assert_cmpint(export_rig_count(rig, "dropped.overflow.frames"), ==, 1000 - held);
    g_assert_cmpint(export_rig_count(rig, "reading"), ==, 1);
    qtest_cont(rig->s);
    export_rig_net_gets(rig, held);
    export_rig_free(rig);
}

static void test_the_guests_frames_are_out_before_the_stop(void)
{
    ExportRig *rig = export_rig_new_dgram("");

    export_rig_attach(rig);
    for (int i = 0; i < 20; i++) {
        export_rig_guest_sends(rig, 8);
        qtest_stop(rig->s);
        g_assert_cmpint(qtest_netdev_count(rig->s, "net0", "rx.delivered.frames"), ==,
                        rig->n_from_guest);
        export_rig_net_gets(rig, 8);
        qtest_cont(rig->s);
    }
    export_rig_free(rig);
}

/* A full queue of datagrams makes frames wait, and the netdev is read again as it empties. */
/* A read that brings no frame does not end it. */
static void test_frames_behind_empty_datagrams(void)
{
    uint16_t ours;
    uint16_t theirs;
    int guest = sock_udp(&theirs);
    ExportRig *rig = start_udp(&ours, theirs);

    sock_udp_connect(guest, ours);
    export_rig_adopt(rig, FRAME_LINK_DATAGRAM, guest);
    export_rig_check(rig, 1);
    qtest_signal(rig->s, SIGSTOP);
    for (int i = 0; i < 140; i++) {
        g_assert_cmpint(send(guest, "", 0, 0), ==, 0);
    }
    export_rig_guest_sends(rig, 8);
    qtest_qmp_send(rig->s, "{'execute': 'stop'}");
    qtest_signal(rig->s, SIGCONT);
    json_object_put(qtest_qmp_receive(rig->s));
    qtest_expect_event(rig->s, "STOP");
    g_assert_cmpint(qtest_netdev_count(rig->s, "net0", "rx.delivered.frames"), ==, 9);
    export_rig_net_gets(rig, 8);
    export_rig_free(rig);
}

static void test_a_full_queue(void)
{
    ExportRig *rig = export_rig_new_dgram("");

    export_rig_attach(rig);
    export_rig_send(rig, 60);
    export_rig_guest_gets(rig, 60);
    g_assert_cmpint(export_rig_count(rig, "dropped.frames"), ==, 0);
    export_rig_free(rig);
}

/* --- Mistakes ---------------------------------------------------------------------------- */

static void expect_error(const char *message, const char *options)
{
    qtest_expect_start_error(message, "-netdev hubport,id=net0,hubid=0 --export "
                             "dgram,id=e0,netdev=net0,%s", options);
}

static void test_mistakes(void)
{
    int stream;
    int other;
    int plain = socket(AF_UNIX, SOCK_DGRAM, 0);
    g_autofree char *options = NULL;
    g_autofree char *message = NULL;

    expect_error("Parameter 'remote' is missing", "addr.type=unix,addr.path=/tmp/x");
    expect_error("Parameter 'remote' does not go with an address of type fd",
                 "addr.type=fd,addr.str=0,remote.type=unix,remote.path=/tmp/y");
    expect_error("remote and local types must be the same",
                 "addr.type=unix,addr.path=/tmp/x,remote.type=inet,remote.host=127.0.0.1,"
                 "remote.port=1");
    expect_error("An export of type dgram takes addresses of type inet, unix and fd",
                 "addr.type=vsock,addr.cid=1,addr.port=1");
    expect_error("Parameter 'remote' is the same address as 'addr'",
                 "addr.type=unix,addr.path=/tmp/x,remote.type=unix,remote.path=/tmp/x");
    expect_error("Parameter 'remote.port' does not accept value '0'",
                 "addr.type=inet,addr.host=127.0.0.1,addr.port=1,remote.type=inet,"
                 "remote.host=127.0.0.1,remote.port=0");
    expect_error("port number '70000' is invalid",
                 "addr.type=inet,addr.host=127.0.0.1,addr.port=0,remote.type=inet,"
                 "remote.host=127.0.0.1,remote.port=70000");
    expect_error("port number '-1' is invalid",
                 "addr.type=inet,addr.host=127.0.0.1,addr.port=-1,remote.type=inet,"
                 "remote.host=127.0.0.1,remote.port=1");
    expect_error("Parameter 'remote' is a multicast address, but an export has one guest",
                 "addr.type=inet,addr.host=127.0.0.1,addr.port=0,remote.type=inet,"
                 "remote.host=230.0.0.1,remote.port=1234");
    expect_error("can't bind unix=/no/such/dir/x to socket: No such file or directory",
                 "addr.type=unix,addr.path=/no/such/dir/x,remote.type=unix,remote.path=/tmp/y");
    expect_error("Parameter 'one-shot' is unexpected",
                 "addr.type=unix,addr.path=/tmp/x,one-shot=on");
    expect_error("Parameter 'vnet-hdr' is unexpected",
                 "addr.type=unix,addr.path=/tmp/x,vnet-hdr=on");
    sock_pair(SOCK_STREAM, &other, &stream);
    options = g_strdup_printf("addr.type=fd,addr.str=%d", stream);
    message = g_strdup_printf("File descriptor '%d' is not a datagram socket", stream);
    expect_error(message, options);
    g_free(options);
    g_free(message);
    options = g_strdup_printf("addr.type=fd,addr.str=%d", plain);
    message = g_strdup_printf("File descriptor '%d' is not connected", plain);
    expect_error(message, options);
    sock_close(&plain);
    sock_close(&stream);
    sock_close(&other);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/export-dgram/unix", test_unix);
    g_test_add_func("/export-dgram/a-stale-path-is-unlinked", test_a_stale_path_is_unlinked);
    g_test_add_func("/export-dgram/a-file-is-not-unlinked", test_a_file_is_not_unlinked);
    g_test_add_func("/export-dgram/udp", test_udp);
    g_test_add_func("/export-dgram/udp-guest-comes-late", test_udp_guest_comes_late);
    g_test_add_func("/export-dgram/fd", test_fd);
    g_test_add_func("/export-dgram/guests-come-and-go", test_guests_come_and_go);
    g_test_add_func("/export-dgram/others-are-not-heard", test_others_are_not_heard);
    g_test_add_func("/export-dgram/others-are-not-heard-while-the-guest-is-away",
                    test_others_are_not_heard_while_the_guest_is_away);
    g_test_add_func("/export-dgram/the-guest-is-heard-at-once", test_the_guest_is_heard_at_once);
    g_test_add_func("/export-dgram/empty-datagrams", test_empty_datagrams);
    g_test_add_func("/export-dgram/frames-behind-empty-datagrams",
                    test_frames_behind_empty_datagrams);
    g_test_add_func("/export-dgram/nothing-reaches-the-guest-of-a-stopped-vm",
                    test_nothing_reaches_the_guest_of_a_stopped_vm);
    g_test_add_func("/export-dgram/the-guest-is-read-beyond-the-limit",
                    test_the_guest_is_read_beyond_the_limit);
    g_test_add_func("/export-dgram/the-guests-frames-are-out-before-the-stop",
                    test_the_guests_frames_are_out_before_the_stop);
    g_test_add_func("/export-dgram/a-full-queue", test_a_full_queue);
    g_test_add_func("/export-dgram/mistakes", test_mistakes);
    return g_test_run();
}
