/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The socket of a netdev or export that sends and receives a frame as a datagram. */

#ifndef NET_DGRAM_CONN_H
#define NET_DGRAM_CONN_H

#include <stdbool.h>
#include <sys/socket.h>
#include "io/socket-drops.h"
#include "io/socket-path.h"
#include "net/client.h"
#include "util/clock.h"
#include "util/fd-watch.h"

/** Hooks of a client that keeps its frames while the peer is away; constant. */
typedef struct NetDgramConnOps {
    /** The peer is away: call net_client_ready() when it may be back. */
    void (*lost)(NetClient *nc);
    /** Whether a datagram that came from @from is the other side's. */
    bool (*knows)(NetClient *nc, const struct sockaddr_storage *from, socklen_t len);
    /** Something came from the other side; called after each read that brought such. */
    void (*heard)(NetClient *nc);
} NetDgramConnOps;

/** Embedded in the client; zeroed = closed. */
typedef struct NetDgramConn {
    NetClient *nc;               /* back pointer: the client it is part of */
    const NetDgramConnOps *ops; /* NULL = frames are dropped while the peer is away */
    bool always_reads;           /* beyond the hold limit the newest frames are dropped */
    int fd;                      /* owned; valid when @watch is there */
    SocketPath *path;            /* owned: goes with the socket; NULL = none */
    SocketDrops drops;           /* of @fd */
    FdWatch *watch;              /* owned; NULL = closed */
    Timer *retry;                /* owned; for writability where poll reports none */
    struct sockaddr_storage remote;
    socklen_t remote_len;        /* 0 = the socket is connected */
    bool polled;                 /* last argument of read_poll */
    bool waits_to_write;
} NetDgramConn;

/**
 * net_dgram_conn_open: send and receive from now on
 * @fd: a bound or connected non-blocking socket; taken
 * @path: taken; NULL = not bound to a unix path
 * @remote: copied; where frames go, NULL = the socket is connected
 */
void net_dgram_conn_open(NetDgramConn *conn, NetClient *nc, int fd, SocketPath *path,
                         const struct sockaddr *remote, socklen_t remote_len);
void net_dgram_conn_close(NetDgramConn *conn);

/**
 * net_dgram_conn_drain: read what has been sent, until nothing is there
 * @limit: bytes after which it is enough; each datagram counts as one more
 */
void net_dgram_conn_drain(NetDgramConn *conn, uint64_t limit);

/** net_dgram_conn_receive, _read_poll: for the hooks of the same names. */
size_t net_dgram_conn_receive(NetDgramConn *conn, const NetFrame *frames, size_t n);
void net_dgram_conn_read_poll(NetDgramConn *conn, bool enable);

/** net_dgram_conn_kernel_dropped: as socket_drops_get(); false when it is closed. */
bool net_dgram_conn_kernel_dropped(NetDgramConn *conn, uint64_t *frames);

#endif
