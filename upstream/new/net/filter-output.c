/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The outdev of a filter, written without ever blocking the main loop. */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/bswap.h"
#include "qemu/iov.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "net/net.h"
#include "net/stopped.h"
#include "filter-output.h"

#define FILTER_OUTPUT_RETRY_MS 10

struct FilterOutputFrame {
    QTAILQ_ENTRY(FilterOutputFrame) next;
    bool from_netdev;         /* it was on the way to the peer of the netdev */
    unsigned flags;
    size_t header;            /* bytes of @data in front of the frame */
    size_t size;              /* bytes of @data */
    uint8_t data[];
};

void filter_output_init(FilterOutput *o)
{
    QTAILQ_INIT(&o->frames);
}

static bool filter_output_is_open(FilterOutput *o)
{
    return qemu_chr_fe_backend_open(o->chr);
}

static void filter_output_append(FilterOutput *o, bool from_netdev,
                                 unsigned flags, const struct iovec *iov,
                                 int iovcnt)
{
    size_t size = iov_size(iov, iovcnt);
    size_t header = o->vnet_hdr ? 8 : 4;
    FilterOutputFrame *frame = g_malloc(sizeof(*frame) + header + size);

    frame->from_netdev = from_netdev;
    frame->flags = flags;
    frame->header = header;
    frame->size = header + size;
    stl_be_p(frame->data, size);
    if (o->vnet_hdr) {
        stl_be_p(frame->data + 4, o->nf->netdev->vnet_hdr_len);
    }
    iov_to_buf(iov, iovcnt, 0, frame->data + header, size);
    QTAILQ_INSERT_TAIL(&o->frames, frame, next);
    o->bytes += frame->size;
    o->blocks |= o->bytes >= NET_STOPPED_MAX;
}

static void filter_output_remove(FilterOutput *o, FilterOutputFrame *frame)
{
    QTAILQ_REMOVE(&o->frames, frame, next);
    o->bytes -= frame->size;
    g_free(frame);
}

static gboolean filter_output_writable(void *do_not_use, GIOCondition condition,
                                       void *opaque);

static void filter_output_wait(FilterOutput *o)
{
    o->watch = qemu_chr_fe_add_watch(o->chr, G_IO_OUT | G_IO_HUP,
                                     filter_output_writable, o);
    if (!o->watch) {
        timer_mod(o->retry, qemu_clock_get_ms(QEMU_CLOCK_REALTIME) +
                            FILTER_OUTPUT_RETRY_MS);
    }
}

static void filter_output_write(FilterOutput *o)
{
    FilterOutputFrame *frame;

    if (o->watch || timer_pending(o->retry)) {
        return;
    }
    while ((frame = QTAILQ_FIRST(&o->frames)) && filter_output_is_open(o)) {
        int ret = qemu_chr_fe_write(o->chr, frame->data + o->offset,
                                    frame->size - o->offset);

        if (ret <= 0) {
            /* It may have been closed just now. */
            if (filter_output_is_open(o)) {
                filter_output_wait(o);
            }
            return;
        }
        o->offset += ret;
        if (o->offset == frame->size) {
            o->offset = 0;
            o->n_sent++;
            filter_output_remove(o, frame);
        }
    }
}

/* Write on, and let the netdev be read again when half of it is gone. */
static void filter_output_go_on(void *opaque)
{
    FilterOutput *o = opaque;

    filter_output_write(o);
    if (o->blocks && o->bytes <= NET_STOPPED_MAX / 2) {
        o->blocks = false;
        net_stopped_update(o->nf->netdev);
    }
}

static gboolean filter_output_writable(void *do_not_use, GIOCondition condition,
                                       void *opaque)
{
    ((FilterOutput *)opaque)->watch = 0;
    filter_output_go_on(opaque);
    return G_SOURCE_REMOVE;
}

/*
 * What outdev did not take goes back to where it would be without the filter.
 * Copies, and frames that were on the way from the guest, are dropped.
 */
static void filter_output_return(FilterOutput *o)
{
    NetClientState *nc = o->nf->netdev;
    FilterOutputFrame *frame;

    while ((frame = QTAILQ_LAST(&o->frames))) {
        if (o->consumes && frame->from_netdev && nc->peer) {
            net_stopped_give_back(nc, frame->flags,
                                  frame->data + frame->header,
                                  frame->size - frame->header);
            o->n_returned++;
        } else {
            o->n_dropped++;
        }
        filter_output_remove(o, frame);
    }
    o->offset = 0;
    o->blocks = false;
    if (nc->peer && qemu_can_send_packet(nc)) {
        qemu_flush_queued_packets(nc->peer);
    }
}

static void filter_output_bh(void *opaque)
{
    FilterOutput *o = opaque;

    if (!filter_output_is_open(o)) {
        filter_output_return(o);
    }
    net_stopped_update(o->nf->netdev);
    filter_output_go_on(o);
}

/*
 * CLOSED may come within our own write, while the chardev is locked: the rest
 * is left to the bottom half.  OPENED must not wait for it: the next frame
 * would pass those that are taken from the queue of the peer.
 */
static void filter_output_event(void *opaque, QEMUChrEvent event)
{
    FilterOutput *o = opaque;

    if (event == CHR_EVENT_CLOSED) {
        g_clear_handle_id(&o->watch, g_source_remove);
        timer_del(o->retry);
        o->offset = 0;
    } else if (event == CHR_EVENT_OPENED) {
        net_stopped_update(o->nf->netdev);
    } else {
        return;
    }
    qemu_bh_schedule(o->bh);
}

static void filter_output_attach(FilterOutput *o)
{
    if (!o->bh) {
        o->bh = qemu_bh_new(filter_output_bh, o);
        o->retry = timer_new_ms(QEMU_CLOCK_REALTIME, filter_output_go_on, o);
        qemu_chr_fe_set_handlers(o->chr, NULL, NULL, filter_output_event,
                                 NULL, o, NULL, true);
    }
}

bool filter_output_check(FilterOutput *o, int direction, Error **errp)
{
    const char *type = object_get_typename(OBJECT(o->nf));

    if (!o->enabled) {
        return true;
    }
    if (!o->chr) {
        error_setg(errp, "Property '%s.enable_when_stopped' needs 'outdev'",
                   type);
        return false;
    }
    if (direction == NET_FILTER_DIRECTION_RX) {
        error_setg(errp, "Property '%s.enable_when_stopped' needs 'queue' to "
                   "be 'tx' or 'all'", type);
        return false;
    }
    if (!o->nf->netdev->info->read_poll) {
        error_setg(errp, "Property '%s.enable_when_stopped' does not work "
                   "with a netdev of the type of '%s'", type,
                   o->nf->netdev->name);
        return false;
    }
    return true;
}

void filter_output_set_enabled(FilterOutput *o, bool enabled, Error **errp)
{
    bool before = o->enabled;

    o->enabled = enabled;
    if (!o->nf) {
        return;
    }
    if (!filter_output_check(o, o->nf->direction, errp)) {
        o->enabled = before;
        return;
    }
    if (enabled) {
        filter_output_attach(o);
        qemu_bh_schedule(o->bh);
    }
    net_stopped_update(o->nf->netdev);
}

void filter_output_setup(FilterOutput *o, NetFilterState *nf, CharFrontend *chr,
                         bool vnet_hdr, bool consumes, Error **errp)
{
    o->nf = nf;
    o->chr = chr;
    o->vnet_hdr = vnet_hdr;
    o->consumes = consumes;
    if (filter_output_check(o, nf->direction, errp) && o->enabled) {
        filter_output_attach(o);
        qemu_bh_schedule(o->bh);
    }
}

void filter_output_cleanup(FilterOutput *o)
{
    bool torn = o->offset;

    if (!o->bh) {
        return;
    }
    qemu_chr_fe_set_handlers(o->chr, NULL, NULL, NULL, NULL, NULL, NULL, true);
    g_clear_handle_id(&o->watch, g_source_remove);
    g_clear_pointer(&o->retry, timer_free);
    g_clear_pointer(&o->bh, qemu_bh_delete);
    if (torn) {
        /* The reader must not take the next frame for the rest of this one. */
        qemu_chr_fe_disconnect(o->chr);
    }
    filter_output_return(o);
}

bool filter_output_asks(FilterOutput *o)
{
    return o->enabled && o->bh && filter_output_is_open(o);
}

bool filter_output_receive(FilterOutput *o, NetClientState *sender,
                           unsigned flags, const struct iovec *iov, int iovcnt,
                           ssize_t *size)
{
    bool from_netdev = o->nf && sender == o->nf->netdev;
    size_t limit = from_netdev ? 2 * NET_STOPPED_MAX : NET_STOPPED_MAX;

    *size = iov_size(iov, iovcnt);
    if (!*size || !o->bh || (!o->enabled && QTAILQ_EMPTY(&o->frames))) {
        return false;
    }
    if (!filter_output_is_open(o)) {
        *size = 0;
        return o->enabled && from_netdev && net_is_stopped();
    }
    if (o->bytes + *size > limit) {
        /* Whoever injects frames, or the guest, cannot be held up. */
        if (!o->n_dropped++) {
            warn_report("filter '%s' drops frames: 'outdev' does not take them",
                        object_get_canonical_path_component(OBJECT(o->nf)));
        }
        return true;
    }
    filter_output_append(o, from_netdev, flags, iov, iovcnt);
    filter_output_write(o);
    if (o->blocks) {
        net_stopped_pause(o->nf->netdev);
    }
    return true;
}

void filter_output_take(FilterOutput *o, unsigned flags,
                        const uint8_t *data, size_t size)
{
    struct iovec iov = { .iov_base = (void *)data, .iov_len = size };

    if (size) {
        filter_output_append(o, true, flags, &iov, 1);
        qemu_bh_schedule(o->bh);
    }
}
