/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A netdev, its peer and two chardevs in the hands of a test, around real filters. */

#include "filter-fixture.h"

#include <signal.h>
#include <string.h>

#include "net/chain-internal.h"
#include "net/run-state.h"
#include "qapi/json.h"
#include "qapi/qapi-commands.h"

FixtureClient *fixture_netdev;
FixtureClient *fixture_peer;

/* --- The ends of the link ---------------------------------------------------------------- */

static size_t client_receive(NetClient *nc, const NetFrame *frames, size_t n)
{
    FixtureClient *client = (FixtureClient *)nc;
    size_t take = MIN(n, client->room);

    for (size_t i = 0; i < take; i++) {
        uint8_t want[FIXTURE_FRAME_LEN];
        uint32_t seq;

        if (client->take) {
            client->take(&frames[i]);
            continue;
        }
        memcpy(&seq, frames[i].data, sizeof(seq));
        fixture_frame(want, seq);
        g_assert_cmpmem(frames[i].data, frames[i].len, want, sizeof(want));
        g_array_append_val(client->got, seq);
        client->last_seq = seq;
    }
    client->room -= take;
    return take;
}

static void client_read_poll(NetClient *nc, bool enable)
{
    g_assert_cmpint(nc->polled, ==, enable);
}

static void client_in_flight(const NetClient *nc, NetBatch *batch)
{
    FixtureClient *client = (FixtureClient *)nc;

    g_assert_false(run_state_is_running());
    batch->n = client->n_in_flight;
    for (size_t i = 0; i < batch->n; i++) {
        fixture_frame(client->in_flight[i], client->last_seq + 1 + i - batch->n);
        batch->frames[i] = (NetFrame) { client->in_flight[i], FIXTURE_FRAME_LEN, 0 };
    }
}

static const NetClientInfo netdev_info = {
    .type = NET_CLIENT_DRIVER_SOCKET,
    .size = sizeof(FixtureClient),
    .receive = client_receive,
    .takes_vnet_hdr = true,
    .read_poll = client_read_poll,
    .is_netdev = true,
};

static const NetClientInfo peer_info = {
    .type = NET_CLIENT_DRIVER_NIC,
    .size = sizeof(FixtureClient),
    .receive = client_receive,
    .takes_vnet_hdr = true,
    .in_flight = client_in_flight,
};

static FixtureClient *client_new(const NetClientInfo *info, const char *id)
{
    FixtureClient *client = (FixtureClient *)net_client_new(info, id);

    client->room = SIZE_MAX;
    client->got = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    return client;
}

void fixture_send(FixtureClient *from, size_t n)
{
    while (n > 0) {
        uint8_t bytes[NET_BATCH_MAX][FIXTURE_FRAME_LEN];
        NetFrame frames[NET_BATCH_MAX];
        size_t part = MIN(n, NET_BATCH_MAX);

        for (size_t i = 0; i < part; i++) {
            fixture_frame(bytes[i], from->next_seq++);
            frames[i] = (NetFrame) { bytes[i], FIXTURE_FRAME_LEN, 0 };
        }
        net_client_send(&from->nc, frames, part);
        memset(bytes, 0xee, sizeof(bytes));
        n -= part;
    }
}

void fixture_expect(FixtureClient *to, uint32_t first, size_t n)
{
    g_assert_cmpuint(to->got->len, ==, n);
    for (size_t i = 0; i < n; i++) {
        g_assert_cmpuint(g_array_index(to->got, uint32_t, i), ==, first + i);
    }
    g_array_set_size(to->got, 0);
}

void fixture_wait_polled(void)
{
    int64_t deadline = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;

    while (!fixture_netdev->nc.polled) {
        g_main_context_iteration(NULL, TRUE);
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
    }
}

/* --- Filters ----------------------------------------------------------------------------- */

NetFilter *fixture_add(const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ObjectOptions) options = object_options_parse_keyval(text, &error);

    g_assert_no_error(error);
    object_add(options, &error);
    g_assert_no_error(error);
    return (NetFilter *)object_find(options->id);
}

void fixture_add_fails(const char *text, ErrorClass class, const char *message)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ObjectOptions) options = object_options_parse_keyval(text, &error);

    if (options) {
        g_assert_false(object_add(options, &error));
        g_assert_null(object_find(options->id));
    }
    g_assert_error(error, ERROR_DOMAIN, (int)class);
    g_assert_cmpstr(error->message, ==, message);
    for (size_t i = 0; i < G_N_ELEMENTS(fixture_chars); i++) {
        g_assert_null(fixture_chars[i].chr->fe);
    }
    g_assert_cmpuint(fixture_netdev->nc.filters->len, ==, 0);
}

static bool filter_set(const char *id, const char *property, const char *json, GError **error)
{
    g_autofree char *path = g_strdup_printf("/objects/%s", id);
    QomSetArgs args = { .path = path, .property = (char *)property };
    bool done;

    g_assert_true(json_parse_text(json, &args.value, NULL));
    done = qmp_qom_set(&args, error);
    json_object_put(args.value);
    return done;
}

void fixture_set(const char *id, const char *property, const char *json)
{
    g_autoptr(GError) error = NULL;

    filter_set(id, property, json, &error);
    g_assert_no_error(error);
}

void fixture_set_fails(const char *id, const char *property, const char *json,
                       const char *message)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(filter_set(id, property, json, &error));
    g_assert_cmpstr(error->message, ==, message);
}

void fixture_remove(const char *id)
{
    g_autoptr(GError) error = NULL;

    object_remove(id, &error);
    g_assert_no_error(error);
}

uint64_t fixture_drops(const NetFilter *nf, NetDropReason reason)
{
    return nf->stages[NET_DIRECTION_TX].stats.dropped.by_reason[reason].frames +
           nf->stages[NET_DIRECTION_RX].stats.dropped.by_reason[reason].frames;
}

uint64_t fixture_held(const NetFilter *nf)
{
    return nf->stages[NET_DIRECTION_TX].held.n_frames +
           nf->stages[NET_DIRECTION_RX].held.n_frames;
}

/* One number of what query-netfilters tells of @nf, found at @offset in NetFilterInfo. */
static uint64_t filter_number(const NetFilter *nf, size_t offset)
{
    g_autoptr(NetFilterInfoList) list = qmp_query_netfilters(NULL);

    for (size_t i = 0; i < list->len; i++) {
        if (strcmp(list->items[i].id, nf->obj.id) == 0) {
            return G_STRUCT_MEMBER(uint64_t, &list->items[i], offset);
        }
    }
    g_assert_not_reached();
}

uint64_t fixture_malformed(const NetFilter *nf)
{
    return filter_number(nf, offsetof(NetFilterInfo, malformed));
}

uint64_t fixture_empty(const NetFilter *nf)
{
    return filter_number(nf, offsetof(NetFilterInfo, empty));
}

/* --- Every test -------------------------------------------------------------------------- */

void fixture_stop(void)
{
    run_state_set(RUN_STATE_PAUSED);
}

void fixture_start(void)
{
    run_state_set(RUN_STATE_RUNNING);
}

static void assert_conserved(const NetChain *chain)
{
    const NetChainStats *stats = &chain->stats;

    g_assert_cmpuint(stats->in.frames + stats->injected.frames, ==,
                     stats->delivered.frames + stats->consumed.frames +
                     net_drops_total(&stats->dropped).frames + chain->held.frames);
    for (size_t i = 0; i < chain->n_stages; i++) {
        const NetStage *stage = chain->stages[i];

        g_assert_cmpuint(stage->stats.in.frames, ==,
                         stage->stats.passed.frames + stage->stats.consumed.frames +
                         net_drops_total(&stage->stats.dropped).frames +
                         stage->held.n_frames);
    }
}

void fixture_setup(void)
{
    signal(SIGPIPE, SIG_IGN);
    net_init();
    fixture_start();
    fixture_netdev = client_new(&netdev_info, "n0");
    fixture_peer = client_new(&peer_info, "p0");
    net_client_connect(&fixture_netdev->nc, &fixture_peer->nc);
    fixture_chars_setup();
}

void fixture_teardown(void)
{
    GArray *got[] = { fixture_netdev->got, fixture_peer->got };

    assert_conserved(fixture_netdev->nc.out);
    assert_conserved(fixture_peer->nc.out);
    object_delete_all();
    assert_conserved(fixture_netdev->nc.out);
    assert_conserved(fixture_peer->nc.out);
    fixture_chars_teardown();
    if (run_state_is_running()) {
        fixture_stop();
    }
    net_cleanup();
    g_array_unref(got[0]);
    g_array_unref(got[1]);
}

static void fixture_run_one(gconstpointer data)
{
    void (*func)(void) = (void (*)(void))data;

    fixture_setup();
    func();
    fixture_teardown();
}

void fixture_test(const char *path, void (*func)(void))
{
    g_test_add_data_func(path, (gconstpointer)func, fixture_run_one);
}

/** A test with one of several cases. */
typedef struct FixtureCase {
    void (*func)(gconstpointer data);
    gconstpointer data;
} FixtureCase;

static void fixture_run_case(gconstpointer data)
{
    const FixtureCase *test = data;

    fixture_setup();
    test->func(test->data);
    fixture_teardown();
}

void fixture_test_data(const char *path, void (*func)(gconstpointer data), gconstpointer data)
{
    /* To the end of the process: a subprocess runs one of them only. */
    static GPtrArray *cases;
    FixtureCase *test = g_new0(FixtureCase, 1);

    test->func = func;
    test->data = data;
    cases = cases ? cases : g_ptr_array_new();
    g_ptr_array_add(cases, test);
    g_test_add_data_func(path, test, fixture_run_case);
}
