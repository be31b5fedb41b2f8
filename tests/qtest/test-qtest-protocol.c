/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The qtest server itself: lines in, one reply line each, and the stepped clock. */

#include "qtest-client.h"

/*
 *   test ──unix socket──► qtest server
 */

static void test_endianness(void)
{
    QTest *s = qtest_start("-M none");

    qtest_expect_line(s, "endianness", "OK little");
    qtest_quit(s);
}

static void test_unknown_command(void)
{
    QTest *s = qtest_start("-M none");

    qtest_expect_line(s, "frobnicate", "FAIL Unknown command 'frobnicate'");
    qtest_expect_line(s, " endianness", "FAIL Unknown command ''");
    qtest_quit(s);
}

static void test_empty_line_is_ignored(void)
{
    QTest *s = qtest_start("-M none");

    qtest_expect_line(s, "\n\nendianness", "OK little");
    qtest_quit(s);
}

static void test_clock_starts_at_zero_and_steps(void)
{
    QTest *s = qtest_start("-M none");

    g_assert_cmpint(qtest_clock_step(s, 1), ==, 1);
    g_assert_cmpint(qtest_clock_step(s, 999), ==, 1000);
    qtest_expect_line(s, "clock_step 0x10", "OK 1016");
    qtest_expect_line(s, "clock_step 0", "FAIL could not advance time");
    qtest_quit(s);
}

static void test_clock_step_without_deadline(void)
{
    QTest *s = qtest_start("-M none");

    qtest_expect_line(s, "clock_step",
                      "FAIL cannot advance clock to the next deadline because there is no "
                      "pending deadline");
    qtest_quit(s);
}

/* Whoever adds a delay to the farthest time must not get one before it. */
static void test_clock_has_an_end(void)
{
    QTest *s = qtest_start("-accel qtest -netdev hubport,id=n0,hubid=0");

    qtest_expect_line(s, "clock_set 4611686018427387904",
                      "FAIL invalid time '4611686018427387904'");
    qtest_expect_line(s, "clock_set 4611686018427387903", "OK 4611686018427387903");
    qtest_expect_line(s, "clock_step 1", "FAIL could not advance time");
    qtest_object_add(s, "{'qom-type': 'filter-buffer', 'id': 'f0', 'netdev': 'n0', "
                        "'interval': 4294967295}");
    qtest_expect_line(s, "clock_step", "FAIL could not advance time");
    qtest_quit(s);
}

static void test_clock_set_goes_forward_only(void)
{
    QTest *s = qtest_start("-M none");

    qtest_expect_line(s, "clock_set 5000", "OK 5000");
    qtest_expect_line(s, "clock_set 5000", "FAIL 5000");
    qtest_expect_line(s, "clock_set 1", "FAIL 5000");
    qtest_quit(s);
}

/* The reference aborts on these. */
static void test_bad_arguments_are_refused(void)
{
    static const char *const lines[] = { "clock_set", "clock_step x", "clock_set 1x",
                                         "module_load", "clock_step -1" };
    QTest *s = qtest_start("-M none");

    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autofree char *reply = qtest_line(s, "%s", lines[i]);
        g_assert_true(g_str_has_prefix(reply, "FAIL "));
    }
    qtest_expect_line(s, "endianness", "OK little");
    qtest_quit(s);
}

static void test_closing_does_not_end_the_process(void)
{
    g_autofree char *path = tmp_path("second.sock");
    QTest *s = qtest_start_plain("-nodefaults -M none -accel qtest -qtest-log none "
                                 "-qtest unix:%s,server=on,wait=off",
                                 path);
    int fd = sock_connect_unix(path);
    g_autofree char *first = NULL;
    g_autofree char *second = NULL;

    sock_write(fd, "clock_set 7\n", 12);
    first = sock_read_line(fd);
    g_assert_cmpstr(first, ==, "OK 7");
    sock_close(&fd);

    fd = sock_connect_unix(path);
    sock_write(fd, "clock_set 7\n", 12);
    second = sock_read_line(fd);
    g_assert_cmpstr(second, ==, "FAIL 7");
    sock_close(&fd);
    qtest_quit(s);
}

static void test_log(void)
{
    static const char *const parts[] = { "[I 0.000000] OPENED\n", "[R +", "] clock_step 1\n",
                                         "[S +", "] OK 1\n", "] CLOSED\n" };
    g_autofree char *path = tmp_path("logged.sock");
    g_autofree char *log = tmp_path("qtest.log");
    g_autofree char *text = NULL;
    g_autofree char *reply = NULL;
    QTest *s = qtest_start_plain("-nodefaults -M none -accel qtest -qtest-log %s "
                                 "-qtest unix:%s,server=on,wait=off",
                                 log, path);
    int fd = sock_connect_unix(path);

    sock_write(fd, "clock_step 1\n", 13);
    reply = sock_read_line(fd);
    sock_close(&fd);
    /* The server takes one client after the other: the second is greeted after the first. */
    fd = sock_connect_unix(path);
    sock_write(fd, "endianness\n", 11);
    g_free(sock_read_line(fd));
    sock_close(&fd);
    qtest_quit(s);

    g_assert_true(g_file_get_contents(log, &text, NULL, NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_assert_nonnull(strstr(text, parts[i]));
    }
}

static void test_works_while_stopped(void)
{
    QTest *s = qtest_start("-M none -S");

    qtest_expect_line(s, "endianness", "OK little");
    g_assert_cmpint(qtest_clock_step(s, 5), ==, 5);
    qtest_quit(s);
}

static void test_bad_device(void)
{
    qtest_expect_start_error("Failed to initialize device for qtest: \"foo\"",
                             "-nodefaults -M none -qtest foo");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qtest-protocol/endianness", test_endianness);
    g_test_add_func("/qtest-protocol/unknown-command", test_unknown_command);
    g_test_add_func("/qtest-protocol/empty-line-is-ignored", test_empty_line_is_ignored);
    g_test_add_func("/qtest-protocol/clock-starts-at-zero-and-steps",
                    test_clock_starts_at_zero_and_steps);
    g_test_add_func("/qtest-protocol/clock-step-without-deadline",
                    test_clock_step_without_deadline);
    g_test_add_func("/qtest-protocol/clock-has-an-end", test_clock_has_an_end);
    g_test_add_func("/qtest-protocol/clock-set-goes-forward-only",
                    test_clock_set_goes_forward_only);
    g_test_add_func("/qtest-protocol/bad-arguments-are-refused", test_bad_arguments_are_refused);
    g_test_add_func("/qtest-protocol/closing-does-not-end-the-process",
                    test_closing_does_not_end_the_process);
    g_test_add_func("/qtest-protocol/log", test_log);
    g_test_add_func("/qtest-protocol/works-while-stopped", test_works_while_stopped);
    g_test_add_func("/qtest-protocol/bad-device", test_bad_device);
    return g_test_run();
}
