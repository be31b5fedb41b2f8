/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What peers make the program say: it is limited, and it stops nothing when nobody reads it. */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qtest-client.h"

static const uint8_t oversized[] = { 0xff, 0xff, 0xff, 0xff };
static const uint8_t torn[] = { 0, 0, 0, 0x40, 'a', 'b', 'c' };

/** The program with a stderr that is full and that nobody reads. */
typedef struct Deaf {
    GPid pid;
    int stderr_fd; /* the end to read from */
    char *net_path;
    char *qmp_path;
} Deaf;

static void deaf_fill(int fd)
{
    char buf[4096];

    memset(buf, '.', sizeof(buf));
    g_assert_cmpint(fcntl(fd, F_SETFL, O_NONBLOCK), ==, 0);
    while (write(fd, buf, sizeof(buf)) > 0) {
    }
    g_assert_cmpint(fcntl(fd, F_SETFL, 0), ==, 0);
}

static void deaf_start(Deaf *deaf)
{
    const char *program = g_getenv("QTEST_QEMU_BINARY");
    g_autofree char *net = NULL, *qmp = NULL;
    g_autoptr(GError) error = NULL;
    int fds[2];

    deaf->net_path = tmp_path("net");
    deaf->qmp_path = tmp_path("qmp");
    net = g_strdup_printf("stream,id=n0,server=on,addr.type=unix,addr.path=%s", deaf->net_path);
    qmp = g_strdup_printf("unix:%s,server=on,wait=off", deaf->qmp_path);
    const char *argv[] = { program, "-nodefaults", "-netdev", net, "-qmp", qmp, "-run-with",
                           "exit-with-parent=on", NULL };

    g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
    deaf_fill(fds[1]);
    g_spawn_async_with_pipes_and_fds(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, -1,
                                     -1, fds[1], NULL, NULL, 0, &deaf->pid, NULL, NULL, NULL,
                                     &error);
    g_assert_no_error(error);
    close(fds[1]);
    deaf->stderr_fd = fds[0];
}

static void deaf_expect_qmp(const Deaf *deaf)
{
    static const char commands[] = "{'execute':'qmp_capabilities'}\n{'execute':'query-status'}\n";
    int fd = sock_connect_unix(deaf->qmp_path);

    for (int i = 0; i < 2; i++) {
        g_autofree char *line = sock_read_line(fd);

        g_assert_nonnull(line);
        if (i == 0) {
            sock_write(fd, commands, strlen(commands));
        }
    }
    sock_close(&fd);
}

static void deaf_end(Deaf *deaf)
{
    int status;

    g_assert_cmpint(kill(deaf->pid, SIGTERM), ==, 0);
    g_assert_cmpint(waitpid(deaf->pid, &status, 0), ==, deaf->pid);
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 0);
    close(deaf->stderr_fd);
    g_free(deaf->net_path);
    g_free(deaf->qmp_path);
}

/* One connection after the other sends @data; the program closes it, or we do. */
static void send_again_and_again(const char *path, const uint8_t *data, size_t len,
                                 bool is_closed_there, int n)
{
    for (int i = 0; i < n; i++) {
        int fd = sock_connect_unix(path);

        sock_write(fd, data, len);
        if (is_closed_there) {
            sock_expect_eof(fd);
        }
        sock_close(&fd);
    }
}

static void test_stderr_unread(void)
{
    Deaf deaf;

    deaf_start(&deaf);
    send_again_and_again(deaf.net_path, oversized, sizeof(oversized), true, 700);
    deaf_expect_qmp(&deaf);
    send_again_and_again(deaf.net_path, torn, sizeof(torn), false, 1100);
    deaf_expect_qmp(&deaf);
    deaf_end(&deaf);
}

static guint count_in_output(QTest *s, const char *text)
{
    g_autofree char *output = qtest_output(s);
    g_auto(GStrv) parts = g_strsplit(output, text, -1);

    return parts[0] ? g_strv_length(parts) - 1 : 0; /* no output, no parts */
}

/* At the end it is told how many messages were suppressed. */
static void expect_last_message(QTest *s, const char *message)
{
    qtest_signal(s, SIGTERM);
    qtest_wait_output(s, message);
    g_assert_cmpint(qtest_wait_exit(s), ==, 0);
}

static void check_limited(const uint8_t *data, size_t len, bool is_closed_there,
                          const char *message)
{
    g_autofree char *path = tmp_path("limited");
    QTest *s = qtest_start("-netdev stream,id=n0,server=on,addr.type=unix,addr.path=%s", path);
    g_autofree char *line = g_strdup_printf("netdev 'n0': %s", message);
    g_autofree char *last = g_strdup_printf("%s (suppressed since then: 199 more)", line);

    send_again_and_again(path, data, len, is_closed_there, 200);
    qtest_wait_netdev(s, "n0", "malformed", 200);
    g_assert_cmpuint(count_in_output(s, line), ==, 1);
    expect_last_message(s, last);
}

static void test_limit_oversized(void)
{
    check_limited(oversized, sizeof(oversized), true,
                  "serious error: oversized packet received,connection terminated.");
}

static void test_limit_torn(void)
{
    check_limited(torn, sizeof(torn), false, "connection ended inside a frame");
}

static void wait_count_in_output(QTest *s, const char *text, guint n)
{
    int64_t deadline = g_get_monotonic_time() + wait_limit_ms() * INT64_C(1000);

    while (count_in_output(s, text) < n) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        qtest_qmp_ok(s, "{'execute': 'query-status'}");
    }
}

/* Who adds the netdev again and again is told once that nobody listens there. */
static void test_limit_refused(void)
{
    uint16_t port = sock_free_port(SOCK_STREAM);
    g_autofree char *line = g_strdup_printf("warning: netdev 'n0': Failed to connect to "
                                            "'127.0.0.1:%u': Connection refused", port);
    g_autofree char *last = g_strdup_printf("%s (suppressed since then: 4 more)", line);
    QTest *s = qtest_start("-trace net_socket_connect_failed");

    for (int i = 0; i < 5; i++) {
        qtest_qmp_ok(s, "{'execute': 'netdev_add', 'arguments': {'type': 'socket', 'id': 'n0', "
                     "'connect': '127.0.0.1:%u'}}", port);
        wait_count_in_output(s, "net_socket_connect_failed", i + 1);
        qtest_qmp_ok(s, "{'execute': 'netdev_del', 'arguments': {'id': 'n0'}}");
    }
    g_assert_cmpuint(count_in_output(s, line), ==, 1);
    expect_last_message(s, last);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/peer-messages/stderr-unread", test_stderr_unread);
    g_test_add_func("/peer-messages/limit-oversized", test_limit_oversized);
    g_test_add_func("/peer-messages/limit-torn", test_limit_torn);
    g_test_add_func("/peer-messages/limit-refused", test_limit_refused);
    return g_test_run();
}
