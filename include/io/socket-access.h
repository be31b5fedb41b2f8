/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may connect to a unix socket of ours: mode and group of its file. */

#ifndef IO_SOCKET_ACCESS_H
#define IO_SOCKET_ACCESS_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <glib.h>
#include "io/socket-path.h"
#include "qapi/qapi-types.h"

/** What an address says of its file; zeroed = nothing. */
typedef struct SocketAccess {
    bool is_set;
    bool has_group;
    mode_t mode;
    gid_t group;
} SocketAccess;

/**
 * socket_access_parse: of @addr, at which we are to listen
 * @access: (out) on success
 *
 * Returns: false with @error set: no octal number, no such group, or there is no file.
 */
bool socket_access_parse(SocketAccess *access, const SocketAddress *addr, GError **error);

/** socket_access_refuse: @addr is not where we listen. Returns: false with @error if it is set. */
bool socket_access_refuse(const SocketAddress *addr, GError **error);

/**
 * socket_access_bind: bind a socket, and let only those connect or send who may
 * @name: path of the file that this makes; NULL = none
 * @path: (out) owned: that file; NULL if @name is. May be NULL: then it stays
 * @err: (out) 0, or why bind(2) failed
 *
 * At no moment there is a file that others may write to. Where it fails @path is not set, and
 * there is none.
 * Returns: false with *@err set; or with @error set.
 */
bool socket_access_bind(int fd, const struct sockaddr *sa, socklen_t len, const char *name,
                        const SocketAccess *access, SocketPath **path, int *err, GError **error);

#endif
