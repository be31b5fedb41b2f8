/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One attempt to connect in the background: a name by a thread, the rest in the loop. */

/*
 * An attempt begins in the loop, looks the name up, and tries one candidate after the other
 * until one connects. A unix listener whose queue is full refuses at once where a TCP peer would
 * let us wait; so we wait, until it has room, is gone, or the attempt is cancelled.
 */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "io/socket-address.h"
#include "io/socket-internal.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/fd-watch.h"
#include "util/fd.h"

struct SocketConnect {
    SocketAddress *addr;   /* owned */
    SocketConnectFunc *func;
    void *opaque;
    guint idle;            /* source that calls from the loop; 0 = none */
    SocketLookup *lookup;  /* under way; ends by itself, or is cancelled */
    GArray *candidates;    /* owned; NULL before the lookup is done */
    guint next;            /* candidate to try */
    int fd;                /* owned; of the current candidate */
    FdWatch *watch;        /* owned; of @fd */
    Timer *retry_timer;    /* owned; runs while the queue of a unix listener is full */
    GError *error;         /* owned; of the last candidate */
    bool is_notifying;          /* inside @func */
};

static void socket_connect_try_next(SocketConnect *attempt);

static void socket_connect_free(SocketConnect *attempt)
{
    if (attempt->idle) {
        g_source_remove(attempt->idle);
    }
    socket_lookup_cancel(attempt->lookup);
    fd_watch_free(attempt->watch);
    timer_free(attempt->retry_timer);
    fd_close(&attempt->fd);
    g_clear_pointer(&attempt->candidates, g_array_unref);
    g_clear_error(&attempt->error);
    qapi_free_SocketAddress(attempt->addr);
    g_free(attempt);
}

static void socket_connect_end(SocketConnect *attempt)
{
    g_clear_pointer(&attempt->watch, fd_watch_free);
    attempt->is_notifying = true;
    attempt->func(fd_steal(&attempt->fd), attempt->error, attempt->opaque);
    socket_connect_free(attempt);
}

/* The candidate is connected (@err 0), or another has to be tried. */
static void socket_connect_complete(SocketConnect *attempt, int err)
{
    if (err == 0) {
        g_clear_error(&attempt->error);
        socket_connect_end(attempt);
        return;
    }
    g_clear_error(&attempt->error);
    socket_connect_error(attempt->addr, err, &attempt->error);
    g_clear_pointer(&attempt->watch, fd_watch_free);
    fd_close(&attempt->fd);
    socket_connect_try_next(attempt);
}

static void socket_connect_ready(int fd, FdEvents events, void *opaque)
{
    socklen_t len = sizeof(int);
    int err = 0;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0) {
        err = errno;
    }
    socket_connect_complete(opaque, err);
}

static void socket_connect_retry(void *opaque)
{
    socket_connect_try_next(opaque);
}

/* A unix listener does not report that it has room again: try the same candidate once more. */
static void socket_connect_retry_soon(SocketConnect *attempt)
{
    attempt->next--;
    fd_close(&attempt->fd);
    if (!attempt->retry_timer) {
        attempt->retry_timer = timer_new(CLOCK_TYPE_REALTIME, socket_connect_retry, attempt);
    }
    timer_start_at(attempt->retry_timer, clock_now_ns(CLOCK_TYPE_REALTIME) +
                                             SOCKET_QUEUE_RETRY_MS * INT64_C(1000000));
}

/* Try candidates until one is under way or connected, or none is left. */
static void socket_connect_try_next(SocketConnect *attempt)
{
    while (attempt->next < attempt->candidates->len) {
        const SocketCandidate *candidate = &g_array_index(attempt->candidates, SocketCandidate,
                                                          attempt->next++);

        g_clear_error(&attempt->error);
        attempt->fd = socket_open(attempt->addr, candidate, &attempt->error);
        if (attempt->fd < 0) {
            continue;
        }
        if (connect(attempt->fd, (const struct sockaddr *)&candidate->sa, candidate->len) == 0) {
            break;
        }
        if (errno == EINPROGRESS || errno == EINTR) {
            attempt->watch = fd_watch_new(attempt->fd, socket_connect_ready, attempt);
            fd_watch_set(attempt->watch, FD_EVENT_WRITE);
            return;
        }
        if (errno == EAGAIN && candidate->sa.ss_family == AF_UNIX) {
            socket_connect_retry_soon(attempt);
            return;
        }
        socket_connect_error(attempt->addr, errno, &attempt->error);
        fd_close(&attempt->fd);
    }
    socket_connect_end(attempt);
}

/* Takes @candidates and @error, one of which is NULL. */
static void socket_connect_resolved(SocketConnect *attempt, GArray *candidates, GError *error)
{
    if (error) {
        attempt->error = error;
        socket_connect_end(attempt);
        return;
    }
    attempt->candidates = candidates;
    socket_connect_try_next(attempt);
}

static void socket_connect_looked_up(GArray *candidates, const GError *error, void *opaque)
{
    SocketConnect *attempt = opaque;

    attempt->lookup = NULL;
    socket_connect_resolved(attempt, candidates, error ? g_error_copy(error) : NULL);
}

static gboolean socket_connect_begin(gpointer opaque)
{
    SocketConnect *attempt = opaque;
    g_autoptr(GError) error = NULL;
    bool is_inet = attempt->addr->type == SOCKET_ADDRESS_TYPE_INET;
    GArray *candidates;

    attempt->idle = 0;
    candidates = socket_look_up(attempt->addr, is_inet ? SOCKET_RESOLVE_NUMERIC : 0, &error);
    if (!candidates && is_inet && !attempt->addr->u.inet.numeric) {
        attempt->lookup = socket_lookup_start(attempt->addr, 0, socket_connect_looked_up,
                                              attempt);
    } else {
        socket_connect_resolved(attempt, candidates, g_steal_pointer(&error));
    }
    return G_SOURCE_REMOVE;
}

SocketConnect *socket_connect_start(const SocketAddress *addr, SocketConnectFunc *func,
                                    void *opaque)
{
    SocketConnect *attempt = g_new0(SocketConnect, 1);

    attempt->addr = qapi_clone(QAPI_TYPE(SocketAddress), addr);
    attempt->func = func;
    attempt->opaque = opaque;
    attempt->fd = -1;
    attempt->idle = g_idle_add_full(G_PRIORITY_DEFAULT, socket_connect_begin, attempt, NULL);
    return attempt;
}

void socket_connect_cancel(SocketConnect *attempt)
{
    /* An attempt that has come to its end frees itself. */
    if (attempt && !attempt->is_notifying) {
        socket_connect_free(attempt);
    }
}
