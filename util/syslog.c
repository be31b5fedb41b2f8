/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages to the system's log, without ever waiting for it. */

/* syslog(3) waits while the log's queue is full, and frames would wait with it. */

#include "util/syslog.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <glib.h>

#include "util/fd.h"

#define FACILITY_DAEMON 3

static bool syslog_attach(const Syslog *log)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };

    g_strlcpy(sun.sun_path, log->path, sizeof(sun.sun_path));
    return connect(log->fd, (struct sockaddr *)&sun, sizeof(sun)) == 0;
}

bool syslog_connect(Syslog *log, const char *path)
{
    *log = (Syslog) { .fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) };
    if (log->fd < 0) {
        return false;
    }
    log->path = g_strdup(path);
    if (!syslog_attach(log)) {
        int err = errno;

        syslog_close(log);
        errno = err;
        return false;
    }
    return true;
}

/* The time in the words of RFC 3164, whatever the locale. */
static void syslog_append_time(GString *line)
{
    static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    time_t now = time(NULL);
    struct tm tm;

    localtime_r(&now, &tm);
    g_string_append_printf(line, "%s %2d %02d:%02d:%02d", months[tm.tm_mon], tm.tm_mday,
                           tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static bool syslog_put(const Syslog *log, const GString *line)
{
    if (send(log->fd, line->str, line->len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
        return true;
    }
    if (errno == EAGAIN || errno == ENOBUFS || errno == EMSGSIZE) {
        return false;
    }
    /* The log was started anew; behind a chroot its new socket cannot be found. */
    return syslog_attach(log) &&
           send(log->fd, line->str, line->len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

static bool syslog_try(const Syslog *log, SyslogSeverity severity, const char *program,
                       const char *text)
{
    g_autoptr(GString) line = g_string_new(NULL);

    g_string_append_printf(line, "<%d>", FACILITY_DAEMON * 8 + (int)severity);
    syslog_append_time(line);
    g_string_append_printf(line, " %s[%ld]: %s", program, (long)getpid(), text);
    return syslog_put(log, line);
}

void syslog_send(Syslog *log, SyslogSeverity severity, const char *program, const char *text)
{
    if (log->n_lost > 0) {
        g_autofree char *lost = g_strdup_printf("lost here, as the system's log did not take "
                                                "them: %" PRIu64 " messages", log->n_lost);

        if (!syslog_try(log, SYSLOG_SEVERITY_WARNING, program, lost)) {
            log->n_lost++;
            return;
        }
        log->n_lost = 0;
    }
    if (!syslog_try(log, severity, program, text)) {
        log->n_lost++;
    }
}

void syslog_signal_start(char *start, size_t size, SyslogSeverity severity, const char *program)
{
    g_snprintf(start, size, "<%d>%s[%ld]: ", FACILITY_DAEMON * 8 + (int)severity, program,
               (long)getpid());
}

void syslog_send_from_signal(const Syslog *log, const struct iovec *iov, size_t n_iov)
{
    const struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = n_iov };

    if (sendmsg(log->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN &&
        syslog_attach(log)) {
        sendmsg(log->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
}

void syslog_close(Syslog *log)
{
    if (log->path) {
        fd_close(&log->fd);
        g_clear_pointer(&log->path, g_free);
    }
}
