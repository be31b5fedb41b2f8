/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Diagnostics on stderr: who, where, how bad, what. */

#include "util/log.h"

#include <stdio.h>
#include <string.h>

#include "util/clock.h"
#include "util/error.h"

#define LOG_LIMIT_PAUSE_NS INT64_C(60000000000)

typedef struct LogState {
    char *program;    /* owned */
    char *guest_name; /* owned; NULL = not shown */
    char *location;   /* owned; NULL = nothing is being processed */
    bool timestamps;
} LogState;

static LogState log_state;

void log_init(const char *argv0)
{
    g_free(log_state.program);
    log_state.program = g_path_get_basename(argv0);
}

const char *log_program_name(void)
{
    return log_state.program ? log_state.program : "qemu-net-daemon";
}

void log_set_timestamps(bool on)
{
    log_state.timestamps = on;
}

void log_set_guest_name(const char *name)
{
    g_free(log_state.guest_name);
    log_state.guest_name = g_strdup(name);
}

char *log_set_location(const char *location)
{
    char *before = log_state.location;

    log_state.location = g_strdup(location);
    return before;
}

static void log_append_timestamp(GString *line)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *seconds = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S");

    g_string_append_printf(line, "%s.%06dZ ", seconds, g_date_time_get_microsecond(now));
}

static GString *log_line_new(const char *severity)
{
    GString *line = g_string_new(NULL);
    const char *where = log_state.location;

    if (log_state.timestamps) {
        log_append_timestamp(line);
    }
    if (log_state.guest_name) {
        g_string_append_printf(line, "%s ", log_state.guest_name);
    }
    g_string_append_printf(line, "%s:", log_program_name());
    if (where) {
        /* A place in a file, ":FILE:LINE", follows without a blank. */
        g_string_append_printf(line, where[0] == ':' ? "%s:" : " %s:",
                               where[0] == ':' ? where + 1 : where);
    }
    g_string_append_printf(line, " %s", severity);
    return line;
}

/* One write, so that the lines of several processes on one stderr do not mix. */
static void log_line_end(GString *line)
{
    fwrite(line->str, 1, line->len, stderr);
    fflush(stderr);
    g_string_free(line, TRUE);
}

static void log_message(const char *severity, const char *fmt, va_list ap) G_GNUC_PRINTF(2, 0);

static void log_message(const char *severity, const char *fmt, va_list ap)
{
    GString *line = log_line_new(severity);

    g_string_append_vprintf(line, fmt, ap);
    g_string_append_c(line, '\n');
    log_line_end(line);
}

void log_error(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_message("", fmt, ap);
    va_end(ap);
}

void log_warning(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_message("warning: ", fmt, ap);
    va_end(ap);
}

void log_info(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_message("info: ", fmt, ap);
    va_end(ap);
}

bool log_limit_passes(LogLimit *limit)
{
    int64_t now_ns = clock_now_ns(CLOCK_TYPE_REALTIME);

    if (now_ns < limit->quiet_until_ns) {
        return false;
    }
    limit->quiet_until_ns = now_ns + LOG_LIMIT_PAUSE_NS;
    return true;
}

void log_gerror(const GError *error)
{
    const char *hint = error_hint(error);
    GString *line = log_line_new("");

    g_string_append_printf(line, "%s\n%s", error->message, hint ? hint : "");
    log_line_end(line);
}
