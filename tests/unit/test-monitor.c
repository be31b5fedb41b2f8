/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unit test of monitors: their options, connections and the descriptors they receive. */

/* Who talks to whom: monitor-client.h. */

#include "cases.h"
#include "monitor-client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "chardev/char.h"
#include "monitor/monitor.h"
#include "qapi/qapi-events.h"
#include "util/fd.h"

/* --- Descriptors -------------------------------------------------------------------------- */

/* Sends @text with @n descriptors; of each the caller gets the other end: end of file = closed. */
static void client_send_fds(TestClient *client, const char *text, int *others, size_t n)
{
    struct iovec iov = { .iov_base = (char *)text, .iov_len = strlen(text) };
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(2 * sizeof(int))];
    } control = { 0 };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space,
                          .msg_controllen = CMSG_SPACE(n * sizeof(int)) };
    struct cmsghdr *header = CMSG_FIRSTHDR(&msg);
    int sent[2];

    g_assert_cmpuint(n, <=, G_N_ELEMENTS(sent));
    for (size_t i = 0; i < n; i++) {
        int pair[2];

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
        others[i] = pair[0];
        sent[i] = pair[1];
    }
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(n * sizeof(int));
    memcpy(CMSG_DATA(header), sent, n * sizeof(int));
    g_assert_cmpint(sendmsg(client->fd, &msg, MSG_NOSIGNAL), ==, (ssize_t)iov.iov_len);
    for (size_t i = 0; i < n; i++) {
        close(sent[i]);
    }
}

static int client_send_fd(TestClient *client, const char *text)
{
    int other;

    client_send_fds(client, text, &other, 1);
    return other;
}

static bool test_fd_is_closed(int fd)
{
    char byte;
    ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);

    g_assert_true(n == 0 || errno == EAGAIN);
    return n == 0;
}

#define GETFD(name) "{\"execute\": \"getfd\", \"arguments\": {\"fdname\": \"" name "\"}}"
#define CLOSEFD(name) "{\"execute\": \"closefd\", \"arguments\": {\"fdname\": \"" name "\"}}"
#define NO_FD GENERIC("No file descriptor supplied via SCM_RIGHTS")

static void test_getfd_and_closefd(void)
{
    g_autoptr(TestClient) client = client_negotiated(CAPABILITIES);
    auto_fd int other = client_send_fd(client, GETFD("a"));

    client_expect(client, OK);
    g_assert_false(test_fd_is_closed(other));
    client_ask(client, CLOSEFD("a"), OK);
    g_assert_true(test_fd_is_closed(other));
    client_ask(client, CLOSEFD("a"), GENERIC("File descriptor named 'a' not found"));
}

static void test_getfd_needs_a_descriptor(void)
{
    g_autoptr(TestClient) client = client_negotiated(CAPABILITIES);

    client_ask(client, GETFD("a"), NO_FD);
    /* It is told before a bad name. */
    client_ask(client, GETFD("1"), NO_FD);
}

static void test_getfd_name_starts_with_a_digit(void)
{
    g_autoptr(TestClient) client = client_negotiated(CAPABILITIES);
    auto_fd int other = client_send_fd(client, GETFD("1"));

    client_expect(client,
                  GENERIC("Parameter 'fdname' expects a name not starting with a digit"));
    g_assert_true(test_fd_is_closed(other));
}

static void test_getfd_replaces(void)
{
    g_autoptr(TestClient) client = client_negotiated(CAPABILITIES);
    auto_fd int older = client_send_fd(client, GETFD("a"));
    auto_fd int newer = client_send_fd(client, GETFD("a"));

    client_expect(client, OK);
    client_expect(client, OK);
    g_assert_true(test_fd_is_closed(older));
    g_assert_false(test_fd_is_closed(newer));
}

static void test_getfd_through_human_monitor(void)
{
    g_autoptr(TestClient) client = client_negotiated(CAPABILITIES);
    auto_fd int other = client_send_fd(client, "{\"execute\": \"human-monitor-command\", "
                                       "\"arguments\": {\"command-line\": \"getfd a\"}}");

    client_expect(client, "{\"return\": \"\"}");
    client_ask(client, CLOSEFD("a"), OK);
    g_assert_true(test_fd_is_closed(other));
}

static void test_descriptor_of_a_split_request(void)
{
    g_autoptr(TestClient) client = client_negotiated(CAPABILITIES);
    auto_fd int other = client_send_fd(client, "{\"execute\": \"getfd\", \"argum");

    test_settle();
    client_ask(client, "ents\": {\"fdname\": \"a\"}}", OK);
    client_ask(client, CLOSEFD("a"), OK);
    g_assert_true(test_fd_is_closed(other));
}

/* One that nobody took does not become another request's. */
static void test_descriptors_belong_to_one_message(void)
{
    g_autoptr(TestClient) client = client_negotiated(CAPABILITIES);
    auto_fd int unclaimed = client_send_fd(client, "{\"execute\": \"query-fdsets\"}");
    auto_fd int wanted = client_send_fd(client, GETFD("good"));

    client_expect(client, "{\"return\": []}");
    client_expect(client, OK);
    g_assert_true(test_fd_is_closed(unclaimed));
    client_ask(client, CLOSEFD("good"), OK);
    g_assert_true(test_fd_is_closed(wanted));
    client_ask(client, GETFD("other"), NO_FD);
}

/* One that a getfd left over is closed; the next message has none. */
static void test_descriptor_too_many_is_closed(void)
{
    g_autoptr(TestClient) client = client_negotiated(CAPABILITIES);
    int others[2];

    client_send_fds(client, GETFD("a"), others, 2);
    client_expect(client, OK);
    client_ask(client, GETFD("b"), NO_FD);
    g_assert_false(test_fd_is_closed(others[0]));
    g_assert_true(test_fd_is_closed(others[1]));
    client_ask(client, CLOSEFD("a"), OK);
    fd_close(&others[0]);
    fd_close(&others[1]);
}

static void test_two_requests_of_one_message_share_its_descriptors(void)
{
    g_autoptr(TestClient) client = client_negotiated(CAPABILITIES);
    int others[2];

    client_send_fds(client, GETFD("a") GETFD("b"), others, 2);
    client_expect(client, OK);
    client_expect(client, OK);
    client_ask(client, CLOSEFD("a"), OK);
    g_assert_true(test_fd_is_closed(others[0]));
    g_assert_false(test_fd_is_closed(others[1]));
    client_ask(client, CLOSEFD("b"), OK);
    g_assert_true(test_fd_is_closed(others[1]));
    fd_close(&others[0]);
    fd_close(&others[1]);
}

static void test_descriptors_belong_to_one_monitor(void)
{
    g_autoptr(TestClient) first = client_negotiated(CAPABILITIES);
    g_autoptr(TestClient) second = client_negotiated(CAPABILITIES);
    auto_fd int other = client_send_fd(first, GETFD("a"));

    client_expect(first, OK);
    client_ask(second, CLOSEFD("a"), GENERIC("File descriptor named 'a' not found"));
    g_assert_false(test_fd_is_closed(other));
}

static void test_descriptors_close_with_the_connection(void)
{
    g_autoptr(TestClient) client = client_negotiated(CAPABILITIES);
    auto_fd int named = client_send_fd(client, GETFD("a"));
    auto_fd int unclaimed = -1;

    client_expect(client, OK);
    unclaimed = client_send_fd(client, "{\"execute\": \"query-fdsets\"}");
    client_expect(client, "{\"return\": []}");
    client_hang_up(client);
    g_assert_true(test_fd_is_closed(named));
    g_assert_true(test_fd_is_closed(unclaimed));
}

/* An event finds out first, while the monitor reads nothing because of its output. */
static void test_event_to_a_client_that_left_ends_the_connection(void)
{
    g_autoptr(TestClient) client = client_negotiated(CAPABILITIES);
    auto_fd int named = client_send_fd(client, GETFD("a"));

    client_expect(client, OK);
    fd_close(&client->fd);
    qapi_event_powerdown();
    test_settle();
    g_assert_true(test_fd_is_closed(named));
}

/* Events to a client that never reads do not pile up for ever: it is disconnected. */
static void test_unread_events_are_limited(void)
{
    g_autoptr(TestClient) client = client_negotiated(CAPABILITIES);
    char buffer[65536];
    size_t n_read = 0;
    ssize_t n;

    for (int i = 0; i < 200000; i++) {
        qapi_event_stop();
    }
    test_settle();
    while ((n = read(client->fd, buffer, sizeof(buffer))) > 0) {
        n_read += n;
    }
    g_assert_cmpint(n, ==, 0);
    g_assert_cmpuint(n_read, <, 8u * 1024 * 1024);
}

static void test_unclaimed_descriptors_are_limited(void)
{
    g_autoptr(TestClient) client = client_negotiated(CAPABILITIES);
    int others[20];

    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        others[i] = client_send_fd(client, i == 0 ? "{" : " ");
        test_settle();
    }
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        g_assert_cmpint(test_fd_is_closed(others[i]), ==, i < 4);
        fd_close(&others[i]);
    }
}

#define REMOVE_FD(args) "{\"execute\": \"remove-fd\", \"arguments\": {" args "}}"

static void test_fdsets(void)
{
    g_autoptr(TestClient) client = client_negotiated(CAPABILITIES);
    auto_fd int other = client_send_fd(client, "{\"execute\": \"add-fd\", \"arguments\": "
                                       "{\"fdset-id\": 5, \"opaque\": \"note\"}}");
    g_autofree char *added = client_line(client);
    g_autofree char *sets = NULL;
    int fd = -1;

    g_assert_cmpint(sscanf(added, "{\"return\": {\"fdset-id\": 5, \"fd\": %d}}", &fd), ==, 1);
    sets = g_strdup_printf("{\"return\": [{\"fdset-id\": 5, \"fds\": [{\"fd\": %d, "
                           "\"opaque\": \"note\"}]}]}", fd);
    client_ask(client, "{\"execute\": \"query-fdsets\"}", sets);
    client_ask(client, REMOVE_FD("\"fdset-id\": 5, \"fd\": 99999"),
               GENERIC("File descriptor named 'fdset-id:5, fd:99999' not found"));
    client_ask(client, REMOVE_FD("\"fdset-id\": 5"), OK);
    g_assert_true(test_fd_is_closed(other));
    client_ask(client, REMOVE_FD("\"fdset-id\": 5"),
               GENERIC("File descriptor named 'fdset-id:5' not found"));
}

static void test_add_fd_errors(void)
{
    g_autoptr(TestClient) client = client_negotiated(CAPABILITIES);
    auto_fd int other = -1;

    client_ask(client, "{\"execute\": \"add-fd\"}", NO_FD);
    other = client_send_fd(client,
                           "{\"execute\": \"add-fd\", \"arguments\": {\"fdset-id\": -1}}");
    client_expect(client, GENERIC("Parameter 'fdset-id' expects a non-negative value"));
    g_assert_true(test_fd_is_closed(other));
}

/* --- Connections -------------------------------------------------------------------------- */

static int test_connect(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    return fd;
}

static void test_connections_start_unnegotiated(void)
{
    g_autofree char *dir = g_dir_make_tmp("test-qmp-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "sock", NULL);
    g_autofree char *device = g_strdup_printf("unix:%s,server=on,wait=off", path);
    g_autoptr(GError) error = NULL;

    monitor_add_legacy(device, MONITOR_MODE_CONTROL, false, &error);
    g_assert_no_error(error);
    g_assert_nonnull(char_find("compat_monitor0"));
    for (int i = 0; i < 3; i++) {
        g_autoptr(TestClient) client = client_new(test_connect(path));
        g_autofree char *greeting = client_line(client);

        g_assert_true(g_str_has_prefix(greeting, "{\"QMP\": "));
        client_ask_error(client, "{\"execute\": \"query-fdsets\"}", "CommandNotFound",
                         "Expecting capabilities negotiation with 'qmp_capabilities'");
        client_ask(client, CAPABILITIES, OK);
        /* What is unfinished does not spill over into the next connection. */
        client_send_text(client, "{\"execute\": \"query");
        client_hang_up(client);
    }
    g_unlink(path);
    g_rmdir(dir);
}

/* --- Options ------------------------------------------------------------------------------ */

static const TestRequest test_mon_opts[] = {
    { "no-such-chardev", "chardev=nosuch,mode=control", "chardev \"nosuch\" not found" },
    { "implied-chardev", "nosuch", "chardev \"nosuch\" not found" },
    { "no-chardev", "mode=control", "Parameter 'chardev' is missing" },
    { "pretty-needs-control", "chardev=mon-null,pretty=on",
      "'pretty' is not compatible with HMP monitors" },
    { "bad-mode", "chardev=mon-null,mode=x", "Parameter 'mode' does not accept value 'x'" },
    { "unknown-key", "chardev=mon-null,default=on", "Invalid parameter 'default'" },
    { "chardev-in-use", "chardev=mon-used,mode=control", "chardev 'mon-used' is already in use" },
    { "bad-id", "chardev=mon-null,id=1x", "Parameter 'id' expects an identifier" },
    { "duplicate-id", "chardev=mon-null,id=mon-id", "Duplicate ID 'mon-id' for mon" },
};

static void test_mon_error(const void *opaque)
{
    const TestRequest *test = opaque;
    g_autoptr(GError) error = NULL;

    g_assert_false(monitor_add_from_opts(test->request, &error));
    g_assert_cmpstr(error->message, ==, test->reply);
}

/* Chardevs and a monitor for the table above. */
static void test_prepare_mon(void)
{
    g_autoptr(GError) error = NULL;

    char_new_from_opts("null,id=mon-null", &error);
    g_assert_no_error(error);
    char_new_from_opts("null,id=mon-used", &error);
    g_assert_no_error(error);
    monitor_add_from_opts("chardev=mon-used,id=mon-id,mode=control", &error);
    g_assert_no_error(error);
}

/* The first message has been printed by then. */
static void test_legacy_errors(void)
{
    static const char *const devices[] = { "foo", "none", "mon:foo", "mon:chardev:mon-null",
                                           "ringbuf" };

    for (size_t i = 0; i < G_N_ELEMENTS(devices); i++) {
        g_autofree char *text = g_strconcat("parse error: ", devices[i], NULL);
        g_autoptr(GError) error = NULL;

        g_assert_false(monitor_add_legacy(devices[i], MONITOR_MODE_CONTROL, false, &error));
        g_assert_cmpstr(error->message, ==, text);
    }
}

static void test_legacy_unknown_chardev(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(monitor_add_legacy("chardev:nosuch", MONITOR_MODE_CONTROL, false, &error));
    g_assert_cmpstr(error->message, ==, "chardev \"nosuch\" not found");
}

static void test_monitor_none(void)
{
    g_assert_true(monitor_add_legacy("none", MONITOR_MODE_READLINE, false, NULL));
}

int main(int argc, char **argv)
{
    test_init(&argc, &argv);
    test_prepare_mon();
    g_test_add_func("/monitor/getfd-and-closefd", test_getfd_and_closefd);
    g_test_add_func("/monitor/getfd-needs-a-descriptor", test_getfd_needs_a_descriptor);
    g_test_add_func("/monitor/getfd-name-starts-with-a-digit", test_getfd_name_starts_with_a_digit);
    g_test_add_func("/monitor/getfd-replaces", test_getfd_replaces);
    g_test_add_func("/monitor/getfd-through-human-monitor", test_getfd_through_human_monitor);
    g_test_add_func("/monitor/descriptor-of-a-split-request", test_descriptor_of_a_split_request);
    g_test_add_func("/monitor/descriptors-belong-to-one-message",
                    test_descriptors_belong_to_one_message);
    g_test_add_func("/monitor/descriptor-too-many-is-closed", test_descriptor_too_many_is_closed);
    g_test_add_func("/monitor/two-requests-of-one-message-share-its-descriptors",
                    test_two_requests_of_one_message_share_its_descriptors);
    g_test_add_func("/monitor/descriptors-belong-to-one-monitor",
                    test_descriptors_belong_to_one_monitor);
    g_test_add_func("/monitor/descriptors-close-with-the-connection",
                    test_descriptors_close_with_the_connection);
    g_test_add_func("/monitor/event-to-a-client-that-left-ends-the-connection",
                    test_event_to_a_client_that_left_ends_the_connection);
    g_test_add_func("/monitor/unread-events-are-limited", test_unread_events_are_limited);
    g_test_add_func("/monitor/unclaimed-descriptors-are-limited",
                    test_unclaimed_descriptors_are_limited);
    g_test_add_func("/monitor/fdsets", test_fdsets);
    g_test_add_func("/monitor/add-fd-errors", test_add_fd_errors);
    g_test_add_func("/monitor/connections-start-unnegotiated", test_connections_start_unnegotiated);
    CASES_ADD("/monitor/mon/", test_mon_opts, path, test_mon_error);
    g_test_add_func("/monitor/legacy-errors", test_legacy_errors);
    g_test_add_func("/monitor/legacy-unknown-chardev", test_legacy_unknown_chardev);
    g_test_add_func("/monitor/monitor-none", test_monitor_none);
    return g_test_run();
}
