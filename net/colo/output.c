/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chardev that colo-compare sends released packets to. */

/*
 * While the peer is slow packets wait in order, and the user of this module stops reading when
 * they take too much memory. Without a peer they are lost and counted: the guest's peers will
 * ask again. A packet of which a part is out when the connection breaks is lost with it; where
 * only a write has failed its rest is tried again, and those behind it are lost.
 *
 * The packets that wait when the user goes become a remainder: it lives until the peer has taken
 * it or has gone, or until another front end wants the chardev.
 */

#include "net/colo/output.h"

#include "util/log.h"

static void output_drop_head(ColoOutput *out)
{
    ColoPacket *packet = out->waiting.head;

    colo_list_remove(&out->waiting, packet);
    out->cost -= colo_packet_cost(packet);
    colo_pool_give(out->pool, packet);
}

/* A packet of which a part is out no longer counts as sent. */
static void output_lose_kept(ColoOutput *out)
{
    NetFrame kept;

    if (filter_channel_take_kept(&out->channel, &kept)) {
        out->sent.frames--;
        out->sent.bytes -= kept.len;
        net_count_add(&out->lost, 1, kept.len);
    }
}

/* All that waits is lost. @why: for the message. */
static void output_lose(ColoOutput *out, const char *why)
{
    net_count_add(&out->lost, out->waiting.n, out->waiting.bytes);
    if (out->waiting.n > 0 && !out->told) {
        out->told = true;
        log_limited_warning(out->who, "outdev", "outdev '%s' %s: released packets are lost",
                            filter_channel_id(&out->channel), why);
    }
    while (out->waiting.head) {
        output_drop_head(out);
    }
}

/* Returns: the first waiting packets, as many as one write takes; there is one. */
static size_t output_gather(const ColoOutput *out, NetFrame *frames)
{
    const ColoPacket *p = out->waiting.head;
    size_t n = 0;

    do {
        frames[n++] = colo_packet_frame(p);
        p = p->next;
    } while (p && n < NET_BATCH_MAX);
    return n;
}

/* Returns: whether the peer may take more at once. */
static bool output_write(ColoOutput *out)
{
    NetFrame frames[NET_BATCH_MAX];
    size_t n = output_gather(out, frames);
    size_t taken;

    out->channel.vnet_hdr = out->vnet_hdr;
    taken = filter_channel_write(&out->channel, frames, n);
    out->told &= taken == 0;
    net_count_add(&out->sent, taken, net_frames_bytes(frames, taken));
    for (size_t i = 0; i < taken; i++) {
        output_drop_head(out);
    }
    return taken == n && filter_channel_is_idle(&out->channel);
}

bool colo_output_is_connected(const ColoOutput *out)
{
    return filter_channel_is_open(&out->channel);
}

NetCount colo_output_held(const ColoOutput *out)
{
    return (NetCount) { out->waiting.n, out->waiting.bytes };
}

void colo_output_flush(ColoOutput *out)
{
    while (out->waiting.head && output_write(out)) {
    }
    if (!colo_output_is_connected(out)) {
        g_autofree char *why = filter_channel_strerror(&out->channel);

        output_lose(out, why);
    }
}

void colo_output_push(ColoOutput *out, ColoPacket *packet)
{
    colo_list_append(&out->waiting, packet);
    out->cost += colo_packet_cost(packet);
}

static void output_go_on(ColoOutput *out)
{
    colo_output_flush(out);
    out->drained(out->opaque);
}

static void output_ready(void *opaque)
{
    output_go_on(opaque);
}

static void output_opened(void *opaque)
{
    ColoOutput *out = opaque;

    out->told = false;
}

static void output_closed(void *opaque)
{
    ColoOutput *out = opaque;

    output_lose_kept(out);
    output_go_on(out);
}

/* Nothing is ever read from an outdev. */
static const FilterChannelOps output_ops = {
    .opened = output_opened,
    .closed = output_closed,
    .ready = output_ready,
};

bool colo_output_open(ColoOutput *out, Chardev *chr, GError **error)
{
    out->channel.vnet_hdr = out->vnet_hdr;
    return filter_channel_open(&out->channel, chr, &output_ops, out, error);
}

static bool output_is_drained(const ColoOutput *out)
{
    return !out->waiting.head && filter_channel_is_idle(&out->channel);
}

/* --- What waits when the user has gone ------------------------------------------------------ */

/** The first member is the front end's opaque. */
typedef struct ColoRemainder {
    ColoOutput out;
    ColoPool pool;
    char *who; /* owned */
} ColoRemainder;

static GPtrArray *remainders; /* borrowed: they free themselves; NULL = none yet */

static void remainder_free(ColoRemainder *rest)
{
    g_ptr_array_remove_fast(remainders, rest);
    if (remainders->len == 0) {
        g_clear_pointer(&remainders, g_ptr_array_unref);
    }
    output_lose(&rest->out, "is used by another");
    filter_channel_close(&rest->out.channel);
    colo_pool_clear(&rest->pool);
    g_free(rest->who);
    g_free(rest);
}

static void remainder_drained(void *opaque)
{
    ColoRemainder *rest = opaque;

    if (output_is_drained(&rest->out)) {
        remainder_free(rest);
    }
}

static void remainder_yield(void *opaque)
{
    remainder_free(opaque);
}

static const FilterChannelOps remainder_ops = {
    .opened = output_opened,
    .closed = output_closed,
    .ready = output_ready,
    .yield = remainder_yield,
};

/* Packets, and the one that is partly out, change hands. */
static void output_leave(ColoOutput *out)
{
    ColoRemainder *rest = g_new0(ColoRemainder, 1);

    rest->who = g_strdup(out->who);
    rest->out = *out;
    rest->out.who = rest->who;
    rest->out.pool = &rest->pool;
    rest->out.drained = remainder_drained;
    rest->out.opaque = rest;
    rest->out.channel = (FilterChannel) { 0 };
    filter_channel_move(&rest->out.channel, &out->channel, &remainder_ops, &rest->out);
    *out = (ColoOutput) { 0 };
    if (!remainders) {
        remainders = g_ptr_array_new();
    }
    g_ptr_array_add(remainders, rest);
    output_go_on(&rest->out);
}

void colo_output_close(ColoOutput *out)
{
    if (!out->channel.fe.chr) {
        return;
    }
    colo_output_flush(out);
    if (output_is_drained(out)) {
        filter_channel_close(&out->channel);
    } else {
        output_leave(out);
    }
}
