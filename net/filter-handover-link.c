/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The channel between the two ends of a hand-over: frames one way, messages both ways. */

/*
 * The stream is that of the chardev framing with vnet header length. A message is what no frame
 * can be: all of it is header. So frames from the network cannot be taken for messages, and one
 * framer and one writer serve both.
 */

#include "net/filter-handover-link.h"

#include <string.h>

#include "chardev/char.h"
#include "util/error.h"
#include "util/log.h"
#include "util/trace.h"

TRACE_POINT(filter_handover_sent);
TRACE_POINT(filter_handover_got);

#define HANDOVER_MAGIC 0x514e4831u /* "QNH1" */

/** A message as it is sent. */
typedef struct HandoverWire {
    uint32_t magic_be;
    uint32_t type_be; /* from 1 on */
    uint32_t number_be;
    uint32_t count_be[2];
} HandoverWire;

G_STATIC_ASSERT(sizeof(HandoverWire) == 20);

static const char *const message_names[] = {
    [HANDOVER_OFFER] = "offer",         [HANDOVER_CANCEL] = "cancel",
    [HANDOVER_DONE] = "done",           [HANDOVER_RELEASED] = "released",
    [HANDOVER_CANCELLED] = "cancelled", [HANDOVER_AGAIN] = "again",
};

G_STATIC_ASSERT(G_N_ELEMENTS(message_names) == HANDOVER_MESSAGE__MAX);

/* --- Sending ----------------------------------------------------------------------------- */

static ssize_t link_writev(const struct iovec *iov, int n_iov, void *opaque)
{
    HandoverLink *link = opaque;

    return char_frontend_writev(&link->fe, iov, n_iov);
}

static bool link_is_message(const NetFrame *frame)
{
    return frame->vnet_hdr_len == frame->len;
}

static bool link_send_message(HandoverLink *link, const HandoverMessage *message)
{
    HandoverWire wire = {
        .magic_be = GUINT32_TO_BE(HANDOVER_MAGIC),
        .type_be = GUINT32_TO_BE(message->type + 1),
        .number_be = GUINT32_TO_BE(message->number),
        .count_be = { GUINT32_TO_BE(message->count >> 32),
                      GUINT32_TO_BE(message->count & 0xffffffff) },
    };
    NetFrame frame = { (const uint8_t *)&wire, sizeof(wire), sizeof(wire) };
    int error;

    if (net_frame_writer_write(&link->writer, &frame, 1, &error) == 0) {
        link->broken |= error != 0;
        return false;
    }
    TRACE(filter_handover_sent, "filter=%s %s number=%u count=%" PRIu64, link->filter->obj.id,
          message_names[message->type], message->number, message->count);
    return true;
}

/* Returns: whether frames can be sent now. */
static bool link_flush(HandoverLink *link)
{
    if (!handover_link_is_connected(link)) {
        return false;
    }
    for (int type = 0; type < HANDOVER_MESSAGE__MAX; type++) {
        int flushed = net_frame_writer_flush(&link->writer);

        if (flushed <= 0) {
            link->broken |= flushed < 0;
            return false;
        }
        if (link->is_pending[type]) {
            if (!link_send_message(link, &link->pending[type])) {
                return false;
            }
            link->is_pending[type] = false;
        }
    }
    return net_frame_writer_is_idle(&link->writer);
}

void handover_link_tell(HandoverLink *link, HandoverMessageType type, uint32_t number,
                        uint64_t count)
{
    link->pending[type] = (HandoverMessage) { type, number, count };
    link->is_pending[type] = true;
    link_flush(link);
}

size_t handover_link_write(HandoverLink *link, const NetFrame *frames, size_t n)
{
    size_t taken;
    int error;

    if (!link_flush(link)) {
        return 0;
    }
    taken = net_frame_writer_write(&link->writer, frames, n, &error);
    link->broken |= error != 0;
    net_count_add(&link->filter->to_outdev, taken, net_frames_bytes(frames, taken));
    return taken;
}

/* --- Receiving --------------------------------------------------------------------------- */

static size_t link_read_wanted(void *opaque)
{
    HandoverLink *link = opaque;
    bool wanted = !link->dead && (!link->ops->has_room || link->ops->has_room(link->opaque));

    return wanted ? NET_READ_SIZE : 0;
}

static bool link_take_message(HandoverLink *link, const NetFrame *frame)
{
    HandoverMessage message;
    HandoverWire wire;
    uint32_t type;

    if (frame->len != sizeof(wire)) {
        return false;
    }
    memcpy(&wire, frame->data, sizeof(wire));
    type = GUINT32_FROM_BE(wire.type_be) - 1;
    if (wire.magic_be != GUINT32_TO_BE(HANDOVER_MAGIC) || type >= HANDOVER_MESSAGE__MAX) {
        return false;
    }
    message = (HandoverMessage) {
        .type = type,
        .number = GUINT32_FROM_BE(wire.number_be),
        .count = (uint64_t)GUINT32_FROM_BE(wire.count_be[0]) << 32 |
                 GUINT32_FROM_BE(wire.count_be[1]),
    };
    TRACE(filter_handover_got, "filter=%s %s number=%u count=%" PRIu64, link->filter->obj.id,
          message_names[type], message.number, message.count);
    return link->ops->message(&message, link->opaque);
}

static bool link_take_frames(HandoverLink *link, const NetFrame *frames, size_t n)
{
    if (n == 0) {
        return true;
    }
    net_count_add(&link->filter->from_indev, n, net_frames_bytes(frames, n));
    return link->ops->frames && link->ops->frames(frames, n, link->opaque);
}

static bool link_take_batch(HandoverLink *link, const NetBatch *batch)
{
    size_t begin = 0;

    for (size_t i = 0; i < batch->n; i++) {
        if (!link_is_message(&batch->frames[i])) {
            continue;
        }
        if (!link_take_frames(link, batch->frames + begin, i - begin) ||
            !link_take_message(link, &batch->frames[i])) {
            return false;
        }
        begin = i + 1;
    }
    return link_take_frames(link, batch->frames + begin, batch->n - begin);
}

static void link_refuse(HandoverLink *link, const GError *error)
{
    const char *text = error ? error->message
                             : "the other side does not speak the hand-over protocol";
    g_autofree char *source = g_strdup_printf("filter '%s': chardev '%s'", link->filter->obj.id,
                                              char_id(link->fe.chr));

    log_limited_error(source, text, "%s", text);
    link->n_malformed++;
    link->dead = true;
    net_framer_reset(&link->framer);
    char_frontend_disconnect(&link->fe);
}

static void link_read(const uint8_t *data, size_t len, void *opaque)
{
    HandoverLink *link = opaque;

    while (len > 0) {
        g_autoptr(GError) error = NULL;
        NetBatch batch;
        ssize_t used = net_framer_push(&link->framer, data, len, &batch, &error);

        if (!link_take_batch(link, &batch) || used < 0) {
            link_refuse(link, error);
            return;
        }
        data += used;
        len -= used;
    }
}

/* --- The connection ---------------------------------------------------------------------- */

/* What was not wholly sent is the end's to send again. */
static void link_forget(HandoverLink *link)
{
    link->dead = false;
    link->broken = false;
    memset(link->is_pending, 0, sizeof(link->is_pending));
    net_framer_reset(&link->framer);
    net_frame_writer_clear(&link->writer);
}

static void link_event(CharEvent event, void *opaque)
{
    HandoverLink *link = opaque;

    switch (event) {
    case CHAR_EVENT_OPENED:
        link_forget(link);
        if (link->filter->netdev) {
            link->ops->opened(link->opaque);
        }
        break;
    case CHAR_EVENT_CLOSED:
        link_forget(link);
        break;
    case CHAR_EVENT_BREAK:
    case CHAR_EVENT_MUX_IN:
    case CHAR_EVENT_MUX_OUT:
        break;
    }
}

static void link_write_ready(void *opaque)
{
    HandoverLink *link = opaque;

    if (link_flush(link)) {
        link->ops->ready(link->opaque);
    }
}

static const CharFrontendOps link_char_ops = {
    .read_wanted = link_read_wanted,
    .read = link_read,
    .write_ready = link_write_ready,
    .event = link_event,
};

bool handover_link_open(HandoverLink *link, NetFilter *nf, const char *id,
                        const HandoverLinkOps *ops, void *opaque, GError **error)
{
    Chardev *chr = char_find(id);

    if (!chr) {
        return error_set_class(error, ERROR_CLASS_DEVICE_NOT_FOUND, "chardev '%s' not found", id);
    }
    link->filter = nf;
    link->ops = ops;
    link->opaque = opaque;
    net_framer_init(&link->framer, true);
    net_frame_writer_init(&link->writer, true, link_writev, link);
    if (!char_frontend_attach(&link->fe, chr, &link_char_ops, link, error)) {
        link->filter = NULL;
        return false;
    }
    return true;
}

/* A connection that got a part of a frame or message is of no use to a later user. */
void handover_link_close(HandoverLink *link)
{
    if (!link->filter) {
        return;
    }
    if (!net_frame_writer_is_idle(&link->writer)) {
        char_frontend_disconnect(&link->fe);
    }
    char_frontend_detach(&link->fe);
    net_framer_clear(&link->framer);
    net_frame_writer_clear(&link->writer);
    link->filter = NULL;
}

bool handover_link_is_connected(const HandoverLink *link)
{
    return link->filter && !link->dead && !link->broken && char_frontend_is_open(&link->fe);
}

void handover_link_go_on(HandoverLink *link)
{
    if (link->filter) {
        char_frontend_accept_input(&link->fe);
    }
}
