/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of filter-buffer: when it releases what it holds. */

#include "filter-fixture.h"
#include "util/clock.h"

#define MS INT64_C(1000000)

/* Let the virtual clock advance; the machine's own clock plays no part. */
static void advance(int64_t ns)
{
    clock_virtual_advance(clock_now_ns(CLOCK_TYPE_VIRTUAL) + ns);
}

static NetFilter *add_buffer(const char *more)
{
    g_autofree char *options = g_strdup_printf("filter-buffer,id=b0,netdev=n0,interval=1000%s",
                                               more);

    return fixture_add(options);
}

static void test_releases_at_interval(void)
{
    NetFilter *nf = add_buffer("");

    fixture_send(fixture_netdev, 100);
    fixture_send(fixture_peer, 3);
    g_assert_cmpuint(fixture_held(nf), ==, 103);
    advance(MS - 1);
    fixture_expect(fixture_peer, 0, 0);
    advance(1);
    fixture_expect(fixture_peer, 0, 100);
    fixture_expect(fixture_netdev, 0, 3);
    g_assert_cmpuint(fixture_held(nf), ==, 0);
}

static void test_releases_again(void)
{
    add_buffer("");
    for (uint32_t i = 0; i < 5; i++) {
        fixture_send(fixture_netdev, 1);
        fixture_expect(fixture_peer, 0, 0);
        advance(MS);
        fixture_expect(fixture_peer, i, 1);
    }
    fixture_send(fixture_netdev, 1);
    advance(3 * MS + MS / 2);
    fixture_expect(fixture_peer, 5, 1);
    fixture_send(fixture_netdev, 1);
    advance(MS / 2);
    fixture_expect(fixture_peer, 6, 1);
}

static void check_directions(const char *more, bool tx, bool rx)
{
    add_buffer(more);
    fixture_send(fixture_netdev, 2);
    fixture_send(fixture_peer, 2);
    fixture_expect(fixture_peer, 0, tx ? 0 : 2);
    fixture_expect(fixture_netdev, 0, rx ? 0 : 2);
    advance(MS);
    fixture_expect(fixture_peer, 0, tx ? 2 : 0);
    fixture_expect(fixture_netdev, 0, rx ? 2 : 0);
}

static void test_holds_all(void)
{
    check_directions("", true, true);
}

static void test_holds_tx(void)
{
    check_directions(",queue=tx", true, false);
}

static void test_holds_rx(void)
{
    check_directions(",queue=rx", false, true);
}

static void test_holds_nothing_when_off(void)
{
    check_directions(",status=off", false, false);
}

static void test_off_releases_at_once(void)
{
    add_buffer("");
    fixture_send(fixture_netdev, 3);
    fixture_set("b0", "status", "\"off\"");
    fixture_expect(fixture_peer, 0, 3);
    fixture_send(fixture_netdev, 3);
    fixture_expect(fixture_peer, 3, 3);
}

static void test_on_begins_a_full_interval(void)
{
    add_buffer("");
    advance(MS / 2);
    fixture_set("b0", "status", "\"off\"");
    advance(MS);
    fixture_set("b0", "status", "\"on\"");
    fixture_send(fixture_netdev, 1);
    advance(MS - 1);
    fixture_expect(fixture_peer, 0, 0);
    advance(1);
    fixture_expect(fixture_peer, 0, 1);
}

static void test_new_interval_begins_now(void)
{
    add_buffer("");
    fixture_send(fixture_netdev, 1);
    advance(MS / 2);
    fixture_set("b0", "interval", "2000");
    advance(2 * MS - 1);
    fixture_expect(fixture_peer, 0, 0);
    advance(1);
    fixture_expect(fixture_peer, 0, 1);
    fixture_set("b0", "interval", "100");
    fixture_send(fixture_netdev, 1);
    advance(MS / 10);
    fixture_expect(fixture_peer, 1, 1);
}

static void test_interval_while_off_waits_for_on(void)
{
    add_buffer(",status=off");
    fixture_set("b0", "interval", "500");
    fixture_set("b0", "status", "\"on\"");
    fixture_send(fixture_netdev, 1);
    advance(MS / 2);
    fixture_expect(fixture_peer, 0, 1);
}

static void test_deletion_releases(void)
{
    add_buffer("");
    fixture_send(fixture_netdev, 3);
    fixture_remove("b0");
    fixture_expect(fixture_peer, 0, 3);
    advance(2 * MS);
}

static void test_does_not_block_source(void)
{
    add_buffer("");
    fixture_send(fixture_netdev, 1000);
    g_assert_true(fixture_netdev->nc.polled);
}

static void test_does_not_wait_for_receiver(void)
{
    NetFilter *nf = add_buffer("");

    fixture_peer->room = 1;
    fixture_send(fixture_netdev, 5);
    advance(MS);
    fixture_expect(fixture_peer, 0, 1);
    g_assert_cmpuint(fixture_held(nf), ==, 0);
    fixture_peer->room = SIZE_MAX;
    net_client_ready(&fixture_peer->nc);
    fixture_expect(fixture_peer, 1, 4);
}

static void test_stop_stands_still(void)
{
    add_buffer("");
    fixture_send(fixture_netdev, 2);
    advance(MS / 2);
    fixture_stop();
    fixture_expect(fixture_peer, 0, 0);
    fixture_set("b0", "status", "\"off\"");
    fixture_expect(fixture_peer, 0, 0);
    fixture_send(fixture_netdev, 1);
    fixture_start();
    fixture_expect(fixture_peer, 0, 3);
}

static void test_released_frames_meet_later_filters(void)
{
    add_buffer(",queue=tx");
    fixture_add("filter-redirector,id=r0,netdev=n0,queue=tx,outdev=c0");
    fixture_send(fixture_netdev, 3);
    fixture_expect_written(&fixture_chars[0], 0, 0, false);
    advance(MS);
    fixture_expect_written(&fixture_chars[0], 0, 3, false);
    fixture_expect(fixture_peer, 0, 0);
}

static void test_errors(void)
{
    const char *positive = "Property 'filter-buffer.interval' requires a positive value";

    fixture_add_fails("filter-buffer,id=b0,netdev=n0,interval=0", ERROR_CLASS_GENERIC, positive);
    fixture_add_fails("filter-buffer,id=b0,netdev=n0", ERROR_CLASS_GENERIC,
                      "Parameter 'interval' is missing");
    fixture_add_fails("{\"qom-type\": \"filter-buffer\", \"id\": \"b0\", \"netdev\": \"n0\","
                      " \"interval\": -1}", ERROR_CLASS_GENERIC,
                      "Parameter 'interval' expects uint32_t");
    fixture_add_fails("filter-buffer,id=b0,netdev=x,interval=1", ERROR_CLASS_GENERIC,
                      "Parameter 'netdev' expects a network backend id");
    add_buffer("");
    fixture_set_fails("b0", "interval", "0", positive);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    clock_virtual_set_stepped();
    fixture_test("/filter-buffer/releases-at-interval", test_releases_at_interval);
    fixture_test("/filter-buffer/releases-again", test_releases_again);
    fixture_test("/filter-buffer/holds/all", test_holds_all);
    fixture_test("/filter-buffer/holds/tx", test_holds_tx);
    fixture_test("/filter-buffer/holds/rx", test_holds_rx);
    fixture_test("/filter-buffer/holds/nothing-when-off", test_holds_nothing_when_off);
    fixture_test("/filter-buffer/off-releases-at-once", test_off_releases_at_once);
    fixture_test("/filter-buffer/on-begins-a-full-interval", test_on_begins_a_full_interval);
    fixture_test("/filter-buffer/new-interval-begins-now", test_new_interval_begins_now);
    fixture_test("/filter-buffer/interval-while-off-waits-for-on",
                 test_interval_while_off_waits_for_on);
    fixture_test("/filter-buffer/deletion-releases", test_deletion_releases);
    fixture_test("/filter-buffer/does-not-block-source", test_does_not_block_source);
    fixture_test("/filter-buffer/does-not-wait-for-receiver", test_does_not_wait_for_receiver);
    fixture_test("/filter-buffer/stop-stands-still", test_stop_stands_still);
    fixture_test("/filter-buffer/released-frames-meet-later-filters",
                 test_released_frames_meet_later_filters);
    fixture_test("/filter-buffer/errors", test_errors);
    return g_test_run();
}
