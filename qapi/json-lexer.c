/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cuts bytes into JSON tokens. */

#include "qapi/json-internal.h"

#include <string.h>

/* A token longer than this gives its memory back at once. */
#define JSON_LEX_KEEP ((gsize)64 << 10)

void json_lexer_init(JsonLexer *lexer, JsonTokenFunc *func, void *opaque)
{
    lexer->state = JSON_LEX_START;
    lexer->text = g_string_new(NULL);
    lexer->max_len = JSON_MAX_BYTES;
    lexer->func = func;
    lexer->opaque = opaque;
}

void json_lexer_clear(JsonLexer *lexer)
{
    g_string_free(lexer->text, TRUE);
    lexer->text = NULL;
}

static JsonLexState json_lex_start(JsonLexer *lexer, char byte)
{
    switch (byte) {
    case ' ':
    case '\t':
    case '\r':
    case '\n':
        return JSON_LEX_START;
    case '{':
    case '}':
    case '[':
    case ']':
    case ':':
    case ',':
        return JSON_LEX_END;
    case '"':
    case '\'':
        lexer->quote = byte;
        return JSON_LEX_STRING;
    case '-':
        return JSON_LEX_MINUS;
    case '0':
        return JSON_LEX_ZERO;
    default:
        break;
    }
    if (g_ascii_isdigit(byte)) {
        return JSON_LEX_DIGITS;
    }
    return g_ascii_islower(byte) ? JSON_LEX_KEYWORD : JSON_LEX_BAD;
}

/* Escapes and UTF-8 are looked at later; these bytes cannot be part of either. */
static JsonLexState json_lex_string(const JsonLexer *lexer, char byte)
{
    unsigned char value = (unsigned char)byte;

    if (value < 0x20 || value > 0xfd) {
        return JSON_LEX_BAD;
    }
    if (lexer->state == JSON_LEX_ESCAPE) {
        return JSON_LEX_STRING;
    }
    if (byte == '\\') {
        return JSON_LEX_ESCAPE;
    }
    return byte == lexer->quote ? JSON_LEX_END : JSON_LEX_STRING;
}

static JsonLexState json_lex_number(JsonLexState state, char byte)
{
    bool is_digit = g_ascii_isdigit(byte);
    bool is_e = byte == 'e' || byte == 'E';

    switch (state) {
    case JSON_LEX_MINUS:
        return byte == '0' ? JSON_LEX_ZERO : is_digit ? JSON_LEX_DIGITS : JSON_LEX_BAD;
    case JSON_LEX_ZERO:
    case JSON_LEX_DIGITS:
        if (is_digit) {
            return state == JSON_LEX_ZERO ? JSON_LEX_BAD : JSON_LEX_DIGITS;
        }
        return byte == '.' ? JSON_LEX_POINT : is_e ? JSON_LEX_EXPONENT : JSON_LEX_END_BEFORE;
    case JSON_LEX_POINT:
        return is_digit ? JSON_LEX_FRACTION : JSON_LEX_BAD;
    case JSON_LEX_FRACTION:
        return is_digit ? JSON_LEX_FRACTION : is_e ? JSON_LEX_EXPONENT : JSON_LEX_END_BEFORE;
    case JSON_LEX_EXPONENT:
        return is_digit ? JSON_LEX_POWER
                        : byte == '+' || byte == '-' ? JSON_LEX_SIGN : JSON_LEX_BAD;
    case JSON_LEX_SIGN:
        return is_digit ? JSON_LEX_POWER : JSON_LEX_BAD;
    default:
        return is_digit ? JSON_LEX_POWER : JSON_LEX_END_BEFORE;
    }
}

/* The bytes at which a new value or a new line of a client may be hoped for. */
static bool json_lex_is_recovery_end(char byte)
{
    unsigned char value = (unsigned char)byte;

    return (value < 0x20 && byte != '\t') || value > 0xfd || strchr("[]{}:,", byte);
}

static JsonLexState json_lex_next(JsonLexer *lexer, char byte)
{
    switch (lexer->state) {
    case JSON_LEX_START:
        return json_lex_start(lexer, byte);
    case JSON_LEX_STRING:
    case JSON_LEX_ESCAPE:
        return json_lex_string(lexer, byte);
    case JSON_LEX_KEYWORD:
        return g_ascii_islower(byte) ? JSON_LEX_KEYWORD : JSON_LEX_END_BEFORE;
    case JSON_LEX_RECOVERY:
        return json_lex_is_recovery_end(byte) ? JSON_LEX_END_BEFORE : JSON_LEX_RECOVERY;
    default:
        return json_lex_number(lexer->state, byte);
    }
}

static JsonToken json_lex_type(const JsonLexer *lexer)
{
    static const char punctuation[] = "{}[]:,"; /* in the order of JsonToken */
    char first = lexer->text->str[0];
    const char *found = strchr(punctuation, first);

    if (found) {
        return (JsonToken)(found - punctuation);
    }
    if (first == '"' || first == '\'') {
        return JSON_TOKEN_STRING;
    }
    if (g_ascii_islower(first)) {
        return JSON_TOKEN_KEYWORD;
    }
    return strpbrk(lexer->text->str, ".eE") ? JSON_TOKEN_FLOAT : JSON_TOKEN_INTEGER;
}

static void json_lexer_emit(JsonLexer *lexer, JsonToken token, JsonLexState next)
{
    lexer->state = next;
    lexer->func(token, lexer->text->str, lexer->text->len, lexer->opaque);
    if (lexer->text->allocated_len > JSON_LEX_KEEP) {
        g_string_free(lexer->text, TRUE);
        lexer->text = g_string_new(NULL);
    }
    g_string_truncate(lexer->text, 0);
}

void json_lexer_feed(JsonLexer *lexer, char byte)
{
    JsonLexState next = json_lex_next(lexer, byte);

    if (next == JSON_LEX_END_BEFORE) {
        if (lexer->state == JSON_LEX_RECOVERY) {
            lexer->state = JSON_LEX_START;
        } else {
            json_lexer_emit(lexer, json_lex_type(lexer), JSON_LEX_START);
        }
        next = json_lex_next(lexer, byte);
    }
    if (next == JSON_LEX_START || next == JSON_LEX_RECOVERY) {
        return;
    }
    g_string_append_c(lexer->text, byte);
    if (next == JSON_LEX_BAD) {
        json_lexer_emit(lexer, JSON_TOKEN_STRAY, JSON_LEX_RECOVERY);
    } else if (next == JSON_LEX_END) {
        json_lexer_emit(lexer, json_lex_type(lexer), JSON_LEX_START);
    } else if (lexer->text->len > lexer->max_len) {
        json_lexer_emit(lexer, JSON_TOKEN_TOO_LONG, JSON_LEX_START);
    } else {
        lexer->state = next;
    }
}

bool json_lexer_end(JsonLexer *lexer)
{
    switch (lexer->state) {
    case JSON_LEX_START:
        return true;
    case JSON_LEX_RECOVERY:
        lexer->state = JSON_LEX_START;
        return true;
    case JSON_LEX_ZERO:
    case JSON_LEX_DIGITS:
    case JSON_LEX_FRACTION:
    case JSON_LEX_POWER:
    case JSON_LEX_KEYWORD:
        json_lexer_emit(lexer, json_lex_type(lexer), JSON_LEX_START);
        return true;
    default:
        g_string_truncate(lexer->text, 0);
        lexer->state = JSON_LEX_START;
        return false;
    }
}
