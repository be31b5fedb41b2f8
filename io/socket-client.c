/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connecting side of a stream socket: in the background, with a deadline, again if wanted. */

#include "io/socket-client.h"

#include <errno.h>

#include "io/reconnect.h"
#include "io/socket-internal.h"
#include "util/clock.h"

struct SocketClient {
    SocketAddress *addr;    /* owned */
    SocketClientFunc *func;
    void *opaque;
    Reconnect reconnect;
    Timer *due;             /* owned: at @reconnect's next deadline */
    SocketConnect *attempt; /* ends by itself, or is cancelled; NULL = none */
};

static void socket_client_update(SocketClient *client)
{
    if (reconnect_has_due(&client->reconnect)) {
        timer_start_at(client->due, client->reconnect.due_ns);
    } else {
        timer_stop(client->due);
    }
}

static void socket_client_fail(SocketClient *client, const GError *error)
{
    reconnect_fail(&client->reconnect, clock_now_ns(CLOCK_TYPE_REALTIME));
    socket_client_update(client);
    client->func(-1, error, client->opaque);
}

static void socket_client_connected(int fd, const GError *error, void *opaque)
{
    SocketClient *client = opaque;

    client->attempt = NULL;
    if (fd < 0) {
        socket_client_fail(client, error);
        return;
    }
    reconnect_succeed(&client->reconnect);
    socket_client_update(client);
    client->func(fd, NULL, client->opaque);
}

static void socket_client_give_up(SocketClient *client)
{
    g_autoptr(GError) error = NULL;

    g_clear_pointer(&client->attempt, socket_connect_cancel);
    socket_connect_error(client->addr, ETIMEDOUT, &error);
    socket_client_fail(client, error);
}

static void socket_client_due(void *opaque)
{
    SocketClient *client = opaque;

    if (client->reconnect.state == RECONNECT_CONNECTING) {
        socket_client_give_up(client);
        return;
    }
    reconnect_begin(&client->reconnect, clock_now_ns(CLOCK_TYPE_REALTIME));
    socket_client_update(client);
    client->attempt = socket_connect_start(client->addr, socket_client_connected, client);
}

SocketClient *socket_client_new(const SocketAddress *addr, int64_t reconnect_ms,
                                SocketClientFunc *func, void *opaque)
{
    SocketClient *client = g_new0(SocketClient, 1);

    client->addr = qapi_clone(QAPI_TYPE(SocketAddress), addr);
    client->func = func;
    client->opaque = opaque;
    client->due = timer_new(CLOCK_TYPE_REALTIME, socket_client_due, client);
    reconnect_init(&client->reconnect, reconnect_ms);
    return client;
}

void socket_client_start(SocketClient *client)
{
    reconnect_start(&client->reconnect, clock_now_ns(CLOCK_TYPE_REALTIME));
    socket_client_update(client);
}

bool socket_client_lose(SocketClient *client)
{
    reconnect_fail(&client->reconnect, clock_now_ns(CLOCK_TYPE_REALTIME));
    socket_client_update(client);
    return socket_client_will_retry(client);
}

bool socket_client_will_retry(const SocketClient *client)
{
    return client->reconnect.interval_ns > 0;
}

bool socket_client_is_connecting(const SocketClient *client)
{
    return client->reconnect.state == RECONNECT_CONNECTING;
}

void socket_client_free(SocketClient *client)
{
    if (!client) {
        return;
    }
    socket_connect_cancel(client->attempt);
    timer_free(client->due);
    qapi_free_SocketAddress(client->addr);
    g_free(client);
}
