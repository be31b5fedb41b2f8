/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tasks done in a process of their own, by a helper that keeps the rights for them. */

#ifndef UTIL_SPAWNER_H
#define UTIL_SPAWNER_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

/** Room for the text of a reply, with its NUL. */
#define SPAWNER_TEXT_MAX 64

/** Steps of a reply that are no task's own. */
#define SPAWNER_STEP_DONE    0  /* all of it worked */
#define SPAWNER_STEP_REFUSED -1 /* the helper does not do that */
#define SPAWNER_STEP_LOST    -2 /* there came no answer */

/** What came of a task. */
typedef struct SpawnerReply {
    int32_t step;    /* which of its steps failed, in the task's own numbers, or one of above */
    int32_t err;     /* errno of that step, or 0 */
    int32_t status;  /* status of a program by waitpid() */
    uint32_t flags;  /* the task's own */
    char text[SPAWNER_TEXT_MAX];
} SpawnerReply;

/** A thing that can be asked for. The table of them is closed when main() begins. */
typedef struct SpawnerTask {
    const char *name;
    unsigned n_args;
    bool is_program;   /* runs the program args[0] */
    /** Whether the texts can be meant: the helper has them from a process that it distrusts. */
    bool (*is_valid)(const char *const args[]);
    /**
     * Do it. In a process of its own it waits with interrupt_wait(), which ends when the answer is
     * not needed any more; it takes no lock of GLib's (util/detached.h).
     * @interruptible: give up when interrupt_wait() ends
     * @reply: zeroed
     * Returns: a descriptor that goes with the reply, or -1.
     */
    int (*run)(const char *const args[], bool interruptible, SpawnerReply *reply);
} SpawnerTask;

/** spawner_register: @task: constant; from a constructor, before main(). */
void spawner_register(const SpawnerTask *task);

/** spawner_allow: the programs that a restricted helper may run; before spawner_start(). */
void spawner_allow(const char *program);

/** How much a helper may do. */
typedef struct SpawnerPolicy {
    bool only_allowed;        /* no programs but those of spawner_allow() */
    bool no_new_privileges;   /* programs gain none, be they set-user-ID */
} SpawnerPolicy;

/**
 * spawner_start: fork the helper; before rights are given up that tasks need
 * @policy: copied
 * @daemon_fds: what its standard descriptors are to be, and its folder "/"; NULL = as they are
 *
 * Without one, each task is done by a process that is forked from this one for it.
 */
bool spawner_start(const SpawnerPolicy *policy, const int daemon_fds[3], GError **error);

/** spawner_expect: there will be a helper: this process is not able to fork after the start. */
void spawner_expect(bool is_expected);

/** spawner_is_expected: whether there will be, or is, one. */
bool spawner_is_expected(void);

/** spawner_is_on: whether there is a helper. */
bool spawner_is_on(void);

/** A task under way. */
typedef struct SpawnerCall SpawnerCall;

/** @reply: borrowed; @fd: taken, -1 = none came. Called by the loop; the call is over. */
typedef void SpawnerCallFunc(const SpawnerReply *reply, int fd, void *opaque);

/**
 * spawner_call_start: have @task done in the background
 * @args: task->n_args of them, copied
 *
 * Returns: owned by itself until @func is called, or by spawner_call_cancel(); NULL with @error.
 */
SpawnerCall *spawner_call_start(const SpawnerTask *task, const char *const args[],
                                SpawnerCallFunc *func, void *opaque, GError **error);

/** spawner_call_cancel: end it without a call of @func: its program gets SIGTERM; NULL is legal. */
void spawner_call_cancel(SpawnerCall *call);

/**
 * spawner_run: have @task done; outside the loop, as at start-up
 * @fd: (out) owned; -1 = none came
 *
 * Without a helper it is done in this process.
 * Blocks: until it is done, or until interrupt_wait() ends if @interruptible.
 * Returns: false with @error when it could not be asked for; see also @reply.
 */
bool spawner_run(const SpawnerTask *task, const char *const args[], bool interruptible,
                 SpawnerReply *reply, int *fd, GError **error);

/** spawner_reply_check: set @error for the steps that are no task's own. Returns: false then. */
bool spawner_reply_check(const SpawnerTask *task, const SpawnerReply *reply, GError **error);

/**
 * spawner_finish: let all calls end, and call back; at the end of the process.
 *
 * Blocks: until they have ended.
 */
void spawner_finish(void);

/** spawner_cleanup: let the helper go. */
void spawner_cleanup(void);

#endif
