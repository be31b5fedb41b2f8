/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unit test of QMP: framing, negotiation, request checks, queue, events. */

/* Who talks to whom: monitor-client.h. */

#include "cases.h"
#include "monitor-client.h"

#include <string.h>
#include <sys/socket.h>

#include "monitor/monitor-internal.h"
#include "qapi/qapi-commands.h"
#include "qapi/qapi-events.h"

/* --- Negotiation -------------------------------------------------------------------------- */

static void test_greeting(void)
{
    g_autoptr(TestClient) client = client_start("", false);
    g_autofree char *line = client_line(client);

    g_assert_cmpstr(line, ==,
                    "{\"QMP\": {\"version\": {\"qemu\": {\"major\": 10, \"minor\": 2, "
                    "\"micro\": 50}, \"package\": \"qemu-net-daemon " PROJECT_VERSION "\"}, "
                    "\"capabilities\": [\"oob\"]}}");
}

static void test_mux_offers_no_oob(void)
{
    g_autoptr(TestClient) client = client_start(",mux=on", false);
    g_autofree char *line = client_line(client);

    g_assert_true(g_str_has_suffix(line, "\"capabilities\": []}}"));
    client_ask_error(client, CAPABILITIES_OOB, "GenericError", "Capability oob not available");
    client_ask(client, CAPABILITIES, OK);
}

static void test_commands_wait_for_negotiation(void)
{
    static const char expecting[] = "Expecting capabilities negotiation with 'qmp_capabilities'";
    g_autoptr(TestClient) client = client_start("", false);

    client_skip_line(client);
    client_ask_error(client, "{\"execute\": \"query-status\"}", "CommandNotFound", expecting);
    client_ask_error(client, "{\"execute\": \"nosuch\"}", "CommandNotFound", expecting);
    client_ask_error(client, "{}", "GenericError", "QMP input lacks member 'execute'");
    client_ask(client, CAPABILITIES, OK);
    client_ask_error(client, "{\"execute\": \"nosuch\"}", "CommandNotFound",
                     "The command nosuch has not been found");
}

static void test_negotiation_is_done_once(void)
{
    g_autoptr(TestClient) client = client_negotiated(CAPABILITIES);

    client_ask_error(client, CAPABILITIES, "CommandNotFound",
                     "Capabilities negotiation is already complete, command ignored");
}

static void test_unknown_capability(void)
{
    g_autoptr(TestClient) client = client_start("", false);

    client_skip_line(client);
    client_ask_error(client,
                     "{\"execute\": \"qmp_capabilities\", \"arguments\": {\"enable\": [\"foo\"]}}",
                     "GenericError", "Parameter 'null' does not accept value 'foo'");
    client_ask_error(client, "{\"execute\": \"query-status\"}", "CommandNotFound",
                     "Expecting capabilities negotiation with 'qmp_capabilities'");
}

static void test_empty_enable_list(void)
{
    g_autoptr(TestClient) client = client_start("", false);

    client_skip_line(client);
    client_ask(client, "{\"execute\": \"qmp_capabilities\", \"arguments\": {\"enable\": []}}", OK);
    client_ask_error(client, "{\"exec-oob\": \"query-status\"}", "GenericError",
                     "QMP input member 'exec-oob' is unexpected");
}

/* --- Requests ----------------------------------------------------------------------------- */

static const TestRequest test_requests[] = {
    { "array-is-no-request", "[]", GENERIC("QMP input must be a JSON object") },
    { "string-is-no-request", "\"x\"", GENERIC("QMP input must be a JSON object") },
    { "number-is-no-request", "1 ", GENERIC("QMP input must be a JSON object") },
    { "null-is-no-request", "null ", GENERIC("QMP input must be a JSON object") },
    { "no-execute", "{\"arguments\": {}}", GENERIC("QMP input lacks member 'execute'") },
    { "execute-is-no-string", "{\"execute\": 1}",
      GENERIC("QMP input member 'execute' must be a string") },
    { "execute-is-null", "{\"execute\": null}",
      GENERIC("QMP input member 'execute' must be a string") },
    { "arguments-are-no-object", "{\"execute\": \"stop\", \"arguments\": []}",
      GENERIC("QMP input member 'arguments' must be an object") },
    { "arguments-are-null", "{\"execute\": \"stop\", \"arguments\": null}",
      GENERIC("QMP input member 'arguments' must be an object") },
    { "other-member", "{\"execute\": \"stop\", \"foo\": 1}",
      GENERIC("QMP input member 'foo' is unexpected") },
    { "exec-oob-not-enabled", "{\"exec-oob\": \"stop\"}",
      GENERIC("QMP input member 'exec-oob' is unexpected") },
    { "unknown-command", "{\"execute\": \"nosuch\"}",
      "{\"error\": {\"class\": \"CommandNotFound\", "
      "\"desc\": \"The command nosuch has not been found\"}}" },
    { "mistyped-command", "{\"execute\": \"query-statsu\"}",
      "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"The command query-statsu has "
      "not been found. Did you mean 'query-status'?\"}}" },
    { "mistyped-argument", "{\"execute\": \"getfd\", \"arguments\": {\"fdname\": \"a\", "
      "\"fdnmae\": \"b\"}}",
      GENERIC("Parameter 'fdnmae' is unexpected. Did you mean 'fdname'?") },
    { "argument-missing", "{\"execute\": \"getfd\"}", GENERIC("Parameter 'fdname' is missing") },
    { "argument-of-wrong-type", "{\"execute\": \"getfd\", \"arguments\": {\"fdname\": 1}}",
      GENERIC("Invalid parameter type for 'fdname', expected: string") },
    { "argument-unknown",
      "{\"execute\": \"closefd\", \"arguments\": {\"fdname\": \"a\", \"foo\": 1}}",
      GENERIC("Parameter 'foo' is unexpected") },
    { "argument-where-none-is-taken",
      "{\"execute\": \"query-version\", \"arguments\": {\"foo\": 1}}",
      GENERIC("Parameter 'foo' is unexpected") },
    { "empty-arguments-where-none-are-taken",
      "{\"execute\": \"query-fdsets\", \"arguments\": {}}", "{\"return\": []}" },
    { "id-string", "{\"execute\": \"query-fdsets\", \"id\": \"x\"}",
      "{\"return\": [], \"id\": \"x\"}" },
    { "id-number", "{\"execute\": \"query-fdsets\", \"id\": -1.5}",
      "{\"return\": [], \"id\": -1.5}" },
    { "id-null", "{\"execute\": \"query-fdsets\", \"id\": null}",
      "{\"return\": [], \"id\": null}" },
    { "id-bool-comes-first", "{\"id\": true, \"execute\": \"query-fdsets\"}",
      "{\"return\": [], \"id\": true}" },
    { "id-nested", "{\"execute\": \"query-fdsets\", \"id\": [1, {\"a\": [null, {}]}]}",
      "{\"return\": [], \"id\": [1, {\"a\": [null, {}]}]}" },
    { "id-in-an-error", "{\"execute\": \"nosuch\", \"id\": 7}",
      "{\"error\": {\"class\": \"CommandNotFound\", "
      "\"desc\": \"The command nosuch has not been found\"}, \"id\": 7}" },
    { "id-of-a-malformed-request", "{\"foo\": 1, \"id\": 8}",
      "{\"error\": {\"class\": \"GenericError\", "
      "\"desc\": \"QMP input member 'foo' is unexpected\"}, \"id\": 8}" },
    { "json-value-expected", "{\"a\": }", PARSE_ERROR("expecting value") },
    { "json-bare-word", "foo\n", PARSE_ERROR("invalid keyword 'foo'") },
    { "json-missing-colon", "{\"a\" 1}", PARSE_ERROR("missing : in object pair") },
    { "json-same-key-twice", "{\"id\": 1, \"id\": 2}", PARSE_ERROR("duplicate key") },
    { "human-monitor-cpu-index",
      "{\"execute\": \"human-monitor-command\", "
      "\"arguments\": {\"command-line\": \"help help\", \"cpu-index\": 0}}",
      GENERIC("Parameter 'cpu-index' expects a CPU number") },
    { "human-monitor-text-has-crlf",
      "{\"execute\": \"human-monitor-command\", \"arguments\": {\"command-line\": \"foo\"}}",
      "{\"return\": \"unknown command: 'foo'\\r\\n\"}" },
    { "human-monitor-empty-line",
      "{\"execute\": \"human-monitor-command\", \"arguments\": {\"command-line\": \"\"}}",
      "{\"return\": \"\"}" },
    { "query-version", "{\"execute\": \"query-version\"}",
      "{\"return\": {\"qemu\": {\"major\": 10, \"minor\": 2, \"micro\": 50}, "
      "\"package\": \"qemu-net-daemon " PROJECT_VERSION "\"}}" },
};

static void test_request(const void *opaque)
{
    const TestRequest *test = opaque;
    g_autoptr(TestClient) client = client_negotiated(CAPABILITIES);

    client_ask(client, test->request, test->reply);
    /* Whatever it was, the next one is served. */
    client_ask(client, "{\"execute\": \"query-fdsets\", \"id\": \"next\"}",
               "{\"return\": [], \"id\": \"next\"}");
}

static void test_query_commands_lists_all_sorted(void)
{
    g_autoptr(CommandInfoList) list = qmp_query_commands(NULL);

    g_assert_cmpuint(list->len, >, 20);
    for (size_t i = 1; i < list->len; i++) {
        g_assert_cmpstr(list->items[i - 1].name, <, list->items[i].name);
    }
}

static void test_preconfig_refuses(void)
{
    g_autoptr(TestClient) client = client_negotiated(CAPABILITIES);

    monitor_set_preconfig(true);
    client_ask_error(client, "{\"execute\": \"stop\"}", "GenericError",
                     "The command 'stop' is permitted only after machine initialization "
                     "has completed");
    client_ask(client, "{\"execute\": \"query-name\"}", OK);
    monitor_set_preconfig(false);
    client_ask(client, "{\"execute\": \"query-fdsets\"}", "{\"return\": []}");
}

/* --- Framing ------------------------------------------------------------------------------ */

static const char test_two_requests[] =
    "{\"execute\": \"query-fdsets\", \"id\": \"{\\u00e9}\"} \r\n"
    "{'execute': 'nosuch', 'id': {\"a\": [1, 2]}}";

static void client_expect_two(TestClient *client)
{
    client_expect(client, "{\"return\": [], \"id\": \"{\\u00E9}\"}");
    client_expect(client, "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": "
                  "\"The command nosuch has not been found\"}, \"id\": {\"a\": [1, 2]}}");
}

static void test_split_at_every_byte(void)
{
    g_autoptr(TestClient) client = client_negotiated(CAPABILITIES);
    size_t len = strlen(test_two_requests);

    for (size_t i = 0; i <= len; i++) {
        client_send(client, test_two_requests, i);
        test_settle();
        client_send(client, test_two_requests + i, len - i);
        client_expect_two(client);
    }
}

static void test_byte_by_byte(void)
{
    g_autoptr(TestClient) client = client_negotiated(CAPABILITIES);

    for (const char *at = test_two_requests; *at; at++) {
        client_send(client, at, 1);
        test_settle();
    }
    client_expect_two(client);
}

static void test_many_in_one_write(void)
{
    g_autoptr(TestClient) client = client_negotiated(CAPABILITIES);
    g_autoptr(GString) text = g_string_new(NULL);

    for (int i = 0; i < 500; i++) {
        g_string_append_printf(text, "{\"execute\":\"query-fdsets\",\"id\":%d}", i);
    }
    client_send(client, text->str, text->len);
    for (int i = 0; i < 500; i++) {
        g_autofree char *reply = g_strdup_printf("{\"return\": [], \"id\": %d}", i);

        client_expect(client, reply);
    }
}

static void test_each_parse_error_is_told(void)
{
    g_autoptr(TestClient) client = client_negotiated(CAPABILITIES);

    client_send_text(client, "{\"execute\": \"query-fdsets\"}}}");
    client_expect(client, "{\"return\": []}");
    client_expect(client, PARSE_ERROR("expecting value"));
    client_expect(client, PARSE_ERROR("expecting value"));
}

static void test_pretty(void)
{
    g_autoptr(TestClient) client = client_start("", true);
    const char *const lines[] = { "{", "    \"return\": {", "    },", "    \"id\": [",
                                  "        1", "    ]", "}" };
    g_autoptr(GString) all = g_string_new(NULL);

    client_skip_line(client);
    client_send_text(client, "{\"execute\": \"qmp_capabilities\", \"id\": [1]}");
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_string_append_printf(all, "%s%s", i > 0 ? "\n" : "", lines[i]);
    }
    client_expect(client, all->str);
}

/* --- Queue -------------------------------------------------------------------------------- */

static void test_oob_of_a_normal_command(void)
{
    g_autoptr(TestClient) client = client_negotiated(CAPABILITIES_OOB);

    client_ask_error(client, "{\"exec-oob\": \"query-status\"}", "GenericError",
                     "The command query-status does not support OOB");
    client_ask_error(client, "{\"exec-oob\": \"nosuch\"}", "CommandNotFound",
                     "The command nosuch has not been found");
    client_ask_error(client, "{\"exec-oob\": \"a\", \"execute\": \"b\"}", "GenericError",
                     "QMP input member 'execute' clashes with 'exec-oob'");
    client_ask_error(client, "{\"execute\": \"a\", \"exec-oob\": \"b\"}", "GenericError",
                     "QMP input member 'exec-oob' clashes with 'execute'");
}

static void client_send_queries(TestClient *client, int n)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (int i = 1; i <= n; i++) {
        g_string_append_printf(text, "{\"execute\":\"query-fdsets\",\"id\":%d}", i);
    }
    g_string_append(text, "{\"exec-oob\":\"query-status\",\"id\":\"oob\"}");
    client_send(client, text->str, text->len);
}

/* How many of @n replies come before that of the out-of-band request. */
static int client_count_before_oob(TestClient *client, int n)
{
    int before = -1;

    for (int i = 0; i <= n; i++) {
        g_autofree char *line = client_line(client);

        if (strstr(line, "\"id\": \"oob\"")) {
            before = i;
        }
    }
    return before;
}

static void test_oob_overtakes(void)
{
    g_autoptr(TestClient) client = client_negotiated(CAPABILITIES_OOB);

    client_send_queries(client, 7);
    g_assert_cmpint(client_count_before_oob(client, 7), ==, 0);
}

static void test_full_queue_stops_reading(void)
{
    g_autoptr(TestClient) client = client_negotiated(CAPABILITIES_OOB);

    /* Eight wait; the oob request is met when three of eleven have been served. */
    client_send_queries(client, 10);
    g_assert_cmpint(client_count_before_oob(client, 10), ==, 3);
}

static void test_monitors_take_turns(void)
{
    g_autoptr(TestClient) busy = client_negotiated(CAPABILITIES_OOB);
    g_autoptr(TestClient) other = client_negotiated(CAPABILITIES);
    int before = 0;

    for (int i = 0; i < 8; i++) {
        client_send_text(busy, "{\"execute\": \"system_reset\"}");
    }
    client_send_text(other, "{\"execute\": \"query-fdsets\"}");
    for (;;) {
        g_autofree char *line = client_line(other);

        if (g_str_equal(line, "{\"return\": []}")) {
            break;
        }
        before++;
    }
    g_assert_cmpint(before, <=, 2);
    test_settle(); /* the rest is carried out even if its client leaves */
}

/* Until the socket takes no more. Returns: how many requests went whole. */
static int client_flood(TestClient *client)
{
    static const char request[] = "{\"execute\": \"query-commands\"}\n";
    size_t len = strlen(request);
    size_t sent = 0;

    for (int idle = 0; idle < 3;) {
        ssize_t n = send(client->fd, request + sent % len, len - sent % len, MSG_NOSIGNAL);

        if (n > 0) {
            sent += (size_t)n;
            idle = 0;
        } else {
            test_settle();
            idle++;
        }
        g_assert_cmpuint(sent, <, 32 * 1024 * 1024);
    }
    return (int)(sent / len);
}

static void test_client_that_does_not_read_is_not_served(void)
{
    g_autoptr(TestClient) stalled = client_negotiated(CAPABILITIES);
    g_autoptr(TestClient) other = client_negotiated(CAPABILITIES);
    int n = client_flood(stalled);

    client_ask(other, "{\"execute\": \"query-fdsets\"}", "{\"return\": []}");
    /* Nothing is lost for it: once it reads, all is answered. */
    for (int i = 0; i < n; i++) {
        g_autofree char *line = client_line(stalled);

        g_assert_true(g_str_has_prefix(line, "{\"return\": [{\"name\": "));
    }
}

/* --- Events ------------------------------------------------------------------------------- */

static void test_event_before_reply(void)
{
    g_autoptr(TestClient) client = client_negotiated(CAPABILITIES);

    client_send_text(client, "{\"execute\": \"system_reset\", \"id\": 1}");
    client_expect_event(client, "\"event\": \"RESET\", \"data\": {\"guest\": false, "
                        "\"reason\": \"host-qmp-system-reset\"}}");
    client_expect(client, "{\"return\": {}, \"id\": 1}");
}

static void test_event_without_data(void)
{
    g_autoptr(TestClient) client = client_negotiated(CAPABILITIES);

    qapi_event_powerdown();
    client_expect_event(client, "\"event\": \"POWERDOWN\"}");
}

static void test_event_before_reply_of_human_command(void)
{
    g_autoptr(TestClient) client = client_negotiated(CAPABILITIES);

    client_send_text(client, "{\"execute\": \"human-monitor-command\", \"arguments\": "
                     "{\"command-line\": \"system_powerdown\"}}");
    client_expect_event(client, "\"event\": \"POWERDOWN\"}");
    client_expect(client, "{\"return\": \"\"}");
}

static void test_events_need_negotiation(void)
{
    g_autoptr(TestClient) first = client_negotiated(CAPABILITIES);
    g_autoptr(TestClient) second = client_negotiated(CAPABILITIES);
    g_autoptr(TestClient) silent = client_start("", false);

    client_skip_line(silent);
    qapi_event_powerdown();
    client_expect_event(first, "\"event\": \"POWERDOWN\"}");
    client_expect_event(second, "\"event\": \"POWERDOWN\"}");
    client_ask(silent, CAPABILITIES, OK);
}

static void test_event_timestamp(void)
{
    json_object *event = qmp_event_object("X", NULL, 12000034);

    g_assert_cmpstr(json_object_to_json_string_ext(event, JSON_C_TO_STRING_PLAIN), ==,
                    "{\"timestamp\":{\"seconds\":12,\"microseconds\":34},\"event\":\"X\"}");
    json_object_put(event);
}

int main(int argc, char **argv)
{
    test_init(&argc, &argv);
    g_test_add_func("/qmp/greeting", test_greeting);
    g_test_add_func("/qmp/mux-offers-no-oob", test_mux_offers_no_oob);
    g_test_add_func("/qmp/commands-wait-for-negotiation", test_commands_wait_for_negotiation);
    g_test_add_func("/qmp/negotiation-is-done-once", test_negotiation_is_done_once);
    g_test_add_func("/qmp/unknown-capability", test_unknown_capability);
    g_test_add_func("/qmp/empty-enable-list", test_empty_enable_list);
    CASES_ADD("/qmp/request/", test_requests, path, test_request);
    g_test_add_func("/qmp/query-commands-lists-all-sorted", test_query_commands_lists_all_sorted);
    g_test_add_func("/qmp/preconfig-refuses", test_preconfig_refuses);
    g_test_add_func("/qmp/split-at-every-byte", test_split_at_every_byte);
    g_test_add_func("/qmp/byte-by-byte", test_byte_by_byte);
    g_test_add_func("/qmp/many-in-one-write", test_many_in_one_write);
    g_test_add_func("/qmp/each-parse-error-is-told", test_each_parse_error_is_told);
    g_test_add_func("/qmp/pretty", test_pretty);
    g_test_add_func("/qmp/oob-of-a-normal-command", test_oob_of_a_normal_command);
    g_test_add_func("/qmp/oob-overtakes", test_oob_overtakes);
    g_test_add_func("/qmp/full-queue-stops-reading", test_full_queue_stops_reading);
    g_test_add_func("/qmp/monitors-take-turns", test_monitors_take_turns);
    g_test_add_func("/qmp/client-that-does-not-read-is-not-served",
                    test_client_that_does_not_read_is_not_served);
    g_test_add_func("/qmp/event-before-reply", test_event_before_reply);
    g_test_add_func("/qmp/event-without-data", test_event_without_data);
    g_test_add_func("/qmp/event-before-reply-of-human-command",
                    test_event_before_reply_of_human_command);
    g_test_add_func("/qmp/events-need-negotiation", test_events_need_negotiation);
    g_test_add_func("/qmp/event-timestamp", test_event_timestamp);
    return g_test_run();
}
