/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unit tests' client of a QMP monitor in the same process. */

#include "monitor-client.h"

#include <string.h>
#include <sys/socket.h>

#include "chardev/char.h"
#include "monitor/monitor.h"
#include "util/fd.h"

#define DEADLINE_US (20 * G_USEC_PER_SEC)

static unsigned test_n_chardevs;

TestClient *client_new(int fd)
{
    TestClient *client = g_new0(TestClient, 1);

    g_assert_true(fd_set_nonblocking(fd, true));
    client->fd = fd;
    client->in = g_string_new(NULL);
    return client;
}

void client_free(TestClient *client)
{
    fd_close(&client->fd);
    g_string_free(client->in, true);
    g_free(client);
}

TestClient *client_start(const char *extra, bool pretty)
{
    g_autofree char *opts = NULL;
    g_autoptr(GError) error = NULL;
    Chardev *chr;
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    opts = g_strdup_printf("socket,id=c%u,fd=%d%s", test_n_chardevs++, fds[1], extra);
    chr = char_new_from_opts(opts, &error);
    g_assert_no_error(error);
    monitor_add(chr, MONITOR_MODE_CONTROL, pretty, &error);
    g_assert_no_error(error);
    return client_new(fds[0]);
}

void client_send(TestClient *client, const char *text, size_t len)
{
    g_assert_cmpint(send(client->fd, text, len, MSG_NOSIGNAL), ==, (ssize_t)len);
}

void client_send_text(TestClient *client, const char *text)
{
    client_send(client, text, strlen(text));
}

static gboolean test_wake_up(gpointer opaque)
{
    return G_SOURCE_CONTINUE;
}

void test_init(int *argc, char ***argv)
{
    g_test_init(argc, argv, NULL);
    monitor_init();
    g_timeout_add(50, test_wake_up, NULL);
}

/* One turn of the loop; ends the test when the deadline is over. */
static void test_iterate(int64_t deadline_us)
{
    g_assert_cmpint(g_get_monotonic_time(), <, deadline_us);
    g_main_context_iteration(NULL, true);
}

/* Reads what there is. Returns: false at the end of the stream. */
static bool client_fill(TestClient *client)
{
    char buffer[4096];
    ssize_t n = recv(client->fd, buffer, sizeof(buffer), 0);

    if (n > 0) {
        g_string_append_len(client->in, buffer, n);
    }
    return n != 0;
}

char *client_line(TestClient *client)
{
    int64_t deadline_us = g_get_monotonic_time() + DEADLINE_US;
    const char *end;
    char *line;

    while (!(end = strstr(client->in->str, "\r\n"))) {
        test_iterate(deadline_us);
        g_assert_true(client_fill(client));
    }
    line = g_strndup(client->in->str, (size_t)(end - client->in->str));
    g_string_erase(client->in, 0, (gssize)strlen(line) + 2);
    return line;
}

void client_expect(TestClient *client, const char *line)
{
    g_autofree char *got = client_line(client);

    g_assert_cmpstr(got, ==, line);
}

void client_expect_event(TestClient *client, const char *tail)
{
    g_autofree char *got = client_line(client);

    g_assert_true(g_str_has_prefix(got, "{\"timestamp\": {\"seconds\": "));
    g_assert_true(g_str_has_suffix(got, tail));
}

void client_ask(TestClient *client, const char *request, const char *reply)
{
    client_send_text(client, request);
    client_expect(client, reply);
}

void client_ask_error(TestClient *client, const char *request, const char *class,
                             const char *desc)
{
    g_autofree char *reply =
        g_strdup_printf("{\"error\": {\"class\": \"%s\", \"desc\": \"%s\"}}", class, desc);

    client_ask(client, request, reply);
}

void client_skip_line(TestClient *client)
{
    g_free(client_line(client));
}

TestClient *client_negotiated(const char *capabilities)
{
    TestClient *client = client_start("", false);

    client_skip_line(client);
    client_ask(client, capabilities, OK);
    return client;
}

void client_hang_up(TestClient *client)
{
    fd_close(&client->fd);
    for (int i = 0; i < 20; i++) {
        g_main_context_iteration(NULL, false);
    }
}

void test_settle(void)
{
    while (g_main_context_iteration(NULL, false)) {
        continue;
    }
}
