/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of listening, connecting and the forms of socket addresses. */

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "io/socket-address.h"
#include "qapi/json.h"
#include "qapi/qapi-types.h"
#include "util/error.h"
#include "util/fd-store.h"
#include "util/fd.h"
#include "connect-outcome.h"
#include "localhost.h"
#include "loop.h"

static char *folder;

/* Builds an address from JSON with ' for ", as it is told in the tests. */
static SocketAddress *make_addr(const char *text)
{
    g_autofree char *quoted = g_strdelimit(g_strdup(text), "'", '"');
    g_autoptr(GError) error = NULL;
    SocketAddress *addr;
    json_object *json;

    json_parse_text(quoted, &json, &error);
    g_assert_no_error(error);
    addr = qapi_from_json(QAPI_TYPE(SocketAddress), json, QAPI_INPUT_JSON, &error);
    g_assert_no_error(error);
    json_object_put(json);
    return addr;
}

static void assert_ready_fd(int fd)
{
    g_assert_cmpint(fd, >=, 0);
    g_assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    g_assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static int accept_soon(int listen_fd)
{
    struct pollfd pfd = { .fd = listen_fd, .events = POLLIN };

    g_assert_cmpint(poll(&pfd, 1, LOOP_DEADLINE_S * 1000), ==, 1);
    return socket_accept(listen_fd);
}

/* Says "hello" over the pair. */
static void assert_connected(int a, int b)
{
    struct pollfd pfd = { .fd = b, .events = POLLIN };
    char buf[8];

    assert_ready_fd(a);
    assert_ready_fd(b);
    g_assert_cmpint(write(a, "hello", 5), ==, 5);
    g_assert_cmpint(poll(&pfd, 1, LOOP_DEADLINE_S * 1000), ==, 1);
    g_assert_cmpint(read(b, buf, sizeof(buf)), ==, 5);
}

/* Listens on @server, connects to where that is, exchanges a word. */
static void check_round_trip(SocketAddress *server)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(SocketAddress) bound = NULL;
    auto_fd int listener = socket_listen(server, 1, NULL, &error);
    auto_fd int client = -1, accepted = -1;

    g_assert_no_error(error);
    assert_ready_fd(listener);
    bound = socket_address_local(listener, &error);
    g_assert_no_error(error);
    client = socket_connect(bound, &error);
    g_assert_no_error(error);
    accepted = accept_soon(listener);
    assert_connected(client, accepted);
    qapi_free_SocketAddress(server);
}

static void test_inet(void)
{
    check_round_trip(make_addr("{'type':'inet','host':'127.0.0.1','port':'0'}"));
}

static bool have_ipv6(void)
{
    struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    auto_fd int fd = socket(AF_INET6, SOCK_STREAM, 0);

    return fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0;
}

static void test_inet6(void)
{
    if (!have_ipv6()) {
        g_test_skip("no IPv6");
        return;
    }
    check_round_trip(make_addr("{'type':'inet','host':'::1','port':'0'}"));
}

static void test_keep_alive(void)
{
    g_autoptr(SocketAddress) addr = make_addr(
        "{'type':'inet','host':'127.0.0.1','port':'0','keep-alive':true,'keep-alive-count':3,"
        "'keep-alive-idle':40,'keep-alive-interval':5}");
    auto_fd int fd = socket_listen(addr, 1, NULL, NULL);
    static const struct {
        int level, option, value;
    } want[] = {
        { SOL_SOCKET, SO_KEEPALIVE, 1 },
        { IPPROTO_TCP, TCP_KEEPCNT, 3 },
        { IPPROTO_TCP, TCP_KEEPIDLE, 40 },
        { IPPROTO_TCP, TCP_KEEPINTVL, 5 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(want); i++) {
        int value = -1;
        socklen_t len = sizeof(value);

        getsockopt(fd, want[i].level, want[i].option, &value, &len);
        g_assert_cmpint(value, ==, want[i].value);
    }
}

/* Connects or says that the system lacks it: never a plain TCP socket in its place. */
static void test_mptcp(void)
{
    g_autoptr(SocketAddress) addr = make_addr(
        "{'type':'inet','host':'127.0.0.1','port':'0','mptcp':true}");
    g_autoptr(GError) error = NULL;
    auto_fd int fd = socket_listen(addr, 1, NULL, &error);
    int protocol = 0;
    socklen_t len = sizeof(protocol);

    if (fd < 0) {
        g_assert_true(g_str_has_prefix(error->message, "Cannot use Multipath TCP (mptcp=on): "));
        return;
    }
    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len);
    g_assert_cmpint(protocol, ==, IPPROTO_MPTCP);
}

static uint16_t port_of(int fd)
{
    g_autoptr(SocketAddress) addr = socket_address_local(fd, NULL);

    return (uint16_t)atoi(addr->u.inet.port);
}

static void test_port_range(void)
{
    g_autoptr(SocketAddress) any = make_addr("{'type':'inet','host':'127.0.0.1','port':'0'}");
    auto_fd int taken = socket_listen(any, 1, NULL, NULL);
    uint16_t port = port_of(taken);
    g_autoptr(SocketAddress) addr = make_addr("{'type':'inet','host':'127.0.0.1','port':'0'}");
    g_autoptr(GError) error = NULL;
    auto_fd int second = -1, third = -1;

    g_free(addr->u.inet.port);
    addr->u.inet.port = g_strdup_printf("%u", port);
    third = socket_listen(addr, 1, NULL, &error);
    g_assert_cmpint(third, ==, -1);
    g_assert_cmpstr(error->message, ==, "Failed to bind socket: Address already in use");
    g_clear_error(&error);

    addr->u.inet.has_to = true;
    addr->u.inet.to = port;
    third = socket_listen(addr, 1, NULL, &error);
    g_assert_cmpint(third, ==, -1);
    g_assert_cmpstr(error->message, ==, "Failed to find an available port: Address already in use");
    g_clear_error(&error);

    addr->u.inet.to = (uint16_t)MIN(65535, port + 50);
    second = socket_listen(addr, 1, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(port_of(second), >, port);
}

/* Without a host one socket serves both protocols. */
static void test_any_host(void)
{
    g_autoptr(SocketAddress) addr = make_addr("{'type':'inet','host':'','port':'0'}");
    auto_fd int listener = socket_listen(addr, 2, NULL, NULL);
    g_autoptr(SocketAddress) v4 = make_addr("{'type':'inet','host':'127.0.0.1','port':'0'}");
    g_autoptr(GError) error = NULL;
    auto_fd int client = -1, accepted = -1;

    assert_ready_fd(listener);
    g_free(v4->u.inet.port);
    v4->u.inet.port = g_strdup_printf("%u", port_of(listener));
    client = socket_connect(v4, &error);
    g_assert_no_error(error);
    accepted = accept_soon(listener);
    assert_connected(client, accepted);
}

/* A localhost name with a family: the flag decides which address is bound. */
static void test_family_flags(void)
{
    g_autoptr(SocketAddress) v4 = make_addr(
        "{'type':'inet','host':'localhost','port':'0','ipv4':true}");
    g_autoptr(SocketAddress) local = NULL;
    auto_fd int fd4 = -1;

    if (localhost_skip()) {
        return;
    }
    fd4 = socket_listen(v4, 1, NULL, NULL);
    local = socket_address_local(fd4, NULL);
    g_assert_cmpstr(local->u.inet.host, ==, "127.0.0.1");
    g_assert_true(local->u.inet.has_ipv4 && local->u.inet.ipv4);
    g_assert_false(local->u.inet.has_ipv6);
}

static void check_listen_error(const char *text, const char *message, const char *hint)
{
    g_autoptr(SocketAddress) addr = make_addr(text);
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(socket_listen(addr, 1, NULL, &error), ==, -1);
    g_assert_cmpstr(error->message, ==, message);
    g_assert_cmpstr(error_hint(error), ==, hint);
}

static void check_connect_error(const char *text, const char *message)
{
    g_autoptr(SocketAddress) addr = make_addr(text);
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(socket_connect(addr, &error), ==, -1);
    g_assert_cmpstr(error->message, ==, message);
}

static void test_no_family(void)
{
    check_listen_error("{'type':'inet','host':'','port':'0','ipv4':false,'ipv6':false}",
                       "Cannot disable IPv4 and IPv6 at same time", NULL);
}

static void test_resolution_fails(void)
{
    check_connect_error("{'type':'inet','host':'no-such-host.invalid','port':'1','numeric':true}",
                        "address resolution failed for no-such-host.invalid:1: "
                        "Name or service not known");
    check_connect_error("{'type':'inet','host':'127.0.0.1','port':'no-such-service'}",
                        "address resolution failed for 127.0.0.1:no-such-service: "
                        "Servname not supported for ai_socktype");
}

static void test_family_mismatch(void)
{
    check_connect_error("{'type':'inet','host':'127.0.0.1','port':'1','ipv6':true}",
                        "address resolution failed for 127.0.0.1:1: "
                        "Address family for hostname not supported");
}

/* A port that nobody listens on. */
static char *closed_port(void)
{
    g_autoptr(SocketAddress) any = make_addr("{'type':'inet','host':'127.0.0.1','port':'0'}");
    auto_fd int fd = socket_listen(any, 1, NULL, NULL);

    return g_strdup_printf("%u", port_of(fd));
}

static void test_inet_refused(void)
{
    g_autofree char *port = closed_port();
    g_autofree char *text = g_strdup_printf("{'type':'inet','host':'127.0.0.1','port':'%s'}",
                                            port);
    g_autofree char *message = g_strdup_printf("Failed to connect to '127.0.0.1:%s': "
                                               "Connection refused", port);

    check_connect_error(text, message);
}

/* --- Unix -------------------------------------------------------------------------------- */

static void test_unix(void)
{
    g_autofree char *path = g_build_filename(folder, "s", NULL);

    check_round_trip(unix_addr(path));
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    check_round_trip(unix_addr(path)); /* over the old socket */
    g_unlink(path);
}

static void test_unix_abstract(void)
{
    SocketAddress *addr = make_addr("{'type':'unix','path':'','abstract':true}");

    g_free(addr->u.q_unix.path);
    addr->u.q_unix.path = g_strdup_printf("test-socket-address-%ld", (long)getpid());
    check_round_trip(qapi_clone(QAPI_TYPE(SocketAddress), addr));
    addr->u.q_unix.has_tight = true;
    addr->u.q_unix.tight = false;
    check_round_trip(addr);
}

/* A tight name and a padded one are two names. */
static void test_unix_tight(void)
{
    g_autoptr(SocketAddress) addr = make_addr("{'type':'unix','path':'','abstract':true}");
    g_autoptr(GError) error = NULL;
    auto_fd int fd = -1, client = -1;

    g_free(addr->u.q_unix.path);
    addr->u.q_unix.path = g_strdup_printf("test-tight-%ld", (long)getpid());
    fd = socket_listen(addr, 1, NULL, NULL);
    assert_ready_fd(fd);
    addr->u.q_unix.has_tight = true;
    client = socket_connect(addr, &error);
    g_assert_cmpint(client, ==, -1);
    g_assert_true(g_str_has_suffix(error->message, ": Connection refused"));
}

static void check_path_length(size_t len, bool abstract, const char *hint)
{
    g_autofree char *path = g_strnfill(len, 'x');
    g_autofree char *message = g_strdup_printf("UNIX socket path '%s' is too long", path);
    g_autoptr(SocketAddress) addr = unix_addr(path);
    g_autoptr(GError) error = NULL;
    auto_fd int fd = -1;

    addr->u.q_unix.has_abstract = true;
    addr->u.q_unix.abstract = abstract;
    fd = socket_listen(addr, 1, NULL, &error);
    if (!hint) {
        g_assert_no_error(error);
        g_unlink(addr->u.q_unix.path);
        return;
    }
    g_assert_cmpint(fd, ==, -1);
    g_assert_cmpstr(error->message, ==, message);
    g_assert_cmpstr(error_hint(error), ==, hint);
}

static void test_unix_path_length(void)
{
    g_autofree char *back = g_get_current_dir();

    g_assert_cmpint(chdir(folder), ==, 0);
    check_path_length(107, false, NULL);
    check_path_length(108, false, NULL);
    check_path_length(109, false, "Path must be less than 108 bytes\n");
    check_path_length(107, true, NULL);
    check_path_length(108, true, "Path must be less than 107 bytes\n");
    g_assert_cmpint(chdir(back), ==, 0);
}

static void test_unix_errors(void)
{
    check_connect_error("{'type':'unix','path':'/no/such/socket'}",
                        "Failed to connect to '/no/such/socket': No such file or directory");
    check_listen_error("{'type':'unix','path':'/no/such/socket'}",
                       "Failed to bind socket to /no/such/socket: No such file or directory",
                       NULL);
    check_listen_error("{'type':'unix','path':''}", "UNIX socket path is empty", NULL);
}

/* --- vsock and fd ------------------------------------------------------------------------ */

static void test_vsock_numbers(void)
{
    check_connect_error("{'type':'vsock','cid':'x','port':'1'}", "Failed to parse cid 'x'");
    check_connect_error("{'type':'vsock','cid':'2','port':'y'}", "Failed to parse port 'y'");
    check_connect_error("{'type':'vsock','cid':'4294967296','port':'1'}",
                        "Failed to parse cid '4294967296'");
}

static void test_fd_errors(void)
{
    auto_fd int file = open("/dev/null", O_RDONLY);
    int spare = dup(file);
    g_autofree char *text = g_strdup_printf("{'type':'fd','str':'%d'}", spare);
    g_autofree char *message = g_strdup_printf("File descriptor '%d' is not a socket", spare);

    check_connect_error(text, message);
    check_connect_error("{'type':'fd','str':'foo'}", "Unable to parse FD number foo");
    check_connect_error("{'type':'fd','str':'99999'}", "File descriptor '99999' is not a socket");
}

static void test_fd_named(void)
{
    FdStore *store = fd_store_new();
    g_autoptr(SocketAddress) addr = make_addr("{'type':'fd','str':'5'}");
    g_autoptr(GError) error = NULL;
    int fds[2];
    int fd;

    fd_store_set_current(store);
    g_assert_cmpint(socket_connect(addr, &error), ==, -1);
    g_assert_cmpstr(error->message, ==, "File descriptor named '5' has not been found");
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    fd_store_put(store, "5", fds[0]);
    fd = socket_connect(addr, NULL);
    g_assert_cmpint(fd, ==, fds[0]);
    assert_ready_fd(fd);
    fd_store_free(store);
    close(fds[0]);
    close(fds[1]);
}

static void test_fd_listen(void)
{
    auto_fd int peer = -1;
    g_autofree char *text = NULL;
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    peer = fds[1];
    text = g_strdup_printf("{'type':'fd','str':'%d'}", fds[0]);
    check_listen_error(text, "Failed to listen on fd socket: Operation not supported", NULL);
}

/* --- In the background ------------------------------------------------------------------- */

static void test_background(void)
{
    g_autoptr(SocketAddress) any = make_addr("{'type':'inet','host':'127.0.0.1','port':'0'}");
    auto_fd int listener = socket_listen(any, 1, NULL, NULL);
    g_autoptr(SocketAddress) addr = socket_address_local(listener, NULL);
    ConnectOutcome outcome = { .fd = -1 };
    auto_fd int accepted = -1;

    outcome.cancel_me = socket_connect_start(addr, connect_outcome_set, &outcome);
    g_assert_cmpuint(outcome.calls, ==, 0);
    LOOP_UNTIL(outcome.calls == 1);
    accepted = accept_soon(listener);
    assert_connected(outcome.fd, accepted);
    fd_close(&outcome.fd);
}

static void check_background_error(const SocketAddress *addr, const char *message)
{
    ConnectOutcome outcome = { .fd = -1 };

    socket_connect_start(addr, connect_outcome_set, &outcome);
    g_assert_cmpuint(outcome.calls, ==, 0);
    LOOP_UNTIL(outcome.calls == 1);
    g_assert_cmpstr(outcome.message, ==, message);
    g_free(outcome.message);
}

static void test_background_refused(void)
{
    g_autoptr(SocketAddress) addr = make_addr("{'type':'inet','host':'127.0.0.1','port':'0'}");
    g_autofree char *message = NULL;

    g_free(addr->u.inet.port);
    addr->u.inet.port = closed_port();
    message = g_strdup_printf("Failed to connect to '127.0.0.1:%s': Connection refused",
                              addr->u.inet.port);
    check_background_error(addr, message);
}

static void test_background_errors(void)
{
    g_autoptr(SocketAddress) un = make_addr("{'type':'unix','path':'/no/such'}");
    g_autoptr(SocketAddress) numeric = make_addr(
        "{'type':'inet','host':'localhost','port':'1','numeric':true}");

    check_background_error(un, "Failed to connect to '/no/such': No such file or directory");
    check_background_error(numeric, "address resolution failed for localhost:1: "
                                    "Name or service not known");
}

/* A name: resolved in a thread, and every address of it is tried. */
static void test_background_name(void)
{
    g_autoptr(SocketAddress) any = make_addr("{'type':'inet','host':'127.0.0.1','port':'0'}");
    auto_fd int listener = socket_listen(any, 1, NULL, NULL);
    g_autoptr(SocketAddress) addr = make_addr("{'type':'inet','host':'localhost','port':'0'}");
    ConnectOutcome outcome = { .fd = -1 };

    if (localhost_skip()) {
        return;
    }
    g_free(addr->u.inet.port);
    addr->u.inet.port = g_strdup_printf("%u", port_of(listener));
    socket_connect_start(addr, connect_outcome_set, &outcome);
    LOOP_UNTIL(outcome.calls == 1);
    g_assert_cmpstr(outcome.message, ==, NULL);
    assert_ready_fd(outcome.fd);
    fd_close(&outcome.fd);
}

static void test_background_cancel(void)
{
    g_autoptr(SocketAddress) name = make_addr("{'type':'inet','host':'localhost','port':'1'}");
    g_autoptr(SocketAddress) un = make_addr("{'type':'unix','path':'/no/such'}");
    ConnectOutcome cancelled = { .fd = -1 }, other = { .fd = -1 };
    SocketConnect *attempt = socket_connect_start(name, connect_outcome_set, &cancelled);

    socket_connect_cancel(socket_connect_start(un, connect_outcome_set, &cancelled));
    g_main_context_iteration(NULL, TRUE); /* the lookup has begun */
    socket_connect_cancel(attempt);
    socket_connect_start(name, connect_outcome_set, &other);
    LOOP_UNTIL(other.calls == 1);
    g_assert_cmpuint(cancelled.calls, ==, 0);
    g_free(other.message);
    socket_connect_cancel(NULL);
}

/* --- Forms ------------------------------------------------------------------------------- */

static void check_uri(const char *text, const char *uri)
{
    g_autoptr(SocketAddress) addr = make_addr(text);
    g_autofree char *got = socket_address_uri(addr, "tcp");

    g_assert_cmpstr(got, ==, uri);
}

static void test_uri(void)
{
    check_uri("{'type':'inet','host':'127.0.0.1','port':'7'}", "tcp:127.0.0.1:7");
    check_uri("{'type':'inet','host':'::1','port':'7'}", "tcp:::1:7");
    check_uri("{'type':'unix','path':'/run/s'}", "unix:/run/s");
    check_uri("{'type':'vsock','cid':'2','port':'9'}", "vsock:2:9");
    check_uri("{'type':'fd','str':'net0'}", "fd:net0");
}

static void test_names_of_pair(void)
{
    g_autoptr(SocketAddress) local = NULL, remote = NULL;
    g_autofree char *uri = NULL;
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    local = socket_address_local(fds[0], NULL);
    remote = socket_address_remote(fds[0], NULL);
    uri = socket_address_uri(remote, "tcp");
    g_assert_cmpstr(uri, ==, "unix:");
    g_assert_false(local->u.q_unix.has_abstract);
    close(fds[0]);
    close(fds[1]);
}

static void test_names_of_file(void)
{
    auto_fd int fd = open("/dev/null", O_RDONLY);
    g_autoptr(GError) error = NULL;

    g_assert_null(socket_address_remote(fd, &error));
    g_assert_nonnull(error);
}

static void test_to_sockaddr(void)
{
    g_autoptr(SocketAddress) addr = make_addr("{'type':'inet','host':'127.0.0.1','port':'7'}");
    g_autoptr(SocketAddress) fd = make_addr("{'type':'fd','str':'1'}");
    struct sockaddr_storage sa;
    const struct sockaddr_in *in = (const struct sockaddr_in *)&sa;
    socklen_t len;
    bool ok = socket_address_to_sockaddr(addr, false, &sa, &len, NULL);

    g_assert_true(ok);
    g_assert_cmpuint(len, ==, sizeof(*in));
    g_assert_cmpuint(ntohs(in->sin_port), ==, 7);
    g_assert_cmpuint(ntohl(in->sin_addr.s_addr), ==, INADDR_LOOPBACK);
    g_assert_false(socket_address_to_sockaddr(fd, false, &sa, &len, NULL));
}

static void check_flatten(const char *nested_text, const char *flat_text)
{
    g_autofree char *quoted = g_strdelimit(g_strdup(nested_text), "'", '"');
    g_autoptr(SocketAddress) want = make_addr(flat_text);
    g_autoptr(SocketAddress) flat = NULL;
    SocketAddressLegacy *nested;
    json_object *json;

    json_parse_text(quoted, &json, NULL);
    nested = qapi_from_json(QAPI_TYPE(SocketAddressLegacy), json, QAPI_INPUT_JSON, NULL);
    g_assert_nonnull(nested);
    flat = socket_address_flatten(nested, NULL);
    g_assert_true(qapi_equal(QAPI_TYPE(SocketAddress), flat, want));
    qapi_free_SocketAddressLegacy(nested);
    json_object_put(json);
}

static void test_flatten(void)
{
    check_flatten("{'type':'inet','data':{'host':'h','port':'1','to':9}}",
                  "{'type':'inet','host':'h','port':'1','to':9}");
    check_flatten("{'type':'unix','data':{'path':'p','tight':false}}",
                  "{'type':'unix','path':'p','tight':false}");
    check_flatten("{'type':'vsock','data':{'cid':'1','port':'2'}}",
                  "{'type':'vsock','cid':'1','port':'2'}");
    check_flatten("{'type':'fd','data':{'str':'x'}}", "{'type':'fd','str':'x'}");
}

static void test_accept_nobody(void)
{
    g_autoptr(SocketAddress) any = make_addr("{'type':'inet','host':'127.0.0.1','port':'0'}");
    auto_fd int listener = socket_listen(any, 1, NULL, NULL);

    g_assert_cmpint(socket_accept(listener), ==, -1);
    g_assert_cmpint(errno, ==, EAGAIN);
}

int main(int argc, char **argv)
{
    int rc;

    g_test_init(&argc, &argv, NULL);
    folder = g_dir_make_tmp("test-socket-XXXXXX", NULL);
    g_test_add_func("/socket-address/inet", test_inet);
    g_test_add_func("/socket-address/inet6", test_inet6);
    g_test_add_func("/socket-address/keep-alive", test_keep_alive);
    g_test_add_func("/socket-address/mptcp", test_mptcp);
    g_test_add_func("/socket-address/port-range", test_port_range);
    g_test_add_func("/socket-address/any-host", test_any_host);
    g_test_add_func("/socket-address/family-flags", test_family_flags);
    g_test_add_func("/socket-address/no-family", test_no_family);
    g_test_add_func("/socket-address/resolution-fails", test_resolution_fails);
    g_test_add_func("/socket-address/family-mismatch", test_family_mismatch);
    g_test_add_func("/socket-address/inet-refused", test_inet_refused);
    g_test_add_func("/socket-address/accept-nobody", test_accept_nobody);
    g_test_add_func("/socket-address/unix/round-trip", test_unix);
    g_test_add_func("/socket-address/unix/abstract", test_unix_abstract);
    g_test_add_func("/socket-address/unix/tight", test_unix_tight);
    g_test_add_func("/socket-address/unix/path-length", test_unix_path_length);
    g_test_add_func("/socket-address/unix/errors", test_unix_errors);
    g_test_add_func("/socket-address/vsock-numbers", test_vsock_numbers);
    g_test_add_func("/socket-address/fd/errors", test_fd_errors);
    g_test_add_func("/socket-address/fd/named", test_fd_named);
    g_test_add_func("/socket-address/fd/listen", test_fd_listen);
    g_test_add_func("/socket-address/background/connects", test_background);
    g_test_add_func("/socket-address/background/refused", test_background_refused);
    g_test_add_func("/socket-address/background/errors", test_background_errors);
    g_test_add_func("/socket-address/background/name", test_background_name);
    g_test_add_func("/socket-address/background/cancel", test_background_cancel);
    g_test_add_func("/socket-address/uri", test_uri);
    g_test_add_func("/socket-address/names-of-pair", test_names_of_pair);
    g_test_add_func("/socket-address/names-of-file", test_names_of_file);
    g_test_add_func("/socket-address/to-sockaddr", test_to_sockaddr);
    g_test_add_func("/socket-address/flatten", test_flatten);
    rc = g_test_run();
    g_rmdir(folder);
    g_free(folder);
    return rc;
}
