/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A build without GnuTLS: secrets that are encrypted are refused. */

#include "qom/secret-internal.h"
#include "util/error.h"

GBytes *secret_decrypt(GBytes *key, GBytes *iv, GBytes *data, GError **error)
{
    error_set(error, "Encrypted secrets require GNUTLS");
    return NULL;
}
