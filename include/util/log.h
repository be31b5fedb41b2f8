/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Diagnostics on stderr in the form "PROG: [where: ][warning: ]message". */

#ifndef UTIL_LOG_H
#define UTIL_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

/** log_init: remember the last component of @argv0 as PROG. */
void log_init(const char *argv0);

/** log_program_name: PROG; borrowed. */
const char *log_program_name(void);

/** log_set_timestamps: put the UTC time in front of every message (-msg timestamp=on). */
void log_set_timestamps(bool on);

/** log_set_guest_name: put @name behind the time stamp (-msg guest-name=on); NULL = none. */
void log_set_guest_name(const char *name);

/**
 * log_set_location: what is being processed, e.g. "-netdev user,id=u0"; NULL = nothing
 *
 * A line of a file is written ":FILE:LINE" and follows PROG without a blank.
 * Returns: the location before, owned by the caller, to be put back.
 */
char *log_set_location(const char *location);

/** log_error, log_warning, log_info: one line, without LF, on stderr. */
void log_error(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
void log_warning(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
void log_info(const char *fmt, ...) G_GNUC_PRINTF(1, 2);

/** What others can cause at will is said once a minute. Embedded; zeroed = it may be said. */
typedef struct LogLimit {
    int64_t quiet_until_ns; /* of the host's clock */
} LogLimit;

/** log_limit_passes: whether to say it now; if so, it is not to be said for a minute. */
bool log_limit_passes(LogLimit *limit);

/** log_gerror: message and hint lines of @error. */
void log_gerror(const GError *error);

#endif
