/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One TLS connection by GnuTLS on a non-blocking socket: handshake, reading, writing, end. */

/*
 * GnuTLS takes up to 16 KiB at once, makes one record of them, and keeps it when the socket has
 * no room for all of it. Those bytes then count as written: they go out, whole, before any other
 * (unsent). What a write is given in small pieces is put together first, so that many small
 * frames do not become as many records.
 *
 * Reading goes on over records until the caller's buffer is full. An end or a failure behind
 * bytes that were read is told by the next call, whatever the descriptor says (has_ended).
 */

#include "io/tls-internal.h"

#include <errno.h>
#include <string.h>

#include "qom/authz.h"
#include "util/error.h"
#include "util/trace.h"

/** The longest record (RFC 8446, 5.1). */
#define TLS_RECORD_MAX 16384

/** A peer's handshake message may have a chain of certificates, and not much more. */
#define TLS_HANDSHAKE_MESSAGE_MAX (64 * 1024)

/** How many harmless interruptions one call puts up with. */
#define TLS_RETRIES_MAX 16

TRACE_POINT(tls_session_ready);

struct TlsSession {
    gnutls_session_t tls; /* owned */
    TlsCreds *creds;      /* a reference */
    TlsKeys *keys;        /* a reference; outlives tls */
    char *hostname;       /* owned; NULL = anybody */
    char *authz;          /* owned; NULL = everybody */
    char *peer;           /* owned: the name that it has proven; NULL = none */
    GError *reason;       /* owned: why our own checks made the handshake fail */
    gnutls_alert_description_t alert; /* that goes with the reason */
    bool is_ready;        /* the handshake is done */
    size_t unsent;        /* of the record that GnuTLS keeps */
    bool has_ended;       /* the peer has announced its end, or reading has failed */
    bool has_first;       /* a byte was read ahead, which comes before all others */
    uint8_t first;
    int read_error;       /* -errno; 0 = none */
    int write_error;      /* the same; the peer's last words may still be read */
    char *fault;          /* owned: the first of the two in words, if not the socket's */
    uint8_t record[TLS_RECORD_MAX];
};

/* --- Failures in words --------------------------------------------------------------------- */

static bool tls_session_is_no_tls(const TlsSession *session, int rc)
{
    return !session->is_ready &&
           (rc == GNUTLS_E_UNEXPECTED_PACKET_LENGTH || rc == GNUTLS_E_UNSUPPORTED_VERSION_PACKET ||
            rc == GNUTLS_E_UNEXPECTED_PACKET || rc == GNUTLS_E_RECORD_OVERFLOW);
}

/* Owned. */
static char *tls_session_explain(const TlsSession *session, int rc)
{
    if (tls_session_is_no_tls(session, rc)) {
        return g_strdup("The peer does not speak TLS");
    }
    switch (rc) {
    case GNUTLS_E_FATAL_ALERT_RECEIVED:
        return g_strdup_printf("The peer ended it: %s",
                               gnutls_alert_get_name(gnutls_alert_get(session->tls)));
    case GNUTLS_E_PREMATURE_TERMINATION:
        return g_strdup(session->is_ready ? "The connection was cut: its end was not announced"
                                          : "The peer closed the connection");
    case GNUTLS_E_UNEXPECTED_PACKET_LENGTH:
        return g_strdup("The connection was cut in a record, or the record is damaged");
    case GNUTLS_E_CERTIFICATE_REQUIRED:
    case GNUTLS_E_NO_CERTIFICATE_FOUND:
        return g_strdup_printf("The %s has sent no certificate",
                               session->creds->is_server ? "client" : "server");
    case GNUTLS_E_REHANDSHAKE:
        return g_strdup("The peer asks for another handshake");
    default:
        return g_strdup(gnutls_strerror(rc));
    }
}

/* Nothing more can be read, or written. @error: (out) -errno. Returns: the same. */
static int tls_session_break(TlsSession *session, int rc, int *error)
{
    int err = errno;

    if (rc == GNUTLS_E_PULL_ERROR || rc == GNUTLS_E_PUSH_ERROR) {
        *error = err ? -err : -EIO;
        return *error;
    }
    if (!session->fault) {
        session->fault = tls_session_explain(session, rc);
    }
    *error = -EPROTO;
    return *error;
}

/* --- The handshake ------------------------------------------------------------------------- */

GBytes *tls_session_user_key(gnutls_session_t tls, const char *name)
{
    TlsSession *session = gnutls_session_get_ptr(tls);
    GBytes *key = g_hash_table_lookup(session->keys->users, name);

    if (!key && !session->reason) {
        session->alert = GNUTLS_A_UNKNOWN_PSK_IDENTITY;
        error_set(&session->reason, "There is no PSK for user '%s'", name);
    }
    return key;
}

static bool tls_session_authorize(TlsSession *session)
{
    g_clear_error(&session->reason); /* a client may offer users that we do not know, too */
    if (session->authz && !authz_is_allowed(session->authz, session->peer, &session->reason)) {
        session->alert = GNUTLS_A_ACCESS_DENIED;
        return false;
    }
    return true;
}

/* Called by GnuTLS when the peer's certificates are there. Returns: 0 = they are good. */
static int tls_session_verify(gnutls_session_t tls)
{
    TlsSession *session = gnutls_session_get_ptr(tls);
    bool ok = tls_verify_peer(tls, session->creds->is_server, session->hostname, &session->peer,
                              &session->alert, &session->reason);

    return ok && tls_session_authorize(session) ? 0 : GNUTLS_E_CERTIFICATE_ERROR;
}

/* X.509 peers that were verified are authorized by now, so that they learn it in the handshake. */
static bool tls_session_authorize_late(TlsSession *session)
{
    if (session->peer) {
        return true;
    }
    if (session->keys->psk_server) {
        session->peer = g_strdup(gnutls_psk_server_get_username(session->tls));
    }
    return tls_session_authorize(session);
}

static void tls_session_set_verification(TlsSession *session)
{
    const TlsCreds *creds = session->creds;

    if (!session->keys->x509) {
        return;
    }
    if (creds->verify_peer) {
        gnutls_session_set_verify_function(session->tls, tls_session_verify);
    }
    if (creds->is_server) {
        gnutls_certificate_server_set_request(session->tls, creds->verify_peer
                                              ? GNUTLS_CERT_REQUIRE : GNUTLS_CERT_IGNORE);
        /* Told whom we trust, a client with a certificate of others would not show it. */
        gnutls_certificate_send_x509_rdn_sequence(session->tls, 1);
    } else if (session->hostname && !g_hostname_is_ip_address(session->hostname)) {
        gnutls_server_name_set(session->tls, GNUTLS_NAME_DNS, session->hostname,
                               strlen(session->hostname));
    }
}

TlsSession *tls_session_new(TlsCreds *creds, int fd, const char *hostname, const char *authz,
                            GError **error)
{
    TlsSession *session = g_new0(TlsSession, 1);
    unsigned flags = GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS;
    int rc = gnutls_init(&session->tls,
                         flags | (creds->is_server ? GNUTLS_SERVER : GNUTLS_CLIENT));

    creds->n_refs++;
    session->creds = creds;
    session->keys = tls_creds_keys(creds);
    session->hostname = g_strdup(hostname);
    session->authz = g_strdup(authz);
    if (rc >= 0) {
        rc = gnutls_priority_set(session->tls, creds->priority);
    }
    if (rc < 0) {
        error_set(error, "Unable to begin a TLS session: %s", gnutls_strerror(rc));
        tls_session_free(session);
        return NULL;
    }
    gnutls_session_set_ptr(session->tls, session);
    gnutls_handshake_set_max_packet_length(session->tls, TLS_HANDSHAKE_MESSAGE_MAX);
    gnutls_transport_set_int(session->tls, fd);
    tls_keys_use(session->keys, session->tls);
    tls_session_set_verification(session);
    return session;
}

static TlsStep tls_session_handshake_failed(TlsSession *session, int rc, GError **error)
{
    tls_session_break(session, rc, &session->read_error);
    session->write_error = session->read_error;
    if (session->reason) {
        gnutls_alert_send(session->tls, GNUTLS_AL_FATAL, session->alert);
        g_propagate_error(error, g_steal_pointer(&session->reason));
    } else {
        if (rc != GNUTLS_E_FATAL_ALERT_RECEIVED) {
            gnutls_alert_send_appropriate(session->tls, rc);
        }
        error_set(error, "%s", session->fault ? session->fault
                                              : g_strerror(-session->read_error));
    }
    return TLS_STEP_FAILED;
}

TlsStep tls_session_handshake(TlsSession *session, GError **error)
{
    unsigned n_retries = 0;
    int rc;

    do {
        errno = 0;
        rc = gnutls_handshake(session->tls);
    } while (rc < 0 && rc != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(rc) &&
             n_retries++ < TLS_RETRIES_MAX);
    if (rc == GNUTLS_E_AGAIN) {
        return gnutls_record_get_direction(session->tls) ? TLS_STEP_WRITE : TLS_STEP_READ;
    }
    if (rc >= 0 && !tls_session_authorize_late(session)) {
        rc = GNUTLS_E_CERTIFICATE_ERROR;
    }
    if (rc < 0) {
        return tls_session_handshake_failed(session, rc, error);
    }
    session->is_ready = true;
    TRACE(tls_session_ready, "%s: %s %s, peer '%s'", session->creds->id,
          gnutls_protocol_get_name(gnutls_protocol_get_version(session->tls)),
          gnutls_cipher_get_name(gnutls_cipher_get(session->tls)),
          session->peer ? session->peer : "");
    return TLS_STEP_DONE;
}

int64_t tls_session_timeout_ms(const TlsSession *session)
{
    return session->creds->timeout_ms;
}

const char *tls_session_peer(const TlsSession *session)
{
    return session->peer;
}

/* --- Reading ------------------------------------------------------------------------------- */

/* What the peer has sent wrongly it is told by an alert. Returns: -errno. */
static int tls_session_fail_reading(TlsSession *session, int rc)
{
    tls_session_break(session, rc, &session->read_error);
    if (session->read_error == -EPROTO && rc != GNUTLS_E_FATAL_ALERT_RECEIVED &&
        rc != GNUTLS_E_PREMATURE_TERMINATION) {
        gnutls_alert_send_appropriate(session->tls, rc);
    }
    return session->read_error;
}

/* One record at most. Returns: as tls_session_read(). */
static ssize_t tls_session_read_record(TlsSession *session, uint8_t *data, size_t len)
{
    unsigned n_retries = 0;
    ssize_t n;

    do {
        errno = 0;
        n = gnutls_record_recv(session->tls, data, len);
    } while (n < 0 && n != GNUTLS_E_AGAIN && n != GNUTLS_E_REHANDSHAKE &&
             !gnutls_error_is_fatal((int)n) && n_retries++ < TLS_RETRIES_MAX);
    if (n == GNUTLS_E_AGAIN) {
        return -EAGAIN;
    }
    session->has_ended = n <= 0;
    return n >= 0 ? n : tls_session_fail_reading(session, (int)n);
}

ssize_t tls_session_read(TlsSession *session, void *data, size_t len)
{
    uint8_t *bytes = data;
    size_t n_read = 0;
    ssize_t n = 1;

    if (session->has_first && len > 0) {
        bytes[n_read++] = session->first;
        session->has_first = false;
    }
    if (session->has_ended) {
        return n_read > 0 ? (ssize_t)n_read : session->read_error;
    }
    while (n > 0 && n_read < len) {
        n = tls_session_read_record(session, bytes + n_read, len - n_read);
        n_read += n > 0 ? (size_t)n : 0;
    }
    return n_read > 0 ? (ssize_t)n_read : n;
}

bool tls_session_has_unread(const TlsSession *session)
{
    return session->has_ended || session->has_first ||
           gnutls_record_check_pending(session->tls) > 0;
}

bool tls_session_look_ahead(TlsSession *session)
{
    if (!tls_session_has_unread(session)) {
        session->has_first = tls_session_read_record(session, &session->first, 1) > 0;
    }
    return session->has_first || gnutls_record_check_pending(session->tls) > 0;
}

/* --- Writing ------------------------------------------------------------------------------- */

bool tls_session_has_unsent(const TlsSession *session)
{
    return session->unsent > 0;
}

/* @data NULL: what GnuTLS keeps. Returns: bytes; -EAGAIN with the record kept; another -errno. */
static ssize_t tls_session_send_record(TlsSession *session, const uint8_t *data, size_t len)
{
    unsigned n_retries = 0;
    ssize_t n;

    do {
        errno = 0;
        n = gnutls_record_send(session->tls, data, len);
        data = NULL;
        len = 0;
    } while (n == GNUTLS_E_INTERRUPTED && n_retries++ < TLS_RETRIES_MAX);
    if (n >= 0) {
        return n;
    }
    return n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED
               ? -EAGAIN
               : tls_session_break(session, (int)n, &session->write_error);
}

bool tls_session_flush(TlsSession *session)
{
    if (session->unsent > 0 && tls_session_send_record(session, NULL, 0) != -EAGAIN) {
        session->unsent = 0;
    }
    return session->unsent == 0;
}

/** A place in what is to be written. */
typedef struct TlsSource {
    const struct iovec *iov;
    int n_iov;
    size_t offset; /* in the first */
} TlsSource;

static void tls_source_skip(TlsSource *source, size_t len)
{
    source->offset += len;
    while (source->n_iov > 0 && source->offset >= source->iov->iov_len) {
        source->offset -= source->iov->iov_len;
        source->iov++;
        source->n_iov--;
    }
}

/*
 * The bytes of the next record: where they are when a piece has enough of them, else a copy in
 * @record. @source stays where it is. Returns: how many; 0 at the end.
 */
static size_t tls_source_peek(const TlsSource *source, uint8_t *record, const uint8_t **data)
{
    TlsSource at = *source;
    size_t len = 0;

    *data = record;
    while (at.n_iov > 0 && len < TLS_RECORD_MAX) {
        const uint8_t *piece = (const uint8_t *)at.iov->iov_base + at.offset;
        size_t n = MIN(at.iov->iov_len - at.offset, TLS_RECORD_MAX - len);

        if (n == TLS_RECORD_MAX || (n > 0 && len == 0 && at.n_iov == 1)) {
            *data = piece;
            return n;
        }
        memcpy(record + len, piece, n);
        len += n;
        tls_source_skip(&at, n);
    }
    return len;
}

ssize_t tls_session_writev(TlsSession *session, const struct iovec *iov, int n_iov)
{
    TlsSource source = { .iov = iov, .n_iov = n_iov };
    const uint8_t *data;
    size_t n_taken = 0;
    size_t len;

    if (!tls_session_flush(session)) {
        return 0;
    }
    tls_source_skip(&source, 0);
    while (!session->write_error && !session->unsent &&
           (len = tls_source_peek(&source, session->record, &data)) > 0) {
        ssize_t n = tls_session_send_record(session, data, len);

        if (n == -EAGAIN) {
            session->unsent = len;
            n = (ssize_t)len;
        }
        n_taken += n > 0 ? (size_t)n : 0;
        tls_source_skip(&source, n > 0 ? (size_t)n : 0);
    }
    return n_taken > 0 ? (ssize_t)n_taken : session->write_error;
}

/* --- The end ------------------------------------------------------------------------------- */

const char *tls_session_fault(const TlsSession *session)
{
    return session->fault;
}

void tls_session_close(TlsSession *session)
{
    if (session->is_ready && !session->fault && tls_session_flush(session) &&
        !session->write_error) {
        gnutls_bye(session->tls, GNUTLS_SHUT_WR);
    }
}

void tls_session_free(TlsSession *session)
{
    if (!session) {
        return;
    }
    g_clear_pointer(&session->tls, gnutls_deinit);
    tls_keys_unref(session->keys);
    tls_creds_unref(session->creds);
    g_clear_error(&session->reason);
    g_free(session->hostname);
    g_free(session->authz);
    g_free(session->peer);
    g_free(session->fault);
    g_free(session);
}
