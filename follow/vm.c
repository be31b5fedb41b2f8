/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Start, stop, reset and end of the VM as commands, signals and options ask for them. */

#include "follow/vm.h"

#include "monitor/monitor.h"
#include "net/run-state.h"
#include "qapi/qapi-events.h"
#include "util/error.h"

static struct {
    VmLaunch launch;
    RebootAction reboot;     /* what system_reset does */
    bool preconfig;          /* x-exit-preconfig is still to come */
    bool shutdown_requested;
    const char *follower;    /* borrowed: id of the vm-follower; NULL = none */
    GMainLoop *loop;         /* owned; NULL outside vm_run() */
} vm;

/*
 * STOP goes out behind the last frame, RESUME before the first: a client between STOP and RESUME
 * knows that no frame reaches the guest.
 */
void vm_stop(void)
{
    if (run_state_get() == RUN_STATE_INMIGRATE) {
        vm.launch.autostart = false;
        return;
    }
    if (run_state_is_running()) {
        run_state_set(RUN_STATE_PAUSED);
        qapi_event_stop();
    }
}

bool vm_start(GError **error)
{
    switch (run_state_get()) {
    case RUN_STATE_RUNNING:
        return true;
    case RUN_STATE_INMIGRATE:
        vm.launch.autostart = true;
        return true;
    case RUN_STATE_FINISH_MIGRATE:
        return error_set(error, "Migration is not finalized yet");
    case RUN_STATE_INTERNAL_ERROR:
    case RUN_STATE_SHUTDOWN:
        return error_set(error, "Resetting the Virtual Machine is required");
    case RUN_STATE_DEBUG:
    case RUN_STATE_IO_ERROR:
    case RUN_STATE_PAUSED:
    case RUN_STATE_POSTMIGRATE:
    case RUN_STATE_PRELAUNCH:
    case RUN_STATE_RESTORE_VM:
    case RUN_STATE_SAVE_VM:
    case RUN_STATE_SUSPENDED:
    case RUN_STATE_WATCHDOG:
    case RUN_STATE_GUEST_PANICKED:
    case RUN_STATE_COLO:
        break;
    }
    qapi_event_resume();
    run_state_set(RUN_STATE_RUNNING);
    return true;
}

/* --- A followed VM ----------------------------------------------------------------------- */

void vm_set_follower(const char *id)
{
    vm.follower = id;
}

bool vm_check_own(GError **error)
{
    return !vm.follower ||
           error_set(error, "The run state is that of the VM that vm-follower '%s' follows: use "
                     "the VM's own monitor", vm.follower);
}

/* One move; the events enclose the time in which the VM runs. */
static void vm_follow_move(RunState state)
{
    bool was_running = run_state_is_running();

    if (state == RUN_STATE_RUNNING && !was_running) {
        qapi_event_resume();
    }
    run_state_set(state);
    if (was_running && !run_state_is_running()) {
        qapi_event_stop();
    }
}

/*
 * Whatever another VM on the same connection is in, it can be reached through paused and
 * prelaunch, of which filters and exports think nothing but that the VM is stopped.
 */
void vm_follow(RunState state)
{
    static const RunState detour[] = { RUN_STATE_PAUSED, RUN_STATE_PRELAUNCH };

    for (size_t i = 0; i < G_N_ELEMENTS(detour); i++) {
        if (run_state_can_set(run_state_get(), state)) {
            break;
        }
        vm_follow_move(detour[i]);
    }
    vm_follow_move(state);
}

/* --- Reset, powerdown, end --------------------------------------------------------------- */

void vm_system_reset(void)
{
    RunState state = run_state_get();

    if (vm.reboot == REBOOT_ACTION_SHUTDOWN) {
        vm_request_shutdown(SHUTDOWN_CAUSE_HOST_QMP_SYSTEM_RESET);
        return;
    }
    if (state != RUN_STATE_RUNNING && state != RUN_STATE_INMIGRATE &&
        state != RUN_STATE_FINISH_MIGRATE) {
        run_state_set(RUN_STATE_PRELAUNCH);
    }
    qapi_event_reset(&(ResetEvent) {
        .guest = false,
        .reason = SHUTDOWN_CAUSE_HOST_QMP_SYSTEM_RESET,
    });
}

void vm_system_powerdown(void)
{
    qapi_event_powerdown();
}

/* The other members speak of a guest inside this process, which there never is. */
void vm_set_action(const ActionOptions *action)
{
    if (action->has_reboot) {
        vm.reboot = action->reboot;
    }
}

static bool vm_is_guests(ShutdownCause cause)
{
    return cause == SHUTDOWN_CAUSE_GUEST_SHUTDOWN || cause == SHUTDOWN_CAUSE_GUEST_RESET ||
           cause == SHUTDOWN_CAUSE_GUEST_PANIC;
}

/* The first cause counts: a second signal, or quit behind a signal, is not reported again. */
void vm_request_shutdown(ShutdownCause cause)
{
    if (vm.shutdown_requested) {
        return;
    }
    vm.shutdown_requested = true;
    qapi_event_shutdown(&(ShutdownEvent) { .guest = vm_is_guests(cause), .reason = cause });
    if (vm.loop) {
        g_main_loop_quit(vm.loop);
    }
}

static void vm_enter_first_state(void)
{
    if (vm.follower) {
        return;
    }
    if (vm.launch.incoming) {
        run_state_set(RUN_STATE_INMIGRATE);
    } else if (vm.launch.autostart) {
        vm_start(NULL);
    }
}

static bool vm_check_launch(const VmLaunch *launch, GError **error)
{
    if (vm.follower && (launch->incoming || !launch->autostart)) {
        return error_set(error, "%s cannot be used together with vm-follower '%s': the VM that it "
                         "follows decides the run state", launch->incoming ? "-incoming" : "-S",
                         vm.follower);
    }
    return true;
}

bool vm_launch(const VmLaunch *launch, GError **error)
{
    if (!vm_check_launch(launch, error)) {
        return false;
    }
    vm.launch = *launch;
    vm.preconfig = launch->preconfig;
    monitor_set_preconfig(vm.preconfig);
    if (!vm.preconfig) {
        vm_enter_first_state();
    }
    return true;
}

bool vm_is_preconfig(void)
{
    return vm.preconfig;
}

bool vm_exit_preconfig(GError **error)
{
    if (!vm.preconfig) {
        return error_set(error, "The command is permitted only before machine initialization");
    }
    vm.preconfig = false;
    monitor_set_preconfig(false);
    vm_enter_first_state();
    return true;
}

void vm_run(void)
{
    if (!vm.shutdown_requested) {
        vm.loop = g_main_loop_new(NULL, FALSE);
        g_main_loop_run(vm.loop);
        g_clear_pointer(&vm.loop, g_main_loop_unref);
    }
}
