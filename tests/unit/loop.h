/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running the main loop in a test: until something is true, or for what is ready now. */

#ifndef TESTS_UNIT_LOOP_H
#define TESTS_UNIT_LOOP_H

#include <stdbool.h>
#include <glib.h>

/** A test fails when what it waits for takes longer. Generous: valgrind is slow. */
#define LOOP_DEADLINE_S 30

static inline gboolean loop_deadline_passed(gpointer opaque)
{
    *(bool *)opaque = true;
    return G_SOURCE_CONTINUE;
}

/** LOOP_UNTIL: run the loop until @condition is true; fails at the deadline. */
#define LOOP_UNTIL(condition)                                                               \
    do {                                                                                    \
        bool loop_too_late = false;                                                         \
        guint loop_source = g_timeout_add_seconds(LOOP_DEADLINE_S, loop_deadline_passed,    \
                                                  &loop_too_late);                          \
                                                                                            \
        while (!(condition) && !loop_too_late) {                                            \
            g_main_context_iteration(NULL, TRUE);                                           \
        }                                                                                   \
        g_source_remove(loop_source);                                                       \
        g_assert_true(condition);                                                           \
    } while (0)

/** loop_run_ready: dispatch what is ready, at most @turns times, without waiting. */
static inline void loop_run_ready(int turns)
{
    while (turns-- > 0 && g_main_context_iteration(NULL, FALSE)) {
    }
}

#endif
