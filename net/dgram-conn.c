/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The socket of a netdev or export that sends and receives a frame as a datagram. */

#include "net/dgram-conn.h"

#include <errno.h>
#include <string.h>

#include "util/fd.h"
#include "util/trace.h"

TRACE_POINT(net_dgram_conn_send_failed);

/* How long to wait for a unix receiver whose queue is full: poll looks at our side only. */
#define RETRY_NS INT64_C(1000000)

/* Datagrams of one system call: each needs room for the longest frame. */
#define DGRAM_BATCH 64u

/* What one wake-up receives; its frames have been run when the next one begins. */
static uint8_t receive_buffer[DGRAM_BATCH][NET_FRAME_MAX];

static void dgram_update_watch(NetDgramConn *conn)
{
    fd_watch_want(conn->watch, conn->polled, conn->waits_to_write);
}

/* Whether the error means that the peer is away. */
static bool dgram_is_absence(int err)
{
    return err == ECONNREFUSED || err == ENOENT || err == ECONNRESET || err == ENOTCONN ||
           err == EPIPE;
}

/* --- Receive ----------------------------------------------------------------------------- */

static bool dgram_is_foreign(const NetDgramConn *conn, const struct msghdr *msg)
{
    return conn->ops && !conn->ops->knows(conn->nc, msg->msg_name, msg->msg_namelen);
}

/*
 * Make frames of @n datagrams; empty ones and those of others are counted and left out.
 * Returns: how many came from the other side.
 */
static size_t dgram_make_batch(NetDgramConn *conn, const struct mmsghdr *msgs, size_t n,
                               NetBatch *batch)
{
    size_t n_known = 0;

    batch->n = 0;
    for (size_t i = 0; i < n; i++) {
        if (dgram_is_foreign(conn, &msgs[i].msg_hdr)) {
            net_client_drop(conn->nc, 1, msgs[i].msg_len, NET_DROP_REASON_FOREIGN);
            continue;
        }
        n_known++;
        if (msgs[i].msg_len == 0) {
            net_client_drop(conn->nc, 1, 0, NET_DROP_REASON_EMPTY);
            continue;
        }
        if (msgs[i].msg_hdr.msg_flags & MSG_TRUNC) {
            conn->nc->n_truncated++;
        }
        batch->frames[batch->n++] = (NetFrame) {
            .data = receive_buffer[i], .len = msgs[i].msg_len,
        };
    }
    return n_known;
}

/* Hand the frames to the chain, or drop them where there is no room and no way to wait. */
static void dgram_deliver(NetDgramConn *conn, const NetBatch *batch)
{
    if (conn->always_reads && !net_client_can_send(conn->nc)) {
        net_client_drop(conn->nc, batch->n, net_frames_bytes(batch->frames, batch->n),
                        NET_DROP_REASON_OVERFLOW);
        return;
    }
    net_client_send(conn->nc, batch->frames, batch->n);
}

/* Returns: datagrams read, with the bytes of their frames; 0 = nothing was there. */
static size_t dgram_read(NetDgramConn *conn)
{
    struct sockaddr_storage from[DGRAM_BATCH];
    struct iovec iov[DGRAM_BATCH];
    struct mmsghdr msgs[DGRAM_BATCH];
    NetBatch batch;
    int n;

    memset(msgs, 0, sizeof(msgs));
    for (size_t i = 0; i < DGRAM_BATCH; i++) {
        iov[i] = (struct iovec) { receive_buffer[i], NET_FRAME_MAX };
        msgs[i].msg_hdr.msg_iov = &iov[i];
        msgs[i].msg_hdr.msg_iovlen = 1;
        msgs[i].msg_hdr.msg_name = conn->ops ? &from[i] : NULL;
        msgs[i].msg_hdr.msg_namelen = conn->ops ? sizeof(from[i]) : 0;
    }
    n = recvmmsg(conn->fd, msgs, DGRAM_BATCH, MSG_DONTWAIT, NULL);
    if (n <= 0) {
        /* There is nothing, or the error of an earlier frame. */
        if (n < 0 && conn->ops && dgram_is_absence(errno)) {
            conn->ops->lost(conn->nc);
        }
        return 0;
    }
    if (dgram_make_batch(conn, msgs, n, &batch) > 0 && conn->ops) {
        conn->ops->heard(conn->nc);
    }
    if (batch.n > 0) {
        dgram_deliver(conn, &batch);
    }
    return n + net_frames_bytes(batch.frames, batch.n);
}

void net_dgram_conn_drain(NetDgramConn *conn, uint64_t limit)
{
    uint64_t done = 0;
    size_t n = 1;

    while (n > 0 && done < limit && conn->watch && conn->polled) {
        n = dgram_read(conn);
        done += n;
    }
}

/* --- Send -------------------------------------------------------------------------------- */

static bool dgram_remote_is_unix(const NetDgramConn *conn)
{
    return conn->remote_len > 0 && conn->remote.ss_family == AF_UNIX;
}

static void dgram_wait_to_write(NetDgramConn *conn)
{
    if (dgram_remote_is_unix(conn)) {
        timer_start_at(conn->retry, clock_now_ns(CLOCK_TYPE_REALTIME) + RETRY_NS);
        return;
    }
    conn->waits_to_write = true;
    dgram_update_watch(conn);
}

static void dgram_retry(void *opaque)
{
    NetDgramConn *conn = opaque;

    net_client_ready(conn->nc);
}

/* Returns: frames sent, at most DGRAM_BATCH, or -errno that the first one met. */
static int dgram_sendmmsg(NetDgramConn *conn, const NetFrame *frames, size_t n)
{
    struct iovec iov[DGRAM_BATCH];
    struct mmsghdr msgs[DGRAM_BATCH];
    int sent;

    n = MIN(n, DGRAM_BATCH);
    memset(msgs, 0, n * sizeof(msgs[0]));
    for (size_t i = 0; i < n; i++) {
        iov[i] = (struct iovec) { (void *)frames[i].data, frames[i].len };
        msgs[i].msg_hdr.msg_iov = &iov[i];
        msgs[i].msg_hdr.msg_iovlen = 1;
        if (conn->remote_len > 0) {
            msgs[i].msg_hdr.msg_name = &conn->remote;
            msgs[i].msg_hdr.msg_namelen = conn->remote_len;
        }
    }
    do {
        sent = sendmmsg(conn->fd, msgs, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

size_t net_dgram_conn_receive(NetDgramConn *conn, const NetFrame *frames, size_t n)
{
    size_t done = 0;

    while (done < n) {
        int sent = dgram_sendmmsg(conn, frames + done, n - done);

        if (sent == -EAGAIN) {
            dgram_wait_to_write(conn);
            break;
        }
        if (sent < 0 && conn->ops && dgram_is_absence(-sent)) {
            conn->ops->lost(conn->nc);
            break;
        }
        if (sent < 0) {
            TRACE(net_dgram_conn_send_failed, "%s '%s': %s", net_client_noun(conn->nc),
                  conn->nc->id, g_strerror(-sent));
            net_client_drop_rx(conn->nc, frames + done, 1, NET_DROP_REASON_SEND_FAILED);
            sent = 1;
        }
        done += sent;
    }
    return done;
}

/* --- Open, poll, close ------------------------------------------------------------------- */

static void dgram_event(int fd, FdEvents events, void *opaque)
{
    NetDgramConn *conn = opaque;

    if (events & FD_EVENT_WRITE) {
        conn->waits_to_write = false;
        dgram_update_watch(conn);
        net_client_ready(conn->nc);
    }
    if (events & FD_EVENT_READ && conn->polled) {
        dgram_read(conn);
    }
}

void net_dgram_conn_open(NetDgramConn *conn, NetClient *nc, int fd, SocketPath *path,
                         const struct sockaddr *remote, socklen_t remote_len)
{
    g_assert(!conn->watch);
    conn->nc = nc;
    conn->fd = fd;
    conn->path = path;
    socket_drops_start(&conn->drops, fd);
    conn->polled = nc->polled || conn->always_reads;
    if (remote) {
        memcpy(&conn->remote, remote, remote_len);
        conn->remote_len = remote_len;
    }
    conn->retry = timer_new(CLOCK_TYPE_REALTIME, dgram_retry, conn);
    conn->watch = fd_watch_new(fd, dgram_event, conn);
    dgram_update_watch(conn);
}

void net_dgram_conn_close(NetDgramConn *conn)
{
    if (!conn->watch) {
        return;
    }
    timer_free(conn->retry);
    conn->retry = NULL;
    fd_watch_free(conn->watch);
    conn->watch = NULL;
    g_clear_pointer(&conn->path, socket_path_free);
    fd_close(&conn->fd);
}

void net_dgram_conn_read_poll(NetDgramConn *conn, bool enable)
{
    conn->polled = enable || conn->always_reads;
    dgram_update_watch(conn);
}

bool net_dgram_conn_kernel_dropped(NetDgramConn *conn, uint64_t *frames)
{
    return conn->watch && socket_drops_get(&conn->drops, frames);
}
