/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes lines to a descriptor without ever waiting for its reader. */

/*
 * stderr is shared with other processes, often with a user's shell, so O_NONBLOCK must not be
 * set on it. Opening /proc/self/fd/2 gives a description of our own for pipes and terminals; a
 * socket has a flag for each call; a regular file never waits for a reader. Where all that fails
 * poll(2) is asked first, and a pipe that is ready takes PIPE_BUF bytes.
 */

#include "util/line-sink.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "util/fd.h"

#define LINE_SINK_PENDING_MAX (256u * 1024)

static int sink_reopen(int fd)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);

    return open(path, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void line_sink_open(LineSink *sink, int fd)
{
    struct stat st;

    line_sink_close(sink);
    sink->fd = fd;
    if (fstat(fd, &st) < 0) {
        sink->way = LINE_SINK_NOWHERE;
    } else if (S_ISSOCK(st.st_mode)) {
        sink->way = LINE_SINK_SEND;
    } else if (S_ISREG(st.st_mode)) {
        sink->way = LINE_SINK_WRITE;
    } else {
        int own_fd = sink_reopen(fd);

        sink->owns_fd = own_fd >= 0;
        sink->fd = own_fd >= 0 ? own_fd : fd;
        sink->way = own_fd >= 0 ? LINE_SINK_WRITE : LINE_SINK_POLL;
    }
}

void line_sink_take(LineSink *sink, int fd)
{
    line_sink_close(sink);
    sink->fd = fd;
    sink->owns_fd = true;
    sink->way = LINE_SINK_WRITE;
}

static ssize_t sink_write_once(const LineSink *sink, const char *data, size_t len)
{
    struct pollfd pfd = { .fd = sink->fd, .events = POLLOUT };

    switch (sink->way) {
    case LINE_SINK_NOWHERE:
        break;
    case LINE_SINK_WRITE:
        return write(sink->fd, data, len);
    case LINE_SINK_SEND:
        return send(sink->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    case LINE_SINK_POLL:
        if (poll(&pfd, 1, 0) <= 0) {
            errno = EAGAIN;
            return -1;
        }
        return write(sink->fd, data, MIN(len, PIPE_BUF));
    }
    return (ssize_t)len;
}

/* Returns: bytes that are out; *@broken: an error other than a lack of room ended it. */
static size_t sink_put(const LineSink *sink, const char *data, size_t len, bool *broken)
{
    size_t done = 0;

    *broken = false;
    while (done < len) {
        ssize_t n = sink_write_once(sink, data + done, len - done);

        if (n >= 0) {
            done += (size_t)n;
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR) {
            *broken = true;
            break;
        }
    }
    return done;
}

static size_t sink_n_pending(const LineSink *sink)
{
    return sink->pending ? sink->pending->len : 0;
}

static void sink_forget_pending(LineSink *sink)
{
    if (sink->pending) {
        g_string_truncate(sink->pending, 0);
    }
    g_clear_pointer(&sink->watch, fd_watch_free);
}

/* Returns: whether nothing is left. */
static bool sink_flush(LineSink *sink)
{
    bool broken;
    size_t done;

    if (sink_n_pending(sink) == 0) {
        return true;
    }
    done = sink_put(sink, sink->pending->str, sink->pending->len, &broken);
    g_string_erase(sink->pending, 0, (gssize)done);
    if (broken) {
        sink->n_lost++;
        sink->torn = true;
        sink_forget_pending(sink);
    }
    if (sink_n_pending(sink) == 0) {
        sink_forget_pending(sink);
        return true;
    }
    return false;
}

static void sink_ready(int fd, FdEvents events, void *opaque)
{
    sink_flush(opaque);
}

static void sink_keep(LineSink *sink, const char *data, size_t len)
{
    if (!sink->pending) {
        sink->pending = g_string_new(NULL);
    }
    g_string_append_len(sink->pending, data, (gssize)len);
    if (!sink->watch) {
        sink->watch = fd_watch_new(sink->fd, sink_ready, sink);
        fd_watch_set(sink->watch, FD_EVENT_WRITE);
    }
}

/* Returns: false when there is no room for it; nothing of it is out then. */
static bool sink_add(LineSink *sink, const char *data, size_t len)
{
    bool broken;
    size_t done;

    if (sink_n_pending(sink) > 0) {
        if (sink->pending->len + len > LINE_SINK_PENDING_MAX) {
            return false;
        }
        sink_keep(sink, data, len);
        return true;
    }
    done = sink_put(sink, data, len, &broken);
    if (broken) {
        sink->torn |= done > 0;
        return false;
    }
    if (done < len) {
        sink_keep(sink, data + done, len - done);
    }
    return true;
}

/* In the place of lost lines: their number. Returns: whether all is written. */
static bool sink_notify_lost(LineSink *sink)
{
    g_autofree char *line = NULL;

    if (sink->n_lost == 0 && !sink->torn) {
        return true;
    }
    line = g_strdup_printf("%s%s: warning: lost here, as they could not be written: %" PRIu64
                           " lines\n", sink->torn ? "\n" : "", g_get_prgname(), sink->n_lost);
    if (!sink_add(sink, line, strlen(line))) {
        return false;
    }
    sink->n_lost = 0;
    sink->torn = false;
    return true;
}

void line_sink_write(LineSink *sink, const char *text, size_t len)
{
    if (!sink_notify_lost(sink) || !sink_add(sink, text, len)) {
        sink->n_lost++;
    }
}

void line_sink_finish(LineSink *sink, int timeout_ms)
{
    int64_t deadline_us = g_get_monotonic_time() + timeout_ms * INT64_C(1000);

    while (!sink_flush(sink)) {
        struct pollfd pfd = { .fd = sink->fd, .events = POLLOUT };
        int64_t left_us = deadline_us - g_get_monotonic_time();

        if (left_us <= 0 || poll(&pfd, 1, (int)(left_us / 1000) + 1) < 0) {
            return;
        }
    }
    sink_notify_lost(sink);
}

void line_sink_close(LineSink *sink)
{
    g_clear_pointer(&sink->watch, fd_watch_free);
    if (sink->pending) {
        g_string_free(sink->pending, TRUE);
    }
    if (sink->owns_fd) {
        fd_close(&sink->fd);
    }
    *sink = (LineSink) { .way = LINE_SINK_NOWHERE };
}
