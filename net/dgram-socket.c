/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Datagram sockets from addresses: UDP, multicast, unix or a given socket. */

#include "net/dgram-socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "io/socket-access.h"
#include "io/socket-address.h"
#include "net/inet.h"
#include "util/error.h"
#include "util/fd-store.h"
#include "util/fd.h"

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

static bool dgram_open_fd(NetDgramSocket *sock, const SocketAddress *local, GError **error)
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

static void dgram_set_remote(NetDgramSocket *sock, const void *remote, socklen_t len)
{
    memcpy(&sock->remote, remote, len);
    sock->remote_len = len;
}

static bool dgram_join(NetDgramSocket *sock, const SocketAddress *local,
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

static bool dgram_open_mcast(NetDgramSocket *sock, const SocketAddress *local,
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

static bool dgram_open_inet(NetDgramSocket *sock, const SocketAddress *local,
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
    getsockname(sock->fd, (struct sockaddr *)&sin, &len); /* finds the port when 0 was given */
    local_text = net_inet_text(&sin);
    dgram_set_remote(sock, remote, sizeof(*remote));
    sock->info = g_strdup_printf("udp=%s/%s", local_text, remote_text);
    return true;
}

static int dgram_bind_unix(NetDgramSocket *sock, const SocketAddress *local, GError **error)
{
    const char *path = local->u.q_unix.path;
    bool has_path = socket_address_has_path(local);
    g_autofree char *name = has_path ? socket_address_path(&local->u.q_unix) : NULL;
    g_autofree char *noun = NULL;
    struct sockaddr_storage sa;
    SocketAccess access;
    socklen_t len;
    auto_fd int fd = -1;
    int err = 0;

    if (!socket_access_parse(&access, local, error) ||
        !socket_address_to_sockaddr(local, true, &sa, &len, error)) {
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        error_set_errno(error, errno, "cannot make a unix socket");
        return -1;
    }
    noun = name ? socket_path_make_room(name) : NULL;
    if (noun) {
        error_set(error, "can't bind unix=%s to socket: %s (there is %s)", path,
                  g_strerror(EADDRINUSE), noun);
        return -1;
    }
    if (!socket_access_bind(fd, (struct sockaddr *)&sa, len, name, &access, &sock->path, &err,
                            error)) {
        if (err) {
            error_set_errno(error, err, "can't bind unix=%s to socket", path);
        }
        return -1;
    }
    return fd_steal(&fd);
}

static bool dgram_open_unix(NetDgramSocket *sock, const SocketAddress *local,
                            const SocketAddress *remote, GError **error)
{
    if (!socket_address_to_sockaddr(remote, false, &sock->remote, &sock->remote_len, error)) {
        return false;
    }
    sock->fd = dgram_bind_unix(sock, local, error);
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

static bool dgram_open_any(NetDgramSocket *sock, const SocketAddress *local,
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

bool net_dgram_socket_open(NetDgramSocket *sock, const SocketAddress *local,
                           const SocketAddress *remote, GError **error)
{
    *sock = (NetDgramSocket) { .fd = -1 };
    if (dgram_check_address(local, error) && dgram_check_address(remote, error) &&
        (!remote || socket_access_refuse(remote, error)) &&
        dgram_open_any(sock, local, remote, error)) {
        return true;
    }
    net_dgram_socket_clear(sock);
    return false;
}

void net_dgram_socket_clear(NetDgramSocket *sock)
{
    g_clear_pointer(&sock->info, g_free);
    g_clear_pointer(&sock->path, socket_path_free);
    fd_close(&sock->fd);
}
