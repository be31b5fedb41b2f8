/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connection of a netdev or export that sends and receives length-prefixed frames. */

#ifndef NET_STREAM_CONN_H
#define NET_STREAM_CONN_H

#include <stdbool.h>
#include "net/client.h"
#include "net/frame-writer.h"
#include "net/framer.h"
#include "util/fd-watch.h"

typedef struct NetStreamConn NetStreamConn;

/**
 * The connection has ended and the fd is closed. The client is marked as not connected; the callee
 * waits for the next connection, or connects again.
 */
typedef void NetStreamConnLostFunc(NetClient *nc, NetStreamConn *conn);

/** Embedded in the client; start with net_stream_conn_init(). */
struct NetStreamConn {
    NetClient *nc;               /* back pointer: the client it is part of */
    bool waits_for_next;         /* frames wait for the next connection; else they are dropped */
    NetStreamConnLostFunc *lost;
    int fd;                      /* owned; -1 = not connected */
    FdWatch *watch;              /* owned; NULL = not connected */
    NetFramer framer;
    NetFrameWriter writer;
    bool polled;                 /* last argument of read_poll */
    bool waits_to_write;
    bool halted;                 /* no frame is begun; one that is begun is finished */
    bool write_broken;           /* nothing can be sent; the end comes by reading */
};

/**
 * net_stream_conn_init: not connected
 * @vnet_hdr: each frame's length is followed by that of its virtio-net header
 *
 * The client counts as not connected from now on, and as polled or not as it is now.
 */
void net_stream_conn_init(NetStreamConn *conn, NetClient *nc, bool vnet_hdr,
                          NetStreamConnLostFunc *lost);

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

/**
 * net_stream_conn_drain: read what the other end has sent, until nothing is there
 * @limit: bytes after which it is enough
 *
 * Reads only while polled, and not beyond the end of the connection.
 */
void net_stream_conn_drain(NetStreamConn *conn, uint64_t limit);

/** net_stream_conn_is_idle: whether all that was received for sending is in the socket. */
bool net_stream_conn_is_idle(const NetStreamConn *conn);

/**
 * net_stream_conn_set_halted: begin no frame from now on, or go on
 *
 * That is about the frame that the connection before took only a part of: others come from
 * the chain, which is halted by the run state.
 */
void net_stream_conn_set_halted(NetStreamConn *conn, bool halted);

/** net_stream_conn_receive, _read_poll: for the hooks of the same names. */
size_t net_stream_conn_receive(NetStreamConn *conn, const NetFrame *frames, size_t n);
void net_stream_conn_read_poll(NetStreamConn *conn, bool enable);

#endif
