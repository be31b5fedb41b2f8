/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of file descriptors (add-fd, -add-fd) that stand for files named "/dev/fdset/N". */

#ifndef UTIL_FD_SET_H
#define UTIL_FD_SET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <glib.h>

/**
 * fd_set_add: put @fd into a set
 * @fd: taken, also on failure
 * @id: of the set, which is made if need be; NULL = a new set with the lowest free id
 * @opaque: a note for query-fdsets, or NULL
 *
 * Returns: the set's id; -1 with @error for a negative @id.
 */
int64_t fd_set_add(int fd, const int64_t *id, const char *opaque, GError **error);

/** fd_set_remove: close and forget @fd of set @id; @fd NULL = the whole set. */
bool fd_set_remove(int64_t id, const int64_t *fd, GError **error);

/** Called for each descriptor: sets by rising id, in each the order of addition. */
typedef void FdSetFunc(int64_t id, int fd, const char *opaque, void *data);

/** fd_set_foreach: @data is handed to @func. */
void fd_set_foreach(FdSetFunc *func, void *data);

/** fd_set_drop_unused: close the sets from which nothing was ever opened. */
void fd_set_drop_unused(void);

/**
 * fd_set_open_path: open(2), but a path "/dev/fdset/N" is a duplicate from set N
 * @flags: O_CLOEXEC is added; from a set comes the first descriptor that can do the same
 *         of reading and writing
 *
 * Returns: a descriptor, owned; -1 with errno.
 */
int fd_set_open_path(const char *path, int flags, mode_t mode);

#endif
