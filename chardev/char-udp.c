/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Back end udp: each write is one datagram, received ones are a stream of bytes. */

#include "chardev/char-internal.h"

#include <errno.h>
#include <limits.h>
#include <sys/socket.h>

#include "io/socket-address.h"
#include "io/socket-drops.h"
#include "util/error.h"
#include "util/fd.h"

/** The most payload that UDP over IPv4 can carry. */
#define CHAR_UDP_PAYLOAD_MAX 65507
#define CHAR_UDP_BUFFER_SIZE 65536

typedef struct CharUdp {
    Chardev chr;
    int fd; /* owned */
    FdWatch *watch;
    SocketDrops drops; /* of @fd */
    uint8_t *buffer; /* owned; the datagram that the front end has not wholly taken */
    size_t n_done;   /* taken of it */
    size_t n_buffered;
    guint deliver_source; /* idle source that delivers the rest; 0 = none */
} CharUdp;

static void char_udp_update(Chardev *chr, CharFrontend *fe);

/** Hand over as much of the datagram as is wanted. */
static void char_udp_deliver(CharUdp *udp)
{
    Chardev *chr = &udp->chr;

    char_ref(chr);
    while (!chr->is_closed && udp->n_done < udp->n_buffered) {
        size_t n_part = MIN(char_read_wanted(chr), udp->n_buffered - udp->n_done);
        const uint8_t *data = udp->buffer + udp->n_done;

        if (n_part == 0) {
            break;
        }
        udp->n_done += n_part;
        char_deliver(chr, data, n_part);
    }
    if (!chr->is_closed) {
        char_udp_update(chr, chr->fe);
    }
    char_unref(chr);
}

static gboolean char_udp_deliver_idle(gpointer opaque)
{
    CharUdp *udp = opaque;

    udp->deliver_source = 0;
    char_udp_deliver(udp);
    return G_SOURCE_REMOVE;
}

static void char_udp_update(Chardev *chr, CharFrontend *fe)
{
    CharUdp *udp = (CharUdp *)chr;
    bool has_rest = udp->n_done < udp->n_buffered;
    bool wants = char_read_wanted(chr) > 0;
    FdEvents events = char_write_blocked(chr) ? FD_EVENT_WRITE : FD_EVENT_NONE;

    if (wants && has_rest && !udp->deliver_source) {
        udp->deliver_source = g_idle_add_full(G_PRIORITY_DEFAULT, char_udp_deliver_idle, udp,
                                              NULL);
    }
    if (wants && !has_rest) {
        events |= FD_EVENT_READ;
    }
    fd_watch_set(udp->watch, events);
}

static void char_udp_event(int fd, FdEvents events, void *opaque)
{
    CharUdp *udp = opaque;
    Chardev *chr = &udp->chr;

    char_ref(chr);
    if (events & FD_EVENT_WRITE) {
        char_write_ready(chr);
    }
    if ((events & FD_EVENT_READ) && !chr->is_closed && udp->n_done == udp->n_buffered) {
        /* An error here is about a datagram sent before, as a peer that does not listen. */
        ssize_t n_read = recv(fd, udp->buffer, CHAR_UDP_BUFFER_SIZE, MSG_DONTWAIT);

        udp->n_done = 0;
        udp->n_buffered = n_read > 0 ? (size_t)n_read : 0;
    }
    if (!chr->is_closed) {
        char_udp_deliver(udp);
    }
    char_unref(chr);
}

static void char_udp_skip_datagram(Chardev *chr)
{
    CharUdp *udp = (CharUdp *)chr;

    udp->n_done = udp->n_buffered;
}

/** Cut @iov after CHAR_UDP_PAYLOAD_MAX bytes, in @part. Returns: how many pieces are left. */
static int char_udp_limit(const struct iovec *iov, int n_iov, struct iovec *part)
{
    size_t left = CHAR_UDP_PAYLOAD_MAX;
    int n_part = 0;

    for (int i = 0; i < MIN(n_iov, IOV_MAX) && left > 0; i++) {
        part[n_part] = iov[i];
        part[n_part].iov_len = MIN(iov[i].iov_len, left);
        left -= part[n_part++].iov_len;
    }
    return n_part;
}

static ssize_t char_udp_writev(Chardev *chr, CharFrontend *fe, const struct iovec *iov,
                               int n_iov)
{
    CharUdp *udp = (CharUdp *)chr;
    struct iovec part[IOV_MAX];
    struct msghdr msg = { .msg_iov = part, .msg_iovlen = char_udp_limit(iov, n_iov, part) };
    ssize_t n_written;

    do {
        /* The first call after a refused datagram fails with that news and sends nothing. */
        n_written = sendmsg(udp->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n_written < 0 && (errno == EINTR || errno == ECONNREFUSED));
    if (n_written < 0) {
        return errno == EAGAIN || errno == ENOBUFS ? 0 : -errno;
    }
    return n_written;
}

/** Bind to the local address of @legacy, in the family of the other end. */
static bool char_udp_bind(int fd, const SocketAddressLegacy *legacy, int family, GError **error)
{
    g_autoptr(SocketAddress) addr = socket_address_flatten(legacy, error);
    struct sockaddr_storage sa;
    socklen_t len = 0;
    int on = 1;

    if (!addr) {
        return false;
    }
    if (addr->type != SOCKET_ADDRESS_TYPE_INET) {
        return error_set(error, "socket type unsupported for datagram");
    }
    addr->u.inet.has_ipv4 = addr->u.inet.has_ipv6 = true;
    addr->u.inet.ipv4 = family == AF_INET;
    addr->u.inet.ipv6 = family == AF_INET6;
    if (!socket_address_to_sockaddr(addr, true, &sa, &len, error)) {
        return false;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&sa, len) < 0) {
        return error_set_errno(error, errno, "Failed to bind socket");
    }
    return true;
}

static bool char_udp_connect(CharUdp *udp, const ChardevUdp *opts, GError **error)
{
    g_autoptr(SocketAddress) remote = socket_address_flatten(opts->remote, error);
    struct sockaddr_storage sa;
    socklen_t len = 0;

    if (!remote) {
        return false;
    }
    if (remote->type != SOCKET_ADDRESS_TYPE_INET) {
        return error_set(error, "socket type unsupported for datagram");
    }
    if (remote->u.inet.host[0] == '\0') {
        g_free(remote->u.inet.host);
        remote->u.inet.host = g_strdup("localhost");
    }
    if (!socket_address_to_sockaddr(remote, false, &sa, &len, error)) {
        return false;
    }
    udp->fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (udp->fd < 0) {
        return error_set_errno(error, errno, "Failed to create socket");
    }
    if (opts->local && !char_udp_bind(udp->fd, opts->local, sa.ss_family, error)) {
        return false;
    }
    if (connect(udp->fd, (struct sockaddr *)&sa, len) < 0) {
        return error_set_errno(error, errno, "Failed to connect to '%s:%s'",
                               remote->u.inet.host, remote->u.inet.port);
    }
    return true;
}

static bool char_udp_open(Chardev *chr, const ChardevBackend *backend, GError **error)
{
    CharUdp *udp = (CharUdp *)chr;

    udp->fd = -1;
    if (!char_udp_connect(udp, backend->u.udp.data, error)) {
        return false;
    }
    udp->buffer = g_malloc(CHAR_UDP_BUFFER_SIZE);
    socket_drops_start(&udp->drops, udp->fd);
    udp->watch = fd_watch_new(udp->fd, char_udp_event, udp);
    char_set_open(chr, true);
    return true;
}

static void char_udp_close(Chardev *chr)
{
    CharUdp *udp = (CharUdp *)chr;

    g_clear_handle_id(&udp->deliver_source, g_source_remove);
    g_clear_pointer(&udp->watch, fd_watch_free);
    fd_close(&udp->fd);
    g_clear_pointer(&udp->buffer, g_free);
    udp->n_done = udp->n_buffered = 0;
}

static bool char_udp_kernel_dropped(Chardev *chr, uint64_t *datagrams)
{
    return socket_drops_get(&((CharUdp *)chr)->drops, datagrams);
}

const ChardevClass char_udp_class = {
    .size = sizeof(CharUdp),
    .open = char_udp_open,
    .close = char_udp_close,
    .writev = char_udp_writev,
    .update = char_udp_update,
    .skip_datagram = char_udp_skip_datagram,
    .kernel_dropped = char_udp_kernel_dropped,
};
