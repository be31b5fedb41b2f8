/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The colo-compare object, for its own files. */

#ifndef NET_COLO_COMPARE_H
#define NET_COLO_COMPARE_H

#include "net/colo/compare-queue.h"
#include "net/colo/events.h"
#include "net/colo/notify.h"
#include "net/colo/output.h"
#include "net/filter/input.h"
#include "qom/iothread.h"
#include "qom/object.h"
#include "util/clock.h"

/** A colo-compare object. */
typedef struct ColoCompare {
    Object obj;
    char *who;                  /* owned; for messages: "colo-compare 'ID'" */
    ColoQueues queues;
    FilterInput in[COLO_SIDE__MAX];
    ColoOutput out;
    ColoNotify notify;
    IoThread *iothread;         /* borrowed; in use while this is there */
    NetColoListener *listener;  /* owned */
    Timer *scan;                /* owned */
    int64_t now_ns;             /* of the batch that is being dealt with */
    int64_t event_due_ns;       /* no event before that; 0 = with the next request */
} ColoCompare;

extern const ObjectClass colo_compare_class;

#endif
