/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netdev dgram through the real program: every form, and senders and receivers under pressure. */

#include "cases.h"
#include "pair.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Few enough for the shortest queue of a unix datagram socket. */
#define FEW 5

/* --- The forms --------------------------------------------------------------------------- */

static void test_inet(void)
{
    uint16_t own_port;
    int fd = sock_udp(&own_port);
    uint16_t port = sock_free_port(SOCK_DGRAM);
    Pair *pair = pair_new("-netdev dgram,id=net0,local.type=inet,local.host=127.0.0.1,"
                          "local.port=%u,remote.type=inet,remote.host=127.0.0.1,remote.port=%u",
                          port, own_port);

    pair_wait_info(pair, "udp=127.0.0.1:%u/127.0.0.1:%u", port, own_port);
    sock_udp_connect(fd, port);
    pair_check_fd(pair, FRAME_LINK_DATAGRAM, fd, 40);
    pair_free(pair);
    sock_close(&fd);
}

/* Frames are taken from anyone, and go to the remote address only. */
static void test_inet_takes_from_anyone(void)
{
    uint16_t own_port;
    uint16_t other_port;
    int fd = sock_udp(&own_port);
    int other = sock_udp(&other_port);
    uint16_t port = sock_free_port(SOCK_DGRAM);
    Pair *pair = pair_new("-netdev dgram,id=net0,local.type=inet,local.host=127.0.0.1,"
                          "local.port=%u,remote.type=inet,remote.host=%s,remote.port=%u",
                          port, sock_loopback_name(), own_port);
    FrameLink link;

    sock_udp_connect(other, port);
    frame_link_init(&link, FRAME_LINK_DATAGRAM, other);
    frame_link_send(&link, 0, FEW);
    frame_link_expect(&pair->peer, 0, FEW);
    frame_link_clear(&link);
    frame_link_init(&link, FRAME_LINK_DATAGRAM, fd);
    frame_link_send(&pair->peer, 0, FEW);
    frame_link_expect(&link, 0, FEW);
    frame_link_clear(&link);
    g_assert_false(fd_is_readable(other));
    pair_free(pair);
    sock_close(&fd);
    sock_close(&other);
}

static Pair *unix_pair(const char *local, const char *remote)
{
    Pair *pair = pair_new("-netdev dgram,id=net0,local.type=unix,local.path=%s,"
                          "remote.type=unix,remote.path=%s", local, remote);

    pair_wait_info(pair, "udp=%s:%s", local, remote);
    return pair;
}

static void test_unix(void)
{
    g_autofree char *local = tmp_path("local.sock");
    g_autofree char *remote = tmp_path("remote.sock");
    int fd = sock_dgram_unix(remote);
    Pair *pair = unix_pair(local, remote);

    sock_dgram_unix_connect(fd, local);
    pair_check_fd(pair, FRAME_LINK_DATAGRAM, fd, FEW);
    pair_free(pair);
    sock_close(&fd);
    g_assert_cmpint(access(local, F_OK), ==, -1);
}

static void test_unix_replaces_old_path(void)
{
    g_autofree char *local = tmp_path("old.sock");
    g_autofree char *remote = tmp_path("remote.sock");
    int old = sock_dgram_unix(local);
    int fd = sock_dgram_unix(remote);
    Pair *pair;

    sock_close(&old);
    pair = unix_pair(local, remote);

    sock_dgram_unix_connect(fd, local);
    pair_check_fd(pair, FRAME_LINK_DATAGRAM, fd, FEW);
    pair_free(pair);
    sock_close(&fd);
}

static void test_fd(void)
{
    int fd;
    int theirs;
    Pair *pair;

    sock_pair(SOCK_DGRAM, &fd, &theirs);
    pair = pair_new("-netdev dgram,id=net0,local.type=fd,local.str=%d", theirs);
    pair_wait_info(pair, "fd=%d unix", theirs);
    sock_close(&theirs);
    pair_check_fd(pair, FRAME_LINK_DATAGRAM, fd, FEW);
    pair_free(pair);
    sock_close(&fd);
}

static void test_fd_inet(void)
{
    uint16_t own_port;
    uint16_t port;
    int fd = sock_udp(&own_port);
    int theirs = sock_udp(&port);
    Pair *pair = pair_new(PAIR_WITHOUT_NET0);

    sock_udp_connect(fd, port);
    sock_udp_connect(theirs, own_port);
    pair_add_given(pair, theirs, "'type': 'dgram', 'local': {'type': 'fd', 'str': 'given'}");
    pair_check_fd(pair, FRAME_LINK_DATAGRAM, fd, 40);
    pair_free(pair);
    sock_close(&fd);
}

static void test_mcast(void)
{
    uint16_t port = sock_free_port(SOCK_DGRAM);
    Pair *pair = pair_new("-netdev dgram,id=net0,local.type=inet,local.host=127.0.0.1,"
                          "local.port=0,remote.type=inet,remote.host=230.0.0.24,"
                          "remote.port=%u", port);
    uint8_t frame[1514];
    size_t len = frame_of_seq(frame, 7);

    pair_wait_info(pair, "mcast=230.0.0.24:%u", port);
    frame_link_send_bytes(&pair->peer, frame, len);
    frame_link_expect_bytes(&pair->peer, frame, len); /* a member hears itself */
    pair_free(pair);
}

/* --- Trouble ----------------------------------------------------------------------------- */

static void test_nobody_there(void)
{
    g_autofree char *local = tmp_path("alone.sock");
    g_autofree char *remote = tmp_path("nobody.sock");
    Pair *pair = unix_pair(local, remote);
    int fd;

    frame_link_send(&pair->peer, 0, 3);
    qtest_wait_netdev(pair->s, "net0", "rx.dropped.send-failed.frames", 3);
    fd = sock_dgram_unix(remote);
    sock_dgram_unix_connect(fd, local);
    pair_check_fd(pair, FRAME_LINK_DATAGRAM, fd, FEW);
    pair_free(pair);
    sock_close(&fd);
}

/* A refusal (ICMP) that an earlier frame met does not stop what comes later. */
static void test_refused_datagrams(void)
{
    uint16_t port = sock_free_port(SOCK_DGRAM);
    uint16_t remote_port = sock_free_port(SOCK_DGRAM);
    Pair *pair = pair_new("-netdev dgram,id=net0,local.type=inet,local.host=127.0.0.1,"
                          "local.port=%u,remote.type=inet,remote.host=127.0.0.1,remote.port=%u",
                          port, remote_port);
    uint16_t own_port;
    int fd = sock_udp(&own_port);
    FrameLink link;

    frame_link_send(&pair->peer, 0, FEW);
    sock_udp_connect(fd, port);
    frame_link_init(&link, FRAME_LINK_DATAGRAM, fd);
    frame_link_send(&link, 0, FEW);
    frame_link_expect(&pair->peer, 0, FEW);
    frame_link_clear(&link);
    pair_free(pair);
    sock_close(&fd);
}

/* poll() tells nothing about a full receiver that the socket is not connected to. */
static void test_full_unix_receiver(void)
{
    g_autofree char *local = tmp_path("full.sock");
    g_autofree char *remote = tmp_path("full-remote.sock");
    int fd = sock_dgram_unix(remote);
    Pair *pair = unix_pair(local, remote);
    FrameLink link;

    frame_link_init(&link, FRAME_LINK_DATAGRAM, fd);
    frame_link_send(&pair->peer, 0, 1000);
    qtest_wait_netdev(pair->s, "net0", "rx.in.frames", 1000);
    g_assert_cmpint(qtest_netdev_count(pair->s, "net0", "rx.held.frames"), >, 0);
    frame_link_expect(&link, 0, 1000);
    g_assert_cmpint(qtest_netdev_count(pair->s, "net0", "rx.dropped.frames"), ==, 0);
    frame_link_clear(&link);
    pair_free(pair);
    sock_close(&fd);
}

/* --- Refused ----------------------------------------------------------------------------- */

#define INET(port) "{'type': 'inet', 'host': '127.0.0.1', 'port': '" port "'}"
#define UNIX(path) "{'type': 'unix', 'path': '" path "'}"

typedef struct AddError {
    const char *name;
    const char *members;
    const char *desc;
} AddError;

static const AddError add_errors[] = {
    { "nothing", "", "dgram requires local= parameter" },
    { "no-local", ", 'remote': " INET("1"), "dgram requires local= parameter" },
    { "no-remote-inet", ", 'local': " INET("0"),
      "type=inet or type=unix requires remote parameter" },
    { "no-remote-unix", ", 'local': " UNIX("/x"),
      "type=inet or type=unix requires remote parameter" },
    { "types-differ", ", 'local': " UNIX("/x") ", 'remote': " INET("1"),
      "remote and local types must be the same" },
    { "fd-and-remote", ", 'local': {'type': 'fd', 'str': '0'}, 'remote': " INET("1"),
      "don't set remote with local.fd" },
    { "bad-host", ", 'local': {'type': 'inet', 'host': '1.2.3.400', 'port': '0'}, 'remote': "
      INET("1"), "host address '1.2.3.400' is not a valid IPv4 address" },
    { "bad-port", ", 'local': " INET("x") ", 'remote': " INET("1"),
      "port number 'x' is invalid" },
    { "cannot-bind", ", 'local': {'type': 'inet', 'host': '1.2.3.4', 'port': '0'}, 'remote': "
      INET("1"), "can't bind ip=1.2.3.4 to socket: Cannot assign requested address" },
    { "cannot-bind-unix", ", 'local': " UNIX("/no/such/dir/x") ", 'remote': " UNIX("/x"),
      "can't bind unix=/no/such/dir/x to socket: No such file or directory" },
    { "cannot-bind-to-directory", ", 'local': " UNIX("/") ", 'remote': " UNIX("/x"),
      "can't bind unix=/ to socket: Address already in use (there is a directory)" },
};

static void test_add_error(const void *data)
{
    const AddError *bad = data;
    QTest *s = qtest_start("%s", "");

    qtest_qmp_error(s, "GenericError", bad->desc, "{'execute': 'netdev_add', 'arguments': "
                    "{'type': 'dgram', 'id': 'x'%s}}", bad->members);
    qtest_quit(s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/netdev-dgram/inet", test_inet);
    g_test_add_func("/netdev-dgram/inet-takes-from-anyone", test_inet_takes_from_anyone);
    g_test_add_func("/netdev-dgram/unix", test_unix);
    g_test_add_func("/netdev-dgram/unix-replaces-old-path", test_unix_replaces_old_path);
    g_test_add_func("/netdev-dgram/fd", test_fd);
    g_test_add_func("/netdev-dgram/fd-inet", test_fd_inet);
    g_test_add_func("/netdev-dgram/mcast", test_mcast);
    g_test_add_func("/netdev-dgram/nobody-there", test_nobody_there);
    g_test_add_func("/netdev-dgram/refused-datagrams", test_refused_datagrams);
    g_test_add_func("/netdev-dgram/full-unix-receiver", test_full_unix_receiver);
    CASES_ADD("/netdev-dgram/netdev-add/", add_errors, name, test_add_error);
    return g_test_run();
}
