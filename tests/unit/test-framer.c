/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of the framer: any split of a stream gives the same frames. */

/*
 *   bytes, cut anywhere ──► NetFramer ──► frames ──► Seen (copies, compared with what was sent)
 */

#include <string.h>
#include <glib.h>

#include "net/framer.h"

/** What came out of a framer. */
typedef struct Seen {
    GPtrArray *frames; /* owned GBytes * */
    GArray *vnet;      /* uint32_t: vnet header length of each */
    bool failed;
    char *message;     /* owned */
} Seen;

static void seen_init(Seen *seen)
{
    *seen = (Seen) {
        .frames = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref),
        .vnet = g_array_new(FALSE, FALSE, sizeof(uint32_t)),
    };
}

static void seen_clear(Seen *seen)
{
    g_ptr_array_unref(seen->frames);
    g_array_unref(seen->vnet);
    g_free(seen->message);
}

static void seen_add_batch(Seen *seen, const NetBatch *batch)
{
    for (size_t i = 0; i < batch->n; i++) {
        const NetFrame *frame = &batch->frames[i];

        g_ptr_array_add(seen->frames, g_bytes_new(frame->data, frame->len));
        g_array_append_val(seen->vnet, frame->vnet_hdr_len);
    }
}

/* Push a heap copy, so that reads beyond its end are noticed. */
static void feed(NetFramer *framer, Seen *seen, const uint8_t *data, size_t len)
{
    g_autofree uint8_t *copy = g_memdup2(data, len);
    size_t pos = 0;

    while (pos < len && !seen->failed) {
        g_autoptr(GError) error = NULL;
        NetBatch batch;
        ssize_t used = net_framer_push(framer, copy + pos, len - pos, &batch, &error);

        seen_add_batch(seen, &batch);
        if (used < 0) {
            g_assert_nonnull(error);
            seen->failed = true;
            seen->message = g_strdup(error->message);
            return;
        }
        g_assert_no_error(error);
        g_assert_cmpint(used, >, 0);
        g_assert_cmpint(used, <=, len - pos);
        pos += used;
    }
}

static void stream_word(GByteArray *stream, uint32_t value)
{
    uint32_t be = GUINT32_TO_BE(value);

    g_byte_array_append(stream, (const uint8_t *)&be, sizeof(be));
}

/* Append a frame of @len bytes whose content depends on @seed. */
static void stream_frame(GByteArray *stream, uint32_t len, int seed, bool vnet_hdr, uint32_t v)
{
    stream_word(stream, len);
    if (vnet_hdr) {
        stream_word(stream, v);
    }
    for (uint32_t i = 0; i < len; i++) {
        uint8_t byte = i * 7 + seed;

        g_byte_array_append(stream, &byte, 1);
    }
}

static void assert_frame(const Seen *seen, guint index, uint32_t len, int seed)
{
    gsize got_len;
    const uint8_t *got;

    g_assert_cmpuint(seen->frames->len, >, index);
    got = g_bytes_get_data(g_ptr_array_index(seen->frames, index), &got_len);
    g_assert_cmpuint(got_len, ==, len);
    for (uint32_t i = 0; i < len; i++) {
        g_assert_cmphex(got[i], ==, (uint8_t)(i * 7 + seed));
    }
}

/* --- Splits ------------------------------------------------------------------------------ */

static const uint32_t large_lengths[] = { 1514, 4096, 9014, 65535, NET_FRAME_MAX };

/* Three frames, the middle one of @len bytes, cut in two at @split. */
static void check_split(uint32_t len, size_t split, bool vnet_hdr)
{
    g_autoptr(GByteArray) stream = g_byte_array_new();
    NetFramer framer;
    Seen seen;
    guint n = 0;

    stream_frame(stream, 5, 1, vnet_hdr, 3);
    stream_frame(stream, len, 2, vnet_hdr, 0);
    stream_frame(stream, 9, 3, vnet_hdr, 9);
    net_framer_init(&framer, vnet_hdr);
    seen_init(&seen);
    feed(&framer, &seen, stream->data, split);
    feed(&framer, &seen, stream->data + split, stream->len - split);
    assert_frame(&seen, n++, 5, 1);
    if (len > 0) {
        assert_frame(&seen, n++, len, 2);
    }
    assert_frame(&seen, n++, 9, 3);
    g_assert_cmpuint(seen.frames->len, ==, n);
    g_assert_cmpuint(framer.n_empty, ==, len == 0 ? 1 : 0);
    g_assert_cmpuint(g_array_index(seen.vnet, uint32_t, n - 1), ==, vnet_hdr ? 9 : 0);
    g_assert_true(net_framer_is_between_frames(&framer));
    seen_clear(&seen);
    net_framer_clear(&framer);
}

static size_t stream_size(uint32_t len, bool vnet_hdr)
{
    return 5 + len + 9 + 3 * (vnet_hdr ? 8 : 4);
}

static void test_split_small(gconstpointer data)
{
    bool vnet_hdr = GPOINTER_TO_INT(data) & 1;
    uint32_t first = GPOINTER_TO_INT(data) >> 1;

    for (uint32_t len = first; len < first + 16 && len <= 64; len++) {
        for (size_t split = 0; split <= stream_size(len, vnet_hdr); split++) {
            check_split(len, split, vnet_hdr);
        }
    }
}

static void test_split_large(gconstpointer data)
{
    bool vnet_hdr = GPOINTER_TO_INT(data) & 1;
    uint32_t len = large_lengths[GPOINTER_TO_INT(data) >> 1];
    size_t size = stream_size(len, vnet_hdr);

    for (size_t split = 0; split < 40; split++) {
        check_split(len, split, vnet_hdr);
        check_split(len, size - split, vnet_hdr);
    }
    for (size_t split = 40; split < size; split += size / 13) {
        check_split(len, split, vnet_hdr);
    }
}

/* The whole stream in pieces of @piece bytes. */
static void check_pieces(size_t piece, bool vnet_hdr)
{
    g_autoptr(GByteArray) stream = g_byte_array_new();
    NetFramer framer;
    Seen seen;

    for (uint32_t i = 0; i < 80; i++) {
        stream_frame(stream, i, i, vnet_hdr, 0);
    }
    net_framer_init(&framer, vnet_hdr);
    seen_init(&seen);
    for (size_t pos = 0; pos < stream->len; pos += piece) {
        feed(&framer, &seen, stream->data + pos, MIN(piece, stream->len - pos));
    }
    for (uint32_t i = 1; i < 80; i++) {
        assert_frame(&seen, i - 1, i, i);
    }
    g_assert_cmpuint(seen.frames->len, ==, 79);
    g_assert_cmpuint(framer.n_empty, ==, 1);
    seen_clear(&seen);
    net_framer_clear(&framer);
}

static void test_pieces(gconstpointer data)
{
    size_t piece = GPOINTER_TO_INT(data);

    check_pieces(piece, false);
    check_pieces(piece, true);
}

/* --- Batches ----------------------------------------------------------------------------- */

static void test_whole_frames_are_views(void)
{
    g_autoptr(GByteArray) stream = g_byte_array_new();
    NetFramer framer;
    NetBatch batch;

    stream_frame(stream, 60, 1, false, 0);
    stream_frame(stream, 70, 2, false, 0);
    net_framer_init(&framer, false);
    g_assert_cmpint(net_framer_push(&framer, stream->data, stream->len, &batch, NULL), ==,
                    stream->len);
    g_assert_cmpuint(batch.n, ==, 2);
    g_assert_true(batch.frames[0].data == stream->data + 4);
    g_assert_true(batch.frames[1].data == stream->data + 68);
    g_assert_null(framer.partial);
    net_framer_clear(&framer);
}

static void test_batch_is_limited(void)
{
    g_autoptr(GByteArray) stream = g_byte_array_new();
    NetFramer framer;
    NetBatch batch;

    for (uint32_t i = 0; i < NET_BATCH_MAX + 6; i++) {
        stream_frame(stream, 10, i, false, 0);
    }
    net_framer_init(&framer, false);
    g_assert_cmpint(net_framer_push(&framer, stream->data, stream->len, &batch, NULL), ==,
                    NET_BATCH_MAX * 14);
    g_assert_cmpuint(batch.n, ==, NET_BATCH_MAX);
    g_assert_cmpint(net_framer_push(&framer, stream->data + NET_BATCH_MAX * 14,
                                    stream->len - NET_BATCH_MAX * 14, &batch, NULL), ==, 6 * 14);
    g_assert_cmpuint(batch.n, ==, 6);
    net_framer_clear(&framer);
}

/* The batch's first frame lives in the framer: the tail must not overwrite it. */
static void test_tail_does_not_overwrite_first(void)
{
    g_autoptr(GByteArray) stream = g_byte_array_new();
    NetFramer framer;
    NetBatch batch;
    ssize_t used;

    stream_frame(stream, 20, 1, false, 0);
    stream_frame(stream, 30, 2, false, 0);
    net_framer_init(&framer, false);
    g_assert_cmpint(net_framer_push(&framer, stream->data, 10, &batch, NULL), ==, 10);
    g_assert_cmpuint(batch.n, ==, 0);
    used = net_framer_push(&framer, stream->data + 10, 24, &batch, NULL);
    g_assert_cmpint(used, ==, 14);
    g_assert_cmpuint(batch.n, ==, 1);
    g_assert_cmpmem(batch.frames[0].data, batch.frames[0].len, stream->data + 4, 20);
    used = net_framer_push(&framer, stream->data + 24, 10, &batch, NULL);
    g_assert_cmpint(used, ==, 10);
    g_assert_cmpuint(batch.n, ==, 0);
    net_framer_clear(&framer);
}

static void test_vnet_length_is_bounded_by_frame(void)
{
    g_autoptr(GByteArray) stream = g_byte_array_new();
    NetFramer framer;
    Seen seen;

    stream_frame(stream, 12, 1, true, UINT32_MAX);
    net_framer_init(&framer, true);
    seen_init(&seen);
    feed(&framer, &seen, stream->data, stream->len);
    g_assert_cmpuint(g_array_index(seen.vnet, uint32_t, 0), ==, 12);
    seen_clear(&seen);
    net_framer_clear(&framer);
}

/* --- Ends and errors --------------------------------------------------------------------- */

static void check_oversized(uint32_t len, size_t split, bool vnet_hdr)
{
    g_autoptr(GByteArray) stream = g_byte_array_new();
    NetFramer framer;
    Seen seen;

    stream_frame(stream, 33, 1, vnet_hdr, 0);
    stream_word(stream, len);
    net_framer_init(&framer, vnet_hdr);
    seen_init(&seen);
    feed(&framer, &seen, stream->data, split);
    feed(&framer, &seen, stream->data + split, stream->len - split);
    g_assert_true(seen.failed);
    g_assert_cmpstr(seen.message, ==,
                    "serious error: oversized packet received,connection terminated.");
    assert_frame(&seen, 0, 33, 1);
    g_assert_cmpuint(seen.frames->len, ==, 1);
    seen_clear(&seen);
    net_framer_clear(&framer);
}

static void test_oversized(gconstpointer data)
{
    bool vnet_hdr = GPOINTER_TO_INT(data);

    for (size_t split = 0; split < 33 + 4 + (vnet_hdr ? 8 : 4); split++) {
        check_oversized(NET_FRAME_MAX + 1, split, vnet_hdr);
        check_oversized(UINT32_MAX, split, vnet_hdr);
    }
}

static void test_longest_is_accepted(void)
{
    check_split(NET_FRAME_MAX, 7, false);
}

static void test_reset_forgets_partial(void)
{
    for (size_t cut = 1; cut < 24; cut++) {
        g_autoptr(GByteArray) stream = g_byte_array_new();
        NetFramer framer;
        Seen seen;

        stream_frame(stream, 20, 1, false, 0);
        net_framer_init(&framer, false);
        seen_init(&seen);
        feed(&framer, &seen, stream->data, cut);
        g_assert_false(net_framer_is_between_frames(&framer));
        net_framer_reset(&framer);
        g_assert_true(net_framer_is_between_frames(&framer));
        feed(&framer, &seen, stream->data, stream->len);
        assert_frame(&seen, 0, 20, 1);
        g_assert_cmpuint(seen.frames->len, ==, 1);
        seen_clear(&seen);
        net_framer_clear(&framer);
    }
}

static void test_reset_after_oversized(void)
{
    g_autoptr(GByteArray) stream = g_byte_array_new();
    NetFramer framer;
    NetBatch batch;
    Seen seen;
    const uint8_t bad[] = { 0xff, 0xff, 0xff, 0xff };

    stream_frame(stream, 20, 1, false, 0);
    net_framer_init(&framer, false);
    g_assert_cmpint(net_framer_push(&framer, bad, 2, &batch, NULL), ==, 2);
    g_assert_cmpint(net_framer_push(&framer, bad + 2, 2, &batch, NULL), ==, -1);
    net_framer_reset(&framer);
    seen_init(&seen);
    feed(&framer, &seen, stream->data, stream->len);
    assert_frame(&seen, 0, 20, 1);
    seen_clear(&seen);
    net_framer_clear(&framer);
}

static void test_empty_is_counted(gconstpointer data)
{
    bool vnet_hdr = GPOINTER_TO_INT(data);
    g_autoptr(GByteArray) stream = g_byte_array_new();
    NetFramer framer;
    Seen seen;

    for (int i = 0; i < 200; i++) {
        stream_frame(stream, 0, 0, vnet_hdr, 0);
    }
    stream_frame(stream, 7, 1, vnet_hdr, 0);
    net_framer_init(&framer, vnet_hdr);
    seen_init(&seen);
    feed(&framer, &seen, stream->data, stream->len);
    g_assert_cmpuint(framer.n_empty, ==, 200);
    assert_frame(&seen, 0, 7, 1);
    seen_clear(&seen);
    net_framer_clear(&framer);
}

static void test_random_splits(void)
{
    g_autoptr(GByteArray) stream = g_byte_array_new();
    NetFramer framer;
    Seen seen;

    for (int i = 0; i < 500; i++) {
        stream_frame(stream, 1 + (i * 37) % 3000, i, true, 0);
    }
    net_framer_init(&framer, true);
    seen_init(&seen);
    for (size_t pos = 0; pos < stream->len;) {
        size_t len = g_test_rand_int_range(1, 20000);

        len = MIN(len, stream->len - pos); /* MIN evaluates twice */
        feed(&framer, &seen, stream->data + pos, len);
        pos += len;
    }
    g_assert_cmpuint(seen.frames->len, ==, 500);
    for (int i = 0; i < 500; i++) {
        assert_frame(&seen, i, 1 + (i * 37) % 3000, i);
    }
    seen_clear(&seen);
    net_framer_clear(&framer);
}

static void add_split_tests(bool vnet_hdr)
{
    const char *form = vnet_hdr ? "vnet" : "plain";

    for (int first = 0; first <= 64; first += 16) {
        g_autofree char *path = g_strdup_printf("/framer/split-small/%s/%d", form, first);

        g_test_add_data_func(path, GINT_TO_POINTER(first << 1 | vnet_hdr), test_split_small);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(large_lengths); i++) {
        g_autofree char *path = g_strdup_printf("/framer/split-large/%s/%u", form,
                                                large_lengths[i]);

        g_test_add_data_func(path, GINT_TO_POINTER(i << 1 | vnet_hdr), test_split_large);
    }
}

int main(int argc, char **argv)
{
    static const int pieces[] = { 1, 2, 3, 5, 7, 8, 13, 64, 1000 };

    g_test_init(&argc, &argv, NULL);
    add_split_tests(false);
    add_split_tests(true);
    for (size_t i = 0; i < G_N_ELEMENTS(pieces); i++) {
        g_autofree char *path = g_strdup_printf("/framer/pieces-of/%d", pieces[i]);

        g_test_add_data_func(path, GINT_TO_POINTER(pieces[i]), test_pieces);
    }
    g_test_add_func("/framer/whole-frames-are-views", test_whole_frames_are_views);
    g_test_add_func("/framer/batch-is-limited", test_batch_is_limited);
    g_test_add_func("/framer/tail-does-not-overwrite-first", test_tail_does_not_overwrite_first);
    g_test_add_func("/framer/vnet-length-is-bounded-by-frame",
                    test_vnet_length_is_bounded_by_frame);
    g_test_add_data_func("/framer/oversized/plain", GINT_TO_POINTER(0), test_oversized);
    g_test_add_data_func("/framer/oversized/vnet", GINT_TO_POINTER(1), test_oversized);
    g_test_add_func("/framer/longest-is-accepted", test_longest_is_accepted);
    g_test_add_func("/framer/reset-forgets-partial", test_reset_forgets_partial);
    g_test_add_func("/framer/reset-after-oversized", test_reset_after_oversized);
    g_test_add_data_func("/framer/empty-is-counted/plain", GINT_TO_POINTER(0),
                         test_empty_is_counted);
    g_test_add_data_func("/framer/empty-is-counted/vnet", GINT_TO_POINTER(1),
                         test_empty_is_counted);
    g_test_add_func("/framer/random-splits", test_random_splits);
    return g_test_run();
}
