/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Builds JSON values from tokens, one token at a time. */

#include "qapi/json-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/error.h"

/** What may come next inside an object or array. */
typedef enum JsonExpect {
    JSON_EXPECT_FIRST,     /* a first element or key, or the end */
    JSON_EXPECT_KEY,
    JSON_EXPECT_COLON,
    JSON_EXPECT_VALUE,
    JSON_EXPECT_SEPARATOR, /* a comma or the end */
} JsonExpect;

typedef struct JsonLevel {
    json_object *container; /* owned until it is put into the one around it */
    bool is_object;
    JsonExpect expect;
    char *key;              /* owned; of the member whose value is to come */
} JsonLevel;

static void json_level_clear(void *data)
{
    JsonLevel *level = data;

    json_object_put(level->container);
    g_free(level->key);
}

void json_parser_init(JsonParser *parser)
{
    parser->levels = g_array_new(FALSE, TRUE, sizeof(JsonLevel));
    g_array_set_clear_func(parser->levels, json_level_clear);
    parser->value = NULL;
    parser->complete = false;
    parser->error = NULL;
}

void json_parser_clear(JsonParser *parser)
{
    g_array_free(parser->levels, TRUE);
    json_object_put(parser->value);
    g_clear_error(&parser->error);
}

static JsonLevel *json_parser_level(JsonParser *parser)
{
    guint n = parser->levels->len;

    return n > 0 ? &g_array_index(parser->levels, JsonLevel, n - 1) : NULL;
}

static void json_parser_fail(JsonParser *parser, const char *detail)
{
    error_set(&parser->error, "JSON parse error, %s", detail);
}

/* Puts a finished value where it belongs; takes @value. */
static void json_parser_put(JsonParser *parser, json_object *value)
{
    JsonLevel *level = json_parser_level(parser);

    if (!level) {
        parser->value = value;
        parser->complete = true;
        return;
    }
    if (level->is_object) {
        json_object_object_add(level->container, level->key, value);
        g_clear_pointer(&level->key, g_free);
    } else {
        json_object_array_add(level->container, value);
    }
    level->expect = JSON_EXPECT_SEPARATOR;
}

static void json_parser_open(JsonParser *parser, bool is_object)
{
    JsonLevel level = {
        .container = is_object ? json_object_new_object() : json_object_new_array(),
        .is_object = is_object,
        .expect = JSON_EXPECT_FIRST,
    };

    g_array_append_val(parser->levels, level);
}

static void json_parser_close(JsonParser *parser)
{
    JsonLevel *level = json_parser_level(parser);
    json_object *value = g_steal_pointer(&level->container);

    g_array_set_size(parser->levels, parser->levels->len - 1);
    json_parser_put(parser, value);
}

static bool json_ends(const JsonLevel *level, JsonToken token)
{
    return token == (level->is_object ? JSON_TOKEN_RIGHT_BRACE : JSON_TOKEN_RIGHT_BRACKET);
}

static json_object *json_number(JsonToken token, const char *text)
{
    if (token == JSON_TOKEN_INTEGER) {
        int64_t number;
        uint64_t large;

        errno = 0;
        number = strtoll(text, NULL, 10);
        if (!errno) {
            return json_object_new_int64(number);
        }
        errno = 0;
        large = text[0] == '-' ? 0 : strtoull(text, NULL, 10);
        if (!errno && large > 0) {
            return json_object_new_uint64(large);
        }
    }
    return json_object_new_double(g_ascii_strtod(text, NULL));
}

static void json_parser_keyword(JsonParser *parser, const char *text)
{
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        json_parser_put(parser, json_object_new_boolean(text[0] == 't'));
    } else if (strcmp(text, "null") == 0) {
        json_parser_put(parser, NULL);
    } else {
        error_set(&parser->error, "JSON parse error, invalid keyword '%s'", text);
    }
}

static void json_parser_value(JsonParser *parser, JsonToken token, const char *text, size_t len)
{
    g_autofree char *string = NULL;

    switch (token) {
    case JSON_TOKEN_LEFT_BRACE:
    case JSON_TOKEN_LEFT_BRACKET:
        json_parser_open(parser, token == JSON_TOKEN_LEFT_BRACE);
        break;
    case JSON_TOKEN_INTEGER:
    case JSON_TOKEN_FLOAT:
        json_parser_put(parser, json_number(token, text));
        break;
    case JSON_TOKEN_KEYWORD:
        json_parser_keyword(parser, text);
        break;
    case JSON_TOKEN_STRING:
        string = json_string_decode(text, len, &parser->error);
        if (string) {
            json_parser_put(parser, json_object_new_string(string));
        }
        break;
    default:
        json_parser_fail(parser, "expecting value");
        break;
    }
}

static bool json_is_keyword(const char *text)
{
    static const char *const keywords[] = { "true", "false", "null", NULL };

    return g_strv_contains(keywords, text);
}

static void json_parser_key(JsonParser *parser, JsonToken token, const char *text, size_t len)
{
    JsonLevel *level = json_parser_level(parser);

    switch (token) {
    case JSON_TOKEN_STRING:
        break;
    case JSON_TOKEN_LEFT_BRACE:
    case JSON_TOKEN_LEFT_BRACKET:
    case JSON_TOKEN_INTEGER:
    case JSON_TOKEN_FLOAT:
        json_parser_fail(parser, "key is not a string in object");
        return;
    case JSON_TOKEN_KEYWORD:
        if (json_is_keyword(text)) {
            json_parser_fail(parser, "key is not a string in object");
            return;
        }
        json_parser_keyword(parser, text);
        return;
    default:
        json_parser_fail(parser, "expecting value");
        return;
    }
    level->key = json_string_decode(text, len, &parser->error);
    if (level->key && json_object_object_get_ex(level->container, level->key, NULL)) {
        json_parser_fail(parser, "duplicate key");
    }
    level->expect = JSON_EXPECT_COLON;
}

static void json_parser_separator(JsonParser *parser, JsonToken token)
{
    JsonLevel *level = json_parser_level(parser);

    if (json_ends(level, token)) {
        json_parser_close(parser);
    } else if (token == JSON_TOKEN_COMMA) {
        level->expect = level->is_object ? JSON_EXPECT_KEY : JSON_EXPECT_VALUE;
    } else {
        json_parser_fail(parser, level->is_object ? "expected separator in dict"
                                                  : "expected separator in list");
    }
}

static void json_parser_inside(JsonParser *parser, JsonLevel *level, JsonToken token,
                               const char *text, size_t len)
{
    switch (level->expect) {
    case JSON_EXPECT_FIRST:
        if (json_ends(level, token)) {
            json_parser_close(parser);
        } else if (level->is_object) {
            json_parser_key(parser, token, text, len);
        } else {
            json_parser_value(parser, token, text, len);
        }
        break;
    case JSON_EXPECT_KEY:
        json_parser_key(parser, token, text, len);
        break;
    case JSON_EXPECT_COLON:
        if (token == JSON_TOKEN_COLON) {
            level->expect = JSON_EXPECT_VALUE;
        } else {
            json_parser_fail(parser, "missing : in object pair");
        }
        break;
    case JSON_EXPECT_VALUE:
        json_parser_value(parser, token, text, len);
        break;
    case JSON_EXPECT_SEPARATOR:
        json_parser_separator(parser, token);
        break;
    }
}

void json_parser_push(JsonParser *parser, JsonToken token, const char *text, size_t len)
{
    JsonLevel *level = json_parser_level(parser);

    if (parser->error || parser->complete) {
        return;
    }
    if (level) {
        json_parser_inside(parser, level, token, text, len);
    } else {
        json_parser_value(parser, token, text, len);
    }
}
