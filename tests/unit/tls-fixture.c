/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two ends of a TLS connection in one test, and a wire between them that can be cut. */

#include "tls-fixture.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include "qom/object.h"
#include "util/fd.h"

static bool tls_object_add_text(const char *text, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_autoptr(ObjectOptions) options = text[0] == '{' ? object_options_parse(text, &local)
                                                      : object_options_parse_keyval(text, &local);

    g_assert_no_error(local);
    return object_add(options, error);
}

bool tls_object_try(GError **error, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    return tls_object_add_text(text, error);
}

void tls_object_add(const char *format, ...)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    tls_object_add_text(text, &error);
    g_assert_no_error(error);
}

void tls_expect_text(const char *said, const char *want)
{
    if (!said || !g_str_has_prefix(said, want)) {
        g_error("this was said: %s; expected: %s", said ? said : "nothing", want);
    }
}

void tls_end_open(TlsEnd *end, const char *id, QCryptoTLSCredsEndpoint endpoint,
                  const char *hostname, const char *authz)
{
    g_autoptr(GError) error = NULL;
    int fds[2];

    *end = (TlsEnd) { NULL };
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), ==,
                    0);
    end->fd = fds[0];
    end->wire = fds[1];
    end->creds = tls_creds_use(id, endpoint, &error);
    g_assert_no_error(error);
    end->session = tls_session_new(end->creds, end->fd, hostname, authz, &error);
    g_assert_no_error(error);
}

void tls_end_close(TlsEnd *end)
{
    tls_session_free(end->session);
    tls_creds_unref(end->creds);
    fd_close(&end->fd);
    fd_close(&end->wire);
    g_clear_error(&end->error);
}

/* One way; the end of @from is passed on. */
static size_t tls_wire_move_one(int from, int to)
{
    char buffer[65536];
    ssize_t n = recv(from, buffer, sizeof(buffer), MSG_PEEK);
    ssize_t n_sent = n > 0 ? send(to, buffer, (size_t)n, MSG_NOSIGNAL) : 0;

    if (n == 0) {
        shutdown(to, SHUT_WR);
    }
    return n_sent > 0 ? (size_t)recv(from, buffer, (size_t)n_sent, 0) : 0;
}

size_t tls_wire_move(TlsEnd *a, TlsEnd *b)
{
    return tls_wire_move_one(a->wire, b->wire) + tls_wire_move_one(b->wire, a->wire);
}

static void tls_end_step(TlsEnd *end)
{
    TlsStep step = TLS_STEP_DONE;

    if (!end->is_done) {
        step = tls_session_handshake(end->session, &end->error);
        end->is_done = step == TLS_STEP_DONE || step == TLS_STEP_FAILED;
        g_assert_cmpint(step == TLS_STEP_FAILED, ==, end->error != NULL);
    }
    if (step == TLS_STEP_FAILED) {
        shutdown(end->fd, SHUT_RDWR);
    }
}

void tls_shake_hands(TlsEnd *a, TlsEnd *b)
{
    do {
        tls_end_step(a);
        tls_end_step(b);
    } while (tls_wire_move(a, b) > 0 || tls_wire_move(a, b) > 0);
    tls_end_step(a);
    tls_end_step(b);
    tls_wire_move(a, b);
}

void tls_pair_open(TlsPair *pair, const char *hostname, const char *authz)
{
    tls_end_open(&pair->s, "s0", QCRYPTO_TLS_CREDS_ENDPOINT_SERVER, NULL, authz);
    tls_end_open(&pair->c, "c0", QCRYPTO_TLS_CREDS_ENDPOINT_CLIENT, hostname, NULL);
    tls_shake_hands(&pair->s, &pair->c);
}

void tls_pair_close(TlsPair *pair)
{
    tls_end_close(&pair->s);
    tls_end_close(&pair->c);
}

char *tls_psk_folder(const char *keys)
{
    char *folder = g_dir_make_tmp("qnd-tls-XXXXXX", NULL);

    g_assert_nonnull(folder);
    test_folder_write(folder, "keys.psk", keys);
    return folder;
}

char *tls_psk_add(const char *server_options)
{
    char *folder = tls_psk_folder("qemu:0123456789abcdef\n");

    tls_object_add("tls-creds-psk,id=s0,endpoint=server,dir=%s%s", folder, server_options);
    tls_object_add("tls-creds-psk,id=c0,dir=%s", folder);
    return folder;
}

void tls_psk_remove(char *folder)
{
    object_delete_all();
    test_folder_remove(folder);
    g_free(folder);
}
