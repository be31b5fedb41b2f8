/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Brings what waits for a vhost-user guest to the host that it migrates to, through its QEMU. */

#ifndef EXPORT_VHOST_USER_TRANSFER_H
#define EXPORT_VHOST_USER_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>
#include "export/vhost-state.h"
#include "net/client.h"
#include "util/fd-watch.h"

/** Embedded in the device. */
typedef struct VhostUserTransfer {
    NetClient *nc;             /* back pointer: the export */
    const char *source;        /* borrowed: of messages */
    NetExportStatePhase phase;
    int fd;                    /* owned: the pipe; -1 = none */
    FdWatch *watch;            /* owned; NULL = none */
    VhostStateWriter writer;   /* of phase saving */
    VhostStateReader reader;   /* of phase loading */
    NetHold frames;            /* the guest gets them first when its rings are started */
    char *error;               /* owned: of phase failed */
} VhostUserTransfer;

/** vhost_user_transfer_init: nothing to be carried. @source: borrowed. */
void vhost_user_transfer_init(VhostUserTransfer *transfer, NetClient *nc, const char *source);

/** vhost_user_transfer_clear: forget all. */
void vhost_user_transfer_clear(VhostUserTransfer *transfer);

/**
 * vhost_user_transfer_save, _load: write what waits for the guest to a pipe, or read it from one
 * @fd: taken
 *
 * All rings are stopped. The loop does it, whenever the pipe lets it.
 * Returns: false with @error set.
 */
bool vhost_user_transfer_save(VhostUserTransfer *transfer, int fd, GError **error);
bool vhost_user_transfer_load(VhostUserTransfer *transfer, int fd, GError **error);

/** vhost_user_transfer_check: that is to be over now. Returns: false with @error: it has failed. */
bool vhost_user_transfer_check(VhostUserTransfer *transfer, GError **error);

/** vhost_user_transfer_started: the guest runs here: what is kept waits for it, before all else. */
void vhost_user_transfer_started(VhostUserTransfer *transfer);

/**
 * vhost_user_transfer_closed: the front-end has gone
 *
 * If the state was saved the guest is elsewhere, with its frames; what was loaded, for a guest
 * that has not run here, is not ours either. Else they wait for the next front-end.
 */
void vhost_user_transfer_closed(VhostUserTransfer *transfer);

/** vhost_user_transfer_info: for query-net-exports. Owned; NULL = there is nothing to tell. */
NetExportStateInfo *vhost_user_transfer_info(const VhostUserTransfer *transfer);

#endif
