/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The human monitor: tables of commands, running a line, help. */

#include "monitor/hmp-internal.h"
#include "monitor/monitor-internal.h"

#include <stdarg.h>
#include <string.h>

#include "util/error.h"

/** A registered table. */
typedef struct HmpTable {
    const HmpCommand *commands; /* borrowed, constant */
    size_t n;
} HmpTable;

static GArray *hmp_tables[2]; /* HmpTable; [1] = info commands */

void hmp_register(const HmpCommand *commands, size_t n, bool info)
{
    HmpTable table = { .commands = commands, .n = n };

    if (!hmp_tables[info]) {
        hmp_tables[info] = g_array_new(false, false, sizeof(HmpTable));
    }
    g_array_append_val(hmp_tables[info], table);
}

static int hmp_command_compare(const void *a, const void *b)
{
    const HmpCommand *const *left = a;
    const HmpCommand *const *right = b;

    return strcmp((*left)->name, (*right)->name);
}

GPtrArray *hmp_command_list(bool info)
{
    GPtrArray *list = g_ptr_array_new();

    for (guint i = 0; hmp_tables[info] && i < hmp_tables[info]->len; i++) {
        const HmpTable *table = &g_array_index(hmp_tables[info], HmpTable, i);

        for (size_t k = 0; k < table->n; k++) {
            g_ptr_array_add(list, (void *)&table->commands[k]);
        }
    }
    g_ptr_array_sort(list, hmp_command_compare);
    return list;
}

bool hmp_command_has_name(const HmpCommand *command, const char *name)
{
    g_auto(GStrv) names = g_strsplit(command->name, "|", -1);

    return g_strv_contains((const char *const *)names, name);
}

const HmpCommand *hmp_command_find(const char *name, bool info)
{
    g_autoptr(GPtrArray) list = hmp_command_list(info);

    for (guint i = 0; i < list->len; i++) {
        if (hmp_command_has_name(g_ptr_array_index(list, i), name)) {
            return g_ptr_array_index(list, i);
        }
    }
    return NULL;
}

/* --- Output ------------------------------------------------------------------------------ */

void hmp_printf(Hmp *hmp, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, fmt);
    text = g_strdup_vprintf(fmt, args);
    va_end(args);
    for (const char *at = text; *at; at++) {
        /* Texts that have their CR already (info network) keep one. */
        if (*at == '\n' && (at == text || at[-1] != '\r')) {
            g_string_append_c(hmp->out, '\r');
        }
        g_string_append_c(hmp->out, *at);
    }
}

void hmp_error(Hmp *hmp, GError *error)
{
    if (!error) {
        return;
    }
    hmp_printf(hmp, "Error: %s\n", error->message);
    if (error_hint(error)) {
        hmp_printf(hmp, "%s", error_hint(error));
    }
    g_error_free(error);
}

/* --- help -------------------------------------------------------------------------------- */

static void hmp_print_help(Hmp *hmp, const HmpCommand *command, bool info)
{
    hmp_printf(hmp, "%s%s %s -- %s\n", info ? "info " : "", command->name,
               command->params ? command->params : "", command->help);
}

static void hmp_print_list(Hmp *hmp, bool info)
{
    g_autoptr(GPtrArray) list = hmp_command_list(info);

    for (guint i = 0; i < list->len; i++) {
        hmp_print_help(hmp, g_ptr_array_index(list, i), info);
    }
}

static void hmp_run_help(Hmp *hmp)
{
    const char *words = hmp_str(hmp, "name");
    g_autofree char *name = words ? g_strchomp(g_strdup(words)) : NULL;
    bool info = name && g_str_has_prefix(name, "info ");
    const HmpCommand *command;

    if (!name || g_str_equal(name, "info")) {
        hmp_print_list(hmp, name != NULL);
        return;
    }
    command = hmp_command_find(info ? g_strchug(name + strlen("info ")) : name, info);
    if (!command) {
        hmp_printf(hmp, "unknown command: '%s'\n", words);
        return;
    }
    hmp_print_help(hmp, command, info);
}

/* "info" alone; with a word behind it the info command is run instead. */
static void hmp_run_info(Hmp *hmp)
{
    hmp_print_list(hmp, true);
}

static void hmp_complete_help(const char *word, int arg_index, GPtrArray *candidates)
{
    hmp_complete_names(false, candidates);
}

static const HmpCommand hmp_own_commands[] = {
    { .name = "help|?", .args = "name:S?", .params = "[CMD]",
      .help = "list the commands, or describe one", .run = hmp_run_help,
      .complete = hmp_complete_help },
    { .name = "info", .params = "[X]", .help = "show what X is about; alone: list the topics",
      .run = hmp_run_info },
};

__attribute__((constructor)) static void hmp_register_own(void)
{
    hmp_register(hmp_own_commands, G_N_ELEMENTS(hmp_own_commands), false);
}

/* --- Running a line ----------------------------------------------------------------------- */

static void hmp_arg_free(void *opaque)
{
    HmpArg *arg = opaque;

    g_free(arg->text);
    g_free(arg);
}

static const char *hmp_blanks_end(const char *at)
{
    while (g_ascii_isspace(*at)) {
        at++;
    }
    return at;
}

static const char *hmp_word_end(const char *at)
{
    while (*at && !g_ascii_isspace(*at)) {
        at++;
    }
    return at;
}

/* Finds the command of @line. Returns: where its arguments begin; NULL = unknown (printed). */
static const char *hmp_select(Hmp *hmp, const char *line)
{
    const char *start = hmp_blanks_end(line);
    const char *end = hmp_word_end(start);
    const char *info = hmp_blanks_end(end);
    g_autofree char *name = g_strndup(start, (size_t)(end - start));

    if (g_str_equal(name, "info") && *info) {
        g_free(name);
        end = hmp_word_end(info);
        name = g_strndup(info, (size_t)(end - info));
        hmp->typed = g_strdup_printf("info %s", name);
        hmp->command = hmp_command_find(name, true);
    } else {
        hmp->typed = g_strdup(name);
        hmp->command = hmp_command_find(name, false);
    }
    if (!hmp->command) {
        hmp_printf(hmp, "unknown command: '%s'\n", hmp->typed);
        return NULL;
    }
    return end;
}

char *hmp_execute(const char *line)
{
    Hmp hmp = { .out = g_string_new(NULL) };

    if (*hmp_blanks_end(line)) {
        const char *args = hmp_select(&hmp, line);

        hmp.args = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, hmp_arg_free);
        if (args && hmp_args_parse(&hmp, args)) {
            hmp.command->run(&hmp);
        }
        g_hash_table_destroy(hmp.args);
    }
    g_free(hmp.typed);
    return g_string_free(hmp.out, false);
}
