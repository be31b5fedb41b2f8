/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether an export listens or connects, by its options and by the socket that it was given. */

#include <sys/socket.h>

#include "export/export-internal.h"
#include "io/socket-access.h"
#include "net/stream-link.h"
#include "util/error.h"
#include "util/fd.h"

/* How long a client waits before it connects again. */
#define RECONNECT_MS 100

static bool role_fd_listens(int fd)
{
    int listens = 0;
    socklen_t len = sizeof(listens);

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens;
}

static bool role_fd_is_connected(int fd)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof(peer);

    return getpeername(fd, (struct sockaddr *)&peer, &len) == 0;
}

static bool role_check_fd(const NetExportRole *role, const char *text, const uint32_t *reconnect_ms,
                          GError **error)
{
    if (role->server && role_fd_is_connected(role->fd)) {
        return error_set(error, "File descriptor '%s' is connected, which needs server=off", text);
    }
    if (!role->server && role_fd_listens(role->fd)) {
        return error_set(error, "File descriptor '%s' listens, which needs server=on", text);
    }
    if (!role->server && !role_fd_is_connected(role->fd)) {
        return error_set(error, "File descriptor '%s' is not connected", text);
    }
    if (reconnect_ms && *reconnect_ms > 0) {
        return error_set(error, "'reconnect-ms' option is incompatible with an address of type "
                         "fd, which connects only once");
    }
    return true;
}

static bool role_check(const NetExportRole *role, const SocketAddress *addr,
                       const uint32_t *reconnect_ms, GError **error)
{
    if (role->server && reconnect_ms && *reconnect_ms != 0) {
        return error_set(error, "'reconnect-ms' option is incompatible with socket in server "
                         "mode");
    }
    if (!role->server && !socket_access_refuse(addr, error)) {
        return false;
    }
    return role->fd < 0 || role_check_fd(role, addr->u.fd.str, reconnect_ms, error);
}

/* Without "server" a socket says itself what it is for. */
bool net_export_find_role(NetExportRole *role, const SocketAddress *addr, const bool *server,
                          const uint32_t *reconnect_ms, GError **error)
{
    auto_fd int fd = -1;
    NetExportRole found;

    if (addr->type == SOCKET_ADDRESS_TYPE_FD) {
        fd = net_stream_link_take_fd(addr->u.fd.str, error);
        if (fd < 0) {
            return false;
        }
    }
    found = (NetExportRole) {
        .server = server ? *server : fd < 0 || !role_fd_is_connected(fd),
        .reconnect_ms = reconnect_ms ? *reconnect_ms : RECONNECT_MS,
        .fd = fd,
    };
    if (!role_check(&found, addr, reconnect_ms, error)) {
        return false;
    }
    if (fd_steal(&fd) >= 0) {
        found.reconnect_ms = 0;
    }
    *role = found;
    return true;
}
