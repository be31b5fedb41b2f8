/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TLS on a socket back end: options, handshakes under way, the end of a session. */

/*
 * A server goes on listening while clients shake hands, so that one that says nothing keeps
 * nobody out. The first that is done becomes the client; the others are cut, as there is one at
 * a time. With too many of them the oldest has to go: a client that means it is done in a moment,
 * however many others come.
 */

#include "chardev/char-internal.h"

#include "chardev/char-socket-internal.h"
#include "io/tls-handshake.h"
#include "util/error.h"
#include "util/fd.h"
#include "util/log.h"

/** Handshakes of one server. Each costs some 70 KiB at most. */
#define CHAR_SOCKET_TLS_HANDSHAKES_MAX 32u

/** How much is read to find out why a peer has left, where nobody else reads. */
#define CHAR_SOCKET_TLS_LAST_READS 16

struct CharSocketTls {
    TlsCreds *creds;       /* a reference */
    char *authz;           /* owned; NULL = everybody may come */
    GPtrArray *handshakes; /* borrowed TlsHandshake *, the oldest first */
};

bool char_socket_tls_check(const ChardevSocket *opts, GError **error)
{
    SocketAddressType type = opts->addr->type;
    bool is_possible = type == SOCKET_ADDRESS_TYPE_INET ||
                       (type == SOCKET_ADDRESS_TYPE_FD && opts->server);

    if (opts->tls_creds && !is_possible) {
        return error_set(error, "'tls_creds' option is incompatible with '%s' address type",
                         qapi_enum_name(QAPI_TYPE(SocketAddressType), (int)type));
    }
    if (opts->tls_authz && !opts->tls_creds) {
        return error_set(error, "'tls_authz' option requires 'tls_creds' option");
    }
    return true;
}

bool char_socket_tls_open(CharSocket *cs, const ChardevSocket *opts, GError **error)
{
    TlsCreds *creds;

    if (!opts->tls_creds) {
        return true;
    }
    creds = tls_creds_use(opts->tls_creds, cs->is_server ? QCRYPTO_TLS_CREDS_ENDPOINT_SERVER
                                                         : QCRYPTO_TLS_CREDS_ENDPOINT_CLIENT,
                          error);
    if (!creds) {
        return false;
    }
    cs->tls = g_new0(CharSocketTls, 1);
    cs->tls->creds = creds;
    cs->tls->authz = g_strdup(opts->tls_authz);
    cs->tls->handshakes = g_ptr_array_new();
    return true;
}

static void char_socket_tls_done(TlsHandshake *handshake, TlsSession *session, int fd,
                                 const GError *error, void *opaque)
{
    CharSocket *cs = opaque;

    g_ptr_array_remove(cs->tls->handshakes, handshake);
    if (session) {
        char_socket_tls_cut(cs);
        char_socket_adopt(cs, fd, session);
    } else {
        char_socket_fail_handshake(cs, error);
    }
}

static void char_socket_tls_make_room(CharSocket *cs)
{
    GPtrArray *handshakes = cs->tls->handshakes;

    if (handshakes->len == CHAR_SOCKET_TLS_HANDSHAKES_MAX) {
        g_autoptr(GError) error = NULL;

        tls_handshake_cancel(g_ptr_array_remove_index(handshakes, 0));
        error_set(&error, "More than %u TLS handshakes are not done", handshakes->len + 1);
        char_socket_fail_handshake(cs, error);
    }
}

void char_socket_tls_begin(CharSocket *cs, int fd)
{
    CharSocketTls *tls = cs->tls;
    bool has_host = !cs->is_server && cs->addr->type == SOCKET_ADDRESS_TYPE_INET;
    const char *hostname = has_host ? cs->addr->u.inet.host : NULL;
    g_autoptr(GError) error = NULL;
    TlsSession *session;

    char_socket_tls_make_room(cs);
    session = tls_session_new(tls->creds, fd, hostname, tls->authz, &error);
    if (!session) {
        fd_close(&fd);
        char_socket_fail_handshake(cs, error);
        return;
    }
    g_ptr_array_add(tls->handshakes,
                    tls_handshake_start(session, fd, char_socket_tls_done, cs));
}

bool char_socket_tls_cut(CharSocket *cs)
{
    GPtrArray *handshakes = cs->tls->handshakes;
    bool had_any = handshakes->len > 0;

    for (guint i = 0; i < handshakes->len; i++) {
        tls_handshake_cancel(g_ptr_array_index(handshakes, i));
    }
    g_ptr_array_set_size(handshakes, 0);
    return had_any;
}

/* A peer's last words may be why it has left; nobody has read them where there is no reader. */
static void char_socket_tls_read_last_words(CharSocket *cs)
{
    uint8_t buffer[4096];
    ssize_t n = 1;

    for (int i = 0; i < CHAR_SOCKET_TLS_LAST_READS && n > 0; i++) {
        n = tls_session_read(cs->session, buffer, sizeof(buffer));
    }
}

void char_socket_tls_end(CharSocket *cs)
{
    const char *fault;

    if (!char_has_reader(&cs->chr)) {
        char_socket_tls_read_last_words(cs);
    }
    fault = tls_session_fault(cs->session);
    if (fault) {
        g_autofree char *source = g_strdup_printf("chardev '%s'", cs->chr.id);

        log_limited_warning(source, fault, "TLS: %s", fault);
    }
    tls_session_close(cs->session);
    g_clear_pointer(&cs->session, tls_session_free);
}

void char_socket_tls_close(CharSocket *cs)
{
    if (cs->tls) {
        char_socket_tls_cut(cs);
        g_ptr_array_unref(cs->tls->handshakes);
        tls_creds_unref(cs->tls->creds);
        g_free(cs->tls->authz);
        g_clear_pointer(&cs->tls, g_free);
    }
}
