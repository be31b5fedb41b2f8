/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Human monitor: netdevs, links and their counters. */

#include "system/hmp-internal.h"

#include <inttypes.h>
#include <string.h>

#include "net/client.h"
#include "net/netdev.h"
#include "qapi/qapi-commands.h"
#include "qapi/qapi.h"
#include "system/info-network.h"

static void hmp_add_netdev_name(NetClient *nc, void *opaque)
{
    if (nc->info->is_netdev) {
        g_ptr_array_add(opaque, g_strdup(nc->id));
    }
}

static void hmp_add_client_name(NetClient *nc, void *opaque)
{
    g_ptr_array_add(opaque, g_strdup(nc->id));
}

void hmp_complete_netdev(const char *word, int arg_index, GPtrArray *candidates)
{
    if (arg_index == 0) {
        net_client_foreach(hmp_add_netdev_name, candidates);
    }
}

void hmp_complete_client(const char *word, int arg_index, GPtrArray *candidates)
{
    if (arg_index == 0) {
        net_client_foreach(hmp_add_client_name, candidates);
    }
}

static void hmp_complete_netdev_type(const char *word, int arg_index, GPtrArray *candidates)
{
    const QapiType *type = QAPI_TYPE(NetClientDriver);

    for (size_t i = 0; arg_index == 0 && i < type->n_values; i++) {
        if (netdev_is_built_in((NetClientDriver)i)) {
            g_ptr_array_add(candidates, g_strconcat(type->values[i].name, ",id=", NULL));
        }
    }
}

static void hmp_run_netdev_add(Hmp *hmp)
{
    const char *text = hmp_has(hmp, "netdev") ? hmp_str(hmp, "netdev") : "";
    g_autoptr(Netdev) netdev = NULL;
    g_autoptr(GError) error = NULL;

    if (strcmp(text, "help") == 0 || strcmp(text, "?") == 0) {
        g_autofree char *help = netdev_help();

        hmp_printf(hmp, "%s", help);
        return;
    }
    netdev = netdev_options_parse(text, &error);
    if (netdev) {
        qmp_netdev_add(netdev, &error);
    }
    hmp_error(hmp, g_steal_pointer(&error));
}

static void hmp_run_netdev_del(Hmp *hmp)
{
    NetdevDelArgs args = { .id = (char *)hmp_str(hmp, "id") };
    g_autoptr(GError) error = NULL;

    qmp_netdev_del(&args, &error);
    hmp_error(hmp, g_steal_pointer(&error));
}

static void hmp_run_set_link(Hmp *hmp)
{
    SetLinkArgs args = { .name = (char *)hmp_str(hmp, "name"), .up = hmp_bool(hmp, "up") };
    g_autoptr(GError) error = NULL;

    qmp_set_link(&args, &error);
    hmp_error(hmp, g_steal_pointer(&error));
}

/* Five rounds, after 50, 150, 250 and 350 ms: QEMU's default. */
static void hmp_run_announce_self(Hmp *hmp)
{
    AnnounceParameters params = { .initial = 50, .max = 550, .rounds = 5, .step = 100,
                                  .id = (char *)hmp_str(hmp, "id") };
    g_auto(GStrv) names = g_strsplit(hmp_has(hmp, "interfaces") ? hmp_str(hmp, "interfaces") : "",
                                     ",", -1);
    strList interfaces = { .len = g_strv_length(names), .items = names };
    g_autoptr(GError) error = NULL;

    params.interfaces = interfaces.len > 0 ? &interfaces : NULL;
    qmp_announce_self(&params, &error);
    hmp_error(hmp, g_steal_pointer(&error));
}

static void hmp_run_info_network(Hmp *hmp)
{
    g_autofree char *text = info_network_text();

    hmp_printf(hmp, "%s", text);
}

/* --- Counters ------------------------------------------------------------------------------ */

static void hmp_print_count(Hmp *hmp, const char *name, const NetCountInfo *count)
{
    hmp_printf(hmp, "    %-10s %12" PRIu64 " frames %16" PRIu64 " bytes\n", name, count->frames,
               count->bytes);
}

/* Only what is not 0: most counters of most netdevs never move. */
static void hmp_print_count_if(Hmp *hmp, const char *name, const NetCountInfo *count)
{
    if (count->frames > 0) {
        hmp_print_count(hmp, name, count);
    }
}

static void hmp_print_drops(Hmp *hmp, const NetDropCountList *drops)
{
    for (size_t i = 0; i < drops->len; i++) {
        const NetDropCount *drop = &drops->items[i];

        if (drop->frames > 0) {
            hmp_printf(hmp, "    %-10s %12" PRIu64 " frames %16" PRIu64 " bytes  (%s)\n", "dropped",
                       drop->frames, drop->bytes,
                       qapi_enum_name(QAPI_TYPE(NetDropReason), (int)drop->reason));
        }
    }
}

static void hmp_print_kernel_dropped(Hmp *hmp, bool is_known, uint64_t frames)
{
    if (is_known && frames > 0) {
        hmp_printf(hmp, "    %-10s %12" PRIu64 " frames  (by the kernel, before they were read)\n",
                   "dropped", frames);
    }
}

static void hmp_print_chain(Hmp *hmp, const char *name, const NetChainInfo *chain)
{
    hmp_printf(hmp, "  %s:%s", name, chain->blocked ? " blocked" : "");
    for (size_t i = 0; i < chain->filters->len; i++) {
        hmp_printf(hmp, "%s%s", i > 0 ? ", " : " through ", chain->filters->items[i]);
    }
    hmp_printf(hmp, "\n");
    hmp_print_count(hmp, "in", chain->in);
    hmp_print_count_if(hmp, "injected", chain->injected);
    hmp_print_count(hmp, "delivered", chain->delivered);
    hmp_print_count_if(hmp, "consumed", chain->consumed);
    hmp_print_count_if(hmp, "held", chain->held);
    hmp_print_drops(hmp, chain->dropped);
}

static void hmp_print_netdev(Hmp *hmp, const NetdevInfo *info)
{
    hmp_printf(hmp, "%s: type=%s, peer=%s, link %s, %sread\n", info->id,
               qapi_enum_name(QAPI_TYPE(NetClientDriver), (int)info->type),
               info->peer ? info->peer : "none", info->link_up ? "up" : "down",
               info->polled ? "" : "not ");
    if (info->stopped_readers > 0) {
        hmp_printf(hmp, "  read for %u filters while the VM is stopped\n", info->stopped_readers);
    }
    if (info->malformed > 0 || info->truncated > 0) {
        hmp_printf(hmp, "  %" PRIu64 " malformed streams, %" PRIu64 " cut datagrams\n",
                   info->malformed, info->truncated);
    }
    if (info->limit_reached > 0) {
        hmp_printf(hmp, "  at its hold limit %" PRIu64 " times\n", info->limit_reached);
    }
    hmp_print_drops(hmp, info->dropped);
    hmp_print_kernel_dropped(hmp, info->has_kernel_dropped, info->kernel_dropped);
    if (info->tx) {
        hmp_print_chain(hmp, "tx", info->tx);
    }
    if (info->rx) {
        hmp_print_chain(hmp, "rx", info->rx);
    }
}

static void hmp_run_info_netdevs(Hmp *hmp)
{
    g_autoptr(NetdevInfoList) list = qmp_query_netdevs(NULL);

    for (size_t i = 0; i < list->len; i++) {
        hmp_print_netdev(hmp, &list->items[i]);
    }
}

static void hmp_print_handover(Hmp *hmp, const NetHandoverInfo *info)
{
    hmp_printf(hmp, "  hand-over: %s, %s\n",
               qapi_enum_name(QAPI_TYPE(NetHandoverPhase), info->phase),
               info->connected ? "connected to the other host" : "not connected");
    hmp_print_count_if(hmp, "kept", info->kept);
    hmp_print_count_if(hmp, "not sent yet", info->unsent);
    if (info->armed) {
        hmp_printf(hmp, "    armed: a round is waited for\n");
    }
    if (info->split > 0) {
        hmp_printf(hmp, "    at both VMs: %" PRIu64 " frames\n", info->split);
    }
    if (info->refused > 0) {
        hmp_printf(hmp, "    left to the source: %" PRIu64 " frames\n",
                   info->refused);
    }
}

static void hmp_print_rewriter(Hmp *hmp, const NetRewriterInfo *info)
{
    hmp_printf(hmp, "  connections: %u, translated %u, lingering %u, added %" PRIu64
               ", closed %" PRIu64 ", evicted %" PRIu64 "\n", info->connections,
               info->translated, info->lingering, info->added, info->closed, info->evicted);
    hmp_printf(hmp, "  rewritten: %" PRIu64 " frames, untracked %" PRIu64 ", malformed %" PRIu64
               "%s\n", info->rewritten, info->untracked, info->malformed,
               info->failover ? ", after a failover" : "");
}

static void hmp_print_filter_ends(Hmp *hmp, const NetFilterInfo *info)
{
    if (info->outdev) {
        hmp_printf(hmp, "  outdev %s: %sconnected\n", info->outdev,
                   info->outdev_connected ? "" : "not ");
    }
    if (info->indev) {
        hmp_printf(hmp, "  indev %s: %sconnected\n", info->indev,
                   info->indev_connected ? "" : "not ");
    }
    if (info->has_not_asking && info->not_asking != NET_FILTER_NOT_ASKING_NEVER) {
        hmp_printf(hmp, "  does not ask for frames while the VM is stopped: %s\n",
                   qapi_enum_name(QAPI_TYPE(NetFilterNotAsking), (int)info->not_asking));
    }
}

static void hmp_print_filter(Hmp *hmp, const NetFilterInfo *info)
{
    hmp_printf(hmp, "%s: type=%s, netdev=%s, index=%u, queue=%s, status=%s%s\n", info->id,
               info->type, info->netdev, info->index,
               qapi_enum_name(QAPI_TYPE(NetFilterDirection), (int)info->queue), info->status,
               info->wants_stopped ? ", wants frames while the VM is stopped" : "");
    hmp_print_filter_ends(hmp, info);
    hmp_print_count(hmp, "in", info->in);
    hmp_print_count(hmp, "passed", info->passed);
    hmp_print_count_if(hmp, "consumed", info->consumed);
    hmp_print_count_if(hmp, "injected", info->injected);
    hmp_print_count_if(hmp, "to outdev", info->to_outdev);
    hmp_print_count_if(hmp, "from indev", info->from_indev);
    hmp_print_count_if(hmp, "lost", info->copies_lost);
    hmp_print_count_if(hmp, "held", info->held);
    hmp_print_drops(hmp, info->dropped);
    hmp_print_kernel_dropped(hmp, info->has_kernel_dropped, info->kernel_dropped);
    if (info->handover) {
        hmp_print_handover(hmp, info->handover);
    }
    if (info->rewriter) {
        hmp_print_rewriter(hmp, info->rewriter);
    }
}

static void hmp_run_info_netfilters(Hmp *hmp)
{
    g_autoptr(NetFilterInfoList) list = qmp_query_netfilters(NULL);

    for (size_t i = 0; i < list->len; i++) {
        hmp_print_filter(hmp, &list->items[i]);
    }
}

static const HmpCommand hmp_net_commands[] = {
    { .name = "netdev_add", .args = "netdev:o?", .params = "[type=]TYPE,id=ID[,...]",
      .help = "add a netdev", .run = hmp_run_netdev_add, .complete = hmp_complete_netdev_type },
    { .name = "netdev_del", .args = "id:s", .params = "ID", .help = "remove a netdev",
      .run = hmp_run_netdev_del, .complete = hmp_complete_netdev },
    { .name = "set_link", .args = "name:s,up:b", .params = "NAME on|off",
      .help = "switch the link of a netdev or NIC", .run = hmp_run_set_link,
      .complete = hmp_complete_client },
    { .name = "announce_self", .args = "interfaces:s?,id:s?", .params = "[IFS] [ID]",
      .help = "let NICs, all or those in the list IFS, send frames that show where they are",
      .run = hmp_run_announce_self },
};
HMP_REGISTER(hmp_net_commands, false);

static const HmpCommand hmp_net_info_commands[] = {
    { .name = "network", .help = "clients, peers and filters", .run = hmp_run_info_network },
    { .name = "netdevs", .help = "state and counters of the netdevs",
      .run = hmp_run_info_netdevs },
    { .name = "netfilters", .help = "state and counters of the filters",
      .run = hmp_run_info_netfilters },
};
HMP_REGISTER(hmp_net_info_commands, true);
