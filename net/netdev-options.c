/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options of netdevs from text: syntax A, dotted keys or JSON. */

#include "net/netdev.h"

#include <string.h>

#include "qapi/json.h"
#include "util/error.h"

/* Ids that came by syntax A; a second one there is refused in other words. Owned strings. */
static GHashTable *opts_ids;

void netdev_options_forget(const char *id)
{
    if (opts_ids) {
        g_hash_table_remove(opts_ids, id);
    }
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
