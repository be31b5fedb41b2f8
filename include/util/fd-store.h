/* SPDX-License-Identifier: GPL-2.0-or-later */
/* File descriptors by name (getfd) and in sets (add-fd); filled by the monitors. */

#ifndef UTIL_FD_STORE_H
#define UTIL_FD_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

/** The named descriptors of one monitor. */
typedef struct FdStore FdStore;

/** fd_store_new: an empty one. Returns: owned. */
FdStore *fd_store_new(void);

/** fd_store_free: close what was never taken; NULL is legal. */
void fd_store_free(FdStore *store);

/** fd_store_put: keep @fd (taken) as @name; an older one of that name is closed. */
void fd_store_put(FdStore *store, const char *name, int fd);

/** fd_store_take: hand out the descriptor called @name and forget it; -1 if there is none. */
int fd_store_take(FdStore *store, const char *name);

/** fd_store_set_current: the store of the monitor whose command runs, NULL outside commands. */
void fd_store_set_current(FdStore *store);

/** fd_store_current: borrowed; NULL = none. */
FdStore *fd_store_current(void);

/**
 * fd_store_note_inherited: remember which descriptors the process was started with
 *
 * To be called before anything is opened. From then on only these can be had by number, each
 * once; not the standard streams, which messages go to. Before, any number will do.
 */
void fd_store_note_inherited(void);

/**
 * fd_from_text_r1: a descriptor given as fd=TEXT to a netdev (docs/reference-text.rst, rule R1)
 *
 * A text that starts with a digit is a number, any other a name: in the current store inside a
 * monitor command, else one that the service manager has given (util/fd-activated.h).
 * Returns: the descriptor, owned by the caller from now on; -1 with @error set.
 */
int fd_from_text_r1(const char *text, GError **error);

/**
 * fd_from_text_r2: the same for addresses of kind fd (rule R2)
 *
 * Inside a monitor command always a name in its store, else a number or a name of the manager's.
 */
int fd_from_text_r2(const char *text, GError **error);

#endif
