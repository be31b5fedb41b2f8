/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The channel between the two ends of a hand-over: frames one way, messages both ways. */

#ifndef NET_FILTER_HANDOVER_LINK_H
#define NET_FILTER_HANDOVER_LINK_H

#include "chardev/char.h"
#include "net/filter.h"
#include "net/frame-writer.h"
#include "net/framer.h"

/** What the ends tell each other (docs/protocol.rst, "Hand-over"), in the order of sending. */
typedef enum HandoverMessageType {
    HANDOVER_OFFER,     /* source: frames from number @count on follow */
    HANDOVER_CANCEL,    /* source: the VM goes on here; forget the frames */
    HANDOVER_DONE,      /* source: no more frames are to be expected */
    HANDOVER_RELEASED,  /* destination: the VM runs; it has the first @count frames */
    HANDOVER_CANCELLED, /* destination: the frames are forgotten */
    HANDOVER_AGAIN,     /* destination: offer them again, there was no room for all */
    HANDOVER_MESSAGE__MAX,
} HandoverMessageType;

typedef struct HandoverMessage {
    HandoverMessageType type;
    uint32_t number; /* of the hand-over */
    uint64_t count;
} HandoverMessage;

typedef struct HandoverLink HandoverLink;

/** What an end does; constant. */
typedef struct HandoverLinkOps {
    void (*opened)(void *opaque);
    /** Returns: false when the message makes no sense here; the link is then closed. */
    bool (*message)(const HandoverMessage *message, void *opaque);
    /** NULL = no frames are expected. Returns: as @message. */
    bool (*frames)(const NetFrame *frames, size_t n, void *opaque);
    /** Whether frames can be taken now; NULL = always. */
    bool (*has_room)(void *opaque);
    /** Writing may go on. */
    void (*ready)(void *opaque);
} HandoverLinkOps;

/** Embedded in an end; zeroed = not there. */
struct HandoverLink {
    NetFilter *filter; /* back pointer; NULL = not there */
    const HandoverLinkOps *ops;
    void *opaque;
    CharFrontend fe;
    NetFramer framer;
    NetFrameWriter writer;
    HandoverMessage pending[HANDOVER_MESSAGE__MAX]; /* to be sent before any frame */
    bool is_pending[HANDOVER_MESSAGE__MAX];
    uint64_t n_malformed; /* connections that were closed because of nonsense in them */
    bool dead;   /* the other end sent nonsense: not read until there is another one */
    bool broken; /* a write failed; the event that says so is still to come */
};

/** handover_link_open: become the user of chardev @id. */
bool handover_link_open(HandoverLink *link, NetFilter *nf, const char *id,
                        const HandoverLinkOps *ops, void *opaque, GError **error);
void handover_link_close(HandoverLink *link);

bool handover_link_is_connected(const HandoverLink *link);

/** handover_link_tell: send a message, before frames; one of a type replaces an unsent one. */
void handover_link_tell(HandoverLink *link, HandoverMessageType type, uint32_t number,
                        uint64_t count);

/** handover_link_write: send frames from the front. Returns: how many were taken. */
size_t handover_link_write(HandoverLink *link, const NetFrame *frames, size_t n);

/** handover_link_go_on: there is room for frames again. */
void handover_link_go_on(HandoverLink *link);

#endif
