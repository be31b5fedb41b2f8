/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells when a file has got new contents, by inotify(7). */

/*
 * The folder is watched, not the file: who replaces a file makes another one of its name. A file
 * that is open for writing may be half done, so it counts when its writer has closed it.
 */

#include "util/file-watch.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "util/error.h"
#include "util/fd-watch.h"
#include "util/fd.h"

#define FILE_WATCH_MASK (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | \
                         IN_MOVE_SELF | IN_ONLYDIR)

/* That concern the folder, or all that is in it. */
#define FILE_WATCH_ALL (IN_MOVE_SELF | IN_IGNORED | IN_Q_OVERFLOW)

struct FileWatch {
    char *name;     /* owned: last component */
    int fd;         /* owned */
    FdWatch *watch; /* owned */
    FileWatchFunc *func;
    void *opaque;
};

static bool file_watch_concerns(const FileWatch *fw, const struct inotify_event *event)
{
    return (event->mask & FILE_WATCH_ALL) ||
           (event->len > 0 && strcmp(event->name, fw->name) == 0);
}

/* Returns: whether one of the events, @len bytes of them, is of the file. */
static bool file_watch_look(const FileWatch *fw, const char *events, size_t len)
{
    bool has_changed = false;

    for (size_t at = 0; at < len;) {
        const struct inotify_event *event = (const void *)(events + at);

        has_changed |= file_watch_concerns(fw, event);
        at += sizeof(*event) + event->len;
    }
    return has_changed;
}

/* However many events there are, one call is enough. */
static void file_watch_ready(int fd, FdEvents events, void *opaque)
{
    FileWatch *fw = opaque;
    char buffer[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)]
        __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t n = read(fd, buffer, sizeof(buffer));

    if (n > 0 && file_watch_look(fw, buffer, (size_t)n)) {
        fw->func(fw->opaque);
    }
}

FileWatch *file_watch_new(const char *path, FileWatchFunc *func, void *opaque, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(path);
    auto_fd int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    FileWatch *fw;

    if (fd < 0 || inotify_add_watch(fd, folder, FILE_WATCH_MASK) < 0) {
        error_set_errno(error, errno, "Unable to watch '%s'", folder);
        return NULL;
    }
    fw = g_new0(FileWatch, 1);
    fw->name = g_path_get_basename(path);
    fw->func = func;
    fw->opaque = opaque;
    fw->fd = fd_steal(&fd);
    fw->watch = fd_watch_new(fw->fd, file_watch_ready, fw);
    fd_watch_set(fw->watch, FD_EVENT_READ);
    return fw;
}

void file_watch_free(FileWatch *fw)
{
    if (fw) {
        fd_watch_free(fw->watch);
        fd_close(&fw->fd);
        g_free(fw->name);
        g_free(fw);
    }
}
