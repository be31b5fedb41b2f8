/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP commands on exports. */

#include <sys/socket.h>

#include "export/export-internal.h"
#include "export/export.h"
#include "net/run-state.h"
#include "qapi/qapi-commands.h"
#include "util/error.h"

bool qmp_net_export_add(const NetExportOptions *args, GError **error)
{
    return net_export_add(args, error);
}

bool qmp_net_export_del(const NetExportDelArgs *args, GError **error)
{
    return net_export_remove(args->id, args->mode, error);
}

bool qmp_net_export_set(const NetExportSetArgs *args, GError **error)
{
    NetExport *exp = net_export_find(args->id);

    if (!exp) {
        return error_set(error, "Export '%s' is not found", args->id);
    }
    if (args->has_hold_size && args->hold_size == 0) {
        return error_set(error, "Parameter 'hold-size' expects a positive value");
    }
    if (args->has_gate && !net_export_check_gate(exp->class, args->gate, error)) {
        return false;
    }
    if (args->has_gate) {
        exp->gate = args->gate;
    }
    if (args->has_enable_when_stopped) {
        exp->enable_when_stopped = args->enable_when_stopped;
    }
    if (args->has_hold_size) {
        net_client_set_hold_size(&exp->nc, args->hold_size);
    }
    net_export_update(exp);
    return true;
}

/* --- query-net-exports ------------------------------------------------------------------- */

/* A process in another namespace has no id here. */
static bool export_peer_pid(const NetExport *exp, int64_t *pid)
{
    int fd = exp->class->socket(exp);
    struct ucred cred = { 0 };
    socklen_t len = sizeof(cred);

    if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 || cred.pid <= 0) {
        return false;
    }
    *pid = cred.pid;
    return true;
}

static uint64_t export_n_in_flight(const NetExport *exp)
{
    NetBatch batch;

    if (run_state_is_running()) {
        return 0;
    }
    net_export_in_flight(&exp->nc, &batch);
    return batch.n;
}

/* Frames of the guest that did not start on their way, and frames for it that were not sent. */
static NetDropCountList *export_drops(const NetExport *exp, const NetClientCounts *counts)
{
    NetDrops drops = exp->nc.drops;

    for (size_t i = 0; i < G_N_ELEMENTS(drops.by_reason); i++) {
        const NetCount *to = &counts->to_dropped.by_reason[i];

        net_count_add(&drops.by_reason[i], to->frames, to->bytes);
    }
    return net_drops_to_qapi(&drops);
}

static void export_fill_counts(NetExportInfo *info, const NetExport *exp)
{
    NetClientCounts counts;

    net_client_get_counts(&exp->nc, &counts);
    info->to_guest = net_count_to_qapi(counts.to);
    info->from_guest = net_count_to_qapi(counts.from);
    info->held_to_guest = net_count_to_qapi(counts.to_held);
    info->held_from_guest = net_count_to_qapi(counts.from_held);
    info->at_limit = counts.to_is_full;
    info->dropped = export_drops(exp, &counts);
    info->malformed = exp->nc.n_read_errors;
}

static NetExportExactStop *export_exact_stop(const NetExport *exp)
{
    NetExportExactStop *exact = g_new0(NetExportExactStop, 1);
    NetExportInexact why;

    if (net_export_inexact(exp, &why)) {
        exact->kind = QAPI_KIND_ENUM;
        exact->u.inexact = why;
    } else {
        exact->kind = QAPI_KIND_BOOL;
        exact->u.exact = true;
    }
    return exact;
}

static void export_append(NetExport *exp, void *opaque)
{
    GArray *items = opaque;
    NetExportInfo info = {
        .type = exp->class->type,
        .netdev_gone = exp->nc.peer == NULL,
        .shutting_down = exp->end != NULL,
        .connections = exp->n_connections,
        .run_state = run_state_get(),
        .gate = exp->gate,
        .gating = exp->flow.on,
        .enable_when_stopped = exp->enable_when_stopped,
        .hold_size = exp->nc.hold_size,
        .link_up = !exp->nc.link_down,
        .reading = exp->nc.polled || exp->class->always_reads,
    };

    info.id = g_strdup(exp->nc.id);
    info.address = exp->class->address(exp);
    info.error = g_strdup(exp->class->error(exp));
    info.netdev = g_strdup(exp->netdev);
    info.device = g_strdup(exp->device);
    info.connected = net_export_is_attached(exp);
    info.peer = info.connected ? g_strdup(exp->peer) : NULL;
    info.has_peer_pid = export_peer_pid(exp, &info.peer_pid);
    info.has_unread = net_export_unread(exp, &info.unread);
    info.waits_for = net_export_wait(exp);
    info.exact_stop = export_exact_stop(exp);
    info.in_flight = export_n_in_flight(exp);
    export_fill_counts(&info, exp);
    info.has_kernel_dropped = net_client_kernel_dropped(&exp->nc, &info.kernel_dropped);
    if (exp->class->fill_info) {
        exp->class->fill_info(exp, &info);
    }
    g_array_append_val(items, info);
}

NetExportInfoList *qmp_query_net_exports(GError **error)
{
    GArray *items = g_array_new(FALSE, TRUE, sizeof(NetExportInfo));
    NetExportInfoList *list = g_new0(NetExportInfoList, 1);

    net_client_begin_query();
    net_export_foreach(export_append, items);
    list->len = items->len;
    list->items = (NetExportInfo *)g_array_free(items, FALSE);
    return list;
}
