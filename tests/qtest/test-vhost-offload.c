/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exports of type vhost-user: large UDP frames, whole or in segments, in both directions. */

#include <string.h>

#include "vhost-rig.h"

#define HEADERS_LEN 42u
#define SEGMENT_LEN 1000u
#define LARGE_LEN (HEADERS_LEN + 2500u)

/* NEEDS_CSUM, UDP_L4; lengths of headers and segments, where the checksum starts and lies. */
static const uint8_t large_header[12] = {
    1, 5, HEADERS_LEN, 0, SEGMENT_LEN & 0xff, SEGMENT_LEN >> 8, 34, 0, 6, 0,
};

static void build_large(uint8_t *frame)
{
    g_assert_cmpuint(frame_build(frame, LARGE_LEN, FRAME_UDP, 7), ==, LARGE_LEN);
}

/* @frame is segment @i of @large. */
static void check_segment(const uint8_t *large, const uint8_t *frame, size_t len, unsigned i)
{
    size_t at = HEADERS_LEN + i * SEGMENT_LEN;
    size_t payload = MIN(SEGMENT_LEN, LARGE_LEN - at);
    uint32_t sum = 0;

    g_assert_cmpuint(len, ==, HEADERS_LEN + payload);
    g_assert_cmpmem(frame, 14, large, 14);
    g_assert_cmpmem(frame + HEADERS_LEN, payload, large + at, payload);
    g_assert_cmpuint(frame[38] << 8 | frame[39], ==, 8 + payload);
    /* Over pseudo header and datagram the sum is all ones (RFC 768). */
    for (size_t k = 26; k < len; k++) {
        sum += k % 2 ? frame[k] : (uint32_t)frame[k] << 8;
    }
    sum += 17 + 8 + (uint32_t)payload;
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    g_assert_cmphex(sum, ==, 0xffff);
}

#define N_SEGMENTS 3u

/* A guest that leaves segmentation to the device; a network that takes plain frames. */
static void test_from_guest(void)
{
    VhostRig v = vhost_rig_new("", &(VhostGuestOptions) {
        .features = VN_F_CSUM | VN_F_HOST_USO, .buffer_size = 4096,
    });
    uint8_t large[LARGE_LEN], frame[FRAME_MAX];

    g_assert_cmphex(v.guest->features & VN_F_HOST_USO, ==, VN_F_HOST_USO);
    build_large(large);
    vhost_guest_queue(v.guest, TX, large_header, large, sizeof(large));
    vhost_guest_kick(v.guest, TX);
    for (unsigned i = 0; i < N_SEGMENTS; i++) {
        size_t len = frame_link_receive(&v.rig->net, frame);

        check_segment(large, frame, len, i);
    }
    vhost_rig_check(&v, 10);
    vhost_rig_free(&v);
}

/* A guest that has not been offered it, or has not taken it, may not ask for it. */
static void test_from_guest_unasked(void)
{
    VhostRig v = vhost_rig_new("", &(VhostGuestOptions) {
        .features = VN_F_CSUM, .buffer_size = 4096,
    });
    uint8_t large[LARGE_LEN];

    build_large(large);
    vhost_guest_queue(v.guest, TX, large_header, large, sizeof(large));
    vhost_guest_kick(v.guest, TX);
    vhost_rig_check(&v, 10);
    vhost_rig_free(&v);
}

/** A guest, and a filter that lets frames with virtio-net headers in on their way to it. */
typedef struct Injected {
    VhostRig v;
    FrameLink in;
    int fd;
} Injected;

static void injected_start(Injected *t, const VhostGuestOptions *options)
{
    g_autofree char *path = tmp_path("in.sock");
    g_autofree char *more = g_strdup_printf(" -chardev socket,id=chr0,path=%s,server=on,wait=off "
        "-object filter-redirector,id=f0,netdev=net0,queue=tx,indev=chr0,vnet_hdr_support=on",
        path);

    t->v = vhost_rig_new(more, options);
    t->fd = sock_connect_unix(path);
    frame_link_init(&t->in, FRAME_LINK_STREAM_VNET, t->fd);
}

static void injected_send(Injected *t, const uint8_t *large)
{
    uint8_t bytes[8 + 12 + LARGE_LEN] = { 0 };

    bytes[2] = (12 + LARGE_LEN) >> 8;
    bytes[3] = (12 + LARGE_LEN) & 0xff;
    bytes[7] = 12;
    memcpy(bytes + 8, large_header, 12);
    memcpy(bytes + 20, large, LARGE_LEN);
    sock_write(t->fd, bytes, sizeof(bytes));
}

static void injected_end(Injected *t)
{
    vhost_rig_check(&t->v, 10);
    frame_link_clear(&t->in);
    sock_close(&t->fd);
    vhost_rig_free(&t->v);
}

static void test_to_guest_whole(void)
{
    uint8_t large[LARGE_LEN], header[12], frame[FRAME_MAX];
    Injected t;

    injected_start(&t, &(VhostGuestOptions) {
        .features = VN_F_GUEST_CSUM | VN_F_GUEST_USO, .buffer_size = 4096,
    });
    build_large(large);
    injected_send(&t, large);
    g_assert_cmpuint(vhost_guest_receive(t.v.guest, RX, header, frame), ==, LARGE_LEN);
    g_assert_cmpmem(frame, LARGE_LEN, large, LARGE_LEN);
    g_assert_cmpmem(header, 10, large_header, 10);
    injected_end(&t);
}

static void test_to_guest_in_segments(void)
{
    uint8_t large[LARGE_LEN], header[12], frame[FRAME_MAX];
    Injected t;

    injected_start(&t, &(VhostGuestOptions) { .features = VN_F_GUEST_CSUM });
    build_large(large);
    injected_send(&t, large);
    for (unsigned i = 0; i < N_SEGMENTS; i++) {
        size_t len = vhost_guest_receive(t.v.guest, RX, header, frame);

        check_segment(large, frame, len, i);
    }
    injected_end(&t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vhost-offload/from-guest", test_from_guest);
    g_test_add_func("/vhost-offload/from-guest/unasked", test_from_guest_unasked);
    g_test_add_func("/vhost-offload/to-guest/whole", test_to_guest_whole);
    g_test_add_func("/vhost-offload/to-guest/in-segments", test_to_guest_in_segments);
    return g_test_run();
}
