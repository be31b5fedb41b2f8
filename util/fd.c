/* SPDX-License-Identifier: GPL-2.0-or-later */
/* File descriptors as owned values. */

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

/* One read, which the kernel doubles; it may cut it to its own limit. */
#define SEND_BUFFER_SIZE (256 * 1024)

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

void fd_widen_send_buffer(int fd)
{
    int domain = AF_UNSPEC;
    int size = SEND_BUFFER_SIZE;
    socklen_t len = sizeof(domain);

    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX) {
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    }
}
