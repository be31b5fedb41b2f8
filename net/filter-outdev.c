/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chardev that a filter sends frames to: connection, back-pressure, broken streams. */

#include "net/filter-outdev.h"

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

static ssize_t outdev_writev(const struct iovec *iov, int n_iov, void *opaque)
{
    FilterOutdev *out = opaque;

    return char_frontend_writev(&out->fe, iov, n_iov);
}

/* The events of filter_outdev_open() come before the filter is in its netdev's list. */
static bool outdev_is_attached(const FilterOutdev *out)
{
    return out->filter->netdev;
}

static void outdev_disconnected(FilterOutdev *out)
{
    TRACE(filter_outdev_disconnected, "filter=%s", out->filter->obj.id);
    out->settle(out);
    if (outdev_is_attached(out)) {
        net_filter_update(out->filter);
        net_filter_ready(out->filter);
    }
}

static void outdev_go_on(FilterOutdev *out)
{
    int state = net_frame_writer_flush(&out->writer);

    if (state < 0) {
        out->broken = true;
        outdev_disconnected(out);
    } else if (state > 0 && outdev_is_attached(out)) {
        net_filter_ready(out->filter);
    }
}

static void outdev_write_ready(void *opaque)
{
    outdev_go_on(opaque);
}

static void outdev_event(CharEvent event, void *opaque)
{
    FilterOutdev *out = opaque;

    switch (event) {
    case CHAR_EVENT_OPENED:
        out->broken = false;
        out->told = false;
        TRACE(filter_outdev_connected, "filter=%s", out->filter->obj.id);
        net_frame_writer_rewind(&out->writer);
        if (outdev_is_attached(out)) {
            net_filter_update(out->filter);
        }
        outdev_go_on(out);
        break;
    case CHAR_EVENT_CLOSED:
        out->broken = false;
        outdev_disconnected(out);
        break;
    case CHAR_EVENT_BREAK:
    case CHAR_EVENT_MUX_IN:
    case CHAR_EVENT_MUX_OUT:
        break;
    }
}

/* Nothing is ever read from an outdev. */
static const CharFrontendOps outdev_ops = {
    .write_ready = outdev_write_ready,
    .event = outdev_event,
};

bool filter_outdev_open(FilterOutdev *out, NetFilter *nf, Chardev *chr, bool vnet_hdr,
                        void (*settle)(FilterOutdev *out), GError **error)
{
    out->filter = nf;
    out->settle = settle;
    out->vnet_hdr = vnet_hdr;
    net_frame_writer_init(&out->writer, vnet_hdr, outdev_writev, out);
    if (!char_frontend_attach(&out->fe, chr, &outdev_ops, out, error)) {
        out->filter = NULL;
        return false;
    }
    return true;
}

bool filter_outdev_abandon(FilterOutdev *out, NetFrame *frame)
{
    if (net_frame_writer_flush(&out->writer) == 1) {
        return false;
    }
    if (out->writer.pending_out > 0) {
        char_frontend_disconnect(&out->fe);
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
    char_frontend_detach(&out->fe);
    net_frame_writer_clear(&out->writer);
    out->filter = NULL;
}

bool filter_outdev_is_connected(const FilterOutdev *out)
{
    return out->filter != NULL && !out->broken && char_frontend_is_open(&out->fe);
}

size_t filter_outdev_write(FilterOutdev *out, NetDirection direction, const NetFrame *frames,
                           size_t n)
{
    const NetStage *stage = &out->filter->stages[direction];
    size_t taken;
    int error;

    if (!net_frame_writer_is_idle(&out->writer)) {
        return 0;
    }
    out->writer.vnet_hdr = out->vnet_hdr;
    taken = net_frame_writer_write(&out->writer, frames, n, &error);
    out->kept_direction = direction;
    out->kept_reclaimed = stage->reclaiming;
    out->kept_mark = net_stage_n_delivered(stage);
    net_count_add(&out->filter->to_outdev, taken, net_frames_bytes(frames, taken));
    if (error != 0) {
        out->broken = true;
        net_filter_update(out->filter);
    }
    return taken;
}

bool filter_outdev_take_kept(FilterOutdev *out, NetFrame *frame)
{
    if (!net_frame_writer_take(&out->writer, frame)) {
        return false;
    }
    out->filter->to_outdev.frames -= 1;
    out->filter->to_outdev.bytes -= frame->len;
    return true;
}

void filter_outdev_tell(FilterOutdev *out, const char *what)
{
    g_autofree char *source = NULL;

    if (!out->told) {
        out->told = true;
        source = g_strdup_printf("filter '%s'", out->filter->obj.id);
        log_limited_warning(source, what, "outdev '%s' is not connected: frames %s",
                            char_id(out->fe.chr), what);
    }
}
