/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files and links that tests look into. */

#include "files.h"

#include <glib.h>

char *read_file(const char *path)
{
    char *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    return text;
}

char *proc_link(int pid, const char *name)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/%s", pid, name);
    char *target = g_file_read_link(path, NULL);

    g_assert_nonnull(target);
    return target;
}
