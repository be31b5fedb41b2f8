/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a VM's events, replies and end mean for our run state; knows nothing of sockets. */

#ifndef FOLLOW_STATE_H
#define FOLLOW_STATE_H

#include <stdbool.h>
#include "follow/colo.h"
#include "qapi/qapi-types.h"

/** Whether the VM is there, as far as it is known. */
typedef enum FollowVm {
    FOLLOW_VM_UNKNOWN,  /* it never came, or was lost: frames wait for it, and a timer may run */
    FOLLOW_VM_KNOWN,    /* it has reported its run state, which is ours; frames go on if it runs */
    FOLLOW_VM_GIVEN_UP, /* it has been away for too long: on-exit says what becomes of frames */
    FOLLOW_VM_ENDED,    /* it was shut down and is gone: given up at once, with its reason */
} FollowVm;

/** The VM's part in a migration. */
typedef enum FollowRole {
    FOLLOW_ROLE_NONE,        /* a STOP can only be the user's; exports hand over freely */
    FOLLOW_ROLE_SOURCE,      /* the migration may stop it at any time: exports are armed */
    FOLLOW_ROLE_DESTINATION, /* it waits to run: exports are not armed, a STOP is no migration's */
} FollowRole;

/** The known state of a VM, and its consequences. */
typedef struct FollowState {
    /* Reports of the VM on this connection. */
    FollowVm vm;
    FollowRole role;
    VmFollowerMigration migration;
    bool migration_told;           /* by an event: the answer of query-migrate may be older */
    RunState stop_cause;           /* where the next STOP leads, as an event told; running = none */
    bool shutdown;                 /* SHUTDOWN came, and nothing that takes it back */
    ShutdownCause shutdown_cause;
    /* What follows. */
    RunState run_state;            /* for us to take */
    bool ask_status;               /* query-status, query-migrate are to be sent; */
    bool ask_migrate;              /* the sender clears them */
    FollowColo colo;
} FollowState;

/** follow_state_is_gone: the VM will not come back. */
bool follow_state_is_gone(const FollowState *state);

/** follow_state_init: nothing is known; @run_state, ours, is taken unless the VM would run. */
void follow_state_init(FollowState *state, RunState run_state);

/** follow_state_connected: a new connection to a VM, which may be another one. */
void follow_state_connected(FollowState *state);

/** follow_state_lost: the connection ended; legal when there was none. */
void follow_state_lost(FollowState *state);

/** follow_state_give_up: the VM has been away for too long; no-op when it is back. */
void follow_state_give_up(FollowState *state);

/**
 * follow_state_event: the VM sent event @name
 * @detail: the members of its data that follow_event_details() names, as text, separated by
 * spaces, "?" for one that is absent; NULL = it has none
 */
void follow_state_event(FollowState *state, const char *name, const char *detail);

/** follow_event_matters: whether @name means anything here. */
bool follow_event_matters(const char *name);

/** follow_event_details: the members of @name's data that matter, in order; NULL = none. */
const char *const *follow_event_details(const char *name);

/** follow_state_status: query-status was answered; @running decides for unknown states. */
void follow_state_status(FollowState *state, const char *status, bool running);

/** follow_state_migration: query-migrate was answered; NULL = there was no migration. */
void follow_state_migration(FollowState *state, const char *status);

/** follow_state_in_migration: whether a migration, in or out, is in progress. */
bool follow_state_in_migration(const FollowState *state);

/** follow_state_hold: why frames to the guest are held. */
VmFollowerHold follow_state_hold(const FollowState *state, bool connected);

#endif
