/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's side of QMP on a chardev: greeting, capabilities, commands, events. */

/*
 * What comes is cut into JSON values. The first must be a greeting; from then on, each must be
 * an event or the reply to a command that was sent. Anything else is garbage: the connection is
 * closed, and a chardev that reconnects begins anew. Memory is bounded: one message may have
 * QMP_CLIENT_MESSAGE_MAX bytes, and the user sends no second command of a kind while the first
 * is unanswered.
 *
 * Source: docs/protocol.rst, "Commands of vm-follower to a VM".
 */

#include "monitor/qmp-client.h"

#include <string.h>

#include "qapi/json.h"
#include "util/error.h"
#include "util/trace.h"

TRACE_POINT(qmp_client_received);
TRACE_POINT(qmp_client_sent);

/* Replies of a VM here have some hundred bytes; its other events, a few thousand. */
#define QMP_CLIENT_MESSAGE_MAX (64u * 1024)
#define QMP_CLIENT_READ_MAX    4096u
/* A time beyond it is none: microseconds of it must be something to reckon with. */
#define QMP_CLIENT_SECONDS_MAX (G_MAXINT64 / G_USEC_PER_SEC / 4)
/* Bytes of the server's text that a message of ours repeats. */
#define QMP_CLIENT_QUOTE_MAX   200

/** A command that is to be answered. */
typedef struct QmpClientCall {
    int64_t id;
    const char *command;      /* constant */
    QmpClientReplyFunc *func; /* NULL = qmp_capabilities */
    void *opaque;             /* of @func */
    bool is_try;              /* a refusal is no error */
} QmpClientCall;

struct QmpClient {
    CharFrontend fe;
    const QmpClientOps *ops;
    void *opaque;
    QmpClientPhase phase;
    JsonStream *stream;   /* owned; NULL = no connection */
    size_t n_unfinished;  /* bytes read since the last whole message ended */
    GQueue calls;         /* owned QmpClientCall *, oldest first */
    int64_t last_id;      /* of a command on this connection */
    json_object *version; /* owned: of the greeting, until the client is ready */
};

/* --- The connection ------------------------------------------------------------------------ */

static void qmp_client_forget(QmpClient *client)
{
    client->phase = QMP_CLIENT_CLOSED;
    g_clear_pointer(&client->stream, json_stream_free);
    g_queue_clear_full(&client->calls, g_free);
    g_clear_pointer(&client->version, json_object_put);
}

static void qmp_client_closed(QmpClient *client)
{
    if (client->phase != QMP_CLIENT_CLOSED) {
        qmp_client_forget(client);
        client->ops->closed(client->opaque);
    }
}

/* Report the end now: chardevs that cannot disconnect do not report it. */
static void G_GNUC_PRINTF(2, 3) qmp_client_fail(QmpClient *client, const char *fmt, ...)
{
    g_autofree char *message = NULL;
    va_list args;

    va_start(args, fmt);
    message = g_strdup_vprintf(fmt, args);
    va_end(args);
    client->ops->broken(message, client->opaque);
    qmp_client_closed(client);
    char_frontend_disconnect(&client->fe);
}

char *qmp_client_quote(const char *text)
{
    g_autofree char *piece = g_strndup(text, QMP_CLIENT_QUOTE_MAX);
    char *valid = g_utf8_make_valid(piece, -1);

    for (char *c = valid; *c; c++) {
        *c = g_ascii_iscntrl(*c) ? ' ' : *c;
    }
    return valid;
}

/* --- Messages ------------------------------------------------------------------------------ */

/* The member @name of object @json if it has type @type, borrowed; else NULL. */
static json_object *qmp_client_member(json_object *json, const char *name, json_type type)
{
    json_object *value = NULL;

    return json_object_is_type(json, json_type_object) &&
                   json_object_object_get_ex(json, name, &value) &&
                   json_object_is_type(value, type) ? value : NULL;
}

static const char *qmp_client_text(json_object *json, const char *name)
{
    json_object *value = qmp_client_member(json, name, json_type_string);

    return value ? json_object_get_string(value) : NULL;
}

/* The number from 0 to @max that is member @name of object @json; else 0. */
static int64_t qmp_client_number(json_object *json, const char *name, int64_t max)
{
    json_object *value = qmp_client_member(json, name, json_type_int);
    int64_t number = value ? json_object_get_int64(value) : 0;

    return number >= 0 && number <= max ? number : 0;
}

/* @call: copied, and given its id */
static void qmp_client_send(QmpClient *client, const QmpClientCall *call, json_object *arguments)
{
    g_autoptr(GString) text = g_string_new(NULL);
    QmpClientCall *sent = g_memdup2(call, sizeof(*call));
    json_object *request = json_object_new_object();

    sent->id = ++client->last_id;
    g_queue_push_tail(&client->calls, sent);
    json_object_object_add(request, "execute", json_object_new_string(call->command));
    if (arguments) {
        json_object_object_add(request, "arguments", arguments);
    }
    json_object_object_add(request, "id", json_object_new_int64(sent->id));
    json_format(text, request, false);
    json_object_put(request);
    TRACE(qmp_client_sent, "chardev=%s %s", char_id(client->fe.chr), text->str);
    g_string_append(text, "\r\n");
    char_frontend_send(&client->fe, text->str, text->len);
}

static void qmp_client_take_greeting(QmpClient *client, json_object *message)
{
    json_object *qmp = qmp_client_member(message, "QMP", json_type_object);

    if (!qmp) {
        qmp_client_fail(client, "the VM does not greet as a QMP server does");
        return;
    }
    client->version = json_object_get(qmp_client_member(qmp, "version", json_type_object));
    client->phase = QMP_CLIENT_NEGOTIATING;
    qmp_client_send(client, &(QmpClientCall) { .command = "qmp_capabilities" }, NULL);
}

static void qmp_client_take_event(QmpClient *client, json_object *message, const char *name)
{
    json_object *time = qmp_client_member(message, "timestamp", json_type_object);
    QmpClientEvent event = {
        .name = name,
        .data = qmp_client_member(message, "data", json_type_object),
        .seconds = qmp_client_number(time, "seconds", QMP_CLIENT_SECONDS_MAX),
        .microseconds = qmp_client_number(time, "microseconds", G_USEC_PER_SEC - 1),
    };

    client->ops->event(&event, client->opaque);
}

/* The call that @message answers, no longer in the list, owned; NULL = none. */
static QmpClientCall *qmp_client_take_call(QmpClient *client, json_object *message)
{
    json_object *id = qmp_client_member(message, "id", json_type_int);

    for (GList *link = client->calls.head; id && link; link = link->next) {
        QmpClientCall *call = link->data;

        if (call->id == json_object_get_int64(id)) {
            g_queue_delete_link(&client->calls, link);
            return call;
        }
    }
    return NULL;
}

/* qmp_capabilities was answered. */
static void qmp_client_negotiated(QmpClient *client, json_object *result)
{
    if (!result) {
        qmp_client_fail(client, "there is no way to negotiate with the VM");
        return;
    }
    client->phase = QMP_CLIENT_READY;
    client->ops->ready(client->version, client->opaque);
}

static void qmp_client_refused(QmpClient *client, const char *command, json_object *error)
{
    const char *class = qmp_client_text(error, "class");
    const char *desc = qmp_client_text(error, "desc");
    g_autofree char *class_text = qmp_client_quote(class ? class : "no class");
    g_autofree char *desc_text = qmp_client_quote(desc ? desc : "no description");
    g_autofree char *message = g_strdup_printf("'%s': %s: %s", command, class_text, desc_text);

    client->ops->refused(message, client->opaque);
}

static void qmp_client_take_reply(QmpClient *client, json_object *message)
{
    json_object *error = qmp_client_member(message, "error", json_type_object);
    json_object *result = NULL;
    g_autofree QmpClientCall *call = NULL;

    if (!error && !json_object_object_get_ex(message, "return", &result)) {
        qmp_client_fail(client, "the VM sent a message that is neither event nor reply");
        return;
    }
    call = qmp_client_take_call(client, message);
    if (!call) {
        qmp_client_fail(client, "the VM sent a reply to no command");
        return;
    }
    if (error && !call->is_try) {
        qmp_client_refused(client, call->command, error);
    }
    if (call->func) {
        call->func(result, call->opaque);
    } else {
        qmp_client_negotiated(client, result);
    }
}

static void qmp_client_take(QmpClient *client, json_object *message)
{
    const char *name = qmp_client_text(message, "event");

    if (!json_object_is_type(message, json_type_object)) {
        qmp_client_fail(client, "the VM sent a message that is not a JSON object");
    } else if (client->phase == QMP_CLIENT_GREETING) {
        qmp_client_take_greeting(client, message);
    } else if (name) {
        qmp_client_take_event(client, message, name);
    } else {
        qmp_client_take_reply(client, message);
    }
}

static void qmp_client_message(json_object *value, GError *error, void *opaque)
{
    QmpClient *client = opaque;

    client->n_unfinished = 0;
    if (error) {
        g_autofree char *text = qmp_client_quote(error->message);

        qmp_client_fail(client, "%s", text);
    } else {
        TRACE(qmp_client_received, "chardev=%s %s", char_id(client->fe.chr),
              json_object_to_json_string(value));
        qmp_client_take(client, value);
    }
    json_object_put(value);
    g_clear_error(&error);
}

/* --- The front end ------------------------------------------------------------------------- */

static size_t qmp_client_read_wanted(void *opaque)
{
    const QmpClient *client = opaque;

    return client->stream ? QMP_CLIENT_READ_MAX : 0;
}

static void qmp_client_read(const uint8_t *data, size_t len, void *opaque)
{
    QmpClient *client = opaque;

    if (!client->stream) {
        return;
    }
    client->n_unfinished += len;
    json_stream_feed(client->stream, (const char *)data, len);
    if (client->stream && client->n_unfinished > QMP_CLIENT_MESSAGE_MAX) {
        qmp_client_fail(client, "the VM sent a message of more than %u bytes",
                        QMP_CLIENT_MESSAGE_MAX);
    }
}

static void qmp_client_opened(QmpClient *client)
{
    qmp_client_forget(client);
    client->phase = QMP_CLIENT_GREETING;
    client->stream = json_stream_new(qmp_client_message, client);
    client->n_unfinished = 0;
    client->last_id = 0;
    client->ops->opened(client->opaque);
    char_frontend_accept_input(&client->fe);
}

static void qmp_client_event(CharEvent event, void *opaque)
{
    switch (event) {
    case CHAR_EVENT_OPENED:
        qmp_client_opened(opaque);
        break;
    case CHAR_EVENT_CLOSED:
        qmp_client_closed(opaque);
        break;
    case CHAR_EVENT_BREAK:
    case CHAR_EVENT_MUX_IN:
    case CHAR_EVENT_MUX_OUT:
        break;
    }
}

static const CharFrontendOps qmp_client_frontend_ops = {
    .read_wanted = qmp_client_read_wanted,
    .read = qmp_client_read,
    .event = qmp_client_event,
};

QmpClient *qmp_client_new(Chardev *chr, const QmpClientOps *ops, void *opaque, GError **error)
{
    QmpClient *client;

    if (char_is_mux(chr)) {
        error_set(error, "chardev '%s' is a mux: a QMP client needs one for itself", char_id(chr));
        return NULL;
    }
    client = g_new0(QmpClient, 1);
    client->ops = ops;
    client->opaque = opaque;
    g_queue_init(&client->calls);
    if (!char_frontend_attach(&client->fe, chr, &qmp_client_frontend_ops, client, error)) {
        g_free(client);
        return NULL;
    }
    return client;
}

/* A server greets once: the next user of the chardev needs a connection of its own. */
void qmp_client_free(QmpClient *client)
{
    if (!client) {
        return;
    }
    char_frontend_disconnect(&client->fe);
    char_frontend_detach(&client->fe);
    qmp_client_forget(client);
    g_free(client);
}

void qmp_client_reject(QmpClient *client, const char *message)
{
    qmp_client_fail(client, "%s", message);
}

QmpClientPhase qmp_client_phase(const QmpClient *client)
{
    return client->phase;
}

size_t qmp_client_n_unanswered(const QmpClient *client)
{
    return client->calls.length;
}

/* @call: copied */
static bool qmp_client_call(QmpClient *client, const QmpClientCall *call, json_object *arguments)
{
    if (client->phase != QMP_CLIENT_READY) {
        json_object_put(arguments);
        return false;
    }
    qmp_client_send(client, call, arguments);
    return true;
}

bool qmp_client_execute(QmpClient *client, const char *command, json_object *arguments,
                        QmpClientReplyFunc *func)
{
    const QmpClientCall call = { .command = command, .func = func, .opaque = client->opaque };

    return qmp_client_call(client, &call, arguments);
}

bool qmp_client_try(QmpClient *client, const char *command, json_object *arguments,
                    QmpClientReplyFunc *func, void *opaque)
{
    const QmpClientCall call = { .command = command, .func = func, .opaque = opaque,
                                 .is_try = true };

    return qmp_client_call(client, &call, arguments);
}
