/* SPDX-License-Identifier: GPL-2.0-or-later */
/* colo-compare's notify_dev: a checkpoint manager outside is asked, and says when it is done. */

#ifndef NET_COLO_NOTIFY_H
#define NET_COLO_NOTIFY_H

#include <sys/types.h>

#include "net/filter/channel.h"

/** What comes in. */
typedef enum ColoNotifyMessage {
    COLO_NOTIFY_NONE,       /* none is complete yet */
    COLO_NOTIFY_HELLO,      /* COLO_USERSPACE_PROXY_INIT */
    COLO_NOTIFY_CHECKPOINT, /* COLO_CHECKPOINT: it is done */
    COLO_NOTIFY_UNKNOWN,
} ColoNotifyMessage;

/** Longest text that is known; of longer ones no more is kept. */
#define COLO_NOTIFY_TEXT_MAX 25u

/** Cuts the stream into messages. Embedded; zeroed = at the beginning. */
typedef struct ColoNotifyParser {
    bool vnet_hdr;     /* a word for a virtio-net header's length may follow the length */
    uint8_t word[4];   /* the word that is being read */
    uint32_t n_word;   /* bytes of it */
    uint32_t n_words;  /* words that are complete; the text begins when there are enough */
    uint32_t len;      /* of the text */
    uint32_t n_text;   /* bytes of the text that have come */
    uint8_t text[COLO_NOTIFY_TEXT_MAX];
} ColoNotifyParser;

/**
 * colo_notify_parse: read up to the end of one message
 * @message: (out) the message that is complete now, or NONE
 *
 * Shape: be32 length; with @vnet_hdr perhaps be32 virtio-net header length; length bytes.
 * That word is there when it is not longer than the text; text is never a number that small.
 * Source: docs/protocol.rst, "Checkpoint requests".
 *
 * Returns: bytes consumed, at least 1 of any; -1 with @error when the length is impossible.
 */
ssize_t colo_notify_parse(ColoNotifyParser *parser, const uint8_t *data, size_t len,
                          ColoNotifyMessage *message, GError **error);

/** Embedded; zeroed = there is none. */
typedef struct ColoNotify {
    FilterChannel channel;
    ColoNotifyParser parser;
    const char *who;           /* borrowed; for messages */
    void (*checkpoint)(void *opaque);
    void *opaque;
    size_t n_requests_due;     /* still to be sent */
    size_t n_answers_due;      /* before them */
    uint64_t n_lost;           /* requests that could not be sent */
    uint64_t n_unknown;        /* messages that mean nothing */
    uint64_t n_malformed;      /* connections that brought an impossible length */
    bool vnet_hdr;             /* the form to expect from the next message on */
    bool dead;                 /* the stream is malformed: not read until it is another one */
} ColoNotify;

/** colo_notify_open: become the user of @chr. Returns: false with @error set. */
bool colo_notify_open(ColoNotify *notify, Chardev *chr, GError **error);

/** colo_notify_close: legal when there is none. */
void colo_notify_close(ColoNotify *notify);

/** colo_notify_request: send DO_CHECKPOINT; nothing without a notify_dev. */
void colo_notify_request(ColoNotify *notify);

#endif
