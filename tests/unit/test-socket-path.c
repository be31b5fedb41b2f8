/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of paths of unix sockets: what gives way to ours, and which file is removed at the end. */

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "io/socket-path.h"
#include "util/fd.h"

static char *folder;
static char *path; /* in @folder: where a socket is to be bound */

/* --- What is in the way ------------------------------------------------------------------ */

static int bind_socket(int type)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    g_strlcpy(sa.sun_path, path, sizeof(sa.sun_path));
    g_assert_cmpint(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), ==, 0);
    return fd;
}

static int make_nothing(void)
{
    return -1;
}

static int make_empty_file(void)
{
    return open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
}

static int make_full_file(void)
{
    g_assert_true(g_file_set_contents(path, "abc", 3, NULL));
    return -1;
}

static int make_directory(void)
{
    g_assert_cmpint(mkdir(path, 0700), ==, 0);
    return -1;
}

static int make_link(void)
{
    g_assert_cmpint(symlink("nowhere", path), ==, 0);
    return -1;
}

static int make_pipe(void)
{
    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    return -1;
}

static int make_dead_stream(void)
{
    auto_fd int fd = bind_socket(SOCK_STREAM);

    g_assert_cmpint(listen(fd, 1), ==, 0);
    return -1;
}

static int make_dead_dgram(void)
{
    auto_fd int fd = bind_socket(SOCK_DGRAM);

    g_assert_cmpint(fd, >=, 0);
    return -1;
}

static int make_live_stream(void)
{
    int fd = bind_socket(SOCK_STREAM);

    g_assert_cmpint(listen(fd, 1), ==, 0);
    return fd;
}

static int make_live_seqpacket(void)
{
    int fd = bind_socket(SOCK_SEQPACKET);

    g_assert_cmpint(listen(fd, 1), ==, 0);
    return fd;
}

static int make_live_dgram(void)
{
    return bind_socket(SOCK_DGRAM);
}

typedef struct Obstacle {
    const char *name;
    int (*make)(void);
    const char *noun; /* NULL = gives way */
} Obstacle;

static const Obstacle obstacles[] = {
    { "nothing", make_nothing, NULL },
    { "empty-file", make_empty_file, NULL },
    { "dead-stream-socket", make_dead_stream, NULL },
    { "dead-dgram-socket", make_dead_dgram, NULL },
    { "file", make_full_file, "a file of 3 bytes" },
    { "directory", make_directory, "a directory" },
    { "symbolic-link", make_link, "a symbolic link" },
    { "pipe", make_pipe, "a device or pipe" },
    { "stream-listener", make_live_stream, "a socket in use" },
    { "seqpacket-listener", make_live_seqpacket, "a socket in use" },
    { "dgram-receiver", make_live_dgram, "a socket in use" },
};

static void test_obstacle(const void *data)
{
    const Obstacle *obstacle = data;
    auto_fd int fd = obstacle->make();
    g_autofree char *noun = socket_path_make_room(path);
    struct stat st;

    g_assert_cmpstr(noun, ==, obstacle->noun);
    g_assert_cmpint(lstat(path, &st), ==, obstacle->noun ? 0 : -1);
    g_remove(path);
}

/* The question whether somebody listens is no visit of a client. */
static void test_no_visit(void)
{
    auto_fd int listener = make_live_stream();
    g_autofree char *noun = socket_path_make_room(path);
    struct pollfd pfd = { .fd = listener, .events = POLLIN };

    g_assert_cmpstr(noun, ==, "a socket in use");
    g_assert_cmpint(poll(&pfd, 1, 0), ==, 0);
    g_unlink(path);
}

/* A datagram socket that is connected to another one refuses ours, and is in use. */
static void test_connected_dgram(void)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    auto_fd int receiver = bind_socket(SOCK_DGRAM);
    auto_fd int other = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    g_autofree char *noun = NULL;
    socklen_t len = sizeof(sa);

    g_assert_cmpint(bind(other, (struct sockaddr *)&sa, sizeof(sa.sun_family)), ==, 0);
    g_assert_cmpint(getsockname(other, (struct sockaddr *)&sa, &len), ==, 0);
    g_assert_cmpint(connect(receiver, (struct sockaddr *)&sa, len), ==, 0);
    noun = socket_path_make_room(path);
    g_assert_cmpstr(noun, ==, "a socket in use");
    g_unlink(path);
}

/* --- Who owns ---------------------------------------------------------------------------- */

static void test_removes_own(void)
{
    auto_fd int fd = make_live_stream();
    SocketPath *owned = socket_path_new(path);

    g_assert_nonnull(owned);
    g_assert_cmpint(fd, >=, 0);
    socket_path_free(owned);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

static void test_leaves_others(void)
{
    auto_fd int fd = make_live_stream();
    SocketPath *owned = socket_path_new(path);
    g_autofree char *aside = g_strconcat(path, "-aside", NULL);
    auto_fd int other = -1;

    /* The old file stays until the end, or its inode might be used again. */
    g_assert_cmpint(g_rename(path, aside), ==, 0);
    other = make_live_stream();
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(other, >=, 0);
    socket_path_free(owned);
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    g_unlink(path);
    g_unlink(aside);
}

static void test_after_chdir(void)
{
    auto_fd int fd = make_live_stream();
    g_autofree char *back = g_get_current_dir();
    g_autofree char *name = g_path_get_basename(path);
    SocketPath *owned;

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(chdir(folder), ==, 0);
    owned = socket_path_new(name);
    g_assert_cmpint(chdir("/"), ==, 0);
    socket_path_free(owned);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    g_assert_cmpint(chdir(back), ==, 0);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    folder = g_dir_make_tmp("qnd-XXXXXX", NULL);
    path = g_build_filename(folder, "s", NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(obstacles); i++) {
        g_autofree char *name = g_strdup_printf("/socket-path/%s", obstacles[i].name);

        g_test_add_data_func(name, &obstacles[i], test_obstacle);
    }
    g_test_add_func("/socket-path/no-visit", test_no_visit);
    g_test_add_func("/socket-path/connected-dgram", test_connected_dgram);
    g_test_add_func("/socket-path/removes-its-own", test_removes_own);
    g_test_add_func("/socket-path/leaves-another's", test_leaves_others);
    g_test_add_func("/socket-path/after-chdir", test_after_chdir);
    status = g_test_run();
    g_rmdir(folder);
    g_free(path);
    g_free(folder);
    return status;
}
