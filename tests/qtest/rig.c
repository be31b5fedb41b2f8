/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program with one netdev, a peer behind it and a chardev for a filter, ready to be tested. */

#include "rig.h"

#include <sys/socket.h>

/* How a kind of netdev is given, and how the test gets to its other end. */
typedef struct RigKindInfo {
    const char *name;
    bool datagram;
    /* Returns: the part behind "-netdev ", owned. Sets rig->net_fd, or @listen_fd. */
    char *(*prepare)(Rig *rig, int *listen_fd, int *theirs);
    /* After the start: connects rig->net_fd where the program listens. */
    void (*connect)(Rig *rig);
} RigKindInfo;

static uint16_t rig_port;  /* of the program, while a rig is being made */
static char *rig_path;     /* likewise */

static char *prepare_socket_stream(Rig *rig, int *listen_fd, int *theirs)
{
    sock_pair(SOCK_STREAM, &rig->net_fd, theirs);
    return g_strdup_printf("socket,id=net0,fd=%d", *theirs);
}

static char *prepare_socket_dgram(Rig *rig, int *listen_fd, int *theirs)
{
    sock_pair(SOCK_DGRAM, &rig->net_fd, theirs);
    return g_strdup_printf("socket,id=net0,fd=%d", *theirs);
}

static char *prepare_socket_listen(Rig *rig, int *listen_fd, int *theirs)
{
    rig_port = sock_free_port(SOCK_STREAM);
    return g_strdup_printf("socket,id=net0,listen=127.0.0.1:%u", rig_port);
}

static void connect_tcp(Rig *rig)
{
    rig->net_fd = sock_connect_tcp(rig_port);
}

static char *prepare_socket_connect(Rig *rig, int *listen_fd, int *theirs)
{
    uint16_t port;

    *listen_fd = sock_listen_tcp(&port);
    return g_strdup_printf("socket,id=net0,connect=127.0.0.1:%u", port);
}

static char *prepare_socket_udp(Rig *rig, int *listen_fd, int *theirs)
{
    uint16_t port;

    rig->net_fd = sock_udp(&port);
    rig_port = sock_free_port(SOCK_DGRAM);
    sock_udp_connect(rig->net_fd, rig_port);
    return g_strdup_printf("socket,id=net0,udp=127.0.0.1:%u,localaddr=127.0.0.1:%u", port,
                           rig_port);
}

static char *prepare_stream_fd(Rig *rig, int *listen_fd, int *theirs)
{
    sock_pair(SOCK_STREAM, &rig->net_fd, theirs);
    return g_strdup_printf("stream,id=net0,addr.type=fd,addr.str=%d", *theirs);
}

static char *prepare_stream_server(Rig *rig, int *listen_fd, int *theirs)
{
    g_free(rig_path);
    rig_path = tmp_path("net0.sock");
    return g_strdup_printf("stream,id=net0,server=on,addr.type=unix,addr.path=%s", rig_path);
}

static void connect_unix(Rig *rig)
{
    rig->net_fd = sock_connect_unix(rig_path);
}

static char *prepare_stream_client(Rig *rig, int *listen_fd, int *theirs)
{
    g_autofree char *path = tmp_path("net0-peer.sock");

    *listen_fd = sock_listen_unix(path);
    return g_strdup_printf("stream,id=net0,addr.type=unix,addr.path=%s", path);
}

static char *prepare_stream_tcp(Rig *rig, int *listen_fd, int *theirs)
{
    uint16_t port;

    *listen_fd = sock_listen_tcp(&port);
    return g_strdup_printf("stream,id=net0,addr.type=inet,addr.host=127.0.0.1,addr.port=%u",
                           port);
}

static char *prepare_dgram_fd(Rig *rig, int *listen_fd, int *theirs)
{
    sock_pair(SOCK_DGRAM, &rig->net_fd, theirs);
    return g_strdup_printf("dgram,id=net0,local.type=fd,local.str=%d", *theirs);
}

static char *prepare_dgram_unix(Rig *rig, int *listen_fd, int *theirs)
{
    g_autofree char *remote = tmp_path("net0-remote.sock");

    g_free(rig_path);
    rig_path = tmp_path("net0-local.sock");
    rig->net_fd = sock_dgram_unix(remote);
    return g_strdup_printf("dgram,id=net0,local.type=unix,local.path=%s,remote.type=unix,"
                           "remote.path=%s", rig_path, remote);
}

static char *prepare_dgram_inet(Rig *rig, int *listen_fd, int *theirs)
{
    uint16_t port;

    rig->net_fd = sock_udp(&port);
    rig_port = sock_free_port(SOCK_DGRAM);
    sock_udp_connect(rig->net_fd, rig_port);
    return g_strdup_printf("dgram,id=net0,local.type=inet,local.host=127.0.0.1,local.port=%u,"
                           "remote.type=inet,remote.host=127.0.0.1,remote.port=%u", rig_port,
                           port);
}

static void connect_dgram_unix(Rig *rig)
{
    sock_dgram_unix_connect(rig->net_fd, rig_path);
}

static const RigKindInfo kinds[] = {
    [RIG_SOCKET_STREAM] = { "socket-stream", false, prepare_socket_stream, NULL },
    [RIG_SOCKET_DGRAM] = { "socket-dgram", true, prepare_socket_dgram, NULL },
    [RIG_SOCKET_LISTEN] = { "socket-listen", false, prepare_socket_listen, connect_tcp },
    [RIG_SOCKET_CONNECT] = { "socket-connect", false, prepare_socket_connect, NULL },
    [RIG_SOCKET_UDP] = { "socket-udp", true, prepare_socket_udp, NULL },
    [RIG_STREAM_FD] = { "stream-fd", false, prepare_stream_fd, NULL },
    [RIG_STREAM_SERVER] = { "stream-server", false, prepare_stream_server, connect_unix },
    [RIG_STREAM_CLIENT] = { "stream-client", false, prepare_stream_client, NULL },
    [RIG_STREAM_TCP] = { "stream-tcp", false, prepare_stream_tcp, NULL },
    [RIG_DGRAM_FD] = { "dgram-fd", true, prepare_dgram_fd, NULL },
    [RIG_DGRAM_UNIX] = { "dgram-unix", true, prepare_dgram_unix, connect_dgram_unix },
    [RIG_DGRAM_INET] = { "dgram-inet", true, prepare_dgram_inet, NULL },
};

const char *rig_netdev_name(RigNetdev kind)
{
    return kinds[kind].name;
}

static Rig *rig_alloc(RigNetdev kind)
{
    static unsigned n_rigs;
    g_autofree char *name = g_strdup_printf("chr0-%u.sock", n_rigs++);
    Rig *rig = g_new0(Rig, 1);

    rig->kind = kind;
    rig->net_fd = -1;
    rig->peer_fd = -1;
    rig->out_fd = -1;
    rig->out_path = tmp_path(name);
    return rig;
}

Rig *rig_new(RigNetdev kind, const char *format, ...)
{
    const RigKindInfo *info = &kinds[kind];
    Rig *rig = rig_alloc(kind);
    g_autofree char *more = NULL;
    g_autofree char *netdev = NULL;
    int listen_fd = -1;
    int theirs = -1;
    va_list args;

    va_start(args, format);
    more = g_strdup_vprintf(format, args);
    va_end(args);
    netdev = info->prepare(rig, &listen_fd, &theirs);
    rig->s = qtest_start("-netdev %s -device e1000,netdev=net0 "
                         "-chardev socket,id=chr0,path=%s,server=on,wait=off %s", netdev,
                         rig->out_path, more);
    sock_close(&theirs);
    if (listen_fd >= 0) {
        rig->net_fd = sock_accept(listen_fd);
        sock_close(&listen_fd);
    }
    if (info->connect) {
        info->connect(rig);
    }
    qtest_wait_netdev(rig->s, "net0", "link-up", 1);
    frame_link_init(&rig->net, info->datagram ? FRAME_LINK_DATAGRAM : FRAME_LINK_STREAM,
                    rig->net_fd);
    return rig;
}

Rig *rig_new_with_taker(const char *format, ...)
{
    Rig *rig = rig_alloc(RIG_SOCKET_STREAM);
    g_autofree char *more = NULL;
    int net = -1;
    int peer = -1;
    va_list args;

    va_start(args, format);
    more = g_strdup_vprintf(format, args);
    va_end(args);
    sock_pair(SOCK_STREAM, &rig->net_fd, &net);
    sock_pair(SOCK_STREAM, &rig->peer_fd, &peer);
    rig->s = qtest_start("-netdev socket,id=net0,fd=%d -netdev socket,id=net1,fd=%d "
                         "-netdev hubport,id=port0,hubid=0,netdev=net0 "
                         "-netdev hubport,id=port1,hubid=0,netdev=net1 "
                         "-chardev socket,id=chr0,path=%s,server=on,wait=off %s", net, peer,
                         rig->out_path, more);
    sock_close(&net);
    sock_close(&peer);
    frame_link_init(&rig->net, FRAME_LINK_STREAM, rig->net_fd);
    frame_link_init(&rig->peer, FRAME_LINK_STREAM, rig->peer_fd);
    return rig;
}

void rig_free(Rig *rig)
{
    qtest_assert_conservation(rig->s);
    qtest_quit(rig->s);
    if (rig->out_fd >= 0) {
        frame_link_clear(&rig->out);
        sock_close(&rig->out_fd);
    }
    if (rig->peer_fd >= 0) {
        frame_link_clear(&rig->peer);
        sock_close(&rig->peer_fd);
    }
    frame_link_clear(&rig->net);
    sock_close(&rig->net_fd);
    g_free(rig->out_path);
    g_free(rig);
}

void rig_connect_out(Rig *rig)
{
    rig->out_fd = sock_connect_unix(rig->out_path);
    frame_link_init(&rig->out, FRAME_LINK_STREAM, rig->out_fd);
    qtest_wait_chardev(rig->s, "chr0", true);
}

void rig_disconnect_out(Rig *rig)
{
    frame_link_clear(&rig->out);
    sock_close(&rig->out_fd);
    qtest_wait_chardev(rig->s, "chr0", false);
}

void rig_send(Rig *rig, uint32_t n)
{
    frame_link_send(&rig->net, rig->n_sent, n);
    rig->n_sent += n;
}

/* But for what is left over at the end of each block of memory, which is less than a percent. */
int64_t rig_held_cost(Rig *rig)
{
    return qtest_netdev_count(rig->s, "net0", "tx.held.bytes") +
           8 * qtest_netdev_count(rig->s, "net0", "tx.held.frames");
}

void rig_fill(Rig *rig)
{
    int64_t limit = qtest_netdev_count(rig->s, "net0", "tx.hold-size");

    do {
        rig->n_sent += frame_link_try_send(&rig->net, rig->n_sent, 1000);
    } while (rig_is_polled(rig) || rig_held_cost(rig) < limit / 100 * 99);
}

void rig_expect_out(Rig *rig, uint32_t n)
{
    frame_link_expect(&rig->out, rig->n_out, n);
    rig->n_out += n;
}

void rig_expect_peer(Rig *rig, uint32_t n)
{
    frame_link_expect(&rig->peer, rig->n_peer, n);
    rig->n_peer += n;
}

void rig_expect_no_out(Rig *rig)
{
    frame_link_expect_nothing(&rig->out);
}

void rig_wait_in(Rig *rig, int64_t n)
{
    qtest_wait_netdev(rig->s, "net0", "tx.in.frames", n);
}

bool rig_is_polled(Rig *rig)
{
    return qtest_netdev_count(rig->s, "net0", "polled");
}

void rig_add_redirector(Rig *rig, const char *members)
{
    g_autofree char *json = g_strdup_printf("{'qom-type': 'filter-redirector', 'id': 'f0', "
                                            "'netdev': 'net0', 'queue': 'tx', "
                                            "'outdev': 'chr0'%s%s}",
                                            *members ? ", " : "", members);

    qtest_object_add(rig->s, json);
}
