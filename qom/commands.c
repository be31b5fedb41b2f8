/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands that look at the object tree and at the types of objects. */

#include <string.h>

#include <glib.h>
#include <json-c/json.h>

#include "qapi/qapi-commands.h"
#include "qapi/qapi-types.h"
#include "qom/qom-internal.h"
#include "util/error.h"

/* Arrays of generated lists grow as they are filled. */
#define OBJECT_LIST_APPEND(list)                                                    \
    ((list)->items = g_realloc_n((list)->items, (list)->len + 1, sizeof(*(list)->items)), \
     memset(&(list)->items[(list)->len], 0, sizeof(*(list)->items)),                \
     &(list)->items[(list)->len++])

static char *object_property_type(const char *type, const char *child_type)
{
    return child_type ? g_strdup_printf("child<%s>", child_type) : g_strdup(type);
}

static void object_list_append_info(const char *name, const char *type, const char *child_type,
                                    void *opaque)
{
    ObjectPropertyInfoList *list = opaque;
    ObjectPropertyInfo *info = OBJECT_LIST_APPEND(list);

    info->name = g_strdup(name);
    info->type = object_property_type(type, child_type);
}

/* The descriptions that a plain list of names lacks, for objects with described properties. */
static void object_list_describe(ObjectPropertyInfoList *list, const ObjectClass *class)
{
    for (size_t i = 0; class && class->props && i < list->len; i++) {
        ObjectPropertyInfo *info = &list->items[i];
        const QapiMember *member = qapi_member_find(class->props, info->name);

        if (member) {
            info->description = g_strdup(member->doc);
            info->default_value = object_member_default(member);
        }
    }
}

ObjectPropertyInfoList *qmp_qom_list(const QomListArgs *args, GError **error)
{
    ObjectPropertyInfoList *list;
    ObjectPlace place;

    if (!object_tree_find(args->path, &place, error)) {
        return NULL;
    }
    list = g_new0(ObjectPropertyInfoList, 1);
    object_place_foreach(&place, object_list_append_info, list);
    return list;
}

/* What object_list_append_value() needs to know. */
typedef struct ObjectValueWalk {
    const ObjectPlace *place;
    ObjectPropertyValueList *list;
} ObjectValueWalk;

static void object_list_append_value(const char *name, const char *type, const char *child_type,
                                     void *opaque)
{
    ObjectValueWalk *walk = opaque;
    ObjectPropertyValue *property = OBJECT_LIST_APPEND(walk->list);

    property->name = g_strdup(name);
    property->type = object_property_type(type, child_type);
    if (!child_type) {
        property->value = object_place_get(walk->place, name, NULL);
    }
}

ObjectPropertiesValuesList *qmp_qom_list_get(const QomListGetArgs *args, GError **error)
{
    g_autoptr(ObjectPropertiesValuesList) list = g_new0(ObjectPropertiesValuesList, 1);

    for (size_t i = 0; i < args->paths->len; i++) {
        ObjectValueWalk walk;
        ObjectPlace place;

        if (!object_tree_find(args->paths->items[i], &place, error)) {
            return NULL;
        }
        walk.place = &place;
        walk.list = g_new0(ObjectPropertyValueList, 1);
        object_place_foreach(&place, object_list_append_value, &walk);
        OBJECT_LIST_APPEND(list)->properties = walk.list;
    }
    return g_steal_pointer(&list);
}

json_object *qmp_qom_get(const QomGetArgs *args, GError **error)
{
    ObjectPlace place;

    if (!object_tree_find(args->path, &place, error)) {
        return NULL;
    }
    return object_place_get(&place, args->property, error);
}

static bool object_place_set(const char *path, const char *name, json_object *value,
                             QapiInput input, GError **error)
{
    ObjectPlace place;
    json_object *old;

    if (!object_tree_find(path, &place, error)) {
        return false;
    }
    if (place.node && place.node->obj && strcmp(name, "type") != 0) {
        return object_set(place.node->obj, name, value, input, error);
    }
    old = object_place_get(&place, name, error);
    if (!old) {
        return false;
    }
    json_object_put(old);
    return error_set(error, "Property '%s.%s' is not writable", object_place_type(&place), name);
}

bool qmp_qom_set(const QomSetArgs *args, GError **error)
{
    return object_place_set(args->path, args->property, args->value, QAPI_INPUT_JSON, error);
}

bool object_set_text(const char *path, const char *name, const char *text, GError **error)
{
    json_object *value = json_object_new_string(text);
    bool ok = object_place_set(path, name, value, QAPI_INPUT_KEYVAL, error);

    json_object_put(value);
    return ok;
}

ObjectTypeInfoList *qmp_qom_list_types(const QomListTypesArgs *args, GError **error)
{
    ObjectTypeInfoList *list = g_new0(ObjectTypeInfoList, 1);
    g_autoptr(GList) types = object_type_list();

    for (GList *l = types; l; l = l->next) {
        const ObjectTypeEntry *entry = l->data;
        ObjectTypeInfo *info;

        if ((entry->abstract && !args->abstract)
            || (args->implements && !object_type_is_a(entry, args->implements))) {
            continue;
        }
        info = OBJECT_LIST_APPEND(list);
        info->name = g_strdup(entry->name);
        info->has_abstract = entry->abstract;
        info->abstract = entry->abstract;
        info->parent = g_strdup(entry->parent);
    }
    return list;
}

ObjectPropertyInfoList *qmp_qom_list_properties(const QomListPropertiesArgs *args,
                                                GError **error)
{
    const ObjectTypeEntry *entry = object_type_find(args->typename);
    const QapiType *props;
    ObjectPropertyInfoList *list;

    if (!entry) {
        error_set_class(error, ERROR_CLASS_DEVICE_NOT_FOUND, "Class '%s' not found",
                        args->typename);
        return NULL;
    }
    props = entry->class ? entry->class->props : NULL;
    list = g_new0(ObjectPropertyInfoList, 1);
    object_list_append_info("type", "string", NULL, list);
    for (size_t i = 0; props && i < props->n_members; i++) {
        const QapiMember *member = &props->members[i];

        object_list_append_info(member->name, object_member_type_name(entry->class, member),
                                NULL, list);
    }
    object_list_describe(list, entry->class);
    return list;
}
