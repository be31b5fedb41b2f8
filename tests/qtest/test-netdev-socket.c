/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netdev socket through the real program: every form, its states, and bad input. */

#include "cases.h"
#include "pair.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define N_FRAMES 40

/* --- The forms --------------------------------------------------------------------------- */

/* test ──fd── net0 */
static Pair *fd_pair(int type, int *ours)
{
    int theirs;
    Pair *pair;

    sock_pair(type, ours, &theirs);
    pair = pair_new("-netdev socket,id=net0,fd=%d", theirs);
    pair_wait_info(pair, type == SOCK_STREAM ? "socket: fd=%d" : "socket: fd=%d unix", theirs);
    sock_close(&theirs);
    return pair;
}

static void test_fd_stream(void)
{
    int fd;
    Pair *pair = fd_pair(SOCK_STREAM, &fd);

    pair_check_fd(pair, FRAME_LINK_STREAM, fd, N_FRAMES);
    pair_free(pair);
    sock_close(&fd);
}

static void test_fd_dgram(void)
{
    int fd;
    Pair *pair = fd_pair(SOCK_DGRAM, &fd);

    pair_check_fd(pair, FRAME_LINK_DATAGRAM, fd, 5);
    pair_free(pair);
    sock_close(&fd);
}

static void test_listen(void)
{
    uint16_t port = sock_free_port(SOCK_STREAM);
    Pair *pair = pair_new("-netdev socket,id=net0,listen=127.0.0.1:%u", port);

    pair_wait_info(pair, "%s", "");
    for (int i = 0; i < 3; i++) {
        int fd = sock_connect_tcp(port);
        struct sockaddr_in own;
        socklen_t len = sizeof(own);

        getsockname(fd, (struct sockaddr *)&own, &len);
        pair_wait_info(pair, "socket: connection from 127.0.0.1:%u", ntohs(own.sin_port));
        pair_check_fd(pair, FRAME_LINK_STREAM, fd, N_FRAMES);
        sock_close(&fd);
        pair_wait_info(pair, "%s", "");
    }
    pair_free(pair);
}

static void test_listen_one_at_a_time(void)
{
    uint16_t port = sock_free_port(SOCK_STREAM);
    Pair *pair = pair_new("-netdev socket,id=net0,listen=127.0.0.1:%u", port);
    int first = sock_connect_tcp(port);
    FrameLink link;
    int second;

    pair_check_fd(pair, FRAME_LINK_STREAM, first, 3);
    second = sock_connect_tcp(port);
    frame_link_init(&link, FRAME_LINK_STREAM, second);
    frame_link_send(&link, 0, 3);
    pair_check_fd(pair, FRAME_LINK_STREAM, first, 3);
    frame_link_expect_nothing(&pair->peer);
    sock_close(&first);
    frame_link_expect(&pair->peer, 0, 3);
    frame_link_clear(&link);
    sock_close(&second);
    pair_free(pair);
}

static void test_connect(void)
{
    uint16_t port;
    int listen_fd = sock_listen_tcp(&port);
    Pair *pair = pair_new("-netdev socket,id=net0,connect=127.0.0.1:%u", port);
    int fd = sock_accept(listen_fd);

    pair_wait_info(pair, "socket: connect to 127.0.0.1:%u", port);
    pair_check_fd(pair, FRAME_LINK_STREAM, fd, N_FRAMES);
    sock_close(&fd);
    pair_wait_info(pair, "%s", "");
    pair_free(pair);
    sock_close(&listen_fd);
}

static void test_connect_refused(void)
{
    uint16_t port = sock_free_port(SOCK_STREAM);
    g_autofree char *warning = g_strdup_printf("warning: netdev 'net0': Failed to connect to "
                                               "'127.0.0.1:%u': Connection refused", port);
    Pair *pair = pair_new("-netdev socket,id=net0,connect=127.0.0.1:%u", port);

    qtest_wait_output(pair->s, warning);
    pair_wait_info(pair, "%s", "");
    frame_link_send(&pair->peer, 0, 2);
    qtest_wait_netdev(pair->s, "net0", "rx.dropped.not-connected.frames", 2);
    pair_free(pair);
}

static void test_udp(void)
{
    uint16_t own_port;
    int fd = sock_udp(&own_port);
    uint16_t port = sock_free_port(SOCK_DGRAM);
    Pair *pair = pair_new("-netdev socket,id=net0,udp=127.0.0.1:%u,localaddr=127.0.0.1:%u",
                          own_port, port);

    pair_wait_info(pair, "socket: udp=127.0.0.1:%u", own_port);
    sock_udp_connect(fd, port);
    pair_check_fd(pair, FRAME_LINK_DATAGRAM, fd, N_FRAMES);
    pair_free(pair);
    sock_close(&fd);
}

/* On the loopback interface: net0 hears the test, the test hears net0, net0 hears itself. */
static void test_mcast(void)
{
    uint16_t port = sock_free_port(SOCK_DGRAM);
    struct sockaddr_in group = { .sin_family = AF_INET, .sin_port = htons(port),
                                 .sin_addr.s_addr = htonl(0xe6000017) };
    struct ip_mreq member = { .imr_multiaddr = group.sin_addr,
                              .imr_interface.s_addr = htonl(INADDR_LOOPBACK) };
    Pair *pair = pair_new("-netdev socket,id=net0,mcast=230.0.0.23:%u,localaddr=127.0.0.1", port);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    uint8_t frame[1514];
    size_t len = frame_of_seq(frame, 7);
    FrameLink link;
    int on = 1;

    pair_wait_info(pair, "socket: mcast=230.0.0.23:%u", port);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    g_assert_cmpint(bind(fd, (struct sockaddr *)&group, sizeof(group)), ==, 0);
    g_assert_cmpint(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &member, sizeof(member)), ==,
                    0);
    frame_link_init(&link, FRAME_LINK_DATAGRAM, fd);
    frame_link_send_bytes(&pair->peer, frame, len);
    frame_link_expect_bytes(&link, frame, len);
    frame_link_expect_bytes(&pair->peer, frame, len);
    frame_link_clear(&link);
    sock_close(&fd);
    pair_free(pair);
}

static void test_getfd(void)
{
    Pair *pair = pair_new(PAIR_WITHOUT_NET0);
    int fd;
    int theirs;

    sock_pair(SOCK_STREAM, &fd, &theirs);
    pair_add_given(pair, theirs, "'type': 'socket', 'fd': 'given'");
    pair_check_fd(pair, FRAME_LINK_STREAM, fd, 3);
    qtest_qmp_error(pair->s, "GenericError", NULL, "{'execute': 'netdev_add', 'arguments': "
                    "{'type': 'socket', 'id': 'again', 'fd': 'given'}}");
    pair_free(pair);
    sock_close(&fd);
}

/* --- Descriptors by number --------------------------------------------------------------- */

/* Whatever is open in the process: monitors, other netdevs, epoll, ... None may be had. */
static void test_descriptors_of_the_process_cannot_be_had(void)
{
    static const char *const members[] = {
        "'type': 'socket', 'fd': '%s'", "'type': 'tap', 'fd': '%s'",
        "'type': 'dgram', 'local': {'type': 'fd', 'str': '%s'}",
    };
    QTest *s = qtest_start("-netdev socket,id=udp,udp=127.0.0.1:9,localaddr=127.0.0.1:%u",
                           sock_free_port(SOCK_DGRAM));
    g_autofree char *path = g_strdup_printf("/proc/%d/fd", qtest_pid(s));
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;
    int n = 0;

    while ((name = g_dir_read_name(dir))) {
        for (size_t i = 0; i < G_N_ELEMENTS(members); i++) {
            g_autofree char *with_fd = g_strdup_printf(members[i], name);

            qtest_qmp_error(s, "GenericError", NULL, "{'execute': 'netdev_add', "
                            "'arguments': {'id': 'x', %s}}", with_fd);
            n++;
        }
    }
    g_assert_cmpint(n, >, 9);
    qtest_qmp_ok(s, "{'execute': 'query-status'}");
    qtest_quit(s);
}

static void test_inherited_descriptor_is_had_once(void)
{
    int ours;
    int theirs;
    QTest *s;

    sock_pair(SOCK_STREAM, &ours, &theirs);
    s = qtest_start("%s", "");
    for (int i = 0; i < 2; i++) {
        json_object *reply = qtest_qmp(s, "{'execute': 'netdev_add', 'arguments': {'type': "
                                       "'socket', 'id': 'n%d', 'fd': '%d'}}", i, theirs);

        g_assert_cmpint(json_object_object_get_ex(reply, "return", NULL), ==, i == 0);
        json_object_put(reply);
    }
    qtest_qmp_ok(s, "{'execute': 'netdev_del', 'arguments': {'id': 'n0'}}");
    sock_close(&theirs);
    sock_expect_eof(ours);
    sock_close(&ours);
    qtest_quit(s);
}

/* --- Bad input on a stream --------------------------------------------------------------- */

/* Send a frame that claims @claim bytes, and @len bytes of it. */
static void send_claim(int fd, uint32_t claim, size_t len)
{
    g_autofree uint8_t *data = g_malloc0(4 + len);
    uint32_t claim_be = htonl(claim);

    memcpy(data, &claim_be, 4);
    sock_write(fd, data, 4 + len);
}

static void test_largest_frame(void)
{
    int fd;
    Pair *pair = fd_pair(SOCK_STREAM, &fd);
    g_autofree uint8_t *frame = g_malloc0(FRAME_MAX);
    g_autofree uint8_t *got = g_malloc(FRAME_MAX);

    send_claim(fd, FRAME_MAX, FRAME_MAX);
    g_assert_cmpuint(frame_link_receive(&pair->peer, got), ==, FRAME_MAX);
    g_assert_cmpmem(frame, FRAME_MAX, got, FRAME_MAX);
    pair_check_fd(pair, FRAME_LINK_STREAM, fd, 2);
    pair_free(pair);
    sock_close(&fd);
}

static void test_frame_too_long(void)
{
    int fd;
    Pair *pair = fd_pair(SOCK_STREAM, &fd);

    send_claim(fd, FRAME_MAX + 1, 100);
    sock_expect_eof(fd);
    qtest_wait_output(pair->s, "netdev 'net0': serious error: oversized packet received,"
                      "connection terminated.");
    pair_wait_info(pair, "%s", "");
    g_assert_cmpint(qtest_netdev_count(pair->s, "net0", "malformed"), ==, 1);
    pair_free(pair);
    sock_close(&fd);
}

static void test_frames_before_a_long_one_count(void)
{
    int fd;
    Pair *pair = fd_pair(SOCK_STREAM, &fd);
    FrameLink link;

    frame_link_init(&link, FRAME_LINK_STREAM, fd);
    frame_link_send(&link, 0, 3);
    send_claim(fd, UINT32_MAX, 1);
    frame_link_expect(&pair->peer, 0, 3);
    qtest_wait_netdev(pair->s, "net0", "malformed", 1);
    frame_link_clear(&link);
    pair_free(pair);
    sock_close(&fd);
}

static void test_end_inside_a_frame(void)
{
    int fd;
    Pair *pair = fd_pair(SOCK_STREAM, &fd);

    send_claim(fd, 60, 59);
    sock_close(&fd);
    qtest_wait_output(pair->s, "netdev 'net0': connection ended inside a frame");
    qtest_wait_netdev(pair->s, "net0", "malformed", 1);
    frame_link_expect_nothing(&pair->peer);
    pair_free(pair);
}

static void test_empty_frames(void)
{
    int fd;
    Pair *pair = fd_pair(SOCK_STREAM, &fd);

    for (int i = 0; i < 3; i++) {
        send_claim(fd, 0, 0);
    }
    pair_check_fd(pair, FRAME_LINK_STREAM, fd, 5);
    g_assert_cmpint(qtest_netdev_count(pair->s, "net0", "dropped.empty.frames"), ==, 3);
    pair_free(pair);
    sock_close(&fd);
}

static void test_one_byte_at_a_time(void)
{
    static const uint8_t wire[] = { 0, 0, 0, 3, 'a', 'b', 'c', 0, 0, 0, 1, 'd' };
    int fd;
    Pair *pair = fd_pair(SOCK_STREAM, &fd);

    for (size_t i = 0; i < sizeof(wire); i++) {
        sock_write(fd, wire + i, 1);
        qtest_expect_line(pair->s, "endianness", "OK little");
    }
    frame_link_expect_bytes(&pair->peer, "abc", 3);
    frame_link_expect_bytes(&pair->peer, "d", 1);
    pair_free(pair);
    sock_close(&fd);
}

/* --- Bad input as datagrams -------------------------------------------------------------- */

static void test_empty_datagrams(void)
{
    int fd;
    Pair *pair = fd_pair(SOCK_DGRAM, &fd);

    for (int i = 0; i < 3; i++) {
        g_assert_cmpint(send(fd, "", 0, 0), ==, 0);
        pair_check_fd(pair, FRAME_LINK_DATAGRAM, fd, 2);
    }
    g_assert_cmpint(qtest_netdev_count(pair->s, "net0", "dropped.empty.frames"), ==, 3);
    pair_free(pair);
    sock_close(&fd);
}

static void test_datagram_too_long(void)
{
    int fd;
    Pair *pair = fd_pair(SOCK_DGRAM, &fd);
    g_autofree uint8_t *frame = g_malloc0(FRAME_MAX + 1);
    g_autofree uint8_t *got = g_malloc(FRAME_MAX);

    sock_write(fd, frame, FRAME_MAX + 1);
    g_assert_cmpuint(frame_link_receive(&pair->peer, got), ==, FRAME_MAX);
    g_assert_cmpint(qtest_netdev_count(pair->s, "net0", "truncated"), ==, 1);
    pair_free(pair);
    sock_close(&fd);
}

/* --- Pressure ---------------------------------------------------------------------------- */

/* net0's other end does not read: the peer's frames wait, and none is lost or torn. */
static void test_slow_reader(const void *data)
{
    int type = GPOINTER_TO_INT(data);
    int fd;
    Pair *pair = fd_pair(type, &fd);
    FrameLink link;
    uint32_t n = 0;
    uint32_t before;

    frame_link_init(&link, type == SOCK_STREAM ? FRAME_LINK_STREAM : FRAME_LINK_DATAGRAM, fd);
    do {
        before = n;
        n += frame_link_try_send(&pair->peer, n, 4000 - n);
        qtest_expect_line(pair->s, "endianness", "OK little");
    } while (n < 4000 && n > before);
    g_assert_cmpint(qtest_netdev_count(pair->s, "net0", "rx.held.frames"), >, 0);
    frame_link_expect(&link, 0, n);
    g_assert_cmpint(qtest_netdev_count(pair->s, "net0", "rx.dropped.frames"), ==, 0);
    frame_link_clear(&link);
    pair_free(pair);
    sock_close(&fd);
}

/* --- Commands ---------------------------------------------------------------------------- */

static void test_set_link(void)
{
    int fd;
    Pair *pair = fd_pair(SOCK_STREAM, &fd);
    FrameLink link;

    frame_link_init(&link, FRAME_LINK_STREAM, fd);
    qtest_qmp_ok(pair->s, "{'execute': 'set_link', 'arguments': {'name': 'net0', 'up': false}}");
    frame_link_send(&link, 0, 2);
    qtest_wait_netdev(pair->s, "net0", "dropped.link-down.frames", 2);
    qtest_qmp_ok(pair->s, "{'execute': 'set_link', 'arguments': {'name': 'net0', 'up': true}}");
    pair_check(pair, &link, 2);
    qtest_qmp_error(pair->s, "DeviceNotFound", "Device 'x' not found",
                    "{'execute': 'set_link', 'arguments': {'name': 'x', 'up': true}}");
    frame_link_clear(&link);
    pair_free(pair);
    sock_close(&fd);
}

static void test_del_closes(void)
{
    int fd;
    Pair *pair = fd_pair(SOCK_STREAM, &fd);

    qtest_qmp_ok(pair->s, "{'execute': 'netdev_del', 'arguments': {'id': 'net0'}}");
    sock_expect_eof(fd);
    qtest_qmp_error(pair->s, "DeviceNotFound", "Device 'net0' not found",
                    "{'execute': 'netdev_del', 'arguments': {'id': 'net0'}}");
    pair_free(pair);
    sock_close(&fd);
}

typedef struct AddError {
    const char *name;
    const char *arguments;
    const char *desc;
} AddError;

static const AddError add_errors[] = {
    { "no-type", "{'id': 'x'}", "Parameter 'type' is missing" },
    { "no-id", "{'type': 'user'}", "Parameter 'id' is missing" },
    { "id-not-wellformed", "{'type': 'user', 'id': '1'}",
      "Parameter 'id' expects an identifier" },
    { "id-in-use", "{'type': 'hubport', 'id': 'net0', 'hubid': 1}", "Duplicate ID 'net0'" },
    { "unknown-type", "{'type': 'foo', 'id': 'x'}",
      "Parameter 'type' does not accept value 'foo'" },
    { "not-built-in", "{'type': 'vde', 'id': 'x'}",
      "network backend 'vde' is not supported" },
    { "unknown-member", "{'type': 'socket', 'id': 'x', 'foo': 1}",
      "Parameter 'foo' is unexpected" },
    { "wrong-type", "{'type': 'user', 'id': 'x', 'restrict': 'on'}",
      "Invalid parameter type for 'restrict', expected: boolean" },
    { "nothing-to-do", "{'type': 'socket', 'id': 'x'}",
      "exactly one of listen=, connect=, mcast= or udp= is required" },
    { "cannot-bind", "{'type': 'socket', 'id': 'x', 'listen': '1.2.3.4:1'}",
      "can't bind ip=1.2.3.4 to socket: Cannot assign requested address" },
    { "hub-of-used-netdev", "{'type': 'hubport', 'id': 'x', 'hubid': 2, 'netdev': 'net0'}",
      "netdev 'net0' is in use by 'h0'" },
};

static void test_add_error(const void *data)
{
    const AddError *bad = data;
    Pair *pair = pair_new("-netdev hubport,id=net0,hubid=9");

    qtest_qmp_error(pair->s, "GenericError", bad->desc,
                    "{'execute': 'netdev_add', 'arguments': %s}", bad->arguments);
    pair_free(pair);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/netdev-socket/fd-stream", test_fd_stream);
    g_test_add_func("/netdev-socket/fd-dgram", test_fd_dgram);
    g_test_add_func("/netdev-socket/listen", test_listen);
    g_test_add_func("/netdev-socket/listen-one-at-a-time", test_listen_one_at_a_time);
    g_test_add_func("/netdev-socket/connect", test_connect);
    g_test_add_func("/netdev-socket/connect-refused", test_connect_refused);
    g_test_add_func("/netdev-socket/udp", test_udp);
    g_test_add_func("/netdev-socket/mcast", test_mcast);
    g_test_add_func("/netdev-socket/getfd", test_getfd);
    g_test_add_func("/netdev-socket/descriptors-of-the-process-cannot-be-had",
                    test_descriptors_of_the_process_cannot_be_had);
    g_test_add_func("/netdev-socket/inherited-descriptor-is-had-once",
                    test_inherited_descriptor_is_had_once);
    g_test_add_func("/netdev-socket/largest-frame", test_largest_frame);
    g_test_add_func("/netdev-socket/frame-too-long", test_frame_too_long);
    g_test_add_func("/netdev-socket/frames-before-a-long-one-count",
                    test_frames_before_a_long_one_count);
    g_test_add_func("/netdev-socket/end-inside-a-frame", test_end_inside_a_frame);
    g_test_add_func("/netdev-socket/empty-frames", test_empty_frames);
    g_test_add_func("/netdev-socket/one-byte-at-a-time", test_one_byte_at_a_time);
    g_test_add_func("/netdev-socket/empty-datagrams", test_empty_datagrams);
    g_test_add_func("/netdev-socket/datagram-too-long", test_datagram_too_long);
    g_test_add_data_func("/netdev-socket/slow-reader/stream", GINT_TO_POINTER(SOCK_STREAM),
                         test_slow_reader);
    g_test_add_data_func("/netdev-socket/slow-reader/dgram", GINT_TO_POINTER(SOCK_DGRAM),
                         test_slow_reader);
    g_test_add_func("/netdev-socket/set-link", test_set_link);
    g_test_add_func("/netdev-socket/del-closes", test_del_closes);
    CASES_ADD("/netdev-socket/netdev-add/", add_errors, name, test_add_error);
    return g_test_run();
}
