/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands of the human monitor: tables that modules register. */

#ifndef MONITOR_HMP_H
#define MONITOR_HMP_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

/** One run of a command: its arguments by name, and where it prints. */
typedef struct Hmp Hmp;

/** hmp_printf: print; "\n" becomes CR LF on the way out. */
void hmp_printf(Hmp *hmp, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/** hmp_error: print "Error: TEXT" and the hint lines when @error is set, then free it. */
void hmp_error(Hmp *hmp, GError *error);

/** Arguments, parsed by the command's @args. */
const char *hmp_str(const Hmp *hmp, const char *name); /* NULL = not given */
bool hmp_has(const Hmp *hmp, const char *name);
bool hmp_bool(const Hmp *hmp, const char *name);
int64_t hmp_int(const Hmp *hmp, const char *name);

typedef struct HmpCommand {
    const char *name;   /* "stop|s"; for info commands without "info " */
    /**
     * "name:kind,..." with kinds s = word (quotes allowed), o = word, or the rest of the line
     * when that begins with "{", S = rest of the line, b = on|off, i = integer,
     * - = flag such as "json:-j"; "?" behind a kind = optional.
     */
    const char *args;
    const char *params; /* for help, e.g. "name on|off" */
    const char *help;   /* one line */
    void (*run)(Hmp *hmp);
    /** Completion of the word being typed; adds owned strings. May be NULL. */
    void (*complete)(const char *word, int arg_index, GPtrArray *candidates);
} HmpCommand;

/** hmp_register: add @n commands of a constant table; @info: they are info commands. */
void hmp_register(const HmpCommand *commands, size_t n, bool info);

/** hmp_execute: run one line. Returns: everything printed, owned. */
char *hmp_execute(const char *line);

/** Makes the commands of a table known before main() runs. */
#define HMP_REGISTER(table, info)                                              \
    __attribute__((constructor)) static void table##_register(void)            \
    {                                                                          \
        hmp_register(table, G_N_ELEMENTS(table), info);                        \
    }                                                                          \
    struct table##_needs_semicolon

#endif
