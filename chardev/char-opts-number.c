/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers and sizes in -chardev arguments, and the list of its keys. */

#include "chardev/char-opts-internal.h"

#include <string.h>

#include "util/error.h"

/** Whether @text is written like a number of any size. */
static bool char_opts_is_number(const char *text)
{
    static const char digits[] = "0123456789abcdef";
    size_t n_digits;

    text += strspn(text, " \t");
    text += *text == '+';
    if (g_ascii_strncasecmp(text, "0x", 2) == 0) {
        g_autofree char *lower = g_ascii_strdown(text + 2, -1);

        return lower[0] != '\0' && lower[strspn(lower, digits)] == '\0';
    }
    n_digits = strspn(text, text[0] == '0' ? "01234567" : "0123456789");
    return n_digits > 0 && text[n_digits] == '\0';
}

/** Whether @text is written like a size: decimal with fraction and suffix, or hexadecimal. */
static bool char_opts_is_size(const char *text)
{
    size_t n_digits = strspn(text, "0123456789");
    const char *rest = text + n_digits;

    if (g_ascii_strncasecmp(text, "0x", 2) == 0) {
        return char_opts_is_number(text);
    }
    if (*rest == '.') {
        rest += 1 + strspn(rest + 1, "0123456789");
        if (*rest == '\0') {
            return false;
        }
    }
    return n_digits > 0 && (*rest == '\0' || (strchr("bkmgtpeBKMGTPE", *rest) && !rest[1]));
}

/** Why @value, which the walker refuses, is wrong. */
static bool char_opts_number_error(const QapiMember *member, const char *value, GError **error)
{
    if (member->type->kind == QAPI_KIND_UINT) {
        if (char_opts_is_number(value)) {
            return error_set(error, "Value '%s' is too large for parameter '%s'", value,
                             member->name);
        }
        return error_set(error, "Parameter '%s' expects a number", member->name);
    }
    if (char_opts_is_size(value)) {
        return error_set(error, "Value '%s' is out of range for parameter '%s'", value,
                         member->name);
    }
    error_set(error, "Parameter '%s' expects a non-negative number below 2^64", member->name);
    error_append_hint(error, "Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, "
                      "tera-, peta-");
    error_append_hint(error, "and exabytes, respectively.");
    return false;
}

static bool char_opts_check_number(const QapiMember *member, const char *value, GError **error)
{
    json_object *json = json_object_new_object();
    ChardevOptions *typed;

    json_object_object_add(json, member->name, json_object_new_string(value));
    typed = qapi_from_json(QAPI_TYPE(ChardevOptions), json, QAPI_INPUT_OPTS, NULL);
    json_object_put(json);
    if (!typed) {
        return char_opts_number_error(member, value, error);
    }
    qapi_free_ChardevOptions(typed);
    return true;
}

bool char_opts_check_numbers(const Opts *opts, GError **error)
{
    for (guint i = 0; i < opts->keys->len; i++) {
        const QapiMember *member = qapi_member_find(QAPI_TYPE(ChardevOptions),
                                                    g_ptr_array_index(opts->keys, i));

        if (member && (member->type->kind == QAPI_KIND_UINT ||
                       member->type->kind == QAPI_KIND_SIZE) &&
            !char_opts_check_number(member, g_ptr_array_index(opts->values, i), error)) {
            return false;
        }
    }
    return true;
}

/* --- Help ---------------------------------------------------------------------------------- */

static const char *char_opts_kind_text(const QapiMember *member)
{
    switch (member->type->kind) {
    case QAPI_KIND_BOOL:
        return "bool (on/off)";
    case QAPI_KIND_UINT:
        return "num";
    case QAPI_KIND_SIZE:
        return "size";
    default:
        return "str";
    }
}

static int char_opts_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *char_opts_help_keys(ChardevBackendKind kind)
{
    const QapiType *type = QAPI_TYPE(ChardevOptions);
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    GString *text = g_string_new("chardev options:\n");

    for (size_t i = 0; i < type->n_members; i++) {
        const QapiMember *member = &type->members[i];

        if (char_opts_has_key(kind, member->name)) {
            g_ptr_array_add(lines, g_strdup_printf("  %s=<%s>\n", member->name,
                                                   char_opts_kind_text(member)));
        }
    }
    g_ptr_array_sort(lines, char_opts_compare);
    for (guint i = 0; i < lines->len; i++) {
        g_string_append(text, g_ptr_array_index(lines, i));
    }
    return g_string_free(text, FALSE);
}

static char *char_opts_help_kinds(void)
{
    const QapiType *type = QAPI_TYPE(ChardevBackendKind);
    GString *text = g_string_new("Available chardev backend types: \n");

    for (size_t i = 0; i < type->n_values; i++) {
        g_string_append_printf(text, "  %s\n", type->values[i].name);
    }
    return g_string_free(text, FALSE);
}

char *char_help(const char *text, int *status)
{
    g_autoptr(Opts) opts = NULL;
    const char *name;
    int kind;

    if (text[0] == '{') {
        return NULL;
    }
    opts = opts_parse_quietly(text, "backend", true, NULL);
    if (!opts || !opts->help) {
        return NULL;
    }
    name = opts_get(opts, "backend");
    *status = name ? 1 : 0;
    if (!name) {
        return char_opts_help_kinds();
    }
    kind = char_opts_kind(name, NULL);
    return kind < 0 ? NULL : char_opts_help_keys(kind);
}
