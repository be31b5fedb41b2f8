/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes forked from this one that go on by themselves and leave no zombie. */

#include "util/detached.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void detached_close_others(const int *kept, size_t n_kept)
{
    unsigned first = 0;

    for (size_t i = 0; i < n_kept; i++) {
        if ((unsigned)kept[i] > first) {
            close_range(first, (unsigned)kept[i] - 1, 0);
        }
        first = (unsigned)kept[i] + 1;
    }
    close_range(first, ~0u, 0);
}

/* Until nobody has the other end of the pipe any more. */
static void detached_await_end(int fd)
{
    char byte;

    while (read(fd, &byte, 1) < 0 && errno == EINTR) {
    }
}

/*
 * Two forks: the one between ends at once, and with it the tie to this process. That waits until
 * the other has closed what is not its own: a lock or an interface would outlive it otherwise.
 */
int detached_start(const int *kept, size_t n_kept, DetachedFunc *func, void *opaque)
{
    sigset_t all, before;
    int closed[2];
    int status = 0;
    pid_t child;

    if (pipe2(closed, O_CLOEXEC) < 0) {
        return errno;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    child = fork();
    if (child == 0) {
        pid_t detached = fork();

        if (detached == 0) {
            detached_close_others(kept, n_kept);
            func(opaque);
            _exit(EXIT_SUCCESS);
        }
        _exit(detached < 0 ? errno : 0);
    }
    close(closed[1]);
    if (child < 0) {
        status = errno;
    } else if (waitpid(child, &status, 0) == child) {
        status = WIFEXITED(status) ? WEXITSTATUS(status) : EAGAIN;
    }
    detached_await_end(closed[0]);
    close(closed[0]);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}
