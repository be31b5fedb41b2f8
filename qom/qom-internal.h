/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of qom/ show each other: types by name, places in the tree. */

#ifndef QOM_QOM_INTERNAL_H
#define QOM_QOM_INTERNAL_H

#include "qom/object.h"

/** A type by name; @class is NULL for those that object-add cannot create. */
typedef struct ObjectTypeEntry {
    const char *name;
    const char *parent; /* NULL for "object" itself */
    bool abstract;
    const ObjectClass *class;
} ObjectTypeEntry;

/** object_type_find: the type called @name, borrowed, or NULL. */
const ObjectTypeEntry *object_type_find(const char *name);

/** object_type_is_a: whether @entry is @ancestor or derived from it. */
bool object_type_is_a(const ObjectTypeEntry *entry, const char *ancestor);

/** object_type_list: all types sorted by name. Returns: owned list of borrowed entries. */
GList *object_type_list(void);

/* --- Properties of one struct of properties ---------------------------------------------- */

/** object_member_type_name: how @member's type is shown. */
const char *object_member_type_name(const ObjectClass *class, const QapiMember *member);

/** object_member_get: the value in @props as JSON, never NULL: "" for an unset string. Owned. */
json_object *object_member_get(const QapiMember *member, const void *props);

/** object_member_default: the default value as JSON, owned; NULL = none. */
json_object *object_member_default(const QapiMember *member);

/** object_set: change one property at run time. */
bool object_set(Object *obj, const char *name, json_object *value, QapiInput input,
                GError **error);

/* --- The tree ---------------------------------------------------------------------------- */

typedef struct ObjectContainer ObjectContainer;

/** A thing in a container: a user-created object or a node that describes itself. */
typedef struct ObjectNode {
    char *name;                 /* owned */
    Object *obj;                /* borrowed, or NULL */
    const ObjectNodeInfo *info; /* when @obj is NULL */
    void *opaque;
} ObjectNode;

/** A place in the tree: the root (both NULL), a container, or a node. */
typedef struct ObjectPlace {
    const ObjectContainer *container;
    const ObjectNode *node;
} ObjectPlace;

/** object_tree_add_object, _remove_object: keep /objects in step with the registry. */
void object_tree_add_object(Object *obj);
void object_tree_remove_object(Object *obj);

/** object_tree_find: the place that @path names. */
bool object_tree_find(const char *path, ObjectPlace *place, GError **error);

/** object_place_type: the type of the object there. */
const char *object_place_type(const ObjectPlace *place);

/** One property: of a thing below, @child_type is the type of that thing. */
typedef void ObjectPlaceFunc(const char *name, const char *type, const char *child_type,
                             void *opaque);

/** object_place_foreach: "type" first, then the others. */
void object_place_foreach(const ObjectPlace *place, ObjectPlaceFunc *func, void *opaque);

/** object_place_get: a property's value, owned; NULL with @error. */
json_object *object_place_get(const ObjectPlace *place, const char *name, GError **error);

#endif
