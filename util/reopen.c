/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that are opened again when their names may lead to others: after a rotation of logs. */

#include "util/reopen.h"

#include <glib.h>

struct ReopenHook {
    void (*func)(void *opaque);
    void *opaque;
};

static GPtrArray *hooks; /* owned, of owned hooks; NULL = there are none */

ReopenHook *reopen_add(void (*func)(void *opaque), void *opaque)
{
    ReopenHook *hook = g_new0(ReopenHook, 1);

    hook->func = func;
    hook->opaque = opaque;
    if (!hooks) {
        hooks = g_ptr_array_new_with_free_func(g_free);
    }
    g_ptr_array_add(hooks, hook);
    return hook;
}

void reopen_remove(ReopenHook *hook)
{
    if (hook && g_ptr_array_remove(hooks, hook) && hooks->len == 0) {
        g_clear_pointer(&hooks, g_ptr_array_unref);
    }
}

bool reopen_any(void)
{
    return hooks != NULL;
}

void reopen_all(void)
{
    for (guint i = 0; hooks && i < hooks->len; i++) {
        const ReopenHook *hook = hooks->pdata[i];

        hook->func(hook->opaque);
    }
}
