/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Filters switched at random: each frame comes out once and in order, or is counted. */

#include "filter-fixture.h"

#include <string.h>

#include "net/chain-internal.h"
#include "net/framer.h"
#include "net/run-state.h"
#include "util/clock.h"

#define OUT (&fixture_chars[0])
#define N_STORMS 20
#define N_STEPS 2000

/** What has been seen so far. */
typedef struct Storm {
    NetFramer framer;   /* of the present connection of outdev */
    int64_t last_out;   /* number of the newest frame there, -1 = none */
    int64_t last_peer;
    uint64_t n_out;
    uint64_t n_peer;
    GArray *seen;       /* a bool for each frame: whether it came out */
} Storm;

static Storm storm;
static GRand *dice; /* owned; the same throws in each run of the program */

static void storm_see(uint32_t seq, int64_t *last, uint64_t *n)
{
    g_assert_cmpint(seq, >, *last);
    *last = seq;
    (*n)++;
    g_assert_cmpuint(seq, <, fixture_netdev->next_seq);
    g_array_set_size(storm.seen, MAX(storm.seen->len, seq + 1));
    g_assert_false(g_array_index(storm.seen, bool, seq));
    g_array_index(storm.seen, bool, seq) = true;
}

/* What outdev got: whole frames but for one cut by the end of the connection. */
static void storm_look_at_out(void)
{
    size_t pos = 0;

    while (pos < OUT->written->len) {
        NetBatch batch;
        ssize_t used = net_framer_push(&storm.framer, OUT->written->data + pos,
                                       OUT->written->len - pos, &batch, NULL);

        g_assert_cmpint(used, >, 0);
        for (size_t i = 0; i < batch.n; i++) {
            uint8_t want[FIXTURE_FRAME_LEN];
            uint32_t seq;

            memcpy(&seq, batch.frames[i].data, sizeof(seq));
            fixture_frame(want, seq);
            g_assert_cmpmem(batch.frames[i].data, batch.frames[i].len, want, sizeof(want));
            storm_see(seq, &storm.last_out, &storm.n_out);
        }
        pos += used;
    }
    g_byte_array_set_size(OUT->written, 0);
}

static void storm_look(void)
{
    GArray *got = fixture_peer->got;

    storm_look_at_out();
    for (guint i = 0; i < got->len; i++) {
        storm_see(g_array_index(got, uint32_t, i), &storm.last_peer, &storm.n_peer);
    }
    g_array_set_size(got, 0);
    if (!run_state_is_running()) {
        g_assert_cmpuint(got->len, ==, 0);
    }
}

/* --- Steps ------------------------------------------------------------------------------- */

static NetFilter *storm_redirector(void)
{
    return (NetFilter *)object_find("r0");
}

static void step_send(void)
{
    fixture_send(fixture_netdev, g_rand_int_range(dice, 1, 200));
}

static void step_out_room(void)
{
    OUT->room = g_rand_int_range(dice, 0, 4) == 0 ? SIZE_MAX
                                                 : (size_t)g_rand_int_range(dice, 0, 3000);
    char_write_ready(OUT->chr);
}

static void step_out_open(void)
{
    bool open = !OUT->chr->is_open;

    if (!open) {
        storm_look();
        net_framer_reset(&storm.framer);
    }
    fixture_open(OUT, open);
}

static void step_peer_room(void)
{
    fixture_peer->room = g_rand_boolean(dice) ? SIZE_MAX : (size_t)g_rand_int_range(dice, 0, 100);
    net_client_ready(&fixture_peer->nc);
}

static void step_run_state(void)
{
    if (run_state_is_running()) {
        fixture_stop();
    } else {
        fixture_start();
    }
}

static void step_status(void)
{
    if (storm_redirector()) {
        fixture_set("r0", "status", g_rand_boolean(dice) ? "\"on\"" : "\"off\"");
    }
}

static void step_policy(void)
{
    static const char *const policies[] = { "\"drop\"", "\"hold\"", "\"pass\"" };

    if (storm_redirector()) {
        fixture_set("r0", "on-disconnect", policies[g_rand_int_range(dice, 0, 3)]);
    }
}

static void step_asks(void)
{
    if (storm_redirector()) {
        fixture_set("r0", "enable_when_stopped", g_rand_boolean(dice) ? "true" : "false");
    }
}

static void step_redirector(void)
{
    unsigned n_disconnects = OUT->n_disconnects;

    if (!storm_redirector()) {
        fixture_add("filter-redirector,id=r0,netdev=n0,queue=tx,outdev=c0");
        return;
    }
    fixture_remove("r0");
    if (OUT->n_disconnects > n_disconnects) {
        step_out_open();
    }
}

static void step_buffer(void)
{
    if (object_find("b0")) {
        fixture_remove("b0");
    } else {
        fixture_add(g_rand_boolean(dice) ? "filter-buffer,id=b0,netdev=n0,interval=1000"
                                      : "filter-buffer,id=b0,netdev=n0,interval=1000,"
                                        "position=head");
    }
}

static void step_clock(void)
{
    clock_virtual_advance(clock_now_ns(CLOCK_TYPE_VIRTUAL) + 400000);
}

/** A step and how often it is taken, compared with others. */
typedef struct StormStep {
    void (*func)(void);
    int weight;
} StormStep;

static const StormStep steps[] = {
    { step_send, 30 },    { step_out_room, 20 }, { step_out_open, 6 }, { step_peer_room, 10 },
    { step_run_state, 6 }, { step_status, 4 },   { step_policy, 4 },   { step_asks, 2 },
    { step_redirector, 2 }, { step_buffer, 2 },  { step_clock, 8 },
};

static void storm_step(void)
{
    int sum = 0;
    int pick;

    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
        sum += steps[i].weight;
    }
    pick = g_rand_int_range(dice, 0, sum);
    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
        pick -= steps[i].weight;
        if (pick < 0) {
            steps[i].func();
            return;
        }
    }
}

/* Everything may flow: what is held comes out now. */
static void storm_calm(void)
{
    if (object_find("b0")) {
        fixture_remove("b0");
    }
    if (storm_redirector()) {
        step_redirector();
    }
    if (!run_state_is_running()) {
        fixture_start();
    }
    fixture_peer->room = SIZE_MAX;
    net_client_ready(&fixture_peer->nc);
    storm_look();
}

static void test_storm(void)
{
    static uint32_t seed;
    uint64_t n_dropped;

    dice = g_rand_new_with_seed(seed++);
    storm = (Storm) {
        .last_out = -1,
        .last_peer = -1,
        .seen = g_array_new(FALSE, TRUE, sizeof(bool)),
    };
    net_framer_init(&storm.framer, false);
    for (int i = 0; i < N_STEPS; i++) {
        storm_step();
        storm_look();
    }
    storm_calm();
    n_dropped = net_drops_total(&fixture_netdev->nc.out->stats.dropped).frames;
    g_assert_cmpuint(storm.n_out + storm.n_peer + n_dropped, ==, fixture_netdev->next_seq);
    g_test_message("%" PRIu64 " out, %" PRIu64 " to the peer, %" PRIu64 " dropped", storm.n_out,
                   storm.n_peer, n_dropped);
    net_framer_clear(&storm.framer);
    g_array_unref(storm.seen);
    g_rand_free(dice);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    clock_virtual_set_stepped();
    for (int i = 0; i < N_STORMS; i++) {
        g_autofree char *path = g_strdup_printf("/filter-storm/%d", i);

        fixture_test(path, test_storm);
    }
    return g_test_run();
}
