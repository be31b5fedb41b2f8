/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One TLS connection on a stream socket (RFC 8446, RFC 5246), without waiting. */

#ifndef IO_TLS_SESSION_H
#define IO_TLS_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <glib.h>
#include "io/tls-creds.h"

/*
 * Two things differ from a plain socket, and whoever watches the descriptor must know them.
 * Bytes that were received may wait in the session, of which the descriptor tells nothing:
 * tls_session_has_unread(). And bytes that were written may wait there for room:
 * tls_session_has_unsent().
 */
typedef struct TlsSession TlsSession;

/** How a handshake goes on. */
typedef enum TlsStep {
    TLS_STEP_READ,   /* when the descriptor is readable */
    TLS_STEP_WRITE,  /* when there is room */
    TLS_STEP_DONE,   /* bytes can be read and written */
    TLS_STEP_FAILED,
} TlsStep;

/**
 * tls_session_new: a session whose handshake has not begun
 * @creds: say which end this is; a reference is kept
 * @fd: borrowed: a non-blocking stream socket, open for as long as the session
 * @hostname: of a client: whom the server's certificate must belong to; copied
 * @authz: id of the authz object that has to allow the peer; copied; NULL = none
 *
 * The files of @creds are read again if they have changed.
 * Returns: owned; NULL with @error set.
 */
TlsSession *tls_session_new(TlsCreds *creds, int fd, const char *hostname, const char *authz,
                            GError **error);

/** tls_session_handshake: one step. @error: set with TLS_STEP_FAILED, which the peer is told. */
TlsStep tls_session_handshake(TlsSession *session, GError **error);

/** tls_session_timeout_ms: how long the handshake may take. */
int64_t tls_session_timeout_ms(const TlsSession *session);

/** tls_session_peer: the name that the peer has proven; borrowed; NULL = none. */
const char *tls_session_peer(const TlsSession *session);

/**
 * tls_session_read: what has come, at most @len bytes
 *
 * Returns: bytes; 0 at the end that the peer has announced; -EAGAIN when there is nothing now;
 * another -errno when the connection is broken, an end that nobody announced among it.
 */
ssize_t tls_session_read(TlsSession *session, void *data, size_t len);

/** tls_session_has_unread: whether a read has something to say without the descriptor. */
bool tls_session_has_unread(const TlsSession *session);

/**
 * tls_session_look_ahead: whether there are bytes to read, as far as is known without waiting
 *
 * What is in the socket may be only the end, which tls_session_has_unread() then knows of.
 */
bool tls_session_look_ahead(TlsSession *session);

/**
 * tls_session_writev: write what goes without waiting
 *
 * Returns: bytes taken, 0 to all, or -errno. Of these a record of at most 16 KiB may wait in
 * the session for room in the socket.
 */
ssize_t tls_session_writev(TlsSession *session, const struct iovec *iov, int n_iov);

/** tls_session_has_unsent: whether written bytes wait for room. */
bool tls_session_has_unsent(const TlsSession *session);

/** tls_session_flush: send them. Returns: whether none is left; a broken connection has none. */
bool tls_session_flush(TlsSession *session);

/** tls_session_fault: why TLS has failed; borrowed; NULL = it has not, but the socket may have. */
const char *tls_session_fault(const TlsSession *session);

/** tls_session_close: announce the end to the peer, if there is room for that. */
void tls_session_close(TlsSession *session);

/** tls_session_free: NULL is legal. The descriptor stays open. */
void tls_session_free(TlsSession *session);

#endif
