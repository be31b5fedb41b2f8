/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes colo-compare's queues: whatever both guests send, every packet is accounted for. */

#include "fuzz.h"

#include "net/colo/compare-queue.h"

/*
 * The input is a row of records. First byte: what to do (lower 3 bits), and the length of the
 * virtio-net header (the others). With a packet two bytes follow, its length, and the packet.
 */
typedef enum Action {
    ACTION_PRIMARY,
    ACTION_SECONDARY,
    ACTION_SCAN,
    ACTION_CHECKPOINT,
    ACTION_ALONE,
} Action;

typedef struct Fuzz {
    ColoQueues queues;
    uint64_t n_released;
    uint64_t n_requests;
    int64_t now_ns;
} Fuzz;

static void fuzz_release(ColoPacket *packet, void *opaque)
{
    Fuzz *fuzz = opaque;

    fuzz->n_released++;
    colo_pool_give(&fuzz->queues.pool, packet);
}

static void fuzz_request(ColoCheckpointReason reason, void *opaque)
{
    ((Fuzz *)opaque)->n_requests++;
}

static const ColoQueuesOps fuzz_ops = { .release = fuzz_release, .request = fuzz_request };

static void fuzz_check(const Fuzz *fuzz)
{
    const ColoQueues *queues = &fuzz->queues;

    for (int side = 0; side < COLO_SIDE__MAX; side++) {
        const ColoSideStats *stats = &queues->side[side];
        uint64_t out = stats->done.frames + stats->queued.frames;

        for (int reason = 0; reason < COLO_DROP_REASON__MAX; reason++) {
            out += stats->dropped[reason].frames;
        }
        g_assert_cmpuint(stats->in.frames, ==, out);
        g_assert_true((stats->cost == 0) == (stats->queued.frames == 0));
    }
    g_assert_cmpuint(queues->side[COLO_SIDE_PRIMARY].done.frames, ==, fuzz->n_released);
    g_assert_cmpuint(queues->n_mismatches + queues->n_timeouts, ==, fuzz->n_requests);
}

static void fuzz_packet(Fuzz *fuzz, ColoSide side, uint32_t vnet_hdr_len, const uint8_t **data,
                        size_t *len)
{
    size_t want = (size_t)fuzz_take_byte(data, len) << 8;
    g_autofree uint8_t *exact = NULL;

    want |= fuzz_take_byte(data, len);
    want = MIN(want, *len);
    if (want > 0) {
        NetFrame frame = { .len = (uint32_t)want,
                           .vnet_hdr_len = MIN(vnet_hdr_len, (uint32_t)want) };

        exact = g_memdup2(*data, want);
        frame.data = exact;
        colo_queues_add(&fuzz->queues, side, &frame, fuzz->now_ns);
        *data += want;
        *len -= want;
    }
}

static void fuzz_step(Fuzz *fuzz, const uint8_t **data, size_t *len)
{
    uint8_t byte = fuzz_take_byte(data, len);

    fuzz->now_ns += 1000000;
    switch ((Action)(byte & 7)) {
    case ACTION_PRIMARY:
        fuzz_packet(fuzz, COLO_SIDE_PRIMARY, byte >> 3, data, len);
        break;
    case ACTION_SECONDARY:
        fuzz_packet(fuzz, COLO_SIDE_SECONDARY, byte >> 3, data, len);
        break;
    case ACTION_SCAN:
        colo_queues_scan(&fuzz->queues, byte >> 3, fuzz->now_ns);
        break;
    case ACTION_CHECKPOINT:
        colo_queues_checkpoint(&fuzz->queues);
        break;
    case ACTION_ALONE:
        colo_queues_go_alone(&fuzz->queues);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint32_t max_queue = 4;
    Fuzz fuzz = { 0 };

    colo_queues_init(&fuzz.queues, &fuzz_ops, &fuzz, "fuzz", &max_queue, 10000);
    while (len > 0) {
        fuzz_step(&fuzz, &data, &len);
        fuzz_check(&fuzz);
    }
    colo_queues_empty(&fuzz.queues);
    fuzz_check(&fuzz);
    g_assert_cmpuint(fuzz.queues.side[COLO_SIDE_PRIMARY].queued.frames, ==, 0);
    colo_queues_clear(&fuzz.queues);
    return 0;
}
