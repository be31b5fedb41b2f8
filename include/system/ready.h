/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One line on standard output that says what is ready, and where it listens. */

#ifndef SYSTEM_READY_H
#define SYSTEM_READY_H

/**
 * ready_line: an object as JSON, ended by LF
 *
 * Members: "ready", "version", "pid", and what query-chardev ("chardevs"), query-netdevs
 * ("netdevs") and query-net-exports ("exports") answer at this moment.
 * Returns: owned.
 */
char *ready_line(void);

#endif
