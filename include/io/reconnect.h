/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a client connects, gives an attempt up, and connects again; without socket and clock. */

#ifndef IO_RECONNECT_H
#define IO_RECONNECT_H

#include <stdbool.h>
#include <stdint.h>

/** How long an attempt may take, the lookup of a name included. */
#define RECONNECT_ATTEMPT_MS 10000

/** No interval is longer: 24 days. */
#define RECONNECT_INTERVAL_MAX_MS INT32_MAX

typedef enum ReconnectState {
    RECONNECT_ENDED,      /* not started, or no attempt is to come */
    RECONNECT_WAITING,    /* for the next attempt, which is due at @due_ns */
    RECONNECT_CONNECTING, /* an attempt is under way, and given up at @due_ns */
    RECONNECT_CONNECTED,
} ReconnectState;

typedef struct Reconnect {
    ReconnectState state;
    int64_t interval_ns; /* from a failure or loss to the next attempt; 0 = there is none */
    int64_t due_ns;      /* while it waits or connects; on the clock of those who call */
} Reconnect;

/** reconnect_init: @interval_ms: beyond RECONNECT_INTERVAL_MAX_MS that; up to 0 = connect once. */
void reconnect_init(Reconnect *r, int64_t interval_ms);

/** reconnect_start: the first attempt is due now. */
void reconnect_start(Reconnect *r, int64_t now_ns);

/** reconnect_begin: an attempt begins; @r waits. */
void reconnect_begin(Reconnect *r, int64_t now_ns);

/** reconnect_succeed: the attempt under way has led to a connection. */
void reconnect_succeed(Reconnect *r);

/** reconnect_fail: the attempt under way has failed, or the connection is lost. */
void reconnect_fail(Reconnect *r, int64_t now_ns);

/** reconnect_has_due: whether something is to happen at @due_ns. */
bool reconnect_has_due(const Reconnect *r);

#endif
