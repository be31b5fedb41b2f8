/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A helper that keeps the rights which the process gives up, to remove its files at the end. */

#ifndef UTIL_JANITOR_H
#define UTIL_JANITOR_H

#include <stdbool.h>
#include <sys/stat.h>
#include <glib.h>

/** A file of this process that the janitor may remove; 0 = none. */
typedef unsigned JanitorEntry;

/**
 * janitor_add: this file goes at the end
 * @path: of a socket, a symbolic link, or a regular file that this process keeps locked
 *     (F_OFD_SETLK); a relative one is looked for in the working directory of janitor_start()
 * @st: its state by lstat() now
 *
 * Returns: the entry for janitor_remove(). 0 after janitor_start() or janitor_cleanup(): the
 * process has the rights to remove files that it makes later.
 */
JanitorEntry janitor_add(const char *path, const struct stat *st);

/**
 * janitor_start: fork the helper; before the rights are given up
 *
 * It removes what is left of the entries when this process ends, be it by SIGKILL. Nothing can be
 * added from now on.
 */
bool janitor_start(GError **error);

/**
 * janitor_remove: let the janitor remove the file, if what is there is still that file
 *
 * Blocks: for the answer, a second at most. @entry is no longer valid; 0 is legal.
 * Returns: false when the caller has to remove it: no janitor knows it, or it could not.
 */
bool janitor_remove(JanitorEntry entry);

/** janitor_cleanup: none is needed, or the process ends: the janitor then removes the rest. */
void janitor_cleanup(void);

#endif
