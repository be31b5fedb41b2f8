/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two ends of a hand-over, for filter-handover only. */

#ifndef NET_FILTER_HANDOVER_H
#define NET_FILTER_HANDOVER_H

#include "net/filter-handover-link.h"
#include "util/clock.h"

/** The end where the VM is; zeroed and without a link = not there. */
typedef struct HandoverSource {
    HandoverLink link;
    NetHandoverPhase phase;
    uint32_t number;       /* of the present or last hand-over; 0 = there was none */
    NetHold sent;          /* frames that the destination has not acknowledged: what was sent, */
    NetHold unsent;        /* and behind it what was not */
    uint64_t first;        /* number of the oldest of them in this hand-over, from 0 on */
    bool is_taken_back;    /* this hand-over is over, by no word of the destination */
    bool is_unanswered;    /* and that does not know yet, or has not said so */
    uint64_t n_doubtful;   /* the first so many frames of this hand-over are doubtful */
    Timer *timer;          /* owned: until the destination answers, or the netdev is quiet */
    uint64_t quiet_mark;   /* n_taken when the netdev was last looked at */
    unsigned n_quiet;      /* looks in a row that found nothing new */
    uint64_t n_taken;
    uint64_t n_doubtful_total;
    uint64_t n_acknowledged;
    uint64_t n_returned;   /* doubtful ones included: their guest has them */
    uint64_t n_dropped;
} HandoverSource;

/** handover_source_open: @nf is the filter it belongs to. */
bool handover_source_open(HandoverSource *source, NetFilter *nf, const char *outdev,
                          GError **error);

/**
 * handover_source_close: frames whose end is not known go back into the chain first
 *
 * At the end of the process they belong to the destination, as no VM can get them here.
 */
void handover_source_close(HandoverSource *source);

size_t handover_source_run(HandoverSource *source, const NetFrame *frames, size_t n);

/** handover_source_switched: the filter has been switched on or off. */
void handover_source_switched(HandoverSource *source);

/** handover_source_lingers: whether it has to see frames though the filter is off. */
bool handover_source_lingers(const HandoverSource *source);

/** handover_source_takes: whether frames are diverted, those held further on included. */
bool handover_source_takes(const HandoverSource *source);
void handover_source_describe(const HandoverSource *source, NetHandoverInfo *info);

/** The end where the VM goes; zeroed and without a link = not there. */
typedef struct HandoverTarget {
    HandoverLink link;
    NetHandoverPhase phase;
    uint32_t number;      /* of the present or last hand-over; 0 = there was none */
    bool is_open;         /* it was offered, and not cancelled */
    NetHold kept;         /* frames that wait for the VM */
    uint64_t n_here;      /* frames of this hand-over that have come, from number 0 on */
    uint64_t n_to_skip;   /* of those to come next: sent again, but here already */
    bool refuses;         /* there was no room; nothing is taken before another offer */
    Timer *timer;         /* owned: how long frames that arrive directly wait */
    struct RunStateListener *listener; /* owned */
    uint64_t n_received;
    uint64_t n_repeated;
    uint64_t n_injected;
    uint64_t n_cancelled;
    uint64_t n_refused;
} HandoverTarget;

bool handover_target_open(HandoverTarget *target, NetFilter *nf, const char *indev,
                          GError **error);
void handover_target_close(HandoverTarget *target);

/** handover_target_changed: a property of the filter has changed. */
void handover_target_changed(HandoverTarget *target);

/** handover_target_holds: whether frames that arrive directly have to wait. */
bool handover_target_holds(const HandoverTarget *target);
void handover_target_describe(const HandoverTarget *target, NetHandoverInfo *info);

/** handover_set_phase: move to @phase and tell it as an event. */
void handover_set_phase(NetFilter *nf, NetHandoverPhase *phase, NetHandoverPhase to);

/** handover_wait_ns: the wait property, in ns. */
int64_t handover_wait_ns(const NetFilter *nf);

/** handover_inject: @frames of any number enter the chain behind the filter. */
void handover_inject(NetFilter *nf, const NetFrame *frames, size_t n);

#endif
