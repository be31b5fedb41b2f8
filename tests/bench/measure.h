/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One run of a measurement: its options, its clocks and its line of results. */

#ifndef TESTS_BENCH_MEASURE_H
#define TESTS_BENCH_MEASURE_H

#include <stdint.h>
#include <time.h>
#include <glib.h>

/** What bench.py tells every run. */
typedef struct MeasureOptions {
    int n_frames;   /* so many are sent, without a clock; 0 = by the clock */
    int warm_up_ms; /* not yet measured */
    int measure_ms;
    int pid;        /* of the program whose processor time counts; 0 = of none */
} MeasureOptions;

extern MeasureOptions measure_options;

/** What is known at one moment. */
typedef struct MeasureSample {
    int64_t time_ns;
    int64_t cpu_ns; /* of the program under test */
    uint64_t n_frames;
} MeasureSample;

/** measure_fail: print why, and end the process with status 1. */
void measure_fail(const char *format, ...) G_GNUC_PRINTF(1, 2) G_GNUC_NORETURN;

/** measure_parse: the command line: measure_options, and @own ones. */
void measure_parse(const GOptionEntry *own, int argc, char **argv);

/** measure_now_ns: of the clock that does not jump. */
int64_t measure_now_ns(void);

/** measure_sample: at @now_ns, when @n_frames had come out. */
MeasureSample measure_sample(int64_t now_ns, uint64_t n_frames);

/** measure_print: what happened between two samples; of all frames @n_checked were checked. */
void measure_print(const MeasureSample *from, const MeasureSample *to, uint64_t n_checked);

#endif
