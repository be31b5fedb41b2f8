/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes forked from this one that go on by themselves and leave no zombie. */

#ifndef UTIL_DETACHED_H
#define UTIL_DETACHED_H

#include <stddef.h>

/** What such a process does; it ends with status 0 when this returns. */
typedef void DetachedFunc(void *opaque);

/**
 * detached_start: fork a process that runs @func
 * @kept: the descriptors that stay open in it, @n_kept of them, in ascending order
 *
 * All signals are blocked in it, so that it ends by itself or by SIGKILL. Other threads may have
 * been in the middle of anything: @func takes no lock of GLib's, thus makes no GError.
 * Returns: 0, or the errno of the call that failed.
 */
int detached_start(const int *kept, size_t n_kept, DetachedFunc *func, void *opaque);

#endif
