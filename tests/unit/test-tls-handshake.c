/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of handshakes on the loop: well done, refused, too slow, given up, many at a time. */

#include <sys/socket.h>
#include <unistd.h>
#include <glib.h>

#include "io/tls-handshake.h"
#include "qom/object.h"
#include "tls-fixture.h"
#include "util/fd.h"

#define DEADLINE_S 20

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

static gboolean fail(gpointer opaque)
{
    g_error("nothing happened within %d s", DEADLINE_S);
    return G_SOURCE_REMOVE;
}

static void wait_for(const Outcome *outcome)
{
    guint source = g_timeout_add_seconds(DEADLINE_S, fail, NULL);

    while (!outcome->is_there) {
        g_main_context_iteration(NULL, TRUE);
    }
    g_source_remove(source);
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

static char *set_up(const char *server_options)
{
    char *dir = g_dir_make_tmp("qnd-tls-XXXXXX", NULL);

    test_folder_write(dir, "keys.psk", "qemu:00ff\n");
    tls_object_add("tls-creds-psk,id=s0,endpoint=server,dir=%s%s", dir, server_options);
    tls_object_add("tls-creds-psk,id=c0,dir=%s", dir);
    return dir;
}

static void tear_down(char *dir)
{
    object_delete_all();
    test_folder_remove(dir);
    g_free(dir);
}

static void test_both_on_one_loop(void)
{
    char *dir = set_up("");
    Outcome s = { false }, c = { false };
    struct iovec iov = { (char *)"x", 1 };
    char byte;
    int fds[2];

    pair(fds);
    start("s0", QCRYPTO_TLS_CREDS_ENDPOINT_SERVER, fds[0], &s);
    start("c0", QCRYPTO_TLS_CREDS_ENDPOINT_CLIENT, fds[1], &c);
    wait_for(&s);
    wait_for(&c);
    g_assert_cmpint(s.fd, ==, fds[0]);
    g_assert_cmpint(tls_session_writev(c.session, &iov, 1), ==, 1);
    g_assert_cmpint(tls_session_read(s.session, &byte, 1), ==, 1);
    outcome_clear(&s);
    outcome_clear(&c);
    tear_down(dir);
}

static void test_many_take_turns(void)
{
    char *dir = set_up("");
    Outcome s[20] = { { false } }, c[20] = { { false } };

    for (size_t i = 0; i < G_N_ELEMENTS(s); i++) {
        int fds[2];

        pair(fds);
        start("s0", QCRYPTO_TLS_CREDS_ENDPOINT_SERVER, fds[0], &s[i]);
        start("c0", QCRYPTO_TLS_CREDS_ENDPOINT_CLIENT, fds[1], &c[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(s); i++) {
        wait_for(&s[i]);
        wait_for(&c[i]);
        g_assert_null(s[i].error);
        g_assert_null(c[i].error);
        outcome_clear(&s[i]);
        outcome_clear(&c[i]);
    }
    tear_down(dir);
}

/* A peer that says nothing, or only half of it. */
static void expect_cut(const char *bytes, size_t len)
{
    char *dir = set_up(",handshake-timeout=50");
    Outcome s = { false };
    char byte;
    int fds[2];

    pair(fds);
    g_assert_cmpint(send(fds[1], bytes, len, 0), ==, (ssize_t)len);
    start("s0", QCRYPTO_TLS_CREDS_ENDPOINT_SERVER, fds[0], &s);
    wait_for(&s);
    g_assert_cmpstr(s.error, ==, "The TLS handshake was not done within 50 ms");
    g_assert_cmpint(recv(fds[1], &byte, 1, 0), <=, 0); /* the socket was closed */
    close(fds[1]);
    outcome_clear(&s);
    tear_down(dir);
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
    char *dir = set_up("");
    Outcome s = { false };
    int fds[2];

    pair(fds);
    start("s0", QCRYPTO_TLS_CREDS_ENDPOINT_SERVER, fds[0], &s);
    close(fds[1]);
    wait_for(&s);
    g_assert_cmpstr(s.error, ==, "The peer closed the connection");
    outcome_clear(&s);
    tear_down(dir);
}

static void test_cancelled(void)
{
    char *dir = set_up("");
    Outcome s = { false };
    char byte;
    int fds[2];

    pair(fds);
    tls_handshake_cancel(start("s0", QCRYPTO_TLS_CREDS_ENDPOINT_SERVER, fds[0], &s));
    g_assert_cmpint(recv(fds[1], &byte, 1, 0), ==, 0);
    while (g_main_context_iteration(NULL, FALSE)) {
    }
    g_assert_false(s.is_there);
    close(fds[1]);
    tear_down(dir);
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
