/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes text in the OpenMetrics format, version 1.0.0. */

#include "util/openmetrics.h"

#include <inttypes.h>

static const struct {
    const char *word;
    const char *suffix; /* of its samples' names */
} openmetrics_types[] = {
    [OPENMETRICS_COUNTER] = { "counter", "_total" },
    [OPENMETRICS_GAUGE] = { "gauge", "" },
    [OPENMETRICS_INFO] = { "info", "_info" },
    [OPENMETRICS_STATESET] = { "stateset", "" },
};

/* Label values and help texts have the same rules: ABNF "escaped-string". */
static void openmetrics_append_escaped(GString *text, const char *value)
{
    for (const char *c = value; *c; c++) {
        if (*c == '\n') {
            g_string_append(text, "\\n");
        } else {
            if (*c == '"' || *c == '\\') {
                g_string_append_c(text, '\\');
            }
            g_string_append_c(text, *c);
        }
    }
}

/* What is no UTF-8 (a path of a file) would make the whole page unreadable. */
static void openmetrics_append_value(GString *text, const char *value)
{
    g_autofree char *valid = g_utf8_make_valid(value, -1);

    openmetrics_append_escaped(text, valid);
}

void openmetrics_init(OpenMetrics *om)
{
    *om = (OpenMetrics) { .text = g_string_new(NULL) };
}

void openmetrics_family(OpenMetrics *om, OpenMetricsType type, const char *name, const char *unit,
                        const char *help)
{
    om->type = type;
    om->name = name;
    g_string_append_printf(om->text, "# TYPE %s %s\n", name, openmetrics_types[type].word);
    if (unit) {
        g_string_append_printf(om->text, "# UNIT %s %s\n", name, unit);
    }
    g_string_append_printf(om->text, "# HELP %s ", name);
    openmetrics_append_escaped(om->text, help);
    g_string_append_c(om->text, '\n');
}

static void openmetrics_begin_sample(OpenMetrics *om, const OpenMetricsLabel *labels)
{
    g_string_append_printf(om->text, "%s%s", om->name, openmetrics_types[om->type].suffix);
    if (!labels || !labels->name) {
        g_string_append_c(om->text, ' ');
        return;
    }
    for (const OpenMetricsLabel *label = labels; label->name; label++) {
        g_string_append_printf(om->text, "%c%s=\"", label == labels ? '{' : ',', label->name);
        openmetrics_append_value(om->text, label->value ? label->value : "");
        g_string_append_c(om->text, '"');
    }
    g_string_append(om->text, "} ");
}

void openmetrics_sample(OpenMetrics *om, const OpenMetricsLabel *labels, uint64_t value)
{
    openmetrics_begin_sample(om, labels);
    g_string_append_printf(om->text, "%" PRIu64 "\n", value);
}

void openmetrics_sample_ms(OpenMetrics *om, const OpenMetricsLabel *labels, uint64_t value_ms)
{
    openmetrics_begin_sample(om, labels);
    g_string_append_printf(om->text, "%" PRIu64 ".%03u\n", value_ms / 1000,
                           (unsigned)(value_ms % 1000));
}

GString *openmetrics_finish(OpenMetrics *om)
{
    g_string_append(om->text, "# EOF\n");
    return g_steal_pointer(&om->text);
}
