/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that are opened again when their names may lead to others: after a rotation of logs. */

#ifndef UTIL_REOPEN_H
#define UTIL_REOPEN_H

#include <stdbool.h>

typedef struct ReopenHook ReopenHook;

/** reopen_add: @func opens a file again, or goes on with the old one. End it by reopen_remove(). */
ReopenHook *reopen_add(void (*func)(void *opaque), void *opaque);

/** reopen_remove: @func is not called any more; NULL is legal. */
void reopen_remove(ReopenHook *hook);

/** reopen_any: whether there is anything to be opened again. */
bool reopen_any(void);

/** reopen_all: call them, in the order in which they were added. */
void reopen_all(void);

#endif
