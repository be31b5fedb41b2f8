/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of TLS show each other: credentials, keys, how a peer is verified. */

#ifndef IO_TLS_INTERNAL_H
#define IO_TLS_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include "io/tls-creds.h"
#include "io/tls-session.h"

/* --- tls-files.c ---------------------------------------------------------------------------- */

/**
 * tls_file_read: all of a regular file
 * @bytes: (out) owned; NULL = there is no such file
 * Returns: false with @error when it is there and cannot be read.
 */
bool tls_file_read(const char *path, GBytes **bytes, GError **error);

/** tls_file_need: tls_file_read() of a file that has to be there. Owned; NULL with @error. */
GBytes *tls_file_need(const char *path, GError **error);

/** tls_files_stamp: a text that differs when one of the files has come, gone or changed. Owned. */
char *tls_files_stamp(char *const *paths);

/** tls_datum: @bytes as GnuTLS wants them; borrowed. */
gnutls_datum_t tls_datum(GBytes *bytes);

/* --- tls-keys.c ----------------------------------------------------------------------------- */

/** What was read from the files; never changes, and lives as long as a session that uses it. */
typedef struct TlsKeys {
    unsigned n_refs;
    gnutls_certificate_credentials_t x509; /* owned; NULL = not of this kind; so are the next */
    gnutls_psk_server_credentials_t psk_server;
    gnutls_psk_client_credentials_t psk_client;
    gnutls_dh_params_t dh;                 /* owned; NULL = those of the standards */
    GHashTable *users;                     /* owned: of a PSK server: name -> GBytes, the key */
} TlsKeys;

TlsKeys *tls_keys_new(void);
TlsKeys *tls_keys_ref(TlsKeys *keys);
void tls_keys_unref(TlsKeys *keys);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TlsKeys, tls_keys_unref)

/** tls_keys_read_dh: the file dh-params.pem, if there. */
bool tls_keys_read_dh(TlsKeys *keys, const char *dir, GError **error);

/** tls_keys_use: give them to @session, which must not outlive them. */
void tls_keys_use(const TlsKeys *keys, gnutls_session_t session);

/* --- tls-creds.c ---------------------------------------------------------------------------- */

/** A kind of credentials; constant. */
typedef struct TlsKind {
    const char *name;
    const char *priority;   /* what is put behind the user's priority string; "" = nothing */
    const char *preference; /* the same behind the default one only */
    /** Names of all files that may be there; owned. */
    GStrv (*file_names)(bool is_server);
    TlsKeys *(*load)(const TlsCreds *creds, GError **error);
} TlsKind;

extern const TlsKind tls_kind_psk;
extern const TlsKind tls_kind_x509;

struct TlsCreds {
    unsigned n_refs;
    const TlsKind *kind;
    char *id;
    bool is_server;
    bool verify_peer;
    uint32_t timeout_ms;
    char *dir;                  /* owned; absolute */
    char *username;             /* owned: PSK */
    bool sanity_check;          /* X.509 */
    char *password_id;          /* owned: X.509; NULL = none */
    gnutls_priority_t priority; /* owned */
    GStrv paths;                /* owned: of all files */
    char *stamp;                /* owned: of the files when they were last read, or tried to be */
    TlsKeys *keys;              /* owned: of the last time that they could be read */
};

/** tls_creds_keys: what the files hold now; the last good ones if they are broken. A reference. */
TlsKeys *tls_creds_keys(TlsCreds *creds);

/* --- tls-x509-check.c ----------------------------------------------------------------------- */

/** tls_x509_check: whether peers can accept the certificate of @cert_path below @ca. */
bool tls_x509_check(const char *cert_path, GBytes *cert, const char *ca_path, GBytes *ca,
                    bool is_server, GError **error);

/* --- tls-verify.c --------------------------------------------------------------------------- */

/** tls_verify_explain: what is wrong with a certificate of this status, which is not 0. */
const char *tls_verify_explain(unsigned status);

/**
 * tls_verify_peer: check the certificate that the peer has sent
 * @hostname: whom it must belong to; NULL = anybody
 * @name: (out) owned: its subject
 * @alert: (out) with an error: what the peer is to be told
 */
bool tls_verify_peer(gnutls_session_t session, bool is_server, const char *hostname, char **name,
                     gnutls_alert_description_t *alert, GError **error);

/* --- tls-linger.c --------------------------------------------------------------------------- */

/** tls_linger: close the stream socket @fd (taken) when the peer has read our last words. */
void tls_linger(int fd);

/* --- tls-session.c -------------------------------------------------------------------------- */

/** tls_session_user_key: the key of PSK user @name, for the server; NULL = there is none. */
GBytes *tls_session_user_key(gnutls_session_t session, const char *name);

#endif
