/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of hosts looked up in a thread while the loop goes on. */

/*
 * A lookup cannot be interrupted. The thread works on a copy of the address and hands its result
 * to the loop; a lookup that was cancelled meanwhile, or took too long, has no taker.
 */

#include <errno.h>

#include "io/reconnect.h"
#include "io/socket-internal.h"
#include "util/clock.h"
#include "util/error.h"

struct SocketLookup {
    SocketLookupFunc *func; /* of the loop only; NULL = no caller waits any more */
    void *opaque;
    Timer *deadline;        /* owned; of the loop only; NULL = no caller waits any more */
    SocketAddress *addr;    /* owned */
    unsigned flags;
    GArray *candidates;     /* owned; the result, or */
    GError *error;          /* owned; why there is none */
};

static void socket_lookup_complete(SocketLookup *lookup, GArray *candidates, const GError *error)
{
    SocketLookupFunc *func = lookup->func;

    g_clear_pointer(&lookup->deadline, timer_free);
    lookup->func = NULL;
    func(candidates, error, lookup->opaque);
}

static void socket_lookup_give_up(void *opaque)
{
    SocketLookup *lookup = opaque;
    g_autoptr(GError) error = NULL;

    error_set_errno(&error, ETIMEDOUT, "address resolution failed for %s:%s",
                    lookup->addr->u.inet.host, lookup->addr->u.inet.port);
    socket_lookup_complete(lookup, NULL, error);
}

static gboolean socket_lookup_done(gpointer opaque)
{
    SocketLookup *lookup = opaque;

    if (lookup->func) {
        socket_lookup_complete(lookup, g_steal_pointer(&lookup->candidates), lookup->error);
    }
    g_clear_pointer(&lookup->candidates, g_array_unref);
    g_clear_error(&lookup->error);
    qapi_free_SocketAddress(lookup->addr);
    g_free(lookup);
    return G_SOURCE_REMOVE;
}

static gpointer socket_lookup_run(gpointer opaque)
{
    SocketLookup *lookup = opaque;

    lookup->candidates = socket_look_up(lookup->addr, lookup->flags, &lookup->error);
    g_idle_add_full(G_PRIORITY_DEFAULT, socket_lookup_done, lookup, NULL);
    return NULL;
}

SocketLookup *socket_lookup_start(const SocketAddress *addr, unsigned flags,
                                  SocketLookupFunc *func, void *opaque)
{
    SocketLookup *lookup = g_new0(SocketLookup, 1);
    GThread *thread;

    lookup->func = func;
    lookup->opaque = opaque;
    lookup->addr = qapi_clone(QAPI_TYPE(SocketAddress), addr);
    lookup->flags = flags;
    lookup->deadline = timer_new(CLOCK_TYPE_REALTIME, socket_lookup_give_up, lookup);
    timer_start_at(lookup->deadline, clock_now_ns(CLOCK_TYPE_REALTIME) +
                                         RECONNECT_ATTEMPT_MS * INT64_C(1000000));
    thread = g_thread_try_new("lookup", socket_lookup_run, lookup, &lookup->error);
    if (thread) {
        g_thread_unref(thread);
    } else {
        g_idle_add_full(G_PRIORITY_DEFAULT, socket_lookup_done, lookup, NULL);
    }
    return lookup;
}

void socket_lookup_cancel(SocketLookup *lookup)
{
    if (lookup) {
        g_clear_pointer(&lookup->deadline, timer_free);
        lookup->func = NULL;
    }
}
