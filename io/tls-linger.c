/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Closes a socket so that the peer can still read what was sent last. */

/*
 * The kernel resets a connection that is closed while there are bytes that nobody has read, or
 * that more bytes come to, and with a reset goes what the peer has not read yet: the alert that
 * tells it why it was refused. So what comes is thrown away until the peer has closed, too, or for
 * a second.
 */

#include "io/tls-internal.h"

#include <errno.h>
#include <sys/socket.h>

#include "util/clock.h"
#include "util/fd-watch.h"
#include "util/fd.h"

#define TLS_LINGER_NS INT64_C(1000000000)

/** More are closed at once. */
#define TLS_LINGERS_MAX 32

typedef struct TlsLinger {
    int fd;          /* owned */
    FdWatch *watch;  /* owned */
    Timer *deadline; /* owned */
} TlsLinger;

static GPtrArray *lingers; /* owned TlsLinger *; NULL = there was none yet */

static void tls_linger_free(void *opaque)
{
    TlsLinger *linger = opaque;

    timer_free(linger->deadline);
    fd_watch_free(linger->watch);
    fd_close(&linger->fd);
    g_free(linger);
}

static void tls_linger_end(void *opaque)
{
    g_ptr_array_remove_fast(lingers, opaque);
}

static void tls_linger_read(int fd, FdEvents events, void *opaque)
{
    char buffer[4096];
    ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        tls_linger_end(opaque);
    }
}

void tls_linger(int fd)
{
    TlsLinger *linger;

    if (!lingers) {
        lingers = g_ptr_array_new_with_free_func(tls_linger_free);
    }
    if (lingers->len >= TLS_LINGERS_MAX || shutdown(fd, SHUT_WR) < 0) {
        fd_close(&fd);
        return;
    }
    linger = g_new0(TlsLinger, 1);
    linger->fd = fd;
    linger->watch = fd_watch_new(fd, tls_linger_read, linger);
    linger->deadline = timer_new(CLOCK_TYPE_REALTIME, tls_linger_end, linger);
    fd_watch_set(linger->watch, FD_EVENT_READ);
    timer_start_at(linger->deadline, clock_now_ns(CLOCK_TYPE_REALTIME) + TLS_LINGER_NS);
    g_ptr_array_add(lingers, linger);
}
