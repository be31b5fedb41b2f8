/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of the JSON reader and writer: what QMP accepts, refuses and how it goes on. */

/*
 *   bytes, cut anywhere ──► JsonStream ──► record of values ("= TEXT") and errors ("! TEXT")
 */

#include <string.h>
#include <glib.h>

#include "qapi/json-internal.h"
#include "qapi/json.h"
#include "util/error.h"
#include "cases.h"

#define LITERAL(text) text, sizeof(text) - 1

static void record(json_object *value, GError *error, void *opaque)
{
    GString *calls = opaque;

    if (error) {
        g_assert_error(error, ERROR_DOMAIN, ERROR_CLASS_GENERIC);
        g_string_append_printf(calls, "! %s\n", error->message);
        g_error_free(error);
        return;
    }
    g_string_append(calls, "= ");
    json_format(calls, value, false);
    g_string_append_c(calls, '\n');
    json_object_put(value);
}

/* Feeds @len bytes in two parts, cut at @cut, and ends the stream. */
static char *feed(const char *bytes, size_t len, size_t cut)
{
    GString *calls = g_string_new(NULL);
    JsonStream *stream = json_stream_new(record, calls);

    json_stream_feed(stream, bytes, cut);
    json_stream_feed(stream, bytes + cut, len - cut);
    json_stream_end(stream);
    json_stream_free(stream);
    return g_string_free(calls, FALSE);
}

typedef struct Case {
    const char *name;
    const char *in;
    size_t len;
    const char *calls;
} Case;

#define ERR "! JSON parse error, "

static const Case cases[] = {
    { "expecting-value", LITERAL("[1,]"), ERR "expecting value\n" },
    { "expecting-value-in-object", LITERAL("{\"a\":}"), ERR "expecting value\n" },
    { "expecting-key", LITERAL("{\"a\":1,}"), ERR "expecting value\n" },
    { "keyword", LITERAL("foo "), ERR "invalid keyword 'foo'\n" },
    { "keyword-as-key", LITERAL("{foo:1}"), ERR "invalid keyword 'foo'\n" },
    { "colon", LITERAL("{\"a\" 1}"), ERR "missing : in object pair\n" },
    { "comma-in-object", LITERAL("{\"a\":1 \"b\":2}"), ERR "expected separator in dict\n" },
    { "comma-in-array", LITERAL("[1 2]"), ERR "expected separator in list\n" },
    { "key-number", LITERAL("{1:2}"), ERR "key is not a string in object\n" },
    { "key-true", LITERAL("{true:2}"), ERR "key is not a string in object\n" },
    { "key-array", LITERAL("{[]:2}"), ERR "key is not a string in object\n" },
    { "duplicate-key", LITERAL("{\"a\":1,\"a\":1}"), ERR "duplicate key\n" },
    { "premature-object", LITERAL("{\"a\":"), ERR "premature EOI\n" },
    { "premature-string", LITERAL("\"abc"), ERR "premature EOI\n" },
    { "premature-number", LITERAL("-"), ERR "premature EOI\n" },
    { "escape", LITERAL("\"\\x41\""), ERR "invalid escape sequence in string\n" },
    { "escape-digits", LITERAL("\"\\u12g4\""), ERR "invalid escape sequence in string\n" },
    { "escape-short", LITERAL("\"\\u123\""), ERR "invalid escape sequence in string\n" },
    { "lone-high-surrogate", LITERAL("\"\\ud800\""),
      ERR "\\ud800 is not a valid Unicode character\n" },
    { "lone-low-surrogate", LITERAL("\"\\udc00x\""),
      ERR "\\udc00 is not a valid Unicode character\n" },
    { "two-high-surrogates", LITERAL("\"\\ud800\\ud800\""),
      ERR "\\ud800 is not a valid Unicode character\n" },
    { "noncharacter", LITERAL("\"\\uFFFE\""), ERR "\\uFFFE is not a valid Unicode character\n" },
    { "noncharacter-pair", LITERAL("\"\\ud83f\\udfff\""),
      ERR "\\ud83f\\udfff is not a valid Unicode character\n" },
    { "utf8-continuation", LITERAL("\"\x80\""), ERR "invalid UTF-8 sequence in string\n" },
    { "utf8-cut", LITERAL("\"\xe2\x82\""), ERR "invalid UTF-8 sequence in string\n" },
    { "utf8-overlong", LITERAL("\"\xc0\xaf\""), ERR "invalid UTF-8 sequence in string\n" },
    { "utf8-surrogate", LITERAL("\"\xed\xa0\x80\""), ERR "invalid UTF-8 sequence in string\n" },
    { "utf8-noncharacter", LITERAL("\"\xef\xbf\xbf\""),
      ERR "invalid UTF-8 sequence in string\n" },
    { "utf8-above-last", LITERAL("\"\xf4\x90\x80\x80\""),
      ERR "invalid UTF-8 sequence in string\n" },
    { "stray-byte", LITERAL("@\n"), ERR "stray '@'\n" },
    { "stray-interpolation", LITERAL("%d\n"), ERR "stray '%'\n" },
    { "stray-upper-case", LITERAL("trUe\n"),
      ERR "invalid keyword 'tr'\n" ERR "stray 'U'\n" },
    { "stray-leading-zero", LITERAL("012\n"), ERR "stray '01'\n" },
    { "stray-minus", LITERAL("-x\n"), ERR "stray '-x'\n" },
    { "stray-point", LITERAL("1.x\n"), ERR "stray '1.x'\n" },
    { "stray-exponent", LITERAL("1e+x\n"), ERR "stray '1e+x'\n" },
    { "stray-plus", LITERAL("+1\n"), ERR "stray '+'\n" },
    { "stray-control-in-string", LITERAL("\"a\x01\x0a 1 "), ERR "stray '\"a\x01'\n= 1\n" },
    { "stray-bad-byte", LITERAL("{\xff\n1 "), ERR "stray '\xef\xbf\xbd'\n= 1\n" },
    { "recovery-at-brace", LITERAL("@ foo, {\"a\":1}"),
      ERR "stray '@'\n" ERR "expecting value\n= {\"a\": 1}\n" },
    { "recovery-not-at-tab", LITERAL("@\t1\n2 "), ERR "stray '@'\n= 2\n" },
    { "recovery-at-fe", LITERAL("@x\xfe""y\n1 "),
      ERR "stray '@'\n" ERR "stray '\xef\xbf\xbd'\n= 1\n" },
    { "recovery-forgets-nesting", LITERAL("[[@]1 "),
      ERR "stray '@'\n" ERR "expecting value\n= 1\n" },
    { "closing-brace-too-many", LITERAL("{\"a\":1}}{\"b\":2}"),
      "= {\"a\": 1}\n" ERR "expecting value\n= {\"b\": 2}\n" },
    { "wrong-bracket-ends-message", LITERAL("{]1 "), ERR "expecting value\n= 1\n" },
    { "one-mistake-one-error", LITERAL("{\"a\" 1,,:[2:]}3 "),
      ERR "missing : in object pair\n= 3\n" },
    { "no-space-between-values", LITERAL("{}[]{}\"a\"\"b\"1 2"),
      "= {}\n= []\n= {}\n= \"a\"\n= \"b\"\n= 1\n= 2\n" },
    { "single-quotes", LITERAL("{'a':'b\"\\'c'}"), "= {\"a\": \"b\\\"'c\"}\n" },
    { "escapes", LITERAL("\"\\\"\\\\\\/\\'\\b\\f\\n\\r\\t\""),
      "= \"\\\"\\\\/'\\b\\f\\n\\r\\t\"\n" },
    { "surrogate-pair", LITERAL("\"\\ud83d\\ude00\""), "= \"\\uD83D\\uDE00\"\n" },
    { "nul", LITERAL("\"a\\u0000b\""), "= \"a\\u0000b\"\n" },
    { "nul-overlong", LITERAL("\"a\xc0\x80""b\""), "= \"a\\u0000b\"\n" },
    { "utf8", LITERAL("\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f\""),
      "= \"\\u00E9\\u20AC\\uD83D\\uDE00\\u007F\"\n" },
    { "integers", LITERAL("[0,-0,9223372036854775807,-9223372036854775808]"),
      "= [0, 0, 9223372036854775807, -9223372036854775808]\n" },
    { "unsigned", LITERAL("[18446744073709551615]"), "= [18446744073709551615]\n" },
    { "doubles", LITERAL("[1.0,1e400,0.1,1E+2,18446744073709551616,-1e-2]"),
      "= [1, inf, 0.10000000000000001, 100, 1.8446744073709552e+19, -0.01]\n" },
    { "keywords", LITERAL("[true,false,null]"), "= [true, false, null]\n" },
    { "null-alone", LITERAL("null "), "= null\n" },
    { "white-space", LITERAL(" \t\r\n{ } "), "= {}\n" },
    { "empty", LITERAL(""), "" },
    { "nested", LITERAL("{\"a\":[{\"b\":[]},[[]]]}"), "= {\"a\": [{\"b\": []}, [[]]]}\n" },
};

static void test_case(const void *data)
{
    const Case *c = data;

    for (size_t cut = 0; cut <= c->len; cut++) {
        g_autofree char *calls = feed(c->in, c->len, cut);

        g_assert_cmpstr(calls, ==, c->calls);
    }
}

/* Bytes that make tokens, wrong ones and errors likely, in any order. */
static GString *random_bytes(size_t len)
{
    static const char alphabet[] = "{}[]:,,\"\"'\\u0dn1-.e \t\n@%\xc3\xa9\xfe\xff\x01tru";
    static const char *const words[] = { "true", "null", "\"a\"", "\"b\":", "\\ud83d", "12" };
    GString *bytes = g_string_new(NULL);

    while (bytes->len < len) {
        if (g_test_rand_int_range(0, 3) == 0) {
            g_string_append(bytes, words[g_test_rand_int_range(0, G_N_ELEMENTS(words))]);
        } else {
            g_string_append_c(bytes, alphabet[g_test_rand_int_range(0, sizeof(alphabet))]);
        }
    }
    return bytes;
}

static void test_random(void)
{
    for (int i = 0; i < 3000; i++) {
        GString *bytes = random_bytes((size_t)g_test_rand_int_range(1, 60));
        g_autofree char *whole = feed(bytes->str, bytes->len, 0);
        size_t cut = (size_t)g_test_rand_int_range(0, (gint32)bytes->len + 1);
        g_autofree char *parts = feed(bytes->str, bytes->len, cut);

        g_assert_cmpstr(whole, ==, parts);
        g_assert_true(g_utf8_validate(whole, -1, NULL));
        g_string_free(bytes, TRUE);
    }
}

/* --- Limits ------------------------------------------------------------------------------ */

static char *feed_string(const GString *text)
{
    return feed(text->str, text->len, text->len);
}

static GString *nested(size_t levels)
{
    GString *text = g_string_new(NULL);

    for (size_t i = 0; i < levels; i++) {
        g_string_append_c(text, '[');
    }
    for (size_t i = 0; i < levels; i++) {
        g_string_append_c(text, ']');
    }
    return text;
}

static void test_nesting(void)
{
    GString *good = nested(JSON_MAX_NESTING), *bad = nested(JSON_MAX_NESTING + 1);
    g_autofree char *calls = feed_string(good), *errors = feed_string(bad);

    g_assert_true(g_str_has_prefix(calls, "= ["));
    g_assert_null(strchr(calls, '!'));
    g_assert_true(g_str_has_prefix(errors, "! JSON nesting depth limit exceeded\n! JSON parse"));
    g_string_free(good, TRUE);
    g_string_free(bad, TRUE);
}

/* An array of @n ones has 2 * @n + 1 tokens. */
static GString *ones(size_t n)
{
    GString *text = g_string_new("[");

    for (size_t i = 0; i < n; i++) {
        g_string_append(text, i ? ",1" : "1");
    }
    g_string_append_c(text, ']');
    return text;
}

static void test_tokens(void)
{
    GString *good = ones(JSON_MAX_TOKENS / 2 - 1), *bad = ones(JSON_MAX_TOKENS / 2 + 1);
    g_autofree char *calls = feed_string(good), *errors = feed_string(bad);

    g_assert_null(strchr(calls, '!'));
    g_assert_nonnull(strstr(errors, "! JSON token count limit exceeded\n"));
    g_string_free(good, TRUE);
    g_string_free(bad, TRUE);
}

static void test_bytes(void)
{
    GString *text = g_string_sized_new(JSON_MAX_BYTES + 16);
    g_autofree char *errors = NULL;

    g_string_append_c(text, '"');
    g_string_set_size(text, JSON_MAX_BYTES + 1);
    memset(text->str + 1, '0', JSON_MAX_BYTES);
    g_string_append(text, "\n{}");
    errors = feed_string(text);
    g_assert_cmpstr(errors, ==, "! JSON token size limit exceeded\n= {}\n");
    g_string_free(text, TRUE);
}

/* --- The other functions ----------------------------------------------------------------- */

static void test_text(void)
{
    json_object *value = NULL;
    GError *error = NULL;

    g_assert_true(json_parse_text(" {} ", &value, &error));
    g_assert_no_error(error);
    json_object_put(value);
    g_assert_true(json_parse_text("null", &value, &error));
    g_assert_null(value);
}

static void test_text_refused(void)
{
    static const char *const texts[][2] = {
        { "{} {}", "Expecting at most one JSON value" },
        { "{} x", "Expecting at most one JSON value" },
        { "{", "JSON parse error, premature EOI" },
        { "", "Expecting a JSON value" },
        { "{a}", "JSON parse error, invalid keyword 'a'" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        json_object *value = NULL;
        GError *error = NULL;

        g_assert_false(json_parse_text(texts[i][0], &value, &error));
        g_assert_cmpstr(error->message, ==, texts[i][1]);
        g_assert_null(value);
        g_clear_error(&error);
    }
}

static void test_pretty(void)
{
    json_object *value = NULL;
    GString *text = g_string_new(NULL);

    g_assert_true(json_parse_text("{'a':{},'b':[],'c':[1,{'d':null}]}", &value, NULL));
    json_format(text, value, true);
    g_assert_cmpstr(text->str, ==,
                    "{\n    \"a\": {\n    },\n    \"b\": [\n    ],\n    \"c\": [\n        1,\n"
                    "        {\n            \"d\": null\n        }\n    ]\n}");
    g_string_free(text, TRUE);
    json_object_put(value);
}

static void test_bad_bytes_out(void)
{
    json_object *value = json_object_new_string("a\xff\x01");
    GString *text = g_string_new(NULL);

    json_format(text, value, false);
    g_assert_cmpstr(text->str, ==, "\"a\\uFFFD\\u0001\"");
    g_string_free(text, TRUE);
    json_object_put(value);
}

typedef struct Suicide {
    JsonStream *stream;
    int n_calls;
} Suicide;

static void free_in_call(json_object *value, GError *error, void *opaque)
{
    Suicide *suicide = opaque;

    suicide->n_calls++;
    json_object_put(value);
    g_clear_error(&error);
    json_stream_free(suicide->stream);
}

static void test_freed_in_call(void)
{
    Suicide suicide = { .n_calls = 0 };

    suicide.stream = json_stream_new(free_in_call, &suicide);
    json_stream_feed(suicide.stream, LITERAL("{}{}@{}"));
    g_assert_cmpint(suicide.n_calls, ==, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    CASES_ADD("/json/split-anywhere/", cases, name, test_case);
    g_test_add_func("/json/split-anywhere/random-bytes", test_random);
    g_test_add_func("/json/limit/nesting", test_nesting);
    g_test_add_func("/json/limit/tokens", test_tokens);
    g_test_add_func("/json/limit/bytes", test_bytes);
    g_test_add_func("/json/text/one-value", test_text);
    g_test_add_func("/json/text/refused", test_text_refused);
    g_test_add_func("/json/format/pretty", test_pretty);
    g_test_add_func("/json/format/bad-bytes", test_bad_bytes_out);
    g_test_add_func("/json/stream/freed-in-its-call", test_freed_in_call);
    return g_test_run();
}
