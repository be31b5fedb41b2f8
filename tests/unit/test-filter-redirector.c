/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of filter-redirector's outdev: connected or not, running or stopped. */

#include <errno.h>

#include "net/colo/events.h"
#include "filter-fixture.h"
#include "loop.h"

#define OUT (&fixture_chars[0])
#define IN (&fixture_chars[1])

static NetFilter *add_out(const char *more)
{
    g_autofree char *options = g_strdup_printf("filter-redirector,id=r0,netdev=n0,outdev=c0%s",
                                               more);

    return fixture_add(options);
}

static NetFilter *add_in(const char *more)
{
    g_autofree char *options = g_strdup_printf("filter-redirector,id=r0,netdev=n0,indev=c1%s",
                                               more);

    return fixture_add(options);
}

static uint64_t not_connected(const NetFilter *nf)
{
    return fixture_drops(nf, NET_DROP_REASON_NOT_CONNECTED);
}

/* --- Out: verdicts ----------------------------------------------------------------------- */

static void check_directions(const char *more, bool tx, bool rx)
{
    add_out(more);
    fixture_send(fixture_netdev, 5);
    fixture_expect(fixture_peer, 0, tx ? 0 : 5);
    fixture_expect_written(OUT, 0, tx ? 5 : 0, false);
    fixture_send(fixture_peer, 5);
    fixture_expect(fixture_netdev, 0, rx ? 0 : 5);
    fixture_expect_written(OUT, 0, rx ? 5 : 0, false);
}

static void test_takes_all(void)
{
    check_directions("", true, true);
}

static void test_takes_tx(void)
{
    check_directions(",queue=tx", true, false);
}

static void test_takes_rx(void)
{
    check_directions(",queue=rx", false, true);
}

static void test_takes_nothing_when_off(void)
{
    check_directions(",status=off", false, false);
}

static void test_passes_without_outdev(void)
{
    NetFilter *nf = add_in("");

    fixture_send(fixture_netdev, 5);
    fixture_expect(fixture_peer, 0, 5);
    fixture_send(fixture_peer, 5);
    fixture_expect(fixture_netdev, 0, 5);
    g_assert_false(net_filter_wants_stopped(nf));
}

static void test_vnet_word(void)
{
    add_out(",queue=tx,vnet_hdr_support=on");
    fixture_send(fixture_netdev, 65);
    fixture_expect_written(OUT, 0, 65, true);
    fixture_set("r0", "vnet_hdr_support", "false");
    fixture_send(fixture_netdev, 2);
    fixture_expect_written(OUT, 65, 2, false);
}

static void test_vnet_form_changes_between_frames(void)
{
    add_out(",queue=tx");
    OUT->room = 10;
    fixture_send(fixture_netdev, 2);
    fixture_set("r0", "vnet_hdr_support", "true");
    OUT->room = FIXTURE_FRAME_LEN + 4 - 10;
    char_write_ready(OUT->chr);
    fixture_expect_written(OUT, 0, 1, false);
    OUT->room = SIZE_MAX;
    char_write_ready(OUT->chr);
    fixture_expect_written(OUT, 1, 1, true);
}

/* --- Out: pressure ----------------------------------------------------------------------- */

static void test_full_outdev_loses_nothing(void)
{
    for (size_t room = 0; room < 3 * (FIXTURE_FRAME_LEN + 4) - 1; room++) {
        NetFilter *nf = add_out(",queue=tx");
        uint32_t first = fixture_netdev->next_seq;

        OUT->room = room;
        fixture_send(fixture_netdev, 3);
        fixture_send(fixture_netdev, 3);
        g_assert_cmpuint(fixture_held(nf), >, 0);
        g_assert_false(fixture_netdev->nc.polled);
        OUT->room = SIZE_MAX;
        char_write_ready(OUT->chr);
        g_assert_true(fixture_netdev->nc.polled);
        fixture_expect_written(OUT, first, 6, false);
        g_assert_cmpuint(nf->to_outdev.frames, ==, 6);
        fixture_remove("r0");
        fixture_expect(fixture_peer, 0, 0);
    }
}

/* Frames of one direction always fill outdev again: the other one gets its turn all the same. */
static void test_full_outdev_serves_both_directions(void)
{
    NetFilter *nf = add_out("");

    OUT->room = 0;
    fixture_send(fixture_netdev, 50);
    fixture_send(fixture_peer, 2);
    for (int i = 0; i < 4; i++) {
        OUT->room = FIXTURE_FRAME_LEN + 4;
        char_write_ready(OUT->chr);
    }
    g_assert_cmpuint(nf->stages[NET_DIRECTION_RX].held.n_frames, ==, 0);
    g_assert_cmpuint(nf->stages[NET_DIRECTION_TX].held.n_frames, ==, 48);
    OUT->room = SIZE_MAX;
    char_write_ready(OUT->chr);
    g_assert_cmpuint(fixture_held(nf), ==, 0);
}

static void test_switched_off_while_full(void)
{
    add_out(",queue=tx");
    OUT->room = 70;
    fixture_send(fixture_netdev, 4);
    fixture_set("r0", "status", "\"off\"");
    fixture_expect(fixture_peer, 2, 2);
    OUT->room = SIZE_MAX;
    char_write_ready(OUT->chr);
    fixture_expect_written(OUT, 0, 2, false);
    g_assert_true(fixture_netdev->nc.polled);
}

static void test_deleted_while_full(void)
{
    for (size_t room = 1; room < FIXTURE_FRAME_LEN + 4; room++) {
        uint32_t first = fixture_netdev->next_seq;

        add_out(",queue=tx");
        OUT->room = room;
        OUT->n_disconnects = 0;
        fixture_send(fixture_netdev, 3);
        fixture_remove("r0");
        fixture_expect(fixture_peer, first, 3);
        g_assert_cmpuint(OUT->n_disconnects, ==, 1);
        g_byte_array_set_size(OUT->written, 0);
    }
}

/* --- Out: no connection ------------------------------------------------------------------ */

static void test_unconnected_drops(void)
{
    NetFilter *nf = add_out(",queue=tx");

    fixture_open(OUT, false);
    fixture_send(fixture_netdev, 5);
    fixture_expect(fixture_peer, 0, 0);
    g_assert_cmpuint(not_connected(nf), ==, 5);
    fixture_open(OUT, true);
    fixture_send(fixture_netdev, 5);
    fixture_expect_written(OUT, 5, 5, false);
    g_assert_cmpuint(not_connected(nf), ==, 5);
}

static void test_unconnected_holds(void)
{
    NetFilter *nf = add_out(",queue=tx,on-disconnect=hold");

    fixture_open(OUT, false);
    fixture_send(fixture_netdev, 5);
    g_assert_cmpuint(fixture_held(nf), ==, 5);
    g_assert_false(fixture_netdev->nc.polled);
    fixture_expect(fixture_peer, 0, 0);
    fixture_open(OUT, true);
    fixture_expect_written(OUT, 0, 5, false);
    g_assert_true(fixture_netdev->nc.polled);
}

static void test_unconnected_passes(void)
{
    NetFilter *nf = add_out(",queue=tx,on-disconnect=pass");

    fixture_open(OUT, false);
    fixture_send(fixture_netdev, 5);
    fixture_expect(fixture_peer, 0, 5);
    g_assert_cmpuint(not_connected(nf), ==, 0);
    fixture_open(OUT, true);
    fixture_send(fixture_netdev, 5);
    fixture_expect_written(OUT, 5, 5, false);
}

static void test_policy_acts_on_held_frames(void)
{
    NetFilter *nf = add_out(",queue=tx,on-disconnect=hold");

    fixture_open(OUT, false);
    fixture_send(fixture_netdev, 3);
    fixture_set("r0", "on-disconnect", "\"pass\"");
    fixture_expect(fixture_peer, 0, 3);
    fixture_set("r0", "on-disconnect", "\"hold\"");
    fixture_send(fixture_netdev, 3);
    fixture_set("r0", "on-disconnect", "\"drop\"");
    g_assert_cmpuint(not_connected(nf), ==, 3);
    fixture_expect(fixture_peer, 0, 0);
    g_assert_true(fixture_netdev->nc.polled);
}

/* The connection breaks after @room bytes; what was not wholly sent goes by the policy. */
static void break_after(size_t room, const char *policy)
{
    g_autofree char *more = g_strdup_printf(",queue=tx,on-disconnect=%s", policy);

    add_out(more);
    OUT->room = room;
    fixture_send(fixture_netdev, 3);
    fixture_open(OUT, false);
    g_byte_array_set_size(OUT->written, 0);
    OUT->room = SIZE_MAX;
}

static void test_break_then_drop(void)
{
    for (size_t room = 0; room < 3 * (FIXTURE_FRAME_LEN + 4); room++) {
        uint32_t first = fixture_netdev->next_seq;
        uint32_t sent = room / (FIXTURE_FRAME_LEN + 4);
        NetFilter *nf;

        break_after(room, "drop");
        nf = fixture_netdev->nc.filters->pdata[0];
        g_assert_cmpuint(not_connected(nf), ==, 3 - sent);
        g_assert_cmpuint(nf->to_outdev.frames, ==, sent);
        fixture_open(OUT, true);
        fixture_send(fixture_netdev, 1);
        fixture_expect_written(OUT, first + 3, 1, false);
        fixture_remove("r0");
        fixture_expect(fixture_peer, 0, 0);
    }
}

static void test_break_then_hold(void)
{
    for (size_t room = 0; room < 3 * (FIXTURE_FRAME_LEN + 4); room++) {
        uint32_t first = fixture_netdev->next_seq;
        uint32_t sent = room / (FIXTURE_FRAME_LEN + 4);

        break_after(room, "hold");
        fixture_open(OUT, true);
        fixture_send(fixture_netdev, 1);
        fixture_expect_written(OUT, first + sent, 4 - sent, false);
        fixture_remove("r0");
        fixture_expect(fixture_peer, 0, 0);
    }
}

static void test_break_then_pass(void)
{
    for (size_t room = 0; room < 3 * (FIXTURE_FRAME_LEN + 4); room++) {
        uint32_t first = fixture_netdev->next_seq;
        uint32_t sent = room / (FIXTURE_FRAME_LEN + 4);

        break_after(room, "pass");
        fixture_expect(fixture_peer, first + sent, 3 - sent);
        fixture_open(OUT, true);
        fixture_send(fixture_netdev, 1);
        fixture_expect_written(OUT, first + 3, 1, false);
        fixture_remove("r0");
    }
}

static void test_write_error_goes_by_policy(void)
{
    NetFilter *nf = add_out(",queue=tx,on-disconnect=pass");

    OUT->error = ECONNRESET;
    fixture_send(fixture_netdev, 3);
    fixture_expect(fixture_peer, 0, 3);
    fixture_send(fixture_netdev, 1);
    fixture_expect(fixture_peer, 3, 1);
    fixture_open(OUT, false);
    OUT->error = 0;
    fixture_open(OUT, true);
    fixture_send(fixture_netdev, 1);
    fixture_expect_written(OUT, 4, 1, false);
    g_assert_cmpuint(nf->to_outdev.frames, ==, 1);
}

/* The stream has not gone, so only the frames of that write have. */
static void test_one_failed_write_is_not_the_end(void)
{
    NetFilter *nf = add_out(",queue=tx");

    OUT->error = ENETUNREACH;
    fixture_send(fixture_netdev, 3);
    g_assert_cmpuint(not_connected(nf), ==, 3);
    OUT->error = 0;
    fixture_send(fixture_netdev, 2);
    fixture_expect_written(OUT, 3, 2, false);
    g_assert_cmpuint(not_connected(nf), ==, 3);
}

/* No frame comes that would make another attempt, as those that wait block the netdev. */
static void test_hold_ends_when_writing_works_again(void)
{
    NetFilter *nf = add_out(",queue=tx,on-disconnect=hold");

    OUT->error = ENETUNREACH;
    fixture_send(fixture_netdev, 3);
    g_assert_cmpuint(fixture_held(nf), ==, 3);
    g_assert_false(fixture_netdev->nc.polled);
    OUT->error = 0;
    LOOP_UNTIL(fixture_held(nf) == 0);
    fixture_expect_written(OUT, 0, 3, false);
    g_assert_true(fixture_netdev->nc.polled);
}

/* The same while the VM is stopped, where an outdev that fails is not asked for frames. */
static void test_stopped_goes_on_when_writing_works_again(void)
{
    NetFilter *nf = add_out(",queue=tx,enable_when_stopped=on");

    fixture_stop();
    OUT->error = ENETUNREACH;
    fixture_send(fixture_netdev, 3);
    g_assert_cmpuint(fixture_held(nf), ==, 3);
    g_assert_false(net_filter_wants_stopped(nf));
    OUT->error = 0;
    LOOP_UNTIL(net_filter_wants_stopped(nf));
    LOOP_UNTIL(fixture_held(nf) == 0);
    fixture_expect_written(OUT, 0, 3, false);
    fixture_start();
}

/* A frame of which a part is out is not given up while its rest may follow. */
static void test_error_in_rest_tears_nothing(void)
{
    NetFilter *nf = add_out(",queue=tx");

    OUT->room = 10;
    fixture_send(fixture_netdev, 3);
    OUT->error = ENOSPC;
    char_write_ready(OUT->chr);
    g_assert_cmpuint(not_connected(nf), ==, 2);
    OUT->error = 0;
    OUT->room = SIZE_MAX;
    LOOP_UNTIL(OUT->written->len > 10);
    fixture_expect_written(OUT, 0, 1, false);
    g_assert_cmpuint(nf->to_outdev.frames, ==, 1);
}

static void test_error_in_rest_goes_by_policy(void)
{
    NetFilter *nf = add_out(",queue=tx");

    OUT->room = 10;
    fixture_send(fixture_netdev, 3);
    OUT->error = EPIPE;
    char_write_ready(OUT->chr);
    fixture_open(OUT, false);
    g_assert_cmpuint(not_connected(nf), ==, 3);
    g_assert_cmpuint(nf->to_outdev.frames, ==, 0);
}

/* --- While the VM is stopped -------------------------------------------------------------- */

static void test_stopped_keeps_flowing(void)
{
    add_out(",queue=tx,enable_when_stopped=on");
    fixture_stop();
    g_assert_true(fixture_netdev->nc.polled);
    fixture_send(fixture_netdev, 200);
    fixture_expect_written(OUT, 0, 200, false);
    fixture_start();
    fixture_expect(fixture_peer, 0, 0);
}

static void test_stopped_unconnected_holds(gconstpointer policy)
{
    g_autofree char *more = g_strdup_printf(",queue=tx,enable_when_stopped=on,on-disconnect=%s",
                                            (const char *)policy);
    NetFilter *nf = add_out(more);

    fixture_open(OUT, false);
    fixture_stop();
    g_assert_false(fixture_netdev->nc.polled);
    fixture_send(fixture_netdev, 3);
    g_assert_cmpuint(fixture_held(nf), ==, 3);
    fixture_open(OUT, true);
    g_assert_true(fixture_netdev->nc.polled);
    fixture_expect_written(OUT, 0, 3, false);
    g_assert_cmpuint(not_connected(nf), ==, 0);
}

static void test_stopped_unconnected_holds_drop(void)
{
    test_stopped_unconnected_holds("drop");
}

static void test_stopped_unconnected_holds_hold(void)
{
    test_stopped_unconnected_holds("hold");
}

static void test_stopped_unconnected_holds_pass(void)
{
    test_stopped_unconnected_holds("pass");
}

static void test_resume_applies_drop(void)
{
    NetFilter *nf = add_out(",queue=tx");

    fixture_open(OUT, false);
    fixture_stop();
    fixture_send(fixture_netdev, 3);
    fixture_start();
    g_assert_cmpuint(not_connected(nf), ==, 3);
    g_assert_true(fixture_netdev->nc.polled);
}

static void test_resume_applies_pass(void)
{
    add_out(",queue=tx,on-disconnect=pass");
    fixture_open(OUT, false);
    fixture_stop();
    fixture_send(fixture_netdev, 3);
    fixture_expect(fixture_peer, 0, 0);
    fixture_start();
    fixture_expect(fixture_peer, 0, 3);
}

/* Stopped, a frame is partly out, the stream breaks; the VM goes on without a connection. */
static void stop_break_start(const char *policy)
{
    g_autofree char *more = g_strdup_printf(",queue=tx,on-disconnect=%s", policy);

    add_out(more);
    fixture_stop();
    OUT->room = 10;
    fixture_send(fixture_netdev, 3);
    fixture_open(OUT, false);
    fixture_start();
    g_byte_array_set_size(OUT->written, 0);
    OUT->room = SIZE_MAX;
}

static void test_resume_drops_torn_frame(void)
{
    stop_break_start("drop");
    g_assert_cmpuint(not_connected(fixture_netdev->nc.filters->pdata[0]), ==, 3);
    fixture_open(OUT, true);
    fixture_expect_written(OUT, 0, 0, false);
}

static void test_resume_passes_torn_frame(void)
{
    stop_break_start("pass");
    fixture_expect(fixture_peer, 0, 3);
}

static void test_resume_passes_only_torn_frame(void)
{
    add_out(",queue=tx,on-disconnect=pass");
    fixture_stop();
    OUT->room = 10;
    fixture_send(fixture_netdev, 1);
    fixture_open(OUT, false);
    fixture_expect(fixture_peer, 0, 0);
    fixture_start();
    fixture_expect(fixture_peer, 0, 1);
}

static void test_switched_off_keeps_torn_frame_first(void)
{
    add_out(",queue=tx,on-disconnect=pass");
    fixture_stop();
    OUT->room = 10;
    fixture_send(fixture_netdev, 3);
    fixture_open(OUT, false);
    fixture_set("r0", "status", "\"off\"");
    fixture_send(fixture_netdev, 2);
    fixture_start();
    fixture_expect(fixture_peer, 0, 5);
}

static void test_reconnect_while_stopped_sends_torn_frame_whole(void)
{
    add_out(",queue=tx");
    fixture_stop();
    OUT->room = 10;
    fixture_send(fixture_netdev, 3);
    fixture_open(OUT, false);
    g_byte_array_set_size(OUT->written, 0);
    OUT->room = SIZE_MAX;
    fixture_open(OUT, true);
    fixture_expect_written(OUT, 0, 3, false);
    fixture_start();
    fixture_expect(fixture_peer, 0, 0);
}

static void test_switched_on_gets_held_frames_first(void)
{
    add_out(",queue=tx,enable_when_stopped=on,status=off");
    fixture_stop();
    fixture_send(fixture_netdev, 3);
    fixture_set("r0", "status", "\"on\"");
    fixture_expect_written(OUT, 0, 3, false);
    fixture_send(fixture_netdev, 2);
    fixture_expect_written(OUT, 3, 2, false);
    fixture_start();
    fixture_expect(fixture_peer, 0, 0);
}

static void test_created_while_stopped_gets_held_frames(void)
{
    fixture_stop();
    fixture_send(fixture_netdev, 3);
    add_out(",queue=tx,enable_when_stopped=on");
    g_assert_true(fixture_netdev->nc.polled);
    fixture_expect_written(OUT, 0, 3, false);
}

static void test_connected_while_stopped_gets_held_frames(void)
{
    add_out(",queue=tx,enable_when_stopped=on,status=off");
    fixture_open(OUT, false);
    fixture_stop();
    fixture_send(fixture_netdev, 3);
    fixture_set("r0", "status", "\"on\"");
    fixture_send(fixture_netdev, 3);
    fixture_open(OUT, true);
    fixture_expect_written(OUT, 0, 6, false);
}

static void test_unconnected_fetches_nothing_back(void)
{
    NetFilter *nf;

    fixture_peer->room = 0;
    fixture_send(fixture_netdev, 3);
    nf = add_out(",queue=tx,status=off");
    fixture_open(OUT, false);
    fixture_set("r0", "status", "\"on\"");
    fixture_peer->room = SIZE_MAX;
    net_client_ready(&fixture_peer->nc);
    fixture_expect(fixture_peer, 0, 3);
    g_assert_cmpuint(not_connected(nf), ==, 0);
}

static void test_asks_only_when_it_can_send(void)
{
    add_out(",enable_when_stopped=on");
    fixture_stop();
    g_assert_true(fixture_netdev->nc.polled);
    fixture_open(OUT, false);
    g_assert_false(fixture_netdev->nc.polled);
    fixture_open(OUT, true);
    g_assert_true(fixture_netdev->nc.polled);
    fixture_set("r0", "status", "\"off\"");
    g_assert_false(fixture_netdev->nc.polled);
    fixture_set("r0", "status", "\"on\"");
    fixture_set("r0", "enable_when_stopped", "false");
    g_assert_false(fixture_netdev->nc.polled);
    fixture_set("r0", "enable_when_stopped", "true");
    g_assert_true(fixture_netdev->nc.polled);
    fixture_remove("r0");
    g_assert_false(fixture_netdev->nc.polled);
}

static void test_full_while_stopped_pauses_reading(void)
{
    add_out(",queue=tx,enable_when_stopped=on,hold-size=680");
    fixture_stop();
    OUT->room = 0;
    fixture_send(fixture_netdev, 9);
    fixture_wait_polled();
    fixture_send(fixture_netdev, 1);
    g_assert_false(fixture_netdev->nc.polled);
    OUT->room = SIZE_MAX;
    char_write_ready(OUT->chr);
    g_assert_true(fixture_netdev->nc.polled);
    fixture_expect_written(OUT, 0, 10, false);
}

/* --- COLO -------------------------------------------------------------------------------- */

/* What one filter lets go does not end at another that is switched off by the same failover. */
static void test_failover_switches_all_off_at_once(void)
{
    fixture_add("filter-redirector,id=r0,netdev=n0,queue=tx,outdev=c0");
    fixture_add("filter-redirector,id=r1,netdev=n0,queue=tx,outdev=c1");
    OUT->room = 0;
    fixture_send(fixture_netdev, 5);
    net_colo_failover();
    fixture_expect(fixture_peer, 0, 5);
    g_assert_cmpuint(fixture_chars[1].written->len, ==, 0);
}

/* --- Errors ------------------------------------------------------------------------------ */

static void test_creation_errors(void)
{
    fixture_add_fails("filter-redirector,id=r0,netdev=n0", ERROR_CLASS_GENERIC,
                      "filter redirector needs 'indev' or 'outdev' at least one property set");
    fixture_add_fails("filter-redirector,id=r0,netdev=n0,indev=c0,outdev=c0", ERROR_CLASS_GENERIC,
                      "'indev' and 'outdev' could not be same for filter redirector");
    fixture_add_fails("filter-redirector,id=r0,netdev=n0,indev=x,outdev=c0",
                      ERROR_CLASS_DEVICE_NOT_FOUND, "IN Device 'x' not found");
    fixture_add_fails("filter-redirector,id=r0,netdev=n0,indev=c0,outdev=x",
                      ERROR_CLASS_DEVICE_NOT_FOUND, "OUT Device 'x' not found");
    fixture_add_fails("filter-redirector,id=r0,netdev=x,indev=c0,outdev=c1", ERROR_CLASS_GENERIC,
                      "Parameter 'netdev' expects a network backend id");
    fixture_add_fails("filter-redirector,id=r0,netdev=n0,indev=c0,outdev=c1,position=middle",
                      ERROR_CLASS_GENERIC,
                      "Parameter 'position' expects 'head', 'tail' or 'id=<id>'");
    fixture_add_fails("filter-redirector,id=r0,netdev=n0,indev=c1,enable_when_stopped=on",
                      ERROR_CLASS_GENERIC,
                      "Property 'filter-redirector.enable_when_stopped' needs 'outdev' to be "
                      "set");
    fixture_add_fails("filter-redirector,id=r0,netdev=n0,outdev=c0,queue=rx,"
                      "enable_when_stopped=on", ERROR_CLASS_GENERIC,
                      "Property 'filter-redirector.enable_when_stopped' needs 'queue' to be "
                      "'tx' or 'all'");
}

static void test_chardev_has_one_user(void)
{
    g_autoptr(ObjectOptions) options =
        object_options_parse_keyval("filter-redirector,id=r1,netdev=n0,indev=c1,outdev=c0", NULL);
    g_autoptr(GError) error = NULL;

    add_out("");
    g_assert_false(object_add(options, &error));
    g_assert_cmpstr(error->message, ==, "chardev 'c0' is already in use");
    g_assert_null(IN->chr->fe);
}

static void test_change_errors(void)
{
    const char *fixed = "cannot be changed: the filter keeps the chardev it was created with";
    g_autofree char *indev = g_strdup_printf("Property 'filter-redirector.indev' %s", fixed);
    g_autofree char *outdev = g_strdup_printf("Property 'filter-redirector.outdev' %s", fixed);

    add_in("");
    fixture_set_fails("r0", "indev", "\"c0\"", indev);
    fixture_set_fails("r0", "outdev", "\"c0\"", outdev);
    fixture_set_fails("r0", "enable_when_stopped", "true",
                      "Property 'filter-redirector.enable_when_stopped' needs 'outdev' to be "
                      "set");
    fixture_set_fails("r0", "hold-size", "0",
                      "Property 'filter-redirector.hold-size' requires a positive value");
}

static void add_out_tests(void)
{
    fixture_test("/filter-redirector/takes/all", test_takes_all);
    fixture_test("/filter-redirector/takes/tx", test_takes_tx);
    fixture_test("/filter-redirector/takes/rx", test_takes_rx);
    fixture_test("/filter-redirector/takes/nothing-when-off", test_takes_nothing_when_off);
    fixture_test("/filter-redirector/passes-without-outdev", test_passes_without_outdev);
    fixture_test("/filter-redirector/vnet-word", test_vnet_word);
    fixture_test("/filter-redirector/vnet-form-changes-between-frames",
                 test_vnet_form_changes_between_frames);
    fixture_test("/filter-redirector/full/loses-nothing", test_full_outdev_loses_nothing);
    fixture_test("/filter-redirector/full/serves-both-directions",
                 test_full_outdev_serves_both_directions);
    fixture_test("/filter-redirector/full/switched-off", test_switched_off_while_full);
    fixture_test("/filter-redirector/full/deleted", test_deleted_while_full);
    fixture_test("/filter-redirector/unconnected/drops", test_unconnected_drops);
    fixture_test("/filter-redirector/unconnected/holds", test_unconnected_holds);
    fixture_test("/filter-redirector/unconnected/passes", test_unconnected_passes);
    fixture_test("/filter-redirector/unconnected/policy-acts-on-held",
                 test_policy_acts_on_held_frames);
    fixture_test("/filter-redirector/break/drop", test_break_then_drop);
    fixture_test("/filter-redirector/break/hold", test_break_then_hold);
    fixture_test("/filter-redirector/break/pass", test_break_then_pass);
    fixture_test("/filter-redirector/break/write-error", test_write_error_goes_by_policy);
    fixture_test("/filter-redirector/break/error-in-rest", test_error_in_rest_goes_by_policy);
    fixture_test("/filter-redirector/error/one-is-not-the-end",
                 test_one_failed_write_is_not_the_end);
    fixture_test("/filter-redirector/error/hold-ends", test_hold_ends_when_writing_works_again);
    fixture_test("/filter-redirector/error/stopped-goes-on",
                 test_stopped_goes_on_when_writing_works_again);
    fixture_test("/filter-redirector/error/rest-tears-nothing",
                 test_error_in_rest_tears_nothing);
}

static void add_stopped_tests(void)
{
    fixture_test("/filter-redirector/stopped/keeps-flowing", test_stopped_keeps_flowing);
    fixture_test("/filter-redirector/stopped/unconnected-holds/drop",
                 test_stopped_unconnected_holds_drop);
    fixture_test("/filter-redirector/stopped/unconnected-holds/hold",
                 test_stopped_unconnected_holds_hold);
    fixture_test("/filter-redirector/stopped/unconnected-holds/pass",
                 test_stopped_unconnected_holds_pass);
    fixture_test("/filter-redirector/stopped/resume-applies-drop", test_resume_applies_drop);
    fixture_test("/filter-redirector/stopped/resume-applies-pass", test_resume_applies_pass);
    fixture_test("/filter-redirector/stopped/resume-drops-torn-frame",
                 test_resume_drops_torn_frame);
    fixture_test("/filter-redirector/stopped/resume-passes-torn-frame",
                 test_resume_passes_torn_frame);
    fixture_test("/filter-redirector/stopped/resume-passes-only-torn-frame",
                 test_resume_passes_only_torn_frame);
    fixture_test("/filter-redirector/stopped/switched-off-keeps-torn-frame-first",
                 test_switched_off_keeps_torn_frame_first);
    fixture_test("/filter-redirector/stopped/reconnect-sends-torn-frame-whole",
                 test_reconnect_while_stopped_sends_torn_frame_whole);
    fixture_test("/filter-redirector/stopped/switched-on-gets-held-first",
                 test_switched_on_gets_held_frames_first);
    fixture_test("/filter-redirector/stopped/created-gets-held",
                 test_created_while_stopped_gets_held_frames);
    fixture_test("/filter-redirector/stopped/connected-gets-held",
                 test_connected_while_stopped_gets_held_frames);
    fixture_test("/filter-redirector/unconnected-fetches-nothing-back",
                 test_unconnected_fetches_nothing_back);
    fixture_test("/filter-redirector/stopped/asks-only-when-it-can-send",
                 test_asks_only_when_it_can_send);
    fixture_test("/filter-redirector/stopped/full-pauses-reading",
                 test_full_while_stopped_pauses_reading);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_out_tests();
    add_stopped_tests();
    fixture_test("/filter-redirector/failover-switches-all-off-at-once",
                 test_failover_switches_all_off_at_once);
    fixture_test("/filter-redirector/creation-errors", test_creation_errors);
    fixture_test("/filter-redirector/chardev-has-one-user", test_chardev_has_one_user);
    fixture_test("/filter-redirector/change-errors", test_change_errors);
    return g_test_run();
}
