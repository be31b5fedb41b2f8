/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netdev stream through the real program: states, events, reconnection. */

#include "pair.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define N_FRAMES 40

/* --- Events ------------------------------------------------------------------------------ */

static const char *json_str(json_object *object, const char *name)
{
    json_object *value = NULL;

    g_assert_true(json_object_object_get_ex(object, name, &value));
    return json_object_get_string(value);
}

static void expect_connected(QTest *s, const char *type, const char *member, const char *value)
{
    g_autoptr(json_object) event = qtest_wait_event(s, "NETDEV_STREAM_CONNECTED");
    json_object *data;
    json_object *addr;

    g_assert_true(json_object_object_get_ex(event, "data", &data));
    g_assert_cmpstr(json_str(data, "netdev-id"), ==, "net0");
    g_assert_true(json_object_object_get_ex(data, "addr", &addr));
    g_assert_cmpstr(json_str(addr, "type"), ==, type);
    if (member) {
        g_assert_cmpstr(json_str(addr, member), ==, value);
    }
}

static void expect_disconnected(QTest *s)
{
    g_autoptr(json_object) event = qtest_wait_event(s, "NETDEV_STREAM_DISCONNECTED");
    json_object *data;

    g_assert_true(json_object_object_get_ex(event, "data", &data));
    g_assert_cmpstr(json_str(data, "netdev-id"), ==, "net0");
}

/* --- Server ------------------------------------------------------------------------------ */

static Pair *unix_server(const char *path)
{
    Pair *pair = pair_new("-netdev stream,id=net0,server=on,addr.type=unix,addr.path=%s", path);

    pair_wait_info(pair, "listening");
    return pair;
}

static void test_unix_server(void)
{
    g_autofree char *path = tmp_path("server.sock");
    Pair *pair = unix_server(path);

    for (int i = 0; i < 3; i++) {
        int fd = sock_connect_unix(path);

        expect_connected(pair->s, "unix", "path", path);
        pair_wait_info(pair, "unix:%s", path);
        pair_check_fd(pair, FRAME_LINK_STREAM, fd, N_FRAMES);
        sock_close(&fd);
        expect_disconnected(pair->s);
        pair_wait_info(pair, "listening");
    }
    pair_free(pair);
    g_assert_cmpint(access(path, F_OK), !=, 0);
}

static void test_abstract_server(void)
{
    g_autofree char *name = g_strdup_printf("qnd-test-%d", getpid());
    g_autofree char *address = g_strdup_printf("@%s", name);
    Pair *pair = pair_new("-netdev stream,id=net0,server=on,addr.type=unix,addr.abstract=on,"
                          "addr.path=%s", name);
    int fd = sock_connect_unix(address);

    expect_connected(pair->s, "unix", "path", name);
    pair_wait_info(pair, "unix:%s", name);
    pair_check_fd(pair, FRAME_LINK_STREAM, fd, N_FRAMES);
    pair_free(pair);
    sock_close(&fd);
}

static void test_tcp_server(void)
{
    uint16_t port = sock_free_port(SOCK_STREAM);
    Pair *pair = pair_new("-netdev stream,id=net0,server=on,addr.type=inet,addr.host=127.0.0.1,"
                          "addr.port=%u", port);
    int fd = sock_connect_tcp(port);
    struct sockaddr_in own;
    socklen_t len = sizeof(own);
    g_autofree char *own_port = NULL;

    getsockname(fd, (struct sockaddr *)&own, &len);
    own_port = g_strdup_printf("%u", ntohs(own.sin_port));
    expect_connected(pair->s, "inet", "port", own_port);
    pair_wait_info(pair, "tcp:127.0.0.1:%s", own_port);
    pair_check_fd(pair, FRAME_LINK_STREAM, fd, N_FRAMES);
    sock_close(&fd);
    expect_disconnected(pair->s);
    pair_free(pair);
}

static void test_clients_are_served_in_turn(void)
{
    g_autofree char *path = tmp_path("turn.sock");
    Pair *pair = unix_server(path);
    int first = sock_connect_unix(path);
    FrameLink link;
    int second;

    pair_check_fd(pair, FRAME_LINK_STREAM, first, 3);
    second = sock_connect_unix(path);
    frame_link_init(&link, FRAME_LINK_STREAM, second);
    frame_link_send(&link, 0, 3);
    pair_check_fd(pair, FRAME_LINK_STREAM, first, 3);
    frame_link_expect_nothing(&pair->peer);
    sock_close(&first);
    expect_disconnected(pair->s);
    frame_link_expect(&pair->peer, 0, 3);
    frame_link_clear(&link);
    sock_close(&second);
    pair_free(pair);
}

/* Far above what any clock can wait for: refused, and never a loop without a pause. */
static void test_endless_interval(void)
{
    QTest *s = qtest_start("%s", "");

    qtest_qmp_error(s, "GenericError",
                    "Parameter 'reconnect-ms' expects a number of at most 2147483647",
                    "{'execute': 'netdev_add', 'arguments': {'type': 'stream', 'id': 'n0', 'addr': "
                    "{'type': 'unix', 'path': '/no/such'}, 'reconnect-ms': 9223372036854775807}}");
    qtest_quit(s);
}

/* What cannot listen is not there: an error on the command line and over QMP. */
static void expect_cannot_listen(const char *members, const char *keys, const char *message)
{
    QTest *s = qtest_start("%s", "");
    g_autofree char *start = g_strdup_printf("-netdev stream,id=n0,server=on,%s: %s", keys,
                                             message);
    g_autofree char *info = NULL;

    qtest_qmp_error(s, "GenericError", message, "{'execute': 'netdev_add', 'arguments': "
                    "{'type': 'stream', 'id': 'n0', 'server': true, 'addr': {%s}}}", members);
    info = qtest_hmp(s, "info network");
    g_assert_null(strstr(info, "n0"));
    qtest_quit(s);
    qtest_expect_start_error(start, "-netdev stream,id=n0,server=on,%s", keys);
}

static void test_missing_folder(void)
{
    expect_cannot_listen("'type': 'unix', 'path': '/no/such/dir/s'",
                         "addr.type=unix,addr.path=/no/such/dir/s",
                         "Failed to bind socket to /no/such/dir/s: No such file or directory");
}

static void test_long_path(void)
{
    g_autofree char *name = g_strnfill(104, 'x');
    g_autofree char *members = g_strdup_printf("'type': 'unix', 'path': '/tmp/%s'", name);
    g_autofree char *keys = g_strdup_printf("addr.type=unix,addr.path=/tmp/%s", name);
    g_autofree char *message = g_strdup_printf("UNIX socket path '/tmp/%s' is too long", name);

    expect_cannot_listen(members, keys, message);
}

static void test_port_in_use(void)
{
    uint16_t port;
    int listener = sock_listen_tcp(&port);
    g_autofree char *members = g_strdup_printf("'type': 'inet', 'host': '127.0.0.1', "
                                               "'port': '%u'", port);
    g_autofree char *keys = g_strdup_printf("addr.type=inet,addr.host=127.0.0.1,addr.port=%u",
                                            port);

    expect_cannot_listen(members, keys, "Failed to bind socket: Address already in use");
    sock_close(&listener);
}

static void test_not_connected_drops(void)
{
    g_autofree char *path = tmp_path("drops.sock");
    Pair *pair = unix_server(path);
    int fd;

    frame_link_send(&pair->peer, 0, 7);
    qtest_wait_netdev(pair->s, "net0", "rx.dropped.not-connected.frames", 7);
    fd = sock_connect_unix(path);
    pair_check_fd(pair, FRAME_LINK_STREAM, fd, 3);
    g_assert_cmpint(qtest_netdev_count(pair->s, "net0", "rx.dropped.frames"), ==, 7);
    pair_free(pair);
    sock_close(&fd);
}

/* --- Client ------------------------------------------------------------------------------ */

static Pair *unix_client(const char *path, const char *more)
{
    return pair_new("-netdev stream,id=net0,addr.type=unix,addr.path=%s%s", path, more);
}

static void test_unix_client(void)
{
    g_autofree char *path = tmp_path("client.sock");
    int listen_fd = sock_listen_unix(path);
    Pair *pair = unix_client(path, "");
    int fd = sock_accept(listen_fd);

    expect_connected(pair->s, "unix", "path", path);
    pair_wait_info(pair, "unix:%s", path);
    pair_check_fd(pair, FRAME_LINK_STREAM, fd, N_FRAMES);
    sock_close(&fd);
    expect_disconnected(pair->s);
    pair_wait_info(pair, "unix:%s", path);
    frame_link_send(&pair->peer, 0, 2);
    qtest_wait_netdev(pair->s, "net0", "rx.dropped.not-connected.frames", 2);
    pair_free(pair);
    sock_close(&listen_fd);
}

static void test_tcp_client(void)
{
    uint16_t port;
    int listen_fd = sock_listen_tcp(&port);
    Pair *pair = pair_new("-netdev stream,id=net0,addr.type=inet,addr.host=127.0.0.1,"
                          "addr.port=%u,addr.ipv4=on,addr.ipv6=off", port);
    int fd = sock_accept(listen_fd);

    expect_connected(pair->s, "inet", "host", "127.0.0.1");
    pair_wait_info(pair, "tcp:127.0.0.1:%u", port);
    pair_check_fd(pair, FRAME_LINK_STREAM, fd, N_FRAMES);
    pair_free(pair);
    sock_close(&fd);
    sock_close(&listen_fd);
}

static void test_cannot_connect(void)
{
    Pair *pair = unix_client("/no/such/socket", "");

    pair_wait_info(pair, "error: Failed to connect to '/no/such/socket': No such file or "
                   "directory");
    g_assert_false(qtest_has_event(pair->s, "NETDEV_STREAM_CONNECTED"));
    pair_free(pair);
}

static void test_reconnects(void)
{
    g_autofree char *path = tmp_path("reconnect.sock");
    int listen_fd;
    Pair *pair = unix_client(path, ",reconnect-ms=20");

    pair_wait_info(pair, "connecting");
    listen_fd = sock_listen_unix(path);
    for (int i = 0; i < 3; i++) {
        int fd = sock_accept(listen_fd);

        expect_connected(pair->s, "unix", "path", path);
        pair_check_fd(pair, FRAME_LINK_STREAM, fd, N_FRAMES);
        sock_close(&fd);
        expect_disconnected(pair->s);
    }
    sock_close(&listen_fd);
    pair_wait_info(pair, "connecting");
    pair_free(pair);
}

/* Reconnection goes by the host's clock: it works while qtest holds the virtual one. */
static void test_reconnects_while_stopped(void)
{
    g_autofree char *path = tmp_path("stopped.sock");
    Pair *pair = unix_client(path, ",reconnect-ms=20");
    int listen_fd;
    int fd;

    qtest_stop(pair->s);
    listen_fd = sock_listen_unix(path);
    fd = sock_accept(listen_fd);
    expect_connected(pair->s, "unix", "path", path);
    qtest_cont(pair->s);
    pair_check_fd(pair, FRAME_LINK_STREAM, fd, 3);
    pair_free(pair);
    sock_close(&fd);
    sock_close(&listen_fd);
}

/*
 * The reader goes away with a frame half read: on the next connection the stream begins with a
 * whole frame, and what waited in the chain follows in order.
 */
static void test_no_torn_frame_after_a_break(void)
{
    g_autofree char *path = tmp_path("torn.sock");
    Pair *pair = unix_server(path);
    int fd = sock_connect_unix(path);
    g_autofree uint8_t *buf = g_malloc(FRAME_MAX);
    FrameLink link;
    uint32_t n = 0;
    uint32_t before;

    expect_connected(pair->s, "unix", "path", path);
    do {
        before = n;
        n += frame_link_try_send(&pair->peer, n, 4000 - n);
        qtest_expect_line(pair->s, "endianness", "OK little");
    } while (n < 4000 && n > before);
    g_assert_cmpint(qtest_netdev_count(pair->s, "net0", "rx.held.frames"), >, 0);
    sock_close(&fd);
    expect_disconnected(pair->s);
    fd = sock_connect_unix(path);
    expect_connected(pair->s, "unix", "path", path);
    frame_link_init(&link, FRAME_LINK_STREAM, fd);
    frame_link_send_bytes(&pair->peer, "the end", 7);
    for (uint32_t last = 0, seq;;) {
        size_t len = frame_link_receive(&link, buf);

        if (len == 7) {
            break;
        }
        g_assert_true(frame_check(buf, len, &seq));
        g_assert_cmpuint(seq, >=, last);
        last = seq;
    }
    frame_link_clear(&link);
    pair_free(pair);
    sock_close(&fd);
}

/* --- A given socket ---------------------------------------------------------------------- */

static void test_fd(void)
{
    int fd;
    int theirs;
    Pair *pair;

    sock_pair(SOCK_STREAM, &fd, &theirs);
    pair = pair_new("-netdev stream,id=net0,addr.type=fd,addr.str=%d", theirs);
    sock_close(&theirs);
    expect_connected(pair->s, "unix", NULL, NULL);
    pair_wait_info(pair, "unix:");
    pair_check_fd(pair, FRAME_LINK_STREAM, fd, N_FRAMES);
    sock_close(&fd);
    expect_disconnected(pair->s);
    pair_free(pair);
}

static void test_getfd(void)
{
    Pair *pair = pair_new(PAIR_WITHOUT_NET0);
    int fd;
    int theirs;

    sock_pair(SOCK_STREAM, &fd, &theirs);
    pair_add_given(pair, theirs, "'type': 'stream', 'addr': {'type': 'fd', 'str': 'given'}");
    qtest_expect_event(pair->s, "NETDEV_STREAM_CONNECTED");
    pair_check_fd(pair, FRAME_LINK_STREAM, fd, 3);
    pair_free(pair);
    sock_close(&fd);
}

static void test_listening_fd(void)
{
    g_autofree char *path = tmp_path("given.sock");
    int listen_fd = sock_listen_unix(path);
    Pair *pair = pair_new(PAIR_WITHOUT_NET0);
    int fd;

    qtest_getfd(pair->s, "given", dup(listen_fd));
    qtest_qmp_ok(pair->s, "{'execute': 'netdev_add', 'arguments': {'type': 'stream', "
                 "'id': 'n1', 'server': true, 'addr': {'type': 'fd', 'str': 'given'}}}");
    fd = sock_connect_unix(path);
    qtest_expect_event(pair->s, "NETDEV_STREAM_CONNECTED");
    sock_close(&fd);
    qtest_expect_event(pair->s, "NETDEV_STREAM_DISCONNECTED");
    pair_free(pair);
    sock_close(&listen_fd);
}

static void test_fd_that_is_no_socket(void)
{
    Pair *pair = pair_new(PAIR_WITHOUT_NET0);
    int ends[2];

    g_assert_cmpint(pipe(ends), ==, 0);
    qtest_getfd(pair->s, "pipe", ends[0]);
    sock_close(&ends[1]);
    qtest_qmp_error(pair->s, "GenericError", "File descriptor 'pipe' is not a socket",
                    "{'execute': 'netdev_add', 'arguments': {'type': 'stream', 'id': 'n1', "
                    "'addr': {'type': 'fd', 'str': 'pipe'}}}");
    qtest_qmp_error(pair->s, "GenericError",
                    "File descriptor named '5' has not been found",
                    "{'execute': 'netdev_add', 'arguments': {'type': 'stream', 'id': 'n1', "
                    "'addr': {'type': 'fd', 'str': '5'}}}");
    pair_free(pair);
}

/* --- Commands ---------------------------------------------------------------------------- */

static void test_del_tells_no_event(void)
{
    g_autofree char *path = tmp_path("del.sock");
    Pair *pair = unix_server(path);
    int fd = sock_connect_unix(path);

    expect_connected(pair->s, "unix", "path", path);
    qtest_qmp_ok(pair->s, "{'execute': 'netdev_del', 'arguments': {'id': 'net0'}}");
    sock_expect_eof(fd);
    g_assert_cmpint(access(path, F_OK), !=, 0);
    g_assert_false(qtest_has_event(pair->s, "NETDEV_STREAM_DISCONNECTED"));
    pair_free(pair);
    sock_close(&fd);
}

static void test_del_while_connecting(void)
{
    Pair *pair = unix_client("/no/such/socket", ",reconnect-ms=10");

    qtest_qmp_ok(pair->s, "{'execute': 'netdev_del', 'arguments': {'id': 'net0'}}");
    pair_free(pair);
}

/* The answer to netdev_add comes before the event, whatever waits already. */
static void test_add_answers_first(void)
{
    g_autofree char *path = tmp_path("first.sock");
    int listen_fd = sock_listen_unix(path);
    Pair *pair = pair_new(PAIR_WITHOUT_NET0);
    g_autoptr(json_object) reply = NULL;
    g_autofree char *text = g_strdup_printf("{\"execute\": \"netdev_add\", \"arguments\": "
                                            "{\"type\": \"stream\", \"id\": \"n1\", \"addr\": "
                                            "{\"type\": \"unix\", \"path\": \"%s\"}}}", path);
    g_autofree char *line = NULL;

    qtest_qmp_send_raw(pair->s, text, strlen(text));
    line = sock_read_line(qtest_qmp_fd(pair->s));
    reply = json_tokener_parse(line);
    g_assert_true(json_object_object_get_ex(reply, "return", NULL));
    qtest_expect_event(pair->s, "NETDEV_STREAM_CONNECTED");
    pair_free(pair);
    sock_close(&listen_fd);
}

static void test_two_of_one_program(void)
{
    g_autofree char *path = tmp_path("both.sock");
    Pair *pair = unix_server(path);
    int fd;
    int theirs;
    FrameLink link;

    sock_pair(SOCK_STREAM, &fd, &theirs);
    qtest_getfd(pair->s, "far", theirs);
    qtest_qmp_ok(pair->s, "{'execute': 'netdev_add', 'arguments': "
                 "{'type': 'socket', 'id': 'far', 'fd': 'far'}}");
    qtest_qmp_ok(pair->s, "{'execute': 'netdev_add', 'arguments': {'type': 'stream', "
                 "'id': 'n1', 'addr': {'type': 'unix', 'path': '%s'}}}", path);
    qtest_expect_event(pair->s, "NETDEV_STREAM_CONNECTED");
    qtest_expect_event(pair->s, "NETDEV_STREAM_CONNECTED");
    qtest_qmp_ok(pair->s, "{'execute': 'netdev_add', 'arguments': "
                 "{'type': 'hubport', 'id': 'a', 'hubid': 5, 'netdev': 'far'}}");
    qtest_qmp_ok(pair->s, "{'execute': 'netdev_add', 'arguments': "
                 "{'type': 'hubport', 'id': 'b', 'hubid': 5, 'netdev': 'n1'}}");
    frame_link_init(&link, FRAME_LINK_STREAM, fd);
    pair_check(pair, &link, N_FRAMES);
    frame_link_clear(&link);
    pair_free(pair);
    sock_close(&fd);
}

static void test_info_network(void)
{
    g_autofree char *path = tmp_path("info.sock");
    QTest *s = qtest_start("-netdev stream,id=st0,server=on,addr.type=unix,addr.path=%s", path);
    int fd = sock_connect_unix(path);
    g_autofree char *wanted = g_strdup_printf("st0: index=0,type=stream,unix:%s\r\n", path);
    g_autofree char *text = NULL;

    qtest_expect_event(s, "NETDEV_STREAM_CONNECTED");
    text = qtest_hmp(s, "info network");
    g_assert_cmpstr(text, ==, wanted);
    qtest_quit(s);
    sock_close(&fd);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/netdev-stream/unix-server", test_unix_server);
    g_test_add_func("/netdev-stream/abstract-server", test_abstract_server);
    g_test_add_func("/netdev-stream/tcp-server", test_tcp_server);
    g_test_add_func("/netdev-stream/clients-are-served-in-turn",
                    test_clients_are_served_in_turn);
    g_test_add_func("/netdev-stream/endless-interval", test_endless_interval);
    g_test_add_func("/netdev-stream/cannot-listen/missing-folder", test_missing_folder);
    g_test_add_func("/netdev-stream/cannot-listen/long-path", test_long_path);
    g_test_add_func("/netdev-stream/cannot-listen/port-in-use", test_port_in_use);
    g_test_add_func("/netdev-stream/not-connected-drops", test_not_connected_drops);
    g_test_add_func("/netdev-stream/unix-client", test_unix_client);
    g_test_add_func("/netdev-stream/tcp-client", test_tcp_client);
    g_test_add_func("/netdev-stream/cannot-connect", test_cannot_connect);
    g_test_add_func("/netdev-stream/reconnects", test_reconnects);
    g_test_add_func("/netdev-stream/reconnects-while-stopped", test_reconnects_while_stopped);
    g_test_add_func("/netdev-stream/no-torn-frame-after-a-break",
                    test_no_torn_frame_after_a_break);
    g_test_add_func("/netdev-stream/fd", test_fd);
    g_test_add_func("/netdev-stream/getfd", test_getfd);
    g_test_add_func("/netdev-stream/listening-fd", test_listening_fd);
    g_test_add_func("/netdev-stream/fd-that-is-no-socket", test_fd_that_is_no_socket);
    g_test_add_func("/netdev-stream/del-tells-no-event", test_del_tells_no_event);
    g_test_add_func("/netdev-stream/del-while-connecting", test_del_while_connecting);
    g_test_add_func("/netdev-stream/add-answers-first", test_add_answers_first);
    g_test_add_func("/netdev-stream/two-of-one-program", test_two_of_one_program);
    g_test_add_func("/netdev-stream/info-network", test_info_network);
    return g_test_run();
}
