/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How many datagrams the kernel dropped before a socket could read them. */

/*
 * The counter is the one that SO_RXQ_OVFL puts beside each datagram. SO_MEMINFO (Linux 4.12) has
 * it without a datagram: also while nothing is read, which is when most are dropped, and with
 * nothing to be done for those that are not.
 */

#include "io/socket-drops.h"

#include <linux/sock_diag.h>
#include <sys/socket.h>

static bool drops_ask(int fd, uint32_t *count)
{
    uint32_t info[SK_MEMINFO_VARS] = { 0 };
    socklen_t len = sizeof(info);

    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) < 0 ||
        len < (SK_MEMINFO_DROPS + 1) * sizeof(info[0])) {
        return false;
    }
    *count = info[SK_MEMINFO_DROPS];
    return true;
}

void socket_drops_start(SocketDrops *drops, int fd)
{
    *drops = (SocketDrops) { .fd = fd };
    drops_ask(fd, &drops->last);
}

bool socket_drops_get(SocketDrops *drops, uint64_t *total)
{
    uint32_t now;

    if (!drops_ask(drops->fd, &now)) {
        return false;
    }
    drops->total += (uint32_t)(now - drops->last);
    drops->last = now;
    *total = drops->total;
    return true;
}
