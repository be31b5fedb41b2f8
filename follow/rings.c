/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run state follows the VM's rings, where exports see them. */

/*
 * A VM that stops takes its rings from the back end before it sends STOP. So do a driver that
 * resets its device, and a link that is taken down: without a vm-follower they count as a stop as
 * well, which costs nothing, as the guest takes no frames then either. With one the run state is
 * what the VM's monitor says, and the rings only hold frames back.
 */

#include "follow/rings.h"

#include "export/export.h"
#include "follow/vm.h"
#include "net/run-state.h"

static void vm_rings_changed(bool runs)
{
    if (!vm_check_own(NULL) || run_state_is_running() == runs) {
        return;
    }
    if (runs) {
        vm_follow(RUN_STATE_RUNNING);
    } else {
        vm_stop();
    }
}

void vm_rings_init(void)
{
    net_exports_set_guest_func(vm_rings_changed);
}
