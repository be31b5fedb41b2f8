/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of filter-handover: the destination, against a test that plays the other host. */

#include "net/run-state.h"
#include "handover-fixture.h"

#define NUMBER 77u

static NetFilter *add_lonely_target(const char *more)
{
    g_autofree char *options = g_strdup_printf("filter-handover,id=h0,netdev=n0,indev=c1%s",
                                               more);

    return fixture_add(options);
}

static NetFilter *add_target(const char *more)
{
    NetFilter *nf = add_lonely_target(more);

    handover_meet(IN);
    return nf;
}

/* Another VM is to come. */
static NetFilter *expect_vm(const char *more)
{
    fixture_stop();
    run_state_set(RUN_STATE_PRELAUNCH);
    run_state_set(RUN_STATE_INMIGRATE);
    return add_target(more);
}

static void test_target_order(void)
{
    NetFilter *nf = expect_vm("");

    fixture_netdev->next_seq = 100;
    fixture_send(fixture_netdev, 2);
    handover_send(IN, HANDOVER_OFFER, NUMBER, 0);
    fixture_feed(IN, 0, 5, true);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_WAITING, 5);
    fixture_start();
    handover_expect(IN, HANDOVER_RELEASED, NUMBER, 5);
    fixture_expect(fixture_peer, 0, 5);
    fixture_send(fixture_netdev, 2);
    fixture_feed(IN, 5, 3, true);
    handover_expect(IN, HANDOVER_RELEASED, NUMBER, 8);
    fixture_expect(fixture_peer, 5, 3);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_RELEASED, 0);
    handover_send(IN, HANDOVER_DONE, NUMBER, 8);
    fixture_expect(fixture_peer, 100, 4);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_IDLE, 0);
    fixture_feed(IN, 8, 1, true);
    fixture_expect(fixture_peer, 8, 1);
}

static void test_target_does_not_wait_for_ever(void)
{
    expect_vm(",wait=1");
    fixture_send(fixture_netdev, 2);
    fixture_start();
    fixture_expect(fixture_peer, 0, 0);
    handover_wait_got(fixture_peer);
    fixture_expect(fixture_peer, 0, 2);
}

/* Whatever the source says, and however often. */
static void test_target_waits_once(void)
{
    int64_t deadline = g_get_monotonic_time() + DEADLINE_US;

    expect_vm(",wait=100");
    fixture_netdev->next_seq = 100;
    fixture_send(fixture_netdev, 2);
    handover_send(IN, HANDOVER_OFFER, NUMBER, 0);
    fixture_start();
    while (fixture_peer->got->len == 0) {
        handover_send(IN, HANDOVER_OFFER, NUMBER, 0);
        handover_send(IN, HANDOVER_RESUME, NUMBER, 0);
        g_main_context_iteration(NULL, FALSE);
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
    }
    fixture_expect(fixture_peer, 100, 2);
}

static void test_target_without_connection(void)
{
    fixture_open(IN, false);
    fixture_stop();
    run_state_set(RUN_STATE_PRELAUNCH);
    run_state_set(RUN_STATE_INMIGRATE);
    add_lonely_target("");
    fixture_send(fixture_netdev, 2);
    fixture_start();
    fixture_expect(fixture_peer, 0, 2);
}

static void test_target_waits_for_a_paused_vm(void)
{
    NetFilter *nf = expect_vm("");

    handover_send(IN, HANDOVER_OFFER, NUMBER, 0);
    fixture_feed(IN, 0, 5, true);
    fixture_stop();
    fixture_expect(fixture_peer, 0, 0);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_WAITING, 5);
    fixture_start();
    fixture_expect(fixture_peer, 0, 5);
}

static void test_target_cancelled(void)
{
    NetFilter *nf = expect_vm("");

    handover_send(IN, HANDOVER_OFFER, NUMBER, 0);
    fixture_feed(IN, 0, 5, true);
    handover_send(IN, HANDOVER_CANCEL, NUMBER, 0);
    handover_expect(IN, HANDOVER_CANCELLED, NUMBER, 0);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_WAITING, 0);
    handover_send(IN, HANDOVER_OFFER, NUMBER + 1, 0);
    fixture_feed(IN, 5, 5, true);
    fixture_start();
    fixture_expect(fixture_peer, 5, 5);
    handover_expect(IN, HANDOVER_RELEASED, NUMBER + 1, 5);
    handover_send(IN, HANDOVER_CANCEL, NUMBER + 1, 0);
    handover_expect(IN, HANDOVER_RELEASED, NUMBER + 1, 5);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_RELEASED, 0);
}

static void test_target_cancelled_after_a_new_connection(void)
{
    NetFilter *nf = expect_vm("");

    handover_send(IN, HANDOVER_OFFER, NUMBER, 0);
    fixture_feed(IN, 0, 5, true);
    handover_reconnect(IN);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_WAITING, 5);
    handover_send(IN, HANDOVER_OFFER, NUMBER, 0);
    handover_send(IN, HANDOVER_CANCEL, NUMBER, 0);
    handover_expect(IN, HANDOVER_CANCELLED, NUMBER, 0);
    fixture_start();
    fixture_expect(fixture_peer, 0, 0);
}

static void test_target_skips_what_it_has(void)
{
    NetFilter *nf = expect_vm("");

    handover_send(IN, HANDOVER_OFFER, NUMBER, 0);
    fixture_feed(IN, 0, 5, true);
    handover_reconnect(IN);
    handover_send(IN, HANDOVER_OFFER, NUMBER, 0);
    fixture_feed(IN, 0, 8, true);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_WAITING, 8);
    fixture_start();
    fixture_expect(fixture_peer, 0, 8);
    handover_expect(IN, HANDOVER_RELEASED, NUMBER, 8);
    handover_reconnect(IN);
    handover_send(IN, HANDOVER_RESUME, NUMBER, 5);
    handover_expect(IN, HANDOVER_RELEASED, NUMBER, 8);
    fixture_feed(IN, 5, 4, true);
    fixture_expect(fixture_peer, 8, 1);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_RELEASED, 0);
}

static void test_target_running_already(void)
{
    NetFilter *nf = add_target(",armed=on");

    handover_send(IN, HANDOVER_OFFER, NUMBER, 0);
    handover_expect(IN, HANDOVER_RELEASED, NUMBER, 0);
    fixture_feed(IN, 0, 3, true);
    fixture_expect(fixture_peer, 0, 3);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_IDLE, 0);
}

/* Whoever connects must not be able to give frames to a VM that runs. */
static void test_target_not_armed(void)
{
    NetFilter *nf = add_target("");
    g_autoptr(NetHandoverInfo) info = NULL;

    handover_send(IN, HANDOVER_OFFER, NUMBER, 0);
    handover_expect(IN, HANDOVER_REFUSED, NUMBER, 0);
    fixture_feed(IN, 0, 3, true);
    handover_send(IN, HANDOVER_RESUME, NUMBER, 0);
    handover_expect(IN, HANDOVER_UNKNOWN, NUMBER, 0);
    fixture_feed(IN, 0, 3, true);
    fixture_expect(fixture_peer, 0, 0);
    info = handover_info(nf);
    g_assert_cmpuint(info->refused, ==, 6);
    handover_send(IN, HANDOVER_OFFER, NUMBER, 0);
    handover_expect(IN, HANDOVER_REFUSED, NUMBER, 0);
    fixture_set("h0", "armed", "true");
    handover_expect(IN, HANDOVER_AGAIN, NUMBER, 0);
    handover_send(IN, HANDOVER_OFFER, NUMBER, 0);
    handover_expect(IN, HANDOVER_RELEASED, NUMBER, 0);
    fixture_feed(IN, 0, 3, true);
    fixture_expect(fixture_peer, 0, 3);
    handover_expect(IN, HANDOVER_RELEASED, NUMBER, 3);
    handover_send(IN, HANDOVER_OFFER, NUMBER + 1, 0);
    handover_expect(IN, HANDOVER_REFUSED, NUMBER + 1, 0);
}

/* The source's VM went on, and got the frames, while the channel was down. */
static void test_target_revoked(void)
{
    NetFilter *nf = expect_vm("");
    g_autoptr(NetHandoverInfo) info = NULL;

    handover_send(IN, HANDOVER_OFFER, NUMBER, 0);
    fixture_feed(IN, 0, 5, true);
    fixture_start();
    fixture_expect(fixture_peer, 0, 5);
    for (int i = 0; i < 2; i++) {
        handover_reconnect(IN);
        handover_send(IN, HANDOVER_REVOKE, NUMBER, 0);
        handover_expect(IN, HANDOVER_SPLIT, NUMBER, 5);
    }
    info = handover_info(nf);
    g_assert_cmpuint(info->split, ==, 5);
}

/* It reads on, as there may be a cancel behind the frames, or the connection may end. */
static NetFilter *fill_target(void)
{
    NetFilter *nf = expect_vm(",hold-size=340");
    const CharFrontend *fe = IN->chr->fe;
    g_autoptr(NetHandoverInfo) info = NULL;

    handover_send(IN, HANDOVER_OFFER, NUMBER, 0);
    fixture_feed(IN, 0, 7, true);
    g_assert_cmpuint(fe->ops->read_wanted(fe->opaque), >, 0);
    fixture_feed(IN, 7, 2, true);
    handover_expect(IN, HANDOVER_REFUSED, NUMBER, 0);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_WAITING, 5);
    info = handover_info(nf);
    g_assert_cmpuint(info->refused, ==, 4);
    return nf;
}

static void test_target_goes_on_when_it_runs(void)
{
    NetFilter *nf = fill_target();

    fixture_start();
    fixture_expect(fixture_peer, 0, 5);
    handover_expect(IN, HANDOVER_RELEASED, NUMBER, 5);
    fixture_feed(IN, 9, 1, true);
    fixture_expect(fixture_peer, 0, 0);
    handover_send(IN, HANDOVER_RESUME, NUMBER, 5);
    handover_expect(IN, HANDOVER_RELEASED, NUMBER, 5);
    fixture_feed(IN, 5, 6, true);
    fixture_expect(fixture_peer, 5, 6);
    handover_expect(IN, HANDOVER_RELEASED, NUMBER, 11);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_RELEASED, 0);
}

static void test_target_asks_again_when_it_has_room(void)
{
    NetFilter *nf = fill_target();

    g_assert_cmpuint(IN->written->len, ==, 0);
    fixture_set("h0", "hold-size", "680");
    handover_expect(IN, HANDOVER_AGAIN, NUMBER, 0);
    handover_send(IN, HANDOVER_OFFER, NUMBER, 0);
    fixture_feed(IN, 0, 9, true);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_WAITING, 9);
    fixture_start();
    fixture_expect(fixture_peer, 0, 9);
    handover_expect(IN, HANDOVER_RELEASED, NUMBER, 9);
    g_assert_cmpuint(IN->written->len, ==, 0);
}

static void test_target_is_cancelled_at_its_limit(void)
{
    NetFilter *nf = fill_target();

    handover_send(IN, HANDOVER_CANCEL, NUMBER, 0);
    handover_expect(IN, HANDOVER_CANCELLED, NUMBER, 0);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_WAITING, 0);
    handover_send(IN, HANDOVER_OFFER, NUMBER + 1, 0);
    fixture_feed(IN, 20, 3, true);
    fixture_start();
    fixture_expect(fixture_peer, 20, 3);
}

static void test_target_refuses_nonsense(void)
{
    NetFilter *nf = expect_vm("");

    handover_expect_refused(IN, HANDOVER_RELEASED, NUMBER, 0);
    handover_expect_refused(IN, HANDOVER_OFFER, 0, 0);
    handover_send(IN, HANDOVER_OFFER, NUMBER, 0);
    handover_expect_refused(IN, HANDOVER_OFFER, NUMBER, 1);
    handover_send(IN, HANDOVER_CANCEL, NUMBER, 0);
    fixture_feed(IN, 0, 2, true);
    g_assert_cmpuint(IN->n_disconnects, ==, 4);
    g_assert_cmpuint(fixture_malformed(nf), ==, 4);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_WAITING, 0);
}

static void test_version(void)
{
    NetFilter *nf = add_lonely_target("");
    const uint32_t words[] = { GUINT32_TO_BE(20), GUINT32_TO_BE(20), GUINT32_TO_BE(0x514e4831),
                               GUINT32_TO_BE(1), GUINT32_TO_BE(NUMBER), 0, 0 };

    char_deliver(IN->chr, (const uint8_t *)words, sizeof(words));
    g_assert_cmpuint(IN->n_disconnects, ==, 1);
    g_assert_cmpuint(fixture_malformed(nf), ==, 1);
}

static void test_roles_and_keys(void)
{
    NetFilter *nf = add_lonely_target("");

    handover_meet_as(IN, false, false);
    g_assert_cmpuint(IN->n_disconnects, ==, 1);
    fixture_open(IN, false);
    g_byte_array_set_size(IN->written, 0);
    fixture_open(IN, true);
    handover_meet_as(IN, true, true);
    g_assert_cmpuint(IN->n_disconnects, ==, 2);
    g_assert_cmpuint(fixture_malformed(nf), ==, 2);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_IDLE, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    fixture_test("/filter-handover/target/order", test_target_order);
    fixture_test("/filter-handover/target/does-not-wait-for-ever",
                 test_target_does_not_wait_for_ever);
    fixture_test("/filter-handover/target/without-connection", test_target_without_connection);
    fixture_test("/filter-handover/target/waits-for-a-paused-vm",
                 test_target_waits_for_a_paused_vm);
    fixture_test("/filter-handover/target/cancelled", test_target_cancelled);
    fixture_test("/filter-handover/target/cancelled-after-a-new-connection",
                 test_target_cancelled_after_a_new_connection);
    fixture_test("/filter-handover/target/skips-what-it-has", test_target_skips_what_it_has);
    fixture_test("/filter-handover/target/running-already", test_target_running_already);
    fixture_test("/filter-handover/target/not-armed",
                 test_target_not_armed);
    fixture_test("/filter-handover/target/revoked",
                 test_target_revoked);
    fixture_test("/filter-handover/target/waits-once",
                 test_target_waits_once);
    fixture_test("/filter-handover/target/goes-on-when-it-runs",
                 test_target_goes_on_when_it_runs);
    fixture_test("/filter-handover/target/asks-again-when-it-has-room",
                 test_target_asks_again_when_it_has_room);
    fixture_test("/filter-handover/target/is-cancelled-at-its-limit",
                 test_target_is_cancelled_at_its_limit);
    fixture_test("/filter-handover/target/refuses-nonsense", test_target_refuses_nonsense);
    fixture_test("/filter-handover/version",
                 test_version);
    fixture_test("/filter-handover/roles-and-keys",
                 test_roles_and_keys);
    return g_test_run();
}
