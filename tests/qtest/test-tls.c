/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TLS on socket chardevs of the real program: QMP, frames, who is refused, renewal, cuts. */

#include "tls-rig.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_FRAMES 10000

/* --- QMP ----------------------------------------------------------------------------------- */

#define WITH_QMP " -mon chardev=chr0,mode=control"

static void server_set_up(TlsServer *server, gconstpointer options)
{
    tls_server_start(server, options);
}

static void server_tear_down(TlsServer *server, gconstpointer options)
{
    tls_server_end(server);
}

static void qmp_send(TlsPeer *peer, const char *text)
{
    tls_peer_write(peer, text, strlen(text));
}

/* Returns: a client that has negotiated. */
static TlsPeer *qmp_connect(const TlsServer *server)
{
    TlsPeer *peer = tls_peer_connect(server->port, server->hosts.client_dir);
    g_autofree char *greeting = tls_peer_read_line(peer);
    g_autofree char *reply = NULL;

    g_assert_true(g_str_has_prefix(greeting, "{\"QMP\""));
    qmp_send(peer, "{\"execute\": \"qmp_capabilities\"}\n");
    reply = tls_peer_read_line(peer);
    g_assert_true(g_str_has_prefix(reply, "{\"return\": {}}"));
    return peer;
}

/* The answers, of 200 KB each, wait for a reader who only comes when all has been asked. */
static void test_qmp(TlsServer *server, gconstpointer options)
{
    enum { N_ANSWERS = 20 };
    TlsPeer *peer = qmp_connect(server);

    for (int i = 0; i < N_ANSWERS; i++) {
        qmp_send(peer, "{\"execute\": \"query-qmp-schema\"}\n");
    }
    for (int i = 0; i < N_ANSWERS; i++) {
        g_autofree char *reply = tls_peer_read_line(peer);
        g_autoptr(json_object) json = json_tokener_parse(reply);

        g_assert_nonnull(json_object_object_get(json, "return"));
        g_assert_cmpuint(strlen(reply), >, 50000);
    }
    tls_peer_close(peer);
    peer = qmp_connect(server); /* the next one */
    qtest_quit(server->s);
    server->s = NULL;
    tls_peer_expect_end(peer);
    tls_peer_close(peer);
}

/* A command in pieces of one byte, each a record of its own. */
static void test_qmp_byte_by_byte(TlsServer *server, gconstpointer options)
{
    static const char command[] = "{\"execute\": \"query-status\"}\n";
    g_autofree char *reply = NULL;
    TlsPeer *peer = qmp_connect(server);

    for (const char *c = command; *c; c++) {
        tls_peer_write(peer, c, 1);
    }
    reply = tls_peer_read_line(peer);
    g_assert_nonnull(strstr(reply, "\"running\""));
    tls_peer_close(peer);
}

/* --- Frames from one program to another ---------------------------------------------------- */

/* @said: by the one that receives; NULL = nothing. */
static void check_link(const char *server, const char *client, bool from_first, uint32_t n,
                       const char *said)
{
    TlsLinkSpec spec = {
        .from_options = from_first ? server : client,
        .to_options = from_first ? client : server,
        .from_first = from_first,
    };
    TlsLink link;

    tls_link_open(&link, &spec);
    tls_link_check(&link, 0, n);
    if (said) {
        qtest_wait_output(link.to, said);
    }
    g_assert_cmpint(qtest_filter_count(link.from, "f0", "to-outdev.frames"), ==, n);
    g_assert_cmpint(qtest_filter_count(link.from, "f0", "dropped.frames"), ==, 0);
    g_assert_cmpint(qtest_filter_count(link.to, "f0", "from-indev.frames"), ==, n);
    qtest_assert_conservation(link.from);
    qtest_assert_conservation(link.to);
    tls_link_close(&link);
}

static void check_x509_link(bool from_first, uint32_t n)
{
    uint16_t port = sock_free_port(SOCK_STREAM);
    g_autofree char *server = NULL, *client = NULL;
    TlsHosts hosts;

    tls_hosts_make(&hosts);
    server = g_strdup_printf("-object authz-simple,id=a0,identity=CN=client " TLS_SERVER
                             TLS_CHR0_SERVER ",tls-authz=a0", hosts.server_dir, port);
    client = g_strdup_printf(TLS_CLIENT TLS_CHR0_CLIENT, hosts.client_dir, port);
    check_link(server, client, from_first, n, NULL);
    tls_hosts_remove(&hosts);
}

static void test_frames_to_the_server(void)
{
    check_x509_link(false, N_FRAMES);
}

static void test_frames_to_the_client(void)
{
    check_x509_link(true, N_FRAMES);
}

static void test_frames_with_psk(void)
{
    uint16_t port = sock_free_port(SOCK_STREAM);
    g_autofree char *server = NULL, *client = NULL;
    TlsHosts hosts;

    tls_hosts_make(&hosts);
    server = g_strdup_printf("-trace tls_session_ready -object authz-simple,id=a0,identity=qemu "
                             "-object tls-creds-psk,id=s0,endpoint=server,dir=%s " TLS_CHR0_SERVER
                             ",tls-authz=a0", hosts.server_dir, port);
    client = g_strdup_printf("-object tls-creds-psk,id=c0,dir=%s " TLS_CHR0_CLIENT,
                             hosts.client_dir, port);
    check_link(server, client, false, 500,
               "tls_session_ready s0: TLS1.3 AES-128-GCM, peer 'qemu'\n");
    tls_hosts_remove(&hosts);
}

/* Nobody reads at the other end: the netdev waits, and in the end nothing is missing. */
static void test_frames_to_a_slow_reader(void)
{
    uint16_t port = sock_free_port(SOCK_STREAM);
    FrameLink in;
    int in_fd, net, n_frames;
    g_autofree uint8_t *buffer = g_malloc(FRAME_MAX);
    TlsHosts hosts;
    TlsPeer *peer;
    QTest *s;

    tls_hosts_make(&hosts);
    sock_pair(SOCK_STREAM, &in_fd, &net);
    s = qtest_start(TLS_SERVER TLS_CHR0_SERVER " -netdev socket,id=net0,fd=%d "
                    "-netdev hubport,id=p0,hubid=0,netdev=net0 "
                    "-object filter-redirector,id=f0,netdev=net0,queue=tx,outdev=chr0",
                    hosts.server_dir, port, net);
    sock_close(&net);
    frame_link_init(&in, FRAME_LINK_STREAM, in_fd);
    peer = tls_peer_connect(port, hosts.client_dir);
    qtest_wait_chardev(s, "chr0", true);
    for (n_frames = 0; qtest_netdev_count(s, "net0", "polled");) {
        n_frames += (int)frame_link_try_send(&in, (uint32_t)n_frames, 200);
    }
    for (int i = 0; i < n_frames; i++) {
        uint32_t len_be, seq;

        tls_peer_read(peer, &len_be, sizeof(len_be));
        tls_peer_read(peer, buffer, GUINT32_FROM_BE(len_be));
        g_assert_true(frame_check(buffer, GUINT32_FROM_BE(len_be), &seq));
        g_assert_cmpuint(seq, ==, (uint32_t)i);
    }
    qtest_wait_filter(s, "f0", "to-outdev.frames", n_frames);
    qtest_assert_conservation(s);
    tls_peer_close(peer);
    qtest_quit(s);
    frame_link_clear(&in);
    sock_close(&in_fd);
    tls_hosts_remove(&hosts);
}

/* --- Who is refused ------------------------------------------------------------------------ */

typedef struct RefusedClient {
    const char *name;
    TestCertSpec spec;     /* without subject: no certificate */
    bool is_foreign;       /* signed by another authority */
    bool is_revoked;
    const char *message;   /* of the program */
    const char *alert;     /* what the client is told */
} RefusedClient;

static const RefusedClient refused_clients[] = {
    { "without-certificate", { NULL }, .message = "The client has sent no certificate",
      .alert = "Certificate is required" },
    { "expired", { .subject = "CN=client", .from_days = -9, .to_days = -3 },
      .message = "The certificate 'CN=client' has expired", .alert = "Certificate is expired" },
    { "not-yet", { .subject = "CN=client", .from_days = 3 },
      .message = "The certificate 'CN=client' is not valid yet",
      .alert = "Certificate is expired" },
    { "revoked", { .subject = "CN=client" }, .is_revoked = true,
      .message = "The certificate 'CN=client' is revoked", .alert = "Certificate was revoked" },
    { "of-another-authority", { .subject = "CN=client" }, .is_foreign = true,
      .message = "The certificate 'CN=client' is not signed by an authority that is trusted",
      .alert = "CA is unknown" },
    { "denied", { .subject = "CN=other" }, .message = "'a0' denies 'CN=other'",
      .alert = "Access was denied" },
};

static char *refused_folder(const RefusedClient *row, const TlsHosts *hosts)
{
    TestCert *foreign = test_cert_new(&(TestCertSpec) { .subject = "CN=x", .is_ca = true }, NULL);
    TestCert *cert = row->spec.subject
                     ? test_cert_new(&row->spec, row->is_foreign ? foreign : hosts->ca) : NULL;
    char *folder = test_cert_folder(hosts->ca, "client", cert);

    if (row->is_revoked) {
        test_cert_write_crl(hosts->ca, cert, hosts->server_dir, "ca-crl.pem");
    }
    test_cert_free(foreign);
    g_clear_pointer(&cert, test_cert_free);
    return folder;
}

static void test_refused_client(const void *data)
{
    const RefusedClient *row = data;
    g_autofree char *folder = NULL;
    g_autofree char *message = NULL;
    g_autofree char *error = NULL;
    TlsServer server;
    TlsPeer *peer;

    tls_server_start(&server, ",tls-authz=a0 -object authz-list,id=a0,policy=allow");
    folder = refused_folder(row, &server.hosts);
    qtest_object_del(server.s, "a0"); /* the one that counts is that of the moment */
    qtest_object_add(server.s,
                     "{'qom-type': 'authz-simple', 'id': 'a0', 'identity': 'CN=client'}");
    peer = tls_peer_new(sock_connect_tcp(server.port), folder, false);
    error = tls_peer_handshake(peer);
    if (!error) { /* in TLS 1.3 a client learns it when it reads */
        tls_peer_expect_refusal(peer, row->alert);
    }
    tls_peer_cut(peer);
    message = g_strdup_printf("chardev 'chr0': a client was refused: %s\n", row->message);
    qtest_wait_output(server.s, message);
    tls_server_end(&server);
    test_folder_remove(folder);
}

/* --- Rules in a file ----------------------------------------------------------------------- */

static char *write_peers(const char *name)
{
    g_autofree char *text = g_strdup_printf("{\"rules\": [{\"match\": \"%s\", "
                                            "\"policy\": \"allow\"}]}", name);
    char *path = tmp_path("peers.json");

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    return path;
}

/* A client that may not come may when the file has been replaced. */
static void test_rules_in_a_file(void)
{
    g_autofree char *path = write_peers("CN=other");
    g_autofree char *options = g_strdup_printf(",tls-authz=a0 -object authz-list-file,id=a0,"
                                               "filename=%s -trace authz_list_file_read", path);
    g_autofree char *error = NULL;
    g_autofree char *same = NULL;
    TlsServer server;
    TlsPeer *peer;

    tls_server_start(&server, options);
    peer = tls_peer_new(sock_connect_tcp(server.port), server.hosts.client_dir, false);
    error = tls_peer_handshake(peer);
    if (!error) {
        tls_peer_expect_refusal(peer, "Access was denied");
    }
    tls_peer_cut(peer);
    qtest_wait_output(server.s, "a client was refused: 'a0' denies 'CN=client'\n");
    same = write_peers("CN=client");
    qtest_wait_output(server.s, "authz_list_file_read a0: 1 rules\n");
    tls_server_end(&server);
    unlink(path);
}

/* The program is the client; the server is not whom it looks for. */
static void test_refused_server(void)
{
    static const TestCertSpec spec = { .subject = "CN=elsewhere", .host = "elsewhere.example" };
    g_autofree char *folder = NULL;
    g_autofree char *error = NULL;
    TestCert *cert;
    uint16_t port;
    int listener = sock_listen_tcp(&port);
    TlsHosts hosts;
    TlsPeer *peer;
    QTest *s;

    tls_hosts_make(&hosts);
    cert = test_cert_new(&spec, hosts.ca);
    folder = test_cert_folder(hosts.ca, "server", cert);
    s = qtest_start(TLS_CLIENT TLS_CHR0_CLIENT, hosts.client_dir, port);
    peer = tls_peer_new(sock_accept(listener), folder, true);
    error = tls_peer_handshake(peer);
    g_assert_cmpstr(error, ==, "Certificate is bad");
    tls_peer_cut(peer);
    qtest_wait_output(s, "Unable to connect character device chr0: The certificate "
                      "'CN=elsewhere' does not belong to the host '127.0.0.1'\n");
    peer = tls_peer_new(sock_accept(listener), hosts.server_dir, true); /* it comes again */
    g_free(error);
    error = tls_peer_handshake(peer);
    g_assert_cmpstr(error, ==, NULL);
    qtest_wait_chardev(s, "chr0", true);
    tls_peer_close(peer);
    qtest_quit(s);
    sock_close(&listener);
    test_folder_remove(folder);
    test_cert_free(cert);
    tls_hosts_remove(&hosts);
}

static void test_plain_client(TlsServer *server, gconstpointer options)
{
    int fd = sock_connect_tcp(server->port);

    sock_write(fd, "{\"execute\": \"qmp_capabilities\"}\n", 32);
    sock_expect_eof(fd);
    sock_close(&fd);
    qtest_wait_output(server->s,
                      "chardev 'chr0': a client was refused: The peer does not speak TLS\n");
}

static void test_plain_server(void)
{
    uint16_t port = sock_free_port(SOCK_STREAM);
    TlsHosts hosts;
    QTest *server, *s;

    tls_hosts_make(&hosts);
    server = qtest_start("-chardev socket,id=chr0,host=127.0.0.1,port=%u,server=on,wait=off "
                         "-mon chardev=chr0,mode=control", port);
    s = qtest_start(TLS_CLIENT TLS_CHR0_CLIENT, hosts.client_dir, port);
    qtest_wait_output(s, "Unable to connect character device chr0: The peer does not speak "
                      "TLS\n");
    qtest_quit(s);
    qtest_quit(server);
    tls_hosts_remove(&hosts);
}

/* --- Command line -------------------------------------------------------------------------- */

static void test_start_errors(void)
{
    TlsHosts hosts;

    tls_hosts_make(&hosts);
    qtest_expect_start_error("Expected TLS credentials for a server endpoint",
                             TLS_CLIENT "-chardev socket,id=chr0,host=127.0.0.1,port=0,"
                             "server=on,wait=off,tls-creds=c0", hosts.client_dir);
    qtest_expect_start_error("Expected TLS credentials for a client endpoint",
                             TLS_SERVER "-chardev socket,id=chr0,host=127.0.0.1,port=1,"
                             "tls-creds=s0", hosts.server_dir);
    qtest_expect_start_error("'tls_creds' option is incompatible with 'unix' address type",
                             TLS_SERVER "-chardev socket,id=chr0,path=/x,server=on,wait=off,"
                             "tls-creds=s0", hosts.server_dir);
    qtest_expect_start_error("Unable to access credentials /nowhere/ca-cert.pem: ",
                             "-object tls-creds-x509,id=s0,dir=/nowhere");
    tls_hosts_remove(&hosts);
}

/* The chardev may stand in front of its credentials, and can be made by a command. */
static void test_any_order(void)
{
    uint16_t port = sock_free_port(SOCK_STREAM);
    g_autofree char *object = NULL;
    TlsHosts hosts;
    QTest *s;

    tls_hosts_make(&hosts);
    s = qtest_start(TLS_CHR0_SERVER " " TLS_SERVER, port, hosts.server_dir);
    tls_next_is_served(s, port, &hosts);
    qtest_qmp_error(s, "GenericError", "object 's0' is in use, can not be deleted",
                    "{'execute': 'object-del', 'arguments': {'id': 's0'}}");
    qtest_qmp_ok(s, "{'execute': 'chardev-remove', 'arguments': {'id': 'chr0'}}");
    qtest_object_del(s, "s0");
    object = g_strdup_printf("{'qom-type': 'tls-creds-x509', 'id': 's0', 'endpoint': 'server', "
                             "'dir': '%s'}", hosts.server_dir);
    qtest_object_add(s, object);
    qtest_qmp_ok(s, "{'execute': 'chardev-add', 'arguments': {'id': 'chr0', 'backend': "
                 "{'type': 'socket', 'data': {'tls-creds': 's0', 'wait': false, 'addr': "
                 "{'type': 'inet', 'data': {'host': '127.0.0.1', 'port': '%u'}}}}}}", port);
    tls_next_is_served(s, port, &hosts);
    qtest_quit(s);
    tls_hosts_remove(&hosts);
}

/* --- Renewal ------------------------------------------------------------------------------- */

/* To its end: a client that is still there has the next one cut off. */
static void expect_subject(const TlsServer *server, const char *subject)
{
    TlsPeer *peer = tls_peer_connect(server->port, server->hosts.client_dir);
    g_autofree char *shown = tls_peer_subject(peer);
    g_autofree char *greeting = tls_peer_read_line(peer);

    g_assert_cmpstr(shown, ==, subject);
    g_assert_nonnull(greeting);
    tls_peer_close(peer);
    qtest_wait_chardev(server->s, "chr0", false);
}

static void test_renewal(TlsServer *server, gconstpointer options)
{
    expect_subject(server, "CN=server");
    tls_hosts_renew(&server->hosts, "CN=renewed");
    expect_subject(server, "CN=renewed");
    test_folder_write(server->hosts.server_dir, "server-cert.pem", "broken\n");
    expect_subject(server, "CN=renewed");
    qtest_wait_output(server->s, "tls-creds-x509 's0': the files have changed, but cannot be used");
    tls_hosts_renew(&server->hosts, "CN=mended");
    expect_subject(server, "CN=mended");
}

/* --- Peers that mean no good --------------------------------------------------------------- */

static const uint8_t half_hello[] = { 0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 1, 2, 3, 4, 5 };

static void test_half_a_handshake_is_cut(void)
{
    uint16_t port = sock_free_port(SOCK_STREAM);
    TlsHosts hosts;
    QTest *s;
    int fd;

    tls_hosts_make(&hosts);
    s = qtest_start("-object tls-creds-x509,id=s0,endpoint=server,handshake-timeout=100,dir=%s "
                    TLS_CHR0_SERVER, hosts.server_dir, port);
    fd = sock_connect_tcp(port);
    sock_write(fd, half_hello, sizeof(half_hello));
    sock_expect_eof(fd);
    sock_close(&fd);
    qtest_wait_output(s, "a client was refused: The TLS handshake was not done within 100 ms\n");
    tls_next_is_served(s, port, &hosts);
    qtest_quit(s);
    tls_hosts_remove(&hosts);
}

/* More halves than there is room for keep out nobody who means it, and hold up no frame. */
static void test_many_halves(void)
{
    enum { N_HALVES = 100 };
    g_autofree char *options = NULL;
    int halves[N_HALVES];
    int in_fd, out_fd, net0, net1;
    FrameLink in, out;
    TlsServer server;

    sock_pair(SOCK_STREAM, &in_fd, &net0);
    sock_pair(SOCK_STREAM, &out_fd, &net1);
    options = g_strdup_printf(" -netdev socket,id=net0,fd=%d -netdev socket,id=net1,fd=%d "
                              "-netdev hubport,id=p0,hubid=0,netdev=net0 "
                              "-netdev hubport,id=p1,hubid=0,netdev=net1", net0, net1);
    tls_server_start(&server, options);
    sock_close(&net0);
    sock_close(&net1);
    frame_link_init(&in, FRAME_LINK_STREAM, in_fd);
    frame_link_init(&out, FRAME_LINK_STREAM, out_fd);
    for (int i = 0; i < N_HALVES; i++) {
        halves[i] = sock_connect_tcp(server.port);
        sock_write(halves[i], half_hello, sizeof(half_hello));
        frame_link_send(&in, (uint32_t)i, 1);
        frame_link_expect(&out, (uint32_t)i, 1);
    }
    qtest_wait_output(server.s, "a client was refused: More than 32 TLS handshakes are not done\n");
    tls_next_is_served(server.s, server.port, &server.hosts);
    for (int i = 0; i < N_HALVES; i++) {
        sock_expect_eof(halves[i]); /* one at a time is served, and all others are cut */
        sock_close(&halves[i]);
    }
    qtest_assert_conservation(server.s);
    tls_server_end(&server);
    frame_link_clear(&in);
    frame_link_clear(&out);
    sock_close(&in_fd);
    sock_close(&out_fd);
}

static void test_vanishes_in_a_record(TlsServer *server, gconstpointer options)
{
    static const uint8_t head_of_a_record[] = { 0x17, 3, 3, 0x10, 0, 1, 2, 3 };
    TlsPeer *peer = qmp_connect(server);

    sock_write(tls_peer_fd(peer), head_of_a_record, sizeof(head_of_a_record));
    tls_peer_cut(peer);
    qtest_wait_chardev(server->s, "chr0", false);
    qtest_wait_output(server->s, "chardev 'chr0': TLS: The connection was cut in a record, or the "
                      "record is damaged\n");
}

static void test_vanishes_between_records(TlsServer *server, gconstpointer options)
{
    TlsPeer *peer = qmp_connect(server);

    tls_peer_cut(peer);
    qtest_wait_output(server->s, "chardev 'chr0': TLS: The connection was cut: its end was not "
                      "announced\n");
}

static void test_garbage_in_a_record(TlsServer *server, gconstpointer options)
{
    uint8_t record[5 + 64] = { 0x17, 3, 3, 0, 64 };
    TlsPeer *peer = qmp_connect(server);

    sock_write(tls_peer_fd(peer), record, sizeof(record));
    qtest_wait_chardev(server->s, "chr0", false);
    tls_peer_expect_refusal(peer, "Bad record MAC");
    tls_peer_cut(peer);
    qtest_wait_output(server->s, "chardev 'chr0': TLS: ");
}

/* Who leaves before anybody uses the chardev makes room for the next. */
static void test_leaves_unread(TlsServer *server, gconstpointer options)
{
    for (int i = 0; i < 3; i++) {
        tls_next_is_served(server->s, server->port, &server->hosts);
    }
}

static void test_yank_in_a_handshake(void)
{
    uint16_t port;
    int listener = sock_listen_tcp(&port);
    g_autofree char *error = NULL;
    TlsHosts hosts;
    TlsPeer *peer;
    QTest *s;
    int fd;

    tls_hosts_make(&hosts);
    s = qtest_start(TLS_CLIENT TLS_CHR0_CLIENT, hosts.client_dir, port);
    fd = sock_accept(listener); /* and no word of it */
    wait_fd(fd, POLLIN, "the client's first words");
    qtest_qmp_ok(s, "{'execute': 'yank', 'arguments': {'instances': "
                 "[{'type': 'chardev', 'id': 'chr0'}]}}");
    sock_expect_eof(fd);
    sock_close(&fd);
    peer = tls_peer_new(sock_accept(listener), hosts.server_dir, true); /* it comes again */
    error = tls_peer_handshake(peer);
    g_assert_cmpstr(error, ==, NULL);
    qtest_wait_chardev(s, "chr0", true);
    tls_peer_close(peer);
    qtest_quit(s);
    sock_close(&listener);
    tls_hosts_remove(&hosts);
}

/* --- Foreign peers ------------------------------------------------------------------------- */

/* Returns: what @argv has printed when it holds @text; the program is ended then. */
static void expect_printed(const char *const *argv, const char *text)
{
    g_autoptr(GString) printed = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    char buffer[4096];
    int in_fd, out_fd;
    GPid pid;

    g_spawn_async_with_pipes(NULL, (char **)argv, NULL,
                             G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid,
                             &in_fd, &out_fd, NULL, &error);
    g_assert_no_error(error);
    while (!strstr(printed->str, text)) {
        ssize_t n;

        wait_fd(out_fd, POLLIN, text);
        n = read(out_fd, buffer, sizeof(buffer));
        if (n <= 0) {
            g_error("printed: %s", printed->str);
        }
        g_string_append_len(printed, buffer, n);
    }
    sock_close(&in_fd);
    kill(pid, SIGTERM);
    while (read(out_fd, buffer, sizeof(buffer)) > 0) {
    }
    sock_close(&out_fd);
    waitpid(pid, NULL, 0);
}

static void test_openssl(TlsServer *server, gconstpointer options)
{
    g_autofree char *program = g_find_program_in_path("openssl");
    g_autofree char *address = NULL, *ca = NULL, *cert = NULL, *key = NULL;

    if (!program) {
        g_test_skip("openssl is not installed");
        return;
    }
    address = g_strdup_printf("127.0.0.1:%u", server->port);
    ca = g_build_filename(server->hosts.client_dir, "ca-cert.pem", NULL);
    cert = g_build_filename(server->hosts.client_dir, "client-cert.pem", NULL);
    key = g_build_filename(server->hosts.client_dir, "client-key.pem", NULL);
    expect_printed((const char *[]) { program, "s_client", "-quiet", "-verify_return_error",
                                      "-connect", address, "-CAfile", ca, "-cert", cert, "-key",
                                      key, NULL }, "{\"QMP\"");
    qtest_wait_chardev(server->s, "chr0", false);
}

#define ADD_SERVER(name, options, func) \
    g_test_add("/tls/" name, TlsServer, options, server_set_up, func, server_tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD_SERVER("qmp", WITH_QMP, test_qmp);
    ADD_SERVER("qmp-byte-by-byte", WITH_QMP, test_qmp_byte_by_byte);
    g_test_add_func("/tls/frames-to-the-server", test_frames_to_the_server);
    g_test_add_func("/tls/frames-to-the-client", test_frames_to_the_client);
    g_test_add_func("/tls/frames-with-psk", test_frames_with_psk);
    g_test_add_func("/tls/frames-to-a-slow-reader", test_frames_to_a_slow_reader);
    for (size_t i = 0; i < G_N_ELEMENTS(refused_clients); i++) {
        g_autofree char *path = g_strconcat("/tls/refused-client/", refused_clients[i].name, NULL);

        g_test_add_data_func(path, &refused_clients[i], test_refused_client);
    }
    g_test_add_func("/tls/rules-in-a-file", test_rules_in_a_file);
    g_test_add_func("/tls/refused-server", test_refused_server);
    ADD_SERVER("plain-client", WITH_QMP, test_plain_client);
    g_test_add_func("/tls/plain-server", test_plain_server);
    g_test_add_func("/tls/start-errors", test_start_errors);
    g_test_add_func("/tls/any-order", test_any_order);
    ADD_SERVER("renewal", WITH_QMP, test_renewal);
    g_test_add_func("/tls/half-a-handshake-is-cut", test_half_a_handshake_is_cut);
    g_test_add_func("/tls/many-halves", test_many_halves);
    ADD_SERVER("vanishes-in-a-record", WITH_QMP, test_vanishes_in_a_record);
    ADD_SERVER("vanishes-between-records", WITH_QMP, test_vanishes_between_records);
    ADD_SERVER("garbage-in-a-record", WITH_QMP, test_garbage_in_a_record);
    ADD_SERVER("leaves-unread", "", test_leaves_unread);
    g_test_add_func("/tls/yank-in-a-handshake", test_yank_in_a_handshake);
    ADD_SERVER("openssl", WITH_QMP, test_openssl);
    return g_test_run();
}
