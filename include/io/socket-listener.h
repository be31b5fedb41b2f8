/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A listening socket and its path: waits for clients, also where descriptors have run out. */

#ifndef IO_SOCKET_LISTENER_H
#define IO_SOCKET_LISTENER_H

#include <stdbool.h>
#include <glib.h>
#include "io/socket-path.h"
#include "qapi/qapi-types.h"

typedef struct SocketListener SocketListener;

/** Gets each client. @fd: taken by the callee; non-blocking and close-on-exec. */
typedef void SocketListenerFunc(int fd, void *opaque);

/**
 * socket_listener_new: watch a listening socket; not active at first
 * @fd: taken
 *
 * A client that cannot be accepted (no descriptors, no memory) stays in the queue: the listener
 * says so once, and tries again every 100 ms until it succeeds.
 */
SocketListener *socket_listener_new(int fd, SocketListenerFunc *func, void *opaque);

/**
 * socket_listener_open: listen at @addr; not active at first
 * @backlog: of listen(2)
 *
 * It owns the file at a unix path: socket_listener_free() removes it, but no other's.
 * Returns: owned; NULL with @error set.
 */
SocketListener *socket_listener_open(const SocketAddress *addr, int backlog,
                                     SocketListenerFunc *func, void *opaque, GError **error);

/** socket_listener_fd: the listening socket, borrowed. */
int socket_listener_fd(const SocketListener *listener);

/** socket_listener_set_yielding: whether its unix path is free for another one of this process. */
void socket_listener_set_yielding(const SocketListener *listener, bool yielding);

/** socket_listener_set_active: take clients, or leave them in the queue. */
void socket_listener_set_active(SocketListener *listener, bool active);

/** socket_listener_free: close the socket; NULL is legal, also inside its own callback. */
void socket_listener_free(SocketListener *listener);

#endif
