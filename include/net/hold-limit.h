/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells when frames that wait take all the memory that they may. */

#ifndef NET_HOLD_LIMIT_H
#define NET_HOLD_LIMIT_H

#include <stdint.h>

#include "net/counters.h"

/** Embedded in a client; zeroed = the limit was never reached. */
typedef struct NetHoldLimit {
    uint64_t n_reached;     /* how often the client was read no more because of it */
    uint64_t n_suppressed;  /* of those, since the last event */
    int64_t quiet_until_ns; /* no event before that, on the host's clock */
} NetHoldLimit;

/**
 * net_hold_limit_reached: the netdev @id is read no more, as its frames wait
 * @held: these frames
 * @hold_size: the memory that they may take, in bytes
 *
 * Counts it, and emits NET_HOLD_LIMIT and a warning: each at most once a minute for one netdev,
 * with the number of those that were suppressed.
 */
void net_hold_limit_reached(NetHoldLimit *limit, const char *id, NetCount held,
                            uint64_t hold_size);

#endif
