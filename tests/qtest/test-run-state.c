/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stop, cont, reset, powerdown and the end of the process, as a QMP client sees them. */

#include <signal.h>
#include <string.h>

#include "cases.h"
#include "qtest-client.h"

/*
 *   test ──QMP──► program: the event, then the reply
 */

static void assert_status(QTest *s, const char *status)
{
    g_autoptr(json_object) info = qtest_qmp_return(s, "{'execute': 'query-status'}");

    g_assert_cmpstr(json_object_get_string(json_object_object_get(info, "status")), ==, status);
    g_assert_cmpint(json_object_get_boolean(json_object_object_get(info, "running")), ==,
                    strcmp(status, "running") == 0);
}

/* Whether the next message is event @name, or with NULL a successful reply. */
static void expect_next(QTest *s, const char *name)
{
    g_autofree char *line = sock_read_line(qtest_qmp_fd(s));
    g_autoptr(json_object) message = json_tokener_parse(line);

    if (name) {
        g_assert_cmpstr(json_object_get_string(json_object_object_get(message, "event")), ==,
                        name);
    } else {
        g_assert_true(json_object_object_get_ex(message, "return", NULL));
    }
}

/* --- Rows of the tables ------------------------------------------------------------------ */

typedef struct Row {
    const char *name;
    const char *options;
    bool paused;          /* stop first */
    const char *command;
    const char *event;    /* that comes before the reply; NULL = none */
    const char *to;
} Row;

static const Row rows[] = {
    { "stop/running", "", false, "stop", "STOP", "paused" },
    { "stop/paused", "", true, "stop", NULL, "paused" },
    { "stop/prelaunch", "-S", false, "stop", NULL, "prelaunch" },
    { "stop/inmigrate", "-incoming defer", false, "stop", NULL, "inmigrate" },
    { "cont/running", "", false, "cont", NULL, "running" },
    { "cont/paused", "", true, "cont", "RESUME", "running" },
    { "cont/prelaunch", "-S", false, "cont", "RESUME", "running" },
    { "cont/inmigrate", "-incoming defer", false, "cont", NULL, "inmigrate" },
    { "system_reset/running", "", false, "system_reset", "RESET", "running" },
    { "system_reset/paused", "", true, "system_reset", "RESET", "prelaunch" },
    { "system_reset/prelaunch", "-S", false, "system_reset", "RESET", "prelaunch" },
    { "system_reset/inmigrate", "-incoming defer", false, "system_reset", "RESET", "inmigrate" },
    { "system_powerdown/running", "", false, "system_powerdown", "POWERDOWN", "running" },
    { "system_powerdown/paused", "", true, "system_powerdown", "POWERDOWN", "paused" },
    { "system_powerdown/prelaunch", "-S", false, "system_powerdown", "POWERDOWN", "prelaunch" },
    { "system_powerdown/inmigrate", "-incoming defer", false, "system_powerdown", "POWERDOWN",
      "inmigrate" },
};

static void test_row(const void *data)
{
    const Row *row = data;
    QTest *s = qtest_start("-M none %s", row->options);

    if (row->paused) {
        qtest_stop(s);
    }
    qtest_qmp_send(s, "{'execute': '%s'}", row->command);
    if (row->event) {
        expect_next(s, row->event);
    }
    expect_next(s, NULL);
    assert_status(s, row->to);
    qtest_quit(s);
}

/* The same three by the human monitor, which prints nothing. */
static const Row hmp_rows[] = {
    { "stop", "", false, "stop", "STOP", "paused" },
    { "cont", "", true, "cont", "RESUME", "running" },
    { "system_reset", "", false, "system_reset", "RESET", "running" },
    { "system_powerdown", "", false, "system_powerdown", "POWERDOWN", "running" },
};

static void test_hmp_row(const void *data)
{
    const Row *row = data;
    QTest *s = qtest_start("-M none %s", row->options);
    g_autofree char *text = NULL;

    if (row->paused) {
        qtest_stop(s);
    }
    text = qtest_hmp(s, "%s", row->command);
    g_assert_cmpstr(text, ==, "");
    qtest_expect_event(s, row->event);
    assert_status(s, row->to);
    qtest_quit(s);
}

static void assert_reason(QTest *s, const char *event, const char *reason)
{
    g_autoptr(json_object) message = qtest_wait_event(s, event);
    json_object *data = json_object_object_get(message, "data");

    g_assert_cmpstr(json_object_get_string(json_object_object_get(data, "reason")), ==, reason);
    g_assert_false(json_object_get_boolean(json_object_object_get(data, "guest")));
}

static void test_reset_data(void)
{
    QTest *s = qtest_start("-M none");

    qtest_qmp_ok(s, "{'execute': 'system_reset'}");
    assert_reason(s, "RESET", "host-qmp-system-reset");
    qtest_quit(s);
}

static void test_stop_and_cont_many_times(void)
{
    QTest *s = qtest_start("-M none");

    for (int i = 0; i < 100; i++) {
        qtest_stop(s);
        qtest_cont(s);
    }
    assert_status(s, "running");
    qtest_quit(s);
}

static void test_commands_work_while_stopped(void)
{
    QTest *s = qtest_start("-M none -S");

    qtest_qmp_ok(s, "{'execute': 'netdev_add', 'arguments': {'type': 'hubport', 'id': 'p', "
                    "'hubid': 1}}");
    qtest_object_add(s, "{'qom-type': 'filter-buffer', 'id': 'f', 'netdev': 'p', "
                        "'interval': 1000}");
    qtest_qom_set(s, "f", "interval", "2000");
    qtest_qmp_ok(s, "{'execute': 'set_link', 'arguments': {'name': 'p', 'up': false}}");
    qtest_object_del(s, "f");
    qtest_qmp_ok(s, "{'execute': 'netdev_del', 'arguments': {'id': 'p'}}");
    assert_status(s, "prelaunch");
    qtest_quit(s);
}

/* --- The end ----------------------------------------------------------------------------- */

static void test_quit(void)
{
    QTest *s = qtest_start("-M none");

    qtest_qmp_send(s, "{'execute': 'quit'}");
    expect_next(s, "SHUTDOWN");
    expect_next(s, NULL);
    sock_expect_eof(qtest_qmp_fd(s));
    g_assert_cmpint(qtest_wait_exit(s), ==, 0);
}

static void test_quit_reason(void)
{
    QTest *s = qtest_start("-M none");

    qtest_qmp_ok(s, "{'execute': 'quit'}");
    assert_reason(s, "SHUTDOWN", "host-qmp-quit");
    g_assert_cmpint(qtest_wait_exit(s), ==, 0);
}

static void test_hmp_quit(void)
{
    QTest *s = qtest_start("-M none");

    qtest_qmp_send(s, "{'execute': 'human-monitor-command', "
                      "'arguments': {'command-line': 'quit'}}");
    expect_next(s, "SHUTDOWN");
    expect_next(s, NULL);
    g_assert_cmpint(qtest_wait_exit(s), ==, 0);
}

static void test_quit_while_paused(void)
{
    QTest *s = qtest_start("-M none -no-shutdown");

    qtest_stop(s);
    qtest_qmp_send(s, "{'execute': 'quit'}");
    expect_next(s, "SHUTDOWN");
    expect_next(s, NULL);
    g_assert_cmpint(qtest_wait_exit(s), ==, 0);
}

static void test_no_stop_event_at_the_end(void)
{
    QTest *s = qtest_start("-M none");

    qtest_qmp_send(s, "{'execute': 'quit'}");
    expect_next(s, "SHUTDOWN"); /* and not STOP before it */
    g_assert_cmpint(qtest_wait_exit(s), ==, 0);
}

static void test_signal(const void *data)
{
    QTest *s = qtest_start("-M none");

    qtest_signal(s, GPOINTER_TO_INT(data));
    assert_reason(s, "SHUTDOWN", "host-signal");
    g_assert_cmpint(qtest_wait_exit(s), ==, 0);
}

static void test_reset_that_ends(const void *data)
{
    QTest *s = qtest_start("-M none %s", (const char *)data);

    qtest_qmp_send(s, "{'execute': 'system_reset'}");
    expect_next(s, "SHUTDOWN");
    expect_next(s, NULL);
    g_assert_cmpint(qtest_wait_exit(s), ==, 0);
}

static void test_set_action_reboot(void)
{
    QTest *s = qtest_start("-M none");

    qtest_qmp_ok(s, "{'execute': 'set-action', 'arguments': {'reboot': 'shutdown'}}");
    qtest_qmp_ok(s, "{'execute': 'system_reset'}");
    assert_reason(s, "SHUTDOWN", "host-qmp-system-reset");
    g_assert_cmpint(qtest_wait_exit(s), ==, 0);
}

static void test_set_action_undoes_no_reboot(void)
{
    QTest *s = qtest_start("-M none -no-reboot");

    qtest_qmp_ok(s, "{'execute': 'set-action', 'arguments': {'reboot': 'reset'}}");
    qtest_qmp_ok(s, "{'execute': 'system_reset'}");
    qtest_expect_event(s, "RESET");
    qtest_quit(s);
}

static void test_set_action_value(void)
{
    QTest *s = qtest_start("-M none");

    qtest_qmp_error(s, "GenericError", "Parameter 'reboot' does not accept value 'never'",
                    "{'execute': 'set-action', 'arguments': {'reboot': 'never'}}");
    qtest_quit(s);
}

static void test_closed_connections_do_not_end_the_process(void)
{
    g_autofree char *path = tmp_path("second-qmp.sock");
    QTest *s = qtest_start("-M none -qmp unix:%s,server=on,wait=off", path);
    int fd = sock_connect_unix(path);

    g_free(sock_read_line(fd));
    sock_close(&fd);
    fd = sock_connect_unix(path);
    g_free(sock_read_line(fd)); /* greeted again */
    sock_close(&fd);
    assert_status(s, "running");
    qtest_quit(s);
}

static void test_end_removes_socket_paths(void)
{
    g_autofree char *path = tmp_path("gone.sock");
    QTest *s = qtest_start("-M none -chardev socket,id=c,path=%s,server=on,wait=off", path);

    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    qtest_quit(s);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

/* --- Idle answers ------------------------------------------------------------------------ */

typedef struct Answer {
    const char *command;
    const char *part; /* of the compact JSON text */
} Answer;

static const Answer answers[] = {
    { "query-uuid", "\"00000000-0000-0000-0000-000000000000\"" },
    { "query-target", "\"x86_64\"" },
    { "query-kvm", "\"enabled\":false" },
    { "query-accelerators", "\"present\":[\"qtest\"]" },
    { "query-machines", "\"none\"" },
    { "query-cpu-definitions", "[]" },
    { "query-cpus-fast", "[]" },
    { "query-block", "[]" },
    { "query-jobs", "[]" },
    { "query-migrate", "{}" },
    { "query-iothreads", "[]" },
    { "query-command-line-options", "\"option\":\"netdev\",\"parameters\":[]" },
};

static void test_answer(const void *data)
{
    const Answer *answer = data;
    QTest *s = qtest_start("-M none");
    g_autoptr(json_object) value = qtest_qmp_return(s, "{'execute': '%s'}", answer->command);
    const char *text = json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);

    if (!strstr(text, answer->part)) {
        g_error("no %s in %s", answer->part, text);
    }
    qtest_quit(s);
}

/* --- Main -------------------------------------------------------------------------------- */

static void add_tables(void)
{
    CASES_ADD("/run-state/", rows, name, test_row);
    CASES_ADD("/run-state/hmp/", hmp_rows, name, test_hmp_row);
    CASES_ADD("/run-state/answers/", answers, command, test_answer);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_tables();
    g_test_add_func("/run-state/reset-data", test_reset_data);
    g_test_add_func("/run-state/stop-and-cont-many-times", test_stop_and_cont_many_times);
    g_test_add_func("/run-state/commands-work-while-stopped", test_commands_work_while_stopped);
    g_test_add_func("/run-state/quit", test_quit);
    g_test_add_func("/run-state/quit-reason", test_quit_reason);
    g_test_add_func("/run-state/hmp-quit", test_hmp_quit);
    g_test_add_func("/run-state/quit-while-paused", test_quit_while_paused);
    g_test_add_func("/run-state/no-stop-event-at-the-end", test_no_stop_event_at_the_end);
    g_test_add_data_func("/run-state/SIGTERM", GINT_TO_POINTER(SIGTERM), test_signal);
    g_test_add_data_func("/run-state/SIGINT", GINT_TO_POINTER(SIGINT), test_signal);
    g_test_add_data_func("/run-state/SIGHUP", GINT_TO_POINTER(SIGHUP), test_signal);
    g_test_add_data_func("/run-state/no-reboot", "-no-reboot", test_reset_that_ends);
    g_test_add_data_func("/run-state/action-reboot", "-action reboot=shutdown",
                         test_reset_that_ends);
    g_test_add_func("/run-state/set-action-reboot", test_set_action_reboot);
    g_test_add_func("/run-state/set-action-undoes-no-reboot", test_set_action_undoes_no_reboot);
    g_test_add_func("/run-state/set-action-value", test_set_action_value);
    g_test_add_func("/run-state/closed-connections-do-not-end-the-process",
                    test_closed_connections_do_not_end_the_process);
    g_test_add_func("/run-state/end-removes-socket-paths", test_end_removes_socket_paths);
    return g_test_run();
}
