/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The QMP half of the qtest client: commands, errors, events, objects. */

#include "qtest-client.h"

#include <string.h>
#include <unistd.h>
#include "qtest-internal.h"

static json_object *json_member(json_object *object, const char *name)
{
    json_object *value = NULL;

    json_object_object_get_ex(object, name, &value);
    return value;
}

static const char *json_text(json_object *object, const char *name)
{
    json_object *value = json_member(object, name);

    return value ? json_object_get_string(value) : NULL;
}

static json_object *json_parse(const char *text)
{
    json_object *object = json_tokener_parse(text);

    if (!object) {
        g_error("not JSON: %s", text);
    }
    return object;
}

/* ---- messages ---- */

static bool qmp_is_event(json_object *message)
{
    return json_member(message, "event") != NULL;
}

static json_object *qtest_qmp_read(QTest *s)
{
    g_autofree char *line = qtest_qmp_read_line(s);

    return json_parse(line);
}

json_object *qtest_qmp_receive(QTest *s)
{
    for (;;) {
        json_object *message = qtest_qmp_read(s);

        if (!qmp_is_event(message)) {
            return message;
        }
        g_queue_push_tail(s->events, message);
    }
}

void qtest_qmp_send_raw(QTest *s, const void *data, size_t len)
{
    sock_write(s->qmp_fd, data, len);
}

int qtest_qmp_fd(const QTest *s)
{
    return s->qmp_fd;
}

/* A command written with single quotes goes out as strict JSON. */
static void qtest_qmp_vsend(QTest *s, const char *format, va_list args)
{
    g_autofree char *text = g_strdup_vprintf(format, args);
    g_autoptr(json_object) command = json_parse(text);
    const char *line = json_object_to_json_string_ext(command, JSON_C_TO_STRING_SPACED);
    g_autofree char *bytes = NULL;

    if (g_getenv("QTEST_LOG")) {
        g_printerr("# -> %s\n", line);
    }
    /* In one piece: a program that quits at once would be gone for a second. */
    bytes = g_strconcat(line, "\n", NULL);
    sock_write(s->qmp_fd, bytes, strlen(bytes));
}

static json_object *qtest_qmp_vexchange(QTest *s, const char *format, va_list args)
{
    qtest_qmp_vsend(s, format, args);
    return qtest_qmp_receive(s);
}

static json_object *qmp_take_return(json_object *reply)
{
    json_object *value = NULL;

    if (!json_object_object_get_ex(reply, "return", &value)) {
        g_error("QMP: %s", json_object_to_json_string(reply));
    }
    return json_object_get(value);
}

void qtest_negotiate(QTest *s)
{
    g_autoptr(json_object) greeting = qtest_qmp_receive(s);

    g_assert_nonnull(json_member(greeting, "QMP"));
    qtest_qmp_ok(s, "{'execute': 'qmp_capabilities'}");
}

void qtest_attach_qmp(QTest *s, int fd)
{
    sock_close(&s->qmp_fd);
    g_string_truncate(s->qmp_input, 0);
    s->qmp_fd = fd;
    qtest_negotiate(s);
}

void qtest_qmp_send(QTest *s, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    qtest_qmp_vsend(s, format, args);
    va_end(args);
}

json_object *qtest_qmp(QTest *s, const char *format, ...)
{
    json_object *reply;
    va_list args;

    va_start(args, format);
    reply = qtest_qmp_vexchange(s, format, args);
    va_end(args);
    return reply;
}

json_object *qtest_qmp_return(QTest *s, const char *format, ...)
{
    g_autoptr(json_object) reply = NULL;
    va_list args;

    va_start(args, format);
    reply = qtest_qmp_vexchange(s, format, args);
    va_end(args);
    return qmp_take_return(reply);
}

void qtest_qmp_ok(QTest *s, const char *format, ...)
{
    g_autoptr(json_object) reply = NULL;
    g_autoptr(json_object) value = NULL;
    va_list args;

    va_start(args, format);
    reply = qtest_qmp_vexchange(s, format, args);
    va_end(args);
    value = qmp_take_return(reply);
}

void qtest_qmp_error(QTest *s, const char *class, const char *desc, const char *format, ...)
{
    g_autoptr(json_object) reply = NULL;
    json_object *error;
    va_list args;

    va_start(args, format);
    reply = qtest_qmp_vexchange(s, format, args);
    va_end(args);
    error = json_member(reply, "error");
    if (!error) {
        g_error("no error: %s", json_object_to_json_string(reply));
    }
    if (desc) {
        g_assert_cmpstr(json_text(error, "desc"), ==, desc);
    }
    if (class) {
        g_assert_cmpstr(json_text(error, "class"), ==, class);
    }
}

/* ---- events ---- */

static json_object *qtest_take_event(QTest *s, const char *name)
{
    for (GList *link = s->events->head; link; link = link->next) {
        json_object *event = link->data;

        if (g_str_equal(json_text(event, "event"), name)) {
            g_queue_delete_link(s->events, link);
            return event;
        }
    }
    return NULL;
}

json_object *qtest_wait_event(QTest *s, const char *name)
{
    json_object *event;

    while (!(event = qtest_take_event(s, name))) {
        json_object *message = qtest_qmp_read(s);

        if (!qmp_is_event(message)) {
            g_error("a reply instead of %s: %s", name, json_object_to_json_string(message));
        }
        g_queue_push_tail(s->events, message);
    }
    return event;
}

void qtest_expect_event(QTest *s, const char *name)
{
    json_object_put(qtest_wait_event(s, name));
}

/* Events come before the reply to a command sent after their cause. */
static void qtest_qmp_barrier(QTest *s)
{
    qtest_qmp_ok(s, "{'execute': 'query-status'}");
}

bool qtest_has_event(QTest *s, const char *name)
{
    qtest_qmp_barrier(s);
    for (GList *link = s->events->head; link; link = link->next) {
        if (g_str_equal(json_text(link->data, "event"), name)) {
            return true;
        }
    }
    return false;
}

void qtest_forget_events(QTest *s)
{
    qtest_qmp_barrier(s);
    g_queue_clear_full(s->events, qtest_event_free);
}

void qtest_stop(QTest *s)
{
    qtest_qmp_ok(s, "{'execute': 'stop'}");
    qtest_expect_event(s, "STOP");
}

void qtest_cont(QTest *s)
{
    qtest_qmp_ok(s, "{'execute': 'cont'}");
    qtest_expect_event(s, "RESUME");
}

/* ---- objects and the human monitor ---- */

void qtest_object_add(QTest *s, const char *json)
{
    qtest_qmp_ok(s, "{'execute': 'object-add', 'arguments': %s}", json);
}

void qtest_object_del(QTest *s, const char *id)
{
    qtest_qmp_ok(s, "{'execute': 'object-del', 'arguments': {'id': '%s'}}", id);
}

void qtest_qom_set(QTest *s, const char *id, const char *property, const char *json)
{
    qtest_qmp_ok(s,
                 "{'execute': 'qom-set', 'arguments': "
                 "{'path': '/objects/%s', 'property': '%s', 'value': %s}}",
                 id, property, json);
}

void qtest_qom_set_bool(QTest *s, const char *id, const char *property, bool value)
{
    qtest_qom_set(s, id, property, value ? "true" : "false");
}

void qtest_qom_set_str(QTest *s, const char *id, const char *property, const char *value)
{
    g_autofree char *json = g_strdup_printf("'%s'", value);

    qtest_qom_set(s, id, property, json);
}

char *qtest_qom_get(QTest *s, const char *id, const char *property)
{
    g_autoptr(json_object) value = qtest_qmp_return(
        s, "{'execute': 'qom-get', 'arguments': {'path': '/objects/%s', 'property': '%s'}}", id,
        property);

    return g_strdup(json_object_to_json_string_ext(value, JSON_C_TO_STRING_NOSLASHESCAPE));
}

char *qtest_hmp(QTest *s, const char *format, ...)
{
    g_autofree char *command = NULL;
    g_autoptr(json_object) text = NULL;
    g_autoptr(json_object) value = NULL;
    va_list args;

    va_start(args, format);
    command = g_strdup_vprintf(format, args);
    va_end(args);
    text = json_object_new_string(command);
    value = qtest_qmp_return(
        s, "{'execute': 'human-monitor-command', 'arguments': {'command-line': %s}}",
        json_object_to_json_string(text));
    return g_strdup(json_object_get_string(value));
}

void qtest_wait_chardev(QTest *s, const char *id, bool connected)
{
    int64_t deadline = g_get_monotonic_time() + wait_limit_ms() * INT64_C(1000);
    g_autofree char *gone = g_strdup_printf("%s: filename=disconnected:", id);
    g_autofree char *text = qtest_hmp(s, "info chardev");

    while (!strstr(text, gone) != connected) {
        if (g_get_monotonic_time() > deadline) {
            g_error("chardev '%s' is %sconnected", id, connected ? "not " : "");
        }
        g_free(text);
        text = qtest_hmp(s, "info chardev");
    }
}

/* ---- counters ---- */

json_object *qtest_query_entry(QTest *s, const char *command, const char *id)
{
    g_autoptr(json_object) list = qtest_qmp_return(s, "{'execute': '%s'}", command);

    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *entry = json_object_array_get_idx(list, i);

        if (g_str_equal(json_text(entry, "id"), id)) {
            return json_object_get(entry);
        }
    }
    g_error("%s: no '%s' in %s", command, id, json_object_to_json_string(list));
}

json_object *qtest_netdev(QTest *s, const char *id)
{
    return qtest_query_entry(s, "query-netdevs", id);
}

json_object *qtest_filter(QTest *s, const char *id)
{
    return qtest_query_entry(s, "query-netfilters", id);
}

/* "frames" or "bytes" of all drops in @list, or of those for @reason. */
static int64_t drops_sum(json_object *list, const char *reason, const char *unit)
{
    int64_t sum = 0;

    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *drop = json_object_array_get_idx(list, i);

        if (!reason || g_str_equal(json_text(drop, "reason"), reason)) {
            sum += json_object_get_int64(json_member(drop, unit));
        }
    }
    return sum;
}

int64_t json_path(json_object *object, const char *path)
{
    g_auto(GStrv) names = g_strsplit(path, ".", -1);
    json_object *at = object;

    for (char **name = names; *name; name++) {
        if (json_object_is_type(at, json_type_array)) {
            return name[1] ? drops_sum(at, name[0], name[1]) : drops_sum(at, NULL, name[0]);
        }
        if (!json_object_object_get_ex(at, *name, &at)) {
            g_error("no '%s' in %s", path, json_object_to_json_string(object));
        }
    }
    return json_object_get_int64(at);
}

int64_t qtest_query_count(QTest *s, const char *command, const char *id, const char *path)
{
    g_autoptr(json_object) entry = qtest_query_entry(s, command, id);

    return json_path(entry, path);
}

int64_t qtest_netdev_count(QTest *s, const char *id, const char *path)
{
    return qtest_query_count(s, "query-netdevs", id, path);
}

int64_t qtest_filter_count(QTest *s, const char *id, const char *path)
{
    return qtest_query_count(s, "query-netfilters", id, path);
}

/* Asks again until the answer fits: each question is a round trip through the loop. */
void qtest_wait_query(QTest *s, const char *command, const char *id, const char *path,
                      int64_t value)
{
    int64_t deadline = g_get_monotonic_time() + wait_limit_ms() * INT64_C(1000);
    int64_t got;

    while ((got = qtest_query_count(s, command, id, path)) != value) {
        if (g_get_monotonic_time() > deadline) {
            g_error("'%s': %s is %" PRId64 ", and not %" PRId64, id, path, got, value);
        }
    }
}

void qtest_wait_netdev(QTest *s, const char *id, const char *path, int64_t value)
{
    qtest_wait_query(s, "query-netdevs", id, path, value);
}

void qtest_wait_filter(QTest *s, const char *id, const char *path, int64_t value)
{
    qtest_wait_query(s, "query-netfilters", id, path, value);
}

/* @came and @went: member names; the sums of both must be the same. */
static void assert_sum(json_object *info, const char *const *came, const char *const *went,
                       const char *unit)
{
    int64_t in = 0, out = 0;

    for (; *came; came++) {
        g_autofree char *path = g_strdup_printf("%s.%s", *came, unit);
        in += json_path(info, path);
    }
    for (; *went; went++) {
        g_autofree char *path = g_strdup_printf("%s.%s", *went, unit);
        out += json_path(info, path);
    }
    if (in != out) {
        g_error("%" PRId64 " %s came and %" PRId64 " are accounted for: %s", in, unit, out,
                json_object_to_json_string(info));
    }
}

static void assert_chain(json_object *netdev, const char *name)
{
    static const char *const came[] = { "in", "injected", NULL };
    static const char *const went[] = { "delivered", "consumed", "dropped", "held", NULL };
    json_object *chain = json_member(netdev, name);

    if (chain) {
        assert_sum(chain, came, went, "frames");
        assert_sum(chain, came, went, "bytes");
    }
}

void qtest_assert_conservation(QTest *s)
{
    static const char *const came[] = { "in", NULL };
    static const char *const went[] = { "passed", "consumed", "dropped", "held", NULL };
    g_autoptr(json_object) netdevs = qtest_qmp_return(s, "{'execute': 'query-netdevs'}");
    g_autoptr(json_object) filters = qtest_qmp_return(s, "{'execute': 'query-netfilters'}");

    for (size_t i = 0; i < json_object_array_length(netdevs); i++) {
        assert_chain(json_object_array_get_idx(netdevs, i), "tx");
        assert_chain(json_object_array_get_idx(netdevs, i), "rx");
    }
    for (size_t i = 0; i < json_object_array_length(filters); i++) {
        assert_sum(json_object_array_get_idx(filters, i), came, went, "frames");
        assert_sum(json_object_array_get_idx(filters, i), came, went, "bytes");
    }
}
