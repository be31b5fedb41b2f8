/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What -help and -version print, and the keys of an option. */

#include "system/startup-internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/version.h"
#include "util/error.h"
#include "util/log.h"

static const char *const help_headings[] = {
    [OPTION_SECTION_NETWORK] = "Netdevs, filters and character devices",
    [OPTION_SECTION_MONITOR] = "Monitors",
    [OPTION_SECTION_VM] = "The VM and its state",
    [OPTION_SECTION_PROCESS] = "The process",
    [OPTION_SECTION_LOG] = "Messages and traces",
    [OPTION_SECTION_TEST] = "Tests",
    [OPTION_SECTION_GENERAL] = "General",
};

G_STATIC_ASSERT(G_N_ELEMENTS(help_headings) == OPTION_SECTION__MAX);

void help_print_version(void)
{
    printf(VERSION_PACKAGE ", compatible with QEMU " VERSION_EMULATED "\n"
           "Copyright (c) 2026 the authors of qemu-net-daemon\n");
}

static void help_print_option(const Option *option)
{
    g_auto(GStrv) lines = g_strsplit(option->help, "\n", -1);

    printf("  -%s%s%s\n", option->name, option->arg ? " " : "", option->arg ? option->arg : "");
    for (size_t i = 0; lines[i]; i++) {
        printf("          %s\n", lines[i]);
    }
}

void help_print(void)
{
    size_t n;
    const Option *table = option_table(&n);

    help_print_version();
    printf("usage: %s [options]\n\n"
           "Carry a VM's network traffic in a process of its own.\n"
           "-OPTION and --OPTION are the same. A comma inside a value is written twice.\n",
           log_program_name());
    for (OptionSection section = 0; section < OPTION_SECTION__MAX; section++) {
        printf("\n%s:\n", help_headings[section]);
        for (size_t i = 0; i < n; i++) {
            if (table[i].section == section) {
                help_print_option(&table[i]);
            }
        }
    }
}

static int help_compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void help_append_keys(GPtrArray *lines, const QapiType *type, const char *prefix);

/* Nested members are written with dots; a key of several branches is listed once. */
static void help_append_nested(GPtrArray *lines, const QapiMember *member, const char *prefix)
{
    g_autofree char *dotted = g_strdup_printf("%s%s.", prefix, member->name);
    const QapiType *type = member->type;

    help_append_keys(lines, type, dotted);
    for (size_t i = 0; i < type->n_variants; i++) {
        help_append_keys(lines, type->variants[i].type, dotted);
    }
}

static void help_append_keys(GPtrArray *lines, const QapiType *type, const char *prefix)
{
    for (size_t i = 0; type && i < type->n_members; i++) {
        const QapiMember *member = &type->members[i];
        char *line;

        if (member->type->kind == QAPI_KIND_STRUCT || member->type->kind == QAPI_KIND_UNION) {
            help_append_nested(lines, member, prefix);
            continue;
        }
        line = g_strdup_printf("  %s%s=<%s> - %s", prefix, member->name,
                               qapi_type_help_name(member->type), member->doc);
        if (g_ptr_array_find_with_equal_func(lines, line, g_str_equal, NULL)) {
            g_free(line);
        } else {
            g_ptr_array_add(lines, line);
        }
    }
}

/* Those of @base come first; it may be NULL. */
static void help_print_all_keys(const char *name, const QapiType *base, const QapiType *type)
{
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);

    help_append_keys(lines, base, "");
    help_append_keys(lines, type, "");
    qsort(lines->pdata, lines->len, sizeof(lines->pdata[0]), help_compare_lines);
    printf("%s options:\n", name);
    for (guint i = 0; i < lines->len; i++) {
        printf("%s\n", (char *)g_ptr_array_index(lines, i));
    }
}

void help_print_keys(const char *name, const QapiType *type)
{
    help_print_all_keys(name, NULL, type);
}

bool help_print_branch(const QapiType *type, const char *name, GError **error)
{
    int tag = qapi_enum_parse(type->tag->type, name);

    for (size_t i = 0; tag >= 0 && i < type->n_variants; i++) {
        if (type->variants[i].tag == tag) {
            help_print_all_keys(name, type, type->variants[i].type);
            return true;
        }
    }
    error_set(error, "Parameter '%s' does not accept value '%s'", type->tag->name, name);
    qapi_enum_hint(type->tag->type, name, error);
    return false;
}
