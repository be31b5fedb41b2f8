/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netdev stream: frames over a stream socket, as client or as server. */

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "net/netdev.h"
#include "net/stream-conn.h"
#include "qapi/qapi-events.h"
#include "qapi/socket-address.h"
#include "qapi/socket-listener.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/fd-store.h"
#include "util/fd.h"

/** A netdev of type stream: between two connections it listens, connects or waits. */
typedef struct NetStream {
    NetClient nc;
    NetStreamConn conn;
    SocketAddress *addr;     /* owned */
    bool server;
    int64_t reconnect_ms;    /* 0 = never */
    int given_fd;            /* owned: what an address of kind fd named; -1 = none */
    int listen_fd;           /* owned; -1 = not a server, or not yet */
    SocketListener *listener; /* owned; NULL = not a server, or not yet */
    SocketConnect *attempt;  /* ends by itself, or is cancelled */
    Timer *start;            /* owned: the next attempt to listen or to connect */
    bool held;               /* the first attempt waits for netdev_hold_connections() */
} NetStream;

static bool connections_held;

static void stream_fail(NetStream *stream, const GError *error)
{
    net_client_set_info(&stream->nc, "error: %s", error->message);
}

/* --- A connection ------------------------------------------------------------------------ */

static void stream_set_nodelay(int fd)
{
    int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* fails where there is no TCP */
}

/* The other end's address; a unix client seen from the server has none: then our own. */
static SocketAddress *stream_told_address(NetStream *stream, int fd)
{
    SocketAddress *addr = socket_address_remote(fd, NULL);

    if (addr && stream->server && addr->type == SOCKET_ADDRESS_TYPE_UNIX) {
        qapi_free_SocketAddress(addr);
        addr = socket_address_local(fd, NULL);
    }
    return addr;
}

/* @fd: taken. */
static void stream_connected(NetStream *stream, int fd)
{
    g_autoptr(SocketAddress) addr = stream_told_address(stream, fd);
    g_autofree char *uri = addr ? socket_address_uri(addr) : g_strdup("");

    stream_set_nodelay(fd);
    net_client_set_info(&stream->nc, "%s", uri);
    if (addr) {
        qapi_event_netdev_stream_connected(&(NetdevStreamConnectedEvent) {
            .netdev_id = stream->nc.id, .addr = addr,
        });
    }
    net_stream_conn_open(&stream->conn, fd);
}

static void stream_start_after(NetStream *stream, int64_t ms)
{
    timer_start_at(stream->start, clock_now_ns(CLOCK_TYPE_REALTIME) + ms * INT64_C(1000000));
}

static void stream_lost(NetClient *nc)
{
    NetStream *stream = (NetStream *)nc;

    qapi_event_netdev_stream_disconnected(&(NetdevStreamDisconnectedEvent) {
        .netdev_id = nc->id,
    });
    if (stream->server) {
        net_client_set_info(nc, "listening");
        socket_listener_set_active(stream->listener, true);
    } else if (stream->reconnect_ms > 0) {
        net_client_set_info(nc, "connecting");
        stream_start_after(stream, stream->reconnect_ms);
    } else {
        net_stream_conn_forget_rest(&stream->conn);
    }
}

/* --- Server ------------------------------------------------------------------------------ */

static void stream_accept(int fd, void *opaque)
{
    NetStream *stream = opaque;

    socket_listener_set_active(stream->listener, false);
    stream_connected(stream, fd);
}

static int stream_listen_on_given(NetStream *stream, GError **error)
{
    if (listen(stream->given_fd, 1) < 0) {
        error_set_errno(error, errno, "Failed to listen on fd socket");
        return -1;
    }
    return fd_steal(&stream->given_fd);
}

static void stream_listen(NetStream *stream)
{
    g_autoptr(GError) error = NULL;

    stream->listen_fd = stream->given_fd >= 0 ? stream_listen_on_given(stream, &error)
                                              : socket_listen(stream->addr, 1, &error);
    if (stream->listen_fd < 0) {
        stream_fail(stream, error);
        return;
    }
    stream->listener = socket_listener_new(stream->listen_fd, stream_accept, stream);
    socket_listener_set_active(stream->listener, true);
    net_client_set_info(&stream->nc, "listening");
}

/* --- Client ------------------------------------------------------------------------------ */

static void stream_connect_done(int fd, const GError *error, void *opaque)
{
    NetStream *stream = opaque;

    stream->attempt = NULL;
    if (fd >= 0) {
        stream_connected(stream, fd);
    } else if (stream->reconnect_ms > 0) {
        stream_start_after(stream, stream->reconnect_ms);
    } else {
        stream_fail(stream, error);
    }
}

static void stream_connect(NetStream *stream)
{
    net_client_set_info(&stream->nc, "connecting");
    if (stream->given_fd >= 0) {
        stream_connected(stream, fd_steal(&stream->given_fd));
    } else {
        stream->attempt = socket_connect_start(stream->addr, stream_connect_done, stream);
    }
}

static void stream_start(void *opaque)
{
    NetStream *stream = opaque;

    if (stream->server) {
        stream_listen(stream);
    } else {
        stream_connect(stream);
    }
}

/* --- Hooks ------------------------------------------------------------------------------- */

static size_t net_stream_receive(NetClient *nc, const NetFrame *frames, size_t n)
{
    return net_stream_conn_receive(&((NetStream *)nc)->conn, frames, n);
}

static void net_stream_read_poll(NetClient *nc, bool enable)
{
    net_stream_conn_read_poll(&((NetStream *)nc)->conn, enable);
}

static void net_stream_cleanup(NetClient *nc)
{
    NetStream *stream = (NetStream *)nc;

    timer_free(stream->start);
    if (stream->attempt) {
        socket_connect_cancel(stream->attempt);
    }
    socket_listener_free(stream->listener);
    if (stream->listen_fd >= 0) {
        socket_address_unlink(stream->addr);
    }
    fd_close(&stream->listen_fd);
    fd_close(&stream->given_fd);
    net_stream_conn_clear(&stream->conn);
    qapi_free_SocketAddress(stream->addr);
}

static const NetClientInfo net_stream_info = {
    .type = NET_CLIENT_DRIVER_STREAM,
    .size = sizeof(NetStream),
    .receive = net_stream_receive,
    .read_poll = net_stream_read_poll,
    .cleanup = net_stream_cleanup,
    .is_netdev = true,
};

/* --- Creation ---------------------------------------------------------------------------- */

static bool stream_check(const NetdevStreamOptions *opts, GError **error)
{
    if (opts->server && opts->reconnect_ms != 0) {
        return error_set(error, "'reconnect-ms' option is incompatible with socket in server "
                         "mode");
    }
    if (opts->reconnect_ms > 0 && opts->addr->type == SOCKET_ADDRESS_TYPE_FD) {
        return error_set(error, "'reconnect-ms' option is incompatible with an address of type "
                         "fd, which connects only once");
    }
    return true;
}

/* A name is good only while the command runs; so it is looked up now. Returns: -1 on error. */
static int stream_take_fd(const char *text, GError **error)
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

static NetClient *net_stream_create(const Netdev *netdev, GError **error)
{
    const NetdevStreamOptions *opts = &netdev->u.stream;
    auto_fd int given_fd = -1;
    NetStream *stream;

    if (!stream_check(opts, error)) {
        return NULL;
    }
    if (opts->addr->type == SOCKET_ADDRESS_TYPE_FD) {
        given_fd = stream_take_fd(opts->addr->u.fd.str, error);
        if (given_fd < 0) {
            return NULL;
        }
    }
    stream = (NetStream *)net_client_new(&net_stream_info, netdev->id);
    net_stream_conn_init(&stream->conn, &stream->nc, stream_lost);
    stream->addr = qapi_clone(QAPI_TYPE(SocketAddress), opts->addr);
    stream->server = opts->server;
    stream->reconnect_ms = MAX(opts->reconnect_ms, 0);
    stream->given_fd = fd_steal(&given_fd);
    stream->listen_fd = -1;
    stream->start = timer_new(CLOCK_TYPE_REALTIME, stream_start, stream);
    net_client_set_info(&stream->nc, "initializing");
    stream->held = connections_held && !stream->server;
    if (!stream->held) {
        stream_start_after(stream, 0);
    }
    return &stream->nc;
}

static void stream_let_go(NetClient *nc, void *opaque)
{
    NetStream *stream = (NetStream *)nc;

    if (nc->info == &net_stream_info && stream->held) {
        stream->held = false;
        stream_start_after(stream, 0);
    }
}

void netdev_hold_connections(bool hold)
{
    connections_held = hold;
    if (!hold) {
        net_client_foreach(stream_let_go, NULL);
    }
}

static const NetdevClass net_stream_class = {
    .type = NET_CLIENT_DRIVER_STREAM,
    .create = net_stream_create,
};

__attribute__((constructor)) static void net_stream_register(void)
{
    netdev_class_register(&net_stream_class);
}
