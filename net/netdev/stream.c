/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netdev stream: frames over a stream socket, as client or as server. */

#include "io/reconnect.h"
#include "io/socket-access.h"
#include "net/netdev.h"
#include "net/stream-link.h"
#include "qapi/qapi-events.h"
#include "util/error.h"
#include "util/fd.h"

/** A netdev of type stream. */
typedef struct NetStream {
    NetClient nc;
    NetStreamLink link;
} NetStream;

/* --- The link ---------------------------------------------------------------------------- */

static void stream_connected(NetClient *nc, const SocketAddress *addr)
{
    if (addr) {
        qapi_event_netdev_stream_connected(&(NetdevStreamConnectedEvent) {
            .netdev_id = nc->id, .addr = (SocketAddress *)addr,
        });
    }
}

static void stream_disconnected(NetClient *nc)
{
    qapi_event_netdev_stream_disconnected(&(NetdevStreamDisconnectedEvent) {
        .netdev_id = nc->id,
    });
}

static const NetStreamLinkOps stream_link_ops = {
    .connected = stream_connected,
    .disconnected = stream_disconnected,
};

/* --- Hooks ------------------------------------------------------------------------------- */

static size_t net_stream_receive(NetClient *nc, const NetFrame *frames, size_t n)
{
    return net_stream_conn_receive(&((NetStream *)nc)->link.conn, frames, n);
}

static void net_stream_read_poll(NetClient *nc, bool enable)
{
    net_stream_conn_read_poll(&((NetStream *)nc)->link.conn, enable);
}

static void net_stream_cleanup(NetClient *nc)
{
    net_stream_link_clear(&((NetStream *)nc)->link);
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
    if (opts->reconnect_ms > RECONNECT_INTERVAL_MAX_MS) {
        return error_set(error, "Parameter 'reconnect-ms' expects a number of at most %d",
                         RECONNECT_INTERVAL_MAX_MS);
    }
    if (opts->reconnect_ms > 0 && opts->addr->type == SOCKET_ADDRESS_TYPE_FD) {
        return error_set(error, "'reconnect-ms' option is incompatible with an address of type "
                         "fd, which connects only once");
    }
    return opts->server || socket_access_refuse(opts->addr, error);
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
        given_fd = net_stream_link_take_fd(opts->addr->u.fd.str, error);
        if (given_fd < 0) {
            return NULL;
        }
    }
    stream = (NetStream *)net_client_new(&net_stream_info, netdev->id);
    net_stream_link_init(&stream->link, &stream->nc, &stream_link_ops,
                         &(NetStreamLinkOptions) {
                             .addr = opts->addr,
                             .server = opts->server,
                             .reconnect_ms = opts->reconnect_ms,
                         }, fd_steal(&given_fd));
    if (!net_stream_link_start(&stream->link, error)) {
        net_client_delete(&stream->nc);
        return NULL;
    }
    return &stream->nc;
}

void netdev_hold_connections(bool hold)
{
    net_stream_link_hold(hold);
}

static const NetdevClass net_stream_class = {
    .type = NET_CLIENT_DRIVER_STREAM,
    .create = net_stream_create,
};

__attribute__((constructor)) static void net_stream_register(void)
{
    netdev_class_register(&net_stream_class);
}
