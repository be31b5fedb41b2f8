/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Confinement of the process after its start: system calls, capabilities, programs. */

#ifndef SYSTEM_SANDBOX_H
#define SYSTEM_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>
#include "qapi/qapi-types.h"
#include "util/spawner.h"

/** What -sandbox asks for; zeroed = nothing. */
typedef struct SandboxWish {
    bool is_on;
    SpawnerPolicy programs; /* what the helper may start */
    uint64_t kept;          /* capabilities that stay: RIGHT() of each */
} SandboxWish;

/** sandbox_parse: what @opts ask for. Returns: false with @error for what there is not. */
bool sandbox_parse(SandboxWish *wish, const SandboxOptions *opts, GError **error);

/**
 * sandbox_enter: from now on the process does what it is there for, and nothing else
 * @daemon_fds: as of spawner_start()
 * @program_fd: a pidfd of the VM's program, which may be signalled; -1 = there is none
 *
 * Leaves a helper behind that starts programs and opens taps, gives up all capabilities but those
 * of @wish, sets no_new_privs, and has the kernel refuse all system calls that the program does
 * not use: such a call is logged by its name, and ends the process by SIGSYS.
 * Returns: false with @error; the process is then confined in part, and has to end.
 */
bool sandbox_enter(const SandboxWish *wish, const int daemon_fds[3], int program_fd,
                   GError **error);

#endif
