/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arguments of human monitor commands: from the words typed to values by name. */

#include "monitor/hmp-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/** A parse under way. */
typedef struct HmpArgParser {
    Hmp *hmp;
    const char *at; /* what is left of the line */
} HmpArgParser;

static void hmp_arg_spec_clear(void *item)
{
    g_free(((HmpArgSpec *)item)->name);
}

GArray *hmp_arg_specs(const char *args)
{
    GArray *specs = g_array_new(false, true, sizeof(HmpArgSpec));
    g_auto(GStrv) items = g_strsplit(args ? args : "", ",", -1);

    g_array_set_clear_func(specs, hmp_arg_spec_clear);
    for (size_t i = 0; items[i]; i++) {
        const char *colon = strchr(items[i], ':');
        HmpArgSpec spec = { 0 };

        g_assert(colon);
        spec.name = g_strndup(items[i], (size_t)(colon - items[i]));
        spec.kind = colon[1];
        spec.flag = spec.kind == '-' ? colon[2] : '\0';
        spec.optional = spec.kind == '-' || colon[2] == '?';
        g_array_append_val(specs, spec);
    }
    return specs;
}

static void hmp_arg_set(Hmp *hmp, const char *name, char *text, int64_t number)
{
    HmpArg *arg = g_new0(HmpArg, 1);

    arg->text = text;
    arg->number = number;
    g_hash_table_replace(hmp->args, g_strdup(name), arg);
}

static bool hmp_arg_fail(Hmp *hmp)
{
    hmp_printf(hmp, "Try \"help %s\" for more information\n", hmp->typed);
    return false;
}

static void hmp_skip_blanks(HmpArgParser *parser)
{
    while (g_ascii_isspace(*parser->at)) {
        parser->at++;
    }
}

/* Turns the character behind a backslash into what it stands for. */
static bool hmp_unescape(char *c)
{
    switch (*c) {
    case 'n':
        *c = '\n';
        return true;
    case 'r':
        *c = '\r';
        return true;
    case '\\':
    case '\'':
    case '"':
        return true;
    default:
        return false;
    }
}

/* Behind the opening quote. Returns: owned text; NULL when the quotes are wrong (printed). */
static char *hmp_take_quoted(HmpArgParser *parser)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (; *parser->at != '"'; parser->at++) {
        bool escaped = *parser->at == '\\' && parser->at[1] != '\0';
        char c = escaped ? *++parser->at : *parser->at;

        if (c == '\0') {
            hmp_printf(parser->hmp, "unterminated string\n");
            return NULL;
        }
        if (escaped && !hmp_unescape(&c)) {
            hmp_printf(parser->hmp, "unsupported escape code: '\\%c'\n", c);
            return NULL;
        }
        g_string_append_c(text, c);
    }
    parser->at++;
    return g_string_free(g_steal_pointer(&text), false);
}

static char *hmp_take_plain(HmpArgParser *parser)
{
    const char *start = parser->at;

    while (*parser->at != '\0' && !g_ascii_isspace(*parser->at)) {
        parser->at++;
    }
    return g_strndup(start, (size_t)(parser->at - start));
}

/* The next word. Returns: owned; NULL when there is none or its quotes are wrong. */
static char *hmp_take_word(HmpArgParser *parser)
{
    if (*parser->at == '"') {
        parser->at++;
        return hmp_take_quoted(parser);
    }
    return *parser->at == '\0' ? NULL : hmp_take_plain(parser);
}

static bool hmp_parse_word(HmpArgParser *parser, const HmpArgSpec *spec)
{
    char *word = hmp_take_word(parser);

    if (!word) {
        hmp_printf(parser->hmp, "%s: string expected\n", parser->hmp->command->name);
        return hmp_arg_fail(parser->hmp);
    }
    hmp_arg_set(parser->hmp, spec->name, word, 0);
    return true;
}

static bool hmp_parse_rest(HmpArgParser *parser, const HmpArgSpec *spec)
{
    if (*parser->at == '\0') {
        hmp_printf(parser->hmp, "%s: string expected\n", parser->hmp->command->name);
        return hmp_arg_fail(parser->hmp);
    }
    hmp_arg_set(parser->hmp, spec->name, g_strdup(parser->at), 0);
    parser->at += strlen(parser->at);
    return true;
}

static bool hmp_parse_bool(HmpArgParser *parser, const HmpArgSpec *spec)
{
    g_autofree char *word = hmp_take_plain(parser);
    bool on = g_str_equal(word, "on");

    if (!on && !g_str_equal(word, "off")) {
        hmp_printf(parser->hmp, "Expected 'on' or 'off'\n");
        return hmp_arg_fail(parser->hmp);
    }
    hmp_arg_set(parser->hmp, spec->name, NULL, on);
    return true;
}

static bool hmp_parse_int(HmpArgParser *parser, const HmpArgSpec *spec)
{
    g_autofree char *word = hmp_take_plain(parser);
    char *end;
    int64_t value;

    errno = 0;
    value = strtoll(word, &end, 0);
    if (errno || end == word || *end) {
        hmp_printf(parser->hmp, "%s: integer expected\n", parser->hmp->command->name);
        return hmp_arg_fail(parser->hmp);
    }
    hmp_arg_set(parser->hmp, spec->name, NULL, value);
    return true;
}

/* "-j" as a word of its own switches the flag on; anything else is left alone. */
static bool hmp_parse_flag(HmpArgParser *parser, const HmpArgSpec *spec)
{
    const char *at = parser->at;

    if (at[0] != '-' || at[1] == '\0') {
        return true;
    }
    if (at[1] != spec->flag || (at[2] != '\0' && !g_ascii_isspace(at[2]))) {
        g_autofree char *word = hmp_take_plain(parser);

        hmp_printf(parser->hmp, "%s: unsupported option %s\n", parser->hmp->command->name, word);
        return hmp_arg_fail(parser->hmp);
    }
    parser->at += 2;
    hmp_arg_set(parser->hmp, spec->name, NULL, 1);
    return true;
}

static bool hmp_parse_one(HmpArgParser *parser, const HmpArgSpec *spec)
{
    hmp_skip_blanks(parser);
    if (spec->kind == '-') {
        return hmp_parse_flag(parser, spec);
    }
    if (spec->optional && *parser->at == '\0') {
        return true;
    }
    switch (spec->kind) {
    case 's':
        return hmp_parse_word(parser, spec);
    case 'o':
        return *parser->at == '{' ? hmp_parse_rest(parser, spec) : hmp_parse_word(parser, spec);
    case 'S':
        return hmp_parse_rest(parser, spec);
    case 'b':
        return hmp_parse_bool(parser, spec);
    case 'i':
        return hmp_parse_int(parser, spec);
    default:
        g_assert_not_reached();
    }
}

bool hmp_args_parse(Hmp *hmp, const char *text)
{
    g_autoptr(GArray) specs = hmp_arg_specs(hmp->command->args);
    HmpArgParser parser = { .hmp = hmp, .at = text };

    for (guint i = 0; i < specs->len; i++) {
        if (!hmp_parse_one(&parser, &g_array_index(specs, HmpArgSpec, i))) {
            return false;
        }
    }
    hmp_skip_blanks(&parser);
    if (*parser.at != '\0') {
        hmp_printf(hmp, "%s: extraneous characters at the end of line\n", hmp->command->name);
        return hmp_arg_fail(hmp);
    }
    return true;
}

static const HmpArg *hmp_arg(const Hmp *hmp, const char *name)
{
    return g_hash_table_lookup(hmp->args, name);
}

const char *hmp_str(const Hmp *hmp, const char *name)
{
    const HmpArg *arg = hmp_arg(hmp, name);

    return arg ? arg->text : NULL;
}

bool hmp_has(const Hmp *hmp, const char *name)
{
    return hmp_arg(hmp, name) != NULL;
}

bool hmp_bool(const Hmp *hmp, const char *name)
{
    return hmp_int(hmp, name) != 0;
}

int64_t hmp_int(const Hmp *hmp, const char *name)
{
    const HmpArg *arg = hmp_arg(hmp, name);

    return arg ? arg->number : 0;
}
