/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of a socket back end, shared by its source files. */

#ifndef CHARDEV_CHAR_SOCKET_INTERNAL_H
#define CHARDEV_CHAR_SOCKET_INTERNAL_H

#include "chardev/char-internal.h"
#include "chardev/char-telnet.h"
#include "io/socket-address.h"
#include "io/socket-client.h"
#include "io/socket-listener.h"
#include "io/tls-session.h"

/** How many descriptors one message can carry. */
#define CHAR_SOCKET_FDS_MAX 16

/** What a device with tls-creds has besides: credentials, and handshakes under way. */
typedef struct CharSocketTls CharSocketTls;

typedef enum CharSocketState {
    CHAR_SOCKET_ENDED,      /* a client that does not try again, or not started yet */
    CHAR_SOCKET_LISTENING,  /* a server without client */
    CHAR_SOCKET_CONNECTING, /* an attempt is under way, or to come */
    CHAR_SOCKET_CONNECTED,
    CHAR_SOCKET_BROKEN,     /* writing has failed; reading runs into the end */
} CharSocketState;

typedef struct CharSocket {
    Chardev chr;
    CharSocketState state;
    SocketAddress *addr; /* owned; of a server on TCP the one really bound */
    bool is_server;
    bool nodelay;
    bool is_telnet;
    SocketListener *listener; /* owned; NULL = client */

    int fd; /* owned; -1 = not connected */
    FdWatch *watch;
    CharSocketTls *tls;  /* owned; NULL = plain */
    TlsSession *session; /* owned: of the present connection; NULL = plain, or none */
    CharTelnetState telnet_state;
    bool hangup_waits; /* the peer has gone, unread bytes come first */
    bool end_waits;    /* the end was read, what came before is still being worked on */
    guint drop_source; /* idle source that ends the connection; 0 = none */
    guint read_source; /* idle source that reads what waits in @session; 0 = none */
    int fds[CHAR_SOCKET_FDS_MAX]; /* owned; came with the bytes read last */
    size_t n_fds;

    SocketClient *client; /* owned; NULL = connects once, or is a server */
    bool error_reported; /* since the last success */
} CharSocket;

/** char_socket_filename: as in query-chardev. Owned. */
char *char_socket_filename(const Chardev *chr);

/** char_socket_adopt: the connection stands. @fd, @session (NULL = plain): taken. */
void char_socket_adopt(CharSocket *cs, int fd, TlsSession *session);

/** char_socket_fail_handshake: a connection was there, and has come to nothing. */
void char_socket_fail_handshake(CharSocket *cs, const GError *error);

/* --- char-socket-tls.c --------------------------------------------------------------------- */

/** char_socket_tls_check: whether the options go together. */
bool char_socket_tls_check(const ChardevSocket *opts, GError **error);

/** char_socket_tls_open: with tls-creds, make @cs->tls. */
bool char_socket_tls_open(CharSocket *cs, const ChardevSocket *opts, GError **error);

/**
 * char_socket_tls_begin: shake hands on @fd (taken); @cs->tls is there
 *
 * Then one of the two functions above is called, from the loop.
 */
void char_socket_tls_begin(CharSocket *cs, int fd);

/** char_socket_tls_cut: end all handshakes without a call. Returns: whether there was one. */
bool char_socket_tls_cut(CharSocket *cs);

/** char_socket_tls_end: the connection of @cs->session ends; the socket is still open. */
void char_socket_tls_end(CharSocket *cs);

/** char_socket_tls_close: free @cs->tls. */
void char_socket_tls_close(CharSocket *cs);

#endif
