/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks a QMP request, runs the command it names and makes the reply. */

#include "monitor/monitor-internal.h"

#include <stdlib.h>
#include <string.h>

#include "qapi/qapi.h"
#include "util/error.h"

/** The parts of a request, all borrowed from it. */
typedef struct QmpRequestParts {
    const char *command;
    json_object *arguments; /* NULL = none given */
    bool oob;
} QmpRequestParts;

static bool qmp_preconfig;

void monitor_set_preconfig(bool preconfig)
{
    qmp_preconfig = preconfig;
}

static const char *qmp_class_name(const GError *error)
{
    if (error->domain != ERROR_DOMAIN) {
        return error_class_name(ERROR_CLASS_GENERIC);
    }
    return error_class_name((ErrorClass)error->code);
}

json_object *qmp_reply_error(const GError *error)
{
    json_object *reply = json_object_new_object();
    json_object *body = json_object_new_object();
    const char *similar = error_similar(error);
    g_autofree char *desc = similar ? g_strdup_printf("%s. Did you mean '%s'?", error->message,
                                                      similar) : g_strdup(error->message);

    json_object_object_add(body, "class", json_object_new_string(qmp_class_name(error)));
    json_object_object_add(body, "desc", json_object_new_string(desc));
    json_object_object_add(reply, "error", body);
    return reply;
}

bool qmp_request_is_oob(json_object *request)
{
    return json_object_is_type(request, json_type_object) &&
           json_object_object_get_ex(request, "exec-oob", NULL);
}

/* "execute" or "exec-oob". */
static bool qmp_request_take_command(QmpRequestParts *parts, const char *key,
                                     json_object *value, GError **error)
{
    if (parts->command) {
        return error_set(error, "QMP input member '%s' clashes with '%s'", key,
                         parts->oob ? "exec-oob" : "execute");
    }
    if (!json_object_is_type(value, json_type_string)) {
        return error_set(error, "QMP input member '%s' must be a string", key);
    }
    parts->command = json_object_get_string(value);
    parts->oob = g_str_equal(key, "exec-oob");
    return true;
}

static bool qmp_request_take_member(QmpRequestParts *parts, const char *key,
                                    json_object *value, bool oob_enabled, GError **error)
{
    if (g_str_equal(key, "execute") || (g_str_equal(key, "exec-oob") && oob_enabled)) {
        return qmp_request_take_command(parts, key, value, error);
    }
    if (g_str_equal(key, "arguments")) {
        if (!json_object_is_type(value, json_type_object)) {
            return error_set(error, "QMP input member 'arguments' must be an object");
        }
        parts->arguments = value;
        return true;
    }
    if (g_str_equal(key, "id")) {
        return true;
    }
    return error_set(error, "QMP input member '%s' is unexpected", key);
}

static bool qmp_request_parse(json_object *request, bool oob_enabled, QmpRequestParts *parts,
                              GError **error)
{
    if (!json_object_is_type(request, json_type_object)) {
        return error_set(error, "QMP input must be a JSON object");
    }
    json_object_object_foreach(request, key, value) {
        if (!qmp_request_take_member(parts, key, value, oob_enabled, error)) {
            return false;
        }
    }
    if (!parts->command) {
        return error_set(error, "QMP input lacks member 'execute'");
    }
    return true;
}

static int qmp_command_compare(const void *name, const void *command)
{
    return strcmp(name, ((const QapiCommand *)command)->name);
}

static const QapiCommand *qmp_command_find(const char *name)
{
    return bsearch(name, qapi_commands, qapi_n_commands, sizeof(qapi_commands[0]),
                   qmp_command_compare);
}

static void qmp_command_hint(const char *name, GError **error)
{
    g_autofree const char **names = g_new0(const char *, qapi_n_commands + 1);

    for (size_t i = 0; i < qapi_n_commands; i++) {
        names[i] = qapi_commands[i].name;
    }
    error_hint_similar(error, name, names);
}

/* The command that may run now, or NULL with the reason why there is none. */
static const QapiCommand *qmp_command_select(const QmpRequestParts *parts,
                                             const QmpDispatchState *state, GError **error)
{
    const QapiCommand *command = qmp_command_find(parts->command);

    if (!state->negotiated && !g_str_equal(parts->command, "qmp_capabilities")) {
        error_set_class(error, ERROR_CLASS_COMMAND_NOT_FOUND,
                        "Expecting capabilities negotiation with 'qmp_capabilities'");
        return NULL;
    }
    if (!command) {
        error_set_class(error, ERROR_CLASS_COMMAND_NOT_FOUND,
                        "The command %s has not been found", parts->command);
        qmp_command_hint(parts->command, error);
        return NULL;
    }
    if (parts->oob && !command->allow_oob) {
        error_set(error, "The command %s does not support OOB", parts->command);
        return NULL;
    }
    if (qmp_preconfig && !command->allow_preconfig) {
        error_set(error, "The command '%s' is permitted only after machine initialization "
                  "has completed", parts->command);
        return NULL;
    }
    return command;
}

/* Commands without arguments refuse any. */
static bool qmp_check_no_arguments(json_object *arguments, GError **error)
{
    json_object_object_foreach(arguments, key, value) {
        (void)value;
        return error_set(error, "Parameter '%s' is unexpected", key);
    }
    return true;
}

static bool qmp_command_run(const QapiCommand *command, json_object *arguments,
                            json_object **ret, GError **error)
{
    void *args = NULL;
    bool ok;

    if (command->raw) {
        return command->invoke(NULL, arguments, ret, error);
    }
    if (!command->args) {
        return qmp_check_no_arguments(arguments, error) &&
               command->invoke(NULL, arguments, ret, error);
    }
    args = qapi_from_json(command->args, arguments, QAPI_INPUT_JSON, error);
    if (!args) {
        return false;
    }
    ok = command->invoke(args, arguments, ret, error);
    qapi_free(command->args, args);
    return ok;
}

static bool qmp_request_run(json_object *request, const QmpDispatchState *state,
                            json_object **ret, GError **error)
{
    QmpRequestParts parts = { 0 };
    const QapiCommand *command;
    json_object *arguments;
    bool ok;

    if (!qmp_request_parse(request, state->oob_enabled, &parts, error)) {
        return false;
    }
    command = qmp_command_select(&parts, state, error);
    if (!command) {
        return false;
    }
    arguments = parts.arguments ? json_object_get(parts.arguments) : json_object_new_object();
    ok = qmp_command_run(command, arguments, ret, error);
    json_object_put(arguments);
    return ok;
}

static void qmp_reply_add_id(json_object *reply, json_object *request)
{
    json_object *id;

    if (json_object_is_type(request, json_type_object) &&
        json_object_object_get_ex(request, "id", &id)) {
        json_object_object_add(reply, "id", json_object_get(id));
    }
}

json_object *qmp_dispatch(json_object *request, const QmpDispatchState *state)
{
    g_autoptr(GError) error = NULL;
    json_object *ret = NULL;
    json_object *reply;

    if (qmp_request_run(request, state, &ret, &error)) {
        reply = json_object_new_object();
        json_object_object_add(reply, "return", ret ? ret : json_object_new_object());
    } else {
        reply = qmp_reply_error(error);
    }
    qmp_reply_add_id(reply, request);
    return reply;
}

json_object *qmp_event_object(const char *name, json_object *data, int64_t now_us)
{
    json_object *event = json_object_new_object();
    json_object *timestamp = json_object_new_object();

    json_object_object_add(timestamp, "seconds", json_object_new_int64(now_us / G_USEC_PER_SEC));
    json_object_object_add(timestamp, "microseconds",
                           json_object_new_int64(now_us % G_USEC_PER_SEC));
    json_object_object_add(event, "timestamp", timestamp);
    json_object_object_add(event, "event", json_object_new_string(name));
    if (data) {
        json_object_object_add(event, "data", json_object_get(data));
    }
    return event;
}
