/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets that a service manager passes by name, and the journal that it reads. */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qtest-client.h"

/*
 *   we, as the service manager: own the listening sockets ──► program: listens on them
 */

#define ACTIVATE "--activate="

/*
 * This program itself is the wrapper of the program under test, "--activate=FD:...;NAME:...": it
 * does what a manager does between fork() and exec().
 */
static int activate_main(const char *arg, char **argv)
{
    g_auto(GStrv) parts = g_strsplit(arg + strlen(ACTIVATE), ";", 2);
    g_auto(GStrv) fds = g_strsplit(parts[0], ":", -1);
    g_autofree char *pid = g_strdup_printf("%d", (int)getpid());
    g_autofree char *n = g_strdup_printf("%u", g_strv_length(fds));
    int kept[8];

    for (guint i = 0; fds[i]; i++) {
        kept[i] = fcntl(atoi(fds[i]), F_DUPFD, 100); /* out of the way of those below */
        g_assert_cmpint(kept[i], >=, 0);
    }
    for (guint i = 0; fds[i]; i++) {
        g_assert_cmpint(dup2(kept[i], 3 + (int)i), ==, 3 + (int)i);
        close(kept[i]);
    }
    setenv("LISTEN_FDS", n, 1);
    setenv("LISTEN_FDNAMES", parts[1], 1);
    setenv("LISTEN_PID", g_getenv("TEST_OTHER_PID") ? "1" : pid, 1);
    execvp(argv[0], argv);
    return 127;
}

/* What is started until activation_end() gets these. */
static void activation_begin(const char *fds, const char *names)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    const char *wrapper = g_getenv("QTEST_WRAPPER");
    g_autofree char *nested = g_strdup_printf("%s '" ACTIVATE "%s;%s' %s", self, fds, names,
                                              wrapper ? wrapper : "");

    g_setenv("TEST_WRAPPER", wrapper ? wrapper : "", TRUE);
    g_setenv("QTEST_WRAPPER", nested, TRUE);
}

static void activation_end(void)
{
    const char *before = g_getenv("TEST_WRAPPER");

    if (*before) {
        g_setenv("QTEST_WRAPPER", before, TRUE);
    } else {
        g_unsetenv("QTEST_WRAPPER");
    }
}

/* @fds: as in activation_begin(). */
#define START(s, fds, names, ...)      \
    do {                               \
        activation_begin(fds, names);  \
        (s) = qtest_start(__VA_ARGS__); \
        activation_end();              \
    } while (0)

/* A listening socket of ours, which the program inherits. */
static int listen_at(const char *path)
{
    int fd = sock_listen_unix(path);

    g_assert_cmpint(fcntl(fd, F_SETFD, 0), ==, 0);
    return fd;
}

static char *fd_text(int fd)
{
    return g_strdup_printf("%d", fd);
}

/* --- By name ----------------------------------------------------------------------------- */

static void test_chardev(void)
{
    g_autofree char *path = tmp_path("activated");
    int listen_fd = listen_at(path);
    g_autofree char *fds = fd_text(listen_fd);
    g_autofree char *greeting = NULL;
    QTest *s;
    int fd;

    START(s, fds, "qmp", "-chardev socket,id=c0,fd=qmp,server=on,wait=off -mon c0,mode=control");
    fd = sock_connect_unix(path);
    greeting = sock_read_line(fd);
    g_assert_nonnull(strstr(greeting, "\"QMP\""));
    qtest_quit(s);
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS)); /* it is the manager's */
    sock_close(&fd);
    sock_close(&listen_fd);
    unlink(path);
}

/* The manager's order: two of one name are taken one after the other. */
static void test_netdevs(void)
{
    int ours[2], theirs[2];
    g_autofree char *fds = NULL;
    QTest *s;

    sock_pair(SOCK_STREAM, &ours[0], &theirs[0]);
    sock_pair(SOCK_STREAM, &ours[1], &theirs[1]);
    fds = g_strdup_printf("%d:%d", theirs[0], theirs[1]);
    START(s, fds, "net:net", "-netdev stream,id=n0,addr.type=fd,addr.str=net "
          "-netdev socket,id=n1,fd=net -chardev null,id=c0");
    qtest_qmp_ok(s, "{'execute': 'query-status'}");
    qtest_quit(s);
    for (int i = 0; i < 2; i++) {
        sock_close(&ours[i]);
        sock_close(&theirs[i]);
    }
}

static void test_number(void)
{
    int ours, theirs;
    g_autofree char *fds = NULL;
    QTest *s;

    sock_pair(SOCK_STREAM, &ours, &theirs);
    fds = fd_text(theirs);
    START(s, fds, "net", "-netdev stream,id=n0,addr.type=fd,addr.str=3");
    qtest_quit(s);
    sock_close(&ours);
    sock_close(&theirs);
}

static void test_unused(void)
{
    int ours, theirs;
    g_autofree char *fds = NULL;

    sock_pair(SOCK_STREAM, &ours, &theirs);
    fds = g_strdup_printf("%d:%d", theirs, theirs);
    activation_begin(fds, "net0:forgotten");
    qtest_expect_start_error("socket 'forgotten', descriptor 4: passed by the service manager, "
                             "but no option uses it",
                             "-netdev stream,id=n0,addr.type=fd,addr.str=net0");
    qtest_expect_start_error("Unable to parse FD number other",
                             "-netdev stream,id=n0,addr.type=fd,addr.str=other");
    activation_end();
    sock_close(&ours);
    sock_close(&theirs);
}

/* Meant for the process that started this one. */
static void test_other_pid(void)
{
    int ours, theirs;
    g_autofree char *fds = NULL;

    sock_pair(SOCK_STREAM, &ours, &theirs);
    fds = fd_text(theirs);
    g_setenv("TEST_OTHER_PID", "1", TRUE);
    activation_begin(fds, "net0");
    qtest_expect_start_error("Unable to parse FD number net0",
                             "-netdev stream,id=n0,addr.type=fd,addr.str=net0");
    activation_end();
    g_unsetenv("TEST_OTHER_PID");
    sock_close(&ours);
    sock_close(&theirs);
}

/* --- Started anew under a guest ---------------------------------------------------------- */

/** The program between a guest and a network, both of which stay. */
typedef struct Host {
    char *path;      /* where the guest connects: the manager's socket */
    int listen_fd;
    int net_fd;      /* of the network; its other end is the manager's, too */
    int net_theirs;
    FrameLink net;
    QTest *s;
} Host;

static void host_start(Host *host)
{
    g_autofree char *fds = g_strdup_printf("%d:%d", host->listen_fd, host->net_theirs);

    START(host->s, fds, "guest:net", "-netdev socket,id=net0,fd=net "
          "-export stream,id=e0,netdev=net0,server=on,addr.type=fd,addr.str=guest");
}

/* The guest's QEMU, with reconnect=. */
static void host_connect(const Host *host, FrameLink *guest)
{
    frame_link_init(guest, FRAME_LINK_STREAM, sock_connect_unix(host->path));
}

static void guest_leave(FrameLink *guest)
{
    frame_link_clear(guest);
    sock_close(&guest->fd);
}

static void check_frames(FrameLink *from, FrameLink *to, uint32_t first, uint32_t n)
{
    frame_link_send(from, first, n);
    frame_link_expect(to, first, n);
}

static void host_new(Host *host)
{
    host->path = tmp_path("guest");
    host->listen_fd = listen_at(host->path);
    sock_pair(SOCK_DGRAM, &host->net_fd, &host->net_theirs);
    frame_link_init(&host->net, FRAME_LINK_DATAGRAM, host->net_fd);
}

static void host_clear(Host *host)
{
    frame_link_clear(&host->net);
    sock_close(&host->listen_fd);
    sock_close(&host->net_fd);
    sock_close(&host->net_theirs);
    unlink(host->path);
    g_free(host->path);
}

static void test_restart(void)
{
    Host host;
    FrameLink guest;

    host_new(&host);
    host_start(&host);
    host_connect(&host, &guest);
    check_frames(&guest, &host.net, 0, 3);
    check_frames(&host.net, &guest, 3, 3);
    qtest_quit(host.s);
    guest_leave(&guest);

    /* Nobody serves it, yet the guest connects, and what either side sends waits. */
    host_connect(&host, &guest);
    frame_link_send(&guest, 6, 3);
    frame_link_send(&host.net, 9, 3);
    host_start(&host);
    frame_link_expect(&host.net, 6, 3);
    frame_link_expect(&guest, 9, 3);
    check_frames(&guest, &host.net, 12, 3);
    qtest_quit(host.s);
    guest_leave(&guest);
    host_clear(&host);
}

/* --- The journal ------------------------------------------------------------------------- */

/* Standard error is the stream that the manager names, so each line begins with a priority. */
static void test_journal(void)
{
    g_autofree char *path = tmp_path("journal");
    g_autofree char *command = NULL;
    g_autofree char *text = NULL;
    g_autofree char *stream = NULL;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct stat st;

    g_assert_cmpint(fstat(fd, &st), ==, 0);
    stream = g_strdup_printf("%lu:%lu", (unsigned long)st.st_dev, (unsigned long)st.st_ino);
    command = g_strdup_printf("JOURNAL_STREAM=%s '%s' -netdev tup,id=x 2>'%s'; "
                              "JOURNAL_STREAM=1:1 '%s' -netdev tup,id=x 2>>'%s'", stream,
                              g_getenv("QTEST_QEMU_BINARY"), path, g_getenv("QTEST_QEMU_BINARY"),
                              path);
    g_assert_cmpint(system(command), !=, 0);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==,
                    "<3>qemu-net-daemon: -netdev tup,id=x: Parameter 'type' does not accept value "
                    "'tup'\n<3>Did you mean 'tap'?\n"
                    "qemu-net-daemon: -netdev tup,id=x: Parameter 'type' does not accept value "
                    "'tup'\nDid you mean 'tap'?\n");
    close(fd);
    unlink(path);
}

int main(int argc, char **argv)
{
    if (argc > 2 && g_str_has_prefix(argv[1], ACTIVATE)) {
        return activate_main(argv[1], argv + 2);
    }
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/activation/chardev", test_chardev);
    g_test_add_func("/activation/netdevs", test_netdevs);
    g_test_add_func("/activation/number", test_number);
    g_test_add_func("/activation/unused", test_unused);
    g_test_add_func("/activation/other-pid", test_other_pid);
    g_test_add_func("/activation/restart-under-a-guest", test_restart);
    g_test_add_func("/activation/journal", test_journal);
    return g_test_run();
}
