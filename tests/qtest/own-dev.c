/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A /dev of the test's own, so that the system's log is what the test makes it. */

#include "own-dev.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <glib.h>

#include "sockets.h"

static int mounts_before = -1;

static void bind_file(const char *folder, const char *name)
{
    g_autofree char *from = g_build_filename("/dev", name, NULL);
    g_autofree char *to = g_build_filename(folder, name, NULL);

    g_assert_true(g_file_set_contents(to, "", 0, NULL));
    g_assert_cmpint(mount(from, to, NULL, MS_BIND, NULL), ==, 0);
}

bool own_dev_enter(void)
{
    g_autofree char *folder = tmp_path("dev");

    mounts_before = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    g_assert_cmpint(mounts_before, >=, 0);
    if (unshare(CLONE_NEWNS) < 0) {
        sock_close(&mounts_before);
        g_test_skip("no mount namespace of its own");
        return false;
    }
    g_assert_cmpint(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), ==, 0);
    g_assert_cmpint(mkdir(folder, 0755), ==, 0);
    g_assert_cmpint(mount("tmpfs", folder, "tmpfs", 0, NULL), ==, 0);
    bind_file(folder, "null");
    bind_file(folder, "urandom");
    g_assert_cmpint(mount(folder, "/dev", NULL, MS_BIND | MS_REC, NULL), ==, 0);
    return true;
}

void own_dev_leave(void)
{
    g_assert_cmpint(setns(mounts_before, CLONE_NEWNS), ==, 0);
    sock_close(&mounts_before);
}

int own_dev_log(void)
{
    return sock_dgram_unix("/dev/log");
}

char *own_dev_log_next(int log)
{
    char message[1024];
    ssize_t n;

    wait_fd(log, POLLIN, "a message in the system's log");
    n = recv(log, message, sizeof(message), 0);
    g_assert_cmpint(n, >, 0);
    return g_strndup(message, (size_t)n);
}
