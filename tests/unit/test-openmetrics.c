/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The OpenMetrics writer: each kind of family, escaping, numbers. */

#include <glib.h>

#include "util/openmetrics.h"

static void expect(OpenMetrics *om, const char *text)
{
    GString *page = openmetrics_finish(om);

    g_assert_cmpstr(page->str, ==, text);
    g_string_free(page, TRUE);
}

static void test_empty(void)
{
    OpenMetrics om;

    openmetrics_init(&om);
    expect(&om, "# EOF\n");
}

static void test_types(void)
{
    const OpenMetricsLabel labels[] = { { "netdev", "n0" }, { "direction", "tx" }, { NULL, NULL } };
    const OpenMetricsLabel state[] = { { "state", "on" }, { NULL, NULL } };
    OpenMetrics om;

    openmetrics_init(&om);
    openmetrics_family(&om, OPENMETRICS_COUNTER, "in_bytes", "bytes", "Came in.");
    openmetrics_sample(&om, labels, UINT64_MAX);
    openmetrics_family(&om, OPENMETRICS_GAUGE, "held", NULL, "Wait.");
    openmetrics_sample(&om, NULL, 0);
    openmetrics_family(&om, OPENMETRICS_INFO, "program", NULL, "It.");
    openmetrics_sample(&om, labels, 1);
    openmetrics_family(&om, OPENMETRICS_STATESET, "state", NULL, "Now.");
    openmetrics_sample(&om, state, 1);
    expect(&om,
           "# TYPE in_bytes counter\n# UNIT in_bytes bytes\n# HELP in_bytes Came in.\n"
           "in_bytes_total{netdev=\"n0\",direction=\"tx\"} 18446744073709551615\n"
           "# TYPE held gauge\n# HELP held Wait.\nheld 0\n"
           "# TYPE program info\n# HELP program It.\n"
           "program_info{netdev=\"n0\",direction=\"tx\"} 1\n"
           "# TYPE state stateset\n# HELP state Now.\nstate{state=\"on\"} 1\n# EOF\n");
}

static void test_escaping(void)
{
    const OpenMetricsLabel labels[] = {
        { "a", "q\"b\\s\nn" }, { "b", NULL }, { "c", "\xc3\xa4\xff" }, { NULL, NULL }
    };
    OpenMetrics om;

    openmetrics_init(&om);
    openmetrics_family(&om, OPENMETRICS_GAUGE, "x", NULL, "A \"b\"\\\nc");
    openmetrics_sample(&om, labels, 1);
    expect(&om, "# TYPE x gauge\n# HELP x A \\\"b\\\"\\\\\\nc\n"
           "x{a=\"q\\\"b\\\\s\\nn\",b=\"\",c=\"\xc3\xa4\xef\xbf\xbd\"} 1\n# EOF\n");
}

static void test_milliseconds(void)
{
    OpenMetrics om;

    openmetrics_init(&om);
    openmetrics_family(&om, OPENMETRICS_GAUGE, "x_seconds", "seconds", "Time.");
    openmetrics_sample_ms(&om, NULL, 61007);
    expect(&om, "# TYPE x_seconds gauge\n# UNIT x_seconds seconds\n# HELP x_seconds Time.\n"
           "x_seconds 61.007\n# EOF\n");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/openmetrics/empty", test_empty);
    g_test_add_func("/openmetrics/types", test_types);
    g_test_add_func("/openmetrics/escaping", test_escaping);
    g_test_add_func("/openmetrics/milliseconds", test_milliseconds);
    return g_test_run();
}
