/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of filter-mirror: what is copied where, and what happens when it cannot be. */

#include <errno.h>

#include "filter-fixture.h"

#define OUT (&fixture_chars[0])

static NetFilter *add_mirror(const char *more)
{
    g_autofree char *options = g_strdup_printf("filter-mirror,id=m0,netdev=n0,outdev=c0%s",
                                               more);

    return fixture_add(options);
}

/* Five frames each way; @tx and @rx: whether they are copied. */
static void check_directions(const char *more, bool tx, bool rx)
{
    add_mirror(more);
    fixture_send(fixture_netdev, 5);
    fixture_expect(fixture_peer, 0, 5);
    fixture_expect_written(OUT, 0, tx ? 5 : 0, false);
    fixture_send(fixture_peer, 5);
    fixture_expect(fixture_netdev, 0, 5);
    fixture_expect_written(OUT, 0, rx ? 5 : 0, false);
}

static void test_copies_all(void)
{
    check_directions("", true, true);
}

static void test_copies_tx(void)
{
    check_directions(",queue=tx", true, false);
}

static void test_copies_rx(void)
{
    check_directions(",queue=rx", false, true);
}

static void test_copies_nothing_when_off(void)
{
    check_directions(",status=off", false, false);
}

static void test_status_acts(void)
{
    NetFilter *nf = add_mirror("");

    fixture_set("m0", "status", "\"off\"");
    fixture_send(fixture_netdev, 1);
    fixture_expect_written(OUT, 0, 0, false);
    fixture_set("m0", "status", "\"on\"");
    fixture_send(fixture_netdev, 1);
    fixture_expect_written(OUT, 1, 1, false);
    fixture_expect(fixture_peer, 0, 2);
    g_assert_cmpuint(nf->to_outdev.frames, ==, 1);
    g_assert_cmpuint(nf->to_outdev.bytes, ==, FIXTURE_FRAME_LEN);
}

static void test_queue_acts(void)
{
    add_mirror("");
    fixture_set("m0", "queue", "\"rx\"");
    fixture_send(fixture_netdev, 2);
    fixture_expect_written(OUT, 0, 0, false);
    fixture_send(fixture_peer, 2);
    fixture_expect_written(OUT, 0, 2, false);
    fixture_expect(fixture_peer, 0, 2);
    fixture_expect(fixture_netdev, 0, 2);
}

static void test_vnet_word(void)
{
    add_mirror(",vnet_hdr_support=on");
    fixture_send(fixture_netdev, 70);
    fixture_expect_written(OUT, 0, 70, true);
    fixture_set("m0", "vnet_hdr_support", "false");
    fixture_send(fixture_netdev, 3);
    fixture_expect_written(OUT, 70, 3, false);
    fixture_expect(fixture_peer, 0, 73);
}

/* --- Pressure ---------------------------------------------------------------------------- */

static void test_full_outdev_loses_nothing(void)
{
    for (size_t room = 0; room < 3 * (FIXTURE_FRAME_LEN + 4); room++) {
        NetFilter *nf = add_mirror(",queue=tx");
        uint32_t first = fixture_netdev->next_seq;

        OUT->room = room;
        fixture_send(fixture_netdev, 3);
        fixture_send(fixture_netdev, 2);
        g_assert_cmpuint(fixture_held(nf), >, 0);
        g_assert_false(fixture_netdev->nc.polled);
        OUT->room = SIZE_MAX;
        char_write_ready(OUT->chr);
        g_assert_true(fixture_netdev->nc.polled);
        fixture_expect(fixture_peer, first, 5);
        fixture_expect_written(OUT, first, 5, false);
        g_assert_cmpuint(nf->copies_lost.frames, ==, 0);
        fixture_remove("m0");
    }
}

static void test_rest_leaves_in_pieces(void)
{
    add_mirror(",queue=tx");
    OUT->room = 1;
    fixture_send(fixture_netdev, 4);
    while (OUT->written->len < 4 * (FIXTURE_FRAME_LEN + 4)) {
        OUT->room = 3;
        char_write_ready(OUT->chr);
    }
    fixture_expect(fixture_peer, 0, 4);
    fixture_expect_written(OUT, 0, 4, false);
}

/* --- Connections ------------------------------------------------------------------------- */

static void test_unconnected_passes(void)
{
    NetFilter *nf = add_mirror("");

    fixture_open(OUT, false);
    fixture_send(fixture_netdev, 3);
    fixture_expect(fixture_peer, 0, 3);
    g_assert_cmpuint(nf->copies_lost.frames, ==, 3);
    g_assert_cmpuint(nf->copies_lost.bytes, ==, 3 * FIXTURE_FRAME_LEN);
    fixture_open(OUT, true);
    fixture_send(fixture_netdev, 1);
    fixture_expect_written(OUT, 3, 1, false);
    g_assert_cmpuint(nf->copies_lost.frames, ==, 3);
    fixture_expect(fixture_peer, 3, 1);
}

static void test_closed_while_full_passes(void)
{
    NetFilter *nf = add_mirror(",queue=tx");

    OUT->room = 70;
    fixture_send(fixture_netdev, 5);
    fixture_expect(fixture_peer, 0, 2);
    fixture_open(OUT, false);
    fixture_expect(fixture_peer, 2, 3);
    g_assert_cmpuint(nf->copies_lost.frames, ==, 4);
    g_assert_cmpuint(nf->to_outdev.frames, ==, 1);
    g_assert_true(fixture_netdev->nc.polled);
}

static void test_next_connection_begins_with_whole_frame(void)
{
    add_mirror(",queue=tx");
    OUT->room = 70;
    fixture_send(fixture_netdev, 2);
    fixture_open(OUT, false);
    g_byte_array_set_size(OUT->written, 0);
    OUT->room = SIZE_MAX;
    fixture_open(OUT, true);
    fixture_send(fixture_netdev, 2);
    fixture_expect_written(OUT, 2, 2, false);
    fixture_expect(fixture_peer, 0, 4);
}

static void test_write_error_passes(void)
{
    NetFilter *nf = add_mirror(",queue=tx,enable_when_stopped=on");

    OUT->error = EPIPE;
    fixture_send(fixture_netdev, 5);
    fixture_expect(fixture_peer, 0, 5);
    g_assert_cmpuint(nf->copies_lost.frames, ==, 5);
    g_assert_false(net_filter_wants_stopped(nf));
    fixture_open(OUT, false);
    OUT->error = 0;
    fixture_open(OUT, true);
    fixture_send(fixture_netdev, 1);
    fixture_expect_written(OUT, 5, 1, false);
    fixture_expect(fixture_peer, 5, 1);
}

/* The stream has not gone, so only the copies of that write have. */
static void test_one_failed_write_is_not_the_end(void)
{
    NetFilter *nf = add_mirror(",queue=tx");

    OUT->error = ENETUNREACH;
    fixture_send(fixture_netdev, 1);
    OUT->error = 0;
    fixture_send(fixture_netdev, 2);
    fixture_expect_written(OUT, 1, 2, false);
    fixture_expect(fixture_peer, 0, 3);
    g_assert_cmpuint(nf->copies_lost.frames, ==, 1);
    g_assert_cmpuint(nf->to_outdev.frames, ==, 2);
}

static void test_torn_frame_ends_connection_at_deletion(void)
{
    add_mirror(",queue=tx");
    OUT->room = 10;
    fixture_send(fixture_netdev, 2);
    fixture_remove("m0");
    g_assert_cmpuint(OUT->n_disconnects, ==, 1);
    fixture_expect(fixture_peer, 0, 2);
}

static void test_whole_frames_keep_connection_at_deletion(void)
{
    add_mirror("");
    fixture_send(fixture_netdev, 2);
    fixture_remove("m0");
    g_assert_cmpuint(OUT->n_disconnects, ==, 0);
    g_assert_null(OUT->chr->fe);
    fixture_expect(fixture_peer, 0, 2);
}

/* --- While the VM is stopped -------------------------------------------------------------- */

static void test_stopped_copies_and_holds(void)
{
    add_mirror(",queue=tx,enable_when_stopped=on");
    fixture_stop();
    g_assert_true(fixture_netdev->nc.polled);
    fixture_send(fixture_netdev, 5);
    fixture_expect_written(OUT, 0, 5, false);
    fixture_expect(fixture_peer, 0, 0);
    fixture_start();
    fixture_expect(fixture_peer, 0, 5);
    fixture_expect_written(OUT, 0, 0, false);
}

static void test_asks_only_when_it_can_copy(void)
{
    NetFilter *nf = add_mirror("");

    g_assert_false(net_filter_wants_stopped(nf));
    fixture_stop();
    g_assert_false(fixture_netdev->nc.polled);
    fixture_set("m0", "enable_when_stopped", "true");
    g_assert_true(fixture_netdev->nc.polled);
    fixture_set("m0", "status", "\"off\"");
    g_assert_false(fixture_netdev->nc.polled);
    fixture_set("m0", "status", "\"on\"");
    g_assert_true(fixture_netdev->nc.polled);
    fixture_open(OUT, false);
    g_assert_false(fixture_netdev->nc.polled);
    fixture_open(OUT, true);
    g_assert_true(fixture_netdev->nc.polled);
    fixture_remove("m0");
    g_assert_false(fixture_netdev->nc.polled);
}

/* --- Errors ------------------------------------------------------------------------------ */

static void test_creation_errors(void)
{
    fixture_add_fails("filter-mirror,id=m0,netdev=n0,outdev=nosuch",
                      ERROR_CLASS_DEVICE_NOT_FOUND, "Device 'nosuch' not found");
    fixture_add_fails("filter-mirror,id=m0,netdev=n0", ERROR_CLASS_GENERIC,
                      "Parameter 'outdev' is missing");
    fixture_add_fails("filter-mirror,id=m0,netdev=p0,outdev=c0", ERROR_CLASS_GENERIC,
                      "Parameter 'netdev' expects a network backend id");
    fixture_add_fails("filter-mirror,id=m0,netdev=p0,outdev=nosuch", ERROR_CLASS_GENERIC,
                      "Parameter 'netdev' expects a network backend id");
    fixture_add_fails("filter-mirror,id=m0,netdev=n0,outdev=nosuch,position=x",
                      ERROR_CLASS_GENERIC,
                      "Parameter 'position' expects 'head', 'tail' or 'id=<id>'");
    fixture_add_fails("filter-mirror,id=m0,netdev=n0,outdev=c0,status=maybe",
                      ERROR_CLASS_GENERIC,
                      "Invalid value for netfilter status, should be 'on' or 'off'");
    fixture_add_fails("filter-mirror,id=m0,netdev=n0,outdev=c0,position=id=x",
                      ERROR_CLASS_GENERIC, "filter 'x' not found");
    fixture_add_fails("filter-mirror,id=m0,netdev=n0,outdev=c0,queue=rx,enable_when_stopped=on",
                      ERROR_CLASS_GENERIC,
                      "Property 'filter-mirror.enable_when_stopped' needs 'queue' to be 'tx' or "
                      "'all'");
}

static void test_chardev_has_one_user(void)
{
    static const CharFrontendOps ops = { .event = NULL };
    g_autoptr(GError) error = NULL;
    g_autoptr(ObjectOptions) options =
        object_options_parse_keyval("filter-mirror,id=m0,netdev=n0,outdev=c0", NULL);
    CharFrontend fe = { 0 };

    g_assert_true(char_frontend_attach(&fe, OUT->chr, &ops, NULL, NULL));
    g_assert_false(object_add(options, &error));
    g_assert_cmpstr(error->message, ==, "chardev 'c0' is already in use");
    char_frontend_detach(&fe);
}

static void test_change_errors(void)
{
    add_mirror("");
    fixture_set_fails("m0", "outdev", "\"c1\"",
                      "Property 'filter-mirror.outdev' cannot be changed: the filter keeps the "
                      "chardev it was created with");
    fixture_set_fails("m0", "status", "\"maybe\"",
                      "Invalid value for netfilter status, should be 'on' or 'off'");
    fixture_set("m0", "queue", "\"rx\"");
    fixture_set_fails("m0", "enable_when_stopped", "true",
                      "Property 'filter-mirror.enable_when_stopped' needs 'queue' to be 'tx' or "
                      "'all'");
    fixture_set("m0", "queue", "\"all\"");
    fixture_set("m0", "enable_when_stopped", "true");
    fixture_set_fails("m0", "queue", "\"rx\"",
                      "Property 'filter-mirror.enable_when_stopped' needs 'queue' to be 'tx' or "
                      "'all'");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    fixture_test("/filter-mirror/copies/all", test_copies_all);
    fixture_test("/filter-mirror/copies/tx", test_copies_tx);
    fixture_test("/filter-mirror/copies/rx", test_copies_rx);
    fixture_test("/filter-mirror/copies/nothing-when-off", test_copies_nothing_when_off);
    fixture_test("/filter-mirror/status-acts", test_status_acts);
    fixture_test("/filter-mirror/queue-acts", test_queue_acts);
    fixture_test("/filter-mirror/vnet-word", test_vnet_word);
    fixture_test("/filter-mirror/full-outdev-loses-nothing", test_full_outdev_loses_nothing);
    fixture_test("/filter-mirror/rest-leaves-in-pieces", test_rest_leaves_in_pieces);
    fixture_test("/filter-mirror/unconnected-passes", test_unconnected_passes);
    fixture_test("/filter-mirror/closed-while-full-passes", test_closed_while_full_passes);
    fixture_test("/filter-mirror/next-connection-begins-with-whole-frame",
                 test_next_connection_begins_with_whole_frame);
    fixture_test("/filter-mirror/write-error-passes", test_write_error_passes);
    fixture_test("/filter-mirror/one-failed-write-is-not-the-end",
                 test_one_failed_write_is_not_the_end);
    fixture_test("/filter-mirror/torn-frame-ends-connection-at-deletion",
                 test_torn_frame_ends_connection_at_deletion);
    fixture_test("/filter-mirror/whole-frames-keep-connection-at-deletion",
                 test_whole_frames_keep_connection_at_deletion);
    fixture_test("/filter-mirror/stopped-copies-and-holds", test_stopped_copies_and_holds);
    fixture_test("/filter-mirror/asks-only-when-it-can-copy", test_asks_only_when_it_can_copy);
    fixture_test("/filter-mirror/creation-errors", test_creation_errors);
    fixture_test("/filter-mirror/chardev-has-one-user", test_chardev_has_one_user);
    fixture_test("/filter-mirror/change-errors", test_change_errors);
    return g_test_run();
}
