/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exports: their registry, their life, and the effects of the run state. */

#include "export/export.h"

#include <inttypes.h>
#include <string.h>

#include "export/export-internal.h"
#include "io/socket-address.h"
#include "net/netdev.h"
#include "net/run-state.h"
#include "qapi/json.h"
#include "qapi/opts.h"
#include "qapi/qapi-events.h"
#include "util/error.h"
#include "util/trace.h"

TRACE_POINT(net_export_gone);

static const NetExportClass *classes[NET_EXPORT_TYPE__MAX];
static GPtrArray *exports; /* borrowed NetExport *, in order of creation; NULL = none yet */
static RunStateListener *prepare_listener;
static RunStateListener *listener;
static bool armed;
static bool guest_gone;
static void (*guest_func)(bool runs);
static unsigned n_guests_running; /* of exports that see their guest run */
static const NetExportCounterOps *counter; /* NULL = nobody counts what the VM's NICs take */
static void *counter_opaque;

void net_export_class_register(const NetExportClass *class)
{
    g_assert(!classes[class->type]);
    classes[class->type] = class;
}

NetExport *net_export_find(const char *id)
{
    for (guint i = 0; exports && i < exports->len; i++) {
        NetExport *exp = exports->pdata[i];

        if (strcmp(exp->nc.id, id) == 0) {
            return exp;
        }
    }
    return NULL;
}

void net_export_foreach(void (*func)(NetExport *exp, void *opaque), void *opaque)
{
    for (guint i = 0; exports && i < exports->len; i++) {
        func(exports->pdata[i], opaque);
    }
}

/* --- As a client ------------------------------------------------------------------------- */

size_t net_export_receive(NetClient *nc, const NetFrame *frames, size_t n)
{
    NetExport *exp = (NetExport *)nc;

    if (nc->link_down) {
        net_client_drop_rx(nc, frames, n, NET_DROP_REASON_LINK_DOWN);
        return n;
    }
    if ((nc->disconnected && !exp->tries) || exp->flow.is_held_back) {
        return 0;
    }
    return exp->flow.on ? export_flow_send(exp, frames, n) : exp->class->send(exp, frames, n);
}

void net_export_in_flight(const NetClient *nc, NetBatch *batch)
{
    const NetExport *exp = (const NetExport *)nc;

    batch->n = 0;
    if (exp->flow.marked) {
        net_hold_peek(&exp->flow.history, batch);
    }
}

void net_export_in_flight_taken(NetClient *nc)
{
    export_in_flight_forget((NetExport *)nc);
}

static void exports_notify_counter(void)
{
    if (counter) {
        counter->changed(counter_opaque);
    }
}

void net_export_cleanup(NetClient *nc)
{
    NetExport *exp = (NetExport *)nc;

    g_ptr_array_remove(exports, exp);
    exports_notify_counter();
    timer_free(exp->end);
    export_flow_clear(exp);
    g_free(exp->netdev);
    g_free(exp->device);
    g_free(exp->peer);
}

char *net_export_describe(const NetClient *nc)
{
    const NetExport *exp = (const NetExport *)nc;
    NetExportWait wait = net_export_wait(exp);
    GString *text = g_string_new("export=");
    NetClientCounts counts;

    g_string_append_printf(text, "%s,%s", qapi_enum_name(QAPI_TYPE(NetExportType),
                                                         (int)exp->class->type), nc->info_text);
    if (nc->link_down) {
        g_string_append(text, nc->peer ? ",link=down" : ",netdev=gone");
    }
    if (wait != NET_EXPORT_WAIT_NONE) {
        net_client_get_counts(nc, &counts);
        g_string_append_printf(text, ",held=%" PRIu64 ",waits-for=%s", counts.to_held.frames,
                               qapi_enum_name(QAPI_TYPE(NetExportWait), (int)wait));
    }
    return g_string_free(text, FALSE);
}

/* --- Addresses --------------------------------------------------------------------------- */

char *net_export_uri(const NetExport *exp, const SocketAddress *addr)
{
    return socket_address_uri(addr, exp->class->type == NET_EXPORT_TYPE_DGRAM ? "udp" : "tcp");
}

/* --- Guests ------------------------------------------------------------------------------ */

void net_export_connected(NetExport *exp, const SocketAddress *addr)
{
    g_free(exp->peer);
    exp->peer = addr ? net_export_uri(exp, addr) : NULL;
    exp->n_connections++;
    export_flow_opened(exp);
    exports_notify_counter();
    qapi_event_net_export_connected(&(NetExportConnectedEvent) {
        .id = exp->nc.id, .addr = (SocketAddress *)addr,
    });
}

static void export_delete(NetExport *exp)
{
    g_autofree char *id = g_strdup(exp->nc.id);

    net_client_delete(&exp->nc);
    qapi_event_net_export_deleted(&(NetExportDeletedEvent) { .id = id });
}

static void export_end(void *opaque)
{
    export_delete(opaque);
}

/* One that was for one guest only is deleted from the loop: its callers still use it. */
void net_export_disconnected(NetExport *exp)
{
    g_clear_pointer(&exp->peer, g_free);
    qapi_event_net_export_disconnected(&(NetExportDisconnectedEvent) { .id = exp->nc.id });
    if (exp->one_shot && !exp->end) {
        exp->end = timer_new(CLOCK_TYPE_REALTIME, export_end, exp);
        timer_start_at(exp->end, clock_now_ns(CLOCK_TYPE_REALTIME));
    }
}

bool net_export_is_attached(const NetExport *exp)
{
    return exp->class->is_attached ? exp->class->is_attached(exp) : !exp->nc.disconnected;
}

/* One process serves one VM, which has as many NICs as there are exports. */
void net_export_guest_runs(bool runs)
{
    n_guests_running += runs ? 1 : -1;
    if (guest_func && n_guests_running == (runs ? 1 : 0)) {
        guest_func(runs);
    }
}

void net_export_forget_guest(void)
{
    n_guests_running--;
}

void net_exports_set_guest_func(void (*func)(bool runs))
{
    guest_func = func;
}

NetExportWait net_export_wait(const NetExport *exp)
{
    NetClientCounts counts;

    net_client_get_counts(&exp->nc, &counts);
    if (counts.to_held.frames == 0) {
        return NET_EXPORT_WAIT_NONE;
    }
    if (!run_state_is_running()) {
        return NET_EXPORT_WAIT_VM_STOPPED;
    }
    if (exp->nc.disconnected) {
        return net_export_is_attached(exp) ? NET_EXPORT_WAIT_VM_STOPPED
                                           : NET_EXPORT_WAIT_NOT_CONNECTED;
    }
    if (exp->class->is_exact) {
        return NET_EXPORT_WAIT_RING_FULL;
    }
    return exp->flow.waits ? NET_EXPORT_WAIT_GUEST_READING : NET_EXPORT_WAIT_SOCKET_FULL;
}

void net_exports_set_counter(const NetExportCounterOps *ops, void *opaque)
{
    counter = ops;
    counter_opaque = opaque;
}

bool net_export_inexact(const NetExport *exp, NetExportInexact *why)
{
    NetExportTally tally;

    if (exp->class->is_exact) {
        return false;
    }
    if (!net_export_is_attached(exp)) {
        *why = NET_EXPORT_INEXACT_NOT_CONNECTED;
    } else if (!exp->flow.on) {
        *why = NET_EXPORT_INEXACT_NOT_GATING;
    } else if (!net_export_tally(exp->nc.id, &tally)) {
        *why = NET_EXPORT_INEXACT_READING_NOT_SEEN;
    } else if (!counter || !counter->agrees(exp->nc.id, counter_opaque)) {
        *why = NET_EXPORT_INEXACT_NOT_COUNTED;
    } else {
        return false;
    }
    return true;
}

/* --- The run state ----------------------------------------------------------------------- */

void net_export_update(NetExport *exp)
{
    bool gates = exp->gate == NET_EXPORT_GATE_ON ||
                 (exp->gate == NET_EXPORT_GATE_AUTO && armed && !exp->class->is_exact);

    if (gates != exp->flow.on) {
        export_flow_set(exp, gates);
        exports_notify_counter();
    }
    net_client_set_wants_stopped(&exp->nc, exp->enable_when_stopped && !guest_gone);
}

static void export_update(NetExport *exp, void *opaque)
{
    net_export_update(exp);
}

static void export_drop_held(NetExport *exp, void *opaque)
{
    export_in_flight_forget(exp);
    net_client_drop_held(&exp->nc, NET_DROP_REASON_GUEST_GONE);
}

void net_exports_set_armed(bool now)
{
    armed = now;
    net_export_foreach(export_update, NULL);
}

void net_exports_set_guest_gone(bool gone)
{
    TRACE(net_export_gone, "guest %s", gone ? "gone" : "expected");
    guest_gone = gone;
    net_export_foreach(export_update, NULL);
    if (gone) {
        net_export_foreach(export_drop_held, NULL);
    }
}

void net_exports_expect_stop(bool expected)
{
    export_flow_expect_stop(expected);
}

void net_exports_foreach_flow(void (*func)(const char *id, const char *device, void *opaque),
                              void *opaque)
{
    for (guint i = 0; exports && i < exports->len; i++) {
        NetExport *exp = exports->pdata[i];

        if (exp->flow.on) {
            func(exp->nc.id, exp->device, opaque);
        }
    }
}

void net_export_hold_back(const char *id)
{
    NetExport *exp = net_export_find(id);

    if (exp) {
        exp->flow.is_held_back = true;
    }
}

bool net_export_tally(const char *id, NetExportTally *tally)
{
    NetExport *exp = net_export_find(id);

    return exp && !exp->nc.disconnected && export_flow_tally(exp, tally);
}

void net_export_go_on(const char *id, const NetExportLoss *loss)
{
    NetExport *exp = net_export_find(id);

    if (exp) {
        export_flow_go_on(exp, loss);
    }
}

/* What the guest sent before it stopped goes out while the VM still counts as running. */
static void exports_prepare(bool running, RunState state, void *opaque)
{
    for (guint i = 0; i < exports->len; i++) {
        NetExport *exp = exports->pdata[i];

        exp->class->drain(exp, exp->nc.hold_size);
    }
    for (guint i = 0; i < exports->len; i++) {
        export_flow_stop(exports->pdata[i]);
    }
}

static void exports_run_state_changed(bool running, RunState state, void *opaque)
{
    if (running && guest_gone) {
        net_exports_set_guest_gone(false);
    }
    for (guint i = 0; i < exports->len; i++) {
        NetExport *exp = exports->pdata[i];

        if (running) {
            export_in_flight_unmark(exp);
        }
        exp->class->run_state_changed(exp, running);
    }
}

static void exports_init(void)
{
    exports = g_ptr_array_new();
    prepare_listener = run_state_listener_add(RUN_STATE_ORDER_PREPARE, exports_prepare, NULL);
    /* At a start before the net core sends what is held, at a stop behind it. */
    listener = run_state_listener_add(RUN_STATE_ORDER_CLOCK, exports_run_state_changed, NULL);
}

void net_exports_cleanup(void)
{
    while (exports && exports->len > 0) {
        NetExport *exp = exports->pdata[exports->len - 1];

        net_client_delete(&exp->nc);
    }
    g_clear_pointer(&exports, g_ptr_array_unref);
    g_clear_pointer(&listener, run_state_listener_remove);
    g_clear_pointer(&prepare_listener, run_state_listener_remove);
}

/* --- Creation and deletion --------------------------------------------------------------- */

NetExport *net_export_new(const NetClientInfo *info, const NetExportClass *class,
                          const NetExportOptions *opts)
{
    NetExport *exp = (NetExport *)net_client_new(info, opts->id);

    if (!exports) {
        exports_init();
    }
    exp->class = class;
    exp->netdev = g_strdup(opts->netdev);
    exp->device = g_strdup(opts->device);
    exp->gate = opts->gate;
    exp->enable_when_stopped = opts->enable_when_stopped;
    g_ptr_array_add(exports, exp);
    net_client_set_hold_size(&exp->nc, opts->hold_size);
    return exp;
}

static NetClient *export_find_netdev(const char *id, GError **error)
{
    NetClient *netdev = net_netdev_find(id);

    if (!netdev) {
        error_set(error, "Netdev '%s' is not found", id);
    } else if (netdev->peer) {
        error_set(error, "Netdev '%s' is in use by '%s'", id, netdev->peer->id);
        netdev = NULL;
    }
    return netdev;
}

bool net_export_check_gate(const NetExportClass *class, NetExportGate gate, GError **error)
{
    return !class->is_exact || gate != NET_EXPORT_GATE_ON ||
           error_set(error, "Parameter 'gate' does not accept value 'on' with type=%s, whose stops "
                     "are exact without", qapi_enum_name(QAPI_TYPE(NetExportType),
                                                         (int)class->type));
}

static bool export_check(const NetExportOptions *opts, GError **error)
{
    if (!id_check(opts->id, error)) {
        return false;
    }
    if (net_client_find(opts->id)) {
        return error_set(error, "Net export id '%s' is already in use", opts->id);
    }
    if (opts->hold_size == 0) {
        return error_set(error, "Parameter 'hold-size' expects a positive value");
    }
    if (opts->device && opts->device[0] == '\0') {
        return error_set(error, "Parameter 'device' expects the id of a NIC");
    }
    return net_export_check_gate(classes[opts->type], opts->gate, error);
}

bool net_export_add(const NetExportOptions *opts, GError **error)
{
    NetClient *netdev;
    NetExport *exp;

    if (!export_check(opts, error)) {
        return false;
    }
    netdev = export_find_netdev(opts->netdev, error);
    exp = netdev ? classes[opts->type]->create(opts, error) : NULL;
    if (!exp) {
        return false;
    }
    net_client_connect(netdev, &exp->nc);
    net_export_update(exp);
    return true;
}

bool net_export_remove(const char *id, NetExportRemoveMode mode, GError **error)
{
    NetExport *exp = net_export_find(id);

    if (!exp) {
        return error_set(error, "Export '%s' is not found", id);
    }
    if (exp->end) {
        return error_set(error, "Export '%s' is already shutting down", id);
    }
    if (mode == NET_EXPORT_REMOVE_MODE_SAFE && net_export_is_attached(exp)) {
        error_set(error, "export '%s' still in use", id);
        error_append_hint(error, "Use mode='hard' to force client disconnect");
        return false;
    }
    export_delete(exp);
    return true;
}

/* --- Options ----------------------------------------------------------------------------- */

static json_object *export_text_to_json(const char *text, QapiInput *input, GError **error)
{
    json_object *options = NULL;

    *input = text[0] == '{' ? QAPI_INPUT_JSON : QAPI_INPUT_KEYVAL;
    if (*input == QAPI_INPUT_KEYVAL) {
        return keyval_parse(text, "type", NULL, error);
    }
    return json_parse_text(text, &options, error) ? options : NULL;
}

NetExportOptions *net_export_options_parse(const char *text, GError **error)
{
    QapiInput input;
    json_object *options = export_text_to_json(text, &input, error);
    NetExportOptions *opts;

    if (!options) {
        return NULL;
    }
    opts = qapi_from_json(QAPI_TYPE(NetExportOptions), options, input, error);
    json_object_put(options);
    return opts;
}

char *net_export_help(void)
{
    GString *help = g_string_new("Available export types:\n");

    for (size_t i = 0; i < G_N_ELEMENTS(classes); i++) {
        g_string_append_printf(help, "%s\n", qapi_enum_name(QAPI_TYPE(NetExportType), (int)i));
    }
    return g_string_free(help, FALSE);
}
