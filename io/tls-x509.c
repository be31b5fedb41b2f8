/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Certificates of TLS connections: the files of tls-creds-x509. */

#include "io/tls-internal.h"

#include "qom/secret.h"
#include "util/error.h"

#define TLS_X509_CA "ca-cert.pem"
#define TLS_X509_CRL "ca-crl.pem"

/** Pairs behind the first: server-cert-0.pem and server-key-0.pem, ... */
#define TLS_X509_PAIRS 4

/** What a peer may make us compute: bits of a key, certificates of a chain. */
#define TLS_X509_BITS_MAX 8192
#define TLS_X509_DEPTH_MAX 8

/* @kind: "cert" or "key"; @number: -1 = of the first pair. Owned. */
static char *tls_x509_pair_name(bool is_server, const char *kind, int number)
{
    const char *end = is_server ? "server" : "client";

    return number < 0 ? g_strdup_printf("%s-%s.pem", end, kind)
                      : g_strdup_printf("%s-%s-%d.pem", end, kind, number);
}

static GStrv tls_x509_file_names(bool is_server)
{
    GPtrArray *names = g_ptr_array_new();

    g_ptr_array_add(names, g_strdup(TLS_X509_CA));
    g_ptr_array_add(names, g_strdup(TLS_X509_CRL));
    g_ptr_array_add(names, g_strdup("dh-params.pem"));
    for (int i = -1; i < TLS_X509_PAIRS; i++) {
        g_ptr_array_add(names, tls_x509_pair_name(is_server, "cert", i));
        g_ptr_array_add(names, tls_x509_pair_name(is_server, "key", i));
    }
    g_ptr_array_add(names, NULL);
    return (GStrv)g_ptr_array_free(names, FALSE);
}

/** What is being put together. */
typedef struct TlsX509Load {
    const TlsCreds *creds;
    TlsKeys *keys;
    char *ca_path;
    GBytes *ca;
    GBytes *password; /* ends with a NUL; NULL = none */
} TlsX509Load;

static void tls_x509_load_clear(TlsX509Load *load)
{
    g_clear_pointer(&load->keys, tls_keys_unref);
    g_clear_pointer(&load->ca_path, g_free);
    g_clear_pointer(&load->ca, g_bytes_unref);
    g_clear_pointer(&load->password, g_bytes_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TlsX509Load, tls_x509_load_clear)

static bool tls_x509_read_ca(TlsX509Load *load, GError **error)
{
    gnutls_datum_t datum;
    int rc;

    load->ca = tls_file_need(load->ca_path, error);
    if (!load->ca) {
        return false;
    }
    datum = tls_datum(load->ca);
    rc = gnutls_certificate_set_x509_trust_mem(load->keys->x509, &datum, GNUTLS_X509_FMT_PEM);
    return rc > 0 || error_set(error, "Unable to load CA certificates from %s: %s",
                               load->ca_path, rc < 0 ? gnutls_strerror(rc) : "there is none");
}

static bool tls_x509_read_crl(TlsX509Load *load, GError **error)
{
    g_autofree char *path = g_build_filename(load->creds->dir, TLS_X509_CRL, NULL);
    g_autoptr(GBytes) crl = NULL;
    gnutls_datum_t datum;
    int rc;

    if (!tls_file_read(path, &crl, error)) {
        return false;
    }
    if (!crl) {
        return true;
    }
    datum = tls_datum(crl);
    rc = gnutls_certificate_set_x509_crl_mem(load->keys->x509, &datum, GNUTLS_X509_FMT_PEM);
    return rc > 0 || error_set(error, "Unable to load revoked certificates from %s: %s", path,
                               rc < 0 ? gnutls_strerror(rc) : "there is no list");
}

static bool tls_x509_read_password(TlsX509Load *load, GError **error)
{
    g_autoptr(GBytes) secret = NULL;
    GByteArray *password = NULL;

    if (!load->creds->password_id) {
        return true;
    }
    secret = secret_lookup(load->creds->password_id, error);
    if (!secret) {
        return false;
    }
    password = g_byte_array_new();
    g_byte_array_append(password, g_bytes_get_data(secret, NULL),
                        (guint)g_bytes_get_size(secret));
    g_byte_array_append(password, (const uint8_t *)"", 1);
    load->password = g_byte_array_free_to_bytes(password);
    return true;
}

static bool tls_x509_use_pair(TlsX509Load *load, const char *cert_path, GBytes *cert,
                              const char *key_path, GBytes *key, GError **error)
{
    const char *password = load->password ? g_bytes_get_data(load->password, NULL) : NULL;
    gnutls_datum_t cert_datum = tls_datum(cert);
    gnutls_datum_t key_datum = tls_datum(key);
    int rc;

    if (load->creds->sanity_check &&
        !tls_x509_check(cert_path, cert, load->ca_path, load->ca, load->creds->is_server,
                        error)) {
        return false;
    }
    rc = gnutls_certificate_set_x509_key_mem2(load->keys->x509, &cert_datum, &key_datum,
                                              GNUTLS_X509_FMT_PEM, password, 0);
    return rc >= 0 || error_set(error, "Unable to load certificate %s & key %s: %s", cert_path,
                                key_path, gnutls_strerror(rc));
}

static bool tls_x509_read_pair(TlsX509Load *load, int number, GError **error)
{
    bool is_server = load->creds->is_server;
    g_autofree char *cert_name = tls_x509_pair_name(is_server, "cert", number);
    g_autofree char *key_name = tls_x509_pair_name(is_server, "key", number);
    g_autofree char *cert_path = g_build_filename(load->creds->dir, cert_name, NULL);
    g_autofree char *key_path = g_build_filename(load->creds->dir, key_name, NULL);
    g_autoptr(GBytes) cert = NULL;
    g_autoptr(GBytes) key = NULL;

    if (!tls_file_read(cert_path, &cert, error) || !tls_file_read(key_path, &key, error)) {
        return false;
    }
    if (cert && key) {
        return tls_x509_use_pair(load, cert_path, cert, key_path, key, error);
    }
    if (cert) {
        return error_set(error, "Cert '%s' without corresponding key '%s'", cert_path, key_path);
    }
    if (key) {
        return error_set(error, "Key '%s' without corresponding cert '%s'", key_path, cert_path);
    }
    if (is_server && number < 0) {
        return error_set(error, "Missing server cert '%s' & key '%s'", cert_path, key_path);
    }
    return true;
}

static bool tls_x509_read_pairs(TlsX509Load *load, GError **error)
{
    for (int i = -1; i < TLS_X509_PAIRS; i++) {
        if (!tls_x509_read_pair(load, i, error)) {
            return false;
        }
    }
    return true;
}

static bool tls_x509_read_dh(TlsX509Load *load, GError **error)
{
    TlsKeys *keys = load->keys;

    if (!load->creds->is_server) {
        return true;
    }
    if (!tls_keys_read_dh(keys, load->creds->dir, error)) {
        return false;
    }
    if (keys->dh) {
        gnutls_certificate_set_dh_params(keys->x509, keys->dh);
    } else {
        gnutls_certificate_set_known_dh_params(keys->x509, GNUTLS_SEC_PARAM_MEDIUM);
    }
    return true;
}

static TlsKeys *tls_x509_load(const TlsCreds *creds, GError **error)
{
    g_auto(TlsX509Load) load = { .creds = creds, .keys = tls_keys_new() };

    load.ca_path = g_build_filename(creds->dir, TLS_X509_CA, NULL);
    if (gnutls_certificate_allocate_credentials(&load.keys->x509) < 0) {
        error_set(error, "Out of memory");
        return NULL;
    }
    gnutls_certificate_set_verify_limits(load.keys->x509, TLS_X509_BITS_MAX, TLS_X509_DEPTH_MAX);
    if (!tls_x509_read_ca(&load, error) || !tls_x509_read_crl(&load, error) ||
        !tls_x509_read_password(&load, error) || !tls_x509_read_pairs(&load, error) ||
        !tls_x509_read_dh(&load, error)) {
        return NULL;
    }
    return g_steal_pointer(&load.keys);
}

const TlsKind tls_kind_x509 = {
    .name = "tls-creds-x509",
    .priority = "",
    .preference = "",
    .file_names = tls_x509_file_names,
    .load = tls_x509_load,
};
