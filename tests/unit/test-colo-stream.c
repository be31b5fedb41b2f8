/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests colo-compare with one TCP stream that two guests send each in its own way, at random. */

/*
 *   primary:   [  1  ][ 2 ][  3, again from the middle of 2 ][ bare ]...  ──┐
 *                                                                            ├──► released
 *   secondary: [1][  2     ][ 3 ][ bare ][ again 2 ]...  ───────────────────┘
 *
 * Nothing that both have sent may be a difference; nothing that only one has sent may go out.
 */

#include <string.h>

#include "colo-fixture.h"

#define LEN 3000u
#define ROUNDS 300

typedef struct Stream {
    ColoQueues queues;
    uint32_t max_queue;
    uint32_t isn;
    uint32_t sent[COLO_SIDE__MAX]; /* bytes that a side has sent for the first time */
    uint32_t differs_at;           /* byte of the secondary that is not the primary's; LEN = none */
    uint8_t released[LEN];         /* whether a byte has gone out */
    unsigned n_released;
    unsigned n_requests;
} Stream;

static char stream_byte(const Stream *stream, ColoSide side, uint32_t i)
{
    return side == COLO_SIDE_SECONDARY && i == stream->differs_at ? '!' : (char)('a' + i % 23);
}

static void stream_release(ColoPacket *packet, void *opaque)
{
    Stream *stream = opaque;

    for (uint32_t i = packet->payload; i < packet->end; i++) {
        uint32_t at = packet->seq - stream->isn + (i - packet->payload);

        g_assert_cmpuint(at, <, LEN);
        g_assert_cmpint(packet->data[i], ==, stream_byte(stream, COLO_SIDE_PRIMARY, at));
        stream->released[at] = 1;
    }
    stream->n_released++;
    colo_pool_give(&stream->queues.pool, packet);
}

static void stream_request(ColoCheckpointReason reason, void *opaque)
{
    Stream *stream = opaque;

    stream->n_requests++;
}

static const ColoQueuesOps stream_ops = { .release = stream_release,
                                          .request = stream_request };

static void stream_init(Stream *stream)
{
    *stream = (Stream) { .max_queue = UINT32_MAX, .differs_at = LEN };
    stream->isn = (uint32_t)g_test_rand_int();
    if (g_test_rand_bit()) {
        stream->isn = 0u - (uint32_t)g_test_rand_int_range(0, (int32_t)LEN);
    }
    colo_queues_init(&stream->queues, &stream_ops, stream, "stream", &stream->max_queue,
                     UINT64_MAX);
}

/* Bytes @from to @to of the stream, or a bare segment. */
static void stream_send(Stream *stream, ColoSide side, uint32_t from, uint32_t to)
{
    char text[LEN + 1] = { 0 };
    PacketSpec spec = { .flags = ACK, .seq = stream->isn + from, .ack = 7, .payload = text };
    ColoFrame frame;

    for (uint32_t i = from; i < to; i++) {
        text[i - from] = stream_byte(stream, side, i);
    }
    spec.pad_to = g_test_rand_bit() ? 60 : 0;
    colo_frame_build(&frame, &spec);
    colo_queues_add(&stream->queues, side, &frame.frame, 0);
    stream->sent[side] = MAX(stream->sent[side], to);
}

/* The next bytes; or a part that was sent before, perhaps with some of the next; or none. */
static void stream_step(Stream *stream, ColoSide side)
{
    uint32_t sent = stream->sent[side];
    uint32_t from = sent;
    int what = g_test_rand_int_range(0, 10);
    uint32_t len = (uint32_t)g_test_rand_int_range(1, what < 5 ? 40 : 700);

    if (what == 0 && sent > 0) {
        from = (uint32_t)g_test_rand_int_range(0, (int32_t)sent);
    }
    stream_send(stream, side, from, what == 1 ? from : MIN(LEN, from + len));
}

/* Both go on until all has been sent, one of them faster. */
static void stream_run(Stream *stream, double checkpoint_odds)
{
    double bias = g_test_rand_double_range(0.1, 0.9);

    while (stream->sent[COLO_SIDE_PRIMARY] < LEN || stream->sent[COLO_SIDE_SECONDARY] < LEN) {
        bool is_primary = g_test_rand_double() < bias;

        stream_step(stream, is_primary ? COLO_SIDE_PRIMARY : COLO_SIDE_SECONDARY);
        if (g_test_rand_double() < checkpoint_odds) {
            colo_queues_checkpoint(&stream->queues);
            stream->sent[COLO_SIDE_SECONDARY] = stream->sent[COLO_SIDE_PRIMARY];
        }
    }
}

static void stream_clear(Stream *stream)
{
    const ColoSideStats *primary = &stream->queues.side[COLO_SIDE_PRIMARY];

    g_assert_cmpuint(primary->in.frames, ==, primary->done.frames + primary->queued.frames);
    g_assert_cmpuint(primary->done.frames, ==, stream->n_released);
    colo_queues_empty(&stream->queues);
    g_assert_cmpuint(primary->in.frames, ==, stream->n_released);
    colo_queues_clear(&stream->queues);
}

/* Whatever the segments: all goes out, and nobody asks for a checkpoint. */
static void check_equal(double checkpoint_odds)
{
    for (int round = 0; round < ROUNDS; round++) {
        Stream stream;

        stream_init(&stream);
        stream_run(&stream, checkpoint_odds);
        while (stream.queues.side[COLO_SIDE_PRIMARY].queued.frames > 0) {
            stream_send(&stream, COLO_SIDE_SECONDARY, LEN, LEN);
        }
        g_assert_cmpuint(stream.n_requests, ==, 0);
        g_assert_null(memchr(stream.released, 0, LEN));
        stream_clear(&stream);
    }
}

static void test_equal(void)
{
    check_equal(0);
}

static void test_equal_with_checkpoints(void)
{
    check_equal(0.05);
}

/* Up to the first byte that differs all may go out; it and all behind it may not. */
static void test_different(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        Stream stream;
        uint32_t at = (uint32_t)g_test_rand_int_range(0, (int32_t)LEN);

        stream_init(&stream);
        stream.differs_at = at;
        stream_run(&stream, 0);
        stream_send(&stream, COLO_SIDE_SECONDARY, LEN, LEN);
        g_assert_cmpuint(stream.n_requests, >, 0);
        g_assert_null(memchr(stream.released + at, 1, LEN - at));
        stream_clear(&stream);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/colo-stream/equal", test_equal);
    g_test_add_func("/colo-stream/equal-with-checkpoints", test_equal_with_checkpoints);
    g_test_add_func("/colo-stream/different", test_different);
    return g_test_run();
}
