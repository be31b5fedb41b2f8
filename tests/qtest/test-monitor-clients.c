/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clients of QMP, the human monitor and qtest that leave early, never read or send too much. */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "qtest-client.h"

/*
 *   client ──unix socket, TCP──► server under test ◄──unix socket── a client that behaves
 */

#define CAPABILITIES     "{\"execute\": \"qmp_capabilities\"}\n"
#define CAPABILITIES_OOB \
    "{\"execute\": \"qmp_capabilities\", \"arguments\": {\"enable\": [\"oob\"]}}\n"

/** More answers than the socket holds, so that they are not all out when the end comes. */
#define N_REQUESTS 3000

/** The same text many times. Owned. */
static GString *text_repeated(const char *text, int n)
{
    GString *all = g_string_new(NULL);

    for (int i = 0; i < n; i++) {
        g_string_append(all, text);
    }
    return all;
}

/* Writes @text and closes that direction, reading meanwhile. Returns: all lines that came. */
static GPtrArray *client_converse(int fd, const GString *text)
{
    GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
    size_t n_sent = 0;
    g_autoptr(GString) in = g_string_new(NULL);
    char buffer[65536];
    ssize_t n = -1;

    while (n != 0) {
        wait_fd(fd, POLLIN | (n_sent < text->len ? POLLOUT : 0), "an answer");
        if (n_sent < text->len) {
            n = send(fd, text->str + n_sent, text->len - n_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
            n_sent += n > 0 ? (size_t)n : 0;
            if (n_sent == text->len) {
                shutdown(fd, SHUT_WR);
            }
        }
        n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
        if (n > 0) {
            g_string_append_len(in, buffer, n);
        }
    }
    g_assert_cmpuint(n_sent, ==, text->len);
    for (char *line = in->str, *end; (end = strchr(line, '\n')); line = end + 1) {
        g_ptr_array_add(lines, g_strndup(line, (gsize)(end - line)));
    }
    return lines;
}

static int lines_count(const GPtrArray *lines, const char *part)
{
    int n = 0;

    for (guint i = 0; i < lines->len; i++) {
        n += strstr(g_ptr_array_index(lines, i), part) != NULL;
    }
    return n;
}

/* --- What was received is carried out and answered ------------------------------------------ */

typedef struct HalfCloseCase {
    const char *name;
    const char *capabilities;
    bool tcp;
    bool mux;
} HalfCloseCase;

static const HalfCloseCase half_close_cases[] = {
    { "unix", CAPABILITIES, false, false },
    { "tcp", CAPABILITIES, true, false },
    { "out-of-band", CAPABILITIES_OOB, false, false },
    { "behind-a-mux", CAPABILITIES, false, true },
};

/* "{...}\n{...}\n" | socat - UNIX:q.sock: the answers come although the end is behind. */
static void test_half_closed_qmp_client_is_answered(const void *opaque)
{
    const HalfCloseCase *test = opaque;
    g_autofree char *path = tmp_path("half.sock");
    uint16_t port = test->tcp ? sock_free_port(SOCK_STREAM) : 0;
    g_autofree char *at = test->tcp ? g_strdup_printf("host=127.0.0.1,port=%d", port)
                                    : g_strdup_printf("path=%s", path);
    QTest *s = qtest_start("-M none -S -chardev socket,id=q,%s,server=on,wait=off%s "
                           "-mon q,mode=control", at, test->mux ? ",mux=on" : "");
    int fd = test->tcp ? sock_connect_tcp(port) : sock_connect_unix(path);
    g_autoptr(GString) text = g_string_new(test->capabilities);
    g_autoptr(GString) more = text_repeated("{\"execute\": \"query-version\"}\n", N_REQUESTS);
    g_autoptr(GPtrArray) lines = NULL;

    g_string_append(text, "{\"execute\": \"cont\"}\n");
    g_string_append(text, more->str);
    lines = client_converse(fd, text);
    g_assert_cmpint(lines_count(lines, "\"QMP\""), ==, 1);
    g_assert_cmpint(lines_count(lines, "RESUME"), ==, 1);
    g_assert_cmpint(lines_count(lines, "\"return\": {}"), ==, 2);
    g_assert_cmpint(lines_count(lines, "\"major\""), ==, 1 + N_REQUESTS);
    sock_close(&fd);
    qtest_expect_event(s, "RESUME");
    qtest_quit(s);
}

/* As "printf ... | nc -N" does that does not wait: nobody reads the answers. */
static void test_requests_of_a_client_that_left_are_carried_out(void)
{
    g_autofree char *path = tmp_path("left.sock");
    QTest *s = qtest_start("-M none -S -qmp unix:%s,server=on,wait=off", path);
    int fd = sock_connect_unix(path);
    static const char text[] = CAPABILITIES "{\"execute\": \"query-version\"}\n"
                               "{\"execute\": \"query-version\"}\n{\"execute\": \"cont\"}\n";

    sock_write(fd, text, strlen(text));
    sock_close(&fd);
    qtest_expect_event(s, "RESUME");

    /* And the place is free for the next one. */
    fd = sock_connect_unix(path);
    g_free(sock_read_line(fd));
    sock_close(&fd);
    qtest_quit(s);
}

/* Sends @text, half-closes, and reads only when the server has met the end. Returns: all lines. */
static GPtrArray *client_read_late(QTest *s, int fd, const GString *text)
{
    g_autoptr(GString) nothing = g_string_new(NULL);

    sock_write(fd, text->str, text->len);
    shutdown(fd, SHUT_WR);
    for (int i = 0; i < 100; i++) {
        qtest_qmp_ok(s, "{'execute': 'query-status'}"); /* a turn of the server's loop */
    }
    return client_converse(fd, nothing);
}

static void test_half_closed_human_monitor_client_is_answered(void)
{
    g_autofree char *path = tmp_path("hmp.sock");
    QTest *s = qtest_start("-M none -monitor unix:%s,server=on,wait=off", path);
    int fd = sock_connect_unix(path);
    g_autoptr(GString) text = text_repeated("help info\n", 400);
    g_autoptr(GPtrArray) lines = NULL;

    g_string_append(text, "info version\n");
    lines = client_read_late(s, fd, text);
    g_assert_cmpint(lines_count(lines, "info status "), ==, 400);
    g_assert_true(g_str_has_prefix(g_ptr_array_index(lines, lines->len - 1), "10.2.50"));
    sock_close(&fd);
    qtest_quit(s);
}

static void test_half_closed_qtest_client_is_answered(void)
{
    g_autofree char *path = tmp_path("qtest.sock");
    g_autofree char *qmp = tmp_path("qtest-qmp.sock");
    QTest *s = qtest_start_plain("-nodefaults -M none -qtest-log none "
                                 "-qtest unix:%s,server=on,wait=off "
                                 "-qmp unix:%s,server=on,wait=off", path, qmp);
    int fd = sock_connect_unix(path);
    g_autoptr(GString) text = text_repeated("x\n", 20000);
    g_autoptr(GPtrArray) lines = NULL;

    qtest_attach_qmp(s, sock_connect_unix(qmp));
    lines = client_read_late(s, fd, text);
    g_assert_cmpint(lines_count(lines, "FAIL Unknown command 'x'"), ==, 20000);
    sock_close(&fd);
    qtest_quit(s);
}

/* --- Limits --------------------------------------------------------------------------------- */

/* Writes @text until the server has stopped reading for good. Returns: bytes it took. */
static size_t client_write_until_ignored(QTest *s, int fd, const GString *text)
{
    size_t n_sent = 0;
    int n_turns_without = 0;

    while (n_turns_without < 300) {
        ssize_t n = send(fd, text->str + n_sent, text->len - n_sent, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n > 0) {
            n_sent += (size_t)n;
            n_turns_without = 0;
            g_assert_cmpuint(n_sent, <, text->len);
        } else {
            g_assert_cmpint(errno, ==, EAGAIN);
            n_turns_without++;
        }
        /* A turn of the server's loop: it would read, if it wanted to. */
        qtest_qmp_ok(s, "{'execute': 'query-status'}");
    }
    return n_sent;
}

/* Whoever does not read its answers is not read: what they take in memory has a limit. */
static void test_qtest_client_that_never_reads_is_not_read(void)
{
    g_autofree char *path = tmp_path("unread.sock");
    g_autofree char *qmp = tmp_path("unread-qmp.sock");
    QTest *s = qtest_start_plain("-nodefaults -M none -qtest-log none "
                                 "-qtest unix:%s,server=on,wait=off "
                                 "-qmp unix:%s,server=on,wait=off", path, qmp);
    int fd = sock_connect_unix(path);
    g_autoptr(GString) text = text_repeated("xyz\n", 5 * 1000 * 1000);

    qtest_attach_qmp(s, sock_connect_unix(qmp));
    g_assert_cmpuint(client_write_until_ignored(s, fd, text), <, 4u * 1024 * 1024);
    sock_close(&fd);
    qtest_quit(s);
}

/* One unfinished message of a stranger: "{}" costs json-c a few hundred bytes. */
static void test_unfinished_message_before_negotiation_is_limited(void)
{
    g_autofree char *path = tmp_path("unfinished.sock");
    QTest *s = qtest_start("-M none -qmp unix:%s,server=on,wait=off", path);
    int fd = sock_connect_unix(path);
    g_autoptr(GString) text = text_repeated("{},", 2000);
    g_autofree char *reply = NULL;

    g_free(sock_read_line(fd));
    sock_write(fd, "[", 1);
    sock_write(fd, text->str, text->len);
    reply = sock_read_line(fd);
    g_assert_cmpstr(reply, ==, "{\"error\": {\"class\": \"GenericError\", "
                               "\"desc\": \"JSON token size limit exceeded\"}}\r");
    sock_close(&fd);
    qtest_quit(s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(half_close_cases); i++) {
        g_autofree char *path = g_strconcat("/monitor-clients/half-closed-qmp-client-is-answered/",
                                            half_close_cases[i].name, NULL);

        g_test_add_data_func(path, &half_close_cases[i], test_half_closed_qmp_client_is_answered);
    }
    g_test_add_func("/monitor-clients/requests-of-a-client-that-left-are-carried-out",
                    test_requests_of_a_client_that_left_are_carried_out);
    g_test_add_func("/monitor-clients/half-closed-human-monitor-client-is-answered",
                    test_half_closed_human_monitor_client_is_answered);
    g_test_add_func("/monitor-clients/half-closed-qtest-client-is-answered",
                    test_half_closed_qtest_client_is_answered);
    g_test_add_func("/monitor-clients/qtest-client-that-never-reads-is-not-read",
                    test_qtest_client_that_never_reads_is_not_read);
    g_test_add_func("/monitor-clients/unfinished-message-before-negotiation-is-limited",
                    test_unfinished_message_before_negotiation_is_limited);
    return g_test_run();
}
