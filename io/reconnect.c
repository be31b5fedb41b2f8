/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a client connects, gives an attempt up, and connects again; without socket and clock. */

#include "io/reconnect.h"

#include <glib.h>

#define NS_PER_MS INT64_C(1000000)

static void reconnect_wait(Reconnect *r, int64_t due_ns)
{
    r->state = RECONNECT_WAITING;
    r->due_ns = due_ns;
}

void reconnect_init(Reconnect *r, int64_t interval_ms)
{
    r->state = RECONNECT_ENDED;
    r->interval_ns = CLAMP(interval_ms, 0, RECONNECT_INTERVAL_MAX_MS) * NS_PER_MS;
    r->due_ns = 0;
}

void reconnect_start(Reconnect *r, int64_t now_ns)
{
    g_assert(r->state == RECONNECT_ENDED);
    reconnect_wait(r, now_ns);
}

void reconnect_begin(Reconnect *r, int64_t now_ns)
{
    g_assert(r->state == RECONNECT_WAITING);
    r->state = RECONNECT_CONNECTING;
    r->due_ns = now_ns + RECONNECT_ATTEMPT_MS * NS_PER_MS;
}

void reconnect_succeed(Reconnect *r)
{
    g_assert(r->state == RECONNECT_CONNECTING);
    r->state = RECONNECT_CONNECTED;
}

void reconnect_fail(Reconnect *r, int64_t now_ns)
{
    g_assert(r->state == RECONNECT_CONNECTING || r->state == RECONNECT_CONNECTED);
    if (r->interval_ns > 0) {
        reconnect_wait(r, now_ns + r->interval_ns);
    } else {
        r->state = RECONNECT_ENDED;
    }
}

bool reconnect_has_due(const Reconnect *r)
{
    return r->state == RECONNECT_WAITING || r->state == RECONNECT_CONNECTING;
}
