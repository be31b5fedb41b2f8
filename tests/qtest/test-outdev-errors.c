/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Outdevs whose chardev stays open when a write fails: the next write may well work. */

#include <poll.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "filter-rig.h"
#include "netns.h"

/* frig's net0 ──► filter "f0" ──► udp "u0" ──► udp_fd, at an address that goes and comes */
typedef struct UdpRig {
    FilterRig *frig;
    int udp_fd;
} UdpRig;

static void address_comes(void)
{
    netns_tap_make("t0");
    netns_add_ipv4("t0", "192.0.2.1");
    netns_link_up("t0");
}

static void address_goes(void)
{
    netns_link_delete("t0");
}

static void udp_rig_init(UdpRig *rig, const char *filter)
{
    struct sockaddr_in addr = { .sin_family = AF_INET };
    socklen_t len = sizeof(addr);
    g_autofree char *options = NULL;

    netns_enter_new();
    netns_link_up("lo"); /* what is local goes that way */
    address_comes();
    rig->udp_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(rig->udp_fd, (struct sockaddr *)&addr, len), ==, 0);
    g_assert_cmpint(getsockname(rig->udp_fd, (struct sockaddr *)&addr, &len), ==, 0);
    options = g_strdup_printf("-chardev udp,id=u0,host=192.0.2.1,port=%u "
                              "-object %s,id=f0,netdev=net0,queue=tx,outdev=u0",
                              ntohs(addr.sin_port), filter);
    rig->frig = frig_new(options);
}

static void udp_rig_clear(UdpRig *rig)
{
    frig_free(rig->frig);
    sock_close(&rig->udp_fd);
}

/* One datagram that holds frames @first to @first + @n, as a stream has them. */
static void udp_rig_expect(UdpRig *rig, uint32_t first, uint32_t n)
{
    g_autofree uint8_t *got = g_malloc(65536);
    g_autoptr(GByteArray) want = g_byte_array_new();
    ssize_t len;

    for (uint32_t seq = first; seq < first + n; seq++) {
        uint8_t frame[FRAME_MAX];
        uint32_t size = (uint32_t)frame_of_seq(frame, seq);
        uint32_t size_be = GUINT32_TO_BE(size);

        g_byte_array_append(want, (const uint8_t *)&size_be, sizeof(size_be));
        g_byte_array_append(want, frame, size);
    }
    wait_fd(rig->udp_fd, POLLIN, "the copy of a frame");
    len = recv(rig->udp_fd, got, 65536, 0);
    g_assert_cmpmem(got, (size_t)len, want->data, want->len);
}

static bool can_run(void)
{
    const char *why = netns_why_not();

    if (why) {
        g_test_skip(why);
    }
    return !why;
}

static void test_mirror_to_target_that_was_away(void)
{
    UdpRig rig;

    if (!can_run()) {
        return;
    }
    udp_rig_init(&rig, "filter-mirror");
    address_goes();
    frame_link_send(&rig.frig->rig->net, 0, 1);
    qtest_wait_filter(rig.frig->s, "f0", "copies-lost.frames", 1);
    address_comes();
    frame_link_send(&rig.frig->rig->net, 1, 1);
    udp_rig_expect(&rig, 1, 1);
    g_assert_cmpint(qtest_filter_count(rig.frig->s, "f0", "copies-lost.frames"), ==, 1);
    g_assert_cmpint(qtest_filter_count(rig.frig->s, "f0", "to-outdev.frames"), ==, 1);
    qtest_wait_output(rig.frig->s, "filter 'f0': outdev 'u0' failed: Network is unreachable: "
                      "frames pass without a copy");
    udp_rig_clear(&rig);
}

static void test_held_frames_leave_when_target_is_back(void)
{
    UdpRig rig;

    if (!can_run()) {
        return;
    }
    udp_rig_init(&rig, "filter-redirector,on-disconnect=hold");
    address_goes();
    frame_link_send(&rig.frig->rig->net, 0, 1);
    qtest_wait_filter(rig.frig->s, "f0", "held.frames", 1);
    address_comes();
    udp_rig_expect(&rig, 0, 1);
    frame_link_send(&rig.frig->rig->net, 1, 1);
    udp_rig_expect(&rig, 1, 1);
    udp_rig_clear(&rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/outdev-errors/mirror-to-target-that-was-away",
                    test_mirror_to_target_that_was_away);
    g_test_add_func("/outdev-errors/held-frames-leave-when-target-is-back",
                    test_held_frames_leave_when_target_is_back);
    return g_test_run();
}
