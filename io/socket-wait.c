/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names and connections that a command of a monitor needs. */

#include <errno.h>
#include <fcntl.h>
#include <glib.h>

#include "io/socket-client.h"
#include "io/socket-internal.h"
#include "util/command-wait.h"
#include "util/error.h"
#include "util/fd.h"

/** One of them: under way while one of the first two is there. */
typedef struct SocketNeed {
    CommandNeed need;
    SocketAddress *addr;    /* owned */
    bool is_connection;
    unsigned flags;         /* of a lookup: SocketResolveFlags */
    SocketLookup *lookup;   /* ends by itself, or is cancelled */
    SocketClient *client;   /* owned */
    GArray *candidates;     /* owned: the result of a lookup, or */
    int fd;                 /* owned: the connection, or */
    GError *error;          /* owned: why there is none */
} SocketNeed;

static void socket_need_free(CommandNeed *opaque)
{
    SocketNeed *need = (SocketNeed *)opaque;

    socket_lookup_cancel(need->lookup);
    socket_client_free(need->client);
    qapi_free_SocketAddress(need->addr);
    g_clear_pointer(&need->candidates, g_array_unref);
    g_clear_error(&need->error);
    fd_close(&need->fd);
    g_free(need);
}

/* @opaque: a SocketNeed of which the three members that say what it is are set. */
static bool socket_need_matches(const CommandNeed *opaque, const void *key)
{
    const SocketNeed *need = (const SocketNeed *)opaque;
    const SocketNeed *wanted = key;

    return need->is_connection == wanted->is_connection && need->flags == wanted->flags &&
           qapi_equal(QAPI_TYPE(SocketAddress), need->addr, wanted->addr);
}

static const CommandNeedClass socket_need_class = {
    .matches = socket_need_matches,
    .free = socket_need_free,
};

static void socket_need_met(SocketNeed *need, const GError *error)
{
    need->lookup = NULL;
    g_clear_pointer(&need->client, socket_client_free);
    need->error = error ? g_error_copy(error) : NULL;
    command_need_met(&need->need);
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
    if (need->is_connection) {
        need->client = socket_client_new(need->addr, 0, socket_need_connected, need);
        socket_client_start(need->client);
    } else {
        need->lookup = socket_lookup_start(need->addr, need->flags, socket_need_looked_up, need);
    }
}

static void socket_need_new(const SocketNeed *wanted)
{
    SocketNeed *need = g_new0(SocketNeed, 1);

    need->addr = qapi_clone(QAPI_TYPE(SocketAddress), wanted->addr);
    need->is_connection = wanted->is_connection;
    need->flags = wanted->flags;
    need->fd = -1;
    command_wait_add(&need->need, &socket_need_class);
    socket_need_begin(need);
}

/* Returns: the need of the command; NULL with @error when it is not met yet, or failed. */
static SocketNeed *socket_wait_need(const SocketAddress *addr, bool is_connection, unsigned flags,
                                    GError **error)
{
    SocketNeed wanted = {
        .addr = (SocketAddress *)addr, .is_connection = is_connection, .flags = flags,
    };
    SocketNeed *need = (SocketNeed *)command_wait_find(&socket_need_class, &wanted);

    if (!need) {
        socket_need_new(&wanted);
        error_set(error, "the network has not answered yet");
        return NULL;
    }
    if (need->error) {
        g_propagate_error(error, g_error_copy(need->error));
        return NULL;
    }
    return need;
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
