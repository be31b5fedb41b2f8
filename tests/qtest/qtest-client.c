/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starts the program under test and speaks qtest and QMP with it. */

#include "qtest-client.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "qtest-internal.h"

static bool qtest_is_verbose(void)
{
    return g_getenv("QTEST_LOG") != NULL;
}

void qtest_event_free(gpointer event)
{
    json_object_put(event);
}

/* ---- the process ---- */

/* Words of the command: wrapper, program, what the environment adds, @fixed, then @options. */
static char **qtest_command(const char *fixed, const char *options)
{
    const char *wrapper = g_getenv("QTEST_WRAPPER");
    const char *program = g_getenv("QTEST_QEMU_BINARY");
    const char *sandbox = g_getenv("QTEST_SANDBOX");
    g_autofree char *line = NULL;
    g_autoptr(GError) error = NULL;
    char **argv = NULL;

    if (!program) {
        g_error("QTEST_QEMU_BINARY must name the program under test");
    }
    line = g_strdup_printf("%s '%s' %s%s %s %s", wrapper ? wrapper : "", program,
                           sandbox ? "-sandbox " : "", sandbox ? sandbox : "", fixed, options);
    if (!g_shell_parse_argv(line, NULL, &argv, &error)) {
        g_error("%s: %s", line, error->message);
    }
    if (qtest_is_verbose()) {
        g_printerr("# %s\n", line);
    }
    return argv;
}

/*
 * The environment of the program. LeakSanitizer looks into /proc at the end, which is out of
 * reach after chroot and after a change of user, and starts a process.
 */
static char **qtest_environment(char **argv)
{
    g_autofree char *line = g_strjoinv(" ", argv);
    const char *options = g_getenv("ASAN_OPTIONS");
    g_autofree char *no_leaks = g_strconcat(options ? options : "", ":detect_leaks=0", NULL);
    char **env = g_get_environ();

    if (strstr(line, "chroot=") || strstr(line, "user=") || strstr(line, "-sandbox on")) {
        env = g_environ_setenv(env, "ASAN_OPTIONS", no_leaks, TRUE);
    }
    return env;
}

/* In the child: it must not outlive a test that was aborted. */
static void qtest_child_setup(gpointer opaque)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
}

/*
 * Under the lock: keep what the program has written by now, and show it to those who read the
 * test's log. Returns: false when there was nothing.
 */
static bool qtest_take_output(QTest *s)
{
    gsize before = s->output->len;
    char buf[4096];
    int n_there;

    while (ioctl(s->output_fd, FIONREAD, &n_there) == 0 && n_there > 0) {
        ssize_t n = read(s->output_fd, buf, sizeof(buf));

        if (n > 0) {
            g_string_append_len(s->output, buf, n);
            fwrite(buf, 1, n, stderr);
            fflush(stderr);
        }
    }
    return s->output->len > before;
}

/* Until nobody can write any more. */
static gpointer qtest_output_thread(gpointer opaque)
{
    QTest *s = opaque;
    struct pollfd pfd = { .fd = s->output_fd, .events = POLLIN };
    bool has_ended = false;

    while (!has_ended) {
        bool is_ready = poll(&pfd, 1, -1) > 0;

        pthread_mutex_lock(&s->output_lock);
        if (is_ready && qtest_take_output(s)) {
            pthread_cond_broadcast(&s->output_grown);
        } else if (is_ready) {
            has_ended = pfd.revents & (POLLHUP | POLLERR | POLLNVAL);
        }
        pthread_mutex_unlock(&s->output_lock);
    }
    return NULL;
}

static QTest *qtest_new(const char *fixed, const char *options)
{
    g_auto(GStrv) argv = qtest_command(fixed, options);
    g_auto(GStrv) env = qtest_environment(argv);
    g_autoptr(GError) error = NULL;
    QTest *s = g_new0(QTest, 1);
    int pipe_fds[2];

    s->qtest_fd = -1;
    s->qmp_fd = -1;
    s->qtest_input = g_string_new(NULL);
    s->qmp_input = g_string_new(NULL);
    s->events = g_queue_new();
    s->output = g_string_new(NULL);
    pthread_mutex_init(&s->output_lock, NULL);
    pthread_cond_init(&s->output_grown, NULL);
    g_assert_cmpint(pipe2(pipe_fds, O_CLOEXEC), ==, 0);
    g_spawn_async_with_pipes_and_fds(NULL, (const char *const *)argv,
                                     (const char *const *)env,
                                     G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH |
                                         G_SPAWN_LEAVE_DESCRIPTORS_OPEN,
                                     qtest_child_setup, NULL, -1, pipe_fds[1], pipe_fds[1], NULL,
                                     NULL, 0, &s->pid, NULL, NULL, NULL, &error);
    g_assert_no_error(error);
    close(pipe_fds[1]);
    s->output_fd = pipe_fds[0];
    s->pidfd = pidfd_open(s->pid, 0);
    g_assert_cmpint(s->pidfd, >=, 0);
    s->output_thread = g_thread_new("output", qtest_output_thread, s);
    return s;
}

static void qtest_free(QTest *s)
{
    g_thread_join(s->output_thread);
    sock_close(&s->output_fd);
    sock_close(&s->pidfd);
    sock_close(&s->qtest_fd);
    sock_close(&s->qmp_fd);
    g_string_free(s->qtest_input, TRUE);
    g_string_free(s->qmp_input, TRUE);
    g_string_free(s->output, TRUE);
    g_queue_free_full(s->events, qtest_event_free);
    pthread_mutex_destroy(&s->output_lock);
    pthread_cond_destroy(&s->output_grown);
    g_free(s);
}

/* The next client of @fd, unless the program ends first. */
static int qtest_accept(QTest *s, int fd)
{
    struct pollfd pfds[2] = { { .fd = fd, .events = POLLIN },
                              { .fd = s->pidfd, .events = POLLIN } };

    if (poll(pfds, 2, wait_limit_ms()) <= 0) {
        g_error("the program does not connect");
    }
    if (!pfds[0].revents) {
        g_thread_join(s->output_thread);
        g_error("the program ended while it started");
    }
    return sock_accept(fd);
}

static QTest *qtest_start_with_sockets(const char *options)
{
    static int count;
    g_autofree char *qtest_name = g_strdup_printf("qtest-%d", count);
    g_autofree char *qmp_name = g_strdup_printf("qmp-%d", count++);
    g_autofree char *qtest_path = tmp_path(qtest_name);
    g_autofree char *qmp_path = tmp_path(qmp_name);
    g_autofree char *fixed = g_strdup_printf(
        "-qtest unix:%s -qtest-log %s -chardev socket,path=%s,id=char0 "
        "-mon chardev=char0,mode=control -display none %s -nodefaults -accel qtest",
        qtest_path, qtest_is_verbose() ? "/dev/fd/2" : "/dev/null", qmp_path,
        g_getenv("QTEST_OLD_QEMU") ? "" : "-audio none -run-with exit-with-parent=on");
    int qtest_listener = sock_listen_unix(qtest_path);
    int qmp_listener = sock_listen_unix(qmp_path);
    QTest *s = qtest_new(fixed, options);

    s->qtest_fd = qtest_accept(s, qtest_listener);
    s->qmp_fd = qtest_accept(s, qmp_listener);
    close(qtest_listener);
    close(qmp_listener);
    unlink(qtest_path);
    unlink(qmp_path);
    qtest_expect_line(s, "endianness", "OK little");
    return s;
}

static char *qtest_vformat(const char *format, va_list args)
{
    return g_strdup_vprintf(format, args);
}

#define QTEST_FORMAT(text, format)                  \
    g_autofree char *text = NULL;                   \
    va_list args_of_##text;                         \
    va_start(args_of_##text, format);               \
    text = qtest_vformat(format, args_of_##text);   \
    va_end(args_of_##text)

QTest *qtest_start(const char *format, ...)
{
    QTEST_FORMAT(options, format);
    QTest *s = qtest_start_with_sockets(options);

    qtest_negotiate(s);
    return s;
}

QTest *qtest_start_ungreeted(const char *format, ...)
{
    QTEST_FORMAT(options, format);

    return qtest_start_with_sockets(options);
}

QTest *qtest_start_plain(const char *format, ...)
{
    QTEST_FORMAT(options, format);

    return qtest_new("", options);
}

/* Waits for the end of the process. Returns: its wait status. */
static int qtest_reap(QTest *s)
{
    int status;

    wait_fd(s->pidfd, POLLIN, "the program to end");
    g_assert_cmpint(waitpid(s->pid, &status, 0), ==, s->pid);
    return status;
}

int qtest_wait_exit(QTest *s)
{
    int status = qtest_reap(s);

    qtest_free(s);
    if (!WIFEXITED(status)) {
        g_error("the program was killed by signal %d", WTERMSIG(status));
    }
    return WEXITSTATUS(status);
}

int qtest_wait_killed(QTest *s)
{
    int status = qtest_reap(s);

    qtest_free(s);
    g_assert_true(WIFSIGNALED(status));
    return WTERMSIG(status);
}

void qtest_kill(QTest *s)
{
    int status;

    qtest_signal(s, SIGKILL);
    status = qtest_reap(s);
    g_assert_true(WIFSIGNALED(status));
    qtest_free(s);
}

void qtest_quit(QTest *s)
{
    qtest_signal(s, SIGTERM);
    g_assert_cmpint(qtest_wait_exit(s), ==, 0);
}

void qtest_signal(QTest *s, int number)
{
    g_assert_cmpint(kill(s->pid, number), ==, 0);
}

int qtest_pid(const QTest *s)
{
    return s->pid;
}

void qtest_wait_output(QTest *s, const char *text)
{
    struct timespec deadline;

    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += wait_limit_ms() / 1000;
    pthread_mutex_lock(&s->output_lock);
    while (!strstr(s->output->str, text)) {
        if (pthread_cond_timedwait(&s->output_grown, &s->output_lock, &deadline) != 0) {
            g_error("the program did not write '%s'", text);
        }
    }
    pthread_mutex_unlock(&s->output_lock);
}

char *qtest_output(QTest *s)
{
    char *text;

    pthread_mutex_lock(&s->output_lock);
    qtest_take_output(s);
    text = g_strdup(s->output->str);
    pthread_mutex_unlock(&s->output_lock);
    return text;
}

/* Runs to the end; both outputs are files, so neither can fill up. */
static int qtest_run_options(char **out, char **err, const char *options)
{
    g_autofree char *out_path = tmp_path("run-out");
    g_autofree char *err_path = tmp_path("run-err");
    g_auto(GStrv) argv = qtest_command("", options);
    g_auto(GStrv) env = qtest_environment(argv);
    g_autoptr(GError) error = NULL;
    int out_fd = open(out_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int err_fd = open(err_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    QTest s = { 0 };
    int status;

    g_spawn_async_with_pipes_and_fds(NULL, (const char *const *)argv,
                                     (const char *const *)env,
                                     G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH |
                                         G_SPAWN_LEAVE_DESCRIPTORS_OPEN,
                                     qtest_child_setup, NULL, -1, out_fd, err_fd, NULL, NULL, 0,
                                     &s.pid, NULL, NULL, NULL, &error);
    g_assert_no_error(error);
    close(out_fd);
    close(err_fd);
    s.pidfd = pidfd_open(s.pid, 0);
    status = qtest_reap(&s);
    close(s.pidfd);
    g_assert_true(!out || g_file_get_contents(out_path, out, NULL, NULL));
    g_assert_true(!err || g_file_get_contents(err_path, err, NULL, NULL));
    if (!WIFEXITED(status)) {
        g_error("'%s': killed by signal %d", options, WTERMSIG(status));
    }
    return WEXITSTATUS(status);
}

int qtest_run(char **out, char **err, const char *format, ...)
{
    QTEST_FORMAT(options, format);

    return qtest_run_options(out, err, options);
}

void qtest_expect_start_error(const char *message, const char *format, ...)
{
    g_autofree char *err = NULL;
    QTEST_FORMAT(options, format);
    int status = qtest_run_options(NULL, &err, options);

    if (status != 1 || !strstr(err, message)) {
        g_error("'%s': status %d instead of 1, or not '%s' in:\n%s", options, status, message,
                err);
    }
}

bool qtest_has_netdev(const char *type)
{
    g_autofree char *line = g_strdup_printf("\n%s\n", type);
    g_autofree char *out = NULL;

    g_assert_cmpint(qtest_run_options(&out, NULL, "-netdev help"), ==, 0);
    return strstr(out, line) != NULL;
}

/* ---- lines ---- */

/* The next line from @fd without its LF; @input keeps what came behind it. Owned. */
static char *qtest_read_line(int fd, GString *input, const char *what)
{
    char buf[65536];
    char *end;

    while (!(end = memchr(input->str, '\n', input->len))) {
        ssize_t n;

        wait_fd(fd, POLLIN, what);
        n = read(fd, buf, sizeof(buf));
        if (n == 0) {
            g_error("end of file instead of %s", what);
        }
        if (n > 0) {
            g_string_append_len(input, buf, n);
        } else if (errno != EAGAIN && errno != EINTR) {
            g_error("read: %s", g_strerror(errno));
        }
    }
    size_t len = end - input->str;
    char *line = g_strndup(input->str, len);
    g_string_erase(input, 0, len + 1);
    return line;
}

char *qtest_qmp_read_line(QTest *s)
{
    char *line = qtest_read_line(s->qmp_fd, s->qmp_input, "a QMP reply or event");

    if (qtest_is_verbose()) {
        g_printerr("# <- %s\n", line);
    }
    return line;
}

/* ---- the qtest protocol ---- */

static char *qtest_exchange(QTest *s, const char *line)
{
    g_autofree char *request = g_strconcat(line, "\n", NULL);
    char *reply;

    sock_write(s->qtest_fd, request, strlen(request));
    for (;;) {
        reply = qtest_read_line(s->qtest_fd, s->qtest_input, "a qtest reply");
        if (!g_str_has_prefix(reply, "IRQ ")) {
            return reply;
        }
        g_free(reply);
    }
}

char *qtest_line(QTest *s, const char *format, ...)
{
    QTEST_FORMAT(line, format);

    return qtest_exchange(s, line);
}

void qtest_expect_line(QTest *s, const char *line, const char *reply)
{
    g_autofree char *got = qtest_exchange(s, line);

    g_assert_cmpstr(got, ==, reply);
}

int64_t qtest_clock_step(QTest *s, int64_t ns)
{
    g_autofree char *reply = ns ? qtest_line(s, "clock_step %" PRId64, ns)
                                : qtest_line(s, "clock_step");

    if (!g_str_has_prefix(reply, "OK ")) {
        g_error("clock_step: %s", reply);
    }
    return g_ascii_strtoll(reply + 3, NULL, 10);
}
