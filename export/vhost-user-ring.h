/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The life of a vhost-user ring: start, stop, descriptors. */

#ifndef EXPORT_VHOST_USER_RING_H
#define EXPORT_VHOST_USER_RING_H

#include <stdbool.h>
#include "export/vhost-user-internal.h"

void vhost_user_ring_init(VhostUserRing *ring, VhostUserDev *dev, unsigned index);

/** vhost_user_ring_reset: as after _init(): for another front-end. */
void vhost_user_ring_reset(VhostUserRing *ring);

/**
 * vhost_user_ring_start: with what has been set; a ring that is no good is started, and broken
 *
 * During postcopy it starts later, unless its memory has come: call this again when some has.
 */
void vhost_user_ring_start(VhostUserRing *ring);

/** vhost_user_ring_stop: exact: no buffer is in our hands. @base is set. */
void vhost_user_ring_stop(VhostUserRing *ring);

/** vhost_user_ring_move: the memory has changed: translate anew. */
void vhost_user_ring_move(VhostUserRing *ring);

/** vhost_user_ring_update_log: the device's log, or whether the ring uses it, has changed. */
void vhost_user_ring_update_log(VhostUserRing *ring);

/** vhost_user_ring_set_kick, _call, _err: @fd: taken; -1 = none. False with @error set. */
bool vhost_user_ring_set_kick(VhostUserRing *ring, int fd, GError **error);
bool vhost_user_ring_set_call(VhostUserRing *ring, int fd, GError **error);
bool vhost_user_ring_set_err(VhostUserRing *ring, int fd, GError **error);

/** vhost_user_ring_broken: after vring_pop() said so: tell the front-end and the user. */
void vhost_user_ring_broken(VhostUserRing *ring);

/** vhost_user_ring_publish: give back what is staged, and notify the guest if it wants that. */
void vhost_user_ring_publish(VhostUserRing *ring);

/** vhost_user_ring_update_watch: wait for kicks, or not. */
void vhost_user_ring_update_watch(VhostUserRing *ring);

/** vhost_user_dev_find_targets: rings have changed: find those that frames for the guest go to. */
void vhost_user_dev_find_targets(VhostUserDev *dev);

#endif
