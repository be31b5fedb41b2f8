/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waits for clients of a listening socket, also where the process is out of descriptors. */

#ifndef IO_SOCKET_LISTENER_H
#define IO_SOCKET_LISTENER_H

#include <stdbool.h>

typedef struct SocketListener SocketListener;

/** Gets each client. @fd: taken by the callee; non-blocking and close-on-exec. */
typedef void SocketListenerFunc(int fd, void *opaque);

/**
 * socket_listener_new: watch a listening socket; not active at first
 * @fd: borrowed; must stay open until the listener is freed
 *
 * A client that cannot be accepted (no descriptors, no memory) stays in the queue: the listener
 * says so once, and tries again every 100 ms until it succeeds.
 */
SocketListener *socket_listener_new(int fd, SocketListenerFunc *func, void *opaque);

/** socket_listener_set_active: take clients, or leave them in the queue. */
void socket_listener_set_active(SocketListener *listener, bool active);

/** socket_listener_free: NULL is legal, also inside its own callback. */
void socket_listener_free(SocketListener *listener);

#endif
