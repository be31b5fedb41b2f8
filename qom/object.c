/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registry of user-created objects: creation from options, deletion, change. */

#include "qom/object.h"

#include <string.h>

#include "qapi/json.h"
#include "qapi/opts.h"
#include "qapi/qapi-commands.h"
#include "qom/qom-internal.h"
#include "util/error.h"

static GPtrArray *objects;       /* owned Object *, in order of creation */
static GHashTable *objects_by_id; /* borrowed id -> borrowed Object * */
static bool is_ending;            /* all are being deleted */

static void object_registry_init(void)
{
    if (!objects) {
        objects = g_ptr_array_new();
        objects_by_id = g_hash_table_new(g_str_hash, g_str_equal);
    }
}

Object *object_find(const char *id)
{
    return objects ? g_hash_table_lookup(objects_by_id, id) : NULL;
}

static void object_free(Object *obj)
{
    if (obj->props) {
        qapi_free(obj->class->props, obj->props);
    }
    g_free(obj->id);
    g_free(obj);
}

static Object *object_new(const ObjectClass *class, const ObjectOptions *options)
{
    Object *obj = g_malloc0(MAX(class->size, sizeof(Object)));
    const QapiType *type;
    void *props = qapi_union_variant(QAPI_TYPE(ObjectOptions), (void *)options, &type);

    /* The schema's branch and the class name the same struct. */
    g_assert(type == class->props);
    obj->class = class;
    obj->id = g_strdup(options->id);
    obj->props = props ? qapi_clone(type, props) : NULL;
    return obj;
}

bool object_add(const ObjectOptions *options, GError **error)
{
    const char *name = qapi_enum_name(QAPI_TYPE(ObjectType), options->qom_type);
    const ObjectClass *class = object_class_find(name);
    Object *obj;

    if (!class || class->abstract) {
        return error_set(error, "invalid object type: %s", name);
    }
    if (!id_check(options->id, error)) {
        return false;
    }
    object_registry_init();
    if (object_find(options->id)) {
        return error_set(error, "attempt to add duplicate property '%s' to object (type "
                         "'container')", options->id);
    }
    obj = object_new(class, options);
    if (class->create && !class->create(obj, error)) {
        if (class->is_ours) {
            g_prefix_error(error, "%s '%s': ", name, options->id);
        }
        object_free(obj);
        return false;
    }
    g_ptr_array_add(objects, obj);
    g_hash_table_insert(objects_by_id, obj->id, obj);
    object_tree_add_object(obj);
    return true;
}

void object_delete(Object *obj)
{
    if (obj->class->finalize) {
        obj->class->finalize(obj);
    }
    object_tree_remove_object(obj);
    g_hash_table_remove(objects_by_id, obj->id);
    g_ptr_array_remove(objects, obj);
    object_free(obj);
}

bool object_remove(const char *id, GError **error)
{
    Object *obj = object_find(id);

    if (!obj) {
        return error_set(error, "object '%s' not found", id);
    }
    if (obj->class->can_delete && !obj->class->can_delete(obj)) {
        return error_set(error, "object '%s' is in use, can not be deleted", id);
    }
    object_delete(obj);
    return true;
}

void object_delete_all(void)
{
    is_ending = true;
    while (objects && objects->len > 0) {
        object_delete(objects->pdata[objects->len - 1]);
    }
    is_ending = false;
}

bool object_is_ending(void)
{
    return is_ending;
}

void object_foreach(void (*func)(Object *obj, void *opaque), void *opaque)
{
    for (guint i = 0; objects && i < objects->len; i++) {
        func(objects->pdata[i], opaque);
    }
}

bool qmp_object_add(const ObjectOptions *args, GError **error)
{
    return object_add(args, error);
}

bool qmp_object_del(const ObjectDelArgs *args, GError **error)
{
    return object_remove(args->id, error);
}

/* --- Properties -------------------------------------------------------------------------- */

/* Looked up in the class and in those it is derived from; NULL = an enum like any other. */
static const ObjectStringEnum *object_string_enum(const ObjectClass *class, const char *name)
{
    while (class) {
        const ObjectStringEnum *e = class->string_enums;

        for (; e && e->member; e++) {
            if (strcmp(e->member, name) == 0) {
                return e;
            }
        }
        class = class->parent ? object_class_find(class->parent) : NULL;
    }
    return NULL;
}

const char *object_member_type_name(const ObjectClass *class, const QapiMember *member)
{
    return object_string_enum(class, member->name) ? "string"
                                                   : qapi_type_help_name(member->type);
}

json_object *object_member_get(const QapiMember *member, const void *props)
{
    json_object *value = qapi_member_to_json(member, props);

    if (value) {
        return value;
    }
    switch (member->type->kind) {
    case QAPI_KIND_BOOL:
        return json_object_new_boolean(false);
    case QAPI_KIND_INT:
    case QAPI_KIND_UINT:
    case QAPI_KIND_SIZE:
    case QAPI_KIND_NUMBER:
        return json_object_new_int(0);
    case QAPI_KIND_LIST:
        return json_object_new_array();
    case QAPI_KIND_STRUCT:
    case QAPI_KIND_UNION:
        return json_object_new_object();
    case QAPI_KIND_STR:
    case QAPI_KIND_ENUM:
    case QAPI_KIND_ALTERNATE:
    case QAPI_KIND_ANY:
    case QAPI_KIND_NULL:
        break;
    }
    return json_object_new_string("");
}

json_object *object_member_default(const QapiMember *member)
{
    json_object *value = NULL;

    if (member->default_text) {
        json_parse_text(member->default_text, &value, NULL);
    }
    return value;
}

/* Whether @value is a string that the enum behind a string property does not know. */
static bool object_check_string_enum(const Object *obj, const QapiMember *member,
                                     json_object *value, GError **error)
{
    const ObjectStringEnum *e = object_string_enum(obj->class, member->name);

    if (e && json_object_is_type(value, json_type_string)
        && qapi_enum_parse(member->type, json_object_get_string(value)) < 0) {
        return error_set(error, "%s", e->error);
    }
    return true;
}

static bool object_change(Object *obj, const QapiMember *member, const void *props,
                          GError **error)
{
    if (!obj->class->change) {
        return error_set(error, "Property '%s.%s' can only be given when the object is created",
                         obj->class->name, member->name);
    }
    return obj->class->change(obj, member, props, error);
}

bool object_set(Object *obj, const char *name, json_object *value, QapiInput input,
                GError **error)
{
    const ObjectClass *class = obj->class;
    const QapiMember *member = class->props ? qapi_member_find(class->props, name) : NULL;
    void *props;

    if (!member) {
        return error_set(error, "Property '%s.%s' not found", class->name, name);
    }
    if (!object_check_string_enum(obj, member, value, error)) {
        return false;
    }
    props = qapi_clone(class->props, obj->props);
    if (!qapi_member_from_json(member, props, value, input, error)
        || !object_change(obj, member, props, error)) {
        qapi_free(class->props, props);
        return false;
    }
    qapi_free(class->props, obj->props);
    obj->props = props;
    if (class->changed) {
        class->changed(obj, member);
    }
    return true;
}
