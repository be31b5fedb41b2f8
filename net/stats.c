/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query-netdevs and query-netfilters: the counters as QMP shows them. */

#include <string.h>

#include "net/chain-owner.h"
#include "net/client.h"
#include "net/filter.h"
#include "qapi/qapi-commands.h"

static NetCount count_plus(NetCount a, NetCount b)
{
    return (NetCount){ .frames = a.frames + b.frames, .bytes = a.bytes + b.bytes };
}

/* The ids of @near's filters and then, from the tail, of @far's: the order of frames. */
static strList *link_filters(const NetClient *near, const NetClient *far)
{
    strList *list = g_new0(strList, 1);

    list->items = g_new0(char *, near->filters->len + far->filters->len + 1);
    for (guint i = 0; i < near->filters->len; i++) {
        const NetFilter *nf = near->filters->pdata[i];

        list->items[list->len++] = g_strdup(nf->obj.id);
    }
    for (guint i = far->filters->len; i-- > 0;) {
        const NetFilter *nf = far->filters->pdata[i];

        list->items[list->len++] = g_strdup(nf->obj.id);
    }
    return list;
}

static NetChainInfo *link_info(const NetClient *from)
{
    NetChainInfo *info = net_chain_describe(from->out);

    info->filters = link_filters(from, from->peer);
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
    info.limit_reached = nc->hold_limit.n_reached;
    info.has_kernel_dropped = net_client_kernel_dropped(nc, &info.kernel_dropped);
    if (nc->peer) {
        info.peer = g_strdup(nc->peer->id);
        info.tx = link_info(nc);
        info.rx = link_info(nc->peer);
    }
    g_array_append_val(items, info);
}

NetdevInfoList *qmp_query_netdevs(GError **error)
{
    GArray *items = g_array_new(FALSE, TRUE, sizeof(NetdevInfo));
    NetdevInfoList *list = g_new0(NetdevInfoList, 1);

    net_client_begin_query();
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

/* --- Its ends, and why it does not ask ---------------------------------------------------- */

/* Returns: the value of a property of its class, borrowed; NULL when there is no such property. */
static const void *filter_property(const NetFilter *nf, const char *name)
{
    const QapiMember *member = qapi_member_find(nf->obj.class->props, name);

    return member ? (const char *)nf->obj.props + member->offset : NULL;
}

/* Returns: owned; NULL = it has no such end. */
static char *filter_end(const NetFilter *nf, const char *name)
{
    char *const *id = filter_property(nf, name);

    return id ? g_strdup(*id) : NULL;
}

/* Whether there are settings with which it would ask, other than another end. */
static bool filter_may_ask(const NetFilter *nf, const NetFilterInfo *info)
{
    return filter_property(nf, "outdev") ? info->outdev != NULL : info->has_enable_when_stopped;
}

static NetFilterNotAsking filter_not_asking(const NetFilter *nf, const NetFilterInfo *info)
{
    if (!filter_may_ask(nf, info)) {
        return NET_FILTER_NOT_ASKING_NEVER;
    }
    if (info->has_enable_when_stopped && !info->enable_when_stopped) {
        return NET_FILTER_NOT_ASKING_NOT_ENABLED;
    }
    if (strcmp(info->status, "on") != 0) {
        return NET_FILTER_NOT_ASKING_STATUS_OFF;
    }
    if (!net_filter_is_on(nf)) {
        return NET_FILTER_NOT_ASKING_RUN_STATE;
    }
    return info->outdev ? NET_FILTER_NOT_ASKING_NOT_CONNECTED : NET_FILTER_NOT_ASKING_FILE_FAILED;
}

/* The class knows whether the ends are connected. */
static void filter_info_fill_asking(NetFilterInfo *info, const NetFilter *nf)
{
    const bool *enable = filter_property(nf, "enable_when_stopped");

    info->has_enable_when_stopped = enable != NULL;
    info->enable_when_stopped = enable && *enable;
    info->outdev = filter_end(nf, "outdev");
    info->has_outdev_connected = info->outdev != NULL;
    info->indev = filter_end(nf, "indev");
    info->has_indev_connected = info->indev != NULL;
    info->has_not_asking = !info->wants_stopped;
    if (info->has_not_asking) {
        info->not_asking = filter_not_asking(nf, info);
    }
}

/* --- query-netfilters --------------------------------------------------------------------- */

static void filter_info_fill(NetFilterInfo *info, const NetFilter *nf, guint index)
{
    info->id = g_strdup(nf->obj.id);
    info->type = g_strdup(nf->obj.class->name);
    info->netdev = g_strdup(nf->netdev->id);
    info->index = index;
    info->queue = net_filter_props(nf)->queue;
    info->status = g_strdup(net_filter_props(nf)->status);
    info->wants_stopped = net_filter_wants_stopped(nf);
    filter_info_fill_asking(info, nf);
    info->in = both_directions(nf, offsetof(NetStageStats, in));
    info->passed = both_directions(nf, offsetof(NetStageStats, passed));
    info->consumed = both_directions(nf, offsetof(NetStageStats, consumed));
    info->injected = both_directions(nf, offsetof(NetStageStats, injected));
    info->to_outdev = net_count_to_qapi(nf->to_outdev);
    info->from_indev = net_count_to_qapi(nf->from_indev);
    info->copies_lost = net_count_to_qapi(nf->copies_lost);
    info->held = filter_held(nf);
    info->dropped = filter_drops(nf);
    if (nf->ops->describe) {
        nf->ops->describe(nf, info);
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
