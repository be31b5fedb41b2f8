/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Turns of the net core: all that follows from an event, in a fixed order of steps. */

/*
 * An event (a frame, a property, the run state) marks its changes, and nothing follows before it
 * has marked all of them. Then all is decided, then chains run, then sources are notified. So no
 * frame meets one filter that knows of the event and another that does not, and neither runs nor
 * what they cause pile up on the stack.
 */

#include "net/turn.h"

/* Runs that nest: each has a batch or two on the stack. */
#define TURN_DEPTH_MAX 8u

static GQueue due[NET_TURN__MAX]; /* of borrowed things, by the links inside them */
static void (*work[NET_TURN__MAX])(void *what);
static unsigned n_due;
static unsigned depth;

void net_turn_set_work(NetTurnStep step, void (*func)(void *what))
{
    work[step] = func;
}

void net_turn_begin(void)
{
    depth++;
}

/* Returns: the first of the earliest step that has anything to do. */
static void *turn_take(NetTurnStep *step)
{
    GList *link;

    for (*step = 0; due[*step].length == 0;) {
        (*step)++;
    }
    link = g_queue_peek_head_link(&due[*step]);
    net_turn_remove(*step, (NetTurnItem *)link);
    return link->data;
}

void net_turn_end(void)
{
    while (depth == 1 && n_due > 0) {
        NetTurnStep step;
        void *what = turn_take(&step);

        work[step](what);
    }
    depth--;
}

bool net_turn_is_deep(void)
{
    return depth > TURN_DEPTH_MAX;
}

void net_turn_add(NetTurnStep step, NetTurnItem *item, void *what)
{
    if (item->is_due) {
        return;
    }
    net_turn_begin();
    item->is_due = true;
    item->link.data = what;
    g_queue_push_tail_link(&due[step], &item->link);
    n_due++;
    net_turn_end();
}

void net_turn_remove(NetTurnStep step, NetTurnItem *item)
{
    if (item->is_due) {
        item->is_due = false;
        g_queue_unlink(&due[step], &item->link);
        n_due--;
    }
}
