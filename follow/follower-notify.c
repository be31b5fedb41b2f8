/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vm-follower notifies exports, filters and colo-compare of the events of its VM. */

#include "follow/follower-internal.h"

#include <string.h>

#include "export/export.h"
#include "net/colo/side.h"
#include "qapi/qapi-commands.h"
#include "qapi/qapi-events.h"

/* --- Exports ------------------------------------------------------------------------------- */

void vm_follower_notify_exports(VmFollower *f)
{
    bool armed = f->state.role == FOLLOW_ROLE_SOURCE;
    bool guest_gone = follow_state_is_gone(&f->state) &&
                      vm_follower_props(f)->on_exit == VM_FOLLOWER_ON_EXIT_STOP;

    if (f->armed != armed) {
        f->armed = armed;
        net_exports_set_armed(f->armed);
        vm_nics_set_armed(f->nics, f->armed);
    }
    if (f->guest_gone != guest_gone) {
        f->guest_gone = guest_gone;
        net_exports_set_guest_gone(guest_gone);
    }
}

/* A migration reports its last pass right before it stops the VM. */
void vm_follower_notify_switch(const QmpClientEvent *event)
{
    if (strcmp(event->name, "MIGRATION_PASS") == 0) {
        net_exports_expect_stop(true);
    } else if (strcmp(event->name, "STOP") == 0) {
        net_exports_expect_stop(false);
    }
}

/* --- COLO ---------------------------------------------------------------------------------- */

static void vm_follower_emit_colo_exit(const FollowColo *colo)
{
    qapi_event_colo_exit(&(ColoExitEvent) {
        .mode = colo->last_mode,
        .reason = colo->reason,
    });
}

/* As if a manager had given the commands here that the VM's QEMU was given, or gave itself. */
void vm_follower_notify_colo(VmFollower *f)
{
    FollowColo *colo = &f->state.colo;
    unsigned acts = colo->acts;

    colo->acts = 0;
    if (acts & FOLLOW_COLO_TELL_EXIT) {
        vm_follower_emit_colo_exit(colo);
    }
    if (acts & FOLLOW_COLO_FAILOVER) {
        net_colo_vm_failover(colo->last_mode);
    }
    if (acts & FOLLOW_COLO_CHECKPOINT) {
        qmp_colo_checkpoint(NULL);
    }
    net_colo_set_vm(colo->mode, colo->exited ? colo->reason : COLO_EXIT_REASON_NONE);
}
