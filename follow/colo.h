/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events of a VM in COLO, and the events for filters and colo-compare that follow. */

#ifndef FOLLOW_COLO_H
#define FOLLOW_COLO_H

#include <stdbool.h>
#include <stdint.h>
#include "qapi/qapi-types.h"

/** Due actions, before the run state is taken; the actor clears them. */
typedef enum FollowColoAct {
    FOLLOW_COLO_TELL_EXIT = 1 << 0,  /* emit COLO_EXIT with last_mode and reason */
    FOLLOW_COLO_FAILOVER = 1 << 1,   /* last_mode goes on alone */
    FOLLOW_COLO_CHECKPOINT = 1 << 2, /* one has been taken */
} FollowColoAct;

/** What is known of why the VM does not run. */
typedef enum FollowColoPause {
    FOLLOW_COLO_PAUSE_UNKNOWN,    /* nothing, or it runs */
    FOLLOW_COLO_PAUSE_OTHER,      /* the VM has reported another reason than a checkpoint */
    FOLLOW_COLO_PAUSE_CHECKPOINT, /* a checkpoint is being taken */
} FollowColoPause;

typedef struct FollowColo {
    bool active;             /* the status of the VM's migration is "colo" */
    COLOMode mode;           /* which side the VM is; none = not in COLO, or not known */
    bool exited;             /* COLO_EXIT came: no checkpoint will be completed any more */
    bool failed_over;        /* the failover has been reported */
    bool starts;             /* the VM has not resumed yet since COLO began */
    FollowColoPause pause;
    bool ask;                /* query-colo-status is to be sent; the sender clears it */
    unsigned acts;           /* FollowColoAct */
    COLOMode last_mode;      /* which side the VM was when COLO ended */
    COLOExitReason reason;   /* of that, as the VM reported it */
    uint64_t n_checkpoints;
    uint64_t n_pauses;       /* times that the VM went on in COLO without a checkpoint */
} FollowColo;

/** follow_colo_forget: the VM is lost, or another one may be there. */
void follow_colo_forget(FollowColo *colo);

/**
 * follow_colo_enter: the status of the VM's migration has become "colo"
 * @mode: which side it is; none = not known
 * @starts: it has done so now, and has not resumed since
 */
void follow_colo_enter(FollowColo *colo, COLOMode mode, bool starts);

/** follow_colo_leave: it is "colo" no more; @completed: but "completed". */
void follow_colo_leave(FollowColo *colo, bool completed);

/** follow_colo_stop: STOP; @has_cause: an event had the reason, and it is no checkpoint. */
void follow_colo_stop(FollowColo *colo, bool has_cause);

/** follow_colo_pass: MIGRATION_PASS of a VM that is stopped. */
void follow_colo_pass(FollowColo *colo);

/** follow_colo_status: the VM, which is stopped, says that it is in @run_state. */
void follow_colo_status(FollowColo *colo, RunState run_state);

/** follow_colo_resume: RESUME. */
void follow_colo_resume(FollowColo *colo);

/** follow_colo_exit: COLO_EXIT; @detail: "MODE REASON" of the event. */
void follow_colo_exit(FollowColo *colo, const char *detail);

/** follow_colo_told: query-colo-status was answered; NULL = it has no mode. */
void follow_colo_told(FollowColo *colo, const char *mode);

#endif
