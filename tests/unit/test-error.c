/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of errors, of their hints, and of the lines that they make on stderr. */

#include <errno.h>
#include <string.h>
#include <glib.h>

#include "util/error.h"
#include "util/log.h"

static void test_set(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(error_set(&error, "bad %s %d", "thing", 7));
    g_assert_error(error, ERROR_DOMAIN, (int)ERROR_CLASS_GENERIC);
    g_assert_cmpstr(error->message, ==, "bad thing 7");
    g_assert_null(error_hint(error));
}

static void test_set_class(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(error_set_class(&error, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found",
                                   "x"));
    g_assert_error(error, ERROR_DOMAIN, (int)ERROR_CLASS_DEVICE_NOT_FOUND);
    g_assert_cmpstr(error->message, ==, "Device 'x' not found");
}

static void test_set_errno(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(error_set_errno(&error, ENOENT, "Could not open '%s'", "/x%s"));
    g_assert_cmpstr(error->message, ==, "Could not open '/x%s': No such file or directory");
}

static void test_nobody_listens(void)
{
    g_assert_false(error_set(NULL, "x"));
    g_assert_false(error_set_class(NULL, ERROR_CLASS_GENERIC, "x"));
    g_assert_false(error_set_errno(NULL, EIO, "x"));
    error_append_hint(NULL, "x");
}

static void test_class_names(void)
{
    g_assert_cmpstr(error_class_name(ERROR_CLASS_GENERIC), ==, "GenericError");
    g_assert_cmpstr(error_class_name(ERROR_CLASS_COMMAND_NOT_FOUND), ==, "CommandNotFound");
    g_assert_cmpstr(error_class_name(ERROR_CLASS_DEVICE_NOT_ACTIVE), ==, "DeviceNotActive");
    g_assert_cmpstr(error_class_name(ERROR_CLASS_DEVICE_NOT_FOUND), ==, "DeviceNotFound");
}

static void test_hint_lines(void)
{
    g_autoptr(GError) error = NULL;

    error_append_hint(&error, "nothing is set yet");
    g_assert_null(error);
    error_set(&error, "bad");
    error_append_hint(&error, "try %s", "this");
    error_append_hint(&error, "or that\n");
    g_assert_cmpstr(error_hint(error), ==, "try this\nor that\n");
}

static void test_hint_travels(void)
{
    g_autoptr(GError) error = NULL, copy = NULL, moved = NULL;

    error_set(&error, "bad");
    error_append_hint(&error, "advice");
    copy = g_error_copy(error);
    g_assert_cmpstr(error_hint(copy), ==, "advice\n");
    g_propagate_prefixed_error(&moved, g_steal_pointer(&error), "netdev 'a': ");
    g_assert_cmpstr(moved->message, ==, "netdev 'a': bad");
    g_assert_cmpstr(error_hint(moved), ==, "advice\n");
}

static void test_hint_of_other_domain(void)
{
    g_autoptr(GError) error = g_error_new(G_FILE_ERROR, G_FILE_ERROR_ACCES, "no");

    error_append_hint(&error, "x");
    g_assert_null(error_hint(error));
    g_assert_null(error_hint(NULL));
}

/* A mistyped word and what is suggested for it; NULL = nothing. */
static void check_similar(const char *word, const char *suggested)
{
    static const char *const candidates[] = {
        "filter-mirror", "filter-redirector", "filter-buffer", "status", "queue", "rx", "tx",
        NULL,
    };
    g_autoptr(GError) error = NULL;
    g_autofree char *hint = suggested ? g_strdup_printf("Did you mean '%s'?\n", suggested) : NULL;

    error_set(&error, "bad");
    error_hint_similar(&error, word, candidates);
    g_assert_cmpstr(error_hint(error), ==, hint);
}

static void test_similar_slip(void)
{
    check_similar("filter-miror", "filter-mirror");
    check_similar("filter-mirrorr", "filter-mirror");
    check_similar("fitler-buffer", "filter-buffer");
    check_similar("staus", "status");
    check_similar("qeuue", "queue");
}

static void test_similar_nothing(void)
{
    check_similar("colo-compare", NULL);
    check_similar("", NULL);
    check_similar("zz", NULL);
    check_similar("filter-replay", NULL);
    check_similar("states", "status");
    check_similar("statue", "status");
    check_similar("stages", NULL);
}

static void test_similar_long_word(void)
{
    g_autofree char *word = g_strnfill(100000, 'a');

    check_similar(word, NULL);
}

/* --- What log_*() writes to stderr ------------------------------------------------------- */

/* What @func writes in a process of its own must match @pattern. */
static void assert_logs(void (*func)(void), const char *pattern)
{
    if (g_test_subprocess()) {
        log_init("/usr/bin/prog");
        func();
        return;
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr(pattern);
}

static void log_plain(void)
{
    log_error("it is %s", "bad");
    log_warning("careful");
    log_info("by the way");
}

static void test_log_plain(void)
{
    assert_logs(log_plain, "prog: it is bad\nprog: warning: careful\nprog: info: by the way\n");
}

static void log_at_location(void)
{
    g_autofree char *outer = NULL, *inner = NULL;

    outer = log_set_location("-netdev user,id=u0");
    g_assert_null(outer);
    log_error("bad");
    log_warning("odd");
    inner = log_set_location(":/etc/q.conf:3");
    g_assert_cmpstr(inner, ==, "-netdev user,id=u0");
    log_error("bad");
    g_free(log_set_location(NULL));
    log_error("bad");
}

static void test_log_location(void)
{
    assert_logs(log_at_location, "prog: -netdev user,id=u0: bad\n"
                                 "prog: -netdev user,id=u0: warning: odd\n"
                                 "prog:/etc/q.conf:3: bad\n"
                                 "prog: bad\n");
}

static void log_with_hint(void)
{
    g_autoptr(GError) error = NULL;

    error_set(&error, "bad");
    error_append_hint(&error, "do better");
    log_gerror(error);
}

static void test_log_hint(void)
{
    assert_logs(log_with_hint, "prog: bad\ndo better\n");
}

static void log_with_guest(void)
{
    log_set_timestamps(true);
    log_error("bad");
    log_set_guest_name("vm1");
    log_error("bad");
    log_set_timestamps(false);
    log_error("bad");
    log_set_guest_name(NULL);
    log_error("bad");
}

static void test_log_message_options(void)
{
    assert_logs(log_with_guest, "20*-*-*T*:*:*.*Z prog: bad\n"
                                "20*-*-*T*:*:*.*Z vm1 prog: bad\n"
                                "vm1 prog: bad\n"
                                "prog: bad\n");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/error/set", test_set);
    g_test_add_func("/error/set-class", test_set_class);
    g_test_add_func("/error/set-errno", test_set_errno);
    g_test_add_func("/error/nobody-listens", test_nobody_listens);
    g_test_add_func("/error/class-names", test_class_names);
    g_test_add_func("/error/hint/lines", test_hint_lines);
    g_test_add_func("/error/hint/travels", test_hint_travels);
    g_test_add_func("/error/hint/of-other-domain", test_hint_of_other_domain);
    g_test_add_func("/error/similar/slip", test_similar_slip);
    g_test_add_func("/error/similar/nothing", test_similar_nothing);
    g_test_add_func("/error/similar/long-word", test_similar_long_word);
    g_test_add_func("/log/plain", test_log_plain);
    g_test_add_func("/log/location", test_log_location);
    g_test_add_func("/log/hint", test_log_hint);
    g_test_add_func("/log/message-options", test_log_message_options);
    return g_test_run();
}
