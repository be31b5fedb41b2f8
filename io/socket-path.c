/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths of unix sockets: making room for ours, and removing it and no other at the end. */

/*
 * Whether a process has the socket at a path is asked with a datagram socket: connecting that one
 * to a stream socket fails with EPROTOTYPE if the socket is open in some process, and with
 * ECONNREFUSED if it is in none (unix(7)). Neither reaches the process, where a connection of the
 * right type would be a visit of a client. The kernel answers by the file itself, so the answer
 * holds for a listener in another network namespace and on stacked file systems, too.
 */

#include "io/socket-path.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/janitor.h"

struct SocketPath {
    char *name; /* owned: absolute */
    dev_t dev;
    ino_t ino;
    JanitorEntry entry; /* when the process may not remove it itself */
};

static const SocketPath *yielding; /* borrowed; NULL = none */

void socket_path_set_yielding(const SocketPath *path)
{
    yielding = path;
}

static bool socket_path_is(const SocketPath *path, const struct stat *st)
{
    return path && path->dev == st->st_dev && path->ino == st->st_ino;
}

/* Returns: 0 = open in some process; ECONNREFUSED = in none; else why that is not known. */
static int socket_path_probe(const char *path)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    auto_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) {
        return errno;
    }
    memcpy(sa.sun_path, path, MIN(strlen(path), sizeof(sa.sun_path)));
    if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) == 0) {
        return 0;
    }
    /* EPERM: a datagram socket that is connected to another one. */
    return errno == EPROTOTYPE || errno == EPERM ? 0 : errno;
}

/* Returns: NULL when the socket is dead, else the noun of its kind. */
static char *socket_path_describe_socket(const char *path, const struct stat *st)
{
    int err = socket_path_is(yielding, st) ? ECONNREFUSED : socket_path_probe(path);

    if (err == ECONNREFUSED) {
        return NULL;
    }
    return err == 0 ? g_strdup("a socket in use")
                    : g_strdup_printf("a socket that may be in use (%s)", g_strerror(err));
}

/* Returns: NULL when the file may be removed, else the noun of its kind. */
static char *socket_path_describe(const char *path, const struct stat *st)
{
    switch (st->st_mode & S_IFMT) {
    case S_IFSOCK:
        return socket_path_describe_socket(path, st);
    case S_IFREG:
        return st->st_size == 0 ? NULL : g_strdup_printf("a file of %jd bytes",
                                                         (intmax_t)st->st_size);
    case S_IFDIR:
        return g_strdup("a directory");
    case S_IFLNK:
        return g_strdup("a symbolic link");
    default:
        return g_strdup("a device or pipe");
    }
}

char *socket_path_make_room(const char *path)
{
    struct stat st;
    char *noun;

    if (lstat(path, &st) < 0) {
        return NULL; /* bind() says what is wrong with the folder */
    }
    noun = socket_path_describe(path, &st);
    if (noun || unlink(path) == 0 || errno == ENOENT) {
        return noun;
    }
    return g_strdup_printf("an old file that cannot be removed (%s)", g_strerror(errno));
}

SocketPath *socket_path_new(const char *path)
{
    g_autofree char *folder = g_get_current_dir();
    struct stat st;
    SocketPath *owned;

    if (lstat(path, &st) < 0) {
        return NULL;
    }
    owned = g_new0(SocketPath, 1);
    owned->name = path[0] == '/' ? g_strdup(path) : g_build_filename(folder, path, NULL);
    owned->dev = st.st_dev;
    owned->ino = st.st_ino;
    owned->entry = janitor_add(owned->name, &st);
    return owned;
}

void socket_path_free(SocketPath *path)
{
    struct stat st;

    if (!path) {
        return;
    }
    if (!janitor_remove(path->entry) && lstat(path->name, &st) == 0 &&
        socket_path_is(path, &st)) {
        unlink(path->name);
    }
    g_free(path->name);
    g_free(path);
}
