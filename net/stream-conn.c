/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connection of a netdev or export that sends and receives length-prefixed frames. */

/*
 * The end of a connection is noticed by reading only, and so only while the client is polled:
 * frames that the other side sent before it went are still to be had. When writing fails the
 * frames toward it are, until then, dropped and counted, or left to wait for the next one.
 */

#include "net/stream-conn.h"

#include <errno.h>
#include <sys/socket.h>

#include "util/fd.h"
#include "util/log.h"
#include "util/trace.h"

TRACE_POINT(net_stream_conn_opened);
TRACE_POINT(net_stream_conn_lost);
TRACE_POINT(net_stream_conn_write_broken);

/* What one wake-up reads; its frames have been run when the next one begins. */
static uint8_t read_buffer[NET_READ_SIZE];

static void conn_update_watch(NetStreamConn *conn)
{
    fd_watch_want(conn->watch, conn->polled, conn->waits_to_write);
}

static ssize_t conn_writev(const struct iovec *iov, int n_iov, void *opaque)
{
    NetStreamConn *conn = opaque;
    struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = n_iov };
    ssize_t n;

    do {
        n = sendmsg(conn->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n >= 0) {
        return n;
    }
    return errno == EAGAIN ? 0 : -errno;
}

void net_stream_conn_init(NetStreamConn *conn, NetClient *nc, bool vnet_hdr,
                          NetStreamConnLostFunc *lost)
{
    conn->nc = nc;
    conn->lost = lost;
    conn->fd = -1;
    conn->polled = nc->polled;
    net_framer_init(&conn->framer, vnet_hdr);
    net_frame_writer_init(&conn->writer, vnet_hdr, conn_writev, conn);
    net_client_set_connected(nc, false);
}

static void conn_close(NetStreamConn *conn)
{
    fd_watch_free(conn->watch);
    conn->watch = NULL;
    fd_close(&conn->fd);
    conn->waits_to_write = false;
    conn->write_broken = false;
    net_framer_reset(&conn->framer);
    net_frame_writer_rewind(&conn->writer);
}

void net_stream_conn_clear(NetStreamConn *conn)
{
    if (!conn->nc) {
        return;
    }
    conn_close(conn);
    net_framer_clear(&conn->framer);
    net_frame_writer_clear(&conn->writer);
}

/* A peer may do it again and again. */
static void conn_complain(const NetClient *nc, const char *message)
{
    g_autofree char *source = g_strdup_printf("%s '%s'", net_client_noun(nc), nc->id);

    log_limited_error(source, message, "%s", message);
}

static void conn_lose(NetStreamConn *conn)
{
    NetClient *nc = conn->nc;

    TRACE(net_stream_conn_lost, "%s '%s'", net_client_noun(nc), nc->id);
    if (!net_framer_is_between_frames(&conn->framer)) {
        conn_complain(nc, "connection ended inside a frame");
        nc->n_read_errors++;
    }
    conn_close(conn);
    net_client_set_connected(nc, false);
    conn->lost(nc, conn);
    net_client_ready(nc);
}

static void conn_lose_malformed(NetStreamConn *conn)
{
    NetClient *nc = conn->nc;

    conn_complain(nc, "serious error: oversized packet received,connection terminated.");
    nc->n_read_errors++;
    net_framer_reset(&conn->framer);
    conn_lose(conn);
}

/* Hand the frames of one read to the chain. Returns: false when the stream is malformed. */
static bool conn_deliver(NetStreamConn *conn, const uint8_t *data, size_t len)
{
    NetClient *nc = conn->nc;

    while (len > 0) {
        g_autoptr(GError) error = NULL;
        uint64_t n_empty = conn->framer.n_empty;
        NetBatch batch;
        ssize_t taken = net_framer_push(&conn->framer, data, len, &batch, &error);

        if (batch.n > 0) {
            net_client_send(nc, batch.frames, batch.n);
        }
        n_empty = conn->framer.n_empty - n_empty;
        if (n_empty > 0) {
            net_client_drop(nc, n_empty, 0, NET_DROP_REASON_EMPTY);
        }
        if (taken < 0) {
            return false;
        }
        data += taken;
        len -= taken;
    }
    return true;
}

/* Returns: bytes read; 0 = nothing is there, or the connection has ended. */
static size_t conn_read(NetStreamConn *conn)
{
    ssize_t n = recv(conn->fd, read_buffer, sizeof(read_buffer), MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return 0;
    }
    if (n <= 0) {
        conn_lose(conn);
        return 0;
    }
    if (!conn_deliver(conn, read_buffer, n)) {
        conn_lose_malformed(conn);
        return 0;
    }
    return n;
}

void net_stream_conn_drain(NetStreamConn *conn, uint64_t limit)
{
    uint64_t done = 0;
    size_t n = 1;

    while (n > 0 && done < limit && conn->fd >= 0 && conn->polled) {
        n = conn_read(conn);
        done += n;
    }
}

bool net_stream_conn_is_idle(const NetStreamConn *conn)
{
    return net_frame_writer_is_idle(&conn->writer);
}

static void conn_break_writing(NetStreamConn *conn, int err)
{
    TRACE(net_stream_conn_write_broken, "%s '%s': %s", net_client_noun(conn->nc), conn->nc->id,
          g_strerror(err));
    conn->write_broken = true;
}

static void conn_write_rest(NetStreamConn *conn)
{
    int result = net_frame_writer_flush(&conn->writer);

    if (result == 0) {
        return;
    }
    if (result < 0) {
        conn_break_writing(conn, -result);
    }
    conn->waits_to_write = false;
    conn_update_watch(conn);
    net_client_ready(conn->nc);
}

static void conn_event(int fd, FdEvents events, void *opaque)
{
    NetStreamConn *conn = opaque;

    if (events & FD_EVENT_WRITE) {
        conn_write_rest(conn);
    }
    if (events & FD_EVENT_READ && conn->polled && conn->fd == fd) {
        conn_read(conn);
    }
}

void net_stream_conn_open(NetStreamConn *conn, int fd)
{
    g_assert(conn->fd < 0);
    TRACE(net_stream_conn_opened, "%s '%s' fd %d", net_client_noun(conn->nc), conn->nc->id, fd);
    fd_widen_send_buffer(fd);
    conn->fd = fd;
    conn->watch = fd_watch_new(fd, conn_event, conn);
    conn->waits_to_write = !net_frame_writer_is_idle(&conn->writer) && !conn->halted;
    conn_update_watch(conn);
    net_client_set_connected(conn->nc, true);
    net_client_ready(conn->nc);
}

void net_stream_conn_set_halted(NetStreamConn *conn, bool halted)
{
    conn->halted = halted;
    if (!halted && conn->watch && !net_frame_writer_is_idle(&conn->writer)) {
        conn->waits_to_write = true;
        conn_update_watch(conn);
    }
}

void net_stream_conn_forget_rest(NetStreamConn *conn)
{
    NetFrame frame;

    if (net_frame_writer_take(&conn->writer, &frame)) {
        net_client_drop_rx(conn->nc, &frame, 1, NET_DROP_REASON_NOT_CONNECTED);
    }
}

size_t net_stream_conn_receive(NetStreamConn *conn, const NetFrame *frames, size_t n)
{
    size_t taken = 0;
    int err = 0;

    if (conn->fd >= 0 && !conn->write_broken) {
        taken = net_frame_writer_write(&conn->writer, frames, n, &err);
        if (err) {
            conn_break_writing(conn, err);
        } else if (taken < n || !net_frame_writer_is_idle(&conn->writer)) {
            conn->waits_to_write = true;
            conn_update_watch(conn);
            return taken;
        }
    }
    if (conn->waits_for_next) {
        return taken;
    }
    if (taken < n) {
        net_client_drop_rx(conn->nc, frames + taken, n - taken, NET_DROP_REASON_NOT_CONNECTED);
    }
    return n;
}

void net_stream_conn_read_poll(NetStreamConn *conn, bool enable)
{
    conn->polled = enable;
    conn_update_watch(conn);
}
