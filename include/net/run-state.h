/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The VM's run state and the listeners of its changes. */

#ifndef NET_RUN_STATE_H
#define NET_RUN_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include "qapi/qapi-types.h"

/**
 * Order of a listener: on the way to running the lowest is called first, on the way to
 * stopped the highest. At a stop the sources of frames (filters' timers, clocks) are
 * halted before the net core closes the gate to the peers; at a resume the reverse.
 */
typedef enum RunStateOrder {
    RUN_STATE_ORDER_CLOCK,
    RUN_STATE_ORDER_NET,
    RUN_STATE_ORDER_FILTER,
    RUN_STATE_ORDER_OTHER,

    /**
     * Called not for changes, but each time a running VM is about to stop, while it still counts
     * as running: frames that the guest has sent can still go out. @state is the one to come.
     */
    RUN_STATE_ORDER_PREPARE,
} RunStateOrder;

typedef struct RunStateListener RunStateListener;

/** @running: whether the VM runs from now on; @state: the new state. */
typedef void RunStateFunc(bool running, RunState state, void *opaque);

/**
 * run_state_listener_add: call a function at every change of the run state
 *
 * Listeners of the same order are called in order of registration on start, in reverse on stop.
 * One added inside a callback is not called for the present change.
 * Returns: a handle for run_state_listener_remove().
 */
RunStateListener *run_state_listener_add(RunStateOrder order, RunStateFunc *func, void *opaque);

/** run_state_listener_remove: legal inside a callback; NULL is legal. */
void run_state_listener_remove(RunStateListener *listener);

/** run_state_n_listeners: how many there are. */
size_t run_state_n_listeners(void);

/** run_state_get, run_state_is_running: the present one; whether frames may reach a peer. */
RunState run_state_get(void);
bool run_state_is_running(void);

/** run_state_can_set: whether the move is in the table of allowed moves. */
bool run_state_can_set(RunState from, RunState to);

/**
 * run_state_set: move to @state and call the listeners
 *
 * Asserts that the move is in the table of allowed moves. A move to the present state does
 * nothing. STOP and RESUME are the caller's to send.
 */
void run_state_set(RunState state);

/** run_state_cleanup: forget all listeners; at the end of the process. */
void run_state_cleanup(void);

#endif
