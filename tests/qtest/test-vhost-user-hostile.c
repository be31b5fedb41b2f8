/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exports of type vhost-user: front-ends and guests that break the rules harm only themselves. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vhost-rig.h"

#define N_FRAMES 20

/* After whatever happened the next front-end is served as if nothing had. */
static void check_next_front_end(VhostRig *v)
{
    if (v->guest->fd >= 0) {
        vhost_guest_disconnect(v->guest);
    }
    qtest_expect_event(v->rig->s, "NET_EXPORT_DISCONNECTED");
    vhost_rig_attach(v);
    vhost_guest_reset(v->guest);
    vhost_guest_start(v->guest);
    vhost_guest_post(v->guest, RX);
    vhost_rig_check(v, N_FRAMES);
    vhost_rig_free(v);
}

/* --- Messages ---------------------------------------------------------------------------- */

/** A message that no front-end should send, and what is said of it. */
typedef struct MessageCase {
    const char *name;
    uint32_t request;
    uint32_t size;
    uint32_t payload[12];
    unsigned n_fds;        /* descriptors of eventfds with it */
    const char *message;   /* NULL = it is answered, if asked to, with a refusal */
} MessageCase;

static const MessageCase message_cases[] = {
    { "features-too-short", VU_SET_FEATURES, 4, { 0 }, 0, "SET_FEATURES of 4 bytes" },
    { "features-too-long", VU_SET_FEATURES, 12, { 0 }, 0, "SET_FEATURES of 12 bytes" },
    { "owner-with-payload", VU_SET_OWNER, 8, { 0 }, 0, "SET_OWNER of 8 bytes" },
    { "table-too-short", VU_SET_MEM_TABLE, 8, { 1 }, 0,
      "SET_MEM_TABLE of 8 bytes with 1 regions and 0 descriptors" },
    { "table-of-many", VU_SET_MEM_TABLE, 8, { 0xffffffff }, 0,
      "SET_MEM_TABLE of 8 bytes with 4294967295 regions" },
    { "table-without-descriptor", VU_SET_MEM_TABLE, 40, { 1 }, 0,
      "SET_MEM_TABLE of 40 bytes with 1 regions and 0 descriptors" },
    { "num-with-descriptor", VU_SET_VRING_NUM, 8, { 0, 64 }, 1,
      "SET_VRING_NUM with 1 descriptors" },
    { "too-many-descriptors", VU_SET_VRING_NUM, 8, { 0, 64 }, 12,
      "message with more than 8 descriptors" },
    { "long-unknown", 1000, 40000, { 0 }, 0, "request 1000 of 40000 bytes, which is not known" },
    { "ring-out-of-range", VU_GET_VRING_BASE, 8, { 2, 0 }, 0,
      "GET_VRING_BASE: there is no ring 2 with queues=1: give the export as many queues as the "
      "VM's netdev has" },
    { "unknown", 41, 0, { 0 }, 0, NULL },
    { "unknown-with-payload", 1000, 44, { 0 }, 0, NULL },
    { "unknown-with-descriptor", 33, 8, { 0 }, 1, NULL },
    { "state-of-an-eventfd", VU_SET_DEVICE_STATE_FD, 8, { 0 }, 1, NULL },
    { "state-that-nobody-asked-for", VU_CHECK_DEVICE_STATE, 0, { 0 }, 0, NULL },
    { "num-0", VU_SET_VRING_NUM, 8, { 0, 0 }, 0, NULL },
    { "num-too-large", VU_SET_VRING_NUM, 8, { 0, 65536 }, 0, NULL },
    { "num-of-running-ring", VU_SET_VRING_NUM, 8, { 0, 32 }, 0, NULL },
    { "base-of-running-ring", VU_SET_VRING_BASE, 8, { 0, 5 }, 0, NULL },
    { "address-of-running-ring", VU_SET_VRING_ADDR, 40, { 0, 0, 16 }, 0, NULL },
    { "address-with-flags", VU_SET_VRING_ADDR, 40, { 0, 2 }, 0, NULL },
    { "log-without-descriptor", VU_SET_LOG_BASE, 16, { 4096 }, 0,
      "SET_LOG_BASE: a log without a descriptor" },
    { "log-in-an-eventfd", VU_SET_LOG_BASE, 16, { 4096 }, 1, "SET_LOG_BASE: memory region at 0x0" },
    { "address-of-no-ring", VU_SET_VRING_ADDR, 40, { 0xffffffff }, 0, NULL },
    { "enable-2", VU_SET_VRING_ENABLE, 8, { 0, 2 }, 0, NULL },
    { "enable-no-ring", VU_SET_VRING_ENABLE, 8, { 77, 1 }, 0, NULL },
    { "kick-without-descriptor", VU_SET_VRING_KICK, 8, { 0 }, 0, NULL },
    { "kick-with-surplus", VU_SET_VRING_KICK, 8, { VU_NO_FD }, 1, NULL },
    { "call-of-no-ring", VU_SET_VRING_CALL, 8, { 200 }, 1, NULL },
    { "mtu-0", VU_NET_SET_MTU, 8, { 0 }, 0, NULL },
    { "mtu-too-large", VU_NET_SET_MTU, 8, { 65536 }, 0, NULL },
    { "region-without-descriptor", VU_ADD_MEM_REG, 40, { 0, 0, 0, 0, 0x1000, 0 }, 0, NULL },
    { "region-of-an-eventfd", VU_ADD_MEM_REG, 40, { 0, 0, 0, 0, 0x1000, 0 }, 1, NULL },
    { "region-of-no-bytes", VU_ADD_MEM_REG, 40, { 0 }, 1, NULL },
    { "region-around-the-end", VU_ADD_MEM_REG, 40,
      { 0, 0, 0xfffff000, 0xffffffff, 0x2000, 0, 0, 0, 0, 0 }, 1, NULL },
    { "region-that-overlaps", VU_ADD_MEM_REG, 40,
      { 0, 0, VG_GUEST_BASE & 0xffffffff, 0, 0x1000, 0, 0, 0, 0, 0 }, 1, NULL },
    { "region-that-is-not-there", VU_REM_MEM_REG, 40, { 0, 0, 0, 0, 0x1000, 0 }, 0, NULL },
};

static void send_case(const MessageCase *c, int fd, uint32_t flags)
{
    g_autofree uint8_t *payload = g_malloc0(MAX(c->size, sizeof(c->payload)));
    int fds[16];

    memcpy(payload, c->payload, sizeof(c->payload));
    for (unsigned i = 0; i < c->n_fds; i++) {
        fds[i] = eventfd(0, EFD_CLOEXEC);
    }
    vu_send(fd, c->request, flags, payload, c->size, fds, c->n_fds);
    for (unsigned i = 0; i < c->n_fds; i++) {
        close(fds[i]);
    }
}

static void test_message(const void *opaque)
{
    const MessageCase *c = opaque;
    VhostRig v = vhost_rig_new("", NULL);
    uint64_t answer;

    vhost_rig_check(&v, N_FRAMES);
    send_case(c, v.guest->fd, VU_NEED_REPLY);
    if (c->message) {
        sock_expect_eof(v.guest->fd);
        qtest_wait_output(v.rig->s, c->message);
        check_next_front_end(&v);
        return;
    }
    vu_receive(v.guest->fd, c->request, &answer, sizeof(answer));
    g_assert_cmpuint(answer, !=, 0);
    vhost_rig_check(&v, N_FRAMES);
    vhost_rig_free(&v);
}

/* Nobody asked for an acknowledgement: unknown requests do no harm, others end it. */
static void test_refusal_without_acknowledgement(void)
{
    VhostRig v = vhost_rig_new("", NULL);

    vu_send(v.guest->fd, 1000, 0, NULL, 0, NULL, 0);
    vhost_rig_check(&v, N_FRAMES);
    vu_send_state(v.guest->fd, VU_SET_VRING_ENABLE, 9, 1);
    sock_expect_eof(v.guest->fd);
    qtest_wait_output(v.rig->s, "SET_VRING_ENABLE: there is no ring 9 with queues=1");
    check_next_front_end(&v);
}

static void test_wrong_version(void)
{
    static const uint32_t headers[][3] = {
        { VU_GET_FEATURES, 0, 0 }, { VU_GET_FEATURES, 2, 0 }, { VU_GET_FEATURES, 5, 0 },
    };
    VhostRig v = vhost_rig_new("", NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(headers); i++) {
        sock_write(v.guest->fd, headers[i], sizeof(headers[i]));
        sock_expect_eof(v.guest->fd);
        vhost_guest_disconnect(v.guest);
        qtest_expect_event(v.rig->s, "NET_EXPORT_DISCONNECTED");
        vhost_rig_attach(&v);
    }
    check_next_front_end(&v);
}

/* Byte by byte, and with an end in the middle. */
static void test_torn_messages(void)
{
    uint32_t message[5] = { VU_SET_FEATURES, 1, 8, 0, 1 };
    VhostRig v = vhost_rig_new("", NULL);

    for (size_t i = 0; i < sizeof(message); i++) {
        sock_write(v.guest->fd, (uint8_t *)message + i, 1);
        qtest_qmp_ok(v.rig->s, "{'execute': 'query-status'}");
    }
    vu_sync(v.guest->fd);
    sock_write(v.guest->fd, message, 15);
    vhost_guest_disconnect(v.guest);
    qtest_wait_output(v.rig->s, "end in the middle of a message");
    check_next_front_end(&v);
}

/* Answers that nobody reads: the connection ends before they take memory. */
static void test_answers_not_read(void)
{
    VhostRig v = vhost_rig_new("", NULL);
    uint32_t message[3] = { VU_GET_FEATURES, 1, 0 };
    ssize_t n;

    do {
        wait_fd(v.guest->fd, POLLOUT, "room for a request");
        n = send(v.guest->fd, message, sizeof(message), MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n > 0 || errno == EAGAIN);
    qtest_wait_output(v.rig->s, "the answer to GET_FEATURES cannot be sent");
    check_next_front_end(&v);
}

/* A pipe or a file might block us: it is no kick descriptor. */
static void test_descriptor_of_another_kind(void)
{
    VhostRig v = vhost_rig_new("", NULL);
    uint64_t word = TX;
    int fds[2];

    g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
    vhost_guest_stop_ring(v.guest, TX);
    g_assert_cmpuint(vu_acked(v.guest->fd, VU_SET_VRING_KICK, &word, sizeof(word), fds, 1), !=, 0);
    g_assert_cmpuint(vu_acked(v.guest->fd, VU_SET_VRING_CALL, &word, sizeof(word), fds + 1, 1),
                     !=, 0);
    close(fds[0]);
    close(fds[1]);
    vhost_guest_start_ring(v.guest, TX);
    vhost_rig_check(&v, N_FRAMES);
    vhost_rig_free(&v);
}

/* Announcements that nobody takes are bounded as all that the guest sends. */
static void test_many_announcements(void)
{
    static const uint8_t mac[8] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };
    VhostRig v = vhost_rig_new(",hold-size=4096", NULL);
    int64_t held;

    qtest_qmp_ok(v.rig->s, "{'execute': 'stop'}");
    for (unsigned i = 0; i < 200; i++) {
        vu_send(v.guest->fd, VU_SEND_RARP, 0, mac, sizeof(mac), NULL, 0);
    }
    vu_sync(v.guest->fd);
    held = export_rig_count(v.rig, "held-from-guest.frames");
    g_assert_cmpint(held * 60, <=, 4096);
    g_assert_cmpint(export_rig_count(v.rig, "dropped.overflow.frames"), ==, 200 - held);
    vhost_rig_free(&v);
}

/* However a front-end varies what is refused, one message tells of it. */
static void test_varied_refusals(void)
{
    VhostRig v = vhost_rig_new("", NULL);
    g_autofree char *output = NULL;

    for (uint64_t mtu = 0; mtu < 40; mtu++) {
        g_assert_cmpuint(vu_acked(v.guest->fd, VU_NET_SET_MTU, &mtu, sizeof(mtu), NULL, 0), !=, 0);
    }
    qtest_wait_output(v.rig->s, "NET_SET_MTU: an MTU of 0,");
    output = qtest_output(v.rig->s);
    g_assert_null(strstr(output, "NET_SET_MTU: an MTU of 1,"));
    vhost_rig_check(&v, N_FRAMES);
    vhost_rig_free(&v);
}

/* --- Memory ------------------------------------------------------------------------------ */

/* The file is cut short while the rings are in it. Nobody looks at them before. */
static void test_memory_is_cut_short(const void *opaque)
{
    unsigned ring = GPOINTER_TO_UINT(opaque);
    VhostRig v = vhost_rig_new(",poll-us=0", NULL);
    uint8_t frame[1514];
    uint64_t one = 1;

    vhost_rig_check(&v, N_FRAMES);
    qtest_qmp_ok(v.rig->s, "{'execute': 'query-status'}"); /* it has done with the rings */
    if (ring == TX) {
        vhost_guest_queue(v.guest, TX, NULL, frame, frame_of_seq(frame, 0));
    }
    g_assert_cmpint(ftruncate(v.guest->mem_fd, 0), ==, 0);
    if (ring == TX) {
        g_assert_cmpint(write(v.guest->rings[TX].kick_fd, &one, sizeof(one)), ==, sizeof(one));
    } else {
        frame_link_send(&v.rig->net, v.rig->n_to_guest, 1);
    }
    sock_expect_eof(v.guest->fd);
    qtest_wait_output(v.rig->s, "the file of its shared memory was cut short");
    g_assert_cmpint(ftruncate(v.guest->mem_fd, VG_MEM_SIZE), ==, 0);
    if (ring != TX) {
        /* It went to the guest that has gone, or waits for the next. */
        g_autoptr(json_object) entry = export_rig_entry(v.rig);

        v.rig->n_to_guest += 1;
        v.rig->n_guest_got += json_path(entry, "held-to-guest.frames") == 0;
    }
    check_next_front_end(&v);
}

static void test_region_shorter_than_told(void)
{
    VhostRig v = vhost_rig_start("", NULL);
    struct { uint32_t n, padding; uint64_t region[4]; } table = {
        1, 0, { VG_GUEST_BASE, VG_MEM_SIZE + 4096, VG_USER_BASE, 0 },
    };

    vhost_rig_attach(&v);
    g_assert_cmpuint(vu_acked(v.guest->fd, VU_SET_MEM_TABLE, &table, sizeof(table),
                              &v.guest->mem_fd, 1), !=, 0);
    qtest_wait_output(v.rig->s, "SET_MEM_TABLE: memory region at 0x40000000 is longer than its "
                                "file");
    check_next_front_end(&v);
}

/* --- Rings ------------------------------------------------------------------------------- */

/** What a guest puts into its ring, with the offset of what is changed. */
typedef struct RingFault {
    const char *name;
    uint64_t features;
    unsigned n_parts;
    bool to_guest;
    enum { IN_DESC, IN_AVAIL, IN_TABLE } where;
    unsigned at;
    unsigned size;
    uint64_t value;
    const char *message;
} RingFault;

#define DESC_ADDR 0
#define DESC_LEN 8
#define DESC_LOW 12
#define DESC_HIGH 14
#define OUTSIDE "a buffer outside of the shared memory"

static const RingFault ring_faults[] = {
    { "split/index-too-far", 0, 1, false, IN_AVAIL, 2, 2, 0x4000,
      "an available index that is too far ahead" },
    { "split/head-out-of-range", 0, 1, false, IN_AVAIL, 4, 2, 64,
      "a descriptor that is out of range" },
    { "split/next-out-of-range", 0, 2, false, IN_DESC, DESC_HIGH, 2, 0xffff,
      "a descriptor that is out of range" },
    { "split/loop", 0, 2, false, IN_DESC, DESC_HIGH, 2, 0, "a loop of descriptors" },
    { "split/length-0", 0, 1, false, IN_DESC, DESC_LEN, 4, 0,
      "a buffer of length 0, or beyond the end of memory" },
    { "split/around-the-end", 0, 1, false, IN_DESC, DESC_ADDR, 8, UINT64_MAX - 3,
      "a buffer of length 0, or beyond the end of memory" },
    { "split/outside", 0, 1, false, IN_DESC, DESC_ADDR, 8, 0x1000, OUTSIDE },
    { "split/across-the-end", 0, 1, false, IN_DESC, DESC_ADDR, 8,
      VG_GUEST_BASE + VG_MEM_SIZE - 4, OUTSIDE },
    { "split/4-gigabytes", 0, 1, false, IN_DESC, DESC_LEN, 4, 0xffffffff, OUTSIDE },
    { "split/wrong-direction", 0, 1, false, IN_DESC, DESC_LOW, 2, 2,
      "a buffer for the other direction" },
    { "split/wrong-direction-to-guest", 0, 1, true, IN_DESC, DESC_LOW, 2, 0,
      "a buffer for the other direction" },
    { "split/outside-to-guest", 0, 1, true, IN_DESC, DESC_ADDR, 8, 0x1000, OUTSIDE },
    { "split/table-of-odd-size", VN_F_INDIRECT, 2, false, IN_DESC, DESC_LEN, 4, 17,
      "an indirect table of a wrong size" },
    { "split/table-of-no-size", VN_F_INDIRECT, 2, false, IN_DESC, DESC_LEN, 4, 0,
      "an indirect table of a wrong size" },
    { "split/table-too-large", VN_F_INDIRECT, 2, false, IN_DESC, DESC_LEN, 4, 0xfffffff0,
      "an indirect table of a wrong size" },
    { "split/table-outside", VN_F_INDIRECT, 2, false, IN_DESC, DESC_ADDR, 8, 0x10,
      "an indirect table outside of the shared memory" },
    { "split/table-in-chain", VN_F_INDIRECT, 2, false, IN_DESC, DESC_LOW, 2, 5,
      "an indirect table inside a chain" },
    { "split/table-in-table", VN_F_INDIRECT, 2, false, IN_TABLE, DESC_LOW, 2, 4,
      "an indirect table inside a chain" },
    { "split/loop-in-table", VN_F_INDIRECT, 2, false, IN_TABLE, DESC_HIGH, 2, 0,
      "a loop of descriptors" },
    { "split/next-outside-table", VN_F_INDIRECT, 2, false, IN_TABLE, DESC_HIGH, 2, 2,
      "a descriptor that is out of range" },
    { "packed/length-0", VN_F_PACKED, 1, false, IN_DESC, DESC_LEN, 4, 0,
      "a buffer of length 0, or beyond the end of memory" },
    { "packed/outside", VN_F_PACKED, 1, false, IN_DESC, DESC_ADDR, 8, 0x1000, OUTSIDE },
    { "packed/wrong-direction", VN_F_PACKED, 1, false, IN_DESC, DESC_HIGH, 2, 0x82,
      "a buffer for the other direction" },
    { "packed/table-in-chain", VN_F_PACKED | VN_F_INDIRECT, 2, false, IN_DESC, DESC_HIGH, 2, 0x85,
      "an indirect table inside a chain" },
    { "packed/table-outside", VN_F_PACKED | VN_F_INDIRECT, 2, false, IN_DESC, DESC_ADDR, 8, 0x10,
      "an indirect table outside of the shared memory" },
    { "packed/table-of-odd-size", VN_F_PACKED | VN_F_INDIRECT, 2, false, IN_DESC, DESC_LEN, 4, 24,
      "an indirect table of a wrong size" },
};

static void spoil(VhostGuest *guest, const VhostGuestRing *ring, const RingFault *fault)
{
    const uint64_t places[] = {
        [IN_DESC] = ring->desc, [IN_AVAIL] = ring->avail, [IN_TABLE] = ring->tables,
    };

    memcpy(guest->mem + places[fault->where] + fault->at, &fault->value, fault->size);
}

/* The guest's error descriptor tells; the other ring goes on; a new start mends it. */
static void test_ring_fault(const void *opaque)
{
    const RingFault *fault = opaque;
    VhostGuestOptions options = { .features = fault->features, .n_parts = fault->n_parts };
    VhostRig v = vhost_rig_start("", &options);
    VhostGuestRing *ring = &v.guest->rings[fault->to_guest ? RX : TX];
    uint64_t one = 1;
    uint8_t frame[1514];

    vhost_rig_attach(&v);
    if (fault->to_guest) {
        vhost_guest_post_some(v.guest, RX, 1);
    } else {
        vhost_guest_queue(v.guest, TX, NULL, frame, frame_of_seq(frame, 0));
    }
    spoil(v.guest, ring, fault);
    vhost_guest_start(v.guest);
    if (fault->to_guest) {
        export_rig_send(v.rig, 1);
    } else {
        g_assert_cmpint(write(ring->kick_fd, &one, sizeof(one)), ==, sizeof(one));
    }
    wait_fd(ring->err_fd, POLLIN, "the error to be told");
    qtest_wait_output(v.rig->s, fault->message);
    {
        g_autofree char *shown = qtest_hmp(v.rig->s, "info exports");

        g_assert_nonnull(strstr(shown, fault->message));
    }
    if (!fault->to_guest) {
        vhost_guest_post(v.guest, RX);
        export_rig_send(v.rig, N_FRAMES);
        vhost_rig_guest_gets(&v, N_FRAMES);
    }
    vhost_guest_stop(v.guest);
    vhost_guest_reset(v.guest);
    vhost_guest_start(v.guest);
    vhost_guest_post(v.guest, RX);
    if (fault->to_guest) {
        vhost_rig_guest_gets(&v, 1);
    }
    vhost_rig_check(&v, N_FRAMES);
    vhost_rig_free(&v);
}

static void test_ring_outside_of_memory(void)
{
    VhostRig v = vhost_rig_start("", NULL);

    vhost_rig_attach(&v);
    v.guest->rings[TX].desc = VG_MEM_SIZE - 16;
    vhost_guest_start(v.guest);
    qtest_wait_output(v.rig->s, "ring 1 is not worked any more: it has an address outside of the "
                                "shared memory, or not aligned");
    g_assert_cmpuint(vhost_guest_stop_ring(v.guest, TX), ==, 0);
    vhost_guest_stop_ring(v.guest, RX);
    vhost_guest_reset(v.guest);
    vhost_guest_start(v.guest);
    vhost_guest_post(v.guest, RX);
    vhost_rig_check(&v, N_FRAMES);
    vhost_rig_free(&v);
}

/* Frames that are none: each is taken out of the ring, counted, and the next goes its way. */
static void test_frames_that_are_none(void)
{
    VhostRig v = vhost_rig_new("", &(VhostGuestOptions) { .features = VN_F_CSUM | VN_F_HOST_TSO4 });
    uint8_t ufo[12] = { 0, 3 };
    uint8_t csum[12] = { 1, 0, 0, 0, 0, 0, 0xff, 0xff };
    uint8_t frame[1514] = { 0 };

    vhost_guest_queue(v.guest, TX, NULL, frame, 0);
    vhost_guest_queue(v.guest, TX, ufo, frame, 200);
    vhost_guest_queue(v.guest, TX, csum, frame, 200);
    vhost_rig_guest_sends(&v, N_FRAMES);
    export_rig_net_gets(v.rig, N_FRAMES);
    g_assert_cmpint(export_rig_count(v.rig, "dropped.empty.frames"), ==, 1);
    g_assert_cmpint(export_rig_count(v.rig, "dropped.malformed.frames"), ==, 1);
    g_assert_cmpint(qtest_netdev_count(v.rig->s, "net0", "rx.dropped.malformed.frames"), ==, 1);
    vhost_rig_check(&v, N_FRAMES);
    vhost_rig_free(&v);
}

static void add_cases(const char *prefix, const char *name, const void *c, GTestDataFunc func)
{
    g_autofree char *path = g_strdup_printf("/vhost-user-hostile/%s/%s", prefix, name);

    g_test_add_data_func(path, c, func);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(message_cases); i++) {
        add_cases("message", message_cases[i].name, &message_cases[i], test_message);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(ring_faults); i++) {
        add_cases("ring", ring_faults[i].name, &ring_faults[i], test_ring_fault);
    }
    add_cases("memory", "cut-short-from-guest", GUINT_TO_POINTER(TX), test_memory_is_cut_short);
    add_cases("memory", "cut-short-to-guest", GUINT_TO_POINTER(RX), test_memory_is_cut_short);
    g_test_add_func("/vhost-user-hostile/memory/shorter-than-told", test_region_shorter_than_told);
    g_test_add_func("/vhost-user-hostile/message/refused-without-acknowledgement",
                    test_refusal_without_acknowledgement);
    g_test_add_func("/vhost-user-hostile/message/wrong-version", test_wrong_version);
    g_test_add_func("/vhost-user-hostile/message/torn", test_torn_messages);
    g_test_add_func("/vhost-user-hostile/message/answers-not-read", test_answers_not_read);
    g_test_add_func("/vhost-user-hostile/message/many-announcements", test_many_announcements);
    g_test_add_func("/vhost-user-hostile/message/varied-refusals", test_varied_refusals);
    g_test_add_func("/vhost-user-hostile/message/descriptor-of-another-kind",
                    test_descriptor_of_another_kind);
    g_test_add_func("/vhost-user-hostile/ring/outside-of-memory", test_ring_outside_of_memory);
    g_test_add_func("/vhost-user-hostile/ring/frames-that-are-none", test_frames_that_are_none);
    return g_test_run();
}
