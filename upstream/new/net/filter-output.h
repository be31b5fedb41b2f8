/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The outdev of a filter, written without ever blocking the main loop. */

#ifndef NET_FILTER_OUTPUT_H
#define NET_FILTER_OUTPUT_H

#include "chardev/char-fe.h"
#include "net/filter.h"

typedef struct FilterOutputFrame FilterOutputFrame;

/*
 * Frames that a filter took, or copied, and that outdev did not take yet.
 * Until enable_when_stopped is on nothing is registered anywhere.
 */
typedef struct FilterOutput {
    NetFilterState *nf;       /* NULL: not set up */
    CharFrontend *chr;        /* NULL: no outdev */
    QEMUBH *bh;               /* NULL: not in use */
    QEMUTimer *retry;         /* for a chardev that cannot be watched */
    guint watch;              /* 0: not waiting for room */
    bool enabled;             /* the property */
    bool consumes;            /* it takes frames, not copies of them */
    bool vnet_hdr;
    bool blocks;              /* too much waits: the netdev must not be read */
    size_t offset;            /* how much of the first frame is written */
    size_t bytes;             /* of all frames */
    QTAILQ_HEAD(, FilterOutputFrame) frames;
    uint64_t n_sent;
    uint64_t n_returned;      /* given back to the peer of the netdev */
    uint64_t n_dropped;
} FilterOutput;

void filter_output_init(FilterOutput *o);

/* At the end of the setup of @nf.  Fails if the property cannot work. */
void filter_output_setup(FilterOutput *o, NetFilterState *nf, CharFrontend *chr,
                         bool vnet_hdr, bool consumes, Error **errp);

/* Give back what was not written.  Harmless without a setup. */
void filter_output_cleanup(FilterOutput *o);

/* The property, before the setup or after it */
void filter_output_set_enabled(FilterOutput *o, bool enabled, Error **errp);

/* Whether the property, if on, can work with @direction */
bool filter_output_check(FilterOutput *o, int direction, Error **errp);

bool filter_output_asks(FilterOutput *o);

/*
 * With the property on, take a frame or pass it on; @size: what the filter has
 * to return.  Returns: false if the frame has to go the filter's ordinary way.
 */
bool filter_output_receive(FilterOutput *o, NetClientState *sender,
                           unsigned flags, const struct iovec *iov, int iovcnt,
                           ssize_t *size);

/* Take a frame of the netdev that waited for its peer */
void filter_output_take(FilterOutput *o, unsigned flags,
                        const uint8_t *data, size_t size);

#endif /* NET_FILTER_OUTPUT_H */
