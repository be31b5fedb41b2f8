/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packets of both guests, by connection, until they are compared. */

#ifndef NET_COLO_COMPARE_QUEUE_H
#define NET_COLO_COMPARE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "net/colo/stored-packet.h"
#include "net/counters.h"
#include "net/packet/conn-track.h"
#include "net/packet/faults.h"
#include "qapi/qapi-types.h"

/**
 * How many times the timeout a connection is kept that both guests have closed: by default for a
 * minute, as their last segments may still be repeated, each in its own way.
 */
#define COLO_QUEUES_LINGER 20

/** How long a connection is kept on which nothing happens and nothing waits. */
#define COLO_QUEUES_IDLE_NS INT64_C(300000000000)

/** Hooks of the user of the queues; constant. */
typedef struct ColoQueuesOps {
    /** A primary packet may go out. @packet: taken; of the queues' pool. */
    void (*release)(ColoPacket *packet, void *opaque);
    /** A checkpoint is needed. */
    void (*request)(ColoCheckpointReason reason, void *opaque);
} ColoQueuesOps;

/** What became of one side's packets: in = done + queued + dropped. */
typedef struct ColoSideStats {
    NetCount in;
    NetCount done;    /* primary: given to release(); secondary: compared */
    NetCount queued;
    NetCount dropped[COLO_DROP_REASON__MAX];
    uint64_t cost;    /* memory that queued packets take */
} ColoSideStats;

/** Embedded; members are for reading only. */
typedef struct ColoQueues {
    const ColoQueuesOps *ops;
    void *opaque;
    const char *who;           /* borrowed; for messages, e.g. "colo-compare 'cmp0'" */
    const uint32_t *max_queue; /* borrowed; packets on one list, see colo_queues_add() */
    uint64_t max_cost;         /* memory that secondary packets may take */
    NetConnTable *conns;       /* owned; of ColoConn */
    ColoPool pool;
    ColoSideStats side[COLO_SIDE__MAX];
    NetPacketFaults faults;
    uint64_t n_untracked;      /* primary packets that went out without comparison */
    uint64_t n_matches;        /* ... with */
    uint64_t n_mismatches;     /* comparisons that asked for a checkpoint */
    uint64_t n_timeouts;       /* searches that found a packet too old */
    uint64_t n_checkpoints;
    bool alone;                /* there is no secondary: nothing is compared */
} ColoQueues;

/** colo_queues_init: @max_queue is looked at for each packet; @max_cost: in bytes. */
void colo_queues_init(ColoQueues *queues, const ColoQueuesOps *ops, void *opaque,
                      const char *who, const uint32_t *max_queue, uint64_t max_cost);

/** colo_queues_empty: primary packets are released, secondary ones dropped. */
void colo_queues_empty(ColoQueues *queues);

/** colo_queues_clear: empty it, then free all; legal when zeroed. */
void colo_queues_clear(ColoQueues *queues);

/**
 * colo_queues_add: a packet has come; compare as far as that is possible now
 *
 * A list takes a packet while it holds at most *@max_queue, so one more in the end. A packet that
 * cannot be tracked goes out at once (primary) or is dropped (secondary). A primary packet is
 * always taken otherwise: the user stops reading when side[].cost is too high.
 */
void colo_queues_add(ColoQueues *queues, ColoSide side, const NetFrame *frame, int64_t now_ns);

/**
 * colo_queues_scan: look for packets that have waited too long, and forget idle connections
 *
 * One request at most. Connections that are over are forgotten after COLO_QUEUES_LINGER times
 * @timeout_ms.
 */
void colo_queues_scan(ColoQueues *queues, uint32_t timeout_ms, int64_t now_ns);

/** colo_queues_checkpoint: both guests are the same now: release, drop, start anew. */
void colo_queues_checkpoint(ColoQueues *queues);

/** colo_queues_go_alone: the secondary is lost: all goes out until the next checkpoint. */
void colo_queues_go_alone(ColoQueues *queues);

#endif
