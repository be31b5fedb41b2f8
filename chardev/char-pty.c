/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Back end pty: a new pseudo-terminal, open while a process has its slave side open. */

/*
 * The master side reports when the last slave is closed (hang-up) but not when one is opened;
 * inotify on the slave's path reports that, so nothing has to be polled.
 */

#include "chardev/char-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>

#include "util/error.h"
#include "util/fd.h"
#include "util/janitor.h"

typedef struct CharPty {
    Chardev chr;
    char *path; /* owned; of the slave */
    char *link; /* owned; symbolic link to it, NULL = none */
    JanitorEntry link_entry; /* when the process may not remove it itself */
    int fd;     /* owned; the master */
    FdWatch *watch;
    int inotify_fd; /* owned */
    FdWatch *inotify_watch;
    bool hangup_waits; /* no process has it open any more, unread bytes come first */
    bool end_waits;    /* the same, what was read is still being worked on */
} CharPty;

static bool char_pty_is_hung_up(const CharPty *pty)
{
    struct pollfd pfd = { .fd = pty->fd };

    return poll(&pfd, 1, 0) > 0 && (pfd.revents & POLLHUP);
}

static void char_pty_update(Chardev *chr, CharFrontend *fe)
{
    CharPty *pty = (CharPty *)chr;
    FdEvents events = FD_EVENT_NONE;
    bool busy = char_is_busy(chr);

    pty->end_waits = pty->end_waits && busy;
    if (chr->is_open) {
        if (char_read_wanted(chr) > 0 && !pty->end_waits) {
            events |= FD_EVENT_READ;
        } else if (!busy) {
            events |= FD_EVENT_HANGUP;
        }
        if (char_write_blocked(chr)) {
            events |= FD_EVENT_WRITE;
        }
    }
    pty->hangup_waits = false;
    fd_watch_set(pty->watch, events);
}

static void char_pty_read(CharPty *pty)
{
    size_t wanted = char_read_wanted(&pty->chr);
    uint8_t *buffer = char_read_buffer();
    ssize_t n_read;

    if (wanted == 0) {
        return;
    }
    n_read = read(pty->fd, buffer, wanted);
    if (n_read > 0) {
        char_deliver(&pty->chr, buffer, (size_t)n_read);
    } else if (n_read < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    } else if (char_is_busy(&pty->chr)) {
        pty->end_waits = true; /* once it is not, the end is read again */
    } else {
        char_set_open(&pty->chr, false);
    }
}

static void char_pty_hangup(CharPty *pty)
{
    Chardev *chr = &pty->chr;
    int n_unread = 0;

    if (!char_pty_is_hung_up(pty)) {
        return;
    }
    if ((!chr->fe || char_has_reader(chr)) && ioctl(pty->fd, FIONREAD, &n_unread) == 0 &&
        n_unread > 0) {
        pty->hangup_waits = true;
        fd_watch_set(pty->watch, fd_watch_events(pty->watch) & ~FD_EVENT_HANGUP);
        return;
    }
    char_set_open(chr, false);
}

static void char_pty_event(int fd, FdEvents events, void *opaque)
{
    CharPty *pty = opaque;
    Chardev *chr = &pty->chr;

    char_ref(chr);
    if (events & FD_EVENT_WRITE) {
        char_write_ready(chr);
    }
    if ((events & FD_EVENT_READ) && chr->is_open) {
        char_pty_read(pty);
    }
    if ((events & FD_EVENT_HANGUP) && chr->is_open) {
        char_pty_hangup(pty);
    }
    if (!chr->is_closed && !pty->hangup_waits) {
        char_pty_update(chr, chr->fe);
    }
    char_unref(chr);
}

/** A process has opened the slave; the first read shows whether it is still open. */
static void char_pty_opened(int inotify_fd, FdEvents events, void *opaque)
{
    CharPty *pty = opaque;
    Chardev *chr = &pty->chr;
    char buffer[sizeof(struct inotify_event) + NAME_MAX + 1];

    if (read(inotify_fd, buffer, sizeof(buffer)) <= 0) {
        return;
    }
    char_ref(chr);
    char_set_open(chr, true);
    if (!chr->is_closed) {
        char_pty_update(chr, chr->fe);
    }
    char_unref(chr);
}

static ssize_t char_pty_writev(Chardev *chr, CharFrontend *fe, const struct iovec *iov,
                               int n_iov)
{
    CharPty *pty = (CharPty *)chr;
    ssize_t n_written;

    do {
        n_written = writev(pty->fd, iov, MIN(n_iov, IOV_MAX));
    } while (n_written < 0 && errno == EINTR);
    if (n_written < 0) {
        return errno == EAGAIN ? 0 : -errno;
    }
    return n_written;
}

/** Bytes go through the terminal as they are. */
static bool char_pty_set_raw(const char *path)
{
    auto_fd int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios mode;

    if (fd < 0 || tcgetattr(fd, &mode) < 0) {
        return false;
    }
    cfmakeraw(&mode);
    return tcsetattr(fd, TCSAFLUSH, &mode) == 0;
}

static bool char_pty_make(CharPty *pty, GError **error)
{
    char path[PATH_MAX];

    pty->fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (pty->fd < 0 || grantpt(pty->fd) < 0 || unlockpt(pty->fd) < 0 ||
        ptsname_r(pty->fd, path, sizeof(path)) != 0 || !char_pty_set_raw(path)) {
        return error_set_errno(error, errno, "Failed to create PTY");
    }
    pty->path = g_strdup(path);
    return true;
}

/**
 * Whether a process that was killed has left the link: what it leads to is gone, is ours now, or
 * was made after it. A chmod of a terminal in use can make a link look so.
 */
static bool char_pty_link_is_stale(const CharPty *pty, const char *link)
{
    g_autofree char *target = g_file_read_link(link, NULL);
    struct stat link_st, st;

    if (!target || !g_str_has_prefix(target, "/dev/pts/") || lstat(link, &link_st) < 0) {
        return false;
    }
    if (strcmp(target, pty->path) == 0 || stat(target, &st) < 0) {
        return true;
    }
    return st.st_ctim.tv_sec > link_st.st_mtim.tv_sec ||
           (st.st_ctim.tv_sec == link_st.st_mtim.tv_sec &&
            st.st_ctim.tv_nsec > link_st.st_mtim.tv_nsec);
}

static bool char_pty_make_link(CharPty *pty, const char *link, GError **error)
{
    bool is_made = symlink(pty->path, link) == 0;
    struct stat st;

    if (!is_made && errno == EEXIST && char_pty_link_is_stale(pty, link)) {
        is_made = unlink(link) == 0 && symlink(pty->path, link) == 0;
    }
    if (!is_made) {
        return error_set_errno(error, errno, "Failed to create PTY symlink");
    }
    pty->link = g_strdup(link);
    if (lstat(link, &st) == 0) {
        pty->link_entry = janitor_add(link, &st);
    }
    return true;
}

static bool char_pty_open(Chardev *chr, const ChardevBackend *backend, GError **error)
{
    CharPty *pty = (CharPty *)chr;
    const char *link = backend->u.pty.data->path;

    pty->inotify_fd = -1;
    if (!char_pty_make(pty, error)) {
        return false;
    }
    pty->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (pty->inotify_fd < 0 || inotify_add_watch(pty->inotify_fd, pty->path, IN_OPEN) < 0) {
        return error_set_errno(error, errno, "Failed to watch PTY '%s'", pty->path);
    }
    if (link && !char_pty_make_link(pty, link, error)) {
        return false;
    }
    pty->watch = fd_watch_new(pty->fd, char_pty_event, pty);
    pty->inotify_watch = fd_watch_new(pty->inotify_fd, char_pty_opened, pty);
    fd_watch_set(pty->inotify_watch, FD_EVENT_READ);
    return true;
}

/** Remove the link unless it points elsewhere by now. */
static void char_pty_unlink(const CharPty *pty)
{
    g_autofree char *target = pty->link ? g_file_read_link(pty->link, NULL) : NULL;

    if (target && g_strcmp0(target, pty->path) == 0) {
        unlink(pty->link);
    }
}

static void char_pty_close(Chardev *chr)
{
    CharPty *pty = (CharPty *)chr;

    g_clear_pointer(&pty->watch, fd_watch_free);
    g_clear_pointer(&pty->inotify_watch, fd_watch_free);
    fd_close(&pty->inotify_fd);
    fd_close(&pty->fd);
    if (!janitor_remove(pty->link_entry)) {
        char_pty_unlink(pty);
    }
    g_clear_pointer(&pty->link, g_free);
    g_clear_pointer(&pty->path, g_free);
}

static const char *char_pty_path(const Chardev *chr)
{
    return ((const CharPty *)chr)->path;
}

/* Owner and mode of a terminal decide who may open it. */
static bool char_pty_is_terminal(const Chardev *chr)
{
    return true;
}

static char *char_pty_filename(const Chardev *chr)
{
    return g_strdup_printf("pty:%s", char_pty_path(chr));
}

const ChardevClass char_pty_class = {
    .size = sizeof(CharPty),
    .open = char_pty_open,
    .close = char_pty_close,
    .writev = char_pty_writev,
    .update = char_pty_update,
    .filename = char_pty_filename,
    .pty_path = char_pty_path,
    .is_terminal = char_pty_is_terminal,
};
