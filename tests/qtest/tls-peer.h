/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A TLS client or server of a test's own, by GnuTLS. */

#ifndef TESTS_QTEST_TLS_PEER_H
#define TESTS_QTEST_TLS_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct TlsPeer TlsPeer;

/**
 * tls_peer_new: one end of a connection on @fd, taken
 * @folder: with ca-cert.pem and, if it has one, the pair of this end
 * @is_server: which end it is
 */
TlsPeer *tls_peer_new(int fd, const char *folder, bool is_server);

/** tls_peer_connect: a client of 127.0.0.1, whose handshake must succeed. */
TlsPeer *tls_peer_connect(uint16_t port, const char *folder);

/** tls_peer_handshake: Returns: why it failed, owned; NULL = it did not. */
char *tls_peer_handshake(TlsPeer *peer);

/** tls_peer_subject: whose certificate the other end has shown. Owned. */
char *tls_peer_subject(TlsPeer *peer);

/** tls_peer_write: all of it. */
void tls_peer_write(TlsPeer *peer, const void *data, size_t len);

/** tls_peer_read: exactly @len bytes. */
void tls_peer_read(TlsPeer *peer, void *data, size_t len);

/** tls_peer_read_line: up to LF, which is left out. Owned. */
char *tls_peer_read_line(TlsPeer *peer);

/** tls_peer_expect_end: the other end announces its end; what comes before that is skipped. */
void tls_peer_expect_end(TlsPeer *peer);

/** tls_peer_expect_refusal: the other end breaks it off; an alert of this name, if any comes. */
void tls_peer_expect_refusal(TlsPeer *peer, const char *alert);

/** tls_peer_fd: the socket, borrowed. */
int tls_peer_fd(const TlsPeer *peer);

/** tls_peer_close: with an announcement; tls_peer_cut: without. Free @peer. */
void tls_peer_close(TlsPeer *peer);
void tls_peer_cut(TlsPeer *peer);

#endif
