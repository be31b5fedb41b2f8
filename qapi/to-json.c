/* SPDX-License-Identifier: GPL-2.0-or-later */
/* C values to JSON by their type descriptors. */

#include "qapi/qapi.h"
#include "qapi/qapi-internal.h"

static json_object *qapi_slot_to_json(const QapiType *type, const void *slot)
{
    switch (type->kind) {
    case QAPI_KIND_STR:
        return *(char *const *)slot ? json_object_new_string(*(char *const *)slot) : NULL;
    case QAPI_KIND_BOOL:
        return json_object_new_boolean(*(const bool *)slot);
    case QAPI_KIND_INT:
        return json_object_new_int64(qapi_load_int(type, slot));
    case QAPI_KIND_UINT:
    case QAPI_KIND_SIZE:
        return json_object_new_uint64(qapi_load_uint(type, slot));
    case QAPI_KIND_NUMBER:
        return json_object_new_double(*(const double *)slot);
    case QAPI_KIND_ENUM:
        return json_object_new_string(qapi_enum_name(type, (int)qapi_load_int(type, slot)));
    case QAPI_KIND_STRUCT:
    case QAPI_KIND_UNION:
    case QAPI_KIND_ALTERNATE:
    case QAPI_KIND_LIST:
        return qapi_to_json(type, *(void *const *)slot);
    case QAPI_KIND_ANY:
        return json_object_get(*(json_object *const *)slot);
    case QAPI_KIND_NULL:
        break;
    }
    return NULL;
}

static json_object *qapi_list_to_json(const QapiType *type, const QapiList *list)
{
    json_object *array = json_object_new_array();

    for (size_t i = 0; list && i < list->len; i++) {
        const void *item = qapi_item(list, type->element, i);

        json_object_array_add(array, qapi_is_aggregate(type->element)
                                         ? qapi_to_json(type->element, item)
                                         : qapi_slot_to_json(type->element, item));
    }
    return array;
}

/* A list that must be there and was not made is an empty one. */
static bool qapi_member_is_shown(const QapiMember *member, const void *obj)
{
    return qapi_member_is_set(member, obj) ||
           (!member->optional && member->type->kind == QAPI_KIND_LIST);
}

static void qapi_members_to_json(const QapiType *type, const void *obj, json_object *json)
{
    const QapiVariant *variant;

    for (size_t i = 0; i < type->n_members; i++) {
        const QapiMember *member = &type->members[i];

        if (qapi_member_is_shown(member, obj)) {
            json_object_object_add(json, member->name,
                                   qapi_slot_to_json(member->type, qapi_slot(member, obj)));
        }
    }
    variant = type->kind == QAPI_KIND_UNION ? qapi_find_variant(type, obj) : NULL;
    if (variant && variant->type) {
        qapi_members_to_json(variant->type, (const char *)obj + variant->offset, json);
    }
}

json_object *qapi_to_json(const QapiType *type, const void *value)
{
    json_object *json;

    if (type->kind == QAPI_KIND_LIST) {
        return qapi_list_to_json(type, value);
    }
    if (!value) {
        return NULL;
    }
    if (type->kind == QAPI_KIND_ALTERNATE) {
        const QapiMember *branch = qapi_alternate_branch(type, value);

        return branch ? qapi_slot_to_json(branch->type, qapi_slot(branch, value)) : NULL;
    }
    json = json_object_new_object();
    qapi_members_to_json(type, value, json);
    return json;
}

json_object *qapi_member_to_json(const QapiMember *member, const void *obj)
{
    if (!qapi_member_is_shown(member, obj)) {
        return NULL;
    }
    return qapi_slot_to_json(member->type, qapi_slot(member, obj));
}
