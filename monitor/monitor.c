/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of monitors: made from options, sent events, flushed at the end. */

#include "monitor/monitor-internal.h"

#include <string.h>

#include "qapi/opts.h"
#include "qapi/qapi.h"
#include "util/error.h"
#include "util/log.h"

/** How long the end of the process waits for clients to read their last replies. */
#define MONITOR_FLUSH_MS 2000

static GPtrArray *monitors;              /* owned Monitor *, in order of creation */
static Monitor *monitor_now;             /* borrowed: whose command runs */
static MonitorFds *monitor_now_received; /* borrowed: descriptors that came with it */
static unsigned monitor_n_compat;        /* number of the next compat_monitorN */

static void monitor_free(Monitor *mon)
{
    char_frontend_detach(&mon->fe);
    qmp_session_free(mon->qmp);
    hmp_session_free(mon->hmp);
    monitor_fds_unref(mon->received);
    fd_store_free(mon->fds);
    g_free(mon->id);
    g_free(mon);
}

static Monitor *monitor_new(const char *id, MonitorMode mode, bool pretty)
{
    Monitor *mon = g_new0(Monitor, 1);

    mon->id = g_strdup(id);
    mon->mode = mode;
    mon->pretty = pretty;
    mon->fds = fd_store_new();
    return mon;
}

static bool monitor_attach(Monitor *mon, Chardev *chr, GError **error)
{
    switch (mon->mode) {
    case MONITOR_MODE_CONTROL:
        mon->qmp = qmp_session_new(mon);
        return char_frontend_attach(&mon->fe, chr, &qmp_session_ops, mon->qmp, error);
    case MONITOR_MODE_READLINE:
        mon->hmp = hmp_session_new(mon);
        return char_frontend_attach(&mon->fe, chr, &hmp_session_ops, mon->hmp, error);
    }
    g_assert_not_reached();
}

static bool monitor_add_named(const char *id, Chardev *chr, MonitorMode mode, bool pretty,
                              GError **error)
{
    Monitor *mon;

    if (pretty && mode != MONITOR_MODE_CONTROL) {
        return error_set(error, "'pretty' is not compatible with HMP monitors");
    }
    mon = monitor_new(id, mode, pretty);
    if (!monitors) {
        monitors = g_ptr_array_new();
    }
    /* In the list first: attaching reports a connection that already stands. */
    g_ptr_array_add(monitors, mon);
    if (!monitor_attach(mon, chr, error)) {
        g_ptr_array_remove(monitors, mon);
        monitor_free(mon);
        return false;
    }
    return true;
}

bool monitor_add(Chardev *chr, MonitorMode mode, bool pretty, GError **error)
{
    return monitor_add_named(NULL, chr, mode, pretty, error);
}

static bool monitor_check_id(const char *id, GError **error)
{
    for (guint i = 0; monitors && i < monitors->len; i++) {
        Monitor *mon = g_ptr_array_index(monitors, i);

        if (id && g_strcmp0(mon->id, id) == 0) {
            return error_set(error, "Duplicate ID '%s' for mon", id);
        }
    }
    return true;
}

bool monitor_add_from_opts(const char *text, GError **error)
{
    g_autoptr(Opts) opts = opts_parse(text, "chardev", true, error);
    g_autoptr(MonitorOptions) options = NULL;
    Chardev *chr;

    if (!opts) {
        return false;
    }
    options = opts_to_type(opts, true, QAPI_TYPE(MonitorOptions), error);
    if (!options || !monitor_check_id(options->id, error)) {
        return false;
    }
    chr = char_find(options->chardev);
    if (!chr) {
        return error_set(error, "chardev \"%s\" not found", options->chardev);
    }
    return monitor_add_named(options->id, chr, options->mode, options->pretty, error);
}

/* "mon:DEV": a mux on DEV with a human monitor as its first user. */
static Chardev *monitor_new_mux(const char *id, const char *device, GError **error)
{
    Chardev *chr = char_new_from_legacy_mux(id, device, error);

    if (!chr || !monitor_add_named(NULL, chr, MONITOR_MODE_READLINE, false, error)) {
        return NULL;
    }
    return chr;
}

bool monitor_add_legacy(const char *device, MonitorMode mode, bool pretty, GError **error)
{
    g_autofree char *id = NULL;
    g_autoptr(GError) reason = NULL;
    const char *string = device;
    Chardev *chr;

    if (mode == MONITOR_MODE_READLINE && g_str_equal(device, "none")) {
        return true;
    }
    id = g_strdup_printf("compat_monitor%u", monitor_n_compat++);
    if (g_str_has_prefix(device, "mon:")) {
        string += strlen("mon:");
        chr = monitor_new_mux(id, string, &reason);
    } else {
        chr = char_new_from_legacy(id, string, &reason);
    }
    if (chr) {
        return monitor_add_named(id, chr, mode, pretty, error);
    }
    if (char_is_legacy(string) || g_str_has_prefix(device, "chardev:")) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return false;
    }
    log_gerror(reason);
    return error_set(error, "parse error: %s", device);
}

void monitor_enter(Monitor *mon, MonitorFds *received)
{
    monitor_now = mon;
    monitor_now_received = received;
    fd_store_set_current(mon->fds);
}

void monitor_leave(void)
{
    monitor_now = NULL;
    monitor_now_received = NULL;
    fd_store_set_current(NULL);
}

Monitor *monitor_current(void)
{
    return monitor_now;
}

int monitor_take_fd(void)
{
    return monitor_fds_take(monitor_now_received);
}

void monitor_foreach(void (*func)(Monitor *mon, void *opaque), void *opaque)
{
    for (guint i = 0; monitors && i < monitors->len; i++) {
        func(g_ptr_array_index(monitors, i), opaque);
    }
}

static void monitor_send_event(Monitor *mon, void *opaque)
{
    if (mon->qmp) {
        qmp_session_send_event(mon->qmp, opaque);
    }
}

static void monitor_event_sink(const char *name, json_object *data)
{
    json_object *event = qmp_event_object(name, data, g_get_real_time());

    monitor_foreach(monitor_send_event, event);
    json_object_put(event);
}

void monitor_init(void)
{
    qapi_event_set_sink(monitor_event_sink);
}

static gboolean monitor_flush_expired(gpointer opaque)
{
    bool *expired = opaque;

    *expired = true;
    return G_SOURCE_CONTINUE;
}

static void monitor_check_flushed(Monitor *mon, void *opaque)
{
    bool *flushed = opaque;

    if (char_frontend_is_open(&mon->fe) && !char_frontend_flushed(&mon->fe)) {
        *flushed = false;
    }
}

static bool monitor_all_flushed(void)
{
    bool flushed = true;

    monitor_foreach(monitor_check_flushed, &flushed);
    return flushed;
}

void monitor_flush(void)
{
    bool expired = false;
    guint timer;

    qmp_session_halt();
    timer = g_timeout_add(MONITOR_FLUSH_MS, monitor_flush_expired, &expired);
    while (!expired && !monitor_all_flushed()) {
        g_main_context_iteration(NULL, TRUE);
    }
    g_source_remove(timer);
}

void monitor_cleanup(void)
{
    monitor_flush();
    qapi_event_set_sink(NULL);
    for (guint i = 0; monitors && i < monitors->len; i++) {
        monitor_free(g_ptr_array_index(monitors, i));
    }
    g_clear_pointer(&monitors, g_ptr_array_unref);
}
