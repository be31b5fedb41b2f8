/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that need a name or a connection are answered when it is known; others go on. */

/*
 * A command runs in the loop and must not wait. Where it needs a name looked up or a connection
 * made, that begins in the background, and the command fails as it would if there were none: it
 * leaves nothing behind and passes the failure up. The caller drops that answer, and runs the
 * command again from its start when the outcome is there. Now it succeeds, or fails with the
 * reason. An outcome is kept until the command is answered, so a command may need several.
 */

#ifndef IO_SOCKET_WAIT_H
#define IO_SOCKET_WAIT_H

#include <stdbool.h>

/** What one command has learned and waits for. */
typedef struct SocketWait SocketWait;

/** Nothing is waited for any more. Called from the loop; may free the SocketWait. */
typedef void SocketWaitFunc(void *opaque);

SocketWait *socket_wait_new(SocketWaitFunc *func, void *opaque);

/** socket_wait_enter: the command runs; it calls nothing that runs the loop. */
void socket_wait_enter(SocketWait *wait);

/** socket_wait_leave: it is over. Returns: whether to drop its answer and wait for the call. */
bool socket_wait_leave(SocketWait *wait);

/** socket_wait_free: end what is under way, without a call; NULL is legal. */
void socket_wait_free(SocketWait *wait);

#endif
