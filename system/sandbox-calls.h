/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The system calls that the program uses after its start. */

#ifndef SYSTEM_SANDBOX_CALLS_H
#define SYSTEM_SANDBOX_CALLS_H

#include <stdbool.h>
#include <glib.h>
#include <seccomp.h>

/**
 * sandbox_calls_allow: add all that is allowed to @filter
 * @program_fd: a pidfd of the one process that may be signalled; -1 = none
 *
 * Returns: false with @error.
 */
bool sandbox_calls_allow(scmp_filter_ctx filter, int program_fd, GError **error);

#endif
