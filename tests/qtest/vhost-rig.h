/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program with one netdev and an export of type vhost-user, and a guest of our own. */

#ifndef TESTS_QTEST_VHOST_RIG_H
#define TESTS_QTEST_VHOST_RIG_H

#include "export-rig.h"
#include "vhost-guest.h"

/* Rings of the first pair. */
#define RX 0u
#define TX 1u

/*
 *               +--------- program ---------+            +------ the test ------+
 *   rig->net ───── net0 (socket) ── e0 (export) ──rings── driver of a virtio-net
 */
typedef struct VhostRig {
    ExportRig *rig;
    VhostGuest *guest;
} VhostRig;

/** vhost_rig_start: e0 listens; @more: ",KEY=VALUE" for it. The guest is not connected. */
VhostRig vhost_rig_start(const char *more, const VhostGuestOptions *options);

/** vhost_rig_new: the same, and the guest is connected, runs, and has buffers in its rings. */
VhostRig vhost_rig_new(const char *more, const VhostGuestOptions *options);

/** vhost_rig_free: the counters must add up and the program must end in order. */
void vhost_rig_free(VhostRig *v);

/** vhost_rig_attach: the guest connects; waits for the event. */
void vhost_rig_attach(VhostRig *v);

/** vhost_rig_guest_gets, _sends: the next @n frames. _check: @n in each direction. */
void vhost_rig_guest_gets(VhostRig *v, uint32_t n);
void vhost_rig_guest_sends(VhostRig *v, uint32_t n);
void vhost_rig_check(VhostRig *v, uint32_t n);

#endif
