/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of the net core: chains, held queues, injection, reclaiming, polling. */

/*
 *   source "n0" ──► f0 ──► f1 ──► f2 ──► peer "p0"
 *
 * The source is a netdev that the test sends from, the peer takes as many frames as the test
 * lets it, and the filters do what the test tells them.
 */

#include <string.h>
#include <glib.h>

#include "net/chain-internal.h"
#include "net/client.h"
#include "net/filter.h"
#include "net/run-state.h"

#define N_FILTERS 3
#define FRAME_LEN 60

/* --- A peer that takes what it is allowed to ---------------------------------------------- */

typedef struct TestPeer {
    NetClient nc;
    size_t room;      /* frames it takes before it says "not now" */
    GArray *got;      /* uint32_t sequence numbers */
} TestPeer;

static uint32_t frame_seq(const NetFrame *frame)
{
    uint32_t seq;

    g_assert_cmpuint(frame->len, ==, FRAME_LEN);
    memcpy(&seq, frame->data, sizeof(seq));
    return seq;
}

static size_t peer_receive(NetClient *nc, const NetFrame *frames, size_t n)
{
    TestPeer *peer = (TestPeer *)nc;
    size_t take = MIN(n, peer->room);

    for (size_t i = 0; i < take; i++) {
        uint32_t seq = frame_seq(&frames[i]);

        g_array_append_val(peer->got, seq);
    }
    peer->room -= take;
    return take;
}

static void peer_cleanup(NetClient *nc)
{
    g_array_unref(((TestPeer *)nc)->got);
}

static void test_read_poll(NetClient *nc, bool enable)
{
    g_assert_cmpint(nc->polled, ==, enable);
}

static const NetClientInfo peer_info = {
    .type = NET_CLIENT_DRIVER_HUBPORT,
    .size = sizeof(TestPeer),
    .receive = peer_receive,
    .read_poll = test_read_poll,
    .cleanup = peer_cleanup,
    .is_netdev = true,
};

static const NetClientInfo source_info = {
    .type = NET_CLIENT_DRIVER_SOCKET,
    .size = sizeof(TestPeer),
    .receive = peer_receive,
    .read_poll = test_read_poll,
    .cleanup = peer_cleanup,
    .is_netdev = true,
};

/* --- A filter that does as it is told ----------------------------------------------------- */

typedef enum TestVerdict {
    TEST_PASS,
    TEST_TAKE,
    TEST_PASS_EVEN, /* takes the odd ones */
} TestVerdict;

typedef struct TestFilter {
    NetFilter nf;
    FilterRedirectorProperties props;
    TestVerdict verdict;
    size_t room;
    bool asks;
    bool holds; /* on purpose, but not when somebody asks further on */
    unsigned n_can_inject;
    GArray *taken;
} TestFilter;

static size_t filter_run(NetFilter *nf, NetDirection direction, const NetFrame *frames,
                         size_t n, NetPass *pass)
{
    TestFilter *filter = (TestFilter *)nf;
    size_t done = MIN(n, filter->room);

    if (filter->holds && net_stage_feeds_reader(&nf->stages[direction])) {
        pass->all = true;
        return n;
    }
    for (size_t i = 0; i < done; i++) {
        uint32_t seq = frame_seq(&frames[i]);

        if (filter->verdict == TEST_PASS ||
            (filter->verdict == TEST_PASS_EVEN && seq % 2 == 0)) {
            net_pass_add(pass, i);
        } else {
            g_array_append_val(filter->taken, seq);
        }
    }
    filter->room -= done;
    return done;
}

static void filter_decide(const NetFilter *nf, NetStageState *state)
{
    const TestFilter *filter = (const TestFilter *)nf;

    state->asks = filter->asks && state->active && net_filter_sees(nf, NET_DIRECTION_TX);
    state->takes = filter->verdict == TEST_TAKE;
    state->holds = filter->holds;
}

static void filter_can_inject(NetFilter *nf)
{
    ((TestFilter *)nf)->n_can_inject++;
}

static const NetFilterOps filter_ops = {
    .run = filter_run,
    .decide = filter_decide,
    .can_inject = filter_can_inject,
};


/* --- The fixture --------------------------------------------------------------------------- */

typedef struct Fixture {
    NetClient *source;
    TestPeer *peer;
    TestFilter filters[N_FILTERS];
    uint32_t next_seq;
} Fixture;

static ObjectClass test_class = {
    .name = "filter-test",
    .parent = "netfilter",
};

static void filter_add(Fixture *f, int i, const NetFilterOps *ops)
{
    TestFilter *filter = &f->filters[i];
    g_autoptr(GError) error = NULL;

    filter->props = (FilterRedirectorProperties){
        .netdev = (char *)"n0",
        .queue = NET_FILTER_DIRECTION_TX,
        .status = (char *)"on",
        .position = (char *)"tail",
        .insert = NETFILTER_INSERT_BEHIND,
        .hold_size = NET_HOLD_SIZE_DEFAULT,
    };
    test_class.props = QAPI_TYPE(FilterRedirectorProperties);
    filter->nf.obj.class = &test_class;
    filter->nf.obj.id = (char *)"f";
    filter->nf.obj.props = &filter->props;
    filter->taken = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    filter->room = SIZE_MAX;
    g_assert_true(net_filter_attach(&filter->nf, ops, &error));
    g_assert_no_error(error);
}

static void set_status(TestFilter *filter, const char *status)
{
    filter->props.status = (char *)status;
    net_filter_update(&filter->nf);
}

static void setup(Fixture *f, gconstpointer data)
{
    net_init();
    run_state_set(RUN_STATE_RUNNING);
    f->source = net_client_new(&source_info, "n0");
    ((TestPeer *)f->source)->got = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    f->peer = (TestPeer *)net_client_new(&peer_info, "p0");
    f->peer->got = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    f->peer->room = SIZE_MAX;
    net_client_connect(f->source, &f->peer->nc);
    for (int i = 0; i < N_FILTERS; i++) {
        filter_add(f, i, &filter_ops);
    }
}

static void assert_conserved(const NetChain *chain)
{
    const NetChainStats *stats = &chain->stats;
    uint64_t held = 0;

    for (size_t i = 0; i < chain->n_stages; i++) {
        const NetStage *stage = chain->stages[i];

        held += stage->held.n_frames;
        g_assert_cmpuint(stage->stats.in.frames, ==,
                         stage->stats.passed.frames + stage->stats.consumed.frames +
                         net_drops_total(&stage->stats.dropped).frames +
                         stage->held.n_frames);
        g_assert_cmpuint(stage->stats.in.bytes, ==,
                         stage->stats.passed.bytes + stage->stats.consumed.bytes +
                         net_drops_total(&stage->stats.dropped).bytes + stage->held.n_bytes);
    }
    g_assert_cmpuint(held, ==, chain->held.frames);
    g_assert_cmpuint(stats->in.frames + stats->injected.frames, ==,
                     stats->delivered.frames + stats->consumed.frames +
                     net_drops_total(&stats->dropped).frames + chain->held.frames);
    g_assert_cmpuint(stats->in.bytes + stats->injected.bytes, ==,
                     stats->delivered.bytes + stats->consumed.bytes +
                     net_drops_total(&stats->dropped).bytes + chain->held.bytes);
}

static void teardown(Fixture *f, gconstpointer data)
{
    if (f->source->out) {
        assert_conserved(f->source->out);
    }
    for (int i = 0; i < N_FILTERS; i++) {
        net_filter_detach(&f->filters[i].nf);
        g_array_unref(f->filters[i].taken);
    }
    if (run_state_is_running()) {
        run_state_set(RUN_STATE_PAUSED);
    }
    net_cleanup();
}

static void send_frames(Fixture *f, size_t n)
{
    g_autofree uint8_t *bytes = g_malloc0(n * FRAME_LEN);
    g_autofree NetFrame *frames = g_new0(NetFrame, n);

    for (size_t i = 0; i < n; i++) {
        memcpy(bytes + i * FRAME_LEN, &f->next_seq, sizeof(f->next_seq));
        f->next_seq++;
        frames[i] = (NetFrame){ .data = bytes + i * FRAME_LEN, .len = FRAME_LEN };
    }
    net_client_send(f->source, frames, n);
    memset(bytes, 0xff, n * FRAME_LEN);
}

static void inject_frame(Fixture *f, int i)
{
    uint8_t bytes[FRAME_LEN] = { 0 };
    NetFrame frame = { .data = bytes, .len = FRAME_LEN };

    memcpy(bytes, &f->next_seq, sizeof(f->next_seq));
    f->next_seq++;
    net_filter_inject(&f->filters[i].nf, &frame, 1);
}

/* Sequence numbers @first to @first + @n - 1, in order. */
static void assert_seqs(const GArray *got, uint32_t first, size_t n)
{
    g_assert_cmpuint(got->len, ==, n);
    for (size_t i = 0; i < n; i++) {
        g_assert_cmpuint(g_array_index(got, uint32_t, i), ==, first + i);
    }
}

static uint64_t drops(const NetDrops *of, NetDropReason reason)
{
    return of->by_reason[reason].frames;
}

/* --- Cases --------------------------------------------------------------------------------- */

static void test_passes(Fixture *f, gconstpointer data)
{
    send_frames(f, 1);
    send_frames(f, 64);
    send_frames(f, 200);
    assert_seqs(f->peer->got, 0, 265);
    g_assert_cmpuint(f->filters[2].nf.stages[NET_DIRECTION_TX].stats.passed.frames, ==, 265);
    g_assert_true(f->source->polled);
}

static void test_takes_some(Fixture *f, gconstpointer data)
{
    f->filters[1].verdict = TEST_PASS_EVEN;
    send_frames(f, 100);
    g_assert_cmpuint(f->peer->got->len, ==, 50);
    g_assert_cmpuint(f->filters[1].taken->len, ==, 50);
    for (guint i = 0; i < 50; i++) {
        g_assert_cmpuint(g_array_index(f->peer->got, uint32_t, i), ==, 2 * i);
    }
    g_assert_cmpuint(f->filters[0].nf.stages[NET_DIRECTION_TX].stats.in.bytes, ==,
                     100 * FRAME_LEN);
}

static void test_rx_filter_sees_nothing(Fixture *f, gconstpointer data)
{
    f->filters[0].verdict = TEST_TAKE;
    f->filters[0].props.queue = NET_FILTER_DIRECTION_RX;
    net_filter_update(&f->filters[0].nf);
    send_frames(f, 3);
    assert_seqs(f->peer->got, 0, 3);
    g_assert_cmpuint(f->filters[0].taken->len, ==, 0);
}

static void test_rx_runs_tail_to_head(Fixture *f, gconstpointer data)
{
    uint8_t bytes[FRAME_LEN] = { 0 };
    NetFrame frame = { .data = bytes, .len = FRAME_LEN };

    for (int i = 0; i < N_FILTERS; i++) {
        f->filters[i].props.queue = NET_FILTER_DIRECTION_ALL;
        net_filter_update(&f->filters[i].nf);
    }
    f->filters[1].verdict = TEST_TAKE;
    net_client_send(&f->peer->nc, &frame, 1);
    g_assert_cmpuint(f->filters[2].nf.stages[NET_DIRECTION_RX].stats.in.frames, ==, 1);
    g_assert_cmpuint(f->filters[1].taken->len, ==, 1);
    g_assert_cmpuint(f->filters[0].nf.stages[NET_DIRECTION_RX].stats.in.frames, ==, 0);
}

static void test_blocks_at_peer(Fixture *f, gconstpointer data)
{
    f->peer->room = 5;
    send_frames(f, 10);
    assert_seqs(f->peer->got, 0, 5);
    g_assert_false(f->source->polled);
    g_assert_cmpuint(f->source->out->held.frames, ==, 5);
    send_frames(f, 3);
    f->peer->room = 2;
    net_client_ready(&f->peer->nc);
    assert_seqs(f->peer->got, 0, 7);
    g_assert_false(f->source->polled);
    f->peer->room = SIZE_MAX;
    net_client_ready(&f->peer->nc);
    assert_seqs(f->peer->got, 0, 13);
    g_assert_true(f->source->polled);
}

/* @data: the stage that blocks. */
static void test_blocks_at_filter(Fixture *f, gconstpointer data)
{
    TestFilter *filter = &f->filters[GPOINTER_TO_INT(data)];

    for (size_t room = 0; room < 7; room++) {
        filter->room = room;
        send_frames(f, 100);
        g_assert_false(f->source->polled);
        filter->room = SIZE_MAX;
        net_filter_ready(&filter->nf);
        assert_seqs(f->peer->got, 0, (room + 1) * 100);
        g_assert_true(f->source->polled);
    }
}

static void test_blocked_twice(Fixture *f, gconstpointer data)
{
    f->filters[0].room = 4;
    f->peer->room = 1;
    send_frames(f, 8);
    g_assert_cmpuint(f->source->out->held.frames, ==, 7);
    f->filters[0].room = SIZE_MAX;
    net_filter_ready(&f->filters[0].nf);
    assert_seqs(f->peer->got, 0, 1);
    g_assert_false(f->source->polled);
    f->peer->room = SIZE_MAX;
    net_client_ready(&f->peer->nc);
    assert_seqs(f->peer->got, 0, 8);
    g_assert_true(f->source->polled);
}

static void test_inject_goes_behind_held(Fixture *f, gconstpointer data)
{
    f->peer->room = 0;
    send_frames(f, 2);
    inject_frame(f, 1);
    g_assert_cmpuint(f->filters[1].nf.stages[NET_DIRECTION_TX].stats.in.frames, ==, 2);
    g_assert_cmpuint(f->filters[2].nf.stages[NET_DIRECTION_TX].stats.in.frames, ==, 3);
    f->peer->room = SIZE_MAX;
    net_client_ready(&f->peer->nc);
    assert_seqs(f->peer->got, 0, 3);
}

static void test_inject_waits_for_room(Fixture *f, gconstpointer data)
{
    f->peer->room = 0;
    g_assert_true(net_filter_can_inject(&f->filters[1].nf));
    inject_frame(f, 1);
    g_assert_false(net_filter_can_inject(&f->filters[1].nf));
    g_assert_cmpuint(f->filters[1].n_can_inject, ==, 0);
    f->peer->room = SIZE_MAX;
    net_client_ready(&f->peer->nc);
    g_assert_cmpuint(f->filters[1].n_can_inject, ==, 1);
    g_assert_true(net_filter_can_inject(&f->filters[1].nf));
}

static void test_inject_past_blocked_stage(Fixture *f, gconstpointer data)
{
    f->filters[0].room = 0;
    send_frames(f, 2);
    g_assert_true(net_filter_can_inject(&f->filters[1].nf));
    inject_frame(f, 1);
    assert_seqs(f->peer->got, 2, 1);
    f->filters[0].room = SIZE_MAX;
    net_filter_ready(&f->filters[0].nf);
    g_assert_cmpuint(f->peer->got->len, ==, 3);
}

static void test_inject_without_peer(Fixture *f, gconstpointer data)
{
    net_client_disconnect(f->source);
    inject_frame(f, 0);
    g_assert_cmpuint(drops(&f->source->drops, NET_DROP_REASON_NO_PEER), ==, 1);
}

static void test_off_releases_held(Fixture *f, gconstpointer data)
{
    f->filters[1].room = 3;
    send_frames(f, 10);
    set_status(&f->filters[1], "off");
    assert_seqs(f->peer->got, 0, 10);
    g_assert_true(f->source->polled);
}

static void test_detach_releases_held(Fixture *f, gconstpointer data)
{
    f->filters[1].room = 3;
    f->peer->room = 5;
    send_frames(f, 10);
    net_filter_detach(&f->filters[1].nf);
    assert_seqs(f->peer->got, 0, 5);
    g_assert_cmpuint(f->source->out->held.frames, ==, 5);
    f->peer->room = SIZE_MAX;
    net_client_ready(&f->peer->nc);
    assert_seqs(f->peer->got, 0, 10);
}

static void test_stop_is_sharp(Fixture *f, gconstpointer data)
{
    run_state_set(RUN_STATE_PAUSED);
    g_assert_false(f->source->polled);
    send_frames(f, 70);
    net_client_ready(&f->peer->nc);
    inject_frame(f, 2);
    g_assert_cmpuint(f->peer->got->len, ==, 0);
    run_state_set(RUN_STATE_RUNNING);
    assert_seqs(f->peer->got, 0, 71);
    g_assert_true(f->source->polled);
}

static void test_held_at_stop_are_kept(Fixture *f, gconstpointer data)
{
    f->peer->room = 0;
    send_frames(f, 6);
    run_state_set(RUN_STATE_PAUSED);
    f->peer->room = SIZE_MAX;
    run_state_set(RUN_STATE_RUNNING);
    assert_seqs(f->peer->got, 0, 6);
}

static void test_asker_keeps_it_polled(Fixture *f, gconstpointer data)
{
    f->filters[2].asks = true;
    f->filters[2].props.hold_size = 10 * (FRAME_LEN + NET_HOLD_FRAME_OVERHEAD);
    net_filter_update(&f->filters[2].nf);
    run_state_set(RUN_STATE_PAUSED);
    g_assert_true(f->source->polled);
    send_frames(f, 9);
    g_assert_true(f->source->polled);
    send_frames(f, 1);
    g_assert_false(f->source->polled);
    send_frames(f, 5);
    run_state_set(RUN_STATE_RUNNING);
    assert_seqs(f->peer->got, 0, 15);
    g_assert_true(f->source->polled);
}

static void test_askers_are_counted(Fixture *f, gconstpointer data)
{
    run_state_set(RUN_STATE_PAUSED);
    f->filters[0].asks = f->filters[1].asks = true;
    net_filter_update(&f->filters[0].nf);
    net_filter_update(&f->filters[1].nf);
    g_assert_cmpuint(net_client_stopped_readers(f->source), ==, 2);
    net_filter_detach(&f->filters[0].nf);
    g_assert_true(f->source->polled);
    set_status(&f->filters[1], "off");
    g_assert_false(f->source->polled);
    set_status(&f->filters[1], "on");
    g_assert_true(f->source->polled);
    f->filters[1].props.queue = NET_FILTER_DIRECTION_RX;
    net_filter_update(&f->filters[1].nf);
    g_assert_false(f->source->polled);
}

/* W21: the net core listens once, whatever filters there are and whatever they ask for. */
static void test_filters_add_no_listener(Fixture *f, gconstpointer data)
{
    size_t before = run_state_n_listeners();

    for (int i = 0; i < N_FILTERS; i++) {
        f->filters[i].asks = true;
        net_filter_update(&f->filters[i].nf);
    }
    run_state_set(RUN_STATE_PAUSED);
    g_assert_cmpuint(run_state_n_listeners(), ==, before);
    net_filter_detach(&f->filters[0].nf);
    g_assert_cmpuint(run_state_n_listeners(), ==, before);
}

static void test_asker_without_peer_or_link(Fixture *f, gconstpointer data)
{
    run_state_set(RUN_STATE_PAUSED);
    f->filters[0].asks = true;
    net_filter_update(&f->filters[0].nf);
    g_assert_true(f->source->polled);
    net_client_set_link(f->source, false);
    g_assert_false(f->source->polled);
    net_client_set_link(f->source, true);
    g_assert_true(f->source->polled);
    net_client_disconnect(f->source);
    g_assert_false(f->source->polled);
}

static void test_reclaims_when_switched_on(Fixture *f, gconstpointer data)
{
    f->filters[0].verdict = TEST_TAKE;
    set_status(&f->filters[0], "off");
    run_state_set(RUN_STATE_PAUSED);
    send_frames(f, 100);
    set_status(&f->filters[0], "on");
    assert_seqs(f->filters[0].taken, 0, 100);
    send_frames(f, 10);
    assert_seqs(f->filters[0].taken, 0, 110);
    g_assert_cmpuint(f->source->out->held.frames, ==, 0);
}

static void test_reclaims_in_order_from_two_queues(Fixture *f, gconstpointer data)
{
    f->filters[0].verdict = TEST_TAKE;
    set_status(&f->filters[0], "off");
    f->peer->room = 0;
    send_frames(f, 5);
    f->filters[1].room = 0;
    send_frames(f, 5);
    f->filters[0].room = 3;
    set_status(&f->filters[0], "on");
    send_frames(f, 5);
    assert_seqs(f->filters[0].taken, 0, 3);
    f->filters[0].room = 4;
    net_filter_ready(&f->filters[0].nf);
    assert_seqs(f->filters[0].taken, 0, 7);
    f->filters[0].room = SIZE_MAX;
    net_filter_ready(&f->filters[0].nf);
    assert_seqs(f->filters[0].taken, 0, 15);
}

static void test_reclaim_given_up(Fixture *f, gconstpointer data)
{
    f->filters[0].verdict = TEST_TAKE;
    set_status(&f->filters[0], "off");
    run_state_set(RUN_STATE_PAUSED);
    send_frames(f, 10);
    f->filters[0].room = 4;
    set_status(&f->filters[0], "on");
    send_frames(f, 5);
    set_status(&f->filters[0], "off");
    run_state_set(RUN_STATE_RUNNING);
    assert_seqs(f->filters[0].taken, 0, 4);
    assert_seqs(f->peer->got, 4, 11);
}

static void test_reclaim_ended_by_resume(Fixture *f, gconstpointer data)
{
    f->filters[0].verdict = TEST_TAKE;
    set_status(&f->filters[0], "off");
    run_state_set(RUN_STATE_PAUSED);
    send_frames(f, 10);
    f->filters[0].room = 4;
    set_status(&f->filters[0], "on");
    send_frames(f, 5);
    f->filters[0].room = SIZE_MAX;
    f->peer->room = 3;
    run_state_set(RUN_STATE_RUNNING);
    assert_seqs(f->peer->got, 4, 3);
    g_assert_cmpuint(f->filters[0].taken->len, ==, 12);
    g_assert_cmpuint(f->source->out->held.frames, ==, 0);
}

static void test_designed_hold_does_not_block(Fixture *f, gconstpointer data)
{
    f->filters[1].holds = true;
    net_filter_update(&f->filters[1].nf);
    f->filters[1].room = 0;
    send_frames(f, 100);
    g_assert_true(f->source->polled);
    g_assert_cmpuint(f->source->out->held.frames, ==, 100);
    f->filters[1].props.hold_size = 150 * (FRAME_LEN + NET_HOLD_FRAME_OVERHEAD);
    net_filter_update(&f->filters[1].nf);
    send_frames(f, 100);
    g_assert_false(f->source->polled);
    f->filters[1].room = 120;
    net_filter_ready(&f->filters[1].nf);
    g_assert_true(f->source->polled);
    assert_seqs(f->peer->got, 0, 120);
}

static void test_designed_hold_lets_asker_drain(Fixture *f, gconstpointer data)
{
    TestFilter *taker = &f->filters[2];

    taker->verdict = TEST_TAKE;
    taker->asks = true;
    f->filters[1].holds = true;
    f->filters[1].room = 0;
    send_frames(f, 10);
    g_assert_cmpuint(taker->taken->len, ==, 0);
    run_state_set(RUN_STATE_PAUSED);
    assert_seqs(taker->taken, 0, 10);
    send_frames(f, 10);
    assert_seqs(taker->taken, 0, 20);
    run_state_set(RUN_STATE_RUNNING);
    send_frames(f, 10);
    assert_seqs(taker->taken, 0, 20);
}

static void test_link_down_drops(Fixture *f, gconstpointer data)
{
    net_client_set_link(f->source, false);
    send_frames(f, 2);
    g_assert_cmpuint(drops(&f->source->drops, NET_DROP_REASON_LINK_DOWN), ==, 2);
    net_client_set_link(f->source, true);
    net_client_set_link(&f->peer->nc, false);
    send_frames(f, 3);
    g_assert_cmpuint(drops(&f->source->out->stats.dropped, NET_DROP_REASON_LINK_DOWN), ==, 3);
    net_client_set_link(&f->peer->nc, true);
    send_frames(f, 1);
    assert_seqs(f->peer->got, 5, 1);
}

static void test_no_peer_drops(Fixture *f, gconstpointer data)
{
    f->peer->room = 0;
    send_frames(f, 4);
    net_client_disconnect(f->source);
    g_assert_cmpuint(drops(&f->source->drops, NET_DROP_REASON_DELETED), ==, 4);
    send_frames(f, 2);
    g_assert_cmpuint(drops(&f->source->drops, NET_DROP_REASON_NO_PEER), ==, 2);
    g_assert_true(f->source->polled);
}

static void test_bad_lengths_drop(Fixture *f, gconstpointer data)
{
    g_autofree uint8_t *bytes = g_malloc0(NET_FRAME_MAX + 1);
    NetFrame frames[] = {
        { .data = bytes, .len = FRAME_LEN },
        { .data = bytes, .len = 0 },
        { .data = bytes, .len = NET_FRAME_MAX + 1 },
        { .data = bytes, .len = FRAME_LEN },
    };

    net_client_send(f->source, frames, G_N_ELEMENTS(frames));
    g_assert_cmpuint(f->peer->got->len, ==, 2);
    g_assert_cmpuint(drops(&f->source->drops, NET_DROP_REASON_EMPTY), ==, 1);
    g_assert_cmpuint(drops(&f->source->drops, NET_DROP_REASON_TOO_LONG), ==, 1);
}

static void test_counts_while_stopped(Fixture *f, gconstpointer data)
{
    const NetChain *chain = f->source->out;

    send_frames(f, 3);
    run_state_set(RUN_STATE_PAUSED);
    send_frames(f, 4);
    g_assert_cmpuint(chain->stats.in.frames - chain->at_stop.in.frames, ==, 4);
    run_state_set(RUN_STATE_RUNNING);
    send_frames(f, 5);
    g_assert_cmpuint(chain->at_start.in.frames - chain->at_stop.in.frames, ==, 4);
}

/* Any mix of events keeps the order and loses nothing. */
static void test_random_events(Fixture *f, gconstpointer data)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(GPOINTER_TO_UINT(data));
    TestFilter *taker = &f->filters[1];
    uint32_t last[2] = { 0 };

    taker->verdict = TEST_TAKE;
    taker->asks = true;
    for (int i = 0; i < 20000; i++) {
        TestFilter *filter = &f->filters[g_rand_int_range(rand, 0, N_FILTERS)];

        switch (g_rand_int_range(rand, 0, 8)) {
        case 0:
        case 1:
            if (f->source->polled) {
                send_frames(f, g_rand_int_range(rand, 1, 80));
            }
            break;
        case 2:
            f->peer->room = g_rand_int_range(rand, 0, 40);
            net_client_ready(&f->peer->nc);
            break;
        case 3:
        case 4:
            filter->room = g_rand_int_range(rand, 0, 90);
            net_filter_ready(&filter->nf);
            break;
        case 5:
            set_status(filter, g_rand_boolean(rand) ? "on" : "off");
            break;
        case 6:
            run_state_set(g_rand_boolean(rand) ? RUN_STATE_RUNNING : RUN_STATE_PAUSED);
            break;
        case 7:
            filter->props.hold_size = g_rand_int_range(rand, 1, 4000);
            net_filter_update(&filter->nf);
            break;
        }
        assert_conserved(f->source->out);
    }
    for (int k = 0; k < 2; k++) {
        const GArray *got = k ? taker->taken : f->peer->got;

        g_assert_cmpuint(got->len, >, 0);
        for (guint i = 0; i < got->len; i++) {
            uint32_t seq = g_array_index(got, uint32_t, i);

            g_assert_true(i == 0 || seq > last[k]);
            last[k] = seq;
        }
    }
    g_assert_cmpuint(f->peer->got->len + taker->taken->len + f->source->out->held.frames, ==,
                     f->next_seq);
}

static void add(const char *path, gconstpointer data, void (*func)(Fixture *, gconstpointer))
{
    g_test_add(path, Fixture, data, setup, func, teardown);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("/net-chain/passes-to-the-peer", NULL, test_passes);
    add("/net-chain/takes-some-out", NULL, test_takes_some);
    add("/net-chain/rx-filter-sees-no-tx-frame", NULL, test_rx_filter_sees_nothing);
    add("/net-chain/rx-runs-from-tail-to-head", NULL, test_rx_runs_tail_to_head);
    add("/net-chain/blocks-at-the-peer", NULL, test_blocks_at_peer);
    add("/net-chain/blocks-at-filter/0", GINT_TO_POINTER(0), test_blocks_at_filter);
    add("/net-chain/blocks-at-filter/1", GINT_TO_POINTER(1), test_blocks_at_filter);
    add("/net-chain/blocks-at-filter/2", GINT_TO_POINTER(2), test_blocks_at_filter);
    add("/net-chain/blocked-at-two-stages", NULL, test_blocked_twice);
    add("/net-chain/injected-go-behind-held", NULL, test_inject_goes_behind_held);
    add("/net-chain/injection-waits-for-room", NULL, test_inject_waits_for_room);
    add("/net-chain/injection-ignores-earlier-stages", NULL, test_inject_past_blocked_stage);
    add("/net-chain/injection-without-peer-is-counted", NULL, test_inject_without_peer);
    add("/net-chain/off-releases-held", NULL, test_off_releases_held);
    add("/net-chain/deletion-releases-held", NULL, test_detach_releases_held);
    add("/net-chain/stop-is-sharp", NULL, test_stop_is_sharp);
    add("/net-chain/held-at-stop-are-kept", NULL, test_held_at_stop_are_kept);
    add("/net-chain/asker-keeps-it-polled-up-to-hold-size", NULL, test_asker_keeps_it_polled);
    add("/net-chain/askers-are-counted", NULL, test_askers_are_counted);
    add("/net-chain/w21-filters-add-no-listener", NULL, test_filters_add_no_listener);
    add("/net-chain/asker-needs-peer-and-link", NULL, test_asker_without_peer_or_link);
    add("/net-chain/switched-on-gets-held-first", NULL, test_reclaims_when_switched_on);
    add("/net-chain/reclaims-oldest-first", NULL, test_reclaims_in_order_from_two_queues);
    add("/net-chain/reclaim-given-up-keeps-order", NULL, test_reclaim_given_up);
    add("/net-chain/reclaim-ended-by-resume", NULL, test_reclaim_ended_by_resume);
    add("/net-chain/designed-hold-does-not-block", NULL, test_designed_hold_does_not_block);
    add("/net-chain/designed-hold-lets-asker-drain", NULL,
        test_designed_hold_lets_asker_drain);
    add("/net-chain/link-down-is-counted", NULL, test_link_down_drops);
    add("/net-chain/no-peer-is-counted", NULL, test_no_peer_drops);
    add("/net-chain/bad-lengths-are-counted", NULL, test_bad_lengths_drop);
    add("/net-chain/counts-while-stopped", NULL, test_counts_while_stopped);
    add("/net-chain/random-events/1", GUINT_TO_POINTER(1), test_random_events);
    add("/net-chain/random-events/2", GUINT_TO_POINTER(2), test_random_events);
    add("/net-chain/random-events/3", GUINT_TO_POINTER(3), test_random_events);
    return g_test_run();
}
