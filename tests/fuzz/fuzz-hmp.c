/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes a line of the human monitor: finding the command and its arguments. */

#include "fuzz.h"

#include "monitor/hmp.h"
#include "monitor/monitor-internal.h"

static void run_nothing(Hmp *hmp)
{
    hmp_printf(hmp, "done\n");
}

/* One command for each kind of argument. */
static const HmpCommand commands[] = {
    { .name = "w|word", .args = "a:s,b:s?", .help = "words", .run = run_nothing },
    { .name = "o", .args = "a:o", .help = "word or JSON", .run = run_nothing },
    { .name = "r", .args = "a:S", .help = "rest of the line", .run = run_nothing },
    { .name = "b", .args = "a:b", .help = "on or off", .run = run_nothing },
    { .name = "i", .args = "a:i,b:i?", .help = "integers", .run = run_nothing },
    { .name = "f", .args = "a:-j,b:-k,c:s?", .help = "flags", .run = run_nothing },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static bool is_registered;
    g_autofree char *line = fuzz_text(data, len);
    g_autofree char *printed = NULL;
    g_autoptr(GPtrArray) candidates = g_ptr_array_new_with_free_func(g_free);

    if (!is_registered) {
        hmp_register(commands, G_N_ELEMENTS(commands), false);
        hmp_register(commands, G_N_ELEMENTS(commands), true);
        is_registered = true;
    }
    printed = hmp_execute(line);
    g_assert_nonnull(printed);
    g_assert_cmpuint(hmp_complete(line, candidates), <=, strlen(line));
    return 0;
}
