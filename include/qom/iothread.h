/* SPDX-License-Identifier: GPL-2.0-or-later */
/* iothread objects: asked for by others; the work is done by the one loop. */

#ifndef QOM_IOTHREAD_H
#define QOM_IOTHREAD_H

#include "qom/object.h"

typedef struct IoThread IoThread;

/**
 * iothread_use: the iothread called @name, which cannot be deleted until iothread_release()
 * @name: an id, or a path like "/objects/ID"
 * Returns: borrowed; NULL with @error set.
 */
IoThread *iothread_use(const char *name, GError **error);

/** iothread_release: NULL is legal. */
void iothread_release(IoThread *iothread);

/** iothread_path: "/objects/ID". Owned. */
char *iothread_path(const IoThread *iothread);

#endif
