/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The types of objects by name: those that can be created, and those that are only listed. */

#include "qom/qom-internal.h"

#include <string.h>

static GHashTable *object_types; /* borrowed name -> owned ObjectTypeEntry */

/* Types that belong to no module, or whose module only adds derived ones. */
static const ObjectTypeEntry object_basic_types[] = {
    { .name = "object", .abstract = true },
    { .name = "container", .parent = "object" },
    { .name = "device", .parent = "object", .abstract = true },
    { .name = "netfilter", .parent = "object", .abstract = true },
    { .name = "chardev", .parent = "object", .abstract = true },
    { .name = "accel", .parent = "object", .abstract = true },
    { .name = "qtest-accel", .parent = "accel" },
    { .name = "machine", .parent = "object", .abstract = true },
    { .name = "none-machine", .parent = "machine" },
};

static void object_type_insert(const ObjectTypeEntry *entry)
{
    g_hash_table_replace(object_types, (char *)entry->name, g_memdup2(entry, sizeof(*entry)));
}

/* Registration happens in constructor functions, whose order is not known. */
static void object_types_init(void)
{
    if (object_types) {
        return;
    }
    object_types = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    for (size_t i = 0; i < G_N_ELEMENTS(object_basic_types); i++) {
        object_type_insert(&object_basic_types[i]);
    }
}

void object_class_register(const ObjectClass *class)
{
    object_types_init();
    object_type_insert(&(ObjectTypeEntry) {
        .name = class->name,
        .parent = class->parent ? class->parent : "object",
        .abstract = class->abstract,
        .class = class,
    });
}

void object_type_register_name(const char *name, const char *parent, bool abstract)
{
    object_types_init();
    if (!g_hash_table_contains(object_types, name)) {
        object_type_insert(&(ObjectTypeEntry) {
            .name = name,
            .parent = parent ? parent : "object",
            .abstract = abstract,
        });
    }
}

const ObjectTypeEntry *object_type_find(const char *name)
{
    object_types_init();
    return g_hash_table_lookup(object_types, name);
}

const ObjectClass *object_class_find(const char *name)
{
    const ObjectTypeEntry *entry = object_type_find(name);

    return entry ? entry->class : NULL;
}

bool object_type_is_a(const ObjectTypeEntry *entry, const char *ancestor)
{
    while (entry && strcmp(entry->name, ancestor) != 0) {
        entry = entry->parent ? object_type_find(entry->parent) : NULL;
    }
    return entry != NULL;
}

static int object_type_compare(const void *a, const void *b)
{
    const ObjectTypeEntry *entry_a = a, *entry_b = b;

    return strcmp(entry_a->name, entry_b->name);
}

GList *object_type_list(void)
{
    object_types_init();
    return g_list_sort(g_hash_table_get_values(object_types), object_type_compare);
}
