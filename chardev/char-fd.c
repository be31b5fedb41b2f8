/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The common part of the back ends that read and write plain descriptors. */

/*
 * Such a device is open for its whole life: the end of the input, or a reader of the output
 * that went away, ends that direction only and is no event.
 */

#include "chardev/char-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "util/error.h"
#include "util/fd-set.h"
#include "util/fd.h"

int char_open_path(const char *path, int flags, GError **error)
{
    int fd = fd_set_open_path(path, flags | O_NONBLOCK | O_NOCTTY, 0);

    if (fd < 0) {
        error_set_errno(error, errno, "Could not open '%s'", path);
    }
    return fd;
}

static void char_fd_read(int fd, FdEvents events, void *opaque)
{
    CharFd *cf = opaque;
    Chardev *chr = &cf->chr;
    size_t wanted = char_read_wanted(chr);
    uint8_t *buffer = char_read_buffer();
    ssize_t n_read = wanted > 0 ? read(fd, buffer, wanted) : -1;

    if (wanted > 0 && n_read < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    char_ref(chr);
    if (n_read > 0) {
        char_deliver(chr, buffer, (size_t)n_read);
    } else if (wanted > 0) {
        cf->in_ended = true;
    }
    if (!chr->is_closed) {
        char_fd_update(chr, chr->fe);
    }
    char_unref(chr);
}

static void char_fd_writable(int fd, FdEvents events, void *opaque)
{
    CharFd *cf = opaque;
    Chardev *chr = &cf->chr;

    char_ref(chr);
    char_write_ready(chr);
    if (!chr->is_closed) {
        char_fd_update(chr, chr->fe);
    }
    char_unref(chr);
}

void char_fd_start(CharFd *cf, int in_fd, int out_fd)
{
    cf->in_fd = in_fd;
    cf->out_fd = out_fd;
    cf->in_ended = in_fd < 0;
    if (in_fd >= 0) {
        cf->in_watch = fd_watch_new(in_fd, char_fd_read, cf);
    }
    if (out_fd >= 0 && out_fd != in_fd) {
        cf->out_watch = fd_watch_new(out_fd, char_fd_writable, cf);
    }
    char_set_open(&cf->chr, true);
}

void char_fd_close(Chardev *chr)
{
    CharFd *cf = (CharFd *)chr;

    g_clear_pointer(&cf->in_watch, fd_watch_free);
    g_clear_pointer(&cf->out_watch, fd_watch_free);
    if (cf->out_fd == cf->in_fd) {
        cf->out_fd = -1;
    }
    fd_close(&cf->in_fd);
    fd_close(&cf->out_fd);
}

ssize_t char_fd_writev(Chardev *chr, CharFrontend *fe, const struct iovec *iov, int n_iov)
{
    CharFd *cf = (CharFd *)chr;
    ssize_t n_written;

    do {
        n_written = writev(cf->out_fd, iov, MIN(n_iov, IOV_MAX));
    } while (n_written < 0 && errno == EINTR);
    if (n_written < 0) {
        return errno == EAGAIN ? 0 : -errno;
    }
    return n_written;
}

void char_fd_update(Chardev *chr, CharFrontend *fe)
{
    CharFd *cf = (CharFd *)chr;

    if (cf->in_watch) {
        bool wants = !cf->in_ended && char_read_wanted(chr) > 0;

        fd_watch_set(cf->in_watch, wants ? FD_EVENT_READ : FD_EVENT_NONE);
    }
    if (cf->out_watch) {
        fd_watch_set(cf->out_watch, char_write_blocked(chr) ? FD_EVENT_WRITE : FD_EVENT_NONE);
    }
}
