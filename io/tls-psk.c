/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys that both ends of a TLS connection have: the file keys.psk. */

#include "io/tls-internal.h"

#include <string.h>

#include "util/error.h"

#define TLS_PSK_FILE "keys.psk"

static GStrv tls_psk_file_names(bool is_server)
{
    static const char *const names[] = { TLS_PSK_FILE, "dh-params.pem", NULL };

    return g_strdupv((char **)names);
}

/* Returns: owned; NULL when @text is no even number of hexadecimal digits, at least two. */
static GBytes *tls_psk_decode_key(const char *text)
{
    size_t n_digits = strlen(text);
    uint8_t *key;

    if (n_digits == 0 || n_digits % 2 != 0 ||
        strspn(text, "0123456789abcdefABCDEF") != n_digits) {
        return NULL;
    }
    key = g_malloc(n_digits / 2);
    for (size_t i = 0; i < n_digits / 2; i++) {
        key[i] = (uint8_t)(g_ascii_xdigit_value(text[2 * i]) << 4 |
                           g_ascii_xdigit_value(text[2 * i + 1]));
    }
    return g_bytes_new_take(key, n_digits / 2);
}

/* One line, "USER:KEY", in pieces. */
static bool tls_psk_add_line(GHashTable *users, char *line)
{
    char *colon = strrchr(g_strchomp(line), ':');
    GBytes *key = colon && colon > line ? tls_psk_decode_key(colon + 1) : NULL;

    if (key) {
        g_hash_table_replace(users, g_strndup(line, (size_t)(colon - line)), key);
    }
    return key != NULL || line[0] == '\0';
}

static GHashTable *tls_psk_read(const char *path, GError **error)
{
    g_autoptr(GHashTable) users = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                                        (GDestroyNotify)g_bytes_unref);
    g_autoptr(GBytes) bytes = tls_file_need(path, error);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    if (!bytes) {
        return NULL;
    }
    text = g_strndup(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
    lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i]; i++) {
        if (!tls_psk_add_line(users, lines[i])) {
            error_set(error, "%s: line %u is not USER:KEY with the key in hexadecimal digits",
                      path, i + 1);
            return NULL;
        }
    }
    return g_steal_pointer(&users);
}

/* Called in a handshake. 1 = no such user; GnuTLS then goes on with a key that nobody has. */
static int tls_psk_find_key(gnutls_session_t session, const char *name, gnutls_datum_t *key)
{
    GBytes *found = tls_session_user_key(session, name);
    gnutls_datum_t datum;

    if (!found) {
        return 1;
    }
    datum = tls_datum(found);
    key->data = gnutls_malloc(datum.size);
    if (!key->data) {
        return -1;
    }
    memcpy(key->data, datum.data, datum.size);
    key->size = datum.size;
    return 0;
}

static bool tls_psk_set_server(TlsKeys *keys, const TlsCreds *creds, GHashTable *users,
                               GError **error)
{
    if (!tls_keys_read_dh(keys, creds->dir, error)) {
        return false;
    }
    if (gnutls_psk_allocate_server_credentials(&keys->psk_server) < 0) {
        return error_set(error, "Out of memory");
    }
    if (keys->dh) {
        gnutls_psk_set_server_dh_params(keys->psk_server, keys->dh);
    } else {
        gnutls_psk_set_server_known_dh_params(keys->psk_server, GNUTLS_SEC_PARAM_MEDIUM);
    }
    gnutls_psk_set_server_credentials_function(keys->psk_server, tls_psk_find_key);
    keys->users = g_hash_table_ref(users);
    return true;
}

static bool tls_psk_set_client(TlsKeys *keys, const TlsCreds *creds, GHashTable *users,
                               const char *path, GError **error)
{
    GBytes *key = g_hash_table_lookup(users, creds->username);
    gnutls_datum_t datum;
    int rc;

    if (!key) {
        return error_set(error, "Username %s not found in PSK file %s", creds->username, path);
    }
    datum = tls_datum(key);
    rc = gnutls_psk_allocate_client_credentials(&keys->psk_client);
    if (rc >= 0) {
        rc = gnutls_psk_set_client_credentials(keys->psk_client, creds->username, &datum,
                                               GNUTLS_PSK_KEY_RAW);
    }
    return rc >= 0 || error_set(error, "Unable to use the key of %s in %s: %s", creds->username,
                                path, gnutls_strerror(rc));
}

static TlsKeys *tls_psk_load(const TlsCreds *creds, GError **error)
{
    g_autoptr(TlsKeys) keys = tls_keys_new();
    g_autofree char *path = g_build_filename(creds->dir, TLS_PSK_FILE, NULL);
    g_autoptr(GHashTable) users = tls_psk_read(path, error);
    bool ok = users && (creds->is_server ? tls_psk_set_server(keys, creds, users, error)
                                         : tls_psk_set_client(keys, creds, users, path, error));

    return ok ? g_steal_pointer(&keys) : NULL;
}

const TlsKind tls_kind_psk = {
    .name = "tls-creds-psk",
    .priority = ":+ECDHE-PSK:+DHE-PSK:+PSK",
    /* These keys go with SHA-256 (RFC 8446, 4.2.11), and AES-256 does not: AES-128 comes first. */
    .preference = ":-CHACHA20-POLY1305:+CHACHA20-POLY1305",
    .file_names = tls_psk_file_names,
    .load = tls_psk_load,
};
