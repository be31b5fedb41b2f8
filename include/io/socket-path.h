/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths of unix sockets: making room for ours, and removing it and no other at the end. */

#ifndef IO_SOCKET_PATH_H
#define IO_SOCKET_PATH_H

#include <glib.h>

/** A path to which a socket of ours is bound, known by the device and inode of the file. */
typedef struct SocketPath SocketPath;

/**
 * socket_path_make_room: remove a dead socket or a reserved name at @path before a bind
 * @path: as the process finds it now
 *
 * It removes a socket without a process, which a killed process leaves, and an empty regular file,
 * by which mkstemp() reserves a name. It removes no other file. A server that has the socket does
 * not notice the question.
 *
 * Returns: NULL, or the noun of what is in the way, for a message; owned.
 */
char *socket_path_make_room(const char *path);

/**
 * socket_path_new: own the file that a bind has just made at @path
 * Returns: owned; NULL when there is none.
 */
SocketPath *socket_path_new(const char *path);

/**
 * socket_path_set_yielding: from now on @path is free for another socket of this process
 * @path: borrowed; NULL = none is any more
 */
void socket_path_set_yielding(const SocketPath *path);

/** socket_path_free: remove the file if it is still ours, also after a chdir(); NULL is legal. */
void socket_path_free(SocketPath *path);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(SocketPath, socket_path_free)

#endif
