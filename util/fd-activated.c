/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors that the service manager has passed under names (sd_listen_fds(3)). */

#include "util/fd-activated.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "util/fd.h"

#define ACTIVATED_FIRST_FD 3

/* More than a process may have open; a number beyond is a mistake. */
#define ACTIVATED_MAX 65536

/* What systemd calls one that has no name. */
#define ACTIVATED_NO_NAME "unknown"

/** One of them. */
typedef struct ActivatedFd {
    char *name; /* owned */
    int fd;     /* owned; -1 = somebody has taken it */
} ActivatedFd;

static GArray *activated; /* owned ActivatedFd, in the manager's order; NULL = none */

/* Returns: the number that the variable holds; -1 = none. */
static int64_t activated_number(const char *variable)
{
    const char *text = g_getenv(variable);
    guint64 value;

    return text && g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT, &value, NULL)
           ? (int64_t)value : -1;
}

void fd_activated_add(const char *name, int fd)
{
    ActivatedFd entry = { .name = g_strdup(name), .fd = fd };

    if (!activated) {
        activated = g_array_new(FALSE, FALSE, sizeof(ActivatedFd));
    }
    g_array_append_val(activated, entry);
}

static void activated_add_passed(int64_t n)
{
    const char *text = g_getenv("LISTEN_FDNAMES");
    g_auto(GStrv) names = g_strsplit(text ? text : "", ":", -1);
    guint n_names = g_strv_length(names);

    for (guint i = 0; i < (guint)MIN(n, ACTIVATED_MAX); i++) {
        int fd = ACTIVATED_FIRST_FD + (int)i;

        /* The manager may say so, but there is none. */
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) {
            fd_activated_add(i < n_names && *names[i] ? names[i] : ACTIVATED_NO_NAME, fd);
        }
    }
}

void fd_activated_note(void)
{
    int64_t n = activated_number("LISTEN_FDS");

    if (n > 0 && activated_number("LISTEN_PID") == getpid()) {
        activated_add_passed(n);
        g_unsetenv("LISTEN_FDS");
        g_unsetenv("LISTEN_PID");
        g_unsetenv("LISTEN_FDNAMES");
    }
}

int fd_activated_take(const char *name)
{
    for (guint i = 0; activated && i < activated->len; i++) {
        ActivatedFd *entry = &g_array_index(activated, ActivatedFd, i);

        if (entry->fd >= 0 && strcmp(entry->name, name) == 0) {
            return fd_steal(&entry->fd);
        }
    }
    return -1;
}

void fd_activated_forget(int fd)
{
    for (guint i = 0; activated && i < activated->len; i++) {
        ActivatedFd *entry = &g_array_index(activated, ActivatedFd, i);

        if (entry->fd == fd) {
            entry->fd = -1;
        }
    }
}

char *fd_activated_unused(void)
{
    for (guint i = 0; activated && i < activated->len; i++) {
        const ActivatedFd *entry = &g_array_index(activated, ActivatedFd, i);

        if (entry->fd >= 0) {
            return g_strdup_printf("socket '%s', descriptor %d", entry->name, entry->fd);
        }
    }
    return NULL;
}
