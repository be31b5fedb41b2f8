/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One run of a measurement: its options, its clocks and its line of results. */

#include "measure.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

MeasureOptions measure_options = { .warm_up_ms = 100, .measure_ms = 400 };

static clockid_t measure_cpu_clock;

void measure_fail(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    fprintf(stderr, "%s: ", g_get_prgname());
    vfprintf(stderr, format, ap);
    fprintf(stderr, "\n");
    va_end(ap);
    _Exit(1);
}

void measure_parse(const GOptionEntry *own, int argc, char **argv)
{
    static const GOptionEntry common[] = {
        { "frames", 0, 0, G_OPTION_ARG_INT, &measure_options.n_frames, "so many; no clock", "N" },
        { "warm-up", 0, 0, G_OPTION_ARG_INT, &measure_options.warm_up_ms, "not yet measured",
          "MS" },
        { "measure", 0, 0, G_OPTION_ARG_INT, &measure_options.measure_ms, "measured", "MS" },
        { "pid", 0, 0, G_OPTION_ARG_INT, &measure_options.pid, "whose processor time counts",
          "PID" },
        { NULL }
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;

    g_option_context_add_main_entries(context, own, NULL);
    g_option_context_add_main_entries(context, common, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        measure_fail("%s", error->message);
    }
    if (measure_options.pid &&
        clock_getcpuclockid(measure_options.pid, &measure_cpu_clock) != 0) {
        measure_fail("there is no process %d", measure_options.pid);
    }
}

static int64_t measure_clock_ns(clockid_t clock)
{
    struct timespec ts;

    if (clock_gettime(clock, &ts) < 0) {
        measure_fail("the program under test has ended");
    }
    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

int64_t measure_now_ns(void)
{
    return measure_clock_ns(CLOCK_MONOTONIC);
}

MeasureSample measure_sample(int64_t now_ns, uint64_t n_frames)
{
    return (MeasureSample) {
        .time_ns = now_ns,
        .cpu_ns = measure_options.pid ? measure_clock_ns(measure_cpu_clock) : 0,
        .n_frames = n_frames,
    };
}

void measure_print(const MeasureSample *from, const MeasureSample *to, uint64_t n_checked)
{
    printf("{\"frames\": %" PRIu64 ", \"ns\": %" PRId64 ", \"cpu_ns\": %" PRId64
           ", \"checked\": %" PRIu64 "}\n", to->n_frames - from->n_frames,
           MAX(to->time_ns - from->time_ns, 1), to->cpu_ns - from->cpu_ns, n_checked);
}
