/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Datagram sockets from addresses: UDP, multicast, unix or a given socket. */

#ifndef NET_DGRAM_SOCKET_H
#define NET_DGRAM_SOCKET_H

#include <stdbool.h>
#include <sys/socket.h>
#include <glib.h>
#include "io/socket-path.h"
#include "qapi/qapi-types.h"

/** A socket that is ready for use. */
typedef struct NetDgramSocket {
    int fd;                         /* owned */
    SocketPath *path;               /* owned: of a local unix socket; NULL = none */
    struct sockaddr_storage remote;
    socklen_t remote_len;           /* 0 = @fd is connected */
    char *info;                     /* owned: for info network */
} NetDgramSocket;

/**
 * net_dgram_socket_open: open the socket of -netdev dgram,local=,remote=
 * @local, @remote: may be NULL
 * @sock: (out) end it with net_dgram_socket_clear(), or steal its fd and path before
 *
 * A local unix path is made free first where that may be.
 * Returns: false with @error set; nothing is to be cleared then.
 */
bool net_dgram_socket_open(NetDgramSocket *sock, const SocketAddress *local,
                           const SocketAddress *remote, GError **error);

/** net_dgram_socket_clear: close it and remove its path. */
void net_dgram_socket_clear(NetDgramSocket *sock);

#endif
