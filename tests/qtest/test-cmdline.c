/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: what it refuses, in which words, and what its options change. */

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cases.h"
#include "qtest-client.h"

/*
 *   options ──► program ──► stderr, stdout, exit status
 */

/* --- Refusals ---------------------------------------------------------------------------- */

typedef struct Refusal {
    const char *name;
    const char *options;
    const char *message; /* without "PROG:" and the blank behind it */
} Refusal;

static const Refusal refusals[] = {
    { "unknown-option", "-bogus", " -bogus: invalid option\n" },
    { "unknown-option-two-dashes", "--bogus", " --bogus: invalid option\n" },
    { "hint-at-similar-option", "-netdv x", " -netdv: invalid option\nDid you mean '-netdev'?\n" },
    { "no-abbreviation", "-vers", " -vers: invalid option\n" },
    { "no-equals-form", "-netdev=user", " -netdev=user: invalid option\n" },
    { "chroot-is-gone", "-chroot /", " -chroot: invalid option\n" },
    { "runas-is-gone", "-runas nobody", " -runas: invalid option\n" },
    { "missing-value", "-netdev", " -netdev: requires an argument\n" },
    { "missing-value-two-dashes", "--qmp", " --qmp: requires an argument\n" },
    { "begin-of-an-option", "-daemon", " -daemon: invalid option\nDid you mean '-daemonize'?\n" },
    { "word", "foo.img", " foo.img: not an option: an option begins with '-'\n" },
    { "word-help", "help",
      " help: not an option: an option begins with '-'\nDid you mean '-help'?\n" },
    { "word-with-key", "-netdev type=user id=n0",
      " id=n0: not an option: an option begins with '-'\n"
      "Keys follow the argument of their option without a blank: TYPE,KEY=VALUE\n" },
    { "option-net", "-net user",
      " -net: invalid option\nUse -netdev, or -nic for a netdev with a NIC.\n" },
    { "option-of-a-guest", "-m 512",
      " -m: invalid option\nThere is no guest in this process; -help tells what there is.\n" },
    { "names-are-checked-first", "-version -bogus", " -bogus: invalid option\n" },

    { "netdev-type", "-netdev bogus,id=a",
      " -netdev bogus,id=a: Parameter 'type' does not accept value 'bogus'\n" },
    { "netdev-no-id", "-netdev socket,connect=:1",
      " -netdev socket,connect=:1: Parameter 'id' is missing\n" },
    { "netdev-bad-id", "-netdev hubport,id=1x,hubid=1",
      " -netdev hubport,id=1x,hubid=1: Parameter 'id' expects an identifier\n"
      "Identifiers consist of letters, digits, '-', '.', '_', starting with a letter.\n" },
    { "netdev-duplicate", "-netdev hubport,id=a,hubid=1 -netdev hubport,id=a,hubid=2",
      " -netdev hubport,id=a,hubid=2: Duplicate ID 'a' for netdev\n" },
    { "netdev-duplicate-across-syntaxes",
      "-netdev hubport,id=a,hubid=1 -netdev '{\"type\":\"hubport\",\"id\":\"a\",\"hubid\":2}'",
      "Duplicate ID 'a'\n" },
    { "chardev-duplicate", "-chardev null,id=c -chardev null,id=c",
      " -chardev null,id=c: Duplicate ID 'c' for chardev\n" },
    { "chardev-backend", "-chardev bogus,id=c",
      " -chardev bogus,id=c: 'bogus' is not a valid char driver" },
    { "chardev-fd", "-chardev fd,id=c",
      " -chardev fd,id=c: Parameter 'driver' expects a non-abstract device type\n" },
    { "object-first-step", "-object filter-mirror,id=f",
      " -object filter-mirror,id=f: Parameter 'netdev' is missing\n" },
    { "object-type", "-object bogus,id=f",
      " -object bogus,id=f: Parameter 'qom-type' does not accept value 'bogus'\n" },
    { "object-help-of-unknown-type", "-object nosuch,help",
      "Parameter 'qom-type' does not accept value 'nosuch'\n" },
    { "object-duplicate",
      "-netdev hubport,id=a,hubid=1 -object filter-buffer,id=f,netdev=a,interval=1 "
      "-object filter-buffer,id=f,netdev=a,interval=1",
      "Duplicate ID 'f' for object\n" },
    { "nic-mac", "-nic hubport,id=a,hubid=1,mac=zz",
      " -nic hubport,id=a,hubid=1,mac=zz: invalid syntax for ethernet address\n" },
    { "nic-multicast-mac", "-nic hubport,id=a,hubid=1,mac=01:00:00:00:00:00",
      "NIC cannot have multicast MAC address\n" },
    { "device-model", "-device bogus",
      " -device bogus: 'bogus' is not a valid device model name\n" },
    { "device-without-netdev", "-device e1000", " -device e1000: Parameter 'netdev' is missing\n" },
    { "device-unknown-netdev", "-device e1000,netdev=no",
      " -device e1000,netdev=no: Property 'e1000.netdev' can't find value 'no'\n" },
    { "device-unknown-key", "-netdev hubport,id=a,hubid=1 -device e1000,netdev=a,foo=1",
      "Invalid parameter 'foo'\n" },

    { "device-json-unknown-member",
      "-netdev hubport,id=a,hubid=1 -device '{\"driver\": \"e1000\", \"netdev\": \"a\", \"x\": 1}'",
      "Parameter 'x' is unexpected\n" },
    { "device-json-model", "-device '{\"driver\": \"bogus\", \"netdev\": \"a\"}'",
      "'bogus' is not a valid device model name\n" },
    { "device-json-id",
      "-netdev hubport,id=a,hubid=1 "
      "-device '{\"driver\": \"e1000\", \"netdev\": \"a\", \"id\": \"1\"}'",
      "Parameter 'id' expects an identifier\n" },
    { "device-json-syntax", "-device '{'", " -device {: JSON parse error, premature EOI\n" },
    { "chardev-json-id",
      "-chardev '{\"id\": \"1\", \"backend\": {\"type\": \"null\", \"data\": {}}}'",
      "Parameter 'id' expects an identifier\n" },
    { "chardev-json-duplicate",
      "-chardev null,id=c "
      "-chardev '{\"id\": \"c\", \"backend\": {\"type\": \"null\", \"data\": {}}}'",
      "Duplicate ID 'c' for chardev\n" },
    { "chardev-json-backend", "-chardev '{\"id\": \"c\"}'", "Parameter 'backend' is missing\n" },
    { "chardev-json-syntax", "-chardev '{]'", " -chardev {]: JSON parse error, " },
    { "chardev-unknown-help", "-chardev sockte,help",
      "'sockte' is not a valid char driver name\nDid you mean 'socket'?\n" },
    { "netdev-unknown-help", "-netdev tup,help",
      " -netdev tup,help: Parameter 'type' does not accept value 'tup'\nDid you mean 'tap'?\n" },
    { "export-unknown-help", "-export x,help",
      "Parameter 'type' does not accept value 'x'\nIt is one of 'stream', 'dgram'" },
    { "netdev-of-no-build", "-netdev passt,id=p", "network backend 'passt' is not supported\n" },
    { "enum-values-are-told",
      "-netdev hubport,id=a,hubid=1 -object filter-buffer,id=f,netdev=a,interval=1,queue=TX",
      "Parameter 'queue' does not accept value 'TX'\nIt is one of 'all', 'rx', 'tx'.\n" },
    { "filter-is-named-by-a-bad-netdev", "-object filter-buffer,id=f9,netdev=no,interval=1",
      " object 'f9': Parameter 'netdev' expects a network backend id\n'no' is no netdev.\n" },
    { "nic-is-no-netdev", "-netdev hubport,id=a,hubid=1 -device e1000,netdev=a,id=nic0"
      " -object filter-buffer,id=f9,netdev=nic0,interval=1",
      " object 'f9': Parameter 'netdev' expects a network backend id\n'nic0' is no netdev.\n" },
    { "filter-is-named-by-a-bad-chardev",
      "-netdev hubport,id=a,hubid=1 -object filter-mirror,id=f9,netdev=a,outdev=no",
      " object 'f9': Device 'no' not found\n" },

    { "mon-unknown-chardev", "-mon chardev=no", " -mon chardev=no: chardev \"no\" not found\n" },
    { "mon-no-chardev", "-mon mode=control", "Parameter 'chardev' is missing\n" },
    { "mon-mode", "-chardev null,id=c -mon c,mode=x",
      "Parameter 'mode' does not accept value 'x'\n" },
    { "mon-pretty-readline", "-chardev null,id=c -mon c,pretty=on",
      "'pretty' is not compatible with HMP monitors\n" },
    { "mon-chardev-in-use", "-chardev null,id=c -mon c -mon c", "chardev 'c' is already in use\n" },
    { "mon-unknown-key", "-chardev null,id=c -mon c,default=on", "Invalid parameter 'default'\n" },
    { "qmp-bad-device", "-qmp foo", " -qmp foo: 'foo' is not a valid char driver\n" },
    { "qmp-bad-device-second-line", "-qmp foo", " -qmp foo: parse error: foo\n" },
    { "qmp-device-unusable", "-qmp unix:/nonexistent/s",
      " -qmp unix:/nonexistent/s: Failed to connect to '/nonexistent/s': No such file or "
      "directory\n" },
    { "qmp-none", "-qmp none", " -qmp none: parse error: none\n" },

    { "machine", "-M bogus",
      " -M bogus: unsupported machine type: \"bogus\"\n"
      "Use -machine help to list supported machines\n" },
    { "machine-property", "-machine none,foo=1", "Property 'none-machine.foo' not found\n" },
    { "machine-accel", "-machine accel=bogus", "invalid accelerator bogus\n" },
    { "accel", "-accel bogus", " -accel bogus: invalid accelerator bogus\n" },
    { "accel-property", "-accel qtest,foo=1", "Property 'qtest-accel.foo' not found\n" },
    { "display", "-display bogus",
      " -display bogus: Parameter 'type' does not accept value 'bogus'\n" },
    { "audio", "-audio bogus",
      " -audio bogus: Parameter 'driver' does not accept value 'bogus'\n" },
    { "incoming", "-incoming bogus", "Parameter 'channel-type' does not accept value 'bogus'\n" },
    { "name-key", "-name x,y=z", " -name x,y=z: Invalid parameter 'y'\n" },
    { "action-value", "-action reboot=never",
      "Parameter 'reboot' does not accept value 'never'\n" },
    { "sandbox-value", "-sandbox maybe", "Parameter 'enable' expects 'on' or 'off'\n" },
    { "sandbox-key", "-sandbox off,x=y", "Invalid parameter 'x'\n" },
    { "msg-key", "-msg x=1", " -msg x=1: Invalid parameter 'x'\n" },
    { "msg-value", "-msg timestamp=1", "Parameter 'timestamp' expects 'on' or 'off'\n" },
    { "log-template", "-D /tmp/a%x", "Bad logfile template: /tmp/a%x\n" },
    { "log-two-conversions", "-D /tmp/a%d%d", "Bad logfile template: /tmp/a%d%d\n" },
    { "log-template-as-typed", "-D x%s", "Bad logfile template: x%s\n" },
    { "log-folder", "-D /nonexistent/x",
      "Error opening logfile /nonexistent/x: No such file or directory\n" },
    { "log-tid", "-d tid", "Filename template with '%d' required for 'tid'\n" },
    { "trace-events-file", "-trace events=/nonexistent",
      "/nonexistent: No such file or directory\n" },
    { "pidfile", "-pidfile /nonexistent/p",
      " cannot create PID file: Could not create '/nonexistent/p': No such file or directory\n" },
    { "user", "-run-with user=nosuch",
      "User \"user=nosuch\" doesn't exist (and is not <uid>:<gid>)\n" },
    { "chroot", "-run-with chroot=/nonexistent", " chroot failed\n" },
    { "run-with-key", "-run-with foo=1", "Invalid parameter 'foo'\n" },
    { "add-fd-closed", "-add-fd fd=999,set=1", " fd 999: Bad file descriptor\n" },
    { "add-fd-stdin", "-add-fd fd=0,set=1", "fd 0 cannot be put into a set\n" },
    { "add-fd-no-set", "-add-fd fd=5", "Parameter 'set' is missing\n" },
    { "daemonize-nographic", "-nographic -daemonize",
      " -nographic cannot be used with -daemonize\n" },
    { "daemonize-stdio", "-daemonize -chardev stdio,id=c", "cannot use stdio with -daemonize\n" },
    { "qtest-device", "-qtest foo", " Failed to initialize device for qtest: \"foo\"\n" },
    { "set-syntax", "-set foo", " -set foo: can't parse: \"foo\"\n" },
    { "set-unknown-id", "-set netdev.a.x=y", "there is no netdev \"a\" defined\n" },
    { "set-unknown-group", "-set bogus.a.x=y", "There is no option group 'bogus'\n" },
    { "readconfig-missing", "-readconfig /nonexistent",
      "Could not open '/nonexistent': No such file or directory\n" },
};

static void test_refusal(const void *data)
{
    const Refusal *refusal = data;

    qtest_expect_start_error(refusal->message, "-display none %s", refusal->options);
}

/* The creation of an object is told without the option. */
static void test_object_creation_error_has_no_option(void)
{
    g_autofree char *err = NULL;

    g_assert_cmpint(qtest_run(NULL, &err,
                              "-chardev null,id=c -object filter-mirror,id=f,netdev=no,outdev=c"),
                    ==, 1);
    g_assert_nonnull(strstr(err, "Parameter 'netdev' expects a network backend id\n"));
    g_assert_null(strstr(err, "-object"));
}

/* Messages and usage begin with the name that the program was called by. */
static void test_called_by_another_name(void)
{
    g_autofree char *program = g_strdup(g_getenv("QTEST_QEMU_BINARY"));
    g_autofree char *path = tmp_path("qemu-system-x86_64");
    g_autofree char *out = NULL;
    g_autofree char *err = NULL;

    g_assert_cmpint(symlink(program, path), ==, 0);
    g_setenv("QTEST_QEMU_BINARY", path, TRUE);
    g_assert_cmpint(qtest_run(NULL, &err, "-bogus"), ==, 1);
    g_assert_cmpint(qtest_run(&out, NULL, "-help"), ==, 0);
    g_setenv("QTEST_QEMU_BINARY", program, TRUE);
    g_assert_cmpstr(err, ==, "qemu-system-x86_64: -bogus: invalid option\n");
    g_assert_nonnull(strstr(out, "usage: qemu-system-x86_64 [options]\n"));
    unlink(path);
}

/* --- Help -------------------------------------------------------------------------------- */

typedef struct Help {
    const char *name;
    const char *options;
    int status;
    const char *text; /* a part of standard output */
} Help;

static const Help helps[] = {
    { "help", "-help", 0, "usage: " },
    { "h", "-h", 0, "usage: " },
    { "two-dashes", "--help", 0, "usage: " },
    { "help-begins-with-version", "-help", 0, "qemu-net-daemon 0." },
    { "version", "-version", 0, ", compatible with QEMU 10.2.50\nCopyright " },
    { "netdev", "-netdev help", 0, "Available netdev backend types:\nsocket\nstream\ndgram\n" },
    { "netdev-question-mark", "-netdev '?'", 0, "Available netdev backend types:\n" },
    { "nic", "-nic help", 0,
      "\n\nAvailable NIC models (use -nic model=help for a filtered list):\n" },
    { "nic-model", "-nic model=help", 0, "Available NIC models:\n" },
    { "device", "-device help", 0, "e1000\n" },
    { "device-keys", "-device e1000,help", 0, "device options:\n" },
    { "chardev", "-chardev help", 0, "Available chardev backend types: \n" },
    { "chardev-lists-socket", "-chardev help", 0, "\n  socket\n" },
    { "chardev-keys", "-chardev socket,help", 1, "chardev options:\n" },
    { "chardev-keys-of-one-back-end", "-chardev ringbuf,help", 1,
      "chardev options:\n  backend=<str>\n  logappend=<bool (on/off)>\n  logfile=<str>\n"
      "  logtimestamp=<bool (on/off)>\n  mux=<bool (on/off)>\n  size=<size>\n" },
    { "netdev-keys", "-netdev tap,help", 0, "tap options:\n" },
    { "netdev-keys-question-mark", "-netdev 'type=tap,?'", 0, "\n  ifname=<string> - " },
    { "netdev-keys-of-all", "-netdev dgram,help", 0, "\n  id=<string> - " },
    { "netdev-nested-keys", "-netdev stream,help", 0, "\n  addr.path=<string> - " },
    { "export-keys", "-export stream,help", 0, "stream options:\n" },
    { "export-keys-of-all", "-export stream,help", 0, "\n  netdev=<string> - " },
    { "object", "-object help", 0, "List of user creatable objects:\n" },
    { "object-question-mark", "-object '?'", 0, "\n  filter-mirror\n" },
    { "object-properties", "-object filter-mirror,help", 0, "filter-mirror options:\n" },
    { "object-list-property", "-object filter-mirror,help", 0,
      " (a list: repeat the key for each value)\n" },
    { "object-properties-question-mark", "-object 'filter-buffer,?'", 0, "interval=<uint32>" },
    { "machine", "-machine help", 0, "none " },
    { "accel", "-accel help", 0, "qtest\n" },
    { "log-items", "-d help", 1, "guest_errors\n" },
    { "log-items-unknown", "-d bogus", 1, "guest_errors\n" },
    { "trace", "-trace help", 0, "run_state_changed\n" },
    { "msg", "-msg help", 1, "msg options:\n" },
    { "run-with", "-run-with help", 1, "exit-with-parent=<bool>" },
    { "add-fd", "-add-fd help", 1, "add-fd options:\n" },
};

static void test_help(const void *data)
{
    const Help *help = data;
    g_autofree char *out = NULL;
    g_autofree char *err = NULL;

    g_assert_cmpint(qtest_run(&out, &err, "%s", help->options), ==, help->status);
    if (!strstr(out, help->text)) {
        g_error("no '%s' in: %s", help->text, out);
    }
    g_assert_cmpstr(err, ==, "");
}

static void test_version_is_two_lines(void)
{
    g_autofree char *out = NULL;
    g_auto(GStrv) lines = NULL;

    qtest_run(&out, NULL, "-version");
    lines = g_strsplit(out, "\n", -1);
    g_assert_cmpint(g_strv_length(lines), ==, 3);
    g_assert_nonnull(strstr(lines[1], "opyright"));
}

/* --- What options change ----------------------------------------------------------------- */

static void assert_status(QTest *s, const char *status)
{
    g_autoptr(json_object) info = qtest_qmp_return(s, "{'execute': 'query-status'}");

    g_assert_cmpstr(json_object_get_string(json_object_object_get(info, "status")), ==, status);
}

static void test_default_is_running(void)
{
    QTest *s = qtest_start("-M none");

    assert_status(s, "running");
    qtest_quit(s);
}

static void test_s_is_prelaunch(void)
{
    QTest *s = qtest_start("-S");

    assert_status(s, "prelaunch");
    qtest_quit(s);
}

static void test_incoming_is_inmigrate(void)
{
    QTest *s = qtest_start("-incoming defer");

    assert_status(s, "inmigrate");
    qtest_quit(s);
}

static void test_preconfig_allows_few_commands(void)
{
    QTest *s = qtest_start("-preconfig");

    assert_status(s, "prelaunch");
    qtest_qmp_error(s, "GenericError",
                    "The command 'stop' is permitted only after machine initialization has "
                    "completed",
                    "{'execute': 'stop'}");
    qtest_qmp_ok(s, "{'execute': 'x-exit-preconfig'}");
    assert_status(s, "running");
    qtest_qmp_error(s, "GenericError",
                    "The command is permitted only before machine initialization",
                    "{'execute': 'x-exit-preconfig'}");
    qtest_quit(s);
}

static void test_preconfig_with_s(void)
{
    QTest *s = qtest_start("-preconfig -S");

    qtest_qmp_ok(s, "{'execute': 'x-exit-preconfig'}");
    assert_status(s, "prelaunch");
    qtest_quit(s);
}

static char *query_name(QTest *s)
{
    g_autoptr(json_object) info = qtest_qmp_return(s, "{'execute': 'query-name'}");

    return g_strdup(json_object_get_string(json_object_object_get(info, "name")));
}

static void test_name(void)
{
    QTest *s = qtest_start("-name first,process=proc -name guest=vm1");
    g_autofree char *name = query_name(s);
    g_autofree char *path = g_strdup_printf("/proc/%d/comm", qtest_pid(s));
    g_autofree char *comm = NULL;

    g_assert_cmpstr(name, ==, "vm1");
    g_assert_true(g_file_get_contents(path, &comm, NULL, NULL));
    g_assert_cmpstr(comm, ==, "proc\n");
    qtest_quit(s);
}

static void test_no_name(void)
{
    QTest *s = qtest_start("-M none");
    g_autofree char *name = query_name(s);

    g_assert_null(name);
    qtest_quit(s);
}

/* As libvirt writes them. */
static void test_json_in_the_place_of_keys(void)
{
    QTest *s = qtest_start(
        "-object '{\"qom-type\": \"iothread\", \"id\": \"io1\"}' "
        "-chardev '{\"id\": \"rb\", "
        "\"backend\": {\"type\": \"ringbuf\", \"data\": {\"size\": 64}}}' "
        "-netdev '{\"type\": \"hubport\", \"id\": \"hostnet0\", \"hubid\": 0}' "
        "-device '{\"driver\": \"virtio-net-pci\", \"netdev\": \"hostnet0\", \"id\": \"net0\", "
        "\"mac\": \"52:54:00:11:22:33\"}'");
    g_autofree char *network = qtest_hmp(s, "info network");
    g_autofree char *chardevs = qtest_hmp(s, "info chardev");
    g_autofree char *written = qtest_hmp(s, "ringbuf_write rb data");

    g_assert_nonnull(strstr(network, "net0: index=0,type=nic,model=virtio-net-pci,"
                                     "macaddr=52:54:00:11:22:33\r\n"));
    g_assert_nonnull(strstr(chardevs, "rb: filename=ringbuf\r\n"));
    g_assert_cmpstr(written, ==, "");
    qtest_quit(s);
}

static void test_accel_qtest_is_told(void)
{
    QTest *s = qtest_start("-machine type=none,accel=qtest");
    g_autoptr(json_object) info = qtest_qmp_return(s, "{'execute': 'query-accelerators'}");

    g_assert_cmpstr(json_object_get_string(json_object_object_get(info, "enabled")), ==,
                    "qtest");
    qtest_quit(s);
}

static void test_machine_accel_steps_the_clock(void)
{
    g_autofree char *path = tmp_path("accel.sock");
    QTest *s = qtest_start_plain("-machine accel=qtest -qtest-log none -qtest "
                                 "unix:%s,server=on,wait=off", path);
    int fd = sock_connect_unix(path);
    g_autofree char *reply = NULL;

    sock_write(fd, "clock_step 5\n", 13);
    reply = sock_read_line(fd);
    g_assert_cmpstr(reply, ==, "OK 5");
    sock_close(&fd);
    qtest_quit(s);
}

static void test_qtest_without_accel_has_no_clock(void)
{
    g_autofree char *path = tmp_path("noaccel.sock");
    QTest *s = qtest_start_plain("-qtest-log none -qtest unix:%s,server=on,wait=off", path);
    int fd = sock_connect_unix(path);
    g_autofree char *reply = NULL;

    sock_write(fd, "clock_step 5\n", 13);
    reply = sock_read_line(fd);
    g_assert_cmpstr(reply, ==, "FAIL Unknown command 'clock_step'");
    sock_close(&fd);
    qtest_quit(s);
}

static void test_options_without_effect(void)
{
    QTest *s = qtest_start("-no-user-config -display none -audio none -nographic -sandbox off "
                           "-nic none -monitor none -M none");

    assert_status(s, "running");
    qtest_quit(s);
}

static void test_warns_of_missing_peers(void)
{
    QTest *s = qtest_start_plain("-netdev hubport,id=p,hubid=1 "
                                 "-netdev socket,id=a,udp=127.0.0.1:9,localaddr=127.0.0.1:0");

    qtest_wait_output(s, "warning: netdev a has no peer\n");
    qtest_wait_output(s, "warning: hub port p has no peer\n");
    qtest_quit(s);
}

static void test_nodefaults_with_qtest_does_not_warn(void)
{
    QTest *s = qtest_start("-netdev hubport,id=p,hubid=1"); /* has -nodefaults */
    g_autofree char *output = NULL;

    assert_status(s, "running");
    output = qtest_output(s);
    g_assert_null(strstr(output, "has no peer"));
    qtest_quit(s);
}

static void test_short_booleans_warn_once(void)
{
    g_autofree char *out = NULL;
    g_autofree char *err = NULL;
    const char *first;

    g_assert_cmpint(qtest_run(&out, &err, "-chardev null,id=c,mux -netdev bogus,id=a"), ==, 1);
    first = strstr(err, "short-form boolean option 'mux' deprecated\nPlease use mux=on instead\n");
    g_assert_nonnull(first);
    g_assert_null(strstr(first + 1, "short-form"));
}

static void test_library_messages_have_our_form(void)
{
    g_autofree char *out = NULL;
    g_autofree char *err = NULL;

    if (!qtest_has_netdev("user")) {
        g_test_skip("no netdev user");
        return;
    }
    g_assert_cmpint(qtest_run(&out, &err, "-netdev user,id=a,dnssearch= -mon bogus"), ==, 1);
    g_assert_nonnull(strstr(err, " -netdev user,id=a,dnssearch=: warning: Slirp: "));
}

static void test_legacy_strings_do_not_warn(void)
{
    g_autofree char *out = NULL;
    g_autofree char *err = NULL;

    g_assert_cmpint(qtest_run(&out, &err, "-qmp unix:/nonexistent/s,server,nowait"), ==, 1);
    g_assert_null(strstr(err, "warning"));
}

static void test_device_is_the_peer(void)
{
    QTest *s = qtest_start("-device e1000,netdev=p,id=nic0,mac=52:54:00:01:02:03 "
                           "-netdev hubport,id=p,hubid=1");
    g_autofree char *info = qtest_hmp(s, "info network");

    g_assert_nonnull(strstr(info, "nic0"));
    g_assert_nonnull(strstr(info, "model=e1000,macaddr=52:54:00:01:02:03"));
    qtest_quit(s);
}

/* The order between the kinds is fixed: an object may stand before what it names. */
static void test_object_may_come_first(void)
{
    QTest *s = qtest_start("-object filter-mirror,id=f,netdev=p,outdev=c "
                           "-netdev hubport,id=p,hubid=1 -chardev null,id=c");
    g_autofree char *outdev = qtest_qom_get(s, "f", "outdev");

    g_assert_cmpstr(outdev, ==, "\"c\"");
    qtest_quit(s);
}

static void test_set_changes_an_earlier_option(void)
{
    QTest *s = qtest_start("-netdev hubport,id=p,hubid=1 "
                           "-object filter-buffer,id=f,netdev=p,interval=5 "
                           "-set object.f.interval=7");
    g_autofree char *interval = qtest_qom_get(s, "f", "interval");

    g_assert_cmpstr(interval, ==, "7");
    qtest_quit(s);
}

static void assert_option_has_keys(QTest *s, const char *option)
{
    g_autoptr(json_object) list = qtest_qmp_return(
        s, "{'execute': 'query-command-line-options', 'arguments': {'option': '%s'}}", option);
    json_object *parameters;

    g_assert_true(json_object_object_get_ex(json_object_array_get_idx(list, 0), "parameters",
                                            &parameters));
    g_assert_cmpuint(json_object_array_length(parameters), >, 0);
}

static void test_query_command_line_options(void)
{
    QTest *s = qtest_start("-M none");
    g_autoptr(json_object) list = qtest_qmp_return(
        s, "{'execute': 'query-command-line-options', 'arguments': {'option': 'msg'}}");
    g_autofree char *text = g_strdup(json_object_to_json_string(list));

    g_assert_cmpint(json_object_array_length(list), ==, 1);
    g_assert_nonnull(strstr(text, "\"timestamp\""));
    g_assert_nonnull(strstr(text, "\"boolean\""));
    assert_option_has_keys(s, "mon");
    assert_option_has_keys(s, "chardev");
    qtest_qmp_error(s, "GenericError", "invalid option name: bogus",
                    "{'execute': 'query-command-line-options', "
                    "'arguments': {'option': 'bogus'}}");
    qtest_quit(s);
}

/* --- -readconfig ------------------------------------------------------------------------- */

static char *write_config(const char *text)
{
    char *path = tmp_path("config");

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    return path;
}

static void test_readconfig(void)
{
    g_autofree char *path = write_config("# a comment\n\n[netdev \"p\"]\n  type = \"hubport\"\n"
                                         "  hubid = \"1\"\n\n[name]\n  guest = \"a,b\"\n");
    QTest *s = qtest_start("-readconfig %s", path);
    g_autofree char *info = qtest_hmp(s, "info network");
    g_autofree char *name = query_name(s);

    g_assert_nonnull(strstr(info, "hub 1\r\n"));
    g_assert_cmpstr(name, ==, "a,b");
    qtest_quit(s);
}

typedef struct BadConfig {
    const char *name;
    const char *text;
    const char *message; /* behind the path */
} BadConfig;

static const BadConfig bad_configs[] = {
    { "unknown-group", "[bogus]\n", ":1: There is no option group 'bogus'\n" },
    { "unknown-group-has-last-line", "[bogus]\nkey = \"value\"\n\n[chardev \"c\"]\n",
      ":2: There is no option group 'bogus'\n" },
    { "pair-before-group", "\nkey = \"value\"\n", ":2: no group defined\n" },
    { "unquoted-value", "[netdev \"a\"]\ntype = user\n", ":2: parse error\n" },
    { "no-pair", "[netdev \"a\"]\nfoo\n", ":2: parse error\n" },
    { "entry-error-has-last-line", "[netdev \"a\"]\ntype = \"hubport\"\nhubid = \"x\"\n\n",
      ":3: Parameter 'hubid' expects " },
};

static void test_bad_config(const void *data)
{
    const BadConfig *bad = data;
    g_autofree char *path = write_config(bad->text);
    g_autofree char *where = g_strconcat(":", path, bad->message, NULL);

    qtest_expect_start_error(where, "-readconfig %s", path);
}

/* --- Main -------------------------------------------------------------------------------- */

static void add_tables(void)
{
    CASES_ADD("/cmdline/refuses/", refusals, name, test_refusal);
    CASES_ADD("/cmdline/help/", helps, name, test_help);
    CASES_ADD("/cmdline/readconfig/", bad_configs, name, test_bad_config);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_tables();
    g_test_add_func("/cmdline/object-creation-error-has-no-option",
                    test_object_creation_error_has_no_option);
    g_test_add_func("/cmdline/called-by-another-name", test_called_by_another_name);
    g_test_add_func("/cmdline/version-is-two-lines", test_version_is_two_lines);
    g_test_add_func("/cmdline/default-is-running", test_default_is_running);
    g_test_add_func("/cmdline/S-is-prelaunch", test_s_is_prelaunch);
    g_test_add_func("/cmdline/incoming-is-inmigrate", test_incoming_is_inmigrate);
    g_test_add_func("/cmdline/preconfig-allows-few-commands", test_preconfig_allows_few_commands);
    g_test_add_func("/cmdline/preconfig-with-S", test_preconfig_with_s);
    g_test_add_func("/cmdline/name", test_name);
    g_test_add_func("/cmdline/no-name", test_no_name);
    g_test_add_func("/cmdline/json-in-the-place-of-keys", test_json_in_the_place_of_keys);
    g_test_add_func("/cmdline/accel-qtest-is-told", test_accel_qtest_is_told);
    g_test_add_func("/cmdline/machine-accel-steps-the-clock", test_machine_accel_steps_the_clock);
    g_test_add_func("/cmdline/qtest-without-accel-has-no-clock",
                    test_qtest_without_accel_has_no_clock);
    g_test_add_func("/cmdline/options-without-effect", test_options_without_effect);
    g_test_add_func("/cmdline/warns-of-missing-peers", test_warns_of_missing_peers);
    g_test_add_func("/cmdline/nodefaults-with-qtest-does-not-warn",
                    test_nodefaults_with_qtest_does_not_warn);
    g_test_add_func("/cmdline/short-booleans-warn-once", test_short_booleans_warn_once);
    g_test_add_func("/cmdline/library-messages-have-our-form",
                    test_library_messages_have_our_form);
    g_test_add_func("/cmdline/legacy-strings-do-not-warn", test_legacy_strings_do_not_warn);
    g_test_add_func("/cmdline/device-is-the-peer", test_device_is_the_peer);
    g_test_add_func("/cmdline/object-may-come-first", test_object_may_come_first);
    g_test_add_func("/cmdline/set-changes-an-earlier-option", test_set_changes_an_earlier_option);
    g_test_add_func("/cmdline/query-command-line-options", test_query_command_line_options);
    g_test_add_func("/cmdline/readconfig", test_readconfig);
    return g_test_run();
}
