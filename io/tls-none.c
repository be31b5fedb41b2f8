/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A build without GnuTLS: TLS credentials are refused, so there are no sessions. */

#include "io/tls-handshake.h"
#include "qom/object.h"
#include "util/error.h"

static bool tls_none_create(Object *obj, GError **error)
{
    return error_set(error, "TLS credentials support requires GNUTLS");
}

static const ObjectClass tls_none_class = {
    .name = "tls-creds",
    .abstract = true,
};

static const ObjectClass tls_none_x509_class = {
    .name = "tls-creds-x509",
    .parent = "tls-creds",
    .props = QAPI_TYPE(TlsCredsX509Properties),
    .phase = OBJECT_PHASE_EARLY,
    .size = sizeof(Object),
    .create = tls_none_create,
};

static const ObjectClass tls_none_psk_class = {
    .name = "tls-creds-psk",
    .parent = "tls-creds",
    .props = QAPI_TYPE(TlsCredsPskProperties),
    .phase = OBJECT_PHASE_EARLY,
    .size = sizeof(Object),
    .create = tls_none_create,
};

__attribute__((constructor)) static void tls_none_register(void)
{
    object_class_register(&tls_none_class);
    object_class_register(&tls_none_x509_class);
    object_class_register(&tls_none_psk_class);
}

TlsCreds *tls_creds_use(const char *id, QCryptoTLSCredsEndpoint endpoint, GError **error)
{
    if (object_find(id)) {
        error_set(error, "Object with id '%s' is not TLS credentials", id);
    } else {
        error_set(error, "No TLS credentials with id '%s'", id);
    }
    return NULL;
}

void tls_creds_unref(TlsCreds *creds)
{
    g_assert(!creds);
}

/* Without credentials nobody has a session to call these with. */

TlsSession *tls_session_new(TlsCreds *creds, int fd, const char *hostname, const char *authz,
                            GError **error)
{
    g_assert_not_reached();
}

ssize_t tls_session_read(TlsSession *session, void *data, size_t len)
{
    g_assert_not_reached();
}

bool tls_session_has_unread(const TlsSession *session)
{
    g_assert_not_reached();
}

bool tls_session_look_ahead(TlsSession *session)
{
    g_assert_not_reached();
}

ssize_t tls_session_writev(TlsSession *session, const struct iovec *iov, int n_iov)
{
    g_assert_not_reached();
}

bool tls_session_has_unsent(const TlsSession *session)
{
    g_assert_not_reached();
}

bool tls_session_flush(TlsSession *session)
{
    g_assert_not_reached();
}

const char *tls_session_fault(const TlsSession *session)
{
    g_assert_not_reached();
}

void tls_session_close(TlsSession *session)
{
    g_assert_not_reached();
}

void tls_session_free(TlsSession *session)
{
    g_assert(!session);
}

TlsHandshake *tls_handshake_start(TlsSession *session, int fd, TlsHandshakeFunc *func,
                                  void *opaque)
{
    g_assert_not_reached();
}

void tls_handshake_cancel(TlsHandshake *handshake)
{
    g_assert(!handshake);
}
