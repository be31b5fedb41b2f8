/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two ends of a handover, for filter-handover only. */

#ifndef NET_FILTER_HANDOVER_H
#define NET_FILTER_HANDOVER_H

#include "net/filter/handover-announce.h"
#include "net/filter/handover-link.h"
#include "util/clock.h"

/** The end where the VM is; zeroed and without a link = not there. */
typedef struct HandoverSource {
    HandoverLink link;
    HandoverSourceRules rules;
    NetHandoverPhase phase;    /* as reported last */
    NetHold sent;              /* frames that are not acknowledged: those that were sent, */
    NetHold unsent;            /* and behind them those that were not */
    uint64_t first;            /* number of the oldest of them */
    uint64_t n_in_flight;      /* the first so many frames of this round were in flight */
    Timer *timer;              /* owned: until the destination answers */
    Timer *quiet_timer;        /* owned: until the netdev is quiet */
    uint64_t quiet_mark;       /* n_taken when the netdev was last looked at */
    unsigned n_quiet;          /* looks in a row that found nothing new */
    bool is_closing;
    int64_t last_taken_ns;     /* when a frame came last */
    uint64_t n_taken;
    uint64_t n_in_flight_total;
    uint64_t n_acknowledged;
    uint64_t n_returned;       /* those in flight included: their guest has them */
    uint64_t n_dropped;
    uint64_t n_unasked;        /* of those returned: without the destination's word */
    uint64_t n_split;          /* of those: the destination's VM has them, too */
} HandoverSource;

/** handover_source_open: @nf is the filter it belongs to; @key: borrowed, NULL = none. */
bool handover_source_open(HandoverSource *source, NetFilter *nf, const char *outdev, GBytes *key,
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

void handover_source_describe(const HandoverSource *source, NetHandoverInfo *info);

/** The end where the VM goes; zeroed and without a link = not there. */
typedef struct HandoverTarget {
    HandoverLink link;
    HandoverTargetRules rules;
    NetHandoverPhase phase; /* as reported last */
    NetHold kept;           /* frames that wait for the VM */
    Timer *timer;           /* owned: how long frames that arrive directly wait */
    struct RunStateListener *listener; /* owned */
    HandoverAnnounce announce;
    uint64_t n_received;
    uint64_t n_repeated;
    uint64_t n_injected;
    uint64_t n_cancelled;
    uint64_t n_refused;
    uint64_t n_split;
} HandoverTarget;

bool handover_target_open(HandoverTarget *target, NetFilter *nf, const char *indev, GBytes *key,
                          GError **error);
void handover_target_close(HandoverTarget *target);

/** handover_target_arm: management has set the property armed. */
void handover_target_arm(HandoverTarget *target, bool is_armed);

/** handover_target_changed: another property of the filter has changed. */
void handover_target_changed(HandoverTarget *target);

/** handover_target_holds: whether frames that arrive directly have to wait. */
bool handover_target_holds(const HandoverTarget *target);
void handover_target_describe(const HandoverTarget *target, NetHandoverInfo *info);

/* --- handover-end.c ---------------------------------------------------------------------- */

/** handover_notify_phase: send @event, with the filter's id, if the phase is not *@phase. */
void handover_notify_phase(NetFilter *nf, NetHandoverPhase *phase, NetHandoverEvent event);

/** handover_notify_split: frames are at both VMs; @where: the other one is. */
void handover_notify_split(NetFilter *nf, const char *where, uint32_t round, uint64_t n);

/** handover_wait_ns: the wait property, in ns. */
int64_t handover_wait_ns(const NetFilter *nf);

/** handover_inject: @frames of any number enter the chain behind the filter. */
void handover_inject(NetFilter *nf, const NetFrame *frames, size_t n);

#endif
