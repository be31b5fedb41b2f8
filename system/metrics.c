/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Object metrics: a minimal HTTP server on a chardev, whose only page is that of the metrics. */

/*
 * A connection is for one request: its answer says that it will be closed, and so it is. A client
 * has a time in which all that has to be over. What it may cost meanwhile is HTTP_HEAD_MAX bytes of
 * its request and one page; and as a chardev has one client at a time, that is all that all of
 * them together cost.
 *
 * Behind an error the client may still be sending. To close then could take the answer away from
 * it again (RFC 9112, 9.6), so what it sends is read and forgotten for a moment.
 */

#include <inttypes.h>
#include <string.h>

#include "chardev/char.h"
#include "qapi/qapi-types.h"
#include "qom/object.h"
#include "system/http-request.h"
#include "system/metrics-page.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/openmetrics.h"
#include "util/trace.h"

TRACE_POINT(metrics_answered);
TRACE_POINT(metrics_cut_off);

#define METRICS_PATH "/metrics"

/* How long what follows a refused request is read. */
#define LINGER_NS INT64_C(1000000000)

/** What is done with a client. */
typedef enum MetricsState {
    METRICS_IDLE,      /* there is none */
    METRICS_READING,   /* its request is not complete */
    METRICS_WRITING,   /* it gets its answer */
    METRICS_LINGERING, /* it has its answer, an error; what it still sends is forgotten */
} MetricsState;

/** The object. */
typedef struct Metrics {
    Object obj;
    CharFrontend fe;
    MetricsState state;
    HttpRequest request;
    GString *answer;     /* owned; NULL = not in state WRITING */
    size_t n_written;    /* of it */
    HttpStatus status;   /* of it */
    Timer *deadline;     /* owned */
} Metrics;

static const MetricsProperties *metrics_props(const Metrics *metrics)
{
    return metrics->obj.props;
}

static void metrics_start_timer(Metrics *metrics, int64_t ns)
{
    timer_start_at(metrics->deadline, clock_now_ns(CLOCK_TYPE_REALTIME) + ns);
}

static void metrics_forget_client(Metrics *metrics)
{
    metrics->state = METRICS_IDLE;
    timer_stop(metrics->deadline);
    http_request_clear(&metrics->request);
    if (metrics->answer) {
        g_string_free(metrics->answer, TRUE);
        metrics->answer = NULL;
    }
}

/* --- The answer ---------------------------------------------------------------------------- */

/* RFC 9110, 5.6.7: whatever the locale. */
static void answer_append_date(GString *answer)
{
    static const char *const days[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
    static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();

    g_string_append_printf(answer, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n",
                           days[g_date_time_get_day_of_week(now) - 1],
                           g_date_time_get_day_of_month(now),
                           months[g_date_time_get_month(now) - 1], g_date_time_get_year(now),
                           g_date_time_get_hour(now), g_date_time_get_minute(now),
                           g_date_time_get_second(now));
}

/* @content: taken */
static GString *answer_new(HttpStatus status, const char *type, GString *content, bool is_head)
{
    GString *answer = g_string_new(NULL);

    g_string_append_printf(answer, "HTTP/1.1 %d %s\r\n", (int)status, http_status_reason(status));
    answer_append_date(answer);
    if (status == HTTP_STATUS_METHOD_NOT_ALLOWED) {
        g_string_append(answer, "Allow: GET, HEAD\r\n");
    }
    g_string_append_printf(answer, "Content-Type: %s\r\nContent-Length: %zu\r\n"
                           "Connection: close\r\n\r\n", type, (size_t)content->len);
    if (!is_head) {
        g_string_append_len(answer, content->str, (gssize)content->len);
    }
    g_string_free(content, TRUE);
    return answer;
}

static GString *answer_error(HttpStatus status, bool is_head)
{
    GString *content = g_string_new(NULL);

    g_string_printf(content, "%d %s\n", (int)status, http_status_reason(status));
    return answer_new(status, "text/plain; charset=utf-8", content, is_head);
}

static void metrics_end_answer(Metrics *metrics)
{
    TRACE(metrics_answered, "metrics '%s': %d, %zu bytes", metrics->obj.id, (int)metrics->status,
          metrics->n_written);
    if (metrics->status == HTTP_STATUS_OK || metrics->status == HTTP_STATUS_REQUEST_TIMEOUT) {
        metrics_forget_client(metrics);
        char_frontend_disconnect(&metrics->fe);
        return;
    }
    metrics->state = METRICS_LINGERING;
    metrics_start_timer(metrics, LINGER_NS);
    char_frontend_accept_input(&metrics->fe);
}

static void metrics_write(Metrics *metrics)
{
    while (metrics->n_written < metrics->answer->len) {
        struct iovec iov = { metrics->answer->str + metrics->n_written,
                             metrics->answer->len - metrics->n_written };
        ssize_t n = char_frontend_writev(&metrics->fe, &iov, 1);

        if (n < 0) {
            metrics_forget_client(metrics); /* its end is told by the loop */
            return;
        }
        metrics->n_written += (size_t)n;
        if ((size_t)n < iov.iov_len) {
            return;
        }
    }
    metrics_end_answer(metrics);
}

static void metrics_answer(Metrics *metrics, HttpStatus status)
{
    const HttpRequest *request = &metrics->request;

    if (status == HTTP_STATUS_OK && strcmp(request->path, METRICS_PATH) != 0) {
        status = HTTP_STATUS_NOT_FOUND;
    }
    metrics->answer = status == HTTP_STATUS_OK
        ? answer_new(status, OPENMETRICS_MEDIA_TYPE, metrics_page_new(), request->is_head)
        : answer_error(status, request->is_head);
    metrics->status = status;
    metrics->n_written = 0;
    metrics->state = METRICS_WRITING;
    metrics_write(metrics);
}

/* --- The client ---------------------------------------------------------------------------- */

/* A client that has sent nothing is told nothing; one that takes nothing cannot be told. */
static void metrics_deadline(void *opaque)
{
    Metrics *metrics = opaque;

    TRACE(metrics_cut_off, "metrics '%s'", metrics->obj.id);
    if (metrics->state == METRICS_READING && metrics->request.head) {
        metrics_answer(metrics, HTTP_STATUS_REQUEST_TIMEOUT);
    }
    if (metrics->state != METRICS_IDLE) {
        metrics_forget_client(metrics);
        char_frontend_disconnect(&metrics->fe);
    }
}

static size_t metrics_read_wanted(void *opaque)
{
    const Metrics *metrics = opaque;

    return metrics->state == METRICS_WRITING ? 0 : HTTP_HEAD_MAX;
}

/* A client may close its direction behind its request. */
static bool metrics_is_busy(void *opaque)
{
    const Metrics *metrics = opaque;

    return metrics->state == METRICS_WRITING;
}

static void metrics_read(const uint8_t *data, size_t len, void *opaque)
{
    Metrics *metrics = opaque;
    HttpStatus status;

    if (metrics->state != METRICS_READING) {
        return;
    }
    status = http_request_push(&metrics->request, data, len);
    if (status != HTTP_STATUS_NONE) {
        metrics_answer(metrics, status);
    }
}

static void metrics_write_ready(void *opaque)
{
    Metrics *metrics = opaque;

    if (metrics->state == METRICS_WRITING) {
        metrics_write(metrics);
    }
}

static void metrics_event(CharEvent event, void *opaque)
{
    Metrics *metrics = opaque;

    switch (event) {
    case CHAR_EVENT_OPENED:
        metrics_forget_client(metrics);
        metrics->state = METRICS_READING;
        metrics_start_timer(metrics, metrics_props(metrics)->timeout * INT64_C(1000000000));
        break;
    case CHAR_EVENT_CLOSED:
        metrics_forget_client(metrics);
        break;
    case CHAR_EVENT_BREAK:
    case CHAR_EVENT_MUX_IN:
    case CHAR_EVENT_MUX_OUT:
        break;
    }
}

static const CharFrontendOps metrics_ops = {
    .read_wanted = metrics_read_wanted,
    .is_busy = metrics_is_busy,
    .read = metrics_read,
    .write_ready = metrics_write_ready,
    .event = metrics_event,
};

/* --- The object ---------------------------------------------------------------------------- */

static bool metrics_check(const MetricsProperties *props, GError **error)
{
    return props->timeout > 0 ||
           error_set(error, "Property 'metrics.timeout' requires a positive value");
}

static bool metrics_create(Object *obj, GError **error)
{
    Metrics *metrics = (Metrics *)obj;
    const char *id = metrics_props(metrics)->chardev;
    Chardev *chr = char_find(id);

    if (!metrics_check(obj->props, error)) {
        return false;
    }
    if (!chr) {
        return error_set_class(error, ERROR_CLASS_DEVICE_NOT_FOUND, "chardev '%s' not found", id);
    }
    if (!char_is_socket(chr)) {
        return error_set(error, "Property 'metrics.chardev' needs a chardev of type socket, and "
                         "'%s' is none", id);
    }
    metrics->deadline = timer_new(CLOCK_TYPE_REALTIME, metrics_deadline, metrics);
    if (!char_frontend_attach(&metrics->fe, chr, &metrics_ops, metrics, error)) {
        timer_free(metrics->deadline);
        return false;
    }
    return true;
}

static void metrics_finalize(Object *obj)
{
    Metrics *metrics = (Metrics *)obj;

    metrics_forget_client(metrics);
    char_frontend_disconnect(&metrics->fe);
    char_frontend_detach(&metrics->fe);
    timer_free(metrics->deadline);
}

static bool metrics_change(Object *obj, const QapiMember *member, const void *new_props,
                           GError **error)
{
    if (g_str_equal(member->name, "chardev")) {
        return error_set(error, "Property 'metrics.chardev' can only be given when the object is "
                         "created");
    }
    return metrics_check(new_props, error);
}

static void metrics_changed(Object *obj, const QapiMember *member)
{
}

static const ObjectClass metrics_class = {
    .name = "metrics",
    .props = QAPI_TYPE(MetricsProperties),
    .phase = OBJECT_PHASE_LATE,
    .is_ours = true,
    .size = sizeof(Metrics),
    .create = metrics_create,
    .finalize = metrics_finalize,
    .change = metrics_change,
    .changed = metrics_changed,
};

__attribute__((constructor)) static void metrics_register(void)
{
    object_class_register(&metrics_class);
}
