/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process: background, pid file, signals, rights, messages and traces. */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cases.h"
#include "files.h"
#include "own-dev.h"
#include "qtest-client.h"

/*
 *   options ──► program ──► files, /proc/PID, stderr
 */

/* A running process tells its greeting. Returns: the connection. */
static int connect_qmp(const char *path)
{
    int fd = sock_connect_unix(path);
    g_autofree char *greeting = sock_read_line(fd);

    g_assert_nonnull(strstr(greeting, "QMP"));
    return fd;
}

/* Until @path is gone: the end of the program is seen before it has removed everything. */
static void wait_gone(const char *path)
{
    int64_t deadline = g_get_monotonic_time() + wait_limit_ms() * INT64_C(1000);

    while (g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_thread_yield();
    }
}

static void wait_there(const char *path)
{
    int64_t deadline = g_get_monotonic_time() + wait_limit_ms() * INT64_C(1000);

    while (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_thread_yield();
    }
}

/* --- -pidfile ---------------------------------------------------------------------------- */

static void test_pidfile(void)
{
    g_autofree char *path = tmp_path("pid");
    QTest *s = qtest_start("-pidfile %s", path);
    g_autofree char *text = read_file(path);
    g_autofree char *expected = g_strdup_printf("%d\n", qtest_pid(s));
    struct stat st;

    g_assert_cmpstr(text, ==, expected);
    g_assert_cmpint(stat(path, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 07777, ==, 0600);
    qtest_quit(s);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

static void test_pidfile_is_locked(void)
{
    g_autofree char *path = tmp_path("locked-pid");
    QTest *s = qtest_start("-pidfile %s", path);

    qtest_expect_start_error("cannot create PID file: Cannot lock pid file: "
                             "Resource temporarily unavailable\n",
                             "-pidfile %s", path);
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    qtest_quit(s);
}

static void test_old_pidfile_is_replaced(void)
{
    g_autofree char *path = tmp_path("old-pid");
    g_autofree char *expected = NULL;
    g_autofree char *text = NULL;
    QTest *s;

    g_assert_true(g_file_set_contents(path, "a much longer text than a pid\n", -1, NULL));
    s = qtest_start("-pidfile %s", path);
    expected = g_strdup_printf("%d\n", qtest_pid(s));
    text = read_file(path);
    g_assert_cmpstr(text, ==, expected);
    qtest_quit(s);
}

static void test_pidfile_that_cannot_be_written_goes(void)
{
    g_autofree char *path = tmp_path("unwritten-pid");
    g_autofree char *before = g_strdup(g_getenv("QTEST_WRAPPER"));
    g_autofree char *wrapper = g_strconcat("prlimit --fsize=0 ", before, NULL);
    QTest *s;

    g_setenv("QTEST_WRAPPER", wrapper, TRUE);
    s = qtest_start_plain("-nodefaults -pidfile %s", path);
    qtest_wait_output(s, "cannot create PID file: Could not write");
    g_assert_cmpint(qtest_wait_exit(s), ==, 1);
    if (before) {
        g_setenv("QTEST_WRAPPER", before, TRUE);
    } else {
        g_unsetenv("QTEST_WRAPPER");
    }
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

static void test_pidfile_that_is_a_symlink_is_refused(void)
{
    g_autofree char *target = tmp_path("precious");
    g_autofree char *path = tmp_path("link-pid");
    g_autofree char *text = NULL;

    g_assert_true(g_file_set_contents(target, "precious", -1, NULL));
    g_assert_cmpint(symlink(target, path), ==, 0);
    qtest_expect_start_error("it is a symbolic link, which is not followed", "-pidfile %s", path);
    text = read_file(target);
    g_assert_cmpstr(text, ==, "precious");
}

static void test_failed_start_removes_pidfile(void)
{
    g_autofree char *path = tmp_path("failed-pid");

    qtest_expect_start_error("not found", "-pidfile %s -mon chardev=no", path);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

/* --- -daemonize -------------------------------------------------------------------------- */

typedef struct Daemon {
    int pid;
    int qmp_fd;
    char *sock;
    char *pidfile;
    char *err; /* what it said at the start */
} Daemon;

static Daemon daemon_start(const char *options)
{
    Daemon d = { .sock = tmp_path("daemon.sock"), .pidfile = tmp_path("daemon.pid") };
    g_autofree char *text = NULL;

    g_assert_cmpint(qtest_run(NULL, &d.err, "-daemonize -pidfile %s "
                              "-qmp unix:%s,server=on,wait=off %s",
                              d.pidfile, d.sock, options), ==, 0);
    text = read_file(d.pidfile);
    d.pid = atoi(text);
    g_assert_cmpint(d.pid, >, 0);
    d.qmp_fd = connect_qmp(d.sock);
    return d;
}

static void daemon_stop(Daemon *d)
{
    int pidfd = pidfd_open(d->pid, 0);

    g_assert_cmpint(pidfd, >=, 0);
    g_assert_cmpint(kill(d->pid, SIGTERM), ==, 0);
    sock_expect_eof(d->qmp_fd);
    sock_close(&d->qmp_fd);
    /* Until the process is gone its pidfile is locked. */
    wait_fd(pidfd, POLLIN, "the daemon to end");
    sock_close(&pidfd);
    g_free(d->sock);
    g_free(d->pidfile);
    g_free(d->err);
}

static void test_daemon_session(void)
{
    Daemon d = daemon_start("-M none");
    g_autofree char *cwd = proc_link(d.pid, "cwd");

    g_assert_cmpint(getsid(d.pid), ==, d.pid);
    g_assert_cmpstr(cwd, ==, "/");
    daemon_stop(&d);
}

static void test_daemon_has_no_terminal(void)
{
    Daemon d = daemon_start("-M none");

    for (int fd = 0; fd <= 2; fd++) {
        g_autofree char *name = g_strdup_printf("fd/%d", fd);
        g_autofree char *target = proc_link(d.pid, name);

        g_assert_cmpstr(target, ==, "/dev/null");
    }
    daemon_stop(&d);
}

static void test_daemon_umask(void)
{
    Daemon d = daemon_start("-M none");
    struct stat st;

    g_assert_cmpint(stat(d.sock, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 0777, ==, 0750);
    daemon_stop(&d);
}

static void test_daemon_that_fails(void)
{
    qtest_expect_start_error(" -mon chardev=no: chardev \"no\" not found\n",
                             "-daemonize -mon chardev=no");
}

static void test_daemon_log_name_is_made_absolute(void)
{
    g_autofree char *log = tmp_path("daemon.log");
    g_autofree char *options = g_strdup_printf("-D %s -trace run_state_changed", log);
    Daemon d = daemon_start(options);
    g_autofree char *text = read_file(log);

    g_assert_nonnull(strstr(text, "run_state_changed prelaunch -> running\n"));
    daemon_stop(&d);
}

/* Without any trace point: what would be on stderr. */
static void test_daemon_messages_go_to_the_log(void)
{
    g_autofree char *log = tmp_path("daemon-messages.log");
    g_autofree char *options = g_strdup_printf("-D %s", log);
    Daemon d = daemon_start(options);
    g_autofree char *want = g_strdup_printf(" terminating on signal 15 from pid %d ", getpid());
    g_autofree char *text = NULL;

    g_assert_true(g_file_test(log, G_FILE_TEST_EXISTS));
    daemon_stop(&d);
    text = read_file(log);
    g_assert_nonnull(strstr(text, want));
}

/* Until there is a file. The program has no event for it: its QMP is asked meanwhile. */
static void wait_for_file(int qmp_fd, const char *path)
{
    static const char request[] = "{\"execute\": \"query-status\"}\n";
    int64_t end = g_get_monotonic_time() + wait_limit_ms() * INT64_C(1000);

    while (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_autofree char *line = NULL;

        g_assert_cmpint(g_get_monotonic_time(), <, end);
        sock_write(qmp_fd, request, strlen(request));
        line = sock_read_line(qmp_fd);
        g_assert_nonnull(line);
    }
}

/* A daemon's log is moved away, and SIGHUP lets it begin another. */
static void test_daemon_log_is_reopened(void)
{
    g_autofree char *log = tmp_path("daemon-rotated.log");
    g_autofree char *old = tmp_path("daemon-rotated.log.1");
    g_autofree char *options = g_strdup_printf("-D %s", log);
    Daemon d = daemon_start(options);
    g_autofree char *text = NULL;
    g_autofree char *old_text = NULL;

    g_assert_cmpint(rename(log, old), ==, 0);
    g_assert_cmpint(kill(d.pid, SIGHUP), ==, 0);
    wait_for_file(d.qmp_fd, log);
    daemon_stop(&d);
    text = read_file(log);
    old_text = read_file(old);
    g_assert_nonnull(strstr(text, " terminating on signal 15 from pid "));
    g_assert_cmpstr(old_text, ==, "");
}

/* A daemon has no terminal: without a log file SIGHUP is about nothing. */
static void test_daemon_survives_hangup(void)
{
    static const char request[] = "{\"execute\": \"qmp_capabilities\"}\n";
    Daemon d = daemon_start("-M none");
    g_autofree char *line = NULL;

    g_assert_cmpint(kill(d.pid, SIGHUP), ==, 0);
    sock_write(d.qmp_fd, request, strlen(request));
    line = sock_read_line(d.qmp_fd);
    g_assert_nonnull(strstr(line, "\"return\""));
    daemon_stop(&d);
}

/* Without -D the system's log gets the messages, and without that a warning tells they are lost. */
static void test_daemon_messages_go_to_syslog(void)
{
    g_autofree char *message = NULL;
    g_autofree char *pid = NULL;
    Daemon d;
    int log;

    if (!own_dev_enter()) {
        return;
    }
    d = daemon_start("-M none");
    g_assert_nonnull(strstr(d.err, "warning: messages of the daemon will be lost: there is no -D, "
                            "and the system's log (/dev/log) cannot be reached: No such file"));
    daemon_stop(&d);
    log = own_dev_log();
    d = daemon_start("-M none");
    g_assert_cmpstr(d.err, ==, "");
    pid = g_strdup_printf(" qemu-net-daemon[%d]: terminating on signal 15 from pid ", d.pid);
    daemon_stop(&d);
    message = own_dev_log_next(log);
    g_assert_true(g_str_has_prefix(message, "<27>"));
    g_assert_nonnull(strstr(message, pid));
    sock_close(&log);
    own_dev_leave();
}

/* Its working directory is / by then, and still it removes what has a relative name. */
static void test_daemon_removes_relative_names(void)
{
    g_autofree char *before = g_get_current_dir();
    g_autofree char *folder = tmp_path("");
    Daemon d;

    g_assert_cmpint(chdir(folder), ==, 0);
    d = daemon_start("-chardev socket,id=c,path=relative.sock,server=on,wait=off");
    g_assert_true(g_file_test("relative.sock", G_FILE_TEST_EXISTS));
    daemon_stop(&d);
    wait_gone("relative.sock");
    g_assert_cmpint(chdir(before), ==, 0);
}

/* What is to be connected to is looked for where the daemon was started, again and again. */
static void test_daemon_connects_to_relative_names(void)
{
    g_autofree char *before = g_get_current_dir();
    g_autofree char *folder = tmp_path("");
    int listeners[2];
    int guest;
    int other;
    Daemon d;

    g_assert_cmpint(chdir(folder), ==, 0);
    d = daemon_start("-chardev socket,id=c,path=c.sock,reconnect-ms=10 "
                     "-netdev hubport,id=n0,hubid=0 -netdev hubport,id=n1,hubid=0 "
                     "--export stream,id=e0,netdev=n0,server=off,addr.type=unix,addr.path=e0.sock,"
                     "reconnect-ms=10 --export dgram,id=e1,netdev=n1,addr.type=unix,addr.path=e1,"
                     "remote.type=unix,remote.path=guest");
    listeners[0] = sock_listen_unix("c.sock");
    listeners[1] = sock_listen_unix("e0.sock");
    guest = sock_dgram_unix("guest");
    other = sock_dgram_unix("other");
    for (size_t i = 0; i < G_N_ELEMENTS(listeners); i++) {
        int fd = sock_accept(listeners[i]);

        sock_close(&fd);
        sock_close(&listeners[i]);
    }
    while (sock_dgram_unix_may_connect(other, "e1")) {
        /* nobody but the guest may when e1 has connected to that */
    }
    daemon_stop(&d);
    wait_gone("e1");
    sock_close(&guest);
    sock_close(&other);
    g_assert_cmpint(chdir(before), ==, 0);
}

static void test_daemon_log_name_holds_its_pid(void)
{
    g_autofree char *template = tmp_path("daemon-%d.log");
    g_autofree char *options = g_strdup_printf("-D %s -trace run_state_changed", template);
    Daemon d = daemon_start(options);
    g_autofree char *name = g_strdup_printf("daemon-%d.log", d.pid);
    g_autofree char *log = tmp_path(name);
    g_autofree char *text = read_file(log);

    g_assert_nonnull(strstr(text, "run_state_changed"));
    daemon_stop(&d);
}

/* --- Signals ----------------------------------------------------------------------------- */

static void test_signal_is_told(const void *data)
{
    int number = GPOINTER_TO_INT(data);
    g_autofree char *path = tmp_path("told.sock");
    QTest *s = qtest_start_plain("-qmp unix:%s,server=on,wait=off", path);
    g_autofree char *text = g_strdup_printf(": terminating on signal %d from pid %d (", number,
                                            getpid());
    int fd = connect_qmp(path);

    qtest_signal(s, number);
    qtest_wait_output(s, text);
    sock_close(&fd);
    g_assert_cmpint(qtest_wait_exit(s), ==, 0);
}

static void test_signal_names_the_sender(void)
{
    g_autofree char *path = tmp_path("sender.sock");
    QTest *s = qtest_start_plain("-qmp unix:%s,server=on,wait=off", path);
    int fd = connect_qmp(path);

    qtest_signal(s, SIGTERM);
    qtest_wait_output(s, "test-process");
    qtest_wait_output(s, ")\n");
    sock_close(&fd);
    g_assert_cmpint(qtest_wait_exit(s), ==, 0);
}

static void test_signal_is_not_told_with_qtest(void)
{
    g_autofree char *path = tmp_path("quiet.sock");
    g_autofree char *text = NULL;
    QTest *s = qtest_start("-qmp unix:%s,server=on,wait=off -msg timestamp=on", path);
    int fd = connect_qmp(path);

    qtest_signal(s, SIGTERM);
    sock_expect_eof(fd);
    text = qtest_output(s);
    g_assert_null(strstr(text, "terminating"));
    sock_close(&fd);
    g_assert_cmpint(qtest_wait_exit(s), ==, 0);
}

static void test_signal_while_waiting_for_client(const void *data)
{
    int number = GPOINTER_TO_INT(data);
    g_autofree char *pidfile = tmp_path("wait-pid");
    g_autofree char *path = tmp_path("wait.sock");
    QTest *s = qtest_start_plain("-nodefaults -pidfile %s -chardev null,id=n "
                                 "-chardev socket,id=c,path=%s,server=on,wait=on "
                                 "-chardev socket,id=d,host=127.0.0.1,port=0,server=on,wait=on",
                                 pidfile, path);

    qtest_wait_output(s, "waiting for connection on:");
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    qtest_signal(s, number);
    qtest_wait_output(s, "terminating on signal");
    g_assert_cmpint(qtest_wait_exit(s), ==, 0);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    g_assert_false(g_file_test(pidfile, G_FILE_TEST_EXISTS));
}

/* A listener whose queue is full makes the program wait until it is asked to end. */
static void test_signal_while_connecting(void)
{
    g_autofree char *pidfile = tmp_path("connect-pid");
    g_autofree char *path = tmp_path("full.sock");
    int listener = sock_listen_unix(path);
    int first;
    QTest *s;

    g_assert_cmpint(listen(listener, 0), ==, 0);
    first = sock_connect_unix(path);
    s = qtest_start_plain("-nodefaults -pidfile %s -chardev socket,id=c,path=%s", pidfile, path);
    wait_there(pidfile);
    qtest_signal(s, SIGTERM);
    qtest_wait_output(s, "terminating on signal");
    g_assert_cmpint(qtest_wait_exit(s), ==, 0);
    g_assert_false(g_file_test(pidfile, G_FILE_TEST_EXISTS));
    sock_close(&first);
    sock_close(&listener);
}

/* --- -run-with --------------------------------------------------------------------------- */

/* The shell starts the program and waits for its own standard input to end. */
static void test_exit_with_parent(void)
{
    g_autofree char *sock = tmp_path("orphan.sock");
    g_autofree char *script =
        g_strdup_printf("\"$QTEST_QEMU_BINARY\" -run-with exit-with-parent=on "
                        "-qmp unix:%s,server=on,wait=off 2>/dev/null </dev/null & read line", sock);
    const char *argv[] = { "/bin/sh", "-c", script, NULL };
    g_autoptr(GError) error = NULL;
    int shell_stdin;
    int fd;

    g_spawn_async_with_pipes(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL,
                             &shell_stdin, NULL, NULL, &error);
    g_assert_no_error(error);
    fd = connect_qmp(sock);
    close(shell_stdin);
    sock_expect_eof(fd);
    sock_close(&fd);
}

/* --- -add-fd ----------------------------------------------------------------------------- */

static void test_add_fd(void)
{
    int ours, theirs;
    QTest *s;
    g_autofree char *text = NULL;

    sock_pair(SOCK_STREAM, &ours, &theirs);
    s = qtest_start("-add-fd fd=%d,set=7,opaque=note", theirs);
    sock_close(&theirs);
    {
        g_autoptr(json_object) sets = qtest_qmp_return(s, "{'execute': 'query-fdsets'}");

        text = g_strdup(json_object_to_json_string_ext(sets, JSON_C_TO_STRING_PLAIN));
    }
    g_assert_nonnull(strstr(text, "\"fdset-id\":7"));
    g_assert_nonnull(strstr(text, "\"opaque\":\"note\""));
    qtest_quit(s);
    sock_close(&ours);
}

/* --- -msg -------------------------------------------------------------------------------- */

static void assert_message(const char *options, const char *pattern)
{
    g_autofree char *err = NULL;

    g_assert_cmpint(qtest_run(NULL, &err, "%s -mon chardev=no", options), ==, 1);
    if (!g_regex_match_simple(pattern, err, 0, 0)) {
        g_error("%s: not %s: %s", options, pattern, err);
    }
}

#define STAMP "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}Z "

static void test_msg_timestamp(void)
{
    assert_message("-msg timestamp=on", STAMP "qemu-net-daemon: -mon");
}

static void test_msg_default(void)
{
    assert_message("-msg timestamp=off", "^qemu-net-daemon: -mon");
}

static void test_msg_guest_name(void)
{
    assert_message("-name vm1 -msg guest-name=on", "^vm1 qemu-net-daemon: -mon");
}

static void test_msg_guest_name_before_name(void)
{
    assert_message("-msg guest-name=on -name vm1", "^vm1 qemu-net-daemon: -mon");
}

static void test_msg_both(void)
{
    assert_message("-name vm1 -msg timestamp=on,guest-name=on",
                   STAMP "vm1 qemu-net-daemon: -mon");
}

static void test_msg_guest_name_without_name(void)
{
    assert_message("-msg guest-name=on", "^qemu-net-daemon: -mon");
}

/* --- Traces ------------------------------------------------------------------------------ */

#define STARTED "run_state_changed prelaunch -> running\n"

/* Runs the program until it has read "quit" from a file. Returns: what it wrote to stderr. */
static char *traced(const char *options)
{
    g_autofree char *commands = tmp_path("quit");
    char *err = NULL;

    g_assert_true(g_file_set_contents(commands, "quit\n", -1, NULL));
    g_assert_cmpint(qtest_run(NULL, &err, "%s -chardev file,id=c,path=/dev/null,input-path=%s "
                              "-mon c", options, commands), ==, 0);
    return err;
}

typedef struct Trace {
    const char *name;
    const char *options;
    bool seen;
} Trace;

static const Trace traces[] = {
    { "name", "-trace run_state_changed", true },
    { "enable-key", "-trace enable=run_state_changed", true },
    { "pattern", "-trace 'run_*'", true },
    { "all", "-trace '*'", true },
    { "other-pattern", "-trace 'qom_*'", false },
    { "off-again", "-trace 'run_*' -trace -run_state_changed", false },
    { "log-item", "-d trace:run_state_changed", true },
    { "log-item-among-others", "-d guest_errors,trace:run_state_changed,unimp", true },
    { "none", "-d guest_errors", false },
};

static void test_trace(const void *data)
{
    const Trace *trace = data;
    g_autofree char *text = traced(trace->options);

    g_assert_cmpint(strstr(text, STARTED) != NULL, ==, trace->seen);
}

static void test_trace_unknown_name(void)
{
    g_autofree char *text = traced("-trace nosuch");

    g_assert_nonnull(strstr(text, ": -trace nosuch: warning: trace event 'nosuch' does not "
                                  "exist\n"));
}

static void test_trace_unknown_pattern(void)
{
    g_autofree char *text = traced("-trace 'nosuch*'");

    g_assert_null(strstr(text, "nosuch"));
}

static void test_trace_events_file(void)
{
    g_autofree char *path = tmp_path("events");
    g_autofree char *options = g_strdup_printf("-trace events=%s", path);
    g_autofree char *warning = g_strdup_printf(":%s:3: warning: trace event 'nosuch' does not "
                                               "exist\n", path);
    g_autofree char *text = NULL;

    g_assert_true(g_file_set_contents(path, "# comment\nrun_state_changed\nnosuch\n", -1, NULL));
    text = traced(options);
    g_assert_nonnull(strstr(text, STARTED));
    g_assert_nonnull(strstr(text, warning));
}

static void test_trace_file(const void *data)
{
    g_autofree char *path = tmp_path("trace.log");
    g_autofree char *options = g_strdup_printf(data, path);
    g_autofree char *output = traced(options);
    g_autofree char *text = read_file(path);

    g_assert_null(strstr(output, STARTED));
    g_assert_nonnull(strstr(text, STARTED));
    unlink(path);
}

static void test_log_is_made_when_first_written(void)
{
    g_autofree char *path = tmp_path("unwritten.log");
    g_autofree char *options = g_strdup_printf("-D %s", path);

    g_free(traced(options));
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

static void test_log_name_with_pid(void)
{
    g_autofree char *template = tmp_path("log-%d");
    QTest *s = qtest_start("-trace run_state_changed -d tid -D %s", template);
    g_autofree char *name = g_strdup_printf("log-%d", qtest_pid(s));
    g_autofree char *path = tmp_path(name);
    g_autofree char *text = read_file(path);

    g_assert_nonnull(strstr(text, STARTED));
    qtest_quit(s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/process/pidfile", test_pidfile);
    g_test_add_func("/process/pidfile-is-locked", test_pidfile_is_locked);
    g_test_add_func("/process/old-pidfile-is-replaced", test_old_pidfile_is_replaced);
    g_test_add_func("/process/failed-start-removes-pidfile", test_failed_start_removes_pidfile);
    g_test_add_func("/process/pidfile-that-cannot-be-written-goes",
                    test_pidfile_that_cannot_be_written_goes);
    g_test_add_func("/process/pidfile-that-is-a-symlink-is-refused",
                    test_pidfile_that_is_a_symlink_is_refused);
    g_test_add_func("/process/daemon-session", test_daemon_session);
    g_test_add_func("/process/daemon-has-no-terminal", test_daemon_has_no_terminal);
    g_test_add_func("/process/daemon-umask", test_daemon_umask);
    g_test_add_func("/process/daemon-that-fails", test_daemon_that_fails);
    g_test_add_func("/process/daemon-log", test_daemon_log_name_is_made_absolute);
    g_test_add_func("/process/daemon-messages-go-to-the-log", test_daemon_messages_go_to_the_log);
    g_test_add_func("/process/daemon-log-name-holds-its-pid", test_daemon_log_name_holds_its_pid);
    g_test_add_func("/process/daemon-log-is-reopened", test_daemon_log_is_reopened);
    g_test_add_func("/process/daemon-survives-hangup", test_daemon_survives_hangup);
    g_test_add_func("/process/daemon-messages-go-to-syslog", test_daemon_messages_go_to_syslog);
    g_test_add_func("/process/daemon-connects-to-relative-names",
                    test_daemon_connects_to_relative_names);
    g_test_add_func("/process/daemon-removes-relative-names", test_daemon_removes_relative_names);
    g_test_add_data_func("/process/SIGTERM-is-told", GINT_TO_POINTER(SIGTERM),
                         test_signal_is_told);
    g_test_add_data_func("/process/SIGINT-is-told", GINT_TO_POINTER(SIGINT), test_signal_is_told);
    g_test_add_data_func("/process/SIGHUP-is-told", GINT_TO_POINTER(SIGHUP), test_signal_is_told);
    g_test_add_func("/process/signal-names-the-sender", test_signal_names_the_sender);
    g_test_add_func("/process/signal-is-not-told-with-qtest", test_signal_is_not_told_with_qtest);
    g_test_add_data_func("/process/SIGTERM-while-waiting-for-client", GINT_TO_POINTER(SIGTERM),
                         test_signal_while_waiting_for_client);
    g_test_add_data_func("/process/SIGINT-while-waiting-for-client", GINT_TO_POINTER(SIGINT),
                         test_signal_while_waiting_for_client);
    g_test_add_func("/process/signal-while-connecting", test_signal_while_connecting);
    g_test_add_func("/process/exit-with-parent", test_exit_with_parent);
    g_test_add_func("/process/add-fd", test_add_fd);
    g_test_add_func("/process/msg-timestamp", test_msg_timestamp);
    g_test_add_func("/process/msg-default", test_msg_default);
    g_test_add_func("/process/msg-guest-name", test_msg_guest_name);
    g_test_add_func("/process/msg-guest-name-before-name", test_msg_guest_name_before_name);
    g_test_add_func("/process/msg-both", test_msg_both);
    g_test_add_func("/process/msg-guest-name-without-name", test_msg_guest_name_without_name);
    CASES_ADD("/process/trace/", traces, name, test_trace);
    g_test_add_func("/process/trace-unknown-name", test_trace_unknown_name);
    g_test_add_func("/process/trace-unknown-pattern", test_trace_unknown_pattern);
    g_test_add_func("/process/trace-events-file", test_trace_events_file);
    g_test_add_data_func("/process/trace-file", "-trace run_state_changed,file=%s",
                         test_trace_file);
    g_test_add_data_func("/process/log-file", "-trace run_state_changed -D %s", test_trace_file);
    g_test_add_func("/process/log-is-made-when-first-written",
                    test_log_is_made_when_first_written);
    g_test_add_func("/process/log-name-with-pid", test_log_name_with_pid);
    return g_test_run();
}
