/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sums of counters, and their form in QMP. */

#include "net/counters.h"

#include <inttypes.h>
#include <glib.h>

#include "qapi/qapi.h"
#include "util/trace.h"

TRACE_POINT(net_drop);

NetCountInfo *net_count_to_qapi(NetCount count)
{
    NetCountInfo *info = g_new0(NetCountInfo, 1);

    info->frames = count.frames;
    info->bytes = count.bytes;
    return info;
}

void net_drops_add(NetDrops *drops, const char *noun, const char *id, uint64_t frames,
                   uint64_t bytes, NetDropReason reason)
{
    TRACE(net_drop, "%s '%s': %" PRIu64 " frames, %" PRIu64 " bytes: %s", noun, id, frames, bytes,
          qapi_enum_name(QAPI_TYPE(NetDropReason), (int)reason));
    net_count_add(&drops->by_reason[reason], frames, bytes);
}

NetCount net_drops_total(const NetDrops *drops)
{
    NetCount total = { 0 };

    for (size_t i = 0; i < G_N_ELEMENTS(drops->by_reason); i++) {
        net_count_add(&total, drops->by_reason[i].frames, drops->by_reason[i].bytes);
    }
    return total;
}

NetDropCountList *net_drops_to_qapi(const NetDrops *drops)
{
    NetDropCountList *list = g_new0(NetDropCountList, 1);

    list->items = g_new0(NetDropCount, NET_DROP_REASON__MAX);
    for (size_t i = 0; i < G_N_ELEMENTS(drops->by_reason); i++) {
        if (drops->by_reason[i].frames > 0) {
            list->items[list->len++] = (NetDropCount) {
                .reason = i,
                .frames = drops->by_reason[i].frames,
                .bytes = drops->by_reason[i].bytes,
            };
        }
    }
    return list;
}
