/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was read from the files of TLS credentials, as GnuTLS keeps it. */

#include "io/tls-internal.h"

#include "util/error.h"

TlsKeys *tls_keys_new(void)
{
    TlsKeys *keys = g_new0(TlsKeys, 1);

    keys->n_refs = 1;
    return keys;
}

TlsKeys *tls_keys_ref(TlsKeys *keys)
{
    keys->n_refs++;
    return keys;
}

void tls_keys_unref(TlsKeys *keys)
{
    if (!keys || --keys->n_refs > 0) {
        return;
    }
    g_clear_pointer(&keys->x509, gnutls_certificate_free_credentials);
    g_clear_pointer(&keys->psk_server, gnutls_psk_free_server_credentials);
    g_clear_pointer(&keys->psk_client, gnutls_psk_free_client_credentials);
    g_clear_pointer(&keys->dh, gnutls_dh_params_deinit);
    g_clear_pointer(&keys->users, g_hash_table_unref);
    g_free(keys);
}

bool tls_keys_read_dh(TlsKeys *keys, const char *dir, GError **error)
{
    g_autofree char *path = g_build_filename(dir, "dh-params.pem", NULL);
    g_autoptr(GBytes) bytes = NULL;
    gnutls_datum_t datum;
    int rc;

    if (!tls_file_read(path, &bytes, error)) {
        return false;
    }
    if (!bytes) {
        return true;
    }
    datum = tls_datum(bytes);
    rc = gnutls_dh_params_init(&keys->dh);
    if (rc >= 0) {
        rc = gnutls_dh_params_import_pkcs3(keys->dh, &datum, GNUTLS_X509_FMT_PEM);
    }
    return rc >= 0 || error_set(error, "Unable to load DH parameters from %s: %s", path,
                                gnutls_strerror(rc));
}

void tls_keys_use(const TlsKeys *keys, gnutls_session_t session)
{
    if (keys->x509) {
        gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, keys->x509);
    } else if (keys->psk_server) {
        gnutls_credentials_set(session, GNUTLS_CRD_PSK, keys->psk_server);
    } else {
        gnutls_credentials_set(session, GNUTLS_CRD_PSK, keys->psk_client);
    }
}
