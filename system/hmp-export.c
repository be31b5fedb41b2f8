/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Human monitor: exports. */

#include "system/hmp-internal.h"

#include <inttypes.h>

#include "export/export.h"
#include "qapi/qapi-commands.h"
#include "qapi/qapi.h"

static void hmp_complete_export(const char *word, int arg_index, GPtrArray *candidates)
{
    g_autoptr(NetExportInfoList) list = qmp_query_net_exports(NULL);

    for (size_t i = 0; arg_index == 0 && i < list->len; i++) {
        g_ptr_array_add(candidates, g_strdup(list->items[i].id));
    }
}

static void hmp_run_export_add(Hmp *hmp)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NetExportOptions) opts = net_export_options_parse(hmp_str(hmp, "export"), &error);

    if (opts) {
        net_export_add(opts, &error);
    }
    hmp_error(hmp, g_steal_pointer(&error));
}

static void hmp_run_export_del(Hmp *hmp)
{
    g_autoptr(GError) error = NULL;

    net_export_remove(hmp_str(hmp, "id"),
                      hmp_has(hmp, "force") ? NET_EXPORT_REMOVE_MODE_HARD
                                            : NET_EXPORT_REMOVE_MODE_SAFE, &error);
    hmp_error(hmp, g_steal_pointer(&error));
}

static void hmp_print_export_drops(Hmp *hmp, const NetDropCountList *drops)
{
    for (size_t i = 0; i < drops->len; i++) {
        hmp_printf(hmp, "  dropped %" PRIu64 " (%s)\n", drops->items[i].frames,
                   qapi_enum_name(QAPI_TYPE(NetDropReason), (int)drops->items[i].reason));
    }
}

static void hmp_print_export_guest(Hmp *hmp, const NetExportInfo *info)
{
    if (!info->connected && info->address) {
        hmp_printf(hmp, "  the guest's QEMU is expected at %s%s%s\n", info->address,
                   info->error ? ": " : "", info->error ? info->error : "");
    } else if (!info->connected && info->connections > 0) {
        hmp_printf(hmp, "  the guest's QEMU has closed the socket that was given\n");
    }
    if (info->peer) {
        hmp_printf(hmp, "  guest at %s", info->peer);
        if (info->has_peer_pid) {
            hmp_printf(hmp, ", process %" PRId64, info->peer_pid);
        }
        hmp_printf(hmp, "\n");
    }
    if (info->has_unread && info->unread > 0) {
        hmp_printf(hmp, "  the guest's QEMU has not read %" PRIu64 " bytes of what it got\n",
                   info->unread);
    }
}

/* What an operator may have to do something about. */
static void hmp_print_export_trouble(Hmp *hmp, const NetExportInfo *info)
{
    if (info->shutting_down) {
        hmp_printf(hmp, "  is about to be deleted\n");
    }
    if (info->netdev_gone) {
        hmp_printf(hmp, "  netdev %s is gone\n", info->netdev);
    } else if (!info->link_up) {
        hmp_printf(hmp, "  the link is down\n");
    }
    if (info->at_limit) {
        hmp_printf(hmp, "  %" PRIu64 " bytes are held: netdev %s is read no more\n",
                   info->held_to_guest->bytes, info->netdev);
    }
    if (info->held_from_guest->frames > 0) {
        hmp_printf(hmp, "  %" PRIu64 " frames of the guest wait%s\n",
                   info->held_from_guest->frames,
                   info->reading ? "" : ": it is read no more");
    }
    if (info->malformed > 0) {
        hmp_printf(hmp, "  connections that ended by an oversized frame, or inside a frame: %"
                   PRIu64 "\n", info->malformed);
    }
}

static void hmp_print_export_rings(Hmp *hmp, const NetExportVhostUserInfo *info)
{
    if (!info->guest_runs) {
        hmp_printf(hmp, "  the guest runs none of its rings\n");
    }
    for (size_t i = 0; i < info->rings->len; i++) {
        const NetExportRingInfo *ring = &info->rings->items[i];

        if (ring->fault) {
            hmp_printf(hmp, "  ring %" PRId64 " is not worked: it has %s\n", ring->index,
                       ring->fault);
        }
    }
}

static void hmp_print_export(Hmp *hmp, const NetExportInfo *info)
{
    hmp_printf(hmp, "%-12s %-10s %-12s %-13s %9" PRIu64 " %12" PRIu64 " %8" PRIu64 "  %s\n",
               info->id, qapi_enum_name(QAPI_TYPE(NetExportType), (int)info->type), info->netdev,
               info->connected ? "connected" : "not connected", info->to_guest->frames,
               info->from_guest->frames, info->held_to_guest->frames,
               qapi_enum_name(QAPI_TYPE(NetExportWait), (int)info->waits_for));
    hmp_print_export_guest(hmp, info);
    if (info->gating || info->in_flight > 0) {
        hmp_printf(hmp, "  hands over with care, %" PRIu64 " frames in flight\n", info->in_flight);
    }
    if (info->vhost_user && info->connected) {
        hmp_print_export_rings(hmp, info->vhost_user);
    }
    hmp_print_export_trouble(hmp, info);
    hmp_print_export_drops(hmp, info->dropped);
    if (info->has_kernel_dropped && info->kernel_dropped > 0) {
        hmp_printf(hmp, "  dropped %" PRIu64 " (by the kernel, before they were read)\n",
                   info->kernel_dropped);
    }
}

static void hmp_run_info_exports(Hmp *hmp)
{
    g_autoptr(NetExportInfoList) list = qmp_query_net_exports(NULL);

    if (list->len > 0) {
        hmp_printf(hmp, "%-12s %-10s %-12s %-13s %9s %12s %8s  %s\n", "export", "type", "netdev",
                   "guest", "to guest", "from guest", "held", "waits for");
    }
    for (size_t i = 0; i < list->len; i++) {
        hmp_print_export(hmp, &list->items[i]);
    }
}

static const HmpCommand hmp_export_commands[] = {
    { .name = "export_add", .args = "export:o", .params = "[type=]TYPE,id=ID,netdev=ID,...",
      .help = "add an export", .run = hmp_run_export_add },
    { .name = "export_del", .args = "force:-f,id:s", .params = "[-f] ID",
      .help = "remove an export; -f: though a guest is connected", .run = hmp_run_export_del,
      .complete = hmp_complete_export },
};
HMP_REGISTER(hmp_export_commands, false);

static const HmpCommand hmp_export_info_commands[] = {
    { .name = "exports", .help = "guests, what waits for them and why",
      .run = hmp_run_info_exports },
};
HMP_REGISTER(hmp_export_info_commands, true);
