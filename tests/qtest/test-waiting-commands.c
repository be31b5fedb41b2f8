/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that need the network are answered when it has answered; others go on meanwhile. */

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>
#include <glib.h>

#include "netns.h"
#include "qtest-client.h"
#include "second-monitor.h"

/*
 *   first monitor ──► a command ──► a listener or name server of ours that is silent at first
 *   second monitor ─► query-status, answered meanwhile
 */

/* --- A listener that takes no more clients ----------------------------------------------- */

typedef struct Full {
    char *path;
    int listen_fd;
    int client_fd; /* in the queue, which has room for one */
} Full;

static Full *full_new(const char *name)
{
    Full *full = g_new0(Full, 1);

    full->path = tmp_path(name);
    full->listen_fd = sock_listen_unix(full->path);
    g_assert_cmpint(listen(full->listen_fd, 0), ==, 0);
    full->client_fd = sock_connect_unix(full->path);
    return full;
}

/* There is room. Returns: the connection of the client that waited. */
static int full_accept(Full *full)
{
    int first = sock_accept(full->listen_fd);

    sock_close(&first);
    sock_close(&full->client_fd);
    return sock_accept(full->listen_fd);
}

static void full_free(Full *full)
{
    sock_close(&full->client_fd);
    sock_close(&full->listen_fd);
    unlink(full->path);
    g_free(full->path);
    g_free(full);
}

static void send_chardev(QTest *s, const char *command, const char *path)
{
    qtest_qmp_send(s, "{'execute': '%s', 'arguments': {'id': 'c0', 'backend': {'type': 'socket', "
                   "'data': {'addr': {'type': 'unix', 'data': {'path': '%s'}}, "
                   "'server': false}}}}", command, path);
}

static void expect_return(QTest *s)
{
    g_autoptr(json_object) reply = qtest_qmp_receive(s);

    g_assert_true(json_object_object_get_ex(reply, "return", NULL));
}

/* @reply: taken. */
static void check_error(json_object *reply, const char *desc)
{
    json_object *error;
    json_object *text;

    g_assert_true(json_object_object_get_ex(reply, "error", &error));
    g_assert_true(json_object_object_get_ex(error, "desc", &text));
    g_assert_cmpstr(json_object_get_string(text), ==, desc);
    json_object_put(reply);
}

/* @data: the command. One client, and one only, arrives at the listener. */
static void test_chardev(const void *data)
{
    g_autofree char *path = tmp_path("second");
    Full *full = full_new("full");
    QTest *s = qtest_start(SECOND_MONITOR "%s", path, strcmp(data, "chardev-change") == 0
                                              ? "-chardev null,id=c0" : "");
    int second = second_monitor_connect(path);
    char byte = 'x';
    int fd;

    send_chardev(s, data, full->path);
    second_monitor_ask(second);
    second_monitor_ask(second);
    fd = full_accept(full);
    expect_return(s);
    qtest_wait_chardev(s, "c0", true);
    second_monitor_ask(second);
    g_assert_false(fd_is_readable(full->listen_fd));
    sock_write(fd, &byte, 1);
    qtest_quit(s);
    sock_close(&fd);
    sock_close(&second);
    full_free(full);
}

/* What the same client sends behind it is carried out behind it. */
static void test_order(void)
{
    Full *full = full_new("order");
    QTest *s = qtest_start("%s", "");
    int fd;

    send_chardev(s, "chardev-add", full->path);
    qtest_qmp_send(s, "{'execute': 'chardev-remove', 'arguments': {'id': 'c0'}}");
    fd = full_accept(full);
    expect_return(s);
    expect_return(s);
    sock_expect_eof(fd);
    qtest_quit(s);
    sock_close(&fd);
    full_free(full);
}

/* A listener that goes away refuses, and that is the answer. */
static void test_refused_later(void)
{
    Full *full = full_new("gone");
    g_autofree char *message = g_strdup_printf("Failed to add chardev 'c0': Failed to connect to "
                                               "'%s': Connection refused", full->path);
    QTest *s = qtest_start("%s", "");

    send_chardev(s, "chardev-add", full->path);
    sock_close(&full->listen_fd);
    check_error(qtest_qmp_receive(s), message);
    qtest_quit(s);
    full_free(full);
}

/* What was received is carried out, although the client that asked has gone. */
static void test_client_leaves(void)
{
    g_autofree char *path = tmp_path("leaves");
    Full *full = full_new("left");
    QTest *s = qtest_start(SECOND_MONITOR, path);
    int second = second_monitor_connect(path);
    g_autofree char *command = g_strdup_printf(
        "{\"execute\": \"chardev-add\", \"arguments\": {\"id\": \"c0\", \"backend\": {\"type\": "
        "\"socket\", \"data\": {\"addr\": {\"type\": \"unix\", \"data\": {\"path\": \"%s\"}}, "
        "\"server\": false}}}}\n", full->path);
    int fd;

    sock_write(second, command, strlen(command));
    second_monitor_ask(qtest_qmp_fd(s));
    sock_close(&second);
    fd = full_accept(full);
    qtest_wait_chardev(s, "c0", true);
    qtest_quit(s);
    sock_close(&fd);
    full_free(full);
}

/* The human monitor shows its prompt, and takes the next line, when the command is done. */
static void test_human_monitor(void)
{
    g_autofree char *path = tmp_path("hmp");
    g_autofree char *add = NULL;
    Full *full = full_new("full-hmp");
    QTest *s = qtest_start("-chardev socket,id=h,path=%s,server=on,wait=off -mon h", path);
    int hmp = sock_connect_unix(path);
    int fd;

    add = g_strdup_printf("chardev-add socket,id=c0,path=%s\nchardev-remove c0\nquit\n",
                          full->path);
    sock_write(hmp, add, strlen(add));
    for (int i = 0; i < 2; i++) {
        g_autofree char *line = sock_read_line(hmp); /* the banner, and the line that runs */

        g_assert_nonnull(line);
    }
    qtest_qmp_ok(s, "{'execute': 'query-status'}");
    fd = full_accept(full);
    sock_expect_eof(fd);
    g_assert_cmpint(qtest_wait_exit(s), ==, 0);
    sock_close(&fd);
    sock_close(&hmp);
    full_free(full);
}

/* Neither a command nor the start waits for ever for a listener that takes nobody. */
static void test_deadline(void)
{
    Full *full = full_new("full-deadline");
    g_autofree char *reason = g_strdup_printf("Failed to connect to '%s': Connection timed out",
                                              full->path);
    g_autofree char *added = g_strdup_printf("Failed to add chardev 'c0': %s", reason);
    g_autofree char *started = g_strdup_printf("-chardev socket,id=c0,path=%s: %s", full->path,
                                               reason);
    QTest *s = qtest_start("%s", "");

    send_chardev(s, "chardev-add", full->path);
    qtest_expect_start_error(started, "-chardev socket,id=c0,path=%s", full->path);
    check_error(qtest_qmp_receive(s), added);
    qtest_quit(s);
    full_free(full);
}

/* --- A silent name server ---------------------------------------------------------------- */

static char *names_file; /* stands in for /etc/resolv.conf */

/* In a namespace of its own, where 127.0.0.1 is the name server. */
static bool names_enter(void)
{
    static bool is_there;

    if (is_there) {
        return true;
    }
    if (netns_why_not()) {
        g_test_skip(netns_why_not());
        return false;
    }
    if (access("/etc/resolv.conf", F_OK) < 0) {
        g_test_skip("there is no /etc/resolv.conf");
        return false;
    }
    netns_enter_new();
    netns_link_up("lo");
    names_file = tmp_path("resolv.conf");
    g_assert_true(g_file_set_contents(names_file, "nameserver 127.0.0.1\n", -1, NULL));
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount(names_file, "/etc/resolv.conf", NULL, MS_BIND, NULL) < 0) {
        g_test_skip("a mount takes root");
        return false;
    }
    is_there = true;
    return true;
}

static int names_server(void)
{
    return sock_udp_at(53);
}

/* Waits for a question, and for what @s does meanwhile; then there is no such name. */
static void names_refuse(int server)
{
    uint8_t packet[512];
    struct sockaddr_in from;
    socklen_t from_len = sizeof(from);
    ssize_t n = recvfrom(server, packet, sizeof(packet), 0, (struct sockaddr *)&from, &from_len);

    g_assert_cmpint(n, >, 12);
    packet[2] |= 0x80; /* an answer */
    packet[3] = 0x83;  /* recursion available, no such name */
    packet[6] = packet[7] = packet[8] = packet[9] = packet[10] = packet[11] = 0;
    g_assert_cmpint(sendto(server, packet, n, 0, (struct sockaddr *)&from, from_len), ==, n);
}

typedef struct NameCase {
    const char *name;
    const char *command;
    const char *arguments;
    const char *error;
} NameCase;

#define NAMED_INET "{'type': 'inet', 'host': 'a.example', 'port': '1'}"
#define NAMED_CHARDEV "{'type': 'inet', 'data': {'host': 'a.example', 'port': '1'}}"
#define NO_NAME "address resolution failed for a.example:1: Name or service not known"

static const NameCase name_cases[] = {
    { "netdev-socket", "netdev_add", "'type': 'socket', 'id': 'n0', 'connect': 'a.example:1'",
      "can't resolve host address 'a.example'" },
    { "netdev-dgram", "netdev_add", "'type': 'dgram', 'id': 'n0', 'local': {'type': 'inet', "
      "'host': '127.0.0.1', 'port': '0'}, 'remote': " NAMED_INET,
      "can't resolve host address 'a.example'" },
    { "netdev-stream-server", "netdev_add", "'type': 'stream', 'id': 'n0', 'server': true, "
      "'addr': " NAMED_INET, NO_NAME },
    { "chardev-socket-server", "chardev-add", "'id': 'c0', 'backend': {'type': 'socket', 'data': "
      "{'server': true, 'wait': false, 'addr': " NAMED_CHARDEV "}}",
      "Failed to add chardev 'c0': " NO_NAME },
    { "chardev-socket-client", "chardev-add", "'id': 'c0', 'backend': {'type': 'socket', 'data': "
      "{'server': false, 'addr': " NAMED_CHARDEV "}}", "Failed to add chardev 'c0': " NO_NAME },
    { "chardev-udp", "chardev-add", "'id': 'c0', 'backend': {'type': 'udp', 'data': {'remote': "
      NAMED_CHARDEV "}}", "Failed to add chardev 'c0': " NO_NAME },
    { "export-stream", "net-export-add", "'type': 'stream', 'id': 'e0', 'netdev': 'hub', 'addr': "
      NAMED_INET, NO_NAME },
    { "export-dgram", "net-export-add", "'type': 'dgram', 'id': 'e0', 'netdev': 'hub', 'addr': "
      "{'type': 'inet', 'host': '127.0.0.1', 'port': '0'}, 'remote': " NAMED_INET,
      "can't resolve host address 'a.example'" },
};

/* Returns: the error that the first monitor is told in the end. Owned. */
static json_object *refuse_until_answered(QTest *s, int server)
{
    struct pollfd pfds[] = { { .fd = server, .events = POLLIN },
                             { .fd = qtest_qmp_fd(s), .events = POLLIN } };

    while (poll(pfds, 2, wait_limit_ms()) > 0 && !pfds[1].revents) {
        names_refuse(server);
    }
    return qtest_qmp_receive(s);
}

static void test_name(const void *data)
{
    const NameCase *test = data;
    g_autofree char *path = tmp_path("second");
    int server;
    int second;
    QTest *s;

    if (!names_enter()) {
        return;
    }
    server = names_server();
    s = qtest_start(SECOND_MONITOR "-netdev hubport,id=hub,hubid=0", path);
    second = second_monitor_connect(path);
    qtest_qmp_send(s, "{'execute': '%s', 'arguments': {%s}}", test->command, test->arguments);
    wait_fd(server, POLLIN, "a question for a name");
    second_monitor_ask(second);
    g_assert_false(fd_is_readable(qtest_qmp_fd(s)));
    check_error(refuse_until_answered(s, server), test->error);
    qtest_quit(s);
    sock_close(&second);
    sock_close(&server);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/waiting-commands/chardev-add", "chardev-add", test_chardev);
    g_test_add_data_func("/waiting-commands/chardev-change", "chardev-change", test_chardev);
    g_test_add_func("/waiting-commands/order", test_order);
    g_test_add_func("/waiting-commands/refused-later", test_refused_later);
    g_test_add_func("/waiting-commands/client-leaves", test_client_leaves);
    g_test_add_func("/waiting-commands/human-monitor", test_human_monitor);
    g_test_add_func("/waiting-commands/deadline", test_deadline);
    for (size_t i = 0; i < G_N_ELEMENTS(name_cases); i++) {
        g_autofree char *name = g_strdup_printf("/waiting-commands/name/%s", name_cases[i].name);

        g_test_add_data_func(name, &name_cases[i], test_name);
    }
    return g_test_run();
}
