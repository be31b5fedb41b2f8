/* SPDX-License-Identifier: GPL-2.0-or-later */
/* File descriptors as owned values: close on scope exit, steal, flags. */

#ifndef UTIL_FD_H
#define UTIL_FD_H

#include <stdbool.h>
#include <unistd.h>
#include <glib.h>

/** fd_close: close *@fd unless it is negative, keep errno, leave -1 behind. */
void fd_close(int *fd);

/** A local of this type is closed at the end of its scope. */
#define auto_fd __attribute__((cleanup(fd_close))) G_GNUC_UNUSED

/** fd_steal: hand over *@fd and leave -1 behind. */
static inline int fd_steal(int *fd)
{
    int taken = *fd;

    *fd = -1;
    return taken;
}

/** fd_set_nonblocking: set or clear O_NONBLOCK. Returns: false with errno set on failure. */
bool fd_set_nonblocking(int fd, bool nonblocking);

/**
 * fd_widen_send_buffer: let a unix stream socket take a large read in one write
 *
 * Such a socket is writable again when a quarter of its buffer is in use; with the default size
 * what is then free is less than one read, and the rest of it would have to be kept. Others are
 * left alone: TCP sizes its buffers itself.
 */
void fd_widen_send_buffer(int fd);

#endif
