/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Watches on file descriptors: epoll behind one GLib source. */

#ifndef UTIL_FD_WATCH_H
#define UTIL_FD_WATCH_H

#include <stdbool.h>

/** Events of a watch; a bit set. */
typedef enum FdEvents {
    FD_EVENT_NONE   = 0,
    FD_EVENT_READ   = 1 << 0,
    FD_EVENT_WRITE  = 1 << 1,
    /** The peer closed its end or the fd broke. Reported only to watches that wait for it. */
    FD_EVENT_HANGUP = 1 << 2,
} FdEvents;

typedef struct FdWatch FdWatch;

/** Called from the loop with the events that happened, of those that the watch waits for. */
typedef void FdWatchFunc(int fd, FdEvents events, void *opaque);

/**
 * fd_watch_new: watch @fd, at first for nothing
 * @fd: borrowed; must stay open until the watch is freed. A file that epoll refuses
 *      (a regular file, /dev/null) counts as always readable and writable
 *
 * A broken fd is reported to a reader or writer as readable or writable, so that the
 * read or write that follows learns the reason.
 */
FdWatch *fd_watch_new(int fd, FdWatchFunc *func, void *opaque);

/** fd_watch_set: wait for @events from now on. No system call when nothing changes. */
void fd_watch_set(FdWatch *watch, FdEvents events);

/** fd_watch_want: wait for bytes, for room, for both or for nothing; @watch NULL is legal. */
void fd_watch_want(FdWatch *watch, bool read, bool write);

/** fd_watch_events: the events for which @watch waits at present. */
FdEvents fd_watch_events(const FdWatch *watch);

/** fd_watch_free: end the watch; NULL is legal, also inside its own callback. */
void fd_watch_free(FdWatch *watch);

#endif
