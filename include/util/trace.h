/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Trace points: named places that tell what happens when switched on and cost a test when off. */

#ifndef UTIL_TRACE_H
#define UTIL_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <glib.h>
#include "config.h"

/*
 * Where the build has <sys/sdt.h> a point is also a USDT probe: provider qemu_net_daemon, the same
 * name, and as arguments those of the text, which must be integers and pointers. Tools that attach
 * to it raise its semaphore, so that nothing is made ready for it before.
 */
#ifdef CONFIG_USDT
#define _SDT_HAS_SEMAPHORES 1
#define SDT_USE_VARIADIC 1
#include <sys/sdt.h>
#define TRACE_SEMAPHORE(ident)                                                 \
    static volatile unsigned short qemu_net_daemon_##ident##_semaphore         \
        __attribute__((used, section(".probes")));
#define TRACE_IS_PROBED(ident) (qemu_net_daemon_##ident##_semaphore != 0)
#define TRACE_PROBE(ident, fmt, ...)                                           \
    STAP_PROBEV(qemu_net_daemon, ident __VA_OPT__(,) __VA_ARGS__)
#else
#define TRACE_SEMAPHORE(ident)
#define TRACE_IS_PROBED(ident) false
#define TRACE_PROBE(ident, ...) do { } while (0)
#endif

typedef struct TracePoint {
    const char *name;
    bool enabled;
    struct TracePoint *next;
} TracePoint;

/** trace_register: make a point known; called by TRACE_POINT, not by hand. */
void trace_register(TracePoint *point);

/** trace_print: write "NAME text" to the log file, else to stderr. */
void trace_print(const TracePoint *point, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/** Defines point @ident; a point's name is its identifier (netdev_connected). */
#define TRACE_POINT(ident)                                                     \
    TRACE_SEMAPHORE(ident)                                                     \
    static TracePoint trace_point_##ident = { .name = #ident };                \
    __attribute__((constructor)) static void trace_register_##ident(void)      \
    {                                                                          \
        trace_register(&trace_point_##ident);                                  \
    }                                                                          \
    struct trace_point_##ident##_needs_semicolon

/** TRACE: printf text for point @ident; the arguments are worked out only when it is on. */
#define TRACE(ident, ...)                                                      \
    do {                                                                       \
        if (G_UNLIKELY(trace_point_##ident.enabled)) {                         \
            trace_print(&trace_point_##ident, __VA_ARGS__);                    \
        }                                                                      \
        if (G_UNLIKELY(TRACE_IS_PROBED(ident))) {                              \
            TRACE_PROBE(ident, __VA_ARGS__);                                   \
        }                                                                      \
    } while (0)

/** trace_first: the head of the list of all points, sorted by name. */
TracePoint *trace_first(void);

/** trace_pattern_is_plain: whether @pattern names one point, i.e. holds no '*' or '?'. */
bool trace_pattern_is_plain(const char *pattern);

/** trace_set_matching: switch all points that match glob @pattern. Returns: how many matched. */
size_t trace_set_matching(const char *pattern, bool enabled);

/**
 * trace_set_file: write to @path from now on, opened at the first line (-D, -trace file=)
 *
 * "%d" in @path is replaced by the pid. NULL = stderr again.
 * Returns: false with @error set for a bad template or a file that cannot be opened.
 */
bool trace_set_file(const char *path, GError **error);

/**
 * trace_log_fd: the file of trace_set_file(), opened now if it is not yet
 * Returns: borrowed, until the next trace_set_file(); -1 = there is none.
 */
int trace_log_fd(void);

/** trace_cleanup: close the log file; lines that its reader does not take at once are lost. */
void trace_cleanup(void);

#endif
