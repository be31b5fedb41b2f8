/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stop, cont, system_reset, quit and signals do to the VM and the process. */

#ifndef FOLLOW_VM_H
#define FOLLOW_VM_H

#include <stdbool.h>
#include <glib.h>
#include "qapi/qapi-types.h"

/** vm_stop: running to paused with the STOP event; other states as docs/reference-vm.rst says. */
void vm_stop(void);

/** vm_start: to running with the RESUME event, or an error that says why not. */
bool vm_start(GError **error);

/** vm_system_reset: RESET event and back to prelaunch if stopped, or the end (set-action). */
void vm_system_reset(void);

/** vm_system_powerdown: send the event POWERDOWN; there is no guest here that would end. */
void vm_system_powerdown(void);

/**
 * vm_set_follower: from now on the VM that vm-follower @id follows decides the run state
 * @id: borrowed until the next call; NULL = no VM is followed: stop and cont decide again
 */
void vm_set_follower(const char *id);

/** vm_check_own: whether stop, cont and system_reset may act; an error when a VM is followed. */
bool vm_check_own(GError **error);

/**
 * vm_follow: take over run state @state of a followed VM, by allowed moves, from any state
 *
 * STOP and RESUME events go out as vm_stop() and vm_start() send them, once for each change of
 * running. On the way no state is passed through that means something else than stopped.
 */
void vm_follow(RunState state);

/** vm_set_action: take over the members of @action that are present (-action, set-action). */
void vm_set_action(const ActionOptions *action);

/** vm_request_shutdown: end the process in order: SHUTDOWN event, replies sent, status 0. */
void vm_request_shutdown(ShutdownCause cause);

/** How the VM is to begin its life (docs/reference-vm.rst, "Commands"). */
typedef struct VmLaunch {
    bool autostart;  /* no -S */
    bool incoming;   /* -incoming defer */
    bool preconfig;  /* -preconfig: wait for x-exit-preconfig */
} VmLaunch;

/**
 * vm_launch: take the first state when everything has been created
 *
 * With a vm-follower that is its VM's business. Returns: false with @error when @launch asks
 * for a state all the same.
 */
bool vm_launch(const VmLaunch *launch, GError **error);

/** vm_is_preconfig: whether x-exit-preconfig is still to come. */
bool vm_is_preconfig(void);

/** vm_exit_preconfig: go on where vm_launch() stopped. */
bool vm_exit_preconfig(GError **error);

/**
 * vm_run: run the loop until a shutdown is requested.
 *
 * Blocks: until then; not at all if one has been requested.
 */
void vm_run(void);

#endif
