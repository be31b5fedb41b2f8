/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Filters: objects on one netdev that see, take, hold or inject its frames. */

#ifndef NET_FILTER_H
#define NET_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/chain.h"
#include "net/client.h"
#include "net/scratch.h"
#include "qom/object.h"

/** Events of a COLO pair for its filters. */
typedef enum NetColoEvent {
    NET_COLO_EVENT_CHECKPOINT, /* both guests have the same state now */
    NET_COLO_EVENT_FAILOVER,   /* the other side is lost */
} NetColoEvent;

/**
 * Hooks of one kind of filter; constant. All are called from the loop; none may block, or run the
 * loop. net/client.h has the rules of re-entrancy.
 */
typedef struct NetFilterOps {
    /**
     * Deal with frames from the front of @frames, which are borrowed for the call.
     * @pass: (out) which of those dealt with go on to the next stage; zeroed by the caller
     *
     * Returns: frames dealt with; fewer than @n means "not now": the rest is held, and
     * net_stage_ready() says when to try again. Frames neither passed nor reported by
     * net_stage_drop() count as consumed.
     */
    size_t (*run)(NetFilter *nf, NetDirection direction, const NetFrame *frames, size_t n,
                  NetPass *pass);

    /**
     * Instead of @run, for a filter that lets all frames pass and changes some: make @frames
     * point to changed copies in @scratch, which is empty and may be used until the frames
     * have gone their way.
     *
     * Returns: frames dealt with, from the front; fewer than @n when @scratch is full: they
     * go on, and the rest comes again. 0 = not now, as with @run.
     */
    size_t (*change)(NetFilter *nf, NetDirection direction, NetFrame *frames, size_t n,
                     NetScratch *scratch);

    /**
     * Decide its state from its properties, its chardevs and the run state. It changes nothing
     * else, and calls no function that marks a change.
     * @state: (inout) active is net_filter_is_on(); a filter that has to see frames all the same
     *     sets it. takes, asks and holds are false at first. NULL = @state stays so.
     */
    void (*decide)(const NetFilter *nf, NetStageState *state);

    /**
     * net_filter_is_on() or the active directions have changed. No frame has run since: frames
     * that the filter keeps apart of its stage may go on by net_stage_give_back(), before those
     * that the stage holds. Not called when it is attached or detached. May be NULL.
     */
    void (*switched)(NetFilter *nf);

    /** The chain behind a stage is no longer blocked: injection may go on. May be NULL. */
    void (*can_inject)(NetFilter *nf);

    /**
     * Add the members of this kind of filter to query-netfilters. It changes nothing. May be NULL.
     */
    void (*describe)(const NetFilter *nf, NetFilterInfo *info);

    /** @run reads no byte of a frame twice, or only in a copy of its own. */
    bool reads_once;

    /** Deal with a COLO event. NULL = ignore a checkpoint, be switched off by a failover. */
    void (*colo_event)(NetFilter *nf, NetColoEvent event);
} NetFilterOps;

/** The first member of every filter's instance. */
struct NetFilter {
    Object obj;
    const NetFilterOps *ops;
    bool on;                              /* status and active-in, as decided last */
    NetTurnItem switched;                 /* due: switched() is to be called */
    NetClient *netdev;                    /* borrowed; deletes its filters when it goes */
    NetStage stages[NET_DIRECTION__MAX];
    NetDirection ready_first;             /* which net_filter_ready() begins with */
    NetCount to_outdev;                   /* sent to outdev */
    NetCount from_indev;                  /* received from indev */
    NetCount copies_lost;                 /* passed without the copy or record asked for */
};

/** The properties that every filter has; each filter's struct begins with them. */
static inline const NetFilterProperties *net_filter_props(const NetFilter *nf)
{
    return nf->obj.props;
}

/**
 * net_filter_check: make the checks of net_filter_attach(), without a change
 *
 * For a create() that opens things first: QEMU names a wrong netdev before a wrong chardev.
 */
bool net_filter_check(const NetFilter *nf, GError **error);

/**
 * net_filter_attach: check the common properties and enter the netdev's list
 * @nf: its class's create() calls this as its last step that can fail
 * Returns: false with @error; nothing is left behind.
 */
bool net_filter_attach(NetFilter *nf, const NetFilterOps *ops, GError **error);

/**
 * net_filter_detach: run its held frames on, and take it out of the list. First step of
 * finalize().
 */
void net_filter_detach(NetFilter *nf);

/** net_filter_is_on: status is on, and active-in allows the present run state. */
bool net_filter_is_on(const NetFilter *nf);

/** net_filter_wants_stopped: whether it asks for frames while the VM is stopped. */
bool net_filter_wants_stopped(const NetFilter *nf);

/** net_filter_enabled_when_stopped: enable_when_stopped is set, status on, queue includes tx. */
bool net_filter_enabled_when_stopped(const NetFilter *nf);

/** net_filter_hold_size: its hold-size property in bytes, else NET_HOLD_SIZE_DEFAULT. */
uint64_t net_filter_hold_size(const NetFilter *nf);

/** net_filter_sees: its queue includes @direction. */
bool net_filter_sees(const NetFilter *nf, NetDirection direction);

/**
 * net_filter_change: for the class's change(); its changed() calls net_filter_update()
 *
 * Checks status, queue and hold-size, refuses netdev, position and insert with a reason, and
 * leaves other members to the class: returns true.
 */
bool net_filter_change(NetFilter *nf, const QapiMember *member, const void *new_props,
                       GError **error);

/** net_filters_rewire: put the filters of a link into its chains; not from inside a run. */
void net_filters_rewire(NetClient *nc);

/** net_filter_decide: a step of a turn, for the net core only. */
void net_filter_decide(NetFilter *nf);

/** net_filter_update: a property, or something else that decide() looks at, has changed. */
void net_filter_update(NetFilter *nf);

/** net_filter_ready: net_stage_ready() for both directions. */
void net_filter_ready(NetFilter *nf);

/** net_filter_can_inject: whether frames injected now would not be blocked. */
bool net_filter_can_inject(const NetFilter *nf);

/** net_filter_inject: by its queue property: tx, rx or both, tx first. */
void net_filter_inject(NetFilter *nf, const NetFrame *frames, size_t n);

#endif
