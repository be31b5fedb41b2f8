/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter-handover: two programs and a channel that is cut, held and sliced at every offset. */

/*
 *   a.net ── net0 ── h0 ── e0 ── a.guest
 *                    │
 *                 proxy: cuts after so many bytes, holds a direction, forwards in slices
 *                    │
 *   b.net ── net0 ── h0 ── e0 ── b.guest
 *
 * usage: test-handover-cuts [RUNS [SEED]]
 *
 * In each run the VMs are made to stop and go on in a random order while frames arrive at a.net.
 * At its end both run, and each frame must have reached exactly one guest, in order. As wait is
 * long, nothing is ever given away without an answer.
 */

#include "qtest-client.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cutting-proxy.h"

typedef struct Guest {
    int fd;
    GByteArray *bytes; /* of a frame that is not whole yet */
    uint32_t last;     /* number of the last frame */
} Guest;

typedef struct Cuts {
    QTest *a;
    QTest *b;
    int net_fd[2];
    FrameLink net;   /* a.net */
    Guest guests[2]; /* a, b */
    CuttingProxy *proxy;
    bool is_a_stopped;
    bool is_b_running;
    uint32_t n_sent; /* frames so far; the first has number 1 */
    uint32_t n_got;
    GByteArray *seen; /* by number: 1 = it has reached a guest */
} Cuts;

static unsigned n_runs = 300;
static uint32_t first_seed;

/* --- The hosts --------------------------------------------------------------------------- */

static QTest *cuts_start_host(Cuts *c, int i, const char *more)
{
    int net;
    int guest;
    QTest *s;

    sock_pair(SOCK_STREAM, &c->net_fd[i], &net);
    sock_pair(SOCK_STREAM, &c->guests[i].fd, &guest);
    s = qtest_start("-trace filter_handover_* -netdev socket,id=net0,fd=%d %s "
                    "--export stream,id=e0,netdev=net0,addr.type=fd,addr.str=%d", net, more,
                    guest);
    sock_close(&net);
    sock_close(&guest);
    c->guests[i].bytes = g_byte_array_new();
    return s;
}

static Cuts *cuts_new(void)
{
    Cuts *c = g_new0(Cuts, 1);
    g_autofree char *a_path = tmp_path("a.sock");
    g_autofree char *b_path = tmp_path("b.sock");
    g_autofree char *b_options =
        g_strdup_printf("-S -object secret,id=k0,data=0123456789abcdef "
                        "-chardev socket,id=side0,path=%s,server=on,wait=off "
                        "-object filter-handover,id=h0,netdev=net0,indev=side0,key-secret=k0,"
                        "wait=60000", b_path);
    g_autofree char *a_options =
        g_strdup_printf("-object secret,id=k0,data=MDEyMzQ1Njc4OWFiY2RlZg==,format=base64 "
                        "-chardev socket,id=side0,path=%s,reconnect-ms=1 "
                        "-object filter-handover,id=h0,netdev=net0,outdev=side0,key-secret=k0,"
                        "wait=60000,active-in=paused", a_path);

    c->b = cuts_start_host(c, 1, b_options);
    c->proxy = cutting_proxy_new(a_path, b_path);
    c->a = cuts_start_host(c, 0, a_options);
    c->seen = g_byte_array_new();
    frame_link_init(&c->net, FRAME_LINK_STREAM, c->net_fd[0]);
    qtest_wait_filter(c->a, "h0", "handover.connected", 1);
    return c;
}

static void cuts_check_counters(Cuts *c)
{
    qtest_assert_conservation(c->a);
    qtest_assert_conservation(c->b);
    g_assert_cmpint(qtest_filter_count(c->a, "h0", "handover.dropped"), ==, 0);
    g_assert_cmpint(qtest_filter_count(c->a, "h0", "handover.unasked"), ==, 0);
    g_assert_cmpint(qtest_filter_count(c->b, "h0", "handover.split"), ==, 0);
    g_assert_cmpint(qtest_filter_count(c->a, "h0", "malformed"), ==, 0);
    g_assert_cmpint(qtest_filter_count(c->b, "h0", "malformed"), ==, 0);
}

static void cuts_free(Cuts *c)
{
    cuts_check_counters(c);
    qtest_quit(c->a);
    qtest_quit(c->b);
    cutting_proxy_free(c->proxy);
    frame_link_clear(&c->net);
    for (int i = 0; i < 2; i++) {
        sock_close(&c->net_fd[i]);
        sock_close(&c->guests[i].fd);
        g_byte_array_unref(c->guests[i].bytes);
    }
    g_byte_array_unref(c->seen);
    g_free(c);
}

/* --- What the guests get ----------------------------------------------------------------- */

static void print_tail(const char *name, QTest *s)
{
    g_autofree char *text = qtest_output(s);
    const char *pos = text + strlen(text);

    for (int n = 0; pos > text && n < 80; pos--) {
        n += *pos == '\n';
    }
    fprintf(stderr, "# event log of %s:\n%s\n", name, pos);
}

static void cuts_fail(Cuts *c, const char *what, uint32_t seq)
{
    print_tail("the source", c->a);
    print_tail("the destination", c->b);
    fprintf(stderr, "# %s: frame %u of %u\n", what, seq, c->n_sent);
    g_assert_not_reached();
}

static void guest_take(Cuts *c, Guest *guest, const uint8_t *frame, uint32_t len)
{
    uint32_t seq;

    g_assert_true(frame_check(frame, len, &seq));
    if (seq == 0 || seq > c->n_sent) {
        cuts_fail(c, "never sent", seq);
    }
    if (c->seen->data[seq]) {
        cuts_fail(c, "twice", seq);
    }
    if (seq < guest->last) {
        cuts_fail(c, "out of order", seq);
    }
    c->seen->data[seq] = 1;
    guest->last = seq;
    c->n_got++;
}

static void guest_read(Cuts *c, Guest *guest)
{
    uint8_t data[65536];
    ssize_t n = read(guest->fd, data, sizeof(data));
    uint32_t len;

    g_assert_cmpint(n, >, 0);
    g_byte_array_append(guest->bytes, data, (guint)n);
    while (guest->bytes->len >= 4) {
        memcpy(&len, guest->bytes->data, 4);
        len = GUINT32_FROM_BE(len);
        if (guest->bytes->len < 4 + len) {
            break;
        }
        guest_take(c, guest, guest->bytes->data + 4, len);
        g_byte_array_remove_range(guest->bytes, 0, 4 + len);
    }
}

static uint32_t cuts_first_missing(const Cuts *c)
{
    uint32_t seq = 1;

    while (seq < c->n_sent && c->seen->data[seq]) {
        seq++;
    }
    return seq;
}

/* All that was sent must come. */
static void cuts_collect(Cuts *c)
{
    while (c->n_got < c->n_sent) {
        struct pollfd polls[2] = { { .fd = c->guests[0].fd, .events = POLLIN },
                                   { .fd = c->guests[1].fd, .events = POLLIN } };

        if (poll(polls, 2, wait_limit_ms()) <= 0) {
            cuts_fail(c, "lost", cuts_first_missing(c));
        }
        for (int i = 0; i < 2; i++) {
            if (polls[i].revents) {
                guest_read(c, &c->guests[i]);
            }
        }
    }
}

/* --- A run ------------------------------------------------------------------------------- */

static void cuts_send(Cuts *c, uint32_t n)
{
    g_byte_array_set_size(c->seen, c->n_sent + n + 1);
    memset(c->seen->data + c->n_sent + 1, 0, n);
    c->seen->data[0] = 1;
    frame_link_send(&c->net, c->n_sent + 1, n);
    c->n_sent += n;
}

static void cuts_turn_a(Cuts *c)
{
    c->is_a_stopped = !c->is_a_stopped;
    (c->is_a_stopped ? qtest_stop : qtest_cont)(c->a);
}

static void cuts_turn_b(Cuts *c)
{
    c->is_b_running = !c->is_b_running;
    if (c->is_b_running) {
        qtest_cont(c->b);
    } else {
        qtest_stop(c->b);
        qtest_qom_set_bool(c->b, "h0", "armed", true);
    }
}

static void cuts_disturb(Cuts *c, GRand *random)
{
    static const unsigned chunks[] = { 1, 7, 61, 1500, 65536 };
    uint32_t cut_after[CUTTING_PROXY_MAX_CUTS];
    unsigned n_cuts = (unsigned)g_rand_int_range(random, 0, 5);

    for (unsigned i = 0; i < n_cuts; i++) {
        cut_after[i] = (uint32_t)g_rand_int_range(random, 0, 1 << g_rand_int_range(random, 3, 15));
    }
    cutting_proxy_disturb(c->proxy, chunks[g_rand_int_range(random, 0, G_N_ELEMENTS(chunks))],
                          n_cuts, cut_after);
}

static void cuts_act(Cuts *c, GRand *random)
{
    switch (g_rand_int_range(random, 0, 6)) {
    case 0:
    case 1:
        cuts_turn_a(c);
        break;
    case 2:
        cuts_turn_b(c);
        break;
    case 3:
        cutting_proxy_hold(c->proxy, (unsigned)g_rand_int_range(random, 0, 4));
        break;
    default:
        cuts_send(c, (uint32_t)g_rand_int_range(random, 1, 40));
    }
}

static void cuts_run(Cuts *c, uint32_t seed)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    int n_acts = g_rand_int_range(random, 2, 8);

    if (c->is_b_running) {
        cuts_turn_b(c);
    }
    cuts_disturb(c, random);
    cuts_turn_a(c);
    cuts_send(c, (uint32_t)g_rand_int_range(random, 0, 60));
    for (int i = 0; i < n_acts; i++) {
        cuts_act(c, random);
    }
    cutting_proxy_hold(c->proxy, 0);
    if (!c->is_b_running) {
        cuts_turn_b(c);
    }
    if (c->is_a_stopped) {
        cuts_turn_a(c);
    }
    cuts_collect(c);
}

static void test_cuts(void)
{
    Cuts *c = cuts_new();

    for (unsigned i = 0; i < n_runs; i++) {
        if (i % 50 == 0) {
            g_test_message("seed %u", first_seed + i);
            cuts_check_counters(c);
        }
        cuts_run(c, first_seed + i);
    }
    g_test_message("%u runs, %u cuts, %u frames: each at one guest, in order", n_runs,
                   cutting_proxy_n_cuts(c->proxy), c->n_sent);
    cuts_free(c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    first_seed = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : (uint32_t)g_test_rand_int();
    n_runs = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : n_runs;
    g_test_add_func("/handover-cuts/random", test_cuts);
    return g_test_run();
}
