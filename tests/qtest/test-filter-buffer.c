/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter-buffer in the real program, with the virtual clock stepped by qtest. */

#include "filter-rig.h"

#define MS INT64_C(1000000)
#define BUFFER "-object filter-buffer,id=f0,netdev=net0,interval=1000"

/* Five frames each way: nothing before the interval is over, then those that were held. */
static void check_directions(const char *options, bool tx, bool rx)
{
    FilterRig *frig = frig_new(options);
    Rig *rig = frig->rig;

    frig_send_tx(frig, 5);
    frig_send_rx(frig, 5);
    frig_expect(&rig->peer, 0, tx ? 0 : 5);
    frig_expect(&rig->net, 0, rx ? 0 : 5);
    g_assert_cmpint(qtest_filter_count(frig->s, "f0", "held.frames"), ==, 5 * tx + 5 * rx);
    qtest_clock_step(frig->s, MS - 1);
    frame_link_expect_nothing(&rig->peer);
    frame_link_expect_nothing(&rig->net);
    qtest_clock_step(frig->s, 1);
    frig_expect(&rig->peer, 0, tx ? 5 : 0);
    frig_expect(&rig->net, 0, rx ? 5 : 0);
    frig_free(frig);
}

static void test_holds_all(void)
{
    check_directions(BUFFER, true, true);
}

static void test_holds_tx(void)
{
    check_directions(BUFFER ",queue=tx", true, false);
}

static void test_holds_rx(void)
{
    check_directions(BUFFER ",queue=rx", false, true);
}

static void test_holds_nothing_when_off(void)
{
    check_directions(BUFFER ",status=off", false, false);
}

/* Armed at 0, stepped by 1.1 ms: fires at 1.0 and is due again at 2.0. */
static void test_next_release_counts_from_the_last(void)
{
    FilterRig *frig = frig_new(BUFFER);

    frig_send_tx(frig, 1);
    qtest_clock_step(frig->s, MS + MS / 10);
    frig_expect(&frig->rig->peer, 0, 1);
    frig_send_tx(frig, 1);
    g_assert_cmpint(qtest_clock_step(frig->s, 0), ==, 2 * MS);
    frig_expect(&frig->rig->peer, 1, 1);
    frig_free(frig);
}

static void test_off_releases_at_once(void)
{
    FilterRig *frig = frig_new(BUFFER);

    frig_send_tx(frig, 5);
    qtest_qom_set_str(frig->s, "f0", "status", "off");
    frig_expect(&frig->rig->peer, 0, 5);
    qtest_expect_line(frig->s, "clock_step", "FAIL cannot advance clock to the next deadline "
                      "because there is no pending deadline");
    qtest_qom_set_str(frig->s, "f0", "status", "on");
    g_assert_cmpint(qtest_clock_step(frig->s, 0), ==, MS);
    frig_free(frig);
}

static void test_interval_set_at_run_time(void)
{
    FilterRig *frig = frig_new(BUFFER);

    frig_send_tx(frig, 5);
    qtest_clock_step(frig->s, MS / 2);
    qtest_qom_set(frig->s, "f0", "interval", "3000");
    qtest_clock_step(frig->s, 3 * MS - 1);
    frame_link_expect_nothing(&frig->rig->peer);
    qtest_clock_step(frig->s, 1);
    frig_expect(&frig->rig->peer, 0, 5);
    frig_free(frig);
}

static void test_deletion_releases(void)
{
    FilterRig *frig = frig_new(BUFFER);

    frig_send_tx(frig, 5);
    frig_send_rx(frig, 3);
    qtest_object_del(frig->s, "f0");
    frig_expect(&frig->rig->peer, 0, 5);
    frig_expect(&frig->rig->net, 0, 3);
    frig_free(frig);
}

static void test_netdev_is_read_on(void)
{
    FilterRig *frig = frig_new(BUFFER);

    frig_send_tx(frig, 3000);
    g_assert_cmpint(qtest_netdev_count(frig->s, "net0", "polled"), ==, 1);
    qtest_clock_step(frig->s, MS);
    frame_link_expect(&frig->rig->peer, 0, 3000);
    frig_free(frig);
}

static void test_stop_stands_still(void)
{
    FilterRig *frig = frig_new(BUFFER);

    frig_send_tx(frig, 5);
    qtest_clock_step(frig->s, MS / 2);
    qtest_stop(frig->s);
    qtest_clock_step(frig->s, 10 * MS);
    frame_link_expect_nothing(&frig->rig->peer);
    qtest_cont(frig->s);
    frame_link_expect(&frig->rig->peer, 0, 5);
    frig_free(frig);
}

static void test_switched_off_while_stopped(void)
{
    FilterRig *frig = frig_new(BUFFER);

    frig_send_tx(frig, 5);
    qtest_stop(frig->s);
    qtest_qom_set_str(frig->s, "f0", "status", "off");
    frame_link_expect_nothing(&frig->rig->peer);
    frame_link_send(&frig->rig->net, 5, 5);
    qtest_cont(frig->s);
    frame_link_expect(&frig->rig->peer, 0, 10);
    frig_free(frig);
}

/* Frames are released through the filters behind, not through those before. */
static void test_release_meets_later_filters(void)
{
    FilterRig *frig = frig_new(BUFFER ",queue=tx "
                               "-object filter-mirror,id=m0,netdev=net0,outdev=chr0,queue=tx "
                               "-object filter-redirector,id=r0,netdev=net0,outdev=chr1,"
                               "queue=tx,position=head,on-disconnect=pass");

    frig_send_tx(frig, 5);
    frig_expect(&frig->rig->out, 0, 0);
    qtest_clock_step(frig->s, MS);
    frig_expect(&frig->rig->out, 0, 5);
    frig_expect(&frig->rig->peer, 0, 5);
    g_assert_cmpint(qtest_filter_count(frig->s, "r0", "in.frames"), ==, 5);
    frig_free(frig);
}

static void test_errors(void)
{
    FilterRig *frig = frig_new("");
    const char *positive = "Property 'filter-buffer.interval' requires a positive value";

#define ADD(members) "{'execute': 'object-add', 'arguments': {'qom-type': 'filter-buffer', " \
                     "'id': 'f0', 'netdev': 'net0'" members "}}"
    qtest_qmp_error(frig->s, "GenericError", positive, ADD(", 'interval': 0"));
    qtest_qmp_error(frig->s, "GenericError", "Parameter 'interval' expects uint32_t",
                    ADD(", 'interval': -1"));
    qtest_qmp_error(frig->s, "GenericError", "Parameter 'interval' is missing", ADD(""));
    qtest_qmp_ok(frig->s, ADD(", 'interval': 10"));
    qtest_qmp_error(frig->s, "GenericError", positive,
                    "{'execute': 'qom-set', 'arguments': {'path': '/objects/f0', "
                    "'property': 'interval', 'value': 0}}");
#undef ADD
    frig_free(frig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/filter-buffer/holds/all", test_holds_all);
    g_test_add_func("/filter-buffer/holds/tx", test_holds_tx);
    g_test_add_func("/filter-buffer/holds/rx", test_holds_rx);
    g_test_add_func("/filter-buffer/holds/nothing-when-off", test_holds_nothing_when_off);
    g_test_add_func("/filter-buffer/next-release-counts-from-the-last",
                    test_next_release_counts_from_the_last);
    g_test_add_func("/filter-buffer/off-releases-at-once", test_off_releases_at_once);
    g_test_add_func("/filter-buffer/interval-set-at-run-time", test_interval_set_at_run_time);
    g_test_add_func("/filter-buffer/deletion-releases", test_deletion_releases);
    g_test_add_func("/filter-buffer/netdev-is-read-on", test_netdev_is_read_on);
    g_test_add_func("/filter-buffer/stop-stands-still", test_stop_stands_still);
    g_test_add_func("/filter-buffer/switched-off-while-stopped",
                    test_switched_off_while_stopped);
    g_test_add_func("/filter-buffer/release-meets-later-filters",
                    test_release_meets_later_filters);
    g_test_add_func("/filter-buffer/errors", test_errors);
    return g_test_run();
}
