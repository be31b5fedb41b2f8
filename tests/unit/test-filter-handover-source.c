/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of filter-handover: the source, against a test that plays the other host. */

#include "net/run-state.h"
#include "qom/object.h"
#include "handover-fixture.h"

static NetFilter *add_lonely_source(const char *more)
{
    g_autofree char *options = g_strdup_printf("filter-handover,id=h0,netdev=n0,outdev=c0%s",
                                               more);

    return fixture_add(options);
}

static NetFilter *add_source(const char *more)
{
    NetFilter *nf = add_lonely_source(more);

    handover_meet(OUT);
    return nf;
}

static uint32_t number_of(NetFilter *nf)
{
    g_autoptr(NetHandoverInfo) info = handover_info(nf);

    return info->round;
}

/* The VM stops in a migration; the offer goes out. */
static NetFilter *divert(const char *more)
{
    NetFilter *nf = add_source(more);

    run_state_set(RUN_STATE_FINISH_MIGRATE);
    if (OUT->room > 0) {
        handover_expect(OUT, HANDOVER_OFFER, number_of(nf), 0);
    }
    return nf;
}

static void test_source_takes_nothing_while_running(void)
{
    NetFilter *nf = add_source("");

    fixture_send(fixture_netdev, 5);
    fixture_expect(fixture_peer, 0, 5);
    fixture_send(fixture_peer, 3);
    fixture_expect(fixture_netdev, 0, 3);
    g_assert_cmpuint(OUT->written->len, ==, 0);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_IDLE, 0);
}

static void test_source_takes_nothing_while_paused(void)
{
    NetFilter *nf = add_source("");

    fixture_stop();
    fixture_send(fixture_netdev, 5);
    g_assert_false(fixture_netdev->nc.polled);
    g_assert_cmpuint(OUT->written->len, ==, 0);
    fixture_start();
    fixture_expect(fixture_peer, 0, 5);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_IDLE, 0);
}

static void test_source_diverts(void)
{
    NetFilter *nf = divert("");

    g_assert_true(fixture_netdev->nc.polled);
    fixture_send(fixture_netdev, 5);
    run_state_set(RUN_STATE_POSTMIGRATE);
    fixture_send(fixture_netdev, 4);
    handover_expect_frames(OUT, 0, 9);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_DIVERTING, 9);
}

static void test_source_order(void)
{
    NetFilter *nf = add_source("");

    fixture_peer->n_in_flight = 2;
    fixture_peer->room = 6;
    fixture_send(fixture_netdev, 9);
    fixture_expect(fixture_peer, 0, 6);
    run_state_set(RUN_STATE_FINISH_MIGRATE);
    fixture_send(fixture_netdev, 3);
    handover_expect(OUT, HANDOVER_OFFER, number_of(nf), 0);
    handover_expect_frames(OUT, 4, 8);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_DIVERTING, 8);
}

static void test_source_released(void)
{
    NetFilter *nf = divert("");

    fixture_send(fixture_netdev, 5);
    handover_expect_frames(OUT, 0, 5);
    handover_send(OUT, HANDOVER_RELEASED, number_of(nf), 3);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_RELEASED, 2);
    fixture_send(fixture_netdev, 2);
    handover_expect_frames(OUT, 5, 2);
    handover_send(OUT, HANDOVER_RELEASED, number_of(nf), 7);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_RELEASED, 0);
    handover_wait_written(OUT);
    handover_expect(OUT, HANDOVER_DONE, number_of(nf), 7);
    fixture_send(fixture_netdev, 1);
    handover_expect_frames(OUT, 7, 1);
    run_state_set(RUN_STATE_RUNNING);
    fixture_send(fixture_netdev, 2);
    fixture_expect(fixture_peer, 8, 2);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_DRAINING, 1);
    handover_send(OUT, HANDOVER_RELEASED, number_of(nf), 8);
    handover_expect(OUT, HANDOVER_DONE, number_of(nf), 8);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_IDLE, 0);
}

static void test_source_cancels(void)
{
    NetFilter *nf = add_source("");

    fixture_send(fixture_netdev, 3);
    fixture_expect(fixture_peer, 0, 3);
    fixture_peer->n_in_flight = 2;
    run_state_set(RUN_STATE_FINISH_MIGRATE);
    fixture_send(fixture_netdev, 5);
    handover_expect(OUT, HANDOVER_OFFER, number_of(nf), 0);
    handover_expect_frames(OUT, 1, 7);
    fixture_start();
    handover_expect(OUT, HANDOVER_CANCEL, number_of(nf), 0);
    fixture_send(fixture_netdev, 4);
    g_assert_true(fixture_netdev->nc.polled);
    handover_expect_frames(OUT, 0, 0);
    fixture_expect(fixture_peer, 0, 0);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_CANCELLING, 7);
    handover_send(OUT, HANDOVER_CANCELLED, number_of(nf), 0);
    fixture_expect(fixture_peer, 3, 9);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_IDLE, 0);
    fixture_send(fixture_netdev, 1);
    fixture_expect(fixture_peer, 12, 1);
}

static void test_source_cancels_too_late(void)
{
    NetFilter *nf = divert("");

    fixture_send(fixture_netdev, 5);
    handover_expect_frames(OUT, 0, 5);
    fixture_start();
    handover_expect(OUT, HANDOVER_CANCEL, number_of(nf), 0);
    fixture_send(fixture_netdev, 2);
    handover_send(OUT, HANDOVER_RELEASED, number_of(nf), 5);
    handover_expect(OUT, HANDOVER_RESUME, number_of(nf), 5);
    handover_expect(OUT, HANDOVER_DONE, number_of(nf), 5);
    fixture_expect(fixture_peer, 5, 2);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_IDLE, 0);
}

/* The VM here has run with the frames, and the destination is told so. */
static NetFilter *take_back(void)
{
    NetFilter *nf = divert(",wait=1");

    fixture_send(fixture_netdev, 5);
    handover_expect_frames(OUT, 0, 5);
    fixture_start();
    handover_expect(OUT, HANDOVER_CANCEL, number_of(nf), 0);
    handover_wait_got(fixture_peer);
    fixture_expect(fixture_peer, 0, 5);
    handover_expect(OUT, HANDOVER_REVOKE, number_of(nf), 0);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_TAKEN_BACK, 0);
    return nf;
}

static void test_source_gets_no_answer(void)
{
    NetFilter *nf = take_back();
    g_autoptr(NetHandoverInfo) info = handover_info(nf);

    g_assert_cmpuint(info->unasked, ==, 5);
    g_assert_cmpuint(info->split, ==, 0);
    fixture_send(fixture_netdev, 1);
    fixture_expect(fixture_peer, 5, 1);
}

/* Until the destination has answered it may keep the frames, or have given them away. */
static void test_source_hears_a_late_answer(void)
{
    NetFilter *nf = take_back();
    g_autoptr(NetHandoverInfo) info = NULL;

    handover_send(OUT, HANDOVER_RELEASED, number_of(nf), 0);
    handover_send(OUT, HANDOVER_AGAIN, number_of(nf), 0);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_TAKEN_BACK, 0);
    handover_send(OUT, HANDOVER_SPLIT, number_of(nf), 5);
    handover_send(OUT, HANDOVER_SPLIT, number_of(nf), 5);
    g_assert_cmpuint(OUT->n_disconnects, ==, 0);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_IDLE, 0);
    info = handover_info(nf);
    g_assert_cmpuint(info->split, ==, 5);
}

static void test_source_without_connection(void)
{
    NetFilter *nf;

    fixture_open(OUT, false);
    nf = add_lonely_source("");
    run_state_set(RUN_STATE_FINISH_MIGRATE);
    fixture_send(fixture_netdev, 5);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_DIVERTING, 5);
    g_assert_true(fixture_netdev->nc.polled);
    fixture_start();
    fixture_expect(fixture_peer, 0, 5);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_IDLE, 0);
}

/* What the destination keeps must not reach its VM, whenever that runs. */
static void test_source_cancels_on_the_next_connection(void)
{
    NetFilter *nf = divert(",wait=1");
    uint32_t number = number_of(nf);

    fixture_send(fixture_netdev, 5);
    handover_expect_frames(OUT, 0, 5);
    fixture_open(OUT, false);
    fixture_start();
    handover_wait_got(fixture_peer);
    fixture_expect(fixture_peer, 0, 5);
    for (int i = 0; i < 2; i++) {
        handover_reconnect(OUT);
        handover_expect(OUT, HANDOVER_REVOKE, number, 0);
        g_assert_cmpuint(OUT->written->len, ==, 0);
    }
    handover_send(OUT, HANDOVER_CANCELLED, number, 0);
    handover_reconnect(OUT);
    g_assert_cmpuint(OUT->written->len, ==, 0);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_IDLE, 0);
}

/* A short cut is not the time to decide alone. */
static void test_source_cancels_while_the_channel_is_down(void)
{
    NetFilter *nf = divert(",wait=20000");

    fixture_send(fixture_netdev, 5);
    fixture_open(OUT, false);
    fixture_start();
    fixture_expect(fixture_peer, 0, 0);
    handover_reconnect(OUT);
    handover_expect(OUT, HANDOVER_CANCEL, number_of(nf), 0);
    handover_send(OUT, HANDOVER_CANCELLED, number_of(nf), 0);
    fixture_expect(fixture_peer, 0, 5);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_IDLE, 0);
}

static void test_source_offers_again(void)
{
    NetFilter *nf = divert("");

    fixture_send(fixture_netdev, 3);
    handover_expect_frames(OUT, 0, 3);
    handover_send(OUT, HANDOVER_REFUSED, number_of(nf), 0);
    fixture_send(fixture_netdev, 2);
    g_assert_cmpuint(OUT->written->len, ==, 0);
    handover_send(OUT, HANDOVER_AGAIN, number_of(nf), 0);
    handover_expect(OUT, HANDOVER_OFFER, number_of(nf), 0);
    handover_expect_frames(OUT, 0, 5);
    handover_send(OUT, HANDOVER_AGAIN, number_of(nf), 0);
    g_assert_cmpuint(OUT->written->len, ==, 0);
    handover_send(OUT, HANDOVER_RELEASED, number_of(nf), 5);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_RELEASED, 0);
}

/* Some were left to the source before the VM ran: it says where it goes on. */
static void test_source_released_while_refused(void)
{
    NetFilter *nf = divert("");

    fixture_send(fixture_netdev, 5);
    handover_expect_frames(OUT, 0, 5);
    handover_send(OUT, HANDOVER_REFUSED, number_of(nf), 0);
    handover_send(OUT, HANDOVER_RELEASED, number_of(nf), 3);
    handover_expect(OUT, HANDOVER_RESUME, number_of(nf), 3);
    handover_expect_frames(OUT, 3, 2);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_RELEASED, 2);
}

/* What was released and is not acknowledged is sent, whatever the VM here does meanwhile. */
static void test_source_stopped_again_behind_a_release(void)
{
    NetFilter *nf = divert("");

    fixture_send(fixture_netdev, 5);
    handover_expect_frames(OUT, 0, 5);
    handover_send(OUT, HANDOVER_RELEASED, number_of(nf), 2);
    fixture_start();
    handover_expect_phase(nf, NET_HANDOVER_PHASE_DRAINING, 3);
    run_state_set(RUN_STATE_FINISH_MIGRATE);
    fixture_send(fixture_netdev, 2);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_DRAINING, 3);
    handover_reconnect(OUT);
    handover_expect(OUT, HANDOVER_RESUME, number_of(nf), 2);
    handover_expect_frames(OUT, 2, 3);
    handover_send(OUT, HANDOVER_RELEASED, number_of(nf), 5);
    handover_expect(OUT, HANDOVER_DONE, 1, 5);
    handover_expect(OUT, HANDOVER_OFFER, 2, 0);
    handover_expect_frames(OUT, 5, 2);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_DIVERTING, 2);
}

/* The destination has forgotten what it released: the frames are offered as if they were new. */
static void test_source_of_a_destination_that_began_anew(void)
{
    NetFilter *nf = divert("");

    fixture_send(fixture_netdev, 5);
    handover_expect_frames(OUT, 0, 5);
    handover_send(OUT, HANDOVER_RELEASED, 1, 2);
    handover_reconnect(OUT);
    handover_expect(OUT, HANDOVER_RESUME, 1, 2);
    handover_expect_frames(OUT, 2, 3);
    handover_send(OUT, HANDOVER_UNKNOWN, 1, 0);
    handover_expect(OUT, HANDOVER_OFFER, 2, 0);
    handover_expect_frames(OUT, 2, 3);
    handover_send(OUT, HANDOVER_UNKNOWN, 1, 0);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_DIVERTING, 3);
    fixture_start();
    handover_expect(OUT, HANDOVER_CANCEL, 2, 0);
    handover_send(OUT, HANDOVER_CANCELLED, 2, 0);
    fixture_expect(fixture_peer, 2, 3);
}

static void test_source_sends_again_on_a_new_connection(void)
{
    NetFilter *nf = divert("");

    OUT->room = 100;
    fixture_send(fixture_netdev, 5);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_DIVERTING, 5);
    fixture_open(OUT, false);
    g_byte_array_set_size(OUT->written, 0);
    OUT->room = SIZE_MAX;
    fixture_send(fixture_netdev, 2);
    fixture_open(OUT, true);
    handover_meet(OUT);
    handover_expect(OUT, HANDOVER_OFFER, number_of(nf), 0);
    handover_expect_frames(OUT, 0, 7);
    handover_send(OUT, HANDOVER_RELEASED, number_of(nf), 4);
    handover_reconnect(OUT);
    handover_expect(OUT, HANDOVER_RESUME, number_of(nf), 4);
    handover_expect_frames(OUT, 4, 3);
}

static void test_source_is_slow(void)
{
    NetFilter *nf = add_source("");

    OUT->room = 10;
    run_state_set(RUN_STATE_FINISH_MIGRATE);
    fixture_send(fixture_netdev, 5);
    OUT->room = SIZE_MAX;
    char_write_ready(OUT->chr);
    handover_expect(OUT, HANDOVER_OFFER, number_of(nf), 0);
    handover_expect_frames(OUT, 0, 5);
}

static void test_source_keeps_to_its_limit(void)
{
    NetFilter *nf = divert(",hold-size=340");

    fixture_send(fixture_netdev, 12);
    handover_expect_frames(OUT, 0, 5);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_DIVERTING, 5);
    g_assert_cmpuint(fixture_held(nf), ==, 7);
    g_assert_false(fixture_netdev->nc.polled);
    handover_send(OUT, HANDOVER_RELEASED, number_of(nf), 5);
    handover_expect_frames(OUT, 5, 5);
    handover_send(OUT, HANDOVER_RELEASED, number_of(nf), 10);
    handover_expect_frames(OUT, 10, 2);
    g_assert_true(fixture_netdev->nc.polled);
}

/* Frames that are longer than the limit go one at a time. */
static void test_source_with_a_limit_below_a_frame(void)
{
    NetFilter *nf = divert(",hold-size=1");

    fixture_send(fixture_netdev, 3);
    handover_expect_frames(OUT, 0, 1);
    handover_send(OUT, HANDOVER_RELEASED, number_of(nf), 1);
    handover_expect_frames(OUT, 1, 1);
    handover_send(OUT, HANDOVER_RELEASED, number_of(nf), 2);
    handover_expect_frames(OUT, 2, 1);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_RELEASED, 1);
}

/* What was held in front of the peer is all taken, so none of it overtakes the rest. */
static void test_source_takes_what_is_held_beyond_its_limit(void)
{
    NetFilter *nf = add_source(",hold-size=340");

    fixture_peer->room = 0;
    for (int i = 0; i < 9; i++) {
        fixture_send(fixture_netdev, 1);
    }
    run_state_set(RUN_STATE_FINISH_MIGRATE);
    handover_expect(OUT, HANDOVER_OFFER, number_of(nf), 0);
    handover_expect_frames(OUT, 0, 9);
    fixture_send(fixture_netdev, 2);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_DIVERTING, 9);
    fixture_peer->room = SIZE_MAX;
    fixture_start();
    fixture_expect(fixture_peer, 0, 0);
    handover_send(OUT, HANDOVER_CANCELLED, number_of(nf), 0);
    fixture_expect(fixture_peer, 0, 11);
}

static void test_source_stopped_again_while_cancelling(void)
{
    NetFilter *nf = divert("");
    uint32_t before = number_of(nf);

    fixture_send(fixture_netdev, 3);
    handover_expect_frames(OUT, 0, 3);
    fixture_start();
    handover_expect(OUT, HANDOVER_CANCEL, before, 0);
    run_state_set(RUN_STATE_FINISH_MIGRATE);
    fixture_send(fixture_netdev, 2);
    g_assert_cmpuint(OUT->written->len, ==, 0);
    handover_send(OUT, HANDOVER_CANCELLED, before, 0);
    handover_expect(OUT, HANDOVER_OFFER, number_of(nf), 0);
    handover_expect_frames(OUT, 0, 5);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_DIVERTING, 5);
}

/* The answer is that the destination's VM had run already. */
static void test_source_stopped_again_while_cancelling_too_late(void)
{
    NetFilter *nf = divert("");

    fixture_send(fixture_netdev, 5);
    handover_expect_frames(OUT, 0, 5);
    fixture_start();
    handover_expect(OUT, HANDOVER_CANCEL, 1, 0);
    run_state_set(RUN_STATE_FINISH_MIGRATE);
    fixture_send(fixture_netdev, 2);
    handover_send(OUT, HANDOVER_RELEASED, 1, 2);
    handover_expect(OUT, HANDOVER_RESUME, 1, 2);
    handover_expect_frames(OUT, 2, 3);
    handover_send(OUT, HANDOVER_RELEASED, 1, 5);
    handover_expect(OUT, HANDOVER_DONE, 1, 5);
    handover_expect(OUT, HANDOVER_OFFER, 2, 0);
    handover_expect_frames(OUT, 5, 2);
    handover_expect_phase(nf, NET_HANDOVER_PHASE_DIVERTING, 2);
}

static void test_source_deleted(void)
{
    NetFilter *nf = divert("");
    uint32_t number = number_of(nf);

    fixture_send(fixture_netdev, 3);
    handover_expect_frames(OUT, 0, 3);
    fixture_remove("h0");
    handover_expect(OUT, HANDOVER_REVOKE, number, 0);
    fixture_start();
    fixture_expect(fixture_peer, 0, 3);
}

/* No VM will be here: the destination is to give its VM what it has. */
static void test_source_at_the_end_of_the_process(void)
{
    divert("");
    fixture_send(fixture_netdev, 3);
    handover_expect_frames(OUT, 0, 3);
    object_delete_all();
    g_assert_cmpuint(OUT->written->len, ==, 0);
}

static void test_source_refuses_nonsense(void)
{
    NetFilter *nf = divert("");

    handover_expect_refused(OUT, HANDOVER_OFFER, number_of(nf), 0);
    handover_expect_refused(OUT, HANDOVER_RELEASED, number_of(nf), 1);
    handover_expect_refused(OUT, HANDOVER_MESSAGE__MAX, number_of(nf), 0);
    fixture_feed(OUT, 0, 1, true);
    g_assert_cmpuint(OUT->n_disconnects, ==, 4);
    g_assert_cmpuint(fixture_malformed(nf), ==, 4);
}

static void test_errors(void)
{
    static const char needs[] = "filter-handover 'h0': either 'outdev' (where the VM is) or "
                                "'indev' (where it goes) is needed";

    fixture_add_fails("filter-handover,id=h0,netdev=n0", ERROR_CLASS_GENERIC, needs);
    fixture_add_fails("filter-handover,id=h0,netdev=n0,outdev=c0,indev=c1",
                      ERROR_CLASS_GENERIC, needs);
    fixture_add_fails("filter-handover,id=h0,netdev=n0,outdev=c0,queue=rx",
                      ERROR_CLASS_GENERIC,
                      "filter-handover 'h0': Property 'filter-handover.queue' must be 'tx': "
                      "frames that the guest sends are not handed over");
    fixture_add_fails("filter-handover,id=h0,netdev=n0,outdev=nope",
                      ERROR_CLASS_DEVICE_NOT_FOUND,
                      "filter-handover 'h0': chardev 'nope' not found");
    fixture_add_fails("filter-handover,id=h0,netdev=n0,indev=nope",
                      ERROR_CLASS_DEVICE_NOT_FOUND,
                      "filter-handover 'h0': chardev 'nope' not found");
    fixture_add_fails("filter-handover,id=h0,netdev=n0,outdev=c0,key-secret=k0",
                      ERROR_CLASS_GENERIC,
                      "filter-handover 'h0': No secret with id 'k0'");
    fixture_add_fails("filter-handover,id=h0,netdev=n0,outdev=c0,announce=on",
                      ERROR_CLASS_GENERIC,
                      "filter-handover 'h0': 'armed', 'announce', 'guest-mac' and "
                      "'guest-addresses' need 'indev'");
    fixture_add_fails("filter-handover,id=h0,netdev=n0,indev=c1,guest-mac=52:54:00",
                      ERROR_CLASS_GENERIC,
                      "filter-handover 'h0': Property 'filter-handover.guest-mac' takes the MAC "
                      "address of a NIC, not '52:54:00'");
    add_source("");
    fixture_set_fails("h0", "armed", "true", "'armed' needs 'indev'");
    fixture_set_fails("h0", "outdev", "\"c1\"",
                      "Property 'filter-handover.outdev' cannot be changed");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    fixture_test("/filter-handover/source/takes-nothing-while-running",
                 test_source_takes_nothing_while_running);
    fixture_test("/filter-handover/source/takes-nothing-while-paused",
                 test_source_takes_nothing_while_paused);
    fixture_test("/filter-handover/source/diverts", test_source_diverts);
    fixture_test("/filter-handover/source/order", test_source_order);
    fixture_test("/filter-handover/source/released", test_source_released);
    fixture_test("/filter-handover/source/cancels", test_source_cancels);
    fixture_test("/filter-handover/source/cancels-too-late", test_source_cancels_too_late);
    fixture_test("/filter-handover/source/gets-no-answer", test_source_gets_no_answer);
    fixture_test("/filter-handover/source/hears-a-late-answer", test_source_hears_a_late_answer);
    fixture_test("/filter-handover/source/without-connection", test_source_without_connection);
    fixture_test("/filter-handover/source/cancels-on-the-next-connection",
                 test_source_cancels_on_the_next_connection);
    fixture_test("/filter-handover/source/cancels-while-the-channel-is-down",
                 test_source_cancels_while_the_channel_is_down);
    fixture_test("/filter-handover/source/offers-again", test_source_offers_again);
    fixture_test("/filter-handover/source/released-while-refused",
                 test_source_released_while_refused);
    fixture_test("/filter-handover/source/stopped-again-behind-a-release",
                 test_source_stopped_again_behind_a_release);
    fixture_test("/filter-handover/source/of-a-destination-that-began-anew",
                 test_source_of_a_destination_that_began_anew);
    fixture_test("/filter-handover/source/stopped-again-while-cancelling-too-late",
                 test_source_stopped_again_while_cancelling_too_late);
    fixture_test("/filter-handover/source/sends-again-on-a-new-connection",
                 test_source_sends_again_on_a_new_connection);
    fixture_test("/filter-handover/source/is-slow", test_source_is_slow);
    fixture_test("/filter-handover/source/keeps-to-its-limit", test_source_keeps_to_its_limit);
    fixture_test("/filter-handover/source/with-a-limit-below-a-frame",
                 test_source_with_a_limit_below_a_frame);
    fixture_test("/filter-handover/source/takes-what-is-held-beyond-its-limit",
                 test_source_takes_what_is_held_beyond_its_limit);
    fixture_test("/filter-handover/source/stopped-again-while-cancelling",
                 test_source_stopped_again_while_cancelling);
    fixture_test("/filter-handover/source/deleted", test_source_deleted);
    fixture_test("/filter-handover/source/at-the-end-of-the-process",
                 test_source_at_the_end_of_the_process);
    fixture_test("/filter-handover/source/refuses-nonsense", test_source_refuses_nonsense);
    fixture_test("/filter-handover/errors", test_errors);
    return g_test_run();
}
