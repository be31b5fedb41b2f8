/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of the socket back end: reading by demand, hang-ups, descriptors. */

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "char-test.h"

/* --- Reading:  peer ---socket pair--- chardev c --- user ------------------------------------ */

typedef struct Pair {
    TestUser user;
    Chardev *chr; /* borrowed: "c" */
    int peer;     /* -1 = it has hung up */
} Pair;

static void pair_set_up(Pair *p, gconstpointer data)
{
    p->peer = test_char_pair("c", &p->chr);
}

static void pair_hang_up(Pair *p)
{
    close(p->peer);
    p->peer = -1;
}

static void pair_tear_down(Pair *p, gconstpointer data)
{
    test_user_clear(&p->user);
    if (p->peer >= 0) {
        pair_hang_up(p);
    }
    char_cleanup();
}

/* The user comes, and wants so many bytes. */
static void pair_read(Pair *p, size_t wanted)
{
    p->user.wanted = wanted;
    test_user_attach(&p->user, p->chr, &test_reader_ops);
}

/* The user comes, and only writes. */
static void pair_write(Pair *p)
{
    test_user_attach(&p->user, p->chr, &test_writer_ops);
}

static void test_reads_what_is_wanted(Pair *p, gconstpointer data)
{
    pair_read(p, 3);
    test_send(p->peer, "abcdef");
    WAIT_UNTIL(p->user.got->len == 3);
    test_settle();
    g_assert_true(test_user_got(&p->user, "abc"));
    test_user_want(&p->user, 10);
    WAIT_UNTIL(p->user.got->len == 6);
    g_assert_true(test_user_got(&p->user, "abcdef"));
}

static void test_reads_large_pieces(Pair *p, gconstpointer data)
{
    g_autofree char *text = g_strnfill(100000, 'x');

    pair_read(p, SIZE_MAX / 2);
    test_send(p->peer, text);
    WAIT_UNTIL(p->user.got->len > 0);
    g_assert_cmpuint(p->user.got->len, ==, 100000);
}

static void test_no_user_leaves_data_in_the_kernel(Pair *p, gconstpointer data)
{
    test_send(p->peer, "early");
    test_settle();
    pair_read(p, 100);
    g_assert_cmpuint(p->user.n_opened, ==, 1);
    WAIT_UNTIL(test_user_got(&p->user, "early"));
}

static void test_end_behind_unread_bytes_waits(Pair *p, gconstpointer data)
{
    pair_read(p, 0);
    test_send(p->peer, "last words");
    pair_hang_up(p);
    test_settle();
    g_assert_cmpuint(p->user.n_closed, ==, 0);
    test_user_want(&p->user, 4);
    WAIT_UNTIL(p->user.got->len == 4);
    test_settle();
    g_assert_cmpuint(p->user.n_closed, ==, 0);
    test_user_want(&p->user, 100);
    WAIT_UNTIL(p->user.n_closed == 1);
    g_assert_true(test_user_got(&p->user, "last words"));
    g_assert_false(char_frontend_is_open(&p->user.fe));
}

static void test_end_behind_unread_bytes_costs_no_time(Pair *p, gconstpointer data)
{
    pair_read(p, 0);
    test_send(p->peer, "x");
    pair_hang_up(p);
    test_settle();
    g_assert_cmpuint(test_settle(), <, 3);
}

static void test_end_without_unread_bytes_is_noticed(Pair *p, gconstpointer data)
{
    pair_read(p, 0);
    pair_hang_up(p);
    WAIT_UNTIL(p->user.n_closed == 1);
}

static void test_end_without_user_keeps_unread_bytes(Pair *p, gconstpointer data)
{
    test_send(p->peer, "kept");
    pair_hang_up(p);
    test_settle();
    pair_read(p, 100);
    g_assert_cmpuint(p->user.n_opened, ==, 1);
    WAIT_UNTIL(p->user.n_closed == 1);
    g_assert_true(test_user_got(&p->user, "kept"));
}

static void test_writer_notices_hangup_at_once(Pair *p, gconstpointer data)
{
    pair_write(p);
    test_send(p->peer, "nobody reads this");
    test_settle();
    g_assert_cmpuint(p->user.n_closed, ==, 0);
    pair_hang_up(p);
    WAIT_UNTIL(p->user.n_closed == 1);
    g_assert_cmpint(test_user_write(&p->user, "x"), ==, -ENOTCONN);
}

static void test_detach_inside_read(Pair *p, gconstpointer data)
{
    p->user.detach_when_read = true;
    pair_read(p, 100);
    test_send(p->peer, "one");
    WAIT_UNTIL(p->user.got->len == 3);
    test_send(p->peer, "two");
    pair_hang_up(p);
    test_settle();
    g_assert_cmpuint(p->user.got->len, ==, 3);
    g_assert_cmpuint(p->user.n_closed, ==, 0);
}

static void test_detach_inside_closed(Pair *p, gconstpointer data)
{
    p->user.detach_when_closed = true;
    pair_read(p, 100);
    pair_hang_up(p);
    WAIT_UNTIL(p->user.n_closed == 1);
    json_object_put(test_qmp_ok("chardev-remove", "{'id': 'c'}"));
    g_assert_null(char_find("c"));
}

/* --- Writing -------------------------------------------------------------------------------- */

/** Write until the socket is full. Returns: how many bytes it took. */
static size_t fill(TestUser *user)
{
    g_autofree char *data = g_strnfill(50000, 'y');
    size_t n_taken = 0;
    ssize_t n_written;

    do {
        n_written = test_user_write(user, data);
        g_assert_cmpint(n_written, >=, 0);
        n_taken += (size_t)n_written;
    } while (n_written == 50000);
    return n_taken;
}

static void drain(int peer, size_t len)
{
    char buffer[65536];

    while (len > 0) {
        ssize_t n_read = read(peer, buffer, MIN(len, sizeof(buffer)));

        g_assert_cmpint(n_read, >, 0);
        len -= (size_t)n_read;
    }
}

static void test_full_socket_takes_part(Pair *p, gconstpointer data)
{
    size_t n_taken;

    pair_write(p);
    n_taken = fill(&p->user);
    test_settle();
    g_assert_cmpuint(p->user.n_ready, ==, 0);
    drain(p->peer, n_taken);
    WAIT_UNTIL(p->user.n_ready == 1);
    test_settle();
    g_assert_cmpuint(p->user.n_ready, ==, 1);
    g_assert_cmpint(test_user_write(&p->user, "more"), ==, 4);
    test_expect(p->peer, "more");
}

static void test_no_ready_after_detach(Pair *p, gconstpointer data)
{
    size_t n_taken;

    pair_write(p);
    n_taken = fill(&p->user);
    char_frontend_detach(&p->user.fe);
    drain(p->peer, n_taken);
    test_settle();
    g_assert_cmpuint(p->user.n_ready, ==, 0);
}

static void test_writes_many_pieces(Pair *p, gconstpointer data)
{
    struct iovec iov[3] = { { (char *)"ab", 2 }, { (char *)"", 0 }, { (char *)"cde", 3 } };

    pair_write(p);
    g_assert_cmpint(char_frontend_writev(&p->user.fe, iov, 3), ==, 5);
    test_expect(p->peer, "abcde");
}

static void test_send_keeps_the_rest(Pair *p, gconstpointer data)
{
    g_autofree char *text = g_strnfill(4000000, 'z');
    size_t n_got = 0;
    char buffer[65536];

    pair_write(p);
    char_frontend_send(&p->user.fe, text, 4000000);
    char_frontend_send(&p->user.fe, "end", 3);
    g_assert_false(char_frontend_flushed(&p->user.fe));
    while (n_got < 4000003) {
        ssize_t n_read = recv(p->peer, buffer, sizeof(buffer), MSG_DONTWAIT);

        n_got += n_read > 0 ? (size_t)n_read : 0;
        g_main_context_iteration(NULL, FALSE);
    }
    WAIT_UNTIL(p->user.n_ready > 0);
    g_assert_true(char_frontend_flushed(&p->user.fe));
}

static void test_broken_writer_is_told_later(Pair *p, gconstpointer data)
{
    pair_write(p);
    pair_hang_up(p);
    g_assert_cmpint(test_user_write(&p->user, "x"), ==, -EPIPE);
    g_assert_cmpuint(p->user.n_closed, ==, 0);
    g_assert_false(char_frontend_is_open(&p->user.fe));
    g_assert_cmpint(test_user_write(&p->user, "x"), ==, -ENOTCONN);
    WAIT_UNTIL(p->user.n_closed == 1);
}

static void test_broken_write_loses_no_input(Pair *p, gconstpointer data)
{
    pair_read(p, 0);
    test_send(p->peer, "still here");
    pair_hang_up(p);
    g_assert_cmpint(test_user_write(&p->user, "x"), ==, -EPIPE);
    test_settle();
    g_assert_cmpuint(p->user.n_closed, ==, 0);
    test_user_want(&p->user, 100);
    WAIT_UNTIL(p->user.n_closed == 1);
    g_assert_true(test_user_got(&p->user, "still here"));
}

static void test_pending_is_dropped_with_the_connection(Pair *p, gconstpointer data)
{
    g_autofree char *text = g_strnfill(1000000, 'z');

    pair_write(p);
    char_frontend_send(&p->user.fe, text, 1000000);
    g_assert_false(char_frontend_flushed(&p->user.fe));
    pair_hang_up(p);
    WAIT_UNTIL(p->user.n_closed == 1);
    g_assert_true(char_frontend_flushed(&p->user.fe));
}

static void test_disconnect(Pair *p, gconstpointer data)
{
    char byte;

    pair_read(p, 100);
    char_frontend_disconnect(&p->user.fe);
    g_assert_cmpuint(p->user.n_closed, ==, 0);
    WAIT_UNTIL(p->user.n_closed == 1);
    g_assert_cmpint(read(p->peer, &byte, 1), ==, 0);
}

/* --- Descriptors ---------------------------------------------------------------------------- */

static void send_fds(int peer, const int *fds, size_t n_fds)
{
    char space[CMSG_SPACE(16 * sizeof(int))] = { 0 };
    struct iovec iov = { (char *)"m", 1 };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space,
                          .msg_controllen = CMSG_SPACE(n_fds * sizeof(int)) };
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
    memcpy(CMSG_DATA(cmsg), fds, n_fds * sizeof(int));
    g_assert_cmpint(sendmsg(peer, &msg, 0), ==, 1);
}

static void test_descriptors_come_with_bytes(Pair *p, gconstpointer data)
{
    int fds[2];
    int second;

    g_assert_cmpint(pipe(fds), ==, 0);
    pair_read(p, 100);
    send_fds(p->peer, fds, 2);
    WAIT_UNTIL(p->user.got->len == 1);
    g_assert_cmpint(p->user.fd, >=, 0);
    g_assert_cmpint(fcntl(p->user.fd, F_GETFD), ==, FD_CLOEXEC);
    second = char_frontend_take_fd(&p->user.fe);
    g_assert_cmpint(second, >=, 0);
    g_assert_cmpint(char_frontend_take_fd(&p->user.fe), ==, -1);
    g_assert_cmpint(write(second, "p", 1), ==, 1);
    test_expect(p->user.fd, "p");
    close(second);
    close(p->user.fd);
    close(fds[0]);
    close(fds[1]);
}

static void test_untaken_descriptors_are_closed(Pair *p, gconstpointer data)
{
    int pair[2];
    int sixteen[16];
    char byte;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    for (int i = 0; i < 16; i++) {
        sixteen[i] = pair[0];
    }
    pair_read(p, 100);
    send_fds(p->peer, sixteen, 16);
    WAIT_UNTIL(p->user.got->len == 1);
    close(p->user.fd);
    close(pair[0]);
    pair_hang_up(p);
    WAIT_UNTIL(p->user.n_closed == 1);
    g_assert_cmpint(read(pair[1], &byte, 1), ==, 0);
    close(pair[1]);
}

/* --- Server:  client ---unix:PATH--- chardev c --- user -------------------------------------- */

static void test_server_one_client_at_a_time(void)
{
    TestUser user = { .wanted = 100 };
    char *folder = test_folder_new();
    g_autofree char *path = g_build_filename(folder, "s", NULL);
    g_autofree char *opts = g_strdup_printf("socket,id=c,path=%s,server=on,wait=off", path);
    Chardev *chr = test_char_new(opts);
    int first, second;

    test_user_attach(&user, chr, &test_reader_ops);
    g_assert_cmpuint(user.n_opened, ==, 0);
    g_assert_cmpint(test_user_write(&user, "x"), ==, -ENOTCONN);
    first = test_unix_connect(path);
    WAIT_UNTIL(user.n_opened == 1);
    second = test_unix_connect(path);
    test_send(second, "second");
    test_settle();
    g_assert_cmpuint(user.got->len, ==, 0);
    test_send(first, "first,");
    close(first);
    WAIT_UNTIL(user.n_closed == 1);
    WAIT_UNTIL(user.n_opened == 2);
    WAIT_UNTIL(test_user_got(&user, "first,second"));
    close(second);
    test_user_clear(&user);
    char_cleanup();
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    test_folder_free(folder);
}

static void test_server_accepts_without_user(void)
{
    TestUser user = { .wanted = 100 };
    char *folder = test_folder_new();
    g_autofree char *path = g_build_filename(folder, "s", NULL);
    g_autofree char *opts = g_strdup_printf("socket,id=c,path=%s,server=on,wait=off", path);
    g_autofree char *filename = g_strdup_printf("unix:%s,server=on", path);
    Chardev *chr = test_char_new(opts);
    int client = test_unix_connect(path);

    test_settle();
    test_filename_is("c", filename);
    test_send(client, "hello");
    test_user_attach(&user, chr, &test_reader_ops);
    g_assert_cmpuint(user.n_opened, ==, 1);
    WAIT_UNTIL(test_user_got(&user, "hello"));
    close(client);
    test_user_clear(&user);
    char_cleanup();
    test_folder_free(folder);
}

static gpointer connect_thread(gpointer path)
{
    return GINT_TO_POINTER(test_unix_connect(path));
}

static void test_server_waits_at_start(void)
{
    char *folder = test_folder_new();
    g_autofree char *path = g_build_filename(folder, "s", NULL);
    int listener = test_listen_at(path);
    g_autofree char *opts = g_strdup_printf("socket,id=c,fd=%d,server=on", listener);

    if (g_test_subprocess()) {
        g_autofree char *filename = g_strdup_printf("unix:%s,server=on", path);
        GThread *thread = g_thread_new("client", connect_thread, path);
        test_char_new(opts);
        test_filename_is("c", filename);
        close(GPOINTER_TO_INT(g_thread_join(thread)));
        char_cleanup();
    } else {
        close(listener);
        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_passed();
        g_test_trap_assert_stderr("*info: QEMU waiting for connection on: "
                                  "disconnected:fd:*,server=on\n*");
    }
    test_folder_free(folder);
}

static void test_server_wait_is_refused_in_commands(void)
{
    FdStore *store = fd_store_new();
    char *folder = test_folder_new();
    g_autofree char *path = g_build_filename(folder, "s", NULL);
    g_autofree char *opts = g_strdup_printf("socket,id=c,path=%s,server=on", path);
    g_autofree char *bad = g_strdup_printf("socket,id=d,path=%s2,server=on,wait=on", path);
    g_autoptr(GError) error = NULL;

    fd_store_set_current(store);
    test_char_new(opts);
    g_assert_null(char_new_from_opts(bad, &error));
    g_assert_cmpstr(error->message, ==, "'wait' option is accepted at start-up only");
    fd_store_set_current(NULL);
    fd_store_free(store);
    char_cleanup();
    test_folder_free(folder);
}

static void test_server_replaced_keeps_its_path(void)
{
    char *folder = test_folder_new();
    g_autofree char *path = g_build_filename(folder, "s", NULL);
    g_autofree char *opts = g_strdup_printf("socket,id=c,path=%s,server=on,wait=off", path);
    g_autofree char *change = g_strdup_printf(
        "{'id': 'c', 'backend': {'type': 'socket', 'data': {'addr': {'type': 'unix', "
        "'data': {'path': '%s'}}}}}", path);
    int client;

    test_char_new(opts);
    json_object_put(test_qmp_ok("chardev-change", change));
    client = test_unix_connect(path);
    close(client);
    char_cleanup();
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    test_folder_free(folder);
}

static void test_server_tcp_shows_the_real_port(void)
{
    TestUser user = { .wanted = 100 };
    Chardev *chr = test_char_new("socket,id=c,host=127.0.0.1,port=0,server=on,wait=off,nodelay=on");
    g_autofree char *filename = test_filename("c");
    g_autofree char *connected = NULL;
    g_autofree char *want = NULL;
    struct sockaddr_in sa = { .sin_family = AF_INET };
    socklen_t len = sizeof(sa);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    int port;

    g_assert_cmpint(sscanf(filename, "disconnected:tcp:127.0.0.1:%d,server=on", &port), ==, 1);
    g_assert_cmpint(port, >, 0);
    sa.sin_port = htons((uint16_t)port);
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    test_user_attach(&user, chr, &test_reader_ops);
    g_assert_cmpint(connect(client, (struct sockaddr *)&sa, sizeof(sa)), ==, 0);
    g_assert_cmpint(getsockname(client, (struct sockaddr *)&sa, &len), ==, 0);
    WAIT_UNTIL(user.n_opened == 1);
    want = g_strdup_printf("tcp:127.0.0.1:%d,server=on <-> 127.0.0.1:%d", port,
                           ntohs(sa.sin_port));
    connected = test_filename("c");
    g_assert_cmpstr(connected, ==, want);
    close(client);
    test_user_clear(&user);
    char_cleanup();
}

static void test_server_telnet(void)
{
    TestUser user = { .wanted = 100 };
    char *folder = test_folder_new();
    g_autofree char *path = g_build_filename(folder, "s", NULL);
    g_autofree char *opts = g_strdup_printf("socket,id=c,path=%s,server=on,wait=off,telnet=on",
                                            path);
    int client;

    test_user_attach(&user, test_char_new(opts), &test_reader_ops);
    client = test_unix_connect(path);
    WAIT_UNTIL(user.n_opened == 1);
    {
        char got[13] = { 0 };

        g_assert_cmpint(recv(client, got, sizeof(got), MSG_DONTWAIT), ==, 12);
        g_assert_cmpmem(got, 12, "\xff\xfb\x01\xff\xfb\x03\xff\xfb\x00\xff\xfd\x00", 12);
    }
    test_send(client, "a\xff\xfd");
    test_send(client, "\x01" "b\xff\xff\xff\xfa\x18 x\xff\xf0" "c\xff\xf3");
    WAIT_UNTIL(user.n_breaks == 1);
    g_assert_true(test_user_got(&user, "ab\xff" "c"));
    close(client);
    test_user_clear(&user);
    char_cleanup();
    test_folder_free(folder);
}

/* --- Client --------------------------------------------------------------------------------- */

static void test_client_connects_at_creation(void)
{
    char *folder = test_folder_new();
    g_autofree char *path = g_build_filename(folder, "s", NULL);
    g_autofree char *opts = g_strdup_printf("socket,id=c,path=%s", path);
    g_autofree char *connected = g_strdup_printf("unix:%s", path);
    g_autofree char *disconnected = g_strdup_printf("disconnected:unix:%s", path);
    TestUser user = { 0 };
    int listener = test_listen_at(path);
    Chardev *chr = test_char_new(opts);
    int server = accept(listener, NULL, NULL);

    g_assert_cmpint(server, >=, 0);
    test_filename_is("c", connected);
    test_user_attach(&user, chr, &test_writer_ops);
    g_assert_cmpuint(user.n_opened, ==, 1);
    close(server);
    WAIT_UNTIL(user.n_closed == 1);
    test_filename_is("c", disconnected);
    close(listener);
    test_user_clear(&user);
    char_cleanup();
    test_folder_free(folder);
}

static void test_client_refused(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(char_new_from_opts("socket,id=c,path=/nonexistent/s", &error));
    g_assert_cmpstr(error->message, ==,
                    "Failed to connect to '/nonexistent/s': No such file or directory");
    g_assert_null(char_find("c"));
}

static void test_filenames(void)
{
    Chardev *chr;
    int peer = test_char_pair("p", &chr);

    test_filename_is("p", "unix:");
    test_char_new("socket,id=a,path=qnd-test-char-socket,abstract=on,server=on,wait=off");
    test_filename_is("a", "disconnected:unix:qnd-test-char-socket,abstract=on,tight=on,server=on");
    test_char_new("socket,id=r,host=localhost,port=1,reconnect-ms=60000");
    test_filename_is("r", "disconnected:tcp:localhost:1");
    close(peer);
    char_cleanup();
}

static void test_node_properties(void)
{
    Chardev *chr;
    int peer = test_char_pair("c", &chr);
    json_object *value = test_qmp_ok("qom-get", "{'path': '/chardevs/c', 'property': 'connected'}");

    g_assert_true(json_object_get_boolean(value));
    json_object_put(value);
    value = test_qmp_ok("qom-get", "{'path': '/chardevs/c', 'property': 'type'}");
    g_assert_cmpstr(json_object_get_string(value), ==, "chardev-socket");
    json_object_put(value);
    value = test_qmp_ok("qom-get", "{'path': '/chardevs/c', 'property': 'addr'}");
    g_assert_cmpstr(json_object_get_string(json_object_object_get(value, "type")), ==, "fd");
    json_object_put(value);
    close(peer);
    char_cleanup();
}

int main(int argc, char **argv)
{
    test_char_init(&argc, &argv);
#define ADD(name, func) g_test_add_func("/char-socket/" name, func)
#define ADD_PAIR(name, func) \
    g_test_add("/char-socket/" name, Pair, NULL, pair_set_up, func, pair_tear_down)
    ADD_PAIR("reads-what-is-wanted", test_reads_what_is_wanted);
    ADD_PAIR("reads-large-pieces", test_reads_large_pieces);
    ADD_PAIR("no-user-leaves-data-in-the-kernel", test_no_user_leaves_data_in_the_kernel);
    ADD_PAIR("end-behind-unread-bytes-waits", test_end_behind_unread_bytes_waits);
    ADD_PAIR("end-behind-unread-bytes-costs-no-time", test_end_behind_unread_bytes_costs_no_time);
    ADD_PAIR("end-without-unread-bytes-is-noticed", test_end_without_unread_bytes_is_noticed);
    ADD_PAIR("end-without-user-keeps-unread-bytes", test_end_without_user_keeps_unread_bytes);
    ADD_PAIR("writer-notices-hangup-at-once", test_writer_notices_hangup_at_once);
    ADD_PAIR("detach-inside-read", test_detach_inside_read);
    ADD_PAIR("detach-inside-closed", test_detach_inside_closed);
    ADD_PAIR("full-socket-takes-part", test_full_socket_takes_part);
    ADD_PAIR("no-ready-after-detach", test_no_ready_after_detach);
    ADD_PAIR("writes-many-pieces", test_writes_many_pieces);
    ADD_PAIR("send-keeps-the-rest", test_send_keeps_the_rest);
    ADD_PAIR("broken-writer-is-told-later", test_broken_writer_is_told_later);
    ADD_PAIR("broken-write-loses-no-input", test_broken_write_loses_no_input);
    ADD_PAIR("pending-is-dropped-with-the-connection", test_pending_is_dropped_with_the_connection);
    ADD_PAIR("disconnect", test_disconnect);
    ADD_PAIR("descriptors-come-with-bytes", test_descriptors_come_with_bytes);
    ADD_PAIR("untaken-descriptors-are-closed", test_untaken_descriptors_are_closed);
    ADD("server/one-client-at-a-time", test_server_one_client_at_a_time);
    ADD("server/accepts-without-user", test_server_accepts_without_user);
    ADD("server/waits-at-start", test_server_waits_at_start);
    ADD("server/wait-is-refused-in-commands", test_server_wait_is_refused_in_commands);
    ADD("server/replaced-keeps-its-path", test_server_replaced_keeps_its_path);
    ADD("server/tcp-shows-the-real-port", test_server_tcp_shows_the_real_port);
    ADD("server/telnet", test_server_telnet);
    ADD("client/connects-at-creation", test_client_connects_at_creation);
    ADD("client/refused", test_client_refused);
    ADD("filenames", test_filenames);
    ADD("node-properties", test_node_properties);
    return g_test_run();
}
