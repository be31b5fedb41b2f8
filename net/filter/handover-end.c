/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What both ends of a handover do alike. */

#include "net/filter/handover.h"

#include <inttypes.h>

#include "qapi/qapi-events.h"
#include "util/log.h"

void handover_notify_phase(NetFilter *nf, NetHandoverPhase *phase, NetHandoverEvent event)
{
    if (*phase == event.phase) {
        return;
    }
    *phase = event.phase;
    event.id = nf->obj.id;
    qapi_event_net_handover(&event);
}

void handover_notify_split(NetFilter *nf, const char *where, uint32_t round, uint64_t n)
{
    g_autofree char *source = g_strdup_printf("filter '%s'", nf->obj.id);
    NetHandoverSplitEvent event = { .id = nf->obj.id, .round = round, .frames = n };

    log_limited_warning(source, where, "the VM runs at the %s too, and has %" PRIu64 " frames "
                        "that the one here has got", where, n);
    qapi_event_net_handover_split(&event);
}

int64_t handover_wait_ns(const NetFilter *nf)
{
    const FilterHandoverProperties *props = nf->obj.props;

    return props->wait * INT64_C(1000000);
}

void handover_inject(NetFilter *nf, const NetFrame *frames, size_t n)
{
    if (n > 0) {
        net_stage_inject(&nf->stages[NET_DIRECTION_TX], frames, n);
    }
}
