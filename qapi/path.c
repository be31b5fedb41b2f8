/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The full name of a member inside nested values, for error messages. */

#include "qapi/qapi-internal.h"

static void qapi_path_append(GString *text, const QapiPath *path, QapiInput input)
{
    if (path->parent) {
        qapi_path_append(text, path->parent, input);
    }
    if (path->name) {
        g_string_append_printf(text, "%s%s", text->len > 0 ? "." : "", path->name);
    } else if (input == QAPI_INPUT_JSON) {
        g_string_append_printf(text, "[%zu]", path->index);
    } else {
        g_string_append_printf(text, "%s%zu", text->len > 0 ? "." : "", path->index);
    }
}

char *qapi_path_text(const QapiPath *path, QapiInput input)
{
    GString *text = g_string_new(NULL);

    if (path) {
        qapi_path_append(text, path, input);
    } else {
        g_string_append(text, "null");
    }
    return g_string_free(text, FALSE);
}
