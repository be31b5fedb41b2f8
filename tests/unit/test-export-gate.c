/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of what an export remembers at a stop, and what it gives to the guest again. */

#include <string.h>
#include <sys/socket.h>

#include "net/run-state.h"
#include "export-fixture.h"

/* The test is QEMU: it reads as it likes, and says what its NIC has counted. */

/* Frames of this length or more may go by bursts, which hold no more than so much. */
#define LARGE 512
#define BURST_MAX 64
#define BURST_BYTES_MAX 65536

static void setup(ExportFixture *f, gconstpointer data)
{
    export_fixture_set_up(f, ",gate=on");
}

static void teardown(ExportFixture *f, gconstpointer data)
{
    export_fixture_tear_down(f);
}

static void send_frame_of(ExportFixture *f, uint32_t len)
{
    export_fixture_send(f, 1, len);
}

static void send_frame(ExportFixture *f)
{
    send_frame_of(f, FIXTURE_FRAME_LEN);
}

/* QEMU reads one frame, which must be number @seq. */
static void read_frame(ExportFixture *f, uint8_t seq)
{
    uint8_t data[4 + FIXTURE_FRAME_LEN];

    g_assert_cmpint(recv(f->guest, data, sizeof(data), MSG_DONTWAIT), ==, sizeof(data));
    g_assert_cmpint(data[4], ==, seq);
}

static void read_nothing(ExportFixture *f)
{
    char byte;

    g_assert_cmpint(recv(f->guest, &byte, 1, MSG_DONTWAIT), ==, -1);
}

/** What lies in the socket: one handover, as QEMU has read all before it. */
typedef struct Burst {
    uint8_t first; /* number of the first frame */
    size_t n;
    size_t n_short;
    size_t bytes;
} Burst;

/* QEMU reads all that there is, which must go on with frame number @seq. */
static Burst read_burst(ExportFixture *f, uint8_t seq)
{
    g_autofree uint8_t *data = g_malloc(2 * BURST_BYTES_MAX);
    ssize_t n_read = recv(f->guest, data, 2 * BURST_BYTES_MAX, MSG_DONTWAIT);
    Burst burst = { .first = seq };

    for (ssize_t pos = 0; pos < n_read; burst.n++) {
        uint32_t len_be;

        memcpy(&len_be, data + pos, sizeof(len_be));
        g_assert_cmpint(data[pos + 4], ==, (uint8_t)(seq + burst.n));
        burst.n_short += GUINT32_FROM_BE(len_be) < LARGE;
        burst.bytes += GUINT32_FROM_BE(len_be);
        pos += 4 + GUINT32_FROM_BE(len_be);
        g_assert_cmpint(pos, <=, n_read);
    }
    return burst;
}

/* QEMU reads one handover after the other. @last: (out) the newest three, the oldest first. */
static void read_bursts(ExportFixture *f, uint8_t seq, uint8_t end, Burst *last)
{
    while (seq != end) {
        Burst burst = read_burst(f, seq);

        g_assert_cmpuint(burst.n, >, 0);
        g_assert_cmpuint(burst.n, <=, burst.n_short > 0 ? 1 : BURST_MAX);
        g_assert_cmpuint(burst.bytes, <=, BURST_BYTES_MAX);
        memmove(last, last + 1, 2 * sizeof(*last));
        last[2] = burst;
        seq += burst.n;
        net_client_ready(&f->exp->nc);
    }
    read_nothing(f);
}

/* The VM stops for a migration. */
static void stop(void)
{
    run_state_set(RUN_STATE_FINISH_MIGRATE);
}

static void expect_in_flight(ExportFixture *f, uint8_t first, size_t n)
{
    NetBatch batch;

    net_export_in_flight(&f->exp->nc, &batch);
    g_assert_cmpuint(batch.n, ==, n);
    for (size_t i = 0; i < n; i++) {
        g_assert_cmpint(batch.frames[i].data[0], ==, (uint8_t)(first + i));
    }
}

/* --- Cases ------------------------------------------------------------------------------- */

static void test_one_at_a_time(ExportFixture *f, gconstpointer data)
{
    send_frame(f);
    send_frame(f);
    send_frame(f);
    read_frame(f, 0);
    read_nothing(f);
    net_client_ready(&f->exp->nc);
    read_frame(f, 1);
    read_nothing(f);
}

static void test_last_three_are_in_flight(ExportFixture *f, gconstpointer data)
{
    for (uint8_t i = 0; i < 5; i++) {
        send_frame(f);
        read_frame(f, i);
    }
    stop();
    expect_in_flight(f, 2, 3);
    run_state_set(RUN_STATE_RUNNING);
    read_nothing(f);
}

/* Whatever piles up: short frames go one by one, so that no more than three are in flight. */
static void test_short_ones_go_singly(ExportFixture *f, gconstpointer data)
{
    Burst last[3] = { 0 };

    for (unsigned i = 0; i < 200; i++) {
        send_frame_of(f, i % 2 ? LARGE - 1 : FIXTURE_FRAME_LEN);
    }
    read_bursts(f, 0, 200, last);
    stop();
    expect_in_flight(f, 197, 3);
}

/* How fast they grow depends on how quick the machine is; that they do must be seen. */
static void test_large_ones_go_by_bursts(ExportFixture *f, gconstpointer data)
{
    int64_t deadline = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
    Burst last[3] = { 0 };

    while (last[2].n < 2) {
        uint8_t first = f->n_sent;

        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        for (unsigned i = 0; i < 200; i++) {
            send_frame_of(f, LARGE);
        }
        read_bursts(f, first, f->n_sent, last);
    }
    stop();
    expect_in_flight(f, last[0].first, last[0].n + last[1].n + last[2].n);
}

/* A handover holds one short frame or some large ones, and the last three are in flight. */
static void test_mixture(ExportFixture *f, gconstpointer data)
{
    static const uint32_t lens[] = { 1514, LARGE, 1514, 9000, LARGE - 1, FIXTURE_FRAME_LEN,
                                     1514, 60000, 60000, 1514, 1514, 1514, 1514 };

    for (size_t n = 100; n < 100 + G_N_ELEMENTS(lens); n++) {
        uint8_t first = f->n_sent;
        Burst last[3] = { 0 };

        for (size_t i = 0; i < n; i++) {
            send_frame_of(f, lens[i % G_N_ELEMENTS(lens)]);
        }
        read_bursts(f, first, f->n_sent, last);
        stop();
        expect_in_flight(f, last[0].first, last[0].n + last[1].n + last[2].n);
        run_state_set(RUN_STATE_RUNNING);
    }
}

/* Large ones that were handed over in bulk stay in flight until three more handovers. */
static void test_short_ones_behind_large_ones(ExportFixture *f, gconstpointer data)
{
    Burst last[3] = { 0 };

    for (unsigned i = 0; i < 100; i++) {
        send_frame_of(f, 1514);
    }
    send_frame(f);
    send_frame_of(f, 1514);
    send_frame(f);
    read_bursts(f, 0, 103, last);
    stop();
    expect_in_flight(f, 100, 3);
}

static void test_taken_elsewhere(ExportFixture *f, gconstpointer data)
{
    send_frame(f);
    read_frame(f, 0);
    stop();
    net_export_in_flight_taken(&f->exp->nc);
    expect_in_flight(f, 0, 0);
    run_state_set(RUN_STATE_RUNNING);
    read_nothing(f);
}

static void test_unread_at_the_stop_does_not(ExportFixture *f, gconstpointer data)
{
    send_frame(f);
    stop();
    run_state_set(RUN_STATE_RUNNING);
    read_frame(f, 0);
    read_nothing(f);
}

/* --- Counted losses ---------------------------------------------------------------------- */

/* Frames 0 to 4 were handed over and read; the VM stops and is to run again. */
static void stop_behind_five(ExportFixture *f)
{
    for (uint8_t i = 0; i < 5; i++) {
        send_frame(f);
        read_frame(f, i);
    }
    stop();
    send_frame(f);
    net_export_hold_back("e0");
    run_state_set(RUN_STATE_RUNNING);
    read_nothing(f);
}

/* What comes then: frames from @first up to 4, if any, and the one that was held. */
static void expect_again(ExportFixture *f, uint8_t first)
{
    for (uint8_t i = first; i <= 5; i++) {
        read_frame(f, i);
        net_client_ready(&f->exp->nc);
    }
    read_nothing(f);
}

static void test_nothing_was_lost(ExportFixture *f, gconstpointer data)
{
    stop_behind_five(f);
    net_export_go_on("e0", &(NetExportLoss) { .n_frames = 0 });
    expect_again(f, 5);
}

static void test_the_last_was_lost(ExportFixture *f, gconstpointer data)
{
    stop_behind_five(f);
    net_export_go_on("e0", &(NetExportLoss) { .n_frames = 1 });
    expect_again(f, 4);
}

/* What QEMU had not read at its stop reaches the guest: so the one before was lost. */
static void test_the_last_read_was_lost(ExportFixture *f, gconstpointer data)
{
    send_frame(f);
    read_frame(f, 0);
    send_frame(f);
    stop();
    net_export_hold_back("e0");
    run_state_set(RUN_STATE_RUNNING);
    read_frame(f, 1);
    net_export_go_on("e0", &(NetExportLoss) { .n_frames = 1 });
    read_frame(f, 0);
    read_nothing(f);
}

/* QEMU read one more behind it, which waits there. */
static void test_the_last_but_one_was_lost(ExportFixture *f, gconstpointer data)
{
    stop_behind_five(f);
    net_export_go_on("e0", &(NetExportLoss) { .n_frames = 1, .is_place_known = true,
                                              .n_before = 3 });
    read_frame(f, 3);
    net_client_ready(&f->exp->nc);
    expect_again(f, 5);
}

static void test_two_were_lost(ExportFixture *f, gconstpointer data)
{
    stop_behind_five(f);
    net_export_go_on("e0", &(NetExportLoss) { .n_frames = 2, .is_place_known = true,
                                              .n_before = 3 });
    expect_again(f, 3);
}

/* More than one handover cannot be lost, nor what is not remembered, nor what never was. */
static void test_impossible_losses(ExportFixture *f, gconstpointer data)
{
    static const NetExportLoss losses[] = {
        { .n_frames = 2 },
        { .n_frames = UINT64_MAX },
        { .n_frames = 1, .is_place_known = true, .n_before = 0 },
        { .n_frames = 1, .is_place_known = true, .n_before = 5 },
        { .n_frames = UINT64_MAX, .is_place_known = true, .n_before = 4 },
        { .n_frames = 1, .is_place_known = true, .n_before = UINT64_MAX },
    };

    stop_behind_five(f);
    net_export_go_on("e0", &losses[(uintptr_t)data]);
    expect_again(f, 5);
}

static void test_not_known(ExportFixture *f, gconstpointer data)
{
    stop_behind_five(f);
    net_export_go_on("e0", NULL);
    expect_again(f, 5);
}

/* Held back while it runs: there was no stop to judge. */
static void test_held_back(ExportFixture *f, gconstpointer data)
{
    NetExportTally tally;

    send_frame(f);
    g_assert_true(net_export_tally("e0", &tally));
    g_assert_cmpuint(tally.n_frames, ==, 1);
    g_assert_false(tally.is_read);
    read_frame(f, 0);
    net_export_hold_back("e0");
    send_frame(f);
    read_nothing(f);
    g_assert_true(net_export_tally("e0", &tally));
    g_assert_cmpuint(tally.n_frames, ==, 1);
    g_assert_true(tally.is_read);
    net_export_go_on("e0", NULL);
    read_frame(f, 1);
    read_nothing(f);
    net_export_hold_back("none");
    net_export_go_on("none", NULL);
    g_assert_false(net_export_tally("none", &tally));
}

/* Where nothing is counted nothing comes again. */
static void test_not_counted(ExportFixture *f, gconstpointer data)
{
    send_frame(f);
    read_frame(f, 0);
    stop();
    run_state_set(RUN_STATE_RUNNING);
    read_nothing(f);
}

static void add(const char *path, void (*func)(ExportFixture *, gconstpointer))
{
    g_test_add(path, ExportFixture, NULL, setup, func, teardown);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    add("/export-gate/one-at-a-time", test_one_at_a_time);
    add("/export-gate/last-three-are-in-flight", test_last_three_are_in_flight);
    add("/export-gate/short-ones-go-singly", test_short_ones_go_singly);
    add("/export-gate/large-ones-go-by-bursts", test_large_ones_go_by_bursts);
    add("/export-gate/mixture", test_mixture);
    add("/export-gate/short-ones-behind-large-ones", test_short_ones_behind_large_ones);
    add("/export-gate/taken-elsewhere", test_taken_elsewhere);
    add("/export-gate/unread-at-the-stop-does-not", test_unread_at_the_stop_does_not);
    add("/export-gate/not-counted", test_not_counted);
    add("/export-gate/nothing-was-lost", test_nothing_was_lost);
    add("/export-gate/the-last-was-lost", test_the_last_was_lost);
    add("/export-gate/the-last-read-was-lost", test_the_last_read_was_lost);
    add("/export-gate/the-last-but-one-was-lost", test_the_last_but_one_was_lost);
    add("/export-gate/two-were-lost", test_two_were_lost);
    for (uintptr_t i = 0; i < 6; i++) {
        g_autofree char *path = g_strdup_printf("/export-gate/impossible-loss/%zu", (size_t)i);

        g_test_add(path, ExportFixture, (gconstpointer)i, setup, test_impossible_losses, teardown);
    }
    add("/export-gate/not-known", test_not_known);
    add("/export-gate/held-back", test_held_back);
    status = g_test_run();
    run_state_cleanup();
    return status;
}
