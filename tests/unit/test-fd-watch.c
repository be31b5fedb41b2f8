/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of fd watches: who is told what, and that freeing is legal anywhere. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <glib.h>

#include "util/fd-watch.h"
#include "util/fd.h"
#include "loop.h"

/* A watched descriptor and what was told of it. */
typedef struct Probe {
    FdWatch *watch;
    int fd;
    unsigned calls;
    FdEvents last;   /* of the last call */
    FdEvents all;    /* of all calls */
    bool drain;      /* read what is there */
    struct Probe *victim; /* whose watch is freed in the callback */
} Probe;

static void probe_called(int fd, FdEvents events, void *opaque)
{
    Probe *probe = opaque;
    char buf[256];

    g_assert_cmpint(fd, ==, probe->fd);
    probe->calls++;
    probe->last = events;
    probe->all |= events;
    if (probe->drain) {
        while (read(fd, buf, sizeof(buf)) > 0) {
        }
    }
    if (probe->victim) {
        g_clear_pointer(&probe->victim->watch, fd_watch_free);
    }
}

static void probe_start(Probe *probe, int fd, FdEvents events)
{
    probe->fd = fd;
    probe->watch = fd_watch_new(fd, probe_called, probe);
    fd_watch_set(probe->watch, events);
}

static void make_pair(int fds[2])
{
    int rc = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds);

    g_assert_cmpint(rc, ==, 0);
}

static void close_pair(int fds[2])
{
    fd_close(&fds[0]);
    fd_close(&fds[1]);
}

static void test_readable(void)
{
    Probe probe = { .drain = true };
    int fds[2];

    make_pair(fds);
    probe_start(&probe, fds[0], FD_EVENT_READ);
    loop_run_ready(3);
    g_assert_cmpuint(probe.calls, ==, 0);
    g_assert_cmpint(write(fds[1], "x", 1), ==, 1);
    LOOP_UNTIL(probe.calls == 1);
    g_assert_cmpuint(probe.last, ==, FD_EVENT_READ);
    loop_run_ready(3);
    g_assert_cmpuint(probe.calls, ==, 1);
    fd_watch_free(probe.watch);
    close_pair(fds);
}

static void test_level_triggered(void)
{
    Probe probe = { 0 };
    int fds[2];

    make_pair(fds);
    probe_start(&probe, fds[0], FD_EVENT_READ);
    g_assert_cmpint(write(fds[1], "x", 1), ==, 1);
    LOOP_UNTIL(probe.calls == 3);
    fd_watch_free(probe.watch);
    close_pair(fds);
}

static void test_writable(void)
{
    Probe probe = { 0 };
    int fds[2];

    make_pair(fds);
    probe_start(&probe, fds[0], FD_EVENT_WRITE);
    LOOP_UNTIL(probe.calls == 1);
    g_assert_cmpuint(probe.last, ==, FD_EVENT_WRITE);
    fd_watch_free(probe.watch);
    close_pair(fds);
}

static void test_nothing_at_first(void)
{
    Probe probe = { .fd = -1 };
    int fds[2];

    make_pair(fds);
    probe.fd = fds[0];
    probe.watch = fd_watch_new(fds[0], probe_called, &probe);
    g_assert_cmpuint(fd_watch_events(probe.watch), ==, FD_EVENT_NONE);
    g_assert_cmpint(write(fds[1], "x", 1), ==, 1);
    loop_run_ready(3);
    g_assert_cmpuint(probe.calls, ==, 0);
    fd_watch_set(probe.watch, FD_EVENT_READ);
    g_assert_cmpuint(fd_watch_events(probe.watch), ==, FD_EVENT_READ);
    LOOP_UNTIL(probe.calls > 0);
    fd_watch_free(probe.watch);
    close_pair(fds);
}

static void test_stop_and_restart(void)
{
    Probe probe = { 0 };
    int fds[2];

    make_pair(fds);
    probe_start(&probe, fds[0], FD_EVENT_READ);
    fd_watch_set(probe.watch, FD_EVENT_NONE);
    g_assert_cmpint(write(fds[1], "x", 1), ==, 1);
    loop_run_ready(3);
    g_assert_cmpuint(probe.calls, ==, 0);
    fd_watch_set(probe.watch, FD_EVENT_READ | FD_EVENT_WRITE);
    LOOP_UNTIL(probe.calls > 0);
    g_assert_cmpuint(probe.last, ==, FD_EVENT_READ | FD_EVENT_WRITE);
    fd_watch_free(probe.watch);
    close_pair(fds);
}

/* A peer that is gone must not keep the loop busy while nobody waits for anything. */
static void test_hangup_does_not_spin(void)
{
    Probe probe = { 0 };
    int fds[2];

    make_pair(fds);
    probe_start(&probe, fds[0], FD_EVENT_READ);
    fd_watch_set(probe.watch, FD_EVENT_NONE);
    fd_close(&fds[1]);
    for (int i = 0; i < 10; i++) {
        g_assert_false(g_main_context_iteration(NULL, FALSE));
    }
    g_assert_cmpuint(probe.calls, ==, 0);
    fd_watch_free(probe.watch);
    close_pair(fds);
}

static void test_hangup_is_readable(void)
{
    Probe probe = { 0 };
    int fds[2];

    make_pair(fds);
    probe_start(&probe, fds[0], FD_EVENT_READ);
    fd_close(&fds[1]);
    LOOP_UNTIL(probe.calls > 0);
    g_assert_cmpuint(probe.all, ==, FD_EVENT_READ);
    fd_watch_free(probe.watch);
    close_pair(fds);
}

static void test_hangup_when_asked(void)
{
    Probe probe = { 0 };
    int fds[2];

    make_pair(fds);
    probe_start(&probe, fds[0], FD_EVENT_HANGUP);
    loop_run_ready(3);
    g_assert_cmpuint(probe.calls, ==, 0);
    g_assert_cmpint(write(fds[1], "x", 1), ==, 1);
    loop_run_ready(3);
    g_assert_cmpuint(probe.calls, ==, 0);
    fd_close(&fds[1]);
    LOOP_UNTIL(probe.calls > 0);
    g_assert_cmpuint(probe.all, ==, FD_EVENT_HANGUP);
    fd_watch_free(probe.watch);
    close_pair(fds);
}

static void test_half_close_is_hangup(void)
{
    Probe probe = { 0 };
    int fds[2];

    make_pair(fds);
    probe_start(&probe, fds[0], FD_EVENT_READ | FD_EVENT_HANGUP);
    g_assert_cmpint(shutdown(fds[1], SHUT_WR), ==, 0);
    LOOP_UNTIL(probe.calls > 0);
    g_assert_cmpuint(probe.last, ==, FD_EVENT_READ | FD_EVENT_HANGUP);
    fd_watch_free(probe.watch);
    close_pair(fds);
}

/* The writer of a pipe without a reader learns by writing. */
static void test_broken_pipe_is_writable(void)
{
    static char full[65536];
    Probe probe = { 0 };
    int fds[2];

    g_assert_cmpint(pipe2(fds, O_NONBLOCK | O_CLOEXEC), ==, 0);
    while (write(fds[1], full, sizeof(full)) > 0) {
    }
    probe_start(&probe, fds[1], FD_EVENT_WRITE);
    loop_run_ready(3);
    g_assert_cmpuint(probe.calls, ==, 0);
    fd_close(&fds[0]);
    LOOP_UNTIL(probe.calls > 0);
    g_assert_cmpuint(probe.all, ==, FD_EVENT_WRITE);
    fd_watch_free(probe.watch);
    close_pair(fds);
}

static void test_free_self(void)
{
    Probe probe = { .victim = &probe };
    int fds[2];

    make_pair(fds);
    probe_start(&probe, fds[0], FD_EVENT_READ);
    g_assert_cmpint(write(fds[1], "x", 1), ==, 1);
    LOOP_UNTIL(probe.calls == 1);
    loop_run_ready(3);
    g_assert_cmpuint(probe.calls, ==, 1);
    g_assert_null(probe.watch);
    close_pair(fds);
}

/* Two are ready at once; the first to be told frees the other. */
static void test_free_other_in_batch(void)
{
    Probe a = { 0 }, b = { 0 };
    int fds_a[2], fds_b[2];

    make_pair(fds_a);
    make_pair(fds_b);
    a.victim = &b;
    b.victim = &a;
    probe_start(&a, fds_a[0], FD_EVENT_READ);
    probe_start(&b, fds_b[0], FD_EVENT_READ);
    g_assert_cmpint(write(fds_a[1], "x", 1), ==, 1);
    g_assert_cmpint(write(fds_b[1], "x", 1), ==, 1);
    g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(a.calls + b.calls, ==, 1);
    g_assert_true(!a.watch || !b.watch);
    fd_watch_free(a.watch);
    fd_watch_free(b.watch);
    close_pair(fds_a);
    close_pair(fds_b);
}

/* A callback that stops another watch is obeyed within the same batch. */
static void stop_other(int fd, FdEvents events, void *opaque)
{
    Probe *other = opaque;

    fd_watch_set(other->watch, FD_EVENT_NONE);
}

static void test_stop_other_in_batch(void)
{
    Probe b = { 0 };
    int fds_a[2], fds_b[2];
    FdWatch *a;

    make_pair(fds_a);
    make_pair(fds_b);
    /* The first to become ready is the first to be told. */
    a = fd_watch_new(fds_a[0], stop_other, &b);
    fd_watch_set(a, FD_EVENT_READ);
    probe_start(&b, fds_b[0], FD_EVENT_READ);
    g_assert_cmpint(write(fds_a[1], "x", 1), ==, 1);
    g_assert_cmpint(write(fds_b[1], "x", 1), ==, 1);
    loop_run_ready(3);
    g_assert_cmpuint(b.calls, ==, 0);
    fd_watch_free(a);
    fd_watch_free(b.watch);
    close_pair(fds_a);
    close_pair(fds_b);
}

static void test_free_null(void)
{
    fd_watch_free(NULL);
}

static int open_regular_file(void)
{
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("test-fd-watch-XXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    unlink(path);
    return fd;
}

static void test_file_is_always_ready(void)
{
    auto_fd int fd = open_regular_file();
    Probe probe = { 0 };

    probe_start(&probe, fd, FD_EVENT_READ);
    LOOP_UNTIL(probe.calls == 3);
    g_assert_cmpuint(probe.all, ==, FD_EVENT_READ);
    fd_watch_set(probe.watch, FD_EVENT_READ | FD_EVENT_WRITE);
    LOOP_UNTIL(probe.calls == 4);
    g_assert_cmpuint(probe.last, ==, FD_EVENT_READ | FD_EVENT_WRITE);
    fd_watch_set(probe.watch, FD_EVENT_NONE);
    g_assert_false(g_main_context_iteration(NULL, FALSE));
    fd_watch_free(probe.watch);
}

static void test_file_never_hangs_up(void)
{
    auto_fd int fd = open_regular_file();
    Probe probe = { 0 };

    probe_start(&probe, fd, FD_EVENT_HANGUP);
    g_assert_false(g_main_context_iteration(NULL, FALSE));
    g_assert_cmpuint(probe.calls, ==, 0);
    fd_watch_free(probe.watch);
}

static void test_file_frees_other_file(void)
{
    auto_fd int fd_a = open_regular_file();
    auto_fd int fd_b = open_regular_file();
    Probe a = { 0 }, b = { 0 };

    a.victim = &b;
    probe_start(&a, fd_a, FD_EVENT_READ);
    probe_start(&b, fd_b, FD_EVENT_READ);
    LOOP_UNTIL(a.calls == 2);
    g_assert_cmpuint(b.calls, ==, 0);
    fd_watch_free(a.watch);
}

static void test_file_frees_itself(void)
{
    auto_fd int fd = open_regular_file();
    Probe probe = { .victim = &probe };

    probe_start(&probe, fd, FD_EVENT_WRITE);
    LOOP_UNTIL(probe.calls == 1);
    g_assert_false(g_main_context_iteration(NULL, FALSE));
    g_assert_cmpuint(probe.calls, ==, 1);
}

/* Files that are always ready do not keep sockets from being told. */
static void test_file_and_socket(void)
{
    auto_fd int fd = open_regular_file();
    Probe file = { 0 }, sock = { .drain = true };
    int fds[2];

    make_pair(fds);
    probe_start(&file, fd, FD_EVENT_WRITE);
    probe_start(&sock, fds[0], FD_EVENT_READ);
    g_assert_cmpint(write(fds[1], "x", 1), ==, 1);
    LOOP_UNTIL(sock.calls == 1 && file.calls > 1);
    fd_watch_free(file.watch);
    fd_watch_free(sock.watch);
    close_pair(fds);
}

static void test_two_watches_on_one_fd(void)
{
    Probe reader = { .drain = true }, writer = { 0 };
    int fds[2];

    make_pair(fds);
    probe_start(&reader, fds[0], FD_EVENT_READ);
    probe_start(&writer, fds[0], FD_EVENT_WRITE);
    g_assert_cmpint(write(fds[1], "x", 1), ==, 1);
    LOOP_UNTIL(reader.calls > 0 && writer.calls > 0);
    g_assert_cmpuint(reader.all, ==, FD_EVENT_READ);
    g_assert_cmpuint(writer.all, ==, FD_EVENT_WRITE);
    fd_watch_free(writer.watch);
    g_assert_cmpint(write(fds[1], "x", 1), ==, 1);
    LOOP_UNTIL(reader.calls > 1);
    fd_watch_free(reader.watch);
    close_pair(fds);
}

/* More are ready than fit into one batch: each has its turn. */
static void test_many(void)
{
    enum { N = 200 };
    Probe probes[N] = { 0 };
    int fds[N][2];
    int n_told;

    for (int i = 0; i < N; i++) {
        make_pair(fds[i]);
        probe_start(&probes[i], fds[i][0], FD_EVENT_READ);
        g_assert_cmpint(write(fds[i][1], "x", 1), ==, 1);
    }
    do {
        g_main_context_iteration(NULL, TRUE);
        n_told = 0;
        for (int i = 0; i < N; i++) {
            n_told += probes[i].calls > 0;
        }
    } while (n_told < N && probes[0].calls < 100);
    g_assert_cmpint(n_told, ==, N);
    for (int i = 0; i < N; i++) {
        fd_watch_free(probes[i].watch);
        close_pair(fds[i]);
    }
}

static void test_want(void)
{
    Probe probe = { 0 };
    int fds[2];

    make_pair(fds);
    probe_start(&probe, fds[0], FD_EVENT_NONE);
    fd_watch_want(probe.watch, true, false);
    g_assert_cmpuint(fd_watch_events(probe.watch), ==, FD_EVENT_READ);
    fd_watch_want(probe.watch, true, true);
    g_assert_cmpuint(fd_watch_events(probe.watch), ==, FD_EVENT_READ | FD_EVENT_WRITE);
    fd_watch_want(probe.watch, false, true);
    g_assert_cmpuint(fd_watch_events(probe.watch), ==, FD_EVENT_WRITE);
    fd_watch_want(probe.watch, false, false);
    g_assert_cmpuint(fd_watch_events(probe.watch), ==, FD_EVENT_NONE);
    fd_watch_want(NULL, true, true);
    fd_watch_free(probe.watch);
    close_pair(fds);
}

/* A descriptor that is not open is told as ready, so that its user sees EBADF. */
static void test_bad_fd(void)
{
    Probe probe = { 0 };

    probe_start(&probe, 1000000, FD_EVENT_READ);
    LOOP_UNTIL(probe.calls > 0);
    fd_watch_free(probe.watch);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fd-watch/readable", test_readable);
    g_test_add_func("/fd-watch/level-triggered", test_level_triggered);
    g_test_add_func("/fd-watch/writable", test_writable);
    g_test_add_func("/fd-watch/nothing-at-first", test_nothing_at_first);
    g_test_add_func("/fd-watch/stop-and-restart", test_stop_and_restart);
    g_test_add_func("/fd-watch/hangup-does-not-spin", test_hangup_does_not_spin);
    g_test_add_func("/fd-watch/hangup-is-readable", test_hangup_is_readable);
    g_test_add_func("/fd-watch/hangup-when-asked", test_hangup_when_asked);
    g_test_add_func("/fd-watch/half-close-is-hangup", test_half_close_is_hangup);
    g_test_add_func("/fd-watch/broken-pipe-is-writable", test_broken_pipe_is_writable);
    g_test_add_func("/fd-watch/free-self", test_free_self);
    g_test_add_func("/fd-watch/free-other-in-batch", test_free_other_in_batch);
    g_test_add_func("/fd-watch/stop-other-in-batch", test_stop_other_in_batch);
    g_test_add_func("/fd-watch/free-null", test_free_null);
    g_test_add_func("/fd-watch/file-is-always-ready", test_file_is_always_ready);
    g_test_add_func("/fd-watch/file-never-hangs-up", test_file_never_hangs_up);
    g_test_add_func("/fd-watch/file-frees-other-file", test_file_frees_other_file);
    g_test_add_func("/fd-watch/file-frees-itself", test_file_frees_itself);
    g_test_add_func("/fd-watch/file-and-socket", test_file_and_socket);
    g_test_add_func("/fd-watch/two-watches-on-one-fd", test_two_watches_on_one_fd);
    g_test_add_func("/fd-watch/many", test_many);
    g_test_add_func("/fd-watch/want", test_want);
    g_test_add_func("/fd-watch/bad-fd", test_bad_fd);
    return g_test_run();
}
