/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of the two clocks and their timers. */

#include <glib.h>

#include "util/clock.h"
#include "loop.h"

#define MS INT64_C(1000000)

/* A timer and when it expired. */
typedef struct Alarm {
    Timer *timer;
    unsigned calls;
    int64_t at_ns;       /* of the virtual clock, at the last call */
    int64_t period_ns;   /* start again so much later; 0 = no */
    bool free_self;
    bool stop_clock;
    GString *journal;    /* borrowed; gets @letter at each call; may be NULL */
    char letter;
} Alarm;

static void alarm_rang(void *opaque)
{
    Alarm *alarm = opaque;

    alarm->calls++;
    alarm->at_ns = clock_now_ns(CLOCK_TYPE_VIRTUAL);
    if (alarm->journal) {
        g_string_append_c(alarm->journal, alarm->letter);
    }
    if (alarm->free_self) {
        g_clear_pointer(&alarm->timer, timer_free);
    }
    if (alarm->period_ns) {
        timer_start_at(alarm->timer, timer_deadline_ns(alarm->timer) + alarm->period_ns);
    }
    if (alarm->stop_clock) {
        clock_virtual_set_running(false);
    }
}

/* The virtual clock has no reset: each test of it runs in a process of its own. */
static bool in_child(void)
{
    if (g_test_subprocess()) {
        return true;
    }
    g_test_trap_subprocess(NULL, LOOP_DEADLINE_S * G_USEC_PER_SEC,
                           G_TEST_SUBPROCESS_INHERIT_STDERR);
    g_test_trap_assert_passed();
    return false;
}

static void test_realtime_runs(void)
{
    int64_t a = clock_now_ns(CLOCK_TYPE_REALTIME);
    int64_t b = clock_now_ns(CLOCK_TYPE_REALTIME);

    g_assert_cmpint(a, >, 0);
    g_assert_cmpint(b, >=, a);
    g_assert_cmpint(ABS(b / 1000 - g_get_monotonic_time()), <, 10 * G_USEC_PER_SEC);
}

static void test_realtime_expires(void)
{
    Alarm alarm = { 0 };
    int64_t start = clock_now_ns(CLOCK_TYPE_REALTIME);

    alarm.timer = timer_new(CLOCK_TYPE_REALTIME, alarm_rang, &alarm);
    g_assert_false(timer_is_running(alarm.timer));
    timer_start_at(alarm.timer, start + 5 * MS);
    g_assert_true(timer_is_running(alarm.timer));
    g_assert_cmpint(timer_deadline_ns(alarm.timer), ==, start + 5 * MS);
    LOOP_UNTIL(alarm.calls > 0);
    g_assert_cmpint(clock_now_ns(CLOCK_TYPE_REALTIME), >=, start + 5 * MS);
    g_assert_false(timer_is_running(alarm.timer));
    timer_free(alarm.timer);
}

/* Expiry is finer than a millisecond: 20 periods of 200 us take less than 20 ms would. */
static void test_realtime_is_fine(void)
{
    Alarm alarm = { .period_ns = MS / 5 };
    int64_t start = clock_now_ns(CLOCK_TYPE_REALTIME);

    alarm.timer = timer_new(CLOCK_TYPE_REALTIME, alarm_rang, &alarm);
    timer_start_at(alarm.timer, start);
    LOOP_UNTIL(alarm.calls >= 20);
    g_assert_cmpint(clock_now_ns(CLOCK_TYPE_REALTIME), >=, start + 19 * alarm.period_ns);
    timer_free(alarm.timer);
}

static void test_order(void)
{
    g_autoptr(GString) journal = g_string_new(NULL);
    int64_t now = clock_now_ns(CLOCK_TYPE_REALTIME);
    static const int delays[] = { 5, 1, 9, 3, 7, 1, 2, 8, 4, 6 };
    Alarm alarms[G_N_ELEMENTS(delays)] = { 0 };

    for (size_t i = 0; i < G_N_ELEMENTS(delays); i++) {
        alarms[i].journal = journal;
        alarms[i].letter = (char)('a' + i);
        alarms[i].timer = timer_new(CLOCK_TYPE_REALTIME, alarm_rang, &alarms[i]);
        timer_start_at(alarms[i].timer, now + delays[i]);
    }
    LOOP_UNTIL(journal->len == G_N_ELEMENTS(delays));
    g_assert_cmpstr(journal->str, ==, "bfgdiajehc"); /* equal deadlines: order of start */
    for (size_t i = 0; i < G_N_ELEMENTS(delays); i++) {
        timer_free(alarms[i].timer);
    }
}

static void test_stop(void)
{
    Alarm stopped = { 0 }, other = { 0 };
    int64_t now = clock_now_ns(CLOCK_TYPE_REALTIME);

    stopped.timer = timer_new(CLOCK_TYPE_REALTIME, alarm_rang, &stopped);
    other.timer = timer_new(CLOCK_TYPE_REALTIME, alarm_rang, &other);
    timer_start_at(stopped.timer, now + MS);
    timer_start_at(other.timer, now + 2 * MS);
    timer_stop(stopped.timer);
    timer_stop(stopped.timer);
    g_assert_false(timer_is_running(stopped.timer));
    LOOP_UNTIL(other.calls == 1);
    g_assert_cmpuint(stopped.calls, ==, 0);
    timer_free(stopped.timer);
    timer_free(other.timer);
}

static void test_restart_moves(void)
{
    Alarm alarm = { 0 }, other = { 0 };
    int64_t now = clock_now_ns(CLOCK_TYPE_REALTIME);

    alarm.timer = timer_new(CLOCK_TYPE_REALTIME, alarm_rang, &alarm);
    other.timer = timer_new(CLOCK_TYPE_REALTIME, alarm_rang, &other);
    timer_start_at(alarm.timer, now);
    timer_start_at(alarm.timer, now + 3600 * 1000 * MS);
    timer_start_at(other.timer, now);
    LOOP_UNTIL(other.calls == 1);
    g_assert_cmpuint(alarm.calls, ==, 0);
    timer_start_at(alarm.timer, now);
    LOOP_UNTIL(alarm.calls == 1);
    timer_free(alarm.timer);
    timer_free(other.timer);
}

static void test_free_in_callback(void)
{
    Alarm alarm = { .free_self = true };

    alarm.timer = timer_new(CLOCK_TYPE_REALTIME, alarm_rang, &alarm);
    timer_start_at(alarm.timer, 0);
    LOOP_UNTIL(alarm.calls == 1);
    g_assert_null(alarm.timer);
    timer_free(NULL);
}

/* A timer that starts itself for the past must not hold up the loop. */
static void test_overdue_is_bounded(void)
{
    Alarm greedy = { .period_ns = 1 };

    greedy.timer = timer_new(CLOCK_TYPE_REALTIME, alarm_rang, &greedy);
    timer_start_at(greedy.timer, 1);
    g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(greedy.calls, >, 0);
    g_assert_cmpuint(greedy.calls, <, 1000);
    LOOP_UNTIL(greedy.calls >= 1000);
    timer_free(greedy.timer);
}

static void test_many(void)
{
    enum { N = 500 };
    Alarm alarms[N] = { 0 };
    int64_t now = clock_now_ns(CLOCK_TYPE_REALTIME);
    unsigned total;

    for (int i = 0; i < N; i++) {
        alarms[i].timer = timer_new(CLOCK_TYPE_REALTIME, alarm_rang, &alarms[i]);
        timer_start_at(alarms[i].timer, now + (i * 7919) % N);
    }
    for (int i = 0; i < N; i += 2) {
        timer_stop(alarms[i].timer);
    }
    do {
        g_main_context_iteration(NULL, TRUE);
        total = 0;
        for (int i = 0; i < N; i++) {
            total += alarms[i].calls;
        }
    } while (total < N / 2);
    for (int i = 0; i < N; i++) {
        g_assert_cmpuint(alarms[i].calls, ==, i % 2);
        timer_free(alarms[i].timer);
    }
}

static void test_virtual_starts_at_zero(void)
{
    if (!in_child()) {
        return;
    }
    g_assert_cmpint(clock_now_ns(CLOCK_TYPE_VIRTUAL), ==, 0);
    g_assert_cmpint(clock_virtual_next_deadline_ns(), ==, -1);
}

static void test_virtual_runs_and_stands(void)
{
    Alarm alarm = { 0 };
    int64_t stopped_ns;

    if (!in_child()) {
        return;
    }
    clock_virtual_set_running(true);
    alarm.timer = timer_new(CLOCK_TYPE_VIRTUAL, alarm_rang, &alarm);
    timer_start_at(alarm.timer, 2 * MS);
    g_assert_cmpint(clock_virtual_next_deadline_ns(), ==, 2 * MS);
    LOOP_UNTIL(alarm.calls == 1);
    g_assert_cmpint(alarm.at_ns, >=, 2 * MS);
    clock_virtual_set_running(false);
    stopped_ns = clock_now_ns(CLOCK_TYPE_VIRTUAL);
    g_assert_cmpint(stopped_ns, >=, 2 * MS);
    loop_run_ready(3);
    g_assert_cmpint(clock_now_ns(CLOCK_TYPE_VIRTUAL), ==, stopped_ns);
    clock_virtual_set_running(true);
    g_assert_cmpint(clock_now_ns(CLOCK_TYPE_VIRTUAL), >=, stopped_ns);
    timer_free(alarm.timer);
}

static void test_virtual_timer_waits_for_cont(void)
{
    Alarm alarm = { 0 }, real = { 0 };

    if (!in_child()) {
        return;
    }
    alarm.timer = timer_new(CLOCK_TYPE_VIRTUAL, alarm_rang, &alarm);
    real.timer = timer_new(CLOCK_TYPE_REALTIME, alarm_rang, &real);
    timer_start_at(alarm.timer, 0);
    timer_start_at(real.timer, clock_now_ns(CLOCK_TYPE_REALTIME) + MS);
    g_assert_cmpint(clock_virtual_next_deadline_ns(), ==, -1);
    LOOP_UNTIL(real.calls == 1);
    g_assert_cmpuint(alarm.calls, ==, 0);
    clock_virtual_set_running(true);
    g_assert_cmpuint(alarm.calls, ==, 0); /* not inside the call, from the loop */
    LOOP_UNTIL(alarm.calls == 1);
    timer_free(alarm.timer);
    timer_free(real.timer);
}

static void test_stepped_only_steps(void)
{
    Alarm alarm = { 0 }, real = { 0 };

    if (!in_child()) {
        return;
    }
    clock_virtual_set_stepped();
    clock_virtual_set_running(true);
    alarm.timer = timer_new(CLOCK_TYPE_VIRTUAL, alarm_rang, &alarm);
    real.timer = timer_new(CLOCK_TYPE_REALTIME, alarm_rang, &real);
    timer_start_at(alarm.timer, 1);
    timer_start_at(real.timer, clock_now_ns(CLOCK_TYPE_REALTIME) + MS);
    LOOP_UNTIL(real.calls == 1);
    g_assert_cmpuint(alarm.calls, ==, 0);
    g_assert_cmpint(clock_now_ns(CLOCK_TYPE_VIRTUAL), ==, 0);
    clock_virtual_advance(1);
    g_assert_cmpuint(alarm.calls, ==, 1);
    timer_free(alarm.timer);
    timer_free(real.timer);
}

/* A 1 s period, a step of 1.1 s; next due at 2 s. */
static void test_stepped_period(void)
{
    Alarm alarm = { .period_ns = 1000 * MS };

    if (!in_child()) {
        return;
    }
    clock_virtual_set_stepped();
    clock_virtual_set_running(true);
    alarm.timer = timer_new(CLOCK_TYPE_VIRTUAL, alarm_rang, &alarm);
    timer_start_at(alarm.timer, 1000 * MS);
    clock_virtual_advance(1100 * MS);
    g_assert_cmpuint(alarm.calls, ==, 1);
    g_assert_cmpint(alarm.at_ns, ==, 1000 * MS);
    g_assert_cmpint(clock_now_ns(CLOCK_TYPE_VIRTUAL), ==, 1100 * MS);
    g_assert_cmpint(clock_virtual_next_deadline_ns(), ==, 2000 * MS);
    clock_virtual_advance(5000 * MS);
    g_assert_cmpuint(alarm.calls, ==, 5);
    timer_free(alarm.timer);
}

static void test_stepped_not_backward(void)
{
    if (!in_child()) {
        return;
    }
    clock_virtual_set_stepped();
    clock_virtual_set_running(true);
    clock_virtual_advance(10);
    clock_virtual_advance(5);
    g_assert_cmpint(clock_now_ns(CLOCK_TYPE_VIRTUAL), ==, 10);
    clock_virtual_advance(10);
    g_assert_cmpint(clock_now_ns(CLOCK_TYPE_VIRTUAL), ==, 10);
}

static void test_stepped_while_stopped(void)
{
    Alarm alarm = { 0 };

    if (!in_child()) {
        return;
    }
    clock_virtual_set_stepped();
    alarm.timer = timer_new(CLOCK_TYPE_VIRTUAL, alarm_rang, &alarm);
    timer_start_at(alarm.timer, 10);
    clock_virtual_advance(100);
    g_assert_cmpuint(alarm.calls, ==, 0);
    g_assert_cmpint(clock_now_ns(CLOCK_TYPE_VIRTUAL), ==, 100);
    loop_run_ready(3);
    g_assert_cmpuint(alarm.calls, ==, 0);
    clock_virtual_set_running(true);
    LOOP_UNTIL(alarm.calls == 1);
    g_assert_cmpint(alarm.at_ns, ==, 100);
    timer_free(alarm.timer);
}

/* A timer that stops the VM ends the run of timers, not the step. */
static void test_stepped_timer_stops_vm(void)
{
    Alarm first = { .stop_clock = true }, second = { 0 };

    if (!in_child()) {
        return;
    }
    clock_virtual_set_stepped();
    clock_virtual_set_running(true);
    first.timer = timer_new(CLOCK_TYPE_VIRTUAL, alarm_rang, &first);
    second.timer = timer_new(CLOCK_TYPE_VIRTUAL, alarm_rang, &second);
    timer_start_at(first.timer, 10);
    timer_start_at(second.timer, 20);
    clock_virtual_advance(100);
    g_assert_cmpuint(first.calls, ==, 1);
    g_assert_cmpuint(second.calls, ==, 0);
    g_assert_cmpint(clock_now_ns(CLOCK_TYPE_VIRTUAL), ==, 100);
    timer_free(first.timer);
    timer_free(second.timer);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/clock/realtime-runs", test_realtime_runs);
    g_test_add_func("/clock/realtime-expires", test_realtime_expires);
    g_test_add_func("/clock/realtime-is-fine", test_realtime_is_fine);
    g_test_add_func("/clock/order", test_order);
    g_test_add_func("/clock/stop", test_stop);
    g_test_add_func("/clock/restart-moves", test_restart_moves);
    g_test_add_func("/clock/free-in-callback", test_free_in_callback);
    g_test_add_func("/clock/overdue-is-bounded", test_overdue_is_bounded);
    g_test_add_func("/clock/many", test_many);
    g_test_add_func("/clock/virtual/starts-at-zero", test_virtual_starts_at_zero);
    g_test_add_func("/clock/virtual/runs-and-stands", test_virtual_runs_and_stands);
    g_test_add_func("/clock/virtual/timer-waits-for-cont", test_virtual_timer_waits_for_cont);
    g_test_add_func("/clock/stepped/only-steps", test_stepped_only_steps);
    g_test_add_func("/clock/stepped/period", test_stepped_period);
    g_test_add_func("/clock/stepped/not-backward", test_stepped_not_backward);
    g_test_add_func("/clock/stepped/while-stopped", test_stepped_while_stopped);
    g_test_add_func("/clock/stepped/timer-stops-vm", test_stepped_timer_stops_vm);
    return g_test_run();
}
