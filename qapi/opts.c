/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Syntax A of the command line: a flat list of key=value. */

#include "qapi/opts.h"

#include <string.h>

#include "qapi/pair.h"
#include "util/error.h"
#include "util/log.h"

static void opts_append(Opts *opts, char *key, char *value)
{
    g_ptr_array_add(opts->keys, key);
    g_ptr_array_add(opts->values, value);
}

/* Takes both. The first id counts. */
static bool opts_add(Opts *opts, char *key, char *value, bool check_id, GError **error)
{
    if (strcmp(key, "id") != 0) {
        opts_append(opts, key, value);
        return true;
    }
    g_free(key);
    if (opts->id) {
        g_free(value);
        return true;
    }
    opts->id = value;
    return !check_id || id_check(value, error);
}

/*
 * A word alone is a boolean, "no" in front switches it off; but nodelay is a key of its own,
 * and delay its opposite.
 */
static void opts_add_flag(Opts *opts, const char *word, bool warn)
{
    const char *key = word;
    bool on = true;

    if (strcmp(word, "delay") == 0 || strcmp(word, "nonodelay") == 0) {
        key = "nodelay";
        on = false;
    } else if (strcmp(word, "nodelay") != 0 && g_str_has_prefix(word, "no") && word[2]) {
        key = word + 2;
        on = false;
    }
    if (warn) {
        log_warning("short-form boolean option '%s' deprecated\nPlease use %s=%s instead", word,
                    key, on ? "on" : "off");
    }
    opts_append(opts, g_strdup(key), g_strdup(on ? "on" : "off"));
}

/* Takes apart the item at *@pos, which is the first one if @implied_key is given. */
static bool opts_parse_item(Opts *opts, const char **pos, const char *implied_key, bool check_id,
                            bool warn, GError **error)
{
    const char *start = *pos;
    size_t len = strcspn(start, "=,");
    g_autofree char *word = NULL;

    if (start[len] != '=' && pair_is_help(start, len)) {
        opts->help = true;
        *pos += len + (start[len] == ',');
        return true;
    }
    if (start[len] != '=' && implied_key) {
        return opts_add(opts, g_strdup(implied_key), pair_take_value(pos), check_id, error);
    }
    word = g_strndup(start, len);
    if (start[len] == '=') {
        *pos += len + 1;
        return opts_add(opts, g_steal_pointer(&word), pair_take_value(pos), check_id, error);
    }
    if (len == 0) {
        return error_set(error, "Invalid parameter ''");
    }
    *pos += len + (start[len] == ',');
    opts_add_flag(opts, word, warn);
    return true;
}

static Opts *opts_parse_with(const char *text, const char *implied_key, bool check_id, bool warn,
                             GError **error)
{
    g_autoptr(Opts) opts = g_new0(Opts, 1);

    opts->keys = g_ptr_array_new_with_free_func(g_free);
    opts->values = g_ptr_array_new_with_free_func(g_free);
    while (*text) {
        if (!opts_parse_item(opts, &text, implied_key, check_id, warn, error)) {
            return NULL;
        }
        implied_key = NULL;
    }
    return g_steal_pointer(&opts);
}

Opts *opts_parse(const char *text, const char *implied_key, bool check_id, GError **error)
{
    return opts_parse_with(text, implied_key, check_id, true, error);
}

Opts *opts_parse_quietly(const char *text, const char *implied_key, bool check_id,
                         GError **error)
{
    return opts_parse_with(text, implied_key, check_id, false, error);
}

void opts_free(Opts *opts)
{
    if (!opts) {
        return;
    }
    g_free(opts->id);
    g_ptr_array_unref(opts->keys);
    g_ptr_array_unref(opts->values);
    g_free(opts);
}

/* Returns: the index of the last pair with @key, -1 if there is none. */
static int opts_find(const Opts *opts, const char *key)
{
    for (guint i = opts->keys->len; i > 0; i--) {
        if (strcmp(opts->keys->pdata[i - 1], key) == 0) {
            return (int)i - 1;
        }
    }
    return -1;
}

const char *opts_get(const Opts *opts, const char *key)
{
    int index = opts_find(opts, key);

    return index < 0 ? NULL : opts->values->pdata[index];
}

void opts_set(Opts *opts, const char *key, const char *value)
{
    int index = opts_find(opts, key);

    if (index < 0) {
        opts_append(opts, g_strdup(key), g_strdup(value));
        return;
    }
    g_free(opts->values->pdata[index]);
    opts->values->pdata[index] = g_strdup(value);
}

static void opts_add_json(json_object *json, const char *key, const char *text)
{
    json_object *value = json_object_new_string(text), *before, *list;

    if (!json_object_object_get_ex(json, key, &before)) {
        json_object_object_add(json, key, value);
        return;
    }
    list = before;
    if (!json_object_is_type(before, json_type_array)) {
        list = json_object_new_array();
        json_object_array_add(list, json_object_get(before));
        json_object_object_add(json, key, list);
    }
    json_object_array_add(list, value);
}

json_object *opts_to_json(const Opts *opts, bool with_id)
{
    json_object *json = json_object_new_object();

    if (with_id && opts->id) {
        json_object_object_add(json, "id", json_object_new_string(opts->id));
    }
    for (guint i = 0; i < opts->keys->len; i++) {
        opts_add_json(json, opts->keys->pdata[i], opts->values->pdata[i]);
    }
    return json;
}

void *opts_to_type(const Opts *opts, bool with_id, const QapiType *type, GError **error)
{
    json_object *json = opts_to_json(opts, with_id);
    void *value = qapi_from_json(type, json, QAPI_INPUT_OPTS, error);

    json_object_put(json);
    return value;
}
