/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netdev dgram: a frame a datagram, over UDP, multicast, unix or a given socket. */

#include "net/dgram-conn.h"
#include "net/dgram-socket.h"
#include "net/netdev.h"
#include "util/fd.h"

/** A netdev of type dgram. */
typedef struct NetDgram {
    NetClient nc;
    NetDgramConn conn;
} NetDgram;

/* --- Hooks and creation ------------------------------------------------------------------ */

static size_t net_dgram_receive(NetClient *nc, const NetFrame *frames, size_t n)
{
    return net_dgram_conn_receive(&((NetDgram *)nc)->conn, frames, n);
}

static void net_dgram_read_poll(NetClient *nc, bool enable)
{
    net_dgram_conn_read_poll(&((NetDgram *)nc)->conn, enable);
}

static bool net_dgram_kernel_dropped(NetClient *nc, uint64_t query, uint64_t *frames)
{
    return net_dgram_conn_kernel_dropped(&((NetDgram *)nc)->conn, frames);
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
    .kernel_dropped = net_dgram_kernel_dropped,
    .cleanup = net_dgram_cleanup,
    .is_netdev = true,
};

static NetClient *net_dgram_create(const Netdev *netdev, GError **error)
{
    const NetdevDgramOptions *opts = &netdev->u.dgram;
    NetDgramSocket sock;
    NetDgram *dgram;

    if (!net_dgram_socket_open(&sock, opts->local, opts->remote, error)) {
        return NULL;
    }
    dgram = (NetDgram *)net_client_new(&net_dgram_info, netdev->id);
    net_client_set_info(&dgram->nc, "%s", sock.info);
    net_dgram_conn_open(&dgram->conn, &dgram->nc, fd_steal(&sock.fd),
                        g_steal_pointer(&sock.path),
                        sock.remote_len > 0 ? (struct sockaddr *)&sock.remote : NULL,
                        sock.remote_len);
    net_dgram_socket_clear(&sock);
    return &dgram->nc;
}

static const NetdevClass net_dgram_class = {
    .type = NET_CLIENT_DRIVER_DGRAM,
    .create = net_dgram_create,
};

__attribute__((constructor)) static void net_dgram_register(void)
{
    netdev_class_register(&net_dgram_class);
}
