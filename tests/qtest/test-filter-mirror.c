/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter-mirror in the real program: what is copied, and what a bad outdev does not do. */

#include "filter-rig.h"

#define MIRROR "-object filter-mirror,id=f0,netdev=net0,outdev=chr0"

static void test_copies_all(void)
{
    frig_check_verdict(MIRROR, true, true, true, true);
}

static void test_copies_tx(void)
{
    frig_check_verdict(MIRROR ",queue=tx", true, true, false, true);
}

static void test_copies_rx(void)
{
    frig_check_verdict(MIRROR ",queue=rx", false, true, true, true);
}

static void test_copies_nothing_when_off(void)
{
    frig_check_verdict(MIRROR ",status=off", false, true, false, true);
}

static void test_counters(void)
{
    FilterRig *frig = frig_new(MIRROR);

    frig_send_tx(frig, 4);
    frig_send_rx(frig, 3);
    g_assert_cmpint(qtest_filter_count(frig->s, "f0", "in.frames"), ==, 7);
    g_assert_cmpint(qtest_filter_count(frig->s, "f0", "passed.frames"), ==, 7);
    g_assert_cmpint(qtest_filter_count(frig->s, "f0", "to-outdev.frames"), ==, 7);
    g_assert_cmpint(qtest_filter_count(frig->s, "f0", "copies-lost.frames"), ==, 0);
    frig_free(frig);
}

static void test_status_and_queue_act(void)
{
    FilterRig *frig = frig_new(MIRROR);

    qtest_qom_set_str(frig->s, "f0", "status", "off");
    frig_send_tx(frig, 2);
    frig_expect(&frig->rig->out, 0, 0);
    qtest_qom_set_str(frig->s, "f0", "status", "on");
    frig_send_tx(frig, 2);
    frig_expect(&frig->rig->out, 2, 2);
    qtest_qom_set_str(frig->s, "f0", "queue", "rx");
    frig_send_tx(frig, 2);
    frig_expect(&frig->rig->out, 0, 0);
    frig_send_rx(frig, 2);
    frig_expect(&frig->rig->out, 0, 2);
    frig_expect(&frig->rig->peer, 0, 6);
    frig_free(frig);
}

static void test_vnet_word(void)
{
    FilterRig *frig = frig_new(MIRROR ",vnet_hdr_support=on,queue=tx");
    static const uint8_t frame[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2 };
    uint8_t got[68];

    sock_write(frig->rig->net_fd, "\0\0\0\x3c", 4);
    sock_write(frig->rig->net_fd, frame, sizeof(frame));
    sock_read(frig->rig->out_fd, got, sizeof(got));
    g_assert_cmpmem(got, 8, "\0\0\0\x3c\0\0\0", 8);
    g_assert_cmpmem(got + 8, 60, frame, 60);
    frig_free(frig);
}

/* Nobody reads the copies: the netdev waits, QMP answers, and in the end nothing is missing. */
static void test_slow_outdev(void)
{
    FilterRig *frig = frig_new(MIRROR ",queue=tx");
    Rig *rig = frig->rig;
    uint32_t n = 0;
    uint32_t peer = 0;

    for (int quiet = 0; quiet < 3;) {
        uint32_t more = frame_link_try_send(&rig->net, n, 100);

        n += more;
        quiet = more > 0 ? 0 : quiet + 1;
        qtest_qmp_ok(frig->s, "{'execute': 'query-status'}");
        while (fd_is_readable(rig->peer_fd) && peer < n) {
            frame_link_expect(&rig->peer, peer++, 1);
        }
    }
    g_assert_cmpint(qtest_netdev_count(frig->s, "net0", "tx.blocked"), ==, 1);
    for (uint32_t i = 0; i < n; i++) {
        frame_link_expect(&rig->out, i, 1);
        if (peer == i) {
            frame_link_expect(&rig->peer, peer++, 1);
        }
    }
    g_assert_cmpint(qtest_filter_count(frig->s, "f0", "copies-lost.frames"), ==, 0);
    frig_free(frig);
}

static void test_unconnected_passes(void)
{
    FilterRig *frig = frig_new(MIRROR);

    rig_disconnect_out(frig->rig);
    frig_send_tx(frig, 5);
    frig_expect(&frig->rig->peer, 0, 5);
    g_assert_cmpint(qtest_filter_count(frig->s, "f0", "copies-lost.frames"), ==, 5);
    rig_connect_out(frig->rig);
    frig_send_tx(frig, 5);
    frig_expect(&frig->rig->out, 5, 5);
    frig_expect(&frig->rig->peer, 5, 5);
    g_assert_cmpint(qtest_filter_count(frig->s, "f0", "copies-lost.frames"), ==, 5);
    frig_free(frig);
}

/* A peer can go and come as often as it likes: further lines are counted. */
static void test_one_line_a_minute(void)
{
    const char *line = "filter 'f0': outdev 'chr0' is not connected: frames pass without a copy";
    FilterRig *frig = frig_new(MIRROR);
    g_autofree char *output = NULL;
    g_auto(GStrv) parts = NULL;

    for (int i = 0; i < 2; i++) {
        rig_disconnect_out(frig->rig);
        frig_send_tx(frig, 50);
        rig_connect_out(frig->rig);
    }
    frame_link_expect(&frig->rig->peer, 0, 100);
    output = qtest_output(frig->s);
    parts = g_strsplit(output, line, -1);
    g_assert_cmpuint(g_strv_length(parts), ==, 2);
    frig_free(frig);
}

static void test_stopped_copies_now_delivers_later(void)
{
    FilterRig *frig = frig_new(MIRROR ",queue=tx,enable_when_stopped=on");

    qtest_stop(frig->s);
    frig_send_tx(frig, 20);
    frig_expect(&frig->rig->out, 0, 20);
    frig_expect(&frig->rig->peer, 0, 0);
    qtest_cont(frig->s);
    frame_link_expect(&frig->rig->peer, 0, 20);
    frig_expect(&frig->rig->out, 0, 0);
    frig_free(frig);
}

static void test_two_mirrors_keep_order(void)
{
    FilterRig *frig = frig_new(MIRROR " -chardev ringbuf,id=ring,size=65536 "
                               "-object filter-mirror,id=f1,netdev=net0,outdev=ring");

    frig_send_tx(frig, 30);
    frig_expect(&frig->rig->out, 0, 30);
    frig_expect(&frig->rig->peer, 0, 30);
    g_assert_cmpint(qtest_filter_count(frig->s, "f1", "to-outdev.frames"), ==, 30);
    frig_free(frig);
}

static void test_errors(void)
{
    FilterRig *frig = frig_new("");

#define ADD(members) "{'execute': 'object-add', 'arguments': {'qom-type': 'filter-mirror', " \
                     "'id': 'f0'" members "}}"
    qtest_qmp_error(frig->s, "DeviceNotFound", "Device 'x' not found",
                    ADD(", 'netdev': 'net0', 'outdev': 'x'"));
    qtest_qmp_error(frig->s, "GenericError", "Parameter 'outdev' is missing",
                    ADD(", 'netdev': 'net0'"));
    qtest_qmp_error(frig->s, "GenericError", "Parameter 'netdev' is missing",
                    ADD(", 'outdev': 'chr0'"));
    qtest_qmp_error(frig->s, "GenericError", "Parameter 'netdev' expects a network backend id",
                    ADD(", 'netdev': 'x', 'outdev': 'chr0'"));
    qtest_qmp_error(frig->s, "GenericError", "Parameter 'queue' does not accept value 'both'",
                    ADD(", 'netdev': 'net0', 'outdev': 'chr0', 'queue': 'both'"));
    qtest_qmp_error(frig->s, "GenericError", "Parameter 'bogus' is unexpected",
                    ADD(", 'netdev': 'net0', 'outdev': 'chr0', 'bogus': 1"));
    qtest_qmp_error(frig->s, "GenericError",
                    "Invalid parameter type for 'status', expected: string",
                    ADD(", 'netdev': 'net0', 'outdev': 'chr0', 'status': true"));
    qtest_qmp_ok(frig->s, ADD(", 'netdev': 'net0', 'outdev': 'chr0'"));
    qtest_qmp_error(frig->s, "GenericError", "attempt to add duplicate property 'f0' to object "
                    "(type 'container')", ADD(", 'netdev': 'net0', 'outdev': 'chr1'"));
    qtest_qmp_error(frig->s, "GenericError", "chardev 'chr0' is already in use",
                    "{'execute': 'object-add', 'arguments': {'qom-type': 'filter-mirror', "
                    "'id': 'f1', 'netdev': 'net0', 'outdev': 'chr0'}}");
    qtest_qmp_error(frig->s, "GenericError", "Chardev 'chr0' is busy",
                    "{'execute': 'chardev-remove', 'arguments': {'id': 'chr0'}}");
    qtest_object_del(frig->s, "f0");
    qtest_qmp_ok(frig->s, "{'execute': 'chardev-remove', 'arguments': {'id': 'chr0'}}");
#undef ADD
    frig_free(frig);
}

static void test_goes_with_its_netdev(void)
{
    FilterRig *frig = frig_new(MIRROR);

    qtest_qmp_ok(frig->s, "{'execute': 'netdev_del', 'arguments': {'id': 'net0'}}");
    qtest_qmp_error(frig->s, "GenericError", "object 'f0' not found",
                    "{'execute': 'object-del', 'arguments': {'id': 'f0'}}");
    qtest_qmp_ok(frig->s, "{'execute': 'chardev-remove', 'arguments': {'id': 'chr0'}}");
    frig_free(frig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/filter-mirror/copies/all", test_copies_all);
    g_test_add_func("/filter-mirror/copies/tx", test_copies_tx);
    g_test_add_func("/filter-mirror/copies/rx", test_copies_rx);
    g_test_add_func("/filter-mirror/copies/nothing-when-off", test_copies_nothing_when_off);
    g_test_add_func("/filter-mirror/counters", test_counters);
    g_test_add_func("/filter-mirror/status-and-queue-act", test_status_and_queue_act);
    g_test_add_func("/filter-mirror/vnet-word", test_vnet_word);
    g_test_add_func("/filter-mirror/slow-outdev", test_slow_outdev);
    g_test_add_func("/filter-mirror/unconnected-passes", test_unconnected_passes);
    g_test_add_func("/filter-mirror/one-line-a-minute", test_one_line_a_minute);
    g_test_add_func("/filter-mirror/stopped-copies-now-delivers-later",
                    test_stopped_copies_now_delivers_later);
    g_test_add_func("/filter-mirror/two-mirrors-keep-order", test_two_mirrors_keep_order);
    g_test_add_func("/filter-mirror/errors", test_errors);
    g_test_add_func("/filter-mirror/goes-with-its-netdev", test_goes_with_its_netdev);
    return g_test_run();
}
