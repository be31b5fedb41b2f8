/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hands events on to the sink that sends them to clients. */

#include "qapi/qapi.h"

static QapiEventSinkFunc *qapi_event_sink;

void qapi_event_set_sink(QapiEventSinkFunc *func)
{
    qapi_event_sink = func;
}

void qapi_event_emit(const char *name, json_object *data)
{
    if (qapi_event_sink) {
        qapi_event_sink(name, data);
    }
    json_object_put(data);
}
