/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exports of type dgram: the guest's QEMU attaches by a datagram socket. */

/*
 * There is no connection, and QEMU may come, go and come back at any time. The socket is connected
 * to QEMU's address, so that it takes no other datagrams. A unix socket cannot be connected while
 * QEMU is away; then the address that a datagram comes from is looked at. Whether QEMU is there:
 *
 * With unix sockets, connecting fails if no socket is bound there. The export tries at regular
 * times: a socket that was connected to an earlier QEMU takes no datagrams of a later one.
 *
 * UDP reports it only by an error after a frame was sent. So QEMU counts as there until an error
 * comes; then the export sends one frame at a time, now and then, until there is no error.
 */

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "export/export-internal.h"
#include "io/socket-address.h"
#include "net/dgram-conn.h"
#include "net/dgram-socket.h"
#include "net/inet.h"
#include "util/error.h"
#include "util/fd.h"

/* How often to look whether the guest is there. */
#define PROBE_NS INT64_C(100000000)

/* Room for datagrams of the guest while the loop is busy; the kernel may grant less. */
#define RECEIVE_BUFFER_SIZE (8 * 1024 * 1024)

typedef struct NetExportDgram {
    NetExport exp;
    NetDgramConn conn;
    SocketAddress *addr;          /* owned */
    SocketAddress *remote;        /* owned; NULL = the socket was given */
    struct sockaddr_storage path; /* where to look for the guest */
    socklen_t path_len;           /* 0 = that is learned by sending */
    Timer *probe;                 /* owned */
} NetExportDgram;

static NetDgramConn *export_conn(const NetExport *exp)
{
    return &((NetExportDgram *)exp)->conn;
}

/* --- Whether the guest is there ---------------------------------------------------------- */

static void dgram_probe_after(NetExportDgram *dgram, int64_t ns)
{
    timer_start_at(dgram->probe, clock_now_ns(CLOCK_TYPE_REALTIME) + ns);
}

static void dgram_notify_address(NetExportDgram *dgram)
{
    g_autofree char *addr = net_export_uri(&dgram->exp, dgram->addr);
    g_autofree char *remote = dgram->remote ? net_export_uri(&dgram->exp, dgram->remote) : NULL;

    net_client_set_info(&dgram->exp.nc, "%s%s%s%s", addr, remote ? ",remote=" : "",
                        remote ? remote : "", dgram->exp.nc.disconnected ? ",not-connected" : "");
}

static void dgram_found(NetExportDgram *dgram)
{
    NetExport *exp = &dgram->exp;

    if (!exp->nc.disconnected) {
        return;
    }
    net_export_connected(exp, dgram->remote);
    net_client_set_connected(&exp->nc, true);
    dgram_notify_address(dgram);
    if (!exp->tries) {
        net_client_ready(&exp->nc);
    }
}

static void dgram_lost(NetExportDgram *dgram)
{
    NetExport *exp = &dgram->exp;

    if (!exp->nc.disconnected) {
        net_client_set_connected(&exp->nc, false);
        dgram_notify_address(dgram);
        net_export_disconnected(exp);
        dgram_probe_after(dgram, dgram->path_len > 0 ? 0 : PROBE_NS);
    }
}

/* Returns: whether the guest is there. With UDP, or a given socket, it is a matter of sending. */
static bool dgram_connect_path(NetExportDgram *dgram)
{
    const struct sockaddr *path = (struct sockaddr *)&dgram->path;

    return dgram->path_len == 0 || connect(dgram->conn.fd, path, dgram->path_len) == 0;
}

/* What an older guest has sent is read first: being connected to another one discards it. */
static void dgram_probe_path(NetExportDgram *dgram)
{
    net_dgram_conn_drain(&dgram->conn, dgram->exp.nc.hold_size);
    if (dgram_connect_path(dgram)) {
        dgram_found(dgram);
    } else {
        dgram_lost(dgram);
    }
}

static void dgram_probe_by_sending(NetExportDgram *dgram)
{
    dgram->exp.tries = true;
    net_client_ready(&dgram->exp.nc);
    dgram->exp.tries = false;
    if (!dgram->exp.nc.disconnected) {
        net_client_ready(&dgram->exp.nc); /* those behind the one that was tried */
    }
}

static void dgram_probe(void *opaque)
{
    NetExportDgram *dgram = opaque;

    if (dgram->path_len > 0) {
        dgram_probe_path(dgram);
        dgram_probe_after(dgram, PROBE_NS);
        return;
    }
    if (dgram->exp.n_connections == 0) {
        dgram_found(dgram);
    } else if (dgram->exp.nc.disconnected) {
        dgram_probe_by_sending(dgram);
    }
    if (dgram->exp.nc.disconnected) {
        dgram_probe_after(dgram, PROBE_NS);
    }
}

/* On this host the error of a refused frame is there at once. */
static bool dgram_was_refused(const NetExportDgram *dgram)
{
    int err = 0;
    socklen_t len = sizeof(err);

    return getsockopt(dgram->conn.fd, SOL_SOCKET, SO_ERROR, &err, &len) == 0 && err != 0;
}

static void export_dgram_lost(NetClient *nc)
{
    dgram_lost((NetExportDgram *)nc);
}

static void export_dgram_heard(NetClient *nc)
{
    NetExportDgram *dgram = (NetExportDgram *)nc;

    if (nc->disconnected && dgram_connect_path(dgram)) {
        dgram_found(dgram);
    }
}

/* A path may be written in several ways. */
static bool path_is_same(const char *a, const char *b)
{
    struct stat st_a, st_b;

    return strcmp(a, b) == 0 || (stat(a, &st_a) == 0 && stat(b, &st_b) == 0 &&
                                 st_a.st_dev == st_b.st_dev && st_a.st_ino == st_b.st_ino);
}

/* Whether @from is the address of the guest, which is a unix socket's. */
static bool dgram_is_guest(const NetExportDgram *dgram, const struct sockaddr_un *from,
                           socklen_t len)
{
    const struct sockaddr_un *guest = (const struct sockaddr_un *)&dgram->path;
    size_t name = offsetof(struct sockaddr_un, sun_path);
    g_autofree char *path = NULL;
    g_autofree char *ours = NULL;

    if (len <= name || from->sun_path[0] == '\0' || guest->sun_path[0] == '\0') {
        return len == dgram->path_len && memcmp(from, guest, len) == 0;
    }
    path = g_strndup(from->sun_path, len - name);
    ours = socket_address_path(&dgram->remote->u.q_unix);
    return path_is_same(path, ours);
}

/* The kernel lets no others through while the socket is connected. */
static bool export_dgram_knows(NetClient *nc, const struct sockaddr_storage *from, socklen_t len)
{
    const NetExportDgram *dgram = (NetExportDgram *)nc;

    return !nc->disconnected || dgram->path_len == 0 ||
           dgram_is_guest(dgram, (const struct sockaddr_un *)from, len);
}

static const NetDgramConnOps export_conn_ops = {
    .lost = export_dgram_lost,
    .knows = export_dgram_knows,
    .heard = export_dgram_heard,
};

/* --- Hooks of the client ----------------------------------------------------------------- */

/* It is always read: QEMU spins while its datagrams are not taken. */
static void export_dgram_read_poll(NetClient *nc, bool enable)
{
}

static bool export_dgram_kernel_dropped(NetClient *nc, uint64_t query, uint64_t *frames)
{
    return net_dgram_conn_kernel_dropped(&((NetExportDgram *)nc)->conn, frames);
}

static void export_dgram_cleanup(NetClient *nc)
{
    NetExportDgram *dgram = (NetExportDgram *)nc;

    timer_free(dgram->probe);
    net_dgram_conn_close(&dgram->conn);
    qapi_free_SocketAddress(dgram->addr);
    qapi_free_SocketAddress(dgram->remote);
    net_export_cleanup(nc);
}

static const NetClientInfo export_dgram_info = {
    .type = NET_CLIENT_DRIVER_NIC,
    .size = sizeof(NetExportDgram),
    .receive = net_export_receive,
    .read_poll = export_dgram_read_poll,
    .kernel_dropped = export_dgram_kernel_dropped,
    .in_flight = net_export_in_flight,
    .describe = net_export_describe,
    .cleanup = export_dgram_cleanup,
    .drains = true,
};

/* --- Hooks of the export ----------------------------------------------------------------- */

static size_t export_dgram_send(NetExport *exp, const NetFrame *frames, size_t n)
{
    NetExportDgram *dgram = (NetExportDgram *)exp;

    if (exp->tries && exp->nc.disconnected) {
        if (net_dgram_conn_receive(&dgram->conn, frames, 1) == 0 || dgram_was_refused(dgram)) {
            return 0;
        }
        dgram_found(dgram);
        return 1;
    }
    return net_dgram_conn_receive(&dgram->conn, frames, n);
}

static bool export_dgram_is_idle(const NetExport *exp)
{
    return true;
}

static void export_dgram_drain(NetExport *exp, uint64_t limit)
{
    net_dgram_conn_drain(export_conn(exp), limit);
}

static void export_dgram_run_state_changed(NetExport *exp, bool running)
{
}

static int export_dgram_socket(const NetExport *exp)
{
    return export_conn(exp)->fd;
}

/* The system knows the port if port 0 was given. */
static char *export_dgram_address(const NetExport *exp)
{
    const NetExportDgram *dgram = (const NetExportDgram *)exp;
    g_autoptr(SocketAddress) local = socket_address_local(dgram->conn.fd, NULL);

    return local && dgram->remote ? net_export_uri(exp, local) : NULL;
}

static const char *export_dgram_error(const NetExport *exp)
{
    return NULL;
}

/* --- Creation ---------------------------------------------------------------------------- */

static bool dgram_check_remote(const SocketAddress *remote, GError **error)
{
    struct sockaddr_in sin;

    if (!net_inet_parse(remote->u.inet.host, remote->u.inet.port, &sin, error)) {
        return false;
    }
    if (sin.sin_port == 0) {
        return error_set(error, "Parameter 'remote.port' does not accept value '%s'",
                         remote->u.inet.port);
    }
    return !net_inet_is_multicast(&sin) ||
           error_set(error, "Parameter 'remote' is a multicast address, but an export has one "
                     "guest");
}

/* Who may send to an address is no part of where it is. */
static bool dgram_is_same(const SocketAddress *a, const SocketAddress *b)
{
    if (a->type != SOCKET_ADDRESS_TYPE_UNIX || b->type != SOCKET_ADDRESS_TYPE_UNIX) {
        return qapi_equal(QAPI_TYPE(SocketAddress), a, b);
    }
    return a->u.q_unix.abstract == b->u.q_unix.abstract &&
           g_str_equal(a->u.q_unix.path, b->u.q_unix.path);
}

static bool dgram_check(const NetExportDgramOptions *opts, GError **error)
{
    switch (opts->addr->type) {
    case SOCKET_ADDRESS_TYPE_FD:
        return !opts->remote || error_set(error, "Parameter 'remote' does not go with an address "
                                          "of type fd");
    case SOCKET_ADDRESS_TYPE_VSOCK:
        return error_set(error, "An export of type dgram takes addresses of type inet, unix and "
                         "fd");
    case SOCKET_ADDRESS_TYPE_INET:
    case SOCKET_ADDRESS_TYPE_UNIX:
        break;
    }
    if (!opts->remote) {
        return error_set(error, "Parameter 'remote' is missing");
    }
    if (dgram_is_same(opts->addr, opts->remote)) {
        return error_set(error, "Parameter 'remote' is the same address as 'addr'");
    }
    return opts->remote->type != SOCKET_ADDRESS_TYPE_INET ||
           dgram_check_remote(opts->remote, error);
}

static bool dgram_check_fd(const NetExportDgramOptions *opts, int fd, GError **error)
{
    const char *text = opts->addr->u.fd.str;
    struct sockaddr_storage peer;
    socklen_t peer_len = sizeof(peer);
    socklen_t len = sizeof(int);
    int type;

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_DGRAM) {
        return error_set(error, "File descriptor '%s' is not a datagram socket", text);
    }
    if (getpeername(fd, (struct sockaddr *)&peer, &peer_len) < 0) {
        return error_set(error, "File descriptor '%s' is not connected", text);
    }
    return true;
}

static void dgram_widen_receive_buffer(int fd)
{
    int size = RECEIVE_BUFFER_SIZE;

    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    }
}

/* UDP is connected for good; a unix socket by the first probe. */
static bool dgram_prepare(const NetDgramSocket *sock, const NetExportDgramOptions *opts,
                          GError **error)
{
    if (opts->addr->type == SOCKET_ADDRESS_TYPE_FD) {
        return dgram_check_fd(opts, sock->fd, error);
    }
    if (opts->addr->type == SOCKET_ADDRESS_TYPE_INET) {
        dgram_widen_receive_buffer(sock->fd);
        if (connect(sock->fd, (const struct sockaddr *)&sock->remote, sock->remote_len) < 0) {
            return error_set_errno(error, errno, "cannot connect to the remote address");
        }
    }
    return true;
}

static const NetExportClass export_dgram_class;

static NetExport *dgram_make(const NetExportOptions *opts, NetDgramSocket *sock)
{
    NetExport *exp = net_export_new(&export_dgram_info, &export_dgram_class, opts);
    NetExportDgram *dgram = (NetExportDgram *)exp;

    dgram->addr = qapi_clone(QAPI_TYPE(SocketAddress), opts->u.dgram.addr);
    if (opts->u.dgram.remote) {
        dgram->remote = qapi_clone(QAPI_TYPE(SocketAddress), opts->u.dgram.remote);
    }
    if (opts->u.dgram.addr->type == SOCKET_ADDRESS_TYPE_UNIX) {
        dgram->path = sock->remote;
        dgram->path_len = sock->remote_len;
    }
    net_client_set_connected(&exp->nc, false);
    dgram_notify_address(dgram);
    dgram->conn.ops = &export_conn_ops;
    dgram->conn.always_reads = true;
    net_dgram_conn_open(&dgram->conn, &exp->nc, fd_steal(&sock->fd), g_steal_pointer(&sock->path),
                        NULL, 0);
    dgram->probe = timer_new(CLOCK_TYPE_REALTIME, dgram_probe, dgram);
    dgram_probe_after(dgram, 0);
    return exp;
}

static NetExport *export_dgram_create(const NetExportOptions *opts, GError **error)
{
    const NetExportDgramOptions *dgram_opts = &opts->u.dgram;
    NetDgramSocket sock;
    NetExport *exp = NULL;

    if (!dgram_check(dgram_opts, error) ||
        !net_dgram_socket_open(&sock, dgram_opts->addr, dgram_opts->remote, error)) {
        return NULL;
    }
    if (dgram_prepare(&sock, dgram_opts, error)) {
        exp = dgram_make(opts, &sock);
    }
    net_dgram_socket_clear(&sock);
    return exp;
}

static const NetExportClass export_dgram_class = {
    .type = NET_EXPORT_TYPE_DGRAM,
    .always_reads = true,
    .create = export_dgram_create,
    .send = export_dgram_send,
    .is_idle = export_dgram_is_idle,
    .drain = export_dgram_drain,
    .run_state_changed = export_dgram_run_state_changed,
    .socket = export_dgram_socket,
    .address = export_dgram_address,
    .error = export_dgram_error,
};

__attribute__((constructor)) static void export_dgram_register(void)
{
    net_export_class_register(&export_dgram_class);
}
