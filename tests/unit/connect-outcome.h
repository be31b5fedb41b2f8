/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What becomes of a connection in the background. */

#ifndef TESTS_UNIT_CONNECT_OUTCOME_H
#define TESTS_UNIT_CONNECT_OUTCOME_H

#include <glib.h>

#include "io/socket-address.h"
#include "io/socket-internal.h"
#include "qapi/qapi-types.h"

/** What socket_connect_start() told; start with fd -1. */
typedef struct ConnectOutcome {
    unsigned calls;
    int fd;        /* owned by the test; -1 = none */
    char *message; /* owned by the test; NULL = there is a connection */
    SocketConnect *cancel_me; /* from inside the call, when nothing is left to cancel */
} ConnectOutcome;

/** connect_outcome_set: for socket_connect_start(). @opaque: the ConnectOutcome */
static inline void connect_outcome_set(int fd, const GError *error, void *opaque)
{
    ConnectOutcome *outcome = opaque;

    outcome->calls++;
    outcome->fd = fd;
    outcome->message = error ? g_strdup(error->message) : NULL;
    g_assert_true((fd >= 0) == !error);
    socket_connect_cancel(outcome->cancel_me);
}

/** unix_addr: the address of a unix socket. Owned. */
static inline SocketAddress *unix_addr(const char *path)
{
    SocketAddress *addr = g_new0(SocketAddress, 1);

    addr->type = SOCKET_ADDRESS_TYPE_UNIX;
    addr->u.q_unix.path = g_strdup(path);
    return addr;
}

#endif
