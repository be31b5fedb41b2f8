/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP commands with which a manager tells of checkpoints and failovers. */

/*
 * This program does not take checkpoints, so it learns from its objects which side it is: the
 * packets are compared on the primary. A former secondary may have a filter-rewriter, too, for
 * connections from that time.
 */

#include <stdbool.h>
#include <string.h>

#include "net/colo-events.h"
#include "qapi/qapi-commands.h"
#include "qom/object.h"
#include "util/error.h"

static COLOMode colo_last_mode;  /* before the last failover */
static bool colo_failed_over;    /* and no checkpoint since */

static void colo_find_side(Object *obj, void *opaque)
{
    COLOMode *mode = opaque;

    if (strcmp(obj->class->name, "colo-compare") == 0) {
        *mode = COLO_MODE_PRIMARY;
    } else if (*mode == COLO_MODE_NONE && strcmp(obj->class->name, "filter-rewriter") == 0) {
        *mode = COLO_MODE_SECONDARY;
    }
}

static COLOMode colo_side(void)
{
    COLOMode mode = COLO_MODE_NONE;

    object_foreach(colo_find_side, &mode);
    return mode;
}

/* A side that has changed since then takes part in another pair. */
static bool colo_is_over(COLOMode side)
{
    return colo_failed_over && side == colo_last_mode;
}

COLOStatus *qmp_query_colo_status(GError **error)
{
    COLOStatus *status = g_new0(COLOStatus, 1);
    COLOMode side = colo_side();
    bool over = colo_is_over(side);

    status->mode = over ? COLO_MODE_NONE : side;
    status->last_mode = colo_last_mode;
    status->reason = over ? COLO_EXIT_REASON_REQUEST : COLO_EXIT_REASON_NONE;
    return status;
}

bool qmp_colo_checkpoint(GError **error)
{
    colo_failed_over = false;
    net_colo_checkpoint();
    return true;
}

bool qmp_xen_colo_do_checkpoint(GError **error)
{
    return qmp_colo_checkpoint(error);
}

bool qmp_x_colo_lost_heartbeat(GError **error)
{
    COLOMode side = colo_side();

    if (side == COLO_MODE_NONE) {
        return error_set(error, "VM is not in COLO mode");
    }
    if (colo_is_over(side)) {
        return error_set(error, "COLO failover is already activated");
    }
    colo_failed_over = true;
    colo_last_mode = side;
    if (side == COLO_MODE_PRIMARY) {
        net_colo_secondary_lost();
    } else {
        net_colo_failover();
    }
    return true;
}
