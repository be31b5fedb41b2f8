/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Syntax B of the command line: key=value with dotted keys that nest. */

#include "qapi/opts.h"

#include <stdlib.h>
#include <string.h>

#include "qapi/pair.h"
#include "util/error.h"

/*
 * Keys nest as they come, into objects; a fragment of digits is at first a member like any
 * other. At the end, objects that have only such members are lists.
 */

#define KEYVAL_FRAGMENT_MAX 127
#define KEYVAL_NESTING_MAX  64

/* --- Keys -------------------------------------------------------------------------------- */

static size_t keyval_span_name(const char *text)
{
    size_t len = 0;

    if (!g_ascii_isalpha(text[0])) {
        return 0;
    }
    while (g_ascii_isalnum(text[len]) || text[len] == '-' || text[len] == '_') {
        len++;
    }
    return len;
}

static size_t keyval_span_fragment(const char *text, bool is_first)
{
    size_t digits = strspn(text, "0123456789");

    return digits > 0 && !is_first ? digits : keyval_span_name(text);
}

/* Checks the fragments of @key. */
static bool keyval_check_key(const char *key, GError **error)
{
    const char *pos = key;

    for (int level = 0; level < KEYVAL_NESTING_MAX; level++) {
        size_t len = keyval_span_fragment(pos, pos == key);

        if (len == 0 || (pos[len] && pos[len] != '.')) {
            return error_set(error, "Invalid parameter '%s'", key);
        }
        if (len > KEYVAL_FRAGMENT_MAX) {
            bool is_whole = pos == key && !pos[len];

            return error_set(error, "Parameter%s '%.*s' is too long", is_whole ? "" : " fragment",
                             (int)len, pos);
        }
        if (!pos[len]) {
            return true;
        }
        pos += len + 1;
    }
    return error_set(error, "Parameter '%s' is nested too deeply", key);
}

static bool keyval_fail_inconsistent(const char *key, size_t len, GError **error)
{
    return error_set(error, "Parameters '%.*s.*' used inconsistently", (int)len, key);
}

/* Puts @value (taken) into @root at @key, making the objects on the way. */
static bool keyval_put(json_object *root, const char *key, json_object *value, GError **error)
{
    json_object *object = root;
    const char *pos = key;

    while (true) {
        size_t len = strcspn(pos, ".");
        g_autofree char *name = g_strndup(pos, len);
        bool is_last = !pos[len];
        json_object *old = NULL;
        bool exists = json_object_object_get_ex(object, name, &old);

        if (exists && is_last != json_object_is_type(old, json_type_string)) {
            json_object_put(value);
            return keyval_fail_inconsistent(key, (size_t)(pos + len - key), error);
        }
        if (is_last) {
            json_object_object_add(object, name, value);
            return true;
        }
        if (!exists) {
            old = json_object_new_object();
            json_object_object_add(object, name, old);
        }
        object = old;
        pos += len + 1;
    }
}

/* --- Items ------------------------------------------------------------------------------- */

typedef struct KeyvalItem {
    const char *implied_key; /* of the first item; else NULL */
    bool *help;              /* (out), or NULL */
} KeyvalItem;

static bool keyval_take_help(const KeyvalItem *item, GError **error)
{
    if (!item->help) {
        return error_set(error, "Help is not available for this option");
    }
    *item->help = true;
    return true;
}

/* Takes apart the item at *@pos and puts it into @root. */
static bool keyval_parse_item(json_object *root, const char **pos, const KeyvalItem *item,
                              GError **error)
{
    size_t len = strcspn(*pos, "=,");
    bool has_value = (*pos)[len] == '=';
    g_autofree char *key = g_strndup(*pos, len);
    g_autofree char *value = NULL;

    if (!has_value && pair_is_help(*pos, len)) {
        *pos += len + ((*pos)[len] == ',');
        return keyval_take_help(item, error);
    }
    if (!has_value && item->implied_key && len > 0) {
        value = pair_take_value(pos);
        return keyval_put(root, item->implied_key, json_object_new_string(value), error);
    }
    if (!keyval_check_key(key, error)) {
        return false;
    }
    if (!has_value) {
        return error_set(error, "Expected '=' after parameter '%s'", key);
    }
    *pos += len + 1;
    value = pair_take_value(pos);
    return keyval_put(root, key, json_object_new_string(value), error);
}

/* --- Lists ------------------------------------------------------------------------------- */

static bool keyval_is_index(const char *name)
{
    return g_ascii_isdigit(name[0]);
}

/* Says whether all, some or no members of @object are indexes. */
static void keyval_count(json_object *object, size_t *n_indexes, size_t *n_names)
{
    *n_indexes = *n_names = 0;
    json_object_object_foreach(object, name, value) {
        (void)value;
        *(keyval_is_index(name) ? n_indexes : n_names) += 1;
    }
}

/* Makes an array of @object, whose members are all indexes. Returns: owned; NULL with @error. */
static json_object *keyval_make_list(json_object *object, const char *path, GError **error)
{
    size_t n = (size_t)json_object_object_length(object);
    g_autofree json_object **items = g_new0(json_object *, n);
    json_object *list;

    json_object_object_foreach(object, name, value) {
        guint64 index = g_ascii_strtoull(name, NULL, 10);

        if (index < n) {
            items[index] = value;
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (!items[i]) {
            error_set(error, "Parameter '%s.%zu' missing", path, i);
            return NULL;
        }
    }
    list = json_object_new_array();
    for (size_t i = 0; i < n; i++) {
        json_object_array_add(list, json_object_get(items[i]));
    }
    return list;
}

static json_object *keyval_listify(json_object *value, const char *path, GError **error);

/* Turns the members of @object into lists where they are. */
static bool keyval_listify_members(json_object *object, const char *path, GError **error)
{
    json_object_object_foreach(object, name, value) {
        g_autofree char *sub = *path ? g_strdup_printf("%s.%s", path, name) : g_strdup(name);
        json_object *changed = keyval_listify(value, sub, error);

        if (!changed) {
            return false;
        }
        if (changed != value) {
            json_object_object_add(object, name, changed);
        } else {
            json_object_put(changed);
        }
    }
    return true;
}

/* Returns: a list in place of @value, or another reference to it; NULL with @error. */
static json_object *keyval_listify(json_object *value, const char *path, GError **error)
{
    size_t n_indexes, n_names;

    if (!json_object_is_type(value, json_type_object)) {
        return json_object_get(value);
    }
    if (!keyval_listify_members(value, path, error)) {
        return NULL;
    }
    keyval_count(value, &n_indexes, &n_names);
    if (n_indexes > 0 && n_names > 0) {
        keyval_fail_inconsistent(path, strlen(path), error);
        return NULL;
    }
    return n_indexes > 0 ? keyval_make_list(value, path, error) : json_object_get(value);
}

json_object *keyval_parse(const char *text, const char *implied_key, bool *help, GError **error)
{
    json_object *root = json_object_new_object();
    KeyvalItem item = { .implied_key = implied_key, .help = help };

    while (*text) {
        if (!keyval_parse_item(root, &text, &item, error)) {
            json_object_put(root);
            return NULL;
        }
        item.implied_key = NULL;
    }
    if (!keyval_listify_members(root, "", error)) {
        json_object_put(root);
        return NULL;
    }
    return root;
}
