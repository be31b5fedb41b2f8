/* SPDX-License-Identifier: GPL-2.0-or-later */
/* enable_when_stopped: a redirector whose netdev is read while the VM is stopped. */

#include "rig.h"

#include <string.h>
#include <sys/socket.h>

#define ENABLED "'enable_when_stopped': true"

#define REDIRECTOR "-object filter-redirector,id=f0,netdev=net0,queue=tx,outdev=chr0"
#define REDIRECTOR_ON REDIRECTOR ",enable_when_stopped=true"

/* The first line of the manual: frames come out in every state, in order. */
static void test_mission(void)
{
    g_autofree char *path = tmp_path("out.sock");
    int net;
    int theirs;
    int out;
    FrameLink net_link;
    FrameLink out_link;
    QTest *s;

    sock_pair(SOCK_STREAM, &net, &theirs);
    s = qtest_start("-nic socket,id=net0,fd=%d -chardev socket,id=chr0,path=%s,server=on,"
                    "wait=off " REDIRECTOR_ON, theirs, path);
    sock_close(&theirs);
    out = sock_connect_unix(path);
    frame_link_init(&net_link, FRAME_LINK_STREAM, net);
    frame_link_init(&out_link, FRAME_LINK_STREAM, out);

    frame_link_send(&net_link, 0, 100);
    frame_link_expect(&out_link, 0, 100);
    qtest_stop(s);
    frame_link_send(&net_link, 100, 300);
    frame_link_expect(&out_link, 100, 300);
    qtest_cont(s);
    frame_link_send(&net_link, 400, 100);
    frame_link_expect(&out_link, 400, 100);

    g_assert_cmpint(qtest_netdev_count(s, "net0", "tx.in.frames"), ==, 500);
    g_assert_cmpint(qtest_netdev_count(s, "net0", "tx.consumed.frames"), ==, 500);
    g_assert_cmpint(qtest_netdev_count(s, "net0", "tx.while-stopped.consumed.frames"), ==, 300);
    g_assert_cmpint(qtest_filter_count(s, "f0", "to-outdev.frames"), ==, 500);
    qtest_assert_conservation(s);
    qtest_quit(s);
    frame_link_clear(&net_link);
    frame_link_clear(&out_link);
    sock_close(&net);
    sock_close(&out);
}

/* Without the property what arrives waits in the kernel, whole. */
static void test_off_leaves_frames_unread(void)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, REDIRECTOR);

    rig_connect_out(rig);
    rig_send(rig, 10);
    rig_expect_out(rig, 10);
    qtest_stop(rig->s);
    g_assert_false(rig_is_polled(rig));
    rig_send(rig, 20);
    g_assert_cmpint(qtest_netdev_count(rig->s, "net0", "tx.in.frames"), ==, 10);
    rig_expect_no_out(rig);
    qtest_cont(rig->s);
    rig_expect_out(rig, 20);
    rig_free(rig);
}

static void test_object_add_while_stopped(void)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, " ");

    rig_connect_out(rig);
    qtest_stop(rig->s);
    rig_send(rig, 5);
    rig_add_redirector(rig, ENABLED);
    rig_expect_out(rig, 5);
    rig_send(rig, 5);
    rig_expect_out(rig, 5);
    rig_free(rig);
}

static void test_created_before_start(const void *option)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, "%s " REDIRECTOR_ON, (const char *)option);

    rig_connect_out(rig);
    rig_send(rig, 50);
    rig_expect_out(rig, 50);
    rig_free(rig);
}

static void test_property_set_while_stopped(void)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, REDIRECTOR);

    rig_connect_out(rig);
    qtest_stop(rig->s);
    rig_send(rig, 5);
    qtest_qom_set_bool(rig->s, "f0", "enable_when_stopped", true);
    rig_expect_out(rig, 5);
    rig_send(rig, 5);
    rig_expect_out(rig, 5);

    qtest_qom_set_bool(rig->s, "f0", "enable_when_stopped", false);
    g_assert_false(rig_is_polled(rig));
    rig_send(rig, 5);
    g_assert_cmpint(qtest_netdev_count(rig->s, "net0", "tx.in.frames"), ==, 10);
    rig_expect_no_out(rig);
    qtest_cont(rig->s);
    rig_expect_out(rig, 5);
    rig_free(rig);
}

static void test_status_switched_while_stopped(void)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, REDIRECTOR_ON);

    rig_connect_out(rig);
    qtest_stop(rig->s);
    rig_send(rig, 5);
    rig_expect_out(rig, 5);
    qtest_qom_set_str(rig->s, "f0", "status", "off");
    g_assert_false(rig_is_polled(rig));
    rig_send(rig, 5);
    rig_expect_no_out(rig);
    qtest_qom_set_str(rig->s, "f0", "status", "on");
    g_assert_true(rig_is_polled(rig));
    rig_expect_out(rig, 5);
    rig_free(rig);
}

static void test_two_redirectors_one_deleted(void)
{
    g_autofree char *path = tmp_path("chr1.sock");
    Rig *rig = rig_new(RIG_SOCKET_STREAM, REDIRECTOR_ON
                       " -chardev socket,id=chr1,path=%s,server=on,wait=off "
                       "-object filter-redirector,id=f1,netdev=net0,queue=tx,outdev=chr1,"
                       "enable_when_stopped=true", path);
    int second = sock_connect_unix(path);
    FrameLink link;

    frame_link_init(&link, FRAME_LINK_STREAM, second);
    rig_connect_out(rig);
    qtest_stop(rig->s);
    qtest_wait_netdev(rig->s, "net0", "stopped-readers", 2);
    rig_send(rig, 10);
    rig_expect_out(rig, 10);
    qtest_object_del(rig->s, "f0");
    g_assert_cmpint(qtest_netdev_count(rig->s, "net0", "stopped-readers"), ==, 1);
    g_assert_true(rig_is_polled(rig));
    rig_send(rig, 10);
    frame_link_expect(&link, 10, 10);
    qtest_object_del(rig->s, "f1");
    g_assert_false(rig_is_polled(rig));
    frame_link_clear(&link);
    sock_close(&second);
    rig_free(rig);
}

static void test_deleted_while_stopped(void)
{
    Rig *rig = rig_new_with_taker(REDIRECTOR_ON);

    rig_connect_out(rig);
    qtest_stop(rig->s);
    rig_send(rig, 5);
    rig_expect_out(rig, 5);
    qtest_object_del(rig->s, "f0");
    g_assert_false(rig_is_polled(rig));
    rig_send(rig, 5);
    frame_link_expect_nothing(&rig->peer);
    qtest_cont(rig->s);
    rig->n_peer = 5;
    rig_expect_peer(rig, 5);
    rig_free(rig);
}

/* --- outdev comes and goes while the VM is stopped; @data: the value of on-disconnect ------ */

static void test_outdev_connects_while_stopped(const void *policy)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, REDIRECTOR_ON ",on-disconnect=%s",
                       (const char *)policy);

    qtest_stop(rig->s);
    rig_send(rig, 20);
    g_assert_false(rig_is_polled(rig));
    g_assert_cmpint(qtest_netdev_count(rig->s, "net0", "tx.in.frames"), ==, 0);
    rig_connect_out(rig);
    rig_expect_out(rig, 20);
    g_assert_true(rig_is_polled(rig));
    rig_free(rig);
}

static void test_outdev_reconnects_while_stopped(const void *policy)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, REDIRECTOR_ON ",on-disconnect=%s",
                       (const char *)policy);

    rig_connect_out(rig);
    qtest_stop(rig->s);
    for (int i = 0; i < 5; i++) {
        rig_send(rig, 10);
        rig_expect_out(rig, 10);
        rig_disconnect_out(rig);
        g_assert_false(rig_is_polled(rig));
        rig_send(rig, 10);
        rig_connect_out(rig);
        rig_expect_out(rig, 10);
    }
    g_assert_cmpint(qtest_filter_count(rig->s, "f0", "dropped.frames"), ==, 0);
    rig_free(rig);
}

/* The peer leaves with the program's socket full: the frame not wholly out comes again. */
static void test_outdev_breaks_in_mid_frame(const void *policy)
{
    g_autofree uint8_t *frame = g_malloc(FRAME_MAX);
    Rig *rig = rig_new(RIG_SOCKET_STREAM, REDIRECTOR_ON ",on-disconnect=%s",
                       (const char *)policy);
    int64_t taken;
    uint32_t seq;

    rig_connect_out(rig);
    qtest_stop(rig->s);
    do {
        rig->n_sent += frame_link_try_send(&rig->net, rig->n_sent, 1000);
    } while (qtest_filter_count(rig->s, "f0", "held.frames") == 0);
    rig_wait_in(rig, rig->n_sent);
    rig_disconnect_out(rig);
    taken = qtest_filter_count(rig->s, "f0", "to-outdev.frames");
    g_assert_cmpint(qtest_filter_count(rig->s, "f0", "dropped.frames"), ==, 0);

    /* What was wholly in the socket went with it; all else follows, a torn frame whole. */
    rig_connect_out(rig);
    g_assert_true(frame_check(frame, frame_link_receive(&rig->out, frame), &seq));
    g_assert_cmpint(seq, >=, taken - 1);
    g_assert_cmpint(seq, <=, taken);
    rig->n_out = seq + 1;
    rig_expect_out(rig, rig->n_sent - rig->n_out);
    rig_free(rig);
}

/* Running: each policy does what it says. */
static void test_drop_while_running(void)
{
    Rig *rig = rig_new_with_taker(REDIRECTOR);

    rig_send(rig, 10);
    qtest_wait_filter(rig->s, "f0", "dropped.not-connected.frames", 10);
    rig_connect_out(rig);
    rig_send(rig, 10);
    rig->n_out = 10;
    rig_expect_out(rig, 10);
    frame_link_expect_nothing(&rig->peer);
    rig_free(rig);
}

static void test_hold_while_running(void)
{
    Rig *rig = rig_new_with_taker(REDIRECTOR ",on-disconnect=hold");

    rig_send(rig, 10);
    /* Those of the first read are held; the others wait in the kernel. */
    qtest_wait_netdev(rig->s, "net0", "tx.blocked", 1);
    g_assert_cmpint(qtest_filter_count(rig->s, "f0", "held.frames"), >=, 1);
    g_assert_false(rig_is_polled(rig));
    rig_connect_out(rig);
    rig_expect_out(rig, 10);
    rig_free(rig);
}

static void test_pass_while_running(void)
{
    Rig *rig = rig_new_with_taker(REDIRECTOR ",on-disconnect=pass");

    rig_send(rig, 10);
    rig_expect_peer(rig, 10);
    rig_connect_out(rig);
    rig_send(rig, 10);
    rig->n_out = 10;
    rig_expect_out(rig, 10);
    rig_free(rig);
}

static void test_policy_switched_at_run_time(void)
{
    Rig *rig = rig_new_with_taker(REDIRECTOR ",on-disconnect=hold");

    rig_send(rig, 10);
    /* Those of the first read are held; the others wait in the kernel. */
    qtest_wait_netdev(rig->s, "net0", "tx.blocked", 1);
    g_assert_cmpint(qtest_filter_count(rig->s, "f0", "held.frames"), >=, 1);
    qtest_qom_set_str(rig->s, "f0", "on-disconnect", "pass");
    rig_expect_peer(rig, 10);
    qtest_qom_set_str(rig->s, "f0", "on-disconnect", "drop");
    rig_send(rig, 5);
    qtest_wait_filter(rig->s, "f0", "dropped.not-connected.frames", 5);
    rig_free(rig);
}

/* --- What is held ---------------------------------------------------------------------------- */

/* Far more than all sockets hold, and nobody reads for a while. */
static void test_stalled_reader(void)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, REDIRECTOR_ON ",hold-size=1M");

    rig_connect_out(rig);
    qtest_stop(rig->s);
    rig_fill(rig);
    g_assert_cmpint(rig_held_cost(rig), <, 1024 * 1024 + 256 * 1024);
    /* QMP answers all the while: the queries above did. */
    rig_expect_out(rig, rig->n_sent);
    qtest_wait_netdev(rig->s, "net0", "polled", 1);
    g_assert_cmpint(qtest_filter_count(rig->s, "f0", "dropped.frames"), ==, 0);
    rig_free(rig);
}

/* While the VM runs the sender feels the pressure: one read is all that is held. */
static void test_stalled_reader_while_running(void)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, REDIRECTOR_ON);

    rig_connect_out(rig);
    do {
        rig->n_sent += frame_link_try_send(&rig->net, rig->n_sent, 1000);
    } while (!qtest_netdev_count(rig->s, "net0", "tx.blocked"));
    g_assert_cmpint(qtest_filter_count(rig->s, "f0", "held.bytes"), <, 256 * 1024);
    rig_expect_out(rig, rig->n_sent);
    g_assert_cmpint(qtest_filter_count(rig->s, "f0", "dropped.frames"), ==, 0);
    rig_free(rig);
}

/* Held behind the redirector before it was there: they come out of it first. */
static void test_earlier_frames_first(void)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, " ");

    rig_connect_out(rig);
    rig_send(rig, 7);
    qtest_wait_netdev(rig->s, "net0", "tx.blocked", 1);
    qtest_stop(rig->s);
    rig_send(rig, 7);
    rig_add_redirector(rig, ENABLED);
    rig_send(rig, 7);
    rig_expect_out(rig, 21);
    g_assert_cmpint(qtest_netdev_count(rig->s, "net0", "tx.held.frames"), ==, 0);
    rig_free(rig);
}

/* A mirror lets the frames pass: they wait, and reading goes on. */
static void test_passed_frame_does_not_end_draining(void)
{
    Rig *rig = rig_new_with_taker("-object filter-mirror,id=f0,netdev=net0,queue=tx,"
                                  "outdev=chr0,enable_when_stopped=true");

    rig_connect_out(rig);
    qtest_stop(rig->s);
    for (int i = 0; i < 10; i++) {
        rig_send(rig, 10);
        rig_expect_out(rig, 10);
        g_assert_true(rig_is_polled(rig));
        qtest_wait_netdev(rig->s, "net0", "tx.held.frames", (i + 1) * 10);
    }
    frame_link_expect_nothing(&rig->peer);
    qtest_cont(rig->s);
    rig_expect_peer(rig, 100);
    rig_free(rig);
}

static void test_dump_goes_on(void)
{
    g_autofree char *file = tmp_path("stopped.pcap");
    g_autofree char *pcap = NULL;
    gsize len;
    Rig *rig = rig_new_with_taker("-object filter-dump,id=f0,netdev=net0,file=%s,"
                                  "enable_when_stopped=true", file);

    qtest_stop(rig->s);
    rig_send(rig, 20);
    qtest_wait_filter(rig->s, "f0", "passed.frames", 20);
    qtest_object_del(rig->s, "f0");
    g_assert_true(g_file_get_contents(file, &pcap, &len, NULL));
    g_assert_cmpuint(len, >, 24 + 20 * (16 + FRAME_LEN_MIN) - 1);
    qtest_cont(rig->s);
    rig_expect_peer(rig, 20);
    rig_free(rig);
}

static void test_more_than_hold_size(void)
{
    Rig *rig = rig_new_with_taker("-chardev null,id=nul -object filter-mirror,id=f0,netdev=net0,"
                                  "queue=tx,outdev=nul,enable_when_stopped=true,"
                                  "hold-size=64k");

    qtest_stop(rig->s);
    rig_fill(rig);
    g_assert_cmpint(qtest_netdev_count(rig->s, "net0", "tx.hold-size"), ==, 65536);
    g_assert_cmpint(rig_held_cost(rig), <, 65536 + 256 * 1024);
    rig->n_sent += frame_link_try_send(&rig->net, rig->n_sent, 100);
    frame_link_expect_nothing(&rig->peer);
    qtest_cont(rig->s);
    rig_expect_peer(rig, rig->n_sent);
    g_assert_cmpint(qtest_netdev_count(rig->s, "net0", "tx.dropped.frames"), ==, 0);
    g_assert_true(rig_is_polled(rig));
    rig_free(rig);
}

/* A frame waits at the rewriter; what is behind it is active in one of the run states. */
static Rig *rig_new_with_state(const char *state)
{
    return rig_new_with_taker("-chardev null,id=c0 -chardev null,id=c1 "
                              "-object filter-mirror,id=m0,netdev=net0,queue=tx,outdev=c0,"
                              "enable_when_stopped=true "
                              "-object filter-rewriter,id=w0,netdev=net0 "
                              "-object filter-redirector,id=r0,netdev=net0,queue=tx,outdev=c1,"
                              "active-in=%s", state);
}

/* At cont the filters are switched before any frame moves on. */
static void test_off_before_frames_move(void)
{
    Rig *rig = rig_new_with_state("paused");

    for (int i = 0; i < 5; i++) {
        qtest_stop(rig->s);
        rig_send(rig, 1);
        qtest_wait_filter(rig->s, "w0", "held.frames", 1);
        qtest_cont(rig->s);
        rig_expect_peer(rig, 1);
    }
    g_assert_cmpint(qtest_filter_count(rig->s, "r0", "in.frames"), ==, 0);
    rig_free(rig);
}

static void test_on_before_frames_move(void)
{
    Rig *rig = rig_new_with_state("running");

    for (int i = 0; i < 5; i++) {
        qtest_stop(rig->s);
        rig_send(rig, 1);
        qtest_wait_filter(rig->s, "w0", "held.frames", 1);
        qtest_cont(rig->s);
        qtest_wait_filter(rig->s, "r0", "to-outdev.frames", i + 1);
    }
    frame_link_expect_nothing(&rig->peer);
    rig_free(rig);
}

static void test_hold_size_raised_while_full(void)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, REDIRECTOR_ON ",hold-size=64k");

    rig_connect_out(rig);
    qtest_stop(rig->s);
    rig_fill(rig);
    qtest_qom_set(rig->s, "f0", "hold-size", "4194304");
    qtest_wait_netdev(rig->s, "net0", "polled", 1);
    rig_expect_out(rig, rig->n_sent);
    rig_free(rig);
}

/* --- Many cycles ------------------------------------------------------------------------------ */

typedef struct Pump {
    FrameLink *link;
    gint stop;          /* atomic */
    uint32_t n;         /* frames sent, or received before the last one */
} Pump;

/* Sends as fast as it can, then a frame that marks the end. */
static gpointer pump_send(gpointer data)
{
    static const uint8_t end[60] = "the end";
    Pump *pump = data;

    while (!g_atomic_int_get(&pump->stop)) {
        frame_link_send(pump->link, pump->n, 16);
        pump->n += 16;
    }
    frame_link_send_bytes(pump->link, end, sizeof(end));
    return NULL;
}

static gpointer pump_receive(gpointer data)
{
    g_autofree uint8_t *frame = g_malloc(FRAME_MAX);
    Pump *pump = data;

    for (;;) {
        size_t len = frame_link_receive(pump->link, frame);
        uint32_t seq;

        if (memcmp(frame, "the end", 7) == 0) {
            return NULL;
        }
        g_assert_true(frame_check(frame, len, &seq));
        g_assert_cmpuint(seq, ==, pump->n);
        pump->n++;
    }
}

/* @option: how the redirector is set. */
static void test_thousand_cycles(const void *option)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, REDIRECTOR "%s", (const char *)option);
    Pump in = { .link = &rig->net };
    Pump out = { .link = &rig->out };
    GThread *sender;
    GThread *receiver;

    rig_connect_out(rig);
    sender = g_thread_new("send", pump_send, &in);
    receiver = g_thread_new("receive", pump_receive, &out);
    for (int i = 0; i < 1000; i++) {
        qtest_stop(rig->s);
        qtest_cont(rig->s);
    }
    g_atomic_int_set(&in.stop, 1);
    g_thread_join(sender);
    g_thread_join(receiver);
    g_assert_cmpuint(in.n, >, 1000);
    g_assert_cmpuint(out.n, ==, in.n);
    g_assert_cmpint(qtest_filter_count(rig->s, "f0", "to-outdev.frames"), ==, in.n + 1);
    rig_free(rig);
}

static void add_policies(const char *name, void (*func)(const void *))
{
    static const char *const policies[] = { "drop", "hold", "pass" };

    for (size_t i = 0; i < G_N_ELEMENTS(policies); i++) {
        g_autofree char *path = g_strdup_printf("/stopped/%s/%s", name, policies[i]);

        g_test_add_data_func(path, policies[i], func);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stopped/the-mission", test_mission);
    g_test_add_func("/stopped/off-leaves-frames-unread", test_off_leaves_frames_unread);
    g_test_add_func("/stopped/object-add-while-stopped", test_object_add_while_stopped);
    g_test_add_data_func("/stopped/created-in-prelaunch", "-S", test_created_before_start);
    g_test_add_data_func("/stopped/created-in-inmigrate", "-incoming defer",
                         test_created_before_start);
    g_test_add_func("/stopped/property-set-while-stopped", test_property_set_while_stopped);
    g_test_add_func("/stopped/status-switched-while-stopped",
                    test_status_switched_while_stopped);
    g_test_add_func("/stopped/two-redirectors-one-deleted", test_two_redirectors_one_deleted);
    g_test_add_func("/stopped/deleted-while-stopped", test_deleted_while_stopped);
    add_policies("outdev-connects", test_outdev_connects_while_stopped);
    add_policies("outdev-breaks-and-reconnects", test_outdev_reconnects_while_stopped);
    add_policies("outdev-breaks-in-mid-frame", test_outdev_breaks_in_mid_frame);
    g_test_add_func("/stopped/running-drop", test_drop_while_running);
    g_test_add_func("/stopped/running-hold", test_hold_while_running);
    g_test_add_func("/stopped/running-pass", test_pass_while_running);
    g_test_add_func("/stopped/policy-switched-at-run-time", test_policy_switched_at_run_time);
    g_test_add_func("/stopped/stalled-reader", test_stalled_reader);
    g_test_add_func("/stopped/stalled-reader-while-running",
                    test_stalled_reader_while_running);
    g_test_add_func("/stopped/earlier-frames-come-first", test_earlier_frames_first);
    g_test_add_func("/stopped/passed-frame-does-not-end-draining",
                    test_passed_frame_does_not_end_draining);
    g_test_add_func("/stopped/dump-goes-on", test_dump_goes_on);
    g_test_add_func("/stopped/more-than-hold-size", test_more_than_hold_size);
    g_test_add_func("/stopped/off-before-frames-move", test_off_before_frames_move);
    g_test_add_func("/stopped/on-before-frames-move", test_on_before_frames_move);
    g_test_add_func("/stopped/hold-size-raised-while-full", test_hold_size_raised_while_full);
    g_test_add_data_func("/stopped/thousand-cycles/enabled", ",enable_when_stopped=on",
                         test_thousand_cycles);
    g_test_add_data_func("/stopped/thousand-cycles/not-enabled", "", test_thousand_cycles);
    return g_test_run();
}
