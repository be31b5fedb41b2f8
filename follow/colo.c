/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events of a VM in COLO, and the events for filters and colo-compare that follow. */

/*
 * A VM in COLO reports no checkpoint as such: it reports STOP and RESUME, and a user's stop and
 * cont cause these as well. A checkpoint may even begin while a user's stop lasts, without a
 * second STOP; its RESUME then ends both. So what counts is what is known at RESUME, which comes
 * when a checkpoint has been completed on that side (docs/reference-vm.rst, "COLO"):
 *
 *   the first RESUME since MIGRATION "colo"     both VMs have the same state: as a checkpoint
 *   MIGRATION_PASS came while it was stopped    the primary has sent its state: a checkpoint
 *   query-status said "colo"                    a checkpoint
 *   query-status said "paused", or the like     a pause
 *   nothing is known, on the secondary          taken for a checkpoint
 *   nothing is known, on the primary            taken for a pause
 *
 * Why so: query-status is asked at STOP, but a VM that is busy with a checkpoint may answer behind
 * its RESUME. A secondary whose checkpoint is missed goes on translating for a guest that needs it
 * no more, and if its answers are always late, so for ever. One that takes a pause for a checkpoint
 * ceases to translate too early: its packets differ, and that brings the next checkpoint. A primary
 * that takes a pause for a checkpoint shows the client what the secondary does not know, and a
 * failover would then be noticed; that must not be. It has MIGRATION_PASS to be sure by. One that
 * misses a checkpoint releases at the next, which colo-compare goes on asking for.
 *
 * A secondary that a user has paused and that a checkpoint lets go on cannot be told from one that
 * the user lets go on, if it was asked before the checkpoint began. It then counts as paused; the
 * next checkpoint mends that.
 *
 * After COLO_EXIT no RESUME is a checkpoint's. Which side goes on alone is not for us to say: both
 * tell reason "error" when their connection breaks, and if both took that for a failover, two
 * guests would be on the network. The failover is when the VM was told to: the migration is then
 * "completed", or the reason "request".
 */

#include "follow/colo.h"

#include <glib.h>

#include "qapi/qapi.h"

void follow_colo_forget(FollowColo *colo)
{
    colo->active = false;
    colo->mode = COLO_MODE_NONE;
    colo->exited = colo->failed_over = colo->starts = colo->ask = false;
    colo->pause = FOLLOW_COLO_PAUSE_UNKNOWN;
}

void follow_colo_enter(FollowColo *colo, COLOMode mode, bool starts)
{
    follow_colo_forget(colo);
    colo->active = true;
    colo->mode = mode;
    colo->starts = starts;
    colo->ask = mode == COLO_MODE_NONE;
}

static void follow_colo_fail_over(FollowColo *colo)
{
    if (!colo->failed_over) {
        colo->failed_over = true;
        colo->acts |= FOLLOW_COLO_FAILOVER;
    }
}

void follow_colo_leave(FollowColo *colo, bool completed)
{
    if (!colo->active) {
        return;
    }
    if (!colo->exited) {
        colo->last_mode = colo->mode;
        colo->reason = completed ? COLO_EXIT_REASON_REQUEST : COLO_EXIT_REASON_ERROR;
    }
    if (completed) {
        follow_colo_fail_over(colo);
    }
    colo->active = false;
    colo->mode = COLO_MODE_NONE;
}

void follow_colo_stop(FollowColo *colo, bool has_cause)
{
    if (has_cause) {
        colo->pause = FOLLOW_COLO_PAUSE_OTHER;
    }
}

void follow_colo_pass(FollowColo *colo)
{
    colo->pause = FOLLOW_COLO_PAUSE_CHECKPOINT;
}

/* A checkpoint may follow on a pause, but not the other way round. */
void follow_colo_status(FollowColo *colo, RunState run_state)
{
    if (run_state == RUN_STATE_COLO) {
        colo->pause = FOLLOW_COLO_PAUSE_CHECKPOINT;
    } else if (colo->pause == FOLLOW_COLO_PAUSE_UNKNOWN) {
        colo->pause = FOLLOW_COLO_PAUSE_OTHER;
    }
}

/* See the top of this file. */
static bool follow_colo_is_checkpoint(const FollowColo *colo)
{
    if (colo->starts) {
        return true;
    }
    switch (colo->pause) {
    case FOLLOW_COLO_PAUSE_CHECKPOINT:
        return true;
    case FOLLOW_COLO_PAUSE_OTHER:
        return false;
    case FOLLOW_COLO_PAUSE_UNKNOWN:
        break;
    }
    return colo->mode == COLO_MODE_SECONDARY;
}

void follow_colo_resume(FollowColo *colo)
{
    bool is_checkpoint = follow_colo_is_checkpoint(colo);

    colo->pause = FOLLOW_COLO_PAUSE_UNKNOWN;
    colo->starts = false;
    if (!colo->active || colo->exited) {
        return;
    }
    if (is_checkpoint) {
        colo->n_checkpoints++;
        colo->acts |= FOLLOW_COLO_CHECKPOINT;
    } else {
        colo->n_pauses++;
    }
}

/* An unknown reason lets no side go on alone. */
static COLOExitReason follow_colo_parse_reason(const char *text)
{
    int value = text ? qapi_enum_parse(QAPI_TYPE(COLOExitReason), text) : -1;

    return value < 0 || value == COLO_EXIT_REASON_NONE ? COLO_EXIT_REASON_ERROR
                                                       : (COLOExitReason)value;
}

static COLOMode follow_colo_parse_mode(const char *text)
{
    int value = text ? qapi_enum_parse(QAPI_TYPE(COLOMode), text) : -1;

    return value < 0 ? COLO_MODE_NONE : (COLOMode)value;
}

void follow_colo_exit(FollowColo *colo, const char *detail)
{
    g_auto(GStrv) words = g_strsplit(detail ? detail : "", " ", 2);
    COLOMode mode = follow_colo_parse_mode(words[0]);

    colo->exited = true;
    if (mode != COLO_MODE_NONE || colo->active) {
        colo->last_mode = mode != COLO_MODE_NONE ? mode : colo->mode;
    }
    colo->reason = follow_colo_parse_reason(words[0] ? words[1] : NULL);
    colo->acts |= FOLLOW_COLO_TELL_EXIT;
    if (colo->reason == COLO_EXIT_REASON_REQUEST) {
        follow_colo_fail_over(colo);
    }
}

void follow_colo_told(FollowColo *colo, const char *mode)
{
    if (colo->active && colo->mode == COLO_MODE_NONE) {
        colo->mode = follow_colo_parse_mode(mode);
    }
}
