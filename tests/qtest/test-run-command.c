/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -run: the VM's program, started with a socket for each export; -ready; storage-daemon options. */

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qtest-client.h"
#include "real-vm.h"

/*
 *   we ── net0 ── e0 ── socket pair ── the command
 */

/* This program itself is a guest when it is called as one: it sends back what it gets, once. */
#define GUEST "--guest="

static int guest_main(int fd)
{
    uint8_t frame[FRAME_MAX];
    ssize_t n = read(fd, frame, sizeof(frame));

    return n > 0 && write(fd, frame, (size_t)n) == n ? 5 : 6;
}

static char *self_path(void)
{
    char *path = g_file_read_link("/proc/self/exe", NULL);

    g_assert_nonnull(path);
    return path;
}

/* A frame goes to the command and comes back; then it ends with a status of its own. */
static void check_guest(const char *type, const char *place)
{
    g_autofree char *self = self_path();
    FrameLink net;
    QTest *s;
    int ours, theirs;

    sock_pair(SOCK_DGRAM, &ours, &theirs);
    frame_link_init(&net, FRAME_LINK_DATAGRAM, ours);
    s = qtest_start_plain("-nodefaults -netdev socket,id=net0,fd=%d "
                          "-export %s,id=e0-0.x,netdev=net0 -run 'exec %s " GUEST "%s'", theirs,
                          type, self, place);
    frame_link_send(&net, 0, 1);
    frame_link_expect(&net, 0, 1);
    g_assert_cmpint(qtest_wait_exit(s), ==, 5);
    frame_link_clear(&net);
    sock_close(&ours);
    sock_close(&theirs);
}

static void test_stream(void)
{
    check_guest("stream", "{e0-0.x}");
}

static void test_dgram(void)
{
    check_guest("dgram", "{e0-0.x}");
}

static void test_environment(void)
{
    check_guest("type=stream", "$QND_FD_e0_0_x");
}

static void test_status(void)
{
    g_assert_cmpint(qtest_run(NULL, NULL, "-nodefaults -run 'exit 7'"), ==, 7);
    g_assert_cmpint(qtest_run(NULL, NULL, "-nodefaults -run true"), ==, 0);
    g_assert_cmpint(qtest_run(NULL, NULL, "-nodefaults -run 'kill -KILL $$'"), ==, 128 + SIGKILL);
    g_assert_cmpint(qtest_run(NULL, NULL, "-nodefaults -run /no/such"), ==, 127);
}

/* What is asked to end first ends the command, too. */
static void test_signalled(void)
{
    g_autofree char *fifo = tmp_path("fifo");
    QTest *s;
    int fd;

    g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
    s = qtest_start_plain("-nodefaults -run 'trap \"echo told; exit 3\" TERM; "
                          "read line <%s & wait'", fifo);
    fd = open(fifo, O_WRONLY | O_CLOEXEC); /* until the command reads it */
    g_assert_cmpint(fd, >=, 0);
    qtest_signal(s, SIGTERM);
    qtest_wait_output(s, "told\n");
    sock_close(&fd);
    g_assert_cmpint(qtest_wait_exit(s), ==, 0);
    unlink(fifo);
}

/* Nothing of ours is left open in it but what it is to have. */
static void test_descriptors(void)
{
    g_autofree char *out = NULL;

    g_assert_cmpint(qtest_run(&out, NULL, "-nodefaults -chardev null,id=c0 -netdev hubport,id=n0,"
                              "hubid=0 -export stream,id=e0,netdev=n0 "
                              "-run 'for fd in /proc/self/fd/*; do readlink $fd; done | "
                              "grep -c socket: '"), ==, 0);
    g_assert_cmpstr(out, ==, "1\n");
}

static void test_refused(void)
{
    qtest_expect_start_error("-run cannot be used with -daemonize", "-daemonize -run true");
    qtest_expect_start_error("-run cannot be used with -run-with user= or chroot=",
                             "-run true -run-with chroot=/");
    /* Without it an export has to have an address. */
    qtest_expect_start_error("export 'e-0': the variable QND_FD_e_0 of -run is that of "
                             "export 'e.0'",
                             "-netdev hubport,id=n0,hubid=0 -netdev hubport,id=n1,hubid=0 "
                             "-export type=stream,id=e.0,netdev=n0 "
                             "-export type=stream,id=e-0,netdev=n1 -run true");
    qtest_expect_start_error("Parameter 'addr' is missing",
                             "-netdev hubport,id=n0,hubid=0 -export stream,id=e0,netdev=n0");
}

/* --- A real QEMU ------------------------------------------------------------------------- */

static void test_qemu(void)
{
    static const char quit[] = "{\"execute\": \"qmp_capabilities\"}{\"execute\": \"quit\"}\n";
    g_autofree char *path = NULL;
    g_autofree char *greeting = NULL;
    QTest *s;
    int listen_fd, fd;

    if (!real_vm_is_there()) {
        return;
    }
    path = tmp_path("qemu.qmp");
    listen_fd = sock_listen_unix(path);
    s = qtest_start_plain("-nodefaults -netdev hubport,id=n0,hubid=0 "
                          "-export stream,id=e0,netdev=n0 -run 'exec qemu-system-x86_64 "
                          "-machine none -nodefaults -display none -qmp unix:%s "
                          "-netdev stream,id=q0,addr.type=fd,addr.str={e0}'", path);
    fd = sock_accept(listen_fd);
    greeting = sock_read_line(fd);
    g_assert_nonnull(strstr(greeting, "\"QMP\""));
    sock_write(fd, quit, strlen(quit));
    g_assert_cmpint(qtest_wait_exit(s), ==, 0);
    sock_close(&fd);
    sock_close(&listen_fd);
    unlink(path);
}

/* --- -ready ------------------------------------------------------------------------------ */

static void test_ready(void)
{
    g_autofree char *out = NULL;
    g_autoptr(json_object) line = NULL;
    json_object *chardevs;
    json_object *filename;
    const char *text;

    g_assert_cmpint(qtest_run(&out, NULL, "-nodefaults -chardev socket,id=c0,host=127.0.0.1,port=0,"
                              "server=on,wait=off -netdev hubport,id=n0,hubid=0 -ready json "
                              "-run true"), ==, 0);
    g_assert_cmpuint(strcspn(out, "\n"), ==, strlen(out) - 1);
    line = json_tokener_parse(out);
    g_assert_cmpint(json_path(line, "ready"), ==, 1);
    g_assert_cmpint(json_path(line, "pid"), >, 1);
    g_assert_true(json_object_object_get_ex(line, "chardevs", &chardevs));
    g_assert_cmpuint(json_object_array_length(chardevs), ==, 1);
    g_assert_true(json_object_object_get_ex(json_object_array_get_idx(chardevs, 0), "filename",
                                            &filename));
    text = json_object_get_string(filename);
    g_assert_true(g_str_has_prefix(text, "disconnected:tcp:127.0.0.1:"));
    g_assert_cmpint(atoi(text + strlen("disconnected:tcp:127.0.0.1:")), >, 0);
    g_assert_true(json_object_object_get_ex(line, "exports", NULL));
    qtest_expect_start_error("there is no format 'yaml' but json", "-ready yaml");
}

/* --- As in qemu-storage-daemon ----------------------------------------------------------- */

static void test_monitor_chardev(void)
{
    g_autofree char *path = tmp_path("qmp");
    g_autofree char *human = tmp_path("hmp");
    g_autofree char *greeting = NULL;
    g_autofree char *banner = NULL;
    QTest *s = qtest_start("--chardev socket,id=c0,path=%s,server=on,wait=off --monitor chardev=c0 "
                           "--chardev socket,id=c1,path=%s,server=on,wait=off "
                           "--monitor chardev=c1,mode=readline", path, human);
    int fd = sock_connect_unix(path);
    int human_fd = sock_connect_unix(human);

    greeting = sock_read_line(fd);
    g_assert_nonnull(strstr(greeting, "\"QMP\""));
    banner = sock_read_line(human_fd);
    g_assert_nonnull(strstr(banner, "monitor - type 'help'"));
    qtest_quit(s);
    sock_close(&fd);
    sock_close(&human_fd);
}

static void test_short_options(void)
{
    g_autofree char *version = NULL;
    g_autofree char *same = NULL;
    g_autofree char *points = NULL;

    g_assert_cmpint(qtest_run(&version, NULL, "--version"), ==, 0);
    g_assert_cmpint(qtest_run(&same, NULL, "-V"), ==, 0);
    g_assert_cmpstr(version, ==, same);
    g_assert_cmpint(qtest_run(&points, NULL, "-T help"), ==, 0);
    g_assert_nonnull(strstr(points, "qmp_request\n"));
}

int main(int argc, char **argv)
{
    if (argc == 2 && g_str_has_prefix(argv[1], GUEST)) {
        return guest_main(atoi(argv[1] + strlen(GUEST)));
    }
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/run-command/stream", test_stream);
    g_test_add_func("/run-command/dgram", test_dgram);
    g_test_add_func("/run-command/environment", test_environment);
    g_test_add_func("/run-command/status", test_status);
    g_test_add_func("/run-command/signalled", test_signalled);
    g_test_add_func("/run-command/descriptors", test_descriptors);
    g_test_add_func("/run-command/refused", test_refused);
    g_test_add_func("/run-command/qemu", test_qemu);
    g_test_add_func("/run-command/ready", test_ready);
    g_test_add_func("/run-command/monitor-chardev", test_monitor_chardev);
    g_test_add_func("/run-command/short-options", test_short_options);
    return g_test_run();
}
