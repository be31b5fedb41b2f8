/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exports of type vhost-user: what waits for the guest goes to another host with its VM. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "vhost-rig.h"

/*
 *   net ── source ──rings── guest        net ── target ──rings── guest
 *             └── pipe ── the test, as QEMU ── pipe ──┘
 */

#define SAVE 0u
#define LOAD 1u
#define WELL 0x100u
#define REFUSED 0x101u

/* More than a pipe has room for. */
#define N_FRAMES 1500u

/* Header and checksum. */
#define EMPTY_LEN 64u

static VhostRig target_start(const char *more)
{
    g_autofree char *path = tmp_path("target.sock");
    g_autofree char *text = g_strdup_printf("vhost-user,id=e0,netdev=net0,addr.type=unix,"
                                            "addr.path=%s%s", path, more);
    VhostRig v = { export_rig_start(text), vhost_guest_new(NULL) };

    v.rig->path = g_steal_pointer(&path);
    vhost_rig_attach(&v);
    return v;
}

/* The guest runs where it was not before, and has buffers. */
static void target_run(VhostRig *v)
{
    vhost_guest_start(v->guest);
    vhost_guest_post(v->guest, RX);
}

/* Member @name of what is told of the state is @value; NULL = nothing is told. */
static void expect_state(const VhostRig *v, const char *name, const char *value)
{
    g_autoptr(json_object) entry = export_rig_entry(v->rig);
    json_object *more = json_object_object_get(entry, "vhost-user");
    json_object *state = json_object_object_get(more, "state");

    g_assert_true((state != NULL) == (name != NULL));
    if (name) {
        g_assert_cmpstr(json_object_get_string(json_object_object_get(state, name)), ==, value);
    }
}

/* --- The front-end's part ---------------------------------------------------------------- */

static uint64_t ask_transfer(VhostRig *v, uint32_t direction, uint32_t phase, int fd)
{
    uint32_t payload[2] = { direction, phase };
    uint64_t answer;

    vu_send(v->guest->fd, VU_SET_DEVICE_STATE_FD, 0, payload, sizeof(payload), &fd, fd >= 0);
    vu_receive(v->guest->fd, VU_SET_DEVICE_STATE_FD, &answer, sizeof(answer));
    return answer;
}

/* Returns: our end of the pipe. */
static int begin(VhostRig *v, uint32_t direction)
{
    int fds[2];
    int theirs, ours;

    g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
    theirs = direction == SAVE ? fds[1] : fds[0];
    ours = direction == SAVE ? fds[0] : fds[1];
    g_assert_cmphex(ask_transfer(v, direction, 0, theirs), ==, WELL);
    close(theirs);
    return ours;
}

static uint64_t check(VhostRig *v)
{
    return vu_ask(v->guest->fd, VU_CHECK_DEVICE_STATE);
}

/* To the end, at most @max bytes at a time. */
static GByteArray *read_all(int fd, size_t max)
{
    GByteArray *state = g_byte_array_new();
    uint8_t buf[65536];
    ssize_t n;

    do {
        wait_fd(fd, POLLIN, "the state");
        n = read(fd, buf, MIN(max, sizeof(buf)));
        g_assert_cmpint(n, >=, 0);
        g_byte_array_append(state, buf, (guint)n);
    } while (n > 0);
    close(fd);
    return state;
}

static GByteArray *save(VhostRig *v)
{
    GByteArray *state = read_all(begin(v, SAVE), 65536);

    g_assert_cmpuint(check(v), ==, 0);
    expect_state(v, "phase", "saved");
    return state;
}

/* Returns: whether all of it was taken; it was not if the other end has closed the pipe. */
static bool write_all(int fd, const uint8_t *data, size_t len, size_t max)
{
    while (len > 0) {
        ssize_t n;

        wait_fd(fd, POLLOUT, "room in the pipe");
        n = write(fd, data, MIN(len, max));
        if (n < 0) {
            g_assert_cmpint(errno, ==, EPIPE);
            return false;
        }
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static uint64_t load(VhostRig *v, const uint8_t *data, size_t len)
{
    int fd = begin(v, LOAD);

    write_all(fd, data, len, 65536);
    close(fd);
    return check(v);
}

/* --- Two hosts --------------------------------------------------------------------------- */

/** A guest that runs at the source, and is to run at the target. */
typedef struct Hosts {
    VhostRig source;
    VhostRig target;
    GByteArray *state; /* owned: as saved last; NULL = not yet */
} Hosts;

static Hosts hosts_new(void)
{
    Hosts h = { .source = vhost_rig_new("", NULL) };

    h.target = target_start("");
    return h;
}

static void hosts_free(Hosts *h)
{
    g_clear_pointer(&h->state, g_byte_array_unref);
    vhost_rig_free(&h->source);
    vhost_rig_free(&h->target);
}

static void hosts_save(Hosts *h)
{
    g_clear_pointer(&h->state, g_byte_array_unref);
    h->state = save(&h->source);
}

static void hosts_load(Hosts *h)
{
    g_assert_cmpuint(load(&h->target, h->state->data, h->state->len), ==, 0);
}

/* The frame that the guest expects next is the same at the target. */
static void hosts_move_guest(Hosts *h)
{
    h->target.rig->n_guest_got = h->source.rig->n_guest_got;
    h->target.rig->n_to_guest = h->source.rig->n_to_guest;
}

/* The guest runs at the target, and gets the @n frames that waited. */
static void hosts_expect_frames(Hosts *h, uint32_t n)
{
    target_run(&h->target);
    vhost_rig_guest_gets(&h->target, n);
}

/* --- The way of frames ------------------------------------------------------------------- */

/* Stop the guest, and have @n frames wait for it. */
static void stop_and_hold(VhostRig *v, uint32_t n)
{
    vhost_guest_stop(v->guest);
    export_rig_send(v->rig, n);
    export_rig_wait(v->rig, "held-to-guest.frames", n);
}

static void leave(VhostRig *v)
{
    vhost_guest_disconnect(v->guest);
    qtest_expect_event(v->rig->s, "NET_EXPORT_DISCONNECTED");
}

static void test_travels(void)
{
    Hosts h = hosts_new();

    vhost_rig_check(&h.source, 10);
    stop_and_hold(&h.source, N_FRAMES);
    hosts_save(&h);
    g_assert_cmpuint(h.state->len, >, 65536);
    g_assert_cmpint(export_rig_count(h.source.rig, "held-to-guest.frames"), ==, 0);
    g_assert_cmpint(export_rig_count(h.source.rig, "vhost-user.state.frames"), ==, N_FRAMES);
    hosts_load(&h);
    expect_state(&h.target, "phase", "loaded");
    g_assert_cmpint(export_rig_count(h.target.rig, "vhost-user.state.frames"), ==, N_FRAMES);
    leave(&h.source);
    expect_state(&h.source, NULL, NULL);
    g_assert_cmpint(export_rig_count(h.source.rig, "held-to-guest.frames"), ==, 0);
    hosts_move_guest(&h);
    hosts_expect_frames(&h, N_FRAMES);
    expect_state(&h.target, NULL, NULL);
    vhost_rig_check(&h.target, 10);
    hosts_free(&h);
}

/* Frames that came to the other host by themselves are younger. */
static void test_goes_first(void)
{
    Hosts h = hosts_new();

    stop_and_hold(&h.source, 20);
    hosts_save(&h);
    hosts_move_guest(&h);
    export_rig_send(h.target.rig, 30);
    export_rig_wait(h.target.rig, "held-to-guest.frames", 30);
    hosts_load(&h);
    hosts_expect_frames(&h, 50);
    hosts_free(&h);
}

/* Nothing waits: that is a state, too. */
static void test_nothing_waits(void)
{
    Hosts h = hosts_new();

    vhost_guest_stop(h.source.guest);
    hosts_save(&h);
    g_assert_cmpuint(h.state->len, ==, EMPTY_LEN);
    hosts_load(&h);
    target_run(&h.target);
    vhost_rig_check(&h.target, 10);
    hosts_free(&h);
}

/* The migration has failed after that: the guest gets all where it was, in order. */
static void test_goes_on_here(void)
{
    VhostRig source = vhost_rig_new("", NULL);
    g_autoptr(GByteArray) state = NULL;

    stop_and_hold(&source, 20);
    g_byte_array_unref(save(&source));
    export_rig_send(source.rig, 30);
    export_rig_wait(source.rig, "held-to-guest.frames", 30);
    vhost_guest_start(source.guest);
    vhost_rig_guest_gets(&source, 50);
    expect_state(&source, NULL, NULL);
    vhost_rig_check(&source, 10);
    /* And the next time they are not there again. */
    vhost_guest_stop(source.guest);
    state = save(&source);
    g_assert_cmpuint(state->len, ==, EMPTY_LEN);
    vhost_rig_free(&source);
}

/* A second attempt, while the VM is paused, has the frames of the first and those since. */
static void test_second_attempt(void)
{
    Hosts h = hosts_new();

    stop_and_hold(&h.source, 20);
    g_byte_array_unref(save(&h.source));
    export_rig_send(h.source.rig, 30);
    export_rig_wait(h.source.rig, "held-to-guest.frames", 30);
    hosts_save(&h);
    hosts_load(&h);
    hosts_move_guest(&h);
    hosts_expect_frames(&h, 50);
    hosts_free(&h);
}

/* A VM that waits at the other host is moved on from there. */
static void test_moved_on(void)
{
    Hosts h = hosts_new();
    g_autoptr(GByteArray) again = NULL;

    stop_and_hold(&h.source, 20);
    hosts_save(&h);
    hosts_load(&h);
    again = save(&h.target);
    g_assert_cmpmem(again->data, again->len, h.state->data, h.state->len);
    hosts_free(&h);
}

/* Its VM ends before it has run: the guest is at the source, and so are its frames. */
static void test_target_gives_up(void)
{
    Hosts h = hosts_new();

    stop_and_hold(&h.source, 20);
    hosts_save(&h);
    hosts_load(&h);
    leave(&h.target);
    vhost_rig_attach(&h.target);
    target_run(&h.target);
    vhost_rig_check(&h.target, 10);
    vhost_guest_start(h.source.guest);
    vhost_rig_guest_gets(&h.source, 20);
    hosts_free(&h);
}

/* --- Where it goes wrong ----------------------------------------------------------------- */

/* QEMU reads no more: the frames are still there, for the guest or for the next QEMU. */
static void test_reader_ends(void)
{
    VhostRig source = vhost_rig_new("", NULL);
    int fd;

    stop_and_hold(&source, N_FRAMES);
    fd = begin(&source, SAVE);
    close(fd);
    export_rig_wait(source.rig, "vhost-user.state.frames", N_FRAMES);
    g_assert_cmpuint(check(&source), ==, 1);
    expect_state(&source, "phase", "failed");
    leave(&source);
    export_rig_wait(source.rig, "held-to-guest.frames", N_FRAMES);
    vhost_rig_attach(&source);
    vhost_guest_start(source.guest);
    vhost_rig_guest_gets(&source, N_FRAMES);
    vhost_rig_free(&source);
}

/* It asks for the outcome before it has read all. */
static void test_asked_too_early(void)
{
    VhostRig source = vhost_rig_new("", NULL);
    int fd;

    stop_and_hold(&source, N_FRAMES);
    fd = begin(&source, SAVE);
    g_assert_cmpuint(check(&source), ==, 1);
    expect_state(&source, "error",
                 "the state could not be saved: the VM's QEMU has not read all of it");
    close(fd);
    vhost_guest_start(source.guest);
    vhost_rig_guest_gets(&source, N_FRAMES);
    vhost_rig_free(&source);
}

/* A slow pipe keeps nobody waiting. */
static void test_slow_pipe(void)
{
    Hosts h = hosts_new();
    int fd;

    stop_and_hold(&h.source, N_FRAMES);
    fd = begin(&h.source, SAVE);
    expect_state(&h.source, "phase", "saving");
    g_assert_cmpuint(vu_ask(h.source.guest->fd, VU_GET_FEATURES), !=, 0);
    h.state = read_all(fd, 777);
    g_assert_cmpuint(check(&h.source), ==, 0);
    fd = begin(&h.target, LOAD);
    for (size_t i = 0; i < 1000; i++) {
        g_assert_true(write_all(fd, h.state->data + i, 1, 1));
    }
    expect_state(&h.target, "phase", "loading");
    g_assert_true(write_all(fd, h.state->data + 1000, h.state->len - 1000, 777));
    close(fd);
    g_assert_cmpuint(check(&h.target), ==, 0);
    hosts_move_guest(&h);
    hosts_expect_frames(&h, N_FRAMES);
    hosts_free(&h);
}

/* The error is told, none of the frames reaches the guest, and all else goes on. */
static void expect_no_load(VhostRig *v, const uint8_t *data, size_t len, const char *message)
{
    g_autofree char *error = g_strdup_printf("the state could not be loaded: %s", message);

    g_assert_cmpuint(load(v, data, len), ==, 1);
    expect_state(v, "phase", "failed");
    expect_state(v, "error", error);
    g_assert_cmpint(export_rig_count(v->rig, "vhost-user.state.frames"), ==, 0);
}

static void test_damaged(void)
{
    Hosts h = hosts_new();
    g_autofree char *cut = NULL;

    stop_and_hold(&h.source, 20);
    hosts_save(&h);
    cut = g_strdup_printf("it ends behind %u bytes, in the middle", h.state->len - 1);
    expect_no_load(&h.target, h.state->data, h.state->len - 1, cut);
    expect_no_load(&h.target, h.state->data, 0, "it ends behind 0 bytes, in the middle");
    expect_no_load(&h.target, h.state->data, 31, "it ends behind 31 bytes, in the middle");
    h.state->data[h.state->len / 2] ^= 1;
    expect_no_load(&h.target, h.state->data, h.state->len, "its checksum is wrong");
    h.state->data[h.state->len / 2] ^= 1;
    h.state->data[0] = 'q';
    expect_no_load(&h.target, h.state->data, h.state->len, "it is no state of a qemu-net-daemon");
    h.state->data[0] = 'Q';
    h.state->data[11] = 2;
    expect_no_load(&h.target, h.state->data, h.state->len,
                   "it has version 2.0, and only 1.0 is known here");
    h.state->data[11] = 1;
    g_byte_array_append(h.state, (const uint8_t *)"x", 1);
    expect_no_load(&h.target, h.state->data, h.state->len, "there is more behind its end");
    g_assert_cmpuint(load(&h.target, h.state->data, h.state->len - 1), ==, 0);
    hosts_move_guest(&h);
    hosts_expect_frames(&h, 20);
    hosts_free(&h);
}

static void test_oversized(void)
{
    VhostRig target = target_start(",hold-size=4096");
    uint8_t header[32] = "QNDSTATE\0\0\0\1\0\0\0\0\0\0\0\1";

    expect_no_load(&target, header, sizeof(header),
                   "its frames take 4294967296 bytes, and the hold-size of this export allows "
                   "35659776");
    target_run(&target);
    vhost_rig_check(&target, 10);
    vhost_rig_free(&target);
}

/* Frames are told apart by where they come from, not by what QEMU says. */
static void test_writer_does_not_end(void)
{
    VhostRig target = target_start("");
    int fd = begin(&target, LOAD);

    g_assert_true(write_all(fd, (const uint8_t *)"QNDST", 5, 5));
    g_assert_cmpuint(check(&target), ==, 1);
    expect_state(&target, "error", "the state could not be loaded: it has not ended when the VM's "
                 "QEMU asks for the outcome");
    close(fd);
    vhost_rig_free(&target);
}

static void test_refused(void)
{
    VhostRig v = vhost_rig_new("", NULL);
    g_autofree char *path = tmp_path("no-pipe");
    int file = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    int fds[2];

    g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
    g_assert_cmphex(ask_transfer(&v, SAVE, 0, fds[1]), ==, REFUSED); /* the rings run */
    vhost_guest_stop(v.guest);
    g_assert_cmphex(ask_transfer(&v, 2, 0, fds[1]), ==, REFUSED);
    g_assert_cmphex(ask_transfer(&v, SAVE, 1, fds[1]), ==, REFUSED);
    g_assert_cmphex(ask_transfer(&v, SAVE, 0, -1), ==, REFUSED);
    g_assert_cmphex(ask_transfer(&v, SAVE, 0, file), ==, REFUSED);
    g_assert_cmphex(ask_transfer(&v, LOAD, 0, file), ==, REFUSED);
    g_assert_cmpuint(check(&v), ==, 1);
    vhost_guest_start(v.guest);
    vhost_rig_check(&v, 10);
    close(fds[0]);
    close(fds[1]);
    close(file);
    unlink(path);
    vhost_rig_free(&v);
}

#define F_DEVICE_STATE (UINT64_C(1) << 19)

/* A second attempt that cannot begin leaves what the first one has kept to the guest. */
static void test_second_attempt_is_refused(void)
{
    VhostRig v = vhost_rig_new("", NULL);
    g_autofree char *path = tmp_path("no-pipe");
    int file = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);

    stop_and_hold(&v, 20);
    g_byte_array_unref(save(&v));
    g_assert_cmphex(ask_transfer(&v, SAVE, 0, file), ==, REFUSED);
    g_assert_cmpuint(check(&v), ==, 1);
    vhost_guest_start(v.guest);
    vhost_rig_guest_gets(&v, 20);
    vhost_rig_check(&v, 10);
    close(file);
    unlink(path);
    vhost_rig_free(&v);
}

/* Memory is bounded however often a VM that does not run has its state saved. */
static void test_many_attempts(void)
{
    VhostRig v = vhost_rig_new(",hold-size=4M", NULL);
    g_autofree uint8_t *frame = g_malloc0(FRAME_MAX);
    uint64_t n_kept = 0;
    unsigned n = 0;
    int fds[2];

    vhost_guest_stop(v.guest);
    do {
        for (unsigned i = 0; i < 60; i++) {
            frame_link_send_bytes(&v.rig->net, frame, 65000);
        }
        export_rig_wait(v.rig, "held-to-guest.frames", 60);
        g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
        n_kept += 60;
        g_assert_cmpuint(++n, <, 40);
        if (ask_transfer(&v, SAVE, 0, fds[1]) == REFUSED) {
            break;
        }
        close(fds[0]);
        close(fds[1]);
    } while (true);
    close(fds[0]);
    close(fds[1]);
    qtest_wait_output(v.rig->s, "SET_DEVICE_STATE_FD: what waits takes ");
    vhost_guest_start(v.guest);
    export_rig_wait(v.rig, "dropped.too-long.frames", (int64_t)n_kept);
    vhost_rig_free(&v);
}

static void test_not_offered(void)
{
    VhostRig with = vhost_rig_new("", NULL);
    VhostRig without;

    g_assert_cmphex(with.guest->protocol_features & F_DEVICE_STATE, ==, F_DEVICE_STATE);
    vhost_rig_free(&with);
    without = vhost_rig_new(",device-state=off", NULL);
    g_assert_cmphex(without.guest->protocol_features & F_DEVICE_STATE, ==, 0);
    vhost_guest_stop(without.guest);
    g_assert_cmphex(ask_transfer(&without, SAVE, 0, STDIN_FILENO), ==, REFUSED);
    vhost_rig_free(&without);
}

/* --- Beside a filter-handover ------------------------------------------------------------ */

/* The side channel brings the frames behind the cut, to a host whose VM does not run yet. */
static void connect_side(Hosts *h, const char *path)
{
    qtest_stop(h->target.rig->s);
    qtest_qmp_ok(h->target.rig->s,
                 "{'execute': 'chardev-add', 'arguments': {'id': 'side0', 'backend': {'type': "
                 "'socket', 'data': {'server': true, 'wait': false, 'addr': {'type': 'unix', "
                 "'data': {'path': '%s'}}}}}}", path);
    qtest_qmp_ok(h->target.rig->s,
                 "{'execute': 'object-add', 'arguments': {'qom-type': 'filter-handover', 'id': "
                 "'h0', 'netdev': 'net0', 'indev': 'side0', 'armed': true}}");
    qtest_qmp_ok(h->source.rig->s,
                 "{'execute': 'chardev-add', 'arguments': {'id': 'side0', 'backend': {'type': "
                 "'socket', 'data': {'server': false, 'reconnect-ms': 10, 'addr': {'type': 'unix', "
                 "'data': {'path': '%s'}}}}}}", path);
    qtest_qmp_ok(h->source.rig->s,
                 "{'execute': 'object-add', 'arguments': {'qom-type': 'filter-handover', 'id': "
                 "'h0', 'netdev': 'net0', 'outdev': 'side0', 'active-in': ['paused']}}");
}

/* The filter comes when the state is saved: it takes only what comes from then on. */
static void test_order_with_handover(void)
{
    g_autofree char *path = tmp_path("side.sock");
    Hosts h = hosts_new();

    stop_and_hold(&h.source, 20);
    hosts_save(&h);
    connect_side(&h, path);
    export_rig_send(h.source.rig, 30);
    qtest_wait_filter(h.source.rig->s, "h0", "handover.taken", 30);
    hosts_load(&h);
    hosts_move_guest(&h);
    hosts_expect_frames(&h, 50);
    hosts_free(&h);
}

/* The filter is there at the stop: all goes its way, and the state is empty. */
static void test_handover_takes_all(void)
{
    g_autofree char *path = tmp_path("side.sock");
    Hosts h = hosts_new();

    connect_side(&h, path);
    vhost_guest_stop(h.source.guest);
    export_rig_send(h.source.rig, 30);
    qtest_wait_filter(h.source.rig->s, "h0", "handover.taken", 30);
    hosts_save(&h);
    g_assert_cmpuint(h.state->len, ==, EMPTY_LEN);
    hosts_load(&h);
    hosts_move_guest(&h);
    hosts_expect_frames(&h, 30);
    hosts_free(&h);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN);
    g_test_add_func("/vhost-state/travels", test_travels);
    g_test_add_func("/vhost-state/goes-first", test_goes_first);
    g_test_add_func("/vhost-state/nothing-waits", test_nothing_waits);
    g_test_add_func("/vhost-state/goes-on-here", test_goes_on_here);
    g_test_add_func("/vhost-state/second-attempt", test_second_attempt);
    g_test_add_func("/vhost-state/moved-on", test_moved_on);
    g_test_add_func("/vhost-state/target-gives-up", test_target_gives_up);
    g_test_add_func("/vhost-state/reader-ends", test_reader_ends);
    g_test_add_func("/vhost-state/asked-too-early", test_asked_too_early);
    g_test_add_func("/vhost-state/slow-pipe", test_slow_pipe);
    g_test_add_func("/vhost-state/damaged", test_damaged);
    g_test_add_func("/vhost-state/oversized", test_oversized);
    g_test_add_func("/vhost-state/writer-does-not-end", test_writer_does_not_end);
    g_test_add_func("/vhost-state/refused", test_refused);
    g_test_add_func("/vhost-state/second-attempt-is-refused", test_second_attempt_is_refused);
    g_test_add_func("/vhost-state/many-attempts", test_many_attempts);
    g_test_add_func("/vhost-state/not-offered", test_not_offered);
    g_test_add_func("/vhost-state/order-with-handover", test_order_with_handover);
    g_test_add_func("/vhost-state/handover-takes-all", test_handover_takes_all);
    return g_test_run();
}
