/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tree that qom-list walks: the root, its containers, and their objects. */

#include "qom/qom-internal.h"

#include <string.h>

#include "util/error.h"

struct ObjectContainer {
    char *name;       /* owned */
    GPtrArray *nodes; /* owned ObjectNode *, in order of creation */
};

static GPtrArray *object_containers; /* owned ObjectContainer * */

static void object_node_free(void *data)
{
    ObjectNode *node = data;

    g_free(node->name);
    g_free(node);
}

static ObjectContainer *object_container_new(const char *name)
{
    ObjectContainer *container = g_new0(ObjectContainer, 1);

    container->name = g_strdup(name);
    container->nodes = g_ptr_array_new_with_free_func(object_node_free);
    g_ptr_array_add(object_containers, container);
    return container;
}

static void object_tree_init(void)
{
    static const char *const names[] = {
        "objects", "chardevs", "machine", "backend", "audiodevs",
    };

    if (object_containers) {
        return;
    }
    object_containers = g_ptr_array_new();
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        object_container_new(names[i]);
    }
}

static ObjectContainer *object_container_find(const char *name)
{
    object_tree_init();
    for (guint i = 0; i < object_containers->len; i++) {
        ObjectContainer *container = object_containers->pdata[i];

        if (strcmp(container->name, name) == 0) {
            return container;
        }
    }
    return NULL;
}

static ObjectNode *object_container_find_node(const ObjectContainer *container, const char *name)
{
    for (guint i = 0; i < container->nodes->len; i++) {
        ObjectNode *node = container->nodes->pdata[i];

        if (strcmp(node->name, name) == 0) {
            return node;
        }
    }
    return NULL;
}

static ObjectNode *object_container_add(ObjectContainer *container, const char *name)
{
    ObjectNode *node = g_new0(ObjectNode, 1);

    node->name = g_strdup(name);
    g_ptr_array_add(container->nodes, node);
    return node;
}

static void object_container_remove(ObjectContainer *container, const char *name)
{
    ObjectNode *node = object_container_find_node(container, name);

    if (node) {
        g_ptr_array_remove(container->nodes, node);
    }
}

void object_tree_add_object(Object *obj)
{
    object_container_add(object_container_find("objects"), obj->id)->obj = obj;
}

void object_tree_remove_object(Object *obj)
{
    object_container_remove(object_container_find("objects"), obj->id);
}

/* Splits "/CONTAINER/NAME". Returns: the container's name, owned; @name points into @path. */
static char *object_path_split(const char *path, const char **name)
{
    const char *slash;

    g_assert(path[0] == '/');
    slash = strchr(path + 1, '/');
    g_assert(slash);
    *name = slash + 1;
    return g_strndup(path + 1, slash - path - 1);
}

void object_node_add(const char *path, const ObjectNodeInfo *info, void *opaque)
{
    const char *name;
    g_autofree char *parent = object_path_split(path, &name);
    ObjectContainer *container = object_container_find(parent);
    ObjectNode *node;

    if (!container) {
        container = object_container_new(parent);
    }
    node = object_container_add(container, name);
    node->info = info;
    node->opaque = opaque;
}

void object_node_remove(const char *path)
{
    const char *name;
    g_autofree char *parent = object_path_split(path, &name);
    ObjectContainer *container = object_container_find(parent);

    if (container) {
        object_container_remove(container, name);
    }
}

/* --- Paths ------------------------------------------------------------------------------- */

/* The parts of @path between slashes, empty ones left out. */
static GPtrArray *object_path_parts(const char *path)
{
    GPtrArray *parts = g_ptr_array_new_with_free_func(g_free);
    g_auto(GStrv) all = g_strsplit(path, "/", -1);

    for (char **part = all; *part; part++) {
        if (**part) {
            g_ptr_array_add(parts, g_strdup(*part));
        }
    }
    return parts;
}

static bool object_tree_walk(const GPtrArray *parts, ObjectPlace *place)
{
    *place = (ObjectPlace) { 0 };
    if (parts->len == 0) {
        return true;
    }
    place->container = object_container_find(parts->pdata[0]);
    if (!place->container || parts->len > 2) {
        return false;
    }
    if (parts->len == 2) {
        place->node = object_container_find_node(place->container, parts->pdata[1]);
    }
    return parts->len == 1 || place->node;
}

/* How many places a path that starts anywhere may mean; the last found is in @place. */
static unsigned object_tree_search(const GPtrArray *parts, ObjectPlace *place)
{
    unsigned n = 0;

    if (parts->len > 0 && object_tree_walk(parts, place)) {
        n++;
    }
    for (guint i = 0; parts->len == 1 && i < object_containers->len; i++) {
        const ObjectContainer *container = object_containers->pdata[i];
        const ObjectNode *node = object_container_find_node(container, parts->pdata[0]);

        if (node) {
            *place = (ObjectPlace) { .container = container, .node = node };
            n++;
        }
    }
    return n;
}

bool object_tree_find(const char *path, ObjectPlace *place, GError **error)
{
    g_autoptr(GPtrArray) parts = object_path_parts(path);
    unsigned n;

    object_tree_init();
    n = path[0] == '/' ? object_tree_walk(parts, place) : object_tree_search(parts, place);
    if (n > 1) {
        return error_set(error, "Path '%s' is ambiguous", path);
    }
    if (n == 0) {
        return error_set_class(error, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found",
                               path);
    }
    return true;
}

/* --- Properties -------------------------------------------------------------------------- */

static const char *object_node_type(const ObjectNode *node)
{
    return node->obj ? node->obj->class->name : node->info->type;
}

const char *object_place_type(const ObjectPlace *place)
{
    return place->node ? object_node_type(place->node) : "container";
}

static void object_node_foreach(const ObjectNode *node, ObjectPlaceFunc *func, void *opaque)
{
    const QapiType *props = node->obj ? node->obj->class->props : NULL;

    for (size_t i = 0; props && i < props->n_members; i++) {
        const QapiMember *member = &props->members[i];

        func(member->name, object_member_type_name(node->obj->class, member), NULL, opaque);
    }
    for (size_t i = 0; !node->obj && node->info->properties && node->info->properties[i][0];
         i++) {
        func(node->info->properties[i][0], node->info->properties[i][1], NULL, opaque);
    }
}

void object_place_foreach(const ObjectPlace *place, ObjectPlaceFunc *func, void *opaque)
{
    func("type", "string", NULL, opaque);
    if (place->node) {
        object_node_foreach(place->node, func, opaque);
    } else if (place->container) {
        for (guint i = 0; i < place->container->nodes->len; i++) {
            const ObjectNode *node = place->container->nodes->pdata[i];

            func(node->name, NULL, object_node_type(node), opaque);
        }
    } else {
        for (guint i = 0; i < object_containers->len; i++) {
            const ObjectContainer *container = object_containers->pdata[i];

            func(container->name, NULL, "container", opaque);
        }
    }
}

static json_object *object_node_get(const ObjectNode *node, const char *name)
{
    const ObjectNodeInfo *info = node->info;

    if (node->obj) {
        const QapiType *props = node->obj->class->props;
        const QapiMember *member = props ? qapi_member_find(props, name) : NULL;

        return member ? object_member_get(member, node->obj->props) : NULL;
    }
    for (size_t i = 0; info->properties && info->properties[i][0]; i++) {
        if (strcmp(info->properties[i][0], name) == 0) {
            return info->get(name, node->opaque);
        }
    }
    return NULL;
}

/* The value of a property that stands for a thing below is the path of that thing. */
static json_object *object_place_get_child(const ObjectPlace *place, const char *name)
{
    g_autofree char *path = NULL;

    if (place->container && object_container_find_node(place->container, name)) {
        path = g_strdup_printf("/%s/%s", place->container->name, name);
    } else if (!place->container && object_container_find(name)) {
        path = g_strdup_printf("/%s", name);
    }
    return path ? json_object_new_string(path) : NULL;
}

json_object *object_place_get(const ObjectPlace *place, const char *name, GError **error)
{
    json_object *value;

    if (strcmp(name, "type") == 0) {
        return json_object_new_string(object_place_type(place));
    }
    value = place->node ? object_node_get(place->node, name)
                        : object_place_get_child(place, name);
    if (!value) {
        error_set(error, "Property '%s.%s' not found", object_place_type(place), name);
    }
    return value;
}
