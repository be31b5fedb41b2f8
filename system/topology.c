/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query-topology: netdevs, filters, exports and chardevs, and what is connected with what. */

/* It is made of what the other queries tell, so that it shows nothing that they do not. */

#include <inttypes.h>
#include <string.h>

#include "export/nic.h"
#include "net/client.h"
#include "net/netdev/hub.h"
#include "net/run-state.h"
#include "qapi/qapi-commands.h"
#include "qapi/qapi.h"
#include "qom/object.h"

/** The lists while they grow. */
typedef struct Topology {
    GArray *nodes; /* owned; of TopologyNode */
    GArray *links; /* owned; of TopologyLink */
} Topology;

static char *node_name(TopologyKind kind, const char *id)
{
    return g_strdup_printf("%s/%s", qapi_enum_name(QAPI_TYPE(TopologyKind), (int)kind), id);
}

/* @text: taken */
static void topology_add(Topology *top, TopologyKind kind, const char *id, const char *type,
                         TopologyState state, char *text)
{
    TopologyNode node = {
        .name = node_name(kind, id), .kind = kind, .id = g_strdup(id), .type = g_strdup(type),
        .state = state, .text = text,
    };

    g_array_append_val(top->nodes, node);
}

/* @from, @to: taken */
static void topology_link(Topology *top, char *from, char *to, const char *role, bool connected)
{
    TopologyLink link = {
        .from = from, .to = to, .role = g_strdup(role), .connected = connected,
    };

    g_array_append_val(top->links, link);
}

/* ", N frames wait" is added to @text (taken) if some do. */
static char *text_with_held(char *text, uint64_t n_frames)
{
    g_autofree char *own = text;

    return n_frames > 0 ? g_strdup_printf("%s, %" PRIu64 " frames wait", own, n_frames)
                        : g_steal_pointer(&own);
}

/* --- Netdevs, NICs and hubs ---------------------------------------------------------------- */

static TopologyKind peer_kind(const NetClient *peer)
{
    if (peer->info->is_netdev) {
        return TOPOLOGY_KIND_NETDEV;
    }
    return nic_is(peer) ? TOPOLOGY_KIND_NIC : TOPOLOGY_KIND_EXPORT;
}

static void topology_add_netdev(Topology *top, const NetdevInfo *info)
{
    const NetClient *nc = net_netdev_find(info->id);
    uint64_t held = info->tx ? info->tx->held->frames + info->rx->held->frames : 0;
    const char *how = !info->link_up ? "link down" : !info->peer ? "no peer"
                      : info->polled ? "read" : "not read";
    TopologyState state = !info->link_up || !info->peer ? TOPOLOGY_STATE_BAD
                          : info->polled && held == 0 ? TOPOLOGY_STATE_GOOD
                                                      : TOPOLOGY_STATE_WAITING;

    topology_add(top, TOPOLOGY_KIND_NETDEV, info->id,
                 qapi_enum_name(QAPI_TYPE(NetClientDriver), (int)info->type), state,
                 text_with_held(g_strdup(how), held));
    /* Two netdevs that are peers are linked once. */
    if (nc->peer && (!nc->peer->info->is_netdev || strcmp(info->id, info->peer) < 0)) {
        topology_link(top, node_name(TOPOLOGY_KIND_NETDEV, info->id),
                      node_name(peer_kind(nc->peer), info->peer), "peer",
                      info->link_up && !nc->peer->link_down && !nc->peer->disconnected);
    }
}

static void topology_add_nic(NetClient *nc, void *opaque)
{
    if (nic_is(nc)) {
        topology_add(opaque, TOPOLOGY_KIND_NIC, nc->id, "idle", TOPOLOGY_STATE_WAITING,
                     g_strdup(nc->link_down ? "link down" : "takes no frames"));
    }
}

/** The walk over the ports of all hubs, one hub after the other. */
typedef struct HubWalk {
    Topology *top;
    bool begun;
    int32_t hub_id;
} HubWalk;

static void topology_add_port(NetClient *port, int32_t hub_id, void *opaque)
{
    HubWalk *walk = opaque;
    g_autofree char *id = g_strdup_printf("%d", hub_id);

    if (!walk->begun || walk->hub_id != hub_id) {
        walk->begun = true;
        walk->hub_id = hub_id;
        topology_add(walk->top, TOPOLOGY_KIND_HUB, id, "hub", TOPOLOGY_STATE_GOOD, g_strdup(""));
    }
    topology_link(walk->top, node_name(TOPOLOGY_KIND_NETDEV, port->id),
                  node_name(TOPOLOGY_KIND_HUB, id), "hub", !port->link_down);
}

static void topology_add_netdevs(Topology *top)
{
    g_autoptr(NetdevInfoList) list = qmp_query_netdevs(NULL);
    HubWalk walk = { .top = top };

    for (size_t i = 0; i < list->len; i++) {
        topology_add_netdev(top, &list->items[i]);
    }
    net_client_foreach(topology_add_nic, top);
    net_hub_foreach_port(topology_add_port, &walk);
}

/* --- Exports ------------------------------------------------------------------------------- */

static void topology_add_exports(Topology *top)
{
    g_autoptr(NetExportInfoList) list = qmp_query_net_exports(NULL);

    for (size_t i = 0; i < list->len; i++) {
        const NetExportInfo *info = &list->items[i];
        uint64_t held = info->held_to_guest->frames + info->held_from_guest->frames;
        const char *how = info->netdev_gone ? "netdev gone" : !info->link_up ? "link down"
                          : info->connected ? "guest connected" : "no guest";
        TopologyState state = info->netdev_gone || !info->link_up ? TOPOLOGY_STATE_BAD
                              : info->connected && held == 0 ? TOPOLOGY_STATE_GOOD
                                                             : TOPOLOGY_STATE_WAITING;

        topology_add(top, TOPOLOGY_KIND_EXPORT, info->id,
                     qapi_enum_name(QAPI_TYPE(NetExportType), (int)info->type), state,
                     text_with_held(g_strdup(how), held));
    }
}

/* --- Filters ------------------------------------------------------------------------------- */

static void topology_link_chardev(Topology *top, TopologyKind kind, const char *id,
                                  const char *chardev, const char *role, bool connected)
{
    if (chardev) {
        topology_link(top, node_name(kind, id), node_name(TOPOLOGY_KIND_CHARDEV, chardev), role,
                      connected);
    }
}

static char *filter_text(const NetFilterInfo *info)
{
    const char *queue = qapi_enum_name(QAPI_TYPE(NetFilterDirection), (int)info->queue);
    const char *asks = info->wants_stopped ? ", reads on when stopped" : "";

    return text_with_held(g_strdup_printf("%s, %s%s", info->status, queue, asks),
                          info->held->frames);
}

static void topology_add_filter(Topology *top, const NetFilterInfo *info)
{
    bool is_on = strcmp(info->status, "on") == 0;
    bool is_cut = (info->outdev && !info->outdev_connected) ||
                  (info->indev && !info->indev_connected);
    TopologyState state = is_on && is_cut ? TOPOLOGY_STATE_BAD
                          : is_on && info->held->frames == 0 ? TOPOLOGY_STATE_GOOD
                                                             : TOPOLOGY_STATE_WAITING;

    topology_add(top, TOPOLOGY_KIND_FILTER, info->id, info->type, state, filter_text(info));
    topology_link(top, node_name(TOPOLOGY_KIND_NETDEV, info->netdev),
                  node_name(TOPOLOGY_KIND_FILTER, info->id), "filter", is_on);
    topology_link_chardev(top, TOPOLOGY_KIND_FILTER, info->id, info->outdev, "outdev",
                          info->outdev_connected);
    topology_link_chardev(top, TOPOLOGY_KIND_FILTER, info->id, info->indev, "indev",
                          info->indev_connected);
}

static void topology_add_filters(Topology *top)
{
    g_autoptr(NetFilterInfoList) list = qmp_query_netfilters(NULL);

    for (size_t i = 0; i < list->len; i++) {
        topology_add_filter(top, &list->items[i]);
    }
}

/* --- colo-compare -------------------------------------------------------------------------- */

static void topology_add_compares(Topology *top)
{
    g_autoptr(ColoCompareInfoList) list = qmp_query_colo_compare(NULL);

    for (size_t i = 0; i < list->len; i++) {
        const ColoCompareInfo *info = &list->items[i];
        const Object *obj = object_find(info->id);
        const ColoCompareProperties *props = obj->props;
        uint64_t held = info->held->frames + info->primary->queued->frames;

        topology_add(top, TOPOLOGY_KIND_COLO_COMPARE, info->id, obj->class->name,
                     held == 0 ? TOPOLOGY_STATE_GOOD : TOPOLOGY_STATE_WAITING,
                     text_with_held(g_strdup(info->alone ? "alone" : "compares"), held));
        topology_link_chardev(top, TOPOLOGY_KIND_COLO_COMPARE, info->id, props->primary_in,
                              "primary_in", true);
        topology_link_chardev(top, TOPOLOGY_KIND_COLO_COMPARE, info->id, props->secondary_in,
                              "secondary_in", true);
        topology_link_chardev(top, TOPOLOGY_KIND_COLO_COMPARE, info->id, props->outdev, "outdev",
                              true);
        topology_link_chardev(top, TOPOLOGY_KIND_COLO_COMPARE, info->id, props->notify_dev,
                              "notify_dev", true);
    }
}

/* --- Chardevs ------------------------------------------------------------------------------ */

static void topology_add_chardevs(Topology *top)
{
    g_autoptr(ChardevInfoList) list = qmp_query_chardev(NULL);

    for (size_t i = 0; i < list->len; i++) {
        const ChardevInfo *info = &list->items[i];
        bool is_connected = !g_str_has_prefix(info->filename, "disconnected:");

        topology_add(top, TOPOLOGY_KIND_CHARDEV, info->label, info->filename,
                     is_connected ? TOPOLOGY_STATE_GOOD : TOPOLOGY_STATE_WAITING,
                     g_strdup(is_connected ? "" : "not connected"));
    }
}

TopologyInfo *qmp_query_topology(GError **error)
{
    TopologyInfo *info = g_new0(TopologyInfo, 1);
    Topology top = {
        .nodes = g_array_new(FALSE, TRUE, sizeof(TopologyNode)),
        .links = g_array_new(FALSE, TRUE, sizeof(TopologyLink)),
    };

    topology_add_netdevs(&top);
    topology_add_exports(&top);
    topology_add_filters(&top);
    topology_add_compares(&top);
    topology_add_chardevs(&top);
    info->running = run_state_is_running();
    info->nodes = g_new0(TopologyNodeList, 1);
    info->nodes->len = top.nodes->len;
    info->nodes->items = (TopologyNode *)g_array_free(top.nodes, FALSE);
    info->links = g_new0(TopologyLinkList, 1);
    info->links->len = top.links->len;
    info->links->items = (TopologyLink *)g_array_free(top.links, FALSE);
    return info;
}
