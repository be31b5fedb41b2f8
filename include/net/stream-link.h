/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a client gets its stream connections: as server or as client, once or again and again. */

#ifndef NET_STREAM_LINK_H
#define NET_STREAM_LINK_H

#include <stdbool.h>
#include "io/socket-address.h"
#include "io/socket-client.h"
#include "io/socket-listener.h"
#include "net/client.h"
#include "net/stream-conn.h"
#include "util/clock.h"

/** Hooks of the owner of a link; constant. */
typedef struct NetStreamLinkOps {
    /** It has a connection. @addr: the other end's, or our own where that has none; borrowed, may
     *  be NULL. Called before the first frame is sent. */
    void (*connected)(NetClient *nc, const SocketAddress *addr);
    /** It has lost it, and listens, connects or rests. */
    void (*disconnected)(NetClient *nc);
} NetStreamLinkOps;

/** What a link is to be; all borrowed. */
typedef struct NetStreamLinkOptions {
    const SocketAddress *addr;
    bool server;
    int64_t reconnect_ms;     /* of a client; up to 0 = never */
    bool vnet_hdr;            /* frames carry their virtio-net header */
    bool once;                /* there is no other connection behind the first */
    bool waits_for_next;      /* frames wait for the next connection; else they are dropped */
} NetStreamLinkOptions;

/** Embedded in the client; between two connections it listens, connects or waits. */
typedef struct NetStreamLink {
    NetStreamConn conn;
    const NetStreamLinkOps *ops;
    SocketAddress *addr;      /* owned */
    bool server;
    bool once;
    char *error;              /* owned: why the last attempt failed; NULL = it did not */
    int given_fd;             /* owned: the descriptor of an address of kind fd; -1 = none */
    SocketListener *listener; /* owned; NULL = not a server, or not yet */
    SocketClient *client;     /* owned; NULL = a server, or the connection is given */
    Timer *start;             /* owned: begins with a given connection; NULL = there is none */
    bool held;                /* waits for net_stream_link_hold(false) */
} NetStreamLink;

/**
 * net_stream_link_take_fd: the socket that an address of kind fd names
 *
 * A name is good only while the command runs; so it is looked up before the client is made.
 * Returns: owned, non-blocking; -1 with @error set.
 */
int net_stream_link_take_fd(const char *text, GError **error);

/**
 * net_stream_link_init: not started
 * @given_fd: taken; -1 unless the address is of kind fd
 */
void net_stream_link_init(NetStreamLink *link, NetClient *nc, const NetStreamLinkOps *ops,
                          const NetStreamLinkOptions *opts, int given_fd);

/** net_stream_link_clear: end everything; a zeroed link is legal. */
void net_stream_link_clear(NetStreamLink *link);

/**
 * net_stream_link_start: listen right now, or connect from the loop
 * Returns: false with @error set: cannot listen. A failure to connect shows in info network.
 */
bool net_stream_link_start(NetStreamLink *link, GError **error);

/** net_stream_link_uri: where it listens, or is to connect to; NULL = nowhere. Owned. */
char *net_stream_link_uri(const NetStreamLink *link);

/**
 * net_stream_link_hold: whether clients wait before their first attempt to connect
 *
 * Letting go starts the attempts of those that waited.
 */
void net_stream_link_hold(bool hold);

#endif
