/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Back end socket: one stream connection at a time, as server or client. */

/*
 * The watched events follow from the needs of the front end. While it reads, end of file comes out
 * of the read. While it does not, the device waits for a hang-up: without a reader the connection
 * ends at once, but unread bytes for a reader keep the connection until they have been read
 * (hangup_waits).
 *
 * While the front end is busy with its input, the end is not reported: a peer that closes its
 * direction behind its last request still gets the answer (end_waits).
 *
 * A write that fails does not end the connection either when there is a reader: the peer's last
 * bytes may still be in the socket. It is shut down, so that reading runs into the end.
 */

#include "chardev/char-internal.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "chardev/char-socket-internal.h"
#include "io/reconnect.h"
#include "io/socket-access.h"
#include "io/socket-address.h"
#include "util/error.h"
#include "util/fd-store.h"
#include "util/fd.h"
#include "util/interrupt.h"
#include "util/log.h"
#include "util/trace.h"

TRACE_POINT(chardev_socket_state);

static void char_socket_set_state(CharSocket *cs, CharSocketState state)
{
    static const char *const names[] = {
        [CHAR_SOCKET_ENDED] = "ended",
        [CHAR_SOCKET_LISTENING] = "listening",
        [CHAR_SOCKET_CONNECTING] = "connecting",
        [CHAR_SOCKET_CONNECTED] = "connected",
        [CHAR_SOCKET_BROKEN] = "broken",
    };

    TRACE(chardev_socket_state, "%s: %s -> %s", cs->chr.id, names[cs->state], names[state]);
    cs->state = state;
}

/* --- The end of a connection --------------------------------------------------------------- */

static void char_socket_close_fds(CharSocket *cs)
{
    for (size_t i = 0; i < cs->n_fds; i++) {
        fd_close(&cs->fds[i]);
    }
    cs->n_fds = 0;
}

static void char_socket_disconnect(CharSocket *cs)
{
    g_clear_handle_id(&cs->drop_source, g_source_remove);
    g_clear_handle_id(&cs->read_source, g_source_remove);
    g_clear_pointer(&cs->watch, fd_watch_free);
    if (cs->session) {
        char_socket_tls_end(cs);
    }
    fd_close(&cs->fd);
    char_socket_close_fds(cs);
    cs->hangup_waits = cs->end_waits = false;
}

/** The connection is over; the front end may do anything in its callback, so that comes last. */
static void char_socket_drop(CharSocket *cs)
{
    char_socket_disconnect(cs);
    if (cs->is_server) {
        char_socket_set_state(cs, CHAR_SOCKET_LISTENING);
        socket_listener_set_active(cs->listener, true);
    } else if (cs->client && socket_client_lose(cs->client)) {
        char_socket_set_state(cs, CHAR_SOCKET_CONNECTING);
    } else {
        char_socket_set_state(cs, CHAR_SOCKET_ENDED);
    }
    char_set_open(&cs->chr, false);
}

static gboolean char_socket_drop_idle(gpointer opaque)
{
    CharSocket *cs = opaque;
    Chardev *chr = &cs->chr;

    cs->drop_source = 0;
    char_ref(chr);
    char_socket_drop(cs);
    char_unref(chr);
    return G_SOURCE_REMOVE;
}

static void char_socket_drop_later(CharSocket *cs)
{
    cs->chr.is_open = false;
    char_socket_set_state(cs, CHAR_SOCKET_BROKEN);
    fd_watch_set(cs->watch, FD_EVENT_NONE);
    if (!cs->drop_source) {
        cs->drop_source = g_idle_add_full(G_PRIORITY_DEFAULT, char_socket_drop_idle, cs, NULL);
    }
}

/* --- A standing connection ----------------------------------------------------------------- */

static gboolean char_socket_read_idle(gpointer opaque);

/* Bytes in a TLS session are read without a word of the descriptor. */
static void char_socket_read_later(CharSocket *cs)
{
    if (cs->session && tls_session_has_unread(cs->session) && !cs->read_source) {
        cs->read_source = g_idle_add_full(G_PRIORITY_DEFAULT, char_socket_read_idle, cs, NULL);
    }
}

/* Whether something waits for room: the front end, or the rest of a TLS record. */
static bool char_socket_wants_room(const CharSocket *cs)
{
    return char_write_blocked(&cs->chr) || (cs->session && tls_session_has_unsent(cs->session));
}

static void char_socket_update(Chardev *chr, CharFrontend *fe)
{
    CharSocket *cs = (CharSocket *)chr;
    FdEvents events = FD_EVENT_NONE;
    bool busy = char_is_busy(chr);

    if (!cs->watch || cs->drop_source) {
        return;
    }
    cs->hangup_waits = false;
    cs->end_waits = cs->end_waits && busy;
    if (char_read_wanted(chr) > 0 && !cs->end_waits) {
        events |= FD_EVENT_READ;
        char_socket_read_later(cs);
    } else if (cs->state == CHAR_SOCKET_BROKEN && !char_has_reader(chr)) {
        char_socket_drop_later(cs);
        return;
    } else if (cs->state == CHAR_SOCKET_CONNECTED && !busy) {
        events |= FD_EVENT_HANGUP;
    }
    if (cs->state == CHAR_SOCKET_CONNECTED && char_socket_wants_room(cs)) {
        events |= FD_EVENT_WRITE;
    }
    fd_watch_set(cs->watch, events);
}

/** Keep the descriptors of one message; close those of an earlier one that have no user. */
static void char_socket_keep_fds(CharSocket *cs, struct msghdr *msg)
{
    for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
        if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS) {
            size_t n_fds = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

            char_socket_close_fds(cs);
            cs->n_fds = MIN(n_fds, (size_t)CHAR_SOCKET_FDS_MAX);
            memcpy(cs->fds, CMSG_DATA(cmsg), cs->n_fds * sizeof(int));
        }
    }
}

static ssize_t char_socket_receive_tls(CharSocket *cs, uint8_t *buffer, size_t size)
{
    ssize_t n_read = tls_session_read(cs->session, buffer, size);

    if (n_read < 0) {
        errno = (int)-n_read;
        return -1;
    }
    return n_read;
}

static ssize_t char_socket_receive(CharSocket *cs, uint8_t *buffer, size_t size)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(CHAR_SOCKET_FDS_MAX * sizeof(int))];
    } control;
    struct iovec iov = { .iov_base = buffer, .iov_len = size };
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control),
    };
    ssize_t n_read = recvmsg(cs->fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

    if (n_read >= 0) {
        char_socket_keep_fds(cs, &msg);
    }
    return n_read;
}

static void char_socket_deliver(CharSocket *cs, uint8_t *data, size_t len)
{
    Chardev *chr = &cs->chr;
    unsigned n_breaks = 0;

    if (cs->is_telnet) {
        len = char_telnet_filter(&cs->telnet_state, data, len, &n_breaks);
    }
    if (len > 0) {
        char_deliver(chr, data, len);
    }
    for (; n_breaks > 0; n_breaks--) {
        char_deliver_event(chr, CHAR_EVENT_BREAK);
    }
}

static void char_socket_read(CharSocket *cs)
{
    size_t wanted = char_read_wanted(&cs->chr);
    uint8_t *buffer = char_read_buffer();
    ssize_t n_read;

    if (wanted == 0) {
        return;
    }
    n_read = (cs->session ? char_socket_receive_tls : char_socket_receive)(cs, buffer, wanted);
    if (n_read > 0) {
        char_socket_deliver(cs, buffer, (size_t)n_read);
    } else if (n_read < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    } else if (char_is_busy(&cs->chr)) {
        cs->end_waits = true; /* once it is not, the end is read again */
    } else {
        char_socket_drop(cs);
    }
}

/* Whether there are bytes that a reader may want. */
static bool char_socket_has_unread(CharSocket *cs)
{
    int n_unread = 0;

    if (cs->session) {
        return tls_session_look_ahead(cs->session);
    }
    return ioctl(cs->fd, FIONREAD, &n_unread) == 0 && n_unread > 0;
}

static void char_socket_hangup(CharSocket *cs)
{
    Chardev *chr = &cs->chr;

    if ((!chr->fe || char_has_reader(chr)) && char_socket_has_unread(cs)) {
        cs->hangup_waits = true;
        fd_watch_set(cs->watch, fd_watch_events(cs->watch) & ~FD_EVENT_HANGUP);
        return;
    }
    char_socket_drop(cs);
}

static gboolean char_socket_read_idle(gpointer opaque)
{
    CharSocket *cs = opaque;
    Chardev *chr = &cs->chr;

    cs->read_source = 0;
    char_ref(chr);
    if (!cs->drop_source) {
        char_socket_read(cs);
    }
    if (!chr->is_closed) {
        char_socket_update(chr, chr->fe);
    }
    char_unref(chr);
    return G_SOURCE_REMOVE;
}

static void char_socket_event(int fd, FdEvents events, void *opaque)
{
    CharSocket *cs = opaque;
    Chardev *chr = &cs->chr;

    char_ref(chr);
    if ((events & FD_EVENT_WRITE) && (!cs->session || tls_session_flush(cs->session))) {
        char_write_ready(chr);
    }
    if ((events & FD_EVENT_READ) && cs->watch && !cs->drop_source) {
        char_socket_read(cs);
    }
    if ((events & FD_EVENT_HANGUP) && cs->watch && !cs->drop_source) {
        char_socket_hangup(cs);
    }
    if (!chr->is_closed && !cs->hangup_waits) {
        char_socket_update(chr, chr->fe);
    }
    char_unref(chr);
}

/* Returns: bytes; 0 = there is no room; -errno. */
static ssize_t char_socket_send(CharSocket *cs, const struct iovec *iov, int n_iov)
{
    struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = MIN(n_iov, IOV_MAX) };
    ssize_t n_written;

    if (cs->session) {
        return tls_session_writev(cs->session, iov, n_iov);
    }
    do {
        n_written = sendmsg(cs->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n_written < 0 && errno == EINTR);
    if (n_written < 0) {
        return errno == EAGAIN ? 0 : -errno;
    }
    return n_written;
}

static ssize_t char_socket_writev(Chardev *chr, CharFrontend *fe, const struct iovec *iov,
                                  int n_iov)
{
    CharSocket *cs = (CharSocket *)chr;
    ssize_t n_written = char_socket_send(cs, iov, n_iov);

    if (n_written < 0) {
        shutdown(cs->fd, SHUT_RDWR);
        chr->is_open = false;
        char_socket_set_state(cs, CHAR_SOCKET_BROKEN);
    }
    if (n_written < 0 || (cs->session && tls_session_has_unsent(cs->session))) {
        char_socket_update(chr, fe);
    }
    return n_written;
}

static int char_socket_take_fd(Chardev *chr)
{
    CharSocket *cs = (CharSocket *)chr;
    int fd;

    if (cs->n_fds == 0) {
        return -1;
    }
    fd = cs->fds[0];
    cs->n_fds--;
    memmove(cs->fds, cs->fds + 1, cs->n_fds * sizeof(int));
    return fd;
}

static void char_socket_drop_by_user(Chardev *chr)
{
    CharSocket *cs = (CharSocket *)chr;

    if (cs->watch) {
        char_socket_drop_later(cs);
    } else if (cs->tls && char_socket_tls_cut(cs)) {
        g_autoptr(GError) error = NULL;

        error_set(&error, "The TLS handshake was ended by a command");
        char_socket_fail_handshake(cs, error);
    }
}

static void char_socket_set_yielding(const Chardev *chr, bool yielding)
{
    const CharSocket *cs = (const CharSocket *)chr;

    if (cs->listener) {
        socket_listener_set_yielding(cs->listener, yielding);
    }
}

/* It fits into any new socket; a client that left already shows when it is read. */
static void char_socket_greet(CharSocket *cs)
{
    struct iovec iov = { (void *)char_telnet_greeting, sizeof(char_telnet_greeting) };

    if (cs->is_telnet && cs->is_server) {
        char_socket_send(cs, &iov, 1);
    }
}

void char_socket_adopt(CharSocket *cs, int fd, TlsSession *session)
{
    Chardev *chr = &cs->chr;
    int on = 1;

    if (cs->nodelay) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    fd_widen_send_buffer(fd);
    cs->fd = fd;
    cs->session = session;
    cs->telnet_state = CHAR_TELNET_DATA;
    cs->error_reported = false;
    cs->watch = fd_watch_new(fd, char_socket_event, cs);
    char_socket_greet(cs);
    if (cs->listener) {
        socket_listener_set_active(cs->listener, false);
    }
    char_socket_set_state(cs, CHAR_SOCKET_CONNECTED);
    char_ref(chr);
    char_set_open(chr, true);
    if (!chr->is_closed) {
        char_socket_update(chr, chr->fe);
    }
    char_unref(chr);
}

/* @fd (taken) is connected. */
static void char_socket_arrive(CharSocket *cs, int fd)
{
    if (cs->tls) {
        char_socket_tls_begin(cs, fd);
    } else {
        char_socket_adopt(cs, fd, NULL);
    }
}

/* --- Server -------------------------------------------------------------------------------- */

static void char_socket_accept(int fd, void *opaque)
{
    char_socket_arrive(opaque, fd);
}

/**
 * Only at start-up, when nothing else has begun. If the process is asked to end meanwhile, the
 * start goes on without a client to where it ends in order.
 */
static bool char_socket_wait(CharSocket *cs, GError **error)
{
    g_autofree char *filename = char_filename(&cs->chr);
    int listen_fd = socket_listener_fd(cs->listener);
    int fd = -1;

    log_info("QEMU waiting for connection on: %s", filename);
    while (fd < 0) {
        int err = interrupt_wait(listen_fd, POLLIN, -1);

        if (err == EINTR) {
            return true;
        }
        fd = err ? -1 : socket_accept(listen_fd);
        if (fd < 0 && (err || errno != EAGAIN)) {
            return error_set_errno(error, err ? err : errno, "no connection on: %s", filename);
        }
    }
    char_socket_arrive(cs, fd);
    return true;
}

static bool char_socket_listen(CharSocket *cs, bool wait, GError **error)
{
    cs->listener = socket_listener_open(cs->addr, 1, char_socket_accept, cs, error);
    if (!cs->listener) {
        return false;
    }
    if (cs->addr->type == SOCKET_ADDRESS_TYPE_INET) {
        SocketAddress *bound = socket_address_local(socket_listener_fd(cs->listener), error);

        if (!bound) {
            return false;
        }
        qapi_free_SocketAddress(cs->addr);
        cs->addr = bound;
    }
    char_socket_set_state(cs, CHAR_SOCKET_LISTENING);
    if (wait && !char_socket_wait(cs, error)) {
        return false;
    }
    socket_listener_set_active(cs->listener, cs->fd < 0);
    return true;
}

/* --- Client -------------------------------------------------------------------------------- */

static void char_socket_report(CharSocket *cs, const GError *error)
{
    if (!cs->error_reported) {
        g_autofree char *source = g_strdup_printf("Unable to connect character device %s",
                                                  cs->chr.id);

        cs->error_reported = true;
        log_limited_error(source, "connect", "%s", error->message);
    }
}

static void char_socket_connect_done(int fd, const GError *error, void *opaque)
{
    CharSocket *cs = opaque;

    if (fd >= 0) {
        char_socket_arrive(cs, fd);
    } else {
        char_socket_report(cs, error);
    }
}

void char_socket_fail_handshake(CharSocket *cs, const GError *error)
{
    if (cs->is_server) {
        g_autofree char *source = g_strdup_printf("chardev '%s'", cs->chr.id);

        log_limited_warning(source, error->message, "a client was refused: %s", error->message);
        return;
    }
    char_socket_report(cs, error);
    if (!cs->client || !socket_client_lose(cs->client)) {
        char_socket_set_state(cs, CHAR_SOCKET_ENDED);
    }
}

static bool char_socket_connect(CharSocket *cs, int64_t reconnect_ms, GError **error)
{
    int fd;

    if (reconnect_ms > 0) {
        cs->client = socket_client_new(cs->addr, reconnect_ms, char_socket_connect_done, cs);
        char_socket_set_state(cs, CHAR_SOCKET_CONNECTING);
        socket_client_start(cs->client);
        return true;
    }
    fd = socket_connect(cs->addr, error);
    if (fd < 0) {
        return false;
    }
    char_socket_set_state(cs, CHAR_SOCKET_CONNECTING);
    char_socket_arrive(cs, fd);
    return true;
}

/* --- The device ---------------------------------------------------------------------------- */

static bool char_socket_check_protocol(const ChardevSocket *opts, GError **error)
{
    if (opts->websocket && !opts->server) {
        return error_set(error, "Websocket client is not implemented");
    }
    if (opts->tn3270 || opts->websocket) {
        return error_set(error, "Parameter '%s' does not accept value 'on': "
                         "the protocol is not supported", opts->tn3270 ? "tn3270" : "websocket");
    }
    return true;
}

static bool char_socket_check(const ChardevSocket *opts, GError **error)
{
    if (!char_socket_check_protocol(opts, error)) {
        return false;
    }
    if (opts->reconnect_ms < 0 || opts->reconnect_ms > RECONNECT_INTERVAL_MAX_MS) {
        return error_set(error, "Parameter 'reconnect-ms' expects a number from 0 to %d",
                         RECONNECT_INTERVAL_MAX_MS);
    }
    if (opts->server && opts->reconnect_ms > 0) {
        return error_set(error, "'reconnect-ms' option is incompatible with socket in server "
                         "listen mode");
    }
    if (!opts->server && opts->has_wait) {
        return error_set(error, "'wait' option is incompatible with socket in client connect "
                         "mode");
    }
    if (opts->reconnect_ms > 0 && opts->addr->type == SOCKET_ADDRESS_TYPE_FD) {
        return error_set(error, "'reconnect-ms' option is incompatible with 'fd' address type");
    }
    if (opts->has_wait && opts->wait && fd_store_current()) {
        return error_set(error, "'wait' option is accepted at start-up only");
    }
    return char_socket_tls_check(opts, error);
}

static bool char_socket_open(Chardev *chr, const ChardevBackend *backend, GError **error)
{
    CharSocket *cs = (CharSocket *)chr;
    const ChardevSocket *opts = backend->u.socket.data;

    cs->fd = -1;
    cs->is_server = opts->server;
    cs->nodelay = opts->nodelay;
    cs->is_telnet = opts->telnet;
    if (!char_socket_check(opts, error)) {
        return false;
    }
    cs->addr = socket_address_flatten(opts->addr, error);
    if (!cs->addr || (!cs->is_server && !socket_access_refuse(cs->addr, error)) ||
        !char_socket_tls_open(cs, opts, error)) {
        return false;
    }
    return cs->is_server ? char_socket_listen(cs, opts->has_wait && opts->wait, error)
                         : char_socket_connect(cs, opts->reconnect_ms, error);
}

static void char_socket_close(Chardev *chr)
{
    CharSocket *cs = (CharSocket *)chr;

    char_socket_disconnect(cs);
    char_socket_tls_close(cs);
    g_clear_pointer(&cs->client, socket_client_free);
    g_clear_pointer(&cs->listener, socket_listener_free);
    g_clear_pointer(&cs->addr, qapi_free_SocketAddress);
}

static const char *const char_socket_properties[][2] = {
    { "connected", "bool" },
    { "addr", "SocketAddress" },
    { NULL, NULL },
};

static json_object *char_socket_get_property(const char *name, void *opaque)
{
    const CharSocket *cs = opaque;

    if (strcmp(name, "connected") == 0) {
        return json_object_new_boolean(cs->state == CHAR_SOCKET_CONNECTED);
    }
    return qapi_to_json(QAPI_TYPE(SocketAddress), cs->addr);
}

const ChardevClass char_socket_class = {
    .size = sizeof(CharSocket),
    .open = char_socket_open,
    .close = char_socket_close,
    .writev = char_socket_writev,
    .update = char_socket_update,
    .take_fd = char_socket_take_fd,
    .disconnect = char_socket_drop_by_user,
    .set_yielding = char_socket_set_yielding,
    .filename = char_socket_filename,
    .properties = char_socket_properties,
    .get_property = char_socket_get_property,
};
