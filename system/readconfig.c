/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -readconfig: sections of a file become options. */

#include "system/startup-internal.h"

#include <errno.h>
#include <string.h>

#include "util/error.h"
#include "util/log.h"

/* One section while its lines are read. */
typedef struct ConfigReader {
    Startup *startup;
    guint insert_at;      /* where in startup->uses the next option goes */
    const char *path;
    const Option *option; /* of the section; NULL = before the first, or unknown */
    char *unknown;        /* owned: name of a section that is no option */
    GString *arg;         /* owned: the section in syntax A */
    char *location;       /* owned: of its last line */
} ConfigReader;

static void config_reader_clear(ConfigReader *reader)
{
    g_string_free(reader->arg, TRUE);
    g_free(reader->unknown);
    g_free(reader->location);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ConfigReader, config_reader_clear)

/*
 * The section is complete: it goes where it would stand on the command line. An unknown section is
 * reported only now, with its last line.
 */
static bool config_reader_flush(ConfigReader *reader, GError **error)
{
    if (reader->unknown) {
        g_free(log_set_location(reader->location));
        return error_set(error, "There is no option group '%s'", reader->unknown);
    }
    if (reader->option) {
        OptionUse *use = option_use_new(reader->option, g_strdup(reader->arg->str),
                                        g_strdup(reader->location));

        g_ptr_array_insert(reader->startup->uses, reader->insert_at++, use);
    }
    g_string_truncate(reader->arg, 0);
    reader->option = NULL;
    return true;
}

/* @line: behind "[", e.g. netdev "a"] */
static bool config_reader_section(ConfigReader *reader, char *line, GError **error)
{
    char *end = strrchr(line, ']');
    char *quote;
    char *id = NULL;

    if (!end || end[1] != '\0') {
        return error_set(error, "parse error");
    }
    *end = '\0';
    quote = strchr(line, '"');
    if (quote) {
        char *second = strchr(quote + 1, '"');

        if (!second || *g_strstrip(second + 1) != '\0') {
            return error_set(error, "parse error");
        }
        *second = '\0';
        *quote = '\0';
        id = quote + 1;
    }
    g_strstrip(line);
    reader->option = option_find(line);
    if (!reader->option || !reader->option->is_group) {
        reader->option = NULL;
        reader->unknown = g_strdup(line);
    }
    if (id) {
        option_append(reader->arg, "id", id);
    }
    return true;
}

static bool config_reader_pair(ConfigReader *reader, char *line, GError **error)
{
    char *equals = strchr(line, '=');
    char *value;
    size_t len;

    if (!equals) {
        return error_set(error, "parse error");
    }
    *equals = '\0';
    value = g_strstrip(equals + 1);
    len = strlen(value);
    if (len < 2 || value[0] != '"' || value[len - 1] != '"' || *g_strstrip(line) == '\0') {
        return error_set(error, "parse error");
    }
    if (!reader->option && !reader->unknown) {
        return error_set(error, "no group defined");
    }
    value[len - 1] = '\0';
    option_append(reader->arg, line, value + 1);
    return true;
}

static bool config_reader_line(ConfigReader *reader, char *line, size_t number, GError **error)
{
    g_autofree char *location = g_strdup_printf(":%s:%zu", reader->path, number);
    bool is_section;
    bool ok;

    g_strstrip(line);
    if (line[0] == '\0' || line[0] == '#') {
        return true;
    }
    is_section = line[0] == '[';
    if (is_section && !config_reader_flush(reader, error)) {
        return false;
    }
    g_free(reader->location);
    reader->location = g_steal_pointer(&location);
    ok = is_section ? config_reader_section(reader, line + 1, error)
                    : config_reader_pair(reader, line, error);
    if (!ok) {
        g_free(log_set_location(reader->location));
    }
    return ok;
}

bool option_readconfig(Startup *startup, OptionUse *use, GError **error)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    g_autoptr(GError) cause = NULL;
    g_auto(ConfigReader) reader = {
        .startup = startup, .path = use->arg, .arg = g_string_new(NULL),
    };

    if (!g_file_get_contents(use->arg, &text, NULL, &cause)) {
        return error_set_errno(error, startup_file_errno(cause), "Could not open '%s'",
                               use->arg);
    }
    g_ptr_array_find(startup->uses, use, &reader.insert_at);
    reader.insert_at++;
    lines = g_strsplit(text, "\n", -1);
    for (size_t i = 0; lines[i]; i++) {
        if (!config_reader_line(&reader, lines[i], i + 1, error)) {
            return false;
        }
    }
    return config_reader_flush(&reader, error);
}
