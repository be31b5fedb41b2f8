/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a client gets its stream connections: as server or as client, once or again and again. */

#include "net/stream-link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "util/error.h"
#include "util/fd-store.h"
#include "util/fd.h"

static bool connections_held;
static GPtrArray *waiting; /* borrowed NetStreamLink *; NULL = none */

/* @error: NULL = all is well. */
static void link_set_error(NetStreamLink *link, const GError *error)
{
    g_free(link->error);
    link->error = error ? g_strdup(error->message) : NULL;
}

/* --- A connection ------------------------------------------------------------------------ */

static void link_set_nodelay(int fd)
{
    int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* fails where there is no TCP */
}

/* The other end's address; a unix client seen from the server has none: then our own. */
static SocketAddress *link_event_address(NetStreamLink *link, int fd)
{
    SocketAddress *addr = socket_address_remote(fd, NULL);

    if (addr && link->server && addr->type == SOCKET_ADDRESS_TYPE_UNIX) {
        qapi_free_SocketAddress(addr);
        addr = socket_address_local(fd, NULL);
    }
    return addr;
}

/* @fd: taken. */
static void link_connected(NetStreamLink *link, int fd)
{
    g_autoptr(SocketAddress) addr = link_event_address(link, fd);
    g_autofree char *uri = addr ? socket_address_uri(addr, "tcp") : g_strdup("");

    link_set_nodelay(fd);
    link_set_error(link, NULL);
    net_client_set_info(link->conn.nc, "%s", uri);
    link->ops->connected(link->conn.nc, addr);
    net_stream_conn_open(&link->conn, fd);
}

static void link_lost(NetClient *nc, NetStreamConn *conn)
{
    NetStreamLink *link = (NetStreamLink *)conn;

    link->ops->disconnected(nc);
    if (link->once) {
        net_stream_conn_forget_rest(conn);
    } else if (link->server) {
        net_client_set_info(link->conn.nc, "listening");
        socket_listener_set_active(link->listener, true);
    } else if (link->client && socket_client_lose(link->client)) {
        net_client_set_info(link->conn.nc, "connecting");
    } else {
        net_stream_conn_forget_rest(conn);
    }
}

/* --- Server ------------------------------------------------------------------------------ */

static void link_accept(int fd, void *opaque)
{
    NetStreamLink *link = opaque;

    socket_listener_set_active(link->listener, false);
    link_connected(link, fd);
}

static SocketListener *link_listen_on_given(NetStreamLink *link, GError **error)
{
    if (listen(link->given_fd, 1) < 0) {
        error_set_errno(error, errno, "Failed to listen on fd socket");
        return NULL;
    }
    return socket_listener_new(fd_steal(&link->given_fd), link_accept, link);
}

static bool link_listen(NetStreamLink *link, GError **error)
{
    link->listener = link->given_fd >= 0
                     ? link_listen_on_given(link, error)
                     : socket_listener_open(link->addr, 1, link_accept, link, error);
    if (!link->listener) {
        return false;
    }
    socket_listener_set_active(link->listener, true);
    net_client_set_info(link->conn.nc, "listening");
    return true;
}

/* --- Client ------------------------------------------------------------------------------ */

static void link_connect_done(int fd, const GError *error, void *opaque)
{
    NetStreamLink *link = opaque;

    link_set_error(link, error);
    if (fd >= 0) {
        link_connected(link, fd);
    } else if (!socket_client_will_retry(link->client)) {
        net_client_set_info(link->conn.nc, "error: %s", error->message);
    }
}

static void link_use_given(void *opaque)
{
    NetStreamLink *link = opaque;

    link_connected(link, fd_steal(&link->given_fd));
}

/* From the loop: the owner connects the client to its peer first. */
static void link_connect(NetStreamLink *link)
{
    net_client_set_info(link->conn.nc, "connecting");
    if (link->client) {
        socket_client_start(link->client);
        return;
    }
    link->start = timer_new(CLOCK_TYPE_REALTIME, link_use_given, link);
    timer_start_at(link->start, clock_now_ns(CLOCK_TYPE_REALTIME));
}

/* --- Start and end ----------------------------------------------------------------------- */

int net_stream_link_take_fd(const char *text, GError **error)
{
    auto_fd int fd = fd_from_text_r2(text, error);
    socklen_t len = sizeof(int);
    int type;

    if (fd < 0) {
        return -1;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0) {
        error_set(error, "File descriptor '%s' is not a socket", text);
        return -1;
    }
    if (type != SOCK_STREAM) {
        error_set(error, "File descriptor '%s' is not a stream socket", text);
        return -1;
    }
    if (!fd_set_nonblocking(fd, true)) {
        error_set_errno(error, errno, "File descriptor '%s'", text);
        return -1;
    }
    return fd_steal(&fd);
}

void net_stream_link_init(NetStreamLink *link, NetClient *nc, const NetStreamLinkOps *ops,
                          const NetStreamLinkOptions *opts, int given_fd)
{
    net_stream_conn_init(&link->conn, nc, opts->vnet_hdr, link_lost);
    link->conn.waits_for_next = opts->waits_for_next;
    link->ops = ops;
    link->addr = qapi_clone(QAPI_TYPE(SocketAddress), opts->addr);
    link->server = opts->server;
    link->once = opts->once;
    link->given_fd = given_fd;
    if (given_fd < 0 && !opts->server) {
        link->client = socket_client_new(opts->addr, opts->reconnect_ms, link_connect_done, link);
    }
    net_client_set_info(link->conn.nc, "initializing");
}

void net_stream_link_clear(NetStreamLink *link)
{
    if (!link->addr) {
        return;
    }
    if (link->held) {
        g_ptr_array_remove(waiting, link);
    }
    timer_free(link->start);
    socket_client_free(link->client);
    socket_listener_free(link->listener);
    fd_close(&link->given_fd);
    net_stream_conn_clear(&link->conn);
    qapi_free_SocketAddress(link->addr);
    g_free(link->error);
}

/* The system knows the port if port 0 was given. */
char *net_stream_link_uri(const NetStreamLink *link)
{
    g_autoptr(SocketAddress) local =
        link->listener ? socket_address_local(socket_listener_fd(link->listener), NULL) : NULL;

    if (local) {
        return socket_address_uri(local, "tcp");
    }
    return link->addr->type != SOCKET_ADDRESS_TYPE_FD ? socket_address_uri(link->addr, "tcp")
                                                      : NULL;
}

bool net_stream_link_start(NetStreamLink *link, GError **error)
{
    if (link->server) {
        return link_listen(link, error);
    }
    link->held = connections_held;
    if (!link->held) {
        link_connect(link);
        return true;
    }
    if (!waiting) {
        waiting = g_ptr_array_new();
    }
    g_ptr_array_add(waiting, link);
    return true;
}

void net_stream_link_hold(bool hold)
{
    connections_held = hold;
    for (guint i = 0; !hold && waiting && i < waiting->len; i++) {
        NetStreamLink *link = g_ptr_array_index(waiting, i);

        link->held = false;
        link_connect(link);
    }
    if (!hold) {
        g_clear_pointer(&waiting, g_ptr_array_unref);
    }
}
