/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two clocks, realtime and virtual, and timers on them. */

#ifndef UTIL_CLOCK_H
#define UTIL_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

typedef enum ClockType {
    /** The host's monotonic clock; runs always. */
    CLOCK_TYPE_REALTIME,
    /** Starts at 0, stands still while the VM is stopped, stepped by qtest. */
    CLOCK_TYPE_VIRTUAL,
} ClockType;

/** clock_now_ns: the time on @clock, in ns. */
int64_t clock_now_ns(ClockType clock);

typedef struct Timer Timer;

/** Called from the loop once for each expiry. */
typedef void TimerFunc(void *opaque);

/** timer_new: a timer that is not running; free with timer_free(). */
Timer *timer_new(ClockType clock, TimerFunc *func, void *opaque);

/** timer_start_at: expire once at @deadline_ns of the timer's clock; restarts a running one. */
void timer_start_at(Timer *timer, int64_t deadline_ns);

/** timer_stop: do not expire; legal when not running. */
void timer_stop(Timer *timer);

/** timer_is_running: whether an expiry is to come. */
bool timer_is_running(const Timer *timer);

/** timer_deadline_ns: when a running timer expires, on its clock. */
int64_t timer_deadline_ns(const Timer *timer);

/** timer_free: stop and free; NULL is legal, also inside the timer's own callback. */
void timer_free(Timer *timer);

/** clock_virtual_set_running: let the virtual clock go or stand still (run state). */
void clock_virtual_set_running(bool running);

/** clock_virtual_set_stepped: from now on only clock_virtual_advance() moves it (-accel qtest). */
void clock_virtual_set_stepped(void);

/**
 * clock_virtual_next_deadline_ns: of all timers on the virtual clock
 *
 * Returns: -1 if there is none, or none can expire because the VM is stopped.
 */
int64_t clock_virtual_next_deadline_ns(void);

/** The virtual clock never goes farther (146 years), so that a delay can be added to it. */
#define CLOCK_VIRTUAL_MAX_NS (INT64_MAX / 2)

/**
 * clock_virtual_advance: step to @target_ns, running each timer at its own deadline
 * @target_ns: CLOCK_VIRTUAL_MAX_NS at most
 *
 * Timers run only while the VM runs; else only the value moves, and overdue timers run
 * once the clock is set running again. A target not ahead does nothing.
 */
void clock_virtual_advance(int64_t target_ns);

#endif
