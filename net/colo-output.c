/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chardev that colo-compare sends released packets to. */

/*
 * While the peer is slow packets wait in order, and the user of this module stops reading when
 * they take too much memory. Without a peer they are lost and counted: the guest's peers will
 * ask again. A packet of which a part is out when the connection breaks is lost with it.
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

/* All that waits is lost. */
static void output_lose(ColoOutput *out)
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
        log_warning("%s: outdev '%s' is not connected: released packets are lost", out->who,
                    char_id(out->fe.chr));
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
        output_lose(out);
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
void colo_output_close(ColoOutput *out)
{
    if (!out->fe.chr) {
        return;
    }
    colo_output_flush(out);
    if (!net_frame_writer_is_idle(&out->writer)) {
        char_frontend_disconnect(&out->fe);
    }
    output_lose(out);
    char_frontend_detach(&out->fe);
    net_frame_writer_clear(&out->writer);
}
