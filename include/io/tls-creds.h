/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a TLS connection proves itself by and checks its peer with: tls-creds objects. */

#ifndef IO_TLS_CREDS_H
#define IO_TLS_CREDS_H

#include <glib.h>
#include "qapi/qapi-types.h"

typedef struct TlsCreds TlsCreds;

/**
 * tls_creds_use: the credentials of the tls-creds object @id
 * @endpoint: the end that they must be for
 *
 * The object cannot be deleted by a command until tls_creds_unref().
 * Returns: a reference; NULL with @error when there is no such object, or it is none of these.
 */
TlsCreds *tls_creds_use(const char *id, QCryptoTLSCredsEndpoint endpoint, GError **error);

/** tls_creds_unref: NULL is legal, also after the object has gone. */
void tls_creds_unref(TlsCreds *creds);

#endif
