/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chardev that colo-compare sends released packets to. */

/*
 * While the peer is slow packets wait in order, and the user of this module stops reading when
 * they take too much memory. Without a peer they are lost and counted: the guest's peers will
 * ask again. A packet of which a part is out when the connection breaks is lost with it.
 *
 * What waits when the user goes becomes a remainder: it lives until the peer has taken it, has
 * gone, or somebody else wants the chardev.
 */

#include "net/colo-output.h"

#include "util/log.h"

static ssize_t output_writev(const struct iovec *iov, int n_iov, void *opaque)
{
    ColoOutput *out = opaque;

    return char_frontend_writev(&out->fe, iov, n_iov);
}

static void output_drop_head(ColoOutput *out)
{
    ColoPacket *packet = out->waiting.head;

    colo_list_remove(&out->waiting, packet);
    out->cost -= colo_packet_cost(packet);
    colo_pool_give(out->pool, packet);
}

/* All that waits is lost. @why: for the message. */
static void output_lose(ColoOutput *out, const char *why)
{
    NetFrame kept;

    if (net_frame_writer_take(&out->writer, &kept)) {
        out->sent.frames--;
        out->sent.bytes -= kept.len;
        net_count_add(&out->lost, 1, kept.len);
    }
    net_count_add(&out->lost, out->waiting.n, out->waiting.bytes);
    if (out->waiting.n > 0 && !out->told) {
        out->told = true;
        log_limited_warning(out->who, why, "outdev '%s' is %s: released packets are lost",
                            char_id(out->fe.chr), why);
    }
    while (out->waiting.head) {
        output_drop_head(out);
    }
}

/* Returns: packets from the front of what waits, as many as one write takes. */
static size_t output_gather(const ColoOutput *out, NetFrame *frames)
{
    size_t n = 0;

    for (const ColoPacket *p = out->waiting.head; p && n < NET_BATCH_MAX; p = p->next) {
        frames[n++] = colo_packet_frame(p);
    }
    return n;
}

/* Returns: whether the peer may take more at once. */
static bool output_write(ColoOutput *out)
{
    NetFrame frames[NET_BATCH_MAX];
    size_t n = output_gather(out, frames);
    size_t taken;
    int error;

    out->writer.vnet_hdr = out->vnet_hdr;
    taken = net_frame_writer_write(&out->writer, frames, n, &error);
    net_count_add(&out->sent, taken, net_frames_bytes(frames, taken));
    for (size_t i = 0; i < taken; i++) {
        output_drop_head(out);
    }
    if (error != 0) {
        out->broken = true;
    }
    return taken == n && net_frame_writer_is_idle(&out->writer);
}

static bool output_finish_kept(ColoOutput *out)
{
    int state = net_frame_writer_flush(&out->writer);

    out->broken |= state < 0;
    return state > 0;
}

bool colo_output_is_connected(const ColoOutput *out)
{
    return !out->broken && char_frontend_is_open(&out->fe);
}

NetCount colo_output_held(const ColoOutput *out)
{
    return (NetCount) { out->waiting.n, out->waiting.bytes };
}

void colo_output_flush(ColoOutput *out)
{
    if (colo_output_is_connected(out) && output_finish_kept(out)) {
        while (out->waiting.head && output_write(out)) {
        }
    }
    if (!colo_output_is_connected(out)) {
        output_lose(out, "not connected");
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

static void output_write_ready(void *opaque)
{
    output_go_on(opaque);
}

static void output_event(CharEvent event, void *opaque)
{
    ColoOutput *out = opaque;

    switch (event) {
    case CHAR_EVENT_OPENED:
        out->broken = false;
        out->told = false;
        break;
    case CHAR_EVENT_CLOSED:
        out->broken = false;
        output_go_on(out);
        break;
    case CHAR_EVENT_BREAK:
    case CHAR_EVENT_MUX_IN:
    case CHAR_EVENT_MUX_OUT:
        break;
    }
}

/* Nothing is ever read from an outdev. */
static const CharFrontendOps output_ops = {
    .write_ready = output_write_ready,
    .event = output_event,
};

bool colo_output_open(ColoOutput *out, Chardev *chr, GError **error)
{
    net_frame_writer_init(&out->writer, out->vnet_hdr, output_writev, out);
    return char_frontend_attach(&out->fe, chr, &output_ops, out, error);
}

/* A later user of the chardev must not go on behind a torn frame. */
static void output_detach(ColoOutput *out)
{
    if (!net_frame_writer_is_idle(&out->writer)) {
        char_frontend_disconnect(&out->fe);
    }
    output_lose(out, "used by another");
    char_frontend_detach(&out->fe);
    net_frame_writer_clear(&out->writer);
}

static bool output_is_drained(const ColoOutput *out)
{
    return !out->waiting.head && net_frame_writer_is_idle(&out->writer);
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
    output_detach(&rest->out);
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

static const CharFrontendOps remainder_ops = {
    .write_ready = output_write_ready,
    .event = output_event,
    .yield = remainder_yield,
};

/* Packets, and the one that is partly out, change hands. */
static void output_leave(ColoOutput *out)
{
    ColoRemainder *rest = g_new0(ColoRemainder, 1);
    Chardev *chr = out->fe.chr;

    char_frontend_detach(&out->fe);
    rest->who = g_strdup(out->who);
    rest->out = *out;
    rest->out.who = rest->who;
    rest->out.pool = &rest->pool;
    rest->out.drained = remainder_drained;
    rest->out.opaque = rest;
    rest->out.writer.opaque = &rest->out;
    *out = (ColoOutput) { 0 };
    if (!remainders) {
        remainders = g_ptr_array_new();
    }
    g_ptr_array_add(remainders, rest);
    if (!char_frontend_attach(&rest->out.fe, chr, &remainder_ops, &rest->out, NULL)) {
        g_assert_not_reached();
    }
    output_go_on(&rest->out);
}

void colo_output_close(ColoOutput *out)
{
    if (!out->fe.chr) {
        return;
    }
    colo_output_flush(out);
    if (output_is_drained(out)) {
        output_detach(out);
    } else {
        output_leave(out);
    }
}
