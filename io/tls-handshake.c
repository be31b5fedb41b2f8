/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TLS handshakes on the loop: in steps, with a deadline, in a bounded share of its time. */

/*
 * A step of a handshake may cost a millisecond and more of computing, and whoever can connect can
 * ask for it. So after each step all handshakes rest for three times as long as it took: however
 * many peers there are, three quarters of the loop's time are for what it is there for.
 */

#include "io/tls-handshake.h"

#include "io/tls-internal.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/fd-watch.h"
#include "util/fd.h"

/** How long all rest after a step, in units of its time. */
#define TLS_HANDSHAKE_REST 3

struct TlsHandshake {
    TlsSession *session; /* owned */
    int fd;              /* owned */
    FdWatch *watch;      /* owned */
    Timer *deadline;     /* owned */
    Timer *rest;         /* owned; runs while the handshake could go on, but must not yet */
    FdEvents wanted;     /* what the next step waits for */
    TlsHandshakeFunc *func;
    void *opaque;
};

static int64_t rest_until_ns; /* before that no handshake makes a step */

void tls_handshake_cancel(TlsHandshake *handshake)
{
    if (handshake) {
        timer_free(handshake->deadline);
        timer_free(handshake->rest);
        fd_watch_free(handshake->watch);
        tls_session_free(handshake->session);
        fd_close(&handshake->fd);
        g_free(handshake);
    }
}

static void tls_handshake_finish(TlsHandshake *handshake, const GError *error)
{
    TlsSession *session = error ? NULL : g_steal_pointer(&handshake->session);
    int fd = error ? -1 : fd_steal(&handshake->fd);

    fd_watch_free(g_steal_pointer(&handshake->watch));
    timer_stop(handshake->deadline);
    handshake->func(handshake, session, fd, error, handshake->opaque);
    if (handshake->fd >= 0) {
        tls_linger(fd_steal(&handshake->fd));
    }
    tls_handshake_cancel(handshake);
}

static void tls_handshake_wait(TlsHandshake *handshake, FdEvents wanted)
{
    handshake->wanted = wanted;
    fd_watch_set(handshake->watch, wanted);
}

static void tls_handshake_step(TlsHandshake *handshake)
{
    g_autoptr(GError) error = NULL;
    int64_t begin_ns = clock_now_ns(CLOCK_TYPE_REALTIME);
    TlsStep step = tls_session_handshake(handshake->session, &error);
    int64_t end_ns = clock_now_ns(CLOCK_TYPE_REALTIME);

    rest_until_ns = end_ns + TLS_HANDSHAKE_REST * (end_ns - begin_ns);
    switch (step) {
    case TLS_STEP_READ:
        tls_handshake_wait(handshake, FD_EVENT_READ);
        break;
    case TLS_STEP_WRITE:
        tls_handshake_wait(handshake, FD_EVENT_WRITE);
        break;
    case TLS_STEP_DONE:
    case TLS_STEP_FAILED:
        tls_handshake_finish(handshake, error);
        break;
    }
}

static void tls_handshake_ready(int fd, FdEvents events, void *opaque)
{
    TlsHandshake *handshake = opaque;

    if (clock_now_ns(CLOCK_TYPE_REALTIME) >= rest_until_ns) {
        tls_handshake_step(handshake);
    } else {
        fd_watch_set(handshake->watch, FD_EVENT_NONE);
        timer_start_at(handshake->rest, rest_until_ns);
    }
}

static void tls_handshake_rested(void *opaque)
{
    TlsHandshake *handshake = opaque;

    tls_handshake_ready(handshake->fd, handshake->wanted, handshake);
}

static void tls_handshake_expire(void *opaque)
{
    TlsHandshake *handshake = opaque;
    g_autoptr(GError) error = NULL;

    error_set(&error, "The TLS handshake was not done within %" G_GINT64_FORMAT " ms",
              tls_session_timeout_ms(handshake->session));
    tls_handshake_finish(handshake, error);
}

TlsHandshake *tls_handshake_start(TlsSession *session, int fd, TlsHandshakeFunc *func,
                                  void *opaque)
{
    TlsHandshake *handshake = g_new0(TlsHandshake, 1);
    int64_t timeout_ns = tls_session_timeout_ms(session) * INT64_C(1000000);

    handshake->session = session;
    handshake->fd = fd;
    handshake->func = func;
    handshake->opaque = opaque;
    handshake->watch = fd_watch_new(fd, tls_handshake_ready, handshake);
    handshake->rest = timer_new(CLOCK_TYPE_REALTIME, tls_handshake_rested, handshake);
    handshake->deadline = timer_new(CLOCK_TYPE_REALTIME, tls_handshake_expire, handshake);
    timer_start_at(handshake->deadline, clock_now_ns(CLOCK_TYPE_REALTIME) + timeout_ns);
    tls_handshake_wait(handshake, FD_EVENT_WRITE); /* there is room: the first step is next */
    return handshake;
}
