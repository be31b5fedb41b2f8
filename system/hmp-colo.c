/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Human monitor: COLO. */

#include "system/hmp-internal.h"

#include <inttypes.h>

#include "qapi/qapi-commands.h"
#include "qapi/qapi.h"

static void hmp_print_packets(Hmp *hmp, const char *name, const NetCountInfo *count)
{
    hmp_printf(hmp, "    %-13s %12" PRIu64 " packets %16" PRIu64 " bytes\n", name, count->frames,
               count->bytes);
}

static void hmp_print_side(Hmp *hmp, const char *name, const char *done,
                           const ColoSideInfo *side)
{
    hmp_printf(hmp, "  %s:\n", name);
    hmp_print_packets(hmp, "in", side->in);
    hmp_print_packets(hmp, done, side->done);
    hmp_print_packets(hmp, "queued", side->queued);
    for (size_t i = 0; i < side->dropped->len; i++) {
        const ColoDropCount *drop = &side->dropped->items[i];

        hmp_printf(hmp, "    %-13s %12" PRIu64 " packets %16" PRIu64 " bytes  (%s)\n", "dropped",
                   drop->frames, drop->bytes,
                   qapi_enum_name(QAPI_TYPE(ColoDropReason), (int)drop->reason));
    }
    if (side->malformed > 0) {
        hmp_printf(hmp, "    %" PRIu64 " malformed streams\n", side->malformed);
    }
}

static void hmp_print_compare(Hmp *hmp, const ColoCompareInfo *info)
{
    hmp_printf(hmp, "%s: %u connections, %" PRIu64 " matches, %" PRIu64 " mismatches, %" PRIu64
               " timeouts, %" PRIu64 " checkpoints%s\n", info->id, info->connections,
               info->matches, info->mismatches, info->timeouts, info->checkpoints,
               info->alone ? ", alone since a failover" : "");
    hmp_print_side(hmp, "primary", "sent", info->primary);
    if (info->held->frames > 0) {
        hmp_print_packets(hmp, "held", info->held);
    }
    hmp_print_side(hmp, "secondary", "compared", info->secondary);
}

static void hmp_run_info_colo_compare(Hmp *hmp)
{
    g_autoptr(ColoCompareInfoList) list = qmp_query_colo_compare(NULL);

    for (size_t i = 0; i < list->len; i++) {
        hmp_print_compare(hmp, &list->items[i]);
    }
}

static void hmp_run_lost_heartbeat(Hmp *hmp)
{
    g_autoptr(GError) error = NULL;

    qmp_x_colo_lost_heartbeat(&error);
    hmp_error(hmp, g_steal_pointer(&error));
}

static const HmpCommand hmp_colo_commands[] = {
    { .name = "x_colo_lost_heartbeat", .help = "the other side of a COLO pair is lost: go on alone",
      .run = hmp_run_lost_heartbeat },
};
HMP_REGISTER(hmp_colo_commands, false);

static const HmpCommand hmp_colo_info_commands[] = {
    { .name = "colo-compare", .help = "state and counters of the colo-compare objects",
      .run = hmp_run_info_colo_compare },
};
HMP_REGISTER(hmp_colo_info_commands, true);
