/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decryption of a secret by another one. */

#ifndef QOM_SECRET_INTERNAL_H
#define QOM_SECRET_INTERNAL_H

#include <glib.h>

/** Length of a key of AES-256 and of a block of AES (FIPS 197), in bytes. */
#define SECRET_KEY_SIZE 32
#define SECRET_BLOCK_SIZE 16

/**
 * secret_decrypt: AES-256 in CBC mode, padded as PKCS #7 (RFC 5652, 6.3) does
 * @key: SECRET_KEY_SIZE bytes
 * @iv: SECRET_BLOCK_SIZE bytes
 *
 * Returns: owned; NULL with @error set.
 */
GBytes *secret_decrypt(GBytes *key, GBytes *iv, GBytes *data, GError **error);

#endif
