/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A QEMU with a netdev, a peer behind it and two chardevs for filters. */

#include "qemu/osdep.h"
#include "filter-stopped-rig.h"
#include <poll.h>
#include <sys/un.h>

#define DEADLINE_S 30
#define FRAME_LEN 60
#define FRAME_BIG 1400
#define HEADER 16 /* of Ethernet, and the number */

static const struct {
    const char *name;
    bool is_stream;
    const char *netdev; /* with the fd */
} kinds[KIND__MAX] = {
    { "socket", true, "socket,id=net0,fd=%d" },
    { "socket-dgram", false, "socket,id=net0,fd=%d" },
    { "stream", true,
      "stream,id=net0,server=off,addr.type=fd,addr.str=%d" },
    { "dgram", false, "dgram,id=net0,local.type=fd,local.str=%d" },
    { "l2tpv3", false, NULL },
};

const char *kind_name(Kind kind)
{
    return kinds[kind].name;
}

bool kind_is_stream(Kind kind)
{
    return kinds[kind].is_stream;
}

/* ---- frames ---- */

static void put_be32(uint8_t *at, uint32_t value)
{
    value = htonl(value);
    memcpy(at, &value, 4);
}

static uint32_t get_be32(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, 4);
    return ntohl(value);
}

static void link_init(Link *link, int fd, bool is_stream)
{
    *link = (Link) { .fd = fd, .is_stream = is_stream };
    link->input = g_byte_array_new();
}

void link_close(Link *link)
{
    if (link->fd >= 0) {
        close(link->fd);
    }
    link->fd = -1;
    if (link->input) {
        g_byte_array_set_size(link->input, 0);
    }
}

static size_t frame_build(Link *link, uint8_t *buf, size_t len, uint32_t seq)
{
    size_t at = link->is_stream ? 4 : link->header;

    memset(buf, 0, at + len);
    if (link->is_stream) {
        put_be32(buf, len);
    } else if (link->header) {
        /* L2TPv3 over UDP: a data packet of session 1 */
        put_be32(buf, 0x30000);
        put_be32(buf + 4, 1);
    }
    memset(buf + at, 0xff, 6);
    memcpy(buf + at + 6, "\x52\x54\x00\x12\x34\x57\x88\xb5", 8);
    put_be32(buf + at + 14, seq);
    return at + len;
}

/* Returns: whether all of it is written. */
static bool link_write_rest(Link *link)
{
    ssize_t n = send(link->fd, link->rest, link->n_rest,
                     MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n > 0) {
        link->n_rest -= n;
        memmove(link->rest, link->rest + n, link->n_rest);
    }
    return !link->n_rest;
}

static void wait_for(int fd, short events, const char *what)
{
    struct pollfd pfd = { .fd = fd, .events = events };

    if (poll(&pfd, 1, DEADLINE_S * 1000) != 1) {
        g_error("no %s in time", what);
    }
}

void link_flush(Link *link)
{
    while (link->n_rest && !link_write_rest(link)) {
        wait_for(link->fd, POLLOUT, "room for a frame");
    }
}

void link_send(Link *link, uint32_t first, uint32_t n)
{
    uint32_t i;

    for (i = 0; i < n; i++) {
        link->n_rest = frame_build(link, link->rest, FRAME_LEN, first + i);
        link_flush(link);
    }
}

/* Returns: false at the end of file. */
static bool link_fill(Link *link, size_t len)
{
    while (link->input->len < len) {
        uint8_t buf[65536];
        ssize_t n;

        wait_for(link->fd, POLLIN, "frame");
        n = recv(link->fd, buf, sizeof(buf), 0);
        if (n <= 0) {
            return false;
        }
        g_byte_array_append(link->input, buf, n);
    }
    return true;
}

/* Returns: the number of the next frame, or -1 at the end of file. */
int64_t link_read(Link *link)
{
    size_t len = 0;
    size_t at = 4;
    uint32_t seq;

    if (link->is_stream) {
        if (!link_fill(link, 4)) {
            return -1;
        }
        len = get_be32(link->input->data);
        g_assert_cmpuint(len, <=, FRAME_MAX);
    } else {
        at = 0;
        len = FRAME_LEN;
    }
    if (!link_fill(link, at + len)) {
        return -1;
    }
    g_assert_cmpuint(len, >, HEADER);
    seq = get_be32(link->input->data + at + 14);
    g_byte_array_remove_range(link->input, 0, at + len);
    return seq;
}

/* Whether a whole frame is there by now; of a stream */
static bool link_has_frame(Link *link)
{
    uint8_t buf[65536];
    ssize_t n = recv(link->fd, buf, sizeof(buf), MSG_DONTWAIT);

    if (n > 0) {
        g_byte_array_append(link->input, buf, n);
    }
    return link->input->len >= 4 &&
           link->input->len >= 4 + get_be32(link->input->data);
}

void link_expect(Link *link, uint32_t first, uint32_t n)
{
    uint32_t i;

    for (i = 0; i < n; i++) {
        g_assert_cmpint(link_read(link), ==, first + i);
    }
}

/* ---- QEMU ---- */

static char *hmp(Rig *r, const char *command)
{
    return qtest_hmp(r->s, "%s", command);
}

void hmp_ok(Rig *r, const char *command)
{
    g_autofree char *text = hmp(r, command);

    g_assert_cmpstr(text, ==, "");
}

void hmp_fails(Rig *r, const char *command)
{
    g_autofree char *text = hmp(r, command);

    g_assert_true(g_str_has_prefix(text, "Error: "));
}

/* Commands take turns with all else that waits for the main loop. */
void settle(Rig *r)
{
    int i;

    for (i = 0; i < 100; i++) {
        g_free(hmp(r, "info status"));
    }
}

void link_expect_nothing(Rig *r, Link *link)
{
    struct pollfd pfd = { .fd = link->fd, .events = POLLIN };

    settle(r);
    g_assert_cmpuint(link->input->len, ==, 0);
    g_assert_cmpint(poll(&pfd, 1, 0), ==, 0);
}

static bool rig_has_property(Rig *r)
{
    g_autofree char *text = hmp(r, "object_add filter-redirector,id=bad,"
                                   "netdev=none,outdev=none,"
                                   "enable_when_stopped=true");

    return !strstr(text, "enable_when_stopped");
}

static void pair(int type, int *ours, int *theirs)
{
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, type, 0, fds), ==, 0);
    *ours = fds[0];
    *theirs = fds[1];
    fcntl(*ours, F_SETFD, FD_CLOEXEC);
}

static int udp_socket(int *port)
{
    struct sockaddr_in addr = { .sin_family = AF_INET };
    socklen_t len = sizeof(addr);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&addr, len), ==, 0);
    getsockname(fd, (struct sockaddr *)&addr, &len);
    *port = ntohs(addr.sin_port);
    return fd;
}

/* Options for net0; @theirs is to be closed when QEMU runs. */
static char *rig_netdev(Rig *r, Kind kind, int *theirs)
{
    struct sockaddr_in addr = { .sin_family = AF_INET };
    int ours, port, port_of_qemu;

    *theirs = -1;
    if (kind != KIND_L2TPV3) {
        pair(kinds[kind].is_stream ? SOCK_STREAM : SOCK_DGRAM, &ours, theirs);
        link_init(&r->net, ours, kinds[kind].is_stream);
        return g_strdup_printf(kinds[kind].netdev, *theirs);
    }
    close(udp_socket(&port_of_qemu));
    ours = udp_socket(&port);
    addr.sin_port = htons(port_of_qemu);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connect(ours, (struct sockaddr *)&addr, sizeof(addr));
    link_init(&r->net, ours, false);
    r->net.header = 8;
    return g_strdup_printf("l2tpv3,id=net0,src=127.0.0.1,dst=127.0.0.1,udp=on,"
                           "srcport=%d,dstport=%d,rxsession=1,txsession=1",
                           port_of_qemu, port);
}

static Rig *rig_start(Kind kind, const char *machine, const char *options)
{
    Rig *r = g_new0(Rig, 1);
    g_autofree char *netdev = NULL;
    int theirs;

    alarm(4 * DEADLINE_S);
    r->dir = g_dir_make_tmp("filter-stopped-XXXXXX", NULL);
    r->peer.fd = r->out[0].fd = r->out[1].fd = -1;
    netdev = rig_netdev(r, kind, &theirs);
    r->s = qtest_initf("-nodefaults -machine %s -netdev %s "
                       "-chardev socket,id=chr0,path=%s/0,server=on,wait=off "
                       "-chardev socket,id=chr1,path=%s/1,server=on,wait=off "
                       "%s", machine, netdev, r->dir, r->dir, options);
    if (theirs >= 0) {
        close(theirs);
    }
    r->has_property = rig_has_property(r);
    return r;
}

/* It is not in every build. */
static bool has_l2tpv3(void)
{
    Rig *r = rig_start(KIND_SOCKET, "none", "");
    g_autofree char *text = hmp(r, "netdev_add l2tpv3,id=probe");
    bool has = strstr(text, "'src'"); /* which is missing */

    rig_free(r);
    return has;
}

Rig *rig_new_kind(Kind kind, const char *options)
{
    g_autofree char *all = NULL;
    int ours, theirs;
    Rig *r;

    if (kind == KIND_L2TPV3 && !has_l2tpv3()) {
        g_test_skip("no l2tpv3");
        return NULL;
    }
    pair(SOCK_STREAM, &ours, &theirs);
    all = g_strdup_printf("-netdev hubport,id=hp0,hubid=0,netdev=net0 "
                          "-netdev socket,id=peer0,fd=%d "
                          "-netdev hubport,id=hp1,hubid=0,netdev=peer0 %s",
                          theirs, options);
    r = rig_start(kind, "none", all);
    close(theirs);
    link_init(&r->peer, ours, true);
    return r;
}

Rig *rig_new(void)
{
    return rig_new_kind(KIND_SOCKET, "");
}

static void link_free(Link *link)
{
    link_close(link);
    g_clear_pointer(&link->input, g_byte_array_unref);
}

void rig_free(Rig *r)
{
    int i;

    qtest_quit(r->s);
    link_free(&r->net);
    link_free(&r->peer);
    for (i = 0; i < 2; i++) {
        g_autofree char *path = g_strdup_printf("%s/%d", r->dir, i);

        link_free(&r->out[i]);
        unlink(path);
    }
    rmdir(r->dir);
    g_free(r->dir);
    g_free(r);
}

static void rig_wait_chardev(Rig *r, int i, bool connected)
{
    g_autofree char *text = g_strdup_printf("chr%d: filename=disconnected:", i);
    gint64 end = g_get_monotonic_time() + DEADLINE_S * G_USEC_PER_SEC;
    bool is;

    do {
        g_autofree char *info = hmp(r, "info chardev");

        is = !strstr(info, text);
    } while (is != connected && g_get_monotonic_time() < end);
    g_assert_cmpint(is, ==, connected);
}

void rig_connect(Rig *r, int i)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%d", r->dir, i);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    if (r->out[i].input) {
        r->out[i].fd = fd;
    } else {
        link_init(&r->out[i], fd, true);
    }
    rig_wait_chardev(r, i, true);
}

void rig_disconnect(Rig *r, int i)
{
    link_close(&r->out[i]);
    rig_wait_chardev(r, i, false);
}

/* @rest: more properties */
void add_filter(Rig *r, const char *type, const char *rest)
{
    g_autofree char *command =
        g_strdup_printf("object_add filter-%s,netdev=net0,%s%s", type, rest,
                        r->has_property ? ",enable_when_stopped=true" : "");

    hmp_ok(r, command);
}

void set_property(Rig *r, const char *id, bool value)
{
    g_autofree char *command =
        g_strdup_printf("qom-set /objects/%s enable_when_stopped %s", id,
                        value ? "true" : "false");

    hmp_ok(r, command);
}

uint32_t rig_fill(Rig *r, Link *reader)
{
    size_t limit = 64 * 1024 * 1024 / FRAME_BIG;
    size_t n = 0;
    size_t n_read = 0;
    int n_full = 0;

    while (n_full < 5 && n < limit) {
        if (!r->net.n_rest) {
            r->net.n_rest = frame_build(&r->net, r->net.rest,
                                        FRAME_BIG, n++);
        }
        while (reader && link_has_frame(reader)) {
            g_assert_cmpint(link_read(reader), ==, n_read++);
            n_full = 0;
        }
        if (link_write_rest(&r->net)) {
            n_full = 0;
        } else {
            settle(r);
            n_full++;
        }
    }
    g_assert_cmpuint(n, <, limit);
    return n;
}

/* ---- with a NIC ---- */

#define E1000_BAR 0xe0000000u
#define RX_RING 0x100000u
#define RX_BUFFERS 0x200000u
#define RX_N 64

static void pci_write(Rig *r, uint8_t reg, uint32_t value)
{
    qtest_outl(r->s, 0xcf8, 0x80000000u | (4 << 11) | reg);
    qtest_outl(r->s, 0xcfc, value);
}

static void nic_write(Rig *r, uint32_t reg, uint32_t value)
{
    qtest_writel(r->s, E1000_BAR + reg, value);
}

/* The NIC may use descriptors up to @tail. */
void nic_give(Rig *r, uint32_t tail)
{
    nic_write(r, 0x2818, tail);
}

Rig *rig_new_nic(void)
{
    Rig *r;
    int i;

    if (!qtest_has_device("e1000")) {
        g_test_skip("no e1000");
        return NULL;
    }
    r = rig_start(KIND_SOCKET, "pc", "-device e1000,netdev=net0,addr=4.0");
    pci_write(r, 0x10, E1000_BAR);
    pci_write(r, 0x04, 6);
    for (i = 0; i < RX_N; i++) {
        qtest_writeq(r->s, RX_RING + i * 16, RX_BUFFERS + i * 2048);
        qtest_writeq(r->s, RX_RING + i * 16 + 8, 0);
    }
    nic_write(r, 0x2800, RX_RING);
    nic_write(r, 0x2804, 0);
    nic_write(r, 0x2808, RX_N * 16);
    nic_write(r, 0x2810, 0);
    nic_give(r, 0);
    nic_write(r, 0x100, 0x800a); /* RCTL: enable, promiscuous, broadcast */
    qtest_clock_step(r->s, 2000000000);
    return r;
}

/* The next @n descriptors hold frames from @seq on. */
void nic_expect(Rig *r, uint32_t at, uint32_t seq, uint32_t n)
{
    gint64 end = g_get_monotonic_time() + DEADLINE_S * G_USEC_PER_SEC;
    uint32_t i;

    for (i = 0; i < n; i++) {
        uint64_t status = 0;
        uint32_t number;

        while (!(status & 1ull << 32) && g_get_monotonic_time() < end) {
            status = qtest_readq(r->s, RX_RING + (at + i) * 16 + 8);
        }
        g_assert_true(status & 1ull << 32);
        number = qtest_readl(r->s, RX_BUFFERS + (at + i) * 2048 + 14);
        g_assert_cmpuint(ntohl(number), ==, seq + i);
    }
}
