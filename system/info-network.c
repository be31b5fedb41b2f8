/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of the human monitor's "info network". */

#include "system/info-network.h"

#include <glib.h>
#include <string.h>

#include "net/filter.h"
#include "net/netdev/hub.h"

/* --- Filters ----------------------------------------------------------------------------- */

/** Which properties of a type are shown, before those of every filter. */
typedef struct FilterShown {
    const char *type;
    const char *const *properties; /* NULL-terminated */
} FilterShown;

static const char *const mirror_shown[] = { "vnet_hdr_support", "outdev", NULL };
static const char *const redirector_shown[] = { "vnet_hdr_support", "indev", "outdev", NULL };
static const char *const rewriter_shown[] = { "vnet_hdr_support", NULL };
static const char *const buffer_shown[] = { "interval", NULL };
static const char *const dump_shown[] = { "file", "maxlen", NULL };

static const FilterShown filters_shown[] = {
    { "filter-buffer", buffer_shown },
    { "filter-dump", dump_shown },
    { "filter-mirror", mirror_shown },
    { "filter-redirector", redirector_shown },
    { "filter-rewriter", rewriter_shown },
};

static const char *const common_shown[] = {
    "position", "status", "insert", "netdev", "queue", NULL,
};

static void info_append_property(GString *text, const Object *obj, const char *name)
{
    const QapiMember *member = qapi_member_find(obj->class->props, name);
    json_object *value;

    if (!member) {
        return;
    }
    value = qapi_member_to_json(member, obj->props);
    g_string_append_printf(text, ",%s=%s", name, value ? json_object_get_string(value) : "");
    json_object_put(value);
}

static void info_append_filter(GString *text, const NetFilter *nf)
{
    const Object *obj = &nf->obj;

    g_string_append_printf(text, "  - %s: type=%s", obj->id, obj->class->name);
    for (size_t i = 0; i < G_N_ELEMENTS(filters_shown); i++) {
        if (strcmp(filters_shown[i].type, obj->class->name) == 0) {
            for (const char *const *name = filters_shown[i].properties; *name; name++) {
                info_append_property(text, obj, *name);
            }
        }
    }
    for (const char *const *name = common_shown; *name; name++) {
        info_append_property(text, obj, *name);
    }
    g_string_append(text, "\r\n");
}

/* --- Clients ----------------------------------------------------------------------------- */

static bool info_is_hubport(const NetClient *nc)
{
    return nc->info->type == NET_CLIENT_DRIVER_HUBPORT;
}

static void info_append_client(GString *text, const NetClient *nc)
{
    g_autofree char *told = nc->info->describe ? nc->info->describe(nc) : NULL;

    g_string_append_printf(text, "%s: index=0,type=%s,%s\r\n", nc->id,
                           qapi_enum_name(QAPI_TYPE(NetClientDriver), nc->info->type),
                           told ? told : nc->info_text);
    if (nc->filters->len > 0) {
        g_string_append(text, "filters:\r\n");
    }
    for (guint i = 0; i < nc->filters->len; i++) {
        info_append_filter(text, nc->filters->pdata[i]);
    }
}

/** The walk over the ports of all hubs. */
typedef struct HubWalk {
    GString *text;
    int32_t hub_id;
    bool begun;
} HubWalk;

static void info_append_port(NetClient *port, int32_t hub_id, void *opaque)
{
    HubWalk *walk = opaque;

    if (!walk->begun || walk->hub_id != hub_id) {
        g_string_append_printf(walk->text, "hub %d\r\n", hub_id);
        walk->begun = true;
        walk->hub_id = hub_id;
    }
    g_string_append_printf(walk->text, " \\ %s", port->id);
    if (port->peer) {
        g_string_append(walk->text, ": ");
        info_append_client(walk->text, port->peer);
    } else {
        g_string_append(walk->text, "\r\n");
    }
}

/* A netdev behind a NIC is shown with the NIC, what hangs on a hub with the hub. */
static bool info_is_shown_elsewhere(const NetClient *nc)
{
    if (info_is_hubport(nc) || (nc->peer && info_is_hubport(nc->peer))) {
        return true;
    }
    return nc->info->is_netdev && nc->peer && !nc->peer->info->is_netdev;
}

static void info_append_other(NetClient *nc, void *opaque)
{
    GString *text = opaque;

    if (info_is_shown_elsewhere(nc)) {
        return;
    }
    info_append_client(text, nc);
    if (nc->peer) {
        g_string_append(text, " \\ ");
        info_append_client(text, nc->peer);
    }
}

char *info_network_text(void)
{
    GString *text = g_string_new(NULL);
    HubWalk walk = { .text = text };

    net_hub_foreach_port(info_append_port, &walk);
    net_client_foreach(info_append_other, text);
    return g_string_free(text, FALSE);
}
