/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a VM's events, replies and end mean for our run state; knows nothing of sockets. */

/*
 * Events lead: they come at once. STOP is taken at once, with the best guess at its reason, and
 * query-status refines it, tens of milliseconds later during a migration. Replies and events come
 * in the order in which they were true, with two exceptions that are handled where they matter:
 * the thread of an outgoing migration reports its end without waiting for the loop that answers
 * queries, so a reply may be a little older than the event in front of it.
 *
 * Source: docs/reference-vm.rst, "Events of QEMU".
 */

#include "follow/state.h"

#include <string.h>
#include <glib.h>

#include "qapi/qapi.h"

/* What a state of a migration means for its source. */
enum {
    FOLLOW_ARMS = 1 << 0,  /* it is in progress */
    FOLLOW_STOPS = 1 << 1, /* a STOP now is the migration's */
    FOLLOW_RUNS = 1 << 2,  /* it may go on after a RESUME */
};

#define FOLLOW_RUNNING  (FOLLOW_ARMS | FOLLOW_STOPS | FOLLOW_RUNS)
#define FOLLOW_SWITCHES (FOLLOW_ARMS | FOLLOW_STOPS)

static const unsigned follow_migration_flags[] = {
    [VM_FOLLOWER_MIGRATION_NONE] = 0,
    [VM_FOLLOWER_MIGRATION_SETUP] = FOLLOW_RUNNING,
    [VM_FOLLOWER_MIGRATION_CANCELLING] = FOLLOW_ARMS,
    [VM_FOLLOWER_MIGRATION_CANCELLED] = 0,
    [VM_FOLLOWER_MIGRATION_ACTIVE] = FOLLOW_RUNNING,
    [VM_FOLLOWER_MIGRATION_POSTCOPY_ACTIVE] = FOLLOW_SWITCHES,
    [VM_FOLLOWER_MIGRATION_POSTCOPY_DEVICE] = FOLLOW_SWITCHES,
    [VM_FOLLOWER_MIGRATION_POSTCOPY_PAUSED] = FOLLOW_SWITCHES,
    [VM_FOLLOWER_MIGRATION_POSTCOPY_RECOVER_SETUP] = FOLLOW_SWITCHES,
    [VM_FOLLOWER_MIGRATION_POSTCOPY_RECOVER] = FOLLOW_SWITCHES,
    [VM_FOLLOWER_MIGRATION_COMPLETED] = 0,
    [VM_FOLLOWER_MIGRATION_FAILED] = 0,
    [VM_FOLLOWER_MIGRATION_COLO] = 0,
    [VM_FOLLOWER_MIGRATION_PRE_SWITCHOVER] = FOLLOW_SWITCHES,
    [VM_FOLLOWER_MIGRATION_DEVICE] = FOLLOW_SWITCHES,
    [VM_FOLLOWER_MIGRATION_WAIT_UNPLUG] = FOLLOW_RUNNING,
    [VM_FOLLOWER_MIGRATION_OTHER] = FOLLOW_RUNNING,
};

G_STATIC_ASSERT(G_N_ELEMENTS(follow_migration_flags) == VM_FOLLOWER_MIGRATION__MAX);

static bool follow_migration_is(const FollowState *state, unsigned flag)
{
    return follow_migration_flags[state->migration] & flag;
}

/* --- Helpers ------------------------------------------------------------------------------- */

/* Whether the VM is known to be stopped. */
static bool follow_is_stopped(const FollowState *state)
{
    return state->vm == FOLLOW_VM_KNOWN && state->run_state != RUN_STATE_RUNNING;
}

/* The VM is in @run_state: so it is there. */
static void follow_know(FollowState *state, RunState run_state)
{
    state->run_state = run_state;
    state->vm = FOLLOW_VM_KNOWN;
}

static void follow_ask(FollowState *state)
{
    state->ask_status = true;
    state->ask_migrate = true;
}

/*
 * A source stays armed behind "completed" as long as it is stopped: the last frames are owed until
 * the VM resumes or ends.
 */
static void follow_arm(FollowState *state)
{
    if (state->role == FOLLOW_ROLE_DESTINATION) {
        return;
    }
    if (follow_migration_is(state, FOLLOW_ARMS)) {
        state->role = FOLLOW_ROLE_SOURCE;
    } else if (state->migration != VM_FOLLOWER_MIGRATION_COMPLETED ||
               !follow_is_stopped(state)) {
        state->role = FOLLOW_ROLE_NONE;
    }
}

static VmFollowerMigration follow_parse_migration(const char *status)
{
    int value = status ? qapi_enum_parse(QAPI_TYPE(VmFollowerMigration), status)
                       : VM_FOLLOWER_MIGRATION_NONE;

    return value < 0 ? VM_FOLLOWER_MIGRATION_OTHER : (VmFollowerMigration)value;
}

/* --- Events -------------------------------------------------------------------------------- */

/** What an event does to the state. */
typedef void FollowEventFunc(FollowState *state, const char *detail);

typedef struct FollowEvent {
    const char *name;
    const char *details[3];  /* the members of its data that matter; the last is NULL */
    FollowEventFunc *handle; /* NULL = it is only worth remembering */
} FollowEvent;

static RunState follow_stop_reason(const FollowState *state)
{
    if (state->stop_cause != RUN_STATE_RUNNING) {
        return state->stop_cause;
    }
    if (state->migration == VM_FOLLOWER_MIGRATION_COLO) {
        return RUN_STATE_COLO;
    }
    return follow_migration_is(state, FOLLOW_STOPS) && state->role != FOLLOW_ROLE_DESTINATION
               ? RUN_STATE_FINISH_MIGRATE : RUN_STATE_PAUSED;
}

/* A reply may have had the reason of the stop before: a mere guess does not replace that. */
static void follow_event_stop(FollowState *state, const char *detail)
{
    RunState reason = follow_stop_reason(state);

    if (reason != RUN_STATE_PAUSED || !follow_is_stopped(state)) {
        follow_know(state, reason);
    }
    follow_colo_stop(&state->colo, state->stop_cause != RUN_STATE_RUNNING);
    state->stop_cause = RUN_STATE_RUNNING;
    follow_ask(state);
}

/* Where it resumes from does not matter: after a failed migration, and even after a good one. */
static void follow_event_resume(FollowState *state, const char *detail)
{
    follow_know(state, RUN_STATE_RUNNING);
    state->stop_cause = RUN_STATE_RUNNING;
    state->shutdown = false;
    if (state->role == FOLLOW_ROLE_SOURCE && !follow_migration_is(state, FOLLOW_RUNS)) {
        state->role = FOLLOW_ROLE_NONE;
    }
    follow_colo_resume(&state->colo);
    follow_ask(state);
}

/*
 * In COLO no VM goes away, although the source's says "finish-migrate" until it resumes: frames
 * to it wait for it, and are not handed over.
 */
static RunState follow_stay(const FollowState *state, RunState run_state)
{
    return state->colo.active && run_state == RUN_STATE_FINISH_MIGRATE ? RUN_STATE_COLO
                                                                       : run_state;
}

/* @told: by an event, so at this moment. The side of a VM that was seen before is known. */
static void follow_set_migration(FollowState *state, const char *status, bool told)
{
    VmFollowerMigration before = state->migration;
    COLOMode side = state->role == FOLLOW_ROLE_DESTINATION ? COLO_MODE_SECONDARY
                                                           : COLO_MODE_PRIMARY;

    state->migration = follow_parse_migration(status);
    if (state->migration == before) {
        return;
    }
    if (state->migration == VM_FOLLOWER_MIGRATION_COLO) {
        if (!told || state->vm != FOLLOW_VM_KNOWN) {
            side = COLO_MODE_NONE;
        }
        follow_colo_enter(&state->colo, side, told);
    } else {
        follow_colo_leave(&state->colo, state->migration == VM_FOLLOWER_MIGRATION_COMPLETED);
    }
    state->run_state = follow_stay(state, state->run_state);
}

/* The end of a migration away; the end of COLO bears the same name, but leads nowhere else. */
static bool follow_is_handed_over(const FollowState *state, VmFollowerMigration before)
{
    return state->migration == VM_FOLLOWER_MIGRATION_COMPLETED &&
           before != VM_FOLLOWER_MIGRATION_COLO && state->role != FOLLOW_ROLE_DESTINATION &&
           follow_is_stopped(state);
}

static void follow_leave_destination(FollowState *state)
{
    if (state->role == FOLLOW_ROLE_DESTINATION) {
        state->role = FOLLOW_ROLE_NONE;
    }
}

/* A migration begins: the state in which the VM waits shows whether it comes in. */
static void follow_setup(FollowState *state)
{
    if (state->vm == FOLLOW_VM_KNOWN && state->run_state == RUN_STATE_INMIGRATE) {
        state->role = FOLLOW_ROLE_DESTINATION;
    } else {
        follow_leave_destination(state);
    }
}

static void follow_event_migration(FollowState *state, const char *status)
{
    VmFollowerMigration before = state->migration;

    follow_set_migration(state, status, true);
    state->migration_told = true;
    if (state->migration == VM_FOLLOWER_MIGRATION_SETUP) {
        follow_setup(state);
    }
    if (follow_is_handed_over(state, before)) {
        follow_know(state, RUN_STATE_POSTMIGRATE);
    }
    follow_arm(state);
    if (!follow_state_in_migration(state)) {
        follow_leave_destination(state);
    }
    if (state->run_state != RUN_STATE_RUNNING) {
        state->ask_status = true;
    }
}

static void follow_event_pass(FollowState *state, const char *pass)
{
    if (follow_is_stopped(state)) {
        follow_colo_pass(&state->colo);
    }
}

static void follow_event_colo_exit(FollowState *state, const char *detail)
{
    follow_colo_exit(&state->colo, detail);
}

static void follow_event_shutdown(FollowState *state, const char *reason)
{
    int cause = reason ? qapi_enum_parse(QAPI_TYPE(ShutdownCause), reason) : -1;

    state->shutdown = true;
    state->shutdown_cause = cause < 0 ? SHUTDOWN_CAUSE_NONE : (ShutdownCause)cause;
    state->stop_cause = RUN_STATE_SHUTDOWN;
}

/* Of a VM that runs, a reset changes nothing here. */
static void follow_event_reset(FollowState *state, const char *reason)
{
    state->shutdown = false;
    state->stop_cause = RUN_STATE_RUNNING;
    if (!follow_is_stopped(state)) {
        return;
    }
    if (state->run_state != RUN_STATE_INMIGRATE && state->run_state != RUN_STATE_FINISH_MIGRATE &&
        state->run_state != RUN_STATE_SUSPENDED) {
        follow_know(state, RUN_STATE_PRELAUNCH);
    }
    state->ask_status = true;
}

static void follow_event_suspend(FollowState *state, const char *detail)
{
    if (state->vm == FOLLOW_VM_KNOWN && state->run_state == RUN_STATE_RUNNING) {
        follow_know(state, RUN_STATE_SUSPENDED);
    }
    state->ask_status = true;
}

static void follow_event_wakeup(FollowState *state, const char *detail)
{
    if (state->vm == FOLLOW_VM_KNOWN && state->run_state == RUN_STATE_SUSPENDED) {
        follow_know(state, RUN_STATE_RUNNING);
    }
    state->ask_status = true;
}

static void follow_event_panicked(FollowState *state, const char *action)
{
    if (g_strcmp0(action, "pause") == 0 || g_strcmp0(action, "poweroff") == 0) {
        state->stop_cause = RUN_STATE_GUEST_PANICKED;
    }
}

static void follow_event_io_error(FollowState *state, const char *action)
{
    if (g_strcmp0(action, "stop") == 0) {
        state->stop_cause = RUN_STATE_IO_ERROR;
    }
}

static void follow_event_watchdog(FollowState *state, const char *action)
{
    if (g_strcmp0(action, "pause") == 0) {
        state->stop_cause = RUN_STATE_WATCHDOG;
    }
}

static const FollowEvent follow_events[] = {
    { "BLOCK_IO_ERROR", { "action" }, follow_event_io_error },
    { "COLO_EXIT", { "mode", "reason" }, follow_event_colo_exit },
    { "GUEST_PANICKED", { "action" }, follow_event_panicked },
    { "MIGRATION", { "status" }, follow_event_migration },
    { "MIGRATION_PASS", { "pass" }, follow_event_pass },
    { "POWERDOWN", { NULL }, NULL },
    { "RESET", { "reason" }, follow_event_reset },
    { "RESUME", { NULL }, follow_event_resume },
    { "SHUTDOWN", { "reason" }, follow_event_shutdown },
    { "STOP", { NULL }, follow_event_stop },
    { "SUSPEND", { NULL }, follow_event_suspend },
    { "WAKEUP", { NULL }, follow_event_wakeup },
    { "WATCHDOG", { "action" }, follow_event_watchdog },
};

static const FollowEvent *follow_event_find(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(follow_events); i++) {
        if (strcmp(follow_events[i].name, name) == 0) {
            return &follow_events[i];
        }
    }
    return NULL;
}

bool follow_event_matters(const char *name)
{
    return follow_event_find(name) != NULL;
}

const char *const *follow_event_details(const char *name)
{
    const FollowEvent *event = follow_event_find(name);

    return event && event->details[0] ? event->details : NULL;
}

void follow_state_event(FollowState *state, const char *name, const char *detail)
{
    const FollowEvent *event = follow_event_find(name);

    if (event && event->handle) {
        event->handle(state, detail);
    }
}

/* --- Replies ------------------------------------------------------------------------------- */

void follow_state_status(FollowState *state, const char *status, bool running)
{
    int value = qapi_enum_parse(QAPI_TYPE(RunState), status);
    RunState run_state = value >= 0 ? (RunState)value
                                    : running ? RUN_STATE_RUNNING : RUN_STATE_PAUSED;

    if (run_state == RUN_STATE_FINISH_MIGRATE && follow_is_stopped(state) &&
        state->run_state == RUN_STATE_POSTMIGRATE) {
        return; /* older than the "completed" in front of it */
    }
    run_state = follow_stay(state, run_state);
    if (run_state != RUN_STATE_RUNNING) {
        follow_colo_status(&state->colo, run_state);
    }
    follow_know(state, run_state);
    if (run_state == RUN_STATE_INMIGRATE) {
        state->role = FOLLOW_ROLE_DESTINATION;
    }
    follow_arm(state);
}

void follow_state_migration(FollowState *state, const char *status)
{
    if (state->migration_told) {
        return;
    }
    follow_set_migration(state, status, false);
    follow_arm(state);
}

bool follow_state_in_migration(const FollowState *state)
{
    return follow_migration_is(state, FOLLOW_ARMS);
}

/* --- The connection ------------------------------------------------------------------------ */

void follow_state_init(FollowState *state, RunState run_state)
{
    *state = (FollowState) {
        .run_state = run_state == RUN_STATE_RUNNING ? RUN_STATE_PAUSED : run_state,
        .stop_cause = RUN_STATE_RUNNING,
    };
}

void follow_state_connected(FollowState *state)
{
    if (state->vm == FOLLOW_VM_KNOWN) {
        state->vm = FOLLOW_VM_UNKNOWN;
    }
    state->role = FOLLOW_ROLE_NONE;
    state->migration = VM_FOLLOWER_MIGRATION_NONE;
    state->migration_told = false;
    state->stop_cause = RUN_STATE_RUNNING;
    state->shutdown = false;
    follow_colo_forget(&state->colo);
    follow_ask(state);
}

/*
 * Of a VM that ran, nothing is known now: frames wait. One that was stopped stays so: above all,
 * the source of a migration goes on handing over, since it can be only the destination that
 * gets the frames now.
 */
void follow_state_lost(FollowState *state)
{
    if (state->role == FOLLOW_ROLE_SOURCE) {
        state->role = FOLLOW_ROLE_NONE;
    }
    state->ask_status = false;
    state->ask_migrate = false;
    follow_colo_forget(&state->colo);
    if (state->vm != FOLLOW_VM_KNOWN) {
        return;
    }
    state->vm = FOLLOW_VM_UNKNOWN;
    if (state->shutdown && state->run_state != RUN_STATE_FINISH_MIGRATE &&
        state->run_state != RUN_STATE_POSTMIGRATE) {
        state->run_state = RUN_STATE_SHUTDOWN;
        state->vm = FOLLOW_VM_ENDED;
    } else if (state->run_state == RUN_STATE_RUNNING) {
        state->run_state = RUN_STATE_PAUSED;
    }
}

void follow_state_give_up(FollowState *state)
{
    if (state->vm == FOLLOW_VM_UNKNOWN) {
        state->vm = FOLLOW_VM_GIVEN_UP;
    }
}

bool follow_state_is_gone(const FollowState *state)
{
    return state->vm == FOLLOW_VM_GIVEN_UP || state->vm == FOLLOW_VM_ENDED;
}

VmFollowerHold follow_state_hold(const FollowState *state, bool connected)
{
    if (state->run_state == RUN_STATE_RUNNING) {
        return VM_FOLLOWER_HOLD_NONE;
    }
    if (follow_state_is_gone(state)) {
        return VM_FOLLOWER_HOLD_GUEST_GONE;
    }
    if (state->vm != FOLLOW_VM_KNOWN) {
        return connected ? VM_FOLLOWER_HOLD_VM_UNKNOWN : VM_FOLLOWER_HOLD_VM_NOT_CONNECTED;
    }
    return state->run_state == RUN_STATE_INMIGRATE ||
                   state->run_state == RUN_STATE_FINISH_MIGRATE ||
                   state->run_state == RUN_STATE_POSTMIGRATE
               ? VM_FOLLOWER_HOLD_IN_MIGRATION : VM_FOLLOWER_HOLD_VM_STOPPED;
}
