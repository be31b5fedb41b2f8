/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events of COLO for filters: a checkpoint has been taken, or this side goes on alone. */

#include "net/colo/events.h"

#include <stdbool.h>
#include <glib.h>

#include "net/client.h"
#include "util/error.h"
#include "util/log.h"

struct NetColoListener {
    NetColoListenerFunc *func;
    void *opaque;
    bool dead; /* removed while listeners are being called */
};

static GPtrArray *colo_listeners; /* owned entries; NULL = none yet */
static unsigned colo_depth;       /* depth of calls of listeners at present */

NetColoListener *net_colo_listener_add(NetColoListenerFunc *func, void *opaque)
{
    NetColoListener *listener = g_new0(NetColoListener, 1);

    if (!colo_listeners) {
        colo_listeners = g_ptr_array_new_with_free_func(g_free);
    }
    listener->func = func;
    listener->opaque = opaque;
    g_ptr_array_add(colo_listeners, listener);
    return listener;
}

/* The last one takes the list with it. */
static void colo_sweep(void)
{
    for (guint i = colo_listeners->len; i-- > 0;) {
        const NetColoListener *listener = colo_listeners->pdata[i];

        if (listener->dead) {
            g_ptr_array_remove_index(colo_listeners, i);
        }
    }
    if (colo_listeners->len == 0) {
        g_clear_pointer(&colo_listeners, g_ptr_array_unref);
    }
}

void net_colo_listener_remove(NetColoListener *listener)
{
    if (!listener) {
        return;
    }
    listener->dead = true;
    if (colo_depth == 0) {
        colo_sweep();
    }
}

static void colo_notify_listeners(NetColoEvent event)
{
    guint n = colo_listeners ? colo_listeners->len : 0;

    if (n == 0) {
        return;
    }
    colo_depth++;
    for (guint i = 0; i < n; i++) {
        NetColoListener *listener = colo_listeners->pdata[i];

        if (!listener->dead) {
            listener->func(event, listener->opaque);
        }
    }
    if (--colo_depth == 0) {
        colo_sweep();
    }
}

/* As if its user had set the property: so it also reads "off". */
static void colo_switch_off(const NetFilter *nf)
{
    g_autofree char *path = g_strdup_printf("/objects/%s", nf->obj.id);
    g_autoptr(GError) error = NULL;

    if (!object_set_text(path, "status", "off", &error)) {
        log_gerror(error);
    }
}

static void colo_notify_filters(NetClient *nc, void *opaque)
{
    const NetColoEvent *event = opaque;

    for (guint i = 0; i < nc->filters->len; i++) {
        NetFilter *nf = nc->filters->pdata[i];

        if (nf->ops->colo_event) {
            nf->ops->colo_event(nf, *event);
        } else if (*event == NET_COLO_EVENT_FAILOVER) {
            colo_switch_off(nf);
        }
    }
}

/* One turn of the net core: no frame moves before all have been called. */
static void colo_event_notify(NetColoEvent event)
{
    net_turn_begin();
    net_client_foreach(colo_notify_filters, &event);
    net_turn_end();
    colo_notify_listeners(event);
}

void net_colo_checkpoint(void)
{
    colo_event_notify(NET_COLO_EVENT_CHECKPOINT);
}

void net_colo_failover(void)
{
    colo_event_notify(NET_COLO_EVENT_FAILOVER);
}

void net_colo_secondary_lost(void)
{
    colo_notify_listeners(NET_COLO_EVENT_FAILOVER);
}
