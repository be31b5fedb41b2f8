/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Postcopy: a guest whose memory comes after it. */

#ifndef EXPORT_VHOST_USER_POSTCOPY_H
#define EXPORT_VHOST_USER_POSTCOPY_H

#include <stdbool.h>
#include <glib.h>
#include "export/vhost-user-msg.h"
#include "export/vring-memory.h"
#include "export/vring-pages.h"
#include "qapi/qapi-types.h"

/** Embedded in the device; zeroed = no such migration. */
typedef struct VhostUserPostcopy {
    VringPages *pages;   /* owned: from POSTCOPY_ADVISE to POSTCOPY_END */
    bool is_listening;   /* since POSTCOPY_LISTEN: memory is shared without its contents */
    bool has_been;       /* it came to that, with this front-end */
    uint64_t n_come;     /* pages that had come at the end */
} VhostUserPostcopy;

/**
 * vhost_user_postcopy_advise: it may come to that; the answer has a userfaultfd
 * @arrived: called from the loop whenever pages have come that were waited for
 */
bool vhost_user_postcopy_advise(VhostUserPostcopy *postcopy, VhostUserMsg *msg,
                                VringPagesFunc *arrived, void *opaque, GError **error);

/** vhost_user_postcopy_listen: from now on. @mem: the device's, without regions yet. */
bool vhost_user_postcopy_listen(VhostUserPostcopy *postcopy, VringMemory *mem, GError **error);

/** vhost_user_postcopy_end: all of @mem has come. */
void vhost_user_postcopy_end(VhostUserPostcopy *postcopy, VringMemory *mem);

/** vhost_user_postcopy_clear: the front-end has gone. @mem: as of it; NULL = none. */
void vhost_user_postcopy_clear(VhostUserPostcopy *postcopy, VringMemory *mem);

/** vhost_user_postcopy_is_ready: whether @msg says that the front-end can bring the pages now. */
bool vhost_user_postcopy_is_ready(const VhostUserPostcopy *postcopy, const VhostUserMsg *msg);

/** vhost_user_postcopy_ready: the same was said; there is no answer to it. */
bool vhost_user_postcopy_ready(VhostUserPostcopy *postcopy, VhostUserMsg *msg, GError **error);

/**
 * vhost_user_postcopy_answer_region: tell where faults of a region are, by its user address
 * @region: (in, out) of a message, which is then its own answer
 */
void vhost_user_postcopy_answer_region(const VhostUserPostcopy *postcopy, VhostUserMsg *msg,
                                       VhostUserRegion *region, VringMemory *mem);

/** vhost_user_postcopy_info: for queries. Returns: owned; NULL = there was no such migration. */
NetExportPostcopyInfo *vhost_user_postcopy_info(const VhostUserPostcopy *postcopy);

#endif
