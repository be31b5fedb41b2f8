/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes the qtest server: lines as they come from its chardev. */

#include "fuzz.h"

#include "chardev/char-internal.h"
#include "system/process.h"
#include "system/qtest.h"
#include "util/clock.h"

/* First byte: whether the clock commands are there; second: how long the pieces are. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static bool is_stepped;
    bool has_accel = fuzz_take_byte(&data, &len) & 1;
    size_t piece = fuzz_take_byte(&data, &len) + 1u;
    int64_t before = clock_now_ns(CLOCK_TYPE_VIRTUAL);

    if (!is_stepped) {
        clock_virtual_set_stepped();
        is_stepped = true;
    }
    process_set_accelerator(has_accel ? ACCELERATOR_QTEST : ACCELERATOR_NONE);
    g_assert_true(qtest_start("null", "none", NULL));
    for (size_t pos = 0; pos < len; pos += piece) {
        size_t n = MIN(piece, len - pos);
        g_autofree uint8_t *copy = g_memdup2(data + pos, n);

        char_deliver(char_find("qtest"), copy, n);
    }
    g_assert_cmpint(clock_now_ns(CLOCK_TYPE_VIRTUAL), >=, before);
    qtest_stop();
    char_cleanup();
    return 0;
}
