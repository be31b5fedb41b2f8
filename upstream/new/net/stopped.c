/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Netdevs that are read while the VM is stopped, because a filter asks. */

#include "qemu/osdep.h"
#include "qemu/iov.h"
#include "net/filter.h"
#include "net/queue.h"
#include "net/stopped.h"
#include "system/runstate.h"

/*
 * The callback of packets that wait although their sender was told that they
 * are sent.  Injected ones have none: a filter must not take those, or two
 * hosts could send them to each other for ever.
 */
static void net_stopped_sent(NetClientState *nc, ssize_t ret)
{
}

bool net_is_stopped(void)
{
    return !runstate_is_running() && !runstate_check(RUN_STATE_SUSPENDED);
}

static bool filter_asks(NetFilterState *nf)
{
    NetFilterClass *nfc = NETFILTER_GET_CLASS(OBJECT(nf));

    return nf->on && nf->direction != NET_FILTER_DIRECTION_RX &&
           nfc->asks_when_stopped && nfc->asks_when_stopped(nf);
}

bool net_stopped_is_asked(NetClientState *nc)
{
    NetFilterState *nf;

    if (net_is_stopped()) {
        QTAILQ_FOREACH(nf, &nc->filters, next) {
            if (filter_asks(nf)) {
                return true;
            }
        }
    }
    return false;
}

bool net_stopped_hold(NetClientState *sender, unsigned flags,
                      const struct iovec *iov, int iovcnt,
                      NetPacketSent *sent_cb)
{
    size_t size = iov_size(iov, iovcnt);

    if (!net_stopped_is_asked(sender)) {
        return false;
    }
    if (!size) {
        return true;
    }
    if (sender->held_bytes + size > NET_STOPPED_MAX) {
        if (sent_cb) {
            return false;
        }
        /* Nothing but its hook stops a back end without callbacks. */
        net_stopped_pause(sender);
    }
    sender->held_bytes += size;
    qemu_net_queue_append_iov(sender->peer->incoming_queue, sender, flags,
                              iov, iovcnt, net_stopped_sent);
    return true;
}

bool net_stopped_keep(NetClientState *nc)
{
    if (!nc->peer || !net_stopped_is_asked(nc->peer)) {
        return false;
    }
    /* What it refused as the VM stopped it may take after that. */
    nc->receive_disabled = 0;
    return true;
}

void net_stopped_give_back(NetClientState *nc, unsigned flags,
                           const uint8_t *data, size_t size)
{
    qemu_net_queue_prepend(nc->peer->incoming_queue, nc, flags, data, size,
                           net_stopped_sent);
}

void net_stopped_pause(NetClientState *nc)
{
    nc->read_polled = true;
    if (nc->info->read_poll) {
        nc->info->read_poll(nc, false);
    }
}

/* The first filter that consumes gets all that @nc had sent. */
static void net_stopped_take(NetClientState *nc, NetQueue *queue)
{
    NetFilterState *nf;

    QTAILQ_FOREACH(nf, &nc->filters, next) {
        NetFilterClass *nfc = NETFILTER_GET_CLASS(OBJECT(nf));

        if (nfc->take_when_stopped && filter_asks(nf)) {
            qemu_net_queue_take(queue, nc, nfc->take_when_stopped, nf);
            break;
        }
    }
    nc->held_bytes = qemu_net_queue_hold(queue, nc, net_stopped_sent,
                                         NET_STOPPED_MAX);
}

/* Packets that wait for a clock that stands still go on. */
static void net_stopped_release(NetClientState *nc)
{
    NetFilterState *nf;

    QTAILQ_FOREACH(nf, &nc->filters, next) {
        NetFilterClass *nfc = NETFILTER_GET_CLASS(OBJECT(nf));

        if (nfc->release_when_stopped && nf->on) {
            nfc->release_when_stopped(nf);
        }
    }
}

static bool net_stopped_is_blocked(NetClientState *nc)
{
    NetFilterState *nf;

    QTAILQ_FOREACH(nf, &nc->filters, next) {
        NetFilterClass *nfc = NETFILTER_GET_CLASS(OBJECT(nf));

        if (nfc->blocks && nfc->blocks(nf)) {
            return true;
        }
    }
    return nc->held_bytes > NET_STOPPED_MAX;
}

/*
 * The hook says whether @nc may be read.  A packet of its own that waits with
 * its callback overrules that: the callback starts the reading again.
 */
static void net_stopped_poll(NetClientState *nc, bool asked)
{
    NetQueue *queue = nc->peer ? nc->peer->incoming_queue : NULL;

    if (net_stopped_is_blocked(nc)) {
        net_stopped_pause(nc);
    } else if (asked || nc->read_polled) {
        nc->read_polled = asked;
        if (nc->info->read_poll &&
            !(queue && qemu_net_queue_blocks(queue, nc, net_stopped_sent))) {
            nc->info->read_poll(nc, true);
        }
    }
}

void net_stopped_update(NetClientState *nc)
{
    bool asked = net_stopped_is_asked(nc);

    if (!net_is_stopped()) {
        nc->held_bytes = 0;
    }
    if (asked && nc->peer) {
        net_stopped_take(nc, nc->peer->incoming_queue);
        net_stopped_release(nc);
    }
    net_stopped_poll(nc, asked);
}
