/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Watches on file descriptors: epoll behind one GLib source. */

/*
 * The loop polls one descriptor, the epoll set, however many watches there are. A watch that waits
 * for nothing is not in the set: epoll reports a hang-up whether it is asked for or not, and one
 * without a listener would spin the loop.
 *
 * Files that epoll refuses are always ready. They are kept in a list of their own; while one
 * of them is waited for, the source says so without being polled.
 *
 * A callback may free any watch. The rest of the batch of events being told is then searched
 * for it; slots of the list of always ready files are emptied and swept afterwards. A callback
 * may also run the loop (the last flush of the monitors does): what of the outer batch is then
 * forgotten, epoll tells again.
 */

#include "util/fd-watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/epoll.h>

#include <glib.h>
#include <glib-unix.h>

#include "util/fd.h"

/* Events taken from the kernel in one wake-up; further ones come with the next. */
#define FD_WATCH_BATCH 64

struct FdWatch {
    int fd;             /* borrowed */
    int own_fd;         /* a duplicate when the set already has @fd, else -1; owned */
    FdWatchFunc *func;
    void *opaque;
    FdEvents wanted;
    bool in_epoll;
    bool always_ready;  /* in fd_watch_loop.always */
};

typedef struct FdWatchLoop {
    GSource *source;    /* NULL until the first watch */
    void *poll_tag;
    int epoll_fd;
    struct epoll_event events[FD_WATCH_BATCH];
    int next_event;     /* of the batch being dispatched; n_events when none is */
    int n_events;
    GPtrArray *always;  /* borrowed FdWatch *, NULL = freed during the walk */
    bool walking_always;
} FdWatchLoop;

static FdWatchLoop fd_watch_loop = { .epoll_fd = -1 };

/* Whether an always ready file is waited for. A hang-up never happens to it. */
static bool fd_watch_any_always(void)
{
    const GPtrArray *always = fd_watch_loop.always;

    for (guint i = 0; i < always->len; i++) {
        const FdWatch *watch = always->pdata[i];

        if (watch && (watch->wanted & (FD_EVENT_READ | FD_EVENT_WRITE))) {
            return true;
        }
    }
    return false;
}

static gboolean fd_watch_prepare(GSource *source, gint *timeout_ms)
{
    bool ready = fd_watch_any_always();

    *timeout_ms = ready ? 0 : -1;
    return ready;
}

static gboolean fd_watch_check(GSource *source)
{
    return g_source_query_unix_fd(source, fd_watch_loop.poll_tag) != 0 || fd_watch_any_always();
}

static FdEvents fd_watch_from_epoll(uint32_t bits)
{
    FdEvents events = FD_EVENT_NONE;

    if (bits & (EPOLLIN | EPOLLERR | EPOLLHUP)) {
        events |= FD_EVENT_READ;
    }
    if (bits & (EPOLLOUT | EPOLLERR | EPOLLHUP)) {
        events |= FD_EVENT_WRITE;
    }
    if (bits & (EPOLLRDHUP | EPOLLERR | EPOLLHUP)) {
        events |= FD_EVENT_HANGUP;
    }
    return events;
}

static uint32_t fd_watch_to_epoll(FdEvents events)
{
    uint32_t bits = 0;

    if (events & FD_EVENT_READ) {
        bits |= EPOLLIN;
    }
    if (events & FD_EVENT_WRITE) {
        bits |= EPOLLOUT;
    }
    if (events & FD_EVENT_HANGUP) {
        bits |= EPOLLRDHUP;
    }
    return bits;
}

static void fd_watch_notify(FdWatch *watch, FdEvents events)
{
    /* What is waited for may have changed since the kernel was asked. */
    events &= watch->wanted;
    if (events) {
        watch->func(watch->fd, events, watch->opaque);
    }
}

static void fd_watch_notify_epoll(void)
{
    FdWatchLoop *loop = &fd_watch_loop;
    int n = epoll_wait(loop->epoll_fd, loop->events, FD_WATCH_BATCH, 0);

    loop->n_events = MAX(n, 0);
    loop->next_event = 0;
    while (loop->next_event < loop->n_events) {
        const struct epoll_event *event = &loop->events[loop->next_event++];
        FdWatch *watch = event->data.ptr;

        if (watch) {
            fd_watch_notify(watch, fd_watch_from_epoll(event->events));
        }
    }
}

static void fd_watch_notify_always(void)
{
    FdWatchLoop *loop = &fd_watch_loop;
    guint n = loop->always->len; /* those added meanwhile have their turn next time */

    if (loop->walking_always) {
        return;
    }
    loop->walking_always = true;
    for (guint i = 0; i < n; i++) {
        FdWatch *watch = loop->always->pdata[i];

        if (watch) {
            fd_watch_notify(watch, FD_EVENT_READ | FD_EVENT_WRITE);
        }
    }
    loop->walking_always = false;
    while (g_ptr_array_remove(loop->always, NULL)) {
    }
}

static gboolean fd_watch_dispatch(GSource *source, GSourceFunc func, gpointer data)
{
    fd_watch_notify_epoll();
    if (fd_watch_loop.always->len > 0) {
        fd_watch_notify_always();
    }
    return G_SOURCE_CONTINUE;
}

static void fd_watch_init_loop(void)
{
    static GSourceFuncs funcs = {
        .prepare = fd_watch_prepare,
        .check = fd_watch_check,
        .dispatch = fd_watch_dispatch,
    };
    FdWatchLoop *loop = &fd_watch_loop;

    if (loop->source) {
        return;
    }
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0) {
        g_error("epoll_create1: %s", g_strerror(errno));
    }
    loop->always = g_ptr_array_new();
    loop->source = g_source_new(&funcs, sizeof(GSource));
    g_source_set_static_name(loop->source, "fd-watch");
    loop->poll_tag = g_source_add_unix_fd(loop->source, loop->epoll_fd, G_IO_IN);
    /* GLib would wake itself up by a write at each dispatch to keep others from it meanwhile. */
    g_source_set_can_recurse(loop->source, TRUE);
    g_source_attach(loop->source, NULL);
}

static int fd_watch_epoll_fd(const FdWatch *watch)
{
    return watch->own_fd >= 0 ? watch->own_fd : watch->fd;
}

static int fd_watch_control(FdWatch *watch, int op)
{
    struct epoll_event event = {
        .events = fd_watch_to_epoll(watch->wanted),
        .data.ptr = watch,
    };

    return epoll_ctl(fd_watch_loop.epoll_fd, op, fd_watch_epoll_fd(watch), &event);
}

static void fd_watch_add_to_epoll(FdWatch *watch)
{
    int rc = fd_watch_control(watch, EPOLL_CTL_ADD);

    /* A set has each descriptor once; users may have given one fd to two of theirs. */
    if (rc < 0 && errno == EEXIST && watch->own_fd < 0) {
        watch->own_fd = fcntl(watch->fd, F_DUPFD_CLOEXEC, 0);
        rc = watch->own_fd >= 0 ? fd_watch_control(watch, EPOLL_CTL_ADD) : -1;
    }
    if (rc == 0) {
        watch->in_epoll = true;
    } else {
        /* Not pollable or not open: the next read or write finds out. */
        watch->always_ready = true;
        g_ptr_array_add(fd_watch_loop.always, watch);
    }
}

FdWatch *fd_watch_new(int fd, FdWatchFunc *func, void *opaque)
{
    FdWatch *watch = g_new0(FdWatch, 1);

    fd_watch_init_loop();
    watch->fd = fd;
    watch->own_fd = -1;
    watch->func = func;
    watch->opaque = opaque;
    return watch;
}

void fd_watch_set(FdWatch *watch, FdEvents events)
{
    if (events == watch->wanted) {
        return;
    }
    watch->wanted = events;
    if (watch->always_ready) {
        return;
    }
    if (!events) {
        fd_watch_control(watch, EPOLL_CTL_DEL);
        watch->in_epoll = false;
    } else if (watch->in_epoll) {
        fd_watch_control(watch, EPOLL_CTL_MOD);
    } else {
        fd_watch_add_to_epoll(watch);
    }
}

void fd_watch_want(FdWatch *watch, bool read, bool write)
{
    if (watch) {
        fd_watch_set(watch, (read ? FD_EVENT_READ : FD_EVENT_NONE) |
                            (write ? FD_EVENT_WRITE : FD_EVENT_NONE));
    }
}

FdEvents fd_watch_events(const FdWatch *watch)
{
    return watch->wanted;
}

static void fd_watch_forget(FdWatch *watch)
{
    FdWatchLoop *loop = &fd_watch_loop;
    guint i;

    for (int j = loop->next_event; j < loop->n_events; j++) {
        if (loop->events[j].data.ptr == watch) {
            loop->events[j].data.ptr = NULL;
        }
    }
    if (watch->always_ready && g_ptr_array_find(loop->always, watch, &i)) {
        if (loop->walking_always) {
            loop->always->pdata[i] = NULL;
        } else {
            g_ptr_array_remove_index(loop->always, i);
        }
    }
}

void fd_watch_free(FdWatch *watch)
{
    if (!watch) {
        return;
    }
    fd_watch_set(watch, FD_EVENT_NONE);
    fd_watch_forget(watch);
    fd_close(&watch->own_fd);
    g_free(watch);
}
