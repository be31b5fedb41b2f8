/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Human monitor: trace points and the log. */

#include "system/hmp-internal.h"

#include "qapi/qapi-commands.h"
#include "system/log-items.h"
#include "util/error.h"
#include "util/trace.h"

static void hmp_complete_trace(const char *word, int arg_index, GPtrArray *candidates)
{
    for (const TracePoint *point = trace_first(); arg_index == 0 && point; point = point->next) {
        g_ptr_array_add(candidates, g_strdup(point->name));
    }
}

/* Nothing in front of the text: the reference says "unknown event" as it is. */
static void hmp_print_error(Hmp *hmp, const GError *error)
{
    if (error) {
        hmp_printf(hmp, "%s\n", error->message);
    }
}

static void hmp_run_trace_event(Hmp *hmp)
{
    TraceEventSetStateArgs args = { .name = (char *)hmp_str(hmp, "name"),
                                    .enable = hmp_bool(hmp, "enable") };
    g_autoptr(GError) error = NULL;

    qmp_trace_event_set_state(&args, &error);
    hmp_print_error(hmp, error);
}

static void hmp_run_info_trace_events(Hmp *hmp)
{
    const char *pattern = hmp_str(hmp, "name");
    TraceEventGetStateArgs args = { .name = (char *)(pattern ? pattern : "*") };
    g_autoptr(GError) error = NULL;
    g_autoptr(TraceEventInfoList) list = qmp_trace_event_get_state(&args, &error);

    hmp_print_error(hmp, error);
    for (size_t i = 0; list && i < list->len; i++) {
        hmp_printf(hmp, "%s : state %d\n", list->items[i].name,
                   list->items[i].state == TRACE_EVENT_STATE_ENABLED);
    }
}

static void hmp_run_log(Hmp *hmp)
{
    const char *items = hmp_str(hmp, "items");
    g_autofree char *help = NULL;

    if (g_str_equal(items, "none")) {
        trace_set_matching("*", false);
    } else if (!log_items_apply(items, NULL)) {
        help = log_items_text();
        hmp_printf(hmp, "none            switch all off\n%s", help);
    }
}

static void hmp_run_logfile(Hmp *hmp)
{
    g_autoptr(GError) error = NULL;

    if (!trace_set_file(hmp_str(hmp, "filename"), &error)) {
        hmp_printf(hmp, "%s\n", error->message);
    }
}

static const HmpCommand hmp_trace_commands[] = {
    { .name = "trace-event", .args = "name:s,enable:b", .params = "NAME on|off",
      .help = "switch the trace points that match NAME", .run = hmp_run_trace_event,
      .complete = hmp_complete_trace },
    { .name = "log", .args = "items:s", .params = "ITEM[,...]",
      .help = "log ITEMs, or none", .run = hmp_run_log },
    { .name = "logfile", .args = "filename:s", .params = "FILE",
      .help = "write the log to FILE from now on", .run = hmp_run_logfile },
};
HMP_REGISTER(hmp_trace_commands, false);

static const HmpCommand hmp_trace_info_commands[] = {
    { .name = "trace-events", .args = "name:s?", .params = "[PATTERN]",
      .help = "which trace points there are, and which are on",
      .run = hmp_run_info_trace_events, .complete = hmp_complete_trace },
};
HMP_REGISTER(hmp_trace_info_commands, true);
