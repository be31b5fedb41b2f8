/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Certificates, keys and lists of revoked ones, made to order for tests, as files of a folder. */

#include "test-certs.h"

#include <arpa/inet.h>
#include <string.h>
#include <time.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#define DAY_S (24 * 60 * 60)

struct TestCert {
    gnutls_x509_crt_t crt;
    gnutls_x509_privkey_t key;
};

#define MUST(call) g_assert_cmpint((call), >=, 0)

static time_t days_from_now(int days)
{
    return time(NULL) + (time_t)days * DAY_S;
}

static void test_cert_set_host(gnutls_x509_crt_t crt, const char *host)
{
    struct in_addr addr;

    if (inet_pton(AF_INET, host, &addr) == 1) {
        MUST(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, &addr, sizeof(addr),
                                                  GNUTLS_FSAN_SET));
    } else {
        MUST(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, host, strlen(host),
                                                  GNUTLS_FSAN_SET));
    }
}

static void test_cert_set_times(gnutls_x509_crt_t crt, const TestCertSpec *spec)
{
    int from_days = spec->from_days ? spec->from_days : -1;
    int to_days = spec->to_days ? spec->to_days : 10;

    MUST(gnutls_x509_crt_set_activation_time(crt, days_from_now(from_days)));
    MUST(gnutls_x509_crt_set_expiration_time(crt, days_from_now(to_days)));
}

TestCert *test_cert_new(const TestCertSpec *spec, const TestCert *issuer)
{
    static uint32_t last_serial = 0x01020300;
    uint32_t serial = ++last_serial;
    uint32_t serial_be = GUINT32_TO_BE(serial);
    TestCert *cert = g_new0(TestCert, 1);
    const TestCert *signer = issuer ? issuer : cert;
    unsigned usage = spec->is_ca ? GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN
                                 : GNUTLS_KEY_DIGITAL_SIGNATURE;

    MUST(gnutls_x509_privkey_init(&cert->key));
    MUST(gnutls_x509_privkey_generate(cert->key, GNUTLS_PK_ECDSA,
                                      GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
    MUST(gnutls_x509_crt_init(&cert->crt));
    MUST(gnutls_x509_crt_set_version(cert->crt, 3));
    MUST(gnutls_x509_crt_set_key(cert->crt, cert->key));
    MUST(gnutls_x509_crt_set_dn(cert->crt, spec->subject, NULL));
    MUST(gnutls_x509_crt_set_serial(cert->crt, &serial_be, sizeof(serial_be)));
    test_cert_set_times(cert->crt, spec);
    MUST(gnutls_x509_crt_set_basic_constraints(cert->crt, spec->is_ca, -1));
    MUST(gnutls_x509_crt_set_key_usage(cert->crt, usage));
    if (spec->host) {
        test_cert_set_host(cert->crt, spec->host);
    }
    if (!spec->is_ca) {
        MUST(gnutls_x509_crt_set_key_purpose_oid(cert->crt, GNUTLS_KP_TLS_WWW_CLIENT, 0));
    }
    if (!spec->is_ca && !spec->for_client_only) {
        MUST(gnutls_x509_crt_set_key_purpose_oid(cert->crt, GNUTLS_KP_TLS_WWW_SERVER, 0));
    }
    MUST(gnutls_x509_crt_sign2(cert->crt, signer->crt, signer->key, GNUTLS_DIG_SHA256, 0));
    return cert;
}

void test_cert_free(TestCert *cert)
{
    gnutls_x509_crt_deinit(cert->crt);
    gnutls_x509_privkey_deinit(cert->key);
    g_free(cert);
}

void test_folder_write(const char *folder, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void write_datum(const char *folder, const char *name, gnutls_datum_t *datum)
{
    g_autofree char *text = g_strndup((const char *)datum->data, datum->size);

    test_folder_write(folder, name, text);
    gnutls_free(datum->data);
}

void test_cert_write(const TestCert *cert, const char *folder, const char *name)
{
    gnutls_datum_t pem;

    MUST(gnutls_x509_crt_export2(cert->crt, GNUTLS_X509_FMT_PEM, &pem));
    write_datum(folder, name, &pem);
}

void test_cert_write_key(const TestCert *cert, const char *folder, const char *name,
                         const char *password)
{
    gnutls_datum_t pem;

    if (password) {
        MUST(gnutls_x509_privkey_export2_pkcs8(cert->key, GNUTLS_X509_FMT_PEM, password,
                                               GNUTLS_PKCS_PBES2_AES_256, &pem));
    } else {
        MUST(gnutls_x509_privkey_export2(cert->key, GNUTLS_X509_FMT_PEM, &pem));
    }
    write_datum(folder, name, &pem);
}

void test_cert_write_crl(const TestCert *issuer, const TestCert *revoked, const char *folder,
                         const char *name)
{
    gnutls_x509_crl_t crl;
    gnutls_datum_t pem;

    MUST(gnutls_x509_crl_init(&crl));
    MUST(gnutls_x509_crl_set_version(crl, 2));
    MUST(gnutls_x509_crl_set_this_update(crl, days_from_now(-1)));
    MUST(gnutls_x509_crl_set_next_update(crl, days_from_now(10)));
    MUST(gnutls_x509_crl_set_crt(crl, revoked->crt, days_from_now(-1)));
    MUST(gnutls_x509_crl_sign2(crl, issuer->crt, issuer->key, GNUTLS_DIG_SHA256, 0));
    MUST(gnutls_x509_crl_export2(crl, GNUTLS_X509_FMT_PEM, &pem));
    gnutls_x509_crl_deinit(crl);
    write_datum(folder, name, &pem);
}

char *test_cert_folder(const TestCert *ca, const char *end, const TestCert *cert)
{
    char *folder = g_dir_make_tmp("qnd-tls-XXXXXX", NULL);

    g_assert_nonnull(folder);
    test_cert_write(ca, folder, "ca-cert.pem");
    if (cert) {
        g_autofree char *cert_name = g_strconcat(end, "-cert.pem", NULL);
        g_autofree char *key_name = g_strconcat(end, "-key.pem", NULL);

        test_cert_write(cert, folder, cert_name);
        test_cert_write_key(cert, folder, key_name, NULL);
    }
    return folder;
}

void test_folder_remove(const char *path)
{
    GDir *dir = g_dir_open(path, 0, NULL);
    const char *name;

    g_assert_nonnull(dir);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *file = g_build_filename(path, name, NULL);

        g_assert_cmpint(g_remove(file), ==, 0);
    }
    g_dir_close(dir);
    g_assert_cmpint(g_rmdir(path), ==, 0);
}
