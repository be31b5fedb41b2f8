/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Named file descriptors, and the two rules by which a text names one. */

#include "util/fd-store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>

#include "util/error.h"
#include "util/fd.h"

struct FdStore {
    GHashTable *fds; /* owned name -> descriptor, owned, as GINT_TO_POINTER */
};

static FdStore *fd_store_now; /* borrowed; the store of the command that runs */

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

/* A descriptor that was inherited: from now on ours alone. Returns: -1 = not a number. */
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
    /* One that is not open is found out by whoever checks its kind. */
    fcntl((int)value, F_SETFD, FD_CLOEXEC);
    return (int)value;
}

int fd_from_text_r1(const char *text, GError **error)
{
    int fd;

    if (!g_ascii_isdigit(text[0]) && fd_store_now) {
        return fd_store_take_or_error(fd_store_now, text, error);
    }
    fd = fd_from_number(text);
    if (fd < 0) {
        error_set(error, "Invalid file descriptor number '%s'", text);
    }
    return fd;
}

int fd_from_text_r2(const char *text, GError **error)
{
    int fd;

    if (fd_store_now) {
        return fd_store_take_or_error(fd_store_now, text, error);
    }
    fd = fd_from_number(text);
    if (fd < 0) {
        error_set(error, "Unable to parse FD number %s", text);
    }
    return fd;
}
