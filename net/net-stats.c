/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query-netdevs and query-netfilters: the counters as QMP shows them. */

#include <string.h>

#include "net/chain-internal.h"
#include "net/client.h"
#include "net/filter.h"
#include "qapi/qapi-commands.h"
#include "system/run-state.h"

static NetCount count_minus(NetCount a, NetCount b)
{
    return (NetCount){ .frames = a.frames - b.frames, .bytes = a.bytes - b.bytes };
}

static NetCount count_plus(NetCount a, NetCount b)
{
    return (NetCount){ .frames = a.frames + b.frames, .bytes = a.bytes + b.bytes };
}

/* What was counted between the last stop and the start that followed it, or now. */
static NetStoppedInfo *stopped_info(const NetChain *chain)
{
    const NetChainStats *from = &chain->at_stop;
    const NetChainStats *to = run_state_is_running() ? &chain->at_start : &chain->stats;
    NetStoppedInfo *info = g_new0(NetStoppedInfo, 1);

    info->in = net_count_to_qapi(count_minus(to->in, from->in));
    info->consumed = net_count_to_qapi(count_minus(to->consumed, from->consumed));
    info->dropped = net_count_to_qapi(count_minus(net_drops_total(&to->dropped),
                                                  net_drops_total(&from->dropped)));
    return info;
}

static strList *chain_filters(const NetChain *chain)
{
    strList *list = g_new0(strList, 1);

    list->len = chain->n_stages - 1;
    list->items = g_new0(char *, chain->n_stages);
    for (size_t i = 0; i < list->len; i++) {
        list->items[i] = g_strdup(chain->stages[i]->filter->obj.id);
    }
    return list;
}

static NetChainInfo *chain_info(const NetChain *chain)
{
    NetChainInfo *info = g_new0(NetChainInfo, 1);

    info->in = net_count_to_qapi(chain->stats.in);
    info->injected = net_count_to_qapi(chain->stats.injected);
    info->delivered = net_count_to_qapi(chain->stats.delivered);
    info->consumed = net_count_to_qapi(chain->stats.consumed);
    info->held = net_count_to_qapi(chain->held);
    info->dropped = net_drops_to_qapi(&chain->stats.dropped);
    info->hold_size = chain->hold_size;
    info->blocked = chain->blocked;
    info->filters = chain_filters(chain);
    info->while_stopped = stopped_info(chain);
    return info;
}

static void netdev_info_append(NetClient *nc, void *opaque)
{
    GArray *items = opaque;
    NetdevInfo info = {
        .id = NULL,
    };

    if (!nc->info->is_netdev) {
        return;
    }
    info.id = g_strdup(nc->id);
    info.type = nc->info->type;
    info.info = g_strdup(nc->info_text);
    info.link_up = !nc->link_down && !nc->disconnected;
    info.polled = nc->polled;
    info.stopped_readers = net_client_stopped_readers(nc);
    info.malformed = nc->n_read_errors;
    info.truncated = nc->n_truncated;
    info.dropped = net_drops_to_qapi(&nc->drops);
    if (nc->peer) {
        info.peer = g_strdup(nc->peer->id);
        info.tx = chain_info(nc->out);
        info.rx = chain_info(nc->peer->out);
    }
    g_array_append_val(items, info);
}

NetdevInfoList *qmp_query_netdevs(GError **error)
{
    GArray *items = g_array_new(FALSE, TRUE, sizeof(NetdevInfo));
    NetdevInfoList *list = g_new0(NetdevInfoList, 1);

    net_client_foreach(netdev_info_append, items);
    list->len = items->len;
    list->items = (NetdevInfo *)g_array_free(items, FALSE);
    return list;
}

/* One count of both directions of a filter, found at @offset in NetStageStats. */
static NetCountInfo *both_directions(const NetFilter *nf, size_t offset)
{
    NetCount sum = { 0 };

    for (int d = 0; d < NET_DIRECTION__MAX; d++) {
        sum = count_plus(sum, G_STRUCT_MEMBER(NetCount, &nf->stages[d].stats, offset));
    }
    return net_count_to_qapi(sum);
}

static NetDropCountList *filter_drops(const NetFilter *nf)
{
    NetDrops sum = { 0 };

    for (int d = 0; d < NET_DIRECTION__MAX; d++) {
        for (int r = 0; r < NET_DROP_REASON__MAX; r++) {
            sum.by_reason[r] = count_plus(sum.by_reason[r],
                                          nf->stages[d].stats.dropped.by_reason[r]);
        }
    }
    return net_drops_to_qapi(&sum);
}

static NetCountInfo *filter_held(const NetFilter *nf)
{
    NetCount sum = { 0 };

    for (int d = 0; d < NET_DIRECTION__MAX; d++) {
        net_count_add(&sum, nf->stages[d].held.n_frames, nf->stages[d].held.n_bytes);
    }
    return net_count_to_qapi(sum);
}

static void filter_info_fill(NetFilterInfo *info, const NetFilter *nf, guint index)
{
    info->id = g_strdup(nf->obj.id);
    info->type = g_strdup(nf->obj.class->name);
    info->netdev = g_strdup(nf->netdev->id);
    info->index = index;
    info->queue = net_filter_props(nf)->queue;
    info->status = g_strdup(net_filter_props(nf)->status);
    info->wants_stopped = net_filter_wants_stopped(nf);
    info->in = both_directions(nf, offsetof(NetStageStats, in));
    info->passed = both_directions(nf, offsetof(NetStageStats, passed));
    info->consumed = both_directions(nf, offsetof(NetStageStats, consumed));
    info->injected = both_directions(nf, offsetof(NetStageStats, injected));
    info->to_outdev = net_count_to_qapi(nf->to_outdev);
    info->from_indev = net_count_to_qapi(nf->from_indev);
    info->copies_lost = net_count_to_qapi(nf->copies_lost);
    info->held = filter_held(nf);
    info->dropped = filter_drops(nf);
    if (nf->info->describe) {
        nf->info->describe(nf, info);
    }
}

static void filter_info_append(NetClient *nc, void *opaque)
{
    GArray *items = opaque;

    for (guint i = 0; i < nc->filters->len; i++) {
        NetFilterInfo info = { 0 };

        filter_info_fill(&info, nc->filters->pdata[i], i);
        g_array_append_val(items, info);
    }
}

NetFilterInfoList *qmp_query_netfilters(GError **error)
{
    GArray *items = g_array_new(FALSE, TRUE, sizeof(NetFilterInfo));
    NetFilterInfoList *list = g_new0(NetFilterInfoList, 1);

    net_client_foreach(filter_info_append, items);
    list->len = items->len;
    list->items = (NetFilterInfo *)g_array_free(items, FALSE);
    return list;
}
