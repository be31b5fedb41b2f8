/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of the state of a vhost-user guest as bytes: what goes in comes out, and nothing else. */

#include <string.h>
#include <glib.h>

#include "export/vhost-state.h"

#define HOLD_SIZE 4096u

/* Frame number @i, of a length of its own. */
static NetFrame make_frame(uint8_t *buf, unsigned i)
{
    uint32_t len = 1 + i * 37 % 3000;

    memset(buf, (int)i, len);
    return (NetFrame) { .data = buf, .len = len, .vnet_hdr_len = i % 3 == 0 && len > 12 ? 12 : 0 };
}

static void hold_frames(NetHold *hold, unsigned n)
{
    uint8_t buf[3000];

    for (unsigned i = 0; i < n; i++) {
        NetFrame frame = make_frame(buf, i);

        net_hold_push(hold, &frame, 1);
    }
}

/* They are those of hold_frames(); forgets them. */
static void expect_frames(NetHold *hold, unsigned n)
{
    uint8_t buf[3000];

    g_assert_cmpuint(hold->n_frames, ==, n);
    for (unsigned i = 0; i < n; i++) {
        NetFrame frame = make_frame(buf, i);
        NetBatch batch;

        net_hold_peek(hold, &batch);
        g_assert_cmpmem(batch.frames[0].data, batch.frames[0].len, frame.data, frame.len);
        g_assert_cmpuint(batch.frames[0].vnet_hdr_len, ==, frame.vnet_hdr_len);
        net_hold_pop(hold, 1);
    }
    net_hold_clear(hold);
}

/* In pieces of at most @step bytes. */
static GByteArray *write_state(unsigned n_frames, size_t step)
{
    GByteArray *state = g_byte_array_new();
    VhostStateWriter writer = { 0 };
    NetHold hold = { 0 };
    const uint8_t *data;
    size_t len;

    hold_frames(&hold, n_frames);
    vhost_state_writer_begin(&writer, &hold);
    g_assert_cmpuint(hold.n_frames, ==, 0);
    while ((data = vhost_state_writer_data(&writer, &len))) {
        size_t n = MIN(len, step);

        g_byte_array_append(state, data, (guint)n);
        vhost_state_writer_advance(&writer, n);
    }
    vhost_state_writer_end(&writer, &hold);
    expect_frames(&hold, n_frames);
    return state;
}

/* Returns: whether it is a state; then @hold has its frames. */
static bool read_state(const uint8_t *data, size_t len, size_t step, NetHold *hold,
                       GError **error)
{
    VhostStateReader reader = { 0 };
    bool good = true;

    vhost_state_reader_begin(&reader, HOLD_SIZE);
    while (good && len > 0) {
        size_t n = MIN(len, step);

        good = vhost_state_reader_push(&reader, data, n, error);
        data += n;
        len -= n;
    }
    good = good && vhost_state_reader_check(&reader, hold, error);
    vhost_state_reader_end(&reader);
    return good;
}

static void check_round_trip(unsigned n_frames, size_t write_step, size_t read_step)
{
    g_autoptr(GByteArray) state = write_state(n_frames, write_step);
    g_autoptr(GError) error = NULL;
    NetHold hold = { 0 };

    g_assert_true(read_state(state->data, state->len, read_step, &hold, &error));
    g_assert_no_error(error);
    expect_frames(&hold, n_frames);
}

static void test_round_trip(void)
{
    static const unsigned counts[] = { 0, 1, 2, 511, 512, 513, 2000 };
    static const size_t steps[] = { 7, 4096, SIZE_MAX };

    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
        for (size_t j = 0; j < G_N_ELEMENTS(steps); j++) {
            check_round_trip(counts[i], steps[j], steps[G_N_ELEMENTS(steps) - 1 - j]);
        }
    }
    check_round_trip(20, 1, 1);
}

/* Wherever it is given up, all frames are still there. */
static void test_writer_ends_anywhere(void)
{
    for (size_t stop = 0; stop < 200000; stop += 9973) {
        VhostStateWriter writer = { 0 };
        NetHold hold = { 0 };
        size_t total = 0;
        size_t len;

        hold_frames(&hold, 700);
        vhost_state_writer_begin(&writer, &hold);
        while (total < stop && vhost_state_writer_data(&writer, &len)) {
            vhost_state_writer_advance(&writer, MIN(len, 1000));
            total += MIN(len, 1000);
        }
        vhost_state_writer_end(&writer, &hold);
        expect_frames(&hold, 700);
    }
}

static void expect_no_state(const uint8_t *data, size_t len)
{
    g_autoptr(GError) error = NULL;
    NetHold hold = { 0 };

    g_assert_false(read_state(data, len, SIZE_MAX, &hold, &error));
    g_assert_nonnull(error);
    g_assert_cmpuint(hold.n_frames, ==, 0);
}

/* Every bit counts. */
static void test_each_bit(void)
{
    g_autoptr(GByteArray) state = write_state(5, SIZE_MAX);

    for (size_t i = 0; i < state->len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            state->data[i] ^= (uint8_t)(1u << bit);
            expect_no_state(state->data, state->len);
            state->data[i] ^= (uint8_t)(1u << bit);
        }
    }
}

static void test_each_length(void)
{
    g_autoptr(GByteArray) state = write_state(5, SIZE_MAX);

    for (size_t len = 0; len < state->len; len++) {
        expect_no_state(state->data, len);
    }
    g_byte_array_append(state, (const uint8_t *)"", 1);
    expect_no_state(state->data, state->len);
}

static void check_header(uint64_t length, const char *message)
{
    uint8_t header[VHOST_STATE_HEADER_LEN] = VHOST_STATE_MAGIC;
    g_autoptr(GError) error = NULL;
    uint64_t length_be = GUINT64_TO_BE(length);
    NetHold hold = { 0 };

    header[11] = VHOST_STATE_VERSION;
    memcpy(header + 16, &length_be, sizeof(length_be));
    g_assert_false(read_state(header, sizeof(header), SIZE_MAX, &hold, &error));
    g_assert_true(g_str_has_prefix(error->message, message));
}

/* A length is believed as far as it is allowed, and no memory is taken for it. */
static void test_lengths_that_lie(void)
{
    check_header(HOLD_SIZE + VHOST_STATE_EXCESS, "it ends behind 32 bytes, in the middle");
    check_header(HOLD_SIZE + VHOST_STATE_EXCESS + 1, "its frames take ");
    check_header(UINT64_MAX, "its frames take 18446744073709551615 bytes");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vhost-state/round-trip", test_round_trip);
    g_test_add_func("/vhost-state/writer-ends-anywhere", test_writer_ends_anywhere);
    g_test_add_func("/vhost-state/each-bit", test_each_bit);
    g_test_add_func("/vhost-state/each-length", test_each_length);
    g_test_add_func("/vhost-state/lengths-that-lie", test_lengths_that_lie);
    return g_test_run();
}
