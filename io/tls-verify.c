/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a peer's certificate is to be believed, and if not, why. */

#include "io/tls-internal.h"

#include "util/error.h"

typedef struct TlsVerdict {
    unsigned flag;
    gnutls_alert_description_t alert;
    const char *text; /* behind "The certificate X" */
} TlsVerdict;

/* The first that fits is told: GnuTLS sets several at once, GNUTLS_CERT_INVALID always. */
static const TlsVerdict tls_verdicts[] = {
    { GNUTLS_CERT_REVOKED, GNUTLS_A_CERTIFICATE_REVOKED, "is revoked" },
    { GNUTLS_CERT_EXPIRED, GNUTLS_A_CERTIFICATE_EXPIRED, "has expired" },
    { GNUTLS_CERT_NOT_ACTIVATED, GNUTLS_A_CERTIFICATE_EXPIRED, "is not valid yet" },
    { GNUTLS_CERT_SIGNER_NOT_FOUND, GNUTLS_A_UNKNOWN_CA,
      "is not signed by an authority that is trusted" },
    { GNUTLS_CERT_SIGNER_NOT_CA, GNUTLS_A_UNKNOWN_CA,
      "is signed by a certificate that is not that of an authority" },
    { GNUTLS_CERT_UNEXPECTED_OWNER, GNUTLS_A_BAD_CERTIFICATE, "does not belong to the host" },
    { GNUTLS_CERT_PURPOSE_MISMATCH, GNUTLS_A_UNSUPPORTED_CERTIFICATE,
      "is not made for this end of a TLS connection" },
    { GNUTLS_CERT_SIGNATURE_FAILURE, GNUTLS_A_BAD_CERTIFICATE, "has a wrong signature" },
    { GNUTLS_CERT_INSECURE_ALGORITHM, GNUTLS_A_INSUFFICIENT_SECURITY,
      "uses an insecure algorithm" },
    { GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE, GNUTLS_A_BAD_CERTIFICATE,
      "is not one that its authority may sign" },
    { GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED, GNUTLS_A_CERTIFICATE_UNKNOWN,
      "cannot be looked up in the list of revoked ones, which is out of date" },
    { GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE, GNUTLS_A_CERTIFICATE_UNKNOWN,
      "cannot be looked up in the list of revoked ones, which is not valid yet" },
    { ~0u, GNUTLS_A_BAD_CERTIFICATE, "is not valid" },
};

static const TlsVerdict *tls_verdict_of(unsigned status)
{
    const TlsVerdict *verdict = tls_verdicts;

    while (!(status & verdict->flag)) {
        verdict++;
    }
    return verdict;
}

const char *tls_verify_explain(unsigned status)
{
    return tls_verdict_of(status)->text;
}

/* The subject of the peer's certificate (RFC 4514). Owned; NULL with @error. */
static char *tls_verify_subject(const gnutls_datum_t *der, GError **error)
{
    gnutls_datum_t name = { NULL };
    gnutls_x509_crt_t crt;
    char *subject = NULL;
    int rc = gnutls_x509_crt_init(&crt);

    if (rc >= 0) {
        rc = gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER);
        if (rc >= 0) {
            rc = gnutls_x509_crt_get_dn2(crt, &name);
        }
        gnutls_x509_crt_deinit(crt);
    }
    if (rc < 0) {
        error_set(error, "Unable to read the peer's certificate: %s", gnutls_strerror(rc));
        return NULL;
    }
    subject = g_strndup((const char *)name.data, name.size);
    gnutls_free(name.data);
    return subject;
}

static int tls_verify_status(gnutls_session_t session, bool is_server, const char *hostname,
                             unsigned *status)
{
    const char *purpose = is_server ? GNUTLS_KP_TLS_WWW_CLIENT : GNUTLS_KP_TLS_WWW_SERVER;
    gnutls_typed_vdata_st data[] = {
        { .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *)purpose },
        { .type = GNUTLS_DT_DNS_HOSTNAME, .data = (unsigned char *)hostname },
    };

    return gnutls_certificate_verify_peers(session, data, hostname ? 2 : 1, status);
}

bool tls_verify_peer(gnutls_session_t session, bool is_server, const char *hostname, char **name,
                     gnutls_alert_description_t *alert, GError **error)
{
    unsigned n_certs = 0;
    const gnutls_datum_t *certs = gnutls_certificate_get_peers(session, &n_certs);
    g_autofree char *subject = NULL;
    unsigned status = 0;
    int rc;

    *alert = GNUTLS_A_BAD_CERTIFICATE;
    if (!certs || n_certs == 0) {
        return error_set(error, "The %s has sent no certificate",
                         is_server ? "client" : "server");
    }
    subject = tls_verify_subject(&certs[0], error);
    if (!subject) {
        return false;
    }
    rc = tls_verify_status(session, is_server, hostname, &status);
    if (rc < 0) {
        return error_set(error, "Unable to verify the certificate '%s': %s", subject,
                         gnutls_strerror(rc));
    }
    if (status != 0) {
        const TlsVerdict *verdict = tls_verdict_of(status);
        bool is_host = verdict->flag == GNUTLS_CERT_UNEXPECTED_OWNER;

        *alert = verdict->alert;
        return error_set(error, "The certificate '%s' %s%s%s%s", subject, verdict->text,
                         is_host ? " '" : "", is_host ? hostname : "", is_host ? "'" : "");
    }
    *name = g_steal_pointer(&subject);
    return true;
}
