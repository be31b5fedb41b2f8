/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Log files that were moved away are opened again at SIGHUP, and no line is lost. */

#include "files.h"
#include "rig.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Until there is a file: the program is asked something meanwhile. */
static void wait_for_file(QTest *s, const char *path)
{
    int64_t end = g_get_monotonic_time() + wait_limit_ms() * INT64_C(1000);

    while (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        qtest_qmp_ok(s, "{'execute': 'query-status'}");
    }
}

static void test_traces(void)
{
    g_autofree char *log = tmp_path("trace.log");
    g_autofree char *old = tmp_path("trace.log.1");
    QTest *s = qtest_start("-trace run_state_changed -D %s", log);
    g_autofree char *text = NULL;
    g_autofree char *old_text = NULL;

    qtest_stop(s);
    g_assert_cmpint(rename(log, old), ==, 0);
    qtest_signal(s, SIGHUP);
    wait_for_file(s, log);
    qtest_cont(s);
    qtest_quit(s);
    text = read_file(log);
    old_text = read_file(old);
    g_assert_nonnull(strstr(old_text, "run_state_changed running -> paused\n"));
    g_assert_null(strstr(old_text, "paused -> running"));
    g_assert_null(strstr(text, "running -> paused\n"));
    g_assert_true(g_str_has_prefix(text, "run_state_changed paused -> running\n"));
}

/* It was moved back, or never moved away: what is there stays. */
static void test_nothing_is_overwritten(void)
{
    g_autofree char *log = tmp_path("unmoved.log");
    g_autofree char *other = tmp_path("unmoved.log.other");
    g_autofree char *mark = tmp_path("unmoved-mark.log");
    QTest *s = qtest_start("-trace run_state_changed -D %s -chardev null,id=c,logfile=%s", log,
                           mark);
    g_autofree char *text = NULL;

    qtest_stop(s);
    g_assert_cmpint(rename(mark, other), ==, 0);
    qtest_signal(s, SIGHUP);
    wait_for_file(s, mark); /* opened after the other one */
    qtest_cont(s);
    qtest_quit(s);
    text = read_file(log);
    g_assert_nonnull(strstr(text, "run_state_changed running -> paused\n"
                            "run_state_changed paused -> running\n"));
}

static void test_chardev(void)
{
    g_autofree char *log = tmp_path("chardev.log");
    g_autofree char *old = tmp_path("chardev.log.1");
    Rig *rig = rig_new_with_taker("-chardev null,id=copy,logfile=%s -object filter-mirror,id=f0,"
                                  "netdev=net0,queue=tx,outdev=copy", log);
    struct stat old_st;
    struct stat st;

    rig_send(rig, 10);
    rig_expect_peer(rig, 10);
    qtest_wait_filter(rig->s, "f0", "to-outdev.frames", 10);
    g_assert_cmpint(rename(log, old), ==, 0);
    qtest_signal(rig->s, SIGHUP);
    wait_for_file(rig->s, log);
    rig_free(rig);
    g_assert_cmpint(stat(old, &old_st), ==, 0);
    g_assert_cmpint(stat(log, &st), ==, 0);
    g_assert_cmpint(old_st.st_size, >, 0);
    g_assert_cmpint(st.st_size, ==, 0);
}

/* Where the new one cannot be made, the old one is written on. */
static void test_not_possible(void)
{
    g_autofree char *folder = tmp_path("logs");
    g_autofree char *moved = tmp_path("logs.moved");
    g_autofree char *moved_log = g_build_filename(moved, "a.log", NULL);
    g_autofree char *text = NULL;
    QTest *s;

    g_assert_cmpint(mkdir(folder, 0700), ==, 0);
    s = qtest_start("-trace run_state_changed -D %s/a.log", folder);
    g_assert_cmpint(rename(folder, moved), ==, 0);
    qtest_signal(s, SIGHUP);
    qtest_wait_output(s, "/logs/a.log again: No such file or directory: the old one is written on");
    qtest_stop(s);
    qtest_quit(s);
    text = read_file(moved_log);
    g_assert_nonnull(strstr(text, "run_state_changed running -> paused\n"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/log-rotation/traces", test_traces);
    g_test_add_func("/log-rotation/nothing-is-overwritten", test_nothing_is_overwritten);
    g_test_add_func("/log-rotation/chardev", test_chardev);
    g_test_add_func("/log-rotation/not-possible", test_not_possible);
    return g_test_run();
}
