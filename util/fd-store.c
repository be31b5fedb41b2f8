/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Named file descriptors, and the two rules by which a text names one. */

#include "util/fd-store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "util/error.h"
#include "util/fd-activated.h"
#include "util/fd.h"

struct FdStore {
    GHashTable *fds; /* owned name -> descriptor, owned, as GINT_TO_POINTER */
};

/* More than any parent hands down; asking about each costs memory and time. */
#define FD_INHERITED_MAX 65536

static FdStore *fd_store_now; /* borrowed; the store of the command that runs */

static GHashTable *fd_inherited; /* inherited ones without a user yet; NULL = any */

FdStore *fd_store_new(void)
{
    FdStore *store = g_new0(FdStore, 1);

    store->fds = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return store;
}

void fd_store_free(FdStore *store)
{
    GHashTableIter iter;
    void *value;

    if (!store) {
        return;
    }
    if (fd_store_now == store) {
        fd_store_now = NULL;
    }
    g_hash_table_iter_init(&iter, store->fds);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        close(GPOINTER_TO_INT(value));
    }
    g_hash_table_destroy(store->fds);
    g_free(store);
}

void fd_store_put(FdStore *store, const char *name, int fd)
{
    int older = fd_store_take(store, name);

    fd_close(&older);
    g_hash_table_insert(store->fds, g_strdup(name), GINT_TO_POINTER(fd));
}

int fd_store_take(FdStore *store, const char *name)
{
    void *value;

    if (!g_hash_table_lookup_extended(store->fds, name, NULL, &value)) {
        return -1;
    }
    g_hash_table_remove(store->fds, name);
    return GPOINTER_TO_INT(value);
}

void fd_store_set_current(FdStore *store)
{
    fd_store_now = store;
}

FdStore *fd_store_current(void)
{
    return fd_store_now;
}

static int fd_store_take_or_error(FdStore *store, const char *name, GError **error)
{
    int fd = fd_store_take(store, name);

    if (fd < 0) {
        error_set(error, "File descriptor named '%s' has not been found", name);
    }
    return fd;
}

/* One system call finds which are open, also without /proc. */
void fd_store_note_inherited(void)
{
    struct rlimit limit = { .rlim_cur = 1024 };
    g_autofree struct pollfd *fds = NULL;
    nfds_t n;

    getrlimit(RLIMIT_NOFILE, &limit);
    n = (nfds_t)MIN(limit.rlim_cur, (rlim_t)FD_INHERITED_MAX);
    fds = g_new0(struct pollfd, n);
    for (nfds_t i = 0; i < n; i++) {
        fds[i].fd = (int)i;
    }
    fd_inherited = g_hash_table_new(NULL, NULL);
    if (poll(fds, n, 0) < 0) {
        return;
    }
    for (nfds_t i = STDERR_FILENO + 1; i < n; i++) {
        if (!(fds[i].revents & POLLNVAL)) {
            g_hash_table_add(fd_inherited, GINT_TO_POINTER((int)i));
        }
    }
}

/*
 * By number go only descriptors that were handed down for that, each once: the number of another
 * one may be that of a monitor's connection. The check of its kind finds one that is not open at
 * all.
 */
static bool fd_take_inherited(int fd, GError **error)
{
    if (!fd_inherited || g_hash_table_remove(fd_inherited, GINT_TO_POINTER(fd)) ||
        fcntl(fd, F_GETFD) < 0) {
        return true;
    }
    return error_set(error, "File descriptor %d was not inherited or is in use", fd);
}

/* Returns: -1 = not a number. */
static int fd_from_number(const char *text)
{
    char *end;
    long value;

    if (!g_ascii_isdigit(text[0])) {
        return -1;
    }
    errno = 0;
    value = strtol(text, &end, 10);
    if (errno || *end || value > INT_MAX) {
        return -1;
    }
    return (int)value;
}

/* Returns: @fd, ours alone from now on; -1 with @error. */
static int fd_take_number(int fd, GError **error)
{
    if (!fd_take_inherited(fd, error)) {
        return -1;
    }
    fd_activated_forget(fd);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

/* Outside of a monitor's commands a text that is no number may be a name of the manager's. */
static int fd_take_activated(const char *text)
{
    int fd = fd_activated_take(text);

    if (fd >= 0 && fd_inherited) {
        g_hash_table_remove(fd_inherited, GINT_TO_POINTER(fd));
    }
    return fd;
}

int fd_from_text_r1(const char *text, GError **error)
{
    int fd = fd_from_number(text);

    if (!g_ascii_isdigit(text[0]) && fd_store_now) {
        return fd_store_take_or_error(fd_store_now, text, error);
    }
    if (fd < 0) {
        fd = fd_take_activated(text);
        if (fd >= 0) {
            return fd;
        }
        error_set(error, "Invalid file descriptor number '%s'", text);
        return -1;
    }
    return fd_take_number(fd, error);
}

int fd_from_text_r2(const char *text, GError **error)
{
    int fd = fd_from_number(text);

    if (fd_store_now) {
        return fd_store_take_or_error(fd_store_now, text, error);
    }
    if (fd < 0) {
        fd = fd_take_activated(text);
        if (fd >= 0) {
            return fd;
        }
        error_set(error, "Unable to parse FD number %s", text);
        return -1;
    }
    return fd_take_number(fd, error);
}
