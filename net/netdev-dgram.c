/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netdev dgram: a frame a datagram, over UDP, multicast, unix or a given socket. */

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/dgram-conn.h"
#include "net/inet.h"
#include "net/netdev.h"
#include "qapi/socket-address.h"
#include "util/error.h"
#include "util/fd-store.h"
#include "util/fd.h"

/** A netdev of type dgram. */
typedef struct NetDgram {
    NetClient nc;
    NetDgramConn conn;
} NetDgram;

/* What creation needs to know of a socket that is ready. */
typedef struct DgramSocket {
    int fd;                         /* owned */
    struct sockaddr_storage remote;
    socklen_t remote_len;           /* 0 = @fd is connected */
    char *info;                     /* owned */
} DgramSocket;

/* --- A given socket ---------------------------------------------------------------------- */

static int dgram_take_fd(const char *text, const char **family, GError **error)
{
    auto_fd int fd = fd_from_text_r1(text, error);
    struct sockaddr_storage local;
    socklen_t len = sizeof(local);

    if (fd < 0) {
        return -1;
    }
    if (!fd_set_nonblocking(fd, true)) {
        const char *reason = g_strerror(errno);

        error_set(error, "Can't set file descriptor %d non-blocking: %s: %s", fd, reason, reason);
        return -1;
    }
    if (getsockname(fd, (struct sockaddr *)&local, &len) < 0) {
        error_set_errno(error, errno, "Unable to query local socket address");
        return -1;
    }
    *family = local.ss_family == AF_UNIX ? "unix" : "inet";
    return fd_steal(&fd);
}

static bool dgram_open_fd(DgramSocket *sock, const SocketAddress *local, GError **error)
{
    const char *family;

    sock->fd = dgram_take_fd(local->u.fd.str, &family, error);
    if (sock->fd < 0) {
        return false;
    }
    sock->info = g_strdup_printf("fd=%d %s", sock->fd, family);
    return true;
}

/* --- Multicast --------------------------------------------------------------------------- */

static void dgram_set_remote(DgramSocket *sock, const void *remote, socklen_t len)
{
    memcpy(&sock->remote, remote, len);
    sock->remote_len = len;
}

static bool dgram_join(DgramSocket *sock, const SocketAddress *local,
                       const struct sockaddr_in *group, GError **error)
{
    const char *host = local ? local->u.inet.host : "";
    g_autofree char *text = net_inet_text(group);
    struct in_addr interface;

    if (local && !inet_aton(host, &interface)) {
        return error_set(error, "localaddr '%s' is not a valid IPv4 address", host);
    }
    sock->fd = net_inet_join(group, local ? &interface : NULL, error);
    sock->info = g_strdup_printf("mcast=%s", text);
    return sock->fd >= 0;
}

static bool dgram_open_mcast(DgramSocket *sock, const SocketAddress *local,
                             const struct sockaddr_in *group, GError **error)
{
    dgram_set_remote(sock, group, sizeof(*group));
    if (local && local->type == SOCKET_ADDRESS_TYPE_FD) {
        g_autofree char *text = net_inet_text(group);
        const char *family;

        sock->fd = dgram_take_fd(local->u.fd.str, &family, error);
        sock->info = g_strdup_printf("fd=%d (cloned mcast=%s)", sock->fd, text);
        return sock->fd >= 0;
    }
    if (local && local->type != SOCKET_ADDRESS_TYPE_INET) {
        return error_set(error, "only support inet or fd type for local");
    }
    return dgram_join(sock, local, group, error);
}

/* --- Between two addresses --------------------------------------------------------------- */

static bool dgram_open_inet(DgramSocket *sock, const SocketAddress *local,
                            const struct sockaddr_in *remote, GError **error)
{
    g_autofree char *remote_text = net_inet_text(remote);
    g_autofree char *local_text = NULL;
    struct sockaddr_in sin;
    socklen_t len = sizeof(sin);

    if (!net_inet_parse(local->u.inet.host, local->u.inet.port, &sin, error)) {
        return false;
    }
    sock->fd = net_inet_bind(SOCK_DGRAM, &sin, error);
    if (sock->fd < 0) {
        return false;
    }
    getsockname(sock->fd, (struct sockaddr *)&sin, &len); /* tells the port when 0 was asked */
    local_text = net_inet_text(&sin);
    dgram_set_remote(sock, remote, sizeof(*remote));
    sock->info = g_strdup_printf("udp=%s/%s", local_text, remote_text);
    return true;
}

static int dgram_bind_unix(const SocketAddress *local, GError **error)
{
    const char *path = local->u.q_unix.path;
    struct sockaddr_storage sa;
    socklen_t len;
    auto_fd int fd = -1;

    if (!socket_address_to_sockaddr(local, true, &sa, &len, error)) {
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        error_set_errno(error, errno, "cannot make a unix socket");
        return -1;
    }
    if (!local->u.q_unix.abstract && unlink(path) < 0 && errno != ENOENT) {
        error_set_errno(error, errno, "failed to unlink socket %s", path);
        return -1;
    }
    if (bind(fd, (struct sockaddr *)&sa, len) < 0) {
        error_set_errno(error, errno, "can't bind unix=%s to socket", path);
        return -1;
    }
    return fd_steal(&fd);
}

static bool dgram_open_unix(DgramSocket *sock, const SocketAddress *local,
                            const SocketAddress *remote, GError **error)
{
    if (!socket_address_to_sockaddr(remote, false, &sock->remote, &sock->remote_len, error)) {
        return false;
    }
    sock->fd = dgram_bind_unix(local, error);
    sock->info = g_strdup_printf("udp=%s:%s", local->u.q_unix.path, remote->u.q_unix.path);
    return sock->fd >= 0;
}

/* --- Which of them ----------------------------------------------------------------------- */

/* These members belong to streams; to accept them would promise what does not happen. */
static bool dgram_check_inet(const SocketAddress *addr, GError **error)
{
    const InetSocketAddress *inet = &addr->u.inet;
    const char *member = inet->has_to ? "to"
                         : inet->has_keep_alive ? "keep-alive"
                         : inet->has_keep_alive_count ? "keep-alive-count"
                         : inet->has_keep_alive_idle ? "keep-alive-idle"
                         : inet->has_keep_alive_interval ? "keep-alive-interval"
                         : inet->has_mptcp ? "mptcp" : NULL;

    if (member) {
        return error_set(error, "'%s' is for stream sockets, not for dgram", member);
    }
    if ((inet->has_ipv6 && inet->ipv6) || (inet->has_ipv4 && !inet->ipv4)) {
        return error_set(error, "dgram supports IPv4 only");
    }
    return true;
}

static bool dgram_check_address(const SocketAddress *addr, GError **error)
{
    return !addr || addr->type != SOCKET_ADDRESS_TYPE_INET || dgram_check_inet(addr, error);
}

static bool dgram_check_pair(const SocketAddress *local, const SocketAddress *remote,
                             GError **error)
{
    if (!local) {
        return error_set(error, "dgram requires local= parameter");
    }
    if (local->type == SOCKET_ADDRESS_TYPE_FD) {
        return !remote || error_set(error, "don't set remote with local.fd");
    }
    if (!remote) {
        return error_set(error, "type=inet or type=unix requires remote parameter");
    }
    if (local->type != remote->type) {
        return error_set(error, "remote and local types must be the same");
    }
    if (local->type == SOCKET_ADDRESS_TYPE_VSOCK) {
        return error_set(error, "only support inet or fd type for local");
    }
    return true;
}

static bool dgram_open(DgramSocket *sock, const SocketAddress *local,
                       const SocketAddress *remote, GError **error)
{
    struct sockaddr_in sin;

    if (remote && remote->type == SOCKET_ADDRESS_TYPE_INET) {
        if (!net_inet_parse(remote->u.inet.host, remote->u.inet.port, &sin, error)) {
            return false;
        }
        if (net_inet_is_multicast(&sin)) {
            return dgram_open_mcast(sock, local, &sin, error);
        }
    }
    if (!dgram_check_pair(local, remote, error)) {
        return false;
    }
    if (local->type == SOCKET_ADDRESS_TYPE_FD) {
        return dgram_open_fd(sock, local, error);
    }
    return local->type == SOCKET_ADDRESS_TYPE_INET ? dgram_open_inet(sock, local, &sin, error)
                                                   : dgram_open_unix(sock, local, remote, error);
}

/* --- Hooks and creation ------------------------------------------------------------------ */

static size_t net_dgram_receive(NetClient *nc, const NetFrame *frames, size_t n)
{
    return net_dgram_conn_receive(&((NetDgram *)nc)->conn, frames, n);
}

static void net_dgram_read_poll(NetClient *nc, bool enable)
{
    net_dgram_conn_read_poll(&((NetDgram *)nc)->conn, enable);
}

static void net_dgram_cleanup(NetClient *nc)
{
    net_dgram_conn_close(&((NetDgram *)nc)->conn);
}

static const NetClientInfo net_dgram_info = {
    .type = NET_CLIENT_DRIVER_DGRAM,
    .size = sizeof(NetDgram),
    .receive = net_dgram_receive,
    .read_poll = net_dgram_read_poll,
    .cleanup = net_dgram_cleanup,
    .is_netdev = true,
};

static NetClient *net_dgram_create(const Netdev *netdev, GError **error)
{
    const NetdevDgramOptions *opts = &netdev->u.dgram;
    DgramSocket sock = { .fd = -1 };
    NetDgram *dgram = NULL;

    if (!dgram_check_address(opts->local, error) || !dgram_check_address(opts->remote, error)) {
        return NULL;
    }
    if (dgram_open(&sock, opts->local, opts->remote, error)) {
        dgram = (NetDgram *)net_client_new(&net_dgram_info, netdev->id);
        net_client_set_info(&dgram->nc, "%s", sock.info);
        net_dgram_conn_open(&dgram->conn, &dgram->nc, fd_steal(&sock.fd),
                            sock.remote_len > 0 ? (struct sockaddr *)&sock.remote : NULL,
                            sock.remote_len);
    }
    g_free(sock.info);
    fd_close(&sock.fd);
    return dgram ? &dgram->nc : NULL;
}

static const NetdevClass net_dgram_class = {
    .type = NET_CLIENT_DRIVER_DGRAM,
    .create = net_dgram_create,
};

__attribute__((constructor)) static void net_dgram_register(void)
{
    netdev_class_register(&net_dgram_class);
}
