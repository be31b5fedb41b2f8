/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of trace points and the file that their lines go to. */

#include "util/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/error.h"
#include "util/fd.h"

static TracePoint *trace_points; /* sorted by name */

static struct {
    char *path; /* owned; the file to open at the first line; NULL = stderr or already open */
    int fd;     /* of the log file; -1 = none */
} trace_file = { .fd = -1 };

void trace_register(TracePoint *point)
{
    TracePoint **place = &trace_points;

    while (*place && strcmp((*place)->name, point->name) < 0) {
        place = &(*place)->next;
    }
    point->next = *place;
    *place = point;
}

TracePoint *trace_first(void)
{
    return trace_points;
}

bool trace_pattern_is_plain(const char *pattern)
{
    return !strpbrk(pattern, "*?");
}

size_t trace_set_matching(const char *pattern, bool enabled)
{
    size_t n = 0;

    for (TracePoint *point = trace_points; point; point = point->next) {
        if (g_pattern_match_simple(pattern, point->name)) {
            point->enabled = enabled;
            n++;
        }
    }
    return n;
}

/* The descriptor to write to; opens the file when this is the first line. */
static int trace_fd(void)
{
    if (trace_file.path) {
        trace_file.fd = open(trace_file.path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC
                             | O_NONBLOCK | O_NOCTTY, 0666);
        g_clear_pointer(&trace_file.path, g_free);
    }
    return trace_file.fd >= 0 ? trace_file.fd : STDERR_FILENO;
}

void trace_print(const TracePoint *point, const char *fmt, ...)
{
    g_autoptr(GString) line = g_string_new(point->name);
    const char *rest;
    va_list ap;

    g_string_append_c(line, ' ');
    va_start(ap, fmt);
    g_string_append_vprintf(line, fmt, ap);
    va_end(ap);
    g_string_append_c(line, '\n');
    rest = line->str;
    while (*rest) {
        ssize_t n = write(trace_fd(), rest, strlen(rest));

        if (n < 0 && errno != EINTR) {
            return; /* a reader that is too slow loses lines, it does not stop frames */
        }
        rest += MAX(n, 0);
    }
}

/* Whether @path can be opened for writing, without making it. Returns: 0 or an errno. */
static int trace_probe(const char *path)
{
    auto_fd int fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    g_autofree char *folder = NULL;

    if (fd >= 0) {
        return 0;
    }
    if (errno != ENOENT) {
        return errno;
    }
    folder = g_path_get_dirname(path);
    return access(folder, W_OK | X_OK) == 0 ? 0 : errno;
}

bool trace_set_file(const char *path, GError **error)
{
    const char *percent = path ? strchr(path, '%') : NULL;
    g_autofree char *name = NULL;
    int err;

    if (percent && (percent[1] != 'd' || strchr(percent + 1, '%'))) {
        return error_set(error, "Bad logfile template: %s", path);
    }
    if (percent) {
        name = g_strdup_printf("%.*s%ld%s", (int)(percent - path), path, (long)getpid(),
                               percent + 2);
    } else {
        name = g_strdup(path);
    }
    err = name ? trace_probe(name) : 0;
    if (err) {
        return error_set_errno(error, err, "Error opening logfile %s", name);
    }
    fd_close(&trace_file.fd);
    g_free(trace_file.path);
    /* It is opened later, and a daemon changes its working directory before that. */
    trace_file.path = name ? g_canonicalize_filename(name, NULL) : NULL;
    return true;
}
