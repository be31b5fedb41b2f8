/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths of unix sockets that we bind: what gives way, who may take them, what is left. */

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "qtest-client.h"

/*
 *   old process ──┐
 *                 ├──► path
 *   new process ──┘
 */

/** A module that binds a path: the option that makes it do so, with %s for the path. */
typedef struct Binder {
    const char *name;
    const char *option;
    const char *netdev; /* its type, which may not be built in; NULL = always there */
    const char *prefix; /* of its members mode and group; NULL = the library binds, without */
} Binder;

static const Binder binders[] = {
    { "chardev-socket", "-chardev socket,id=c0,server=on,wait=off,path=%s", NULL, "" },
    { "monitor", "-qmp unix:%s,server=on,wait=off", NULL, "" },
    { "netdev-stream", "-netdev stream,id=n0,server=on,addr.type=unix,addr.path=%s", NULL,
      "addr." },
    { "netdev-dgram", "-netdev dgram,id=n0,local.type=unix,remote.type=unix,"
                      "remote.path=/no/such/guest,local.path=%s", NULL, "local." },
    { "netdev-user", "-netdev user,id=n0,hostfwd=unix:%s-:22", "user", NULL },
    { "export-stream", "-netdev hubport,id=n0,hubid=0 --export type=stream,id=e0,netdev=n0,"
                       "addr.type=unix,addr.path=%s", NULL, "addr." },
    { "export-vhost-user", "-netdev hubport,id=n0,hubid=0 --export type=vhost-user,id=e0,netdev=n0,"
                           "addr.type=unix,addr.path=%s", NULL, "addr." },
    { "export-dgram", "-netdev hubport,id=n0,hubid=0 --export type=dgram,id=e0,netdev=n0,"
                      "remote.type=unix,remote.path=/no/such/guest,addr.type=unix,addr.path=%s",
                      NULL, "addr." },
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static char *binder_options(const Binder *binder, const char *path)
{
    return g_strdup_printf(binder->option, path);
}
#pragma GCC diagnostic pop

static bool binder_is_missing(const Binder *binder)
{
    if (!binder->netdev || qtest_has_netdev(binder->netdev)) {
        return false;
    }
    g_test_skip("not built in");
    return true;
}

static struct stat file_at(const char *path)
{
    struct stat st;

    g_assert_cmpint(lstat(path, &st), ==, 0);
    return st;
}

static bool is_same_file(struct stat a, struct stat b)
{
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* The program must not start with @options, and say that the path is in use. */
static void expect_refused(const char *options, const char *noun)
{
    g_autofree char *err = NULL;

    g_assert_cmpint(qtest_run(NULL, &err, "%s", options), ==, 1);
    g_assert_nonnull(strstr(err, noun));
}

/* The second process must not take the path of the first, nor remove it on its way out. */
static void test_not_robbed(const void *data)
{
    const Binder *binder = data;
    g_autofree char *path = tmp_path("taken");
    g_autofree char *options = binder_options(binder, path);
    struct stat before;
    QTest *s;

    if (binder_is_missing(binder)) {
        return;
    }
    s = qtest_start("%s", options);
    before = file_at(path);
    expect_refused(options, "(there is a socket in use)");
    g_assert_true(is_same_file(before, file_at(path)));
    qtest_quit(s);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

/* What a killed process leaves gives way; so does the empty file of mkstemp(). */
static void test_gives_way(const void *data)
{
    const Binder *binder = data;
    g_autofree char *path = tmp_path("left");
    g_autofree char *options = binder_options(binder, path);

    if (binder_is_missing(binder)) {
        return;
    }
    g_assert_true(g_file_set_contents(path, "", 0, NULL));
    qtest_kill(qtest_start("%s", options));
    g_assert_true(S_ISSOCK(file_at(path).st_mode));
    qtest_quit(qtest_start("%s", options));
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

/* A file with something in it stays, whatever the module. */
static void test_file_stays(const void *data)
{
    const Binder *binder = data;
    g_autofree char *path = tmp_path("file");
    g_autofree char *options = binder_options(binder, path);
    g_autofree char *text = NULL;

    if (binder_is_missing(binder)) {
        return;
    }
    g_assert_true(g_file_set_contents(path, "kept", 4, NULL));
    expect_refused(options, binder->netdev ? "file exists and it's not unix socket"
                                           : "(there is a file of 4 bytes)");
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "kept");
    g_unlink(path);
}

/* At an upgrade the old process ends when the new one has the path already. */
static void test_old_leaves_new(const void *data)
{
    const Binder *binder = data;
    g_autofree char *path = tmp_path("upgrade");
    g_autofree char *aside = tmp_path("upgrade-aside");
    g_autofree char *options = binder_options(binder, path);
    struct stat before;
    QTest *old;
    QTest *new;

    if (binder_is_missing(binder)) {
        return;
    }
    old = qtest_start("%s", options);
    g_assert_cmpint(g_rename(path, aside), ==, 0);
    new = qtest_start("%s", options);
    before = file_at(path);
    qtest_quit(old);
    g_assert_true(is_same_file(before, file_at(path)));
    qtest_quit(new);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    g_unlink(aside);
}

/* Who may connect can be told to every module. */
static void test_mode_and_group(const void *data)
{
    const Binder *binder = data;
    g_autofree char *path = tmp_path("mode");
    g_autofree char *options = binder_options(binder, path);
    QTest *s;

    s = qtest_start("%s,%smode=0642,%sgroup=%u", options, binder->prefix, binder->prefix,
                    getegid());
    g_assert_cmpuint(file_at(path).st_mode & 07777, ==, 0642);
    g_assert_cmpuint(file_at(path).st_gid, ==, getegid());
    qtest_quit(s);
    qtest_expect_start_error("Parameter 'mode' expects an octal number from 0 to 777, not '9'",
                             "%s,%smode=9", options, binder->prefix);
    qtest_expect_start_error("Parameter 'group': there is no group 'no-such-group'",
                             "%s,%sgroup=no-such-group", options, binder->prefix);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

/* Where nobody is waited for, nobody can be kept out. */
static void test_mode_of_others(void)
{
    static const char *const others[][2] = {
        { "-chardev socket,id=c0,path=/no/such/server,mode=0600",
          "Parameter 'mode' is for an address at which we listen" },
        { "-chardev socket,id=c0,path=/no/such/server,reconnect-ms=100,group=0",
          "Parameter 'group' is for an address at which we listen" },
        { "-chardev socket,id=c0,host=127.0.0.1,port=0,server=on,wait=off,mode=0600", "'mode'" },
        { "-netdev stream,id=n0,addr.type=unix,addr.path=/no/such/server,addr.mode=0600",
          "Parameter 'mode' is for an address at which we listen" },
        { "-netdev stream,id=n0,server=on,addr.type=inet,addr.host=127.0.0.1,addr.port=0,"
          "addr.mode=0600", "Parameter 'addr.mode' is unexpected" },
        { "-netdev hubport,id=n0,hubid=0 --export stream,id=e0,netdev=n0,server=off,"
          "addr.type=unix,addr.path=/no/such/server,addr.mode=0600",
          "Parameter 'mode' is for an address at which we listen" },
        { "-netdev hubport,id=n0,hubid=0 --export vhost-user,id=e0,netdev=n0,server=off,"
          "addr.type=unix,addr.path=/no/such/server,addr.group=0",
          "Parameter 'group' is for an address at which we listen" },
        { "-netdev hubport,id=n0,hubid=0 --export dgram,id=e0,netdev=n0,addr.type=unix,"
          "addr.path=/no/such/folder/a,remote.type=unix,remote.path=/no/such/server,"
          "remote.mode=0600",
          "Parameter 'mode' is for an address at which we listen" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        qtest_expect_start_error(others[i][1], "%s", others[i][0]);
    }
}

/*
 * QEMU's own tests reserve names for their servers with mkstemp(), relative to the working
 * directory, and start QEMU like this.
 */
static void test_as_qtest_starts_us(void)
{
    g_autofree char *folder = tmp_path("qtests");
    g_autofree char *back = g_get_current_dir();
    char names[2][20] = { "filter0.XXXXXX", "filter1.XXXXXX" };
    QTest *s;

    g_assert_cmpint(mkdir(folder, 0700), ==, 0);
    g_assert_cmpint(chdir(folder), ==, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        close(g_mkstemp(names[i]));
    }
    s = qtest_start("-nic hubport,hubid=0,id=qtest-bn0 "
                    "-chardev socket,id=mirror0,path=%s,server=on,wait=off "
                    "-chardev socket,id=mirror1,path=%s,server=on,wait=off "
                    "-object filter-mirror,id=qtest-f0,netdev=qtest-bn0,queue=tx,outdev=mirror0",
                    names[0], names[1]);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        int fd = sock_connect_unix(names[i]);

        qtest_wait_chardev(s, i == 0 ? "mirror0" : "mirror1", true);
        sock_close(&fd);
        g_unlink(names[i]);
    }
    qtest_quit(s);
    g_assert_cmpint(chdir(back), ==, 0);
    g_assert_cmpint(rmdir(folder), ==, 0);
}

/* Two of one process are no better than two processes. */
static void test_two_of_one_process(void)
{
    g_autofree char *path = tmp_path("two");
    g_autofree char *message = g_strdup_printf("Failed to bind socket to %s: Address already in "
                                               "use (there is a socket in use)", path);
    QTest *s = qtest_start("-netdev stream,id=n0,server=on,addr.type=unix,addr.path=%s", path);
    struct stat before = file_at(path);

    qtest_qmp_error(s, "GenericError", message,
                    "{'execute': 'netdev_add', 'arguments': {'type': 'stream', 'id': 'n1', "
                    "'server': true, 'addr': {'type': 'unix', 'path': '%s'}}}", path);
    g_assert_true(is_same_file(before, file_at(path)));
    qtest_qmp_ok(s, "{'execute': 'netdev_del', 'arguments': {'id': 'n0'}}");
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    qtest_quit(s);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*func)(const void *data);
    } tests[] = {
        { "is-not-robbed", test_not_robbed },
        { "gives-way", test_gives_way },
        { "file-stays", test_file_stays },
        { "old-leaves-new", test_old_leaves_new },
        { "mode-and-group", test_mode_and_group },
    };

    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(binders); i++) {
        for (size_t j = 0; j < G_N_ELEMENTS(tests); j++) {
            g_autofree char *name = g_strdup_printf("/unix-paths/%s/%s", binders[i].name,
                                                    tests[j].name);

            if (tests[j].func == test_mode_and_group && !binders[i].prefix) {
                continue; /* libslirp binds it, and knows neither */
            }
            g_test_add_data_func(name, &binders[i], tests[j].func);
        }
    }
    g_test_add_func("/unix-paths/as-qtest-starts-us", test_as_qtest_starts_us);
    g_test_add_func("/unix-paths/mode-of-others", test_mode_of_others);
    g_test_add_func("/unix-paths/two-of-one-process", test_two_of_one_process);
    return g_test_run();
}
