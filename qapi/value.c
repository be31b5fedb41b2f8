/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Free, copy and compare C values by their type descriptors. */

#include "qapi/qapi.h"

#include <string.h>

#include "qapi/qapi-internal.h"

/* --- Free -------------------------------------------------------------------------------- */

static void qapi_clear_list(const QapiType *type, QapiList *list)
{
    for (size_t i = 0; i < list->len; i++) {
        void *item = qapi_item(list, type->element, i);

        if (qapi_is_aggregate(type->element)) {
            qapi_clear_obj(type->element, item);
        } else {
            qapi_clear_slot(type->element, item);
        }
    }
    g_free(list->items);
}

void qapi_clear_obj(const QapiType *type, void *obj)
{
    const QapiVariant *variant;

    if (type->kind == QAPI_KIND_LIST) {
        qapi_clear_list(type, obj);
        return;
    }
    if (type->kind == QAPI_KIND_ALTERNATE) {
        const QapiMember *branch = qapi_alternate_branch(type, obj);

        if (branch) {
            qapi_clear_slot(branch->type, qapi_slot(branch, obj));
        }
        return;
    }
    variant = type->kind == QAPI_KIND_UNION ? qapi_find_variant(type, obj) : NULL;
    if (variant && variant->type) {
        qapi_clear_obj(variant->type, (char *)obj + variant->offset);
    }
    for (size_t i = 0; i < type->n_members; i++) {
        qapi_clear_slot(type->members[i].type, qapi_slot(&type->members[i], obj));
    }
}

void qapi_clear_slot(const QapiType *type, void *slot)
{
    if (!qapi_is_pointer(type)) {
        return;
    }
    if (type->kind == QAPI_KIND_STR) {
        g_free(*(char **)slot);
    } else if (type->kind == QAPI_KIND_ANY) {
        json_object_put(*(json_object **)slot);
    } else {
        qapi_free(type, *(void **)slot);
    }
    *(void **)slot = NULL;
}

void qapi_free(const QapiType *type, void *value)
{
    if (value) {
        qapi_clear_obj(type, value);
        g_free(value);
    }
}

/* --- Copy -------------------------------------------------------------------------------- */

static void qapi_copy_obj(const QapiType *type, void *to, const void *from);

static void qapi_copy_slot(const QapiType *type, void *to, const void *from)
{
    switch (type->kind) {
    case QAPI_KIND_STR:
        *(char **)to = g_strdup(*(char *const *)from);
        break;
    case QAPI_KIND_ANY:
        *(json_object **)to = NULL;
        if (*(json_object *const *)from) {
            json_object_deep_copy(*(json_object *const *)from, to, NULL);
        }
        break;
    case QAPI_KIND_STRUCT:
    case QAPI_KIND_UNION:
    case QAPI_KIND_ALTERNATE:
    case QAPI_KIND_LIST:
        *(void **)to = qapi_clone(type, *(void *const *)from);
        break;
    case QAPI_KIND_BOOL:
    case QAPI_KIND_INT:
    case QAPI_KIND_UINT:
    case QAPI_KIND_SIZE:
    case QAPI_KIND_NUMBER:
    case QAPI_KIND_ENUM:
        memcpy(to, from, type->size);
        break;
    case QAPI_KIND_NULL:
        break;
    }
}

static void qapi_copy_list(const QapiType *type, QapiList *to, const QapiList *from)
{
    to->len = from->len;
    to->items = g_malloc0_n(from->len, qapi_item_size(type->element));
    for (size_t i = 0; i < from->len; i++) {
        void *item = qapi_item(to, type->element, i);

        if (qapi_is_aggregate(type->element)) {
            qapi_copy_obj(type->element, item, qapi_item(from, type->element, i));
        } else {
            qapi_copy_slot(type->element, item, qapi_item(from, type->element, i));
        }
    }
}

static void qapi_copy_members(const QapiType *type, void *to, const void *from)
{
    const QapiVariant *variant;

    for (size_t i = 0; i < type->n_members; i++) {
        const QapiMember *member = &type->members[i];

        if (member->has_offset >= 0) {
            *qapi_has(member, to) = *qapi_has(member, from);
        }
        qapi_copy_slot(member->type, qapi_slot(member, to), qapi_slot(member, from));
    }
    variant = type->kind == QAPI_KIND_UNION ? qapi_find_variant(type, from) : NULL;
    if (variant && variant->type) {
        qapi_copy_obj(variant->type, (char *)to + variant->offset,
                      (const char *)from + variant->offset);
    }
}

static void qapi_copy_obj(const QapiType *type, void *to, const void *from)
{
    if (type->kind == QAPI_KIND_LIST) {
        qapi_copy_list(type, to, from);
    } else if (type->kind == QAPI_KIND_ALTERNATE) {
        const QapiMember *branch = qapi_alternate_branch(type, from);

        *(QapiKind *)to = *(const QapiKind *)from;
        if (branch) {
            qapi_copy_slot(branch->type, qapi_slot(branch, to), qapi_slot(branch, from));
        }
    } else {
        qapi_copy_members(type, to, from);
    }
}

void *qapi_clone(const QapiType *type, const void *value)
{
    void *copy;

    if (!value) {
        return NULL;
    }
    copy = g_malloc0(type->size);
    qapi_copy_obj(type, copy, value);
    return copy;
}

/* --- Compare ----------------------------------------------------------------------------- */

static bool qapi_equal_slot(const QapiType *type, const void *a, const void *b)
{
    switch (type->kind) {
    case QAPI_KIND_STR:
        return g_strcmp0(*(char *const *)a, *(char *const *)b) == 0;
    case QAPI_KIND_ANY:
        return json_object_equal(*(json_object *const *)a, *(json_object *const *)b);
    case QAPI_KIND_STRUCT:
    case QAPI_KIND_UNION:
    case QAPI_KIND_ALTERNATE:
    case QAPI_KIND_LIST:
        return qapi_equal(type, *(void *const *)a, *(void *const *)b);
    case QAPI_KIND_NUMBER:
        return *(const double *)a == *(const double *)b;
    case QAPI_KIND_BOOL:
    case QAPI_KIND_INT:
    case QAPI_KIND_UINT:
    case QAPI_KIND_SIZE:
    case QAPI_KIND_ENUM:
        return memcmp(a, b, type->size) == 0;
    case QAPI_KIND_NULL:
        break;
    }
    return true;
}

static bool qapi_equal_list(const QapiType *type, const QapiList *a, const QapiList *b)
{
    bool (*equal)(const QapiType *, const void *, const void *) =
        qapi_is_aggregate(type->element) ? qapi_equal : qapi_equal_slot;

    if (a->len != b->len) {
        return false;
    }
    for (size_t i = 0; i < a->len; i++) {
        if (!equal(type->element, qapi_item(a, type->element, i),
                   qapi_item(b, type->element, i))) {
            return false;
        }
    }
    return true;
}

static bool qapi_equal_members(const QapiType *type, const void *a, const void *b)
{
    const QapiVariant *variant;

    for (size_t i = 0; i < type->n_members; i++) {
        const QapiMember *member = &type->members[i];
        bool is_set = qapi_member_is_set(member, a);

        if (is_set != qapi_member_is_set(member, b) ||
            (is_set && !qapi_equal_slot(member->type, qapi_slot(member, a),
                                        qapi_slot(member, b)))) {
            return false;
        }
    }
    variant = type->kind == QAPI_KIND_UNION ? qapi_find_variant(type, a) : NULL;
    return !variant || !variant->type ||
           qapi_equal(variant->type, (const char *)a + variant->offset,
                      (const char *)b + variant->offset);
}

bool qapi_equal(const QapiType *type, const void *a, const void *b)
{
    if (!a || !b) {
        return a == b;
    }
    if (type->kind == QAPI_KIND_LIST) {
        return qapi_equal_list(type, a, b);
    }
    if (type->kind == QAPI_KIND_ALTERNATE) {
        const QapiMember *branch = qapi_alternate_branch(type, a);

        return branch == qapi_alternate_branch(type, b) &&
               (!branch || qapi_equal_slot(branch->type, qapi_slot(branch, a),
                                           qapi_slot(branch, b)));
    }
    return qapi_equal_members(type, a, b);
}
