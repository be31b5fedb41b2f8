/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The channel between the two ends of a handover: frames one way, messages both ways. */

/*
 * The stream is that of the chardev framing with vnet header length. A message is what no frame
 * can be: all of it is header. So frames from the network cannot be taken for messages, and one
 * framer and one writer serve both. Nothing but the greetings, and the proofs of the key, is
 * looked at before both ends know each other.
 */

#include "net/filter/handover-link.h"

#include <string.h>

#include "net/filter/outdev.h"
#include "util/error.h"
#include "util/log.h"
#include "util/trace.h"

TRACE_POINT(filter_handover_sent);
TRACE_POINT(filter_handover_got);

#define HANDOVER_MAGIC 0x514e4832u /* "QNH2" */

/* Who connects to a destination and says nothing keeps the source out: not for longer than this. */
#define GREETING_LIMIT_NS INT64_C(10000000000)

/* While the other end does not read the answers, its questions are not read. */
#define MAX_PENDING 16u

/** A message as it is sent. */
typedef struct HandoverWire {
    uint32_t magic_be;
    uint32_t type_be; /* from 1 on */
    uint32_t round_be;
    uint32_t count_be[2];
} HandoverWire;

G_STATIC_ASSERT(sizeof(HandoverWire) == 20);

static const char *const message_names[] = {
    [HANDOVER_OFFER] = "offer",         [HANDOVER_RESUME] = "resume",
    [HANDOVER_CANCEL] = "cancel",       [HANDOVER_REVOKE] = "revoke",
    [HANDOVER_DONE] = "done",           [HANDOVER_RELEASED] = "released",
    [HANDOVER_CANCELLED] = "cancelled", [HANDOVER_REFUSED] = "refused",
    [HANDOVER_AGAIN] = "again",         [HANDOVER_UNKNOWN] = "unknown",
    [HANDOVER_SPLIT] = "split",
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

/* Returns: whether it is on its way. */
static bool link_send(HandoverLink *link, const void *data, uint32_t len)
{
    NetFrame frame = { data, len, len };
    int error;
    size_t n = net_frame_writer_write(&link->writer, &frame, 1, &error);

    link->broken |= error != 0;
    return n == 1;
}

static bool link_send_message(HandoverLink *link, const HandoverMessage *message)
{
    HandoverWire wire = {
        .magic_be = GUINT32_TO_BE(HANDOVER_MAGIC),
        .type_be = GUINT32_TO_BE(message->type + 1),
        .round_be = GUINT32_TO_BE(message->round),
        .count_be = { GUINT32_TO_BE(message->count >> 32),
                      GUINT32_TO_BE(message->count & 0xffffffff) },
    };

    if (!link_send(link, &wire, sizeof(wire))) {
        return false;
    }
    TRACE(filter_handover_sent, "filter=%s %s round=%u count=%" PRIu64, link->filter->obj.id,
          message_names[message->type], message->round, message->count);
    return true;
}

/* Returns: whether the writer is idle. */
static bool link_flush_writer(HandoverLink *link)
{
    int flushed = net_frame_writer_flush(&link->writer);

    link->broken |= flushed < 0;
    return flushed > 0;
}

/* Returns: whether frames can be sent now. */
static bool link_flush(HandoverLink *link)
{
    guint n_sent = 0;

    if (!handover_link_is_connected(link)) {
        return false;
    }
    while (link_flush_writer(link) && n_sent < link->pending->len &&
           link_send_message(link, &g_array_index(link->pending, HandoverMessage, n_sent))) {
        n_sent++;
    }
    g_array_remove_range(link->pending, 0, n_sent);
    if (n_sent > 0 && link->pending->len < MAX_PENDING) {
        char_frontend_accept_input(&link->fe);
    }
    return link->pending->len == 0 && net_frame_writer_is_idle(&link->writer);
}

/* Of two that differ only in the count the later one says it all. */
void handover_link_notify(HandoverLink *link, const HandoverMessage *message)
{
    GArray *pending = link->pending;
    HandoverMessage *last = pending->len > 0
                            ? &g_array_index(pending, HandoverMessage, pending->len - 1) : NULL;

    if (link->state != LINK_UP) {
        return;
    }
    if (last && last->type == message->type && last->round == message->round) {
        last->count = message->count;
    } else {
        g_array_append_vals(pending, message, 1);
    }
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

/* --- Getting to know each other ---------------------------------------------------------- */

static void link_set_up(HandoverLink *link)
{
    timer_stop(link->timer);
    link->state = LINK_UP;
    link->ops->opened(handover_hello_identity(&link->theirs), link->opaque);
}

/* The socket of a new connection has room for so little. */
static void link_greet(HandoverLink *link)
{
    handover_hello_init(&link->ours, link->is_source, link->key != NULL, link->identity);
    link->state = LINK_GREETING;
    if (!link->is_source) {
        timer_start_at(link->timer, clock_now_ns(CLOCK_TYPE_REALTIME) + GREETING_LIMIT_NS);
    }
    link->broken |= !link_send(link, &link->ours, sizeof(link->ours));
}

static bool link_greeted(HandoverLink *link, const NetFrame *frame, GError **error)
{
    HandoverProof proof;

    if (!handover_hello_check(&link->ours, frame->data, frame->len, &link->theirs, error)) {
        return false;
    }
    if (!link->key) {
        link_set_up(link);
        return true;
    }
    handover_proof_init(&proof, link->key, &link->ours, &link->theirs);
    link->state = LINK_PROVING;
    link->broken |= !link_flush_writer(link) || !link_send(link, &proof, sizeof(proof));
    return true;
}

static bool link_proved(HandoverLink *link, const NetFrame *frame, GError **error)
{
    if (!handover_proof_check(link->key, &link->ours, &link->theirs, frame->data, frame->len)) {
        return error_set(error, "the other end does not have the key of 'key-secret'");
    }
    link_set_up(link);
    return true;
}

/* --- Receiving --------------------------------------------------------------------------- */

static size_t link_read_wanted(void *opaque)
{
    HandoverLink *link = opaque;
    bool wanted = link->state != LINK_DOWN && link->pending->len < MAX_PENDING &&
                  (link->state != LINK_UP || !link->ops->has_room ||
                   link->ops->has_room(link->opaque));

    return wanted ? NET_READ_SIZE : 0;
}

static bool link_take_order(HandoverLink *link, const NetFrame *frame)
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
        .round = GUINT32_FROM_BE(wire.round_be),
        .count = (uint64_t)GUINT32_FROM_BE(wire.count_be[0]) << 32 |
                 GUINT32_FROM_BE(wire.count_be[1]),
    };
    TRACE(filter_handover_got, "filter=%s %s round=%u count=%" PRIu64, link->filter->obj.id,
          message_names[type], message.round, message.count);
    return link->ops->message(&message, link->opaque);
}

static bool link_take_message(HandoverLink *link, const NetFrame *frame, GError **error)
{
    switch (link->state) {
    case LINK_GREETING:
        return link_greeted(link, frame, error);
    case LINK_PROVING:
        return link_proved(link, frame, error);
    case LINK_UP:
        return link_take_order(link, frame);
    case LINK_DOWN:
        break;
    }
    return true;
}

static bool link_take_frames(HandoverLink *link, const NetFrame *frames, size_t n)
{
    if (n == 0) {
        return true;
    }
    if (link->state != LINK_UP) {
        return link->state == LINK_DOWN;
    }
    net_count_add(&link->filter->from_indev, n, net_frames_bytes(frames, n));
    return link->ops->frames && link->ops->frames(frames, n, link->opaque);
}

static bool link_take_batch(HandoverLink *link, const NetBatch *batch, GError **error)
{
    size_t begin = 0;

    for (size_t i = 0; i < batch->n; i++) {
        if (!link_is_message(&batch->frames[i])) {
            continue;
        }
        if (!link_take_frames(link, batch->frames + begin, i - begin) ||
            !link_take_message(link, &batch->frames[i], error)) {
            return false;
        }
        begin = i + 1;
    }
    return link_take_frames(link, batch->frames + begin, batch->n - begin);
}

/* What was not wholly sent is the end's to send again. */
static void link_down(HandoverLink *link)
{
    bool was_up = link->state == LINK_UP;

    link->state = LINK_DOWN;
    link->broken = false;
    timer_stop(link->timer);
    g_array_set_size(link->pending, 0);
    net_framer_reset(&link->framer);
    net_frame_writer_clear(&link->writer);
    if (was_up) {
        link->ops->closed(link->opaque);
    }
}

static void link_refuse(HandoverLink *link, const char *why)
{
    g_autofree char *source = g_strdup_printf("filter '%s': chardev '%s'", link->filter->obj.id,
                                              char_id(link->fe.chr));

    log_limited_error(source, why, "%s", why);
    link->n_malformed++;
    link_down(link);
    char_frontend_disconnect(&link->fe);
}

static void link_read(const uint8_t *data, size_t len, void *opaque)
{
    HandoverLink *link = opaque;

    while (len > 0) {
        g_autoptr(GError) error = NULL;
        NetBatch batch;
        ssize_t used = net_framer_push(&link->framer, data, len, &batch, &error);

        if (!link_take_batch(link, &batch, error ? NULL : &error) || used < 0) {
            link_refuse(link, error ? error->message
                              : "the other end does not keep to the hand-over protocol");
            return;
        }
        data += used;
        len -= used;
    }
}

/* --- The connection ---------------------------------------------------------------------- */

static void link_event(CharEvent event, void *opaque)
{
    HandoverLink *link = opaque;

    switch (event) {
    case CHAR_EVENT_OPENED:
        link_down(link);
        link_greet(link);
        break;
    case CHAR_EVENT_CLOSED:
        link_down(link);
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

    if (link->state != LINK_UP) {
        link_flush_writer(link);
    } else if (link_flush(link)) {
        link->ops->ready(link->opaque);
    }
}

static const CharFrontendOps link_char_ops = {
    .read_wanted = link_read_wanted,
    .read = link_read,
    .write_ready = link_write_ready,
    .event = link_event,
};

static void link_timer(void *opaque)
{
    link_refuse(opaque, "the other end does not say that it is one of a hand-over");
}

static void link_clear(HandoverLink *link)
{
    g_clear_pointer(&link->timer, timer_free);
    g_clear_pointer(&link->pending, g_array_unref);
    g_clear_pointer(&link->key, g_bytes_unref);
    net_framer_clear(&link->framer);
    net_frame_writer_clear(&link->writer);
    link->filter = NULL;
}

bool handover_link_open(HandoverLink *link, NetFilter *nf, const char *id,
                        const HandoverLinkOps *ops, void *opaque, GBytes *key, GError **error)
{
    Chardev *chr = filter_chardev_find("chardev", id, error);

    if (!chr) {
        return false;
    }
    link->filter = nf;
    link->ops = ops;
    link->opaque = opaque;
    link->key = key ? g_bytes_ref(key) : NULL;
    link->timer = timer_new(CLOCK_TYPE_REALTIME, link_timer, link);
    link->pending = g_array_new(FALSE, FALSE, sizeof(HandoverMessage));
    net_framer_init(&link->framer, true);
    net_frame_writer_init(&link->writer, true, link_writev, link);
    if (!char_frontend_attach(&link->fe, chr, &link_char_ops, link, error)) {
        link_clear(link);
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
    if (link->state != LINK_DOWN) {
        char_frontend_disconnect(&link->fe);
    }
    char_frontend_detach(&link->fe);
    link->state = LINK_DOWN;
    link_clear(link);
}

bool handover_link_is_connected(const HandoverLink *link)
{
    return link->filter && link->state == LINK_UP && !link->broken;
}

void handover_link_go_on(HandoverLink *link)
{
    if (link->filter) {
        char_frontend_accept_input(&link->fe);
    }
}
