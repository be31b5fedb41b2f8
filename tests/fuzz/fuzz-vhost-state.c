/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes the state of a vhost-user guest: any cut reads the same, and can be written again. */

#include "fuzz.h"

#include <string.h>

#include "export/vhost-state.h"

#define HOLD_SIZE 100000u

/* Returns: why it is no state, owned; NULL = it is one, and @hold has its frames. */
static char *fuzz_read(const uint8_t *data, size_t len, size_t step, NetHold *hold)
{
    VhostStateReader reader = { 0 };
    g_autoptr(GError) error = NULL;
    bool good = true;

    vhost_state_reader_begin(&reader, HOLD_SIZE);
    for (size_t at = 0; good && at < len; at += step) {
        size_t n = MIN(step, len - at);
        g_autofree uint8_t *copy = g_memdup2(data + at, n);

        good = vhost_state_reader_push(&reader, copy, n, &error);
    }
    good = good && vhost_state_reader_check(&reader, hold, &error);
    vhost_state_reader_end(&reader);
    g_assert_true(good == (error == NULL));
    g_assert_true(good || hold->n_frames == 0);
    return good ? NULL : g_strdup(error->message);
}

static GByteArray *fuzz_write(NetHold *hold, size_t step)
{
    GByteArray *state = g_byte_array_new();
    VhostStateWriter writer = { 0 };
    const uint8_t *data;
    size_t len;

    vhost_state_writer_begin(&writer, hold);
    while ((data = vhost_state_writer_data(&writer, &len))) {
        len = MIN(len, step);
        g_byte_array_append(state, data, (guint)len);
        vhost_state_writer_advance(&writer, len);
    }
    vhost_state_writer_end(&writer, hold);
    return state;
}

/* The checksum of an input is mostly wrong: this one has the right one. */
static void fuzz_set_sum(uint8_t *data, size_t len)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    gsize digest_len = VHOST_STATE_SUM_LEN;

    if (len >= VHOST_STATE_HEADER_LEN + VHOST_STATE_SUM_LEN) {
        g_checksum_update(sum, data, (gssize)(len - VHOST_STATE_SUM_LEN));
        g_checksum_get_digest(sum, data + len - VHOST_STATE_SUM_LEN, &digest_len);
    }
}

/* First byte: whether the checksum is made right; second: how long the pieces are. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    bool sets_sum = fuzz_take_byte(&data, &len) & 1;
    size_t step = fuzz_take_byte(&data, &len) + 1u;
    g_autofree uint8_t *copy = g_memdup2(data, len);
    g_autofree char *whole = NULL;
    g_autofree char *cut = NULL;
    NetHold holds[2] = { 0 };

    if (sets_sum) {
        fuzz_set_sum(copy, len);
    }
    whole = fuzz_read(copy, len, MAX(len, 1), &holds[0]);
    cut = fuzz_read(copy, len, step, &holds[1]);
    g_assert_true((whole == NULL) == (cut == NULL));
    if (!whole) {
        g_autoptr(GByteArray) again = fuzz_write(&holds[0], step);
        g_autoptr(GByteArray) twice = fuzz_write(&holds[1], SIZE_MAX);

        g_assert_cmpmem(again->data, again->len, twice->data, twice->len);
        g_assert_cmpuint(again->len, ==, len);
    }
    net_hold_clear(&holds[0]);
    net_hold_clear(&holds[1]);
    return 0;
}
