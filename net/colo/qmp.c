/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP commands by which a manager reports checkpoints and failovers; a VM may report them, too. */

/*
 * This program does not take checkpoints. Unless a followed VM has reported its side, the program
 * derives it from its objects: the packets are compared on the primary. A former secondary may
 * have a filter-rewriter, too, for connections from that time.
 */

#include <stdbool.h>
#include <string.h>

#include "net/colo/events.h"
#include "net/colo/side.h"
#include "qapi/qapi-commands.h"
#include "qom/object.h"
#include "util/error.h"

static COLOMode colo_last_mode;  /* before the last failover */
static bool colo_failed_over;    /* and no checkpoint since */
static bool colo_failed_by_vm;   /* the VM reported it; a manager may report it once more */
static COLOMode colo_vm_mode;    /* of the VM that is followed */
static COLOExitReason colo_vm_reason;

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

    if (colo_vm_mode != COLO_MODE_NONE) {
        return colo_vm_mode;
    }
    object_foreach(colo_find_side, &mode);
    return mode;
}

/* A side that has changed since then takes part in another pair. */
static bool colo_is_over(COLOMode side)
{
    return colo_failed_over && (side == colo_last_mode || side == COLO_MODE_NONE);
}

static void colo_go_on_alone(COLOMode side, bool by_vm)
{
    colo_failed_over = true;
    colo_failed_by_vm = by_vm;
    colo_last_mode = side;
    if (side == COLO_MODE_PRIMARY) {
        net_colo_secondary_lost();
    } else {
        net_colo_failover();
    }
}

COLOStatus *qmp_query_colo_status(GError **error)
{
    COLOStatus *status = g_new0(COLOStatus, 1);
    COLOMode side = colo_side();
    bool over = colo_is_over(side);

    status->mode = over ? COLO_MODE_NONE : side;
    status->last_mode = colo_last_mode;
    status->reason = over ? COLO_EXIT_REASON_REQUEST : colo_vm_reason;
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

    if (colo_is_over(side)) {
        return colo_failed_by_vm ||
               error_set(error, "COLO failover is already activated");
    }
    if (side == COLO_MODE_NONE) {
        return error_set(error, "VM is not in COLO mode");
    }
    colo_go_on_alone(side, false);
    return true;
}

/* --- A followed VM ----------------------------------------------------------------------- */

void net_colo_set_vm(COLOMode mode, COLOExitReason reason)
{
    colo_vm_mode = mode;
    colo_vm_reason = reason;
}

void net_colo_vm_failover(COLOMode mode)
{
    COLOMode side = mode != COLO_MODE_NONE ? mode : colo_side();

    if (side != COLO_MODE_NONE && !colo_is_over(side)) {
        colo_go_on_alone(side, true);
    }
}
