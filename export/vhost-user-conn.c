/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gets a vhost-user export its front-end, and reads messages. */

/*
 * One front-end is served at a time. One more is told to go by closing its connection, unless the
 * first turns out to have gone: a VM that is started again at once may be seen before that.
 */

#include "export/vhost-user-conn.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "util/error.h"
#include "util/fd.h"
#include "util/log.h"

/* Messages of one wake-up. */
#define MESSAGES_MAX 16u

static void conn_set_error(VhostUserConn *conn, const GError *error)
{
    g_free(conn->error);
    conn->error = error ? g_strdup(error->message) : NULL;
}

/* --- A connection ------------------------------------------------------------------------ */

/* Returns: what it does between two front-ends. */
static const char *conn_go_on(VhostUserConn *conn)
{
    if (conn->once) {
        return "not-connected";
    }
    if (conn->listener) {
        return "listening";
    }
    return conn->client && socket_client_lose(conn->client) ? "connecting" : "not-connected";
}

void vhost_user_conn_end(VhostUserConn *conn, const char *why)
{
    if (conn->fd < 0) {
        return;
    }
    if (why) {
        log_limited_error(conn->source, "ended", "the connection to the guest's VM was ended: %s",
                          why);
    }
    g_clear_pointer(&conn->watch, fd_watch_free);
    fd_close(&conn->fd);
    vhost_user_reader_clear(&conn->reader);
    if (conn->once && conn->listener) {
        socket_listener_set_active(conn->listener, false);
    }
    conn->ops->changed(conn->opaque, conn_go_on(conn), NULL);
    conn->ops->closed(conn->opaque);
}

/* Returns: whether there may be more to read. */
static bool conn_read_one(VhostUserConn *conn)
{
    g_autoptr(GError) error = NULL;
    VhostUserRead found = vhost_user_read(&conn->reader, conn->fd, &error);

    if (found == VHOST_USER_READ_WAIT) {
        return false;
    }
    if (found == VHOST_USER_READ_MSG &&
        conn->ops->message(conn->opaque, &conn->reader.msg, conn->fd, &error)) {
        vhost_user_reader_clear(&conn->reader);
        return true;
    }
    vhost_user_conn_end(conn, error ? error->message : NULL);
    return false;
}

static void conn_event(int fd, FdEvents events, void *opaque)
{
    VhostUserConn *conn = opaque;

    for (unsigned i = 0; i < MESSAGES_MAX && conn_read_one(conn); i++) {
        continue;
    }
}

/* A unix client seen from the server has no address: then our own. */
static SocketAddress *conn_address(const VhostUserConn *conn, int fd)
{
    SocketAddress *addr = socket_address_remote(fd, NULL);

    if (addr && conn->server && addr->type == SOCKET_ADDRESS_TYPE_UNIX) {
        qapi_free_SocketAddress(addr);
        addr = socket_address_local(fd, NULL);
    }
    return addr;
}

/* @fd: taken. */
static void conn_open(VhostUserConn *conn, int fd)
{
    g_autoptr(SocketAddress) addr = conn_address(conn, fd);
    g_autofree char *uri = addr ? socket_address_uri(addr, "tcp") : g_strdup("");

    conn->fd = fd;
    conn_set_error(conn, NULL);
    conn->watch = fd_watch_new(fd, conn_event, conn);
    fd_watch_set(conn->watch, FD_EVENT_READ);
    conn->ops->changed(conn->opaque, uri, NULL);
    conn->ops->opened(conn->opaque, addr);
}

/* --- Server ------------------------------------------------------------------------------ */

/* What it may still have sent does not matter: its rings are ours no more. */
static bool conn_has_gone(const VhostUserConn *conn)
{
    struct pollfd pfd = { .fd = conn->fd, .events = POLLRDHUP };

    return poll(&pfd, 1, 0) > 0;
}

static void conn_accept(int fd, void *opaque)
{
    VhostUserConn *conn = opaque;
    auto_fd int taken = fd;

    if (conn->fd >= 0 && conn_has_gone(conn)) {
        vhost_user_conn_end(conn, NULL);
        if (conn->once) {
            return;
        }
    }
    if (conn->fd >= 0) {
        log_limited_error(conn->source, "second",
                          "a second VM was refused: one is connected already");
        return;
    }
    conn_open(conn, fd_steal(&taken));
}

static SocketListener *conn_listen_on_given(VhostUserConn *conn, GError **error)
{
    if (listen(conn->given_fd, 1) < 0) {
        error_set_errno(error, errno, "Failed to listen on fd socket");
        return NULL;
    }
    return socket_listener_new(fd_steal(&conn->given_fd), conn_accept, conn);
}

static bool conn_listen(VhostUserConn *conn, GError **error)
{
    conn->listener = conn->given_fd >= 0
                     ? conn_listen_on_given(conn, error)
                     : socket_listener_open(conn->addr, 1, conn_accept, conn, error);
    if (!conn->listener) {
        return false;
    }
    socket_listener_set_active(conn->listener, true);
    conn->ops->changed(conn->opaque, "listening", NULL);
    return true;
}

/* --- Client ------------------------------------------------------------------------------ */

static void conn_connect_done(int fd, const GError *error, void *opaque)
{
    VhostUserConn *conn = opaque;

    conn_set_error(conn, error);
    if (fd >= 0) {
        conn_open(conn, fd);
    } else if (!socket_client_will_retry(conn->client)) {
        conn->ops->changed(conn->opaque, "error: ", error->message);
    }
}

static void conn_use_given(void *opaque)
{
    VhostUserConn *conn = opaque;

    conn_open(conn, fd_steal(&conn->given_fd));
}

/* From the loop: the owner connects the export to its netdev first. */
bool vhost_user_conn_start(VhostUserConn *conn, GError **error)
{
    if (conn->server) {
        return conn_listen(conn, error);
    }
    conn->ops->changed(conn->opaque, "connecting", NULL);
    if (conn->client) {
        socket_client_start(conn->client);
    } else {
        timer_start_at(conn->start, clock_now_ns(CLOCK_TYPE_REALTIME));
    }
    return true;
}

char *vhost_user_conn_uri(const VhostUserConn *conn)
{
    g_autoptr(SocketAddress) local =
        conn->listener ? socket_address_local(socket_listener_fd(conn->listener), NULL) : NULL;

    if (local) {
        return socket_address_uri(local, "tcp");
    }
    return conn->addr->type != SOCKET_ADDRESS_TYPE_FD ? socket_address_uri(conn->addr, "tcp")
                                                      : NULL;
}

/* --- Life -------------------------------------------------------------------------------- */

void vhost_user_conn_init(VhostUserConn *conn, const VhostUserConnOps *ops, void *opaque,
                          const VhostUserConnOptions *opts, int given_fd)
{
    conn->ops = ops;
    conn->opaque = opaque;
    conn->source = opts->source;
    conn->addr = qapi_clone(QAPI_TYPE(SocketAddress), opts->addr);
    conn->server = opts->server;
    conn->once = opts->once;
    conn->given_fd = given_fd;
    conn->fd = -1;
    conn->start = timer_new(CLOCK_TYPE_REALTIME, conn_use_given, conn);
    if (given_fd < 0 && !opts->server) {
        conn->client = socket_client_new(opts->addr, opts->reconnect_ms, conn_connect_done, conn);
    }
}

void vhost_user_conn_clear(VhostUserConn *conn)
{
    if (!conn->addr) {
        return;
    }
    timer_free(conn->start);
    socket_client_free(conn->client);
    socket_listener_free(conn->listener);
    fd_close(&conn->given_fd);
    fd_watch_free(conn->watch);
    fd_close(&conn->fd);
    vhost_user_reader_clear(&conn->reader);
    qapi_free_SocketAddress(conn->addr);
    g_free(conn->error);
}
