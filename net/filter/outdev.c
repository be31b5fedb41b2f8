/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chardev that gets a filter's frames: the meaning of its state for the filter. */

#include "net/filter/outdev.h"

#include "util/error.h"
#include "util/log.h"
#include "util/trace.h"

TRACE_POINT(filter_outdev_connected);
TRACE_POINT(filter_outdev_disconnected);

Chardev *filter_chardev_find(const char *what, const char *id, GError **error)
{
    Chardev *chr = char_find(id);

    if (!chr) {
        error_set_class(error, ERROR_CLASS_DEVICE_NOT_FOUND, "%s '%s' not found", what, id);
    }
    return chr;
}

/* The events of filter_outdev_open() come before the filter is in its netdev's list. */
static bool outdev_is_attached(const FilterOutdev *out)
{
    return out->filter->netdev;
}

static void outdev_changed(void *opaque)
{
    FilterOutdev *out = opaque;

    if (outdev_is_attached(out)) {
        net_filter_update(out->filter);
    }
}

static void outdev_opened(void *opaque)
{
    FilterOutdev *out = opaque;

    out->told = false;
    TRACE(filter_outdev_connected, "filter=%s", out->filter->obj.id);
    outdev_changed(out);
}

static void outdev_ready(void *opaque)
{
    FilterOutdev *out = opaque;

    if (outdev_is_attached(out)) {
        net_filter_ready(out->filter);
    }
}

static void outdev_closed(void *opaque)
{
    FilterOutdev *out = opaque;

    TRACE(filter_outdev_disconnected, "filter=%s", out->filter->obj.id);
    out->changed(out);
    outdev_changed(out);
    outdev_ready(out);
}

/* Nothing is ever read from an outdev. */
static const FilterChannelOps outdev_ops = {
    .changed = outdev_changed,
    .opened = outdev_opened,
    .closed = outdev_closed,
    .ready = outdev_ready,
};

bool filter_outdev_open(FilterOutdev *out, NetFilter *nf, Chardev *chr, bool vnet_hdr,
                        void (*changed)(FilterOutdev *out), GError **error)
{
    out->filter = nf;
    out->changed = changed;
    out->channel.vnet_hdr = vnet_hdr;
    if (!filter_channel_open(&out->channel, chr, &outdev_ops, out, error)) {
        out->filter = NULL;
        return false;
    }
    return true;
}

bool filter_outdev_abandon(FilterOutdev *out, NetFrame *frame)
{
    if (filter_channel_flush(&out->channel)) {
        return false;
    }
    if (out->channel.writer.pending_out > 0) {
        char_frontend_disconnect(&out->channel.fe);
    }
    return filter_outdev_take_kept(out, frame);
}

void filter_outdev_close(FilterOutdev *out)
{
    NetFrame frame;

    if (!out->filter) {
        return;
    }
    filter_outdev_abandon(out, &frame);
    filter_channel_close(&out->channel);
    out->filter = NULL;
}

bool filter_outdev_has_stream(const FilterOutdev *out)
{
    return out->filter != NULL && out->channel.state != FILTER_CHANNEL_CLOSED;
}

bool filter_outdev_is_connected(const FilterOutdev *out)
{
    return out->filter != NULL && filter_channel_is_open(&out->channel);
}

size_t filter_outdev_write(FilterOutdev *out, NetDirection direction, const NetFrame *frames,
                           size_t n)
{
    const NetStage *stage = &out->filter->stages[direction];
    size_t taken = filter_channel_write(&out->channel, frames, n);

    if (taken > 0) {
        out->kept_direction = direction;
        out->kept_reclaimed = stage->reclaiming;
        out->kept_mark = net_stage_n_delivered(stage);
        out->told = false;
        net_count_add(&out->filter->to_outdev, taken, net_frames_bytes(frames, taken));
    }
    return taken;
}

bool filter_outdev_take_kept(FilterOutdev *out, NetFrame *frame)
{
    if (!filter_channel_take_kept(&out->channel, frame)) {
        return false;
    }
    out->filter->to_outdev.frames -= 1;
    out->filter->to_outdev.bytes -= frame->len;
    return true;
}

void filter_outdev_notify(FilterOutdev *out, const char *what)
{
    g_autofree char *source = NULL;
    g_autofree char *why = NULL;

    if (!out->told) {
        out->told = true;
        why = filter_channel_strerror(&out->channel);
        source = g_strdup_printf("filter '%s'", out->filter->obj.id);
        log_limited_warning(source, what, "outdev '%s' %s: frames %s",
                            filter_channel_id(&out->channel), why, what);
    }
}
