/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of file descriptors that stand for files named "/dev/fdset/N". */

#include "util/fd-set.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "util/error.h"
#include "util/fd.h"

#define FD_SET_PATH "/dev/fdset/"

typedef struct FdSetEntry {
    int fd;       /* owned */
    char *opaque; /* owned; may be NULL */
} FdSetEntry;

typedef struct FdSet {
    int64_t id;
    GPtrArray *entries; /* owned FdSetEntry * */
    bool used;          /* something was opened from it */
} FdSet;

static GList *fd_sets; /* owned FdSet *, by rising id */

static void fd_set_entry_free(void *data)
{
    FdSetEntry *entry = data;

    fd_close(&entry->fd);
    g_free(entry->opaque);
    g_free(entry);
}

static FdSet *fd_set_find(int64_t id)
{
    for (GList *l = fd_sets; l; l = l->next) {
        FdSet *set = l->data;

        if (set->id == id) {
            return set;
        }
    }
    return NULL;
}

static int fd_set_compare(const void *a, const void *b)
{
    const FdSet *set_a = a, *set_b = b;

    return set_a->id < set_b->id ? -1 : set_a->id > set_b->id;
}

static FdSet *fd_set_new(int64_t id)
{
    FdSet *set = g_new0(FdSet, 1);

    set->id = id;
    set->entries = g_ptr_array_new_with_free_func(fd_set_entry_free);
    fd_sets = g_list_insert_sorted(fd_sets, set, fd_set_compare);
    return set;
}

static void fd_set_free(FdSet *set)
{
    fd_sets = g_list_remove(fd_sets, set);
    g_ptr_array_unref(set->entries);
    g_free(set);
}

static int64_t fd_set_lowest_free_id(void)
{
    int64_t id = 0;

    for (GList *l = fd_sets; l && ((const FdSet *)l->data)->id == id; l = l->next) {
        id++;
    }
    return id;
}

int64_t fd_set_add(int fd, const int64_t *id, const char *opaque, GError **error)
{
    FdSetEntry *entry;
    FdSet *set;

    if (id && *id < 0) {
        fd_close(&fd);
        error_set(error, "Parameter 'fdset-id' expects a non-negative value");
        return -1;
    }
    set = id ? fd_set_find(*id) : NULL;
    if (!set) {
        set = fd_set_new(id ? *id : fd_set_lowest_free_id());
    }
    entry = g_new0(FdSetEntry, 1);
    entry->fd = fd;
    entry->opaque = g_strdup(opaque);
    g_ptr_array_add(set->entries, entry);
    return set->id;
}

static bool fd_set_remove_entry(FdSet *set, int64_t fd)
{
    for (guint i = 0; i < set->entries->len; i++) {
        const FdSetEntry *entry = set->entries->pdata[i];

        if (entry->fd == fd) {
            g_ptr_array_remove_index(set->entries, i);
            return true;
        }
    }
    return false;
}

bool fd_set_remove(int64_t id, const int64_t *fd, GError **error)
{
    FdSet *set = fd_set_find(id);

    if (fd && (!set || !fd_set_remove_entry(set, *fd))) {
        return error_set(error, "File descriptor named 'fdset-id:%" G_GINT64_FORMAT ", fd:%"
                         G_GINT64_FORMAT "' not found", id, *fd);
    }
    if (!set) {
        return error_set(error, "File descriptor named 'fdset-id:%" G_GINT64_FORMAT
                         "' not found", id);
    }
    if (!fd || set->entries->len == 0) {
        fd_set_free(set);
    }
    return true;
}

void fd_set_foreach(FdSetFunc *func, void *data)
{
    for (GList *l = fd_sets; l; l = l->next) {
        const FdSet *set = l->data;

        for (guint i = 0; i < set->entries->len; i++) {
            const FdSetEntry *entry = set->entries->pdata[i];

            func(set->id, entry->fd, entry->opaque, data);
        }
    }
}

void fd_set_drop_unused(void)
{
    GList *next;

    for (GList *l = fd_sets; l; l = next) {
        FdSet *set = l->data;

        next = l->next;
        if (!set->used) {
            fd_set_free(set);
        }
    }
}

/* Whether a descriptor opened with @has can do what @wanted asks. */
static bool fd_set_mode_fits(int has, int wanted)
{
    return (has & O_ACCMODE) == O_RDWR || (has & O_ACCMODE) == (wanted & O_ACCMODE);
}

static int fd_set_open(int64_t id, int flags)
{
    FdSet *set = fd_set_find(id);

    if (!set) {
        errno = ENOENT;
        return -1;
    }
    for (guint i = 0; i < set->entries->len; i++) {
        const FdSetEntry *entry = set->entries->pdata[i];
        int has = fcntl(entry->fd, F_GETFL);

        if (has >= 0 && fd_set_mode_fits(has, flags)) {
            int fd = fcntl(entry->fd, F_DUPFD_CLOEXEC, 0);

            set->used = true;
            if (fd >= 0 && (flags & O_NONBLOCK)) {
                fd_set_nonblocking(fd, true);
            }
            return fd;
        }
    }
    errno = EACCES;
    return -1;
}

int fd_set_open_path(const char *path, int flags, mode_t mode)
{
    guint64 id;

    if (!g_str_has_prefix(path, FD_SET_PATH)) {
        return open(path, flags | O_CLOEXEC, mode);
    }
    if (!g_ascii_string_to_unsigned(path + strlen(FD_SET_PATH), 10, 0, G_MAXINT64, &id, NULL)) {
        errno = ENOENT;
        return -1;
    }
    return fd_set_open((int64_t)id, flags);
}
