/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netdev user through the real program; the test is the guest. */

#include "bytes.h"
#include "cases.h"
#include "pair.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* All frames of the guest are built by hand: Ethernet, IPv4, and what is in them. */

#define ETH_LEN 14
#define IP_LEN 20
#define FRAME_ROOM 2048

#define HOST 0x0a000202u  /* 10.0.2.2 */
#define DNS 0x0a000203u
#define GUEST 0x0a00020fu /* 10.0.2.15 */
#define FORWARDED 0x0a000264u /* 10.0.2.100 */

static const uint8_t guest_mac[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };
static const uint8_t host_mac[6] = { 0x52, 0x55, 0x0a, 0x00, 0x02, 0x02 };
static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

typedef struct Packet {
    size_t len;
    uint8_t data[FRAME_ROOM];
} Packet;

static uint32_t sum16(uint32_t sum, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i + 1 < len; i += 2) {
        sum += get_be16(data + i);
    }
    return len % 2 ? sum + (data[len - 1] << 8) : sum;
}

static uint16_t fold(uint32_t sum)
{
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return ~sum;
}

/* --- Building ---------------------------------------------------------------------------- */

static void make_ethernet(Packet *packet, const uint8_t *to, uint16_t type)
{
    memset(packet, 0, sizeof(*packet));
    memcpy(packet->data, to, 6);
    memcpy(packet->data + 6, guest_mac, 6);
    put_be16(packet->data + 12, type);
}

static void make_arp(Packet *packet, uint32_t target)
{
    uint8_t *arp = packet->data + ETH_LEN;

    make_ethernet(packet, broadcast, 0x0806);
    memcpy(arp, "\x00\x01\x08\x00\x06\x04\x00\x01", 8);
    memcpy(arp + 8, guest_mac, 6);
    put_be32(arp + 14, GUEST);
    put_be32(arp + 24, target);
    packet->len = ETH_LEN + 28;
}

/* @body: what follows the IP header; its checksum, if any, is right already. */
static void make_ip(Packet *packet, uint32_t to, uint8_t protocol, const uint8_t *body,
                    size_t len)
{
    uint8_t *ip = packet->data + ETH_LEN;

    make_ethernet(packet, host_mac, 0x0800);
    ip[0] = 0x45;
    put_be16(ip + 2, IP_LEN + len);
    ip[8] = 64;
    ip[9] = protocol;
    put_be32(ip + 12, GUEST);
    put_be32(ip + 16, to);
    put_be16(ip + 10, fold(sum16(0, ip, IP_LEN)));
    memcpy(ip + IP_LEN, body, len);
    packet->len = ETH_LEN + IP_LEN + len;
}

static void make_ping(Packet *packet, uint32_t to)
{
    uint8_t icmp[40] = { 8 };

    memset(icmp + 8, 'p', sizeof(icmp) - 8);
    put_be16(icmp + 2, fold(sum16(0, icmp, sizeof(icmp))));
    make_ip(packet, to, IPPROTO_ICMP, icmp, sizeof(icmp));
}

/** Some of a TCP segment's header. */
typedef struct Tcp {
    uint32_t addr;       /* of the other side */
    uint16_t guest_port;
    uint16_t port;       /* of the other side */
    uint32_t seq;
    uint32_t ack;
    uint8_t flags;
} Tcp;

#define TCP_FIN 1
#define TCP_SYN 2
#define TCP_RST 4
#define TCP_PSH 8
#define TCP_ACK 16

static void make_tcp(Packet *packet, const Tcp *tcp, const char *text)
{
    uint8_t body[512] = { 0 };
    uint8_t pseudo[12] = { 0 };
    size_t len = 20 + strlen(text);

    put_be16(body, tcp->guest_port);
    put_be16(body + 2, tcp->port);
    put_be32(body + 4, tcp->seq);
    put_be32(body + 8, tcp->ack);
    body[12] = 5 << 4;
    body[13] = tcp->flags;
    put_be16(body + 14, 8192);
    memcpy(body + 20, text, strlen(text));
    put_be32(pseudo, GUEST);
    put_be32(pseudo + 4, tcp->addr);
    pseudo[9] = IPPROTO_TCP;
    put_be16(pseudo + 10, len);
    put_be16(body + 16, fold(sum16(sum16(0, pseudo, 12), body, len)));
    make_ip(packet, tcp->addr, IPPROTO_TCP, body, len);
}

/* --- Talking ----------------------------------------------------------------------------- */

static void guest_send(Pair *pair, const Packet *packet)
{
    frame_link_send_bytes(&pair->peer, packet->data, packet->len);
}

static void guest_receive(Pair *pair, Packet *packet)
{
    g_autofree uint8_t *frame = g_malloc(FRAME_MAX);

    packet->len = frame_link_receive(&pair->peer, frame);
    g_assert_cmpuint(packet->len, <=, FRAME_ROOM);
    memcpy(packet->data, frame, packet->len);
}

static bool is_ip(const Packet *packet, uint8_t protocol)
{
    return get_be16(packet->data + 12) == 0x0800 && packet->data[ETH_LEN + 9] == protocol;
}

/* The next packet of @protocol; ARP requests on the way are answered. */
static void guest_receive_ip(Pair *pair, uint8_t protocol, Packet *packet)
{
    for (;;) {
        guest_receive(pair, packet);
        if (is_ip(packet, protocol)) {
            return;
        }
        if (get_be16(packet->data + 12) == 0x0806 && packet->data[ETH_LEN + 7] == 1) {
            Packet reply = *packet;
            uint8_t *arp = reply.data + ETH_LEN;

            memcpy(reply.data, packet->data + 6, 6);
            memcpy(reply.data + 6, guest_mac, 6);
            arp[7] = 2;
            memcpy(arp + 18, packet->data + ETH_LEN + 8, 10);
            memcpy(arp + 8, guest_mac, 6);
            memcpy(arp + 14, packet->data + ETH_LEN + 24, 4);
            guest_send(pair, &reply);
        }
    }
}

static const uint8_t *body_of(const Packet *packet)
{
    return packet->data + ETH_LEN + IP_LEN;
}

/* The next segment; the text in it, if any, goes to @text (64 bytes). */
static Tcp guest_receive_tcp(Pair *pair, char *text)
{
    Packet packet;
    const uint8_t *ip = packet.data + ETH_LEN;
    const uint8_t *body = body_of(&packet);
    size_t header;
    size_t len;

    guest_receive_ip(pair, IPPROTO_TCP, &packet);
    header = (body[12] >> 4) * 4;
    len = get_be16(ip + 2) - IP_LEN - header;
    if (text) {
        g_assert_cmpuint(len, <, 64);
        memcpy(text, body + header, len);
        text[len] = '\0';
    }
    return (Tcp) {
        .addr = get_be32(ip + 12), .port = get_be16(body), .guest_port = get_be16(body + 2),
        .seq = get_be32(body + 4), .ack = get_be32(body + 8), .flags = body[13],
    };
}

static void guest_send_tcp(Pair *pair, const Tcp *tcp, const char *text)
{
    Packet packet;

    make_tcp(&packet, tcp, text);
    guest_send(pair, &packet);
}

/* The guest connects to @addr:@port. Returns: the state after the handshake. */
static Tcp guest_connect(Pair *pair, uint32_t addr, uint16_t port)
{
    Tcp tcp = { .addr = addr, .guest_port = 4000, .port = port, .seq = 1000, .flags = TCP_SYN };
    Tcp answer;

    guest_send_tcp(pair, &tcp, "");
    answer = guest_receive_tcp(pair, NULL);
    g_assert_cmpint(answer.flags, ==, TCP_SYN | TCP_ACK);
    tcp.seq++;
    tcp.ack = answer.seq + 1;
    tcp.flags = TCP_ACK;
    guest_send_tcp(pair, &tcp, "");
    return tcp;
}

/* The next segment with text in it. */
static void guest_expect_text(Pair *pair, Tcp *tcp, const char *wanted)
{
    char text[64] = "";

    while (!text[0]) {
        guest_receive_tcp(pair, text);
    }
    g_assert_cmpstr(text, ==, wanted);
    tcp->ack += strlen(text);
    guest_send_tcp(pair, tcp, "");
}

static void guest_say(Pair *pair, Tcp *tcp, const char *text)
{
    tcp->flags = TCP_ACK | TCP_PSH;
    guest_send_tcp(pair, tcp, text);
    tcp->seq += strlen(text);
    tcp->flags = TCP_ACK;
}

static Pair *user_pair(const char *options)
{
    return pair_new("-netdev user,id=net0,ipv6=off%s", options);
}

/* The stack learns the guest's address. */
static void guest_introduce(Pair *pair)
{
    Packet packet;

    make_arp(&packet, HOST);
    guest_send(pair, &packet);
    guest_receive(pair, &packet);
}

/* --- The network ------------------------------------------------------------------------- */

static void test_arp(void)
{
    Pair *pair = user_pair("");
    Packet packet;

    make_arp(&packet, HOST);
    guest_send(pair, &packet);
    guest_receive(pair, &packet);
    g_assert_cmpuint(packet.len, >=, 60);
    g_assert_cmpmem(packet.data, 6, guest_mac, 6);
    g_assert_cmpint(packet.data[ETH_LEN + 7], ==, 2);
    g_assert_cmpmem(packet.data + ETH_LEN + 8, 6, host_mac, 6);
    g_assert_cmpuint(get_be32(packet.data + ETH_LEN + 14), ==, HOST);
    pair_free(pair);
}

static void test_arp_of_others_is_not_answered(void)
{
    Pair *pair = user_pair("");
    Packet packet;

    make_arp(&packet, 0x0a000209);
    guest_send(pair, &packet);
    make_arp(&packet, DNS);
    guest_send(pair, &packet);
    guest_receive(pair, &packet);
    g_assert_cmpuint(get_be32(packet.data + ETH_LEN + 14), ==, DNS);
    pair_free(pair);
}

static void test_network_elsewhere(void)
{
    Pair *pair = user_pair(",net=192.168.5.0/24,host=192.168.5.77");
    Packet packet;

    make_arp(&packet, 0xc0a8054d);
    guest_send(pair, &packet);
    guest_receive(pair, &packet);
    g_assert_cmpuint(get_be32(packet.data + ETH_LEN + 14), ==, 0xc0a8054d);
    pair_wait_info(pair, "net=192.168.5.0,restrict=off");
    pair_free(pair);
}

static void test_ping(void)
{
    Pair *pair = user_pair("");
    Packet packet;

    guest_introduce(pair);
    make_ping(&packet, HOST);
    guest_send(pair, &packet);
    guest_receive_ip(pair, IPPROTO_ICMP, &packet);
    g_assert_cmpint(body_of(&packet)[0], ==, 0);
    g_assert_cmpint(body_of(&packet)[8], ==, 'p');
    pair_free(pair);
}

/* Returns: the value of DHCP option @code, or NULL. */
static const uint8_t *dhcp_option(const Packet *packet, uint8_t code)
{
    const uint8_t *at = body_of(packet) + 8 + 240;
    const uint8_t *end = packet->data + packet->len;

    while (at + 1 < end && *at != 255) {
        if (*at == code) {
            return at + 2;
        }
        at += *at == 0 ? 1 : 2 + at[1];
    }
    return NULL;
}

static void guest_discover(Pair *pair, Packet *offer)
{
    uint8_t udp[8 + 240 + 4] = { 0 };
    uint8_t *dhcp = udp + 8;

    put_be16(udp, 68);
    put_be16(udp + 2, 67);
    put_be16(udp + 4, sizeof(udp));
    memcpy(dhcp, "\x01\x01\x06", 3);
    memcpy(dhcp + 28, guest_mac, 6);
    memcpy(dhcp + 236, "\x63\x82\x53\x63\x35\x01\x01\xff", 8);
    make_ip(offer, 0xffffffff, IPPROTO_UDP, udp, sizeof(udp));
    guest_send(pair, offer);
    guest_receive_ip(pair, IPPROTO_UDP, offer);
}

static void test_dhcp(void)
{
    Pair *pair = user_pair("");
    Packet offer;

    guest_discover(pair, &offer);
    g_assert_cmpuint(get_be32(body_of(&offer) + 8 + 16), ==, GUEST);
    g_assert_cmpuint(get_be32(dhcp_option(&offer, 1)), ==, 0xffffff00);
    g_assert_cmpuint(get_be32(dhcp_option(&offer, 3)), ==, HOST);
    g_assert_cmpuint(get_be32(dhcp_option(&offer, 6)), ==, DNS);
    g_assert_cmpuint(get_be32(dhcp_option(&offer, 51)), ==, 86400);
    g_assert_cmpuint(get_be32(dhcp_option(&offer, 54)), ==, HOST);
    pair_free(pair);
}

static void test_dhcp_options(void)
{
    Pair *pair = user_pair(",dhcpstart=10.0.2.50,hostname=box,domainname=example.org,"
                           "bootfile=/boot,dnssearch=a.example");
    Packet offer;

    guest_discover(pair, &offer);
    g_assert_cmpuint(get_be32(body_of(&offer) + 8 + 16), ==, 0x0a000232);
    g_assert_cmpmem(dhcp_option(&offer, 12), 3, "box", 3);
    g_assert_cmpmem(dhcp_option(&offer, 15), 11, "example.org", 11);
    g_assert_nonnull(dhcp_option(&offer, 119));
    g_assert_cmpstr((const char *)body_of(&offer) + 8 + 108, ==, "/boot");
    pair_free(pair);
}

/* --- To the host ------------------------------------------------------------------------- */

static void test_closed_port_is_refused(void)
{
    Pair *pair = user_pair("");
    Tcp tcp = { .addr = HOST, .guest_port = 4000, .port = sock_free_port(SOCK_STREAM),
                .seq = 1, .flags = TCP_SYN };

    guest_introduce(pair);
    guest_send_tcp(pair, &tcp, "");
    tcp = guest_receive_tcp(pair, NULL);
    g_assert_cmpint(tcp.flags, ==, TCP_RST | TCP_ACK);
    pair_free(pair);
}

static void test_connection_to_the_host(void)
{
    uint16_t port;
    int listen_fd = sock_listen_tcp(&port);
    Pair *pair = user_pair("");
    char text[5] = "";
    Tcp tcp;
    int fd;

    guest_introduce(pair);
    tcp = guest_connect(pair, HOST, port);
    fd = sock_accept(listen_fd);
    guest_say(pair, &tcp, "hello");
    sock_read(fd, text, 5);
    g_assert_cmpmem(text, 5, "hello", 5);
    sock_write(fd, "there", 5);
    guest_expect_text(pair, &tcp, "there");
    pair_free(pair);
    sock_close(&fd);
    sock_close(&listen_fd);
}

/* A flood of SYNs to a server that does not accept them; the guest reads none of the answers. */
static void guest_flood(Pair *pair, uint16_t port, uint16_t n)
{
    Tcp tcp = { .addr = HOST, .port = port, .seq = 1, .flags = TCP_SYN };

    for (uint16_t i = 0; i < n; i++) {
        tcp.guest_port = (uint16_t)(1024 + i);
        guest_send_tcp(pair, &tcp, "");
    }
}

/* Of 256 descriptors one netdev may have half of what is left for all: (256 - 64) / 2. */
static void test_flood_leaves_descriptors_to_monitors(void)
{
    g_autofree char *path = tmp_path("flood-qmp");
    g_autofree char *greeting = NULL;
    struct rlimit before, few;
    uint16_t port;
    int listen_fd = sock_listen_tcp(&port);
    Pair *pair;
    int fd;

    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &before), ==, 0);
    few = before;
    few.rlim_cur = 256;
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &few), ==, 0);
    pair = pair_new("-netdev user,id=net0,ipv6=off -qmp unix:%s,server=on,wait=off", path);
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &before), ==, 0);
    guest_introduce(pair);
    guest_flood(pair, port, 1000);
    qtest_wait_output(pair->s, "netdev 'net0': the guest has 96 sockets open, which is as many as "
                      "it may: connections are refused");
    qtest_wait_netdev(pair->s, "net0", "rx.in.frames", 1001);
    g_assert_cmpint(qtest_netdev_count(pair->s, "net0", "rx.dropped.no-descriptor.frames"), ==,
                    1000 - 96);
    fd = sock_connect_unix(path);
    greeting = sock_read_line(fd);
    g_assert_true(g_str_has_prefix(greeting, "{\"QMP\""));
    sock_close(&fd);
    pair_free(pair);
    sock_close(&listen_fd);
}

static void test_restrict(void)
{
    uint16_t port;
    int listen_fd = sock_listen_tcp(&port);
    Pair *pair = user_pair(",restrict=on");
    Tcp tcp = { .addr = HOST, .guest_port = 4000, .port = port, .seq = 1, .flags = TCP_SYN };

    guest_introduce(pair);
    guest_send_tcp(pair, &tcp, "");
    tcp = guest_receive_tcp(pair, NULL);
    g_assert_cmpint(tcp.flags & TCP_RST, ==, TCP_RST);
    g_assert_false(fd_is_readable(listen_fd));
    pair_free(pair);
    sock_close(&listen_fd);
}

/* --- hostfwd ----------------------------------------------------------------------------- */

/* The guest takes the connection that comes in and answers. */
static void guest_serve(Pair *pair, int fd, uint16_t port)
{
    char text[4] = "";
    Tcp tcp = guest_receive_tcp(pair, NULL);

    g_assert_cmpint(tcp.flags, ==, TCP_SYN);
    g_assert_cmpint(tcp.guest_port, ==, port);
    tcp.ack = tcp.seq + 1;
    tcp.seq = 5000;
    tcp.flags = TCP_SYN | TCP_ACK;
    guest_send_tcp(pair, &tcp, "");
    tcp.seq++;
    tcp.flags = TCP_ACK;
    sock_write(fd, "ask", 3);
    guest_expect_text(pair, &tcp, "ask");
    guest_say(pair, &tcp, "told");
    sock_read(fd, text, 4);
    g_assert_cmpmem(text, 4, "told", 4);
}

static void test_hostfwd_tcp(void)
{
    uint16_t port = sock_free_port(SOCK_STREAM);
    g_autofree char *options = g_strdup_printf(",hostfwd=tcp:127.0.0.1:%u-:22", port);
    Pair *pair = user_pair(options);
    int fd;

    guest_introduce(pair);
    fd = sock_connect_tcp(port);
    guest_serve(pair, fd, 22);
    pair_free(pair);
    sock_close(&fd);
}

static void test_hostfwd_unix(void)
{
    g_autofree char *path = tmp_path("fwd.sock");
    g_autofree char *options = g_strdup_printf(",hostfwd=unix:%s-:22", path);
    Pair *pair = user_pair(options);
    int fd;

    guest_introduce(pair);
    fd = sock_connect_unix(path);
    guest_serve(pair, fd, 22);
    pair_free(pair);
    sock_close(&fd);
}

static void test_hostfwd_udp(void)
{
    uint16_t port = sock_free_port(SOCK_DGRAM);
    uint16_t own_port;
    int fd = sock_udp(&own_port);
    g_autofree char *options = g_strdup_printf(",hostfwd=udp:127.0.0.1:%u-:7777", port);
    Pair *pair = user_pair(options);
    Packet packet;

    guest_introduce(pair);
    sock_udp_connect(fd, port);
    sock_write(fd, "datagram", 8);
    guest_receive_ip(pair, IPPROTO_UDP, &packet);
    g_assert_cmpuint(get_be16(body_of(&packet) + 2), ==, 7777);
    g_assert_cmpmem(body_of(&packet) + 8, 8, "datagram", 8);
    pair_free(pair);
    sock_close(&fd);
}

/* x-query-usernet tells the same, with plain line ends. */
static void assert_query_usernet(QTest *s)
{
    g_autoptr(json_object) info = qtest_qmp_return(s, "{'execute': 'x-query-usernet'}");
    const char *text = json_object_get_string(json_object_object_get(info,
                                                                     "human-readable-text"));

    g_assert_true(g_str_has_prefix(text, "Hub -1 (net0):\n  Protocol[State]    FD  "));
    g_assert_nonnull(strstr(text, "TCP[HOST_FORWARD]"));
    g_assert_null(strchr(text, '\r'));
}

static void test_hostfwd_by_monitor(void)
{
    uint16_t port = sock_free_port(SOCK_STREAM);
    Pair *pair = user_pair("");
    g_autofree char *added = qtest_hmp(pair->s, "hostfwd_add net0 tcp:127.0.0.1:%u-:22", port);
    g_autofree char *usernet = qtest_hmp(pair->s, "info usernet");
    g_autofree char *removed = NULL;
    g_autofree char *wanted = NULL;
    g_autofree char *again = NULL;
    int fd = sock_connect_tcp(port);

    g_assert_cmpstr(added, ==, "");
    g_assert_true(g_str_has_prefix(usernet, "Hub -1 (net0):\r\n  Protocol[State]    FD  "));
    g_assert_nonnull(strstr(usernet, "TCP[HOST_FORWARD]"));
    assert_query_usernet(pair->s);
    sock_close(&fd);
    removed = qtest_hmp(pair->s, "hostfwd_remove net0 tcp:127.0.0.1:%u", port);
    wanted = g_strdup_printf("host forwarding rule for tcp:127.0.0.1:%u removed\r\n", port);
    g_assert_cmpstr(removed, ==, wanted);
    again = qtest_hmp(pair->s, "hostfwd_remove tcp:127.0.0.1:%u", port);
    g_assert_true(g_str_has_suffix(again, " not found\r\n"));
    pair_free(pair);
}

/* The path goes with the rule, and can then be used for another. */
static void test_hostfwd_unix_by_monitor(void)
{
    g_autofree char *path = tmp_path("fwd-by-monitor.sock");
    g_autofree char *removed = g_strdup_printf("host forwarding rule for unix:%s removed\r\n",
                                               path);
    g_autofree char *not_found = g_strdup_printf("host forwarding rule for unix:%s not found\r\n",
                                                 path);
    Pair *pair = user_pair("");
    g_autofree char *again = NULL;

    for (int i = 0; i < 2; i++) {
        g_autofree char *add = qtest_hmp(pair->s, "hostfwd_add net0 unix:%s-:22", path);
        g_autofree char *usernet = qtest_hmp(pair->s, "info usernet");
        g_autofree char *remove = NULL;

        g_assert_cmpstr(add, ==, "");
        g_assert_nonnull(strstr(usernet, "[HOST_FORWARD]"));
        g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
        remove = qtest_hmp(pair->s, "hostfwd_remove net0 unix:%s", path);
        g_assert_cmpstr(remove, ==, removed);
        g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    }
    again = qtest_hmp(pair->s, "hostfwd_remove net0 unix:%s", path);
    g_assert_cmpstr(again, ==, not_found);
    pair_free(pair);
}

typedef struct MonitorError {
    const char *name;
    const char *line;
    const char *answer;
} MonitorError;

static const MonitorError monitor_errors[] = {
    { "bad-rule", "hostfwd_add net0 foo",
      "Invalid host forwarding rule 'foo' (No : separators)\r\n" },
    { "cannot-bind", "hostfwd_add net0 tcp:1.2.3.4:1-:1",
      "Could not set up host forwarding rule 'tcp:1.2.3.4:1-:1'\r\n" },
    { "unknown-netdev", "hostfwd_add nope tcp::0-:1", "unrecognized netdev id 'nope'\r\n" },
    { "not-user", "hostfwd_add peer tcp::0-:1", "invalid device specified\r\n" },
    { "remove-bad-format", "hostfwd_remove net0 tcp:1", "invalid format\r\n" },
};

static void test_monitor_error(const void *data)
{
    const MonitorError *bad = data;
    Pair *pair = user_pair("");
    g_autofree char *answer = qtest_hmp(pair->s, "%s", bad->line);

    g_assert_cmpstr(answer, ==, bad->answer);
    pair_free(pair);
}

/* --- guestfwd ---------------------------------------------------------------------------- */

static void test_guestfwd_command(void)
{
    Pair *pair = user_pair(",guestfwd=tcp:10.0.2.100:7-cmd:cat");
    Tcp tcp;

    guest_introduce(pair);
    tcp = guest_connect(pair, FORWARDED, 7);
    guest_say(pair, &tcp, "echo this");
    guest_expect_text(pair, &tcp, "echo this");
    pair_free(pair);
}

static void test_guestfwd_chardev(void)
{
    g_autofree char *path = tmp_path("guestfwd.sock");
    int listen_fd = sock_listen_unix(path);
    g_autofree char *options = g_strdup_printf(",guestfwd=tcp:10.0.2.100:7-unix:%s", path);
    Pair *pair = user_pair(options);
    int fd = sock_accept(listen_fd);
    char text[5] = "";
    Tcp tcp;

    guest_introduce(pair);
    sock_write(fd, "early", 5);
    tcp = guest_connect(pair, FORWARDED, 7);
    guest_expect_text(pair, &tcp, "early");
    guest_say(pair, &tcp, "hello");
    sock_read(fd, text, 5);
    g_assert_cmpmem(text, 5, "hello", 5);
    sock_write(fd, "there", 5);
    guest_expect_text(pair, &tcp, "there");
    qtest_qmp_ok(pair->s, "{'execute': 'netdev_del', 'arguments': {'id': 'net0'}}");
    sock_expect_eof(fd);
    pair_free(pair);
    sock_close(&fd);
    sock_close(&listen_fd);
}

/* --- Time -------------------------------------------------------------------------------- */

static void test_no_timer_without_a_step(void)
{
    QTest *s = qtest_start("-netdev user,id=net0,ipv6=off");

    qtest_expect_line(s, "clock_step",
                      "FAIL cannot advance clock to the next deadline because there is no "
                      "pending deadline");
    qtest_quit(s);
}

static void test_router_advertisement(void)
{
    Pair *pair = pair_new("-netdev user,id=net0,ipv4=off");
    Packet packet;

    qtest_clock_step(pair->s, INT64_C(700000000000));
    do {
        guest_receive(pair, &packet);
    } while (get_be16(packet.data + 12) != 0x86dd || packet.data[ETH_LEN + 40] != 134);
    g_assert_cmpint(packet.data[ETH_LEN + 7], ==, 255);
    g_assert_cmpint(packet.data[ETH_LEN + 8], ==, 0xfe);
    pair_free(pair);
}

static void test_syn_is_repeated(void)
{
    uint16_t port = sock_free_port(SOCK_STREAM);
    g_autofree char *options = g_strdup_printf(",hostfwd=tcp:127.0.0.1:%u-:22", port);
    Pair *pair = user_pair(options);
    uint32_t seq;
    int fd;

    guest_introduce(pair);
    fd = sock_connect_tcp(port);
    seq = guest_receive_tcp(pair, NULL).seq;
    frame_link_expect_nothing(&pair->peer);
    qtest_clock_step(pair->s, INT64_C(10000000000));
    g_assert_cmpuint(guest_receive_tcp(pair, NULL).seq, ==, seq);
    pair_free(pair);
    sock_close(&fd);
}

static void test_stopped_is_not_read(void)
{
    uint16_t port = sock_free_port(SOCK_DGRAM);
    uint16_t own_port;
    int fd = sock_udp(&own_port);
    g_autofree char *options = g_strdup_printf(",hostfwd=udp:127.0.0.1:%u-:7777", port);
    Pair *pair = user_pair(options);
    Packet packet;

    guest_introduce(pair);
    sock_udp_connect(fd, port);
    qtest_stop(pair->s);
    for (char c = 'a'; c <= 'z'; c++) {
        sock_write(fd, &c, 1);
    }
    g_assert_cmpint(qtest_netdev_count(pair->s, "net0", "polled"), ==, 0);
    g_assert_cmpint(qtest_netdev_count(pair->s, "net0", "tx.while-stopped.in.frames"), ==, 0);
    qtest_cont(pair->s);
    for (char c = 'a'; c <= 'z'; c++) {
        guest_receive_ip(pair, IPPROTO_UDP, &packet);
        g_assert_cmpint(body_of(&packet)[8], ==, c);
    }
    pair_free(pair);
    sock_close(&fd);
}

static void test_add_and_del(void)
{
    QTest *s = qtest_start("%s", "");

    for (int i = 0; i < 10; i++) {
        qtest_qmp_ok(s, "{'execute': 'netdev_add', 'arguments': {'type': 'user', 'id': 'u', "
                     "'hostfwd': [{'str': 'tcp:127.0.0.1:0-:22'}]}}");
        qtest_qmp_ok(s, "{'execute': 'netdev_del', 'arguments': {'id': 'u'}}");
    }
    qtest_quit(s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/netdev-user/arp", test_arp);
    g_test_add_func("/netdev-user/arp-of-others-is-not-answered",
                    test_arp_of_others_is_not_answered);
    g_test_add_func("/netdev-user/network-elsewhere", test_network_elsewhere);
    g_test_add_func("/netdev-user/ping", test_ping);
    g_test_add_func("/netdev-user/dhcp", test_dhcp);
    g_test_add_func("/netdev-user/dhcp-options", test_dhcp_options);
    g_test_add_func("/netdev-user/closed-port-is-refused", test_closed_port_is_refused);
    g_test_add_func("/netdev-user/connection-to-the-host", test_connection_to_the_host);
    g_test_add_func("/netdev-user/flood-leaves-descriptors-to-monitors",
                    test_flood_leaves_descriptors_to_monitors);
    g_test_add_func("/netdev-user/restrict", test_restrict);
    g_test_add_func("/netdev-user/hostfwd-tcp", test_hostfwd_tcp);
    g_test_add_func("/netdev-user/hostfwd-unix", test_hostfwd_unix);
    g_test_add_func("/netdev-user/hostfwd-udp", test_hostfwd_udp);
    g_test_add_func("/netdev-user/hostfwd-by-monitor", test_hostfwd_by_monitor);
    g_test_add_func("/netdev-user/hostfwd-unix-by-monitor", test_hostfwd_unix_by_monitor);
    CASES_ADD("/netdev-user/monitor/", monitor_errors, name, test_monitor_error);
    if (!g_getenv("QTEST_SANDBOX")) { /* there libslirp cannot start a program */
        g_test_add_func("/netdev-user/guestfwd-command", test_guestfwd_command);
    }
    g_test_add_func("/netdev-user/guestfwd-chardev", test_guestfwd_chardev);
    g_test_add_func("/netdev-user/no-timer-without-a-step", test_no_timer_without_a_step);
    g_test_add_func("/netdev-user/router-advertisement", test_router_advertisement);
    g_test_add_func("/netdev-user/syn-is-repeated", test_syn_is_repeated);
    g_test_add_func("/netdev-user/stopped-is-not-read", test_stopped_is_not_read);
    g_test_add_func("/netdev-user/add-and-del", test_add_and_del);
    return g_test_run();
}
