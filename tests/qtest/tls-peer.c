/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A TLS client or server of a test's own, by GnuTLS. */

#include "tls-peer.h"

#include <poll.h>
#include <glib.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "sockets.h"

struct TlsPeer {
    int fd;
    gnutls_session_t session;
    gnutls_certificate_credentials_t creds;
};

#define MUST(call) g_assert_cmpint((call), >=, 0)

static void peer_load(TlsPeer *peer, const char *folder, const char *end)
{
    g_autofree char *ca = g_build_filename(folder, "ca-cert.pem", NULL);
    g_autofree char *cert_name = g_strconcat(end, "-cert.pem", NULL);
    g_autofree char *key_name = g_strconcat(end, "-key.pem", NULL);
    g_autofree char *cert = g_build_filename(folder, cert_name, NULL);
    g_autofree char *key = g_build_filename(folder, key_name, NULL);

    MUST(gnutls_certificate_allocate_credentials(&peer->creds));
    MUST(gnutls_certificate_set_x509_trust_file(peer->creds, ca, GNUTLS_X509_FMT_PEM));
    if (g_file_test(cert, G_FILE_TEST_EXISTS)) {
        MUST(gnutls_certificate_set_x509_key_file(peer->creds, cert, key, GNUTLS_X509_FMT_PEM));
    }
}

TlsPeer *tls_peer_new(int fd, const char *folder, bool is_server)
{
    TlsPeer *peer = g_new0(TlsPeer, 1);

    peer->fd = fd;
    peer_load(peer, folder, is_server ? "server" : "client");
    MUST(gnutls_init(&peer->session, (is_server ? GNUTLS_SERVER : GNUTLS_CLIENT) |
                                         GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL));
    MUST(gnutls_set_default_priority(peer->session));
    MUST(gnutls_credentials_set(peer->session, GNUTLS_CRD_CERTIFICATE, peer->creds));
    if (is_server) {
        gnutls_certificate_server_set_request(peer->session, GNUTLS_CERT_REQUIRE);
    }
    gnutls_transport_set_int(peer->session, fd);
    return peer;
}

static void peer_wait(TlsPeer *peer)
{
    bool for_room = gnutls_record_get_direction(peer->session);

    wait_fd(peer->fd, for_room ? POLLOUT : POLLIN, "the other end of a TLS connection");
}

char *tls_peer_handshake(TlsPeer *peer)
{
    int rc;

    while ((rc = gnutls_handshake(peer->session)) < 0 && !gnutls_error_is_fatal(rc)) {
        peer_wait(peer);
    }
    if (rc == GNUTLS_E_FATAL_ALERT_RECEIVED) {
        return g_strdup(gnutls_alert_get_name(gnutls_alert_get(peer->session)));
    }
    return rc < 0 ? g_strdup(gnutls_strerror(rc)) : NULL;
}

TlsPeer *tls_peer_connect(uint16_t port, const char *folder)
{
    TlsPeer *peer = tls_peer_new(sock_connect_tcp(port), folder, false);
    g_autofree char *error = tls_peer_handshake(peer);

    g_assert_cmpstr(error, ==, NULL);
    return peer;
}

char *tls_peer_subject(TlsPeer *peer)
{
    unsigned n = 0;
    const gnutls_datum_t *der = gnutls_certificate_get_peers(peer->session, &n);
    gnutls_x509_crt_t crt;
    gnutls_datum_t name;
    char *subject;

    g_assert_cmpuint(n, >, 0);
    MUST(gnutls_x509_crt_init(&crt));
    MUST(gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER));
    MUST(gnutls_x509_crt_get_dn2(crt, &name));
    subject = g_strndup((const char *)name.data, name.size);
    gnutls_free(name.data);
    gnutls_x509_crt_deinit(crt);
    return subject;
}

void tls_peer_write(TlsPeer *peer, const void *data, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = gnutls_record_send(peer->session, (const char *)data + done, len - done);

        if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED) {
            peer_wait(peer);
        } else {
            MUST(n);
            done += (size_t)n;
        }
    }
}

/* Returns: bytes; 0 = the announced end; a fatal error of GnuTLS. */
static ssize_t peer_receive(TlsPeer *peer, void *data, size_t len)
{
    ssize_t n;

    while ((n = gnutls_record_recv(peer->session, data, len)) < 0 &&
           !gnutls_error_is_fatal((int)n)) {
        if (n == GNUTLS_E_AGAIN) {
            peer_wait(peer);
        }
    }
    return n;
}

void tls_peer_read(TlsPeer *peer, void *data, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = peer_receive(peer, (char *)data + done, len - done);

        g_assert_cmpint(n, >, 0);
        done += (size_t)n;
    }
}

char *tls_peer_read_line(TlsPeer *peer)
{
    GString *line = g_string_new(NULL);
    char c;

    for (tls_peer_read(peer, &c, 1); c != '\n'; tls_peer_read(peer, &c, 1)) {
        g_string_append_c(line, c);
    }
    return g_string_free(line, FALSE);
}

void tls_peer_expect_end(TlsPeer *peer)
{
    char buffer[4096];
    ssize_t n;

    while ((n = peer_receive(peer, buffer, sizeof(buffer))) > 0) {
    }
    g_assert_cmpint(n, ==, 0);
}

void tls_peer_expect_refusal(TlsPeer *peer, const char *alert)
{
    char buffer[4096];
    ssize_t n;

    while ((n = peer_receive(peer, buffer, sizeof(buffer))) > 0) {
    }
    g_assert_cmpint(n, <, 0);
    if (n == GNUTLS_E_FATAL_ALERT_RECEIVED) {
        g_assert_cmpstr(gnutls_alert_get_name(gnutls_alert_get(peer->session)), ==, alert);
    }
}

int tls_peer_fd(const TlsPeer *peer)
{
    return peer->fd;
}

void tls_peer_cut(TlsPeer *peer)
{
    gnutls_deinit(peer->session);
    gnutls_certificate_free_credentials(peer->creds);
    sock_close(&peer->fd);
    g_free(peer);
}

void tls_peer_close(TlsPeer *peer)
{
    gnutls_bye(peer->session, GNUTLS_SHUT_WR);
    tls_peer_cut(peer);
}
