/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cuts a byte stream into JSON values and errors, within limits. */

#include "qapi/json.h"

#include <string.h>

#include "qapi/json-internal.h"
#include "util/error.h"

/*
 * A message ends where its brackets balance, whether it is a good one or not: after an error
 * in the grammar the rest up to there is only counted, so that one mistake gives one error.
 * After bytes that are no token, or at a limit, there is nothing to count on: the message
 * ends at once, and what follows counts as new ones.
 */

struct JsonStream {
    JsonStreamFunc *func;
    void *opaque;
    JsonLexer lexer;
    JsonParser parser;
    int braces;      /* open ones of the message */
    int brackets;
    size_t n_tokens; /* of the message */
    size_t n_bytes;  /* of these tokens */
    size_t n_room;   /* what their values take in memory, by estimate */
    size_t max_room; /* 0 = no limit */
    bool is_feeding;
    bool is_dead;    /* freed by its own function: no more calls */
};

static void json_stream_reset(JsonStream *stream)
{
    json_parser_clear(&stream->parser);
    json_parser_init(&stream->parser);
    stream->braces = stream->brackets = 0;
    stream->n_tokens = stream->n_bytes = stream->n_room = 0;
}

/* Takes both. */
static void json_stream_deliver(JsonStream *stream, json_object *value, GError *error)
{
    json_stream_reset(stream);
    if (stream->is_dead) {
        json_object_put(value);
        g_clear_error(&error);
        return;
    }
    stream->func(value, error, stream->opaque);
}

static void json_stream_fail(JsonStream *stream, const char *message)
{
    GError *error = NULL;

    error_set(&error, "%s", message);
    json_stream_deliver(stream, NULL, error);
}

static void json_stream_fail_stray(JsonStream *stream, const char *text, size_t len)
{
    g_autofree char *valid = g_utf8_make_valid(text, (gssize)len);
    GError *error = NULL;

    error_set(&error, "JSON parse error, stray '%s'", valid);
    json_stream_deliver(stream, NULL, error);
}

/* What json-c takes for a value: a new object has 16 members' room, a new array 32 elements'. */
static size_t json_stream_room(JsonToken token, size_t len)
{
    switch (token) {
    case JSON_TOKEN_LEFT_BRACE:
        return 768;
    case JSON_TOKEN_LEFT_BRACKET:
        return 384;
    case JSON_TOKEN_INTEGER:
    case JSON_TOKEN_FLOAT:
    case JSON_TOKEN_KEYWORD:
    case JSON_TOKEN_STRING:
        return 64 + len;
    case JSON_TOKEN_RIGHT_BRACE:
    case JSON_TOKEN_RIGHT_BRACKET:
    case JSON_TOKEN_COLON:
    case JSON_TOKEN_COMMA:
    case JSON_TOKEN_STRAY:
    case JSON_TOKEN_TOO_LONG:
        return 0;
    }
    g_assert_not_reached();
}

static void json_stream_count(JsonStream *stream, JsonToken token, size_t len)
{
    stream->n_tokens++;
    stream->n_bytes += len;
    stream->n_room += json_stream_room(token, len);
    stream->braces += token == JSON_TOKEN_LEFT_BRACE;
    stream->braces -= token == JSON_TOKEN_RIGHT_BRACE;
    stream->brackets += token == JSON_TOKEN_LEFT_BRACKET;
    stream->brackets -= token == JSON_TOKEN_RIGHT_BRACKET;
}

static bool json_stream_is_over_room(const JsonStream *stream)
{
    return stream->max_room > 0 && stream->n_room > stream->max_room;
}

static const char *json_stream_exceeded(const JsonStream *stream, JsonToken token)
{
    if (token == JSON_TOKEN_TOO_LONG || stream->n_bytes > JSON_MAX_BYTES ||
        json_stream_is_over_room(stream)) {
        return "JSON token size limit exceeded";
    }
    if (stream->n_tokens > JSON_MAX_TOKENS) {
        return "JSON token count limit exceeded";
    }
    if (stream->braces + stream->brackets > JSON_MAX_NESTING) {
        return "JSON nesting depth limit exceeded";
    }
    return NULL;
}

static bool json_stream_is_whole(const JsonStream *stream)
{
    return stream->braces < 0 || stream->brackets < 0 ||
           (stream->braces == 0 && stream->brackets == 0);
}

static void json_stream_token(JsonToken token, const char *text, size_t len, void *opaque)
{
    JsonStream *stream = opaque;
    const char *limit;

    if (token == JSON_TOKEN_STRAY) {
        json_stream_fail_stray(stream, text, len);
        return;
    }
    json_stream_count(stream, token, len);
    limit = json_stream_exceeded(stream, token);
    if (limit) {
        json_stream_fail(stream, limit);
        return;
    }
    json_parser_push(&stream->parser, token, text, len);
    if (json_stream_is_whole(stream)) {
        json_stream_deliver(stream, g_steal_pointer(&stream->parser.value),
                            g_steal_pointer(&stream->parser.error));
    }
}

JsonStream *json_stream_new(JsonStreamFunc *func, void *opaque)
{
    JsonStream *stream = g_new0(JsonStream, 1);

    stream->func = func;
    stream->opaque = opaque;
    json_lexer_init(&stream->lexer, json_stream_token, stream);
    json_parser_init(&stream->parser);
    return stream;
}

void json_stream_free(JsonStream *stream)
{
    if (!stream) {
        return;
    }
    if (stream->is_feeding) {
        stream->is_dead = true;
        return;
    }
    json_lexer_clear(&stream->lexer);
    json_parser_clear(&stream->parser);
    g_free(stream);
}

bool json_stream_is_idle(const JsonStream *stream)
{
    return stream->n_tokens == 0 && (stream->lexer.state == JSON_LEX_START ||
                                     stream->lexer.state == JSON_LEX_RECOVERY);
}

void json_stream_set_room(JsonStream *stream, size_t room)
{
    stream->max_room = room;
    stream->lexer.max_len = room > 0 ? MIN(room, JSON_MAX_BYTES) : JSON_MAX_BYTES;
}

/* Marks the stream in use; undone by json_stream_leave(). */
static void json_stream_enter(JsonStream *stream)
{
    g_assert(!stream->is_feeding);
    stream->is_feeding = true;
}

static void json_stream_leave(JsonStream *stream)
{
    stream->is_feeding = false;
    if (stream->is_dead) {
        json_stream_free(stream);
    }
}

void json_stream_feed(JsonStream *stream, const char *data, size_t len)
{
    json_stream_enter(stream);
    for (size_t i = 0; i < len && !stream->is_dead; i++) {
        json_lexer_feed(&stream->lexer, data[i]);
    }
    json_stream_leave(stream);
}

void json_stream_end(JsonStream *stream)
{
    bool is_clean;

    json_stream_enter(stream);
    is_clean = json_lexer_end(&stream->lexer);
    if (stream->parser.error) {
        json_stream_deliver(stream, NULL, g_steal_pointer(&stream->parser.error));
    } else if (!is_clean || stream->n_tokens > 0) {
        json_stream_fail(stream, "JSON parse error, premature EOI");
    }
    json_stream_leave(stream);
}

/* --- One value --------------------------------------------------------------------------- */

typedef struct JsonSingle {
    json_object *value; /* owned */
    GError *error;      /* owned */
    size_t n_values;
} JsonSingle;

static void json_single_take(json_object *value, GError *error, void *opaque)
{
    JsonSingle *single = opaque;

    single->n_values++;
    if (single->n_values == 1) {
        single->value = value;
        single->error = error;
        return;
    }
    if (!single->error) {
        error_set(&single->error, "Expecting at most one JSON value");
    }
    json_object_put(value);
    g_clear_error(&error);
}

bool json_parse_text(const char *text, json_object **value, GError **error)
{
    JsonSingle single = { .value = NULL };
    JsonStream *stream = json_stream_new(json_single_take, &single);

    json_stream_feed(stream, text, strlen(text));
    json_stream_end(stream);
    json_stream_free(stream);
    if (single.n_values == 0) {
        error_set(&single.error, "Expecting a JSON value");
    }
    if (single.error) {
        json_object_put(single.value);
        g_propagate_error(error, single.error);
        return false;
    }
    *value = single.value;
    return true;
}
