/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waiting outside the loop until a descriptor is ready or the process is asked to end. */

#include "util/interrupt.h"

#include <errno.h>
#include <poll.h>

static int interrupt_fd = -1;

void interrupt_set_fd(int fd)
{
    interrupt_fd = fd;
}

int interrupt_wait(int fd, short events, int timeout_ms)
{
    /* poll() skips what is negative. */
    struct pollfd pfds[] = {
        { .fd = fd, .events = events },
        { .fd = interrupt_fd, .events = POLLIN },
    };

    /* A signal that asks for the end makes the descriptor readable; others do not count. */
    while (poll(pfds, 2, timeout_ms) < 0) {
        if (errno != EINTR) {
            return errno;
        }
    }
    return pfds[1].revents ? EINTR : 0;
}
