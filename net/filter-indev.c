/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chardev whose frames a filter injects: reading, pressure, malformed streams. */

#include "net/filter-indev.h"

#include "util/log.h"
#include "util/trace.h"

TRACE_POINT(filter_indev_read);

static size_t indev_read_wanted(void *opaque)
{
    FilterIndev *in = opaque;
    bool wanted = !in->dead && net_filter_is_on(in->filter) && net_filter_can_inject(in->filter);

    return wanted ? NET_READ_SIZE : 0;
}

static void indev_malformed(FilterIndev *in, const GError *error)
{
    log_error("filter '%s': %s", in->filter->obj.id, error->message);
    in->filter->n_malformed++;
    in->dead = true;
    net_framer_reset(&in->framer);
    char_frontend_disconnect(&in->fe);
}

static void indev_inject(FilterIndev *in, const NetBatch *batch)
{
    NetFilter *nf = in->filter;

    if (batch->n > 0) {
        net_count_add(&nf->from_indev, batch->n, net_frames_bytes(batch->frames, batch->n));
        net_filter_inject(nf, batch->frames, batch->n);
    }
}

static void indev_read(const uint8_t *data, size_t len, void *opaque)
{
    FilterIndev *in = opaque;
    size_t pos = 0;

    TRACE(filter_indev_read, "filter=%s bytes=%zu", in->filter->obj.id, len);
    while (pos < len) {
        g_autoptr(GError) error = NULL;
        NetBatch batch;
        ssize_t used;

        if (net_framer_is_between_frames(&in->framer)) {
            in->framer.vnet_hdr = in->vnet_hdr;
        }
        used = net_framer_push(&in->framer, data + pos, len - pos, &batch, &error);
        indev_inject(in, &batch);
        if (used < 0) {
            indev_malformed(in, error);
            break;
        }
        pos += used;
    }
    in->filter->n_empty = in->framer.n_empty;
}

static void indev_closed(FilterIndev *in)
{
    if (!net_framer_is_between_frames(&in->framer)) {
        log_warning("filter '%s': indev '%s' was closed in the middle of a frame",
                    in->filter->obj.id, char_id(in->fe.chr));
        in->filter->n_malformed++;
        net_framer_reset(&in->framer);
    }
    in->dead = false;
}

static void indev_event(CharEvent event, void *opaque)
{
    FilterIndev *in = opaque;

    switch (event) {
    case CHAR_EVENT_CLOSED:
        indev_closed(in);
        break;
    case CHAR_EVENT_OPENED:
    case CHAR_EVENT_BREAK:
    case CHAR_EVENT_MUX_IN:
    case CHAR_EVENT_MUX_OUT:
        break;
    }
}

static const CharFrontendOps indev_ops = {
    .read_wanted = indev_read_wanted,
    .read = indev_read,
    .event = indev_event,
};

bool filter_indev_open(FilterIndev *in, NetFilter *nf, Chardev *chr, bool vnet_hdr,
                       GError **error)
{
    in->filter = nf;
    in->vnet_hdr = vnet_hdr;
    net_framer_init(&in->framer, vnet_hdr);
    if (!char_frontend_attach(&in->fe, chr, &indev_ops, in, error)) {
        in->filter = NULL;
        return false;
    }
    return true;
}

void filter_indev_close(FilterIndev *in)
{
    if (!in->filter) {
        return;
    }
    char_frontend_detach(&in->fe);
    net_framer_clear(&in->framer);
    in->filter = NULL;
}

void filter_indev_go_on(FilterIndev *in)
{
    if (in->filter) {
        char_frontend_accept_input(&in->fe);
    }
}

void filter_indev_revive(FilterIndev *in)
{
    in->dead = false;
    filter_indev_go_on(in);
}
