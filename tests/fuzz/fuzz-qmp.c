/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes a QMP stream: its cutting into JSON values, and the dispatch of each request. */

#include "fuzz.h"

#include "chardev/char.h"
#include "monitor/monitor-internal.h"
#include "qapi/json.h"
#include "qapi/qapi.h"

/* Run for real; the arguments of all other commands are only read. */
static const char *const runnable[] = {
    "netdev_del", "object-del", "qom-get", "qom-list", "qom-list-get", "qom-list-properties",
    "qom-list-types", "qom-set", "ringbuf-read", "ringbuf-write", "set-action", "set_link",
    "trace-event-get-state", NULL,
};

/** What a stream gave: a text for each value or error. */
typedef struct Outcome {
    GString *text; /* owned */
    GPtrArray *values; /* json_object, owned */
} Outcome;

static void outcome_take(json_object *value, GError *error, void *opaque)
{
    Outcome *outcome = opaque;

    if (error) {
        g_string_append_printf(outcome->text, "error: %s\n", error->message);
        g_error_free(error);
        return;
    }
    json_format(outcome->text, value, false);
    g_string_append_c(outcome->text, '\n');
    g_ptr_array_add(outcome->values, value);
}

static void put_value(void *value)
{
    json_object_put(value);
}

static Outcome outcome_of(const uint8_t *data, size_t len, size_t piece)
{
    Outcome outcome = { g_string_new(NULL), g_ptr_array_new_with_free_func(put_value) };
    JsonStream *stream = json_stream_new(outcome_take, &outcome);

    for (size_t pos = 0; pos < len; pos += piece) {
        size_t n = MIN(piece, len - pos);
        g_autofree char *copy = g_memdup2(data + pos, n);

        json_stream_feed(stream, copy, n);
    }
    json_stream_end(stream);
    json_stream_free(stream);
    return outcome;
}

static void outcome_clear(Outcome *outcome)
{
    g_string_free(outcome->text, TRUE);
    g_ptr_array_unref(outcome->values);
}

/** Whatever is sent is one JSON value again. */
static void check_reply(json_object *reply)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    json_object *again = NULL;

    json_format(text, reply, false);
    json_parse_text(text->str, &again, &error);
    g_assert_no_error(error);
    json_object_put(again);
}

static const QapiCommand *command_find(const char *name)
{
    for (size_t i = 0; i < qapi_n_commands; i++) {
        if (g_str_equal(qapi_commands[i].name, name)) {
            return &qapi_commands[i];
        }
    }
    return NULL;
}

/** Whether @request may be dispatched; if not, its arguments have been read. */
static bool request_is_harmless(json_object *request)
{
    json_object *name = NULL, *arguments = NULL;
    const QapiCommand *command;

    if (!json_object_is_type(request, json_type_object)) {
        return true;
    }
    if (!json_object_object_get_ex(request, "execute", &name)) {
        json_object_object_get_ex(request, "exec-oob", &name);
    }
    command = json_object_is_type(name, json_type_string)
                  ? command_find(json_object_get_string(name)) : NULL;
    if (!command || g_str_has_prefix(command->name, "query-") ||
        g_strv_contains(runnable, command->name)) {
        return true;
    }
    json_object_object_get_ex(request, "arguments", &arguments);
    if (command->args && arguments) {
        qapi_free(command->args,
                  qapi_from_json(command->args, arguments, QAPI_INPUT_JSON, NULL));
    }
    return false;
}

static void run_request(json_object *request)
{
    const QmpDispatchState state = { .negotiated = true, .oob_enabled = true };
    json_object *reply;

    if (request_is_harmless(request)) {
        reply = qmp_dispatch(request, &state);
        check_reply(reply);
        json_object_put(reply);
    }
}

/* First byte: how long the pieces are. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    size_t piece = fuzz_take_byte(&data, &len) % 64 + 1u;
    Outcome whole = outcome_of(data, len, len ? len : 1);
    Outcome cut = outcome_of(data, len, piece);

    g_assert_cmpstr(whole.text->str, ==, cut.text->str);
    if (!char_find("ring")) {
        char_new_from_opts("ringbuf,id=ring,size=64", NULL);
    }
    for (guint i = 0; i < whole.values->len; i++) {
        run_request(whole.values->pdata[i]);
    }
    outcome_clear(&whole);
    outcome_clear(&cut);
    return 0;
}
