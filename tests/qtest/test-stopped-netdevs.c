/* SPDX-License-Identifier: GPL-2.0-or-later */
/* enable_when_stopped on netdevs of every type (W4): each is read, or left alone, as asked. */

#include "rig.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define REDIRECTOR "-object filter-redirector,id=f0,netdev=net0,queue=tx,outdev=chr0"
#define REDIRECTOR_ON REDIRECTOR ",enable_when_stopped=true"

/* Few enough for the shortest queue of a datagram socket. */
#define FEW 5

static void test_enabled(const void *data)
{
    Rig *rig = rig_new(GPOINTER_TO_INT(data), REDIRECTOR_ON);

    rig_connect_out(rig);
    rig_send(rig, 20);
    rig_expect_out(rig, 20);
    qtest_stop(rig->s);
    for (int i = 0; i < 10; i++) {
        rig_send(rig, 20);
        rig_expect_out(rig, 20);
    }
    qtest_cont(rig->s);
    rig_send(rig, 20);
    rig_expect_out(rig, 20);
    g_assert_cmpint(qtest_netdev_count(rig->s, "net0", "tx.while-stopped.consumed.frames"), ==,
                    200);
    rig_free(rig);
}

static void test_not_enabled(const void *data)
{
    Rig *rig = rig_new(GPOINTER_TO_INT(data), REDIRECTOR);

    rig_connect_out(rig);
    rig_send(rig, FEW);
    rig_expect_out(rig, FEW);
    qtest_stop(rig->s);
    rig_send(rig, FEW);
    g_assert_cmpint(qtest_netdev_count(rig->s, "net0", "tx.in.frames"), ==, FEW);
    rig_expect_no_out(rig);
    qtest_qom_set_bool(rig->s, "f0", "enable_when_stopped", true);
    rig_expect_out(rig, FEW);
    rig_free(rig);
}

/* A peer that never takes a frame stops the reading; a redirector gets what waited. */
static void test_blocked_then_redirected(const void *data)
{
    Rig *rig = rig_new(GPOINTER_TO_INT(data), " ");

    rig_connect_out(rig);
    rig_send(rig, 1);
    qtest_wait_netdev(rig->s, "net0", "tx.held.frames", 1);
    g_assert_false(rig_is_polled(rig));
    rig_send(rig, FEW);
    qtest_stop(rig->s);
    rig_add_redirector(rig, "'enable_when_stopped': true");
    rig_expect_out(rig, FEW + 1);
    rig_free(rig);
}

static void test_stop_cont_keeps_all(const void *data)
{
    Rig *rig = rig_new(GPOINTER_TO_INT(data), REDIRECTOR);

    rig_connect_out(rig);
    for (int i = 0; i < 50; i++) {
        rig_send(rig, FEW);
        qtest_stop(rig->s);
        rig_send(rig, FEW);
        qtest_cont(rig->s);
        rig_expect_out(rig, 2 * FEW);
    }
    rig_free(rig);
}

/* --- user: datagrams to a forwarded port become frames ------------------------------------- */

#define GUEST_MAC "\x52\x54\x00\x12\x34\x56"

/* Tells the network stack where 10.0.2.15 is: an ARP request from the guest's address. */
static const uint8_t guest_arp[60] =
    "\xff\xff\xff\xff\xff\xff" GUEST_MAC "\x08\x06"
    "\x00\x01\x08\x00\x06\x04\x00\x01" GUEST_MAC "\x0a\x00\x02\x0f"
    "\x00\x00\x00\x00\x00\x00\x0a\x00\x02\x02";

/*
 *   test ──UDP──► forwarded port ──► net0 (user) ──► f0 ──► chr0 ──► test
 *   test ──► chr1 ──► f1 (rx) ──► net0: the guest's ARP
 */
typedef struct UserRig {
    QTest *s;
    int udp;
    int out;
    FrameLink link;
    uint32_t n_sent;
    uint32_t n_out;
} UserRig;

/* The next datagram's frame; other frames of the stack (ARP, router adverts) are skipped. */
static uint32_t user_receive(UserRig *rig)
{
    g_autofree uint8_t *frame = g_malloc(FRAME_MAX);

    for (;;) {
        size_t len = frame_link_receive(&rig->link, frame);
        uint32_t seq;

        if (len >= 46 && frame[12] == 0x08 && frame[13] == 0x00 && frame[23] == IPPROTO_UDP) {
            memcpy(&seq, frame + 42, sizeof(seq));
            return ntohl(seq);
        }
    }
}

static void user_send(UserRig *rig, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t seq_be = htonl(rig->n_sent++);

        sock_write(rig->udp, &seq_be, sizeof(seq_be));
    }
}

static void user_expect(UserRig *rig, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        g_assert_cmpuint(user_receive(rig), ==, rig->n_out++);
    }
}

static UserRig *user_rig_new(const char *options)
{
    UserRig *rig = g_new0(UserRig, 1);
    g_autofree char *out_path = tmp_path("user-out.sock");
    g_autofree char *in_path = tmp_path("user-in.sock");
    g_autofree uint8_t *frame = g_malloc(FRAME_MAX);
    uint16_t port = sock_free_port(SOCK_DGRAM);
    uint16_t own_port;
    FrameLink in_link;
    int in;

    rig->s = qtest_start("-nic user,id=net0,ipv6=off,hostfwd=udp:127.0.0.1:%u-:7777 "
                         "-chardev socket,id=chr0,path=%s,server=on,wait=off "
                         "-chardev socket,id=chr1,path=%s,server=on,wait=off "
                         "-object filter-redirector,id=f1,netdev=net0,queue=rx,indev=chr1 "
                         REDIRECTOR "%s", port, out_path, in_path, options);
    rig->udp = sock_udp(&own_port);
    sock_udp_connect(rig->udp, port);
    rig->out = sock_connect_unix(out_path);
    frame_link_init(&rig->link, FRAME_LINK_STREAM, rig->out);
    in = sock_connect_unix(in_path);
    frame_link_init(&in_link, FRAME_LINK_STREAM, in);
    frame_link_send_bytes(&in_link, guest_arp, sizeof(guest_arp));
    /* Its answer proves that the stack has learnt the address. */
    frame_link_receive(&rig->link, frame);
    frame_link_clear(&in_link);
    sock_close(&in);
    return rig;
}

static void user_rig_free(UserRig *rig)
{
    qtest_assert_conservation(rig->s);
    qtest_quit(rig->s);
    frame_link_clear(&rig->link);
    sock_close(&rig->udp);
    sock_close(&rig->out);
    g_free(rig);
}

static void test_user_enabled(void)
{
    UserRig *rig = user_rig_new(",enable_when_stopped=true");

    user_send(rig, 20);
    user_expect(rig, 20);
    qtest_stop(rig->s);
    user_send(rig, 20);
    user_expect(rig, 20);
    qtest_cont(rig->s);
    user_send(rig, 20);
    user_expect(rig, 20);
    user_rig_free(rig);
}

static void test_user_not_enabled(void)
{
    UserRig *rig = user_rig_new("");

    user_send(rig, 5);
    user_expect(rig, 5);
    qtest_stop(rig->s);
    user_send(rig, 20);
    g_assert_cmpint(qtest_netdev_count(rig->s, "net0", "polled"), ==, 0);
    frame_link_expect_nothing(&rig->link);
    qtest_cont(rig->s);
    user_expect(rig, 20);
    user_rig_free(rig);
}

static void test_user_stop_cont(void)
{
    UserRig *rig = user_rig_new("");

    for (int i = 0; i < 20; i++) {
        user_send(rig, 5);
        qtest_stop(rig->s);
        user_send(rig, 5);
        qtest_cont(rig->s);
        user_expect(rig, 10);
    }
    user_rig_free(rig);
}

static void add(const char *name, RigNetdev kind, void (*func)(const void *))
{
    g_autofree char *path = g_strdup_printf("/stopped-netdevs/w4-%s/%s", name,
                                            rig_netdev_name(kind));

    g_test_add_data_func(path, GINT_TO_POINTER(kind), func);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (RigNetdev kind = 0; kind < RIG_NETDEV__MAX; kind++) {
        add("enabled", kind, test_enabled);
        add("not-enabled", kind, test_not_enabled);
        add("blocked-then-redirected", kind, test_blocked_then_redirected);
        add("stop-cont-keeps-all", kind, test_stop_cont_keeps_all);
    }
    if (qtest_has_netdev("user")) {
        g_test_add_func("/stopped-netdevs/w4-enabled/user", test_user_enabled);
        g_test_add_func("/stopped-netdevs/w4-not-enabled/user", test_user_not_enabled);
        g_test_add_func("/stopped-netdevs/w4-stop-cont-keeps-all/user", test_user_stop_cont);
    }
    return g_test_run();
}
