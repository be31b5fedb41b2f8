/* SPDX-License-Identifier: GPL-2.0-or-later */
/* iothread objects: asked for by others; the work is done by the one loop. */

#include "qom/iothread.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "qapi/qapi-commands.h"
#include "util/error.h"

struct IoThread {
    Object obj;
    unsigned n_users;
};

/** A property that can only have one value here. */
typedef struct IoThreadFixed {
    const char *name;
    int64_t value; /* asked for */
    int64_t only;
} IoThreadFixed;

static bool iothread_check_range(const IoThreadFixed *fixed, GError **error)
{
    if (fixed->value < 0) {
        return error_set(error, "%s value must be in range [0, 9223372036854775807]",
                         fixed->name);
    }
    return true;
}

static bool iothread_check_fixed(const IoThreadFixed *fixed, GError **error)
{
    if (fixed->value != fixed->only) {
        return error_set(error, "Property 'iothread.%s' takes only its default value %" PRIi64
                         ": one loop does the work of all iothreads", fixed->name, fixed->only);
    }
    return true;
}

static bool iothread_create(Object *obj, GError **error)
{
    const IothreadProperties *props = obj->props;
    const IoThreadFixed all[] = {
        { "poll-max-ns", props->poll_max_ns, 32768 },
        { "poll-grow", props->poll_grow, 0 },
        { "poll-shrink", props->poll_shrink, 0 },
        { "aio-max-batch", props->aio_max_batch, 0 },
        { "thread-pool-min", props->thread_pool_min, 0 },
        { "thread-pool-max", props->thread_pool_max, 64 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
        if (!iothread_check_range(&all[i], error)) {
            return false;
        }
    }
    if (props->thread_pool_min > props->thread_pool_max || props->thread_pool_max < 1) {
        return error_set(error, "bad thread-pool-min/thread-pool-max values");
    }
    for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
        if (!iothread_check_fixed(&all[i], error)) {
            return false;
        }
    }
    return true;
}

static bool iothread_can_delete(const Object *obj)
{
    return ((const IoThread *)obj)->n_users == 0;
}

static const ObjectClass iothread_class = {
    .name = "iothread",
    .props = QAPI_TYPE(IothreadProperties),
    .phase = OBJECT_PHASE_EARLY,
    .size = sizeof(IoThread),
    .create = iothread_create,
    .can_delete = iothread_can_delete,
};

__attribute__((constructor)) static void iothread_register(void)
{
    object_class_register(&iothread_class);
}

IoThread *iothread_use(const char *name, GError **error)
{
    const char *id = g_str_has_prefix(name, "/objects/") ? name + strlen("/objects/") : name;
    Object *obj = object_find(id);

    if (!obj) {
        error_set_class(error, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found", name);
        return NULL;
    }
    if (obj->class != &iothread_class) {
        error_set(error, "Invalid parameter type for 'iothread', expected: iothread");
        return NULL;
    }
    ((IoThread *)obj)->n_users++;
    return (IoThread *)obj;
}

void iothread_release(IoThread *iothread)
{
    if (iothread) {
        iothread->n_users--;
    }
}

char *iothread_path(const IoThread *iothread)
{
    return g_strdup_printf("/objects/%s", iothread->obj.id);
}

static void iothread_append_info(Object *obj, void *opaque)
{
    GArray *items = opaque;

    if (obj->class == &iothread_class) {
        const IothreadProperties *props = obj->props;
        IOThreadInfo info = {
            .id = g_strdup(obj->id),
            .thread_id = getpid(),
            .poll_max_ns = props->poll_max_ns,
            .poll_grow = props->poll_grow,
            .poll_shrink = props->poll_shrink,
            .aio_max_batch = props->aio_max_batch,
        };

        g_array_append_val(items, info);
    }
}

IOThreadInfoList *qmp_query_iothreads(GError **error)
{
    GArray *items = g_array_new(FALSE, TRUE, sizeof(IOThreadInfo));
    IOThreadInfoList *list = g_new0(IOThreadInfoList, 1);

    object_foreach(iothread_append_info, items);
    list->len = items->len;
    list->items = (IOThreadInfo *)g_array_free(items, FALSE);
    return list;
}
