/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program with one colo-compare between its sockets, ready to be tested. */

#ifndef TESTS_QTEST_COMPARE_RIG_H
#define TESTS_QTEST_COMPARE_RIG_H

#include "packets.h"
#include "qtest-client.h"

/*
 *                      +----- program -----+
 *   rig->pri ──────────┼► primary_in       |
 *                      |          cmp0  out┼──► rig->out
 *   rig->sec ──────────┼► secondary_in     |
 *                      |        notify_dev ┼◄─► rig->notify_fd
 *                      +-------------------+
 */
typedef struct CompareRig {
    QTest *s;
    char *paths[4];  /* of the chardevs pri, sec, out, ntf */
    FrameLink pri;
    FrameLink sec;
    FrameLink out;
    int notify_fd;
} CompareRig;

/** crig_new: cmp0 with more properties, e.g. ",compare_timeout=50"; all ends are connected. */
CompareRig *crig_new(const char *properties);

/** crig_free: all packets must be accounted for, and the program must end in order. */
void crig_free(CompareRig *rig);

/** crig_connect, crig_disconnect: @link: of @rig. Waits until it is noticed. */
void crig_connect(CompareRig *rig, FrameLink *link);
void crig_disconnect(CompareRig *rig, FrameLink *link);

/** crig_send: the frame that @spec describes; ports and addresses are filled in. */
void crig_send(FrameLink *link, const PacketSpec *spec);

/** crig_send_udp: payload @text on connection @port. */
void crig_send_udp(FrameLink *link, uint16_t port, const char *text);

/** crig_expect, crig_expect_udp: the next at rig->out. */
void crig_expect(CompareRig *rig, const PacketSpec *spec);
void crig_expect_udp(CompareRig *rig, uint16_t port, const char *text);

/** crig_expect_nothing: nothing is at rig->out by now. */
void crig_expect_nothing(CompareRig *rig);

/** crig_expect_notice: the next bytes at notify_dev are this message. */
void crig_expect_notice(CompareRig *rig, const char *text);

/** crig_notify: send a message to notify_dev. */
void crig_notify(CompareRig *rig, const char *text);

/** crig_count, crig_wait: json_path() in cmp0's entry of query-colo-compare. */
int64_t crig_count(CompareRig *rig, const char *path);
void crig_wait(CompareRig *rig, const char *path, int64_t value);

#endif
