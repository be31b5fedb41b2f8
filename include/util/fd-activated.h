/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors that the service manager has passed under names (sd_listen_fds(3)). */

#ifndef UTIL_FD_ACTIVATED_H
#define UTIL_FD_ACTIVATED_H

#include <glib.h>

/**
 * fd_activated_note: see which there are, by the environment, which is then cleared
 *
 * To be called before anything is opened. Programs that are started do not get them.
 */
void fd_activated_note(void);

/** fd_activated_add: one that this process has made itself; @name is copied, @fd taken. */
void fd_activated_add(const char *name, int fd);

/**
 * fd_activated_take: the first called @name that nobody has taken yet
 * Returns: the descriptor, owned by the caller from now on; -1 = there is none.
 */
int fd_activated_take(const char *name);

/** fd_activated_forget: somebody has taken @fd by its number. */
void fd_activated_forget(int fd);

/** fd_activated_unused: tell of one that nobody has taken. Owned; NULL = all are in use. */
char *fd_activated_unused(void);

#endif
