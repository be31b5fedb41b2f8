/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The vm-follower object, for the file that drives it and the one that shows it. */

#ifndef FOLLOW_FOLLOWER_INTERNAL_H
#define FOLLOW_FOLLOWER_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>
#include "follow/nics.h"
#include "follow/state.h"
#include "monitor/qmp-client.h"
#include "qom/object.h"
#include "util/clock.h"

/** An event of the VM. */
typedef struct FollowNote {
    const char *name;   /* constant or interned: one of those that matter */
    char *detail;       /* owned; NULL = none */
    int64_t seconds;    /* the VM's time stamp */
    int64_t microseconds;
    int64_t received_ns; /* on the realtime clock */
    RunState run_state; /* ours afterwards */
} FollowNote;

/* --- notes.c ----------------------------------------------------------------------------- */

/** The last events that matter. */
typedef struct FollowNotes {
    GQueue notes; /* owned FollowNote *, oldest first */
} FollowNotes;

/** follow_notes_add: remember @event; @detail is borrowed. */
void follow_notes_add(FollowNotes *log, const QmpClientEvent *event, const char *detail,
                      RunState run_state);
void follow_notes_clear(FollowNotes *log);

/** follow_notes_detail: @names' members of @data, as follow_state_event() wants them. Owned. */
char *follow_notes_detail(json_object *data, const char *const *names);

/** What VM_FOLLOWER_STATE has said last. */
typedef enum FollowAnnounced {
    FOLLOW_ANNOUNCED_AWAY,      /* no VM is followed: the event comes when one is, or is given up */
    FOLLOW_ANNOUNCED_FOLLOWING, /* one is: the event comes when that ends */
    FOLLOW_ANNOUNCED_GONE,      /* it was given up: the event comes when one is followed again */
} FollowAnnounced;

/** Whether a VM was there when that was last looked at. */
typedef enum FollowSeen {
    FOLLOW_SEEN_NEVER,   /* none has come: none is given up */
    FOLLOW_SEEN_PRESENT, /* its run state is known */
    FOLLOW_SEEN_LOST,    /* since lost_ns: the exit timer runs, and the next to come reconnects */
} FollowSeen;

/** The query-status of this connection. */
typedef enum FollowQuery {
    FOLLOW_QUERY_NONE,      /* not asked: it may be asked */
    FOLLOW_QUERY_ASKED,     /* the reply will be taken */
    FOLLOW_QUERY_OVERTAKEN, /* a migration's STOP or RESUME came since: a reply against it is not */
} FollowQuery;

/** Whether the VM of this connection sends MIGRATION events. */
typedef enum FollowEvents {
    FOLLOW_EVENTS_UNKNOWN, /* it is asked to when no migration away is in progress */
    FOLLOW_EVENTS_ASKED,   /* migrate-set-capabilities is to be answered */
    FOLLOW_EVENTS_ON,      /* it does: no end of a migration has to be asked for */
    FOLLOW_EVENTS_REFUSED, /* it would not, although none was in progress: not asked again */
} FollowEvents;

typedef struct VmFollower {
    Object obj;
    QmpClient *client;     /* owned */
    VmNics *nics;          /* owned; NULL until the client is there */
    FollowState state;
    FollowNotes notes;
    char *version;         /* owned: of the VM's QEMU; NULL = not greeted */
    FollowAnnounced announced;
    FollowSeen seen;
    int64_t lost_ns;       /* when the VM was lost; while it is */
    FollowQuery status_query;
    FollowEvents events;
    bool is_complete;      /* all is known that one may wait for before a migration begins */
    bool armed;            /* as the exports know it */
    bool guest_gone;       /* as the exports know it */
    bool migrate_asked;    /* query-migrate is to be answered; */
    bool colo_asked;       /* query-colo-status is */
    Timer *exit_timer;     /* owned: gives the VM up */
    Timer *poll_timer;     /* owned: asks for the end of a migration that sends no events */
    uint64_t n_reconnects;
    uint64_t n_errors;
    char *last_error;      /* owned; NULL = none */
} VmFollower;

/** vm_follower_get: the only one there can be, or NULL. */
VmFollower *vm_follower_get(void);

static inline const VmFollowerProperties *vm_follower_props(const VmFollower *f)
{
    return f->obj.props;
}

/** vm_follower_hold: why frames to the guest are held. */
VmFollowerHold vm_follower_hold(const VmFollower *f);

/** vm_follower_state: how far the conversation with the VM has come. */
VmFollowerState vm_follower_state(const VmFollower *f);

/* --- follower-notify.c ------------------------------------------------------------------- */

/** vm_follower_notify_exports: whether a migration may stop the VM, whether it is given up. */
void vm_follower_notify_exports(VmFollower *f);

/** vm_follower_notify_switch: @event may be of the moment in which a migration stops the VM. */
void vm_follower_notify_switch(const QmpClientEvent *event);

/** vm_follower_notify_colo: pass the VM's COLO events on. */
void vm_follower_notify_colo(VmFollower *f);

#endif
