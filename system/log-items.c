/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The items of -d and the monitor's log: trace points, and names that mean nothing here. */

#include "system/log-items.h"

#include <string.h>

#include <glib.h>

#include "util/log.h"
#include "util/trace.h"

/* Tools pass these to every QEMU; they are about a guest's CPU. */
static const char *const log_item_names[] = {
    "out_asm", "in_asm", "op", "op_opt", "op_ind", "int", "exec", "cpu", "fpu", "mmu", "pcall",
    "cpu_reset", "unimp", "guest_errors", "page", "nochain", "strace", "tid", "vpu",
    "invalid_mem", "all", NULL,
};

static void log_item_trace(const char *pattern)
{
    if (trace_set_matching(pattern, true) == 0 && trace_pattern_is_plain(pattern)) {
        log_warning("trace event '%s' does not exist", pattern);
    }
}

bool log_items_apply(const char *items, bool *tid)
{
    g_auto(GStrv) list = g_strsplit(items, ",", -1);

    for (size_t i = 0; list[i]; i++) {
        if (g_str_has_prefix(list[i], "trace:")) {
            log_item_trace(list[i] + strlen("trace:"));
        } else if (!g_strv_contains(log_item_names, list[i])) {
            return false;
        } else if (tid && strcmp(list[i], "tid") == 0) {
            *tid = true;
        }
    }
    return true;
}

char *log_items_text(void)
{
    GString *text = g_string_new("Log items, separated by commas:\n"
                                 "trace:PATTERN   switch on the trace points that match\n"
                                 "tid             one file for each process; needs %d in -D\n"
                                 "All others are about a guest's CPU and never log anything "
                                 "here:\n");

    for (size_t i = 0; log_item_names[i]; i++) {
        if (strcmp(log_item_names[i], "tid") != 0) {
            g_string_append_printf(text, "%s\n", log_item_names[i]);
        }
    }
    return g_string_free(text, false);
}
