/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A service manager is told that the program is ready, what it holds, and that it lives. */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frames.h"
#include "qtest-client.h"

/*
 *   we, as the service manager ◄── NOTIFY_SOCKET ── program ── net0 ── idle NIC
 */

typedef struct Manager {
    char *path; /* owned */
    int fd;
} Manager;

static Manager *manager_new(void)
{
    Manager *manager = g_new0(Manager, 1);

    manager->path = tmp_path("notify");
    manager->fd = sock_dgram_unix(manager->path);
    g_setenv("NOTIFY_SOCKET", manager->path, true);
    return manager;
}

static void manager_free(Manager *manager)
{
    g_unsetenv("NOTIFY_SOCKET");
    g_unsetenv("WATCHDOG_USEC");
    unlink(manager->path);
    close(manager->fd);
    g_free(manager->path);
    g_free(manager);
}

/* Until a message is @wanted; what comes before is skipped. */
static void manager_expect(Manager *manager, const char *wanted)
{
    char text[512];

    do {
        ssize_t n;

        wait_fd(manager->fd, POLLIN, wanted);
        n = recv(manager->fd, text, sizeof(text) - 1, 0);
        g_assert_cmpint(n, >, 0);
        text[n] = '\0';
    } while (strcmp(text, wanted) != 0);
}

static void check_states(const char *options)
{
    Manager *manager = manager_new();
    QTest *s = qtest_start("%s", options);

    manager_expect(manager, "READY=1");
    manager_expect(manager, "STATUS=VM running; no frame is held");
    qtest_stop(s);
    manager_expect(manager, "STATUS=VM paused; no frame is held");
    qtest_quit(s);
    manager_expect(manager, "STOPPING=1");
    manager_free(manager);
}

static void test_ready(void)
{
    check_states("-name vm0");
}

/* The manager's socket is not to be found below the root that the program has by then. */
static void test_chroot(void)
{
    g_autofree char *root = tmp_path("root");
    g_autofree char *options = g_strdup_printf("-run-with chroot=%s,user=65533:65532", root);

    if (geteuid() != 0) {
        g_test_skip("needs root");
        return;
    }
    g_assert_cmpint(mkdir(root, 0755), ==, 0);
    check_states(options);
}

static void test_abstract_socket(void)
{
    Manager *manager = manager_new();
    g_autofree char *name = g_strdup_printf("@qnd-notify-%d", getpid());
    int unused = manager->fd;
    QTest *s;

    manager->fd = sock_dgram_unix(name);
    sock_close(&unused);
    g_setenv("NOTIFY_SOCKET", name, true);
    s = qtest_start("-name vm0");
    manager_expect(manager, "READY=1");
    qtest_quit(s);
    manager_free(manager);
}

static void expect_warning(const char *path, const char *why)
{
    g_autofree char *want = g_strdup_printf("warning: the service manager cannot be told "
                                            "anything: NOTIFY_SOCKET=%s: %s\n", path, why);
    QTest *s;

    g_setenv("NOTIFY_SOCKET", path, true);
    s = qtest_start("-name vm0");
    qtest_wait_output(s, want);
    qtest_quit(s);
    g_unsetenv("NOTIFY_SOCKET");
}

static void test_bad_socket(void)
{
    g_autofree char *longest = g_strnfill(200, '/');

    expect_warning("/nowhere/notify", "No such file or directory");
    expect_warning("tcp:1234", "it is no address of a unix socket");
    expect_warning(longest, "it is no address of a unix socket");
}

/* A manager that reads nothing holds up nobody, and hears all when it reads again. */
static void test_full_socket(void)
{
    Manager *manager = manager_new();
    int filler = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    char text[16];
    QTest *s;

    sock_dgram_unix_connect(filler, manager->path);
    while (send(filler, "X=1", 3, 0) == 3) {
    }
    g_assert_cmpint(errno, ==, EAGAIN);
    s = qtest_start("-name vm0");
    qtest_qmp_ok(s, "{'execute': 'query-status'}");
    while (recv(manager->fd, text, sizeof(text), MSG_DONTWAIT) == 3) {
    }
    manager_expect(manager, "READY=1");
    manager_expect(manager, "STATUS=VM running; no frame is held");
    qtest_quit(s);
    sock_close(&filler);
    manager_free(manager);
}

static void test_not_ready_after_an_error(void)
{
    Manager *manager = manager_new();

    qtest_expect_start_error("no-such-chardev", "-mon no-such-chardev");
    g_assert_false(fd_is_readable(manager->fd));
    manager_free(manager);
}

static void test_held(void)
{
    Manager *manager = manager_new();
    uint8_t frame[FRAME_LEN_MIN];
    QTest *s;
    int ours, theirs;

    frame_build(frame, sizeof(frame), FRAME_UDP, 0);
    sock_pair(SOCK_DGRAM, &ours, &theirs);
    s = qtest_start("-nic socket,id=net0,fd=%d", theirs);
    sock_close(&theirs);
    manager_expect(manager, "STATUS=VM running; no frame is held");
    g_assert_cmpint(send(ours, frame, sizeof(frame), 0), ==, sizeof(frame));
    manager_expect(manager, "STATUS=VM running; 1 frame (60 bytes) is held");
    qtest_quit(s);
    sock_close(&ours);
    manager_free(manager);
}

static void test_watchdog(void)
{
    Manager *manager = manager_new();
    QTest *s;

    g_setenv("WATCHDOG_USEC", "200000", true);
    s = qtest_start("-name vm0");
    for (int i = 0; i < 3; i++) {
        manager_expect(manager, "WATCHDOG=1");
    }
    qtest_quit(s);
    manager_free(manager);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/service/told-when-everything-listens", test_ready);
    g_test_add_func("/service/chroot", test_chroot);
    g_test_add_func("/service/abstract-socket", test_abstract_socket);
    g_test_add_func("/service/bad-socket", test_bad_socket);
    g_test_add_func("/service/full-socket", test_full_socket);
    g_test_add_func("/service/not-told-when-the-start-fails", test_not_ready_after_an_error);
    g_test_add_func("/service/told-what-is-held", test_held);
    g_test_add_func("/service/watchdog-is-fed", test_watchdog);
    return g_test_run();
}
