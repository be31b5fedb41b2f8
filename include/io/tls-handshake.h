/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TLS handshakes on the loop: in steps, with a deadline, in a bounded share of its time. */

#ifndef IO_TLS_HANDSHAKE_H
#define IO_TLS_HANDSHAKE_H

#include <glib.h>
#include "io/tls-session.h"

typedef struct TlsHandshake TlsHandshake;

/**
 * Gets the outcome, always from the loop; the handshake is freed afterwards.
 * @session, @fd: ready, taken by the callee; or NULL and -1 with
 * @error: borrowed
 */
typedef void TlsHandshakeFunc(TlsHandshake *handshake, TlsSession *session, int fd,
                              const GError *error, void *opaque);

/**
 * tls_handshake_start: begin
 * @session: taken, and @fd, its socket, too
 * Returns: owned by itself until @func has been called, or by tls_handshake_cancel().
 */
TlsHandshake *tls_handshake_start(TlsSession *session, int fd, TlsHandshakeFunc *func,
                                  void *opaque);

/** tls_handshake_cancel: end it without a call, and close its socket; NULL is legal. */
void tls_handshake_cancel(TlsHandshake *handshake);

#endif
