/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames on a chardev: one writer, one state of errors; for filters and COLO only. */

#ifndef NET_FILTER_CHANNEL_H
#define NET_FILTER_CHANNEL_H

#include "chardev/char.h"
#include "net/frame-writer.h"
#include "util/clock.h"

/** What can be expected of the stream. */
typedef enum FilterChannelState {
    /** There is no stream; FilterChannelOps.opened follows when there is one. */
    FILTER_CHANNEL_CLOSED,
    /** Frames can be written, now or when there is room. */
    FILTER_CHANNEL_OPEN,
    /**
     * The last write failed, and the stream is still there. A socket's goes (closed follows);
     * that of a file, pipe, pty or udp stays, and the next write may well work. So each write
     * is a new attempt, and after a pause the owner is asked to make one.
     */
    FILTER_CHANNEL_FAILED,
} FilterChannelState;

/** What the owner does; constant. NULL members are allowed. Called from the loop if not said. */
typedef struct FilterChannelOps {
    /** Writing fails, or no longer; also from inside filter_channel_write() and _flush(). */
    void (*changed)(void *opaque);
    /** There is a stream; also from inside filter_channel_open(). A kept frame goes first. */
    void (*opened)(void *opaque);
    /** The stream has gone: deal with the frame that the writer keeps, if any. */
    void (*closed)(void *opaque);
    /** Writing may go on, or is to be tried again. */
    void (*ready)(void *opaque);
    /** As in CharFrontendOps. Without @read nothing is ever read. */
    size_t (*read_wanted)(void *opaque);
    void (*read)(const uint8_t *data, size_t len, void *opaque);
    void (*yield)(void *opaque);
} FilterChannelOps;

/** Embedded in its owner; zeroed = not there. */
typedef struct FilterChannel {
    CharFrontend fe;
    CharFrontendOps fe_ops; /* with those of @ops that matter to the chardev */
    NetFrameWriter writer;
    const FilterChannelOps *ops;
    void *opaque;
    FilterChannelState state;
    int error;              /* errno of the last write; 0 = it did not fail */
    Timer *retry;           /* owned; runs in state FAILED; NULL = it never failed */
    bool vnet_hdr;          /* owner's to set: the form to use from the next frame on */
    bool is_moving;         /* changes hands: kept frames go on where they were */
} FilterChannel;

/** filter_channel_open: become the user of @chr. Returns: false with @error; not there then. */
bool filter_channel_open(FilterChannel *channel, Chardev *chr, const FilterChannelOps *ops,
                         void *opaque, GError **error);

/**
 * filter_channel_close: give up what is kept, and detach; legal when not there
 *
 * A connection that got a part of a frame is closed: a later user of the chardev must not go on
 * behind it.
 */
void filter_channel_close(FilterChannel *channel);

/** filter_channel_move: @to, zeroed, takes the place of @from, which is then not there. */
void filter_channel_move(FilterChannel *to, FilterChannel *from, const FilterChannelOps *ops,
                         void *opaque);

/** filter_channel_id: the chardev's; borrowed. */
const char *filter_channel_id(const FilterChannel *channel);

/** filter_channel_is_open: its state is OPEN: nothing speaks against the next write. */
bool filter_channel_is_open(const FilterChannel *channel);

/** filter_channel_strerror: why frames cannot be written: "is not connected", ... Owned. */
char *filter_channel_strerror(const FilterChannel *channel);

/** filter_channel_is_idle: no frame is partly out. */
bool filter_channel_is_idle(const FilterChannel *channel);

/**
 * filter_channel_write: send frames from the front of @frames
 *
 * A frame of which a part is out counts as taken; the writer keeps its rest.
 * Returns: how many were taken. When it is fewer, the state has the reason: in OPEN there is no
 * room now. @ready follows but in state CLOSED.
 */
size_t filter_channel_write(FilterChannel *channel, const NetFrame *frames, size_t n);

/** filter_channel_flush: go on with the frame that is kept. Returns: whether none is left. */
bool filter_channel_flush(FilterChannel *channel);

/** filter_channel_take_kept: give up the frame that is kept; as net_frame_writer_take(). */
bool filter_channel_take_kept(FilterChannel *channel, NetFrame *frame);

#endif
