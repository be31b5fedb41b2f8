/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program whose net0 is a tap in a namespace of its own, for the tests of netdev tap. */

#ifndef TESTS_QTEST_TAP_RIG_H
#define TESTS_QTEST_TAP_RIG_H

#include "netns.h"
#include "pair.h"

/*
 *   kernel of a new namespace               program
 *   rig->wire (packet socket) ── "t0" ── net0 ── hub ── "peer" ── pair->peer
 *                                          └── filters ── "chr0" ── rig->out
 */
typedef struct TapRig {
    Pair *pair;
    int wire_fd;
    FrameLink wire;
    char *out_path; /* chr0 listens there */
    int out_fd;
    FrameLink out;
} TapRig;

/** Fewer frames than the queue of a tap in the kernel takes. */
#define TAP_MANY 400

/** The arguments of a netdev_add; %s: more members. */
#define TAP_ADD "{'execute': 'netdev_add', 'arguments': {'type': 'tap', 'id': 'x'%s}}"

/** tap_skipped: whether there can be no taps; the test is then marked as skipped. */
bool tap_skipped(void);

/** tap_enter: a new namespace with the persistent tap "t0". */
void tap_enter(void);

/** tap_check_traffic: frames in both directions between "t0" and the peer of net0. */
void tap_check_traffic(Pair *pair);

/** tap_rig_new: tap_enter() and a program; @options: more of them. */
TapRig *tap_rig_new(const char *options);
void tap_rig_free(TapRig *rig);

#endif
