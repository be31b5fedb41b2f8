/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What colo-compare shows: query-colo-compare. */

#include "net/colo/compare.h"
#include "qapi/qapi-commands.h"

/* Of the primary's, those that were lost behind the queues count here, too. */
static ColoDropCountList *compare_drops(const ColoCompare *cmp, ColoSide side)
{
    ColoDropCountList *list = g_new0(ColoDropCountList, 1);

    list->items = g_new0(ColoDropCount, COLO_DROP_REASON__MAX);
    for (int reason = 0; reason < COLO_DROP_REASON__MAX; reason++) {
        NetCount count = cmp->queues.side[side].dropped[reason];

        if (reason == COLO_DROP_REASON_NOT_CONNECTED && side == COLO_SIDE_PRIMARY) {
            count = cmp->out.lost;
        }
        if (count.frames > 0) {
            list->items[list->len++] = (ColoDropCount) {
                .reason = (ColoDropReason)reason,
                .frames = count.frames,
                .bytes = count.bytes,
            };
        }
    }
    return list;
}

static ColoSideInfo *compare_side(const ColoCompare *cmp, ColoSide side)
{
    const ColoSideStats *stats = &cmp->queues.side[side];
    ColoSideInfo *info = g_new0(ColoSideInfo, 1);

    *info = (ColoSideInfo) {
        .in = net_count_to_qapi(stats->in),
        .done = net_count_to_qapi(side == COLO_SIDE_PRIMARY ? cmp->out.sent : stats->done),
        .queued = net_count_to_qapi(stats->queued),
        .dropped = compare_drops(cmp, side),
        .malformed = cmp->in[side].n_malformed,
        .empty = filter_input_n_empty(&cmp->in[side]),
    };
    return info;
}

static ColoCompareInfo compare_info(const ColoCompare *cmp)
{
    const ColoQueues *queues = &cmp->queues;
    const NetConnStats *stats = net_conn_table_stats(queues->conns);

    return (ColoCompareInfo) {
        .id = g_strdup(cmp->obj.id),
        .primary = compare_side(cmp, COLO_SIDE_PRIMARY),
        .secondary = compare_side(cmp, COLO_SIDE_SECONDARY),
        .held = net_count_to_qapi(colo_output_held(&cmp->out)),
        .connections = net_conn_table_size(queues->conns),
        .added = stats->added,
        .closed = stats->removed,
        .evicted = stats->evicted,
        .untracked = queues->n_untracked,
        .malformed = net_packet_faults_total(&queues->faults),
        .matches = queues->n_matches,
        .mismatches = queues->n_mismatches,
        .timeouts = queues->n_timeouts,
        .checkpoints_requested = queues->n_mismatches + queues->n_timeouts,
        .requests_lost = cmp->notify.n_lost,
        .notices_unknown = cmp->notify.n_unknown,
        .notices_malformed = cmp->notify.n_malformed,
        .checkpoints = queues->n_checkpoints,
        .alone = queues->alone,
    };
}

static void compare_append_info(Object *obj, void *opaque)
{
    GArray *items = opaque;

    if (obj->class == &colo_compare_class) {
        ColoCompareInfo info = compare_info((const ColoCompare *)obj);

        g_array_append_val(items, info);
    }
}

ColoCompareInfoList *qmp_query_colo_compare(GError **error)
{
    GArray *items = g_array_new(FALSE, TRUE, sizeof(ColoCompareInfo));
    ColoCompareInfoList *list = g_new0(ColoCompareInfoList, 1);

    object_foreach(compare_append_info, items);
    list->len = items->len;
    list->items = (ColoCompareInfo *)g_array_free(items, FALSE);
    return list;
}
