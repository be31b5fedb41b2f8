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

/** The last events that matter. */
typedef struct FollowNotes {
    GQueue notes; /* owned FollowNote *, oldest first */
} FollowNotes;

/** follow_notes_add: remember @event; @detail is borrowed. */
void follow_notes_add(FollowNotes *log, const QmpClientEvent *event, const char *detail,
                      RunState run_state);
void follow_notes_clear(FollowNotes *log);

typedef struct VmFollower {
    Object obj;
    QmpClient *client;     /* owned */
    VmNics *nics;          /* owned; NULL until the client is there */
    FollowState state;
    FollowNotes notes;
    char *version;         /* owned: of the VM's QEMU; NULL = not greeted */
    bool is_following;     /* as last announced */
    bool is_gone;          /* as last announced */
    bool was_known;        /* the VM's run state, when that was last looked at */
    bool has_followed;     /* at least once */
    bool is_settled;       /* on this connection: whether the VM sends MIGRATION events */
    bool armed;            /* as the exports know it */
    bool guest_gone;       /* as the exports know it */
    bool status_asked;     /* query-status is to be answered; */
    bool status_overtaken; /* and a migration's STOP or RESUME came since it was asked; */
    bool migrate_asked;    /* query-migrate is */
    bool events_asked;     /* migrate-set-capabilities is */
    bool colo_asked;       /* query-colo-status is */
    bool events_on;        /* the VM sends MIGRATION events */
    bool events_refused;   /* it would not, although no migration was in progress */
    Timer *exit_timer;     /* owned: gives the VM up */
    Timer *poll_timer;     /* owned: asks for the end of a migration that tells no events */
    int64_t pass_us;       /* when the VM told the last pass of a migration; 0 = it did not */
    int64_t lost_ns;       /* when the VM was last followed; -1 = it is, or never was */
    uint64_t n_reconnects;
    uint64_t n_errors;
    char *last_error;      /* owned; NULL = none */
} VmFollower;

/** vm_follower_get: the only one there can be, or NULL. */
VmFollower *vm_follower_get(void);

const VmFollowerProperties *vm_follower_props(const VmFollower *f);

/** vm_follower_hold: why frames to the guest are held. */
VmFollowerHold vm_follower_hold(const VmFollower *f);

/** vm_follower_state: how far the conversation with the VM has come. */
VmFollowerState vm_follower_state(const VmFollower *f);

/* --- follower-tell.c --------------------------------------------------------------------- */

/** vm_follower_tell_exports: whether a migration may stop the VM, whether it is given up. */
void vm_follower_tell_exports(VmFollower *f);

/** vm_follower_tell_switch: @event may be part of the moment in which a migration stops the VM. */
void vm_follower_tell_switch(VmFollower *f, const QmpClientEvent *event);

/** vm_follower_tell_colo: pass on what the VM has told of COLO. */
void vm_follower_tell_colo(VmFollower *f);

/** vm_follower_detail: @names' members of @data, as follow_state_event() wants them. Owned. */
char *vm_follower_detail(json_object *data, const char *const *names);

#endif
