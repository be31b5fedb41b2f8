/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exports of type vhost-user: frames through rings of both formats, and exact stops. */

#include <string.h>

#include "vhost-rig.h"

#define N_FRAMES 40

/* --- Both formats, and what goes with them ----------------------------------------------- */

typedef struct RingCase {
    const char *name;
    VhostGuestOptions options;
} RingCase;

static const RingCase ring_cases[] = {
    { "split", { 0 } },
    { "split/chains", { .n_parts = 3 } },
    { "split/indirect", { .features = VN_F_INDIRECT, .n_parts = 3 } },
    { "split/event-idx", { .features = VN_F_EVENT_IDX } },
    { "split/in-order", { .features = VN_F_IN_ORDER | VN_F_EVENT_IDX } },
    { "split/mergeable", { .features = VN_F_MRG_RXBUF, .buffer_size = 100 } },
    { "split/mergeable-chains", { .features = VN_F_MRG_RXBUF, .buffer_size = 100, .n_parts = 3 } },
    { "split/tiny", { .num = 2 } },
    { "packed", { .features = VN_F_PACKED } },
    { "packed/chains", { .features = VN_F_PACKED, .n_parts = 3 } },
    { "packed/odd-size", { .features = VN_F_PACKED, .n_parts = 3, .num = 51 } },
    { "packed/indirect", { .features = VN_F_PACKED | VN_F_INDIRECT, .n_parts = 3 } },
    { "packed/event-idx", { .features = VN_F_PACKED | VN_F_EVENT_IDX } },
    { "packed/in-order", { .features = VN_F_PACKED | VN_F_IN_ORDER } },
    { "packed/mergeable", { .features = VN_F_PACKED | VN_F_MRG_RXBUF, .buffer_size = 100 } },
    { "mem-slots", { .mem_slots = true } },
    { "no-protocol-features", { .no_protocol = true } },
};

static void test_frames(const void *opaque)
{
    const RingCase *c = opaque;
    VhostRig v = vhost_rig_new("", &c->options);

    /* Many times around each ring. */
    for (int i = 0; i < 10; i++) {
        vhost_rig_check(&v, N_FRAMES);
    }
    g_assert_cmpint(export_rig_count(v.rig, "to-guest.frames"), ==, 10 * N_FRAMES);
    g_assert_cmpint(export_rig_count(v.rig, "from-guest.frames"), ==, 10 * N_FRAMES);
    g_assert_cmpint(export_rig_count(v.rig, "vhost-user.guest-runs"), ==, 1);
    vhost_rig_free(&v);
}

/* The guest has few buffers, and gives new ones late: frames wait for them. */
static void test_frames_wait_for_buffers(const void *opaque)
{
    const RingCase *c = opaque;
    VhostRig v = vhost_rig_new("", &c->options);

    v.rig->n_to_guest = frame_link_try_send(&v.rig->net, 0, 300);
    g_assert_cmpuint(v.rig->n_to_guest, >, 64);
    export_rig_wait(v.rig, "to-guest.frames", 64);
    export_rig_expect_str(v.rig, "waits-for", "ring-full");
    vhost_rig_guest_gets(&v, v.rig->n_to_guest);
    vhost_rig_check(&v, N_FRAMES);
    vhost_rig_free(&v);
}

/* --- Stop and go on ---------------------------------------------------------------------- */

/* In the middle of a stream: what is in the ring is not given again, what is not is not lost. */
static void test_stop_is_exact(const void *opaque)
{
    const RingCase *c = opaque;
    VhostRig v = vhost_rig_new("", &c->options);

    for (int i = 0; i < 20; i++) {
        uint32_t got = i;

        export_rig_send(v.rig, 2 * N_FRAMES);
        vhost_rig_guest_gets(&v, got);
        vhost_rig_guest_sends(&v, N_FRAMES);
        vhost_guest_stop(v.guest);
        qtest_expect_event(v.rig->s, "STOP");
        export_rig_net_gets(v.rig, N_FRAMES);
        g_assert_cmpint(export_rig_count(v.rig, "vhost-user.guest-runs"), ==, 0);
        vhost_guest_start(v.guest);
        qtest_expect_event(v.rig->s, "RESUME");
        vhost_rig_guest_gets(&v, 2 * N_FRAMES - got);
    }
    vhost_rig_free(&v);
}

static void test_stopped_guest_gets_nothing(void)
{
    VhostRig v = vhost_rig_new("", NULL);
    g_autofree uint8_t *before = NULL;

    vhost_rig_check(&v, N_FRAMES);
    vhost_guest_stop(v.guest);
    qtest_expect_event(v.rig->s, "STOP");
    before = g_memdup2(v.guest->mem, VG_MEM_SIZE);
    export_rig_send(v.rig, N_FRAMES);
    export_rig_wait(v.rig, "held-to-guest.frames", N_FRAMES);
    export_rig_expect_str(v.rig, "waits-for", "vm-stopped");
    export_rig_expect_str(v.rig, "run-state", "paused");
    g_assert_cmpint(export_rig_count(v.rig, "connected"), ==, 1);
    g_assert_cmpint(memcmp(before, v.guest->mem, VG_MEM_SIZE), ==, 0);
    vhost_guest_start(v.guest);
    vhost_rig_guest_gets(&v, N_FRAMES);
    vhost_rig_check(&v, N_FRAMES);
    vhost_rig_free(&v);
}

/* What the guest has put into its ring, and we have not been told of, is not forgotten. */
static void test_sent_before_the_stop(void)
{
    VhostRig v = vhost_rig_new("", NULL);
    uint8_t frame[1514];

    vhost_guest_queue(v.guest, TX, NULL, frame, frame_of_seq(frame, v.rig->n_from_guest++));
    vhost_guest_stop(v.guest);
    export_rig_net_gets(v.rig, 1);
    qtest_expect_event(v.rig->s, "STOP");
    vhost_guest_start(v.guest);
    vhost_rig_check(&v, N_FRAMES);
    vhost_rig_free(&v);
}

/* --- Front-ends come and go -------------------------------------------------------------- */

static void test_front_end_comes_back(void)
{
    VhostRig v = vhost_rig_new("", &(VhostGuestOptions) { .features = VN_F_EVENT_IDX });

    for (int i = 0; i < 5; i++) {
        vhost_rig_check(&v, N_FRAMES);
        vhost_guest_disconnect(v.guest);
        qtest_expect_event(v.rig->s, "NET_EXPORT_DISCONNECTED");
        export_rig_expect_str(v.rig, "waits-for", "none");
        export_rig_send(v.rig, N_FRAMES);
        export_rig_wait(v.rig, "held-to-guest.frames", N_FRAMES);
        export_rig_expect_str(v.rig, "waits-for", "vm-stopped");
        vhost_rig_attach(&v);
        vhost_guest_resume_from_used(v.guest);
        vhost_guest_start(v.guest);
        vhost_rig_guest_gets(&v, N_FRAMES);
    }
    g_assert_cmpint(export_rig_count(v.rig, "connections"), ==, 6);
    vhost_rig_free(&v);
}

static void test_client_connects_again(void)
{
    g_autofree char *path = tmp_path("vhost-listens.sock");
    g_autofree char *options = g_strdup_printf("vhost-user,id=e0,netdev=net0,addr.type=unix,"
                                               "addr.path=%s,server=off,reconnect-ms=5", path);
    VhostRig v = { export_rig_start(options), vhost_guest_new(NULL) };

    for (int i = 0; i < 3; i++) {
        int listen_fd = sock_listen_unix(path);

        vhost_guest_connect(v.guest, sock_accept(listen_fd));
        sock_close(&listen_fd);
        qtest_expect_event(v.rig->s, "NET_EXPORT_CONNECTED");
        vhost_guest_reset(v.guest);
        vhost_guest_start(v.guest);
        vhost_guest_post(v.guest, RX);
        vhost_rig_check(&v, N_FRAMES);
        vhost_guest_disconnect(v.guest);
        qtest_expect_event(v.rig->s, "NET_EXPORT_DISCONNECTED");
    }
    vhost_rig_free(&v);
}

static void test_second_is_refused(void)
{
    VhostRig v = vhost_rig_new("", NULL);
    int fd = sock_connect_unix(v.rig->path);

    sock_expect_eof(fd);
    sock_close(&fd);
    qtest_wait_output(v.rig->s, "export 'e0': a second VM was refused: one is connected already");
    vhost_rig_check(&v, N_FRAMES);
    vhost_rig_free(&v);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(ring_cases); i++) {
        const RingCase *c = &ring_cases[i];
        g_autofree char *frames = g_strdup_printf("/vhost-user/frames/%s", c->name);
        g_autofree char *exact = g_strdup_printf("/vhost-user/stop-is-exact/%s", c->name);

        g_test_add_data_func(frames, c, test_frames);
        g_test_add_data_func(exact, c, test_stop_is_exact);
    }
    for (size_t i = 0; i < 2; i++) {
        static const RingCase few[] = {
            { "split", { 0 } }, { "packed", { .features = VN_F_PACKED | VN_F_EVENT_IDX } },
        };
        g_autofree char *name = g_strdup_printf("/vhost-user/frames-wait-for-buffers/%s",
                                                few[i].name);

        g_test_add_data_func(name, &few[i], test_frames_wait_for_buffers);
    }
    g_test_add_func("/vhost-user/stopped-guest-gets-nothing", test_stopped_guest_gets_nothing);
    g_test_add_func("/vhost-user/sent-before-the-stop", test_sent_before_the_stop);
    g_test_add_func("/vhost-user/front-end-comes-back", test_front_end_comes_back);
    g_test_add_func("/vhost-user/client-connects-again", test_client_connects_again);
    g_test_add_func("/vhost-user/second-is-refused", test_second_is_refused);
    return g_test_run();
}
