/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter-handover: two programs, each with a network and a guest, hand over frames. */

#include "qtest-client.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/*
 *   a.net ── net0 ── h0 ── e0 ── a.guest          source: diverts while its VM is paused
 *                    │
 *                  side0, a unix socket
 *                    │
 *   b.net ── net0 ── h0 ── e0 ── b.guest          destination: its VM has not run yet
 *
 * The run states are set by stop and cont, as no QEMU is there to be followed.
 */
typedef struct Host {
    QTest *s;
    int net_fd;
    int guest_fd;
    FrameLink net;
    FrameLink guest;
} Host;

typedef struct Hosts {
    Host a;
    Host b;
    char *path; /* of side0 */
} Hosts;

static void host_start(Host *host, const char *more)
{
    int net;
    int guest;

    sock_pair(SOCK_STREAM, &host->net_fd, &net);
    sock_pair(SOCK_STREAM, &host->guest_fd, &guest);
    host->s = qtest_start("-netdev socket,id=net0,fd=%d %s "
                          "--export stream,id=e0,netdev=net0,addr.type=fd,addr.str=%d", net, more,
                          guest);
    sock_close(&net);
    sock_close(&guest);
    frame_link_init(&host->net, FRAME_LINK_STREAM, host->net_fd);
    frame_link_init(&host->guest, FRAME_LINK_STREAM, host->guest_fd);
}

static void host_clear(Host *host)
{
    frame_link_clear(&host->net);
    frame_link_clear(&host->guest);
    sock_close(&host->net_fd);
    sock_close(&host->guest_fd);
}

static void host_free(Host *host)
{
    qtest_assert_conservation(host->s);
    qtest_quit(host->s);
    host_clear(host);
}

static void wait_phase(Host *host, const char *phase)
{
    while (true) {
        g_autoptr(json_object) event = qtest_wait_event(host->s, "NET_HANDOVER");
        json_object *data = json_object_object_get(event, "data");

        if (g_strcmp0(json_object_get_string(json_object_object_get(data, "phase")),
                      phase) == 0) {
            return;
        }
    }
}

static int64_t count(Host *host, const char *path)
{
    g_autofree char *whole = g_strdup_printf("handover.%s", path);

    return qtest_filter_count(host->s, "h0", whole);
}

static void wait_count(Host *host, const char *path, int64_t value)
{
    g_autofree char *whole = g_strdup_printf("handover.%s", path);

    qtest_wait_filter(host->s, "h0", whole, value);
}

/* docs/migration.rst, "By a management tool", on a unix socket. */
static void hosts_add_channel(Hosts *h, const char *more, const char *more_b)
{
    g_autofree char *filter_b =
        g_strdup_printf("{'qom-type': 'filter-handover', 'id': 'h0', 'netdev': 'net0', "
                        "'indev': 'side0'%s}", more_b);
    g_autofree char *filter =
        g_strdup_printf("{'qom-type': 'filter-handover', 'id': 'h0', 'netdev': 'net0', "
                        "'outdev': 'side0', 'active-in': ['paused']%s}", more);

    qtest_qmp_ok(h->b.s, "{'execute': 'chardev-add', 'arguments': {'id': 'side0', 'backend': "
                 "{'type': 'socket', 'data': {'addr': {'type': 'unix', 'data': {'path': '%s'}}, "
                 "'server': true, 'wait': false}}}}", h->path);
    qtest_object_add(h->b.s, filter_b);
    qtest_qmp_ok(h->a.s, "{'execute': 'chardev-add', 'arguments': {'id': 'side0', 'backend': "
                 "{'type': 'socket', 'data': {'addr': {'type': 'unix', 'data': {'path': '%s'}}, "
                 "'server': false, 'reconnect-ms': 10}}}}", h->path);
    qtest_object_add(h->a.s, filter);
}

static Hosts *hosts_start(const char *more, const char *more_b)
{
    Hosts *h = g_new0(Hosts, 1);

    h->path = tmp_path("side.sock");
    host_start(&h->b, "-S -object secret,id=k0,data=0123456789abcdef");
    host_start(&h->a, "-object secret,id=k0,data=0123456789abcdef "
               "-object secret,id=k1,data=0123456789abcdeF");
    hosts_add_channel(h, more, more_b);
    return h;
}

static Hosts *hosts_new(const char *more)
{
    Hosts *h = hosts_start(more, "");

    wait_count(&h->a, "connected", 1);
    frame_link_send(&h->a.net, 0, 100);
    frame_link_expect(&h->a.guest, 0, 100);
    return h;
}

static void hosts_free(Hosts *h)
{
    host_free(&h->a);
    if (h->b.s) {
        host_free(&h->b);
    }
    g_free(h->path);
    g_free(h);
}

/* The source's VM stops; frames 100 to 299 come; the destination has them. */
static void hosts_divert(Hosts *h)
{
    qtest_stop(h->a.s);
    frame_link_send(&h->a.net, 100, 200);
    wait_count(&h->b, "received", 200);
}

/* --- Cases ------------------------------------------------------------------------------- */

static void test_released(void)
{
    Hosts *h = hosts_new("");

    hosts_divert(h);
    frame_link_expect_nothing(&h->b.guest);
    frame_link_send(&h->b.net, 400, 50);
    qtest_cont(h->b.s);
    frame_link_expect(&h->b.guest, 100, 200);
    wait_phase(&h->a, "released");
    frame_link_send(&h->a.net, 300, 100);
    frame_link_expect(&h->b.guest, 300, 100);
    wait_phase(&h->b, "idle");
    frame_link_expect(&h->b.guest, 400, 50);
    wait_count(&h->a, "kept.frames", 0);
    frame_link_expect_nothing(&h->a.guest);
    g_assert_cmpint(count(&h->a, "acknowledged"), ==, 300);
    g_assert_cmpint(count(&h->b, "injected"), ==, 300);
    hosts_free(h);
}

static void test_guests_frames_go_out(void)
{
    Hosts *h = hosts_new("");

    hosts_divert(h);
    frame_link_send(&h->b.guest, 0, 5);
    frame_link_expect_nothing(&h->b.net);
    qtest_cont(h->b.s);
    frame_link_expect(&h->b.net, 0, 5);
    frame_link_expect(&h->b.guest, 100, 200);
    hosts_free(h);
}

static void test_cancelled(void)
{
    Hosts *h = hosts_new("");

    hosts_divert(h);
    qtest_cont(h->a.s);
    frame_link_expect(&h->a.guest, 100, 200);
    frame_link_send(&h->a.net, 300, 100);
    frame_link_expect(&h->a.guest, 300, 100);
    wait_count(&h->b, "cancelled", 200);
    qtest_cont(h->b.s);
    frame_link_expect_nothing(&h->b.guest);
    g_assert_cmpint(count(&h->a, "returned"), ==, 200);
    hosts_free(h);
}

static void test_both_run(void)
{
    Hosts *h = hosts_new("");

    hosts_divert(h);
    qtest_cont(h->b.s);
    frame_link_expect(&h->b.guest, 100, 200);
    wait_phase(&h->a, "released");
    qtest_cont(h->a.s);
    frame_link_send(&h->a.net, 300, 10);
    frame_link_expect(&h->a.guest, 300, 10);
    frame_link_expect_nothing(&h->b.guest);
    hosts_free(h);
}

static void test_channel_breaks(void)
{
    Hosts *h = hosts_new("");

    hosts_divert(h);
    for (uint32_t seq = 300; seq < 600; seq += 100) {
        qtest_qmp_ok(h->a.s, "{'execute': 'yank', 'arguments': {'instances': "
                     "[{'type': 'chardev', 'id': 'side0'}]}}");
        frame_link_send(&h->a.net, seq, 100);
        wait_count(&h->b, "kept.frames", seq);
    }
    qtest_cont(h->b.s);
    frame_link_expect(&h->b.guest, 100, 500);
    wait_count(&h->a, "kept.frames", 0);
    hosts_free(h);
}

/* The source keeps its frames, and says so; its own guest can have them. */
static void test_destination_dies(void)
{
    Hosts *h = hosts_new("");
    g_autofree char *text = NULL;

    hosts_divert(h);
    qtest_kill(h->b.s);
    h->b.s = NULL;
    host_clear(&h->b);
    wait_count(&h->a, "connected", 0);
    frame_link_send(&h->a.net, 300, 50);
    wait_count(&h->a, "kept.frames", 250);
    text = qtest_hmp(h->a.s, "info netfilters");
    g_assert_nonnull(strstr(text, "hand-over: diverting, not connected"));
    qtest_cont(h->a.s);
    frame_link_expect(&h->a.guest, 100, 250);
    hosts_free(h);
}

/* The source is ended behind a migration to a VM that stays paused, and gets the frames then. */
static void test_source_ends(void)
{
    Hosts *h = hosts_new("");

    hosts_divert(h);
    qtest_signal(h->a.s, SIGTERM);
    qtest_wait_output(h->a.s, "filter 'h0': ends before the destination has acknowledged 200 "
                      "frames; 0 of them were not sent");
    g_assert_cmpint(qtest_wait_exit(h->a.s), ==, 0);
    host_clear(&h->a);
    wait_count(&h->b, "connected", 0);
    qtest_cont(h->b.s);
    frame_link_expect(&h->b.guest, 100, 200);
    host_free(&h->b);
    g_free(h->path);
    g_free(h);
}

static void write_words(int fd, const uint32_t *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t word_be = GUINT32_TO_BE(words[i]);

        sock_write(fd, &word_be, sizeof(word_be));
    }
}

/* docs/protocol.rst, "Handover". */
static void tell(int fd, uint32_t type, uint32_t round, uint32_t n_frames)
{
    const uint32_t words[] = { 20, 20, 0x514e4832, type, round, 0, n_frames };

    write_words(fd, words, G_N_ELEMENTS(words));
}

/* A destination without a key; the random number is of no use then. */
static void greet(int fd)
{
    const uint32_t words[2 + 13] = { 52, 52, 0x514e484f, 2 };

    write_words(fd, words, G_N_ELEMENTS(words));
}

/* The destination's word comes when the source's guest has got the frames already. */
static void test_late_answer(void)
{
    const uint32_t split = 11;
    Hosts *h = hosts_new(", 'wait': 1");
    int listen_fd;
    int fd;

    qtest_quit(h->b.s);
    h->b.s = NULL;
    host_clear(&h->b);
    listen_fd = sock_listen_unix(h->path);
    fd = sock_accept(listen_fd);
    greet(fd);
    wait_count(&h->a, "connected", 1);
    qtest_stop(h->a.s);
    frame_link_send(&h->a.net, 100, 5);
    wait_count(&h->a, "taken", 5);
    qtest_cont(h->a.s);
    qtest_wait_output(h->a.s, "filter 'h0': the destination does not answer; the VM goes on here "
                      "and gets 5 frames");
    wait_phase(&h->a, "taken-back");
    frame_link_expect(&h->a.guest, 100, 5);
    tell(fd, split, (uint32_t)count(&h->a, "round"), 5);
    qtest_wait_output(h->a.s, "filter 'h0': the VM runs at the destination too, and has 5 frames "
                      "that the one here has got");
    qtest_expect_event(h->a.s, "NET_HANDOVER_SPLIT");
    g_assert_cmpint(count(&h->a, "connected"), ==, 1);
    g_assert_cmpint(count(&h->a, "unasked"), ==, 5);
    g_assert_cmpint(count(&h->a, "split"), ==, 5);
    hosts_free(h);
    sock_close(&fd);
    sock_close(&listen_fd);
}

/* The first round's frames are on their way to a guest that does not read when a second begins. */
static void test_slow_reader(void)
{
    const uint32_t n = 3000;
    Hosts *h = hosts_new("");

    qtest_stop(h->a.s);
    frame_link_send(&h->a.net, 100, n);
    wait_count(&h->a, "taken", n);
    qtest_cont(h->b.s);
    wait_phase(&h->a, "released");
    qtest_cont(h->a.s);
    qtest_stop(h->a.s);
    frame_link_send(&h->a.net, 100 + n, 50);
    frame_link_expect(&h->b.guest, 100, n);
    qtest_cont(h->a.s);
    frame_link_expect(&h->a.guest, 100 + n, 50);
    frame_link_expect_nothing(&h->b.guest);
    hosts_free(h);
}

static void test_key(void)
{
    Hosts *h = hosts_start(", 'key-secret': 'k0'", ", 'key-secret': 'k0'");

    wait_count(&h->a, "connected", 1);
    qtest_stop(h->a.s);
    frame_link_send(&h->a.net, 0, 20);
    qtest_cont(h->b.s);
    frame_link_expect(&h->b.guest, 0, 20);
    hosts_free(h);
}

static void test_wrong_key(void)
{
    Hosts *h = hosts_start(", 'key-secret': 'k1'", ", 'key-secret': 'k0'");

    qtest_wait_output(h->b.s, "filter 'h0': chardev 'side0': the other end does not have the key "
                      "of 'key-secret'");
    g_assert_cmpint(count(&h->a, "connected"), ==, 0);
    g_assert_cmpint(count(&h->b, "connected"), ==, 0);
    hosts_free(h);
}

static void test_missing_key(void)
{
    Hosts *h = hosts_start("", ", 'key-secret': 'k0'");

    qtest_wait_output(h->b.s, "filter 'h0': chardev 'side0': the other end has no 'key-secret'");
    qtest_wait_output(h->a.s, "the other end has a 'key-secret', and this one has not");
    hosts_free(h);
}

static void expect_announced(FrameLink *link, const char *text, size_t len)
{
    uint8_t frame[FRAME_MAX];

    g_assert_cmpuint(frame_link_receive(link, frame), ==, len);
    for (size_t i = 0; text[2 * i]; i++) {
        unsigned byte;

        g_assert_cmpint(sscanf(text + 2 * i, "%2x", &byte), ==, 1);
        g_assert_cmpuint(frame[i], ==, byte);
    }
}

static void test_announce(void)
{
    Hosts *h = hosts_start("", ", 'announce': true, 'guest-mac': '52:54:00:12:34:56', "
                           "'guest-addresses': ['10.0.2.15', 'fe80::1']");

    qtest_stop(h->a.s);
    frame_link_send(&h->a.net, 0, 3);
    wait_count(&h->b, "received", 3);
    qtest_cont(h->b.s);
    expect_announced(&h->b.net, "ffffffffffff5254001234568035" "0001080006040003"
                     "52540012345600000000" "52540012345600000000", 60);
    expect_announced(&h->b.net, "ffffffffffff5254001234560806" "0001080006040001"
                     "5254001234560a00020f" "0000000000000a00020f", 60);
    expect_announced(&h->b.net, "33330000000152540012345686dd" "6000000000203aff"
                     "fe800000000000000000000000000001" "ff020000000000000000000000000001"
                     "8800", 86);
    frame_link_expect(&h->b.guest, 0, 3);
    hosts_free(h);
}

static void test_garbage(void)
{
    Hosts *h = hosts_new("");
    int fd = -1;

    qtest_object_del(h->a.s, "h0");
    qtest_qmp_ok(h->a.s, "{'execute': 'chardev-remove', 'arguments': {'id': 'side0'}}");
    fd = sock_connect_unix(h->path);
    g_assert_cmpint(send(fd, "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL), ==, 18);
    qtest_wait_output(h->b.s, "filter 'h0': chardev 'side0': ");
    qtest_wait_filter(h->b.s, "h0", "malformed", 1);
    sock_close(&fd);
    hosts_free(h);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/handover/released", test_released);
    g_test_add_func("/handover/guests-frames-go-out", test_guests_frames_go_out);
    g_test_add_func("/handover/cancelled", test_cancelled);
    g_test_add_func("/handover/both-run", test_both_run);
    g_test_add_func("/handover/channel-breaks", test_channel_breaks);
    g_test_add_func("/handover/destination-dies", test_destination_dies);
    g_test_add_func("/handover/source-ends", test_source_ends);
    g_test_add_func("/handover/late-answer", test_late_answer);
    g_test_add_func("/handover/slow-reader", test_slow_reader);
    g_test_add_func("/handover/key", test_key);
    g_test_add_func("/handover/wrong-key", test_wrong_key);
    g_test_add_func("/handover/missing-key", test_missing_key);
    g_test_add_func("/handover/announce", test_announce);
    g_test_add_func("/handover/garbage", test_garbage);
    return g_test_run();
}
