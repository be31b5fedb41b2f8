/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes the telnet filter: any cut of a stream leaves the same bytes and breaks. */

#include "fuzz.h"

#include "chardev/char-telnet.h"

typedef struct Outcome {
    GByteArray *left; /* owned */
    unsigned n_breaks;
    CharTelnetState state;
} Outcome;

static Outcome outcome_of(const uint8_t *data, size_t len, size_t piece)
{
    Outcome outcome = { .left = g_byte_array_new(), .state = CHAR_TELNET_DATA };

    for (size_t pos = 0; pos < len; pos += piece) {
        size_t n = MIN(piece, len - pos);
        g_autofree uint8_t *copy = g_memdup2(data + pos, n);
        unsigned n_breaks = 0;
        size_t left = char_telnet_filter(&outcome.state, copy, n, &n_breaks);

        g_assert_cmpuint(left + n_breaks, <=, n);
        g_byte_array_append(outcome.left, copy, left);
        outcome.n_breaks += n_breaks;
    }
    return outcome;
}

/* First byte: how long the pieces are. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    size_t piece = fuzz_take_byte(&data, &len) % 16 + 1u;
    Outcome whole = outcome_of(data, len, len ? len : 1);
    Outcome cut = outcome_of(data, len, piece);

    g_assert_cmpmem(whole.left->data, whole.left->len, cut.left->data, cut.left->len);
    g_assert_cmpuint(whole.n_breaks, ==, cut.n_breaks);
    g_assert_cmpint(whole.state, ==, cut.state);
    g_byte_array_unref(whole.left);
    g_byte_array_unref(cut.left);
    return 0;
}
