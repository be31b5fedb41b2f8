/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of TLS credentials: each way to get the files wrong, and files that change meanwhile. */

#include <string.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "cases.h"
#include "qom/object.h"
#include "tls-fixture.h"
#include "util/log.h"

#define SERVER QCRYPTO_TLS_CREDS_ENDPOINT_SERVER
#define CLIENT QCRYPTO_TLS_CREDS_ENDPOINT_CLIENT

/* --- Folders ------------------------------------------------------------------------------- */

/** A folder with an authority and a pair for each end; "DIR" in messages stands for it. */
typedef struct Folder {
    TestCert *ca;
    TestCert *good;
    char *path;
} Folder;

static void folder_open(Folder *f)
{
    f->ca = test_cert_new(&(TestCertSpec) { .subject = "CN=ca", .is_ca = true }, NULL);
    f->good = test_cert_new(&(TestCertSpec) { .subject = "CN=one", .host = "h" }, f->ca);
    f->path = test_cert_folder(f->ca, "server", f->good);
    test_cert_write(f->good, f->path, "client-cert.pem");
    test_cert_write_key(f->good, f->path, "client-key.pem", NULL);
    test_folder_write(f->path, "keys.psk", "qemu:00ff\n");
}

static void folder_close(Folder *f)
{
    object_delete_all();
    test_cert_free(f->ca);
    test_cert_free(f->good);
    test_folder_remove(f->path);
    g_free(f->path);
}

static void folder_remove(Folder *f, const char *name)
{
    g_autofree char *path = g_build_filename(f->path, name, NULL);

    g_assert_cmpint(g_unlink(path), ==, 0);
}

/* A pair signed by the folder's authority. */
static void folder_replace_pair(Folder *f, const char *end, const TestCertSpec *spec)
{
    TestCert *cert = test_cert_new(spec, f->ca);
    g_autofree char *cert_name = g_strconcat(end, "-cert.pem", NULL);
    g_autofree char *key_name = g_strconcat(end, "-key.pem", NULL);

    test_cert_write(cert, f->path, cert_name);
    test_cert_write_key(cert, f->path, key_name, NULL);
    test_cert_free(cert);
}

/* --- What is refused ----------------------------------------------------------------------- */

static void spoil_no_ca(Folder *f)
{
    folder_remove(f, "ca-cert.pem");
}

static void spoil_ca_is_text(Folder *f)
{
    test_folder_write(f->path, "ca-cert.pem", "no certificate\n");
}

static void spoil_ca_is_no_ca(Folder *f)
{
    test_cert_write(f->good, f->path, "ca-cert.pem");
}

static void spoil_crl(Folder *f)
{
    test_folder_write(f->path, "ca-crl.pem", "no list\n");
}

static void spoil_no_pair(Folder *f)
{
    folder_remove(f, "server-cert.pem");
    folder_remove(f, "server-key.pem");
}

static void spoil_no_server_key(Folder *f)
{
    folder_remove(f, "server-key.pem");
}

static void spoil_no_client_cert(Folder *f)
{
    folder_remove(f, "client-cert.pem");
}

static void spoil_further_pair(Folder *f)
{
    test_cert_write(f->good, f->path, "server-cert-3.pem");
}

static void spoil_key_of_another(Folder *f)
{
    test_cert_write_key(f->ca, f->path, "server-key.pem", NULL);
}

static void spoil_expired(Folder *f)
{
    folder_replace_pair(f, "server", &(TestCertSpec) { .subject = "CN=s", .from_days = -5,
                                                       .to_days = -2 });
}

static void spoil_not_yet(Folder *f)
{
    folder_replace_pair(f, "server", &(TestCertSpec) { .subject = "CN=s", .from_days = 2 });
}

static void spoil_purpose(Folder *f)
{
    folder_replace_pair(f, "server", &(TestCertSpec) { .subject = "CN=s",
                                                       .for_client_only = true });
}

static void spoil_issuer(Folder *f)
{
    TestCert *other = test_cert_new(&(TestCertSpec) { .subject = "CN=x", .is_ca = true }, NULL);

    test_cert_write(other, f->path, "ca-cert.pem");
    test_cert_free(other);
}

static void spoil_locked_key(Folder *f)
{
    test_cert_write_key(f->good, f->path, "server-key.pem", "open sesame");
}

static void spoil_folder_as_file(Folder *f)
{
    g_autofree char *path = g_build_filename(f->path, "keys.psk", NULL);

    g_unlink(path);
    g_assert_cmpint(g_mkdir(path, 0700), ==, 0);
}

static void spoil_no_keys(Folder *f)
{
    folder_remove(f, "keys.psk");
}

static void spoil_key_line(Folder *f)
{
    test_folder_write(f->path, "keys.psk", "qemu:00ff\nbob:abc\n");
}

static void spoil_dh(Folder *f)
{
    test_folder_write(f->path, "dh-params.pem", "none\n");
}

typedef struct CredsCase {
    const char *name;
    void (*spoil)(Folder *f); /* NULL = nothing */
    const char *options;      /* "%s" = the folder */
    const char *error;        /* begins so; DIR = the folder; NULL = it is created */
} CredsCase;

#define X509 "tls-creds-x509,id=t0,dir=%s"
#define PSK "tls-creds-psk,id=t0,dir=%s"

static const CredsCase creds_cases[] = {
    { "x509-server", NULL, X509 ",endpoint=server" },
    { "x509-client", NULL, X509 },
    { "x509-client-without-pair", spoil_no_pair, X509 },
    { "psk-server", NULL, PSK ",endpoint=server" },
    { "psk-client", NULL, PSK ",username=qemu" },
    { "expired-but-wanted", spoil_expired, X509 ",endpoint=server,sanity-check=off" },
    { "password", spoil_locked_key, X509 ",endpoint=server,passwordid=pw" },

    { "no-dir", NULL, "tls-creds-x509,id=t0", "Missing 'dir' property value" },
    { "no-folder", NULL, "tls-creds-psk,id=t0,dir=%s/none",
      "Unable to access credentials DIR/none/keys.psk: No such file or directory" },
    { "priority", NULL, X509 ",priority=FAST",
      "Parameter 'priority' does not accept value 'FAST': " },
    { "no-time", NULL, X509 ",handshake-timeout=0", "Parameter 'handshake-timeout' expects " },
    { "no-ca", spoil_no_ca, X509,
      "Unable to access credentials DIR/ca-cert.pem: No such file or directory" },
    { "ca-is-text", spoil_ca_is_text, X509, "Unable to load CA certificates from "
                                            "DIR/ca-cert.pem: " },
    { "ca-is-no-ca", spoil_ca_is_no_ca, X509,
      "The certificate DIR/ca-cert.pem is not that of an authority" },
    { "crl", spoil_crl, X509, "Unable to load revoked certificates from DIR/ca-crl.pem: " },
    { "dh", spoil_dh, X509 ",endpoint=server",
      "Unable to load DH parameters from DIR/dh-params.pem: " },
    { "no-pair", spoil_no_pair, X509 ",endpoint=server",
      "Missing server cert 'DIR/server-cert.pem' & key 'DIR/server-key.pem'" },
    { "no-key", spoil_no_server_key, X509 ",endpoint=server",
      "Cert 'DIR/server-cert.pem' without corresponding key 'DIR/server-key.pem'" },
    { "no-cert", spoil_no_client_cert, X509,
      "Key 'DIR/client-key.pem' without corresponding cert 'DIR/client-cert.pem'" },
    { "further-pair", spoil_further_pair, X509 ",endpoint=server",
      "Cert 'DIR/server-cert-3.pem' without corresponding key 'DIR/server-key-3.pem'" },
    { "key-of-another", spoil_key_of_another, X509 ",endpoint=server",
      "Unable to load certificate DIR/server-cert.pem & key DIR/server-key.pem: " },
    { "expired", spoil_expired, X509 ",endpoint=server",
      "The certificate DIR/server-cert.pem has expired" },
    { "not-yet", spoil_not_yet, X509 ",endpoint=server",
      "The certificate DIR/server-cert.pem is not valid yet" },
    { "purpose", spoil_purpose, X509 ",endpoint=server",
      "The certificate DIR/server-cert.pem is not made for a TLS server" },
    { "issuer", spoil_issuer, X509 ",endpoint=server",
      "The certificate DIR/server-cert.pem is not signed by an authority that is trusted" },
    { "no-password", spoil_locked_key, X509 ",endpoint=server",
      "Unable to load certificate DIR/server-cert.pem & key DIR/server-key.pem: " },
    { "wrong-password", spoil_locked_key, X509 ",endpoint=server,passwordid=wrong",
      "Unable to load certificate DIR/server-cert.pem & key DIR/server-key.pem: " },
    { "no-secret", NULL, X509 ",passwordid=nobody", "No secret with id 'nobody'" },
    { "no-keys", spoil_no_keys, PSK,
      "Unable to access credentials DIR/keys.psk: No such file or directory" },
    { "keys-is-a-folder", spoil_folder_as_file, PSK,
      "Unable to access credentials DIR/keys.psk: it is no regular file" },
    { "key-line", spoil_key_line, PSK,
      "DIR/keys.psk: line 2 is not USER:KEY with the key in hexadecimal digits" },
    { "no-such-user", NULL, PSK ",username=bob",
      "Username bob not found in PSK file DIR/keys.psk" },
    { "server-with-user", NULL, PSK ",endpoint=server,username=bob",
      "username should not be set when endpoint=server" },
};

static void test_creds(const void *data)
{
    const CredsCase *row = data;
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) halves = g_strsplit(row->options, "%s", 2);
    g_autofree char *options = NULL;
    Folder f;

    folder_open(&f);
    if (row->spoil) {
        row->spoil(&f);
    }
    tls_object_add("secret,id=pw,data=open sesame");
    tls_object_add("secret,id=wrong,data=open");
    options = g_strjoin(f.path, halves[0], halves[1], NULL);
    tls_object_try(&error, "%s", options);
    if (row->error) {
        g_auto(GStrv) parts = g_strsplit(row->error, "DIR", -1);
        g_autofree char *want = g_strjoinv(f.path, parts);

        g_assert_nonnull(error);
        tls_expect_text(error->message, want);
        g_assert_null(object_find("t0"));
    } else {
        g_assert_no_error(error);
        g_assert_nonnull(object_find("t0"));
    }
    folder_close(&f);
}

/* --- Who may use them ---------------------------------------------------------------------- */

static void expect_use_error(const char *id, QCryptoTLSCredsEndpoint endpoint, const char *text)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(tls_creds_use(id, endpoint, &error));
    g_assert_cmpstr(error->message, ==, text);
}

static void test_use(void)
{
    g_autoptr(GError) error = NULL;
    TlsCreds *creds;
    Folder f;

    folder_open(&f);
    tls_object_add("tls-creds-x509,id=s0,endpoint=server,dir=%s", f.path);
    tls_object_add("tls-creds-psk,id=c0,dir=%s", f.path);
    tls_object_add("iothread,id=io");
    expect_use_error("nobody", SERVER, "No TLS credentials with id 'nobody'");
    expect_use_error("io", SERVER, "Object with id 'io' is not TLS credentials");
    expect_use_error("c0", SERVER, "Expected TLS credentials for a server endpoint");
    expect_use_error("s0", CLIENT, "Expected TLS credentials for a client endpoint");
    creds = tls_creds_use("s0", SERVER, NULL);
    g_assert_false(object_remove("s0", &error));
    g_assert_cmpstr(error->message, ==, "object 's0' is in use, can not be deleted");
    tls_creds_unref(creds);
    g_assert_true(object_remove("s0", NULL));
    folder_close(&f);
}

/* --- Files that change --------------------------------------------------------------------- */

/* A client that looks for host @name at a new session of the server. */
static void expect_host(const char *name, bool is_found)
{
    TlsPair pair;

    tls_pair_open(&pair, name, NULL);
    g_assert_cmpint(pair.c.error == NULL, ==, is_found);
    g_assert_cmpint(pair.s.error == NULL, ==, is_found);
    tls_pair_close(&pair);
}

static void test_renewed(void)
{
    Folder f;

    folder_open(&f);
    tls_object_add("tls-creds-x509,id=s0,endpoint=server,dir=%s", f.path);
    tls_object_add("tls-creds-x509,id=c0,dir=%s", f.path);
    expect_host("h", true);
    folder_replace_pair(&f, "server", &(TestCertSpec) { .subject = "CN=new", .host = "new" });
    expect_host("h", false);
    expect_host("new", true);
    folder_close(&f);
}

static void renew_half(Folder *f)
{
    TestCert *cert = test_cert_new(&(TestCertSpec) { .subject = "CN=new", .host = "new" }, f->ca);

    test_cert_write(cert, f->path, "server-cert.pem");
    expect_host("h", true); /* and again, without another word */
    expect_host("h", true);
    test_cert_write_key(cert, f->path, "server-key.pem", NULL);
    expect_host("new", true);
    test_cert_free(cert);
}

static void test_renewed_by_halves(void)
{
    Folder f;

    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_passed();
        g_test_trap_assert_stderr("*warning: tls-creds-x509 's0': the files have changed, but "
                                  "cannot be used; those read before still are: Unable to load "
                                  "certificate *");
        g_test_trap_assert_stderr_unmatched("*have changed*have changed*");
        return;
    }
    folder_open(&f);
    tls_object_add("tls-creds-x509,id=s0,endpoint=server,dir=%s", f.path);
    tls_object_add("tls-creds-x509,id=c0,dir=%s", f.path);
    renew_half(&f);
    folder_close(&f);
}

/* What a session has begun with is its own, whatever becomes of files and object. */
static void test_sessions_outlive_their_files(void)
{
    TlsPair pair;
    struct iovec iov = { (char *)"x", 1 };
    char byte;
    Folder f;

    folder_open(&f);
    tls_object_add("tls-creds-x509,id=s0,endpoint=server,dir=%s", f.path);
    tls_object_add("tls-creds-x509,id=c0,dir=%s", f.path);
    tls_pair_open(&pair, "h", NULL);
    folder_replace_pair(&f, "server", &(TestCertSpec) { .subject = "CN=new", .host = "new" });
    expect_host("new", true);
    object_delete_all();
    g_assert_cmpint(tls_session_writev(pair.c.session, &iov, 1), ==, 1);
    tls_wire_move(&pair.s, &pair.c);
    g_assert_cmpint(tls_session_read(pair.s.session, &byte, 1), ==, 1);
    tls_pair_close(&pair);
    folder_close(&f);
}

static void test_user_added(void)
{
    char *other = tls_psk_folder("bob:0123\n");
    TlsPair pair;
    Folder f;

    folder_open(&f);
    tls_object_add("tls-creds-psk,id=s0,endpoint=server,dir=%s", f.path);
    tls_object_add("tls-creds-psk,id=c0,username=bob,dir=%s", other);
    test_folder_write(f.path, "keys.psk", "qemu:00ff\nbob:0123\n");
    tls_pair_open(&pair, NULL, NULL);
    g_assert_no_error(pair.s.error);
    g_assert_cmpstr(tls_session_peer(pair.s.session), ==, "bob");
    tls_pair_close(&pair);
    folder_close(&f);
    test_folder_remove(other);
    g_free(other);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    log_init("test");
    CASES_ADD("/tls-creds/", creds_cases, name, test_creds);
    g_test_add_func("/tls-creds/use", test_use);
    g_test_add_func("/tls-creds/renewed", test_renewed);
    g_test_add_func("/tls-creds/renewed-by-halves", test_renewed_by_halves);
    g_test_add_func("/tls-creds/sessions-outlive-their-files", test_sessions_outlive_their_files);
    g_test_add_func("/tls-creds/user-added", test_user_added);
    return g_test_run();
}
