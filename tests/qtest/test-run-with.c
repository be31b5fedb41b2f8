/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -run-with user= and chroot=: the rights that are given up, and the files that go all the same. */

#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "qtest-client.h"

/*
 *   program, as root ──► sockets, pidfile in a folder of root's ──► program, as nobody
 *                    └─► janitor, as root: removes them
 */

static void test_user_by_numbers(void)
{
    QTest *s;
    g_autofree char *status = NULL;
    g_autofree char *path = NULL;

    if (geteuid() != 0) {
        g_test_skip("needs root");
        return;
    }
    s = qtest_start("-run-with user=65533:65532");
    path = g_strdup_printf("/proc/%d/status", qtest_pid(s));
    status = read_file(path);
    g_assert_nonnull(strstr(status, "\nUid:\t65533\t65533\t65533\t65533\n"));
    g_assert_nonnull(strstr(status, "\nGid:\t65532\t65532\t65532\t65532\n"));
    g_assert_nonnull(strstr(status, "\nGroups:\t \n"));
    qtest_quit(s);
}

static void test_chroot(void)
{
    g_autofree char *dir = tmp_path("root");
    g_autofree char *root = NULL;
    QTest *s;

    if (geteuid() != 0) {
        g_test_skip("needs root");
        return;
    }
    g_assert_cmpint(mkdir(dir, 0700), ==, 0);
    s = qtest_start("-run-with chroot=%s", dir);
    root = proc_link(qtest_pid(s), "root");
    g_assert_cmpstr(root, ==, dir);
    qtest_quit(s);
    rmdir(dir);
}

/* --- What is made before the rights are given up ------------------------------------------ */

/** A program that becomes nobody, and what it has made in a folder of root's. */
typedef struct Confined {
    QTest *s;
    char *folder;
    char *paths[6]; /* the pidfile is the last */
} Confined;

static bool confined_start(Confined *c, const char *name, const char *run_with)
{
    static const char *const names[] = { "chr", "net", "exp", "dgram", "tty", "pid" };

    if (geteuid() != 0) {
        g_test_skip("needs root");
        return false;
    }
    c->folder = tmp_path(name);
    g_assert_cmpint(mkdir(c->folder, 0755), ==, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        c->paths[i] = g_build_filename(c->folder, names[i], NULL);
    }
    c->s = qtest_start("-chardev socket,id=c0,path=%s,server=on,wait=off "
                       "-netdev stream,id=n0,server=on,addr.type=unix,addr.path=%s "
                       "-netdev hubport,id=h0,hubid=0 "
                       "--export stream,id=e0,netdev=h0,server=on,addr.type=unix,addr.path=%s "
                       "-netdev dgram,id=n1,local.type=unix,local.path=%s,remote.type=unix,"
                       "remote.path=/nobody -chardev pty,id=c1,path=%s -pidfile %s -run-with %s",
                       c->paths[0], c->paths[1], c->paths[2], c->paths[3], c->paths[4],
                       c->paths[5], run_with);
    for (size_t i = 0; i < G_N_ELEMENTS(c->paths); i++) {
        g_assert_true(g_file_test(c->paths[i], G_FILE_TEST_IS_SYMLINK) ||
                      g_file_test(c->paths[i], G_FILE_TEST_EXISTS));
    }
    return true;
}

/* Of a link the name counts, not what it leads to. */
static void wait_unlinked(const char *path)
{
    int64_t deadline = g_get_monotonic_time() + wait_limit_ms() * INT64_C(1000);
    struct stat st;

    while (lstat(path, &st) == 0) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_thread_yield();
    }
}

/* The program has ended: nothing of it stays. */
static void confined_expect_clean(Confined *c)
{
    for (size_t i = 0; i < G_N_ELEMENTS(c->paths); i++) {
        wait_unlinked(c->paths[i]);
        g_free(c->paths[i]);
    }
    g_assert_cmpint(rmdir(c->folder), ==, 0);
    g_free(c->folder);
}

static void test_user_leaves_nothing_at_sigterm(void)
{
    Confined c;

    if (confined_start(&c, "term", "user=65533:65532")) {
        qtest_quit(c.s);
        confined_expect_clean(&c);
    }
}

static void test_user_leaves_nothing_at_quit(void)
{
    Confined c;

    if (confined_start(&c, "quit", "user=65533:65532")) {
        qtest_qmp_ok(c.s, "{'execute': 'quit'}");
        g_assert_cmpint(qtest_wait_exit(c.s), ==, 0);
        confined_expect_clean(&c);
    }
}

static void test_user_leaves_nothing_at_sigkill(void)
{
    Confined c;

    if (confined_start(&c, "kill", "user=65533:65532")) {
        qtest_kill(c.s);
        confined_expect_clean(&c);
    }
}

static void test_chroot_leaves_nothing(void)
{
    g_autofree char *root = tmp_path("new-root");
    g_autofree char *run_with = g_strdup_printf("chroot=%s,user=65533:65532", root);
    Confined c;

    g_assert_cmpint(mkdir(root, 0755), ==, 0);
    if (confined_start(&c, "chroot", run_with)) {
        qtest_quit(c.s);
        confined_expect_clean(&c);
    }
    rmdir(root);
}

/* A socket that goes at run time goes at once; what stands there later is not the program's. */
static void test_user_removes_no_others(void)
{
    Confined c;
    int others[2];

    if (!confined_start(&c, "others", "user=65533:65532")) {
        return;
    }
    qtest_qmp_ok(c.s, "{'execute': 'chardev-remove', 'arguments': {'id': 'c0'}}");
    g_assert_false(g_file_test(c.paths[0], G_FILE_TEST_EXISTS));
    g_assert_cmpint(unlink(c.paths[1]), ==, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        others[i] = sock_listen_unix(c.paths[i]);
    }
    qtest_kill(c.s);
    wait_unlinked(c.paths[2]); /* the helper goes in order of creation; an export is the last */
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        g_assert_true(g_file_test(c.paths[i], G_FILE_TEST_EXISTS));
        g_assert_cmpint(unlink(c.paths[i]), ==, 0);
        sock_close(&others[i]);
    }
    confined_expect_clean(&c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/run-with/user-by-numbers", test_user_by_numbers);
    g_test_add_func("/run-with/chroot", test_chroot);
    g_test_add_func("/run-with/user-leaves-nothing-at-sigterm",
                    test_user_leaves_nothing_at_sigterm);
    g_test_add_func("/run-with/user-leaves-nothing-at-quit", test_user_leaves_nothing_at_quit);
    g_test_add_func("/run-with/user-leaves-nothing-at-sigkill",
                    test_user_leaves_nothing_at_sigkill);
    g_test_add_func("/run-with/chroot-leaves-nothing", test_chroot_leaves_nothing);
    g_test_add_func("/run-with/user-removes-no-others", test_user_removes_no_others);
    return g_test_run();
}
