/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When the rings of a vhost-user guest are looked at, and when the guest is notified. */

#ifndef EXPORT_VHOST_USER_POLL_H
#define EXPORT_VHOST_USER_POLL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "export/vhost-user-internal.h"

/** vhost_user_dev_look_again: look at all rings from the loop. */
void vhost_user_dev_look_again(VhostUserDev *dev);

/** vhost_user_dev_look_now_and_then: the same a bit later, if a ring has no kick descriptor. */
void vhost_user_dev_look_now_and_then(VhostUserDev *dev);

/** vhost_user_dev_moved: one pass over a ring has moved so much. */
void vhost_user_dev_moved(VhostUserDev *dev, size_t frames, uint64_t bytes);

/** vhost_user_ring_spin: there is nothing: wait a moment. Returns: whether there is now. */
bool vhost_user_ring_spin(const VhostUserRing *ring);

/**
 * vhost_user_ring_rest: there is nothing: have the guest kick, or look again without
 * Returns: whether there is something already that no kick will tell of.
 */
bool vhost_user_ring_rest(VhostUserRing *ring);

/** vhost_user_ring_owe_call: the guest is to be notified, now or soon. */
void vhost_user_ring_owe_call(VhostUserRing *ring);

/** vhost_user_ring_call_if_due: what was put off may be due now. */
void vhost_user_ring_call_if_due(VhostUserRing *ring);

/** vhost_user_ring_call: notify the guest now, or when there is a call descriptor. */
void vhost_user_ring_call(VhostUserRing *ring);

/** vhost_user_signal: write to @fd, an eventfd of the front-end. */
void vhost_user_signal(int fd);

#endif
