/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP commands that receive file descriptors and keep them by name or in sets. */

#include "monitor/monitor-internal.h"

#include "qapi/qapi-commands.h"
#include "util/error.h"
#include "util/fd-set.h"
#include "util/fd.h"

static int qmp_fd_receive(GError **error)
{
    int fd = monitor_take_fd();

    if (fd < 0) {
        error_set(error, "No file descriptor supplied via SCM_RIGHTS");
    }
    return fd;
}

bool qmp_getfd(const GetfdArgs *args, GError **error)
{
    auto_fd int fd = qmp_fd_receive(error);

    if (fd < 0) {
        return false;
    }
    if (g_ascii_isdigit(args->fdname[0])) {
        return error_set(error,
                         "Parameter 'fdname' expects a name not starting with a digit");
    }
    fd_store_put(monitor_current()->fds, args->fdname, fd_steal(&fd));
    return true;
}

bool qmp_closefd(const ClosefdArgs *args, GError **error)
{
    Monitor *mon = monitor_current();
    auto_fd int fd = mon ? fd_store_take(mon->fds, args->fdname) : -1;

    if (fd < 0) {
        return error_set(error, "File descriptor named '%s' not found", args->fdname);
    }
    return true;
}

AddfdInfo *qmp_add_fd(const AddFdArgs *args, GError **error)
{
    int fd = qmp_fd_receive(error);
    AddfdInfo *info;
    int64_t id;

    if (fd < 0) {
        return NULL;
    }
    id = fd_set_add(fd, args->has_fdset_id ? &args->fdset_id : NULL, args->opaque, error);
    if (id < 0) {
        return NULL;
    }
    info = g_new0(AddfdInfo, 1);
    info->fdset_id = id;
    info->fd = fd;
    return info;
}

bool qmp_remove_fd(const RemoveFdArgs *args, GError **error)
{
    return fd_set_remove(args->fdset_id, args->has_fd ? &args->fd : NULL, error);
}

/* Sets come one after the other, so a new id is a new set. */
static void qmp_fd_collect(int64_t id, int fd, const char *opaque, void *data)
{
    FdsetInfoList *list = data;
    FdsetInfo *set = list->len > 0 ? &list->items[list->len - 1] : NULL;
    FdsetFdInfo *info;

    if (!set || set->fdset_id != id) {
        list->items = g_renew(FdsetInfo, list->items, list->len + 1);
        set = &list->items[list->len++];
        *set = (FdsetInfo){ .fdset_id = id, .fds = g_new0(FdsetFdInfoList, 1) };
    }
    set->fds->items = g_renew(FdsetFdInfo, set->fds->items, set->fds->len + 1);
    info = &set->fds->items[set->fds->len++];
    *info = (FdsetFdInfo){ .fd = fd, .opaque = g_strdup(opaque) };
}

FdsetInfoList *qmp_query_fdsets(GError **error)
{
    FdsetInfoList *list = g_new0(FdsetInfoList, 1);

    fd_set_foreach(qmp_fd_collect, list);
    return list;
}
