/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exports of type stream: guests come and go, frames wait for them, nothing is lost. */

#include "export-rig.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define N_FRAMES 40

/* --- Ways to attach ---------------------------------------------------------------------- */

static void test_server(void)
{
    ExportRig *rig = export_rig_new("");
    g_autofree char *path = g_strdup(rig->path);

    export_rig_expect_str(rig, "waits-for", "none");
    export_rig_expect_str(rig, "peer", NULL);
    g_assert_cmpint(export_rig_count(rig, "connected"), ==, 0);
    export_rig_attach(rig);
    export_rig_check(rig, N_FRAMES);
    g_assert_cmpint(export_rig_count(rig, "connected"), ==, 1);
    g_assert_cmpint(export_rig_count(rig, "connections"), ==, 1);
    g_assert_cmpint(export_rig_count(rig, "peer-pid"), ==, getpid());
    g_assert_cmpint(export_rig_count(rig, "to-guest.frames"), ==, N_FRAMES);
    g_assert_cmpint(export_rig_count(rig, "from-guest.frames"), ==, N_FRAMES);
    g_assert_cmpint(export_rig_count(rig, "unread"), ==, 0);
    export_rig_free(rig);
    g_assert_cmpint(access(path, F_OK), !=, 0);
}

static void test_tcp_server(void)
{
    uint16_t port = sock_free_port(SOCK_STREAM);
    g_autofree char *options = g_strdup_printf("stream,id=e0,netdev=net0,addr.type=inet,"
                                               "addr.host=127.0.0.1,addr.port=%u", port);
    g_autofree char *address = g_strdup_printf("tcp:127.0.0.1:%u", port);
    ExportRig *rig = export_rig_start(options);
    g_autoptr(json_object) entry = NULL;
    json_object *unread;

    export_rig_adopt(rig, FRAME_LINK_STREAM, sock_connect_tcp(port));
    export_rig_check(rig, N_FRAMES);
    entry = export_rig_entry(rig);
    g_assert_false(json_object_object_get_ex(entry, "unread", &unread));
    export_rig_expect_str(rig, "address", address);
    export_rig_free(rig);
}

/* The port that the system chose is told. */
static void test_any_port(void)
{
    ExportRig *rig = export_rig_start("stream,id=e0,netdev=net0,addr.type=inet,"
                                      "addr.host=127.0.0.1,addr.port=0");
    g_autoptr(json_object) entry = export_rig_entry(rig);
    const char *address = json_object_get_string(json_object_object_get(entry, "address"));
    uint16_t port;

    g_assert_true(g_str_has_prefix(address, "tcp:127.0.0.1:"));
    port = (uint16_t)atoi(strrchr(address, ':') + 1);
    export_rig_adopt(rig, FRAME_LINK_STREAM, sock_connect_tcp(port));
    export_rig_check(rig, N_FRAMES);
    export_rig_free(rig);
}

static ExportRig *start_client(const char *path, const char *more)
{
    g_autofree char *options = g_strdup_printf("stream,id=e0,netdev=net0,server=off,"
                                               "addr.type=unix,addr.path=%s%s", path, more);

    return export_rig_start(options);
}

static void test_client_connects_again(void)
{
    g_autofree char *path = tmp_path("qemu.sock");
    int listen_fd = -1;
    ExportRig *rig;

    unlink(path);
    rig = start_client(path, ",reconnect-ms=5");
    for (int i = 0; i < 3; i++) {
        listen_fd = sock_listen_unix(path);
        export_rig_adopt(rig, FRAME_LINK_STREAM, sock_accept(listen_fd));
        qtest_expect_event(rig->s, "NET_EXPORT_CONNECTED");
        export_rig_check(rig, N_FRAMES);
        sock_close(&listen_fd);
        unlink(path);
        export_rig_detach(rig);
    }
    g_assert_cmpint(export_rig_count(rig, "connections"), ==, 3);
    export_rig_free(rig);
}

static void test_fd(bool says_server)
{
    int guest;
    int theirs;
    ExportRig *rig;

    sock_pair(SOCK_STREAM, &guest, &theirs);
    {
        g_autofree char *options = g_strdup_printf("stream,id=e0,netdev=net0,addr.type=fd,"
                                                   "addr.str=%d%s", theirs,
                                                   says_server ? ",server=off" : "");
        rig = export_rig_start(options);
    }
    sock_close(&theirs);
    export_rig_adopt(rig, FRAME_LINK_STREAM, guest);
    qtest_expect_event(rig->s, "NET_EXPORT_CONNECTED");
    export_rig_check(rig, N_FRAMES);
    export_rig_expect_str(rig, "address", NULL);
    export_rig_detach(rig);
    export_rig_expect_shown(rig, "info exports",
                            "  the guest's QEMU has closed the socket that was given\r\n");
    export_rig_expect_shown(rig, "info network", "export=stream,not-connected\r\n");
    export_rig_free(rig);
}

static void test_connected_fd(void)
{
    test_fd(true);
    test_fd(false);
}

static int clear_cloexec_listen(const char *path)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    g_strlcpy(sa.sun_path, path, sizeof(sa.sun_path));
    unlink(path);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), ==, 0);
    g_assert_cmpint(listen(fd, 1), ==, 0);
    return fd;
}

static void test_listening_fd(void)
{
    g_autofree char *path = tmp_path("listens.sock");
    int fd = clear_cloexec_listen(path);
    g_autofree char *options = g_strdup_printf("stream,id=e0,netdev=net0,server=on,addr.type=fd,"
                                               "addr.str=%d", fd);
    ExportRig *rig = export_rig_start(options);

    sock_close(&fd);
    rig->path = g_strdup(path);
    for (int i = 0; i < 2; i++) {
        export_rig_attach(rig);
        export_rig_check(rig, N_FRAMES);
        export_rig_detach(rig);
    }
    export_rig_free(rig);
    unlink(path);
}

static void test_json(void)
{
    g_autofree char *path = tmp_path("json.sock");
    g_autofree char *options = g_strdup_printf(
        "'{\"type\": \"stream\", \"id\": \"e0\", \"netdev\": \"net0\", \"hold-size\": 1048576, "
        "\"addr\": {\"type\": \"unix\", \"path\": \"%s\"}}'", path);
    ExportRig *rig = export_rig_start(options);

    rig->path = g_strdup(path);
    export_rig_attach(rig);
    export_rig_check(rig, N_FRAMES);
    g_assert_cmpint(export_rig_count(rig, "hold-size"), ==, 1048576);
    export_rig_free(rig);
}

/* --- Guests come and go ------------------------------------------------------------------ */

static void test_frames_wait_for_a_guest(void)
{
    ExportRig *rig = export_rig_new("");

    export_rig_send(rig, N_FRAMES);
    export_rig_wait(rig, "held-to-guest.frames", N_FRAMES);
    export_rig_expect_str(rig, "waits-for", "not-connected");
    g_assert_cmpint(qtest_netdev_count(rig->s, "net0", "polled"), ==, 1);
    export_rig_attach(rig);
    export_rig_guest_gets(rig, N_FRAMES);
    export_rig_detach(rig);
    export_rig_send(rig, N_FRAMES);
    export_rig_wait(rig, "held-to-guest.frames", N_FRAMES);
    export_rig_attach(rig);
    export_rig_guest_gets(rig, N_FRAMES);
    export_rig_check(rig, N_FRAMES);
    g_assert_cmpint(export_rig_count(rig, "connections"), ==, 2);
    export_rig_free(rig);
}

static void test_the_limit_stops_reading(void)
{
    ExportRig *rig = export_rig_new(",hold-size=100k");

    g_assert_cmpint(export_rig_count(rig, "at-limit"), ==, 0);
    export_rig_fill(rig);
    g_assert_cmpint(export_rig_count(rig, "at-limit"), ==, 1);
    qtest_qmp_ok(rig->s, "{'execute': 'net-export-set', 'arguments': {'id': 'e0', "
                 "'hold-size': 300000}}");
    g_assert_cmpint(qtest_netdev_count(rig->s, "net0", "polled"), ==, 1);
    g_assert_cmpint(export_rig_count(rig, "at-limit"), ==, 0);
    export_rig_fill(rig);
    g_assert_cmpint(export_rig_count(rig, "at-limit"), ==, 1);
    export_rig_attach(rig);
    export_rig_guest_gets(rig, rig->n_to_guest);
    export_rig_check(rig, N_FRAMES);
    export_rig_free(rig);
}

static void test_guests_are_served_in_turn(void)
{
    ExportRig *rig = export_rig_new("");
    FrameLink link;
    int second;

    export_rig_attach(rig);
    second = sock_connect_unix(rig->path);
    frame_link_init(&link, FRAME_LINK_STREAM, second);
    frame_link_send(&link, N_FRAMES, 3);
    export_rig_check(rig, N_FRAMES);
    frame_link_expect_nothing(&rig->net);
    frame_link_expect_nothing(&link);
    export_rig_detach(rig);
    qtest_expect_event(rig->s, "NET_EXPORT_CONNECTED");
    frame_link_expect(&rig->net, N_FRAMES, 3);
    frame_link_clear(&link);
    sock_close(&second);
    export_rig_free(rig);
}

/* Frames of which the last is torn by the end of the connection: it is sent whole again. */
static void test_a_torn_frame_is_sent_again(void)
{
    ExportRig *rig = export_rig_new("");
    static uint8_t frame[FRAME_MAX];
    int64_t n_taken;
    size_t len;
    uint32_t n_got;

    export_rig_attach(rig);
    export_rig_fill(rig);
    n_taken = export_rig_count(rig, "to-guest.frames");
    export_rig_expect_str(rig, "waits-for", "socket-full");
    export_rig_detach(rig);
    export_rig_attach(rig);
    len = frame_link_receive(&rig->guest, frame);
    g_assert_true(frame_check(frame, len, &n_got));
    /* The one begun last, or when that was whole by chance the next one. */
    g_assert_cmpuint(n_got, >=, n_taken - 1);
    g_assert_cmpuint(n_got, <=, n_taken);
    rig->n_guest_got = n_got + 1;
    export_rig_guest_gets(rig, rig->n_to_guest - rig->n_guest_got);
    export_rig_check(rig, N_FRAMES);
    export_rig_free(rig);
}

static void test_one_shot(void)
{
    ExportRig *rig = export_rig_new(",one-shot=on");
    g_autoptr(json_object) list = NULL;

    export_rig_attach(rig);
    export_rig_check(rig, N_FRAMES);
    export_rig_detach(rig);
    qtest_expect_event(rig->s, "NET_EXPORT_DELETED");
    g_assert_cmpint(access(rig->path, F_OK), !=, 0);
    list = qtest_qmp_return(rig->s, "{'execute': 'query-net-exports'}");
    g_assert_cmpint(json_object_array_length(list), ==, 0);
    export_rig_free(rig);
}

/* One that has been waiting for its turn is not served. */
static void test_one_shot_serves_one(void)
{
    ExportRig *rig = export_rig_new(",one-shot=on");
    int next;
    char byte;

    export_rig_attach(rig);
    next = sock_connect_unix(rig->path);
    export_rig_detach(rig);
    qtest_expect_event(rig->s, "NET_EXPORT_DELETED");
    wait_fd(next, POLLIN, "the listener to close");
    g_assert_cmpint(recv(next, &byte, 1, 0), <=, 0);
    g_assert_false(qtest_has_event(rig->s, "NET_EXPORT_CONNECTED"));
    sock_close(&next);
    export_rig_free(rig);
}

/* A client says where it looks for the guest, and why it does not find it. */
static void test_client_tells_what_is_wrong(void)
{
    g_autofree char *path = tmp_path("qemu.sock");
    g_autofree char *address = g_strdup_printf("unix:%s", path);
    g_autofree char *error = g_strdup_printf("Failed to connect to '%s': No such file or "
                                             "directory", path);
    g_autofree char *text = NULL;
    ExportRig *rig;
    int listen_fd;

    unlink(path);
    rig = start_client(path, ",reconnect-ms=5");
    export_rig_expect_str(rig, "address", address);
    do {
        g_free(text);
        text = qtest_hmp(rig->s, "info exports");
    } while (!strstr(text, error));
    g_assert_nonnull(strstr(text, address));
    export_rig_expect_str(rig, "error", error);
    listen_fd = sock_listen_unix(path);
    export_rig_adopt(rig, FRAME_LINK_STREAM, sock_accept(listen_fd));
    qtest_expect_event(rig->s, "NET_EXPORT_CONNECTED");
    export_rig_expect_str(rig, "error", NULL);
    sock_close(&listen_fd);
    export_rig_free(rig);
}

/* --- Bad guests -------------------------------------------------------------------------- */

static void test_garbage_ends_the_connection(void)
{
    static const uint8_t garbage[] = { 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4 };
    ExportRig *rig = export_rig_new("");

    export_rig_attach(rig);
    export_rig_check(rig, N_FRAMES);
    sock_write(rig->guest_fd, garbage, sizeof(garbage));
    sock_expect_eof(rig->guest_fd);
    qtest_wait_output(rig->s, "export 'e0': serious error: oversized packet received,"
                      "connection terminated.");
    export_rig_detach(rig);
    g_assert_cmpint(export_rig_count(rig, "malformed"), ==, 1);
    export_rig_attach(rig);
    export_rig_check(rig, N_FRAMES);
    export_rig_free(rig);
}

static void test_empty_frames_are_dropped(void)
{
    static const uint8_t empty[8];
    ExportRig *rig = export_rig_new("");

    export_rig_attach(rig);
    sock_write(rig->guest_fd, empty, sizeof(empty));
    sock_write(rig->net_fd, empty, sizeof(empty));
    export_rig_check(rig, N_FRAMES);
    g_assert_cmpint(export_rig_count(rig, "dropped.empty.frames"), ==, 2);
    g_assert_cmpint(export_rig_count(rig, "to-guest.frames"), ==, N_FRAMES);
    export_rig_free(rig);
}

static void test_a_frame_cut_short(void)
{
    static const uint8_t part[] = { 0, 0, 0, 100, 1, 2, 3 };
    ExportRig *rig = export_rig_new("");

    export_rig_attach(rig);
    sock_write(rig->guest_fd, part, sizeof(part));
    export_rig_detach(rig);
    qtest_wait_output(rig->s, "export 'e0': connection ended inside a frame");
    export_rig_attach(rig);
    export_rig_check(rig, N_FRAMES);
    export_rig_free(rig);
}

/* --- The run state ----------------------------------------------------------------------- */

static void test_nothing_reaches_the_guest_of_a_stopped_vm(void)
{
    ExportRig *rig = export_rig_new("");

    export_rig_attach(rig);
    export_rig_check(rig, N_FRAMES);
    qtest_stop(rig->s);
    export_rig_send(rig, N_FRAMES);
    export_rig_wait(rig, "held-to-guest.frames", N_FRAMES);
    export_rig_expect_str(rig, "waits-for", "vm-stopped");
    export_rig_expect_str(rig, "run-state", "paused");
    frame_link_expect_nothing(&rig->guest);
    qtest_cont(rig->s);
    export_rig_guest_gets(rig, N_FRAMES);
    export_rig_check(rig, N_FRAMES);
    export_rig_free(rig);
}

static void test_not_read_while_stopped(void)
{
    ExportRig *rig = export_rig_new(",enable_when_stopped=off");

    export_rig_attach(rig);
    qtest_stop(rig->s);
    g_assert_cmpint(qtest_netdev_count(rig->s, "net0", "polled"), ==, 0);
    qtest_qmp_ok(rig->s, "{'execute': 'net-export-set', 'arguments': {'id': 'e0', "
                 "'enable_when_stopped': true}}");
    g_assert_cmpint(qtest_netdev_count(rig->s, "net0", "polled"), ==, 1);
    export_rig_free(rig);
}

/* What the guest sent is read whatever the run state, until the limit. */
static void test_the_guest_is_always_read(void)
{
    ExportRig *rig = export_rig_new(",hold-size=100k");
    uint32_t n;

    export_rig_attach(rig);
    qtest_stop(rig->s);
    do {
        n = frame_link_try_send(&rig->guest, rig->n_from_guest, 500);
        rig->n_from_guest += n;
    } while (export_rig_count(rig, "reading") == 1);
    g_assert_cmpint(export_rig_count(rig, "held-from-guest.bytes"), >, 50 * 1024);
    qtest_cont(rig->s);
    export_rig_net_gets(rig, rig->n_from_guest);
    export_rig_check(rig, N_FRAMES);
    export_rig_free(rig);
}

/* Frames that the guest sent before the stop are out before the event, none after it. */
static void test_the_guests_frames_are_out_before_the_stop(void)
{
    ExportRig *rig = export_rig_new("");

    export_rig_attach(rig);
    for (int i = 0; i < 20; i++) {
        export_rig_guest_sends(rig, N_FRAMES);
        qtest_stop(rig->s);
        g_assert_cmpint(qtest_netdev_count(rig->s, "net0", "rx.delivered.frames"), ==,
                        rig->n_from_guest);
        export_rig_net_gets(rig, N_FRAMES);
        export_rig_guest_sends(rig, 1);
        export_rig_wait(rig, "held-from-guest.frames", 1);
        frame_link_expect_nothing(&rig->net);
        qtest_cont(rig->s);
        export_rig_net_gets(rig, 1);
    }
    export_rig_free(rig);
}

/* A torn frame waits for the next guest and, as frames do, for the VM to run. */
static void test_a_torn_frame_waits_for_the_vm(void)
{
    ExportRig *rig = export_rig_new("");
    static uint8_t frame[FRAME_MAX];
    uint32_t seq;

    export_rig_attach(rig);
    export_rig_fill(rig);
    qtest_stop(rig->s);
    export_rig_detach(rig);
    export_rig_attach(rig);
    export_rig_wait(rig, "connected", 1);
    frame_link_expect_nothing(&rig->guest);
    qtest_cont(rig->s);
    g_assert_true(frame_check(frame, frame_link_receive(&rig->guest, frame), &seq));
    rig->n_guest_got = seq + 1;
    export_rig_guest_gets(rig, rig->n_to_guest - rig->n_guest_got);
    export_rig_free(rig);
}

/* --- Headers ----------------------------------------------------------------------------- */

static void test_vnet_hdr(void)
{
    ExportRig *rig = export_rig_new(",vnet-hdr=on");
    static uint8_t frame[FRAME_MAX];
    uint32_t prefix_be[2];
    size_t len = frame_of_seq(frame, 0);
    uint8_t header[12] = { 0 };

    export_rig_attach(rig);
    export_rig_send(rig, 1);
    sock_read(rig->guest_fd, prefix_be, sizeof(prefix_be));
    g_assert_cmpuint(ntohl(prefix_be[0]), ==, len);
    g_assert_cmpuint(ntohl(prefix_be[1]), ==, 0);
    prefix_be[0] = htonl(len + sizeof(header));
    prefix_be[1] = htonl(sizeof(header));
    sock_write(rig->guest_fd, prefix_be, sizeof(prefix_be));
    sock_write(rig->guest_fd, header, sizeof(header));
    sock_write(rig->guest_fd, frame, len);
    export_rig_wait(rig, "from-guest.frames", 1);
    export_rig_free(rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/export-stream/server", test_server);
    g_test_add_func("/export-stream/tcp-server", test_tcp_server);
    g_test_add_func("/export-stream/any-port", test_any_port);
    g_test_add_func("/export-stream/client-connects-again", test_client_connects_again);
    g_test_add_func("/export-stream/connected-fd", test_connected_fd);
    g_test_add_func("/export-stream/listening-fd", test_listening_fd);
    g_test_add_func("/export-stream/json", test_json);
    g_test_add_func("/export-stream/frames-wait-for-a-guest", test_frames_wait_for_a_guest);
    g_test_add_func("/export-stream/the-limit-stops-reading", test_the_limit_stops_reading);
    g_test_add_func("/export-stream/guests-are-served-in-turn", test_guests_are_served_in_turn);
    g_test_add_func("/export-stream/a-torn-frame-is-sent-again", test_a_torn_frame_is_sent_again);
    g_test_add_func("/export-stream/one-shot", test_one_shot);
    g_test_add_func("/export-stream/one-shot-serves-one", test_one_shot_serves_one);
    g_test_add_func("/export-stream/client-tells-what-is-wrong",
                    test_client_tells_what_is_wrong);
    g_test_add_func("/export-stream/garbage-ends-the-connection",
                    test_garbage_ends_the_connection);
    g_test_add_func("/export-stream/empty-frames-are-dropped", test_empty_frames_are_dropped);
    g_test_add_func("/export-stream/a-frame-cut-short", test_a_frame_cut_short);
    g_test_add_func("/export-stream/nothing-reaches-the-guest-of-a-stopped-vm",
                    test_nothing_reaches_the_guest_of_a_stopped_vm);
    g_test_add_func("/export-stream/not-read-while-stopped", test_not_read_while_stopped);
    g_test_add_func("/export-stream/the-guest-is-always-read", test_the_guest_is_always_read);
    g_test_add_func("/export-stream/the-guests-frames-are-out-before-the-stop",
                    test_the_guests_frames_are_out_before_the_stop);
    g_test_add_func("/export-stream/a-torn-frame-waits-for-the-vm",
                    test_a_torn_frame_waits_for_the_vm);
    g_test_add_func("/export-stream/vnet-hdr", test_vnet_hdr);
    return g_test_run();
}
