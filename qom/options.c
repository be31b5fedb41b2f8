/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -object and object_add: from text to options, and the help texts. */

#include "qom/object.h"

#include <string.h>

#include "qapi/json.h"
#include "qapi/opts.h"
#include "qom/qom-internal.h"
#include "util/error.h"

static ObjectOptions *object_options_from_json(const char *text, GError **error)
{
    json_object *json;
    ObjectOptions *options;

    if (!json_parse_text(text, &json, error)) {
        return NULL;
    }
    options = qapi_from_json(QAPI_TYPE(ObjectOptions), json, QAPI_INPUT_JSON, error);
    json_object_put(json);
    return options;
}

ObjectOptions *object_options_parse(const char *text, GError **error)
{
    static GHashTable *seen; /* owned ids of earlier arguments */
    g_autoptr(Opts) opts = NULL;
    ObjectOptions *options;

    if (text[0] == '{') {
        return object_options_from_json(text, error);
    }
    opts = opts_parse(text, "qom-type", true, error);
    if (!opts) {
        return NULL;
    }
    if (!seen) {
        seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    }
    if (opts->id && g_hash_table_contains(seen, opts->id)) {
        error_set(error, "Duplicate ID '%s' for object", opts->id);
        return NULL;
    }
    options = opts_to_type(opts, true, QAPI_TYPE(ObjectOptions), error);
    if (options) {
        g_hash_table_add(seen, g_strdup(options->id));
    }
    return options;
}

ObjectOptions *object_options_parse_keyval(const char *text, GError **error)
{
    json_object *json;
    ObjectOptions *options;

    if (text[0] == '{') {
        return object_options_from_json(text, error);
    }
    json = keyval_parse(text, "qom-type", NULL, error);
    if (!json) {
        return NULL;
    }
    options = qapi_from_json(QAPI_TYPE(ObjectOptions), json, QAPI_INPUT_KEYVAL, error);
    json_object_put(json);
    return options;
}

/* --- Help -------------------------------------------------------------------------------- */

static char *object_help_types(void)
{
    GString *out = g_string_new("List of user creatable objects:\n");
    g_autoptr(GList) types = object_type_list();

    for (GList *l = types; l; l = l->next) {
        const ObjectTypeEntry *entry = l->data;

        if (entry->class && !entry->abstract) {
            g_string_append_printf(out, "  %s\n", entry->name);
        }
    }
    return g_string_free(out, FALSE);
}

/* The default as it would be typed. Returns: owned; NULL = none. */
static char *object_help_default(const QapiMember *member)
{
    json_object *value = object_member_default(member);
    char *text = NULL;

    if (json_object_is_type(value, json_type_boolean)) {
        text = g_strdup(json_object_get_boolean(value) ? "on" : "off");
    } else if (value) {
        text = g_strdup(json_object_get_string(value));
    }
    json_object_put(value);
    return text;
}

/* "(one of all, rx, tx; default: all)", "(default: on)", "(required)", or nothing. */
static void object_help_append_values(GString *out, const QapiMember *member)
{
    const QapiType *type = member->type;
    g_autofree char *def = object_help_default(member);
    GString *facts = g_string_new(NULL);

    if (type->kind == QAPI_KIND_ENUM) {
        for (size_t i = 0; i < type->n_values; i++) {
            g_string_append_printf(facts, i ? ", %s" : "one of %s", type->values[i].name);
        }
    } else if (type->kind == QAPI_KIND_LIST) {
        g_string_append(facts, type->element->kind == QAPI_KIND_STRUCT
                               ? "a list: in JSON only" : "a list: repeat the key for each value");
    }
    if (def) {
        g_string_append_printf(facts, "%sdefault: %s", facts->len ? "; " : "", def);
    } else if (!member->optional) {
        g_string_append_printf(facts, "%srequired", facts->len ? "; " : "");
    }
    if (facts->len > 0) {
        g_string_append_printf(out, " (%s)", facts->str);
    }
    g_string_free(facts, TRUE);
}

static char *object_help_key(const ObjectClass *class, const QapiMember *member)
{
    return g_strdup_printf("  %s=<%s>", member->name, object_member_type_name(class, member));
}

static size_t object_help_widest_key(const ObjectClass *class)
{
    size_t widest = 0;

    for (size_t i = 0; i < class->props->n_members; i++) {
        g_autofree char *key = object_help_key(class, &class->props->members[i]);

        widest = MAX(widest, strlen(key));
    }
    return widest;
}

static int object_help_compare_members(const void *a, const void *b)
{
    const QapiMember *const *member_a = a, *const *member_b = b;

    return strcmp((*member_a)->name, (*member_b)->name);
}

static char *object_help_properties(const ObjectClass *class)
{
    g_autoptr(GPtrArray) members = g_ptr_array_new();
    size_t width = object_help_widest_key(class);
    GString *out = g_string_new(NULL);

    for (size_t i = 0; i < class->props->n_members; i++) {
        g_ptr_array_add(members, (void *)&class->props->members[i]);
    }
    g_ptr_array_sort(members, object_help_compare_members);
    g_string_append_printf(out, "%s options:\n", class->name);
    for (guint i = 0; i < members->len; i++) {
        const QapiMember *member = members->pdata[i];
        g_autofree char *key = object_help_key(class, member);

        if (!member->doc || !*member->doc) {
            g_string_append_printf(out, "%s\n", key);
            continue;
        }
        g_string_append_printf(out, "%-*s  - %s", (int)width, key, member->doc);
        object_help_append_values(out, member);
        g_string_append_c(out, '\n');
    }
    return g_string_free(out, FALSE);
}

char *object_help(const char *type, GError **error)
{
    const ObjectClass *class;

    if (!type) {
        return object_help_types();
    }
    if (qapi_enum_parse(QAPI_TYPE(ObjectType), type) < 0) {
        error_set(error, "Parameter 'qom-type' does not accept value '%s'", type);
        return NULL;
    }
    class = object_class_find(type);
    if (!class) {
        error_set(error, "invalid object type: %s", type);
        return NULL;
    }
    if (!class->props || class->props->n_members == 0) {
        return g_strdup_printf("There are no options for %s.\n", type);
    }
    return object_help_properties(class);
}
