/* SPDX-License-Identifier: GPL-2.0-or-later */
/* yank: cut the connections of socket chardevs, even while other commands wait. */

#include "chardev/char-internal.h"

#include "qapi/qapi-commands.h"
#include "util/error.h"

static void char_yank_list(Chardev *chr, void *opaque)
{
    GArray *found = opaque;
    YankInstance instance = { .type = YANK_INSTANCE_TYPE_CHARDEV };

    if (chr->class->disconnect) {
        instance.u.chardev.id = g_strdup(chr->id);
        g_array_append_val(found, instance);
    }
}

YankInstanceList *qmp_query_yank(GError **error)
{
    YankInstanceList *list = g_new0(YankInstanceList, 1);
    GArray *found = g_array_new(FALSE, FALSE, sizeof(YankInstance));

    char_foreach(char_yank_list, found);
    list->len = found->len;
    list->items = (YankInstance *)(void *)g_array_free(found, FALSE);
    return list;
}

/* The chardev of @instance, NULL if there is none that can be yanked. */
static Chardev *char_yank_find(const YankInstance *instance)
{
    Chardev *chr = NULL;

    if (instance->type == YANK_INSTANCE_TYPE_CHARDEV) {
        chr = char_find(instance->u.chardev.id);
    }
    return chr && chr->class->disconnect ? chr : NULL;
}

bool qmp_yank(const YankArgs *args, GError **error)
{
    const YankInstanceList *instances = args->instances;

    for (size_t i = 0; i < instances->len; i++) {
        if (!char_yank_find(&instances->items[i])) {
            return error_set_class(error, ERROR_CLASS_DEVICE_NOT_FOUND, "Instance not found");
        }
    }
    for (size_t i = 0; i < instances->len; i++) {
        Chardev *chr = char_yank_find(&instances->items[i]);

        chr->class->disconnect(chr);
    }
    return true;
}
