/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of filter-handover: each end against a test that plays the other host. */

/*
 *   source:       netdev "n0" ──► h0 ──► peer "p0"      destination:  netdev "n0" ──► h0 ──► "p0"
 *                                 │▲                                                   ▲│
 *                                "c0" the test                               the test "c1"
 */

#include <string.h>

#include "filter-fixture.h"
#include "net/filter-handover.h"
#include "qom/object.h"
#include "system/run-state.h"

#define OUT (&fixture_chars[0])
#define IN (&fixture_chars[1])

#define DEADLINE_US (20 * G_USEC_PER_SEC)

/* --- Messages ---------------------------------------------------------------------------- */

static void append_message(GByteArray *stream, HandoverMessageType type, uint32_t number,
                           uint32_t count)
{
    uint32_t words[] = { 20, 20, 0x514e4831, type + 1, number, 0, count };

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        words[i] = GUINT32_TO_BE(words[i]);
    }
    g_byte_array_append(stream, (const uint8_t *)words, sizeof(words));
}

static void tell(FixtureChar *ch, HandoverMessageType type, uint32_t number, uint32_t count)
{
    g_autoptr(GByteArray) stream = g_byte_array_new();

    append_message(stream, type, number, count);
    char_deliver(ch->chr, stream->data, stream->len);
}

/* The bytes in front of what @ch has got are this message; they are taken off. */
static void expect_message(FixtureChar *ch, HandoverMessageType type, uint32_t number,
                           uint32_t count)
{
    g_autoptr(GByteArray) want = g_byte_array_new();

    append_message(want, type, number, count);
    g_assert_cmpuint(ch->written->len, >=, want->len);
    g_assert_cmpmem(ch->written->data, want->len, want->data, want->len);
    g_byte_array_remove_range(ch->written, 0, want->len);
}

static void expect_frames(FixtureChar *ch, uint32_t first, size_t n)
{
    fixture_expect_written(ch, first, n, true);
}

static void wait_written(FixtureChar *ch)
{
    int64_t deadline = g_get_monotonic_time() + DEADLINE_US;

    while (ch->written->len == 0) {
        g_main_context_iteration(NULL, TRUE);
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
    }
}

static void wait_got(const FixtureClient *client)
{
    int64_t deadline = g_get_monotonic_time() + DEADLINE_US;

    while (client->got->len == 0) {
        g_main_context_iteration(NULL, TRUE);
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
    }
}

static NetHandoverInfo *info_of(NetFilter *nf)
{
    NetFilterInfo info = { 0 };

    nf->info->describe(nf, &info);
    return info.handover;
}

/* The sums of qapi/net-stats.json, and where the end stands. */
static void expect_phase(NetFilter *nf, NetHandoverPhase phase, uint64_t n_kept)
{
    g_autoptr(NetHandoverInfo) info = info_of(nf);

    g_assert_cmpint(info->phase, ==, phase);
    g_assert_cmpuint(info->kept->frames, ==, n_kept);
    g_assert_cmpuint(info->taken + info->doubtful + info->received, ==,
                     info->acknowledged + info->returned + info->repeated + info->injected +
                     info->cancelled + info->refused + info->kept->frames + info->dropped);
}

/* --- The source -------------------------------------------------------------------------- */

static NetFilter *add_source(const char *more)
{
    g_autofree char *options = g_strdup_printf("filter-handover,id=h0,netdev=n0,outdev=c0%s",
                                               more);

    return fixture_add(options);
}

static uint32_t number_of(NetFilter *nf)
{
    g_autoptr(NetHandoverInfo) info = info_of(nf);

    return info->number;
}

/* The VM stops in a migration; the offer goes out. */
static NetFilter *divert(const char *more)
{
    NetFilter *nf = add_source(more);

    run_state_set(RUN_STATE_FINISH_MIGRATE);
    if (OUT->room > 0) {
        expect_message(OUT, HANDOVER_OFFER, number_of(nf), 0);
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
    expect_phase(nf, NET_HANDOVER_PHASE_IDLE, 0);
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
    expect_phase(nf, NET_HANDOVER_PHASE_IDLE, 0);
}

static void test_source_diverts(void)
{
    NetFilter *nf = divert("");

    g_assert_true(fixture_netdev->nc.polled);
    fixture_send(fixture_netdev, 5);
    run_state_set(RUN_STATE_POSTMIGRATE);
    fixture_send(fixture_netdev, 4);
    expect_frames(OUT, 0, 9);
    expect_phase(nf, NET_HANDOVER_PHASE_DIVERTING, 9);
}

static void test_source_order(void)
{
    NetFilter *nf = add_source("");

    fixture_peer->n_doubtful = 2;
    fixture_peer->room = 6;
    fixture_send(fixture_netdev, 9);
    fixture_expect(fixture_peer, 0, 6);
    run_state_set(RUN_STATE_FINISH_MIGRATE);
    fixture_send(fixture_netdev, 3);
    expect_message(OUT, HANDOVER_OFFER, number_of(nf), 0);
    expect_frames(OUT, 4, 8);
    expect_phase(nf, NET_HANDOVER_PHASE_DIVERTING, 8);
}

static void test_source_released(void)
{
    NetFilter *nf = divert("");

    fixture_send(fixture_netdev, 5);
    expect_frames(OUT, 0, 5);
    tell(OUT, HANDOVER_RELEASED, number_of(nf), 3);
    expect_phase(nf, NET_HANDOVER_PHASE_RELEASED, 2);
    fixture_send(fixture_netdev, 2);
    expect_frames(OUT, 5, 2);
    tell(OUT, HANDOVER_RELEASED, number_of(nf), 7);
    expect_phase(nf, NET_HANDOVER_PHASE_RELEASED, 0);
    wait_written(OUT);
    expect_message(OUT, HANDOVER_DONE, number_of(nf), 7);
    fixture_send(fixture_netdev, 1);
    expect_frames(OUT, 7, 1);
    run_state_set(RUN_STATE_RUNNING);
    fixture_send(fixture_netdev, 2);
    fixture_expect(fixture_peer, 8, 2);
    expect_phase(nf, NET_HANDOVER_PHASE_IDLE, 1);
    tell(OUT, HANDOVER_RELEASED, number_of(nf), 8);
    expect_phase(nf, NET_HANDOVER_PHASE_IDLE, 0);
}

static void test_source_cancels(void)
{
    NetFilter *nf = add_source("");

    fixture_send(fixture_netdev, 3);
    fixture_expect(fixture_peer, 0, 3);
    fixture_peer->n_doubtful = 2;
    run_state_set(RUN_STATE_FINISH_MIGRATE);
    fixture_send(fixture_netdev, 5);
    expect_message(OUT, HANDOVER_OFFER, number_of(nf), 0);
    expect_frames(OUT, 1, 7);
    fixture_start();
    expect_message(OUT, HANDOVER_CANCEL, number_of(nf), 0);
    fixture_send(fixture_netdev, 4);
    g_assert_true(fixture_netdev->nc.polled);
    expect_frames(OUT, 0, 0);
    fixture_expect(fixture_peer, 0, 0);
    expect_phase(nf, NET_HANDOVER_PHASE_CANCELLING, 7);
    tell(OUT, HANDOVER_CANCELLED, number_of(nf), 0);
    fixture_expect(fixture_peer, 3, 9);
    expect_phase(nf, NET_HANDOVER_PHASE_IDLE, 0);
    fixture_send(fixture_netdev, 1);
    fixture_expect(fixture_peer, 12, 1);
}

static void test_source_cancels_too_late(void)
{
    NetFilter *nf = divert("");

    fixture_send(fixture_netdev, 5);
    expect_frames(OUT, 0, 5);
    fixture_start();
    expect_message(OUT, HANDOVER_CANCEL, number_of(nf), 0);
    fixture_send(fixture_netdev, 2);
    tell(OUT, HANDOVER_RELEASED, number_of(nf), 5);
    fixture_expect(fixture_peer, 5, 2);
    expect_phase(nf, NET_HANDOVER_PHASE_IDLE, 0);
}

static void test_source_gets_no_answer(void)
{
    NetFilter *nf = divert(",wait=1");

    fixture_send(fixture_netdev, 5);
    expect_frames(OUT, 0, 5);
    fixture_start();
    expect_message(OUT, HANDOVER_CANCEL, number_of(nf), 0);
    wait_got(fixture_peer);
    fixture_expect(fixture_peer, 0, 5);
    expect_phase(nf, NET_HANDOVER_PHASE_IDLE, 0);
}

/* Until the destination has answered it may keep the frames, or have given them away. */
static void test_source_hears_a_late_answer(void)
{
    NetFilter *nf = divert(",wait=1");

    fixture_send(fixture_netdev, 5);
    expect_frames(OUT, 0, 5);
    fixture_start();
    expect_message(OUT, HANDOVER_CANCEL, number_of(nf), 0);
    wait_got(fixture_peer);
    fixture_expect(fixture_peer, 0, 5);
    tell(OUT, HANDOVER_RELEASED, number_of(nf), 5);
    tell(OUT, HANDOVER_RELEASED, number_of(nf), 5);
    tell(OUT, HANDOVER_AGAIN, number_of(nf), 0);
    g_assert_cmpuint(OUT->n_disconnects, ==, 0);
    expect_phase(nf, NET_HANDOVER_PHASE_IDLE, 0);
}

static void test_source_without_connection(void)
{
    NetFilter *nf;

    fixture_open(OUT, false);
    nf = add_source("");
    run_state_set(RUN_STATE_FINISH_MIGRATE);
    fixture_send(fixture_netdev, 5);
    expect_phase(nf, NET_HANDOVER_PHASE_DIVERTING, 5);
    g_assert_true(fixture_netdev->nc.polled);
    fixture_start();
    fixture_expect(fixture_peer, 0, 5);
    expect_phase(nf, NET_HANDOVER_PHASE_IDLE, 0);
}

/* What the destination keeps must not reach its VM, whenever that runs. */
static void test_source_cancels_on_the_next_connection(void)
{
    NetFilter *nf = divert("");
    uint32_t number = number_of(nf);

    fixture_send(fixture_netdev, 5);
    expect_frames(OUT, 0, 5);
    fixture_open(OUT, false);
    fixture_start();
    fixture_expect(fixture_peer, 0, 5);
    for (int i = 0; i < 2; i++) {
        fixture_open(OUT, true);
        expect_message(OUT, HANDOVER_OFFER, number, 0);
        expect_message(OUT, HANDOVER_CANCEL, number, 0);
        g_assert_cmpuint(OUT->written->len, ==, 0);
        fixture_open(OUT, false);
    }
    fixture_open(OUT, true);
    g_byte_array_set_size(OUT->written, 0);
    tell(OUT, HANDOVER_CANCELLED, number, 0);
    fixture_open(OUT, false);
    fixture_open(OUT, true);
    g_assert_cmpuint(OUT->written->len, ==, 0);
    expect_phase(nf, NET_HANDOVER_PHASE_IDLE, 0);
}

static void test_source_offers_again(void)
{
    NetFilter *nf = divert("");

    fixture_send(fixture_netdev, 5);
    expect_frames(OUT, 0, 5);
    tell(OUT, HANDOVER_RELEASED, number_of(nf), 2);
    tell(OUT, HANDOVER_AGAIN, number_of(nf), 0);
    expect_message(OUT, HANDOVER_OFFER, number_of(nf), 2);
    expect_frames(OUT, 2, 3);
    fixture_start();
    tell(OUT, HANDOVER_RELEASED, number_of(nf), 5);
    expect_phase(nf, NET_HANDOVER_PHASE_IDLE, 0);
}

static void test_source_sends_again_on_a_new_connection(void)
{
    NetFilter *nf = divert("");

    OUT->room = 100;
    fixture_send(fixture_netdev, 5);
    expect_phase(nf, NET_HANDOVER_PHASE_DIVERTING, 5);
    fixture_open(OUT, false);
    g_byte_array_set_size(OUT->written, 0);
    OUT->room = SIZE_MAX;
    fixture_send(fixture_netdev, 2);
    fixture_open(OUT, true);
    expect_message(OUT, HANDOVER_OFFER, number_of(nf), 0);
    expect_frames(OUT, 0, 7);
    tell(OUT, HANDOVER_RELEASED, number_of(nf), 4);
    fixture_open(OUT, false);
    fixture_open(OUT, true);
    expect_message(OUT, HANDOVER_OFFER, number_of(nf), 4);
    expect_frames(OUT, 4, 3);
}

static void test_source_is_slow(void)
{
    NetFilter *nf = add_source("");

    OUT->room = 10;
    run_state_set(RUN_STATE_FINISH_MIGRATE);
    fixture_send(fixture_netdev, 5);
    OUT->room = SIZE_MAX;
    char_write_ready(OUT->chr);
    expect_message(OUT, HANDOVER_OFFER, number_of(nf), 0);
    expect_frames(OUT, 0, 5);
}

static void test_source_keeps_to_its_limit(void)
{
    NetFilter *nf = divert(",hold-size=340");

    fixture_send(fixture_netdev, 12);
    expect_frames(OUT, 0, 5);
    expect_phase(nf, NET_HANDOVER_PHASE_DIVERTING, 5);
    g_assert_cmpuint(fixture_held(nf), ==, 7);
    g_assert_false(fixture_netdev->nc.polled);
    tell(OUT, HANDOVER_RELEASED, number_of(nf), 5);
    expect_frames(OUT, 5, 5);
    tell(OUT, HANDOVER_RELEASED, number_of(nf), 10);
    expect_frames(OUT, 10, 2);
    g_assert_true(fixture_netdev->nc.polled);
}

/* Frames that are longer than the limit go one at a time. */
static void test_source_with_a_limit_below_a_frame(void)
{
    NetFilter *nf = divert(",hold-size=1");

    fixture_send(fixture_netdev, 3);
    expect_frames(OUT, 0, 1);
    tell(OUT, HANDOVER_RELEASED, number_of(nf), 1);
    expect_frames(OUT, 1, 1);
    tell(OUT, HANDOVER_RELEASED, number_of(nf), 2);
    expect_frames(OUT, 2, 1);
    expect_phase(nf, NET_HANDOVER_PHASE_RELEASED, 1);
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
    expect_message(OUT, HANDOVER_OFFER, number_of(nf), 0);
    expect_frames(OUT, 0, 9);
    fixture_send(fixture_netdev, 2);
    expect_phase(nf, NET_HANDOVER_PHASE_DIVERTING, 9);
    fixture_peer->room = SIZE_MAX;
    fixture_start();
    fixture_expect(fixture_peer, 0, 0);
    tell(OUT, HANDOVER_CANCELLED, number_of(nf), 0);
    fixture_expect(fixture_peer, 0, 11);
}

static void test_source_stopped_again_while_cancelling(void)
{
    NetFilter *nf = divert("");
    uint32_t before = number_of(nf);

    fixture_send(fixture_netdev, 3);
    expect_frames(OUT, 0, 3);
    fixture_start();
    expect_message(OUT, HANDOVER_CANCEL, before, 0);
    run_state_set(RUN_STATE_FINISH_MIGRATE);
    fixture_send(fixture_netdev, 2);
    g_assert_cmpuint(OUT->written->len, ==, 0);
    tell(OUT, HANDOVER_CANCELLED, before, 0);
    expect_message(OUT, HANDOVER_OFFER, number_of(nf), 0);
    expect_frames(OUT, 0, 5);
    expect_phase(nf, NET_HANDOVER_PHASE_DIVERTING, 5);
}

static void test_source_deleted(void)
{
    NetFilter *nf = divert("");
    uint32_t number = number_of(nf);

    fixture_send(fixture_netdev, 3);
    expect_frames(OUT, 0, 3);
    fixture_remove("h0");
    expect_message(OUT, HANDOVER_CANCEL, number, 0);
    fixture_start();
    fixture_expect(fixture_peer, 0, 3);
}

/* No VM will be here: the destination is to give its VM what it has. */
static void test_source_at_the_end_of_the_process(void)
{
    divert("");
    fixture_send(fixture_netdev, 3);
    expect_frames(OUT, 0, 3);
    object_delete_all();
    g_assert_cmpuint(OUT->written->len, ==, 0);
}

static void expect_refused(FixtureChar *ch, HandoverMessageType type, uint32_t number,
                           uint32_t count)
{
    unsigned before = ch->n_disconnects;

    tell(ch, type, number, count);
    g_assert_cmpuint(ch->n_disconnects, ==, before + 1);
    fixture_open(ch, false);
    fixture_open(ch, true);
}

static void test_source_refuses_nonsense(void)
{
    NetFilter *nf = divert("");

    expect_refused(OUT, HANDOVER_OFFER, number_of(nf), 0);
    expect_refused(OUT, HANDOVER_RELEASED, number_of(nf), 1);
    expect_refused(OUT, HANDOVER_MESSAGE__MAX, number_of(nf), 0);
    fixture_feed(OUT, 0, 1, true);
    g_assert_cmpuint(OUT->n_disconnects, ==, 4);
    g_assert_cmpuint(fixture_malformed(nf), ==, 4);
}

/* --- The destination --------------------------------------------------------------------- */

#define NUMBER 77u

static NetFilter *add_target(const char *more)
{
    g_autofree char *options = g_strdup_printf("filter-handover,id=h0,netdev=n0,indev=c1%s",
                                               more);

    return fixture_add(options);
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
    tell(IN, HANDOVER_OFFER, NUMBER, 0);
    fixture_feed(IN, 0, 5, true);
    expect_phase(nf, NET_HANDOVER_PHASE_WAITING, 5);
    fixture_start();
    expect_message(IN, HANDOVER_RELEASED, NUMBER, 5);
    fixture_expect(fixture_peer, 0, 5);
    fixture_send(fixture_netdev, 2);
    fixture_feed(IN, 5, 3, true);
    expect_message(IN, HANDOVER_RELEASED, NUMBER, 8);
    fixture_expect(fixture_peer, 5, 3);
    expect_phase(nf, NET_HANDOVER_PHASE_RELEASED, 0);
    tell(IN, HANDOVER_DONE, NUMBER, 8);
    fixture_expect(fixture_peer, 100, 4);
    expect_phase(nf, NET_HANDOVER_PHASE_IDLE, 0);
    fixture_feed(IN, 8, 1, true);
    fixture_expect(fixture_peer, 8, 1);
}

static void test_target_does_not_wait_for_ever(void)
{
    expect_vm(",wait=1");
    fixture_send(fixture_netdev, 2);
    fixture_start();
    fixture_expect(fixture_peer, 0, 0);
    wait_got(fixture_peer);
    fixture_expect(fixture_peer, 0, 2);
}

static void test_target_without_connection(void)
{
    fixture_open(IN, false);
    expect_vm("");
    fixture_send(fixture_netdev, 2);
    fixture_start();
    fixture_expect(fixture_peer, 0, 2);
}

static void test_target_waits_for_a_paused_vm(void)
{
    NetFilter *nf = expect_vm("");

    tell(IN, HANDOVER_OFFER, NUMBER, 0);
    fixture_feed(IN, 0, 5, true);
    fixture_stop();
    fixture_expect(fixture_peer, 0, 0);
    expect_phase(nf, NET_HANDOVER_PHASE_WAITING, 5);
    fixture_start();
    fixture_expect(fixture_peer, 0, 5);
}

static void test_target_cancelled(void)
{
    NetFilter *nf = expect_vm("");

    tell(IN, HANDOVER_OFFER, NUMBER, 0);
    fixture_feed(IN, 0, 5, true);
    tell(IN, HANDOVER_CANCEL, NUMBER, 0);
    expect_message(IN, HANDOVER_CANCELLED, NUMBER, 0);
    expect_phase(nf, NET_HANDOVER_PHASE_WAITING, 0);
    tell(IN, HANDOVER_OFFER, NUMBER + 1, 0);
    fixture_feed(IN, 5, 5, true);
    fixture_start();
    fixture_expect(fixture_peer, 5, 5);
    expect_message(IN, HANDOVER_RELEASED, NUMBER + 1, 5);
    tell(IN, HANDOVER_CANCEL, NUMBER + 1, 0);
    expect_message(IN, HANDOVER_RELEASED, NUMBER + 1, 5);
    expect_phase(nf, NET_HANDOVER_PHASE_RELEASED, 0);
}

static void test_target_cancelled_after_a_new_connection(void)
{
    NetFilter *nf = expect_vm("");

    tell(IN, HANDOVER_OFFER, NUMBER, 0);
    fixture_feed(IN, 0, 5, true);
    fixture_open(IN, false);
    fixture_open(IN, true);
    expect_phase(nf, NET_HANDOVER_PHASE_WAITING, 5);
    tell(IN, HANDOVER_OFFER, NUMBER, 0);
    tell(IN, HANDOVER_CANCEL, NUMBER, 0);
    expect_message(IN, HANDOVER_CANCELLED, NUMBER, 0);
    fixture_start();
    fixture_expect(fixture_peer, 0, 0);
}

static void test_target_skips_what_it_has(void)
{
    NetFilter *nf = expect_vm("");

    tell(IN, HANDOVER_OFFER, NUMBER, 0);
    fixture_feed(IN, 0, 5, true);
    fixture_open(IN, false);
    fixture_open(IN, true);
    tell(IN, HANDOVER_OFFER, NUMBER, 2);
    fixture_feed(IN, 2, 6, true);
    expect_phase(nf, NET_HANDOVER_PHASE_WAITING, 8);
    fixture_start();
    fixture_expect(fixture_peer, 0, 8);
    expect_message(IN, HANDOVER_RELEASED, NUMBER, 8);
    fixture_open(IN, false);
    fixture_open(IN, true);
    tell(IN, HANDOVER_OFFER, NUMBER, 5);
    expect_message(IN, HANDOVER_RELEASED, NUMBER, 8);
    fixture_feed(IN, 5, 4, true);
    fixture_expect(fixture_peer, 8, 1);
    expect_phase(nf, NET_HANDOVER_PHASE_RELEASED, 0);
}

static void test_target_running_already(void)
{
    NetFilter *nf = add_target("");

    tell(IN, HANDOVER_OFFER, NUMBER, 0);
    expect_message(IN, HANDOVER_RELEASED, NUMBER, 0);
    fixture_feed(IN, 0, 3, true);
    fixture_expect(fixture_peer, 0, 3);
    expect_phase(nf, NET_HANDOVER_PHASE_IDLE, 0);
}

/* It reads on, as there may be a cancel behind the frames, or the connection may end. */
static NetFilter *fill_target(void)
{
    NetFilter *nf = expect_vm(",hold-size=340");
    const CharFrontend *fe = IN->chr->fe;
    g_autoptr(NetHandoverInfo) info = NULL;

    tell(IN, HANDOVER_OFFER, NUMBER, 0);
    fixture_feed(IN, 0, 7, true);
    g_assert_cmpuint(fe->ops->read_wanted(fe->opaque), >, 0);
    fixture_feed(IN, 7, 2, true);
    expect_phase(nf, NET_HANDOVER_PHASE_WAITING, 5);
    info = info_of(nf);
    g_assert_cmpuint(info->refused, ==, 4);
    return nf;
}

static void test_target_asks_again_when_it_runs(void)
{
    NetFilter *nf = fill_target();

    fixture_start();
    fixture_expect(fixture_peer, 0, 5);
    expect_message(IN, HANDOVER_RELEASED, NUMBER, 5);
    expect_message(IN, HANDOVER_AGAIN, NUMBER, 0);
    fixture_feed(IN, 9, 1, true);
    fixture_expect(fixture_peer, 0, 0);
    tell(IN, HANDOVER_OFFER, NUMBER, 0);
    expect_message(IN, HANDOVER_RELEASED, NUMBER, 5);
    fixture_feed(IN, 0, 11, true);
    fixture_expect(fixture_peer, 5, 6);
    expect_message(IN, HANDOVER_RELEASED, NUMBER, 11);
    expect_phase(nf, NET_HANDOVER_PHASE_RELEASED, 0);
}

static void test_target_asks_again_when_it_has_room(void)
{
    NetFilter *nf = fill_target();

    g_assert_cmpuint(IN->written->len, ==, 0);
    fixture_set("h0", "hold-size", "680");
    expect_message(IN, HANDOVER_AGAIN, NUMBER, 0);
    tell(IN, HANDOVER_OFFER, NUMBER, 0);
    fixture_feed(IN, 0, 9, true);
    expect_phase(nf, NET_HANDOVER_PHASE_WAITING, 9);
    fixture_start();
    fixture_expect(fixture_peer, 0, 9);
    expect_message(IN, HANDOVER_RELEASED, NUMBER, 9);
    g_assert_cmpuint(IN->written->len, ==, 0);
}

static void test_target_is_cancelled_at_its_limit(void)
{
    NetFilter *nf = fill_target();

    tell(IN, HANDOVER_CANCEL, NUMBER, 0);
    expect_message(IN, HANDOVER_CANCELLED, NUMBER, 0);
    expect_phase(nf, NET_HANDOVER_PHASE_WAITING, 0);
    tell(IN, HANDOVER_OFFER, NUMBER + 1, 0);
    fixture_feed(IN, 20, 3, true);
    fixture_start();
    fixture_expect(fixture_peer, 20, 3);
}

static void test_target_refuses_nonsense(void)
{
    NetFilter *nf = expect_vm("");

    expect_refused(IN, HANDOVER_RELEASED, NUMBER, 0);
    expect_refused(IN, HANDOVER_OFFER, 0, 0);
    tell(IN, HANDOVER_OFFER, NUMBER, 0);
    expect_refused(IN, HANDOVER_OFFER, NUMBER, 1);
    tell(IN, HANDOVER_CANCEL, NUMBER, 0);
    fixture_feed(IN, 0, 2, true);
    g_assert_cmpuint(IN->n_disconnects, ==, 4);
    g_assert_cmpuint(fixture_malformed(nf), ==, 4);
    expect_phase(nf, NET_HANDOVER_PHASE_WAITING, 0);
}

/* --- Both --------------------------------------------------------------------------------- */

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
    add_source("");
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
    fixture_test("/filter-handover/source/offers-again", test_source_offers_again);
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
    fixture_test("/filter-handover/target/asks-again-when-it-runs",
                 test_target_asks_again_when_it_runs);
    fixture_test("/filter-handover/target/asks-again-when-it-has-room",
                 test_target_asks_again_when_it_has_room);
    fixture_test("/filter-handover/target/is-cancelled-at-its-limit",
                 test_target_is_cancelled_at_its_limit);
    fixture_test("/filter-handover/target/refuses-nonsense", test_target_refuses_nonsense);
    fixture_test("/filter-handover/errors", test_errors);
    return g_test_run();
}
