/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells when frames that wait take all the memory that they may. */

#include "net/hold-limit.h"

#include <inttypes.h>

#include "qapi/qapi-events.h"
#include "util/clock.h"
#include "util/log.h"

/* Between two events of one netdev; log_limited_warning() has the same pause. */
#define LIMIT_QUIET_NS INT64_C(60000000000)

static void limit_warn(const char *id, uint64_t hold_size)
{
    g_autofree char *source = g_strdup_printf("netdev '%s'", id);

    log_limited_warning(source, "hold-limit", "the frames that wait take all of the %" PRIu64
                        " bytes that they may (hold-size): it is not read until some have left",
                        hold_size);
}

void net_hold_limit_reached(NetHoldLimit *limit, const char *id, NetCount held,
                            uint64_t hold_size)
{
    int64_t now_ns = clock_now_ns(CLOCK_TYPE_REALTIME);
    NetCountInfo info = { .frames = held.frames, .bytes = held.bytes };
    NetHoldLimitEvent event;

    limit->n_reached++;
    limit_warn(id, hold_size);
    if (limit->n_reached > 1 && now_ns < limit->quiet_until_ns) {
        limit->n_suppressed++;
        return;
    }
    event = (NetHoldLimitEvent) {
        .id = (char *)id,
        .held = &info,
        .hold_size = hold_size,
        .reached = limit->n_reached,
        .suppressed = limit->n_suppressed,
    };
    limit->n_suppressed = 0;
    limit->quiet_until_ns = now_ns + LIMIT_QUIET_NS;
    qapi_event_net_hold_limit(&event);
}
