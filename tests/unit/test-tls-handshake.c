/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of handshakes on the loop: well done, refused, too slow, given up, many at a time. */

#include <sys/socket.h>
#include <unistd.h>
#include <glib.h>

#include "io/tls-handshake.h"
#include "loop.h"
#include "tls-fixture.h"
#include "util/fd.h"

/** What one handshake has come to. */
typedef struct Outcome {
    bool is_there;
    TlsSession *session;
    int fd;
    char *error;
} Outcome;

static void outcome_set(TlsHandshake *handshake, TlsSession *session, int fd,
                        const GError *error, void *opaque)
{
    Outcome *outcome = opaque;

    g_assert_false(outcome->is_there);
    g_assert_cmpint(session != NULL, ==, error == NULL);
    *outcome = (Outcome) { .is_there = true, .session = session, .fd = fd,
                           .error = error ? g_strdup(error->message) : NULL };
}

static void outcome_clear(Outcome *outcome)
{
    tls_session_free(outcome->session);
    if (outcome->session) {
        close(outcome->fd);
    }
    g_free(outcome->error);
}

static TlsHandshake *start(const char *id, QCryptoTLSCredsEndpoint endpoint, int fd,
                           Outcome *outcome)
{
    g_autoptr(GError) error = NULL;
    TlsCreds *creds = tls_creds_use(id, endpoint, &error);
    TlsSession *session = tls_session_new(creds, fd, NULL, NULL, &error);

    g_assert_no_error(error);
    tls_creds_unref(creds);
    return tls_handshake_start(session, fd, outcome_set, outcome);
}

static void pair(int fds[2])
{
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), ==,
                    0);
}

static void test_both_on_one_loop(void)
{
    char *dir = tls_psk_add("");
    Outcome s = { false }, c = { false };
    struct iovec iov = { (char *)"x", 1 };
    char byte;
    int fds[2];

    pair(fds);
    start("s0", QCRYPTO_TLS_CREDS_ENDPOINT_SERVER, fds[0], &s);
    start("c0", QCRYPTO_TLS_CREDS_ENDPOINT_CLIENT, fds[1], &c);
    LOOP_UNTIL(s.is_there);
    LOOP_UNTIL(c.is_there);
    g_assert_cmpint(s.fd, ==, fds[0]);
    g_assert_cmpint(tls_session_writev(c.session, &iov, 1), ==, 1);
    g_assert_cmpint(tls_session_read(s.session, &byte, 1), ==, 1);
    outcome_clear(&s);
    outcome_clear(&c);
    tls_psk_remove(dir);
}

static void test_many_take_turns(void)
{
    char *dir = tls_psk_add("");
    Outcome s[20] = { { false } }, c[20] = { { false } };

    for (size_t i = 0; i < G_N_ELEMENTS(s); i++) {
        int fds[2];

        pair(fds);
        start("s0", QCRYPTO_TLS_CREDS_ENDPOINT_SERVER, fds[0], &s[i]);
        start("c0", QCRYPTO_TLS_CREDS_ENDPOINT_CLIENT, fds[1], &c[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(s); i++) {
        LOOP_UNTIL(s[i].is_there);
        LOOP_UNTIL(c[i].is_there);
        g_assert_null(s[i].error);
        g_assert_null(c[i].error);
        outcome_clear(&s[i]);
        outcome_clear(&c[i]);
    }
    tls_psk_remove(dir);
}

/* A peer that says nothing, or only half of it. */
static void expect_cut(const char *bytes, size_t len)
{
    char *dir = tls_psk_add(",handshake-timeout=50");
    Outcome s = { false };
    char byte;
    int fds[2];

    pair(fds);
    g_assert_cmpint(send(fds[1], bytes, len, 0), ==, (ssize_t)len);
    start("s0", QCRYPTO_TLS_CREDS_ENDPOINT_SERVER, fds[0], &s);
    LOOP_UNTIL(s.is_there);
    g_assert_cmpstr(s.error, ==, "The TLS handshake was not done within 50 ms");
    g_assert_cmpint(recv(fds[1], &byte, 1, 0), <=, 0); /* the socket was closed */
    close(fds[1]);
    outcome_clear(&s);
    tls_psk_remove(dir);
}

static void test_silent_peer(void)
{
    expect_cut("", 0);
}

static void test_half_a_hello(void)
{
    expect_cut("\x16\x03\x01\x02\x00\x01\x00", 7);
}

static void test_peer_leaves(void)
{
    char *dir = tls_psk_add("");
    Outcome s = { false };
    int fds[2];

    pair(fds);
    start("s0", QCRYPTO_TLS_CREDS_ENDPOINT_SERVER, fds[0], &s);
    close(fds[1]);
    LOOP_UNTIL(s.is_there);
    g_assert_cmpstr(s.error, ==, "The peer closed the connection");
    outcome_clear(&s);
    tls_psk_remove(dir);
}

static void test_cancelled(void)
{
    char *dir = tls_psk_add("");
    Outcome s = { false };
    char byte;
    int fds[2];

    pair(fds);
    tls_handshake_cancel(start("s0", QCRYPTO_TLS_CREDS_ENDPOINT_SERVER, fds[0], &s));
    g_assert_cmpint(recv(fds[1], &byte, 1, 0), ==, 0);
    loop_run_ready(100);
    g_assert_false(s.is_there);
    close(fds[1]);
    tls_psk_remove(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tls-handshake/both-on-one-loop", test_both_on_one_loop);
    g_test_add_func("/tls-handshake/many-take-turns", test_many_take_turns);
    g_test_add_func("/tls-handshake/silent-peer", test_silent_peer);
    g_test_add_func("/tls-handshake/half-a-hello", test_half_a_hello);
    g_test_add_func("/tls-handshake/peer-leaves", test_peer_leaves);
    g_test_add_func("/tls-handshake/cancelled", test_cancelled);
    return g_test_run();
}
