/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of the human monitor's commands on the running program. */

/*
 *   test --human-monitor-command--> program: s0 (stream), f0 (filter-mirror on s0,
 *                                            to c0), c0 and c1 (null), rb (ringbuf)
 */

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib.h>
#include <glib/gstdio.h>

#include "cases.h"
#include "qtest-client.h"

#define IDS "Identifiers consist of letters, digits, '-', '.', '_', starting with a letter.\r\n"

static QTest *test_vm;    /* one program for all tests */
static char *test_folder; /* sockets and files */

static void test_hmp(const char *line, const char *output)
{
    g_autofree char *got = qtest_hmp(test_vm, "%s", line);

    g_assert_cmpstr(got, ==, output);
}

/* --- One line, one output, nothing changed ------------------------------------------------ */

typedef struct TestLine {
    const char *path;
    const char *line;
    const char *output;
} TestLine;

static const TestLine test_lines[] = {
    { "unknown-command", "foo", "unknown command: 'foo'\r\n" },
    { "unknown-info", "info foo", "unknown command: 'info foo'\r\n" },
    { "netdev-del-needs-a-name", "netdev_del",
      "netdev_del: string expected\r\nTry \"help netdev_del\" for more information\r\n" },
    { "netdev-add-extraneous", "netdev_add user,id=a b",
      "netdev_add: extraneous characters at the end of line\r\n"
      "Try \"help netdev_add\" for more information\r\n" },
    { "stop-extraneous", "stop x",
      "stop|s: extraneous characters at the end of line\r\n"
      "Try \"help stop\" for more information\r\n" },
    { "info-network-extraneous", "info network x",
      "network: extraneous characters at the end of line\r\n"
      "Try \"help info network\" for more information\r\n" },
    { "set-link-on-or-off", "set_link n0 up",
      "Expected 'on' or 'off'\r\nTry \"help set_link\" for more information\r\n" },
    { "set-link-unknown", "set_link x on", "Error: Device 'x' not found\r\n" },
    { "netdev-add-duplicate", "netdev_add hubport,id=s0,hubid=0",
      "Error: Duplicate ID 's0'\r\n" },
    { "netdev-add-bad-id", "netdev_add hubport,id=1,hubid=0",
      "Error: Parameter 'id' expects an identifier\r\n" IDS },
    { "netdev-add-without-id", "netdev_add hubport,hubid=0",
      "Error: Parameter 'id' is missing\r\n" },
    { "netdev-add-nothing", "netdev_add", "Error: Parameter 'id' is missing\r\n" },
    { "netdev-add-bad-type", "netdev_add bogus,id=x",
      "Error: Parameter 'type' does not accept value 'bogus'\r\n" },
    { "netdev-del-unknown", "netdev_del x", "Error: Device 'x' not found\r\n" },
    { "object-add-missing-property", "object_add filter-mirror,id=x",
      "Error: Parameter 'netdev' is missing\r\n" },
    { "object-add-bad-id", "object_add filter-mirror,id=1,netdev=s0,outdev=c1",
      "Error: Parameter 'id' expects an identifier\r\n" IDS },
    { "object-add-duplicate", "object_add filter-mirror,id=f0,netdev=s0,outdev=c1",
      "Error: attempt to add duplicate property 'f0' to object (type 'container')\r\n" },
    { "object-del-unknown", "object_del x", "Error: object 'x' not found\r\n" },
    { "chardev-add-bad-key", "chardev-add null,id=x,foo=1",
      "Invalid parameter 'foo'\r\nError: Parsing chardev args failed\r\n" },
    { "chardev-add-duplicate", "chardev-add null,id=c0",
      "Error: attempt to add duplicate property 'c0' to object (type 'container')\r\n" },
    { "chardev-change-with-id", "chardev-change c1 null,id=x",
      "Error: Unexpected 'id' parameter\r\n" },
    { "chardev-change-to-a-mux-on-itself", "chardev-change c1 mux,chardev=c1",
      "Error: Chardev 'c1' cannot be replaced by one that stands on it\r\n" },
    { "chardev-change-unknown", "chardev-change x null",
      "Error: Chardev 'x' does not exist\r\n" },
    { "chardev-remove-unknown", "chardev-remove x", "Error: Chardev 'x' not found\r\n" },
    { "chardev-remove-busy", "chardev-remove c0", "Error: Chardev 'c0' is busy\r\n" },
    { "chardev-send-break-unknown", "chardev-send-break x",
      "Error: Chardev 'x' not found\r\n" },
    { "ringbuf-write-unknown", "ringbuf_write x data", "Error: Device 'x' not found\r\n" },
    { "ringbuf-read-unknown", "ringbuf_read x 1", "Error: Device 'x' not found\r\n" },
    { "ringbuf-read-no-ringbuf", "ringbuf_read c1 1",
      "Error: c1 is not a ringbuf device\r\n" },
    { "ringbuf-read-nothing", "ringbuf_read rb 0",
      "Error: size must be greater than zero\r\n" },
    { "qom-list-unknown", "qom-list /x", "Error: Device '/x' not found\r\n" },
    { "qom-list", "qom-list /objects", "f0 (child<filter-mirror>)\r\ntype (string)\r\n" },
    { "qom-get", "qom-get /objects/f0 queue", "\"all\"\r\n" },
    { "qom-get-unknown", "qom-get /objects/f0 x",
      "Error: Property 'filter-mirror.x' not found\r\n" },
    { "qom-set-unknown", "qom-set /objects/f0 x 1",
      "Error: Property 'filter-mirror.x' not found\r\n" },
    { "qom-set-type", "qom-set /objects/f0 type x",
      "Error: Property 'filter-mirror.type' is not writable\r\n" },
    { "qom-tree", "info qom-tree /objects",
      "/objects (container)\r\n  /f0 (filter-mirror)\r\n" },
    { "qom-tree-default", "info qom-tree", "/machine (container)\r\n" },
    { "qom-tree-unknown", "info qom-tree /x", "Path '/x' could not be resolved.\r\n" },
    { "trace-event-unknown", "trace-event x on", "unknown event \"x\"\r\n" },
    { "logfile-cannot-be-opened", "logfile /nonexistent/x",
      "Error opening logfile /nonexistent/x: No such file or directory\r\n" },
    { "getfd-without-descriptor", "getfd a",
      "Error: No file descriptor supplied via SCM_RIGHTS\r\n" },
    { "closefd-unknown", "closefd a", "Error: File descriptor named 'a' not found\r\n" },
    { "info-name", "info name", "the vm\r\n" },
    { "info-uuid", "info uuid", "00000000-0000-0000-0000-000000000000\r\n" },
    { "info-trace-events", "info trace-events qmp_reply", "qmp_reply : state 0\r\n" },
    { "info-network-has-crlf", "info network",
      "s0: index=0,type=stream,listening\r\n"
      "filters:\r\n"
      "  - f0: type=filter-mirror,vnet_hdr_support=false,outdev=c0,position=tail,status=on,"
      "insert=behind,netdev=s0,queue=all\r\n" },
};

static void test_line(const void *opaque)
{
    const TestLine *test = opaque;

    test_hmp(test->line, test->output);
}

/* --- Lines that change something ---------------------------------------------------------- */

static void test_stop_and_cont(void)
{
    test_hmp("info status", "VM status: running\r\n");
    test_hmp("stop", "");
    qtest_expect_event(test_vm, "STOP");
    test_hmp("info status", "VM status: paused\r\n");
    test_hmp("s", "");
    test_hmp("c", "");
    qtest_expect_event(test_vm, "RESUME");
    test_hmp("info status", "VM status: running\r\n");
}

static void test_reset_and_powerdown(void)
{
    test_hmp("system_reset", "");
    qtest_expect_event(test_vm, "RESET");
    test_hmp("system_powerdown", "");
    qtest_expect_event(test_vm, "POWERDOWN");
}

static void test_netdevs_come_and_go(void)
{
    g_autofree char *add = g_strdup_printf("netdev_add stream,id=t0,server=on,addr.type=unix,"
                                           "addr.path=%s/t0", test_folder);

    test_hmp("netdev_add hubport,id=h0,hubid=7", "");
    test_hmp("netdev_add {\"type\": \"hubport\", \"id\": \"h1\", \"hubid\": 7}", "");
    test_hmp(add, "");
    test_hmp("set_link h0 off", "");
    g_assert_cmpint(qtest_netdev_count(test_vm, "h0", "link-up"), ==, 0);
    test_hmp("set_link h0 on", "");
    g_assert_cmpint(qtest_netdev_count(test_vm, "h0", "link-up"), ==, 1);
    test_hmp("netdev_del t0", "");
    test_hmp("netdev_del h1", "");
    test_hmp("netdev_del h0", "");
    test_hmp("netdev_del h0", "Error: Device 'h0' not found\r\n");
}

static void test_objects_come_and_go(void)
{
    test_hmp("object_add filter-buffer,id=b0,netdev=s0,interval=1000", "");
    test_hmp("object_add {\"qom-type\": \"filter-buffer\", \"id\": \"b1\", \"netdev\": \"s0\", "
             "\"interval\": 5}", "");
    test_hmp("qom-get /objects/b1 interval", "5\r\n");
    test_hmp("qom-set /objects/b1 interval 0x10", "");
    test_hmp("qom-get /objects/b1 interval", "16\r\n");
    test_hmp("qom-set -j /objects/b1 status \"off\"", "");
    test_hmp("qom-get /objects/b1 status", "\"off\"\r\n");
    test_hmp("qom-set /objects/b1 status on", "");
    test_hmp("qom-get /objects/b1 status", "\"on\"\r\n");
    test_hmp("object_del b1", "");
    test_hmp("object_del b0", "");
}

static void test_object_help(void)
{
    g_autofree char *all = qtest_hmp(test_vm, "object_add help");
    g_autofree char *one = qtest_hmp(test_vm, "object_add filter-mirror,help");

    g_assert_true(g_str_has_prefix(all, "List of user creatable objects:\r\n  "));
    g_assert_nonnull(strstr(all, "\r\n  filter-mirror\r\n"));
    g_assert_true(g_str_has_prefix(one, "filter-mirror options:\r\n  "));
    g_assert_nonnull(strstr(one, "\r\n  outdev=<string>"));
}

static void test_chardevs_come_and_go(void)
{
    test_hmp("chardev-add null,id=n0", "");
    test_hmp("chardev-change n0 ringbuf,size=16", "");
    test_hmp("ringbuf_write n0 x", "");
    test_hmp("ringbuf_read n0 9", "x\r\n");
    test_hmp("chardev-send-break n0", "");
    test_hmp("chardev-remove n0", "");
    test_hmp("chardev-remove n0", "Error: Chardev 'n0' not found\r\n");
}

static void test_new_pty_is_named(void)
{
    g_autofree char *text = qtest_hmp(test_vm, "chardev-add pty,id=p0");

    g_assert_true(g_str_has_prefix(text, "char device redirected to /dev/pts/"));
    g_assert_true(g_str_has_suffix(text, " (label p0)\r\n"));
    test_hmp("chardev-remove p0", "");
}

static void test_info_chardev(void)
{
    g_autofree char *text = qtest_hmp(test_vm, "info chardev");

    g_assert_nonnull(strstr(text, "c0: filename=null\r\n"));
    g_assert_nonnull(strstr(text, "rb: filename=ringbuf\r\n"));
}

static void test_ringbuf_spells_out_control_characters(void)
{
    test_hmp("ringbuf_write rb a\\b", "");
    test_hmp("ringbuf_write rb \"\\\\c\\nd \xc3\xa9\"", "");
    test_hmp("ringbuf_write rb \x01", "");
    test_hmp("ringbuf_read rb 100", "a\\\\b\\\\c\r\nd \xc3\xa9\\u0001\r\n");
    test_hmp("ringbuf_read rb 100", "\r\n");
}

static void test_hostfwd(void)
{
    g_autofree char *help = qtest_hmp(test_vm, "help hostfwd_add");

    if (g_str_has_prefix(help, "unknown")) {
        g_test_skip("built without netdev user");
        return;
    }
    test_hmp("hostfwd_add tcp:127.0.0.1:0-:22", "user mode network stack not in use\r\n");
    test_hmp("netdev_add user,id=u0", "");
    test_hmp("hostfwd_add x tcp:127.0.0.1:0-:22", "unrecognized netdev id 'x'\r\n");
    test_hmp("hostfwd_add s0 tcp:127.0.0.1:0-:22", "invalid device specified\r\n");
    test_hmp("hostfwd_add foo", "Invalid host forwarding rule 'foo' (No : separators)\r\n");
    test_hmp("hostfwd_remove foo", "invalid format\r\n");
    test_hmp("hostfwd_remove tcp:127.0.0.1:1",
             "host forwarding rule for tcp:127.0.0.1:1 not found\r\n");
    test_hmp("netdev_del u0", "");
}

static void test_hostfwd_comes_and_goes(void)
{
    g_autofree char *help = qtest_hmp(test_vm, "help hostfwd_add");
    g_autofree char *remove = NULL;
    g_autofree char *removed = NULL;
    g_autofree char *info = NULL;
    g_autofree char *row = NULL;
    int port = 0;

    if (g_str_has_prefix(help, "unknown")) {
        g_test_skip("built without netdev user");
        return;
    }
    test_hmp("netdev_add user,id=u0", "");
    test_hmp("hostfwd_add u0 tcp:127.0.0.1:0-:22", "");
    info = qtest_hmp(test_vm, "info usernet");
    row = g_strdup(strstr(info, "TCP[HOST_FORWARD]"));
    g_assert_nonnull(row);
    g_assert_cmpint(sscanf(row, "TCP[HOST_FORWARD] %*d 127.0.0.1 %d", &port), ==, 1);
    remove = g_strdup_printf("hostfwd_remove u0 tcp:127.0.0.1:%d", port);
    removed = g_strdup_printf("host forwarding rule for tcp:127.0.0.1:%d removed\r\n", port);
    test_hmp(remove, removed);
    test_hmp("netdev_del u0", "");
}

static void test_trace_events_are_switched(void)
{
    test_hmp("trace-event qmp_reply on", "");
    test_hmp("info trace-events qmp_reply", "qmp_reply : state 1\r\n");
    test_hmp("trace-event qmp_reply off", "");
    test_hmp("info trace-events qmp_reply", "qmp_reply : state 0\r\n");
}

static void test_log_items(void)
{
    g_autofree char *list = qtest_hmp(test_vm, "log foo");

    g_assert_true(g_str_has_prefix(list, "none "));
    g_assert_nonnull(strstr(list, "\r\nguest_errors\r\n"));
    test_hmp("log trace:qmp_reply", "");
    test_hmp("info trace-events qmp_reply", "qmp_reply : state 1\r\n");
    test_hmp("log none", "");
    test_hmp("info trace-events qmp_reply", "qmp_reply : state 0\r\n");
}

static void test_logfile(void)
{
    g_autofree char *path = g_build_filename(test_folder, "log", NULL);
    g_autofree char *line = g_strconcat("logfile ", path, NULL);
    g_autofree char *text = NULL;

    test_hmp(line, "");
    test_hmp("log trace:qmp_request", "");
    test_hmp("info status", "VM status: running\r\n");
    test_hmp("log none", "");
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_nonnull(strstr(text, "qmp_request"));
    g_assert_nonnull(strstr(text, "info status"));
    g_unlink(path);
}

static void test_info_version(void)
{
    g_autofree char *text = qtest_hmp(test_vm, "info version");

    g_assert_true(g_str_has_prefix(text, "10.2.50"));
}

static void test_info_netdevs_and_netfilters(void)
{
    g_autofree char *netdevs = qtest_hmp(test_vm, "info netdevs");
    g_autofree char *filters = qtest_hmp(test_vm, "info netfilters");

    g_assert_nonnull(strstr(netdevs, "s0: type=stream, peer=none, link "));
    g_assert_nonnull(strstr(filters, "f0: type=filter-mirror, netdev=s0, index=0, queue=all, "
                            "status=on\r\n"));
    g_assert_nonnull(strstr(filters, "passed "));
}

static void test_cpu_index_is_refused(void)
{
    qtest_qmp_error(test_vm, "GenericError", "Parameter 'cpu-index' expects a CPU number",
                    "{'execute': 'human-monitor-command', "
                    "'arguments': {'command-line': 'stop', 'cpu-index': 0}}");
}

/* A monitor for people as the second monitor of a program: banner, prompt, quit ends all. */
static void test_interactive_quit(void)
{
    g_autofree char *path = g_build_filename(test_folder, "hmp", NULL);
    QTest *s = qtest_start("-monitor unix:%s,server=on,wait=off", path);
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    g_autoptr(GString) seen = g_string_new(NULL);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char buffer[256];
    ssize_t n;

    g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    g_assert_cmpint(write(fd, "quit\n", 5), ==, 5);
    while ((n = read(fd, buffer, sizeof(buffer))) > 0) {
        g_string_append_len(seen, buffer, n);
    }
    close(fd);
    g_assert_true(g_str_has_prefix(seen->str, "qemu-net-daemon 0."));
    g_assert_nonnull(strstr(seen->str, " monitor - type 'help' for more information\r\n"
                                       "(qemu-net-daemon) "));
    qtest_expect_event(s, "SHUTDOWN");
    g_assert_cmpint(qtest_wait_exit(s), ==, 0);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

/* The last type, user, is a feature of the build. */
static void test_netdev_add_help(void)
{
    g_autofree char *text = qtest_hmp(test_vm, "netdev_add ?");

    g_assert_true(g_str_has_prefix(text, "Available netdev backend types:\r\nsocket\r\nstream\r\n"
                                         "dgram\r\nhubport\r\n"));
}

static void test_add_all(void)
{
    CASES_ADD("/hmp-commands/line/", test_lines, path, test_line);
    g_test_add_func("/hmp-commands/netdev-add-help", test_netdev_add_help);
    g_test_add_func("/hmp-commands/stop-and-cont", test_stop_and_cont);
    g_test_add_func("/hmp-commands/reset-and-powerdown", test_reset_and_powerdown);
    g_test_add_func("/hmp-commands/netdevs-come-and-go", test_netdevs_come_and_go);
    g_test_add_func("/hmp-commands/objects-come-and-go", test_objects_come_and_go);
    g_test_add_func("/hmp-commands/object-help", test_object_help);
    g_test_add_func("/hmp-commands/chardevs-come-and-go", test_chardevs_come_and_go);
    g_test_add_func("/hmp-commands/new-pty-is-named", test_new_pty_is_named);
    g_test_add_func("/hmp-commands/info-chardev", test_info_chardev);
    g_test_add_func("/hmp-commands/ringbuf-spells-out-control-characters",
                    test_ringbuf_spells_out_control_characters);
    g_test_add_func("/hmp-commands/hostfwd-errors", test_hostfwd);
    g_test_add_func("/hmp-commands/hostfwd-comes-and-goes", test_hostfwd_comes_and_goes);
    g_test_add_func("/hmp-commands/trace-events-are-switched", test_trace_events_are_switched);
    g_test_add_func("/hmp-commands/log-items", test_log_items);
    g_test_add_func("/hmp-commands/logfile", test_logfile);
    g_test_add_func("/hmp-commands/info-version", test_info_version);
    g_test_add_func("/hmp-commands/info-netdevs-and-netfilters",
                    test_info_netdevs_and_netfilters);
    g_test_add_func("/hmp-commands/cpu-index-is-refused", test_cpu_index_is_refused);
    g_test_add_func("/hmp-commands/interactive-quit", test_interactive_quit);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    test_add_all();
    test_folder = g_dir_make_tmp("test-hmp-XXXXXX", NULL);
    test_vm = qtest_start("-name 'the vm' -chardev null,id=c0 -chardev null,id=c1 "
                          "-chardev ringbuf,id=rb "
                          "-netdev stream,id=s0,server=on,addr.type=unix,addr.path=%s/s0 "
                          "-object filter-mirror,id=f0,netdev=s0,outdev=c0", test_folder);
    status = g_test_run();
    qtest_quit(test_vm);
    g_rmdir(test_folder);
    g_free(test_folder);
    return status;
}
