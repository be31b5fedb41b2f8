/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decrypts a secret by GnuTLS. */

#include "qom/secret-internal.h"

#include <stdint.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "util/error.h"

/* Returns: how many bytes are no padding; -1 with @error set. */
static gssize secret_unpadded_len(const uint8_t *data, size_t len, GError **error)
{
    uint8_t padding = data[len - 1];

    if (padding == 0 || padding > SECRET_BLOCK_SIZE) {
        error_set(error, "Incorrect number of padding bytes (%d) found on decrypted data",
                  padding);
        return -1;
    }
    return (gssize)(len - padding);
}

GBytes *secret_decrypt(GBytes *key, GBytes *iv, GBytes *data, GError **error)
{
    gsize len, key_len, iv_len;
    g_autofree uint8_t *plain = g_memdup2(g_bytes_get_data(data, &len), g_bytes_get_size(data));
    gnutls_datum_t key_datum = { (void *)g_bytes_get_data(key, &key_len), SECRET_KEY_SIZE };
    gnutls_datum_t iv_datum = { (void *)g_bytes_get_data(iv, &iv_len), SECRET_BLOCK_SIZE };
    gnutls_cipher_hd_t cipher;
    gssize plain_len;
    int rc;

    g_assert(key_len == SECRET_KEY_SIZE && iv_len == SECRET_BLOCK_SIZE);
    if (len == 0 || len % SECRET_BLOCK_SIZE != 0) {
        error_set(error, "Length of the encrypted secret is %zu, which is no multiple of %d", len,
                  SECRET_BLOCK_SIZE);
        return NULL;
    }
    rc = gnutls_cipher_init(&cipher, GNUTLS_CIPHER_AES_256_CBC, &key_datum, &iv_datum);
    if (rc == 0) {
        rc = gnutls_cipher_decrypt(cipher, plain, len);
        gnutls_cipher_deinit(cipher);
    }
    if (rc < 0) {
        error_set(error, "Cannot decrypt the secret: %s", gnutls_strerror(rc));
        return NULL;
    }
    plain_len = secret_unpadded_len(plain, len, error);
    return plain_len < 0 ? NULL : g_bytes_new(plain, (gsize)plain_len);
}
