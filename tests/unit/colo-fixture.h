/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets and queues for the tests of colo-compare. */

#ifndef TESTS_UNIT_COLO_FIXTURE_H
#define TESTS_UNIT_COLO_FIXTURE_H

#include "net/colo/compare-queue.h"
#include "packets.h"

#define MS INT64_C(1000000)

/** A frame in memory of its exact size. */
typedef struct ColoFrame {
    uint8_t data[PACKET_MAX];
    NetFrame frame;
} ColoFrame;

/** colo_frame_build: from a spec; addresses and ports are the same in all unless given. */
void colo_frame_build(ColoFrame *frame, const PacketSpec *spec);

/** colo_packet_build: as the queues keep it; give it back to @pool. */
ColoPacket *colo_packet_build(ColoPool *pool, const PacketSpec *spec);

/*
 * ColoRig: queues whose releases and requests are recorded as text
 *
 * A released packet is recorded by its payload, without payload as "-"; a request as "D"
 * (different) or "T" (timeout). Words are separated by blanks.
 */
typedef struct ColoRig {
    ColoQueues queues;
    uint32_t max_queue;
    GString *log;
    int64_t now_ns;
    unsigned n_released;
} ColoRig;

void colo_rig_init(ColoRig *rig);

/** colo_rig_clear: what waits is released; all is accounted for. */
void colo_rig_clear(ColoRig *rig);

/** colo_rig_add: a packet comes. */
void colo_rig_add(ColoRig *rig, ColoSide side, const PacketSpec *spec);

/** colo_rig_expect: what has been recorded since the last call. */
void colo_rig_expect(ColoRig *rig, const char *log);

/** colo_rig_check: in = done + queued + dropped, for both sides. */
void colo_rig_check(const ColoRig *rig);

#endif
