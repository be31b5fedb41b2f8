/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that need what takes time are answered when it is known; others go on meanwhile. */

/*
 * A command runs in the loop and must not wait. Where it needs a name looked up, a connection made
 * or a program run, that begins in the background, and the command fails as it would if there
 * were no such thing: it leaves nothing behind and passes the failure up. The caller drops that
 * answer, and runs the command again from its start when the outcome is there. Now it succeeds,
 * or fails with the reason. An outcome is kept until the command is answered, so a command may
 * need several.
 *
 * What a command leaves to be done when all else has succeeded holds its answer back, no more.
 */

#ifndef UTIL_COMMAND_WAIT_H
#define UTIL_COMMAND_WAIT_H

#include <stdbool.h>

/** What one command has learned and waits for. */
typedef struct CommandWait CommandWait;

/** Nothing is waited for any more. Called from the loop; may free the CommandWait. */
typedef void CommandWaitFunc(void *opaque);

/** What to do with the answer of a command that has run. */
typedef enum CommandOutcome {
    COMMAND_OUTCOME_ANSWER,    /* give it */
    COMMAND_OUTCOME_KEEP,      /* give it after the call */
    COMMAND_OUTCOME_RUN_AGAIN, /* drop it, and run the command again after the call */
} CommandOutcome;

CommandWait *command_wait_new(CommandWaitFunc *func, void *opaque);

/** command_wait_enter: the command runs; it calls nothing that runs the loop. */
void command_wait_enter(CommandWait *wait);

/** command_wait_leave: it is over. */
CommandOutcome command_wait_leave(CommandWait *wait);

/** command_wait_free: end what is under way, without a call; NULL is legal. */
void command_wait_free(CommandWait *wait);

/* --- For the needs of commands -------------------------------------------------------------- */

typedef struct CommandNeed CommandNeed;

/** A kind of need. */
typedef struct CommandNeedClass {
    /** Whether @need is what @key, of this class's own form, asks for; NULL = never. */
    bool (*matches)(const CommandNeed *need, const void *key);
    /** The command is answered or given up: end what is under way, free @need. */
    void (*free)(CommandNeed *need);
    /** It holds the answer back; else it is an outcome that the command is run again for. */
    bool is_afterwards;
} CommandNeedClass;

/** One thing that a command needs; the first member of the user's own struct, zeroed. */
struct CommandNeed {
    const CommandNeedClass *class;
    CommandWait *wait; /* back pointer */
    bool is_met;
};

/** command_wait_is_on: whether a command runs that must not wait. */
bool command_wait_is_on(void);

/** command_wait_find: an earlier need of the running command, met or not; NULL = new. */
CommandNeed *command_wait_find(const CommandNeedClass *class, const void *key);

/** command_wait_add: the command that runs needs @need, which is taken. */
void command_wait_add(CommandNeed *need, const CommandNeedClass *class);

/** command_need_met: the outcome is there, be it an error; once for each need. */
void command_need_met(CommandNeed *need);

#endif
