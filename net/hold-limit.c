/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells when frames that wait take all the memory that they may. */

#include "net/hold-limit.h"

#include <inttypes.h>

#include "net/chain-owner.h"
#include "net/client.h"
#include "qapi/qapi-events.h"
#include "util/clock.h"
#include "util/log.h"

/* Between two events of one netdev; log_limited_warning() has the same pause. */
#define LIMIT_QUIET_NS INT64_C(60000000000)

static void limit_warn(const NetClient *nc, uint64_t hold_size)
{
    g_autofree char *source = g_strdup_printf("netdev '%s'", nc->id);

    log_limited_warning(source, "hold-limit", "the frames that wait take all of the %" PRIu64
                        " bytes that they may (hold-size): it is not read until some have left",
                        hold_size);
}

void net_hold_limit_reached(NetClient *nc)
{
    NetHoldLimit *limit = &nc->hold_limit;
    int64_t now_ns = clock_now_ns(CLOCK_TYPE_REALTIME);
    uint64_t hold_size = net_chain_hold_size(nc->out);
    NetCount waiting = net_chain_held(nc->out);
    NetCountInfo held = { .frames = waiting.frames, .bytes = waiting.bytes };
    NetHoldLimitEvent event;

    limit->n_reached++;
    limit_warn(nc, hold_size);
    if (limit->n_reached > 1 && now_ns < limit->quiet_until_ns) {
        limit->n_suppressed++;
        return;
    }
    event = (NetHoldLimitEvent) {
        .id = nc->id,
        .held = &held,
        .hold_size = hold_size,
        .reached = limit->n_reached,
        .suppressed = limit->n_suppressed,
    };
    limit->n_suppressed = 0;
    limit->quiet_until_ns = now_ns + LIMIT_QUIET_NS;
    qapi_event_net_hold_limit(&event);
}
