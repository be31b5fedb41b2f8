/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of the back ends null, file, pipe, stdio, pty, udp and ringbuf, and of log files. */

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <termios.h>

#include "char-test.h"
#include "localhost.h"

static void assert_file_is(const char *path, const char *want)
{
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, want);
}

/* --- null ----------------------------------------------------------------------------------- */

static void test_null_takes_everything(void)
{
    TestUser user = { .wanted = 10 };

    test_user_attach(&user, test_char_new("null,id=c"), &test_reader_ops);
    g_assert_cmpuint(user.n_opened, ==, 1);
    g_assert_cmpint(test_user_write(&user, "abc"), ==, 3);
    test_settle();
    g_assert_cmpuint(user.got->len, ==, 0);
    test_filename_is("c", "null");
    test_user_clear(&user);
    char_cleanup();
}

static void test_break_is_passed_on(void)
{
    TestUser user = { 0 };

    test_user_attach(&user, test_char_new("null,id=c"), &test_reader_ops);
    json_object_put(test_qmp_ok("chardev-send-break", "{'id': 'c'}"));
    g_assert_cmpuint(user.n_breaks, ==, 1);
    test_user_clear(&user);
    char_cleanup();
}

/* --- file ----------------------------------------------------------------------------------- */

/** Write "new" to a file that holds "old". */
static void write_over_old(const char *more, const char *want)
{
    TestUser user = { 0 };
    char *folder = test_folder_new();
    g_autofree char *path = g_build_filename(folder, "f", NULL);
    g_autofree char *opts = g_strdup_printf("file,id=c,path=%s%s", path, more);

    g_assert_true(g_file_set_contents(path, "old", 3, NULL));
    test_user_attach(&user, test_char_new(opts), &test_writer_ops);
    test_filename_is("c", "file");
    g_assert_cmpint(test_user_write(&user, "new"), ==, 3);
    assert_file_is(path, want);
    test_user_clear(&user);
    char_cleanup();
    test_folder_free(folder);
}

static void test_file_is_replaced(void)
{
    write_over_old("", "new");
}

static void test_file_is_appended(void)
{
    write_over_old(",append=on", "oldnew");
}

static void test_file_is_read(void)
{
    TestUser user = { .wanted = 2 };
    char *folder = test_folder_new();
    g_autofree char *path = g_build_filename(folder, "in", NULL);
    g_autofree char *opts = g_strdup_printf("file,id=c,path=/dev/null,input-path=%s", path);

    g_assert_true(g_file_set_contents(path, "input", 5, NULL));
    test_user_attach(&user, test_char_new(opts), &test_reader_ops);
    WAIT_UNTIL(user.got->len == 2);
    test_settle();
    g_assert_true(test_user_got(&user, "in"));
    test_user_want(&user, 100);
    WAIT_UNTIL(test_user_got(&user, "input"));
    test_settle();
    g_assert_cmpuint(user.n_closed, ==, 0);
    g_assert_cmpuint(test_settle(), <, 3);
    test_user_clear(&user);
    char_cleanup();
    test_folder_free(folder);
}

/* --- pipe ----------------------------------------------------------------------------------- */

static void test_pipe_two(void)
{
    TestUser user = { .wanted = 100 };
    char *folder = test_folder_new();
    g_autofree char *path = g_build_filename(folder, "p", NULL);
    g_autofree char *in = g_strconcat(path, ".in", NULL);
    g_autofree char *out = g_strconcat(path, ".out", NULL);
    g_autofree char *opts = g_strdup_printf("pipe,id=c,path=%s", path);
    int in_fd, out_fd;

    g_assert_cmpint(mkfifo(in, 0600), ==, 0);
    g_assert_cmpint(mkfifo(out, 0600), ==, 0);
    test_user_attach(&user, test_char_new(opts), &test_reader_ops);
    in_fd = open(in, O_WRONLY | O_NONBLOCK);
    out_fd = open(out, O_RDONLY);
    g_assert_cmpint(write(in_fd, "in", 2), ==, 2);
    WAIT_UNTIL(test_user_got(&user, "in"));
    g_assert_cmpint(test_user_write(&user, "out"), ==, 3);
    test_expect(out_fd, "out");
    close(in_fd);
    close(out_fd);
    test_filename_is("c", "pipe");
    test_user_clear(&user);
    char_cleanup();
    test_folder_free(folder);
}

static void test_pipe_full(void)
{
    TestUser user = { 0 };
    g_autofree char *data = g_strnfill(1000000, 'p');
    char *folder = test_folder_new();
    g_autofree char *path = g_build_filename(folder, "p", NULL);
    g_autofree char *opts = g_strdup_printf("pipe,id=c,path=%s", path);
    char *buffer = g_malloc(1000000);
    ssize_t n_taken;
    int fd;

    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    test_user_attach(&user, test_char_new(opts), &test_writer_ops);
    n_taken = test_user_write(&user, data);
    g_assert_cmpint(n_taken, >, 0);
    g_assert_cmpint(n_taken, <, 1000000);
    test_settle();
    g_assert_cmpuint(user.n_ready, ==, 0);
    fd = open(path, O_RDONLY | O_NONBLOCK);
    g_assert_cmpint(read(fd, buffer, 1000000), ==, n_taken);
    WAIT_UNTIL(user.n_ready == 1);
    close(fd);
    g_free(buffer);
    test_user_clear(&user);
    char_cleanup();
    test_folder_free(folder);
}

/* --- stdio ---------------------------------------------------------------------------------- */

static void test_stdio_only_once(void)
{
    g_autoptr(GError) error = NULL;

    if (g_test_subprocess()) {
        test_char_new("stdio,id=a");
        g_assert_null(char_new_from_opts("stdio,id=b", &error));
        g_assert_cmpstr(error->message, ==, "cannot use stdio by multiple character devices");
        json_object_put(test_qmp_ok("chardev-remove", "{'id': 'a'}"));
        test_char_new("stdio,id=b");
        char_cleanup();
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
}

static void test_stdio_forbidden(void)
{
    g_autoptr(GError) error = NULL;

    if (g_test_subprocess()) {
        char_forbid_stdio();
        g_assert_null(char_new_from_opts("stdio,id=a", &error));
        g_assert_cmpstr(error->message, ==, "cannot use stdio with -daemonize");
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
}

static void test_stdio_restores_the_terminal(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    int saved = dup(STDIN_FILENO);
    struct termios before, inside, after;
    int slave;

    g_assert_cmpint(grantpt(master), ==, 0);
    g_assert_cmpint(unlockpt(master), ==, 0);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    g_assert_cmpint(tcgetattr(slave, &before), ==, 0);
    dup2(slave, STDIN_FILENO);
    test_char_new("stdio,id=c,signal=off");
    g_assert_cmpint(tcgetattr(slave, &inside), ==, 0);
    g_assert_cmpuint(inside.c_lflag & (ICANON | ECHO | ISIG), ==, 0);
    char_cleanup();
    g_assert_cmpint(tcgetattr(slave, &after), ==, 0);
    g_assert_cmpuint(after.c_lflag, ==, before.c_lflag);
    g_assert_cmpint(fcntl(slave, F_GETFL) & O_NONBLOCK, ==, 0);
    dup2(saved, STDIN_FILENO);
    close(saved);
    close(slave);
    close(master);
}

/* --- pty ------------------------------------------------------------------------------------ */

/** A pty chardev "c". Returns: the path of its slave, owned. */
static char *pty_new(Chardev **chr)
{
    g_autofree char *notice = NULL;
    g_autofree char *filename = NULL;
    g_autofree char *want = NULL;
    char *path;

    *chr = test_char_new("pty,id=c");
    filename = test_filename("c");
    g_assert_true(g_str_has_prefix(filename, "pty:/dev/pts/"));
    path = g_strdup(filename + strlen("pty:"));
    want = g_strdup_printf("char device redirected to %s (label c)", path);
    notice = char_redirect_text(*chr);
    g_assert_cmpstr(notice, ==, want);
    return path;
}

static void test_pty_opens_and_closes(void)
{
    TestUser user = { .wanted = 100 };
    Chardev *chr;
    g_autofree char *path = pty_new(&chr);
    int slave;

    test_user_attach(&user, chr, &test_reader_ops);
    test_settle();
    g_assert_cmpuint(user.n_opened, ==, 0);
    g_assert_cmpint(test_user_write(&user, "x"), ==, -ENOTCONN);
    slave = open(path, O_RDWR | O_NOCTTY);
    WAIT_UNTIL(user.n_opened == 1);
    g_assert_cmpint(write(slave, "in\n", 3), ==, 3);
    WAIT_UNTIL(test_user_got(&user, "in\n"));
    g_assert_cmpint(test_user_write(&user, "out\n"), ==, 4);
    test_expect(slave, "out\n");
    close(slave);
    WAIT_UNTIL(user.n_closed == 1);
    g_assert_cmpuint(test_settle(), <, 3);
    slave = open(path, O_RDWR | O_NOCTTY);
    WAIT_UNTIL(user.n_opened == 2);
    close(slave);
    test_user_clear(&user);
    char_cleanup();
}

static void test_pty_keeps_unread_bytes(void)
{
    TestUser user = { .wanted = 0 };
    Chardev *chr;
    g_autofree char *path = pty_new(&chr);
    int slave;

    test_user_attach(&user, chr, &test_reader_ops);
    slave = open(path, O_RDWR | O_NOCTTY);
    WAIT_UNTIL(user.n_opened == 1);
    g_assert_cmpint(write(slave, "bye", 3), ==, 3);
    close(slave);
    test_settle();
    g_assert_cmpuint(user.n_closed, ==, 0);
    test_user_want(&user, 100);
    WAIT_UNTIL(user.n_closed == 1);
    g_assert_true(test_user_got(&user, "bye"));
    test_user_clear(&user);
    char_cleanup();
}

static void test_pty_link(void)
{
    char *folder = test_folder_new();
    g_autofree char *link = g_build_filename(folder, "l", NULL);
    g_autofree char *opts = g_strdup_printf("pty,id=c,path=%s", link);
    g_autofree char *target = NULL;
    g_autofree char *filename = NULL;

    test_char_new(opts);
    filename = test_filename("c");
    target = g_file_read_link(link, NULL);
    g_assert_cmpstr(target, ==, filename + strlen("pty:"));
    char_cleanup();
    g_assert_false(g_file_test(link, G_FILE_TEST_IS_SYMLINK));
    test_folder_free(folder);
}

static void test_char_fails(const char *opts, const char *want)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(char_new_from_opts(opts, &error));
    g_assert_nonnull(error);
    g_assert_cmpstr(error->message, ==, want);
}

/* What a killed process leaves gives way; a link to a terminal in use, or to a file, does not. */
static void test_pty_link_of_killed_process_gives_way(void)
{
    char *folder = test_folder_new();
    g_autofree char *link = g_build_filename(folder, "l", NULL);
    g_autofree char *opts = g_strdup_printf("pty,id=c,path=%s", link);
    g_autofree char *again = g_strdup_printf("pty,id=d,path=%s", link);
    g_autofree char *filename = NULL;
    g_autofree char *target = NULL;

    g_assert_cmpint(symlink("/dev/pts/99999", link), ==, 0);
    test_char_new(opts);
    filename = test_filename("c");
    target = g_file_read_link(link, NULL);
    g_assert_cmpstr(target, ==, filename + strlen("pty:"));
    test_char_fails(again, "Failed to create PTY symlink: File exists");
    char_cleanup();
    g_assert_cmpint(symlink(folder, link), ==, 0);
    test_char_fails(opts, "Failed to create PTY symlink: File exists");
    g_unlink(link);
    test_folder_free(folder);
}

/* Neither the output file nor the log goes through a link, and both are private. */
static void test_symlink_is_refused(void)
{
    char *folder = test_folder_new();
    g_autofree char *path = g_build_filename(folder, "l", NULL);
    g_autofree char *file = g_strdup_printf("file,id=c,path=%s", path);
    g_autofree char *log = g_strdup_printf("null,id=c,logfile=%s", path);
    g_autofree char *message = g_strdup_printf("Could not open '%s': it is a symbolic link, which "
                                               "is not followed", path);
    g_autofree char *log_message = g_strdup_printf("Could not create '%s': it is a symbolic link, "
                                                   "which is not followed", path);
    struct stat st;

    g_assert_cmpint(symlink("target", path), ==, 0);
    test_char_fails(file, message);
    test_char_fails(log, log_message);
    g_unlink(path);
    test_char_new(file);
    g_assert_cmpint(stat(path, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 07777, ==, 0600);
    char_cleanup();
    g_unlink(path);
    test_char_new(log);
    g_assert_cmpint(stat(path, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 07777, ==, 0600);
    char_cleanup();
    g_unlink(path);
    test_folder_free(folder);
}

/* The links of /dev are the system's. */
static void test_dev_stdout_is_a_file(void)
{
    test_char_new("file,id=c,path=/dev/stdout,append=on");
    char_cleanup();
}

static void test_pty_qmp_returns_the_path(void)
{
    json_object *ret = test_qmp_ok("chardev-add",
                                   "{'id': 'c', 'backend': {'type': 'pty', 'data': {}}}");
    g_autofree char *want = g_strconcat("pty:", json_object_get_string(
        json_object_object_get(ret, "pty")), NULL);

    test_filename_is("c", want);
    json_object_put(ret);
    char_cleanup();
}

/* --- udp:  chardev c <-> socket of the test --------------------------------------------------- */

/** A UDP socket on the loopback. */
static int udp_new(int *port)
{
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof(sa);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    g_assert_cmpint(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), ==, 0);
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&sa, &len), ==, 0);
    *port = ntohs(sa.sin_port);
    return fd;
}

/** Chardev "c" that sends to @fd, and @fd to it. */
static Chardev *udp_pair(int *fd)
{
    g_autofree char *opts = NULL;
    struct sockaddr_in sa;
    socklen_t len = sizeof(sa);
    TestUser user = { 0 };
    Chardev *chr;
    char buffer[16];
    int port;

    *fd = udp_new(&port);
    opts = g_strdup_printf("udp,id=c,host=127.0.0.1,port=%d", port);
    chr = test_char_new(opts);
    test_user_attach(&user, chr, &test_writer_ops);
    g_assert_cmpint(test_user_write(&user, "hello"), ==, 5);
    g_assert_cmpint(recvfrom(*fd, buffer, sizeof(buffer), 0, (struct sockaddr *)&sa, &len), ==,
                    5);
    g_assert_cmpint(connect(*fd, (struct sockaddr *)&sa, len), ==, 0);
    test_user_clear(&user);
    return chr;
}

static void test_udp_write_is_a_datagram(void)
{
    TestUser user = { 0 };
    struct iovec iov[2] = { { (char *)"ab", 2 }, { (char *)"cd", 2 } };
    char buffer[16];
    int fd;
    Chardev *chr = udp_pair(&fd);

    test_user_attach(&user, chr, &test_writer_ops);
    g_assert_cmpint(char_frontend_writev(&user.fe, iov, 2), ==, 4);
    g_assert_cmpint(test_user_write(&user, "e"), ==, 1);
    g_assert_cmpint(read(fd, buffer, sizeof(buffer)), ==, 4);
    g_assert_cmpint(read(fd, buffer, sizeof(buffer)), ==, 1);
    test_user_clear(&user);
    close(fd);
    char_cleanup();
}

static void test_udp_datagram_in_parts(void)
{
    TestUser user = { .wanted = 2 };
    int fd;
    Chardev *chr = udp_pair(&fd);

    test_user_attach(&user, chr, &test_reader_ops);
    test_send(fd, "abcdef");
    test_send(fd, "gh");
    WAIT_UNTIL(user.got->len == 2);
    test_settle();
    g_assert_true(test_user_got(&user, "ab"));
    test_user_want(&user, 3);
    WAIT_UNTIL(test_user_got(&user, "abcde"));
    test_user_want(&user, 100);
    WAIT_UNTIL(test_user_got(&user, "abcdefgh"));
    test_user_clear(&user);
    close(fd);
    char_cleanup();
}

static void test_udp_survives_a_deaf_peer(void)
{
    TestUser user = { .wanted = 100 };
    int fd;
    Chardev *chr = udp_pair(&fd);

    close(fd);
    test_user_attach(&user, chr, &test_reader_ops);
    for (int i = 0; i < 4; i++) {
        g_assert_cmpint(test_user_write(&user, "x"), ==, 1);
        test_settle();
    }
    g_assert_cmpuint(user.n_closed, ==, 0);
    test_user_clear(&user);
    char_cleanup();
}

static void test_udp_local_address(void)
{
    TestUser user = { .wanted = 100 };
    g_autofree char *opts = NULL;
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int remote_port, local_port;
    int fd, other;

    if (localhost_skip()) { /* the host when none is given */
        return;
    }
    fd = udp_new(&remote_port);
    other = udp_new(&local_port);
    close(other);
    opts = g_strdup_printf("udp,id=c,port=%d,ipv4=on,localport=%d", remote_port, local_port);
    test_user_attach(&user, test_char_new(opts), &test_reader_ops);
    sa.sin_port = htons((uint16_t)local_port);
    g_assert_cmpint(sendto(fd, "to", 2, 0, (struct sockaddr *)&sa, sizeof(sa)), ==, 2);
    WAIT_UNTIL(test_user_got(&user, "to"));
    test_filename_is("c", "udp");
    test_user_clear(&user);
    close(fd);
    char_cleanup();
}

/* --- ringbuf -------------------------------------------------------------------------------- */

static void assert_ringbuf_reads(const char *args, const char *want)
{
    json_object *ret = test_qmp_ok("ringbuf-read", args);

    g_assert_cmpstr(json_object_get_string(ret), ==, want);
    json_object_put(ret);
}

static void test_ringbuf_keeps_the_newest(void)
{
    TestUser user = { 0 };

    test_user_attach(&user, test_char_new("ringbuf,id=c,size=8"), &test_writer_ops);
    g_assert_cmpint(test_user_write(&user, "abcdef"), ==, 6);
    assert_ringbuf_reads("{'device': 'c', 'size': 2}", "ab");
    g_assert_cmpint(test_user_write(&user, "ghijkl"), ==, 6);
    assert_ringbuf_reads("{'device': 'c', 'size': 100}", "efghijkl");
    assert_ringbuf_reads("{'device': 'c', 'size': 100}", "");
    g_assert_cmpint(test_user_write(&user, "0123456789"), ==, 10);
    assert_ringbuf_reads("{'device': 'c', 'size': 100}", "23456789");
    test_user_clear(&user);
    char_cleanup();
}

static void test_ringbuf_formats(void)
{
    test_char_new("ringbuf,id=c");
    json_object_put(test_qmp_ok("ringbuf-write", "{'device': 'c', 'data': 'YQBi', "
                                                 "'format': 'base64'}"));
    assert_ringbuf_reads("{'device': 'c', 'size': 3, 'format': 'base64'}", "YQBi");
    json_object_put(test_qmp_ok("ringbuf-write", "{'device': 'c', 'data': 'YQBi', "
                                                 "'format': 'base64'}"));
    assert_ringbuf_reads("{'device': 'c', 'size': 3}", "a");
    json_object_put(test_qmp_ok("ringbuf-write", "{'device': 'c', 'data': 'text'}"));
    assert_ringbuf_reads("{'device': 'c', 'size': 10, 'format': 'base64'}", "dGV4dA==");
    char_cleanup();
}

/* --- Log files ------------------------------------------------------------------------------ */

static void test_log_copies_output(void)
{
    TestUser user = { 0 };
    char *folder = test_folder_new();
    g_autofree char *path = g_build_filename(folder, "log", NULL);
    g_autofree char *opts = g_strdup_printf("null,id=c,logfile=%s", path);
    g_autofree char *again = g_strdup_printf("null,id=d,logfile=%s,logappend=on", path);

    test_user_attach(&user, test_char_new(opts), &test_writer_ops);
    g_assert_cmpint(test_user_write(&user, "one\n"), ==, 4);
    assert_file_is(path, "one\n");
    char_frontend_detach(&user.fe);
    test_user_attach(&user, test_char_new(again), &test_writer_ops);
    char_frontend_send(&user.fe, "two\n", 4);
    assert_file_is(path, "one\ntwo\n");
    test_user_clear(&user);
    char_cleanup();
    test_folder_free(folder);
}

static void test_log_has_time_stamps(void)
{
    TestUser user = { 0 };
    char *folder = test_folder_new();
    g_autofree char *path = g_build_filename(folder, "log", NULL);
    g_autofree char *opts = g_strdup_printf("null,id=c,logfile=%s,logtimestamp=on", path);
    g_autofree char *text = NULL;

    test_user_attach(&user, test_char_new(opts), &test_writer_ops);
    test_user_write(&user, "on");
    test_user_write(&user, "e\ntwo\n");
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_true(g_regex_match_simple("^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}Z one\n"
                                       "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}Z two\n$",
                                       text, 0, 0));
    test_user_clear(&user);
    char_cleanup();
    test_folder_free(folder);
}

int main(int argc, char **argv)
{
    test_char_init(&argc, &argv);
#define ADD(name, func) g_test_add_func("/char-backends/" name, func)
    ADD("null-takes-everything", test_null_takes_everything);
    ADD("break-is-passed-on", test_break_is_passed_on);
    ADD("file-is-replaced", test_file_is_replaced);
    ADD("file-is-appended", test_file_is_appended);
    ADD("file-is-read", test_file_is_read);
    ADD("pipe-two", test_pipe_two);
    ADD("pipe-full", test_pipe_full);
    ADD("stdio-only-once", test_stdio_only_once);
    ADD("stdio-forbidden", test_stdio_forbidden);
    ADD("stdio-restores-the-terminal", test_stdio_restores_the_terminal);
    ADD("pty-opens-and-closes", test_pty_opens_and_closes);
    ADD("pty-keeps-unread-bytes", test_pty_keeps_unread_bytes);
    ADD("pty-link", test_pty_link);
    ADD("pty-link-of-killed-process-gives-way", test_pty_link_of_killed_process_gives_way);
    ADD("symlink-is-refused", test_symlink_is_refused);
    ADD("dev-stdout-is-a-file", test_dev_stdout_is_a_file);
    ADD("pty-qmp-returns-the-path", test_pty_qmp_returns_the_path);
    ADD("udp-write-is-a-datagram", test_udp_write_is_a_datagram);
    ADD("udp-datagram-in-parts", test_udp_datagram_in_parts);
    ADD("udp-survives-a-deaf-peer", test_udp_survives_a_deaf_peer);
    ADD("udp-local-address", test_udp_local_address);
    ADD("ringbuf-keeps-the-newest", test_ringbuf_keeps_the_newest);
    ADD("ringbuf-formats", test_ringbuf_formats);
    ADD("log-copies-output", test_log_copies_output);
    ADD("log-has-time-stamps", test_log_has_time_stamps);
    return g_test_run();
}
