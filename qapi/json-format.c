/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON values to text. */

#include "qapi/json.h"

#include <string.h>

#include "qapi/json-internal.h"

typedef struct JsonFormat {
    GString *out;
    bool pretty;
    int level;
} JsonFormat;

static void json_format_value(JsonFormat *format, json_object *value);

static void json_format_line(JsonFormat *format)
{
    if (format->pretty) {
        g_string_append_printf(format->out, "\n%*s", format->level * 4, "");
    }
}

/* Between two elements; the first of a container has only the line before it. */
static void json_format_separate(JsonFormat *format, bool is_first)
{
    if (!is_first) {
        g_string_append(format->out, format->pretty ? "," : ", ");
    }
    json_format_line(format);
}

static void json_format_open(JsonFormat *format, char bracket)
{
    g_string_append_c(format->out, bracket);
    format->level++;
}

static void json_format_close(JsonFormat *format, char bracket)
{
    format->level--;
    json_format_line(format);
    g_string_append_c(format->out, bracket);
}

static void json_format_object(JsonFormat *format, json_object *value)
{
    struct json_object_iterator it = json_object_iter_begin(value);
    struct json_object_iterator end = json_object_iter_end(value);
    bool is_first = true;

    json_format_open(format, '{');
    for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
        const char *name = json_object_iter_peek_name(&it);

        json_format_separate(format, is_first);
        is_first = false;
        json_string_encode(format->out, name, strlen(name));
        g_string_append(format->out, ": ");
        json_format_value(format, json_object_iter_peek_value(&it));
    }
    json_format_close(format, '}');
}

static void json_format_array(JsonFormat *format, json_object *value)
{
    json_format_open(format, '[');
    for (size_t i = 0; i < json_object_array_length(value); i++) {
        json_format_separate(format, i == 0);
        json_format_value(format, json_object_array_get_idx(value, i));
    }
    json_format_close(format, ']');
}

static void json_format_integer(GString *out, json_object *value)
{
    int64_t number = json_object_get_int64(value);

    if (number < 0) {
        g_string_append_printf(out, "%" G_GINT64_FORMAT, number);
    } else {
        g_string_append_printf(out, "%" G_GUINT64_FORMAT, json_object_get_uint64(value));
    }
}

static void json_format_double(GString *out, double number)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    g_string_append(out, g_ascii_formatd(text, sizeof(text), "%.17g", number));
}

static void json_format_value(JsonFormat *format, json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_null:
        g_string_append(format->out, "null");
        break;
    case json_type_boolean:
        g_string_append(format->out, json_object_get_boolean(value) ? "true" : "false");
        break;
    case json_type_int:
        json_format_integer(format->out, value);
        break;
    case json_type_double:
        json_format_double(format->out, json_object_get_double(value));
        break;
    case json_type_string:
        json_string_encode(format->out, json_object_get_string(value),
                           (size_t)json_object_get_string_len(value));
        break;
    case json_type_object:
        json_format_object(format, value);
        break;
    case json_type_array:
        json_format_array(format, value);
        break;
    }
}

void json_format(GString *out, json_object *value, bool pretty)
{
    JsonFormat format = { .out = out, .pretty = pretty };

    json_format_value(&format, value);
}
