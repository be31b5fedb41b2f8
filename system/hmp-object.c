/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Human monitor: objects and their tree. */

#include "system/hmp-internal.h"

#include <inttypes.h>
#include <string.h>

#include "qapi/json.h"
#include "qapi/qapi-commands.h"
#include "qom/object.h"
#include "util/error.h"

static void hmp_add_object_id(Object *obj, void *opaque)
{
    g_ptr_array_add(opaque, g_strdup(obj->id));
}

void hmp_complete_object(const char *word, int arg_index, GPtrArray *candidates)
{
    if (arg_index == 0) {
        object_foreach(hmp_add_object_id, candidates);
    }
}

static void hmp_complete_type(const char *word, int arg_index, GPtrArray *candidates)
{
    QomListTypesArgs args = { 0 };
    g_autoptr(ObjectTypeInfoList) list = qmp_qom_list_types(&args, NULL);

    for (size_t i = 0; list && i < list->len; i++) {
        const ObjectClass *class = object_class_find(list->items[i].name);

        if (class && !class->abstract) {
            g_ptr_array_add(candidates, g_strconcat(class->name, ",id=", NULL));
        }
    }
}

/* Prints what "help" and "TYPE,help" ask for. Returns: false when @text asks for nothing. */
static bool hmp_object_help(Hmp *hmp, const char *text)
{
    g_auto(GStrv) items = g_strsplit(text, ",", -1);
    g_autoptr(GError) error = NULL;
    g_autofree char *help = NULL;
    const char *type = NULL;

    for (size_t i = 0; items[i]; i++) {
        if (strcmp(items[i], "help") == 0 || strcmp(items[i], "?") == 0) {
            type = i > 0 ? items[0] : NULL;
            if (type && g_str_has_prefix(type, "qom-type=")) {
                type += strlen("qom-type=");
            }
            help = object_help(type, &error);
            hmp_printf(hmp, "%s", help ? help : "");
            hmp_error(hmp, g_steal_pointer(&error));
            return true;
        }
    }
    return false;
}

static void hmp_run_object_add(Hmp *hmp)
{
    g_autofree char *text = g_strchomp(g_strdup(hmp_str(hmp, "object")));
    g_autoptr(ObjectOptions) options = NULL;
    g_autoptr(GError) error = NULL;

    if (text[0] != '{' && hmp_object_help(hmp, text)) {
        return;
    }
    options = object_options_parse_keyval(text, &error);
    if (options) {
        object_add(options, &error);
    }
    hmp_error(hmp, g_steal_pointer(&error));
}

static void hmp_run_object_del(Hmp *hmp)
{
    g_autoptr(GError) error = NULL;

    object_remove(hmp_str(hmp, "id"), &error);
    hmp_error(hmp, g_steal_pointer(&error));
}

static int hmp_property_compare(const void *a, const void *b)
{
    return strcmp(((const ObjectPropertyInfo *)a)->name, ((const ObjectPropertyInfo *)b)->name);
}

static ObjectPropertyInfoList *hmp_list_sorted(const char *path, GError **error)
{
    QomListArgs args = { .path = (char *)path };
    ObjectPropertyInfoList *list = qmp_qom_list(&args, error);

    if (list && list->len > 0) {
        qsort(list->items, list->len, sizeof(list->items[0]), hmp_property_compare);
    }
    return list;
}

static void hmp_run_qom_list(Hmp *hmp)
{
    const char *path = hmp_str(hmp, "path");
    g_autoptr(GError) error = NULL;
    g_autoptr(ObjectPropertyInfoList) list = NULL;

    if (!path) {
        hmp_printf(hmp, "/\n");
        return;
    }
    list = hmp_list_sorted(path, &error);
    for (size_t i = 0; list && i < list->len; i++) {
        hmp_printf(hmp, "%s (%s)\n", list->items[i].name, list->items[i].type);
    }
    hmp_error(hmp, g_steal_pointer(&error));
}

static void hmp_run_qom_get(Hmp *hmp)
{
    QomGetArgs args = { .path = (char *)hmp_str(hmp, "path"),
                        .property = (char *)hmp_str(hmp, "property") };
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    json_object *value = qmp_qom_get(&args, &error);

    if (value) {
        json_format(text, value, true);
        hmp_printf(hmp, "%s\n", text->str);
        json_object_put(value);
    }
    hmp_error(hmp, g_steal_pointer(&error));
}

static void hmp_qom_set_json(const char *path, const char *property, const char *text,
                             GError **error)
{
    QomSetArgs args = { .path = (char *)path, .property = (char *)property };

    if (json_parse_text(text, &args.value, error)) {
        qmp_qom_set(&args, error);
        json_object_put(args.value);
    }
}

static void hmp_run_qom_set(Hmp *hmp)
{
    const char *path = hmp_str(hmp, "path");
    const char *property = hmp_str(hmp, "property");
    g_autofree char *text = g_strchomp(g_strdup(hmp_str(hmp, "value")));
    g_autoptr(GError) error = NULL;

    if (hmp_bool(hmp, "json")) {
        hmp_qom_set_json(path, property, text, &error);
    } else {
        object_set_text(path, property, text, &error);
    }
    hmp_error(hmp, g_steal_pointer(&error));
}

/* The name of the type inside "child<TYPE>"; NULL when the property is no child. */
static char *hmp_child_type(const char *type)
{
    if (!g_str_has_prefix(type, "child<") || !g_str_has_suffix(type, ">")) {
        return NULL;
    }
    return g_strndup(type + strlen("child<"), strlen(type) - strlen("child<>"));
}

static void hmp_print_tree(Hmp *hmp, const char *path, const char *type, int indent)
{
    g_autoptr(ObjectPropertyInfoList) list = hmp_list_sorted(path, NULL);
    const char *name = strrchr(path, '/');

    hmp_printf(hmp, "%*s%s (%s)\n", indent, "", name ? name : path, type);
    for (size_t i = 0; list && i < list->len; i++) {
        g_autofree char *child_type = hmp_child_type(list->items[i].type);
        g_autofree char *child = g_strconcat(strcmp(path, "/") == 0 ? "" : path, "/",
                                             list->items[i].name, NULL);

        if (child_type) {
            hmp_print_tree(hmp, child, child_type, indent + 2);
        }
    }
}

static void hmp_run_info_qom_tree(Hmp *hmp)
{
    const char *path = hmp_has(hmp, "path") ? hmp_str(hmp, "path") : "/machine";
    QomGetArgs args = { .path = (char *)path, .property = (char *)"type" };
    json_object *type = qmp_qom_get(&args, NULL);

    if (!type) {
        hmp_printf(hmp, "Path '%s' could not be resolved.\n", path);
        return;
    }
    hmp_print_tree(hmp, path, json_object_get_string(type), 0);
    json_object_put(type);
}

static void hmp_run_info_iothreads(Hmp *hmp)
{
    g_autoptr(IOThreadInfoList) list = qmp_query_iothreads(NULL);

    for (size_t i = 0; i < list->len; i++) {
        const IOThreadInfo *info = &list->items[i];

        hmp_printf(hmp, "%s:\n  thread_id=%" PRIi64 "\n  poll-max-ns=%" PRIi64
                   "\n  poll-grow=%" PRIi64 "\n  poll-shrink=%" PRIi64
                   "\n  aio-max-batch=%" PRIi64 "\n", info->id, info->thread_id,
                   info->poll_max_ns, info->poll_grow, info->poll_shrink, info->aio_max_batch);
    }
}

static const HmpCommand hmp_object_commands[] = {
    { .name = "object_add", .args = "object:S", .params = "[qom-type=]TYPE,id=ID[,...]",
      .help = "create an object", .run = hmp_run_object_add, .complete = hmp_complete_type },
    { .name = "object_del", .args = "id:s", .params = "ID", .help = "delete an object",
      .run = hmp_run_object_del, .complete = hmp_complete_object },
    { .name = "qom-list", .args = "path:s?", .params = "PATH",
      .help = "list the properties of the object at PATH", .run = hmp_run_qom_list },
    { .name = "qom-get", .args = "path:s,property:s", .params = "PATH PROP",
      .help = "show a property", .run = hmp_run_qom_get },
    { .name = "qom-set", .args = "json:-j,path:s,property:s,value:S",
      .params = "[-j] PATH PROP VALUE",
      .help = "change a property; -j: VALUE is JSON", .run = hmp_run_qom_set },
};
HMP_REGISTER(hmp_object_commands, false);

static const HmpCommand hmp_object_info_commands[] = {
    { .name = "iothreads", .help = "the iothread objects", .run = hmp_run_info_iothreads },
    { .name = "qom-tree", .args = "path:s?", .params = "[PATH]",
      .help = "the tree of objects below PATH", .run = hmp_run_info_qom_tree },
};
HMP_REGISTER(hmp_object_info_commands, true);
