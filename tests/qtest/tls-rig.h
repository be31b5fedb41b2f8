/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Certificates of two hosts, and what programs with TLS on their chardevs are tested with. */

#ifndef TESTS_QTEST_TLS_RIG_H
#define TESTS_QTEST_TLS_RIG_H

#include "qtest-client.h"
#include "test-certs.h"
#include "tls-peer.h"

/** An authority, a server that is 127.0.0.1, a client. */
typedef struct TlsHosts {
    TestCert *ca;
    TestCert *server;
    TestCert *client;
    char *server_dir; /* files of the server */
    char *client_dir; /* files of the client; both have a keys.psk */
} TlsHosts;

void tls_hosts_make(TlsHosts *hosts);
void tls_hosts_remove(TlsHosts *hosts);

/** tls_hosts_renew: the server gets a new certificate for @subject. */
void tls_hosts_renew(TlsHosts *hosts, const char *subject);

/** TLS_SERVER, TLS_CLIENT: the objects s0 and c0 of these hosts; "%s" = the folder. */
#define TLS_SERVER "-object tls-creds-x509,id=s0,endpoint=server,dir=%s "
#define TLS_CLIENT "-object tls-creds-x509,id=c0,endpoint=client,dir=%s "

/** TLS_CHR0_SERVER, TLS_CHR0_CLIENT: chardev chr0 with these; "%u" = the port. */
#define TLS_CHR0_SERVER "-chardev socket,id=chr0,host=127.0.0.1,port=%u,server=on,wait=off," \
    "tls-creds=s0"
#define TLS_CHR0_CLIENT "-chardev socket,id=chr0,host=127.0.0.1,port=%u,reconnect-ms=10," \
    "tls-creds=c0"

/** tls_next_is_served: a good client can come to port @port, and to chardev chr0 of @s. */
void tls_next_is_served(QTest *s, uint16_t port, const TlsHosts *hosts);

/** The program as a TLS server on chr0. */
typedef struct TlsServer {
    TlsHosts hosts;
    uint16_t port;
    QTest *s; /* NULL = it has ended */
} TlsServer;

/** tls_server_start: @options: behind those of s0 and chr0, as in ",x=y -more z". */
void tls_server_start(TlsServer *server, const char *options);

/** tls_server_end: a good client is served once more, and the program ends. */
void tls_server_end(TlsServer *server);

/*
 *   link->in ──► net0 of the first ── redirector ──► chr0 ══TLS══ chr0 ──► redirector ── net0 of
 *   the second ── hub ──► link->out
 */
typedef struct TlsLink {
    QTest *from;
    QTest *to;
    int in_fd;
    int out_fd;
    int rest[2]; /* other ends of net1 of the first and of net0 of the second */
    FrameLink in;
    FrameLink out;
    uint32_t window; /* how many frames may be on their way */
} TlsLink;

/** What the two programs of a link are, and how chr0 connects them. */
typedef struct TlsLinkSpec {
    const char *from_program; /* NULL = the one under test */
    const char *to_program;
    const char *from_options; /* objects, and chr0 */
    const char *to_options;
    bool from_first;          /* which of the two is started first: the server */
} TlsLinkSpec;

void tls_link_open(TlsLink *link, const TlsLinkSpec *spec);

/** tls_link_check: @n frames, numbered from @first, get through, none more, none less. */
void tls_link_check(TlsLink *link, uint32_t first, uint32_t n);

void tls_link_close(TlsLink *link);

#endif
