/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Confinement where the program is built without libseccomp: there is none. */

#include "system/sandbox.h"

#include "util/error.h"

bool sandbox_parse(SandboxWish *wish, const SandboxOptions *opts, GError **error)
{
    *wish = (SandboxWish) { 0 };
    return !opts->enable ||
           error_set(error, "-sandbox on is not possible: this program was built without "
                     "libseccomp");
}

bool sandbox_enter(const SandboxWish *wish, const int daemon_fds[3], int program_fd,
                   GError **error)
{
    g_assert_not_reached(); /* nobody can ask for it */
}
