/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The channel between the two ends of a handover: frames one way, messages both ways. */

#ifndef NET_FILTER_HANDOVER_LINK_H
#define NET_FILTER_HANDOVER_LINK_H

#include "chardev/char.h"
#include "net/filter.h"
#include "net/filter/handover-hello.h"
#include "net/filter/handover-rules.h"
#include "net/frame-writer.h"
#include "net/framer.h"
#include "util/clock.h"

typedef struct HandoverLink HandoverLink;

/** What an end does; constant. */
typedef struct HandoverLinkOps {
    /** The ends know each other. @peer: the source's identity, to a destination. */
    void (*opened)(uint64_t peer, void *opaque);
    /** That is over. */
    void (*closed)(void *opaque);
    /** Returns: false when the message makes no sense here; the link is then closed. */
    bool (*message)(const HandoverMessage *message, void *opaque);
    /** NULL = no frames are expected. Returns: as @message. */
    bool (*frames)(const NetFrame *frames, size_t n, void *opaque);
    /** Whether frames can be taken now; NULL = always. */
    bool (*has_room)(void *opaque);
    /** Writing may go on. */
    void (*ready)(void *opaque);
} HandoverLinkOps;

/** How far the ends know each other. */
typedef enum HandoverLinkState {
    LINK_DOWN,     /* no connection, or one that is of no use */
    LINK_GREETING, /* the other end's greeting is to come */
    LINK_PROVING,  /* its proof of the key is */
    LINK_UP,
} HandoverLinkState;

/** Embedded in an end; zeroed = not there. */
struct HandoverLink {
    NetFilter *filter; /* back pointer; NULL = not there */
    const HandoverLinkOps *ops;
    void *opaque;
    bool is_source;
    uint64_t identity; /* of a source */
    GBytes *key;       /* owned; NULL = none */
    CharFrontend fe;
    NetFramer framer;
    NetFrameWriter writer;
    HandoverLinkState state;
    HandoverHello ours;
    HandoverHello theirs;
    Timer *timer;         /* owned: until the ends know each other */
    GArray *pending;      /* owned HandoverMessage, to be sent in order, before any frame */
    uint64_t n_malformed; /* connections that were closed because of nonsense in them */
    bool broken;          /* a write failed; the event that says so is still to come */
};

/** handover_link_open: become the user of chardev @id. @key: borrowed; NULL = none. */
bool handover_link_open(HandoverLink *link, NetFilter *nf, const char *id,
                        const HandoverLinkOps *ops, void *opaque, GBytes *key, GError **error);
void handover_link_close(HandoverLink *link);

bool handover_link_is_connected(const HandoverLink *link);

/** handover_link_notify: send a message, before frames that are written later. */
void handover_link_notify(HandoverLink *link, const HandoverMessage *message);

/** handover_link_write: send frames from the front. Returns: how many were taken. */
size_t handover_link_write(HandoverLink *link, const NetFrame *frames, size_t n);

/** handover_link_go_on: there is room for frames again. */
void handover_link_go_on(HandoverLink *link);

#endif
