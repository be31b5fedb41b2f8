/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of the frame writer: whatever the stream takes at a time, no frame is torn. */

/*
 *   frames ──► NetFrameWriter ──► Sink (takes a given number of bytes, or fails)
 */

#include <errno.h>
#include <string.h>
#include <glib.h>

#include "net/frame-writer.h"
#include "net/hold.h"

/** Where the writer writes. */
typedef struct Sink {
    GByteArray *bytes; /* owned */
    size_t room;       /* bytes it still takes */
    size_t max_call;   /* bytes it takes at most in one call; 0 = any */
    int error;         /* fails with this instead */
    int n_calls;
    int last_n_iov;
} Sink;

static ssize_t sink_writev(const struct iovec *iov, int n_iov, void *opaque)
{
    Sink *sink = opaque;
    size_t left = sink->max_call > 0 ? MIN(sink->room, sink->max_call) : sink->room;
    size_t done = 0;

    sink->n_calls++;
    sink->last_n_iov = n_iov;
    if (sink->error != 0) {
        return -sink->error;
    }
    for (int i = 0; i < n_iov && left > 0; i++) {
        size_t len = MIN(iov[i].iov_len, left);

        g_byte_array_append(sink->bytes, iov[i].iov_base, len);
        left -= len;
        done += len;
    }
    sink->room -= done;
    return done;
}

typedef struct Fixture {
    Sink sink;
    NetFrameWriter writer;
} Fixture;

static void fixture_init(Fixture *f, bool vnet_hdr, size_t room)
{
    f->sink = (Sink) { .bytes = g_byte_array_new(), .room = room };
    net_frame_writer_init(&f->writer, vnet_hdr, sink_writev, &f->sink);
}

static void fixture_clear(Fixture *f)
{
    net_frame_writer_clear(&f->writer);
    g_byte_array_unref(f->sink.bytes);
}

#define PAYLOAD_SIZE 65536

static uint8_t payload[PAYLOAD_SIZE];

/* Frames at distances that never look like a stream. */
static void make_frames(NetFrame *frames, size_t n, uint32_t first_len)
{
    uint32_t pos = 0;

    for (size_t i = 0; i < n; i++) {
        frames[i] = (NetFrame) { payload + pos, first_len + i % 7, i % 3 };
        pos += frames[i].len + 9;
        g_assert_cmpuint(pos, <=, PAYLOAD_SIZE);
    }
}

static void append_expected(GByteArray *to, const NetFrame *frames, size_t n, bool vnet_hdr)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t words[2] = { GUINT32_TO_BE(frames[i].len),
                              GUINT32_TO_BE(frames[i].vnet_hdr_len) };

        g_byte_array_append(to, (const uint8_t *)words, vnet_hdr ? 8 : 4);
        g_byte_array_append(to, frames[i].data, frames[i].len);
    }
}

static void assert_written(const Fixture *f, const NetFrame *frames, size_t n)
{
    g_autoptr(GByteArray) want = g_byte_array_new();

    append_expected(want, frames, n, f->writer.vnet_hdr);
    g_assert_cmpmem(f->sink.bytes->data, f->sink.bytes->len, want->data, want->len);
}

/* --- Writing ----------------------------------------------------------------------------- */

static void test_batch_is_one_write(gconstpointer data)
{
    NetFrame frames[NET_BATCH_MAX];
    Fixture f;
    int error = -1;

    make_frames(frames, NET_BATCH_MAX, 60);
    fixture_init(&f, GPOINTER_TO_INT(data), SIZE_MAX);
    g_assert_cmpuint(net_frame_writer_write(&f.writer, frames, NET_BATCH_MAX, &error), ==,
                     NET_BATCH_MAX);
    g_assert_cmpint(error, ==, 0);
    g_assert_cmpint(f.sink.n_calls, ==, 1);
    assert_written(&f, frames, NET_BATCH_MAX);
    g_assert_true(net_frame_writer_is_idle(&f.writer));
    fixture_clear(&f);
}

static void test_more_than_a_batch(void)
{
    NetFrame frames[NET_BATCH_MAX + 36];
    Fixture f;
    int error;

    make_frames(frames, G_N_ELEMENTS(frames), 10);
    fixture_init(&f, false, SIZE_MAX);
    g_assert_cmpuint(net_frame_writer_write(&f.writer, frames, G_N_ELEMENTS(frames), &error), ==,
                     G_N_ELEMENTS(frames));
    g_assert_cmpint(f.sink.n_calls, ==, 2);
    assert_written(&f, frames, G_N_ELEMENTS(frames));
    fixture_clear(&f);
}

static void test_nothing_to_write(void)
{
    Fixture f;
    int error;

    fixture_init(&f, false, SIZE_MAX);
    g_assert_cmpuint(net_frame_writer_write(&f.writer, NULL, 0, &error), ==, 0);
    g_assert_cmpint(error, ==, 0);
    g_assert_cmpint(f.sink.n_calls, ==, 0);
    g_assert_cmpint(net_frame_writer_flush(&f.writer), ==, 1);
    fixture_clear(&f);
}

/* Five frames, of which @room bytes go at once; the rest follows after the wait. */
static void check_partial(size_t room, bool vnet_hdr)
{
    NetFrame frames[5];
    Fixture f;
    int error;
    size_t done;

    make_frames(frames, 5, 20);
    fixture_init(&f, vnet_hdr, room);
    done = net_frame_writer_write(&f.writer, frames, 5, &error);
    g_assert_cmpint(error, ==, 0);
    g_assert_cmpuint(f.sink.bytes->len, ==, room);
    g_assert_cmpint(f.sink.n_calls, ==, 1);
    if (!net_frame_writer_is_idle(&f.writer)) {
        g_assert_cmpuint(net_frame_writer_write(&f.writer, frames + done, 5 - done, &error), ==,
                         0);
        g_assert_cmpint(net_frame_writer_flush(&f.writer), ==, 0);
    }
    f.sink.room = SIZE_MAX;
    g_assert_cmpint(net_frame_writer_flush(&f.writer), ==, 1);
    g_assert_cmpuint(net_frame_writer_write(&f.writer, frames + done, 5 - done, &error), ==,
                     5 - done);
    assert_written(&f, frames, 5);
    fixture_clear(&f);
}

static size_t total_size(bool vnet_hdr)
{
    NetFrame frames[5];

    make_frames(frames, 5, 20);
    return net_frames_bytes(frames, 5) + 5 * (vnet_hdr ? 8 : 4);
}

static void test_partial_at_every_byte(gconstpointer data)
{
    bool vnet_hdr = GPOINTER_TO_INT(data);

    for (size_t room = 0; room < total_size(vnet_hdr); room++) {
        check_partial(room, vnet_hdr);
    }
}

/* The rest of a frame leaves in pieces of @piece bytes. */
static void test_rest_in_pieces(gconstpointer data)
{
    size_t piece = GPOINTER_TO_INT(data);
    NetFrame frames[2];
    Fixture f;
    int error;
    int state = 0;

    make_frames(frames, 2, 50);
    fixture_init(&f, true, SIZE_MAX);
    f.sink.max_call = piece;
    for (size_t i = 0; i < 2; i++) {
        g_assert_cmpuint(net_frame_writer_write(&f.writer, frames + i, 1, &error), ==, 1);
        for (state = net_frame_writer_flush(&f.writer); state == 0;) {
            state = net_frame_writer_flush(&f.writer);
        }
        g_assert_cmpint(state, ==, 1);
    }
    assert_written(&f, frames, 2);
    fixture_clear(&f);
}

static void test_would_block_takes_nothing(void)
{
    NetFrame frames[3];
    Fixture f;
    int error = -1;

    make_frames(frames, 3, 30);
    fixture_init(&f, false, 0);
    g_assert_cmpuint(net_frame_writer_write(&f.writer, frames, 3, &error), ==, 0);
    g_assert_cmpint(error, ==, 0);
    g_assert_true(net_frame_writer_is_idle(&f.writer));
    fixture_clear(&f);
}

static void test_stop_between_frames_keeps_nothing(void)
{
    NetFrame frames[3];
    Fixture f;
    int error;

    make_frames(frames, 3, 30);
    fixture_init(&f, false, 34);
    g_assert_cmpuint(net_frame_writer_write(&f.writer, frames, 3, &error), ==, 1);
    g_assert_true(net_frame_writer_is_idle(&f.writer));
    assert_written(&f, frames, 1);
    fixture_clear(&f);
}

/* --- Errors ------------------------------------------------------------------------------ */

static void test_error_takes_nothing(void)
{
    NetFrame frames[3];
    Fixture f;
    int error = 0;

    make_frames(frames, 3, 30);
    fixture_init(&f, false, SIZE_MAX);
    f.sink.error = EPIPE;
    g_assert_cmpuint(net_frame_writer_write(&f.writer, frames, 3, &error), ==, 0);
    g_assert_cmpint(error, ==, EPIPE);
    g_assert_true(net_frame_writer_is_idle(&f.writer));
    fixture_clear(&f);
}

static void test_error_in_flush_keeps_frame(void)
{
    NetFrame frames[1];
    Fixture f;
    int error;

    make_frames(frames, 1, 30);
    fixture_init(&f, false, 10);
    g_assert_cmpuint(net_frame_writer_write(&f.writer, frames, 1, &error), ==, 1);
    f.sink.error = ECONNRESET;
    g_assert_cmpint(net_frame_writer_flush(&f.writer), ==, -ECONNRESET);
    g_assert_false(net_frame_writer_is_idle(&f.writer));
    fixture_clear(&f);
}

static void test_rewind_sends_whole(gconstpointer data)
{
    bool vnet_hdr = GPOINTER_TO_INT(data);
    uint32_t size = 30 + (vnet_hdr ? 8 : 4);
    NetFrame frames[1];
    int error;

    make_frames(frames, 1, 30);
    for (size_t out = 1; out < size; out++) {
        Fixture f;

        fixture_init(&f, vnet_hdr, out);
        g_assert_cmpuint(net_frame_writer_write(&f.writer, frames, 1, &error), ==, 1);
        net_frame_writer_rewind(&f.writer);
        g_byte_array_set_size(f.sink.bytes, 0);
        f.sink.room = SIZE_MAX;
        g_assert_cmpint(net_frame_writer_flush(&f.writer), ==, 1);
        assert_written(&f, frames, 1);
        fixture_clear(&f);
    }
}

static void test_take_gives_frame_back(gconstpointer data)
{
    bool vnet_hdr = GPOINTER_TO_INT(data);
    NetFrame frames[1];
    NetFrame taken;
    Fixture f;
    int error;

    make_frames(frames, 1, 30);
    frames[0].vnet_hdr_len = 12;
    fixture_init(&f, vnet_hdr, 11);
    g_assert_false(net_frame_writer_take(&f.writer, &taken));
    g_assert_cmpuint(net_frame_writer_write(&f.writer, frames, 1, &error), ==, 1);
    g_assert_true(net_frame_writer_take(&f.writer, &taken));
    g_assert_cmpmem(taken.data, taken.len, frames[0].data, frames[0].len);
    g_assert_cmpuint(taken.vnet_hdr_len, ==, 12);
    g_assert_true(net_frame_writer_is_idle(&f.writer));
    g_assert_false(net_frame_writer_take(&f.writer, &taken));
    f.sink.room = SIZE_MAX;
    g_byte_array_set_size(f.sink.bytes, 0);
    g_assert_cmpuint(net_frame_writer_write(&f.writer, frames, 1, &error), ==, 1);
    assert_written(&f, frames, 1);
    fixture_clear(&f);
}

/* --- Joining neighbours ------------------------------------------------------------------ */

/* Frames as they lie in a stream with or without vnet word. */
static GByteArray *make_stream(NetFrame *frames, size_t n, bool vnet_hdr)
{
    GByteArray *stream = g_byte_array_new();
    uint32_t pos = 0;

    make_frames(frames, n, 50);
    append_expected(stream, frames, n, vnet_hdr);
    for (size_t i = 0; i < n; i++) {
        pos += vnet_hdr ? 8 : 4;
        frames[i].data = stream->data + pos;
        pos += frames[i].len;
    }
    return stream;
}

static void check_joining(bool lies_with_vnet, bool writes_vnet, int want_n_iov)
{
    NetFrame frames[20];
    G_GNUC_UNUSED g_autoptr(GByteArray) stream = make_stream(frames, 20, lies_with_vnet);
    Fixture f;
    int error;

    g_assert_cmpuint(stream->len, >, 20 * 50);
    fixture_init(&f, writes_vnet, SIZE_MAX);
    g_assert_cmpuint(net_frame_writer_write(&f.writer, frames, 20, &error), ==, 20);
    g_assert_cmpint(f.sink.last_n_iov, ==, want_n_iov);
    assert_written(&f, frames, 20);
    fixture_clear(&f);
}

static void test_joins_same_form(gconstpointer data)
{
    check_joining(GPOINTER_TO_INT(data), GPOINTER_TO_INT(data), 2);
}

static void test_joins_not_other_form(gconstpointer data)
{
    check_joining(GPOINTER_TO_INT(data), !GPOINTER_TO_INT(data), 40);
}

static void test_joins_not_wrong_prefix(void)
{
    NetFrame frames[3];
    G_GNUC_UNUSED g_autoptr(GByteArray) stream = make_stream(frames, 3, false);
    Fixture f;
    int error;

    stream->data[frames[1].data - stream->data - 1] ^= 1;
    fixture_init(&f, false, SIZE_MAX);
    g_assert_cmpuint(net_frame_writer_write(&f.writer, frames, 3, &error), ==, 3);
    g_assert_cmpint(f.sink.last_n_iov, ==, 4);
    assert_written(&f, frames, 3);
    fixture_clear(&f);
}

static void test_joins_not_over_gap(void)
{
    NetFrame frames[5];
    G_GNUC_UNUSED g_autoptr(GByteArray) stream = make_stream(frames, 5, false);
    Fixture f;
    int error;

    g_assert_true(frames[4].data < stream->data + stream->len);
    frames[2] = frames[3];
    frames[3] = frames[4];
    fixture_init(&f, false, SIZE_MAX);
    g_assert_cmpuint(net_frame_writer_write(&f.writer, frames, 4, &error), ==, 4);
    g_assert_cmpint(f.sink.last_n_iov, ==, 4);
    assert_written(&f, frames, 4);
    fixture_clear(&f);
}

static void test_joins_partial_at_every_byte(void)
{
    NetFrame frames[5];
    G_GNUC_UNUSED g_autoptr(GByteArray) stream = make_stream(frames, 5, true);

    for (size_t room = 0; room < stream->len; room++) {
        Fixture f;
        int error;
        size_t done;

        fixture_init(&f, true, room);
        done = net_frame_writer_write(&f.writer, frames, 5, &error);
        f.sink.room = SIZE_MAX;
        g_assert_cmpint(net_frame_writer_flush(&f.writer), ==, 1);
        net_frame_writer_write(&f.writer, frames + done, 5 - done, &error);
        assert_written(&f, frames, 5);
        fixture_clear(&f);
    }
}

static void test_joins_held_frames(void)
{
    NetFrame frames[30];
    NetHold hold = { 0 };
    NetBatch batch;
    Fixture f;
    int error;

    make_frames(frames, 30, 50);
    net_hold_push(&hold, frames, 30);
    net_hold_peek(&hold, &batch);
    fixture_init(&f, true, SIZE_MAX);
    g_assert_cmpuint(net_frame_writer_write(&f.writer, batch.frames, batch.n, &error), ==, 30);
    g_assert_cmpint(f.sink.last_n_iov, ==, 2);
    assert_written(&f, frames, 30);
    fixture_clear(&f);
    net_hold_clear(&hold);
}

/* Register @func once without and once with the vnet word. */
static void add_both(const char *name, GTestDataFunc func)
{
    g_autofree char *plain = g_strdup_printf("/frame-writer/%s/plain", name);
    g_autofree char *vnet = g_strdup_printf("/frame-writer/%s/vnet", name);

    g_test_add_data_func(plain, GINT_TO_POINTER(0), func);
    g_test_add_data_func(vnet, GINT_TO_POINTER(1), func);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < sizeof(payload); i++) {
        payload[i] = i * 31 + 200;
    }
    add_both("batch-is-one-write", test_batch_is_one_write);
    g_test_add_func("/frame-writer/more-than-a-batch", test_more_than_a_batch);
    g_test_add_func("/frame-writer/nothing-to-write", test_nothing_to_write);
    add_both("partial-at-every-byte", test_partial_at_every_byte);
    for (int piece = 1; piece <= 16; piece *= 2) {
        g_autofree char *path = g_strdup_printf("/frame-writer/rest-in-pieces-of/%d", piece);

        g_test_add_data_func(path, GINT_TO_POINTER(piece), test_rest_in_pieces);
    }
    g_test_add_func("/frame-writer/would-block-takes-nothing", test_would_block_takes_nothing);
    g_test_add_func("/frame-writer/stop-between-frames-keeps-nothing",
                    test_stop_between_frames_keeps_nothing);
    g_test_add_func("/frame-writer/error-takes-nothing", test_error_takes_nothing);
    g_test_add_func("/frame-writer/error-in-flush-keeps-frame", test_error_in_flush_keeps_frame);
    add_both("rewind-sends-whole", test_rewind_sends_whole);
    add_both("take-gives-frame-back", test_take_gives_frame_back);
    add_both("joins-same-form", test_joins_same_form);
    add_both("joins-not-other-form", test_joins_not_other_form);
    g_test_add_func("/frame-writer/joins-not-wrong-prefix", test_joins_not_wrong_prefix);
    g_test_add_func("/frame-writer/joins-not-over-gap", test_joins_not_over_gap);
    g_test_add_func("/frame-writer/joins-partial-at-every-byte",
                    test_joins_partial_at_every_byte);
    g_test_add_func("/frame-writer/joins-held-frames", test_joins_held_frames);
    return g_test_run();
}
