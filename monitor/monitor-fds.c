/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors that came with a monitor's input and wait for the command that wants them. */

#include "monitor/monitor-internal.h"

#include "util/fd.h"

/** More than this many unclaimed descriptors are a client's mistake; the oldest goes. */
#define MONITOR_FDS_MAX 16

struct MonitorFds {
    unsigned n_refs;
    GQueue fds; /* descriptors, owned, as GINT_TO_POINTER; oldest at the head */
};

MonitorFds *monitor_fds_new(void)
{
    MonitorFds *fds = g_new0(MonitorFds, 1);

    fds->n_refs = 1;
    g_queue_init(&fds->fds);
    return fds;
}

MonitorFds *monitor_fds_ref(MonitorFds *fds)
{
    if (fds) {
        fds->n_refs++;
    }
    return fds;
}

void monitor_fds_unref(MonitorFds *fds)
{
    if (!fds || --fds->n_refs > 0) {
        return;
    }
    while (!g_queue_is_empty(&fds->fds)) {
        int fd = monitor_fds_take(fds);

        fd_close(&fd);
    }
    g_free(fds);
}

void monitor_fds_put(MonitorFds *fds, int fd)
{
    if (fds->fds.length >= MONITOR_FDS_MAX) {
        int oldest = monitor_fds_take(fds);

        fd_close(&oldest);
    }
    g_queue_push_tail(&fds->fds, GINT_TO_POINTER(fd));
}

int monitor_fds_take(MonitorFds *fds)
{
    if (!fds || g_queue_is_empty(&fds->fds)) {
        return -1;
    }
    return GPOINTER_TO_INT(g_queue_pop_head(&fds->fds));
}

void monitor_receive_fds(Monitor *mon)
{
    int fd = char_frontend_take_fd(&mon->fe);

    if (fd >= 0 && !mon->received) {
        mon->received = monitor_fds_new();
    }
    while (fd >= 0) {
        monitor_fds_put(mon->received, fd);
        fd = char_frontend_take_fd(&mon->fe);
    }
}

void monitor_drop_received(Monitor *mon)
{
    monitor_fds_unref(mon->received);
    mon->received = NULL;
}

void monitor_forget_fds(Monitor *mon)
{
    monitor_drop_received(mon);
    fd_store_free(mon->fds);
    mon->fds = fd_store_new();
}
