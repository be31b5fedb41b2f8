/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of trace points: finding, switching, and the file that lines go to. */

#include <string.h>
#include <unistd.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "util/error.h"
#include "util/trace.h"

TRACE_POINT(test_beta);
TRACE_POINT(test_alpha);
TRACE_POINT(test_gamma);

/* A folder that is removed at the end. */
static char *folder;

static char *in_folder(const char *name)
{
    return g_build_filename(folder, name, NULL);
}

static void assert_content(const char *path, const char *text)
{
    g_autofree char *content = NULL;
    gboolean ok = g_file_get_contents(path, &content, NULL, NULL);

    g_assert_true(ok);
    g_assert_cmpstr(content, ==, text);
}

static void all_off(void)
{
    trace_set_matching("*", false);
    trace_set_file(NULL, NULL);
}

static void test_sorted(void)
{
    const char *last = "";

    for (TracePoint *point = trace_first(); point; point = point->next) {
        g_assert_cmpstr(last, <, point->name);
        last = point->name;
    }
    g_assert_cmpstr(last, !=, "");
}

static void test_off_at_first(void)
{
    g_assert_false(trace_point_test_alpha.enabled);
}

static void test_one(void)
{
    g_assert_cmpuint(trace_set_matching("test_alpha", true), ==, 1);
    g_assert_true(trace_point_test_alpha.enabled);
    g_assert_false(trace_point_test_beta.enabled);
    g_assert_cmpuint(trace_set_matching("test_alpha", false), ==, 1);
    g_assert_false(trace_point_test_alpha.enabled);
}

static void test_glob(void)
{
    g_assert_cmpuint(trace_set_matching("test_*", true), ==, 3);
    g_assert_cmpuint(trace_set_matching("test_?amma", false), ==, 1);
    g_assert_true(trace_point_test_beta.enabled);
    g_assert_false(trace_point_test_gamma.enabled);
    all_off();
}

static void test_unknown(void)
{
    g_assert_cmpuint(trace_set_matching("nosuch", true), ==, 0);
    g_assert_cmpuint(trace_set_matching("nosuch*", true), ==, 0);
}

static void test_plain(void)
{
    g_assert_true(trace_pattern_is_plain("netdev_connected"));
    g_assert_true(trace_pattern_is_plain(""));
    g_assert_false(trace_pattern_is_plain("net*"));
    g_assert_false(trace_pattern_is_plain("net?ev"));
}

static void test_stderr(void)
{
    if (g_test_subprocess()) {
        trace_set_matching("test_alpha", true);
        TRACE(test_alpha, "n=%d", 7);
        TRACE(test_beta, "not shown");
        return;
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("test_alpha n=7\n");
}

static void test_file_at_first_line(void)
{
    g_autofree char *path = in_folder("log");
    bool ok = trace_set_file(path, NULL);

    g_assert_true(ok);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    trace_set_matching("test_alpha", true);
    TRACE(test_alpha, "one");
    TRACE(test_alpha, "%s", "two");
    assert_content(path, "test_alpha one\ntest_alpha two\n");
    all_off();
    g_unlink(path);
}

static void test_file_is_replaced(void)
{
    g_autofree char *path = in_folder("log");
    bool ok = g_file_set_contents(path, "old", -1, NULL);

    g_assert_true(ok);
    ok = trace_set_file(path, NULL);
    g_assert_true(ok);
    assert_content(path, "old");
    trace_set_matching("test_alpha", true);
    TRACE(test_alpha, "new");
    assert_content(path, "test_alpha new\n");
    all_off();
    g_unlink(path);
}

static void test_file_with_pid(void)
{
    g_autofree char *template = in_folder("log-%d.txt");
    g_autofree char *name = g_strdup_printf("log-%ld.txt", (long)getpid());
    g_autofree char *path = in_folder(name);
    bool ok = trace_set_file(template, NULL);

    g_assert_true(ok);
    trace_set_matching("test_alpha", true);
    TRACE(test_alpha, "x");
    assert_content(path, "test_alpha x\n");
    all_off();
    g_unlink(path);
}

static void test_bad_templates(void)
{
    static const char *const bad[] = { "a%d%d", "a%s", "a%", "a%%", "%x", "%d%", "%ld" };

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *message = g_strdup_printf("Bad logfile template: %s", bad[i]);

        g_assert_false(trace_set_file(bad[i], &error));
        g_assert_cmpstr(error->message, ==, message);
    }
}

static void check_cannot_open(const char *path, const char *why)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *message = g_strdup_printf("Error opening logfile %s: %s", path, why);

    g_assert_false(trace_set_file(path, &error));
    g_assert_cmpstr(error->message, ==, message);
}

static void test_cannot_open(void)
{
    g_autofree char *path = in_folder("no/such/folder");

    check_cannot_open(path, "No such file or directory");
    check_cannot_open(folder, "Is a directory");
}

/* A file that cannot be used leaves the present one in use. */
static void test_failure_keeps_file(void)
{
    g_autofree char *path = in_folder("log");
    bool ok = trace_set_file(path, NULL);

    g_assert_true(ok);
    ok = trace_set_file("%x", NULL);
    g_assert_false(ok);
    trace_set_matching("test_alpha", true);
    TRACE(test_alpha, "x");
    assert_content(path, "test_alpha x\n");
    all_off();
    g_unlink(path);
}

int main(int argc, char **argv)
{
    int rc;

    g_test_init(&argc, &argv, NULL);
    folder = g_dir_make_tmp("test-trace-XXXXXX", NULL);
    g_test_add_func("/trace/sorted", test_sorted);
    g_test_add_func("/trace/off-at-first", test_off_at_first);
    g_test_add_func("/trace/one", test_one);
    g_test_add_func("/trace/glob", test_glob);
    g_test_add_func("/trace/unknown", test_unknown);
    g_test_add_func("/trace/plain", test_plain);
    g_test_add_func("/trace/stderr", test_stderr);
    g_test_add_func("/trace/file/at-first-line", test_file_at_first_line);
    g_test_add_func("/trace/file/is-replaced", test_file_is_replaced);
    g_test_add_func("/trace/file/with-pid", test_file_with_pid);
    g_test_add_func("/trace/file/bad-templates", test_bad_templates);
    g_test_add_func("/trace/file/cannot-open", test_cannot_open);
    g_test_add_func("/trace/file/failure-keeps-file", test_failure_keeps_file);
    rc = g_test_run();
    g_rmdir(folder);
    g_free(folder);
    return rc;
}
