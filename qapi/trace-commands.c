/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands that show and switch trace points. */

#include <glib.h>

#include "qapi/qapi-commands.h"
#include "qapi/qapi-types.h"
#include "util/error.h"
#include "util/trace.h"

/* The points that @pattern names, borrowed; NULL with @error for an unknown plain name. */
static GPtrArray *trace_points_matching(const char *pattern, GError **error)
{
    g_autoptr(GPtrArray) points = g_ptr_array_new();

    for (TracePoint *point = trace_first(); point; point = point->next) {
        if (g_pattern_match_simple(pattern, point->name)) {
            g_ptr_array_add(points, point);
        }
    }
    if (points->len == 0 && trace_pattern_is_plain(pattern)) {
        error_set(error, "unknown event \"%s\"", pattern);
        return NULL;
    }
    return g_steal_pointer(&points);
}

TraceEventInfoList *qmp_trace_event_get_state(const TraceEventGetStateArgs *args, GError **error)
{
    g_autoptr(GPtrArray) points = trace_points_matching(args->name, error);
    TraceEventInfoList *list;

    if (!points) {
        return NULL;
    }
    list = g_new0(TraceEventInfoList, 1);
    list->items = g_new0(TraceEventInfo, points->len);
    list->len = points->len;
    for (guint i = 0; i < points->len; i++) {
        const TracePoint *point = points->pdata[i];

        list->items[i].name = g_strdup(point->name);
        list->items[i].state = point->enabled ? TRACE_EVENT_STATE_ENABLED
                                              : TRACE_EVENT_STATE_DISABLED;
    }
    return list;
}

bool qmp_trace_event_set_state(const TraceEventSetStateArgs *args, GError **error)
{
    g_autoptr(GPtrArray) points = trace_points_matching(args->name, error);

    if (!points) {
        return false;
    }
    /* All points are in every build, so that none is ever unavailable. */
    trace_set_matching(args->name, args->enable);
    return true;
}
