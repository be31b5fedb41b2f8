/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of TLS sessions: who is believed, what a refused peer is told, bytes, ends and cuts. */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <glib.h>

#include "cases.h"
#include "qom/object.h"
#include "tls-fixture.h"

/*
 *   server ──socket pair── wire of the test ──socket pair── client
 */

/* --- X.509 --------------------------------------------------------------------------------- */

typedef struct X509Case {
    const char *name;
    TestCertSpec server;
    TestCertSpec client;        /* without subject: it has no certificate */
    const char *server_options; /* more of the object */
    const char *client_options;
    const char *hostname;       /* whom the client looks for */
    const char *authz;          /* of the server */
    bool is_revoked;            /* the client's certificate is */
    bool server_is_foreign;     /* its certificate is of another authority */
    bool client_is_foreign;
    const char *server_error;   /* NULL = none */
    const char *client_error;
} X509Case;

#define HOST { .subject = "CN=server,O=Test", .host = "host.example" }
#define GUEST { .subject = "CN=client" }
#define LAX ",sanity-check=off"

static const X509Case x509_cases[] = {
    { "both-prove-themselves", HOST, GUEST, .hostname = "host.example" },
    { "address", { .subject = "CN=s", .host = "192.0.2.7" }, GUEST, .hostname = "192.0.2.7" },
    { "client-without-certificate-may-come", HOST, { NULL }, .hostname = "host.example",
      .server_options = ",verify-peer=off" },
    { "client-believes-anybody", HOST, GUEST, .hostname = "elsewhere.example",
      .server_is_foreign = true, .client_options = ",verify-peer=off",
      .server_options = LAX },
    { "old-protocol", HOST, GUEST, .hostname = "host.example",
      .server_options = ",priority=NORMAL:-VERS-ALL:+VERS-TLS1.2" },

    { "wrong-host", HOST, GUEST, .hostname = "elsewhere.example",
      .client_error = "The certificate 'O=Test,CN=server' does not belong to the host "
                      "'elsewhere.example'",
      .server_error = "The peer ended it: Certificate is bad" },
    { "wrong-address", { .subject = "CN=s", .host = "192.0.2.7" }, GUEST,
      .hostname = "192.0.2.8",
      .client_error = "The certificate 'CN=s' does not belong to the host '192.0.2.8'",
      .server_error = "The peer ended it: Certificate is bad" },
    { "server-of-another-authority", HOST, GUEST, .hostname = "host.example",
      .server_is_foreign = true, .server_options = LAX,
      .client_error = "The certificate 'O=Test,CN=server' is not signed by an authority that is "
                      "trusted",
      .server_error = "The peer ended it: CA is unknown" },
    { "server-expired", { .subject = "CN=s", .host = "h", .from_days = -20, .to_days = -2 },
      GUEST, .hostname = "h", .server_options = LAX,
      .client_error = "The certificate 'CN=s' has expired",
      .server_error = "The peer ended it: Certificate is expired" },
    { "server-not-yet", { .subject = "CN=s", .host = "h", .from_days = 2 }, GUEST,
      .hostname = "h", .server_options = LAX,
      .client_error = "The certificate 'CN=s' is not valid yet",
      .server_error = "The peer ended it: Certificate is expired" },
    { "server-with-certificate-for-clients",
      { .subject = "CN=s", .host = "h", .for_client_only = true }, GUEST, .hostname = "h",
      .server_options = LAX,
      .client_error = "The certificate 'CN=s' is not made for this end of a TLS connection",
      .server_error = "The peer ended it: Certificate is not supported" },

    { "client-without-certificate", HOST, { NULL }, .hostname = "host.example",
      .server_error = "The client has sent no certificate",
      .client_error = "The peer ended it: Certificate is required" },
    { "client-without-certificate-in-old-protocol", HOST, { NULL }, .hostname = "host.example",
      .server_options = ",priority=NORMAL:-VERS-ALL:+VERS-TLS1.2",
      .server_error = "The client has sent no certificate",
      .client_error = "The peer ended it: " },
    { "client-revoked", HOST, GUEST, .hostname = "host.example", .is_revoked = true,
      .server_error = "The certificate 'CN=client' is revoked",
      .client_error = "The peer ended it: Certificate was revoked" },
    { "client-expired", HOST, { .subject = "CN=c", .from_days = -20, .to_days = -2 },
      .hostname = "host.example", .client_options = LAX,
      .server_error = "The certificate 'CN=c' has expired",
      .client_error = "The peer ended it: Certificate is expired" },
    { "client-of-another-authority", HOST, GUEST, .hostname = "host.example",
      .client_is_foreign = true, .client_options = LAX,
      .server_error = "The certificate 'CN=client' is not signed by an authority that is "
                      "trusted",
      .client_error = "The peer ended it: CA is unknown" },

    { "allowed", HOST, GUEST, .hostname = "host.example", .authz = "only-client" },
    { "allowed-by-pattern", HOST, GUEST, .hostname = "host.example", .authz = "list" },
    { "denied", HOST, { .subject = "CN=other" }, .hostname = "host.example",
      .authz = "only-client",
      .server_error = "'only-client' denies 'CN=other'",
      .client_error = "The peer ended it: Access was denied" },
    { "denied-by-list", HOST, { .subject = "CN=clown" }, .hostname = "host.example",
      .authz = "list", .server_error = "'list' denies 'CN=clown'",
      .client_error = "The peer ended it: Access was denied" },
    { "denied-by-default", HOST, { .subject = "CN=x" }, .hostname = "host.example",
      .authz = "list", .server_error = "'list' denies 'CN=x'",
      .client_error = "The peer ended it: Access was denied" },
    { "denied-without-name", HOST, GUEST, .hostname = "host.example", .authz = "list",
      .server_options = ",verify-peer=off",
      .server_error = "'list' denies a peer that has proven no name",
      .client_error = "The peer ended it: Access was denied" },
    { "nobody-to-ask", HOST, GUEST, .hostname = "host.example", .authz = "nobody",
      .server_error = "No authz object with id 'nobody'",
      .client_error = "The peer ended it: Access was denied" },
    { "asked-is-no-authz", HOST, GUEST, .hostname = "host.example", .authz = "s0",
      .server_error = "Object with id 's0' is not an authz object",
      .client_error = "The peer ended it: Access was denied" },
};

static void add_authz(void)
{
    tls_object_add("authz-simple,id=only-client,identity=CN=client");
    tls_object_add("authz-list,id=list,rules.0.match=CN=clown,rules.0.policy=deny,"
                   "rules.1.match=CN=cl*,rules.1.format=glob,rules.1.policy=allow");
}

/* What the handshake, or the first read behind it, says. */
static void expect_end(TlsEnd *end, const char *error)
{
    char byte;
    ssize_t n = end->error ? 0 : tls_session_read(end->session, &byte, 1);

    g_assert_true(end->is_done);
    if (!error) {
        g_assert_no_error(end->error);
        g_assert_cmpint(n, ==, -EAGAIN);
    } else {
        tls_expect_text(end->error ? end->error->message : tls_session_fault(end->session),
                        error);
    }
}

static void test_x509(const void *data)
{
    const X509Case *row = data;
    TestCert *ca = test_cert_new(&(TestCertSpec) { .subject = "CN=authority", .is_ca = true },
                                 NULL);
    TestCert *foreign = test_cert_new(&(TestCertSpec) { .subject = "CN=other", .is_ca = true },
                                      NULL);
    TestCert *server = test_cert_new(&row->server, row->server_is_foreign ? foreign : ca);
    TestCert *client = row->client.subject
                       ? test_cert_new(&row->client, row->client_is_foreign ? foreign : ca)
                       : NULL;
    g_autofree char *server_dir = test_cert_folder(ca, "server", server);
    g_autofree char *client_dir = test_cert_folder(ca, "client", client);
    TlsPair pair;

    if (row->is_revoked) {
        test_cert_write_crl(ca, client, server_dir, "ca-crl.pem");
    }
    tls_object_add("tls-creds-x509,id=s0,endpoint=server,dir=%s%s", server_dir,
                   row->server_options ? row->server_options : "");
    tls_object_add("tls-creds-x509,id=c0,dir=%s%s", client_dir,
                   row->client_options ? row->client_options : "");
    add_authz();
    tls_pair_open(&pair, row->hostname, row->authz);
    expect_end(&pair.s, row->server_error);
    expect_end(&pair.c, row->client_error);
    tls_pair_close(&pair);
    object_delete_all();
    test_folder_remove(server_dir);
    test_folder_remove(client_dir);
    test_cert_free(ca);
    test_cert_free(foreign);
    test_cert_free(server);
    g_clear_pointer(&client, test_cert_free);
}

/* --- Keys that both have ------------------------------------------------------------------- */

typedef struct PskCase {
    const char *name;
    const char *server_keys;
    const char *client_keys;
    const char *client_options;
    const char *authz;
    const char *server_error; /* "" = any */
    const char *client_error;
} PskCase;

static const PskCase psk_cases[] = {
    { "same-key", "other:00ff\nqemu:0123456789abcdef\n", "qemu:0123456789ABCDEF" },
    { "named-user", "bob:0123456789abcdef\n\n", "bob:0123456789abcdef\n", ",username=bob" },
    { "allowed", "bob:0123456789abcdef\n", "bob:0123456789abcdef\n", ",username=bob",
      .authz = "only-bob" },
    { "denied", "eve:0123456789abcdef\n", "eve:0123456789abcdef\n", ",username=eve",
      .authz = "only-bob", .server_error = "'only-bob' denies 'eve'",
      .client_error = "The peer ended it: Access was denied" },
    { "unknown-user", "bob:0123456789abcdef\n", "eve:0123456789abcdef\n", ",username=eve",
      .server_error = "There is no PSK for user 'eve'", .client_error = "The peer ended it: " },
    { "wrong-key", "qemu:0123456789abcdef\n", "qemu:aa23456789abcdef\n",
      .server_error = "", .client_error = "The peer ended it: " },
    { "unknown-user-in-old-protocol", "bob:0123456789abcdef\n", "eve:0123456789abcdef\n",
      ",username=eve,priority=NORMAL:-VERS-ALL:+VERS-TLS1.2",
      .server_error = "There is no PSK for user 'eve'", .client_error = "The peer ended it: " },
};

static void test_psk(const void *data)
{
    const PskCase *row = data;
    g_autofree char *server_dir = tls_psk_folder(row->server_keys);
    g_autofree char *client_dir = tls_psk_folder(row->client_keys);
    TlsPair pair;

    tls_object_add("tls-creds-psk,id=s0,endpoint=server,dir=%s", server_dir);
    tls_object_add("tls-creds-psk,id=c0,endpoint=client,dir=%s%s", client_dir,
                   row->client_options ? row->client_options : "");
    tls_object_add("authz-simple,id=only-bob,identity=bob");
    tls_pair_open(&pair, "host.example", row->authz);
    expect_end(&pair.s, row->server_error);
    expect_end(&pair.c, row->client_error);
    tls_pair_close(&pair);
    object_delete_all();
    test_folder_remove(server_dir);
    test_folder_remove(client_dir);
}

/* --- Bytes --------------------------------------------------------------------------------- */

typedef struct Ends {
    TlsPair pair;
    TlsEnd *s; /* of the pair */
    TlsEnd *c;
    char *dir;
} Ends;

static void ends_set_up(Ends *ends, gconstpointer data)
{
    ends->dir = tls_psk_add("");
    ends->s = &ends->pair.s;
    ends->c = &ends->pair.c;
    tls_pair_open(&ends->pair, NULL, NULL);
    expect_end(ends->s, NULL);
    expect_end(ends->c, NULL);
}

static void ends_tear_down(Ends *ends, gconstpointer data)
{
    tls_pair_close(&ends->pair);
    tls_psk_remove(ends->dir);
}

static ssize_t end_write(TlsEnd *end, const void *data, size_t len)
{
    struct iovec iov = { .iov_base = (void *)data, .iov_len = len };

    return tls_session_writev(end->session, &iov, 1);
}

static void expect_bytes(TlsEnd *end, const char *text)
{
    char buffer[256];
    ssize_t n = tls_session_read(end->session, buffer, sizeof(buffer));

    g_assert_cmpint(n, ==, (ssize_t)strlen(text));
    g_assert_cmpmem(buffer, (size_t)n, text, strlen(text));
}

static void test_both_ways(Ends *ends, gconstpointer data)
{
    struct iovec iov[] = { { (char *)"one", 3 }, { NULL, 0 }, { (char *)"two", 3 } };

    g_assert_cmpint(tls_session_writev(ends->c->session, iov, 3), ==, 6);
    g_assert_cmpint(end_write(ends->s, "three", 5), ==, 5);
    tls_wire_move(ends->s, ends->c);
    expect_bytes(ends->s, "onetwo");
    expect_bytes(ends->c, "three");
}

/* A reader that takes less than a record finds the rest in the session, not in the socket. */
static void test_rest_of_a_record(Ends *ends, gconstpointer data)
{
    char byte;

    g_assert_cmpint(end_write(ends->c, "abc", 3), ==, 3);
    tls_wire_move(ends->s, ends->c);
    g_assert_false(tls_session_has_unread(ends->s->session));
    g_assert_cmpint(tls_session_read(ends->s->session, &byte, 1), ==, 1);
    g_assert_true(tls_session_has_unread(ends->s->session));
    expect_bytes(ends->s, "bc");
    g_assert_false(tls_session_has_unread(ends->s->session));
    g_assert_cmpint(tls_session_read(ends->s->session, &byte, 1), ==, -EAGAIN);
}

/* What is in the socket may be bytes, or nothing but the end. */
static void test_look_ahead(Ends *ends, gconstpointer data)
{
    char byte;

    g_assert_false(tls_session_look_ahead(ends->s->session));
    g_assert_cmpint(end_write(ends->c, "ab", 2), ==, 2);
    tls_wire_move(ends->s, ends->c);
    g_assert_true(tls_session_look_ahead(ends->s->session));
    g_assert_true(tls_session_look_ahead(ends->s->session));
    expect_bytes(ends->s, "ab");
    tls_session_close(ends->c->session);
    tls_wire_move(ends->s, ends->c);
    g_assert_false(tls_session_look_ahead(ends->s->session));
    g_assert_true(tls_session_has_unread(ends->s->session));
    g_assert_cmpint(tls_session_read(ends->s->session, &byte, 1), ==, 0);
}

/* A pattern in which a lost, doubled or moved byte shows. */
static uint8_t pattern(size_t at)
{
    return (uint8_t)(at * 31 + at / 251);
}

static size_t read_pattern(TlsEnd *end, size_t at)
{
    uint8_t buffer[5000];
    ssize_t n = tls_session_read(end->session, buffer, sizeof(buffer));

    for (ssize_t i = 0; i < n; i++) {
        g_assert_cmpuint(buffer[i], ==, pattern(at + (size_t)i));
    }
    g_assert_true(n > 0 || n == -EAGAIN);
    return n > 0 ? (size_t)n : 0;
}

/* 4 MiB in odd pieces through sockets that are full most of the time. */
static void test_no_byte_is_lost_when_full(Ends *ends, gconstpointer data)
{
    size_t len = 4 * 1024 * 1024;
    g_autofree uint8_t *bytes = g_malloc(len);
    size_t n_written = 0, n_read = 0;
    unsigned n_full = 0;

    for (size_t i = 0; i < len; i++) {
        bytes[i] = pattern(i);
    }
    while (n_read < len) {
        size_t piece = MIN(len - n_written, 1 + n_written % 40000);
        struct iovec iov[] = {
            { bytes + n_written, piece / 3 },
            { bytes + n_written + piece / 3, piece - piece / 3 },
        };
        ssize_t n = tls_session_writev(ends->c->session, iov, 2);

        g_assert_cmpint(n, >=, 0);
        n_written += (size_t)n;
        n_full += tls_session_has_unsent(ends->c->session);
        if (tls_session_has_unsent(ends->c->session) || n_written == len) {
            tls_wire_move(ends->s, ends->c);
            n_read += read_pattern(ends->s, n_read);
        }
        if (n_written == len) {
            tls_session_flush(ends->c->session);
        }
    }
    g_assert_cmpuint(n_read, ==, len);
    g_assert_cmpuint(n_full, >, 10);
}

/* --- Ends ---------------------------------------------------------------------------------- */

static void test_announced_end(Ends *ends, gconstpointer data)
{
    char buffer[16];

    g_assert_cmpint(end_write(ends->c, "last", 4), ==, 4);
    tls_session_close(ends->c->session);
    tls_wire_move(ends->s, ends->c);
    expect_bytes(ends->s, "last");
    g_assert_true(tls_session_has_unread(ends->s->session)); /* the end, without a hang-up */
    g_assert_cmpint(tls_session_read(ends->s->session, buffer, sizeof(buffer)), ==, 0);
    g_assert_cmpint(tls_session_read(ends->s->session, buffer, sizeof(buffer)), ==, 0);
    g_assert_null(tls_session_fault(ends->s->session));
}

static void test_cut_is_a_failure(Ends *ends, gconstpointer data)
{
    char buffer[16];

    g_assert_cmpint(end_write(ends->c, "last", 4), ==, 4);
    tls_wire_move(ends->s, ends->c);
    shutdown(ends->s->wire, SHUT_RDWR);
    expect_bytes(ends->s, "last");
    g_assert_cmpint(tls_session_read(ends->s->session, buffer, sizeof(buffer)), <, 0);
    g_assert_cmpstr(tls_session_fault(ends->s->session), ==,
                    "The connection was cut: its end was not announced");
}

/* @n: of the bytes that the client sends, how many the server gets before the wire is cut. */
static void cut_record_at(Ends *ends, size_t n)
{
    char buffer[4096];
    ssize_t len;

    memset(buffer, 'x', 1000);
    g_assert_cmpint(end_write(ends->c, buffer, 1000), ==, 1000);
    len = recv(ends->c->wire, buffer, sizeof(buffer), 0);
    g_assert_cmpint(len, >, 1000);
    g_assert_cmpint(send(ends->s->wire, buffer, n, 0), ==, (ssize_t)n);
    g_assert_cmpint(tls_session_read(ends->s->session, buffer, sizeof(buffer)), ==, -EAGAIN);
    shutdown(ends->s->wire, SHUT_RDWR);
    g_assert_cmpint(tls_session_read(ends->s->session, buffer, sizeof(buffer)), <, 0);
    g_assert_cmpint(tls_session_read(ends->s->session, buffer, sizeof(buffer)), !=, -EAGAIN);
}

static void test_cut_in_a_record(Ends *ends, gconstpointer data)
{
    cut_record_at(ends, 700);
}

static void test_cut_in_a_head(Ends *ends, gconstpointer data)
{
    cut_record_at(ends, 3);
}

static void test_changed_byte(Ends *ends, gconstpointer data)
{
    char buffer[256];
    ssize_t len;

    g_assert_cmpint(end_write(ends->c, "abc", 3), ==, 3);
    len = recv(ends->c->wire, buffer, sizeof(buffer), 0);
    buffer[len - 1] ^= 1;
    g_assert_cmpint(send(ends->s->wire, buffer, (size_t)len, 0), ==, len);
    g_assert_cmpint(tls_session_read(ends->s->session, buffer, sizeof(buffer)), ==, -EPROTO);
    g_assert_true(tls_session_has_unread(ends->s->session));
    g_assert_nonnull(tls_session_fault(ends->s->session));
}

static void test_write_into_nothing(Ends *ends, gconstpointer data)
{
    close(ends->c->wire);
    ends->c->wire = -1;
    g_assert_cmpint(end_write(ends->c, "abc", 3), <, 0);
    g_assert_false(tls_session_has_unsent(ends->c->session));
    g_assert_null(tls_session_fault(ends->c->session)); /* it is the socket's */
    tls_session_close(ends->c->session);
}

/* --- Peers that do not speak TLS ----------------------------------------------------------- */

/* @id: s0 or c0; these bytes are the first that it gets. */
static void expect_no_tls(const char *id, QCryptoTLSCredsEndpoint endpoint, const char *bytes,
                          size_t len)
{
    char *dir = tls_psk_add("");
    TlsEnd end;

    tls_end_open(&end, id, endpoint, NULL, NULL);
    g_assert_cmpint(tls_session_handshake(end.session, &end.error), ==, TLS_STEP_READ);
    g_assert_cmpint(send(end.wire, bytes, len, 0), ==, (ssize_t)len);
    g_assert_cmpint(tls_session_handshake(end.session, &end.error), ==, TLS_STEP_FAILED);
    g_assert_cmpstr(end.error->message, ==, "The peer does not speak TLS");
    tls_end_close(&end);
    tls_psk_remove(dir);
}

static void test_plain_client(void)
{
    static const char request[] = "{\"execute\": \"qmp_capabilities\"}\n";

    expect_no_tls("s0", QCRYPTO_TLS_CREDS_ENDPOINT_SERVER, request, strlen(request));
}

static void test_plain_server(void)
{
    static const char greeting[] = "{\"QMP\": {\"version\": {}}}\n";

    expect_no_tls("c0", QCRYPTO_TLS_CREDS_ENDPOINT_CLIENT, greeting, strlen(greeting));
}

static void test_frame_of_a_plain_client(void)
{
    static const char frame[] = "\0\0\0\x40\xff\xff\xff\xff\xff\xff\x52\x54";

    expect_no_tls("s0", QCRYPTO_TLS_CREDS_ENDPOINT_SERVER, frame, sizeof(frame));
}

#define ADD_ENDS(name, func) \
    g_test_add("/tls-session/" name, Ends, NULL, ends_set_up, func, ends_tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    CASES_ADD("/tls-session/x509/", x509_cases, name, test_x509);
    CASES_ADD("/tls-session/psk/", psk_cases, name, test_psk);
    ADD_ENDS("both-ways", test_both_ways);
    ADD_ENDS("rest-of-a-record", test_rest_of_a_record);
    ADD_ENDS("look-ahead", test_look_ahead);
    ADD_ENDS("no-byte-is-lost-when-full", test_no_byte_is_lost_when_full);
    ADD_ENDS("announced-end", test_announced_end);
    ADD_ENDS("cut-is-a-failure", test_cut_is_a_failure);
    ADD_ENDS("cut-in-a-record", test_cut_in_a_record);
    ADD_ENDS("cut-in-a-head", test_cut_in_a_head);
    ADD_ENDS("changed-byte", test_changed_byte);
    ADD_ENDS("write-into-nothing", test_write_into_nothing);
    g_test_add_func("/tls-session/plain-client", test_plain_client);
    g_test_add_func("/tls-session/plain-server", test_plain_server);
    g_test_add_func("/tls-session/frame-of-a-plain-client", test_frame_of_a_plain_client);
    return g_test_run();
}
