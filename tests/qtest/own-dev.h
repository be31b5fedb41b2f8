/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A /dev of the test's own, so that the system's log is what the test makes it. */

#ifndef TESTS_QTEST_OWN_DEV_H
#define TESTS_QTEST_OWN_DEV_H

#include <stdbool.h>

/**
 * own_dev_enter: this process and those it starts see a /dev without a log
 * Returns: false = it cannot be done here, and the test counts as skipped.
 */
bool own_dev_enter(void);

/** own_dev_leave: as it was before. */
void own_dev_leave(void);

/** own_dev_log: the system's log from now on; close it with sock_close(). */
int own_dev_log(void);

/** own_dev_log_next: waits for the next message; owned. */
char *own_dev_log_next(int log);

#endif
