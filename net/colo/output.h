/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chardev that colo-compare sends released packets to; for colo-compare only. */

#ifndef NET_COLO_OUTPUT_H
#define NET_COLO_OUTPUT_H

#include "chardev/char.h"
#include "net/colo/stored-packet.h"
#include "net/counters.h"
#include "net/filter/channel.h"

/** Embedded; zeroed = not there. */
typedef struct ColoOutput {
    FilterChannel channel;
    const char *who;      /* borrowed; for messages */
    ColoPool *pool;       /* borrowed */
    void (*drained)(void *opaque); /* packets that waited have left, or are lost */
    void *opaque;
    ColoList waiting;     /* in the order in which they were released */
    uint64_t cost;        /* memory that they take */
    NetCount sent;
    NetCount lost;        /* there was no connection */
    bool vnet_hdr;        /* the form to use from the next frame boundary on */
    bool told;            /* the log knows that packets are lost since the last that was sent */
} ColoOutput;

/** colo_output_open: become the user of @chr. Returns: false with @error set. */
bool colo_output_open(ColoOutput *out, Chardev *chr, GError **error);

/** colo_output_close: waiting packets leave as the peer takes them; legal when not there. */
void colo_output_close(ColoOutput *out);

/** colo_output_push: @packet is next; taken, of @out's pool. It leaves with a flush. */
void colo_output_push(ColoOutput *out, ColoPacket *packet);

/** colo_output_flush: send what the peer takes now; all is lost when it cannot be written. */
void colo_output_flush(ColoOutput *out);

bool colo_output_is_connected(const ColoOutput *out);

/** colo_output_held: packets that wait for the peer; one of which a part is out counts as sent. */
NetCount colo_output_held(const ColoOutput *out);

#endif
