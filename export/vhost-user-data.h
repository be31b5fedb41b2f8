/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames between a netdev's chains and the rings of a vhost-user guest. */

#ifndef EXPORT_VHOST_USER_DATA_H
#define EXPORT_VHOST_USER_DATA_H

#include <stddef.h>
#include <stdint.h>
#include "export/vhost-user-internal.h"

/** vhost_user_dev_send: put frames into the rings, from the front; fewer than @n = no buffers. */
size_t vhost_user_dev_send(VhostUserDev *dev, const NetFrame *frames, size_t n);

/** vhost_user_dev_read_poll: whether what the guest sends is taken: see NetClientInfo. */
void vhost_user_dev_read_poll(VhostUserDev *dev);

/** vhost_user_dev_drain: take what the guest has sent, up to about @limit bytes. */
void vhost_user_dev_drain(VhostUserDev *dev, uint64_t limit);

/** vhost_user_ring_drain: the same of one ring, before it is stopped. */
void vhost_user_ring_drain(VhostUserRing *ring);

/** vhost_user_ring_kicked: the guest has buffers for us; or one ring is to be looked at. */
void vhost_user_ring_kicked(VhostUserRing *ring);

/** vhost_user_dev_look: look at all rings now; what the timer calls. @opaque: the device. */
void vhost_user_dev_look(void *opaque);

#endif
