/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two ends of a TLS connection in one test, and a wire between them that can be cut. */

#ifndef TESTS_UNIT_TLS_FIXTURE_H
#define TESTS_UNIT_TLS_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <glib.h>

#include "io/tls-session.h"
#include "test-certs.h"

/** One end. */
typedef struct TlsEnd {
    TlsCreds *creds;
    TlsSession *session;
    int fd;           /* the session's socket */
    int wire;         /* the other end of that, in the test's hands */
    bool is_done;     /* the handshake is over, well or not */
    GError *error;    /* why it failed */
} TlsEnd;

/** tls_object_add: an object as by object_add; it must be created. */
void tls_object_add(const char *format, ...) G_GNUC_PRINTF(1, 2);

/** tls_object_try: the same with what it says. */
bool tls_object_try(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/** tls_expect_text: @said begins with @want. */
void tls_expect_text(const char *said, const char *want);

/** tls_end_open: a session of the object @id, which is for that end. */
void tls_end_open(TlsEnd *end, const char *id, QCryptoTLSCredsEndpoint endpoint,
                  const char *hostname, const char *authz);
void tls_end_close(TlsEnd *end);

/** tls_wire_move: what the ends have sent to each other. Returns: how many bytes. */
size_t tls_wire_move(TlsEnd *a, TlsEnd *b);

/** tls_shake_hands: both handshakes, until they are over or wait in vain. */
void tls_shake_hands(TlsEnd *a, TlsEnd *b);

/** Both ends of one connection: of the objects s0 and c0. */
typedef struct TlsPair {
    TlsEnd s;
    TlsEnd c;
} TlsPair;

/**
 * tls_pair_open: let them shake hands
 * @hostname: whom the client looks for; NULL = anybody
 * @authz: whom the server asks; NULL = nobody
 */
void tls_pair_open(TlsPair *pair, const char *hostname, const char *authz);
void tls_pair_close(TlsPair *pair);

/** tls_psk_folder: a new folder whose keys.psk has these lines. Owned. */
char *tls_psk_folder(const char *keys);

/**
 * tls_psk_add: s0 and c0, which have one key
 * @server_options: more of s0, ",x=y"
 * Returns: their folder, owned; for tls_psk_remove(), which deletes all objects.
 */
char *tls_psk_add(const char *server_options);
void tls_psk_remove(char *folder);

#endif
