/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of taps and virtio-net headers with the kernel's own traffic. */

/*
 *   namespace 1                    this process                       namespace 2
 *   sockets ── 192.0.2.1, a0 ── tap "a" ── (converter) ── tap "b" ── b0, 192.0.2.2 ── sockets
 *
 * The kernel computes and checks what it leaves to others: bytes that arrive have come through
 * frames whose checksums and lengths are right.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/client.h"
#include "net/netdev.h"
#include "net/packet/offload.h"
#include "net/run-state.h"
#include "qom/object.h"
#include "loop.h"
#include "netns.h"

#define TCP_BYTES (4 * 1024 * 1024)

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

/** Where the two namespaces are joined. */
typedef struct Ends {
    NetClient *a;
    NetClient *b;
    int family;
    int listener;  /* in namespace 1 */
    int client;    /* in namespace 2 */
} Ends;

/** What one direction has seen. */
typedef struct Seen {
    uint32_t n;
    uint32_t n_large;     /* longer than an Ethernet frame may be */
    uint32_t n_csum;      /* checksum left open */
    uint32_t n_with_hdr;
    uint32_t n_refused;
} Seen;

/** Half a link: hands what it receives to its other half, which sends it on. */
typedef struct Half {
    NetClient nc;
    struct Half *other;
    bool converts;        /* into plain frames */
    Seen seen;
} Half;

static uint8_t convert_buffer[NET_FRAME_MAX];

static void seen_add(Seen *seen, const NetFrame *frame)
{
    seen->n++;
    seen->n_large += frame->len > 1600;
    seen->n_with_hdr += frame->vnet_hdr_len > 0;
    seen->n_csum += frame->vnet_hdr_len > 0 && frame->data[0] & 1;
}

static void half_convert(Half *half, const NetFrame *frame)
{
    NetOffload offload;
    NetFrame segment;

    if (!net_offload_is_needed(frame)) {
        net_client_send(&half->other->nc, frame, 1);
        return;
    }
    if (!net_offload_init(&offload, frame, NULL)) {
        half->seen.n_refused++;
        return;
    }
    while (net_offload_next(&offload, convert_buffer, &segment)) {
        net_client_send(&half->other->nc, &segment, 1);
    }
}

static size_t half_receive(NetClient *nc, const NetFrame *frames, size_t n)
{
    Half *half = (Half *)nc;

    for (size_t i = 0; i < n; i++) {
        seen_add(&half->seen, &frames[i]);
        if (half->converts) {
            half_convert(half, &frames[i]);
        }
    }
    if (!half->converts) {
        net_client_send(&half->other->nc, frames, n);
    }
    return n;
}

static const NetClientInfo vnet_half_info = {
    .type = NET_CLIENT_DRIVER_NIC,
    .size = sizeof(Half),
    .receive = half_receive,
    .takes_vnet_hdr = true,
};

static const NetClientInfo plain_half_info = {
    .type = NET_CLIENT_DRIVER_NIC,
    .size = sizeof(Half),
    .receive = half_receive,
};

/* --- Building it ------------------------------------------------------------------------- */

static NetClient *make_tap(const char *id, const char *ifname, bool vnet_hdr)
{
    g_autofree char *text = g_strdup_printf("tap,id=%s,ifname=%s,vnet_hdr=%s", id, ifname,
                                            vnet_hdr ? "on" : "off");
    g_autoptr(GError) error = NULL;
    Netdev *netdev = netdev_options_parse(text, &error);
    NetClient *nc;

    g_assert_no_error(error);
    nc = netdev_add(netdev, &error);
    g_assert_no_error(error);
    qapi_free(QAPI_TYPE(Netdev), netdev);
    netns_link_up(ifname);
    return nc;
}

static struct sockaddr_storage address_of(int family, int host, uint16_t port, socklen_t *len)
{
    struct sockaddr_storage storage = { .ss_family = (sa_family_t)family };
    g_autofree char *text = g_strdup_printf(family == AF_INET ? "192.0.2.%d" : "fd00::%d", host);
    struct sockaddr_in *sin = (struct sockaddr_in *)&storage;
    struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&storage;

    if (family == AF_INET) {
        sin->sin_port = htons(port);
        g_assert_cmpint(inet_pton(family, text, &sin->sin_addr), ==, 1);
        *len = sizeof(*sin);
    } else {
        sin6->sin6_port = htons(port);
        g_assert_cmpint(inet_pton(family, text, &sin6->sin6_addr), ==, 1);
        *len = sizeof(*sin6);
    }
    return storage;
}

static void add_address(const char *ifname, int family, int host)
{
    g_autofree char *text = g_strdup_printf(family == AF_INET ? "192.0.2.%d" : "fd00::%d", host);

    if (family == AF_INET) {
        netns_add_ipv4(ifname, text);
    } else {
        netns_add_ipv6(ifname, text);
    }
}

static int bound_socket(int family, int type, int host, uint16_t port)
{
    socklen_t len;
    struct sockaddr_storage address = address_of(family, host, port, &len);
    int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    g_assert_cmpint(fd, >=, 0);
    /* A new IPv6 address is tentative until the kernel gets round to it. */
    while (bind(fd, (struct sockaddr *)&address, len) < 0) {
        g_assert_cmpint(errno, ==, EADDRNOTAVAIL);
    }
    return fd;
}

/* One tap and one socket in a namespace of their own, which lives as long as they do. */
static int make_end(NetClient **nc, const char *id, bool vnet_hdr, int family, int type, int host)
{
    g_autofree char *ifname = g_strdup_printf("%s0", id);

    netns_enter_new();
    if (family == AF_INET6) {
        netns_enable_ipv6();
    }
    *nc = make_tap(id, ifname, vnet_hdr);
    add_address(ifname, family, host);
    return bound_socket(family, type, host, 7);
}

static Ends ends_new(int family, int type, bool vnet_a, bool vnet_b)
{
    Ends ends = { .family = family };

    ends.listener = make_end(&ends.a, "a", vnet_a, family, type, 1);
    ends.client = make_end(&ends.b, "b", vnet_b, family, type, 2);
    return ends;
}

static void ends_free(Ends *ends)
{
    g_assert_true(netdev_remove("a", NULL));
    g_assert_true(netdev_remove("b", NULL));
    close(ends->listener);
    close(ends->client);
}

static Half *half_new(const char *id, bool takes_vnet_hdr, bool converts)
{
    Half *half = (Half *)net_client_new(takes_vnet_hdr ? &vnet_half_info : &plain_half_info, id);

    half->converts = converts;
    return half;
}

static void halves_join(Half *a, Half *b, Ends *ends)
{
    a->other = b;
    b->other = a;
    net_client_connect(ends->a, &a->nc);
    net_client_connect(ends->b, &b->nc);
}

/* --- Traffic ----------------------------------------------------------------------------- */

static uint8_t byte_at(uint32_t pos)
{
    return (uint8_t)(pos ^ pos >> 8 ^ pos >> 16);
}

static void ends_connect(Ends *ends, uint16_t port)
{
    socklen_t len;
    struct sockaddr_storage address = address_of(ends->family, 1, port, &len);
    int done = connect(ends->client, (struct sockaddr *)&address, len);

    g_assert_true(done == 0 || errno == EINPROGRESS);
}

static void send_some(int fd, uint32_t *sent)
{
    static uint8_t data[65536];
    uint32_t len = MIN(sizeof(data), TCP_BYTES - *sent);
    ssize_t n;

    for (uint32_t i = 0; i < len; i++) {
        data[i] = byte_at(*sent + i);
    }
    n = send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    *sent += n > 0 ? (uint32_t)n : 0;
}

static void receive_some(int fd, uint32_t *received)
{
    static uint8_t data[65536];
    ssize_t n = recv(fd, data, sizeof(data), MSG_DONTWAIT);

    for (ssize_t i = 0; i < n; i++) {
        g_assert_cmphex(data[i], ==, byte_at(*received + (uint32_t)i));
    }
    *received += n > 0 ? (uint32_t)n : 0;
}

/* Whether all bytes are through in both directions; works on it otherwise. */
static bool tcp_is_done(Ends *ends, int *server, uint32_t sent[2], uint32_t received[2])
{
    if (*server < 0) {
        *server = accept4(ends->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    } else {
        send_some(ends->client, &sent[0]);
        send_some(*server, &sent[1]);
        receive_some(*server, &received[0]);
        receive_some(ends->client, &received[1]);
    }
    return received[0] == TCP_BYTES && received[1] == TCP_BYTES;
}

static gboolean tick(gpointer opaque)
{
    return G_SOURCE_CONTINUE;
}

static void check_tcp(Ends *ends)
{
    guint ticking = g_timeout_add(1, tick, NULL);
    uint32_t sent[2] = { 0 };
    uint32_t received[2] = { 0 };
    int server = -1;

    g_assert_cmpint(listen(ends->listener, 1), ==, 0);
    ends_connect(ends, 7);
    LOOP_UNTIL(tcp_is_done(ends, &server, sent, received));
    g_source_remove(ticking);
    close(server);
}

/* Both know the header: what the kernel leaves to others stays left. */
static void test_both(const void *data)
{
    Ends ends = ends_new(GPOINTER_TO_INT(data), SOCK_STREAM, true, true);
    Half *a = half_new("pa", true, false);
    Half *b = half_new("pb", true, false);

    halves_join(a, b, &ends);
    check_tcp(&ends);
    g_assert_cmpuint(a->seen.n_large, >, 10);
    g_assert_cmpuint(b->seen.n_large, >, 10);
    g_assert_cmpuint(a->seen.n_csum, >, 10);
    g_assert_cmpuint(a->seen.n_with_hdr, ==, a->seen.n);
    ends_free(&ends);
    net_client_delete(&a->nc);
    net_client_delete(&b->nc);
}

/* The taps know it, and what is between them makes plain frames of the large ones. */
static void test_converted(const void *data)
{
    Ends ends = ends_new(GPOINTER_TO_INT(data), SOCK_STREAM, true, true);
    Half *a = half_new("pa", true, true);
    Half *b = half_new("pb", true, true);

    halves_join(a, b, &ends);
    check_tcp(&ends);
    g_assert_cmpuint(a->seen.n_large, >, 10);
    g_assert_cmpuint(a->seen.n_refused + b->seen.n_refused, ==, 0);
    ends_free(&ends);
    net_client_delete(&a->nc);
    net_client_delete(&b->nc);
}

/* Peers that do not know it get plain frames, whether the tap has it or not. */
static void test_plain_peer(const void *data)
{
    Ends ends = ends_new(AF_INET, SOCK_STREAM, true, false);
    Half *a = half_new("pa", false, false);
    Half *b = half_new("pb", false, false);

    halves_join(a, b, &ends);
    check_tcp(&ends);
    g_assert_cmpuint(a->seen.n, >, 100);
    g_assert_cmpuint(a->seen.n_large + b->seen.n_large, ==, 0);
    g_assert_cmpuint(a->seen.n_with_hdr + b->seen.n_with_hdr, ==, 0);
    ends_free(&ends);
    net_client_delete(&a->nc);
    net_client_delete(&b->nc);
}

/* --- UDP segments (USO) ------------------------------------------------------------------ */

#define UDP_SIZE 1200
#define UDP_N 10

static bool udp_is_done(int fd, int *n)
{
    uint8_t data[2048];
    ssize_t len = recv(fd, data, sizeof(data), MSG_DONTWAIT);

    if (len > 0) {
        g_assert_cmpint(len, ==, *n + 1 < UDP_N ? UDP_SIZE : 77);
        for (ssize_t i = 0; i < len; i++) {
            g_assert_cmphex(data[i], ==, byte_at((uint32_t)(*n * UDP_SIZE + i)));
        }
        (*n)++;
    }
    return *n == UDP_N;
}

static void test_udp(const void *data)
{
    Ends ends = ends_new(GPOINTER_TO_INT(data), SOCK_DGRAM, true, true);
    Half *a = half_new("pa", true, true);
    Half *b = half_new("pb", true, true);
    guint ticking = g_timeout_add(1, tick, NULL);
    uint8_t payload[(UDP_N - 1) * UDP_SIZE + 77];
    int size = UDP_SIZE;
    int n = 0;

    for (uint32_t i = 0; i < sizeof(payload); i++) {
        payload[i] = byte_at(i);
    }
    halves_join(a, b, &ends);
    ends_connect(&ends, 7);
    g_assert_cmpint(setsockopt(ends.client, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size)), ==,
                    0);
    g_assert_cmpint(send(ends.client, payload, sizeof(payload), 0), ==, sizeof(payload));
    LOOP_UNTIL(udp_is_done(ends.listener, &n));
    g_test_message("%u large frames", b->seen.n_large);
    g_assert_cmpuint(b->seen.n_refused, ==, 0);
    g_source_remove(ticking);
    ends_free(&ends);
    net_client_delete(&a->nc);
    net_client_delete(&b->nc);
}

/* --- One at a time ----------------------------------------------------------------------- */

/* A client that keeps the last frame it got. */
typedef struct Keeper {
    NetClient nc;
    uint8_t data[2048];
    NetFrame last;
} Keeper;

static size_t keeper_receive(NetClient *nc, const NetFrame *frames, size_t n)
{
    Keeper *keeper = (Keeper *)nc;

    g_assert_cmpuint(frames[n - 1].len, <=, sizeof(keeper->data));
    keeper->last = frames[n - 1];
    memcpy(keeper->data, keeper->last.data, keeper->last.len);
    keeper->last.data = keeper->data;
    return n;
}

static const NetClientInfo keeper_info = {
    .type = NET_CLIENT_DRIVER_NIC,
    .size = sizeof(Keeper),
    .receive = keeper_receive,
    .takes_vnet_hdr = true,
};

/* Headers of every length, and impossible ones, toward a tap that wants ten bytes. */
static void test_header_lengths(void)
{
    static const uint32_t hdr_lens[] = { 0, 10, 12, 20, 24 };
    Keeper *keeper;
    NetClient *tap;
    uint8_t data[24 + 60] = { 0 };
    uint8_t got[128];
    int fd;

    netns_enter_new();
    tap = make_tap("a", "a0", true);
    fd = netns_packet_socket("a0");
    keeper = (Keeper *)net_client_new(&keeper_info, "k");
    net_client_connect(tap, &keeper->nc);
    for (size_t i = 0; i < G_N_ELEMENTS(hdr_lens); i++) {
        NetFrame frame = { data, hdr_lens[i] + 60, hdr_lens[i] };

        memset(data + hdr_lens[i], (int)(2 + 4 * i), 60);
        net_client_send(&keeper->nc, &frame, 1);
        g_assert_cmpint(recv(fd, got, sizeof(got), 0), ==, 60);
        g_assert_cmpmem(got, 60, data + hdr_lens[i], 60);
        memset(data, 0, sizeof(data));
    }
    for (uint32_t hdr_len = 1; hdr_len < 10; hdr_len++) {
        NetFrame frame = { data, 60, hdr_len };

        net_client_send(&keeper->nc, &frame, 1);
    }
    net_client_send(&keeper->nc, &(NetFrame) { data, 12, 12 }, 1);
    g_assert_cmpint(recv(fd, got, sizeof(got), 0), <, 0);
    g_assert_true(netdev_remove("a", NULL));
    net_client_delete(&keeper->nc);
    close(fd);
}

/* Frames shorter than Ethernet allows are filled up with zeros, with and without a header. */
static void test_padding(const void *data)
{
    bool vnet_hdr = GPOINTER_TO_INT(data);
    uint32_t hdr_len = vnet_hdr ? NET_VNET_HDR_LEN : 0;
    uint8_t frame[20];
    uint8_t want[60] = { 0 };
    Keeper *keeper;
    NetClient *tap;
    int fd;

    netns_enter_new();
    tap = make_tap("a", "a0", vnet_hdr);
    fd = netns_packet_socket("a0");
    keeper = (Keeper *)net_client_new(&keeper_info, "k");
    net_client_connect(tap, &keeper->nc);
    memset(frame, 0x42, sizeof(frame));
    memcpy(want, frame, sizeof(frame));
    g_assert_cmpint(send(fd, frame, sizeof(frame), 0), ==, sizeof(frame));
    LOOP_UNTIL(keeper->last.len > 0);
    g_assert_cmpuint(keeper->last.vnet_hdr_len, ==, hdr_len);
    g_assert_cmpmem(keeper->data + hdr_len, keeper->last.len - hdr_len, want, sizeof(want));
    g_assert_true(netdev_remove("a", NULL));
    net_client_delete(&keeper->nc);
    close(fd);
}

static void add(const char *path, int argument, void (*func)(const void *))
{
    g_test_add_data_func(path, GINT_TO_POINTER(argument), func);
}

static void test_skip(void)
{
    g_test_skip(netns_why_not());
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (netns_why_not()) {
        g_test_add_func("/tap-offload", test_skip);
        return g_test_run();
    }
    net_init();
    run_state_set(RUN_STATE_RUNNING);
    add("/tap-offload/kept-ipv4", AF_INET, test_both);
    add("/tap-offload/kept-ipv6", AF_INET6, test_both);
    add("/tap-offload/converted-ipv4", AF_INET, test_converted);
    add("/tap-offload/converted-ipv6", AF_INET6, test_converted);
    add("/tap-offload/udp-converted-ipv4", AF_INET, test_udp);
    add("/tap-offload/udp-converted-ipv6", AF_INET6, test_udp);
    add("/tap-offload/plain-peer", 0, test_plain_peer);
    add("/tap-offload/padding", false, test_padding);
    add("/tap-offload/padding-behind-the-header", true, test_padding);
    g_test_add_func("/tap-offload/header-lengths", test_header_lengths);
    return g_test_run();
}
