/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Turns of the net core: all that follows from an event, in a fixed order of steps. */

#ifndef NET_TURN_H
#define NET_TURN_H

#include <stdbool.h>
#include <glib.h>

/**
 * The steps; each deals with all items that are due before the next begins. If a step makes an
 * earlier one due, that comes first.
 */
typedef enum NetTurnStep {
    NET_TURN_ACTIVE, /* NetClient: decide which of its filters see frames, and which ask for any */
    NET_TURN_LIMITS, /* NetChain: decide how much it holds, and how far frames go */
    NET_TURN_SWITCH, /* NetFilter: call switched() */
    NET_TURN_RUN,    /* NetChain: run what can run */
    NET_TURN_TELL,   /* NetClient: let sources read, or inject, or stop them */
    NET_TURN__MAX,
} NetTurnStep;

/** A place in the queue of one step, embedded in the object that is due; zeroed = not due. */
typedef struct NetTurnItem {
    GList link;
    bool is_due;
} NetTurnItem;

/** net_turn_set_work: @func carries out @step; once, at start-up. */
void net_turn_set_work(NetTurnStep step, void (*func)(void *what));

/**
 * net_turn_begin, net_turn_end: items that become due in between are dealt with at the outermost
 * end
 *
 * Pairs nest. Nothing is dealt with before the outermost end, so that a caller does not run the
 * consequences of its own change.
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
