/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of mode and group of unix sockets: what is set, and that no moment allows more. */

#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "io/socket-access.h"
#include "io/socket-address.h"
#include "net/dgram-socket.h"
#include "util/fd.h"

#define NOBODY 65534

static char *folder;
static char *path; /* in @folder: where sockets are bound */
static mode_t mode_at_bind;

/* In place of the C library's: looks at the file before the code under test can go on. */
int bind(int fd, __CONST_SOCKADDR_ARG addr, socklen_t len)
{
    long rc = syscall(SYS_bind, fd, addr.__sockaddr__, len);
    struct stat st;

    mode_at_bind = lstat(path, &st) == 0 ? st.st_mode & 07777 : 0;
    return (int)rc;
}

static SocketAddress make_addr(const char *mode, const char *group)
{
    return (SocketAddress) {
        .type = SOCKET_ADDRESS_TYPE_UNIX,
        .u.q_unix = { .path = path, .mode = (char *)mode, .group = (char *)group },
    };
}

static int open_stream(const SocketAddress *addr, SocketPath **owned, GError **error)
{
    return socket_listen(addr, 1, owned, error);
}

static int open_dgram(const SocketAddress *addr, SocketPath **owned, GError **error)
{
    SocketAddress remote = {
        .type = SOCKET_ADDRESS_TYPE_UNIX, .u.q_unix = { .path = (char *)"/no/such/guest" },
    };
    NetDgramSocket sock;
    int fd;

    if (!net_dgram_socket_open(&sock, addr, &remote, error)) {
        return -1;
    }
    fd = fd_steal(&sock.fd);
    *owned = g_steal_pointer(&sock.path);
    net_dgram_socket_clear(&sock);
    return fd;
}

/** Both ways to bind a path. */
static int (*const openers[])(const SocketAddress *addr, SocketPath **owned, GError **error) = {
    open_stream, open_dgram,
};

static struct stat check_file(const SocketAddress *addr, size_t opener)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(SocketPath) owned = NULL;
    auto_fd int fd = openers[opener](addr, &owned, &error);
    struct stat st;

    g_assert_no_error(error);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(lstat(path, &st), ==, 0);
    g_assert_true(S_ISSOCK(st.st_mode));
    return st;
}

/* --- Mode -------------------------------------------------------------------------------- */

static void check_mode(const char *text, mode_t mode)
{
    SocketAddress addr = make_addr(text, NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(openers); i++) {
        g_assert_cmpuint(check_file(&addr, i).st_mode & 07777, ==, mode);
        g_assert_cmpuint(mode_at_bind, ==, mode);
    }
}

/* Whatever the umask, and from the first moment; and the umask stays. */
static void test_mode(void)
{
    static const mode_t masks[] = { 0, 022, 077, 0777 };
    mode_t before = umask(0);

    for (size_t i = 0; i < G_N_ELEMENTS(masks); i++) {
        umask(masks[i]);
        check_mode("0660", 0660);
        check_mode("600", 0600);
        check_mode("0", 0);
        check_mode("0777", 0777);
        g_assert_cmpuint(umask(masks[i]), ==, masks[i]);
    }
    umask(before);
}

static void test_without(void)
{
    mode_t before = umask(027);
    SocketAddress addr = make_addr(NULL, NULL);

    g_assert_cmpuint(check_file(&addr, 0).st_mode & 07777, ==, 0750);
    umask(before);
}

static void test_bad_mode(void)
{
    static const char *const bad[] = { "", "8", "rw", "1000", "0o660", "-1", "0660 ", "07777" };

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *message = g_strdup_printf("Parameter 'mode' expects an octal number from "
                                                   "0 to 777, not '%s'", bad[i]);
        SocketAddress addr = make_addr(bad[i], NULL);

        for (size_t j = 0; j < G_N_ELEMENTS(openers); j++) {
            g_autoptr(SocketPath) owned = NULL;
            g_autoptr(GError) error = NULL;

            g_assert_cmpint(openers[j](&addr, &owned, &error), ==, -1);
            g_assert_cmpstr(error->message, ==, message);
            g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
        }
    }
}

/* --- Group ------------------------------------------------------------------------------- */

/* Another group than that of new files, to which we may give one. Returns: whether there is one. */
static bool find_group(gid_t *group)
{
    gid_t groups[64];
    int n = getgroups(G_N_ELEMENTS(groups), groups);

    if (geteuid() == 0) {
        *group = getegid() + 1;
        return true;
    }
    for (int i = 0; i < n; i++) {
        if (groups[i] != getegid()) {
            *group = groups[i];
            return true;
        }
    }
    g_test_skip("needs root or a second group");
    return false;
}

static void check_group(const char *mode, gid_t group, mode_t expected)
{
    g_autofree char *text = g_strdup_printf("%u", group);
    SocketAddress addr = make_addr(mode, text);

    for (size_t i = 0; i < G_N_ELEMENTS(openers); i++) {
        struct stat st = check_file(&addr, i);

        g_assert_cmpuint(st.st_mode & 07777, ==, expected);
        g_assert_cmpuint(st.st_gid, ==, group);
        g_assert_cmpuint(st.st_uid, ==, geteuid());
        /* Until the file is in its group, no group has any right. */
        g_assert_cmpuint(mode_at_bind, ==, expected & ~(mode_t)S_IRWXG);
    }
}

static void test_group(void)
{
    gid_t group;

    if (find_group(&group)) {
        check_group(NULL, group, 0660);
        check_group("0666", group, 0666);
        check_group("0606", group, 0606);
        check_group("0000", group, 0);
    }
}

static void test_group_name(void)
{
    const struct group *entry = getgrgid(getegid());
    SocketAddress addr;

    if (!entry) {
        g_test_skip("the process's group has no name");
        return;
    }
    addr = make_addr(NULL, entry->gr_name);
    g_assert_cmpuint(check_file(&addr, 0).st_gid, ==, getegid());
}

static void check_refused(const SocketAddress *addr, const char *message)
{
    for (size_t i = 0; i < G_N_ELEMENTS(openers); i++) {
        g_autoptr(SocketPath) owned = NULL;
        g_autoptr(GError) error = NULL;

        g_assert_cmpint(openers[i](addr, &owned, &error), ==, -1);
        g_assert_cmpstr(error->message, ==, message);
        g_assert_null(owned);
        g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    }
}

static void test_bad_group(void)
{
    SocketAddress unknown = make_addr(NULL, "no-such-group");
    SocketAddress none = make_addr("0660", "4294967295");

    check_refused(&unknown, "Parameter 'group': there is no group 'no-such-group'");
    check_refused(&none, "Parameter 'group': there is no group '4294967295'");
}

/* The socket that could not be given away is not left behind. */
static void test_foreign_group(void)
{
    SocketAddress addr = make_addr("0666", "0");
    g_autofree char *message = g_strdup_printf("Failed to give socket %s to group 0: Operation not "
                                               "permitted", path);
    bool is_root = geteuid() == 0;

    if (is_root) { /* who may use every group */
        g_assert_no_errno(chmod(folder, 0777));
        g_assert_no_errno(setgroups(0, NULL));
        g_assert_no_errno(setegid(NOBODY));
        g_assert_no_errno(seteuid(NOBODY));
    }
    check_refused(&addr, message);
    if (is_root) {
        g_assert_no_errno(seteuid(0));
        g_assert_no_errno(setegid(0));
        g_assert_no_errno(chmod(folder, 0700));
    }
}

/* --- Where there is no file -------------------------------------------------------------- */

static void test_abstract(void)
{
    SocketAddress addr = make_addr("0600", NULL);

    addr.u.q_unix.has_abstract = addr.u.q_unix.abstract = true;
    check_refused(&addr, "Parameter 'mode' does not go with an abstract name, to which everybody "
                         "may connect");
}

static void test_refuse(void)
{
    g_autoptr(GError) error = NULL;
    SocketAddress inet = { .type = SOCKET_ADDRESS_TYPE_INET };
    SocketAddress plain = make_addr(NULL, NULL);
    SocketAddress addr = make_addr(NULL, "0");

    g_assert_true(socket_access_refuse(&inet, &error));
    g_assert_true(socket_access_refuse(&plain, &error));
    g_assert_no_error(error);
    g_assert_false(socket_access_refuse(&addr, &error));
    g_assert_cmpstr(error->message, ==, "Parameter 'group' is for an address at which we listen");
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    folder = g_dir_make_tmp("qnd-XXXXXX", NULL);
    path = g_build_filename(folder, "s", NULL);
    g_test_add_func("/socket-access/mode", test_mode);
    g_test_add_func("/socket-access/without", test_without);
    g_test_add_func("/socket-access/bad-mode", test_bad_mode);
    g_test_add_func("/socket-access/group", test_group);
    g_test_add_func("/socket-access/group-name", test_group_name);
    g_test_add_func("/socket-access/bad-group", test_bad_group);
    g_test_add_func("/socket-access/foreign-group", test_foreign_group);
    g_test_add_func("/socket-access/abstract", test_abstract);
    g_test_add_func("/socket-access/refuse", test_refuse);
    status = g_test_run();
    g_rmdir(folder);
    g_free(path);
    g_free(folder);
    return status;
}
