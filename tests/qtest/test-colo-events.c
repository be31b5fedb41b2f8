/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a manager tells of checkpoints and failovers, on a primary and on a secondary. */

#include "compare-rig.h"
#include "filter-rig.h"

#include <string.h>

#define LOST "{'execute': 'x-colo-lost-heartbeat'}"
#define SECONDARY                                                                              \
    "-object filter-redirector,id=inject,netdev=net0,queue=tx,indev=chr1"                      \
    " -object filter-redirector,id=reply,netdev=net0,queue=rx,outdev=chr0"                     \
    " -object filter-rewriter,id=rw,netdev=net0"

static void expect_status(QTest *s, const char *mode, const char *last_mode, const char *reason)
{
    g_autoptr(json_object) status = qtest_qmp_return(s, "{'execute': 'query-colo-status'}");
    g_autofree char *got = g_strdup_printf(
        "%s %s %s", json_object_get_string(json_object_object_get(status, "mode")),
        json_object_get_string(json_object_object_get(status, "last-mode")),
        json_object_get_string(json_object_object_get(status, "reason")));
    g_autofree char *want = g_strdup_printf("%s %s %s", mode, last_mode, reason);

    g_assert_cmpstr(got, ==, want);
}

static void expect_filter_status(QTest *s, const char *id, const char *want)
{
    g_autofree char *got = qtest_qom_get(s, id, "status");

    g_assert_cmpstr(got, ==, want);
}

static void test_neither_side(void)
{
    QTest *s = qtest_start(" ");
    g_autofree char *text = qtest_hmp(s, "x_colo_lost_heartbeat");

    expect_status(s, "none", "none", "none");
    qtest_qmp_error(s, "GenericError", "VM is not in COLO mode", LOST);
    g_assert_cmpstr(text, ==, "Error: VM is not in COLO mode\r\n");
    qtest_qmp_ok(s, "{'execute': 'colo-checkpoint'}");
    qtest_quit(s);
}

static void check_checkpoint(const char *command)
{
    CompareRig *rig = crig_new("");

    expect_status(rig->s, "primary", "none", "none");
    crig_send_udp(&rig->pri, 1, "first");
    crig_send_udp(&rig->pri, 1, "second");
    crig_wait(rig, "primary.queued.frames", 2);
    qtest_qmp_ok(rig->s, "{'execute': '%s'}", command);
    crig_expect_udp(rig, 1, "first");
    crig_expect_udp(rig, 1, "second");
    g_assert_cmpint(crig_count(rig, "checkpoints"), ==, 1);
    crig_free(rig);
}

static void test_checkpoint_releases(void)
{
    check_checkpoint("colo-checkpoint");
    check_checkpoint("xen-colo-do-checkpoint");
}

/* The secondary is lost: all goes out at once, until there is another one. */
static void test_failover_of_a_primary(void)
{
    CompareRig *rig = crig_new("");

    crig_send_udp(&rig->pri, 1, "waits");
    crig_wait(rig, "primary.queued.frames", 1);
    qtest_qmp_ok(rig->s, LOST);
    crig_expect_udp(rig, 1, "waits");
    crig_send_udp(&rig->pri, 1, "passes");
    crig_expect_udp(rig, 1, "passes");
    crig_send_udp(&rig->sec, 1, "late");
    crig_wait(rig, "secondary.dropped.alone.frames", 1);
    g_assert_cmpint(crig_count(rig, "alone"), ==, 1);
    expect_status(rig->s, "none", "primary", "request");
    qtest_qmp_error(rig->s, "GenericError", "COLO failover is already activated", LOST);
    crig_notify(rig, "COLO_CHECKPOINT");
    crig_wait(rig, "alone", 0);
    crig_send_udp(&rig->pri, 1, "compared");
    crig_wait(rig, "primary.queued.frames", 1);
    crig_expect_nothing(rig);
    crig_free(rig);
}

static void test_checkpoint_begins_a_new_round(void)
{
    CompareRig *rig = crig_new("");

    qtest_qmp_ok(rig->s, LOST);
    qtest_qmp_ok(rig->s, "{'execute': 'colo-checkpoint'}");
    expect_status(rig->s, "primary", "primary", "none");
    qtest_qmp_ok(rig->s, LOST);
    crig_free(rig);
}

static void test_failover_of_a_secondary(void)
{
    FilterRig *frig = frig_new(SECONDARY);

    expect_status(frig->s, "secondary", "none", "none");
    qtest_qmp_ok(frig->s, LOST);
    expect_status(frig->s, "none", "secondary", "request");
    expect_filter_status(frig->s, "inject", "\"off\"");
    expect_filter_status(frig->s, "reply", "\"off\"");
    expect_filter_status(frig->s, "rw", "\"on\"");
    g_assert_cmpint(qtest_filter_count(frig->s, "rw", "rewriter.failover"), ==, 1);
    qtest_qmp_error(frig->s, "GenericError", "COLO failover is already activated", LOST);
    frig_send_rx(frig, 3);
    frig_expect(&frig->rig->net, 0, 3);
    frig_free(frig);
}

/* On a primary the filters are needed as they are: they lead through colo-compare. */
static void test_failover_of_a_primary_keeps_filters(void)
{
    CompareRig *rig = crig_new(" -nic socket,id=net0,listen=127.0.0.1:0"
                               " -chardev null,id=sink"
                               " -object filter-mirror,id=copy,netdev=net0,queue=tx,outdev=sink");

    qtest_qmp_ok(rig->s, LOST);
    expect_filter_status(rig->s, "copy", "\"on\"");
    crig_free(rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/colo-events/neither-side", test_neither_side);
    g_test_add_func("/colo-events/checkpoint-releases", test_checkpoint_releases);
    g_test_add_func("/colo-events/failover-of-a-primary", test_failover_of_a_primary);
    g_test_add_func("/colo-events/checkpoint-begins-a-new-round",
                    test_checkpoint_begins_a_new_round);
    g_test_add_func("/colo-events/failover-of-a-secondary", test_failover_of_a_secondary);
    g_test_add_func("/colo-events/failover-of-a-primary-keeps-filters",
                    test_failover_of_a_primary_keeps_filters);
    return g_test_run();
}
