/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connecting side of a stream socket: in the background, with a deadline, again if wanted. */

#ifndef IO_SOCKET_CLIENT_H
#define IO_SOCKET_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>
#include "qapi/qapi-types.h"

typedef struct SocketClient SocketClient;

/**
 * Gets the outcome of each attempt, always from the loop.
 * @fd: connected, non-blocking and close-on-exec, taken by the callee; or -1 with
 * @error: borrowed
 */
typedef void SocketClientFunc(int fd, const GError *error, void *opaque);

/**
 * socket_client_new: not started
 * @addr: of kind inet, unix or vsock; copied
 * @reconnect_ms: from a failure or the loss of a connection to the next attempt; up to 0 = never
 *
 * An attempt waits for nothing: names are looked up in a thread. One that has come to nothing
 * after RECONNECT_ATTEMPT_MS fails, as at a unix listener that takes no more clients.
 */
SocketClient *socket_client_new(const SocketAddress *addr, int64_t reconnect_ms,
                                SocketClientFunc *func, void *opaque);

/** socket_client_start: make the first attempt. */
void socket_client_start(SocketClient *client);

/** socket_client_lose: the connection is over. Returns: whether another attempt is to come. */
bool socket_client_lose(SocketClient *client);

/** socket_client_will_retry: whether another attempt follows when one fails. */
bool socket_client_will_retry(const SocketClient *client);

/** socket_client_is_connecting: whether an attempt is under way. */
bool socket_client_is_connecting(const SocketClient *client);

/** socket_client_free: end all attempts; NULL is legal, also inside its own callback. */
void socket_client_free(SocketClient *client);

#endif
