/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP on a character device: greeting, queue of requests, replies, events. */

/*
 * Input is cut into requests as it comes; each waits in its session's queue. One idle source
 * serves all sessions in turn, one request each, so that no client keeps the others waiting.
 * A full queue stops the reading: one request without out-of-band execution, eight with it.
 * A request that may overtake runs at once when it is met, before those that wait. A command that
 * needs what takes time is run again when that is there: its session waits, others do not. A client
 * that does not read its replies is not served until it does, so that they cannot pile up.
 */

#include "monitor/monitor-internal.h"

#include <string.h>

#include "monitor/version.h"
#include "qapi/json.h"
#include "qapi/qapi-commands.h"
#include "qapi/qapi.h"
#include "util/command-wait.h"
#include "util/error.h"
#include "util/fd-set.h"
#include "util/log.h"
#include "util/trace.h"

TRACE_POINT(qmp_request);
TRACE_POINT(qmp_reply);

#define QMP_READ_MAX     16384
#define QMP_QUEUE_MAX    1
/* Events that a client may leave unread, in bytes; then it is as good as gone. */
#define QMP_UNREAD_MAX   (4u * 1024 * 1024)
#define QMP_QUEUE_MAX_OOB 8
/* Memory that one request may take while it is read: of a stranger, and of a client. */
#define QMP_ROOM_GREETING ((size_t)1 << 20)
#define QMP_ROOM          ((size_t)32 << 20)

/** One request, or the error of its JSON. */
typedef struct QmpRequest {
    json_object *value; /* owned; valid when @error is NULL */
    GError *error;      /* owned */
    MonitorFds *fds;    /* owned reference: descriptors that may have come with it */
    CommandWait *wait;  /* owned: the needs of its command; NULL = not run yet */
    json_object *reply; /* owned: given when @wait is over; NULL = the command is run again */
} QmpRequest;

struct QmpSession {
    Monitor *mon;       /* back pointer */
    JsonStream *stream; /* owned; NULL = no connection */
    GByteArray *input;  /* owned: read, not yet given to @stream */
    size_t n_fed;       /* bytes of @input that @stream has */
    GQueue requests;    /* owned QmpRequest *, oldest at the head */
    QmpRequest *waiting; /* owned: of the command that is not answered yet; NULL = none */
    QmpDispatchState state;
    bool oob_offered;
};

static GPtrArray *qmp_sessions; /* borrowed QmpSession *, all there are */
static guint qmp_next_session;  /* index of the one whose turn it is */
static guint qmp_source;        /* the idle source; 0 = nothing to do */
static bool qmp_halted;

static void qmp_request_free(QmpRequest *request)
{
    json_object_put(request->value);
    g_clear_error(&request->error);
    monitor_fds_unref(request->fds);
    command_wait_free(request->wait);
    json_object_put(request->reply);
    g_free(request);
}

/* Whether the client has taken all that was sent to it. */
static bool qmp_session_is_drained(const QmpSession *session)
{
    return char_frontend_flushed(&session->mon->fe);
}

static bool qmp_session_is_full(const QmpSession *session)
{
    guint max = session->state.oob_enabled ? QMP_QUEUE_MAX_OOB : QMP_QUEUE_MAX;

    return session->requests.length >= max || !qmp_session_is_drained(session);
}

static void qmp_session_send(QmpSession *session, json_object *object)
{
    g_autoptr(GString) text = g_string_new(NULL);

    json_format(text, object, session->mon->pretty);
    TRACE(qmp_reply, "%s %s", char_id(session->mon->fe.chr), text->str);
    g_string_append(text, "\r\n");
    char_frontend_send(&session->mon->fe, text->str, text->len);
}

static void qmp_session_run_again(void *opaque);

/* Returns: the reply; NULL = the command waits, and will be answered or run again. */
static json_object *qmp_session_dispatch(QmpSession *session, QmpRequest *request)
{
    json_object *reply;

    TRACE(qmp_request, "%s %s", char_id(session->mon->fe.chr),
          json_object_to_json_string(request->value));
    if (!request->wait) {
        request->wait = command_wait_new(qmp_session_run_again, session);
    }
    monitor_enter(session->mon, request->fds);
    command_wait_enter(request->wait);
    reply = qmp_dispatch(request->value, &session->state);
    switch (command_wait_leave(request->wait)) {
    case COMMAND_OUTCOME_ANSWER:
        break;
    case COMMAND_OUTCOME_KEEP:
        request->reply = g_steal_pointer(&reply);
        break;
    case COMMAND_OUTCOME_RUN_AGAIN:
        g_clear_pointer(&reply, json_object_put);
        break;
    }
    monitor_leave();
    return reply;
}

/* Returns: as above. */
static json_object *qmp_session_reply(QmpSession *session, QmpRequest *request)
{
    if (request->error) {
        return qmp_reply_error(request->error);
    }
    return request->reply ? g_steal_pointer(&request->reply)
                          : qmp_session_dispatch(session, request);
}

static void qmp_session_run(QmpSession *session, QmpRequest *request)
{
    json_object *reply = qmp_session_reply(session, request);

    if (!reply) {
        g_assert(!session->waiting); /* no command that may overtake needs time */
        session->waiting = request;
        return;
    }
    qmp_session_send(session, reply);
    json_object_put(reply);
    qmp_request_free(request);
}

/* --- Turns ------------------------------------------------------------------------------- */

static QmpSession *qmp_session_next(void)
{
    for (guint n = 0; n < qmp_sessions->len; n++) {
        guint i = (qmp_next_session + n) % qmp_sessions->len;
        QmpSession *session = g_ptr_array_index(qmp_sessions, i);

        if (!g_queue_is_empty(&session->requests) && !session->waiting &&
            qmp_session_is_drained(session)) {
            qmp_next_session = i + 1;
            return session;
        }
    }
    return NULL;
}

static void qmp_session_feed(QmpSession *session);

static gboolean qmp_session_turn(gpointer opaque)
{
    QmpSession *session = qmp_halted ? NULL : qmp_session_next();

    if (!session) {
        qmp_source = 0;
        return G_SOURCE_REMOVE;
    }
    qmp_session_run(session, g_queue_pop_head(&session->requests));
    qmp_session_feed(session);
    return G_SOURCE_CONTINUE;
}

static void qmp_session_kick(void)
{
    if (qmp_source == 0 && !qmp_halted) {
        qmp_source = g_idle_add_full(G_PRIORITY_DEFAULT, qmp_session_turn, NULL, NULL);
    }
}

static void qmp_session_run_again(void *opaque)
{
    QmpSession *session = opaque;

    if (!qmp_halted) {
        qmp_session_run(session, g_steal_pointer(&session->waiting));
        qmp_session_kick();
        qmp_session_feed(session);
    }
}

void qmp_session_halt(void)
{
    qmp_halted = true;
}

/* --- Input ------------------------------------------------------------------------------- */

static void qmp_session_take_value(json_object *value, GError *error, void *opaque)
{
    QmpSession *session = opaque;
    QmpRequest *request = g_new0(QmpRequest, 1);

    request->value = error ? NULL : value;
    request->error = error;
    request->fds = monitor_fds_ref(session->mon->received);
    if (!error && session->state.oob_enabled && qmp_request_is_oob(value)) {
        qmp_session_run(session, request);
        return;
    }
    g_queue_push_tail(&session->requests, request);
    qmp_session_kick();
}

/* Gives the parser what has been read, a piece that can end a request at a time. */
static void qmp_session_feed(QmpSession *session)
{
    GByteArray *input = session->input;

    while (session->stream && session->n_fed < input->len && !qmp_session_is_full(session)) {
        const char *data = (const char *)input->data + session->n_fed;
        size_t left = input->len - session->n_fed;
        const char *end = memchr(data, '}', left);
        size_t len = end ? (size_t)(end - data) + 1 : left;

        session->n_fed += len;
        json_stream_feed(session->stream, data, len);
    }
    if (session->n_fed == input->len) {
        g_byte_array_set_size(input, 0);
        session->n_fed = 0;
        if (session->stream && json_stream_is_idle(session->stream)) {
            monitor_drop_received(session->mon);
        }
        if (session->stream && !qmp_session_is_full(session)) {
            char_frontend_accept_input(&session->mon->fe);
        }
    }
}

static size_t qmp_session_read_wanted(void *opaque)
{
    QmpSession *session = opaque;

    return qmp_session_is_full(session) || session->input->len > 0 ? 0 : QMP_READ_MAX;
}

/* What a client has sent is carried out and answered before its end of the stream counts. */
static bool qmp_session_is_busy(void *opaque)
{
    const QmpSession *session = opaque;

    return session->requests.length > 0 || session->waiting || session->input->len > 0 ||
           !qmp_session_is_drained(session);
}

static void qmp_session_read(const uint8_t *data, size_t len, void *opaque)
{
    QmpSession *session = opaque;

    monitor_receive_fds(session->mon);
    g_byte_array_append(session->input, data, len);
    qmp_session_feed(session);
}

static void qmp_session_write_ready(void *opaque)
{
    QmpSession *session = opaque;

    qmp_session_kick();
    qmp_session_feed(session);
}

/* --- Connections ------------------------------------------------------------------------- */

static json_object *qmp_greeting(bool oob)
{
    json_object *greeting = json_object_new_object();
    json_object *qmp = json_object_new_object();
    json_object *capabilities = json_object_new_array();
    g_autoptr(VersionInfo) version = qmp_query_version(NULL);

    if (oob) {
        json_object_array_add(capabilities, json_object_new_string("oob"));
    }
    json_object_object_add(qmp, "version", qapi_to_json(QAPI_TYPE(VersionInfo), version));
    json_object_object_add(qmp, "capabilities", capabilities);
    json_object_object_add(greeting, "QMP", qmp);
    return greeting;
}

static void qmp_session_reset(QmpSession *session)
{
    QmpRequest *request;

    while ((request = g_queue_pop_head(&session->requests))) {
        qmp_request_free(request);
    }
    g_clear_pointer(&session->waiting, qmp_request_free);
    g_clear_pointer(&session->stream, json_stream_free);
    g_byte_array_set_size(session->input, 0);
    session->n_fed = 0;
    session->state = (QmpDispatchState){ 0 };
}

static void qmp_session_opened(QmpSession *session)
{
    json_object *greeting;

    qmp_session_reset(session);
    session->stream = json_stream_new(qmp_session_take_value, session);
    json_stream_set_room(session->stream, QMP_ROOM_GREETING);
    session->oob_offered = !char_is_mux(session->mon->fe.chr);
    greeting = qmp_greeting(session->oob_offered);
    qmp_session_send(session, greeting);
    json_object_put(greeting);
}

static void qmp_session_closed(QmpSession *session)
{
    qmp_session_reset(session);
    monitor_forget_fds(session->mon);
    for (guint i = 0; i < qmp_sessions->len; i++) {
        if (qmp_session_is_open(g_ptr_array_index(qmp_sessions, i))) {
            return;
        }
    }
    fd_set_drop_unused();
}

static void qmp_session_event(CharEvent event, void *opaque)
{
    switch (event) {
    case CHAR_EVENT_OPENED:
        qmp_session_opened(opaque);
        break;
    case CHAR_EVENT_CLOSED:
        qmp_session_closed(opaque);
        monitor_check_greeted();
        break;
    case CHAR_EVENT_BREAK:
    case CHAR_EVENT_MUX_IN:
    case CHAR_EVENT_MUX_OUT:
        break;
    }
}

const CharFrontendOps qmp_session_ops = {
    .read_wanted = qmp_session_read_wanted,
    .is_busy = qmp_session_is_busy,
    .read = qmp_session_read,
    .write_ready = qmp_session_write_ready,
    .event = qmp_session_event,
};

bool qmp_session_is_open(const QmpSession *session)
{
    return session->stream != NULL;
}

bool qmp_session_negotiate(QmpSession *session, bool enable_oob, GError **error)
{
    if (session->state.negotiated) {
        return error_set_class(error, ERROR_CLASS_COMMAND_NOT_FOUND,
                               "Capabilities negotiation is already complete, command ignored");
    }
    if (enable_oob && !session->oob_offered) {
        return error_set(error, "Capability oob not available");
    }
    session->state.negotiated = true;
    session->state.oob_enabled = enable_oob;
    json_stream_set_room(session->stream, QMP_ROOM);
    monitor_check_greeted();
    return true;
}

bool qmp_session_is_greeting(const QmpSession *session)
{
    return qmp_session_is_open(session) && !session->state.negotiated;
}

void qmp_session_send_event(QmpSession *session, json_object *event)
{
    CharFrontend *fe = &session->mon->fe;

    if (!session->state.negotiated) {
        return;
    }
    if (char_frontend_n_pending(fe) > QMP_UNREAD_MAX) {
        g_autofree char *source = g_strdup_printf("chardev '%s'", char_id(fe->chr));

        log_limited_warning(source, "events",
                            "a QMP client does not read its events: disconnected");
        session->state.negotiated = false;
        char_frontend_disconnect(fe);
        return;
    }
    qmp_session_send(session, event);
}

QmpSession *qmp_session_new(Monitor *mon)
{
    QmpSession *session = g_new0(QmpSession, 1);

    session->mon = mon;
    session->input = g_byte_array_new();
    g_queue_init(&session->requests);
    if (!qmp_sessions) {
        qmp_sessions = g_ptr_array_new();
    }
    g_ptr_array_add(qmp_sessions, session);
    return session;
}

void qmp_session_free(QmpSession *session)
{
    if (!session) {
        return;
    }
    g_ptr_array_remove(qmp_sessions, session);
    if (qmp_sessions->len == 0) {
        g_clear_pointer(&qmp_sessions, g_ptr_array_unref);
        if (qmp_source != 0) {
            g_source_remove(qmp_source);
            qmp_source = 0;
        }
    }
    qmp_session_reset(session);
    g_byte_array_unref(session->input);
    g_free(session);
}
