/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Diagnostics on stderr, or in the system's log: "PROG: [where: ][warning: ]message". */

#ifndef UTIL_LOG_H
#define UTIL_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>
#include "util/syslog.h"

/*
 * No message waits for the reader of stderr: lines that it does not take are kept, then lost and
 * counted (util/line-sink.h).
 */

typedef enum LogSeverity {
    LOG_SEVERITY_ERROR,
    LOG_SEVERITY_WARNING,
    LOG_SEVERITY_INFO,
} LogSeverity;

/** log_init: remember the last component of @argv0 as PROG, and take stderr as it is now. */
void log_init(const char *argv0);

/** log_reopen: descriptor 2 leads elsewhere now (a daemon's goes to /dev/null). */
void log_reopen(void);

/** log_to_syslog: messages go there from now on; @log: taken. Nothing is in front of them. */
void log_to_syslog(Syslog log);

/** log_catch_glib: log what GLib and its users have to say, too; once in a process. */
void log_catch_glib(void);

/**
 * log_cleanup: report suppressed messages, and end
 *
 * Blocks: for half a second at most, while stderr is full.
 */
void log_cleanup(void);

/** log_write: whole lines, as they are, to where the messages go. */
void log_write(const char *text, size_t len);

/** log_program_name: PROG; borrowed. */
const char *log_program_name(void);

/** log_set_timestamps: put the UTC time in front of every message (-msg timestamp=on). */
void log_set_timestamps(bool on);

/** log_set_guest_name: put @name behind the time stamp (-msg guest-name=on); NULL = none. */
void log_set_guest_name(const char *name);

/**
 * log_set_location: the argument being processed, e.g. "-netdev user,id=u0"; NULL = none
 *
 * A line of a file is written ":FILE:LINE" and follows PROG without a blank.
 * Returns: the location before, owned by the caller, to be put back.
 */
char *log_set_location(const char *location);

/** log_error, log_warning, log_info: one line, without LF, on stderr. */
void log_error(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
void log_warning(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
void log_info(const char *fmt, ...) G_GNUC_PRINTF(1, 2);

/**
 * log_error_from_signal: log_error() for a handler of a signal, which may run in the allocator
 * @parts: of the text, one behind the other; @n_parts: at most LOG_PARTS_MAX
 *
 * The message has neither time stamp nor place, and may be lost where the log takes none at once.
 */
#define LOG_PARTS_MAX 4u
void log_error_from_signal(const char *const parts[], size_t n_parts);

/**
 * log_limited_error, log_limited_warning: "SOURCE: message", for a message that a peer can cause
 * @source: its subject, e.g. "netdev 'n0'"
 * @topic: the kind of message; where a peer chooses the words there are many, but memory and
 *         lines a minute are bounded, and other sources have their own
 *
 * The first of a source and topic is logged. More of them within a minute are counted, and the
 * number is logged when the minute, or the process, ends.
 */
void log_limited_error(const char *source, const char *topic, const char *fmt, ...)
    G_GNUC_PRINTF(3, 4);
void log_limited_warning(const char *source, const char *topic, const char *fmt, ...)
    G_GNUC_PRINTF(3, 4);

/** log_gerror: message and hint lines of @error. */
void log_gerror(const GError *error);

#endif
