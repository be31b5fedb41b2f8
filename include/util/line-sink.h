/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes lines to a descriptor without ever waiting for its reader. */

#ifndef UTIL_LINE_SINK_H
#define UTIL_LINE_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>

#include "util/fd-watch.h"

/** How to write to a descriptor without waiting. */
typedef enum LineSinkWay {
    LINE_SINK_NOWHERE, /* there is no descriptor: lines are dropped */
    LINE_SINK_WRITE,   /* write(2) does not wait: O_NONBLOCK, or a regular file */
    LINE_SINK_SEND,    /* a socket that others use as well: MSG_DONTWAIT */
    LINE_SINK_POLL,    /* blocking: ask first, and write no more than fits for sure */
} LineSinkWay;

/**
 * A place for lines. Lines that its reader does not take wait in memory, 256 KiB at most, and
 * leave from the loop. Further lines are lost, and a line in their place has their number.
 * Embedded; zeroed = lines go nowhere.
 */
typedef struct LineSink {
    LineSinkWay way;
    int fd;              /* owned if @owns_fd */
    bool owns_fd;
    bool torn;           /* the last line was cut by an error */
    GString *pending;    /* owned; NULL = nothing has waited yet */
    FdWatch *watch;      /* owned; there while something is pending */
    uint64_t n_lost;     /* lines since the last that was written */
} LineSink;

/**
 * line_sink_open: write to the file of @fd, which is shared with other processes
 * @fd: borrowed; must stay open
 *
 * The flags of a shared descriptor are not touched: a pipe or terminal is opened anew.
 */
void line_sink_open(LineSink *sink, int fd);

/** line_sink_take: write to @fd, which is taken: a regular file or opened with O_NONBLOCK. */
void line_sink_take(LineSink *sink, int fd);

/** line_sink_write: @text: @len bytes, LF included. */
void line_sink_write(LineSink *sink, const char *text, size_t len);

/**
 * line_sink_finish: write what is pending
 *
 * Blocks: up to @timeout_ms, for a reader that is slow.
 */
void line_sink_finish(LineSink *sink, int timeout_ms);

/** line_sink_close: pending lines are lost; legal when zeroed. */
void line_sink_close(LineSink *sink);

#endif
