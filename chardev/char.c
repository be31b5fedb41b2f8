/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registry of character devices. */

/*
 * The registry holds one reference to each device. A callback into a front end may delete the
 * very device it comes from, so every function that calls out holds another one meanwhile:
 * char_remove() closes the device at once and the memory goes with the last reference.
 */

#include "chardev/char-internal.h"

#include <assert.h>
#include <string.h>

#include "qom/object.h"
#include "util/error.h"

static const ChardevClass *const char_classes[] = {
    [CHARDEV_BACKEND_KIND_FILE] = &char_file_class,
    [CHARDEV_BACKEND_KIND_PIPE] = &char_pipe_class,
    [CHARDEV_BACKEND_KIND_SOCKET] = &char_socket_class,
    [CHARDEV_BACKEND_KIND_UDP] = &char_udp_class,
    [CHARDEV_BACKEND_KIND_PTY] = &char_pty_class,
    [CHARDEV_BACKEND_KIND_NULL] = &char_null_class,
    [CHARDEV_BACKEND_KIND_MUX] = &char_mux_class,
    [CHARDEV_BACKEND_KIND_STDIO] = &char_stdio_class,
    [CHARDEV_BACKEND_KIND_RINGBUF] = &char_ringbuf_class,
    [CHARDEV_BACKEND_KIND_MEMORY] = &char_ringbuf_class,
};
static_assert(G_N_ELEMENTS(char_classes) == CHARDEV_BACKEND_KIND__MAX,
              "every kind of back end has a class");

/* Types live as long as the process, and so do their names. */
__attribute__((constructor)) static void char_register_types(void)
{
    for (int kind = 0; kind < CHARDEV_BACKEND_KIND__MAX; kind++) {
        const char *name = qapi_enum_name(QAPI_TYPE(ChardevBackendKind), kind);
        g_autofree char *type = g_strconcat("chardev-", name, NULL);

        object_type_register_name(g_intern_string(type), "chardev", false);
    }
}

/** Owned references, in order of creation. */
static GPtrArray *char_all;

Chardev *char_find(const char *id)
{
    for (guint i = 0; char_all && i < char_all->len; i++) {
        Chardev *chr = g_ptr_array_index(char_all, i);

        if (strcmp(chr->id, id) == 0) {
            return chr;
        }
    }
    return NULL;
}

const char *char_id(const Chardev *chr)
{
    return chr->id;
}

bool char_is_mux(const Chardev *chr)
{
    return chr->kind == CHARDEV_BACKEND_KIND_MUX;
}

bool char_is_socket(const Chardev *chr)
{
    return chr->kind == CHARDEV_BACKEND_KIND_SOCKET;
}

const char *char_kind_name(const Chardev *chr)
{
    return qapi_enum_name(QAPI_TYPE(ChardevBackendKind), chr->kind);
}

void char_foreach(void (*func)(Chardev *chr, void *opaque), void *opaque)
{
    for (guint i = 0; char_all && i < char_all->len; i++) {
        func(g_ptr_array_index(char_all, i), opaque);
    }
}

const ChardevCommon *char_common(const ChardevBackend *backend)
{
    /* All wrappers have the one member "data", whose type begins with the common members. */
    return backend->u.null.data;
}

void char_ref(Chardev *chr)
{
    chr->n_refs++;
}

void char_unref(Chardev *chr)
{
    g_assert(chr->n_refs > 0);
    if (--chr->n_refs > 0) {
        return;
    }
    g_assert(chr->is_closed);
    g_free(chr->id);
    g_free(chr);
}

static json_object *char_get_property(const char *name, void *opaque)
{
    Chardev *chr = opaque;

    return chr->class->get_property ? chr->class->get_property(name, chr) : NULL;
}

/** One constant description a kind, made when the first device of the kind is. */
static const ObjectNodeInfo *char_node_info(const Chardev *chr)
{
    static ObjectNodeInfo infos[CHARDEV_BACKEND_KIND__MAX];
    static const char *const no_properties[][2] = { { NULL, NULL } };
    ObjectNodeInfo *info = &infos[chr->kind];

    if (!info->type) {
        info->type = g_strdup_printf("chardev-%s", char_kind_name(chr));
        info->properties = chr->class->properties ? chr->class->properties : no_properties;
        info->get = char_get_property;
    }
    return info;
}

/** Ids that came through QMP may be anything; those that are no path component get no node. */
static void char_add_node(Chardev *chr)
{
    g_autofree char *path = g_strdup_printf("/chardevs/%s", chr->id);

    if (chr->id[0] != '\0' && !strchr(chr->id, '/')) {
        object_node_add(path, char_node_info(chr), chr);
        chr->has_node = true;
    }
}

static void char_remove_node(Chardev *chr)
{
    g_autofree char *path = g_strdup_printf("/chardevs/%s", chr->id);

    if (chr->has_node) {
        object_node_remove(path);
        chr->has_node = false;
    }
}

static void char_close(Chardev *chr)
{
    char_remove_node(chr);
    chr->is_open = false;
    if (!chr->is_closed && chr->class->close) {
        chr->is_closed = true;
        chr->class->close(chr);
    }
    chr->is_closed = true;
    g_clear_pointer(&chr->log, char_log_free);
}

/** A device that is not in the registry yet. */
static Chardev *char_create(const char *id, const ChardevBackend *backend, GError **error)
{
    const ChardevClass *class = char_classes[backend->type];
    Chardev *chr = g_malloc0(class->size);

    chr->class = class;
    chr->kind = backend->type;
    chr->id = g_strdup(id);
    chr->n_refs = 1;
    chr->is_closed = true;
    if (char_log_new(char_common(backend), &chr->log, error)) {
        chr->is_closed = false;
        if (class->open(chr, backend, error)) {
            return chr;
        }
    }
    char_close(chr);
    char_unref(chr);
    return NULL;
}

Chardev *char_new(const char *id, const ChardevBackend *backend, GError **error)
{
    Chardev *chr;

    if (char_find(id)) {
        error_set(error, "Chardev with id '%s' already exists", id);
        return NULL;
    }
    chr = char_create(id, backend, error);
    if (!chr) {
        return NULL;
    }
    if (!char_all) {
        char_all = g_ptr_array_new();
    }
    g_ptr_array_add(char_all, chr);
    char_add_node(chr);
    return chr;
}

void char_remove(Chardev *chr)
{
    g_ptr_array_remove(char_all, chr);
    char_close(chr);
    char_unref(chr);
}

Chardev *char_change(Chardev *chr, const ChardevBackend *backend, GError **error)
{
    Chardev *new_chr;
    guint place;

    if (chr->class->set_yielding) {
        chr->class->set_yielding(chr, true);
    }
    new_chr = char_create(chr->id, backend, error);
    if (chr->class->set_yielding) {
        chr->class->set_yielding(chr, false);
    }
    if (!new_chr) {
        return NULL;
    }
    if (char_in_use(chr)) {
        /* It had no user before: the new one stands on it. */
        error_set(error, "Chardev '%s' cannot be replaced by one that stands on it", chr->id);
        char_close(new_chr);
        char_unref(new_chr);
        return NULL;
    }
    g_assert(g_ptr_array_find(char_all, chr, &place));
    g_ptr_array_index(char_all, place) = new_chr;
    char_close(chr);
    char_unref(chr);
    char_add_node(new_chr);
    return new_chr;
}

bool char_in_use(const Chardev *chr)
{
    return chr->class->in_use ? chr->class->in_use(chr) : chr->fe != NULL;
}

char *char_filename(const Chardev *chr)
{
    return chr->class->filename ? chr->class->filename(chr) : g_strdup(char_kind_name(chr));
}

char *char_redirect_text(const Chardev *chr)
{
    if (!chr->class->pty_path) {
        return NULL;
    }
    return g_strdup_printf("char device redirected to %s (label %s)",
                           chr->class->pty_path(chr), chr->id);
}

void char_cleanup(void)
{
    /* Backwards: a mux goes before the device under it. */
    while (char_all && char_all->len > 0) {
        Chardev *chr = g_ptr_array_index(char_all, char_all->len - 1);

        if (chr->fe) {
            char_frontend_detach(chr->fe);
        }
        char_remove(chr);
    }
    g_clear_pointer(&char_all, g_ptr_array_unref);
}
