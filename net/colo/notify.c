/* SPDX-License-Identifier: GPL-2.0-or-later */
/* colo-compare's notify_dev: a checkpoint manager outside is asked, and says when it is done. */

#include "net/colo/notify.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "net/packet/frame.h"
#include "util/error.h"
#include "util/log.h"
#include "util/trace.h"

TRACE_POINT(colo_notify_sent);
TRACE_POINT(colo_notify_received);

static const char text_hello[] = "COLO_USERSPACE_PROXY_INIT";
static const char text_checkpoint[] = "COLO_CHECKPOINT";
static const char text_answer[] = "COLO_COMPARE_GET_XEN_INIT";
static const char text_request[] = "DO_CHECKPOINT";

static_assert(sizeof(text_hello) - 1 == COLO_NOTIFY_TEXT_MAX, "room for the longest text");

/* Bytes of requests that may wait for a manager that does not read: one of them says it all. */
#define NOTIFY_PENDING_MAX 4096u
#define NOTIFY_REQUESTS_MAX (NOTIFY_PENDING_MAX / (sizeof(text_request) - 1 + 4))

/* --- Parsing ------------------------------------------------------------------------------- */

static uint32_t notify_word(const ColoNotifyParser *parser)
{
    uint32_t word_be;

    memcpy(&word_be, parser->word, sizeof(word_be));
    return GUINT32_FROM_BE(word_be);
}

/* A word is complete: take it in. Returns: false with @error set. */
static bool notify_take_word(ColoNotifyParser *parser, GError **error)
{
    parser->n_word = 0;
    parser->n_words++;
    if (parser->n_words == 1) {
        parser->len = notify_word(parser);
        if (parser->len > NET_FRAME_MAX) {
            return error_set(error, "serious error: oversized packet received,connection "
                             "terminated.");
        }
    } else if (parser->len >= sizeof(parser->word) && notify_word(parser) > parser->len) {
        memcpy(parser->text, parser->word, sizeof(parser->word));
        parser->n_text = sizeof(parser->word);
    }
    return true;
}

static ColoNotifyMessage notify_take_message(ColoNotifyParser *parser)
{
    ColoNotifyMessage message = COLO_NOTIFY_UNKNOWN;

    if (parser->len == sizeof(text_hello) - 1 &&
        memcmp(parser->text, text_hello, parser->len) == 0) {
        message = COLO_NOTIFY_HELLO;
    } else if (parser->len == sizeof(text_checkpoint) - 1 &&
               memcmp(parser->text, text_checkpoint, parser->len) == 0) {
        message = COLO_NOTIFY_CHECKPOINT;
    }
    *parser = (ColoNotifyParser) { .vnet_hdr = parser->vnet_hdr };
    return message;
}

/* Returns: bytes taken. A text that is longer than all known ones is skipped. */
static size_t notify_take_text(ColoNotifyParser *parser, const uint8_t *data, size_t len)
{
    size_t take = MIN(len, parser->len - parser->n_text);
    size_t room = COLO_NOTIFY_TEXT_MAX - MIN(parser->n_text, COLO_NOTIFY_TEXT_MAX);

    memcpy(parser->text + COLO_NOTIFY_TEXT_MAX - room, data, MIN(take, room));
    parser->n_text += take;
    return take;
}

ssize_t colo_notify_parse(ColoNotifyParser *parser, const uint8_t *data, size_t len,
                          ColoNotifyMessage *message, GError **error)
{
    uint32_t n_words = parser->vnet_hdr ? 2 : 1;
    size_t pos = 0;

    *message = COLO_NOTIFY_NONE;
    while (parser->n_words < n_words && pos < len) {
        parser->word[parser->n_word++] = data[pos++];
        if (parser->n_word == sizeof(parser->word) && !notify_take_word(parser, error)) {
            return -1;
        }
    }
    if (parser->n_words == n_words) {
        pos += notify_take_text(parser, data + pos, len - pos);
        if (parser->n_text >= parser->len) {
            *message = notify_take_message(parser);
        }
    }
    return (ssize_t)pos;
}

/* --- The chardev --------------------------------------------------------------------------- */

/* A message has the form of a frame. Returns: whether it is out, or its rest will follow. */
static bool notify_send(ColoNotify *notify, const char *text)
{
    NetFrame frame = { .data = (const uint8_t *)text, .len = (uint32_t)strlen(text) };

    if (filter_channel_write(&notify->channel, &frame, 1) == 0) {
        return false;
    }
    TRACE(colo_notify_sent, "%s: %s", notify->who, text);
    return true;
}

static void notify_send_due(ColoNotify *notify)
{
    while (notify->n_answers_due > 0 && notify_send(notify, text_answer)) {
        notify->n_answers_due--;
    }
    while (notify->n_answers_due == 0 && notify->n_requests_due > 0 &&
           notify_send(notify, text_request)) {
        notify->n_requests_due--;
    }
}

void colo_notify_request(ColoNotify *notify)
{
    if (!notify->channel.fe.chr) {
        return;
    }
    if (notify->channel.state == FILTER_CHANNEL_CLOSED ||
        notify->n_requests_due >= NOTIFY_REQUESTS_MAX) {
        notify->n_lost++;
        return;
    }
    notify->n_requests_due++;
    notify_send_due(notify);
}

/* A manager that says hello without end, and does not read, is answered less often. */
static void notify_answer(ColoNotify *notify)
{
    notify->n_answers_due = MIN(notify->n_answers_due + 1, NOTIFY_REQUESTS_MAX);
    notify_send_due(notify);
}

static void notify_unknown(ColoNotify *notify)
{
    notify->n_unknown++;
    log_limited_warning(notify->who, "instruction", "COLO compare got unsupported instruction");
}

static void notify_handle(ColoNotify *notify, ColoNotifyMessage message)
{
    switch (message) {
    case COLO_NOTIFY_NONE:
        break;
    case COLO_NOTIFY_HELLO:
        TRACE(colo_notify_received, "%s: hello", notify->who);
        notify_answer(notify);
        break;
    case COLO_NOTIFY_CHECKPOINT:
        TRACE(colo_notify_received, "%s: checkpoint", notify->who);
        notify->checkpoint(notify->opaque);
        break;
    case COLO_NOTIFY_UNKNOWN:
        notify_unknown(notify);
        break;
    }
}

static void notify_malformed(ColoNotify *notify, const GError *error)
{
    notify->n_malformed++;
    log_limited_error(notify->who, "notify", "%s", error->message);
    log_limited_error(notify->who, "notify-error", "colo-compare notify_dev error");
    notify->dead = true;
    char_frontend_disconnect(&notify->channel.fe);
}

static bool notify_is_between_messages(const ColoNotify *notify)
{
    return notify->parser.n_words == 0 && notify->parser.n_word == 0;
}

static size_t notify_read_wanted(void *opaque)
{
    const ColoNotify *notify = opaque;

    return notify->dead ? 0 : NET_READ_SIZE;
}

static void notify_read(const uint8_t *data, size_t len, void *opaque)
{
    ColoNotify *notify = opaque;
    size_t pos = 0;

    while (pos < len) {
        g_autoptr(GError) error = NULL;
        ColoNotifyMessage message;
        ssize_t used;

        if (notify_is_between_messages(notify)) {
            notify->parser.vnet_hdr = notify->vnet_hdr;
        }
        used = colo_notify_parse(&notify->parser, data + pos, len - pos, &message, &error);
        if (used < 0) {
            notify_malformed(notify, error);
            return;
        }
        pos += (size_t)used;
        notify_handle(notify, message);
    }
}

/* What was not sent is lost; of a request that is partly out nothing is gained either. */
static void notify_closed(void *opaque)
{
    ColoNotify *notify = opaque;
    NetFrame kept;

    if (filter_channel_take_kept(&notify->channel, &kept) &&
        kept.len == sizeof(text_request) - 1) {
        notify->n_lost++;
    }
    notify->n_lost += notify->n_requests_due;
    notify->n_requests_due = 0;
    notify->n_answers_due = 0;
    notify->parser = (ColoNotifyParser) { .vnet_hdr = notify->vnet_hdr };
    notify->dead = false;
}

static void notify_ready(void *opaque)
{
    notify_send_due(opaque);
}

static const FilterChannelOps notify_ops = {
    .closed = notify_closed,
    .ready = notify_ready,
    .read_wanted = notify_read_wanted,
    .read = notify_read,
};

bool colo_notify_open(ColoNotify *notify, Chardev *chr, GError **error)
{
    return filter_channel_open(&notify->channel, chr, &notify_ops, notify, error);
}

void colo_notify_close(ColoNotify *notify)
{
    filter_channel_close(&notify->channel);
}
