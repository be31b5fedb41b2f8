/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that need a name or a connection are answered when it is known; others go on. */

#include "io/socket-wait.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>

#include "io/socket-client.h"
#include "io/socket-internal.h"
#include "util/error.h"
#include "util/fd.h"

/** One thing that the command needs: under way while one of the first two is there. */
typedef struct SocketNeed {
    SocketWait *wait;       /* back pointer */
    SocketAddress *addr;    /* owned */
    bool is_connection;
    unsigned flags;         /* of a lookup: SocketResolveFlags */
    SocketLookup *lookup;   /* ends by itself, or is cancelled */
    SocketClient *client;   /* owned */
    GArray *candidates;     /* owned: what was looked up, or */
    int fd;                 /* owned: the connection, or */
    GError *error;          /* owned: why there is none */
} SocketNeed;

struct SocketWait {
    SocketWaitFunc *func;
    void *opaque;
    GPtrArray *needs;       /* owned SocketNeed * */
    guint n_under_way;
};

static SocketWait *current; /* borrowed: of the command that runs; NULL = none runs */

static void socket_need_free(void *opaque)
{
    SocketNeed *need = opaque;

    socket_lookup_cancel(need->lookup);
    socket_client_free(need->client);
    qapi_free_SocketAddress(need->addr);
    g_clear_pointer(&need->candidates, g_array_unref);
    g_clear_error(&need->error);
    fd_close(&need->fd);
    g_free(need);
}

static void socket_need_met(SocketNeed *need, const GError *error)
{
    SocketWait *wait = need->wait;

    need->lookup = NULL;
    g_clear_pointer(&need->client, socket_client_free);
    need->error = error ? g_error_copy(error) : NULL;
    if (--wait->n_under_way == 0) {
        wait->func(wait->opaque);
    }
}

static void socket_need_looked_up(GArray *candidates, const GError *error, void *opaque)
{
    SocketNeed *need = opaque;

    need->candidates = candidates;
    socket_need_met(need, error);
}

static void socket_need_connected(int fd, const GError *error, void *opaque)
{
    SocketNeed *need = opaque;

    need->fd = fd;
    socket_need_met(need, error);
}

static void socket_need_begin(SocketNeed *need)
{
    need->wait->n_under_way++;
    if (need->is_connection) {
        need->client = socket_client_new(need->addr, 0, socket_need_connected, need);
        socket_client_start(need->client);
    } else {
        need->lookup = socket_lookup_start(need->addr, need->flags, socket_need_looked_up, need);
    }
}

/* Returns: what the command needs; NULL with @error when that is not known yet, or not there. */
static SocketNeed *socket_wait_need(const SocketAddress *addr, bool is_connection, unsigned flags,
                                    GError **error)
{
    SocketNeed *need;

    for (guint i = 0; i < current->needs->len; i++) {
        need = g_ptr_array_index(current->needs, i);
        if (need->is_connection == is_connection && need->flags == flags &&
            qapi_equal(QAPI_TYPE(SocketAddress), need->addr, addr)) {
            if (need->error) {
                g_propagate_error(error, g_error_copy(need->error));
            }
            return need->error ? NULL : need;
        }
    }
    need = g_new0(SocketNeed, 1);
    need->wait = current;
    need->addr = qapi_clone(QAPI_TYPE(SocketAddress), addr);
    need->is_connection = is_connection;
    need->flags = flags;
    need->fd = -1;
    g_ptr_array_add(current->needs, need);
    socket_need_begin(need);
    error_set(error, "the network has not answered yet");
    return NULL;
}

bool socket_wait_is_on(void)
{
    return current != NULL;
}

GArray *socket_wait_resolve(const SocketAddress *addr, unsigned flags, GError **error)
{
    SocketNeed *need = socket_wait_need(addr, false, flags, error);

    return need ? g_array_copy(need->candidates) : NULL;
}

/* The connection is kept: the command may yet need something else, and begin again. */
int socket_wait_connect(const SocketAddress *addr, GError **error)
{
    SocketNeed *need = socket_wait_need(addr, true, 0, error);
    int fd = need ? fcntl(need->fd, F_DUPFD_CLOEXEC, 0) : -1;

    if (need && fd < 0) {
        error_set_errno(error, errno, "cannot duplicate the connection");
    }
    return fd;
}

SocketWait *socket_wait_new(SocketWaitFunc *func, void *opaque)
{
    SocketWait *wait = g_new0(SocketWait, 1);

    wait->func = func;
    wait->opaque = opaque;
    wait->needs = g_ptr_array_new_with_free_func(socket_need_free);
    return wait;
}

void socket_wait_enter(SocketWait *wait)
{
    g_assert(!current);
    current = wait;
}

bool socket_wait_leave(SocketWait *wait)
{
    g_assert(current == wait);
    current = NULL;
    return wait->n_under_way > 0;
}

void socket_wait_free(SocketWait *wait)
{
    if (wait) {
        g_ptr_array_unref(wait->needs);
        g_free(wait);
    }
}
