/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -sandbox on: what is given up after the start, what still works, and what is told. */

#include "tap-rig.h"
#include "tap-scripts.h"

#include <elf.h>
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "files.h"
#include "own-dev.h"

/* The line of /proc/PID/status that begins with @name and ":\t", without that. Owned. */
static char *status_of(QTest *s, const char *name)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status", qtest_pid(s));
    g_autofree char *text = read_file(path);
    g_autofree char *start = g_strdup_printf("\n%s:\t", name);
    const char *found = strstr(text, start);

    g_assert_nonnull(found);
    found += strlen(start);
    return g_strndup(found, strcspn(found, "\n"));
}

static void expect_status(QTest *s, const char *name, const char *want)
{
    g_autofree char *value = status_of(s, name);

    g_assert_cmpstr(value, ==, want);
}

static void expect_capabilities(QTest *s, const char *want)
{
    expect_status(s, "CapInh", "0000000000000000");
    expect_status(s, "CapPrm", want);
    expect_status(s, "CapEff", want);
    expect_status(s, "CapAmb", "0000000000000000");
}

static void test_status(void)
{
    QTest *s = qtest_start("-sandbox on");

    expect_status(s, "Seccomp", "2");
    expect_status(s, "NoNewPrivs", "1");
    expect_capabilities(s, "0000000000000000");
    qtest_quit(s);
}

static void test_off(void)
{
    QTest *s = qtest_start("-sandbox on -sandbox off");

    expect_status(s, "Seccomp", "0");
    qtest_quit(s);
}

static void test_capabilities(void)
{
    QTest *s;

    if (geteuid() != 0) {
        g_test_skip("needs root");
        return;
    }
    s = qtest_start("-sandbox on,capabilities=net_bind_service:CAP_NET_RAW");
    expect_capabilities(s, "0000000000002400");
    qtest_quit(s);
}

static void test_options(void)
{
    static const struct {
        const char *options;
        const char *message;
    } cases[] = {
        { "obsolete=allow", "obsolete=allow is not supported" },
        { "elevateprivileges=allow", "elevateprivileges=allow is not supported" },
        { "resourcecontrol=allow", "resourcecontrol=allow is not supported" },
        { "spawn=maybe", "Parameter 'spawn' does not accept value 'maybe'" },
        { "capabilities=net_admin:fly",
          "capabilities=net_admin:fly: there is no capability 'fly'" },
    };
    QTest *s;

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        qtest_expect_start_error(cases[i].message, "-sandbox on,%s", cases[i].options);
    }
    /* As libvirt starts QEMU. */
    s = qtest_start("-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,"
                    "resourcecontrol=deny");
    expect_status(s, "Seccomp", "2");
    qtest_quit(s);
}

/* --- A violation ------------------------------------------------------------------------- */

/* Has the program make a system call that it never makes. Returns: false where that is unknown. */
static bool inject_call(int pid, long number)
{
#if defined(__x86_64__)
    struct user_regs_struct regs;
    struct iovec iov = { &regs, sizeof(regs) };
    int status;

    g_assert_cmpint(ptrace(PTRACE_SEIZE, pid, NULL, NULL), ==, 0);
    g_assert_cmpint(ptrace(PTRACE_INTERRUPT, pid, NULL, NULL), ==, 0);
    g_assert_cmpint(waitpid(pid, &status, __WALL), ==, pid);
    g_assert_cmpint(ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &iov), ==, 0);
    /* It waits in a system call, to which it goes back with another number. */
    g_assert_cmpint((long)regs.orig_rax, >=, 0);
    regs.rip -= 2;
    regs.rax = (unsigned long)number;
    regs.orig_rax = (unsigned long)-1;
    g_assert_cmpint(ptrace(PTRACE_SETREGSET, pid, (void *)NT_PRSTATUS, &iov), ==, 0);
    g_assert_cmpint(ptrace(PTRACE_DETACH, pid, NULL, NULL), ==, 0);
    return true;
#else
    return false;
#endif
}

static void expect_violation(long number, const char *name)
{
    g_autofree char *want = g_strdup_printf(": -sandbox: the system call %s is not allowed\n",
                                            name);
    QTest *s = qtest_start("-sandbox on");

    qtest_qmp_ok(s, "{'execute': 'query-status'}");
    if (!inject_call(qtest_pid(s), number)) {
        g_test_skip("not known how on this processor");
        qtest_quit(s);
        return;
    }
    qtest_wait_output(s, want);
    g_assert_cmpint(qtest_wait_killed(s), ==, SIGSYS);
}

static void test_violation(void)
{
    expect_violation(SYS_mount, "mount");
    expect_violation(SYS_execve, "execve");
    expect_violation(SYS_ptrace, "ptrace");
    /* Of processes that it has not started. */
    expect_violation(SYS_kill, "kill");
    expect_violation(SYS_pidfd_send_signal, "pidfd_send_signal");
}

/* Returns: the pid in the file. */
static int read_pid(const char *path)
{
    g_autofree char *text = read_file(path);

    return (int)g_ascii_strtoll(text, NULL, 10);
}

/* Until the program waits for events: the kernel then names the call that it is in. */
static void wait_idle(int pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/syscall", pid);
    int64_t deadline = g_get_monotonic_time() + wait_limit_ms() * INT64_C(1000);

    for (;;) {
        g_autofree char *text = read_file(path);

        if (g_ascii_isdigit(text[0])) {
            return;
        }
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_thread_yield();
    }
}

/* A daemon has no stderr any more: it is told where all its messages are. */
static void test_violation_of_a_daemon(void)
{
    g_autofree char *pidfile = tmp_path("violation-pid");
    g_autofree char *message = NULL;
    g_autofree char *want = NULL;
    int log, pid;

    if (!own_dev_enter()) {
        return;
    }
    log = own_dev_log();
    g_assert_cmpint(qtest_run(NULL, NULL, "-daemonize -sandbox on -pidfile %s", pidfile), ==, 0);
    pid = read_pid(pidfile);
    wait_idle(pid);
    if (inject_call(pid, SYS_mount)) {
        want = g_strdup_printf("<27>qemu-net-daemon[%d]: -sandbox: the system call mount is not "
                               "allowed", pid);
        message = own_dev_log_next(log);
        g_assert_cmpstr(message, ==, want);
    } else {
        g_test_skip("not known how on this processor");
        kill(pid, SIGTERM);
    }
    sock_close(&log);
    own_dev_leave();
    unlink(pidfile);
}

/* --- What is created at run time --------------------------------------------------------- */

/* The program has no capability any more: the helper has. */
static void test_tap(void)
{
    g_autofree char *up = tap_script_new("up", "exit 0");
    g_autofree char *down = tap_script_new("down", "exit 0");
    QTest *s;

    if (tap_skipped()) {
        return;
    }
    tap_enter();
    s = qtest_start("-sandbox on -netdev tap,id=a,ifname=t0,downscript=%s", down);
    expect_capabilities(s, "0000000000000000");
    qtest_qmp_ok(s, "{'execute': 'netdev_add', 'arguments': {'type': 'tap', 'id': 'n1', "
                 "'ifname': 'new', 'script': '%s', 'downscript': '%s'}}", up, down);
    g_assert_true(netns_link_exists("new"));
    tap_scripts_expect_calls("up new\n");
    qtest_qmp_ok(s, "{'execute': 'netdev_del', 'arguments': {'id': 'n1'}}");
    tap_scripts_expect_calls("down new\n");
    g_assert_false(netns_link_exists("new"));
    qtest_qmp_error(s, "GenericError", "could not configure /dev/net/tun (t0): Device or resource "
                    "busy", TAP_ADD, ", 'ifname': 't0'");
    qtest_quit(s);
    tap_scripts_expect_calls("down t0\n");
}

static void test_spawn_denied(void)
{
    g_autofree char *up = tap_script_new("up", "exit 0");
    g_autofree char *down = tap_script_new("down", "exit 0");
    QTest *s;

    if (tap_skipped()) {
        return;
    }
    tap_enter();
    s = qtest_start("-sandbox on,spawn=deny -netdev tap,id=a,ifname=t0,downscript=%s", down);
    qtest_qmp_error(s, "GenericError", "network script: refused by -sandbox spawn=deny",
                    "{'execute': 'netdev_add', 'arguments': {'type': 'tap', 'id': 'x', "
                    "'ifname': 'new', 'script': '%s'}}", up);
    qtest_qmp_error(s, "GenericError", "bridge helper: refused by -sandbox spawn=deny",
                    "{'execute': 'netdev_add', 'arguments': {'type': 'bridge', 'id': 'x', "
                    "'helper': '%s'}}", up);
    g_assert_false(netns_link_exists("new"));
    qtest_qmp_ok(s, TAP_ADD, ", 'ifname': 'new'");
    g_assert_true(netns_link_exists("new"));
    qtest_quit(s);
    tap_scripts_expect_calls("down t0\n");
}

/* Who can do no more than what the process could has no way to get more by the helper. */
static void test_user(void)
{
    QTest *s;

    if (tap_skipped()) {
        return;
    }
    tap_enter();
    s = qtest_start("-sandbox on -run-with user=65533:65532");
    expect_status(s, "Uid", "65533\t65533\t65533\t65533");
    qtest_qmp_error(s, "GenericError", "could not configure /dev/net/tun (new): Operation not "
                    "permitted", TAP_ADD, ", 'ifname': 'new'");
    qtest_quit(s);
}

static void test_chardevs(void)
{
    g_autofree char *path = tmp_path("file");
    g_autofree char *text = NULL;
    QTest *s = qtest_start("-sandbox on");

    qtest_qmp_ok(s, "{'execute': 'chardev-add', 'arguments': {'id': 'c0', 'backend': "
                 "{'type': 'pty', 'data': {}}}}");
    qtest_qmp_ok(s, "{'execute': 'chardev-add', 'arguments': {'id': 'c1', 'backend': "
                 "{'type': 'file', 'data': {'out': '%s'}}}}", path);
    qtest_qmp_ok(s, "{'execute': 'chardev-add', 'arguments': {'id': 'c2', 'backend': "
                 "{'type': 'socket', 'data': {'addr': {'type': 'inet', 'data': {'host': "
                 "'localhost', 'port': '0'}}, 'server': true, 'wait': false}}}}");
    text = read_file(path);
    g_assert_cmpstr(text, ==, "");
    qtest_quit(s);
    unlink(path);
}

/* libslirp would start it when the guest connects. */
static void test_guestfwd_command(void)
{
    if (!qtest_has_netdev("user")) {
        g_test_skip("netdev user is not built in");
        return;
    }
    qtest_expect_start_error("guestfwd=tcp:10.0.2.9:80-cmd:cat is not possible with -sandbox on",
                             "-sandbox on -netdev user,id=a,guestfwd=tcp:10.0.2.9:80-cmd:cat");
}

static void test_daemonize(void)
{
    g_autofree char *pidfile = tmp_path("pid");
    g_autofree char *log = tmp_path("log");
    g_autofree char *path = NULL;
    g_autofree char *status = NULL;
    int pid;

    g_assert_cmpint(qtest_run(NULL, NULL, "-daemonize -sandbox on -pidfile %s -D %s", pidfile,
                              log), ==, 0);
    pid = read_pid(pidfile);
    path = g_strdup_printf("/proc/%d/status", pid);
    status = read_file(path);
    g_assert_nonnull(strstr(status, "\nSeccomp:\t2\n"));
    g_assert_cmpint(kill(pid, SIGTERM), ==, 0);
    while (g_file_test(pidfile, G_FILE_TEST_EXISTS)) {
        g_assert_true(kill(pid, 0) == 0 || errno == ESRCH);
    }
    unlink(log);
}

static void test_wrapped(void)
{
    g_test_skip("valgrind makes other system calls than the program, and writes code");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (g_getenv("QTEST_WRAPPER")) {
        g_test_add_func("/sandbox/wrapped", test_wrapped);
        return g_test_run();
    }
    g_test_add_func("/sandbox/status", test_status);
    g_test_add_func("/sandbox/off", test_off);
    g_test_add_func("/sandbox/capabilities", test_capabilities);
    g_test_add_func("/sandbox/options", test_options);
    g_test_add_func("/sandbox/violation", test_violation);
    g_test_add_func("/sandbox/violation-of-a-daemon", test_violation_of_a_daemon);
    g_test_add_func("/sandbox/tap", test_tap);
    g_test_add_func("/sandbox/spawn-denied", test_spawn_denied);
    g_test_add_func("/sandbox/user", test_user);
    g_test_add_func("/sandbox/chardevs", test_chardevs);
    g_test_add_func("/sandbox/guestfwd-command", test_guestfwd_command);
    g_test_add_func("/sandbox/daemonize", test_daemonize);
    return g_test_run();
}
