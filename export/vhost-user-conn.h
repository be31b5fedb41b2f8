/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The unix socket between a vhost-user export and its front-end, in either role. */

#ifndef EXPORT_VHOST_USER_CONN_H
#define EXPORT_VHOST_USER_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include "export/vhost-user-msg.h"
#include "io/socket-address.h"
#include "io/socket-client.h"
#include "io/socket-listener.h"
#include "util/clock.h"
#include "util/fd-watch.h"

/** What the owner of a connection is told; constant. */
typedef struct VhostUserConnOps {
    /** A front-end is there. @addr: borrowed: its address, or ours; may be NULL. */
    void (*opened)(void *opaque, const SocketAddress *addr);
    /** It has sent @msg; the answer goes to @fd. False with @error set ends the connection. */
    bool (*message)(void *opaque, VhostUserMsg *msg, int fd, GError **error);
    /** It has gone. */
    void (*closed)(void *opaque);
    /** What it does now, for info network. @why: NULL, or the reason. */
    void (*changed)(void *opaque, const char *what, const char *why);
} VhostUserConnOps;

/** What a connection is to be; all borrowed. */
typedef struct VhostUserConnOptions {
    const char *source;        /* of messages: "export 'ID'"; stays */
    const SocketAddress *addr; /* of type unix or fd */
    bool server;
    bool once;                 /* there is no other front-end behind the first */
    int64_t reconnect_ms;      /* of a client; 0 = never */
} VhostUserConnOptions;

/** Embedded in the export. */
typedef struct VhostUserConn {
    const VhostUserConnOps *ops;
    void *opaque;
    const char *source;        /* borrowed: of messages */
    SocketAddress *addr;       /* owned */
    bool server;
    bool once;
    char *error;               /* owned: why the last attempt failed; NULL = it did not */
    int given_fd;              /* owned: what an address of kind fd named; -1 = none */
    SocketListener *listener;  /* owned; NULL = not a server */
    SocketClient *client;      /* owned; NULL = a server, or the connection is given */
    Timer *start;              /* owned: begins with a given connection */
    int fd;                    /* owned; -1 = no front-end */
    FdWatch *watch;            /* owned; NULL = no front-end */
    VhostUserReader reader;
} VhostUserConn;

/** vhost_user_conn_init: not started. @given_fd: taken; -1 unless @opts->addr is of kind fd. */
void vhost_user_conn_init(VhostUserConn *conn, const VhostUserConnOps *ops, void *opaque,
                          const VhostUserConnOptions *opts, int given_fd);

/** vhost_user_conn_clear: end everything, without hooks; a zeroed one is legal. */
void vhost_user_conn_clear(VhostUserConn *conn);

/**
 * vhost_user_conn_start: listen from now on, or connect from the loop
 * Returns: false with @error set: it cannot listen there.
 */
bool vhost_user_conn_start(VhostUserConn *conn, GError **error);

/** vhost_user_conn_uri: where it listens, or is to connect to; NULL = nowhere. Owned. */
char *vhost_user_conn_uri(const VhostUserConn *conn);

/** vhost_user_conn_end: part from the front-end. @why: NULL = it went by itself. */
void vhost_user_conn_end(VhostUserConn *conn, const char *why);

#endif
