/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TAB completion of the human monitor: which words may stand at the end of a line. */

#include "monitor/hmp-internal.h"
#include "monitor/monitor-internal.h"

#include <string.h>

void hmp_complete_names(bool info, GPtrArray *candidates)
{
    g_autoptr(GPtrArray) list = hmp_command_list(info);

    for (guint i = 0; i < list->len; i++) {
        const HmpCommand *command = g_ptr_array_index(list, i);
        g_auto(GStrv) names = g_strsplit(command->name, "|", -1);

        for (size_t k = 0; names[k]; k++) {
            g_ptr_array_add(candidates, g_strdup(names[k]));
        }
    }
}

/* What argument number @index is, not counting flags; NULL = there is none. */
static const HmpArgSpec *hmp_spec_at(GArray *specs, int index)
{
    for (guint i = 0; i < specs->len; i++) {
        const HmpArgSpec *spec = &g_array_index(specs, HmpArgSpec, i);

        if (spec->kind != '-' && index-- == 0) {
            return spec;
        }
    }
    return NULL;
}

static void hmp_complete_argument(const HmpCommand *command, const char *word, int index,
                                  GPtrArray *candidates)
{
    g_autoptr(GArray) specs = hmp_arg_specs(command->args);
    const HmpArgSpec *spec = hmp_spec_at(specs, index);

    if (spec && spec->kind == 'b') {
        g_ptr_array_add(candidates, g_strdup("on"));
        g_ptr_array_add(candidates, g_strdup("off"));
    } else if (command->complete) {
        command->complete(word, index, candidates);
    }
}

static int hmp_candidate_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Keeps those that begin with @word, sorted, each once. */
static void hmp_filter_candidates(const char *word, GPtrArray *candidates)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(g_free);

    while (candidates->len > 0) {
        g_ptr_array_add(all, g_ptr_array_steal_index(candidates, candidates->len - 1));
    }
    g_ptr_array_sort(all, hmp_candidate_compare);
    for (guint i = 0; i < all->len; i++) {
        const char *text = g_ptr_array_index(all, i);
        const char *before = i > 0 ? g_ptr_array_index(all, i - 1) : NULL;

        if (g_str_has_prefix(text, word) && g_strcmp0(text, before) != 0) {
            g_ptr_array_add(candidates, g_strdup(text));
        }
    }
}

/* The finished words of @line, without empty ones and, behind the first, without flags. */
static GPtrArray *hmp_complete_words(const char *line, size_t len)
{
    GPtrArray *words = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *text = g_strndup(line, len);
    g_auto(GStrv) parts = g_strsplit_set(text, " \t", -1);

    for (size_t i = 0; parts[i]; i++) {
        if (parts[i][0] != '\0' && (words->len == 0 || parts[i][0] != '-')) {
            g_ptr_array_add(words, g_strdup(parts[i]));
        }
    }
    return words;
}

size_t hmp_complete(const char *line, GPtrArray *candidates)
{
    size_t start = strlen(line);
    g_autoptr(GPtrArray) words = NULL;
    const HmpCommand *command;
    bool info;

    while (start > 0 && !g_ascii_isspace(line[start - 1])) {
        start--;
    }
    words = hmp_complete_words(line, start);
    info = words->len > 0 && g_str_equal(g_ptr_array_index(words, 0), "info");
    if (words->len == (info ? 1 : 0)) {
        hmp_complete_names(info, candidates);
    } else {
        command = hmp_command_find(g_ptr_array_index(words, info ? 1 : 0), info);
        if (command) {
            hmp_complete_argument(command, line + start, (int)words->len - (info ? 2 : 1),
                                  candidates);
        }
    }
    hmp_filter_candidates(line + start, candidates);
    return start;
}
