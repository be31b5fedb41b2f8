/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Certificates of two hosts, and what programs with TLS on their chardevs are tested with. */

#include "tls-rig.h"

#include <sys/socket.h>

static const TestCertSpec server_spec = { .subject = "CN=server", .host = "127.0.0.1" };

void tls_hosts_make(TlsHosts *hosts)
{
    static const char psk[] = "qemu:0123456789abcdef\n";

    hosts->ca = test_cert_new(&(TestCertSpec) { .subject = "CN=authority", .is_ca = true }, NULL);
    hosts->server = test_cert_new(&server_spec, hosts->ca);
    hosts->client = test_cert_new(&(TestCertSpec) { .subject = "CN=client" }, hosts->ca);
    hosts->server_dir = test_cert_folder(hosts->ca, "server", hosts->server);
    hosts->client_dir = test_cert_folder(hosts->ca, "client", hosts->client);
    test_folder_write(hosts->server_dir, "keys.psk", psk);
    test_folder_write(hosts->client_dir, "keys.psk", psk);
}

void tls_hosts_remove(TlsHosts *hosts)
{
    test_folder_remove(hosts->server_dir);
    test_folder_remove(hosts->client_dir);
    g_free(hosts->server_dir);
    g_free(hosts->client_dir);
    test_cert_free(hosts->ca);
    test_cert_free(hosts->server);
    test_cert_free(hosts->client);
}

void tls_hosts_renew(TlsHosts *hosts, const char *subject)
{
    TestCertSpec spec = server_spec;

    spec.subject = subject;
    test_cert_free(hosts->server);
    hosts->server = test_cert_new(&spec, hosts->ca);
    test_cert_write(hosts->server, hosts->server_dir, "server-cert.pem");
    test_cert_write_key(hosts->server, hosts->server_dir, "server-key.pem", NULL);
}

void tls_next_is_served(QTest *s, uint16_t port, const TlsHosts *hosts)
{
    TlsPeer *peer = tls_peer_connect(port, hosts->client_dir);

    qtest_wait_chardev(s, "chr0", true);
    tls_peer_close(peer);
    qtest_wait_chardev(s, "chr0", false);
}

void tls_server_start(TlsServer *server, const char *options)
{
    server->port = sock_free_port(SOCK_STREAM);
    tls_hosts_make(&server->hosts);
    server->s = qtest_start(TLS_SERVER TLS_CHR0_SERVER "%s", server->hosts.server_dir,
                            server->port, options);
}

void tls_server_end(TlsServer *server)
{
    if (server->s) {
        tls_next_is_served(server->s, server->port, &server->hosts);
        qtest_quit(server->s);
    }
    tls_hosts_remove(&server->hosts);
}

/* ---- two programs ---- */

/* Start @program, NULL = the one under test, as a test of ours starts that. */
static QTest *start(const char *program, const char *options)
{
    g_autofree char *ours = g_strdup(g_getenv("QTEST_QEMU_BINARY"));
    QTest *s;

    if (!program) {
        return qtest_start("%s", options);
    }
    g_setenv("QTEST_QEMU_BINARY", program, TRUE);
    g_setenv("QTEST_OLD_QEMU", "1", TRUE);
    s = qtest_start("%s", options);
    g_setenv("QTEST_QEMU_BINARY", ours, TRUE);
    g_unsetenv("QTEST_OLD_QEMU");
    return s;
}

/* net0 is joined to net1, another socket of the test's. Returns: net0's, or net1's, our end. */
static QTest *start_end(const char *program, const char *options, int *net0, int *net1)
{
    g_autofree char *all = NULL;
    int net0_theirs, net1_theirs;
    QTest *s;

    sock_pair(SOCK_STREAM, net0, &net0_theirs);
    sock_pair(SOCK_STREAM, net1, &net1_theirs);
    all = g_strdup_printf("-netdev socket,id=net0,fd=%d -netdev socket,id=net1,fd=%d "
                          "-netdev hubport,id=p0,hubid=0,netdev=net0 "
                          "-netdev hubport,id=p1,hubid=0,netdev=net1 %s",
                          net0_theirs, net1_theirs, options);
    s = start(program, all);
    sock_close(&net0_theirs);
    sock_close(&net1_theirs);
    return s;
}

static void start_from(TlsLink *link, const TlsLinkSpec *spec)
{
    g_autofree char *options = g_strconcat(
        spec->from_options,
        " -object filter-redirector,id=f0,netdev=net0,queue=tx,outdev=chr0", NULL);

    link->from = start_end(spec->from_program, options, &link->in_fd, &link->rest[0]);
}

static void start_to(TlsLink *link, const TlsLinkSpec *spec)
{
    g_autofree char *options = g_strconcat(
        spec->to_options,
        " -object filter-redirector,id=f0,netdev=net0,queue=tx,indev=chr0", NULL);

    link->to = start_end(spec->to_program, options, &link->rest[1], &link->out_fd);
}

void tls_link_open(TlsLink *link, const TlsLinkSpec *spec)
{
    if (spec->from_first) {
        start_from(link, spec);
        start_to(link, spec);
    } else {
        start_to(link, spec);
        start_from(link, spec);
    }
    /* QEMU cuts or drops the frames of a hub when the taker's socket has no room. */
    link->window = spec->to_program ? 1 : 50;
    frame_link_init(&link->in, FRAME_LINK_STREAM, link->in_fd);
    frame_link_init(&link->out, FRAME_LINK_STREAM, link->out_fd);
    qtest_wait_chardev(link->from, "chr0", true);
    qtest_wait_chardev(link->to, "chr0", true);
}

void tls_link_check(TlsLink *link, uint32_t first, uint32_t n)
{
    uint32_t done = 0;

    while (done < n) { /* no more on the way than sockets hold */
        uint32_t some = MIN(n - done, link->window);

        frame_link_send(&link->in, first + done, some);
        frame_link_expect(&link->out, first + done, some);
        done += some;
    }
    frame_link_expect_nothing(&link->out);
}

void tls_link_close(TlsLink *link)
{
    frame_link_clear(&link->in);
    frame_link_clear(&link->out);
    qtest_quit(link->from);
    qtest_quit(link->to);
    sock_close(&link->in_fd);
    sock_close(&link->out_fd);
    sock_close(&link->rest[0]);
    sock_close(&link->rest[1]);
}
