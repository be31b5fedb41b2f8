/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of netdevs, chardevs and objects: their form, and new ones. */

#include "qapi/opts.h"

#include <string.h>

#include "util/error.h"

bool id_is_wellformed(const char *id)
{
    if (!g_ascii_isalpha(id[0])) {
        return false;
    }
    for (const char *pos = id; *pos; pos++) {
        if (!g_ascii_isalnum(*pos) && !strchr("-._", *pos)) {
            return false;
        }
    }
    return true;
}

bool id_check(const char *id, GError **error)
{
    if (id_is_wellformed(id)) {
        return true;
    }
    error_set(error, "Parameter 'id' expects an identifier");
    error_append_hint(error, "Identifiers consist of letters, digits, '-', '.', '_', "
                             "starting with a letter.");
    return false;
}

char *id_generate(const char *prefix)
{
    static unsigned counter;

    /* '#' cannot be typed as an id; the digits keep people from relying on the number. */
    return g_strdup_printf("#%s%u%02d", prefix, counter++, g_random_int_range(0, 100));
}
