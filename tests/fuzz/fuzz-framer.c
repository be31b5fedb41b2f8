/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes the framer: any cut of a stream gives the same frames and the same end. */

#include "fuzz.h"

#include "net/framer.h"

/** What came out of a framer, written one after the other. */
typedef struct Outcome {
    GByteArray *frames; /* owned */
    uint64_t n_empty;
    bool failed;
    bool between_frames;
} Outcome;

static void outcome_add_batch(Outcome *outcome, const NetBatch *batch)
{
    g_assert_cmpuint(batch->n, <=, NET_BATCH_MAX);
    for (size_t i = 0; i < batch->n; i++) {
        const NetFrame *frame = &batch->frames[i];
        uint32_t head[2] = { frame->len, frame->vnet_hdr_len };

        g_assert_cmpuint(frame->len, >, 0);
        g_assert_cmpuint(frame->len, <=, NET_FRAME_MAX);
        g_assert_cmpuint(frame->vnet_hdr_len, <=, frame->len);
        g_byte_array_append(outcome->frames, (const uint8_t *)head, sizeof(head));
        g_byte_array_append(outcome->frames, frame->data, frame->len);
    }
}

/** All of one read; each push gets memory of its exact size. */
static void outcome_push(Outcome *outcome, NetFramer *framer, const uint8_t *data, size_t len)
{
    while (len > 0 && !outcome->failed) {
        g_autofree uint8_t *copy = g_memdup2(data, len);
        g_autoptr(GError) error = NULL;
        NetBatch batch;
        ssize_t used = net_framer_push(framer, copy, len, &batch, &error);

        outcome_add_batch(outcome, &batch);
        outcome->failed = used < 0;
        g_assert_true(outcome->failed == (error != NULL));
        if (!outcome->failed) {
            g_assert_cmpint(used, >, 0);
            g_assert_cmpint(used, <=, (ssize_t)len);
            data += used;
            len -= (size_t)used;
        }
    }
}

static Outcome outcome_of(const uint8_t *data, size_t len, bool vnet_hdr, size_t piece)
{
    Outcome outcome = { .frames = g_byte_array_new() };
    NetFramer framer;

    net_framer_init(&framer, vnet_hdr);
    for (size_t pos = 0; pos < len; pos += piece) {
        outcome_push(&outcome, &framer, data + pos, MIN(piece, len - pos));
    }
    outcome.n_empty = framer.n_empty;
    outcome.between_frames = net_framer_is_between_frames(&framer);
    net_framer_clear(&framer);
    return outcome;
}

/* First byte: whether there are vnet headers; second: how long the pieces are. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    bool vnet_hdr = fuzz_take_byte(&data, &len) & 1;
    size_t piece = fuzz_take_byte(&data, &len) + 1u;
    Outcome whole = outcome_of(data, len, vnet_hdr, len ? len : 1);
    Outcome cut = outcome_of(data, len, vnet_hdr, piece);

    g_assert_cmpmem(whole.frames->data, whole.frames->len, cut.frames->data, cut.frames->len);
    g_assert_true(whole.failed == cut.failed);
    g_assert_cmpuint(whole.n_empty, ==, cut.n_empty);
    g_assert_true(whole.failed || whole.between_frames == cut.between_frames);
    g_byte_array_unref(whole.frames);
    g_byte_array_unref(cut.frames);
    return 0;
}
