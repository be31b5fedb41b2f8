/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of filter-redirector's indev: injection, pressure, malformed streams. */

#include "filter-fixture.h"

#define OUT (&fixture_chars[0])
#define IN (&fixture_chars[1])

static NetFilter *add_in(const char *more)
{
    g_autofree char *options = g_strdup_printf("filter-redirector,id=r0,netdev=n0,indev=c1%s",
                                               more);

    return fixture_add(options);
}

static void check_injection(const char *more, bool tx, bool rx)
{
    NetFilter *nf = add_in(more);

    g_assert_cmpuint(char_read_wanted(IN->chr), ==, NET_READ_SIZE);
    fixture_feed(IN, 0, 100, false);
    fixture_expect(fixture_peer, 0, tx ? 100 : 0);
    fixture_expect(fixture_netdev, 0, rx ? 100 : 0);
    g_assert_cmpuint(nf->from_indev.frames, ==, 100);
    g_assert_cmpuint(nf->from_indev.bytes, ==, 100 * FIXTURE_FRAME_LEN);
}

static void test_injects_tx(void)
{
    check_injection(",queue=tx", true, false);
}

static void test_injects_rx(void)
{
    check_injection(",queue=rx", false, true);
}

static void test_injects_all(void)
{
    check_injection("", true, true);
}

static void test_injects_vnet(void)
{
    add_in(",queue=tx,vnet_hdr_support=on");
    fixture_feed(IN, 0, 10, true);
    fixture_expect(fixture_peer, 0, 10);
    fixture_set("r0", "vnet_hdr_support", "false");
    fixture_feed(IN, 10, 10, false);
    fixture_expect(fixture_peer, 10, 10);
}

static void test_injection_feels_pressure(void)
{
    add_in(",queue=tx");
    fixture_peer->room = 5;
    fixture_feed(IN, 0, 10, false);
    fixture_expect(fixture_peer, 0, 5);
    g_assert_cmpuint(char_read_wanted(IN->chr), ==, 0);
    fixture_peer->room = SIZE_MAX;
    net_client_ready(&fixture_peer->nc);
    fixture_expect(fixture_peer, 5, 5);
    g_assert_cmpuint(char_read_wanted(IN->chr), ==, NET_READ_SIZE);
}

static void test_injection_is_bounded_while_stopped(void)
{
    add_in(",queue=tx,hold-size=680");
    fixture_stop();
    fixture_feed(IN, 0, 9, false);
    g_assert_cmpuint(char_read_wanted(IN->chr), ==, NET_READ_SIZE);
    fixture_feed(IN, 9, 1, false);
    g_assert_cmpuint(char_read_wanted(IN->chr), ==, 0);
    fixture_start();
    fixture_expect(fixture_peer, 0, 10);
    g_assert_cmpuint(char_read_wanted(IN->chr), ==, NET_READ_SIZE);
}

static void test_off_does_not_read(void)
{
    add_in(",queue=tx,status=off");
    g_assert_cmpuint(char_read_wanted(IN->chr), ==, 0);
    fixture_set("r0", "status", "\"on\"");
    g_assert_cmpuint(char_read_wanted(IN->chr), ==, NET_READ_SIZE);
    fixture_set("r0", "status", "\"off\"");
    g_assert_cmpuint(char_read_wanted(IN->chr), ==, 0);
}

static void test_half_frame_is_completed_after_pause(void)
{
    uint8_t bytes[4 + FIXTURE_FRAME_LEN] = { 0, 0, 0, FIXTURE_FRAME_LEN };

    fixture_frame(bytes + 4, 0);
    for (size_t cut = 1; cut < sizeof(bytes); cut++) {
        add_in(",queue=tx");
        char_deliver(IN->chr, bytes, cut);
        fixture_set("r0", "status", "\"off\"");
        fixture_set("r0", "status", "\"on\"");
        char_deliver(IN->chr, bytes + cut, sizeof(bytes) - cut);
        fixture_expect(fixture_peer, 0, 1);
        fixture_remove("r0");
    }
}

static void test_cut_short_frame_is_forgotten(void)
{
    uint8_t bytes[4 + FIXTURE_FRAME_LEN] = { 0, 0, 0, FIXTURE_FRAME_LEN };

    for (size_t cut = 1; cut < sizeof(bytes); cut++) {
        NetFilter *nf = add_in(",queue=tx");

        char_deliver(IN->chr, bytes, cut);
        fixture_open(IN, false);
        fixture_open(IN, true);
        fixture_feed(IN, 7, 2, false);
        fixture_expect(fixture_peer, 7, 2);
        g_assert_cmpuint(fixture_malformed(nf), ==, 1);
        fixture_remove("r0");
    }
}

static void test_oversized_ends_connection_only(void)
{
    const uint8_t bad[] = { 0, 1, 0x10, 1 }; /* 69633 */
    NetFilter *nf = add_in(",queue=tx");

    fixture_feed(IN, 0, 2, false);
    char_deliver(IN->chr, bad, sizeof(bad));
    g_assert_cmpuint(IN->n_disconnects, ==, 1);
    g_assert_cmpuint(fixture_malformed(nf), ==, 1);
    g_assert_cmpuint(char_read_wanted(IN->chr), ==, 0);
    fixture_open(IN, false);
    fixture_open(IN, true);
    g_assert_cmpuint(char_read_wanted(IN->chr), ==, NET_READ_SIZE);
    fixture_feed(IN, 2, 2, false);
    fixture_expect(fixture_peer, 0, 4);
    g_assert_cmpuint(fixture_malformed(nf), ==, 1);
}

static void test_status_revives_oversized(void)
{
    const uint8_t bad[] = { 0xff, 0xff, 0xff, 0xff };

    add_in(",queue=tx");
    char_deliver(IN->chr, bad, sizeof(bad));
    g_assert_cmpuint(char_read_wanted(IN->chr), ==, 0);
    fixture_set("r0", "status", "\"off\"");
    fixture_set("r0", "status", "\"on\"");
    fixture_feed(IN, 0, 2, false);
    fixture_expect(fixture_peer, 0, 2);
}

static void test_empty_frames_are_counted(void)
{
    const uint8_t empty[12] = { 0 };
    NetFilter *nf = add_in(",queue=tx");

    char_deliver(IN->chr, empty, sizeof(empty));
    fixture_feed(IN, 0, 1, false);
    g_assert_cmpuint(fixture_empty(nf), ==, 3);
    fixture_expect(fixture_peer, 0, 1);
}

static void test_both_ends(void)
{
    NetFilter *nf = fixture_add("filter-redirector,id=r0,netdev=n0,queue=tx,indev=c1,outdev=c0");

    fixture_send(fixture_netdev, 3);
    fixture_feed(IN, 50, 3, false);
    fixture_expect_written(OUT, 0, 3, false);
    fixture_expect(fixture_peer, 50, 3);
    g_assert_cmpuint(nf->stages[NET_DIRECTION_TX].stats.injected.frames, ==, 3);
}

static void test_injected_frames_meet_later_filters_only(void)
{
    fixture_add("filter-redirector,id=r0,netdev=n0,queue=tx,indev=c1");
    fixture_add("filter-redirector,id=r1,netdev=n0,queue=tx,outdev=c0");
    fixture_feed(IN, 0, 3, false);
    fixture_expect_written(OUT, 0, 3, false);
    fixture_expect(fixture_peer, 0, 0);
    fixture_remove("r1");
    fixture_add("filter-redirector,id=r1,netdev=n0,queue=tx,outdev=c0,position=head");
    fixture_feed(IN, 3, 3, false);
    fixture_expect_written(OUT, 0, 0, false);
    fixture_expect(fixture_peer, 3, 3);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    fixture_test("/filter-injection/tx", test_injects_tx);
    fixture_test("/filter-injection/rx", test_injects_rx);
    fixture_test("/filter-injection/all", test_injects_all);
    fixture_test("/filter-injection/vnet", test_injects_vnet);
    fixture_test("/filter-injection/feels-pressure", test_injection_feels_pressure);
    fixture_test("/filter-injection/bounded-while-stopped",
                 test_injection_is_bounded_while_stopped);
    fixture_test("/filter-injection/off-does-not-read", test_off_does_not_read);
    fixture_test("/filter-injection/half-frame-after-pause",
                 test_half_frame_is_completed_after_pause);
    fixture_test("/filter-injection/cut-short-is-forgotten",
                 test_cut_short_frame_is_forgotten);
    fixture_test("/filter-injection/oversized", test_oversized_ends_connection_only);
    fixture_test("/filter-injection/status-revives-oversized", test_status_revives_oversized);
    fixture_test("/filter-injection/empty-frames-are-counted",
                 test_empty_frames_are_counted);
    fixture_test("/filter-injection/both-ends", test_both_ends);
    fixture_test("/filter-injection/meets-later-filters-only",
                 test_injected_frames_meet_later_filters_only);
    return g_test_run();
}
