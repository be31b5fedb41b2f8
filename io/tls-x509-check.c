/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sanity of certificates before they are used: what no peer would accept is told at once. */

#include "io/tls-internal.h"

#include <time.h>

#include "util/error.h"

/** The certificates of a PEM file. */
typedef struct TlsCerts {
    gnutls_x509_crt_t *crts; /* owned */
    unsigned n;
} TlsCerts;

static void tls_certs_clear(TlsCerts *certs)
{
    for (unsigned i = 0; i < certs->n; i++) {
        gnutls_x509_crt_deinit(certs->crts[i]);
    }
    gnutls_free(certs->crts);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TlsCerts, tls_certs_clear)

static bool tls_certs_parse(TlsCerts *certs, const char *path, GBytes *bytes, GError **error)
{
    gnutls_datum_t datum = tls_datum(bytes);
    int rc = gnutls_x509_crt_list_import2(&certs->crts, &certs->n, &datum, GNUTLS_X509_FMT_PEM,
                                          0);

    return rc >= 0 || error_set(error, "Unable to load certificates from %s: %s", path,
                                gnutls_strerror(rc));
}

static bool tls_cert_check_time(gnutls_x509_crt_t crt, const char *path, GError **error)
{
    time_t now = time(NULL);

    if (gnutls_x509_crt_get_expiration_time(crt) < now) {
        return error_set(error, "The certificate %s has expired", path);
    }
    if (gnutls_x509_crt_get_activation_time(crt) > now) {
        return error_set(error, "The certificate %s is not valid yet", path);
    }
    return true;
}

/* A certificate of version 1 tells nothing of this, and is trusted as it was put there. */
static bool tls_cert_check_ca(gnutls_x509_crt_t crt, const char *path, GError **error)
{
    if (gnutls_x509_crt_get_version(crt) >= 3 && gnutls_x509_crt_get_ca_status(crt, NULL) == 0) {
        return error_set(error, "The certificate %s is not that of an authority", path);
    }
    return true;
}

static bool tls_cert_check_purpose(gnutls_x509_crt_t crt, const char *path, bool is_server,
                                   GError **error)
{
    const char *purpose = is_server ? GNUTLS_KP_TLS_WWW_SERVER : GNUTLS_KP_TLS_WWW_CLIENT;

    if (!gnutls_x509_crt_check_key_purpose(crt, purpose, 0)) {
        return error_set(error, "The certificate %s is not made for a TLS %s", path,
                         is_server ? "server" : "client");
    }
    return true;
}

bool tls_x509_check(const char *cert_path, GBytes *cert, const char *ca_path, GBytes *ca,
                    bool is_server, GError **error)
{
    g_auto(TlsCerts) certs = { NULL };
    g_auto(TlsCerts) cas = { NULL };
    unsigned status = 0;
    int rc;

    if (!tls_certs_parse(&certs, cert_path, cert, error) ||
        !tls_certs_parse(&cas, ca_path, ca, error)) {
        return false;
    }
    for (unsigned i = 0; i < cas.n; i++) {
        if (!tls_cert_check_time(cas.crts[i], ca_path, error) ||
            !tls_cert_check_ca(cas.crts[i], ca_path, error)) {
            return false;
        }
    }
    if (!tls_cert_check_time(certs.crts[0], cert_path, error) ||
        !tls_cert_check_purpose(certs.crts[0], cert_path, is_server, error)) {
        return false;
    }
    rc = gnutls_x509_crt_list_verify(certs.crts, (int)certs.n, cas.crts, (int)cas.n, NULL, 0, 0,
                                     &status);
    if (rc < 0) {
        return error_set(error, "Unable to verify the certificate %s: %s", cert_path,
                         gnutls_strerror(rc));
    }
    return status == 0 || error_set(error, "The certificate %s %s", cert_path,
                                    tls_verify_explain(status));
}
