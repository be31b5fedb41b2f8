/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run state: which moves are allowed, and telling the listeners of them in order. */

#include "net/run-state.h"

#include <glib.h>

#include "qapi/qapi.h"
#include "util/clock.h"
#include "util/trace.h"

TRACE_POINT(run_state_changed);

struct RunStateListener {
    RunStateOrder order;
    RunStateFunc *func;
    void *opaque;
    bool dead; /* removed while the listeners were being called */
};

#define STATE(name)  (1u << RUN_STATE_##name)
#define ALL_STATES   ((1u << RUN_STATE__MAX) - 1)

/* States that a running VM may stop in. */
#define STOPPED_STATES (STATE(DEBUG) | STATE(INTERNAL_ERROR) | STATE(IO_ERROR) | STATE(PAUSED) | \
                        STATE(FINISH_MIGRATE) | STATE(RESTORE_VM) | STATE(SAVE_VM) |            \
                        STATE(SHUTDOWN) | STATE(SUSPENDED) | STATE(WATCHDOG) |                  \
                        STATE(GUEST_PANICKED) | STATE(COLO))

/* Where a stopped VM may go: on, back to its start, or into a migration. */
#define WAYS_OUT (STATE(RUNNING) | STATE(PRELAUNCH) | STATE(PAUSED) | STATE(FINISH_MIGRATE))

/*
 * Allowed moves, as a set of states for each state. Prelaunch is where every process begins,
 * so it may go to any; nothing but prelaunch waits for a migration to come in.
 */
static const unsigned run_state_moves[] = {
    [RUN_STATE_PRELAUNCH] = ALL_STATES,
    [RUN_STATE_INMIGRATE] = STOPPED_STATES | STATE(RUNNING) | STATE(PRELAUNCH) | STATE(POSTMIGRATE),
    [RUN_STATE_RUNNING] = STOPPED_STATES,
    [RUN_STATE_PAUSED] = STOPPED_STATES | WAYS_OUT | STATE(POSTMIGRATE),
    [RUN_STATE_FINISH_MIGRATE] = WAYS_OUT | STATE(POSTMIGRATE) | STATE(COLO),
    [RUN_STATE_POSTMIGRATE] = WAYS_OUT,
    [RUN_STATE_DEBUG] = WAYS_OUT,
    [RUN_STATE_IO_ERROR] = WAYS_OUT,
    [RUN_STATE_WATCHDOG] = WAYS_OUT,
    [RUN_STATE_GUEST_PANICKED] = WAYS_OUT | STATE(SHUTDOWN),
    [RUN_STATE_SUSPENDED] = STOPPED_STATES | WAYS_OUT,
    [RUN_STATE_SAVE_VM] = STOPPED_STATES | WAYS_OUT,
    [RUN_STATE_RESTORE_VM] = STOPPED_STATES | WAYS_OUT,
    [RUN_STATE_COLO] = STOPPED_STATES | WAYS_OUT,
    /* From these two only a reset leads on. */
    [RUN_STATE_INTERNAL_ERROR] = STATE(PRELAUNCH) | STATE(PAUSED) | STATE(FINISH_MIGRATE),
    [RUN_STATE_SHUTDOWN] = STATE(PRELAUNCH) | STATE(PAUSED) | STATE(FINISH_MIGRATE),
};

G_STATIC_ASSERT(G_N_ELEMENTS(run_state_moves) == RUN_STATE__MAX);

static RunState run_state = RUN_STATE_PRELAUNCH;

/* Sorted by order, then by age. Owned entries. */
static GPtrArray *run_state_listeners;

/* Entries removed while the listeners are being called; NULL when they are not. */
static GPtrArray *run_state_graveyard;

static void run_state_clock_changed(bool running, RunState state, void *opaque)
{
    clock_virtual_set_running(running);
}

static RunStateListener *run_state_insert(RunStateOrder order, RunStateFunc *func, void *opaque)
{
    RunStateListener *listener = g_new(RunStateListener, 1);
    guint pos = run_state_listeners->len;

    *listener = (RunStateListener) { .order = order, .func = func, .opaque = opaque };
    while (pos > 0) {
        const RunStateListener *before = g_ptr_array_index(run_state_listeners, pos - 1);

        if (before->order <= order) {
            break;
        }
        pos--;
    }
    g_ptr_array_insert(run_state_listeners, pos, listener);
    return listener;
}

/* The clock learns of every change, with or without listeners. */
static void run_state_ensure_listeners(void)
{
    if (!run_state_listeners) {
        run_state_listeners = g_ptr_array_new();
        run_state_insert(RUN_STATE_ORDER_CLOCK, run_state_clock_changed, NULL);
    }
}

RunStateListener *run_state_listener_add(RunStateOrder order, RunStateFunc *func, void *opaque)
{
    run_state_ensure_listeners();
    return run_state_insert(order, func, opaque);
}

void run_state_listener_remove(RunStateListener *listener)
{
    if (!listener) {
        return;
    }
    g_ptr_array_remove(run_state_listeners, listener);
    if (run_state_graveyard) {
        listener->dead = true;
        g_ptr_array_add(run_state_graveyard, listener);
    } else {
        g_free(listener);
    }
}

size_t run_state_n_listeners(void)
{
    return run_state_listeners ? run_state_listeners->len : 0;
}

RunState run_state_get(void)
{
    return run_state;
}

bool run_state_is_running(void)
{
    return run_state == RUN_STATE_RUNNING;
}

bool run_state_can_set(RunState from, RunState to)
{
    return from == to || (run_state_moves[from] & (1u << to));
}

/*
 * Call the listeners that prepare for @state, or else those of the change.
 *
 * The copy keeps the walk unharmed by additions and removals in callbacks; entries removed on the
 * way stay allocated in the graveyard until the walk is over.
 */
static void run_state_notify(RunState state, bool prepare)
{
    g_autoptr(GPtrArray) told = g_ptr_array_copy(run_state_listeners, NULL, NULL);
    bool running = run_state_is_running();

    run_state_graveyard = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < told->len; i++) {
        RunStateListener *listener = g_ptr_array_index(told, running ? i : told->len - 1 - i);

        if (!listener->dead && (listener->order == RUN_STATE_ORDER_PREPARE) == prepare) {
            listener->func(running, state, listener->opaque);
        }
    }
    g_clear_pointer(&run_state_graveyard, g_ptr_array_unref);
}

void run_state_set(RunState state)
{
    if (state == run_state) {
        return;
    }
    g_assert(run_state_can_set(run_state, state));
    g_assert(!run_state_graveyard);
    TRACE(run_state_changed, "%s -> %s", qapi_enum_name(QAPI_TYPE(RunState), run_state),
          qapi_enum_name(QAPI_TYPE(RunState), state));
    run_state_ensure_listeners();
    if (run_state_is_running()) {
        run_state_notify(state, true);
    }
    run_state = state;
    run_state_notify(state, false);
}

void run_state_cleanup(void)
{
    if (run_state_listeners) {
        g_ptr_array_set_free_func(run_state_listeners, g_free);
        g_clear_pointer(&run_state_listeners, g_ptr_array_unref);
    }
}
