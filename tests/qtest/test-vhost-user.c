/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exports of type vhost-user: frames through rings of both formats, and exact stops. */

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vhost-rig.h"

#define N_FRAMES 40

/* --- Both formats, and what goes with them ----------------------------------------------- */

typedef struct RingCase {
    const char *name;
    VhostGuestOptions options;
    const char *more;    /* options of the export; NULL = none */
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
    { "split/no-polling", { .features = VN_F_EVENT_IDX }, ",poll-us=0" },
    { "packed/no-polling", { .features = VN_F_PACKED | VN_F_EVENT_IDX }, ",poll-us=0" },
    { "split/long-polling", { 0 }, ",poll-us=20000" },
    { "packed/long-polling", { .features = VN_F_PACKED }, ",poll-us=20000" },
    { "mem-slots", { .mem_slots = true } },
    { "no-protocol-features", { .no_protocol = true } },
};

static VhostRig ring_case_new(const RingCase *c)
{
    return vhost_rig_new(c->more ? c->more : "", &c->options);
}

static void test_frames(const void *opaque)
{
    const RingCase *c = opaque;
    VhostRig v = ring_case_new(c);

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
    VhostRig v = ring_case_new(c);

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
    VhostRig v = ring_case_new(c);

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

/* What waits for the guest, and what comes then, goes to the filter. */
static void test_redirector_takes_over_at_the_stop(void)
{
    g_autofree char *path = tmp_path("out.sock");
    g_autofree char *more = g_strdup_printf(" -chardev socket,id=chr0,path=%s,server=on,wait=off "
        "-object filter-redirector,id=f0,netdev=net0,queue=tx,outdev=chr0,status=off,"
        "enable_when_stopped=true", path);
    VhostRig v = vhost_rig_new(more, NULL);
    int out_fd = sock_connect_unix(path);
    FrameLink out;

    qtest_wait_chardev(v.rig->s, "chr0", true);
    frame_link_init(&out, FRAME_LINK_STREAM, out_fd);
    vhost_rig_check(&v, N_FRAMES);
    vhost_guest_stop(v.guest);
    qtest_expect_event(v.rig->s, "STOP");
    export_rig_send(v.rig, N_FRAMES);
    export_rig_wait(v.rig, "held-to-guest.frames", N_FRAMES);
    qtest_qom_set_str(v.rig->s, "f0", "status", "on");
    frame_link_expect(&out, v.rig->n_guest_got, N_FRAMES);
    v.rig->n_guest_got += N_FRAMES;
    qtest_qom_set_str(v.rig->s, "f0", "status", "off");
    vhost_guest_start(v.guest);
    qtest_expect_event(v.rig->s, "RESUME");
    vhost_rig_check(&v, N_FRAMES);
    frame_link_clear(&out);
    sock_close(&out_fd);
    vhost_rig_free(&v);
}

/* The chain keeps frames of a guest that was started while the VM counts as stopped by us. */
static void test_own_stop(void)
{
    VhostRig v = vhost_rig_new("", NULL);

    vhost_rig_check(&v, N_FRAMES);
    qtest_stop(v.rig->s);
    export_rig_send(v.rig, N_FRAMES);
    export_rig_wait(v.rig, "held-to-guest.frames", N_FRAMES);
    vhost_rig_guest_sends(&v, N_FRAMES);
    g_assert_cmpint(export_rig_count(v.rig, "from-guest.frames"), ==, N_FRAMES);
    qtest_cont(v.rig->s);
    vhost_rig_guest_gets(&v, N_FRAMES);
    export_rig_net_gets(v.rig, N_FRAMES);
    vhost_rig_check(&v, N_FRAMES);
    vhost_rig_free(&v);
}

static void test_prelaunch_ends_with_the_first_ring(void)
{
    VhostRig v = vhost_rig_start(" -S", NULL);

    vhost_rig_attach(&v);
    export_rig_expect_str(v.rig, "run-state", "prelaunch");
    vhost_guest_start(v.guest);
    vhost_guest_post(v.guest, RX);
    qtest_expect_event(v.rig->s, "RESUME");
    export_rig_expect_str(v.rig, "run-state", "running");
    vhost_rig_check(&v, N_FRAMES);
    vhost_rig_free(&v);
}

/* --- The log of a migration -------------------------------------------------------------- */

static bool log_has(const uint8_t *log, uint64_t page)
{
    return log[page / 8] >> page % 8 & 1;
}

/* Each page of the guest's memory that is not as it was has its bit. Returns: how many. */
static unsigned check_log(const VhostGuest *guest, const uint8_t *before, const uint8_t *log)
{
    unsigned n = 0;

    for (uint64_t at = 0; at < VG_MEM_SIZE; at += 4096) {
        if (memcmp(guest->mem + at, before + at, 4096) != 0) {
            g_assert_true(log_has(log, (VG_GUEST_BASE + at) / 4096));
            n++;
        }
    }
    return n;
}

/* Between the two looks at its memory the guest writes nothing: all that changes is by us. */
static void test_log(const void *opaque)
{
    const RingCase *c = opaque;
    VhostRig v = vhost_rig_new("", &c->options);
    int log_fd = memfd_create("log", MFD_CLOEXEC);
    uint8_t frame[1514];
    uint8_t *log;

    g_assert_cmpint(ftruncate(log_fd, VG_LOG_SIZE), ==, 0);
    log = mmap(NULL, VG_LOG_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, log_fd, 0);
    g_assert_true(log != MAP_FAILED);
    vhost_rig_check(&v, N_FRAMES);
    vhost_guest_set_log(v.guest, log_fd);
    for (unsigned i = 0; i < 12; i++) {
        g_autofree uint8_t *before = NULL;

        vhost_guest_queue(v.guest, TX, NULL, frame, frame_of_seq(frame, v.rig->n_from_guest++));
        memset(log, 0, VG_LOG_SIZE);
        before = g_memdup2(v.guest->mem, VG_MEM_SIZE);
        vhost_guest_kick(v.guest, TX);
        export_rig_send(v.rig, 1);
        export_rig_net_gets(v.rig, 1);
        export_rig_wait(v.rig, "to-guest.frames", v.rig->n_to_guest);
        vu_sync(v.guest->fd);
        g_assert_cmpuint(check_log(v.guest, before, log), >=, 2);
        vhost_rig_guest_gets(&v, 1);
    }
    vhost_guest_set_log(v.guest, -1);
    memset(log, 0, VG_LOG_SIZE);
    vhost_rig_check(&v, N_FRAMES);
    for (uint64_t i = 0; i < VG_LOG_SIZE; i++) {
        g_assert_cmpuint(log[i], ==, 0);
    }
    munmap(log, VG_LOG_SIZE);
    close(log_fd);
    vhost_rig_free(&v);
}

/* --- Several queues, disabled rings, announcements, options ------------------------------ */

/* A frame of the flow number @flow. Returns: its length. */
static size_t frame_of_flow(uint8_t *frame, size_t size, unsigned flow)
{
    size_t len = frame_build(frame, size, FRAME_UDP, 7);

    frame[29] = (uint8_t)flow; /* the last byte of the source address */
    return len;
}

/* Frames of one flow stay in one ring, in order; those of many flows use both. */
static void test_flows_keep_their_ring(void)
{
    VhostRig v = vhost_rig_new(",queues=2", &(VhostGuestOptions) {
        .features = VN_F_MQ, .n_pairs = 2,
    });
    g_autofree uint8_t *buf = g_malloc(FRAME_MAX);
    uint8_t header[12];
    unsigned ring_of[16];
    unsigned used[2] = { 0 };

    for (unsigned round = 0; round < 4; round++) {
        for (unsigned flow = 0; flow < G_N_ELEMENTS(ring_of); flow++) {
            uint8_t frame[342];
            size_t len = frame_of_flow(frame, sizeof(frame), flow);
            unsigned ring;

            frame_link_send_bytes(&v.rig->net, frame, len);
            export_rig_wait(v.rig, "to-guest.frames", round * G_N_ELEMENTS(ring_of) + flow + 1);
            ring = vhost_guest_try_receive(v.guest, 0, header, buf) > 0 ? 0 : 1;
            if (ring == 1) {
                g_assert_cmpuint(vhost_guest_try_receive(v.guest, 2, header, buf), ==, len);
            }
            g_assert_true(round == 0 || ring_of[flow] == ring);
            ring_of[flow] = ring;
            used[ring]++;
        }
    }
    g_assert_cmpuint(used[0], >, 0);
    g_assert_cmpuint(used[1], >, 0);
    vhost_guest_post(v.guest, 0);
    vhost_guest_post(v.guest, 2);
    /* With the other pair switched off all of them use the first. */
    vu_send_state(v.guest->fd, VU_SET_VRING_ENABLE, 2, 0);
    vu_send_state(v.guest->fd, VU_SET_VRING_ENABLE, 3, 0);
    vu_sync(v.guest->fd);
    vhost_rig_check(&v, N_FRAMES);
    vhost_guest_send(v.guest, 3, 0, N_FRAMES);
    export_rig_wait(v.rig, "dropped.link-down.frames", N_FRAMES);
    vhost_rig_free(&v);
}

/* Returns: a flow whose frames go to ring @index, into which one has gone. */
static unsigned find_flow(VhostRig *v, unsigned index)
{
    g_autofree uint8_t *buf = g_malloc(FRAME_MAX);
    uint8_t frame[342];
    uint8_t header[12];

    for (unsigned flow = 0; flow < 16; flow++) {
        frame_link_send_bytes(&v->rig->net, frame, frame_of_flow(frame, sizeof(frame), flow));
        export_rig_wait(v->rig, "to-guest.frames", flow + 1);
        if (vhost_guest_try_receive(v->guest, index, header, buf) > 0) {
            return flow;
        }
    }
    g_assert_not_reached();
}

/* What waited for a ring that is switched off goes to the others. */
static void test_waiting_ring_is_switched_off(void)
{
    VhostRig v = vhost_rig_new(",queues=2,poll-us=0", &(VhostGuestOptions) {
        .features = VN_F_MQ, .n_pairs = 2, .num = 32,
    });
    unsigned flow = find_flow(&v, 2);
    int64_t total = export_rig_count(v.rig, "to-guest.frames") + 40;
    uint8_t frame[342];

    for (unsigned i = 0; i < 40; i++) {
        frame_link_send_bytes(&v.rig->net, frame, frame_of_flow(frame, sizeof(frame), flow));
    }
    while (export_rig_count(v.rig, "held-to-guest.frames") == 0) {
        continue; /* under the deadline of the test */
    }
    export_rig_expect_str(v.rig, "waits-for", "ring-full");
    vu_send_state(v.guest->fd, VU_SET_VRING_ENABLE, 2, 0);
    export_rig_wait(v.rig, "to-guest.frames", total);
    vhost_rig_free(&v);
}

static void test_announcement(void)
{
    static const uint8_t mac[8] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };
    VhostRig v = vhost_rig_new("", NULL);
    uint8_t wanted[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    static const uint8_t fixed[] = { 0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3 };

    memcpy(wanted + 6, mac, 6);
    memcpy(wanted + 12, fixed, sizeof(fixed));
    memcpy(wanted + 22, mac, 6);
    memcpy(wanted + 32, mac, 6);
    vu_send(v.guest->fd, VU_SEND_RARP, 0, mac, sizeof(mac), NULL, 0);
    frame_link_expect_bytes(&v.rig->net, wanted, sizeof(wanted));
    vhost_rig_check(&v, N_FRAMES);
    vhost_rig_free(&v);
}

/* What one side leaves to the other is done here where the other does not do it. */
static void test_open_checksum(void)
{
    VhostRig v = vhost_rig_new("", &(VhostGuestOptions) { .features = VN_F_CSUM });
    uint8_t header[12] = { 1, 0, 0, 0, 0, 0, 34, 0, 6, 0 };
    uint8_t wanted[98], frame[98];
    uint32_t sum = 0;

    frame_build(wanted, sizeof(wanted), FRAME_UDP, 3);
    memcpy(frame, wanted, sizeof(frame));
    /* The sum over the pseudo header is all that a guest puts there. */
    for (unsigned i = 26; i < 34; i += 2) {
        sum += frame[i] << 8 | frame[i + 1];
    }
    sum += 17 + sizeof(frame) - 34;
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    frame[40] = (uint8_t)(sum >> 8);
    frame[41] = (uint8_t)sum;
    vhost_guest_queue(v.guest, TX, header, frame, sizeof(frame));
    vhost_guest_kick(v.guest, TX);
    frame_link_expect_bytes(&v.rig->net, wanted, sizeof(wanted));
    vhost_rig_check(&v, N_FRAMES);
    vhost_rig_free(&v);
}

static void test_options(void)
{
    const struct {
        const char *options;
        const char *message;
    } cases[] = {
        { "queues=0", "Parameter 'queues' expects a value from 1 to 128" },
        { "queues=129", "Parameter 'queues' expects a value from 1 to 128" },
        { "poll-us=1000001", "Parameter 'poll-us' expects a value from 0 to 1000000" },
        { "gate=on", "Parameter 'gate' does not accept value 'on' with type=vhost-user" },
        { "reconnect-ms=5", "'reconnect-ms' option is incompatible with socket in server mode" },
        { "vnet-hdr=on", "Parameter 'vnet-hdr' is unexpected" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        qtest_expect_start_error(cases[i].message, "-netdev socket,id=net0,udp=127.0.0.1:1,"
                                 "localaddr=127.0.0.1:0 --export vhost-user,id=e0,netdev=net0,"
                                 "addr.type=unix,addr.path=/nonexistent/x,%s", cases[i].options);
    }
    qtest_expect_start_error("Parameter 'addr.type' expects 'unix' or 'fd' with type=vhost-user",
                             "-netdev socket,id=net0,udp=127.0.0.1:1,localaddr=127.0.0.1:0 "
                             "--export vhost-user,id=e0,netdev=net0,addr.type=inet,"
                             "addr.host=127.0.0.1,addr.port=0");
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
        g_autofree char *logs = g_strdup_printf("/vhost-user/log/%s", c->name);
        g_autofree char *exact = g_strdup_printf("/vhost-user/stop-is-exact/%s", c->name);

        g_test_add_data_func(frames, c, test_frames);
        g_test_add_data_func(exact, c, test_stop_is_exact);
        if (!c->options.no_protocol) {
            g_test_add_data_func(logs, c, test_log);
        }
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
    g_test_add_func("/vhost-user/redirector-takes-over-at-the-stop",
                    test_redirector_takes_over_at_the_stop);
    g_test_add_func("/vhost-user/own-stop", test_own_stop);
    g_test_add_func("/vhost-user/prelaunch-ends-with-the-first-ring",
                    test_prelaunch_ends_with_the_first_ring);
    g_test_add_func("/vhost-user/flows-keep-their-ring", test_flows_keep_their_ring);
    g_test_add_func("/vhost-user/waiting-ring-is-switched-off", test_waiting_ring_is_switched_off);
    g_test_add_func("/vhost-user/announcement", test_announcement);
    g_test_add_func("/vhost-user/open-checksum", test_open_checksum);
    g_test_add_func("/vhost-user/options", test_options);
    g_test_add_func("/vhost-user/front-end-comes-back", test_front_end_comes_back);
    g_test_add_func("/vhost-user/client-connects-again", test_client_connects_again);
    g_test_add_func("/vhost-user/second-is-refused", test_second_is_refused);
    return g_test_run();
}
