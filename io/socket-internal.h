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
 * socket_look_up: all candidates for @addr (inet, unix or vsock), at least one
 * @flags: SocketResolveFlags
 *
 * Blocks: for name servers. May be called from any thread.
 * Returns: owned array of SocketCandidate; NULL with @error.
 */
GArray *socket_look_up(const SocketAddress *addr, unsigned flags, GError **error);

/** socket_resolve: socket_look_up() for the loop's thread: does not wait in a command. */
GArray *socket_resolve(const SocketAddress *addr, unsigned flags, GError **error);

/** A lookup in the background. */
typedef struct SocketLookup SocketLookup;

/** @candidates: owned, taken by the callee; or NULL with @error (borrowed). Called by the loop. */
typedef void SocketLookupFunc(GArray *candidates, const GError *error, void *opaque);

/**
 * socket_lookup_start: look @addr, of kind inet, up in a thread, within RECONNECT_ATTEMPT_MS
 * Returns: owned by itself until @func is called, or by socket_lookup_cancel().
 */
SocketLookup *socket_lookup_start(const SocketAddress *addr, unsigned flags,
                                  SocketLookupFunc *func, void *opaque);

/** socket_lookup_cancel: end it without a call, before @func is called; NULL is legal. */
void socket_lookup_cancel(SocketLookup *lookup);

/** One attempt to connect in the background; it has no deadline of its own. */
typedef struct SocketConnect SocketConnect;

/** @fd: connected, taken by the callee, or -1 with @error (borrowed). Not called when cancelled. */
typedef void SocketConnectFunc(int fd, const GError *error, void *opaque);

/**
 * socket_connect_start: connect to @addr, of kind inet, unix or vsock, without waiting
 * Returns: owned by the attempt itself, which ends after the call of @func, or by
 * socket_connect_cancel(). @func is always called from the loop, never from inside.
 */
SocketConnect *socket_connect_start(const SocketAddress *addr, SocketConnectFunc *func,
                                    void *opaque);

/** socket_connect_cancel: end the attempt without a call; no effect from inside it, or on NULL. */
void socket_connect_cancel(SocketConnect *attempt);

/**
 * socket_wait_resolve, socket_wait_connect: socket_resolve() and socket_connect() in a command
 *
 * Only while command_wait_is_on(): an unknown outcome is looked for in the background, and they
 * fail.
 */
GArray *socket_wait_resolve(const SocketAddress *addr, unsigned flags, GError **error);
int socket_wait_connect(const SocketAddress *addr, GError **error);

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
