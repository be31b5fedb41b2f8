/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of secrets: where they come from, how they are written, and each way to get them wrong. */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "cases.h"
#include "config.h"
#include "qom/object.h"
#include "qom/secret.h"
#include "util/error.h"
#include "util/fd-store.h"

static bool add(const char *text, GError **error)
{
    g_autoptr(GError) local = NULL;
    ObjectOptions *options = object_options_parse_keyval(text, &local);
    bool ok;

    g_assert_no_error(local);
    ok = object_add(options, error);
    qapi_free_ObjectOptions(options);
    return ok;
}

static void add_ok(const char *text)
{
    g_autoptr(GError) error = NULL;

    add(text, &error);
    g_assert_no_error(error);
}

static void expect(const char *id, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = secret_lookup(id, &error);
    gsize len;
    const char *data;

    g_assert_no_error(error);
    data = g_bytes_get_data(bytes, &len);
    g_assert_cmpmem(data, len, expected, strlen(expected));
}

/* --- What is written, and what it stands for --------------------------------------------- */

/* Key and vector of the encrypted ones; the text is "open sesame". */
#define KEY "data=0123456789abcdef0123456789abcdef"
#define IV "iv=aXZpdml2aXZpdml2aXZpdg=="
#define ENCRYPTED "256cYFyvsjfBCVGNJNcrtA=="
#define ENCRYPTED_BASE64 "D0M0XVXlCmzQQZRBciqYtmKHTi333lCgLW/JL1csTNk="
#define UNPADDED "8kN4Gq7DIKUhbYaNlMgpag=="

typedef struct SecretCase {
    const char *name;
    const char *options;
    const char *bytes;  /* NULL = refused */
    const char *error;
    bool needs_crypto;
} SecretCase;

static const SecretCase secret_cases[] = {
    { "raw", "data=letmein", "letmein" },
    { "base64", "format=base64,data=b3BlbiBzZXNhbWU=", "open sesame" },
    { "base64-in-lines", "format=base64,data=b3BlbiBz\nZXNhbWU=\n", "open sesame" },
    { "encrypted", "keyid=key," IV ",data=" ENCRYPTED, "open sesame", .needs_crypto = true },
    { "encrypted-base64", "format=base64,keyid=key," IV ",data=" ENCRYPTED_BASE64, "open sesame",
      .needs_crypto = true },

    { "nothing", "format=raw", NULL, "Either 'file' or 'data' must be provided" },
    { "both", "data=a,file=b", NULL, "'file' and 'data' are mutually exclusive" },
    { "no-file", "file=/nowhere/secret", NULL, "Unable to read /nowhere/secret: " },
    { "no-base64", "format=base64,data=b3Bl*biBz", NULL,
      "Base64 data contains invalid characters" },
    { "no-key", "keyid=nobody," IV ",data=AAAA", NULL, "No secret with id 'nobody'" },
    { "key-is-none", "keyid=io," IV ",data=AAAA", NULL, "Object with id 'io' is not a secret" },
    { "key-too-short", "keyid=short," IV ",data=AAAA", NULL,
      "Key should be 32 bytes in length" },
    { "no-vector", "keyid=key,data=AAAA", NULL, "IV is required to decrypt secret" },
    { "vector-too-short", "keyid=key,iv=AAAA,data=AAAA", NULL,
      "IV should be 16 bytes in length not 3" },
    { "no-block", "keyid=key," IV ",data=AAAA", NULL,
      "Length of the encrypted secret is 3, which is no multiple of 16", true },
    { "bad-padding", "keyid=key," IV ",data=" UNPADDED, NULL,
      "Incorrect number of padding bytes (102) found on decrypted data", true },
};

static void test_secret(const void *data)
{
    const SecretCase *row = data;
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strdup_printf("secret,id=s0,%s", row->options);

#ifndef CONFIG_GNUTLS
    if (row->needs_crypto) {
        g_test_skip("built without GnuTLS");
        return;
    }
#endif
    add_ok("secret,id=key," KEY);
    add_ok("secret,id=short,data=0123");
    add_ok("iothread,id=io");
    g_assert_cmpint(add(text, &error), ==, row->bytes != NULL);
    if (row->bytes) {
        g_assert_no_error(error);
        expect("s0", row->bytes);
    } else {
        g_assert_nonnull(strstr(error->message, row->error));
        g_assert_null(object_find("s0"));
    }
    object_delete_all();
}

static void test_file(void)
{
    g_autofree char *path = g_build_filename(g_get_tmp_dir(), "qnd-secret-XXXXXX", NULL);
    g_autofree char *text = NULL;
    int fd = g_mkstemp(path);

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    g_assert_true(g_file_set_contents(path, "from a file\n", -1, NULL));
    text = g_strdup_printf("secret,id=s0,file=%s", path);
    add_ok(text);
    expect("s0", "from a file\n");
    g_unlink(path);
    object_delete_all();
}

static void *write_pipe(void *path)
{
    int fd = open(path, O_WRONLY); /* waits for the reader */

    g_assert_cmpint(write(fd, "from a pipe", 11), ==, 11);
    close(fd);
    return NULL;
}

/* At the start a pipe is read from its first writer to its end, whoever comes first. */
static void test_pipe_at_the_start(void)
{
    g_autofree char *folder = g_dir_make_tmp("qnd-secret-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "fifo", NULL);
    g_autofree char *text = g_strdup_printf("secret,id=s0,file=%s", path);
    GThread *writer;

    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    writer = g_thread_new("writer", write_pipe, path);
    add_ok(text);
    g_thread_join(writer);
    expect("s0", "from a pipe");
    object_delete_all();
    g_unlink(path);
    g_rmdir(folder);
}

/* By a command a pipe that nobody writes would stop the loop; at the start it is waited for. */
static void test_pipe_by_a_command(void)
{
    g_autofree char *folder = g_dir_make_tmp("qnd-secret-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "fifo", NULL);
    g_autofree char *text = g_strdup_printf("secret,id=s0,file=%s", path);
    g_autoptr(GError) error = NULL;
    FdStore *store = fd_store_new();

    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    fd_store_set_current(store);
    g_assert_false(add(text, &error));
    g_assert_nonnull(strstr(error->message, "it is no regular file"));
    fd_store_set_current(NULL);
    fd_store_free(store);
    g_unlink(path);
    g_rmdir(folder);
}

static void test_endless_file(void)
{
    g_autofree char *path = g_build_filename(g_get_tmp_dir(), "qnd-secret-XXXXXX", NULL);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    int fd = g_mkstemp(path);

    g_assert_cmpint(ftruncate(fd, 1 << 30), ==, 0);
    close(fd);
    text = g_strdup_printf("secret,id=s0,file=%s", path);
    g_assert_false(add(text, &error));
    g_assert_nonnull(strstr(error->message, "a secret has at most 65536 bytes"));
    g_unlink(path);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    CASES_ADD("/secret/", secret_cases, name, test_secret);
    g_test_add_func("/secret/from-a-file", test_file);
    g_test_add_func("/secret/pipe-at-the-start", test_pipe_at_the_start);
    g_test_add_func("/secret/no-pipe-by-a-command", test_pipe_by_a_command);
    g_test_add_func("/secret/file-too-long", test_endless_file);
    return g_test_run();
}
