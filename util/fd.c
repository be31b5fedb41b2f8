/* SPDX-License-Identifier: GPL-2.0-or-later */
/* File descriptors as owned values. */

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>

void fd_close(int *fd)
{
    int saved = errno;

    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    errno = saved;
}

bool fd_set_nonblocking(int fd, bool nonblocking)
{
    int flags = fcntl(fd, F_GETFL);
    int wanted;

    if (flags < 0) {
        return false;
    }
    wanted = nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    return wanted == flags || fcntl(fd, F_SETFL, wanted) == 0;
}
