/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands on exports: add, delete, change, show, and every mistake on the way. */

#include "export-rig.h"
#include "pair.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define N_FRAMES 10

static QTest *start(void)
{
    return qtest_start("-netdev hubport,id=net0,hubid=0 -netdev hubport,id=net1,hubid=0");
}

static void add_stream(QTest *s, const char *id, const char *netdev)
{
    g_autofree char *path = tmp_path(id);

    qtest_qmp_ok(s, "{'execute': 'net-export-add', 'arguments': {'type': 'stream', 'id': '%s', "
                 "'netdev': '%s', 'addr': {'type': 'unix', 'path': '%s'}}}", id, netdev, path);
}

static void expect_deleted(QTest *s, const char *id)
{
    g_autoptr(json_object) event = qtest_wait_event(s, "NET_EXPORT_DELETED");
    json_object *data;
    json_object *name;

    g_assert_true(json_object_object_get_ex(event, "data", &data));
    g_assert_true(json_object_object_get_ex(data, "id", &name));
    g_assert_cmpstr(json_object_get_string(name), ==, id);
}

/* --- Add and delete ---------------------------------------------------------------------- */

static void test_add_and_delete(void)
{
    QTest *s = start();

    for (int i = 0; i < 2; i++) {
        g_autofree char *path = tmp_path("e0");
        g_autoptr(json_object) list = NULL;

        add_stream(s, "e0", "net0");
        add_stream(s, "e1", "net1");
        g_assert_cmpint(access(path, F_OK), ==, 0);
        qtest_qmp_ok(s, "{'execute': 'net-export-del', 'arguments': {'id': 'e0'}}");
        expect_deleted(s, "e0");
        g_assert_cmpint(access(path, F_OK), !=, 0);
        list = qtest_qmp_return(s, "{'execute': 'query-net-exports'}");
        g_assert_cmpint(json_object_array_length(list), ==, 1);
        qtest_qmp_ok(s, "{'execute': 'net-export-del', 'arguments': {'id': 'e1'}}");
        expect_deleted(s, "e1");
    }
    qtest_quit(s);
}

static void test_delete_in_use(void)
{
    ExportRig *rig = export_rig_new("");

    export_rig_attach(rig);
    export_rig_check(rig, N_FRAMES);
    qtest_qmp_error(rig->s, "GenericError", "export 'e0' still in use",
                    "{'execute': 'net-export-del', 'arguments': {'id': 'e0'}}");
    export_rig_check(rig, N_FRAMES);
    qtest_qmp_ok(rig->s, "{'execute': 'net-export-del', 'arguments': {'id': 'e0', "
                 "'mode': 'hard'}}");
    expect_deleted(rig->s, "e0");
    sock_expect_eof(rig->guest_fd);
    export_rig_free(rig);
}

/* A NIC stays, with its link down, when its netdev goes. So does an export. */
static void test_the_netdev_goes_first(void)
{
    ExportRig *rig = export_rig_new("");

    export_rig_attach(rig);
    export_rig_check(rig, N_FRAMES);
    qtest_qmp_ok(rig->s, "{'execute': 'netdev_del', 'arguments': {'id': 'net0'}}");
    g_assert_cmpint(export_rig_count(rig, "link-up"), ==, 0);
    export_rig_expect_str(rig, "netdev", "net0");
    export_rig_guest_sends(rig, 3);
    export_rig_wait(rig, "dropped.no-peer.frames", 3);
    qtest_qmp_ok(rig->s, "{'execute': 'net-export-del', 'arguments': {'id': 'e0', "
                 "'mode': 'hard'}}");
    expect_deleted(rig->s, "e0");
    export_rig_free(rig);
}

static void test_the_netdev_is_free_again(void)
{
    QTest *s = start();

    add_stream(s, "e0", "net0");
    qtest_qmp_ok(s, "{'execute': 'net-export-del', 'arguments': {'id': 'e0'}}");
    add_stream(s, "e1", "net0");
    qtest_quit(s);
}

/* e0's is in use, however the second export wants to use it. */
static void expect_path_in_use(QTest *s, const char *more, const char *before,
                               const char *after)
{
    g_autofree char *path = tmp_path("e0");
    g_autofree char *message = g_strdup_printf("%s%s%s: Address already in use (there is a "
                                               "socket in use)", before, path, after);

    qtest_qmp_error(s, "GenericError", message,
                    "{'execute': 'net-export-add', 'arguments': {'id': 'e1', 'netdev': 'net1', "
                    "'addr': {'type': 'unix', 'path': '%s'}, %s}}", path, more);
}

static void test_mistakes(void)
{
    QTest *s = start();

    add_stream(s, "e0", "net0");
    qtest_qmp_error(s, "GenericError", "Net export id 'e0' is already in use",
                    "{'execute': 'net-export-add', 'arguments': {'type': 'stream', 'id': 'e0', "
                    "'netdev': 'net1', 'addr': {'type': 'unix', 'path': '/tmp/x'}}}");
    qtest_qmp_error(s, "GenericError", "Net export id 'net1' is already in use",
                    "{'execute': 'net-export-add', 'arguments': {'type': 'stream', 'id': 'net1', "
                    "'netdev': 'net1', 'addr': {'type': 'unix', 'path': '/tmp/x'}}}");
    qtest_qmp_error(s, "GenericError", "Parameter 'id' expects an identifier",
                    "{'execute': 'net-export-add', 'arguments': {'type': 'stream', 'id': '0e', "
                    "'netdev': 'net1', 'addr': {'type': 'unix', 'path': '/tmp/x'}}}");
    qtest_qmp_error(s, "GenericError", "Netdev 'zz' is not found",
                    "{'execute': 'net-export-add', 'arguments': {'type': 'stream', 'id': 'e1', "
                    "'netdev': 'zz', 'addr': {'type': 'unix', 'path': '/tmp/x'}}}");
    qtest_qmp_error(s, "GenericError", "Netdev 'net0' is in use by 'e0'",
                    "{'execute': 'net-export-add', 'arguments': {'type': 'stream', 'id': 'e1', "
                    "'netdev': 'net0', 'addr': {'type': 'unix', 'path': '/tmp/x'}}}");
    qtest_qmp_error(s, "GenericError", "Parameter 'hold-size' expects a positive value",
                    "{'execute': 'net-export-add', 'arguments': {'type': 'stream', 'id': 'e1', "
                    "'netdev': 'net1', 'hold-size': 0, "
                    "'addr': {'type': 'unix', 'path': '/tmp/x'}}}");
    qtest_qmp_error(s, "GenericError", "Parameter 'device' expects the id of a NIC",
                    "{'execute': 'net-export-add', 'arguments': {'type': 'stream', 'id': 'e1', "
                    "'netdev': 'net1', 'device': '', "
                    "'addr': {'type': 'unix', 'path': '/tmp/x'}}}");
    qtest_qmp_error(s, "GenericError", "Failed to bind socket to /no/such/dir/x: No such file or "
                    "directory",
                    "{'execute': 'net-export-add', 'arguments': {'type': 'stream', 'id': 'e1', "
                    "'netdev': 'net1', 'addr': {'type': 'unix', 'path': '/no/such/dir/x'}}}");
    qtest_qmp_error(s, "GenericError", "'reconnect-ms' option is incompatible with socket in "
                    "server mode",
                    "{'execute': 'net-export-add', 'arguments': {'type': 'stream', 'id': 'e1', "
                    "'netdev': 'net1', 'reconnect-ms': 5, "
                    "'addr': {'type': 'unix', 'path': '/tmp/x'}}}");
    qtest_qmp_error(s, "GenericError", "Export 'zz' is not found",
                    "{'execute': 'net-export-del', 'arguments': {'id': 'zz'}}");
    qtest_qmp_error(s, "GenericError", "Export 'zz' is not found",
                    "{'execute': 'net-export-set', 'arguments': {'id': 'zz'}}");
    qtest_qmp_error(s, "GenericError", "Parameter 'hold-size' expects a positive value",
                    "{'execute': 'net-export-set', 'arguments': {'id': 'e0', 'hold-size': 0}}");
    expect_path_in_use(s, "'type': 'stream'", "Failed to bind socket to ", "");
    expect_path_in_use(s, "'type': 'dgram', 'remote': {'type': 'unix', 'path': '/tmp/y'}",
                       "can't bind unix=", " to socket");
    qtest_qmp_error(s, "GenericError", "address resolution failed for 127.0.0.1:65536: Servname "
                    "not supported for ai_socktype",
                    "{'execute': 'net-export-add', 'arguments': {'type': 'stream', 'id': 'e1', "
                    "'netdev': 'net1', 'addr': {'type': 'inet', 'host': '127.0.0.1', "
                    "'port': '65536'}}}");
    add_stream(s, "e1", "net1"); /* what failed left nothing behind */
    qtest_quit(s);
}

/* --- Given sockets ----------------------------------------------------------------------- */

static void expect_fd_error(int fd, const char *format, const char *more)
{
    g_autofree char *message = NULL;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    message = g_strdup_printf(format, fd);
#pragma GCC diagnostic pop
    qtest_expect_start_error(message, "-netdev hubport,id=net0,hubid=0 --export "
                             "stream,id=e0,netdev=net0,addr.type=fd,addr.str=%d%s", fd, more);
}

static void test_given_sockets(void)
{
    g_autofree char *path = tmp_path("given.sock");
    int dgram = socket(AF_UNIX, SOCK_DGRAM, 0);
    int plain = socket(AF_UNIX, SOCK_STREAM, 0);
    int connected;
    int other;

    sock_pair(SOCK_STREAM, &other, &connected);
    expect_fd_error(connected, "File descriptor '%d' is connected, which needs server=off",
                    ",server=on");
    expect_fd_error(connected, "'reconnect-ms' option is incompatible with an address of type "
                    "fd, which connects only once", ",reconnect-ms=5");
    expect_fd_error(plain, "File descriptor '%d' is not connected", ",server=off");
    expect_fd_error(dgram, "File descriptor '%d' is not a stream socket", "");
    g_assert_cmpint(listen(plain, 1), ==, -1);
    sock_close(&plain);
    plain = sock_listen_unix(path);
    sock_close(&plain);
    sock_close(&dgram);
    sock_close(&connected);
    sock_close(&other);
}

/* A name of getfd is good in the command; the socket is listening. */
static void test_getfd(void)
{
    ExportRig *rig = export_rig_start(NULL);
    int guest;
    int theirs;

    sock_pair(SOCK_STREAM, &guest, &theirs);
    qtest_getfd(rig->s, "guest", theirs);
    qtest_qmp_ok(rig->s, "{'execute': 'net-export-add', 'arguments': {'type': 'stream', "
                 "'id': 'e0', 'netdev': 'net0', 'addr': {'type': 'fd', 'str': 'guest'}}}");
    export_rig_adopt(rig, FRAME_LINK_STREAM, guest);
    export_rig_check(rig, N_FRAMES);
    export_rig_free(rig);
}

/* --- The command line -------------------------------------------------------------------- */

static void test_command_line(void)
{
    g_autofree char *out = NULL;

    g_assert_cmpint(qtest_run(&out, NULL, "--export help"), ==, 0);
    g_assert_cmpstr(out, ==, "Available export types:\nstream\ndgram\nvhost-user\n");
    qtest_expect_start_error("--export stream,id=e0,netdev=net0,addr.type=unix,addr.path=/tmp/x: "
                             "Netdev 'net0' is not found",
                             "--export stream,id=e0,netdev=net0,addr.type=unix,addr.path=/tmp/x");
    qtest_expect_start_error("Parameter 'addr' is missing", "--export stream,id=e0,netdev=net0");
    qtest_expect_start_error("Parameter 'type' does not accept value 'tap'",
                             "--export tap,id=e0,netdev=net0");
    qtest_expect_start_error("Net export id 'e0' is already in use",
                             "-netdev hubport,id=net0,hubid=0 -netdev hubport,id=net1,hubid=0 "
                             "--export stream,id=e0,netdev=net0,addr.type=unix,addr.path=/tmp/x1 "
                             "--export stream,id=e0,netdev=net1,addr.type=unix,addr.path=/tmp/x2");
}

/* --- Show -------------------------------------------------------------------------------- */

static void test_human_monitor(void)
{
    ExportRig *rig = export_rig_new("");
    g_autofree char *none = qtest_hmp(rig->s, "info network");
    g_autofree char *waiting = NULL;
    g_autofree char *exports = NULL;
    g_autofree char *error = NULL;
    g_autofree char *gone = NULL;

    g_assert_nonnull(strstr(none, "e0: index=0,type=nic,export=stream,listening\r\n \\ net0: "));
    export_rig_send(rig, 3);
    export_rig_wait(rig, "held-to-guest.frames", 3);
    waiting = qtest_hmp(rig->s, "info network");
    g_assert_nonnull(strstr(waiting, "export=stream,listening,held=3,waits-for=not-connected"));
    export_rig_attach(rig);
    export_rig_guest_gets(rig, 3);
    exports = qtest_hmp(rig->s, "info exports");
    g_assert_nonnull(strstr(exports, "export       type       netdev       guest"));
    g_assert_nonnull(strstr(exports, "e0           stream     net0         connected"));
    g_assert_nonnull(strstr(exports, "guest at unix:"));
    error = qtest_hmp(rig->s, "export_del e0");
    g_assert_nonnull(strstr(error, "Error: export 'e0' still in use"));
    gone = qtest_hmp(rig->s, "export_del -f e0");
    g_assert_cmpstr(gone, ==, "");
    g_free(gone);
    gone = qtest_hmp(rig->s, "export_add stream,id=e1,netdev=net0,addr.type=unix,addr.path=%s",
                     rig->path);
    g_assert_cmpstr(gone, ==, "");
    export_rig_free(rig);
}

/* What is wrong, and who waits, is told at a glance. */
static void test_trouble_is_shown(void)
{
    ExportRig *rig = export_rig_new(",hold-size=2000");

    export_rig_attach(rig);
    export_rig_check(rig, N_FRAMES);
    export_rig_send(rig, 1);
    export_rig_wait(rig, "to-guest.frames", N_FRAMES + 1);
    export_rig_expect_shown(rig, "info exports", "  the guest's QEMU has not read ");
    export_rig_guest_gets(rig, 1);
    qtest_stop(rig->s);
    export_rig_guest_sends(rig, 3);
    export_rig_wait(rig, "held-from-guest.frames", 3);
    export_rig_expect_shown(rig, "info exports", "  3 frames of the guest wait\r\n");
    qtest_cont(rig->s);
    export_rig_net_gets(rig, 3);
    qtest_stop(rig->s);
    export_rig_fill(rig);
    export_rig_expect_shown(rig, "info exports",
                            " bytes are held: netdev net0 is read no more\r\n");
    qtest_qmp_ok(rig->s, "{'execute': 'set_link', 'arguments': {'name': 'e0', 'up': false}}");
    export_rig_expect_shown(rig, "info exports", "  the link is down\r\n");
    export_rig_expect_shown(rig, "info network", ",link=down");
    g_assert_cmpint(send(rig->guest_fd, "\377\377\377\377", 4, 0), ==, 4);
    qtest_expect_event(rig->s, "NET_EXPORT_DISCONNECTED");
    export_rig_expect_shown(rig, "info exports",
                            "  connections that ended by an oversized frame, or inside a frame: 1");
    qtest_qmp_ok(rig->s, "{'execute': 'netdev_del', 'arguments': {'id': 'net0'}}");
    export_rig_expect_shown(rig, "info exports", "  netdev net0 is gone\r\n");
    export_rig_expect_shown(rig, "info network", ",netdev=gone");
    g_assert_cmpint(export_rig_count(rig, "netdev-gone"), ==, 1);
    export_rig_free(rig);
}

static void test_links(void)
{
    ExportRig *rig = export_rig_new("");

    export_rig_attach(rig);
    qtest_qmp_ok(rig->s, "{'execute': 'set_link', 'arguments': {'name': 'e0', 'up': false}}");
    export_rig_send(rig, 3);
    export_rig_guest_sends(rig, 2);
    export_rig_wait(rig, "dropped.link-down.frames", 5);
    qtest_qmp_ok(rig->s, "{'execute': 'set_link', 'arguments': {'name': 'e0', 'up': true}}");
    rig->n_guest_got = 3;
    rig->n_net_got = 2;
    export_rig_check(rig, N_FRAMES);
    export_rig_free(rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/export-commands/add-and-delete", test_add_and_delete);
    g_test_add_func("/export-commands/delete-in-use", test_delete_in_use);
    g_test_add_func("/export-commands/the-netdev-goes-first", test_the_netdev_goes_first);
    g_test_add_func("/export-commands/the-netdev-is-free-again", test_the_netdev_is_free_again);
    g_test_add_func("/export-commands/mistakes", test_mistakes);
    g_test_add_func("/export-commands/given-sockets", test_given_sockets);
    g_test_add_func("/export-commands/getfd", test_getfd);
    g_test_add_func("/export-commands/command-line", test_command_line);
    g_test_add_func("/export-commands/human-monitor", test_human_monitor);
    g_test_add_func("/export-commands/trouble-is-shown", test_trouble_is_shown);
    g_test_add_func("/export-commands/links", test_links);
    return g_test_run();
}
