/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waiting outside the loop, as some do at start-up, but not longer than the process is to live. */

#ifndef UTIL_INTERRUPT_H
#define UTIL_INTERRUPT_H

/**
 * interrupt_set_fd: the descriptor that ends each wait
 * @fd: borrowed; readable once the process is asked to end. -1 = nothing
 */
void interrupt_set_fd(int fd);

/**
 * interrupt_wait: until @fd is ready for @events (of poll(2)) or broken
 * @fd: borrowed; -1 = only the time counts
 * @timeout_ms: -1 = for ever
 * Blocks: so long. It is for the start, and for processes without a loop.
 * Returns: 0 also at the time-out; EINTR when the process is asked to end, before or meanwhile;
 *     another errno of poll().
 */
int interrupt_wait(int fd, short events, int timeout_ms);

#endif
