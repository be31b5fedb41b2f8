/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets for tests: every wait ends at a deadline, and a failure ends the test. */

#ifndef TESTS_QTEST_SOCKETS_H
#define TESTS_QTEST_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>

/** wait_limit_ms: how long a wait may take: 30 s, more under valgrind. */
int wait_limit_ms(void);

/** wait_fd: until @events (POLLIN, ...) or the end of file; fails with @what at the limit. */
void wait_fd(int fd, short events, const char *what);

/** fd_is_readable: whether data or the end of file wait right now. */
bool fd_is_readable(int fd);

/**
 * tmp_path: a path in this program's folder below /tmp, which goes at the exit
 * Returns: owned; short enough for a unix socket.
 */
char *tmp_path(const char *name);

/**
 * sock_pair: two connected sockets, both non-blocking
 * @type: SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET
 * @ours: (out) closed in programs that are started
 * @theirs: (out) inherited by programs that are started ("fd=N"); close it after that, so
 *     that the end of file is seen
 */
void sock_pair(int type, int *ours, int *theirs);

/** sock_close: close *@fd and set it to -1; -1 is legal. */
void sock_close(int *fd);

/** sock_listen_unix: "@name" is an abstract address. */
int sock_listen_unix(const char *path);

/** sock_connect_unix: tries until someone listens there. */
int sock_connect_unix(const char *path);

/** sock_listen_tcp: on 127.0.0.1, any free port. @port: (out) which one. */
int sock_listen_tcp(uint16_t *port);

/** sock_connect_tcp: to 127.0.0.1; tries until someone listens there. */
int sock_connect_tcp(uint16_t port);

/** sock_udp: a datagram socket on 127.0.0.1, any free port. */
int sock_udp(uint16_t *port);

/** sock_udp_at: the same on @port. */
int sock_udp_at(uint16_t port);

/** sock_udp_connect: fix the peer's port on 127.0.0.1. */
void sock_udp_connect(int fd, uint16_t port);

/** sock_dgram_unix: a datagram socket bound to @path. */
int sock_dgram_unix(const char *path);

/** sock_dgram_unix_connect: send to @path from now on; someone is bound there. */
void sock_dgram_unix_connect(int fd, const char *path);

/** sock_dgram_unix_may_connect: whether who is bound to @path takes what comes from @fd. */
bool sock_dgram_unix_may_connect(int fd, const char *path);

/** sock_loopback_name: "localhost", or "127.0.0.1" where nobody knows that name. */
const char *sock_loopback_name(void);

/** sock_free_port: a port of 127.0.0.1 that was free a moment ago, for @type. */
uint16_t sock_free_port(int type);

/** sock_accept: the next client of a listening socket. */
int sock_accept(int fd);

/** sock_write: all of @data, waiting for room. */
void sock_write(int fd, const void *data, size_t len);

/** sock_read: exactly @len bytes. */
void sock_read(int fd, void *data, size_t len);

/** sock_read_line: up to and without LF, a CR in front of it kept. NULL at the end of file. */
char *sock_read_line(int fd);

/** sock_expect_eof: the peer closes; what comes before that is skipped. */
void sock_expect_eof(int fd);

#endif
