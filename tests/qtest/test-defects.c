/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Defects known of QEMU's network layer, shown to be absent; numbered as in their list. */

#include "rig.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define REDIRECTOR "-object filter-redirector,id=f0,netdev=net0,queue=tx,outdev=chr0"

/* A chardev chr1 that a redirector f1 takes frames from, and its other end. */
typedef struct Indev {
    char *path;
    int fd;
    FrameLink link;
} Indev;

static void indev_prepare(Indev *in)
{
    in->path = tmp_path("chr1.sock");
    in->fd = -1;
}

#define INDEV_OPTIONS "-chardev socket,id=chr1,path=%s,server=on,wait=off " \
                      "-object filter-redirector,id=f1,netdev=net0,indev=chr1,queue="

static void indev_connect(Indev *in)
{
    in->fd = sock_connect_unix(in->path);
    frame_link_init(&in->link, FRAME_LINK_STREAM, in->fd);
}

static void indev_disconnect(Indev *in)
{
    frame_link_clear(&in->link);
    sock_close(&in->fd);
}

static void indev_clear(Indev *in)
{
    if (in->fd >= 0) {
        indev_disconnect(in);
    }
    g_free(in->path);
}

/* Frames from @first on, until nothing more goes out toward the network. Returns: how many. */
static uint32_t send_until_blocked(Rig *rig, Indev *in, uint32_t first)
{
    uint32_t n = 0;

    do {
        n += frame_link_try_send(&in->link, first + n, 1000);
    } while (!qtest_netdev_count(rig->s, "net0", "rx.blocked"));
    return n;
}

/* An empty frame on a netdev's stream. */
static void test_1_2_empty_frame(void)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, REDIRECTOR);

    rig_connect_out(rig);
    sock_write(rig->net_fd, "\0\0\0", 4);
    rig_send(rig, 5);
    rig_expect_out(rig, 5);
    g_assert_cmpint(qtest_netdev_count(rig->s, "net0", "dropped.empty.frames"), ==, 1);
    rig_free(rig);
}

/* An empty frame on indev. */
static void test_1_5_empty_frame(void)
{
    Indev in;
    Rig *rig;

    indev_prepare(&in);
    rig = rig_new_with_taker(INDEV_OPTIONS "tx", in.path);
    indev_connect(&in);
    sock_write(in.fd, "\0\0\0", 4);
    frame_link_send(&in.link, 0, 5);
    rig_expect_peer(rig, 5);
    indev_clear(&in);
    rig_free(rig);
}

static void test_1_3_empty_datagram(const void *data)
{
    Rig *rig = rig_new(GPOINTER_TO_INT(data), REDIRECTOR);

    rig_connect_out(rig);
    rig_send(rig, 2);
    g_assert_cmpint(send(rig->net_fd, "", 0, 0), ==, 0);
    rig_send(rig, 3);
    rig_expect_out(rig, 5);
    g_assert_cmpint(qtest_netdev_count(rig->s, "net0", "dropped.empty.frames"), ==, 1);
    rig_free(rig);
}

/* The length is judged when it is read, not 69632 bytes later. */
static void test_1_2_length_word(const void *data)
{
    Rig *rig = rig_new(GPOINTER_TO_INT(data), REDIRECTOR);

    rig_connect_out(rig);
    rig_send(rig, 3);
    sock_write(rig->net_fd, "\x00\x01\x10\x01", 4);
    sock_expect_eof(rig->net_fd);
    rig_expect_out(rig, 3);
    g_assert_cmpint(qtest_netdev_count(rig->s, "net0", "malformed"), ==, 1);
    rig_free(rig);
}

/* A stream cut short is counted, and the process goes on. */
static void test_1_2_cut_short(void)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, REDIRECTOR);

    sock_write(rig->net_fd, "\0\0\0\x3c" "abc", 7);
    g_assert_cmpint(shutdown(rig->net_fd, SHUT_WR), ==, 0);
    sock_expect_eof(rig->net_fd);
    g_assert_cmpint(qtest_netdev_count(rig->s, "net0", "malformed"), ==, 1);
    rig_free(rig);
}

/* Time stamps of a filter-dump made late: wall time, not the future. */
static void test_1_8_time_stamps(void)
{
    g_autofree char *file = tmp_path("late.pcap");
    g_autofree char *pcap = NULL;
    g_autofree char *json = NULL;
    gsize len;
    uint32_t seconds;
    Rig *rig = rig_new(RIG_SOCKET_STREAM, " ");

    qtest_clock_step(rig->s, INT64_C(500) * 1000000000);
    json = g_strdup_printf("{'qom-type': 'filter-dump', 'id': 'd0', 'netdev': 'net0', "
                           "'file': '%s'}", file);
    qtest_object_add(rig->s, json);
    rig_send(rig, 1);
    qtest_wait_filter(rig->s, "d0", "passed.frames", 1);
    qtest_object_del(rig->s, "d0");
    g_assert_true(g_file_get_contents(file, &pcap, &len, NULL));
    g_assert_cmpuint(len, >=, 24 + 16 + FRAME_LEN_MIN);
    memcpy(&seconds, pcap + 24, sizeof(seconds));
    g_assert_cmpuint(labs((long)seconds - (long)time(NULL)), <, 300);
    rig_free(rig);
}

/* Neither a failed creation nor a look at the type's properties closes descriptor 0. */
static void test_1_8_descriptor_0(void)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, " ");
    g_autofree char *path = g_strdup_printf("/proc/%d/fd/0", qtest_pid(rig->s));
    char target[100];

    qtest_qmp_error(rig->s, "GenericError",
                    "Could not open '/nonexistent/d': No such file or directory",
                    "{'execute': 'object-add', 'arguments': {'qom-type': 'filter-dump', "
                    "'id': 'd0', 'netdev': 'net0', 'file': '/nonexistent/d'}}");
    qtest_qmp_ok(rig->s, "{'execute': 'qom-list-properties', "
                 "'arguments': {'typename': 'filter-dump'}}");
    g_assert_cmpint(readlink(path, target, sizeof(target)), >, 0);
    rig_free(rig);
}

static void test_2_1_second_hubport(void)
{
    Rig *rig = rig_new_with_taker(" ");

    qtest_qmp_error(rig->s, "GenericError", NULL,
                    "{'execute': 'netdev_add', 'arguments': {'type': 'hubport', 'id': 'p2', "
                    "'hubid': 1, 'netdev': 'net0'}}");
    rig_send(rig, 2);
    rig_expect_peer(rig, 2);
    rig_free(rig);
}

static void test_3_4_position_of_no_filter(void)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, " ");

    qtest_qmp_error(rig->s, "GenericError", "filter 'chr0' not found",
                    "{'execute': 'object-add', 'arguments': {'qom-type': 'filter-replay', "
                    "'id': 'r0', 'netdev': 'net0', 'position': 'id=chr0'}}");
    rig_free(rig);
}

/* Nobody reads what goes toward the network: the process answers, nothing is lost. */
static void test_2_4_slow_network(const void *data)
{
    FrameLink *net;
    uint32_t n = 0;
    Indev in;
    Rig *rig;

    indev_prepare(&in);
    rig = rig_new(GPOINTER_TO_INT(data), INDEV_OPTIONS "rx", in.path);
    net = &rig->net;
    indev_connect(&in);
    for (int quiet = 0; quiet < 3;) {
        uint32_t more = frame_link_try_send(&in.link, n, 1000);

        n += more;
        quiet = more > 0 ? 0 : quiet + 1;
        qtest_qmp_ok(rig->s, "{'execute': 'query-status'}");
    }
    frame_link_expect(net, 0, n);
    g_assert_cmpint(qtest_netdev_count(rig->s, "net0", "rx.dropped.frames"), ==, 0);
    indev_clear(&in);
    rig_free(rig);
}

/* The back end of a deleted netdev is closed, though a NIC was its peer. */
static void test_2_8_deleted_netdev(const void *data)
{
    Rig *rig = rig_new(GPOINTER_TO_INT(data), " ");

    qtest_qmp_ok(rig->s, "{'execute': 'netdev_del', 'arguments': {'id': 'net0'}}");
    sock_expect_eof(rig->net_fd);
    qtest_qmp_error(rig->s, "DeviceNotFound", "Device 'net0' not found",
                    "{'execute': 'netdev_del', 'arguments': {'id': 'net0'}}");
    rig_free(rig);
}

/* After a reconnection the sending direction works, from a whole frame on. */
static void test_2_9_reconnection(void)
{
    g_autofree char *path = tmp_path("net0.sock");
    g_autofree uint8_t *frame = g_malloc(FRAME_MAX);
    uint32_t n;
    uint32_t seq;
    Indev in;
    Rig *rig;

    indev_prepare(&in);
    rig = rig_new(RIG_STREAM_SERVER, INDEV_OPTIONS "rx", in.path);
    indev_connect(&in);
    frame_link_send(&in.link, 0, 3);
    frame_link_expect(&rig->net, 0, 3);
    /* Fill the connection so that a frame is cut, then break it. */
    n = 3 + send_until_blocked(rig, &in, 3);
    frame_link_clear(&rig->net);
    sock_close(&rig->net_fd);
    qtest_expect_event(rig->s, "NETDEV_STREAM_DISCONNECTED");
    rig->net_fd = sock_connect_unix(path);
    frame_link_init(&rig->net, FRAME_LINK_STREAM, rig->net_fd);
    qtest_expect_event(rig->s, "NETDEV_STREAM_CONNECTED");
    qtest_expect_event(rig->s, "NETDEV_STREAM_CONNECTED");
    qtest_wait_netdev(rig->s, "net0", "rx.held.frames", 0);
    frame_link_send(&in.link, n, 1);
    do {
        g_assert_true(frame_check(frame, frame_link_receive(&rig->net, frame), &seq));
    } while (seq != n);
    indev_clear(&in);
    rig_free(rig);
}

/* indev closed inside a frame: the next connection starts afresh. */
static void test_3_7_partial_frame(void)
{
    Indev in;
    Rig *rig;

    indev_prepare(&in);
    rig = rig_new_with_taker(INDEV_OPTIONS "tx", in.path);
    indev_connect(&in);
    frame_link_send(&in.link, 0, 2);
    sock_write(in.fd, "\0\0\0\x3c" "half", 8);
    indev_disconnect(&in);
    rig_expect_peer(rig, 2);
    indev_connect(&in);
    frame_link_send(&in.link, 2, 3);
    rig_expect_peer(rig, 3);
    indev_clear(&in);
    rig_free(rig);
}

/* A malformed indev stream is closed; a reconnection revives it. */
static void test_3_7_oversized_on_indev(void)
{
    Indev in;
    Rig *rig;

    indev_prepare(&in);
    rig = rig_new_with_taker(INDEV_OPTIONS "tx", in.path);
    indev_connect(&in);
    frame_link_send(&in.link, 0, 2);
    sock_write(in.fd, "\xff\xff\xff\xff", 4);
    sock_expect_eof(in.fd);
    rig_expect_peer(rig, 2);
    indev_disconnect(&in);
    indev_connect(&in);
    frame_link_send(&in.link, 2, 3);
    rig_expect_peer(rig, 3);
    indev_clear(&in);
    rig_free(rig);
}

/* The peer of indev leaves while the filter is off: what it sent is read later. */
static void test_3_7_closed_while_off(void)
{
    Indev in;
    Rig *rig;

    indev_prepare(&in);
    rig = rig_new_with_taker(INDEV_OPTIONS "tx,status=off", in.path);
    indev_connect(&in);
    frame_link_send(&in.link, 0, 10);
    indev_disconnect(&in);
    qtest_qmp_ok(rig->s, "{'execute': 'query-status'}");
    frame_link_expect_nothing(&rig->peer);
    qtest_qom_set_str(rig->s, "f1", "status", "on");
    rig_expect_peer(rig, 10);
    indev_clear(&in);
    rig_free(rig);
}

/* What waits toward a slow network at the stop is not thrown away, nor cut. */
static void test_5_1_purge_at_stop(const void *data)
{
    uint32_t n;
    Indev in;
    Rig *rig;

    indev_prepare(&in);
    rig = rig_new(GPOINTER_TO_INT(data), INDEV_OPTIONS "rx", in.path);
    indev_connect(&in);
    n = send_until_blocked(rig, &in, 0);
    for (int i = 0; i < 3; i++) {
        qtest_stop(rig->s);
        qtest_cont(rig->s);
    }
    qtest_stop(rig->s);
    n += frame_link_try_send(&in.link, n, 3000);
    qtest_cont(rig->s);
    frame_link_expect(&rig->net, 0, n);
    g_assert_cmpint(qtest_netdev_count(rig->s, "net0", "rx.dropped.frames"), ==, 0);
    indev_clear(&in);
    rig_free(rig);
}

/* The same toward the guest. */
static void test_5_1_purge_toward_guest(void)
{
    Rig *rig = rig_new_with_taker(" ");

    rig->n_sent = frame_link_try_send(&rig->net, 0, 5000);
    for (int i = 0; i < 10; i++) {
        qtest_stop(rig->s);
        rig->n_sent += frame_link_try_send(&rig->net, rig->n_sent, 100);
        qtest_cont(rig->s);
    }
    rig_expect_peer(rig, rig->n_sent);
    rig_free(rig);
}

static void add(const char *name, RigNetdev kind, void (*func)(const void *))
{
    g_autofree char *path = g_strdup_printf("/defects/%s/%s", name, rig_netdev_name(kind));

    g_test_add_data_func(path, GINT_TO_POINTER(kind), func);
}

static void add_streams(const char *name, void (*func)(const void *))
{
    static const RigNetdev streams[] = { RIG_SOCKET_STREAM, RIG_SOCKET_LISTEN,
                                         RIG_SOCKET_CONNECT, RIG_STREAM_FD, RIG_STREAM_SERVER,
                                         RIG_STREAM_CLIENT, RIG_STREAM_TCP };

    for (size_t i = 0; i < G_N_ELEMENTS(streams); i++) {
        add(name, streams[i], func);
    }
}

static void add_datagrams(const char *name, void (*func)(const void *))
{
    static const RigNetdev datagrams[] = { RIG_SOCKET_DGRAM, RIG_SOCKET_UDP, RIG_DGRAM_FD,
                                           RIG_DGRAM_UNIX, RIG_DGRAM_INET };

    for (size_t i = 0; i < G_N_ELEMENTS(datagrams); i++) {
        add(name, datagrams[i], func);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/defects/1.2-empty-frame", test_1_2_empty_frame);
    g_test_add_func("/defects/1.5-empty-frame-on-indev", test_1_5_empty_frame);
    add_datagrams("1.3-empty-datagram", test_1_3_empty_datagram);
    add_streams("1.2-length-is-judged-at-once", test_1_2_length_word);
    g_test_add_func("/defects/1.2-stream-cut-short", test_1_2_cut_short);
    g_test_add_func("/defects/1.8-time-stamps", test_1_8_time_stamps);
    g_test_add_func("/defects/1.8-descriptor-0", test_1_8_descriptor_0);
    g_test_add_func("/defects/2.1-second-hubport", test_2_1_second_hubport);
    g_test_add_func("/defects/3.4-position-of-no-filter", test_3_4_position_of_no_filter);
    add_streams("2.4-slow-network-blocks-nothing", test_2_4_slow_network);
    add_streams("2.8-deleted-netdev-is-closed", test_2_8_deleted_netdev);
    g_test_add_func("/defects/2.9-sending-after-reconnection", test_2_9_reconnection);
    g_test_add_func("/defects/3.7-partial-frame-on-indev", test_3_7_partial_frame);
    g_test_add_func("/defects/3.7-oversized-on-indev", test_3_7_oversized_on_indev);
    g_test_add_func("/defects/3.7-indev-closed-while-off", test_3_7_closed_while_off);
    add_streams("5.1-held-at-stop-are-kept", test_5_1_purge_at_stop);
    g_test_add_func("/defects/5.1-held-for-the-guest-are-kept", test_5_1_purge_toward_guest);
    return g_test_run();
}
