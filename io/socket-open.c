/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets that listen or connect while the caller waits, and accepting clients. */

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>

#include "io/reconnect.h"
#include "io/socket-access.h"
#include "io/socket-address.h"
#include "io/socket-internal.h"
#include "util/clock.h"
#include "util/command-wait.h"
#include "util/error.h"
#include "util/fd-store.h"
#include "util/fd.h"
#include "util/interrupt.h"

static bool socket_set_keep_alive(int fd, const InetSocketAddress *inet, GError **error)
{
    const struct {
        bool wanted;
        int level, option;
        uint32_t value;
        const char *name;
    } options[] = {
        { true, SOL_SOCKET, SO_KEEPALIVE, 1, "keep-alive" },
        { inet->has_keep_alive_count, IPPROTO_TCP, TCP_KEEPCNT, inet->keep_alive_count,
          "keep-alive-count" },
        { inet->has_keep_alive_idle, IPPROTO_TCP, TCP_KEEPIDLE, inet->keep_alive_idle,
          "keep-alive-idle" },
        { inet->has_keep_alive_interval, IPPROTO_TCP, TCP_KEEPINTVL, inet->keep_alive_interval,
          "keep-alive-interval" },
    };

    for (size_t i = 0; inet->keep_alive && i < G_N_ELEMENTS(options); i++) {
        if (options[i].wanted
            && setsockopt(fd, options[i].level, options[i].option, &options[i].value,
                          sizeof(options[i].value)) < 0) {
            return error_set_errno(error, errno, "Unable to set %s on socket", options[i].name);
        }
    }
    return true;
}

int socket_open(const SocketAddress *addr, const SocketCandidate *candidate, GError **error)
{
    bool is_inet = addr->type == SOCKET_ADDRESS_TYPE_INET;
    bool mptcp = is_inet && addr->u.inet.mptcp;
    auto_fd int fd = socket(candidate->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
                            mptcp ? IPPROTO_MPTCP : 0);

    if (fd < 0) {
        error_set_errno(error, errno, mptcp ? "Cannot use Multipath TCP (mptcp=on)"
                                            : "Failed to create socket");
        return -1;
    }
    if (is_inet && !socket_set_keep_alive(fd, &addr->u.inet, error)) {
        return -1;
    }
    return fd_steal(&fd);
}

int socket_take_fd(const FdSocketAddress *addr, GError **error)
{
    int fd = fd_from_text_r2(addr->str, error);
    socklen_t len = sizeof(int);
    int type;

    if (fd < 0) {
        return -1;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || !fd_set_nonblocking(fd, true)) {
        error_set(error, "File descriptor '%s' is not a socket", addr->str);
        fd_close(&fd);
    }
    return fd;
}

/* --- Listening --------------------------------------------------------------------------- */

static void socket_set_port(SocketCandidate *candidate, uint16_t port)
{
    if (candidate->sa.ss_family == AF_INET) {
        ((struct sockaddr_in *)&candidate->sa)->sin_port = htons(port);
    } else {
        ((struct sockaddr_in6 *)&candidate->sa)->sin6_port = htons(port);
    }
}

static uint16_t socket_get_port(const SocketCandidate *candidate)
{
    return ntohs(candidate->sa.ss_family == AF_INET
                     ? ((const struct sockaddr_in *)&candidate->sa)->sin_port
                     : ((const struct sockaddr_in6 *)&candidate->sa)->sin6_port);
}

/* Whether an IPv6 socket must leave IPv4 to others. */
static bool socket_is_v6_only(const InetSocketAddress *inet)
{
    return (inet->has_ipv4 && !inet->ipv4)
           || (inet->has_ipv6 && inet->ipv6 && !(inet->has_ipv4 && inet->ipv4));
}

/** How a socket comes to listen. */
typedef struct SocketListening {
    const SocketAddress *addr;
    const char *name;          /* borrowed: of its file; NULL = none */
    SocketAccess access;
    int backlog;
    SocketPath **path;         /* (out) owned: the file; NULL = it stays */
    int err;                   /* why the last attempt failed; 0 = reported already */
    bool at_listen;            /* where it did */
} SocketListening;

static bool socket_bind(int fd, SocketListening *how, const SocketCandidate *candidate,
                        GError **error)
{
    int on = 1;

    if (how->addr->type == SOCKET_ADDRESS_TYPE_INET) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    }
    if (candidate->sa.ss_family == AF_INET6) {
        int v6_only = socket_is_v6_only(&how->addr->u.inet);

        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only));
    }
    return socket_access_bind(fd, (const struct sockaddr *)&candidate->sa, candidate->len,
                              how->name, &how->access, how->path, &how->err, error);
}

/* Returns: a listening socket; -1 with @error or how->err set. */
static int socket_try_listen(SocketListening *how, const SocketCandidate *candidate,
                             GError **error)
{
    auto_fd int fd = socket_open(how->addr, candidate, error);

    how->at_listen = false;
    how->err = 0;
    if (fd < 0 || !socket_bind(fd, how, candidate, error)) {
        return -1;
    }
    if (listen(fd, how->backlog) < 0) {
        how->err = errno;
        how->at_listen = true;
        if (how->path) {
            g_clear_pointer(how->path, socket_path_free);
        }
        return -1;
    }
    return fd_steal(&fd);
}

static bool socket_listen_error(const SocketListening *how, GError **error)
{
    const SocketAddress *addr = how->addr;

    if (how->at_listen) {
        return error_set_errno(error, how->err, "Failed to listen on socket");
    }
    if (addr->type == SOCKET_ADDRESS_TYPE_UNIX) {
        return error_set_errno(error, how->err, "Failed to bind socket to %s",
                               addr->u.q_unix.path);
    }
    if (addr->type == SOCKET_ADDRESS_TYPE_INET && addr->u.inet.has_to) {
        return error_set_errno(error, how->err, "Failed to find an available port");
    }
    return error_set_errno(error, how->err, "Failed to bind socket");
}

/* Tries each candidate on one port after the other. */
static int socket_listen_on(SocketListening *how, GArray *candidates, GError **error)
{
    bool has_to = how->addr->type == SOCKET_ADDRESS_TYPE_INET && how->addr->u.inet.has_to;
    SocketCandidate *first = &g_array_index(candidates, SocketCandidate, 0);
    unsigned port = has_to ? socket_get_port(first) : 0;
    unsigned to = has_to ? how->addr->u.inet.to : 0;

    if (to < port) {
        error_set(error, "Parameter 'to' expects a port not below %u", port);
        return -1;
    }
    for (; port <= to; port++) {
        for (guint i = 0; i < candidates->len; i++) {
            SocketCandidate *candidate = &g_array_index(candidates, SocketCandidate, i);
            int fd;

            if (has_to) {
                socket_set_port(candidate, (uint16_t)port);
            }
            g_clear_error(error);
            fd = socket_try_listen(how, candidate, error);
            if (fd >= 0) {
                return fd;
            }
        }
    }
    if (how->err) {
        socket_listen_error(how, error);
    }
    return -1;
}

static int socket_listen_fd(const FdSocketAddress *addr, int backlog, GError **error)
{
    auto_fd int fd = socket_take_fd(addr, error);

    if (fd >= 0 && listen(fd, backlog) < 0) {
        error_set_errno(error, errno, "Failed to listen on fd socket");
        return -1;
    }
    return fd_steal(&fd);
}

/* Whether nothing is in the way of a bind; a port is found out by trying. */
static bool socket_make_room(const SocketAddress *addr, const char *path, GError **error)
{
    g_autofree char *noun = path ? socket_path_make_room(path) : NULL;

    return !noun || error_set(error, "Failed to bind socket to %s: %s (there is %s)",
                              addr->u.q_unix.path, g_strerror(EADDRINUSE), noun);
}

int socket_listen(const SocketAddress *addr, int backlog, SocketPath **path, GError **error)
{
    g_autofree char *name = socket_address_has_path(addr) ? socket_address_path(&addr->u.q_unix)
                                                          : NULL;
    SocketListening how = { .addr = addr, .name = name, .backlog = backlog, .path = path };
    g_autoptr(GArray) candidates = NULL;
    g_autoptr(GError) local = NULL;
    int fd;

    if (addr->type == SOCKET_ADDRESS_TYPE_FD) {
        fd = socket_listen_fd(&addr->u.fd, backlog, error);
        if (fd >= 0 && path) {
            *path = NULL;
        }
        return fd;
    }
    if (!socket_access_parse(&how.access, addr, error)) {
        return -1;
    }
    candidates = socket_resolve(addr, SOCKET_RESOLVE_PASSIVE, error);
    if (!candidates || !socket_make_room(addr, name, error)) {
        return -1;
    }
    fd = socket_listen_on(&how, candidates, &local);
    if (fd < 0) {
        g_propagate_error(error, g_steal_pointer(&local));
    }
    return fd;
}

int socket_accept(int listen_fd)
{
    int fd;

    /* A client that gave up before it was its turn is none. */
    do {
        fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    return fd;
}

/* --- Connecting -------------------------------------------------------------------------- */

bool socket_connect_error(const SocketAddress *addr, int err, GError **error)
{
    switch (addr->type) {
    case SOCKET_ADDRESS_TYPE_INET:
        return error_set_errno(error, err, "Failed to connect to '%s:%s'", addr->u.inet.host,
                               addr->u.inet.port);
    case SOCKET_ADDRESS_TYPE_UNIX:
        return error_set_errno(error, err, "Failed to connect to '%s'", addr->u.q_unix.path);
    case SOCKET_ADDRESS_TYPE_VSOCK:
        return error_set_errno(error, err, "Failed to connect to '%s:%s'", addr->u.vsock.cid,
                               addr->u.vsock.port);
    case SOCKET_ADDRESS_TYPE_FD:
        break;
    }
    g_assert_not_reached();
}

static int socket_ms_until(int64_t deadline_ns)
{
    int64_t left_ns = deadline_ns - clock_now_ns(CLOCK_TYPE_REALTIME);

    return left_ns > 0 ? (int)(left_ns / 1000000) + 1 : 0;
}

static int socket_finish_connect(int fd, int64_t deadline_ns)
{
    struct pollfd pfd = { .fd = fd, .events = POLLOUT };
    socklen_t len = sizeof(int);
    int err = interrupt_wait(fd, POLLOUT, socket_ms_until(deadline_ns));

    if (err) {
        return err;
    }
    if (poll(&pfd, 1, 0) == 0) {
        return ETIMEDOUT;
    }
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) == 0 ? err : errno;
}

/* Returns: 0 or an errno; EINTR when the process is to end first. */
static int socket_connect_until(int fd, const SocketCandidate *candidate, int64_t deadline_ns)
{
    int err = 0;

    while (connect(fd, (const struct sockaddr *)&candidate->sa, candidate->len) < 0) {
        if (errno == EINPROGRESS) {
            return socket_finish_connect(fd, deadline_ns);
        }
        if (errno == EAGAIN && candidate->sa.ss_family == AF_UNIX) { /* its queue is full */
            err = socket_ms_until(deadline_ns) > 0 ? interrupt_wait(-1, 0, SOCKET_QUEUE_RETRY_MS)
                                                   : ETIMEDOUT;
        } else {
            err = errno;
        }
        if (err) {
            return err;
        }
    }
    return 0;
}

static int socket_try_connect(const SocketAddress *addr, const SocketCandidate *candidate,
                              int64_t deadline_ns, GError **error)
{
    auto_fd int fd = socket_open(addr, candidate, error);
    int err;

    if (fd < 0) {
        return -1;
    }
    err = socket_connect_until(fd, candidate, deadline_ns);
    if (err) {
        socket_connect_error(addr, err, error);
        return -1;
    }
    return fd_steal(&fd);
}

int socket_connect(const SocketAddress *addr, GError **error)
{
    int64_t deadline_ns = clock_now_ns(CLOCK_TYPE_REALTIME) +
                          RECONNECT_ATTEMPT_MS * INT64_C(1000000);
    g_autoptr(GArray) candidates = NULL;
    g_autoptr(GError) last = NULL;

    if (addr->type == SOCKET_ADDRESS_TYPE_FD) {
        return socket_take_fd(&addr->u.fd, error);
    }
    if (command_wait_is_on()) {
        return socket_wait_connect(addr, error);
    }
    candidates = socket_resolve(addr, 0, error);
    if (!candidates) {
        return -1;
    }
    for (guint i = 0; i < candidates->len; i++) {
        int fd;

        g_clear_error(&last);
        fd = socket_try_connect(addr, &g_array_index(candidates, SocketCandidate, i), deadline_ns,
                                &last);
        if (fd >= 0) {
            return fd;
        }
    }
    g_propagate_error(error, g_steal_pointer(&last));
    return -1;
}
