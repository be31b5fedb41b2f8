/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of command-line syntax A, of scalars written as text, and of ids. */

#include <unistd.h>
#include <glib.h>

#include "qapi/builtin.h"
#include "qapi/json.h"
#include "qapi/opts.h"
#include "qapi/text.h"
#include "util/error.h"
#include "util/fd.h"
#include "util/log.h"
#include "cases.h"

/* --- Pairs ------------------------------------------------------------------------------- */

typedef struct Case {
    const char *name;
    const char *in;
    const char *implied;
    const char *json; /* of the pairs, with the id */
} Case;

static const Case cases[] = {
    { "empty", "", NULL, "{}" },
    { "pairs", "a=1,b=2", NULL, "{\"a\": \"1\", \"b\": \"2\"}" },
    { "implied", "user,net=x", "type", "{\"type\": \"user\", \"net\": \"x\"}" },
    { "implied-by-name", "type=user", "type", "{\"type\": \"user\"}" },
    { "implied-empty", ",a=1", "type", "{\"type\": \"\", \"a\": \"1\"}" },
    { "doubled-comma", "a=x,,y,b=,,", NULL, "{\"a\": \"x,y\", \"b\": \",\"}" },
    { "doubled-comma-implied", "x,,y,b=1", "guest", "{\"guest\": \"x,y\", \"b\": \"1\"}" },
    { "trailing-comma", "a=1,", NULL, "{\"a\": \"1\"}" },
    { "equals-in-value", "a=b=c", NULL, "{\"a\": \"b=c\"}" },
    { "empty-value", "a=,b=", NULL, "{\"a\": \"\", \"b\": \"\"}" },
    { "repeated-key", "a=1,b=2,a=3,a=4", NULL, "{\"a\": [\"1\", \"3\", \"4\"], \"b\": \"2\"}" },
    { "id", "a=1,id=x", NULL, "{\"id\": \"x\", \"a\": \"1\"}" },
    { "first-id-counts", "id=x,id=y", NULL, "{\"id\": \"x\"}" },
};

static void test_case(const void *data)
{
    const Case *c = data;
    GError *error = NULL;
    g_autoptr(Opts) opts = opts_parse(c->in, c->implied, true, &error);
    GString *text = g_string_new(NULL);
    json_object *json;

    g_assert_no_error(error);
    g_assert_false(opts->help);
    json = opts_to_json(opts, true);
    json_format(text, json, false);
    g_assert_cmpstr(text->str, ==, c->json);
    g_string_free(text, TRUE);
    json_object_put(json);
}

static void test_id_apart(void)
{
    g_autoptr(Opts) opts = opts_parse("id=x,a=1", NULL, true, NULL);
    json_object *json = opts_to_json(opts, false);

    g_assert_cmpstr(opts->id, ==, "x");
    g_assert_null(opts_get(opts, "id"));
    g_assert_false(json_object_object_get_ex(json, "id", NULL));
    json_object_put(json);
}

static void test_id_checked(void)
{
    GError *error = NULL;
    g_autoptr(Opts) unchecked = opts_parse("id=1x", NULL, false, NULL);

    g_assert_cmpstr(unchecked->id, ==, "1x");
    g_assert_null(opts_parse("id=1x", NULL, true, &error));
    g_assert_cmpstr(error->message, ==, "Parameter 'id' expects an identifier");
    g_assert_cmpstr(error_hint(error), ==,
                    "Identifiers consist of letters, digits, '-', '.', '_', starting with a "
                    "letter.\n");
    g_clear_error(&error);
}

static void test_help(void)
{
    static const char *const texts[] = { "help", "?", "a=1,help", "a=1,?,b=2" };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(Opts) opts = opts_parse(texts[i], "type", true, NULL);

        g_assert_true(opts->help);
        g_assert_null(opts_get(opts, "type"));
    }
}

static void test_get_and_set(void)
{
    g_autoptr(Opts) opts = opts_parse("a=1,a=2", NULL, true, NULL);

    g_assert_cmpstr(opts_get(opts, "a"), ==, "2");
    g_assert_null(opts_get(opts, "b"));
    opts_set(opts, "a", "3");
    opts_set(opts, "b", "4");
    g_assert_cmpstr(opts_get(opts, "a"), ==, "3");
    g_assert_cmpstr(opts_get(opts, "b"), ==, "4");
}

static void test_empty_key(void)
{
    GError *error = NULL;

    g_assert_null(opts_parse("a=1,b,,x", NULL, true, &error));
    g_assert_cmpstr(error->message, ==, "Invalid parameter ''");
    g_clear_error(&error);
}

static void test_to_type(void)
{
    g_autoptr(Opts) opts = opts_parse("x", "str", true, NULL);
    GError *error = NULL;

    g_assert_null(opts_to_type(opts, true, QAPI_TYPE(strList), &error));
    g_assert_cmpstr(error->message, ==, "Invalid parameter type for 'null', expected: array");
    g_clear_error(&error);
}

/* --- Short booleans ---------------------------------------------------------------------- */

typedef struct Short {
    const char *in;
    const char *key;
    const char *value;
} Short;

static const Short shorts[] = {
    { "telnet", "telnet", "on" }, { "notelnet", "telnet", "off" },
    { "nodelay", "nodelay", "on" }, { "delay", "nodelay", "off" },
    { "nonodelay", "nodelay", "off" }, { "no", "no", "on" },
};

/* Parses @text with stderr going to a file. Returns: what was written there; owned. */
static char *warnings_of(const char *text, Opts **opts)
{
    g_autofree char *path = NULL;
    auto_fd int file = g_file_open_tmp("test-opts-XXXXXX", &path, NULL);
    auto_fd int saved = dup(STDERR_FILENO);
    char *warnings = NULL;

    g_assert_cmpint(file, >=, 0);
    g_assert_cmpint(saved, >=, 0);
    g_assert_cmpint(dup2(file, STDERR_FILENO), ==, STDERR_FILENO);
    log_reopen();
    *opts = opts_parse(text, NULL, true, NULL);
    g_assert_cmpint(dup2(saved, STDERR_FILENO), ==, STDERR_FILENO);
    log_reopen();
    g_assert_true(g_file_get_contents(path, &warnings, NULL, NULL));
    g_assert_cmpint(unlink(path), ==, 0);
    return warnings;
}

static void test_short(const void *data)
{
    const Short *s = data;
    g_autofree char *text = g_strdup_printf("a=1,%s", s->in);
    g_autoptr(Opts) opts = NULL;
    g_autofree char *warnings = NULL, *expected = NULL;

    log_init("/bin/prog");
    warnings = warnings_of(text, &opts);
    expected = g_strdup_printf("prog: warning: short-form boolean option '%s' deprecated\n"
                               "Please use %s=%s instead\n", s->in, s->key, s->value);
    g_assert_cmpstr(warnings, ==, expected);
    g_assert_cmpstr(opts_get(opts, s->key), ==, s->value);
}

/* --- Scalars ----------------------------------------------------------------------------- */

static void test_text_bool(void)
{
    static const char *const yes[] = { "on", "yes", "true", "y" };
    static const char *const no[] = { "off", "no", "false", "n" };
    static const char *const bad[] = { "", "On", "TRUE", "1", "0", "on ", "t" };
    bool value;

    for (size_t i = 0; i < G_N_ELEMENTS(yes); i++) {
        g_assert_true(text_to_bool(yes[i], &value) && value);
        g_assert_true(text_to_bool(no[i], &value) && !value);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(text_to_bool(bad[i], &value));
    }
}

static void test_text_int(void)
{
    static const char *const bad[] = { "", " ", "1k", "0x", "08", "1.0", "1 ", "--1",
                                       "9223372036854775808", "-9223372036854775809" };
    int64_t value = 0;

    g_assert_true(text_to_int64("0x1f", &value));
    g_assert_cmpint(value, ==, 31);
    g_assert_true(text_to_int64(" +010", &value));
    g_assert_cmpint(value, ==, 8);
    g_assert_true(text_to_int64("-9223372036854775808", &value));
    g_assert_cmpint(value, ==, INT64_MIN);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(text_to_int64(bad[i], &value));
    }
}

static void test_text_uint(void)
{
    static const char *const bad[] = { "", "-1", " -0", "18446744073709551616", "x" };
    uint64_t value = 0;

    g_assert_true(text_to_uint64("18446744073709551615", &value));
    g_assert_cmpuint(value, ==, UINT64_MAX);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(text_to_uint64(bad[i], &value));
    }
}

static void test_text_size(void)
{
    static const struct {
        const char *text;
        uint64_t size;
    } good[] = {
        { "0", 0 }, { "1024", 1024 }, { "010", 10 }, { "0x10", 16 }, { "7b", 7 }, { "2k", 2048 },
        { "2K", 2048 }, { "1.5M", 1572864 }, { "1.k", 1024 }, { "1g", 1 << 30 },
        { "1T", 1ull << 40 }, { "3p", 3ull << 50 }, { "15E", 15ull << 60 },
        { "18446744073709551615", UINT64_MAX },
    };
    static const char *const bad[] = { "", "-1", "1KB", "1e3", "0x1k", "1.5", "1.5b", "16E",
                                       "18446744073709551616", ".5k", "k", "1 k", "15.99999999x" };
    uint64_t value = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        g_assert_true(text_to_size(good[i].text, &value));
        g_assert_cmpuint(value, ==, good[i].size);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(text_to_size(bad[i], &value));
    }
}

static void test_text_double(void)
{
    static const char *const bad[] = { "", "x", "1x", "inf", "nan", "1e999" };
    double value = 0;

    g_assert_true(text_to_double("1.5e3", &value));
    g_assert_cmpfloat(value, ==, 1500);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(text_to_double(bad[i], &value));
    }
}

/* --- Ids --------------------------------------------------------------------------------- */

static void test_id_wellformed(void)
{
    static const char *const good[] = { "a", "Z9", "a-b.c_d", "net0" };
    static const char *const bad[] = { "", "1a", "-a", "_a", "a b", "a/b", "#net0", "\xc3\xa9" };

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        g_assert_true(id_is_wellformed(good[i]));
        g_assert_true(id_check(good[i], NULL));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(id_is_wellformed(bad[i]));
        g_assert_false(id_check(bad[i], NULL));
    }
}

static void test_id_generated(void)
{
    g_autofree char *first = id_generate("net"), *second = id_generate("net");

    g_assert_true(g_regex_match_simple("^#net[0-9]+[0-9]{2}$", first, 0, 0));
    g_assert_cmpstr(first, !=, second);
    g_assert_false(id_is_wellformed(first));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    CASES_ADD("/opts/pairs/", cases, name, test_case);
    CASES_ADD("/opts/short-boolean/", shorts, in, test_short);
    g_test_add_func("/opts/id/is-taken-out", test_id_apart);
    g_test_add_func("/opts/id/is-checked-if-asked", test_id_checked);
    g_test_add_func("/opts/help", test_help);
    g_test_add_func("/opts/get-and-set", test_get_and_set);
    g_test_add_func("/opts/empty-key-is-refused", test_empty_key);
    g_test_add_func("/opts/to-type", test_to_type);
    g_test_add_func("/text/bool", test_text_bool);
    g_test_add_func("/text/int", test_text_int);
    g_test_add_func("/text/uint", test_text_uint);
    g_test_add_func("/text/size", test_text_size);
    g_test_add_func("/text/double", test_text_double);
    g_test_add_func("/id/wellformed", test_id_wellformed);
    g_test_add_func("/id/generated", test_id_generated);
    return g_test_run();
}
