/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of -chardev arguments, legacy strings, and the messages about both and about QMP. */

#include "cases.h"
#include "char-test.h"
#include "localhost.h"
#include "util/error.h"

/** An argument that is refused. */
typedef struct BadOpts {
    const char *name;
    const char *text;
    const char *want;
} BadOpts;

static const BadOpts bad_opts[] = {
    { "no-id", "null", "chardev: no id specified" },
    { "no-backend", "id=c", "chardev: \"c\" missing backend" },
    { "unknown-backend", "foo,id=c", "'foo' is not a valid char driver name" },
    { "unsupported-backend", "vc,id=c", "'vc' is not a valid char driver name" },
    { "unknown-key", "null,id=c,foo=1", "Invalid parameter 'foo'" },
    { "reconnect-in-seconds", "socket,id=c,path=/x,reconnect=1", "Invalid parameter 'reconnect'" },
    { "key-of-another-backend", "null,id=c,path=/x", "Invalid parameter 'path'" },
    { "key-of-another-address", "socket,id=c,path=/x,port=1", "Invalid parameter 'port'" },
    { "bad-id", "null,id=1c", "Parameter 'id' expects an identifier" },
    { "bad-bool", "stdio,id=c,signal=maybe", "Parameter 'signal' expects 'on' or 'off'" },
    { "bad-number", "socket,id=c,path=/x,reconnect-ms=x",
      "Parameter 'reconnect-ms' expects a number" },
    { "large-number", "socket,id=c,host=::1,port=1,to=65536",
      "Value '65536' is too large for parameter 'to'" },
    { "bad-size", "ringbuf,id=c,size=1KB",
      "Parameter 'size' expects a non-negative number below 2^64" },
    { "large-size", "ringbuf,id=c,size=20E", "Value '20E' is out of range for parameter 'size'" },
    { "ringbuf-size", "ringbuf,id=c,size=3", "size of ringbuf chardev must be power of two" },
    { "socket-two-addresses", "socket,id=c,path=/x,fd=3",
      "None or one of 'path', 'fd' or 'host' option required." },
    { "socket-no-port", "socket,id=c,host=h", "chardev: socket: no port given" },
    { "socket-no-address", "socket,id=c", "Unable to parse FD number " },
    { "socket-bad-fd", "socket,id=c,fd=foo", "Unable to parse FD number foo" },
    { "socket-wait-as-client", "socket,id=c,path=/x,wait=on",
      "'wait' option is incompatible with socket in client connect mode" },
    { "socket-reconnect-as-server", "socket,id=c,path=/x,server=on,reconnect-ms=1",
      "'reconnect-ms' option is incompatible with socket in server listen mode" },
    { "socket-reconnect-with-fd", "socket,id=c,fd=3,reconnect-ms=1",
      "'reconnect-ms' option is incompatible with 'fd' address type" },
    { "socket-websocket-client", "socket,id=c,path=/x,websocket=on",
      "Websocket client is not implemented" },
    { "socket-delay-and-nodelay", "socket,id=c,host=h,port=1,delay=on,nodelay=on",
      "'delay' and 'nodelay' are mutually exclusive" },
    { "socket-tn3270", "socket,id=c,path=/x,server=on,tn3270=on",
      "Parameter 'tn3270' does not accept value 'on': the protocol is not supported" },
    { "socket-tls", "socket,id=c,host=h,port=1,tls-creds=t",
      "No TLS credentials with id 't'" },
    { "socket-tls-on-unix", "socket,id=c,path=/x,server=on,tls-creds=t",
      "'tls_creds' option is incompatible with 'unix' address type" },
    { "socket-tls-on-fd", "socket,id=c,fd=3,tls-creds=t",
      "'tls_creds' option is incompatible with 'fd' address type" },
    { "socket-authz-alone", "socket,id=c,host=h,port=1,tls-authz=a",
      "'tls_authz' option requires 'tls_creds' option" },
    { "socket-long-path", "socket,id=c,server=on,path=/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
      "UNIX socket path '/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' is too long" },
    { "udp-no-port", "udp,id=c,host=h", "chardev: udp: remote port not specified" },
    { "file-no-path", "file,id=c", "chardev: file: no filename given" },
    { "file-bad-path", "file,id=c,path=/nonexistent/f",
      "Could not open '/nonexistent/f': No such file or directory" },
    { "file-bad-input-path", "file,id=c,path=/dev/null,input-path=/nonexistent/f",
      "Could not open '/nonexistent/f': No such file or directory" },
    { "pipe-no-path", "pipe,id=c", "chardev: pipe: no device path given" },
    { "pipe-bad-path", "pipe,id=c,path=/nonexistent/p",
      "Could not open '/nonexistent/p': No such file or directory" },
    { "pty-bad-link", "pty,id=c,path=/nonexistent/l",
      "Failed to create PTY symlink: No such file or directory" },
    { "mux-no-chardev", "mux,id=c", "chardev: mux: no chardev given" },
    { "mux-bad-chardev", "mux,id=c,chardev=x", "mux: base chardev x not found" },
    { "logfile", "null,id=c,logfile=/nonexistent/l",
      "Could not create '/nonexistent/l': No such file or directory" },
    { "logappend-alone", "null,id=c,logappend=on", "Parameter 'logappend' requires 'logfile'" },
};

static void test_bad_opts(gconstpointer data)
{
    const BadOpts *bad = data;
    g_autoptr(GError) error = NULL;

    g_assert_null(char_new_from_opts(bad->text, &error));
    g_assert_nonnull(error);
    g_assert_cmpstr(error->message, ==, bad->want);
    g_assert_null(char_find("c"));
}

/** A QMP command that is refused, in the presence of: null "n", ringbuf "r", mux "m" on "b". */
typedef struct BadCommand {
    const char *name;
    const char *command;
    const char *args;
    const char *want;
} BadCommand;

static const BadCommand bad_commands[] = {
    { "add-unknown-type", "chardev-add", "{'id': 'c', 'backend': {'type': 'foo', 'data': {}}}",
      "Parameter 'type' does not accept value 'foo'" },
    { "add-without-data", "chardev-add", "{'id': 'c', 'backend': {'type': 'null'}}",
      "Parameter 'backend.data' is missing" },
    { "add-without-port", "chardev-add", "{'id': 'c', 'backend': {'type': 'socket', 'data': "
      "{'addr': {'type': 'inet', 'data': {'host': 'h'}}}}}",
      "Parameter 'backend.data.addr.data.port' is missing" },
    { "add-twice", "chardev-add", "{'id': 'n', 'backend': {'type': 'null', 'data': {}}}",
      "Chardev with id 'n' already exists" },
    { "add-fails", "chardev-add", "{'id': 'c', 'backend': {'type': 'file', 'data': "
      "{'out': '/nonexistent/f'}}}",
      "Failed to add chardev 'c': Could not open '/nonexistent/f': No such file or directory" },
    { "add-udp-unix", "chardev-add", "{'id': 'c', 'backend': {'type': 'udp', 'data': "
      "{'remote': {'type': 'unix', 'data': {'path': '/x'}}}}}",
      "Failed to add chardev 'c': socket type unsupported for datagram" },
    { "add-ringbuf-zero", "chardev-add", "{'id': 'c', 'backend': {'type': 'ringbuf', 'data': "
      "{'size': 0}}}",
      "Failed to add chardev 'c': size of ringbuf chardev must be power of two" },
    { "remove-unknown", "chardev-remove", "{'id': 'x'}", "Chardev 'x' not found" },
    { "remove-busy", "chardev-remove", "{'id': 'b'}", "Chardev 'b' is busy" },
    { "break-unknown", "chardev-send-break", "{'id': 'x'}", "Chardev 'x' not found" },
    { "change-unknown", "chardev-change", "{'id': 'x', 'backend': {'type': 'null', 'data': {}}}",
      "Chardev 'x' does not exist" },
    { "change-backend", "chardev-change",
      "{'id': 'r', 'backend': {'type': 'file', 'data': {'out': '/nonexistent/f'}}}",
      "Failed to add chardev 'r': Could not open '/nonexistent/f': No such file or directory" },
    { "change-mux", "chardev-change", "{'id': 'm', 'backend': {'type': 'null', 'data': {}}}",
      "For mux or hub device hotswap is not supported yet" },
    { "change-busy", "chardev-change", "{'id': 'b', 'backend': {'type': 'null', 'data': {}}}",
      "Chardev user does not support chardev hotswap" },
    { "change-to-a-mux-on-itself", "chardev-change",
      "{'id': 'n', 'backend': {'type': 'mux', 'data': {'chardev': 'n'}}}",
      "Failed to add chardev 'n': Chardev 'n' cannot be replaced by one that stands on it" },
    { "ringbuf-unknown", "ringbuf-read", "{'device': 'x', 'size': 1}", "Device 'x' not found" },
    { "ringbuf-other", "ringbuf-write", "{'device': 'n', 'data': 'x'}",
      "n is not a ringbuf device" },
    { "ringbuf-size", "ringbuf-read", "{'device': 'r', 'size': 0}",
      "size must be greater than zero" },
    { "ringbuf-base64", "ringbuf-write", "{'device': 'r', 'data': 'a*==', 'format': 'base64'}",
      "Base64 data contains invalid characters" },
};

static void test_bad_command(gconstpointer data)
{
    const BadCommand *bad = data;

    test_char_new("null,id=n");
    test_char_new("ringbuf,id=r");
    test_char_new("null,id=b");
    test_char_new("mux,id=m,chardev=b");
    test_qmp_fails(bad->command, bad->args, bad->want);
    g_assert_nonnull(char_find("n")); /* as it was: it can be used */
    test_char_new("mux,id=m2,chardev=n");
    char_cleanup();
}

static void test_mistyped_backend(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(char_new_from_opts("soket,id=c", &error));
    g_assert_cmpstr(error->message, ==, "'soket' is not a valid char driver name");
    g_assert_cmpstr(error_hint(error), ==, "Did you mean 'socket'?\n");
}

static void test_duplicate(void)
{
    g_autoptr(GError) error = NULL;

    test_char_new("null,id=c");
    g_assert_null(char_new_from_opts("null,id=c", &error));
    g_assert_cmpstr(error->message, ==, "Duplicate ID 'c' for chardev");
    char_cleanup();
}

static void test_in_use(void)
{
    g_autoptr(GError) error = NULL;
    TestUser user = { 0 };
    CharFrontend other = { 0 };
    Chardev *chr = test_char_new("null,id=c");

    test_user_attach(&user, chr, &test_writer_ops);
    g_assert_false(char_frontend_attach(&other, chr, &test_writer_ops, NULL, &error));
    g_assert_cmpstr(error->message, ==, "chardev 'c' is already in use");
    test_qmp_fails("chardev-remove", "{'id': 'c'}", "Chardev 'c' is busy");
    test_user_clear(&user);
    json_object_put(test_qmp_ok("chardev-remove", "{'id': 'c'}"));
    char_cleanup();
}

static void test_doubled_comma(void)
{
    char *folder = test_folder_new();
    g_autofree char *path = g_build_filename(folder, "a,b", NULL);
    g_autofree char *opts = g_strdup_printf("file,id=c,path=%s/a,,b", folder);

    test_char_new(opts);
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    char_cleanup();
    test_folder_free(folder);
}

static void test_mux_on(void)
{
    test_char_new("null,id=c,mux=on");
    test_filename_is("c", "mux");
    test_filename_is("c-base", "null");
    char_cleanup();
}

static void test_memory_and_sizes(void)
{
    test_char_new("memory,id=m,size=1k");
    test_filename_is("m", "memory");
    test_char_new("ringbuf,id=r,size=0");
    test_filename_is("r", "ringbuf");
    char_cleanup();
}

static void test_change_from_opts(void)
{
    g_autoptr(GError) error = NULL;

    test_char_new("null,id=c");
    g_assert_null(char_change_from_opts("c", "null,id=c", &error));
    g_assert_cmpstr(error->message, ==, "Unexpected 'id' parameter");
    g_clear_error(&error);
    g_assert_nonnull(char_change_from_opts("c", "ringbuf", &error));
    test_filename_is("c", "ringbuf");
    g_assert_null(char_change_from_opts("c", "file,path=/nonexistent/f", &error));
    test_filename_is("c", "ringbuf");
    char_cleanup();
}

static void test_help(void)
{
    int status = -1;
    g_autofree char *kinds = char_help("help", &status);
    g_autofree char *keys = NULL;

    g_assert_true(g_str_has_prefix(kinds, "Available chardev backend types: \n"));
    g_assert_nonnull(strstr(kinds, "\n  socket\n"));
    g_assert_cmpint(status, ==, 0);
    keys = char_help("socket,help", &status);
    g_assert_true(g_str_has_prefix(keys, "chardev options:\n  abstract=<bool (on/off)>\n"));
    g_assert_nonnull(strstr(keys, "\n  reconnect-ms=<num>\n"));
    g_assert_null(strstr(keys, "\n  size=<size>\n")); /* which is ringbuf's */
    g_assert_cmpint(status, ==, 1);
    g_assert_null(char_help("null,id=c", &status));
}

static void test_query_backends(void)
{
    json_object *list = test_qmp_ok("query-chardev-backends", "{}");

    g_assert_cmpuint(json_object_array_length(list), ==, CHARDEV_BACKEND_KIND__MAX);
    json_object_put(list);
}

static void test_query_in_use(void)
{
    TestUser user = { 0 };
    json_object *list;
    json_object *info;

    test_char_new("null,id=a");
    test_user_attach(&user, test_char_new("null,id=b"), &test_writer_ops);
    list = test_qmp_ok("query-chardev", "{}");
    g_assert_cmpuint(json_object_array_length(list), ==, 2);
    info = json_object_array_get_idx(list, 0);
    g_assert_cmpstr(json_object_get_string(json_object_object_get(info, "label")), ==, "a");
    g_assert_false(json_object_get_boolean(json_object_object_get(info, "frontend-open")));
    info = json_object_array_get_idx(list, 1);
    g_assert_true(json_object_get_boolean(json_object_object_get(info, "frontend-open")));
    json_object_put(list);
    test_user_clear(&user);
    char_cleanup();
}

/* --- Legacy strings ------------------------------------------------------------------------- */

/** A legacy string and the filename of what it makes. */
static const struct {
    const char *name;
    const char *text;
    const char *filename;
} legacy[] = {
    { "null", "null", "null" },
    { "file", "file:/dev/null", "file" },
    { "unix", "unix:qnd-legacy,abstract=on,server=on,wait=off",
      "disconnected:unix:qnd-legacy,abstract=on,tight=on,server=on" },
    { "tcp", "tcp:localhost:1,reconnect-ms=60000", "disconnected:tcp:localhost:1" },
    { "telnet", "telnet:localhost:1,reconnect-ms=60000", "disconnected:telnet:localhost:1" },
    { "tcp-ipv6", "tcp:[::1]:1,reconnect-ms=60000", "disconnected:tcp:::1:1" },
    { "udp", "udp:127.0.0.1:9@127.0.0.1:0", "udp" },
    { "udp-short", "udp::9", "udp" },
};

static void test_legacy(gconstpointer data)
{
    size_t i = GPOINTER_TO_SIZE(data);
    GError *error = NULL;

    if (strcmp(legacy[i].text, "udp::9") == 0 && localhost_skip()) {
        return;
    }
    g_assert_nonnull(char_new_from_legacy("c", legacy[i].text, &error));
    g_assert_no_error(error);
    test_filename_is("c", legacy[i].filename);
    char_cleanup();
}

static void test_legacy_existing(void)
{
    g_autoptr(GError) error = NULL;
    Chardev *chr = test_char_new("null,id=c");

    g_assert_true(char_new_from_legacy("x", "chardev:c", NULL) == chr);
    g_assert_null(char_new_from_legacy("x", "chardev:d", &error));
    g_assert_cmpstr(error->message, ==, "chardev \"d\" not found");
    char_cleanup();
}

static void test_legacy_mon(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(char_new_from_legacy("x", "mon:stdio", &error));
    g_assert_cmpstr(error->message, ==, "mon: isn't supported in this context");
}

static void test_legacy_bad(void)
{
    static const char *const bad[] = { "foo", "ringbuf", "mux", "tcp:localhost", "udp:h", "" };

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *want = g_strdup_printf("'%s' is not a valid char driver", bad[i]);
        g_autoptr(GError) error = NULL;

        g_assert_null(char_new_from_legacy("x", bad[i], &error));
        g_assert_cmpstr(error->message, ==, want);
    }
}

int main(int argc, char **argv)
{
    test_char_init(&argc, &argv);
    CASES_ADD("/char-opts/refuses/", bad_opts, name, test_bad_opts);
    CASES_ADD("/char-opts/qmp-refuses/", bad_commands, name, test_bad_command);
    for (size_t i = 0; i < G_N_ELEMENTS(legacy); i++) {
        g_autofree char *path = g_strdup_printf("/char-opts/legacy/%s", legacy[i].name);

        g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_legacy);
    }
#define ADD(name, func) g_test_add_func("/char-opts/" name, func)
    ADD("legacy/existing", test_legacy_existing);
    ADD("legacy/mon", test_legacy_mon);
    ADD("legacy/bad", test_legacy_bad);
    ADD("mistyped-backend", test_mistyped_backend);
    ADD("duplicate", test_duplicate);
    ADD("in-use", test_in_use);
    ADD("doubled-comma", test_doubled_comma);
    ADD("mux-on", test_mux_on);
    ADD("memory-and-sizes", test_memory_and_sizes);
    ADD("change-from-opts", test_change_from_opts);
    ADD("help", test_help);
    ADD("query-backends", test_query_backends);
    ADD("query-in-use", test_query_in_use);
    return g_test_run();
}
