/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of connecting to a unix listener whose queue of clients is full. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "io/socket-address.h"
#include "qapi/qapi-types.h"
#include "util/fd.h"
#include "util/interrupt.h"
#include "connect-outcome.h"
#include "loop.h"

/*
 *   client in the queue ──► listener ◄── attempt, refused with EAGAIN
 */

static char *folder;

/* Room for one client, and that is there. Returns: the listener; *@first = the client. */
static int full_listener(const SocketAddress *addr, int *first)
{
    int listener = socket_listen(addr, 0, NULL, NULL);

    g_assert_cmpint(listener, >=, 0);
    *first = socket_connect(addr, NULL);
    g_assert_cmpint(*first, >=, 0);
    return listener;
}

typedef struct Room {
    int listener;
    int accepted;
} Room;

static gboolean room_make(gpointer opaque)
{
    Room *room = opaque;

    room->accepted = socket_accept(room->listener);
    return G_SOURCE_REMOVE;
}

/* The attempt must be refused at least once before there is room. */
#define ROOM_AFTER_MS 30

static void test_room(void)
{
    g_autofree char *path = g_build_filename(folder, "s", NULL);
    g_autoptr(SocketAddress) addr = unix_addr(path);
    auto_fd int first = -1;
    auto_fd int listener = full_listener(addr, &first);
    Room room = { .listener = listener, .accepted = -1 };
    ConnectOutcome outcome = { .fd = -1 };
    auto_fd int accepted = -1;
    char byte;

    socket_connect_start(addr, connect_outcome_set, &outcome);
    g_timeout_add(ROOM_AFTER_MS, room_make, &room);
    LOOP_UNTIL(room.accepted >= 0);
    LOOP_UNTIL(outcome.calls == 1);
    g_assert_cmpstr(outcome.message, ==, NULL);
    accepted = socket_accept(listener);
    g_assert_cmpint(accepted, >=, 0);
    g_assert_cmpint(write(outcome.fd, "x", 1), ==, 1);
    g_assert_cmpint(read(accepted, &byte, 1), ==, 1);
    fd_close(&outcome.fd);
    fd_close(&room.accepted);
    g_unlink(addr->u.q_unix.path);
}

static void test_cancel(void)
{
    g_autofree char *path = g_build_filename(folder, "s", NULL);
    g_autoptr(SocketAddress) addr = unix_addr(path);
    auto_fd int first = -1;
    auto_fd int listener = full_listener(addr, &first);
    Room room = { .listener = listener, .accepted = -1 };
    ConnectOutcome outcome = { .fd = -1 };
    SocketConnect *attempt = socket_connect_start(addr, connect_outcome_set, &outcome);

    g_timeout_add(ROOM_AFTER_MS, room_make, &room);
    g_main_context_iteration(NULL, TRUE);
    socket_connect_cancel(attempt);
    LOOP_UNTIL(room.accepted >= 0);
    loop_run_ready(10);
    g_assert_cmpuint(outcome.calls, ==, 0);
    fd_close(&room.accepted);
    g_unlink(addr->u.q_unix.path);
}

/* A listener that goes away while its queue is full refuses for good. */
static void test_gone(void)
{
    g_autofree char *path = g_build_filename(folder, "s", NULL);
    g_autofree char *message = g_strdup_printf("Failed to connect to '%s': Connection refused",
                                               path);
    g_autoptr(SocketAddress) addr = unix_addr(path);
    int first = -1;
    int listener = full_listener(addr, &first);
    ConnectOutcome outcome = { .fd = -1 };

    socket_connect_start(addr, connect_outcome_set, &outcome);
    g_main_context_iteration(NULL, TRUE);
    fd_close(&listener);
    fd_close(&first);
    LOOP_UNTIL(outcome.calls == 1);
    g_assert_cmpstr(outcome.message, ==, message);
    g_free(outcome.message);
    g_unlink(addr->u.q_unix.path);
}

/* Whoever waits for room in the queue does not keep the process from ending. */
static void test_interrupted(void)
{
    g_autofree char *path = g_build_filename(folder, "s", NULL);
    g_autofree char *message = g_strdup_printf("Failed to connect to '%s': "
                                               "Interrupted system call", path);
    g_autoptr(SocketAddress) addr = unix_addr(path);
    g_autoptr(GError) error = NULL;
    auto_fd int first = -1;
    auto_fd int listener = full_listener(addr, &first);
    int fds[2];

    g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
    g_assert_cmpint(write(fds[1], "", 1), ==, 1);
    interrupt_set_fd(fds[0]);
    g_assert_cmpint(socket_connect(addr, &error), ==, -1);
    interrupt_set_fd(-1);
    g_assert_cmpstr(error->message, ==, message);
    g_assert_cmpint(listener, >=, 0); /* clang calls it unused otherwise */
    close(fds[0]);
    close(fds[1]);
    g_unlink(addr->u.q_unix.path);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    folder = g_dir_make_tmp("qnd-XXXXXX", NULL);
    g_test_add_func("/socket-queue/waits-for-room", test_room);
    g_test_add_func("/socket-queue/cancel", test_cancel);
    g_test_add_func("/socket-queue/listener-goes", test_gone);
    g_test_add_func("/socket-queue/ends-with-the-process", test_interrupted);
    status = g_test_run();
    g_rmdir(folder);
    g_free(folder);
    return status;
}
