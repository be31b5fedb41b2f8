/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The VM's program that -run starts, with a connected socket for each export. */

#ifndef SYSTEM_RUN_COMMAND_H
#define SYSTEM_RUN_COMMAND_H

#include <stdbool.h>
#include <glib.h>

/**
 * run_command_export: give the export @text asks for one end of a new pair of sockets
 * @text: an argument of -export; no JSON
 *
 * Returns: @text with an address, owned; a copy of it if it has one or is not understood. NULL
 * with @error.
 */
char *run_command_export(const char *text, GError **error);

/**
 * run_command_start: have the shell run @command
 *
 * In it {ID} stands for the number of the descriptor for the export ID, and the environment has it
 * as QND_FD_ID, with _ for what cannot be in a name. The VM shuts down when it ends; it gets
 * SIGTERM when this process ends in whatever way.
 */
bool run_command_start(const char *command, GError **error);

/** run_command_pidfd: by which it is signalled; borrowed; -1 = none was started. */
int run_command_pidfd(void);

/**
 * run_command_end: it is to end, if it has not, and that is waited for
 *
 * A second signal to this process kills it.
 * Returns: the status to exit with; -1 = none was started, or it did not end by itself.
 */
int run_command_end(void);

#endif
