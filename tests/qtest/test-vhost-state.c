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

/* --- The way of frames ------------------------------------------------------------------- */

/* Stop the guest, and have @n frames wait for it. */
static void stop_and_hold(VhostRig *v, uint32_t n)
{
    vhost_guest_stop(v->guest);
    export_rig_send(v->rig, n);
    export_rig_wait(v->rig, "held-to-guest.frames", n);
}

/* The guest there goes on with the frame that it expects next here. */
static void move_guest(VhostRig *to, const VhostRig *from)
{
    to->rig->n_guest_got = from->rig->n_guest_got;
    to->rig->n_to_guest = from->rig->n_to_guest;
}

static void leave(VhostRig *v)
{
    vhost_guest_disconnect(v->guest);
    qtest_expect_event(v->rig->s, "NET_EXPORT_DISCONNECTED");
}

static void test_travels(void)
{
    VhostRig source = vhost_rig_new("", NULL);
    VhostRig target = target_start("");
    g_autoptr(GByteArray) state = NULL;

    vhost_rig_check(&source, 10);
    stop_and_hold(&source, N_FRAMES);
    state = save(&source);
    g_assert_cmpuint(state->len, >, 65536);
    g_assert_cmpint(export_rig_count(source.rig, "held-to-guest.frames"), ==, 0);
    g_assert_cmpint(export_rig_count(source.rig, "vhost-user.state.frames"), ==, N_FRAMES);
    g_assert_cmpuint(load(&target, state->data, state->len), ==, 0);
    expect_state(&target, "phase", "loaded");
    g_assert_cmpint(export_rig_count(target.rig, "vhost-user.state.frames"), ==, N_FRAMES);
    leave(&source);
    expect_state(&source, NULL, NULL);
    g_assert_cmpint(export_rig_count(source.rig, "held-to-guest.frames"), ==, 0);
    move_guest(&target, &source);
    target_run(&target);
    vhost_rig_guest_gets(&target, N_FRAMES);
    expect_state(&target, NULL, NULL);
    vhost_rig_check(&target, 10);
    vhost_rig_free(&source);
    vhost_rig_free(&target);
}

/* What came to the other host by itself is younger. */
static void test_goes_first(void)
{
    VhostRig source = vhost_rig_new("", NULL);
    VhostRig target = target_start("");
    g_autoptr(GByteArray) state = NULL;

    stop_and_hold(&source, 20);
    state = save(&source);
    move_guest(&target, &source);
    export_rig_send(target.rig, 30);
    export_rig_wait(target.rig, "held-to-guest.frames", 30);
    g_assert_cmpuint(load(&target, state->data, state->len), ==, 0);
    target_run(&target);
    vhost_rig_guest_gets(&target, 50);
    vhost_rig_free(&source);
    vhost_rig_free(&target);
}

/* Nothing waits: that is a state, too. */
static void test_nothing_waits(void)
{
    VhostRig source = vhost_rig_new("", NULL);
    VhostRig target = target_start("");
    g_autoptr(GByteArray) state = NULL;

    vhost_guest_stop(source.guest);
    state = save(&source);
    g_assert_cmpuint(state->len, ==, EMPTY_LEN);
    g_assert_cmpuint(load(&target, state->data, state->len), ==, 0);
    target_run(&target);
    vhost_rig_check(&target, 10);
    vhost_rig_free(&source);
    vhost_rig_free(&target);
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
    VhostRig source = vhost_rig_new("", NULL);
    VhostRig target = target_start("");
    g_autoptr(GByteArray) state = NULL;

    stop_and_hold(&source, 20);
    g_byte_array_unref(save(&source));
    export_rig_send(source.rig, 30);
    export_rig_wait(source.rig, "held-to-guest.frames", 30);
    state = save(&source);
    g_assert_cmpuint(load(&target, state->data, state->len), ==, 0);
    move_guest(&target, &source);
    target_run(&target);
    vhost_rig_guest_gets(&target, 50);
    vhost_rig_free(&source);
    vhost_rig_free(&target);
}

/* A VM that waits at the other host is moved on from there. */
static void test_moved_on(void)
{
    VhostRig source = vhost_rig_new("", NULL);
    VhostRig target = target_start("");
    g_autoptr(GByteArray) first = NULL;
    g_autoptr(GByteArray) second = NULL;

    stop_and_hold(&source, 20);
    first = save(&source);
    g_assert_cmpuint(load(&target, first->data, first->len), ==, 0);
    second = save(&target);
    g_assert_cmpuint(second->len, ==, first->len);
    g_assert_cmpint(memcmp(second->data, first->data, first->len), ==, 0);
    vhost_rig_free(&source);
    vhost_rig_free(&target);
}

/* Its VM ends before it has run: the guest is at the source, and so are its frames. */
static void test_target_gives_up(void)
{
    VhostRig source = vhost_rig_new("", NULL);
    VhostRig target = target_start("");
    g_autoptr(GByteArray) state = NULL;

    stop_and_hold(&source, 20);
    state = save(&source);
    g_assert_cmpuint(load(&target, state->data, state->len), ==, 0);
    leave(&target);
    vhost_rig_attach(&target);
    target_run(&target);
    vhost_rig_check(&target, 10);
    vhost_guest_start(source.guest);
    vhost_rig_guest_gets(&source, 20);
    vhost_rig_free(&source);
    vhost_rig_free(&target);
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
    VhostRig source = vhost_rig_new("", NULL);
    VhostRig target = target_start("");
    g_autoptr(GByteArray) state = NULL;
    int fd;

    stop_and_hold(&source, N_FRAMES);
    fd = begin(&source, SAVE);
    expect_state(&source, "phase", "saving");
    g_assert_cmpuint(vu_ask(source.guest->fd, VU_GET_FEATURES), !=, 0);
    state = read_all(fd, 777);
    g_assert_cmpuint(check(&source), ==, 0);
    fd = begin(&target, LOAD);
    for (size_t i = 0; i < 1000; i++) {
        g_assert_true(write_all(fd, state->data + i, 1, 1));
    }
    expect_state(&target, "phase", "loading");
    g_assert_true(write_all(fd, state->data + 1000, state->len - 1000, 777));
    close(fd);
    g_assert_cmpuint(check(&target), ==, 0);
    move_guest(&target, &source);
    target_run(&target);
    vhost_rig_guest_gets(&target, N_FRAMES);
    vhost_rig_free(&source);
    vhost_rig_free(&target);
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
    VhostRig source = vhost_rig_new("", NULL);
    VhostRig target = target_start("");
    g_autoptr(GByteArray) state = NULL;
    g_autofree char *cut = NULL;

    stop_and_hold(&source, 20);
    state = save(&source);
    cut = g_strdup_printf("it ends behind %u bytes, in the middle", state->len - 1);
    expect_no_load(&target, state->data, state->len - 1, cut);
    expect_no_load(&target, state->data, 0, "it ends behind 0 bytes, in the middle");
    expect_no_load(&target, state->data, 31, "it ends behind 31 bytes, in the middle");
    state->data[state->len / 2] ^= 1;
    expect_no_load(&target, state->data, state->len, "its checksum is wrong");
    state->data[state->len / 2] ^= 1;
    state->data[0] = 'q';
    expect_no_load(&target, state->data, state->len, "it is no state of a qemu-net-daemon");
    state->data[0] = 'Q';
    state->data[11] = 2;
    expect_no_load(&target, state->data, state->len,
                   "it has version 2.0, and only 1.0 is known here");
    state->data[11] = 1;
    g_byte_array_append(state, (const uint8_t *)"x", 1);
    expect_no_load(&target, state->data, state->len, "there is more behind its end");
    g_assert_cmpuint(load(&target, state->data, state->len - 1), ==, 0);
    move_guest(&target, &source);
    target_run(&target);
    vhost_rig_guest_gets(&target, 20);
    vhost_rig_free(&source);
    vhost_rig_free(&target);
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

/* The side channel brings what came behind the cut, to a host whose VM does not run yet. */
static void connect_side(VhostRig *source, VhostRig *target, const char *path)
{
    qtest_stop(target->rig->s);
    qtest_qmp_ok(target->rig->s,
                 "{'execute': 'chardev-add', 'arguments': {'id': 'side0', 'backend': {'type': "
                 "'socket', 'data': {'server': true, 'wait': false, 'addr': {'type': 'unix', "
                 "'data': {'path': '%s'}}}}}}", path);
    qtest_qmp_ok(target->rig->s,
                 "{'execute': 'object-add', 'arguments': {'qom-type': 'filter-handover', 'id': "
                 "'h0', 'netdev': 'net0', 'indev': 'side0', 'armed': true}}");
    qtest_qmp_ok(source->rig->s,
                 "{'execute': 'chardev-add', 'arguments': {'id': 'side0', 'backend': {'type': "
                 "'socket', 'data': {'server': false, 'reconnect-ms': 10, 'addr': {'type': 'unix', "
                 "'data': {'path': '%s'}}}}}}", path);
    qtest_qmp_ok(source->rig->s,
                 "{'execute': 'object-add', 'arguments': {'qom-type': 'filter-handover', 'id': "
                 "'h0', 'netdev': 'net0', 'outdev': 'side0', 'active-in': ['paused']}}");
}

/* The filter comes when the state is saved: it takes only what comes from then on. */
static void test_order_with_handover(void)
{
    g_autofree char *path = tmp_path("side.sock");
    VhostRig source = vhost_rig_new("", NULL);
    VhostRig target = target_start("");
    g_autoptr(GByteArray) state = NULL;

    stop_and_hold(&source, 20);
    state = save(&source);
    connect_side(&source, &target, path);
    export_rig_send(source.rig, 30);
    qtest_wait_filter(source.rig->s, "h0", "handover.taken", 30);
    g_assert_cmpuint(load(&target, state->data, state->len), ==, 0);
    move_guest(&target, &source);
    target_run(&target);
    vhost_rig_guest_gets(&target, 50);
    vhost_rig_free(&source);
    vhost_rig_free(&target);
}

/* The filter is there at the stop: all goes its way, and the state is empty. */
static void test_handover_takes_all(void)
{
    g_autofree char *path = tmp_path("side.sock");
    VhostRig source = vhost_rig_new("", NULL);
    VhostRig target = target_start("");
    g_autoptr(GByteArray) state = NULL;

    connect_side(&source, &target, path);
    vhost_guest_stop(source.guest);
    export_rig_send(source.rig, 30);
    qtest_wait_filter(source.rig->s, "h0", "handover.taken", 30);
    state = save(&source);
    g_assert_cmpuint(state->len, ==, EMPTY_LEN);
    g_assert_cmpuint(load(&target, state->data, state->len), ==, 0);
    move_guest(&target, &source);
    target_run(&target);
    vhost_rig_guest_gets(&target, 30);
    vhost_rig_free(&source);
    vhost_rig_free(&target);
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
    g_test_add_func("/vhost-state/not-offered", test_not_offered);
    g_test_add_func("/vhost-state/order-with-handover", test_order_with_handover);
    g_test_add_func("/vhost-state/handover-takes-all", test_handover_takes_all);
    return g_test_run();
}
