/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames on a chardev: one writer, one state of errors. */

/*
 *               a write fails                 a write works, or the pause is over
 *      OPEN ────────────────────► FAILED ────────────────────► OPEN
 *
 * and CLOSED follows from the chardev's own event alone. A frame of which a part is out when a
 * write fails stays: while the stream is the same, its rest must come next.
 */

#include "net/filter/channel.h"

#include <glib.h>

/* Until the next attempt in the absence of frames. */
#define CHANNEL_RETRY_NS (INT64_C(100) * 1000 * 1000)

static void channel_set_state(FilterChannel *channel, FilterChannelState state)
{
    if (channel->state != state) {
        channel->state = state;
        if (channel->ops->changed) {
            channel->ops->changed(channel->opaque);
        }
    }
}

static void channel_ready(FilterChannel *channel)
{
    if (filter_channel_flush(channel) && channel->ops->ready) {
        channel->ops->ready(channel->opaque);
    }
}

/* The owner may have no frame to try with: count as open until one shows what is the case. */
static void channel_retry(void *opaque)
{
    FilterChannel *channel = opaque;

    if (!filter_channel_flush(channel)) {
        return;
    }
    channel_set_state(channel, FILTER_CHANNEL_OPEN);
    if (channel->ops->ready) {
        channel->ops->ready(channel->opaque);
    }
}

static void channel_retry_later(FilterChannel *channel)
{
    if (!channel->retry) {
        channel->retry = timer_new(CLOCK_TYPE_REALTIME, channel_retry, channel);
    }
    if (!timer_is_running(channel->retry)) {
        timer_start_at(channel->retry, clock_now_ns(CLOCK_TYPE_REALTIME) + CHANNEL_RETRY_NS);
    }
}

static void channel_rest(FilterChannel *channel)
{
    if (channel->retry) {
        timer_stop(channel->retry);
    }
}

/* A write has worked (@error is 0) or failed. */
static void channel_note(FilterChannel *channel, int error)
{
    channel->error = error;
    if (error == 0) {
        channel_rest(channel);
        channel_set_state(channel, FILTER_CHANNEL_OPEN);
    } else {
        channel_retry_later(channel);
        channel_set_state(channel, FILTER_CHANNEL_FAILED);
    }
}

static ssize_t channel_writev(const struct iovec *iov, int n_iov, void *opaque)
{
    FilterChannel *channel = opaque;

    return char_frontend_writev(&channel->fe, iov, n_iov);
}

/* --- The chardev's side ------------------------------------------------------------------ */

static void channel_opened(FilterChannel *channel)
{
    if (channel->is_moving) {
        return;
    }
    channel->error = 0;
    channel_rest(channel);
    net_frame_writer_rewind(&channel->writer);
    channel->state = FILTER_CHANNEL_OPEN;
    if (channel->ops->opened) {
        channel->ops->opened(channel->opaque);
    }
    channel_ready(channel);
}

static void channel_closed(FilterChannel *channel)
{
    channel->error = 0;
    channel_rest(channel);
    channel->state = FILTER_CHANNEL_CLOSED;
    if (channel->ops->closed) {
        channel->ops->closed(channel->opaque);
    }
}

static void channel_event(CharEvent event, void *opaque)
{
    switch (event) {
    case CHAR_EVENT_OPENED:
        channel_opened(opaque);
        break;
    case CHAR_EVENT_CLOSED:
        channel_closed(opaque);
        break;
    case CHAR_EVENT_BREAK:
    case CHAR_EVENT_MUX_IN:
    case CHAR_EVENT_MUX_OUT:
        break;
    }
}

static void channel_write_ready(void *opaque)
{
    channel_ready(opaque);
}

static size_t channel_read_wanted(void *opaque)
{
    const FilterChannel *channel = opaque;

    return channel->ops->read_wanted(channel->opaque);
}

static void channel_read(const uint8_t *data, size_t len, void *opaque)
{
    const FilterChannel *channel = opaque;

    channel->ops->read(data, len, channel->opaque);
}

static void channel_yield(void *opaque)
{
    const FilterChannel *channel = opaque;

    channel->ops->yield(channel->opaque);
}

static bool channel_attach(FilterChannel *channel, Chardev *chr, const FilterChannelOps *ops,
                           void *opaque, GError **error)
{
    channel->ops = ops;
    channel->opaque = opaque;
    channel->fe_ops = (CharFrontendOps) {
        .read_wanted = ops->read ? channel_read_wanted : NULL,
        .read = ops->read ? channel_read : NULL,
        .write_ready = channel_write_ready,
        .event = channel_event,
        .yield = ops->yield ? channel_yield : NULL,
    };
    return char_frontend_attach(&channel->fe, chr, &channel->fe_ops, channel, error);
}

/* --- The owner's side -------------------------------------------------------------------- */

bool filter_channel_open(FilterChannel *channel, Chardev *chr, const FilterChannelOps *ops,
                         void *opaque, GError **error)
{
    net_frame_writer_init(&channel->writer, channel->vnet_hdr, channel_writev, channel);
    channel->state = FILTER_CHANNEL_CLOSED;
    channel->error = 0;
    return channel_attach(channel, chr, ops, opaque, error);
}

void filter_channel_close(FilterChannel *channel)
{
    if (!channel->fe.chr) {
        return;
    }
    if (channel->writer.pending_out > 0) {
        char_frontend_disconnect(&channel->fe);
    }
    char_frontend_detach(&channel->fe);
    g_clear_pointer(&channel->retry, timer_free);
    net_frame_writer_clear(&channel->writer);
    channel->state = FILTER_CHANNEL_CLOSED;
}

/* Freed and made anew: the chardev and the timer know their user by its address. */
void filter_channel_move(FilterChannel *to, FilterChannel *from, const FilterChannelOps *ops,
                         void *opaque)
{
    Chardev *chr = from->fe.chr;

    char_frontend_detach(&from->fe);
    g_clear_pointer(&from->retry, timer_free);
    *to = *from;
    *from = (FilterChannel) { 0 };
    to->writer.opaque = to;
    to->is_moving = true;
    if (!channel_attach(to, chr, ops, opaque, NULL)) {
        g_assert_not_reached();
    }
    to->is_moving = false;
    filter_channel_flush(to); /* so that the chardev knows again that a writer waits for room */
    if (to->state == FILTER_CHANNEL_FAILED) {
        channel_retry_later(to);
    }
}

const char *filter_channel_id(const FilterChannel *channel)
{
    return char_id(channel->fe.chr);
}

bool filter_channel_is_open(const FilterChannel *channel)
{
    return channel->state == FILTER_CHANNEL_OPEN;
}

char *filter_channel_strerror(const FilterChannel *channel)
{
    return channel->state == FILTER_CHANNEL_FAILED
        ? g_strdup_printf("failed: %s", g_strerror(channel->error))
        : g_strdup("is not connected");
}

bool filter_channel_is_idle(const FilterChannel *channel)
{
    return net_frame_writer_is_idle(&channel->writer);
}

size_t filter_channel_write(FilterChannel *channel, const NetFrame *frames, size_t n)
{
    size_t taken;
    int error;

    if (channel->state == FILTER_CHANNEL_CLOSED) {
        return 0;
    }
    if (!filter_channel_is_idle(channel) &&
        (channel->state == FILTER_CHANNEL_OPEN || !filter_channel_flush(channel))) {
        return 0; /* there was no room, and there is news when there is */
    }
    channel->writer.vnet_hdr = channel->vnet_hdr;
    taken = net_frame_writer_write(&channel->writer, frames, n, &error);
    channel_note(channel, error);
    return taken;
}

bool filter_channel_flush(FilterChannel *channel)
{
    int flushed;

    if (filter_channel_is_idle(channel)) {
        return true;
    }
    if (channel->state == FILTER_CHANNEL_CLOSED) {
        return false;
    }
    flushed = net_frame_writer_flush(&channel->writer);
    channel_note(channel, flushed < 0 ? -flushed : 0);
    return flushed > 0;
}

bool filter_channel_take_kept(FilterChannel *channel, NetFrame *frame)
{
    return net_frame_writer_take(&channel->writer, frame);
}
