/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connection of a netdev that sends and receives length-prefixed frames. */

#ifndef NET_STREAM_CONN_H
#define NET_STREAM_CONN_H

#include <stdbool.h>
#include "net/client.h"
#include "net/frame-writer.h"
#include "net/framer.h"
#include "util/fd-watch.h"

/**
 * The connection has ended and the fd is closed. The netdev is marked as not connected; what
 * follows (wait for the next one, connect again) is the callee's business.
 */
typedef void NetStreamConnLostFunc(NetClient *nc);

/** Embedded in the netdev; start with net_stream_conn_init(). */
typedef struct NetStreamConn {
    NetClient *nc;               /* back pointer: the netdev it is part of */
    NetStreamConnLostFunc *lost;
    int fd;                      /* owned; -1 = not connected */
    FdWatch *watch;              /* owned; NULL = not connected */
    NetFramer framer;
    NetFrameWriter writer;
    bool polled;                 /* what read_poll was last told */
    bool waits_to_write;
    bool write_broken;           /* nothing can be sent; the end comes by reading */
} NetStreamConn;

/**
 * net_stream_conn_init: not connected
 *
 * The netdev counts as not connected from now on, and as polled or not as it is now.
 */
void net_stream_conn_init(NetStreamConn *conn, NetClient *nc, NetStreamConnLostFunc *lost);

/** net_stream_conn_clear: close; a zeroed connection is legal. */
void net_stream_conn_clear(NetStreamConn *conn);

/**
 * net_stream_conn_open: go on over a new connection
 * @fd: a connected non-blocking socket; taken
 *
 * A frame that the connection before took only a part of is sent again, whole.
 */
void net_stream_conn_open(NetStreamConn *conn, int fd);

/** net_stream_conn_forget_rest: there will be no other connection; count that frame as dropped. */
void net_stream_conn_forget_rest(NetStreamConn *conn);

/** net_stream_conn_receive, _read_poll: for the hooks of the same names. */
size_t net_stream_conn_receive(NetStreamConn *conn, const NetFrame *frames, size_t n);
void net_stream_conn_read_poll(NetStreamConn *conn, bool enable);

#endif
