/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON strings: escapes, surrogate pairs and UTF-8, in and out. */

#include "qapi/json-internal.h"

#include <string.h>

#include "util/error.h"

static const char json_escape_letters[] = "\"\\bfnrt";
static const char json_escape_values[] = "\"\\\b\f\n\r\t";

static bool json_is_character(gunichar code)
{
    bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
    bool is_noncharacter = (code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffe) == 0xfffe;

    return code <= 0x10ffff && !is_surrogate && !is_noncharacter;
}

/*
 * Reads one character of UTF-8, C0 80 being NUL. Returns: its length, 0 if the bytes at
 * @text are none.
 */
static size_t json_utf8_read(const char *text, size_t len, gunichar *code)
{
    gunichar value;

    if (len >= 2 && memcmp(text, "\xc0\x80", 2) == 0) {
        *code = 0;
        return 2;
    }
    value = len > 0 ? g_utf8_get_char_validated(text, (gssize)len) : (gunichar)-1;
    if (value == (gunichar)-1 || value == (gunichar)-2 || !json_is_character(value)) {
        return 0;
    }
    *code = value;
    return (size_t)g_unichar_to_utf8(value, NULL);
}

static void json_append_character(GString *out, gunichar code)
{
    if (code == 0) {
        g_string_append_len(out, "\xc0\x80", 2);
    } else {
        g_string_append_unichar(out, code);
    }
}

/* Reads four hex digits. Returns: -1 if they are not there. */
static int json_hex4(const char *pos, const char *end)
{
    int value = 0;

    if (end - pos < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        int digit = g_ascii_xdigit_value(pos[i]);

        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

/* Decodes the escape \uXXXX at @pos, or a pair of them. Returns: behind it; NULL with @error. */
static const char *json_decode_unicode(GString *out, const char *pos, const char *end,
                                       GError **error)
{
    const char *next = pos + 6;
    int high = json_hex4(pos + 2, end), low;
    gunichar code;

    if (high < 0) {
        error_set(error, "JSON parse error, invalid escape sequence in string");
        return NULL;
    }
    code = (gunichar)high;
    if (high >= 0xd800 && high <= 0xdbff && end - next >= 6 && next[0] == '\\' &&
        next[1] == 'u') {
        low = json_hex4(next + 2, end);
        if (low >= 0xdc00 && low <= 0xdfff) {
            code = 0x10000 + (((gunichar)high & 0x3ff) << 10) + ((gunichar)low & 0x3ff);
            next += 6;
        }
    }
    if (!json_is_character(code)) {
        error_set(error, "JSON parse error, %.*s is not a valid Unicode character",
                  (int)(next - pos), pos);
        return NULL;
    }
    json_append_character(out, code);
    return next;
}

static const char *json_decode_escape(GString *out, const char *pos, const char *end,
                                      GError **error)
{
    const char *found;

    if (pos[1] == 'u') {
        return json_decode_unicode(out, pos, end, error);
    }
    if (pos[1] == '/' || pos[1] == '\'') {
        g_string_append_c(out, pos[1]);
        return pos + 2;
    }
    found = strchr(json_escape_letters, pos[1]);
    if (!found) {
        error_set(error, "JSON parse error, invalid escape sequence in string");
        return NULL;
    }
    g_string_append_c(out, json_escape_values[found - json_escape_letters]);
    return pos + 2;
}

static const char *json_decode_plain(GString *out, const char *pos, const char *end,
                                     GError **error)
{
    gunichar code;
    size_t len = json_utf8_read(pos, (size_t)(end - pos), &code);

    if (len == 0) {
        error_set(error, "JSON parse error, invalid UTF-8 sequence in string");
        return NULL;
    }
    g_string_append_len(out, pos, (gssize)len);
    return pos + len;
}

char *json_string_decode(const char *text, size_t len, GError **error)
{
    GString *out = g_string_sized_new(len);
    const char *pos = text + 1, *end = text + len - 1;

    while (pos && pos < end) {
        if (*pos == '\\') {
            pos = json_decode_escape(out, pos, end, error);
        } else if ((unsigned char)*pos < 0x80) {
            g_string_append_c(out, *pos++);
        } else {
            pos = json_decode_plain(out, pos, end, error);
        }
    }
    return g_string_free(out, pos == NULL);
}

static void json_encode_character(GString *out, gunichar code)
{
    if (code > 0xffff) {
        code -= 0x10000;
        g_string_append_printf(out, "\\u%04X\\u%04X", 0xd800 + (code >> 10),
                               0xdc00 + (code & 0x3ff));
    } else if (code < 0x20 || code >= 0x7f) {
        g_string_append_printf(out, "\\u%04X", code);
    } else {
        g_string_append_c(out, (char)code);
    }
}

void json_string_encode(GString *out, const char *text, size_t len)
{
    g_string_append_c(out, '"');
    for (size_t i = 0; i < len;) {
        const char *found = text[i] ? strchr(json_escape_values, text[i]) : NULL;
        gunichar code = 0xfffd;
        size_t used;

        if (found) {
            g_string_append_c(out, '\\');
            g_string_append_c(out, json_escape_letters[found - json_escape_values]);
            i++;
            continue;
        }
        used = json_utf8_read(text + i, len - i, &code);
        json_encode_character(out, code);
        i += MAX(used, 1);
    }
    g_string_append_c(out, '"');
}
