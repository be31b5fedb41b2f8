/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets from SocketAddress values: listen, connect, name, text form. */

#ifndef IO_SOCKET_ADDRESS_H
#define IO_SOCKET_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>
#include <glib.h>
#include "io/socket-path.h"
#include "qapi/qapi-types.h"

/*
 * Blocks: if a name is to be looked up, the functions of this file block at start-up. In a command
 * of a monitor they fail at first: see util/command-wait.h.
 */

/**
 * socket_listen: bind and listen; a unix path is made free first where that may be
 * @backlog: of listen(2)
 * @path: (out) owned: the file at a unix path, NULL = there is none; may be NULL, then it stays
 * Returns: a non-blocking close-on-exec socket, owned; -1 with @error.
 */
int socket_listen(const SocketAddress *addr, int backlog, SocketPath **path, GError **error);

/**
 * socket_connect: connect now
 *
 * Blocks: at start-up, up to RECONNECT_ATTEMPT_MS. In a command of a monitor it does not block,
 * and fails at first: see util/command-wait.h.
 * Returns: a connected non-blocking close-on-exec socket, owned; -1 with @error.
 */
int socket_connect(const SocketAddress *addr, GError **error);

/**
 * socket_accept: one waiting client
 * Returns: a non-blocking close-on-exec socket; -1 with errno when there is none.
 */
int socket_accept(int listen_fd);

/**
 * socket_address_local, _remote: the addresses of getsockname and getpeername. Owned; NULL with
 * @error.
 */
SocketAddress *socket_address_local(int fd, GError **error);
SocketAddress *socket_address_remote(int fd, GError **error);

/**
 * socket_address_set_base: where relative paths of unix sockets lead from, from now on
 * @dir: copied; NULL = the working directory, whatever that is at the time
 */
void socket_address_set_base(const char *dir);

/** socket_address_path: of the unix socket @addr, by which it is found now. Owned. */
char *socket_address_path(const UnixSocketAddress *addr);

/** socket_address_has_path: whether @addr is a unix socket that is seen in the file system. */
bool socket_address_has_path(const SocketAddress *addr);

/** socket_address_uri: "INET_SCHEME:HOST:PORT", "unix:PATH", "vsock:CID:PORT", "fd:TEXT". Owned. */
char *socket_address_uri(const SocketAddress *addr, const char *inet_scheme);

/** socket_address_to_sockaddr: inet (resolved), unix, vsock. False with @error. */
bool socket_address_to_sockaddr(const SocketAddress *addr, bool passive,
                                struct sockaddr_storage *sa, socklen_t *len, GError **error);

/** socket_address_flatten: chardev-add's nested form as the flat one. Owned; NULL with @error. */
SocketAddress *socket_address_flatten(const SocketAddressLegacy *nested, GError **error);

#endif
