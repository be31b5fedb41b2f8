/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of when a client connects: a table of conversations with times. */

#include <glib.h>

#include "io/reconnect.h"

#define MS INT64_C(1000000)
#define STEPS_MAX 8

typedef enum Step {
    STEP_END,
    STEP_START,
    STEP_BEGIN,
    STEP_SUCCEED,
    STEP_FAIL,
} Step;

/** What happens at a time, and how it stands then; times are in ms. */
typedef struct Event {
    Step step;
    int64_t at;
    ReconnectState state;
    int64_t due; /* -1 = nothing is to happen */
} Event;

typedef struct Case {
    const char *name;
    int64_t interval_ms;
    Event events[STEPS_MAX];
} Case;

static const Case cases[] = {
    { "once-and-refused", 0, {
        { STEP_START, 5, RECONNECT_WAITING, 5 },
        { STEP_BEGIN, 6, RECONNECT_CONNECTING, 6 + RECONNECT_ATTEMPT_MS },
        { STEP_FAIL, 7, RECONNECT_ENDED, -1 },
    } },
    { "once-and-lost", 0, {
        { STEP_START, 5, RECONNECT_WAITING, 5 },
        { STEP_BEGIN, 5, RECONNECT_CONNECTING, 5 + RECONNECT_ATTEMPT_MS },
        { STEP_SUCCEED, 9, RECONNECT_CONNECTED, -1 },
        { STEP_FAIL, 10, RECONNECT_ENDED, -1 },
    } },
    { "again-after-a-failure", 100, {
        { STEP_START, 0, RECONNECT_WAITING, 0 },
        { STEP_BEGIN, 0, RECONNECT_CONNECTING, RECONNECT_ATTEMPT_MS },
        { STEP_FAIL, 30, RECONNECT_WAITING, 130 },
        { STEP_BEGIN, 131, RECONNECT_CONNECTING, 131 + RECONNECT_ATTEMPT_MS },
        { STEP_FAIL, 131 + RECONNECT_ATTEMPT_MS, RECONNECT_WAITING, 231 + RECONNECT_ATTEMPT_MS },
    } },
    { "again-after-a-loss", 100, {
        { STEP_START, 0, RECONNECT_WAITING, 0 },
        { STEP_BEGIN, 0, RECONNECT_CONNECTING, RECONNECT_ATTEMPT_MS },
        { STEP_SUCCEED, 1, RECONNECT_CONNECTED, -1 },
        { STEP_FAIL, 5000, RECONNECT_WAITING, 5100 },
        { STEP_BEGIN, 5100, RECONNECT_CONNECTING, 5100 + RECONNECT_ATTEMPT_MS },
        { STEP_SUCCEED, 5101, RECONNECT_CONNECTED, -1 },
    } },
    { "negative-interval-is-never", -1, {
        { STEP_START, 0, RECONNECT_WAITING, 0 },
        { STEP_BEGIN, 0, RECONNECT_CONNECTING, RECONNECT_ATTEMPT_MS },
        { STEP_FAIL, 1, RECONNECT_ENDED, -1 },
    } },
    { "longest-interval-does-not-overflow", INT64_MAX, {
        { STEP_START, 0, RECONNECT_WAITING, 0 },
        { STEP_BEGIN, 0, RECONNECT_CONNECTING, RECONNECT_ATTEMPT_MS },
        { STEP_FAIL, 1, RECONNECT_WAITING, INT64_C(1) + RECONNECT_INTERVAL_MAX_MS },
    } },
};

static void take(Reconnect *r, const Event *event)
{
    switch (event->step) {
    case STEP_START:
        reconnect_start(r, event->at * MS);
        break;
    case STEP_BEGIN:
        reconnect_begin(r, event->at * MS);
        break;
    case STEP_SUCCEED:
        reconnect_succeed(r);
        break;
    case STEP_FAIL:
        reconnect_fail(r, event->at * MS);
        break;
    case STEP_END:
        g_assert_not_reached();
    }
}

static void test_case(const void *data)
{
    const Case *c = data;
    Reconnect r;

    reconnect_init(&r, c->interval_ms);
    g_assert_false(reconnect_has_due(&r));
    for (const Event *event = c->events; event->step != STEP_END; event++) {
        take(&r, event);
        g_assert_cmpint(r.state, ==, event->state);
        g_assert_cmpint(reconnect_has_due(&r), ==, event->due >= 0);
        if (event->due >= 0) {
            g_assert_cmpint(r.due_ns, ==, event->due * MS);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *name = g_strdup_printf("/reconnect/%s", cases[i].name);

        g_test_add_data_func(name, &cases[i], test_case);
    }
    return g_test_run();
}
