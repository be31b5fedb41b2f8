/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of command-line syntax B, key=value with dotted keys. */

#include <string.h>
#include <glib.h>

#include "qapi/json.h"
#include "qapi/opts.h"
#include "util/error.h"
#include "cases.h"

#define TEN "aaaaaaaaaa"
#define LONG_127 TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "aaaaaaa"

typedef struct Case {
    const char *name;
    const char *in;
    const char *implied;
    const char *out; /* the JSON, or the message when it begins with '!' */
} Case;

static const Case cases[] = {
    { "empty", "", NULL, "{}" },
    { "pairs", "a=1,b=2", NULL, "{\"a\": \"1\", \"b\": \"2\"}" },
    { "nested", "type=stream,addr.type=inet,addr.host=::1", NULL,
      "{\"type\": \"stream\", \"addr\": {\"type\": \"inet\", \"host\": \"::1\"}}" },
    { "implied", "stream,addr.host=x", "type",
      "{\"type\": \"stream\", \"addr\": {\"host\": \"x\"}}" },
    { "implied-doubled-comma", "a,,b,c=1", "type", "{\"type\": \"a,b\", \"c\": \"1\"}" },
    { "doubled-comma", "a=x,,y", NULL, "{\"a\": \"x,y\"}" },
    { "trailing-comma", "a=1,", NULL, "{\"a\": \"1\"}" },
    { "last-wins", "a=1,b.c=1,a=2,b.c=2", NULL, "{\"a\": \"2\", \"b\": {\"c\": \"2\"}}" },
    { "id-is-ordinary", "id=1x", NULL, "{\"id\": \"1x\"}" },
    { "list", "x.0=a,x.1=b", NULL, "{\"x\": [\"a\", \"b\"]}" },
    { "list-in-any-order", "x.1=b,x.0=a", NULL, "{\"x\": [\"a\", \"b\"]}" },
    { "list-of-objects", "r.0.a=1,r.0.b=2,r.1.a=3", NULL,
      "{\"r\": [{\"a\": \"1\", \"b\": \"2\"}, {\"a\": \"3\"}]}" },
    { "list-of-lists", "r.0.0=1,r.0.1=2", NULL, "{\"r\": [[\"1\", \"2\"]]}" },
    { "longest-fragment", LONG_127 "=1", NULL, "{\"" LONG_127 "\": \"1\"}" },
    { "no-equals", "a=1,x", NULL, "!Expected '=' after parameter 'x'" },
    { "no-equals-first", "x", NULL, "!Expected '=' after parameter 'x'" },
    { "bad-key", "1x=1", NULL, "!Invalid parameter '1x'" },
    { "bad-key-index-first", "0=1", NULL, "!Invalid parameter '0'" },
    { "bad-key-empty-fragment", "addr..type=1", NULL, "!Invalid parameter 'addr..type'" },
    { "bad-key-empty", "=1", NULL, "!Invalid parameter ''" },
    { "bad-key-ends-with-dot", "a.=1", NULL, "!Invalid parameter 'a.'" },
    { "bad-key-character", "a/b=1", NULL, "!Invalid parameter 'a/b'" },
    { "bad-key-digits-and-letters", "a.1x=1", NULL, "!Invalid parameter 'a.1x'" },
    { "value-then-prefix", "addr=1,addr.x=1", NULL,
      "!Parameters 'addr.*' used inconsistently" },
    { "prefix-then-value", "addr.x=1,addr=1", NULL,
      "!Parameters 'addr.*' used inconsistently" },
    { "value-then-prefix-nested", "a.b=1,a.b.c=1", NULL,
      "!Parameters 'a.b.*' used inconsistently" },
    { "names-and-indexes", "x.0=a,x.y=b", NULL, "!Parameters 'x.*' used inconsistently" },
    { "gap", "rules.1=a", NULL, "!Parameter 'rules.0' missing" },
    { "gap-huge", "rules.0=a,rules.4294967295=b", NULL, "!Parameter 'rules.1' missing" },
    { "gap-nested", "a.r.0.x=1,a.r.2.x=1", NULL, "!Parameter 'a.r.1' missing" },
    { "too-long", LONG_127 "a=1", NULL, "!Parameter '" LONG_127 "a' is too long" },
    { "fragment-too-long", "x." LONG_127 "a=1", NULL,
      "!Parameter fragment '" LONG_127 "a' is too long" },
    { "help-unavailable", "a=1,help", NULL, "!Help is not available for this option" },
    { "implied-empty", ",a=1", "type", "!Invalid parameter ''" },
};

static void test_case(const void *data)
{
    const Case *c = data;
    GError *error = NULL;
    json_object *json = keyval_parse(c->in, c->implied, NULL, &error);
    GString *text;

    if (c->out[0] == '!') {
        g_assert_null(json);
        g_assert_cmpstr(error->message, ==, c->out + 1);
        g_clear_error(&error);
        return;
    }
    g_assert_no_error(error);
    text = g_string_new(NULL);
    json_format(text, json, false);
    g_assert_cmpstr(text->str, ==, c->out);
    g_string_free(text, TRUE);
    json_object_put(json);
}

static void test_help(void)
{
    static const char *const texts[] = { "help", "?", "a=1,help", "?,a=1" };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        bool help = false;
        json_object *json = keyval_parse(texts[i], "type", &help, NULL);

        g_assert_nonnull(json);
        g_assert_true(help);
        json_object_put(json);
    }
}

static void test_no_help(void)
{
    bool help = false;
    json_object *json = keyval_parse("a=help,b=?", "type", &help, NULL);

    g_assert_false(help);
    json_object_put(json);
}

/* A key of many fragments is refused before it makes the walkers recurse. */
static void test_deep(void)
{
    GString *key = g_string_new("a");
    GError *error = NULL;

    for (int i = 0; i < 10000; i++) {
        g_string_append(key, ".a");
    }
    g_string_append(key, "=1");
    g_assert_null(keyval_parse(key->str, NULL, NULL, &error));
    g_assert_true(g_str_has_suffix(error->message, "' is nested too deeply"));
    g_clear_error(&error);
    g_string_free(key, TRUE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    CASES_ADD("/keyval/", cases, name, test_case);
    g_test_add_func("/keyval/help", test_help);
    g_test_add_func("/keyval/help-as-a-value", test_no_help);
    g_test_add_func("/keyval/nested-too-deeply", test_deep);
    return g_test_run();
}
