/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The socket of a netdev that sends and receives a frame as a datagram. */

#ifndef NET_DGRAM_CONN_H
#define NET_DGRAM_CONN_H

#include <stdbool.h>
#include <sys/socket.h>
#include "net/client.h"
#include "util/clock.h"
#include "util/fd-watch.h"

/** Embedded in the netdev; zeroed = closed. */
typedef struct NetDgramConn {
    NetClient *nc;               /* back pointer: the netdev it is part of */
    int fd;                      /* owned; valid when @watch is there */
    FdWatch *watch;              /* owned; NULL = closed */
    Timer *retry;                /* owned; stands in for writability where poll cannot tell */
    struct sockaddr_storage remote;
    socklen_t remote_len;        /* 0 = the socket is connected */
    bool polled;                 /* what read_poll was last told */
    bool waits_to_write;
} NetDgramConn;

/**
 * net_dgram_conn_open: send and receive from now on
 * @fd: a bound or connected non-blocking socket; taken
 * @remote: copied; where frames go, NULL = the socket is connected
 */
void net_dgram_conn_open(NetDgramConn *conn, NetClient *nc, int fd,
                         const struct sockaddr *remote, socklen_t remote_len);
void net_dgram_conn_close(NetDgramConn *conn);

/** net_dgram_conn_receive, _read_poll: for the hooks of the same names. */
size_t net_dgram_conn_receive(NetDgramConn *conn, const NetFrame *frames, size_t n);
void net_dgram_conn_read_poll(NetDgramConn *conn, bool enable);

#endif
