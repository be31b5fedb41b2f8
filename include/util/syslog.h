/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages to the system's log, without ever waiting for it. */

#ifndef UTIL_SYSLOG_H
#define UTIL_SYSLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/** Where the system's log listens. */
#define SYSLOG_PATH "/dev/log"

/** As in RFC 5424, 6.2.1. */
typedef enum SyslogSeverity {
    SYSLOG_SEVERITY_ERROR = 3,
    SYSLOG_SEVERITY_WARNING = 4,
    SYSLOG_SEVERITY_INFO = 6,
} SyslogSeverity;

/** A connection to the system's log. Embedded; zeroed = not open. */
typedef struct Syslog {
    int fd;          /* owned; valid if @path is there */
    char *path;      /* owned; NULL = not open */
    uint64_t n_lost; /* messages since the last that was taken */
} Syslog;

/** syslog_connect: @path: SYSLOG_PATH. Returns: false, with errno, if nobody listens there. */
bool syslog_connect(Syslog *log, const char *path);

/**
 * syslog_send: one message; lost, and the number told later, if the log does not take it at once
 * @program: who says it
 * @text: no line feed
 *
 * Form: RFC 3164 as local programs use it, facility daemon.
 */
void syslog_send(Syslog *log, SyslogSeverity severity, const char *program, const char *text);

/**
 * syslog_signal_start: what a message from a handler of a signal begins with
 * @start: (out) @size bytes; cut if they are too few
 *
 * There is no time in it, which the log then takes from its own clock (RFC 3164, 4.3.2): a handler
 * must not ask for the time zone.
 */
void syslog_signal_start(char *start, size_t size, SyslogSeverity severity, const char *program);

/**
 * syslog_send_from_signal: one message, of pieces, the first from syslog_signal_start()
 *
 * It allocates nothing, takes no lock, and does not wait: the message may be lost.
 */
void syslog_send_from_signal(const Syslog *log, const struct iovec *iov, size_t n_iov);

/** syslog_close: legal when it is not open. */
void syslog_close(Syslog *log);

#endif
