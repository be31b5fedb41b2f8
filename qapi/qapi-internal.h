/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the walkers of type descriptors share: where values lie, and paths to members. */

#ifndef QAPI_QAPI_INTERNAL_H
#define QAPI_QAPI_INTERNAL_H

#include "qapi/qapi.h"

/** The layout that all generated lists have. */
typedef struct QapiList {
    size_t len;
    void *items;
} QapiList;

/** qapi_is_pointer: whether a member of @type is a pointer (NULL = absent). */
static inline bool qapi_is_pointer(const QapiType *type)
{
    switch (type->kind) {
    case QAPI_KIND_STR:
    case QAPI_KIND_STRUCT:
    case QAPI_KIND_UNION:
    case QAPI_KIND_ALTERNATE:
    case QAPI_KIND_LIST:
    case QAPI_KIND_ANY:
        return true;
    case QAPI_KIND_BOOL:
    case QAPI_KIND_INT:
    case QAPI_KIND_UINT:
    case QAPI_KIND_SIZE:
    case QAPI_KIND_NUMBER:
    case QAPI_KIND_ENUM:
    case QAPI_KIND_NULL:
        break;
    }
    return false;
}

/** qapi_is_aggregate: whether lists hold @type by value though members point to it. */
static inline bool qapi_is_aggregate(const QapiType *type)
{
    return type->kind == QAPI_KIND_STRUCT || type->kind == QAPI_KIND_UNION ||
           type->kind == QAPI_KIND_ALTERNATE;
}

/** qapi_item_size: of an element in the array of a list. */
static inline size_t qapi_item_size(const QapiType *element)
{
    return qapi_is_pointer(element) && !qapi_is_aggregate(element) ? sizeof(void *)
                                                                   : element->size;
}

static inline void *qapi_slot(const QapiMember *member, const void *obj)
{
    return (char *)obj + member->offset;
}

static inline bool *qapi_has(const QapiMember *member, const void *obj)
{
    return (bool *)((char *)obj + member->has_offset);
}

static inline void *qapi_item(const QapiList *list, const QapiType *element, size_t i)
{
    return (char *)list->items + i * qapi_item_size(element);
}

/** qapi_load_int: an INT, or the value of an ENUM. qapi_load_uint: a UINT or a SIZE. */
int64_t qapi_load_int(const QapiType *type, const void *slot);
uint64_t qapi_load_uint(const QapiType *type, const void *slot);

/** qapi_store_int, _uint: Returns: whether @value fits; if not, a cut value is stored. */
bool qapi_store_int(const QapiType *type, void *slot, int64_t value);
bool qapi_store_uint(const QapiType *type, void *slot, uint64_t value);

/** qapi_alternate_branch: the branch that alternate @obj holds, by its kind. */
const QapiMember *qapi_alternate_branch(const QapiType *type, const void *obj);

/** qapi_find_variant: the variant of @obj, a UNION, by its tag; NULL = no members of its own. */
const QapiVariant *qapi_find_variant(const QapiType *type, const void *obj);

/** qapi_clear_slot: free the value of a member. qapi_clear_obj: of a struct, ... */
void qapi_clear_slot(const QapiType *type, void *slot);
void qapi_clear_obj(const QapiType *type, void *obj);

/** One step on the way from the outermost value to a member; on the stack of the walkers. */
typedef struct QapiPath {
    const struct QapiPath *parent; /* NULL = outermost */
    const char *name;              /* NULL = element @index of a list */
    size_t index;
} QapiPath;

/** qapi_path_text: "addr.host", "rules[0].policy", in text input "rules.0.policy". Owned. */
char *qapi_path_text(const QapiPath *path, QapiInput input);

#endif
