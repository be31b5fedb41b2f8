/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Human monitor: info topology. */

#include "system/hmp-internal.h"

#include <string.h>

#include "qapi/qapi-commands.h"
#include "qapi/qapi.h"

static const TopologyNode *node_find(const TopologyInfo *info, const char *name)
{
    for (size_t i = 0; i < info->nodes->len; i++) {
        if (strcmp(info->nodes->items[i].name, name) == 0) {
            return &info->nodes->items[i];
        }
    }
    return NULL;
}

static void hmp_print_node(Hmp *hmp, const TopologyNode *node)
{
    hmp_printf(hmp, "%s %s (%s)%s%s\n", qapi_enum_name(QAPI_TYPE(TopologyKind), (int)node->kind),
               node->id, node->type, *node->text ? ": " : "", node->text);
}

/* What is linked from @name, each deeper by @depth, and what is linked from that. */
static void hmp_print_links(Hmp *hmp, const TopologyInfo *info, const char *name, int depth)
{
    for (size_t i = 0; i < info->links->len; i++) {
        const TopologyLink *link = &info->links->items[i];
        const TopologyNode *to = node_find(info, link->to);

        if (strcmp(link->from, name) != 0 || !to) {
            continue;
        }
        hmp_printf(hmp, "%*s%s%s ", depth * 2, "", link->role,
                   link->connected ? "" : " (cut)");
        hmp_print_node(hmp, to);
        if (to->kind == TOPOLOGY_KIND_FILTER) {
            hmp_print_links(hmp, info, to->name, depth + 1);
        }
    }
}

static bool node_is_linked(const TopologyInfo *info, const TopologyNode *node)
{
    for (size_t i = 0; i < info->links->len; i++) {
        if (strcmp(info->links->items[i].to, node->name) == 0) {
            return true;
        }
    }
    return false;
}

static void hmp_run_info_topology(Hmp *hmp)
{
    g_autoptr(TopologyInfo) info = qmp_query_topology(NULL);

    hmp_printf(hmp, "VM: %s\n", info->running ? "running" : "stopped");
    for (size_t i = 0; i < info->nodes->len; i++) {
        const TopologyNode *node = &info->nodes->items[i];

        if (node->kind == TOPOLOGY_KIND_NETDEV || !node_is_linked(info, node)) {
            hmp_print_node(hmp, node);
            hmp_print_links(hmp, info, node->name, 1);
        }
    }
}

static const HmpCommand hmp_topology_info_commands[] = {
    { .name = "topology", .help = "what there is, and what is connected with what",
      .run = hmp_run_info_topology },
};
HMP_REGISTER(hmp_topology_info_commands, true);
