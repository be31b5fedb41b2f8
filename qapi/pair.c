/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of "key=value,..." in which a comma is doubled. */

#include "qapi/pair.h"

#include <string.h>
#include <glib.h>

char *pair_take_value(const char **pos)
{
    GString *value = g_string_new(NULL);

    while (**pos) {
        if (**pos == ',') {
            (*pos)++;
            if (**pos != ',') {
                break;
            }
        }
        g_string_append_c(value, *(*pos)++);
    }
    return g_string_free(value, FALSE);
}

bool pair_is_help(const char *text, size_t len)
{
    return (len == 4 && memcmp(text, "help", 4) == 0) || (len == 1 && *text == '?');
}
