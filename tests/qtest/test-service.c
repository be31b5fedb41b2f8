/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A service manager is told that the program is ready, what it holds, and that it lives. */

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
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

static void test_ready(void)
{
    Manager *manager = manager_new();
    QTest *s = qtest_start("-name vm0");

    manager_expect(manager, "READY=1");
    manager_expect(manager, "STATUS=VM running; no frame is held");
    qtest_stop(s);
    manager_expect(manager, "STATUS=VM paused; no frame is held");
    qtest_quit(s);
    manager_expect(manager, "STOPPING=1");
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
    g_test_add_func("/service/not-told-when-the-start-fails", test_not_ready_after_an_error);
    g_test_add_func("/service/told-what-is-held", test_held);
    g_test_add_func("/service/watchdog-is-fed", test_watchdog);
    return g_test_run();
}
