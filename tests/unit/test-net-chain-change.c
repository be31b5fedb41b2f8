/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of stages that change frames: copies, parts, nested runs, waiting for the VM. */

/*
 *   source "n0" ──► changer ──► reader ──► peer "p0"
 *
 * The changer writes its present mark into the first byte of every frame. The reader lets all
 * pass and may ask for frames while the VM is stopped.
 */

#include <string.h>
#include <glib.h>

#include "net/chain-internal.h"
#include "net/client.h"
#include "net/filter.h"
#include "net/run-state.h"

/** One end; what it got is kept as first bytes. */
typedef struct TestClient {
    NetClient nc;
    GByteArray *marks;   /* owned: the first byte of each frame */
    size_t room;
    bool answers;        /* sends into its netdev's chain while it gets frames */
} TestClient;

typedef struct TestFilter {
    NetFilter nf;
    FilterRedirectorProperties props;
    uint8_t mark;
    bool asks;
    unsigned n_calls;
} TestFilter;

static TestClient *source;
static TestClient *peer;
static TestFilter changer;
static TestFilter reader;

static void client_send_one(uint8_t mark, uint32_t len)
{
    g_autofree uint8_t *data = g_malloc0(len);
    NetFrame frame = { data, len, 0 };

    data[0] = mark;
    net_client_send(&source->nc, &frame, 1);
    g_assert_cmpuint(data[0], ==, mark);
}

static size_t client_receive(NetClient *nc, const NetFrame *frames, size_t n)
{
    TestClient *client = (TestClient *)nc;
    size_t take = MIN(n, client->room);

    if (client->answers) {
        client->answers = false;
        client_send_one(0, 1000);
    }
    for (size_t i = 0; i < take; i++) {
        g_byte_array_append(client->marks, frames[i].data, 1);
    }
    client->room -= take;
    return take;
}

static void client_read_poll(NetClient *nc, bool enable)
{
}

static void client_cleanup(NetClient *nc)
{
    g_byte_array_unref(((TestClient *)nc)->marks);
}

static const NetClientInfo client_info = {
    .type = NET_CLIENT_DRIVER_SOCKET,
    .size = sizeof(TestClient),
    .receive = client_receive,
    .read_poll = client_read_poll,
    .cleanup = client_cleanup,
    .is_netdev = true,
};

static size_t changer_change(NetFilter *nf, NetDirection direction, NetFrame *frames, size_t n,
                             NetScratch *scratch)
{
    TestFilter *filter = (TestFilter *)nf;

    filter->n_calls++;
    g_assert_cmpuint(scratch->used, ==, 0);
    for (size_t i = 0; i < n; i++) {
        uint8_t *copy = net_scratch_copy(scratch, &frames[i]);

        if (!copy) {
            return i;
        }
        copy[0] = filter->mark;
    }
    return n;
}

static size_t reader_run(NetFilter *nf, NetDirection direction, const NetFrame *frames, size_t n,
                         NetPass *pass)
{
    pass->all = true;
    return n;
}

static void reader_decide(const NetFilter *nf, NetStageState *state)
{
    state->asks = ((const TestFilter *)nf)->asks;
}

/* It waits for the VM. */
static size_t waiter_change(NetFilter *nf, NetDirection direction, NetFrame *frames, size_t n,
                            NetScratch *scratch)
{
    if (direction == NET_DIRECTION_TX && !run_state_is_running() &&
        !net_stage_feeds_reader(&nf->stages[direction])) {
        return 0;
    }
    return changer_change(nf, direction, frames, n, scratch);
}

static void waiter_decide(const NetFilter *nf, NetStageState *state)
{
    state->holds = true;
}

static const NetFilterOps changer_ops = {
    .change = waiter_change,
    .decide = waiter_decide,
};

static const NetFilterOps plain_changer_ops = {
    .change = changer_change,
};

static const NetFilterOps reader_ops = {
    .run = reader_run,
    .decide = reader_decide,
};

static ObjectClass test_class = {
    .name = "filter-test",
    .parent = "netfilter",
};

static void filter_add(TestFilter *filter, const NetFilterOps *ops)
{
    g_autoptr(GError) error = NULL;

    *filter = (TestFilter) {
        .nf.obj = { .class = &test_class, .id = (char *)"f", .props = &filter->props },
        .props = {
            .netdev = (char *)"n0",
            .queue = NET_FILTER_DIRECTION_ALL,
            .status = (char *)"on",
            .position = (char *)"tail",
            .insert = NETFILTER_INSERT_BEHIND,
            .hold_size = NET_HOLD_SIZE_DEFAULT,
        },
        .mark = 'A',
    };
    test_class.props = QAPI_TYPE(FilterRedirectorProperties);
    g_assert_true(net_filter_attach(&filter->nf, ops, &error));
    g_assert_no_error(error);
}

static TestClient *client_new(const char *id)
{
    TestClient *client = (TestClient *)net_client_new(&client_info, id);

    client->marks = g_byte_array_new();
    client->room = SIZE_MAX;
    return client;
}

static void setup(const NetFilterOps *ops)
{
    net_init();
    run_state_set(RUN_STATE_RUNNING);
    source = client_new("n0");
    peer = client_new("p0");
    net_client_connect(&source->nc, &peer->nc);
    filter_add(&changer, ops);
    filter_add(&reader, &reader_ops);
}

static void assert_conserved(const NetChain *chain)
{
    const NetChainStats *stats = &chain->stats;

    g_assert_cmpuint(stats->in.frames, ==, stats->delivered.frames + chain->held.frames);
    g_assert_cmpuint(stats->in.bytes, ==, stats->delivered.bytes + chain->held.bytes);
    for (size_t i = 0; i < chain->n_stages; i++) {
        const NetStage *stage = chain->stages[i];

        g_assert_cmpuint(stage->stats.in.bytes, ==,
                         stage->stats.passed.bytes + stage->held.n_bytes);
    }
}

static void teardown(void)
{
    assert_conserved(source->nc.out);
    assert_conserved(peer->nc.out);
    net_filter_detach(&changer.nf);
    net_filter_detach(&reader.nf);
    if (run_state_is_running()) {
        run_state_set(RUN_STATE_PAUSED);
    }
    net_cleanup();
}

static void send_batch(TestClient *from, size_t n, uint32_t len)
{
    g_autofree uint8_t *data = g_malloc0(len);
    NetFrame frames[NET_BATCH_MAX];

    for (size_t i = 0; i < n; i++) {
        frames[i] = (NetFrame) { data, len, 0 };
    }
    net_client_send(&from->nc, frames, n);
    g_assert_cmpuint(data[0], ==, 0);
}

/* All that came in since last asked carries @mark. */
static void expect(TestClient *at, uint8_t mark, size_t n)
{
    g_assert_cmpuint(at->marks->len, ==, n);
    for (size_t i = 0; i < n; i++) {
        g_assert_cmpint(at->marks->data[i], ==, mark);
    }
    g_byte_array_set_size(at->marks, 0);
}

/* The frame that its owner gave is never written to. */
static void test_changes_a_copy(void)
{
    setup(&changer_ops);
    send_batch(source, 5, 60);
    expect(peer, 'A', 5);
    send_batch(peer, 7, 60);
    expect(source, 'A', 7);
    g_assert_cmpuint(changer.n_calls, ==, 2);
    teardown();
}

/* More than the room for copies: part by part, in order, all of it. */
static void test_changes_in_parts(void)
{
    setup(&changer_ops);
    send_batch(source, NET_BATCH_MAX, 1514);
    expect(peer, 'A', NET_BATCH_MAX);
    g_assert_cmpuint(changer.n_calls, ==, 3);
    send_batch(source, 20, NET_FRAME_MAX);
    expect(peer, 'A', 20);
    teardown();
}

static void test_peer_that_takes_few(void)
{
    setup(&changer_ops);
    peer->room = 3;
    send_batch(source, 20, NET_FRAME_MAX);
    expect(peer, 'A', 3);
    g_assert_false(source->nc.polled);
    changer.mark = 'B';
    peer->room = SIZE_MAX;
    net_client_ready(&peer->nc);
    expect(peer, 'A', 17);
    teardown();
}

/* The peer sends into the same chain before it looks at the frames that it was given. */
static void test_nested_run_leaves_copies_alone(void)
{
    setup(&changer_ops);
    peer->answers = true;
    changer.mark = 'A';
    send_batch(source, 4, 2000);
    expect(peer, 'A', 5);
    g_assert_cmpuint(changer.n_calls, ==, 2);
    teardown();
}

/* Toward the guest they wait in front and become what is right at the resume. */
static void test_waits_for_vm(void)
{
    setup(&changer_ops);
    run_state_set(RUN_STATE_PAUSED);
    send_batch(source, 5, 60);
    send_batch(source, 5, 60);
    g_assert_cmpuint(changer.nf.stages[NET_DIRECTION_TX].held.n_frames, ==, 10);
    g_assert_cmpuint(changer.n_calls, ==, 0);
    changer.mark = 'B';
    run_state_set(RUN_STATE_RUNNING);
    expect(peer, 'B', 10);
    teardown();
}

/* From the guest nothing has to wait. */
static void test_waits_in_one_direction(void)
{
    setup(&changer_ops);
    run_state_set(RUN_STATE_PAUSED);
    send_batch(peer, 5, 60);
    g_assert_cmpuint(changer.n_calls, ==, 1);
    changer.mark = 'B';
    run_state_set(RUN_STATE_RUNNING);
    expect(source, 'A', 5);
    teardown();
}

static void test_reader_behind_gets_frames_of_stopped_vm(void)
{
    setup(&changer_ops);
    run_state_set(RUN_STATE_PAUSED);
    send_batch(source, 5, 60);
    g_assert_cmpuint(reader.nf.stages[NET_DIRECTION_TX].stats.in.frames, ==, 0);
    reader.asks = true;
    net_filter_update(&reader.nf);
    g_assert_cmpuint(reader.nf.stages[NET_DIRECTION_TX].stats.in.frames, ==, 5);
    send_batch(source, 5, 60);
    g_assert_cmpuint(reader.nf.stages[NET_DIRECTION_TX].stats.in.frames, ==, 10);
    run_state_set(RUN_STATE_RUNNING);
    expect(peer, 'A', 10);
    teardown();
}

/* What waits in front of it makes the source wait at the limit only, as at the peer. */
static void test_waiting_is_limited(void)
{
    setup(&changer_ops);
    run_state_set(RUN_STATE_PAUSED);
    send_batch(source, 10, 60);
    g_assert_false(source->nc.out->blocked);
    send_batch(source, 300, 60000);
    g_assert_true(source->nc.out->blocked);
    run_state_set(RUN_STATE_RUNNING);
    expect(peer, 'A', 310);
    g_assert_false(source->nc.out->blocked);
    teardown();
}

static void test_switched_off_lets_go_unchanged(void)
{
    setup(&changer_ops);
    run_state_set(RUN_STATE_PAUSED);
    send_batch(source, 5, 60);
    changer.props.status = (char *)"off";
    net_filter_update(&changer.nf);
    run_state_set(RUN_STATE_RUNNING);
    expect(peer, 0, 5);
    g_assert_cmpuint(changer.n_calls, ==, 0);
    teardown();
}

static void test_need_not_wait(void)
{
    setup(&plain_changer_ops);
    run_state_set(RUN_STATE_PAUSED);
    send_batch(source, 5, 60);
    changer.mark = 'B';
    run_state_set(RUN_STATE_RUNNING);
    expect(peer, 'A', 5);
    teardown();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net-chain-change/changes-a-copy", test_changes_a_copy);
    g_test_add_func("/net-chain-change/changes-in-parts", test_changes_in_parts);
    g_test_add_func("/net-chain-change/peer-that-takes-few", test_peer_that_takes_few);
    g_test_add_func("/net-chain-change/nested-run-leaves-copies-alone",
                    test_nested_run_leaves_copies_alone);
    g_test_add_func("/net-chain-change/waits-for-vm", test_waits_for_vm);
    g_test_add_func("/net-chain-change/waits-in-one-direction", test_waits_in_one_direction);
    g_test_add_func("/net-chain-change/reader-behind-gets-frames-of-stopped-vm",
                    test_reader_behind_gets_frames_of_stopped_vm);
    g_test_add_func("/net-chain-change/waiting-is-limited", test_waiting_is_limited);
    g_test_add_func("/net-chain-change/switched-off-lets-go-unchanged",
                    test_switched_off_lets_go_unchanged);
    g_test_add_func("/net-chain-change/need-not-wait", test_need_not_wait);
    return g_test_run();
}
