/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of descriptors by name and by number, of sets of them, and of owning one. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <glib.h>

#include "util/error.h"
#include "util/fd-set.h"
#include "util/fd-store.h"
#include "util/fd.h"

static int open_null(int flags)
{
    int fd = open("/dev/null", flags);

    g_assert_cmpint(fd, >=, 0);
    return fd;
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void assert_message(GError **error, const char *message)
{
    g_assert_nonnull(*error);
    g_assert_cmpstr((*error)->message, ==, message);
    g_clear_error(error);
}

/* --- fd.h -------------------------------------------------------------------------------- */

static void test_fd_close(void)
{
    int fd = open_null(O_RDONLY), copy = fd;

    errno = EXDEV;
    fd_close(&fd);
    g_assert_cmpint(errno, ==, EXDEV);
    g_assert_cmpint(fd, ==, -1);
    g_assert_false(is_open(copy));
    fd_close(&fd);
}

static int scoped_fd(bool steal)
{
    auto_fd int fd = open_null(O_RDONLY);
    int copy = fd;

    if (steal) {
        return fd_steal(&fd);
    }
    return copy;
}

static void test_fd_scope(void)
{
    int fd = scoped_fd(false);

    g_assert_false(is_open(fd));
    fd = scoped_fd(true);
    g_assert_true(is_open(fd));
    fd_close(&fd);
}

static void test_fd_nonblocking(void)
{
    auto_fd int fd = open_null(O_RDONLY);

    g_assert_true(fd_set_nonblocking(fd, true));
    g_assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    g_assert_true(fd_set_nonblocking(fd, false));
    g_assert_false(fcntl(fd, F_GETFL) & O_NONBLOCK);
    g_assert_false(fd_set_nonblocking(1000000, true));
    g_assert_cmpint(errno, ==, EBADF);
}

/* --- Names ------------------------------------------------------------------------------- */

static void test_put_take(void)
{
    FdStore *store = fd_store_new();
    int fd = open_null(O_RDONLY);

    g_assert_cmpint(fd_store_take(store, "a"), ==, -1);
    fd_store_put(store, "a", fd);
    g_assert_cmpint(fd_store_take(store, "b"), ==, -1);
    g_assert_cmpint(fd_store_take(store, "a"), ==, fd);
    g_assert_cmpint(fd_store_take(store, "a"), ==, -1);
    fd_store_free(store);
    g_assert_true(is_open(fd));
    fd_close(&fd);
}

static void test_put_replaces(void)
{
    FdStore *store = fd_store_new();
    int older = open_null(O_RDONLY), newer = open_null(O_RDONLY);

    fd_store_put(store, "a", older);
    fd_store_put(store, "a", newer);
    g_assert_false(is_open(older));
    g_assert_true(is_open(newer));
    fd_store_free(store);
    g_assert_false(is_open(newer));
    fd_store_free(NULL);
}

static void test_free_forgets_current(void)
{
    FdStore *store = fd_store_new();

    fd_store_set_current(store);
    g_assert_true(fd_store_current() == store);
    fd_store_free(store);
    g_assert_null(fd_store_current());
}

static void test_r1_number(void)
{
    int fd = open_null(O_RDONLY);
    g_autofree char *text = g_strdup_printf("%d", fd);

    g_assert_cmpint(fd_from_text_r1(text, NULL), ==, fd);
    g_assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    fd_close(&fd);
}

static void test_r1_errors(void)
{
    static const char *const bad[] = { "foo", "", "-1", "+1", " 1", "5x", "99999999999" };
    g_autoptr(GError) error = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *message = g_strdup_printf("Invalid file descriptor number '%s'", bad[i]);

        g_assert_cmpint(fd_from_text_r1(bad[i], &error), ==, -1);
        assert_message(&error, message);
    }
}

/* In a command: a digit in front makes a number, anything else is a name. */
static void test_r1_in_command(void)
{
    FdStore *store = fd_store_new();
    int named = open_null(O_RDONLY);
    int fd = open_null(O_RDONLY);
    g_autofree char *text = g_strdup_printf("%d", fd);
    g_autoptr(GError) error = NULL;

    fd_store_put(store, "n", named);
    fd_store_set_current(store);
    g_assert_cmpint(fd_from_text_r1(text, NULL), ==, fd);
    g_assert_cmpint(fd_from_text_r1("n", NULL), ==, named);
    g_assert_cmpint(fd_from_text_r1("n", &error), ==, -1);
    assert_message(&error, "File descriptor named 'n' has not been found");
    fd_store_free(store);
    fd_close(&fd);
    fd_close(&named);
}

static void test_r2_number(void)
{
    int fd = open_null(O_RDONLY);
    g_autofree char *text = g_strdup_printf("%d", fd);
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(fd_from_text_r2(text, NULL), ==, fd);
    g_assert_cmpint(fd_from_text_r2("foo", &error), ==, -1);
    assert_message(&error, "Unable to parse FD number foo");
    fd_close(&fd);
}

/* In a command even a number is a name. */
static void test_r2_in_command(void)
{
    FdStore *store = fd_store_new();
    int named = open_null(O_RDONLY);
    g_autoptr(GError) error = NULL;

    fd_store_put(store, "7", named);
    fd_store_set_current(store);
    g_assert_cmpint(fd_from_text_r2("5", &error), ==, -1);
    assert_message(&error, "File descriptor named '5' has not been found");
    g_assert_cmpint(fd_from_text_r2("7", NULL), ==, named);
    fd_store_set_current(NULL);
    fd_store_free(store);
    fd_close(&named);
}

/* --- Sets -------------------------------------------------------------------------------- */

static void append_entry(int64_t id, int fd, const char *opaque, void *data)
{
    g_string_append_printf(data, "%d:%s ", (int)id, opaque ? opaque : "-");
}

static char *all_sets(void)
{
    GString *text = g_string_new(NULL);

    fd_set_foreach(append_entry, text);
    return g_string_free(text, FALSE);
}

static void remove_all_sets(void)
{
    fd_set_drop_unused();
    for (int64_t id = 0; id < 10; id++) {
        fd_set_remove(id, NULL, NULL);
    }
}

static void test_set_ids(void)
{
    const int64_t two = 2, zero = 0;
    g_autofree char *text = NULL;

    g_assert_cmpint(fd_set_add(open_null(O_RDONLY), &two, "c", NULL), ==, 2);
    g_assert_cmpint(fd_set_add(open_null(O_RDONLY), NULL, "a", NULL), ==, 0);
    g_assert_cmpint(fd_set_add(open_null(O_RDONLY), NULL, NULL, NULL), ==, 1);
    g_assert_cmpint(fd_set_add(open_null(O_RDONLY), NULL, "d", NULL), ==, 3);
    g_assert_cmpint(fd_set_add(open_null(O_RDONLY), &zero, "b", NULL), ==, 0);
    text = all_sets();
    g_assert_cmpstr(text, ==, "0:a 0:b 1:- 2:c 3:d ");
    remove_all_sets();
}

static void test_set_negative_id(void)
{
    const int64_t id = -1;
    g_autoptr(GError) error = NULL;
    int fd = open_null(O_RDONLY);

    g_assert_cmpint(fd_set_add(fd, &id, NULL, &error), ==, -1);
    assert_message(&error, "Parameter 'fdset-id' expects a non-negative value");
    g_assert_false(is_open(fd));
}

static void test_set_remove(void)
{
    int fds[] = { open_null(O_RDONLY), open_null(O_RDONLY) };
    int64_t id = fd_set_add(fds[0], NULL, NULL, NULL), first = fds[0];
    g_autoptr(GError) error = NULL;

    fd_set_add(fds[1], &id, NULL, NULL);
    g_assert_true(fd_set_remove(id, &first, NULL));
    g_assert_false(is_open(fds[0]));
    g_assert_true(is_open(fds[1]));
    g_assert_true(fd_set_remove(id, NULL, NULL));
    g_assert_false(is_open(fds[1]));
    g_assert_false(fd_set_remove(id, NULL, &error));
    assert_message(&error, "File descriptor named 'fdset-id:0' not found");
}

static void test_set_remove_unknown(void)
{
    const int64_t id = 1, fd = 3;
    g_autoptr(GError) error = NULL;

    g_assert_false(fd_set_remove(id, &fd, &error));
    assert_message(&error, "File descriptor named 'fdset-id:1, fd:3' not found");
    fd_set_add(open_null(O_RDONLY), &id, NULL, NULL);
    g_assert_false(fd_set_remove(id, &(int64_t) { 100000 }, &error));
    assert_message(&error, "File descriptor named 'fdset-id:1, fd:100000' not found");
    remove_all_sets();
}

static void test_set_open(void)
{
    const int64_t id = 4;
    int fd = open_null(O_WRONLY), copy;

    fd_set_add(fd, &id, NULL, NULL);
    copy = fd_set_open_path("/dev/fdset/4", O_WRONLY, 0);
    g_assert_cmpint(copy, >=, 0);
    g_assert_cmpint(copy, !=, fd);
    g_assert_true(fcntl(copy, F_GETFD) & FD_CLOEXEC);
    fd_close(&copy);
    g_assert_cmpint(fd_set_open_path("/dev/fdset/4", O_RDONLY, 0), ==, -1);
    g_assert_cmpint(errno, ==, EACCES);
    g_assert_cmpint(fd_set_open_path("/dev/fdset/5", O_WRONLY, 0), ==, -1);
    g_assert_cmpint(errno, ==, ENOENT);
    g_assert_cmpint(fd_set_open_path("/dev/fdset/x", O_WRONLY, 0), ==, -1);
    g_assert_cmpint(errno, ==, ENOENT);
    remove_all_sets();
}

static void test_set_open_plain_path(void)
{
    int fd = fd_set_open_path("/dev/null", O_RDONLY, 0);

    g_assert_cmpint(fd, >=, 0);
    g_assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    fd_close(&fd);
}

static void test_set_drop_unused(void)
{
    const int64_t used = 6, unused = 7;
    g_autofree char *text = NULL;
    int fd;

    fd_set_add(open_null(O_RDWR), &used, "used", NULL);
    fd_set_add(open_null(O_RDWR), &unused, "unused", NULL);
    fd = fd_set_open_path("/dev/fdset/6", O_RDONLY, 0);
    g_assert_cmpint(fd, >=, 0);
    fd_set_drop_unused();
    text = all_sets();
    g_assert_cmpstr(text, ==, "6:used ");
    fd_close(&fd);
    remove_all_sets();
}

/* From here on for good; so it is the last test. */
static void test_number_is_one_that_was_inherited(void)
{
    int inherited = open_null(O_RDONLY);
    int own;
    g_autofree char *inherited_text = g_strdup_printf("%d", inherited);
    g_autofree char *own_text = NULL;
    g_autofree char *message = NULL;
    g_autoptr(GError) error = NULL;

    fd_store_note_inherited();
    own = open_null(O_RDONLY);
    own_text = g_strdup_printf("%d", own);
    message = g_strdup_printf("File descriptor %d was not inherited or is in use", own);
    g_assert_cmpint(fd_from_text_r1(own_text, &error), ==, -1);
    assert_message(&error, message);
    g_assert_cmpint(fd_from_text_r2(own_text, &error), ==, -1);
    assert_message(&error, message);
    g_assert_cmpint(fd_from_text_r1("2", &error), ==, -1);
    assert_message(&error, "File descriptor 2 was not inherited or is in use");
    g_assert_cmpint(fd_from_text_r1(inherited_text, &error), ==, inherited);
    g_assert_cmpint(fd_from_text_r1(inherited_text, NULL), ==, -1);
    fd_close(&inherited);
    g_assert_cmpint(fd_from_text_r1(inherited_text, NULL), ==, atoi(inherited_text));
    fd_close(&own);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fd/close", test_fd_close);
    g_test_add_func("/fd/scope", test_fd_scope);
    g_test_add_func("/fd/nonblocking", test_fd_nonblocking);
    g_test_add_func("/fd-store/put-take", test_put_take);
    g_test_add_func("/fd-store/put-replaces", test_put_replaces);
    g_test_add_func("/fd-store/free-forgets-current", test_free_forgets_current);
    g_test_add_func("/fd-store/r1/number", test_r1_number);
    g_test_add_func("/fd-store/r1/errors", test_r1_errors);
    g_test_add_func("/fd-store/r1/in-command", test_r1_in_command);
    g_test_add_func("/fd-store/r2/number", test_r2_number);
    g_test_add_func("/fd-store/r2/in-command", test_r2_in_command);
    g_test_add_func("/fd-set/ids", test_set_ids);
    g_test_add_func("/fd-set/negative-id", test_set_negative_id);
    g_test_add_func("/fd-set/remove", test_set_remove);
    g_test_add_func("/fd-set/remove-unknown", test_set_remove_unknown);
    g_test_add_func("/fd-set/open", test_set_open);
    g_test_add_func("/fd-set/open-plain-path", test_set_open_plain_path);
    g_test_add_func("/fd-set/drop-unused", test_set_drop_unused);
    g_test_add_func("/inherited/number-is-one-that-was-inherited",
                    test_number_is_one_that_was_inherited);
    return g_test_run();
}
