/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stages of reading JSON: bytes to tokens, tokens to values; and strings on their way. */

#ifndef QAPI_JSON_INTERNAL_H
#define QAPI_JSON_INTERNAL_H

#include <stdbool.h>
#include <glib.h>
#include <json-c/json.h>

#define JSON_MAX_NESTING 1024
#define JSON_MAX_TOKENS  (1u << 21)
#define JSON_MAX_BYTES   ((size_t)64 << 20)

/* --- Tokens ------------------------------------------------------------------------------ */

typedef enum JsonToken {
    JSON_TOKEN_LEFT_BRACE,
    JSON_TOKEN_RIGHT_BRACE,
    JSON_TOKEN_LEFT_BRACKET,
    JSON_TOKEN_RIGHT_BRACKET,
    JSON_TOKEN_COLON,
    JSON_TOKEN_COMMA,
    JSON_TOKEN_INTEGER,
    JSON_TOKEN_FLOAT,
    JSON_TOKEN_KEYWORD,
    JSON_TOKEN_STRING,
    JSON_TOKEN_STRAY,    /* bytes that are no token */
    JSON_TOKEN_TOO_LONG, /* a token longer than the limit, cut */
} JsonToken;

typedef enum JsonLexState {
    JSON_LEX_START,
    JSON_LEX_STRING,
    JSON_LEX_ESCAPE,    /* behind a backslash */
    JSON_LEX_MINUS,     /* behind '-': digits must follow */
    JSON_LEX_ZERO,      /* behind a leading 0 */
    JSON_LEX_DIGITS,
    JSON_LEX_POINT,     /* behind '.': digits must follow */
    JSON_LEX_FRACTION,
    JSON_LEX_EXPONENT,  /* behind 'e': sign or digits must follow */
    JSON_LEX_SIGN,      /* behind its sign: digits must follow */
    JSON_LEX_POWER,
    JSON_LEX_KEYWORD,
    JSON_LEX_RECOVERY,  /* skipping what follows a stray byte */
    /* Not states, but outcomes of a byte: */
    JSON_LEX_END,       /* the token ends with this byte */
    JSON_LEX_END_BEFORE, /* it ended before this byte */
    JSON_LEX_BAD,       /* no token goes on like this */
} JsonLexState;

/** @text: borrowed, ends with NUL at @len. */
typedef void JsonTokenFunc(JsonToken token, const char *text, size_t len, void *opaque);

typedef struct JsonLexer {
    JsonLexState state;
    char quote;        /* that opened the string */
    GString *text;     /* owned; the token so far */
    size_t max_len;    /* of a token */
    JsonTokenFunc *func;
    void *opaque;
} JsonLexer;

void json_lexer_init(JsonLexer *lexer, JsonTokenFunc *func, void *opaque);
void json_lexer_clear(JsonLexer *lexer);
void json_lexer_feed(JsonLexer *lexer, char byte);

/** json_lexer_end: no more bytes. Returns: false when they end inside a string or number. */
bool json_lexer_end(JsonLexer *lexer);

/* --- Values ------------------------------------------------------------------------------ */

typedef struct JsonParser {
    GArray *levels;     /* owned; JsonLevel, the innermost last */
    json_object *value; /* owned; the whole value once @complete */
    bool complete;
    GError *error;      /* owned; the first error; nothing is built any more */
} JsonParser;

void json_parser_init(JsonParser *parser);
void json_parser_clear(JsonParser *parser);

/** json_parser_push: the next token. After an error or a whole value: ignored. */
void json_parser_push(JsonParser *parser, JsonToken token, const char *text, size_t len);

/* --- Strings ----------------------------------------------------------------------------- */

/**
 * json_string_decode: the value of a string token
 * @text: with its quotes
 *
 * U+0000 becomes C0 80, so that a C string can hold it.
 * Returns: owned, valid UTF-8 but for that; NULL with @error.
 */
char *json_string_decode(const char *text, size_t len, GError **error);

/** json_string_encode: append @text with quotes, in ASCII only. */
void json_string_encode(GString *out, const char *text, size_t len);

#endif
