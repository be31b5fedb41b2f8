/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fuzz harnesses share: the entry point, and their input as text. */

#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <glib.h>

/*
 * Each harness feeds one parser and asserts what holds for any input. libFuzzer calls it with
 * bytes of its own making, replay.c with the files of corpus/NAME/.
 */

/** LLVMFuzzerTestOneInput: the name is libFuzzer's. Returns: 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/** fuzz_text: the bytes up to the first NUL as a string in memory of its exact size; owned. */
static inline char *fuzz_text(const uint8_t *data, size_t len)
{
    const uint8_t *nul = len ? memchr(data, 0, len) : NULL;
    size_t text_len = nul ? (size_t)(nul - data) : len;
    char *text = g_malloc(text_len + 1);

    if (text_len) {
        memcpy(text, data, text_len);
    }
    text[text_len] = '\0';
    return text;
}

/** fuzz_take_byte: cut the first byte off the input; 0 when there is none. */
static inline uint8_t fuzz_take_byte(const uint8_t **data, size_t *len)
{
    if (*len == 0) {
        return 0;
    }
    *len -= 1;
    return *(*data)++;
}

#endif
