/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chardev that a filter sends frames to; for filters only. */

#ifndef NET_FILTER_OUTDEV_H
#define NET_FILTER_OUTDEV_H

#include "chardev/char.h"
#include "net/filter.h"
#include "net/filter/channel.h"

typedef struct FilterOutdev FilterOutdev;

/** Embedded in a filter; zeroed = not there. */
struct FilterOutdev {
    NetFilter *filter;   /* back pointer; NULL = the filter has no outdev */
    /** The connection broke or is missing: deal with the frame that the channel keeps. */
    void (*changed)(FilterOutdev *out);
    FilterChannel channel;
    NetDirection kept_direction; /* of the frame that the channel keeps */
    bool kept_reclaimed; /* it was held further down the chain before */
    uint64_t kept_mark;  /* net_stage_n_delivered() when it was taken */
    bool told;           /* the log knows what becomes of frames since the last that was sent */
};

/** filter_chardev_find: the chardev, or NULL and DeviceNotFound "@what 'ID' not found". */
Chardev *filter_chardev_find(const char *what, const char *id, GError **error);

/** filter_outdev_open: become the user of @chr. Returns: false with @error set. */
bool filter_outdev_open(FilterOutdev *out, NetFilter *nf, Chardev *chr, bool vnet_hdr,
                        void (*changed)(FilterOutdev *out), GError **error);

/**
 * filter_outdev_abandon: the filter goes; give up the frame that is partly out, if any
 *
 * The connection that got a part of it is closed, so that a later user of the chardev does not
 * go on behind it. Returns: whether there was one, as filter_outdev_take_kept().
 */
bool filter_outdev_abandon(FilterOutdev *out, NetFrame *frame);

/** filter_outdev_close: abandon and detach; legal when it is not there. */
void filter_outdev_close(FilterOutdev *out);

/** filter_outdev_has_stream: whether writing may be tried; false if not there. */
bool filter_outdev_has_stream(const FilterOutdev *out);

/** filter_outdev_is_connected: it has, and the last write did not fail. */
bool filter_outdev_is_connected(const FilterOutdev *out);

/**
 * filter_outdev_write: send frames from the front of @frames and count them
 *
 * Returns: how many were taken. When it is fewer, either filter_outdev_is_connected() is now
 * false or the outdev is full, and net_filter_ready() follows when it is no longer.
 */
size_t filter_outdev_write(FilterOutdev *out, NetDirection direction, const NetFrame *frames,
                           size_t n);

/** filter_outdev_take_kept: give up the frame that is partly out; it no longer counts as sent. */
bool filter_outdev_take_kept(FilterOutdev *out, NetFrame *frame);

/** filter_outdev_notify: log that frames @what, unless none was sent since last time. */
void filter_outdev_notify(FilterOutdev *out, const char *what);

#endif
