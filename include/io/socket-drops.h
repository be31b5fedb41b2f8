/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How many datagrams the kernel dropped before a socket could read them. */

#ifndef IO_SOCKET_DROPS_H
#define IO_SOCKET_DROPS_H

#include <stdbool.h>
#include <stdint.h>

/** Embedded beside a socket; the system's 32 bits made into 64. */
typedef struct SocketDrops {
    int fd;         /* borrowed */
    uint32_t last;  /* the system's counter when it was looked at last */
    uint64_t total; /* since socket_drops_start() */
} SocketDrops;

/** socket_drops_start: count datagrams that are dropped of the socket @fd from now on. */
void socket_drops_start(SocketDrops *drops, int fd);

/**
 * socket_drops_get: datagrams dropped because the socket's receive queue was full
 * @total: (out) also those whose checksum was wrong
 *
 * To be asked before the system has counted 4294967296 more: it forgets the rest.
 * Returns: false if the system does not report them.
 */
bool socket_drops_get(SocketDrops *drops, uint64_t *total);

#endif
