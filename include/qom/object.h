/* SPDX-License-Identifier: GPL-2.0-or-later */
/* User-creatable objects: types, one registry, properties by descriptor. */

#ifndef QOM_OBJECT_H
#define QOM_OBJECT_H

#include <stdbool.h>
#include <glib.h>
#include "qapi/qapi.h"
#include "qapi/qapi-types.h"

typedef struct Object Object;
typedef struct ObjectClass ObjectClass;

/** When -object creates objects of a type (docs/reference-text.rst, "Order of creation"). */
typedef enum ObjectPhase {
    OBJECT_PHASE_EARLY, /* before the chardevs */
    OBJECT_PHASE_LATE,  /* after the netdevs: filters, colo-compare */
} ObjectPhase;

/** An enum property that is a string to the outside, as it is in QEMU. */
typedef struct ObjectStringEnum {
    const char *member;
    const char *error; /* what qom-set says to a value that is not of the enum */
} ObjectStringEnum;

/** A type of object; constant, registered once. */
struct ObjectClass {
    const char *name;       /* "filter-mirror" */
    const char *parent;     /* "netfilter"; NULL = "object" */
    const QapiType *props;  /* its properties: a generated struct; NULL = none (abstract) */
    ObjectPhase phase;
    bool abstract;
    bool is_ours;           /* QEMU has no such type: errors of @create name type and id */
    size_t size;            /* of the instance; its first member is Object */

    /**
     * Bring a zeroed instance to life; obj->id and obj->props are set. On failure the
     * class has undone what it did; @finalize is not called.
     */
    bool (*create)(Object *obj, GError **error);

    /** Undo @create. */
    void (*finalize)(Object *obj);

    /**
     * Property @member is about to become what @new_props (a whole struct of type @props)
     * says. Act on it, or refuse: a property that cannot change at run time is refused with
     * a reason. obj->props still has the old values and takes the new ones afterwards.
     * NULL = every property is refused.
     */
    bool (*change)(Object *obj, const QapiMember *member, const void *new_props, GError **error);

    /** Called when obj->props has taken the new values; may be NULL. */
    void (*changed)(Object *obj, const QapiMember *member);

    /** Whether the object can be deleted now; NULL = always. */
    bool (*can_delete)(const Object *obj);

    /** For derived classes too. Ends with a NULL member; NULL = none. */
    const ObjectStringEnum *string_enums;
};

/** The first member of every instance. */
struct Object {
    const ObjectClass *class;
    char *id;    /* owned */
    void *props; /* owned; of type class->props */
};

/** object_class_register: at start-up, from a constructor function. */
void object_class_register(const ObjectClass *class);
const ObjectClass *object_class_find(const char *name);

/**
 * object_type_register_name: list a type in qom-list-types that object-add cannot create
 * @name: constant
 * @parent: constant; NULL = "object"
 *
 * For types of other modules, such as back ends of chardevs and models of NICs. A name that
 * is known already stays as it is.
 */
void object_type_register_name(const char *name, const char *parent, bool abstract);

/** object_find: the object called @id, borrowed, or NULL. */
Object *object_find(const char *id);

/** object_add: create from parsed options and put into the registry. */
bool object_add(const ObjectOptions *options, GError **error);

/** object_remove: delete by id. */
bool object_remove(const char *id, GError **error);

/** object_delete: delete one that is known to exist, asked or not (a filter with its netdev). */
void object_delete(Object *obj);

/** object_delete_all: in reverse order of creation; at the end of the process. */
void object_delete_all(void);

/** object_is_ending: whether that is under way. */
bool object_is_ending(void);

/** object_set_text: qom-set with a value as on the command line; @path as in qom-set. */
bool object_set_text(const char *path, const char *name, const char *text, GError **error);

/** object_foreach: in order of creation; @func must not add or remove. */
void object_foreach(void (*func)(Object *obj, void *opaque), void *opaque);

/* --- Nodes of the tree that are not user-creatable objects (chardevs) -------------------- */

/** Values of such a node's properties, computed when asked. */
typedef struct ObjectNodeInfo {
    const char *type; /* "chardev-socket" */
    /** The properties besides "type", NULL-terminated: name, type name. */
    const char *const (*properties)[2];
    /** Returns: owned JSON of property @name. */
    json_object *(*get)(const char *name, void *opaque);
} ObjectNodeInfo;

/**
 * object_node_add: put a node at @path, e.g. "/chardevs/chr0". @info: constant.
 *
 * What follows the second slash is the name, whatever it holds.
 */
void object_node_add(const char *path, const ObjectNodeInfo *info, void *opaque);
void object_node_remove(const char *path);

/* --- -object ----------------------------------------------------------------------------- */

/**
 * object_options_parse: a -object argument (syntax A or JSON) to options
 *
 * The same id in two arguments of syntax A is refused.
 * Returns: owned; NULL with @error set. Help is not handled here.
 */
ObjectOptions *object_options_parse(const char *text, GError **error);

/** object_options_parse_keyval: the same for HMP object_add (syntax B or JSON). */
ObjectOptions *object_options_parse_keyval(const char *text, GError **error);

/** object_help: the text of "-object help" (@type NULL) and "-object TYPE,help". Owned. */
char *object_help(const char *type, GError **error);

#endif
