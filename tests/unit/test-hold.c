/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of the held queue: first in, first out, and the sums are right. */

#include <string.h>
#include <glib.h>

#include "net/hold.h"

static uint8_t payload[NET_FRAME_MAX];

/* Frame number @i: its length and content follow from the number. */
static NetFrame make_frame(uint32_t i)
{
    return (NetFrame) { payload + i % 251, 1 + i % 1600, i % 25 };
}

static void push_range(NetHold *hold, uint32_t first, uint32_t n)
{
    for (uint32_t i = first; i < first + n; i++) {
        NetFrame frame = make_frame(i);

        net_hold_push(hold, &frame, 1);
    }
}

static void assert_is_frame(const NetFrame *frame, uint32_t i)
{
    NetFrame want = make_frame(i);

    g_assert_cmpmem(frame->data, frame->len, want.data, want.len);
    g_assert_cmpuint(frame->vnet_hdr_len, ==, want.vnet_hdr_len);
}

/* Pop @n frames, @step at a time, and check that they count from @first. */
static void pop_range(NetHold *hold, uint32_t first, uint32_t n, size_t step)
{
    while (n > 0) {
        NetBatch batch;
        size_t take;

        net_hold_peek(hold, &batch);
        take = MIN(MIN(batch.n, step), n);
        g_assert_cmpuint(take, >, 0);
        for (size_t i = 0; i < take; i++) {
            assert_is_frame(&batch.frames[i], first + i);
        }
        net_hold_pop(hold, take);
        first += take;
        n -= take;
    }
}

static uint64_t bytes_of_range(uint32_t first, uint32_t n)
{
    uint64_t sum = 0;

    for (uint32_t i = first; i < first + n; i++) {
        sum += make_frame(i).len;
    }
    return sum;
}

static void assert_empty(const NetHold *hold)
{
    NetBatch batch;

    g_assert_cmpuint(hold->n_frames, ==, 0);
    g_assert_cmpuint(hold->n_bytes, ==, 0);
    g_assert_null(hold->first);
    g_assert_null(hold->last);
    net_hold_peek(hold, &batch);
    g_assert_cmpuint(batch.n, ==, 0);
}

static void test_zeroed_is_empty(void)
{
    NetHold hold = { 0 };

    assert_empty(&hold);
    net_hold_push(&hold, NULL, 0);
    assert_empty(&hold);
    net_hold_pop(&hold, 0);
    net_hold_clear(&hold);
    assert_empty(&hold);
}

static void test_fifo(gconstpointer data)
{
    size_t step = GPOINTER_TO_INT(data);
    NetHold hold = { 0 };

    push_range(&hold, 0, 1000);
    pop_range(&hold, 0, 1000, step);
    assert_empty(&hold);
}

static void test_counts(void)
{
    NetHold hold = { 0 };

    push_range(&hold, 0, 300);
    g_assert_cmpuint(hold.n_frames, ==, 300);
    g_assert_cmpuint(hold.n_bytes, ==, bytes_of_range(0, 300));
    net_hold_pop(&hold, 100);
    g_assert_cmpuint(hold.n_frames, ==, 200);
    g_assert_cmpuint(hold.n_bytes, ==, bytes_of_range(100, 200));
    net_hold_clear(&hold);
    assert_empty(&hold);
}

static void test_frames_are_copies(void)
{
    NetHold hold = { 0 };
    NetBatch batch;
    uint8_t data[4] = { 1, 2, 3, 4 };
    NetFrame frame = { data, sizeof(data), 0 };

    net_hold_push(&hold, &frame, 1);
    memset(data, 0xee, sizeof(data));
    net_hold_peek(&hold, &batch);
    g_assert_cmpuint(batch.n, ==, 1);
    g_assert_cmpuint(batch.frames[0].data[0], ==, 1);
    g_assert_cmpuint(batch.frames[0].data[3], ==, 4);
    net_hold_clear(&hold);
}

static void test_peek_is_limited_and_repeatable(void)
{
    NetHold hold = { 0 };
    NetBatch first;
    NetBatch again;

    push_range(&hold, 0, NET_BATCH_MAX + 100);
    net_hold_peek(&hold, &first);
    net_hold_peek(&hold, &again);
    g_assert_cmpuint(first.n, ==, NET_BATCH_MAX);
    g_assert_cmpmem(&first, sizeof(first), &again, sizeof(again));
    net_hold_clear(&hold);
}

static void test_batch_push(void)
{
    NetHold hold = { 0 };
    NetFrame frames[NET_BATCH_MAX];

    for (uint32_t i = 0; i < NET_BATCH_MAX; i++) {
        frames[i] = make_frame(i);
    }
    net_hold_push(&hold, frames, NET_BATCH_MAX);
    pop_range(&hold, 0, NET_BATCH_MAX, 64);
    assert_empty(&hold);
}

static void test_longest_frames(void)
{
    NetHold hold = { 0 };
    NetFrame frame = { payload, NET_FRAME_MAX, 12 };
    NetBatch batch;

    for (int i = 0; i < 3; i++) {
        push_range(&hold, 7, 1);
        net_hold_push(&hold, &frame, 1);
    }
    net_hold_peek(&hold, &batch);
    g_assert_cmpuint(batch.n, ==, 6);
    for (int i = 0; i < 6; i += 2) {
        assert_is_frame(&batch.frames[i], 7);
        g_assert_cmpmem(batch.frames[i + 1].data, batch.frames[i + 1].len, payload,
                        NET_FRAME_MAX);
    }
    net_hold_clear(&hold);
    assert_empty(&hold);
}

/* Lengths around what is left in a block. */
static void test_block_boundary(void)
{
    for (uint32_t len = 65536 - 64; len <= 65536 + 64; len++) {
        NetHold hold = { 0 };
        NetFrame frame = { payload, len, 0 };
        NetBatch batch;

        net_hold_push(&hold, &frame, 1);
        push_range(&hold, 3, 2);
        net_hold_peek(&hold, &batch);
        g_assert_cmpuint(batch.n, ==, 3);
        g_assert_cmpmem(batch.frames[0].data, batch.frames[0].len, payload, len);
        net_hold_pop(&hold, 1);
        pop_range(&hold, 3, 2, 1);
        assert_empty(&hold);
    }
}

static void test_interleaved(void)
{
    NetHold hold = { 0 };
    uint32_t in = 0;
    uint32_t out = 0;

    for (int round = 0; round < 300; round++) {
        uint32_t n = g_test_rand_int_range(0, 90);
        uint32_t m;

        push_range(&hold, in, n);
        in += n;
        m = g_test_rand_int_range(0, in - out + 1);
        pop_range(&hold, out, m, 17);
        out += m;
        g_assert_cmpuint(hold.n_frames, ==, in - out);
        g_assert_cmpuint(hold.n_bytes, ==, bytes_of_range(out, in - out));
    }
    net_hold_clear(&hold);
}

static void test_push_front(void)
{
    NetHold hold = { 0 };
    NetFrame frame = make_frame(0);

    net_hold_push_front(&hold, &frame);
    pop_range(&hold, 0, 1, 1);
    assert_empty(&hold);
    push_range(&hold, 1, 100);
    net_hold_push_front(&hold, &frame);
    g_assert_cmpuint(hold.n_frames, ==, 101);
    g_assert_cmpuint(hold.n_bytes, ==, bytes_of_range(0, 101));
    push_range(&hold, 101, 10);
    pop_range(&hold, 0, 111, 64);
    assert_empty(&hold);
}

static void check_append(uint32_t n_to, uint32_t n_from)
{
    NetHold to = { 0 };
    NetHold from = { 0 };

    push_range(&to, 0, n_to);
    push_range(&from, n_to, n_from);
    net_hold_append(&to, &from);
    assert_empty(&from);
    push_range(&to, n_to + n_from, 5);
    g_assert_cmpuint(to.n_frames, ==, n_to + n_from + 5);
    g_assert_cmpuint(to.n_bytes, ==, bytes_of_range(0, n_to + n_from + 5));
    pop_range(&to, 0, n_to + n_from + 5, 64);
    assert_empty(&to);
}

static void test_append(void)
{
    check_append(100, 200);
}

static void test_append_to_empty(void)
{
    check_append(0, 200);
}

static void test_append_empty(void)
{
    check_append(100, 0);
    check_append(0, 0);
}

/* Frames lie packed: a small frame does not cost a block. */
static void test_frames_are_packed(void)
{
    NetHold hold = { 0 };
    NetFrame frame = { payload, 60, 0 };
    NetBatch batch;

    for (int i = 0; i < 10; i++) {
        net_hold_push(&hold, &frame, 1);
    }
    net_hold_peek(&hold, &batch);
    for (int i = 1; i < 10; i++) {
        g_assert_true(batch.frames[i].data == batch.frames[i - 1].data + 60 + 8);
    }
    g_assert_true(hold.first == hold.last);
    net_hold_clear(&hold);
}

/* Of two frames that do not fit into a block together, each takes a block. */
static void test_cost_is_the_memory(void)
{
    NetHold hold = { 0 };
    NetHold other = { 0 };
    NetFrame frame = { payload, 33000, 0 };
    uint64_t one;

    net_hold_push(&hold, &frame, 1);
    one = net_hold_cost(&hold);
    g_assert_cmpuint(one, ==, 33000 + NET_HOLD_FRAME_OVERHEAD);
    for (int i = 1; i < 10; i++) {
        net_hold_push(&hold, &frame, 1);
        g_assert_cmpuint(net_hold_cost(&hold), ==, i * 64 * 1024 + one);
    }
    for (int i = 0; i < 10; i++) {
        net_hold_push_front(&other, &frame);
    }
    net_hold_append(&hold, &other);
    g_assert_cmpuint(net_hold_cost(&hold), ==, 19 * 64 * 1024 + one);
    net_hold_pop(&hold, 18);
    g_assert_cmpuint(net_hold_cost(&hold), ==, 64 * 1024 + one);
    net_hold_pop(&hold, 2);
    g_assert_cmpuint(net_hold_cost(&hold), ==, 0);
    assert_empty(&hold);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < sizeof(payload); i++) {
        payload[i] = i * 13 + i / 256;
    }
    g_test_add_func("/hold/zeroed-is-empty", test_zeroed_is_empty);
    g_test_add_data_func("/hold/fifo/one-by-one", GINT_TO_POINTER(1), test_fifo);
    g_test_add_data_func("/hold/fifo/by-seven", GINT_TO_POINTER(7), test_fifo);
    g_test_add_data_func("/hold/fifo/by-batch", GINT_TO_POINTER(64), test_fifo);
    g_test_add_func("/hold/counts", test_counts);
    g_test_add_func("/hold/frames-are-copies", test_frames_are_copies);
    g_test_add_func("/hold/peek-is-limited-and-repeatable", test_peek_is_limited_and_repeatable);
    g_test_add_func("/hold/batch-push", test_batch_push);
    g_test_add_func("/hold/longest-frames", test_longest_frames);
    g_test_add_func("/hold/block-boundary", test_block_boundary);
    g_test_add_func("/hold/interleaved", test_interleaved);
    g_test_add_func("/hold/cost-is-the-memory", test_cost_is_the_memory);
    g_test_add_func("/hold/push-front", test_push_front);
    g_test_add_func("/hold/append", test_append);
    g_test_add_func("/hold/append-to-empty", test_append_to_empty);
    g_test_add_func("/hold/append-empty", test_append_empty);
    g_test_add_func("/hold/frames-are-packed", test_frames_are_packed);
    return g_test_run();
}
