/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unit test of the human monitor: arguments, errors, help, completion. */

/*
 *   line of text --> hmp_execute() --> command of this file --> its arguments, printed
 */

#include <string.h>

#include <glib.h>

#include "monitor/hmp.h"
#include "monitor/monitor-internal.h"
#include "util/error.h"

#define TRY(name) "Try \"help " name "\" for more information\r\n"

/* --- Commands that print what they were given ---------------------------------------------- */

static void test_print_text(Hmp *hmp, const char *name)
{
    hmp_printf(hmp, "%s=<%s>\n", name, hmp_has(hmp, name) ? hmp_str(hmp, name) : "none");
}

static void test_run_words(Hmp *hmp)
{
    test_print_text(hmp, "first");
    test_print_text(hmp, "second");
}

static void test_run_rest(Hmp *hmp)
{
    test_print_text(hmp, "rest");
}

static void test_run_values(Hmp *hmp)
{
    hmp_printf(hmp, "flag=%d on=%d n=%" G_GINT64_FORMAT " has=%d\n", hmp_bool(hmp, "json"),
               hmp_bool(hmp, "on"), hmp_int(hmp, "n"), hmp_has(hmp, "n"));
}

static void test_run_fail(Hmp *hmp)
{
    GError *error = NULL;

    error_set(&error, "it failed");
    error_append_hint(&error, "Do better.");
    hmp_error(hmp, error);
    hmp_error(hmp, NULL);
}

static void test_run_cr(Hmp *hmp)
{
    hmp_printf(hmp, "a\nb\r\nc\n");
}

static void test_complete(const char *word, int arg_index, GPtrArray *candidates)
{
    g_ptr_array_add(candidates, g_strdup_printf("arg%d-b", arg_index));
    g_ptr_array_add(candidates, g_strdup_printf("arg%d-a", arg_index));
    g_ptr_array_add(candidates, g_strdup_printf("arg%d-a", arg_index));
    g_ptr_array_add(candidates, g_strdup("other"));
}

static const HmpCommand test_commands[] = {
    { .name = "t-words|t-w", .args = "first:s,second:s?", .params = "FIRST [SECOND]",
      .help = "print words", .run = test_run_words, .complete = test_complete },
    { .name = "t-rest", .args = "rest:S", .params = "REST", .help = "print the rest",
      .run = test_run_rest },
    { .name = "t-opts", .args = "rest:o", .params = "OPTS", .help = "print options",
      .run = test_run_rest },
    { .name = "t-values", .args = "json:-j,on:b,n:i?", .params = "[-j] on|off [N]",
      .help = "print values", .run = test_run_values, .complete = test_complete },
    { .name = "t-fail", .help = "fail", .run = test_run_fail },
    { .name = "t-cr", .help = "print lines", .run = test_run_cr },
};

static const HmpCommand test_info_commands[] = {
    { .name = "t-info", .help = "print lines", .run = test_run_cr },
    { .name = "t-info-args", .args = "rest:s?", .params = "[WHAT]", .help = "print a word",
      .run = test_run_rest },
};

/* --- One line, one output -------------------------------------------------------------------- */

typedef struct TestLine {
    const char *path;
    const char *line;
    const char *output;
} TestLine;

static const TestLine test_lines[] = {
    /* blanks and names */
    { "empty-line-prints-nothing", "", "" },
    { "blank-line-prints-nothing", "  \t ", "" },
    { "unknown-command", "foo", "unknown command: 'foo'\r\n" },
    { "unknown-command-with-arguments", "foo bar", "unknown command: 'foo'\r\n" },
    { "unknown-info-command", "info foo", "unknown command: 'info foo'\r\n" },
    { "blanks-around-are-skipped", "  t-cr  ", "a\r\nb\r\nc\r\n" },
    { "alias-names-the-same-command", "t-w x", "first=<x>\r\nsecond=<none>\r\n" },
    { "half-an-alias-list-is-no-name", "t-words|t-w x", "unknown command: 't-words|t-w'\r\n" },
    { "info-runs-info-commands", "info   t-info", "a\r\nb\r\nc\r\n" },
    { "info-command-is-no-command", "t-info", "unknown command: 't-info'\r\n" },
    /* line ends */
    { "line-ends-become-crlf", "t-cr", "a\r\nb\r\nc\r\n" },
    { "error-with-hint", "t-fail", "Error: it failed\r\nDo better.\r\n" },
    /* words */
    { "two-words", "t-words a b", "first=<a>\r\nsecond=<b>\r\n" },
    { "several-blanks-between-words", "t-words  a \t b", "first=<a>\r\nsecond=<b>\r\n" },
    { "quoted-word-holds-blanks", "t-words \"a b\" c", "first=<a b>\r\nsecond=<c>\r\n" },
    { "quoted-quote", "t-words \"a\\\"b\"", "first=<a\"b>\r\nsecond=<none>\r\n" },
    { "quoted-backslash-before-n", "t-words \"a\\\\n\"", "first=<a\\n>\r\nsecond=<none>\r\n" },
    { "quoted-line-feed", "t-words \"a\\nb\"", "first=<a\r\nb>\r\nsecond=<none>\r\n" },
    { "quoted-empty-word", "t-words \"\"", "first=<>\r\nsecond=<none>\r\n" },
    { "backslash-outside-quotes-is-itself", "t-words a\\nb", "first=<a\\nb>\r\nsecond=<none>\r\n" },
    { "quote-never-closed", "t-words \"a",
      "unterminated string\r\nt-words|t-w: string expected\r\n" TRY("t-words") },
    { "quote-ends-in-backslash", "t-words \"a\\",
      "unterminated string\r\nt-words|t-w: string expected\r\n" TRY("t-words") },
    { "unknown-escape", "t-words \"\\x\"",
      "unsupported escape code: '\\x'\r\nt-words|t-w: string expected\r\n" TRY("t-words") },
    { "word-missing", "t-words", "t-words|t-w: string expected\r\n" TRY("t-words") },
    { "try-names-the-alias-typed", "t-w", "t-words|t-w: string expected\r\n" TRY("t-w") },
    { "extraneous-word", "t-words a b c",
      "t-words|t-w: extraneous characters at the end of line\r\n" TRY("t-words") },
    { "extraneous-without-arguments", "t-cr x",
      "t-cr: extraneous characters at the end of line\r\n" TRY("t-cr") },
    { "extraneous-after-info", "info t-info x",
      "t-info: extraneous characters at the end of line\r\n" TRY("info t-info") },
    /* rest of the line */
    { "rest-is-taken-whole", "t-rest  a \"b\"  c", "rest=<a \"b\"  c>\r\n" },
    { "rest-missing", "t-rest  ", "t-rest: string expected\r\n" TRY("t-rest") },
    { "options-are-one-word", "t-opts a,b=c", "rest=<a,b=c>\r\n" },
    { "options-second-word-is-extraneous", "t-opts a b",
      "t-opts: extraneous characters at the end of line\r\n" TRY("t-opts") },
    { "options-in-json-hold-blanks", "t-opts {\"a\": 1}", "rest=<{\"a\": 1}>\r\n" },
    /* on, off, integers, flags */
    { "bool-on", "t-values on", "flag=0 on=1 n=0 has=0\r\n" },
    { "bool-off", "t-values off", "flag=0 on=0 n=0 has=0\r\n" },
    { "bool-neither", "t-values yes", "Expected 'on' or 'off'\r\n" TRY("t-values") },
    { "bool-missing", "t-values", "Expected 'on' or 'off'\r\n" TRY("t-values") },
    { "integer", "t-values on 42", "flag=0 on=1 n=42 has=1\r\n" },
    { "integer-in-hex", "t-values on 0x10", "flag=0 on=1 n=16 has=1\r\n" },
    { "integer-negative", "t-values on -1", "flag=0 on=1 n=-1 has=1\r\n" },
    { "integer-wrong", "t-values on 4x", "t-values: integer expected\r\n" TRY("t-values") },
    { "integer-too-long", "t-values on 99999999999999999999",
      "t-values: integer expected\r\n" TRY("t-values") },
    { "flag-given", "t-values -j on", "flag=1 on=1 n=0 has=0\r\n" },
    { "flag-unknown", "t-values -x on", "t-values: unsupported option -x\r\n" TRY("t-values") },
    /* help */
    { "help-of-a-command", "help t-rest", "t-rest REST -- print the rest\r\n" },
    { "help-of-an-alias", "help t-w", "t-words|t-w FIRST [SECOND] -- print words\r\n" },
    { "help-without-parameters-has-two-blanks", "? t-cr", "t-cr  -- print lines\r\n" },
    { "help-of-an-info-command", "help info t-info-args",
      "info t-info-args [WHAT] -- print a word\r\n" },
    { "help-of-an-unknown-command", "help foo", "unknown command: 'foo'\r\n" },
    { "help-of-an-unknown-info-command", "help info foo", "unknown command: 'info foo'\r\n" },
};

static void test_line(const void *opaque)
{
    const TestLine *test = opaque;
    g_autofree char *output = hmp_execute(test->line);

    g_assert_cmpstr(output, ==, test->output);
}

/* --- Lists -------------------------------------------------------------------------------- */

static void test_assert_sorted_list(const char *line, const char *prefix, const char *must_have)
{
    g_autofree char *output = hmp_execute(line);
    g_auto(GStrv) lines = g_strsplit(output, "\r\n", -1);
    bool found = false;

    g_assert_cmpuint(g_strv_length(lines), >, 2);
    for (size_t i = 0; lines[i + 1]; i++) {
        g_assert_true(g_str_has_prefix(lines[i], prefix));
        g_assert_nonnull(strstr(lines[i], " -- "));
        g_assert_true(i == 0 || strcmp(lines[i - 1], lines[i]) < 0);
        found = found || strcmp(lines[i], must_have) == 0;
    }
    g_assert_true(found);
}

static void test_help_is_sorted(void)
{
    test_assert_sorted_list("help", "", "t-words|t-w FIRST [SECOND] -- print words");
}

static void test_help_info_is_sorted(void)
{
    test_assert_sorted_list("help info", "info ", "info t-info  -- print lines");
}

static void test_info_alone_is_help_info(void)
{
    g_autofree char *help = hmp_execute("help info");
    g_autofree char *info = hmp_execute("info ");

    g_assert_cmpstr(info, ==, help);
}

/* --- Completion --------------------------------------------------------------------------- */

static const TestLine test_completions[] = {
    { "command", "t-wo", "0 t-words" },
    { "command-in-common", "t-w", "0 t-w t-words" },
    { "info-command", "info t-inf", "5 t-info t-info-args" },
    { "unknown-command-has-none", "foo a", "4" },
    { "first-argument-sorted-and-once", "t-words ", "8 arg0-a arg0-b other" },
    { "second-argument", "t-words x arg", "10 arg1-a arg1-b" },
    { "nothing-fits", "t-words zzz", "8" },
    { "on-off", "t-values o", "9 off on" },
    { "flags-do-not-count", "t-values -j o", "12 off on" },
    { "help", "help t-re", "5 t-rest" },
};

static void test_completion(const void *opaque)
{
    const TestLine *test = opaque;
    g_autoptr(GPtrArray) candidates = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GString) text = g_string_new(NULL);

    g_string_append_printf(text, "%zu", hmp_complete(test->line, candidates));
    for (guint i = 0; i < candidates->len; i++) {
        g_string_append_printf(text, " %s", (const char *)g_ptr_array_index(candidates, i));
    }
    g_assert_cmpstr(text->str, ==, test->output);
}

static void test_add(const char *folder, const TestLine *test, GTestDataFunc func)
{
    g_autofree char *path = g_strconcat("/hmp/", folder, "/", test->path, NULL);

    g_test_add_data_func(path, test, func);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hmp_register(test_commands, G_N_ELEMENTS(test_commands), false);
    hmp_register(test_info_commands, G_N_ELEMENTS(test_info_commands), true);
    for (size_t i = 0; i < G_N_ELEMENTS(test_lines); i++) {
        test_add("line", &test_lines[i], test_line);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(test_completions); i++) {
        test_add("complete", &test_completions[i], test_completion);
    }
    g_test_add_func("/hmp/help-is-sorted", test_help_is_sorted);
    g_test_add_func("/hmp/help-info-is-sorted", test_help_info_is_sorted);
    g_test_add_func("/hmp/info-alone-is-help-info", test_info_alone_is_help_info);
    return g_test_run();
}
