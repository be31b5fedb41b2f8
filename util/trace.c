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
#include "util/line-sink.h"
#include "util/log.h"
#include "util/output-file.h"
#include "util/reopen.h"

static TracePoint *trace_points; /* sorted by name */

static struct {
    char *path; /* owned; the file to open at the first line; NULL = stderr */
    bool is_open;
    bool is_tried; /* to open it, or it is open */
    ReopenHook *hook; /* owned; there while there is a path */
    LineSink sink; /* the log file, when it is open */
} trace_file;

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

/* Opens the file, if that is still to be done. */
static void trace_open(void)
{
    int fd;

    if (!trace_file.path || trace_file.is_tried) {
        return;
    }
    fd = output_file_open(trace_file.path, O_TRUNC | O_APPEND);
    trace_file.is_tried = true;
    trace_file.is_open = fd >= 0;
    if (fd >= 0) {
        line_sink_take(&trace_file.sink, fd);
    }
}

/* Nothing of another file by that name is overwritten: it may be the one of a while ago. */
static void trace_reopen(void *opaque)
{
    int fd;

    if (!trace_file.is_open) {
        return;
    }
    fd = output_file_open(trace_file.path, O_APPEND);
    if (fd < 0) {
        log_error("cannot open logfile %s again: %s: the old one is written on", trace_file.path,
                  output_file_strerror(trace_file.path, errno));
        return;
    }
    line_sink_finish(&trace_file.sink, 0);
    line_sink_take(&trace_file.sink, fd);
}

/* The file is opened when this is the first line; without one, lines go to stderr. */
static void trace_write(const char *line, size_t len)
{
    trace_open();
    if (trace_file.is_open) {
        line_sink_write(&trace_file.sink, line, len);
    } else {
        log_write(line, len);
    }
}

int trace_log_fd(void)
{
    trace_open();
    return trace_file.is_open ? trace_file.sink.fd : -1;
}

void trace_print(const TracePoint *point, const char *fmt, ...)
{
    g_autoptr(GString) line = g_string_new(point->name);
    va_list ap;

    g_string_append_c(line, ' ');
    va_start(ap, fmt);
    g_string_append_vprintf(line, fmt, ap);
    va_end(ap);
    g_string_append_c(line, '\n');
    trace_write(line->str, line->len);
}

/* Whether @path can be opened for writing, without making it. Returns: 0 or an errno. */
static int trace_probe(const char *path)
{
    auto_fd int fd = output_file_probe(path);
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
        return error_set(error, "Error opening logfile %s: %s", name,
                         output_file_strerror(name, err));
    }
    trace_cleanup();
    /* It is opened later, and a daemon changes its working directory before that. */
    trace_file.path = name ? g_canonicalize_filename(name, NULL) : NULL;
    trace_file.hook = name ? reopen_add(trace_reopen, NULL) : NULL;
    return true;
}

void trace_cleanup(void)
{
    line_sink_finish(&trace_file.sink, 0);
    line_sink_close(&trace_file.sink);
    trace_file.is_open = false;
    trace_file.is_tried = false;
    g_clear_pointer(&trace_file.hook, reopen_remove);
    g_clear_pointer(&trace_file.path, g_free);
}
