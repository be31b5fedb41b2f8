/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file that gets a copy of the output of a character device. */

#include "chardev/char-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "util/error.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/output-file.h"
#include "util/reopen.h"

struct CharLog {
    int fd;
    char *path; /* owned, absolute: a daemon leaves its working directory */
    ReopenHook *hook; /* owned */
    bool timestamps;
    bool in_line; /* the last byte was no line feed */
};

static void char_log_reopen(void *opaque)
{
    CharLog *log = opaque;
    int fd = output_file_open(log->path, O_APPEND);

    if (fd < 0) {
        log_error("cannot open logfile %s again: %s: the old one is written on", log->path,
                  output_file_strerror(log->path, errno));
        return;
    }
    fd_close(&log->fd);
    log->fd = fd;
}

bool char_log_new(const ChardevCommon *common, CharLog **log, GError **error)
{
    int fd;

    if (!common->logfile) {
        if (common->logappend || common->logtimestamp) {
            return error_set(error, "Parameter '%s' requires 'logfile'",
                             common->logappend ? "logappend" : "logtimestamp");
        }
        return true;
    }
    fd = output_file_open(common->logfile, common->logappend ? O_APPEND : O_TRUNC);
    if (fd < 0) {
        return error_set(error, "Could not create '%s': %s", common->logfile,
                         output_file_strerror(common->logfile, errno));
    }
    *log = g_new0(CharLog, 1);
    (*log)->fd = fd;
    (*log)->path = g_canonicalize_filename(common->logfile, NULL);
    (*log)->hook = reopen_add(char_log_reopen, *log);
    (*log)->timestamps = common->logtimestamp;
    return true;
}

void char_log_free(CharLog *log)
{
    if (log) {
        reopen_remove(log->hook);
        fd_close(&log->fd);
        g_free(log->path);
        g_free(log);
    }
}

/** A log that cannot be written must not hurt the stream: the rest is lost. */
static void char_log_put(CharLog *log, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n_written = write(log->fd, data, len);

        if (n_written < 0 && errno == EINTR) {
            continue;
        }
        if (n_written <= 0) {
            return;
        }
        data += n_written;
        len -= (size_t)n_written;
    }
}

static void char_log_put_time(CharLog *log)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *date = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S");
    g_autofree char *text = g_strdup_printf("%s.%06dZ ", date,
                                            g_date_time_get_microsecond(now));

    char_log_put(log, text, strlen(text));
}

static void char_log_put_lines(CharLog *log, const char *data, size_t len)
{
    while (len > 0) {
        const char *line_feed = memchr(data, '\n', len);
        size_t n_line = line_feed ? (size_t)(line_feed - data) + 1 : len;

        if (!log->in_line) {
            char_log_put_time(log);
        }
        char_log_put(log, data, n_line);
        log->in_line = !line_feed;
        data += n_line;
        len -= n_line;
    }
}

void char_log_write(CharLog *log, const struct iovec *iov, int n_iov, size_t len)
{
    for (int i = 0; i < n_iov && len > 0; i++) {
        size_t n_part = MIN(iov[i].iov_len, len);

        if (log->timestamps) {
            char_log_put_lines(log, iov[i].iov_base, n_part);
        } else {
            char_log_put(log, iov[i].iov_base, n_part);
        }
        len -= n_part;
    }
}
