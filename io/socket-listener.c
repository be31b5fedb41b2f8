/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listening sockets and their paths; a failure of accept() does not make the loop spin. */

#include "io/socket-listener.h"

#include <errno.h>
#include <string.h>
#include <glib.h>

#include "io/socket-address.h"
#include "util/clock.h"
#include "util/fd-watch.h"
#include "util/fd.h"
#include "util/log.h"

#define SOCKET_LISTENER_PAUSE_NS INT64_C(100000000)

struct SocketListener {
    int fd;           /* owned */
    SocketPath *path; /* owned: of a unix socket that we bound; NULL = none */
    FdWatch *watch; /* owned */
    Timer *pause;   /* owned; runs after accept() has failed */
    SocketListenerFunc *func;
    void *opaque;
    bool is_active;
    bool has_failed; /* and that has been reported */
};

/* The client still waits, so the socket would be readable at once: look again later. */
static void socket_listener_fail(SocketListener *listener, int err)
{
    fd_watch_set(listener->watch, FD_EVENT_NONE);
    timer_start_at(listener->pause, clock_now_ns(CLOCK_TYPE_REALTIME) + SOCKET_LISTENER_PAUSE_NS);
    if (!listener->has_failed) {
        log_limited_warning("cannot accept a connection", strerror(err), "%s", strerror(err));
        listener->has_failed = true;
    }
}

static void socket_listener_ready(int listen_fd, FdEvents events, void *opaque)
{
    SocketListener *listener = opaque;
    int fd = socket_accept(listen_fd);

    if (fd >= 0) {
        listener->has_failed = false;
        listener->func(fd, listener->opaque); /* may free the listener */
    } else if (errno != EAGAIN) {
        socket_listener_fail(listener, errno);
    }
}

static void socket_listener_resume(void *opaque)
{
    SocketListener *listener = opaque;

    fd_watch_set(listener->watch, listener->is_active ? FD_EVENT_READ : FD_EVENT_NONE);
}

SocketListener *socket_listener_new(int fd, SocketListenerFunc *func, void *opaque)
{
    SocketListener *listener = g_new0(SocketListener, 1);

    listener->fd = fd;
    listener->watch = fd_watch_new(fd, socket_listener_ready, listener);
    listener->pause = timer_new(CLOCK_TYPE_REALTIME, socket_listener_resume, listener);
    listener->func = func;
    listener->opaque = opaque;
    return listener;
}

SocketListener *socket_listener_open(const SocketAddress *addr, int backlog,
                                     SocketListenerFunc *func, void *opaque, GError **error)
{
    SocketPath *path = NULL;
    int fd = socket_listen(addr, backlog, &path, error);
    SocketListener *listener;

    if (fd < 0) {
        return NULL;
    }
    listener = socket_listener_new(fd, func, opaque);
    listener->path = path;
    return listener;
}

void socket_listener_set_yielding(const SocketListener *listener, bool yielding)
{
    socket_path_set_yielding(yielding ? listener->path : NULL);
}

int socket_listener_fd(const SocketListener *listener)
{
    return listener->fd;
}

void socket_listener_set_active(SocketListener *listener, bool active)
{
    listener->is_active = active;
    if (!timer_is_running(listener->pause)) {
        socket_listener_resume(listener);
    }
}

void socket_listener_free(SocketListener *listener)
{
    if (listener) {
        timer_free(listener->pause);
        fd_watch_free(listener->watch);
        socket_path_free(listener->path);
        fd_close(&listener->fd);
        g_free(listener);
    }
}
