/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of netdev types, and netdevs from options: parse, create, delete. */

#include "net/netdev.h"

#include <string.h>

#include "qapi/json.h"
#include "util/error.h"

static const NetdevClass *classes[NET_CLIENT_DRIVER__MAX];

/* Ids that came by syntax A; a second one there is refused in other words. Owned strings. */
static GHashTable *opts_ids;

/* How -netdev help sorts the types. */
static const NetClientDriver help_order[] = {
    NET_CLIENT_DRIVER_SOCKET,
    NET_CLIENT_DRIVER_STREAM,
    NET_CLIENT_DRIVER_DGRAM,
    NET_CLIENT_DRIVER_HUBPORT,
    NET_CLIENT_DRIVER_TAP,
    NET_CLIENT_DRIVER_PASST,
    NET_CLIENT_DRIVER_USER,
    NET_CLIENT_DRIVER_L2TPV3,
    NET_CLIENT_DRIVER_VDE,
    NET_CLIENT_DRIVER_BRIDGE,
    NET_CLIENT_DRIVER_NETMAP,
    NET_CLIENT_DRIVER_AF_XDP,
    NET_CLIENT_DRIVER_VHOST_USER,
    NET_CLIENT_DRIVER_VHOST_VDPA,
};

void netdev_class_register(const NetdevClass *class)
{
    g_assert(!classes[class->type]);
    classes[class->type] = class;
}

bool netdev_is_built_in(NetClientDriver type)
{
    return classes[type] != NULL;
}

static const char *netdev_type_name(NetClientDriver type)
{
    return qapi_enum_name(QAPI_TYPE(NetClientDriver), type);
}

static bool netdev_check_built_in(NetClientDriver type, GError **error)
{
    if (netdev_is_built_in(type)) {
        return true;
    }
    /* Of those that there are, this one alone depends on how the program was built. */
    return error_set(error, type == NET_CLIENT_DRIVER_USER
                            ? "network backend '%s' is not compiled into this binary"
                            : "network backend '%s' is not supported", netdev_type_name(type));
}

/* --- Create and delete ------------------------------------------------------------------- */

static void netdev_forget_id(const char *id)
{
    if (opts_ids) {
        g_hash_table_remove(opts_ids, id);
    }
}

static NetClient *netdev_create(const Netdev *netdev, GError **error)
{
    g_autoptr(GError) reason = NULL;
    NetClient *nc;

    if (net_netdev_find(netdev->id)) {
        error_set(error, "Duplicate ID '%s'", netdev->id);
        return NULL;
    }
    if (!netdev_check_built_in(netdev->type, error)) {
        return NULL;
    }
    nc = classes[netdev->type]->create(netdev, &reason);
    if (reason) {
        g_propagate_error(error, g_steal_pointer(&reason));
    } else if (!nc) {
        error_set(error, "Device '%s' could not be initialized", netdev_type_name(netdev->type));
    }
    return nc;
}

NetClient *netdev_add(const Netdev *netdev, GError **error)
{
    NetClient *nc = netdev_create(netdev, error);

    if (!nc) {
        netdev_forget_id(netdev->id);
    }
    return nc;
}

bool netdev_remove(const char *id, GError **error)
{
    NetClient *nc = net_netdev_find(id);
    NetClient *peer;

    if (!nc) {
        return error_set_class(error, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found", id);
    }
    peer = nc->peer;
    netdev_forget_id(id);
    net_client_delete(nc);
    if (peer && peer->info->type == NET_CLIENT_DRIVER_NIC) {
        net_client_set_link(peer, false);
    }
    return true;
}

/* --- Options in syntax A ----------------------------------------------------------------- */

/* The members whose keys may be repeated; each value becomes an object {"str": value}. */
static const char *const list_keys[] = { "dnssearch", "hostfwd", "guestfwd" };

static void json_string_list(json_object *options, const char *key)
{
    json_object *value;
    json_object *list;
    size_t n;

    if (!json_object_object_get_ex(options, key, &value)) {
        return;
    }
    n = json_object_is_type(value, json_type_array) ? json_object_array_length(value) : 1;
    list = json_object_new_array();
    for (size_t i = 0; i < n; i++) {
        json_object *text = json_object_is_type(value, json_type_array)
                            ? json_object_array_get_idx(value, i) : value;
        json_object *item = json_object_new_object();

        json_object_object_add(item, "str", json_object_get(text));
        json_object_array_add(list, item);
    }
    json_object_object_add(options, key, list);
}

/* "ipv6-net=PREFIX[/LEN]" stands for two members. */
static bool json_split_ipv6_net(json_object *options, const char *text, GError **error)
{
    const char *slash = strchr(text, '/');
    g_autofree char *prefix = slash ? g_strndup(text, slash - text) : g_strdup(text);
    guint64 length;

    if (slash) {
        if (!g_ascii_string_to_unsigned(slash + 1, 10, 0, G_MAXINT64, &length, NULL)) {
            return error_set(error, "parameter 'ipv6-net' expects a number after '/'");
        }
        json_object_object_add(options, "ipv6-prefixlen", json_object_new_string(slash + 1));
    }
    json_object_object_add(options, "ipv6-prefix", json_object_new_string(prefix));
    json_object_object_del(options, "ipv6-net");
    return true;
}

static Netdev *netdev_from_opts_json(json_object *options, bool is_user, GError **error)
{
    json_object *ipv6_net;

    if (is_user) {
        for (size_t i = 0; i < G_N_ELEMENTS(list_keys); i++) {
            json_string_list(options, list_keys[i]);
        }
        if (json_object_object_get_ex(options, "ipv6-net", &ipv6_net)) {
            g_autofree char *text = g_strdup(json_object_get_string(ipv6_net));

            if (!json_split_ipv6_net(options, text, error)) {
                return NULL;
            }
        }
    }
    return qapi_from_json(QAPI_TYPE(Netdev), options, QAPI_INPUT_OPTS, error);
}

/* A type that is known but not built in is refused before its options are looked at. */
static bool opts_check_type(const Opts *opts, GError **error)
{
    const char *name = opts_get(opts, "type");
    int type = name ? qapi_enum_parse(QAPI_TYPE(NetClientDriver), name) : -1;

    return type < 0 || netdev_check_built_in(type, error);
}

Netdev *netdev_options_from_opts(const Opts *opts, GError **error)
{
    const char *type = opts_get(opts, "type");
    json_object *options;
    Netdev *netdev;

    if (!opts_check_type(opts, error)) {
        return NULL;
    }
    options = opts_to_json(opts, true);
    netdev = netdev_from_opts_json(options, type && strcmp(type, "user") == 0, error);
    json_object_put(options);
    return netdev;
}

static Netdev *netdev_parse_opts(const char *text, GError **error)
{
    g_autoptr(Opts) opts = opts_parse(text, "type", true, error);
    Netdev *netdev;

    if (!opts) {
        return NULL;
    }
    if (!opts_ids) {
        opts_ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    }
    if (opts->id && g_hash_table_contains(opts_ids, opts->id)) {
        error_set(error, "Duplicate ID '%s' for netdev", opts->id);
        return NULL;
    }
    if (opts->help) {
        error_set(error, "Invalid parameter 'help'");
        return NULL;
    }
    netdev = netdev_options_from_opts(opts, error);
    if (netdev) {
        g_hash_table_add(opts_ids, g_strdup(netdev->id));
    }
    return netdev;
}

/* --- Options in the other syntaxes ------------------------------------------------------- */

static Netdev *netdev_parse_json(const char *text, GError **error)
{
    json_object *options;
    Netdev *netdev;

    if (!json_parse_text(text, &options, error)) {
        return NULL;
    }
    netdev = qapi_from_json(QAPI_TYPE(Netdev), options, QAPI_INPUT_JSON, error);
    json_object_put(options);
    return netdev;
}

static Netdev *netdev_parse_keyval(const char *text, GError **error)
{
    json_object *options = keyval_parse(text, "type", NULL, error);
    Netdev *netdev;

    if (!options) {
        return NULL;
    }
    netdev = qapi_from_json(QAPI_TYPE(Netdev), options, QAPI_INPUT_KEYVAL, error);
    json_object_put(options);
    return netdev;
}

/* The end of the item of a "key=value,..." text that starts at @text; ",," is no end. */
static const char *item_end(const char *text)
{
    while (*text && !(text[0] == ',' && text[1] != ',')) {
        text += text[0] == ',' ? 2 : 1;
    }
    return text;
}

/* Which type an argument in syntax A or B names, without judging the rest of it. */
static char *argument_type(const char *text)
{
    const char *type = NULL;
    size_t len = 0;

    for (const char *item = text; *item;) {
        const char *end = item_end(item);

        if (g_str_has_prefix(item, "type=")) {
            type = item + strlen("type=");
            len = end - type;
        } else if (item == text && !memchr(item, '=', end - item)) {
            type = item;
            len = end - item;
        }
        item = *end ? end + 1 : end;
    }
    return g_strndup(type ? type : "", len);
}

static bool argument_is_dotted(const char *text)
{
    g_autofree char *type = argument_type(text);

    return strcmp(type, "stream") == 0 || strcmp(type, "dgram") == 0;
}

bool netdev_argument_is_early(const char *text)
{
    return text[0] == '{' || argument_is_dotted(text);
}

Netdev *netdev_options_parse(const char *text, GError **error)
{
    if (text[0] == '{') {
        return netdev_parse_json(text, error);
    }
    if (argument_is_dotted(text)) {
        return netdev_parse_keyval(text, error);
    }
    return netdev_parse_opts(text, error);
}

char *netdev_help(void)
{
    GString *help = g_string_new("Available netdev backend types:\n");

    for (size_t i = 0; i < G_N_ELEMENTS(help_order); i++) {
        if (netdev_is_built_in(help_order[i])) {
            g_string_append_printf(help, "%s\n", netdev_type_name(help_order[i]));
        }
    }
    return g_string_free(help, FALSE);
}
