/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions about types: members, enum names, variants, built-in descriptors. */

#include "qapi/qapi.h"

#include <string.h>

#include "qapi/builtin.h"
#include "qapi/qapi-internal.h"
#include "util/error.h"

/** So many values of an enum fit into a line of advice. */
#define QAPI_ENUM_HINT_MAX 12

#define QAPI_BUILTIN(builtin, c_type, qapi_kind)                            \
    const QapiType qapi_type_##builtin = {                                  \
        .name = #builtin, .kind = qapi_kind, .size = sizeof(c_type),        \
    };                                                                      \
    const QapiType qapi_type_##builtin##List = {                            \
        .name = #builtin "List", .kind = QAPI_KIND_LIST,                    \
        .size = sizeof(builtin##List), .element = &qapi_type_##builtin,     \
    }

QAPI_BUILTIN(str, char *, QAPI_KIND_STR);
QAPI_BUILTIN(int, int64_t, QAPI_KIND_INT);
QAPI_BUILTIN(int8, int8_t, QAPI_KIND_INT);
QAPI_BUILTIN(int16, int16_t, QAPI_KIND_INT);
QAPI_BUILTIN(int32, int32_t, QAPI_KIND_INT);
QAPI_BUILTIN(int64, int64_t, QAPI_KIND_INT);
QAPI_BUILTIN(uint8, uint8_t, QAPI_KIND_UINT);
QAPI_BUILTIN(uint16, uint16_t, QAPI_KIND_UINT);
QAPI_BUILTIN(uint32, uint32_t, QAPI_KIND_UINT);
QAPI_BUILTIN(uint64, uint64_t, QAPI_KIND_UINT);
QAPI_BUILTIN(size, uint64_t, QAPI_KIND_SIZE);
QAPI_BUILTIN(number, double, QAPI_KIND_NUMBER);
QAPI_BUILTIN(any, json_object *, QAPI_KIND_ANY);

/* The macro would give this one the name _Bool. */
const QapiType qapi_type_bool = {
    .name = "bool", .kind = QAPI_KIND_BOOL, .size = sizeof(bool),
};
const QapiType qapi_type_boolList = {
    .name = "boolList", .kind = QAPI_KIND_LIST, .size = sizeof(boolList),
    .element = &qapi_type_bool,
};
const QapiType qapi_type_null = { .name = "null", .kind = QAPI_KIND_NULL };

const char *qapi_enum_name(const QapiType *type, int value)
{
    g_assert(type->kind == QAPI_KIND_ENUM && value >= 0 && (size_t)value < type->n_values);
    return type->values[value].name;
}

int qapi_enum_parse(const QapiType *type, const char *name)
{
    for (size_t i = 0; i < type->n_values; i++) {
        if (strcmp(type->values[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

void qapi_enum_hint(const QapiType *type, const char *word, GError **error)
{
    g_autofree const char **names = g_new0(const char *, type->n_values + 1);

    for (size_t i = 0; i < type->n_values; i++) {
        names[i] = type->values[i].name;
    }
    if (!error_hint_similar(error, word, names) && type->n_values <= QAPI_ENUM_HINT_MAX) {
        g_autofree char *list = g_strjoinv("', '", (char **)names);

        error_append_hint(error, "It is one of '%s'.", list);
    }
}

const QapiMember *qapi_member_find(const QapiType *type, const char *name)
{
    for (size_t i = 0; i < type->n_members; i++) {
        if (strcmp(type->members[i].name, name) == 0) {
            return &type->members[i];
        }
    }
    return NULL;
}

bool qapi_member_is_set(const QapiMember *member, const void *obj)
{
    if (member->has_offset >= 0) {
        return *qapi_has(member, obj);
    }
    if (member->type->kind == QAPI_KIND_NULL) {
        return !member->optional;
    }
    return !qapi_is_pointer(member->type) || *(void **)qapi_slot(member, obj);
}

const QapiVariant *qapi_find_variant(const QapiType *type, const void *obj)
{
    int64_t tag = qapi_load_int(type->tag->type, qapi_slot(type->tag, obj));

    for (size_t i = 0; i < type->n_variants; i++) {
        if (type->variants[i].tag == tag) {
            return &type->variants[i];
        }
    }
    return NULL;
}

void *qapi_union_variant(const QapiType *type, void *obj, const QapiType **type_out)
{
    const QapiVariant *variant = qapi_find_variant(type, obj);

    if (type_out) {
        *type_out = variant ? variant->type : NULL;
    }
    return variant ? (char *)obj + variant->offset : NULL;
}

const QapiMember *qapi_alternate_branch(const QapiType *type, const void *obj)
{
    QapiKind kind = *(const QapiKind *)obj;

    for (size_t i = 0; i < type->n_members; i++) {
        if (type->members[i].type->kind == kind) {
            return &type->members[i];
        }
    }
    return NULL;
}

const char *qapi_type_help_name(const QapiType *type)
{
    if (type->kind == QAPI_KIND_STR) {
        return "string";
    }
    return type->kind == QAPI_KIND_LIST ? qapi_type_help_name(type->element) : type->name;
}

int64_t qapi_load_int(const QapiType *type, const void *slot)
{
    switch (type->kind == QAPI_KIND_ENUM ? sizeof(int) : type->size) {
    case 1:
        return *(const int8_t *)slot;
    case 2:
        return *(const int16_t *)slot;
    case 4:
        return *(const int32_t *)slot;
    default:
        return *(const int64_t *)slot;
    }
}

uint64_t qapi_load_uint(const QapiType *type, const void *slot)
{
    switch (type->size) {
    case 1:
        return *(const uint8_t *)slot;
    case 2:
        return *(const uint16_t *)slot;
    case 4:
        return *(const uint32_t *)slot;
    default:
        return *(const uint64_t *)slot;
    }
}

bool qapi_store_int(const QapiType *type, void *slot, int64_t value)
{
    switch (type->kind == QAPI_KIND_ENUM ? sizeof(int) : type->size) {
    case 1:
        *(int8_t *)slot = (int8_t)value;
        break;
    case 2:
        *(int16_t *)slot = (int16_t)value;
        break;
    case 4:
        *(int32_t *)slot = (int32_t)value;
        break;
    default:
        *(int64_t *)slot = value;
        break;
    }
    return qapi_load_int(type, slot) == value;
}

bool qapi_store_uint(const QapiType *type, void *slot, uint64_t value)
{
    switch (type->size) {
    case 1:
        *(uint8_t *)slot = (uint8_t)value;
        break;
    case 2:
        *(uint16_t *)slot = (uint16_t)value;
        break;
    case 4:
        *(uint32_t *)slot = (uint32_t)value;
        break;
    default:
        *(uint64_t *)slot = value;
        break;
    }
    return qapi_load_uint(type, slot) == value;
}
