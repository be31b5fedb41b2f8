/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A virtio-net device whose rings are worked here, for a vhost-user front-end. */

#ifndef EXPORT_VHOST_USER_DEV_H
#define EXPORT_VHOST_USER_DEV_H

#include <stdbool.h>
#include "export/vhost-user-internal.h"
#include "export/vhost-user-msg.h"

/**
 * vhost_user_dev_init: without a front-end
 * @source: of messages: "export 'ID'"; borrowed
 * @n_pairs: 1 to VHOST_USER_PAIRS_MAX
 */
void vhost_user_dev_init(VhostUserDev *dev, NetClient *nc, const char *source,
                         const VhostUserDevOps *ops, unsigned n_pairs);

/** vhost_user_dev_clear: release what is owned. */
void vhost_user_dev_clear(VhostUserDev *dev);

/** vhost_user_dev_open: a front-end is there. _close: it has gone: all rings are stopped. */
void vhost_user_dev_open(VhostUserDev *dev);
void vhost_user_dev_close(VhostUserDev *dev);

/**
 * vhost_user_dev_handle: do what a message asks for, and answer it
 * @fd: where the answer goes
 * Returns: false with @error set: the connection is of no use any more.
 */
bool vhost_user_dev_handle(VhostUserDev *dev, VhostUserMsg *msg, int fd, GError **error);

/** vhost_user_dev_runs: whether the guest's driver and its VM run: any ring is started. */
bool vhost_user_dev_runs(const VhostUserDev *dev);

#endif
