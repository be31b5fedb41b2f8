/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Turns of the net core: all that follows from an event, in a fixed order of steps. */

#ifndef NET_TURN_H
#define NET_TURN_H

#include <stdbool.h>
#include <glib.h>

/**
 * The steps; each deals with all that is due before the next begins. What a step causes for an
 * earlier one is dealt with first.
 */
typedef enum NetTurnStep {
    NET_TURN_ACTIVE, /* NetClient: decide which of its filters see frames, and who asks for any */
    NET_TURN_LIMITS, /* NetChain: decide how much it holds, and how far frames go */
    NET_TURN_SWITCH, /* NetFilter: tell it that it was switched */
    NET_TURN_RUN,    /* NetChain: run what can run */
    NET_TURN_TELL,   /* NetClient: tell sources whether to read, or to inject */
    NET_TURN__MAX,
} NetTurnStep;

/** A place in the queue of one step, embedded in what is due; zeroed = not due. */
typedef struct NetTurnItem {
    GList link;
    bool is_due;
} NetTurnItem;

/** net_turn_set_work: @func carries out @step; once, at start-up. */
void net_turn_set_work(NetTurnStep step, void (*func)(void *what));

/**
 * net_turn_begin, net_turn_end: what is due in between is dealt with at the end of the outermost
 *
 * Pairs nest. Nothing is dealt with before the outermost end, so who adds something does not run
 * what follows from it.
 */
void net_turn_begin(void);
void net_turn_end(void);

/** net_turn_is_deep: whether so many runs nest that frames have to wait for the outermost. */
bool net_turn_is_deep(void);

/** net_turn_add: @what, borrowed, is due; dealt with at once if no turn has begun. */
void net_turn_add(NetTurnStep step, NetTurnItem *item, void *what);

/** net_turn_remove: it is not due any more; before it is freed. */
void net_turn_remove(NetTurnStep step, NetTurnItem *item);

#endif
