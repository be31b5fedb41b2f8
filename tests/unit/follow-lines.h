/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables of what a VM does and what follows from it, for the tests of follow/. */

#ifndef TESTS_UNIT_FOLLOW_LINES_H
#define TESTS_UNIT_FOLLOW_LINES_H

#include <stddef.h>
#include "follow/state.h"

/*
 * A line of a table is what arrives, and what follows from it:
 *
 *   connect, lost, give-up    of the connection
 *   ? STATUS                  query-status is answered; unknown states do not run
 *   m STATUS                  query-migrate is answered; "m" alone: there was no migration
 *   colo MODE                 query-colo-status is answered
 *   NAME DETAIL               an event
 *
 * Flags: k = the VM's state is known, a = armed, e = ended, g = given up. What filters and
 * colo-compare are told: C = a checkpoint, F = a failover; and X = COLO_EXIT is emitted.
 */
typedef struct FollowLine {
    const char *begin;  /* a new case, by name; NULL = the one before goes on */
    const char *what;
    RunState run_state;
    const char *flags;
} FollowLine;

#define S(name) RUN_STATE_##name
/* How cases begin: connected to a VM that runs, or that waits for a migration. */
#define RUNS(name)                                                                               \
    { name, "connect", S(PRELAUNCH), "" }, { NULL, "? running", S(RUNNING), "k" },               \
    { NULL, "m", S(RUNNING), "k" }
#define WAITS(name)                                                                              \
    { name, "connect", S(PRELAUNCH), "" }, { NULL, "? inmigrate", S(INMIGRATE), "k" },           \
    { NULL, "m", S(INMIGRATE), "k" }
/* A migration away that is under way. */
#define MIGRATES                                                                                 \
    { NULL, "MIGRATION setup", S(RUNNING), "ka" }, { NULL, "MIGRATION_PASS 1", S(RUNNING), "ka" }, \
    { NULL, "MIGRATION active", S(RUNNING), "ka" }

/**
 * follow_lines_add: a test for each case of the table, FOLDER/NAME
 * @lines: borrowed for good; a line of NULLs behind the last
 */
void follow_lines_add(const char *folder, const FollowLine *lines, size_t n);

#endif
