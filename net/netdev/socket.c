/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netdev socket: frames over a TCP connection, UDP, multicast or a given socket. */

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

#include "io/socket-client.h"
#include "io/socket-listener.h"
#include "net/dgram-conn.h"
#include "net/inet.h"
#include "net/netdev.h"
#include "net/stream-conn.h"
#include "util/error.h"
#include "util/fd-store.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/trace.h"

TRACE_POINT(net_socket_connect_failed);

/** A netdev of type socket: one of its two connections is in use. */
typedef struct NetSocket {
    NetClient nc;
    NetStreamConn conn;
    NetDgramConn dgram;
    SocketClient *client;  /* owned; NULL = does not connect */
    SocketListener *listener; /* owned; NULL = does not listen */
    char *remote_text;     /* owned: the address to which it connects */
} NetSocket;

/* --- Streams ----------------------------------------------------------------------------- */

static void socket_lost(NetClient *nc, NetStreamConn *conn)
{
    NetSocket *sock = (NetSocket *)nc;

    net_client_set_info(nc, "%s", "");
    if (sock->listener) {
        socket_listener_set_active(sock->listener, true);
    } else {
        net_stream_conn_forget_rest(&sock->conn);
    }
}

static void socket_accept_client(int fd, void *opaque)
{
    NetSocket *sock = opaque;
    struct sockaddr_in peer = { 0 };
    socklen_t len = sizeof(peer);
    g_autofree char *text = NULL;

    socket_listener_set_active(sock->listener, false);
    getpeername(fd, (struct sockaddr *)&peer, &len);
    text = net_inet_text(&peer);
    net_client_set_info(&sock->nc, "socket: connection from %s", text);
    net_stream_conn_open(&sock->conn, fd);
}

static NetClient *socket_create_listen(NetSocket *sock, const NetdevSocketOptions *opts,
                                       GError **error)
{
    struct sockaddr_in sin;
    auto_fd int fd = -1;

    if (!net_inet_parse_pair(opts->listen, &sin, error)) {
        return NULL;
    }
    fd = net_inet_bind(SOCK_STREAM, &sin, error);
    if (fd < 0) {
        return NULL;
    }
    if (listen(fd, 0) < 0) {
        error_set_errno(error, errno, "cannot listen on '%s'", opts->listen);
        return NULL;
    }
    sock->listener = socket_listener_new(fd_steal(&fd), socket_accept_client, sock);
    socket_listener_set_active(sock->listener, true);
    return &sock->nc;
}

/* There is no second attempt: the netdev stays without a connection. */
static void socket_connect_done(int fd, const GError *error, void *opaque)
{
    NetSocket *sock = opaque;

    if (fd < 0) {
        g_autofree char *source = g_strdup_printf("netdev '%s'", sock->nc.id);

        TRACE(net_socket_connect_failed, "netdev '%s': %s", sock->nc.id, error->message);
        log_limited_warning(source, "connect", "%s", error->message);
        return;
    }
    net_client_set_info(&sock->nc, "socket: connect to %s", sock->remote_text);
    net_stream_conn_open(&sock->conn, fd);
}

static NetClient *socket_create_connect(NetSocket *sock, const NetdevSocketOptions *opts,
                                        GError **error)
{
    g_autoptr(SocketAddress) addr = NULL;
    struct sockaddr_in sin;

    if (!net_inet_parse_pair(opts->connect, &sin, error)) {
        return NULL;
    }
    addr = net_inet_address(&sin);
    sock->remote_text = net_inet_text(&sin);
    sock->client = socket_client_new(addr, 0, socket_connect_done, sock);
    socket_client_start(sock->client);
    return &sock->nc;
}

/* --- Datagrams --------------------------------------------------------------------------- */

static NetClient *socket_create_mcast(NetSocket *sock, const NetdevSocketOptions *opts,
                                      GError **error)
{
    struct sockaddr_in group;
    struct in_addr interface;
    g_autofree char *text = NULL;
    int fd;

    if (!net_inet_parse_pair(opts->mcast, &group, error)) {
        return NULL;
    }
    if (opts->localaddr && !inet_aton(opts->localaddr, &interface)) {
        error_set(error, "localaddr '%s' is not a valid IPv4 address", opts->localaddr);
        return NULL;
    }
    fd = net_inet_join(&group, opts->localaddr ? &interface : NULL, error);
    if (fd < 0) {
        return NULL;
    }
    text = net_inet_text(&group);
    net_client_set_info(&sock->nc, "socket: mcast=%s", text);
    net_dgram_conn_open(&sock->dgram, &sock->nc, fd, NULL, (struct sockaddr *)&group,
                        sizeof(group));
    return &sock->nc;
}

static NetClient *socket_create_udp(NetSocket *sock, const NetdevSocketOptions *opts,
                                    GError **error)
{
    struct sockaddr_in local;
    struct sockaddr_in remote;
    g_autofree char *text = NULL;
    int fd;

    if (!net_inet_parse_pair(opts->localaddr, &local, error) ||
        !net_inet_parse_pair(opts->udp, &remote, error)) {
        return NULL;
    }
    fd = net_inet_bind(SOCK_DGRAM, &local, error);
    if (fd < 0) {
        return NULL;
    }
    text = net_inet_text(&remote);
    net_client_set_info(&sock->nc, "socket: udp=%s", text);
    net_dgram_conn_open(&sock->dgram, &sock->nc, fd, NULL, (struct sockaddr *)&remote,
                        sizeof(remote));
    return &sock->nc;
}

/* --- A given socket ---------------------------------------------------------------------- */

static bool socket_get_type(int fd, int *type, GError **error)
{
    socklen_t len = sizeof(*type);

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, type, &len) < 0) {
        int err = errno;

        error_set(error, "can't get socket option SO_TYPE");
        error_append_hint(error, "File descriptor %d: %s", fd, strerror(err));
        return false;
    }
    if (*type != SOCK_STREAM && *type != SOCK_DGRAM) {
        return error_set(error, "socket type=%d for fd=%d must be either SOCK_DGRAM or "
                         "SOCK_STREAM", *type, fd);
    }
    if (!fd_set_nonblocking(fd, true)) {
        return error_set_errno(error, errno, "cannot make fd %d non-blocking", fd);
    }
    return true;
}

static const char *socket_family_name(int fd)
{
    struct sockaddr_storage local = { 0 };
    socklen_t len = sizeof(local);

    getsockname(fd, (struct sockaddr *)&local, &len);
    return local.ss_family == AF_UNIX ? "unix" : "inet";
}

static NetClient *socket_create_fd(NetSocket *sock, const NetdevSocketOptions *opts,
                                   GError **error)
{
    auto_fd int fd = fd_from_text_r1(opts->fd, error);
    int type;

    if (fd < 0 || !socket_get_type(fd, &type, error)) {
        return NULL;
    }
    if (type == SOCK_STREAM) {
        net_client_set_info(&sock->nc, "socket: fd=%d", fd);
        net_stream_conn_open(&sock->conn, fd_steal(&fd));
    } else {
        net_client_set_info(&sock->nc, "socket: fd=%d %s", fd, socket_family_name(fd));
        net_client_set_connected(&sock->nc, true);
        net_dgram_conn_open(&sock->dgram, &sock->nc, fd_steal(&fd), NULL, NULL, 0);
    }
    return &sock->nc;
}

/* --- Hooks ------------------------------------------------------------------------------- */

static size_t net_socket_receive(NetClient *nc, const NetFrame *frames, size_t n)
{
    NetSocket *sock = (NetSocket *)nc;

    return sock->dgram.watch ? net_dgram_conn_receive(&sock->dgram, frames, n)
                             : net_stream_conn_receive(&sock->conn, frames, n);
}

static void net_socket_read_poll(NetClient *nc, bool enable)
{
    NetSocket *sock = (NetSocket *)nc;

    net_dgram_conn_read_poll(&sock->dgram, enable);
    net_stream_conn_read_poll(&sock->conn, enable);
}

static bool net_socket_kernel_dropped(NetClient *nc, uint64_t query, uint64_t *frames)
{
    return net_dgram_conn_kernel_dropped(&((NetSocket *)nc)->dgram, frames);
}

static void net_socket_cleanup(NetClient *nc)
{
    NetSocket *sock = (NetSocket *)nc;

    net_dgram_conn_close(&sock->dgram);
    net_stream_conn_clear(&sock->conn);
    socket_client_free(sock->client);
    socket_listener_free(sock->listener);
    g_free(sock->remote_text);
}

static const NetClientInfo net_socket_info = {
    .type = NET_CLIENT_DRIVER_SOCKET,
    .size = sizeof(NetSocket),
    .receive = net_socket_receive,
    .read_poll = net_socket_read_poll,
    .kernel_dropped = net_socket_kernel_dropped,
    .cleanup = net_socket_cleanup,
    .is_netdev = true,
};

/* --- Creation ---------------------------------------------------------------------------- */

static bool socket_check(const NetdevSocketOptions *opts, GError **error)
{
    int n_forms = !!opts->fd + !!opts->listen + !!opts->connect + !!opts->mcast + !!opts->udp;

    if (n_forms != 1) {
        return error_set(error,
                         "exactly one of listen=, connect=, mcast= or udp= is required");
    }
    if (opts->localaddr && !opts->mcast && !opts->udp) {
        return error_set(error, "localaddr= is only valid with mcast= or udp=");
    }
    if (opts->udp && !opts->localaddr) {
        return error_set(error, "localaddr= is mandatory with udp=");
    }
    return true;
}

static NetClient *socket_open(NetSocket *sock, const NetdevSocketOptions *opts, GError **error)
{
    if (opts->mcast || opts->udp) {
        net_client_set_connected(&sock->nc, true);
        return opts->mcast ? socket_create_mcast(sock, opts, error)
                           : socket_create_udp(sock, opts, error);
    }
    if (opts->fd) {
        return socket_create_fd(sock, opts, error);
    }
    return opts->listen ? socket_create_listen(sock, opts, error)
                        : socket_create_connect(sock, opts, error);
}

static NetClient *net_socket_create(const Netdev *netdev, GError **error)
{
    const NetdevSocketOptions *opts = &netdev->u.socket;
    NetSocket *sock;

    if (!socket_check(opts, error)) {
        return NULL;
    }
    sock = (NetSocket *)net_client_new(&net_socket_info, netdev->id);
    net_stream_conn_init(&sock->conn, &sock->nc, false, socket_lost);
    if (!socket_open(sock, opts, error)) {
        net_client_delete(&sock->nc);
        return NULL;
    }
    return &sock->nc;
}

static const NetdevClass net_socket_class = {
    .type = NET_CLIENT_DRIVER_SOCKET,
    .create = net_socket_create,
};

__attribute__((constructor)) static void net_socket_register(void)
{
    netdev_class_register(&net_socket_class);
}
