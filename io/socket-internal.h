/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From an address to the candidates that listening and connecting try in turn. */

#ifndef IO_SOCKET_INTERNAL_H
#define IO_SOCKET_INTERNAL_H

#include <stdbool.h>
#include <sys/socket.h>
#include <glib.h>
#include "qapi/qapi-types.h"

/** One address in the system's form. */
typedef struct SocketCandidate {
    struct sockaddr_storage sa;
    socklen_t len;
} SocketCandidate;

/** How long to wait before connecting again to a unix listener whose queue is full. */
#define SOCKET_QUEUE_RETRY_MS 10

/** How inet names are resolved. */
typedef enum SocketResolveFlags {
    SOCKET_RESOLVE_PASSIVE = 1 << 0, /* to bind to: no host means any address */
    SOCKET_RESOLVE_NUMERIC = 1 << 1, /* numbers only; never waits */
    SOCKET_RESOLVE_DGRAM   = 1 << 2, /* services of UDP */
} SocketResolveFlags;

/**
 * socket_resolve: all candidates for @addr (inet, unix or vsock), at least one
 *
 * May be called from any thread. Returns: owned array of SocketCandidate; NULL with @error.
 */
GArray *socket_resolve(const SocketAddress *addr, unsigned flags, GError **error);

/**
 * socket_open: a non-blocking close-on-exec stream socket of the candidate's family
 *
 * Sets what @addr says of keep-alive and Multipath TCP. Returns: -1 with @error.
 */
int socket_open(const SocketAddress *addr, const SocketCandidate *candidate, GError **error);

/** socket_take_fd: rule R2, made non-blocking, and must be a socket. Returns: -1 with @error. */
int socket_take_fd(const FdSocketAddress *addr, GError **error);

/** socket_connect_error: "Failed to connect to 'WHERE': STRERROR". */
bool socket_connect_error(const SocketAddress *addr, int err, GError **error);

#endif
