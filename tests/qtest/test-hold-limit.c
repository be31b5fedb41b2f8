/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A netdev whose frames take all the memory that they may says so, once a minute at most. */

#include "rig.h"

#include <signal.h>
#include <string.h>

/* The copies go out, the frames wait for the VM. */
#define MIRROR "-object filter-mirror,id=f0,netdev=net0,queue=tx,outdev=chr0," \
               "enable_when_stopped=true,hold-size=64k"

/* Fill what net0 may hold, and let it go to the peer again. */
static void fill_and_empty(Rig *rig)
{
    qtest_stop(rig->s);
    for (uint32_t n = 0; qtest_netdev_count(rig->s, "net0", "polled"); n = 10) {
        rig_send(rig, 10);
        rig_expect_out(rig, n);
    }
    qtest_cont(rig->s);
    rig_expect_peer(rig, rig->n_sent - rig->n_peer);
    rig_expect_out(rig, rig->n_sent - rig->n_out);
}

static int64_t n_reached(Rig *rig)
{
    return qtest_netdev_count(rig->s, "net0", "limit-reached");
}

static void test_told_once_a_minute(void)
{
    Rig *rig = rig_new_with_taker(MIRROR);
    g_autoptr(json_object) event = NULL;
    g_autofree char *shown = NULL;
    json_object *data;
    QTest *s = rig->s;

    rig_connect_out(rig);
    g_assert_cmpint(n_reached(rig), ==, 0);
    fill_and_empty(rig);
    event = qtest_wait_event(s, "NET_HOLD_LIMIT");
    data = json_object_object_get(event, "data");
    g_assert_cmpstr(json_object_get_string(json_object_object_get(data, "id")), ==, "net0");
    g_assert_cmpint(json_path(data, "hold-size"), ==, 64 * 1024);
    g_assert_cmpint(json_path(data, "held.frames"), >, 0);
    g_assert_cmpint(json_path(data, "held.bytes"), >, 0);
    g_assert_cmpint(json_path(data, "reached"), ==, 1);
    g_assert_cmpint(json_path(data, "suppressed"), ==, 0);
    qtest_wait_output(s, "warning: netdev 'net0': the frames that wait take all of the 65536 "
                      "bytes that they may (hold-size): it is not read until some have left");
    g_assert_cmpint(n_reached(rig), ==, 1);

    fill_and_empty(rig);
    fill_and_empty(rig);
    g_assert_false(qtest_has_event(s, "NET_HOLD_LIMIT"));
    g_assert_cmpint(n_reached(rig), ==, 3);
    shown = qtest_hmp(s, "info netdevs");
    g_assert_nonnull(strstr(shown, "at its hold limit 3 times"));
    qtest_assert_conservation(s);
    rig_free(rig);
}

/* What was suppressed is told at the end, with the number. */
static void test_told_at_the_end(void)
{
    Rig *rig = rig_new_with_taker(MIRROR);
    QTest *s = rig->s;

    rig_connect_out(rig);
    fill_and_empty(rig);
    fill_and_empty(rig);
    fill_and_empty(rig);
    qtest_signal(s, SIGTERM);
    qtest_wait_output(s, "(suppressed since then: 2 more)");
    g_assert_cmpint(qtest_wait_exit(s), ==, 0);
    frame_link_clear(&rig->out);
    frame_link_clear(&rig->peer);
    frame_link_clear(&rig->net);
    sock_close(&rig->out_fd);
    sock_close(&rig->peer_fd);
    sock_close(&rig->net_fd);
    g_free(rig->out_path);
    g_free(rig);
}

/* A running VM whose peer is full makes the sender wait: that is no news. */
static void test_not_while_running(void)
{
    Rig *rig = rig_new_with_taker("-object filter-replay,id=f0,netdev=net0");
    uint32_t n;

    do {
        n = frame_link_try_send(&rig->net, rig->n_sent, 1000);
        rig->n_sent += n;
    } while (n > 0 || rig_is_polled(rig));
    g_assert_cmpint(n_reached(rig), ==, 0);
    g_assert_false(qtest_has_event(rig->s, "NET_HOLD_LIMIT"));
    rig_expect_peer(rig, rig->n_sent);
    rig_free(rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hold-limit/told-once-a-minute", test_told_once_a_minute);
    g_test_add_func("/hold-limit/told-at-the-end-with-the-number", test_told_at_the_end);
    g_test_add_func("/hold-limit/not-while-the-vm-runs", test_not_while_running);
    return g_test_run();
}
