/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waits at the start for clients that are connected to negotiate. */

#include "monitor/monitor-internal.h"

#include "util/clock.h"

static struct {
    Timer *timer;       /* owned; NULL = no client waits */
    void (*func)(void);
} greet;

static void monitor_find_greeting(Monitor *mon, void *opaque)
{
    bool *found = opaque;

    *found |= mon->qmp && qmp_session_is_greeting(mon->qmp);
}

static bool monitor_any_greeting(void)
{
    bool found = false;

    monitor_foreach(monitor_find_greeting, &found);
    return found;
}

static void greet_done(void *opaque)
{
    g_clear_pointer(&greet.timer, timer_free);
    greet.func();
}

void monitor_check_greeted(void)
{
    if (greet.timer && !monitor_any_greeting()) {
        timer_start_at(greet.timer, clock_now_ns(CLOCK_TYPE_REALTIME));
    }
}

void monitor_when_greeted(int limit_ms, void (*func)(void))
{
    g_assert(!greet.timer);
    greet.func = func;
    greet.timer = timer_new(CLOCK_TYPE_REALTIME, greet_done, NULL);
    timer_start_at(greet.timer,
                   clock_now_ns(CLOCK_TYPE_REALTIME) + limit_ms * INT64_C(1000000));
    monitor_check_greeted();
}
