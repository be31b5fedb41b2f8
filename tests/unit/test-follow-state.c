/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of what a VM's events mean for our run state: every sequence of docs/reference-vm.rst. */

#include <glib.h>

#include "follow-lines.h"
#include "qapi/qapi.h"

static const FollowLine lines[] = {
    /* --- Connection ------------------------------------------------------------------------ */
    { "connect/running", "connect", S(PRELAUNCH), "" },
    { NULL, "? running", S(RUNNING), "k" },
    { "connect/prelaunch", "connect", S(PRELAUNCH), "" },
    { NULL, "? prelaunch", S(PRELAUNCH), "k" },
    { NULL, "RESUME", S(RUNNING), "k" },
    { "connect/event-before-the-reply", "connect", S(PRELAUNCH), "" },
    { NULL, "STOP", S(PAUSED), "k" },
    { NULL, "? paused", S(PAUSED), "k" },
    { "connect/unknown-state-does-not-run", "connect", S(PRELAUNCH), "" },
    { NULL, "? dreaming", S(PAUSED), "k" },
    { "connect/unknown-state-runs", "connect", S(PRELAUNCH), "" },
    { NULL, "! dreaming", S(RUNNING), "k" },
    { "connect/in-the-middle-of-a-migration", "connect", S(PRELAUNCH), "" },
    { NULL, "? running", S(RUNNING), "k" },
    { NULL, "m active", S(RUNNING), "ka" },
    { NULL, "STOP", S(FINISH_MIGRATE), "ka" },
    { "connect/behind-a-migration", "connect", S(PRELAUNCH), "" },
    { NULL, "? postmigrate", S(POSTMIGRATE), "k" },
    { NULL, "m completed", S(POSTMIGRATE), "k" },
    { NULL, "lost", S(POSTMIGRATE), "" },
    { "connect/destination-set-up", "connect", S(PRELAUNCH), "" },
    { NULL, "? inmigrate", S(INMIGRATE), "k" },
    { NULL, "m setup", S(INMIGRATE), "k" },
    { "connect/migration-first", "connect", S(PRELAUNCH), "" },
    { NULL, "MIGRATION active", S(PRELAUNCH), "a" },
    { NULL, "? inmigrate", S(INMIGRATE), "k" },
    { NULL, "m setup", S(INMIGRATE), "k" },
    { NULL, "RESUME", S(RUNNING), "k" },
    { "connect/unknown-migration-is-one", "connect", S(PRELAUNCH), "" },
    { NULL, "? running", S(RUNNING), "k" },
    { NULL, "m teleporting", S(RUNNING), "ka" },

    /* --- stop, cont ------------------------------------------------------------------------ */
    RUNS("stop/cont"),
    { NULL, "STOP", S(PAUSED), "k" },
    { NULL, "? paused", S(PAUSED), "k" },
    { NULL, "RESUME", S(RUNNING), "k" },
    { NULL, "? running", S(RUNNING), "k" },
    RUNS("stop/reply-first"),
    { NULL, "? paused", S(PAUSED), "k" },
    { NULL, "STOP", S(PAUSED), "k" },
    { NULL, "RESUME", S(RUNNING), "k" },
    RUNS("stop/guess-does-not-replace-a-reply"),
    { NULL, "? finish-migrate", S(FINISH_MIGRATE), "k" },
    { NULL, "STOP", S(FINISH_MIGRATE), "k" },
    RUNS("stop/by-the-user-while-memory-is-sent"),
    MIGRATES,
    { NULL, "STOP", S(FINISH_MIGRATE), "ka" },
    { NULL, "? paused", S(PAUSED), "ka" },
    { NULL, "RESUME", S(RUNNING), "ka" },
    { NULL, "STOP", S(FINISH_MIGRATE), "ka" },
    { NULL, "? paused", S(PAUSED), "ka" },
    { NULL, "MIGRATION completed", S(POSTMIGRATE), "ka" },
    RUNS("stop/unknown-event"),
    { NULL, "NIC_RX_FILTER_CHANGED", S(RUNNING), "k" },
    { NULL, "POWERDOWN", S(RUNNING), "k" },

    /* --- Precopy --------------------------------------------------------------------------- */
    RUNS("precopy/source-7.2"),
    MIGRATES,
    { NULL, "MIGRATION_PASS 2", S(RUNNING), "ka" },
    { NULL, "STOP", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION_PASS 3", S(FINISH_MIGRATE), "ka" },
    { NULL, "? finish-migrate", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION completed", S(POSTMIGRATE), "ka" },
    { NULL, "? postmigrate", S(POSTMIGRATE), "ka" },
    { NULL, "lost", S(POSTMIGRATE), "" },
    { NULL, "give-up", S(POSTMIGRATE), "g" },
    RUNS("precopy/source-10.2"),
    MIGRATES,
    { NULL, "STOP", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION device", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION_PASS 3", S(FINISH_MIGRATE), "ka" },
    { NULL, "? postmigrate", S(POSTMIGRATE), "ka" },
    { NULL, "MIGRATION completed", S(POSTMIGRATE), "ka" },
    RUNS("precopy/reply-older-than-completed"),
    MIGRATES,
    { NULL, "STOP", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION completed", S(POSTMIGRATE), "ka" },
    { NULL, "? finish-migrate", S(POSTMIGRATE), "ka" },
    RUNS("precopy/migration-reply-older-than-completed"),
    MIGRATES,
    { NULL, "STOP", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION completed", S(POSTMIGRATE), "ka" },
    { NULL, "m active", S(POSTMIGRATE), "ka" },
    { NULL, "RESUME", S(RUNNING), "k" },
    WAITS("precopy/destination"),
    { NULL, "MIGRATION active", S(INMIGRATE), "k" },
    { NULL, "RESUME", S(RUNNING), "k" },
    { NULL, "MIGRATION completed", S(RUNNING), "k" },
    { NULL, "STOP", S(PAUSED), "k" },
    WAITS("precopy/destination-becomes-source"),
    { NULL, "MIGRATION active", S(INMIGRATE), "k" },
    { NULL, "RESUME", S(RUNNING), "k" },
    { NULL, "MIGRATION completed", S(RUNNING), "k" },
    MIGRATES,
    { NULL, "STOP", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION completed", S(POSTMIGRATE), "ka" },
    WAITS("precopy/incoming-defer"),
    { NULL, "MIGRATION setup", S(INMIGRATE), "k" },
    { NULL, "MIGRATION active", S(INMIGRATE), "k" },
    { NULL, "RESUME", S(RUNNING), "k" },
    { NULL, "MIGRATION completed", S(RUNNING), "k" },
    RUNS("precopy/wait-unplug"),
    { NULL, "MIGRATION setup", S(RUNNING), "ka" },
    { NULL, "MIGRATION wait-unplug", S(RUNNING), "ka" },
    { NULL, "MIGRATION active", S(RUNNING), "ka" },
    { NULL, "STOP", S(FINISH_MIGRATE), "ka" },
    RUNS("precopy/cont-on-the-source-afterwards"),
    MIGRATES,
    { NULL, "STOP", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION completed", S(POSTMIGRATE), "ka" },
    { NULL, "RESUME", S(RUNNING), "k" },
    { NULL, "STOP", S(PAUSED), "k" },
    RUNS("precopy/events-off"),
    { NULL, "STOP", S(PAUSED), "k" },
    { NULL, "? finish-migrate", S(FINISH_MIGRATE), "k" },
    { NULL, "m device", S(FINISH_MIGRATE), "ka" },
    { NULL, "? postmigrate", S(POSTMIGRATE), "ka" },
    { NULL, "m completed", S(POSTMIGRATE), "ka" },
    { NULL, "lost", S(POSTMIGRATE), "" },
    RUNS("precopy/events-off-and-failed"),
    { NULL, "m active", S(RUNNING), "ka" },
    { NULL, "STOP", S(FINISH_MIGRATE), "ka" },
    { NULL, "RESUME", S(RUNNING), "ka" },
    { NULL, "m failed", S(RUNNING), "k" },
    WAITS("precopy/events-off-on-the-destination"),
    { NULL, "RESUME", S(RUNNING), "k" },

    /* --- pause-before-switchover ----------------------------------------------------------- */
    RUNS("pause/continued"),
    MIGRATES,
    { NULL, "MIGRATION_PASS 2", S(RUNNING), "ka" },
    { NULL, "STOP", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION pre-switchover", S(FINISH_MIGRATE), "ka" },
    { NULL, "? finish-migrate", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION device", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION_PASS 3", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION completed", S(POSTMIGRATE), "ka" },
    RUNS("pause/destination-killed-then-continued"),
    MIGRATES,
    { NULL, "STOP", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION pre-switchover", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION device", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION_PASS 3", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION failed", S(FINISH_MIGRATE), "k" },
    { NULL, "RESUME", S(RUNNING), "k" },
    { NULL, "? running", S(RUNNING), "k" },
    RUNS("pause/cancelled-7.2"),
    MIGRATES,
    { NULL, "STOP", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION pre-switchover", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION cancelling", S(FINISH_MIGRATE), "ka" },
    { NULL, "RESUME", S(RUNNING), "k" },
    { NULL, "MIGRATION cancelled", S(RUNNING), "k" },
    RUNS("pause/events-off"),
    { NULL, "STOP", S(PAUSED), "k" },
    { NULL, "? finish-migrate", S(FINISH_MIGRATE), "k" },
    { NULL, "m pre-switchover", S(FINISH_MIGRATE), "ka" },
    { NULL, "RESUME", S(RUNNING), "k" },

    /* --- Postcopy -------------------------------------------------------------------------- */
    RUNS("postcopy/source-7.2"),
    MIGRATES,
    { NULL, "MIGRATION postcopy-active", S(RUNNING), "ka" },
    { NULL, "STOP", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION_PASS 2", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION completed", S(POSTMIGRATE), "ka" },
    RUNS("postcopy/source-10.2"),
    MIGRATES,
    { NULL, "STOP", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION device", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION_PASS 2", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION postcopy-device", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION postcopy-active", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION completed", S(POSTMIGRATE), "ka" },
    WAITS("postcopy/destination-7.2"),
    { NULL, "MIGRATION active", S(INMIGRATE), "k" },
    { NULL, "MIGRATION postcopy-active", S(INMIGRATE), "k" },
    { NULL, "RESUME", S(RUNNING), "k" },
    { NULL, "STOP", S(PAUSED), "k" },
    { NULL, "RESUME", S(RUNNING), "k" },
    { NULL, "MIGRATION completed", S(RUNNING), "k" },
    WAITS("postcopy/destination-10.2"),
    { NULL, "MIGRATION active", S(INMIGRATE), "k" },
    { NULL, "MIGRATION postcopy-device", S(INMIGRATE), "k" },
    { NULL, "MIGRATION postcopy-active", S(INMIGRATE), "k" },
    { NULL, "RESUME", S(RUNNING), "k" },
    { NULL, "MIGRATION completed", S(RUNNING), "k" },
    RUNS("postcopy/interrupted-and-recovered"),
    MIGRATES,
    { NULL, "STOP", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION postcopy-active", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION postcopy-paused", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION postcopy-recover-setup", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION postcopy-recover", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION completed", S(POSTMIGRATE), "ka" },
    RUNS("postcopy/source-lost"),
    MIGRATES,
    { NULL, "STOP", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION postcopy-active", S(FINISH_MIGRATE), "ka" },
    { NULL, "lost", S(FINISH_MIGRATE), "" },

    /* --- Source paused before, destination started with -S --------------------------------- */
    { "paused/source", "connect", S(PRELAUNCH), "" },
    { NULL, "? paused", S(PAUSED), "k" },
    { NULL, "m", S(PAUSED), "k" },
    { NULL, "MIGRATION setup", S(PAUSED), "ka" },
    { NULL, "MIGRATION active", S(PAUSED), "ka" },
    { NULL, "MIGRATION_PASS 3", S(PAUSED), "ka" },
    { NULL, "MIGRATION completed", S(POSTMIGRATE), "ka" },
    { "paused/source-never-started", "connect", S(PRELAUNCH), "" },
    { NULL, "? prelaunch", S(PRELAUNCH), "k" },
    { NULL, "m", S(PRELAUNCH), "k" },
    { NULL, "MIGRATION setup", S(PRELAUNCH), "ka" },
    { NULL, "MIGRATION active", S(PRELAUNCH), "ka" },
    { NULL, "MIGRATION device", S(PRELAUNCH), "ka" },
    { NULL, "? finish-migrate", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION completed", S(POSTMIGRATE), "ka" },
    WAITS("paused/destination"),
    { NULL, "MIGRATION active", S(INMIGRATE), "k" },
    { NULL, "MIGRATION completed", S(INMIGRATE), "k" },
    { NULL, "? paused", S(PAUSED), "k" },
    { NULL, "RESUME", S(RUNNING), "k" },

    /* --- Failed, cancelled ----------------------------------------------------------------- */
    RUNS("failed/destination-killed-while-active"),
    MIGRATES,
    { NULL, "MIGRATION failed", S(RUNNING), "k" },
    { NULL, "STOP", S(PAUSED), "k" },
    RUNS("failed/return-path"),
    MIGRATES,
    { NULL, "STOP", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION failed", S(FINISH_MIGRATE), "k" },
    { NULL, "RESUME", S(RUNNING), "k" },
    RUNS("failed/unknown-to-the-source"),
    MIGRATES,
    { NULL, "STOP", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION completed", S(POSTMIGRATE), "ka" },
    { NULL, "RESUME", S(RUNNING), "k" },
    WAITS("failed/destination-exits"),
    { NULL, "MIGRATION active", S(INMIGRATE), "k" },
    { NULL, "MIGRATION failed", S(INMIGRATE), "k" },
    { NULL, "lost", S(INMIGRATE), "" },
    { NULL, "give-up", S(INMIGRATE), "g" },
    WAITS("failed/destination-stays"),
    { NULL, "MIGRATION active", S(INMIGRATE), "k" },
    { NULL, "MIGRATION failed", S(INMIGRATE), "k" },
    { NULL, "? inmigrate", S(INMIGRATE), "k" },
    { NULL, "MIGRATION setup", S(INMIGRATE), "k" },
    { NULL, "MIGRATION active", S(INMIGRATE), "k" },
    { NULL, "RESUME", S(RUNNING), "k" },
    RUNS("failed/migrated-again"),
    MIGRATES,
    { NULL, "MIGRATION failed", S(RUNNING), "k" },
    MIGRATES,
    { NULL, "STOP", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION completed", S(POSTMIGRATE), "ka" },
    RUNS("cancelled/while-active"),
    MIGRATES,
    { NULL, "MIGRATION cancelling", S(RUNNING), "ka" },
    { NULL, "MIGRATION cancelled", S(RUNNING), "k" },
    RUNS("cancelled/stopped-meanwhile"),
    MIGRATES,
    { NULL, "MIGRATION cancelling", S(RUNNING), "ka" },
    { NULL, "STOP", S(PAUSED), "ka" },
    { NULL, "MIGRATION cancelled", S(PAUSED), "k" },

    /* --- Shutdown, reset, end -------------------------------------------------------------- */
    RUNS("end/guest-shutdown"),
    { NULL, "SHUTDOWN guest-shutdown", S(RUNNING), "k" },
    { NULL, "lost", S(SHUTDOWN), "e" },
    { NULL, "give-up", S(SHUTDOWN), "e" },
    { NULL, "connect", S(SHUTDOWN), "e" },
    { NULL, "lost", S(SHUTDOWN), "e" },
    { NULL, "connect", S(SHUTDOWN), "e" },
    { NULL, "? running", S(RUNNING), "k" },
    RUNS("end/no-shutdown"),
    { NULL, "SHUTDOWN guest-shutdown", S(RUNNING), "k" },
    { NULL, "STOP", S(SHUTDOWN), "k" },
    { NULL, "? shutdown", S(SHUTDOWN), "k" },
    { NULL, "lost", S(SHUTDOWN), "e" },
    RUNS("end/no-shutdown-then-reset"),
    { NULL, "SHUTDOWN guest-shutdown", S(RUNNING), "k" },
    { NULL, "STOP", S(SHUTDOWN), "k" },
    { NULL, "RESET host-qmp-system-reset", S(PRELAUNCH), "k" },
    { NULL, "RESUME", S(RUNNING), "k" },
    { NULL, "lost", S(PAUSED), "" },
    RUNS("end/reboot"),
    { NULL, "RESET guest-reset", S(RUNNING), "k" },
    { NULL, "RESET guest-reset", S(RUNNING), "k" },
    { NULL, "lost", S(PAUSED), "" },
    RUNS("end/no-reboot"),
    { NULL, "SHUTDOWN guest-reset", S(RUNNING), "k" },
    { NULL, "lost", S(SHUTDOWN), "e" },
    RUNS("end/quit"),
    { NULL, "SHUTDOWN host-qmp-quit", S(RUNNING), "k" },
    { NULL, "lost", S(SHUTDOWN), "e" },
    RUNS("end/quit-while-paused"),
    { NULL, "STOP", S(PAUSED), "k" },
    { NULL, "SHUTDOWN host-signal", S(PAUSED), "k" },
    { NULL, "lost", S(SHUTDOWN), "e" },
    RUNS("end/quit-behind-a-migration"),
    MIGRATES,
    { NULL, "STOP", S(FINISH_MIGRATE), "ka" },
    { NULL, "MIGRATION completed", S(POSTMIGRATE), "ka" },
    { NULL, "SHUTDOWN host-qmp-quit", S(POSTMIGRATE), "ka" },
    { NULL, "lost", S(POSTMIGRATE), "" },
    RUNS("end/quit-in-the-switch-over"),
    MIGRATES,
    { NULL, "STOP", S(FINISH_MIGRATE), "ka" },
    { NULL, "SHUTDOWN host-qmp-quit", S(FINISH_MIGRATE), "ka" },
    { NULL, "lost", S(FINISH_MIGRATE), "" },
    RUNS("end/crash"),
    { NULL, "lost", S(PAUSED), "" },
    { NULL, "lost", S(PAUSED), "" },
    { NULL, "give-up", S(PAUSED), "g" },
    { NULL, "connect", S(PAUSED), "g" },
    { NULL, "lost", S(PAUSED), "g" },
    { NULL, "connect", S(PAUSED), "g" },
    { NULL, "? running", S(RUNNING), "k" },
    { NULL, "give-up", S(RUNNING), "k" },
    RUNS("end/crash-while-memory-is-sent"),
    MIGRATES,
    { NULL, "lost", S(PAUSED), "" },
    { NULL, "connect", S(PAUSED), "" },
    { NULL, "? prelaunch", S(PRELAUNCH), "k" },
    { NULL, "STOP", S(PRELAUNCH), "k" },
    RUNS("end/another-vm-comes"),
    { NULL, "lost", S(PAUSED), "" },
    { NULL, "connect", S(PAUSED), "" },
    { NULL, "? inmigrate", S(INMIGRATE), "k" },
    { NULL, "RESUME", S(RUNNING), "k" },
    RUNS("end/system-reset-while-paused"),
    { NULL, "STOP", S(PAUSED), "k" },
    { NULL, "RESET host-qmp-system-reset", S(PRELAUNCH), "k" },
    { NULL, "? prelaunch", S(PRELAUNCH), "k" },
    WAITS("end/system-reset-while-waiting"),
    { NULL, "RESET host-qmp-system-reset", S(INMIGRATE), "k" },

    /* --- Stops with a reason --------------------------------------------------------------- */
    RUNS("reason/savevm"),
    { NULL, "STOP", S(PAUSED), "k" },
    { NULL, "? save-vm", S(SAVE_VM), "k" },
    { NULL, "RESUME", S(RUNNING), "k" },
    RUNS("reason/loadvm"),
    { NULL, "STOP", S(PAUSED), "k" },
    { NULL, "? restore-vm", S(RESTORE_VM), "k" },
    { NULL, "RESUME", S(RUNNING), "k" },
    RUNS("reason/dump-answers-too-late"),
    { NULL, "STOP", S(PAUSED), "k" },
    { NULL, "RESUME", S(RUNNING), "k" },
    { NULL, "? running", S(RUNNING), "k" },
    RUNS("reason/guest-panic"),
    { NULL, "GUEST_PANICKED pause", S(RUNNING), "k" },
    { NULL, "STOP", S(GUEST_PANICKED), "k" },
    { NULL, "? guest-panicked", S(GUEST_PANICKED), "k" },
    RUNS("reason/guest-panic-powers-off"),
    { NULL, "GUEST_PANICKED poweroff", S(RUNNING), "k" },
    { NULL, "STOP", S(GUEST_PANICKED), "k" },
    { NULL, "SHUTDOWN guest-panic", S(GUEST_PANICKED), "k" },
    { NULL, "lost", S(SHUTDOWN), "e" },
    RUNS("reason/guest-panic-runs-on"),
    { NULL, "GUEST_PANICKED run", S(RUNNING), "k" },
    { NULL, "STOP", S(PAUSED), "k" },
    RUNS("reason/io-error"),
    { NULL, "BLOCK_IO_ERROR stop", S(RUNNING), "k" },
    { NULL, "STOP", S(IO_ERROR), "k" },
    { NULL, "RESUME", S(RUNNING), "k" },
    { NULL, "STOP", S(PAUSED), "k" },
    RUNS("reason/io-error-is-only-reported"),
    { NULL, "BLOCK_IO_ERROR report", S(RUNNING), "k" },
    { NULL, "STOP", S(PAUSED), "k" },
    RUNS("reason/watchdog"),
    { NULL, "WATCHDOG pause", S(RUNNING), "k" },
    { NULL, "STOP", S(WATCHDOG), "k" },
    RUNS("reason/watchdog-resets"),
    { NULL, "WATCHDOG reset", S(RUNNING), "k" },
    { NULL, "RESET guest-reset", S(RUNNING), "k" },
    RUNS("reason/panic-in-a-migration"),
    MIGRATES,
    { NULL, "GUEST_PANICKED pause", S(RUNNING), "ka" },
    { NULL, "STOP", S(GUEST_PANICKED), "ka" },
    RUNS("reason/event-without-its-data"),
    { NULL, "GUEST_PANICKED", S(RUNNING), "k" },
    { NULL, "WATCHDOG", S(RUNNING), "k" },
    { NULL, "BLOCK_IO_ERROR", S(RUNNING), "k" },
    { NULL, "RESET", S(RUNNING), "k" },
    { NULL, "MIGRATION", S(RUNNING), "k" },
    { NULL, "SHUTDOWN", S(RUNNING), "k" },
    { NULL, "lost", S(SHUTDOWN), "e" },
    RUNS("reason/sleep"),
    { NULL, "SUSPEND", S(SUSPENDED), "k" },
    { NULL, "? suspended", S(SUSPENDED), "k" },
    { NULL, "WAKEUP", S(RUNNING), "k" },
    { NULL, "? running", S(RUNNING), "k" },
    RUNS("reason/sleep-stopped-10.2"),
    { NULL, "SUSPEND", S(SUSPENDED), "k" },
    { NULL, "STOP", S(SUSPENDED), "k" },
    { NULL, "? paused", S(PAUSED), "k" },
    { NULL, "WAKEUP", S(PAUSED), "k" },
    { NULL, "RESUME", S(RUNNING), "k" },
    { NULL, "? suspended", S(SUSPENDED), "k" },
    RUNS("reason/sleep-reset"),
    { NULL, "SUSPEND", S(SUSPENDED), "k" },
    { NULL, "RESET host-qmp-system-reset", S(SUSPENDED), "k" },
    { NULL, "? running", S(RUNNING), "k" },
    { NULL, NULL, S(RUNNING), NULL },
};

/* --- What is not in the table -------------------------------------------------------------- */

static void test_begins_stopped(void)
{
    FollowState state;

    follow_state_init(&state, RUN_STATE_RUNNING);
    g_assert_cmpint(state.run_state, ==, RUN_STATE_PAUSED);
    follow_state_init(&state, RUN_STATE_INMIGRATE);
    g_assert_cmpint(state.run_state, ==, RUN_STATE_INMIGRATE);
}

static void take_requests(FollowState *state, bool status, bool migrate)
{
    g_assert_cmpint(state->ask_status, ==, status);
    g_assert_cmpint(state->ask_migrate, ==, migrate);
    state->ask_status = state->ask_migrate = false;
}

static void test_asks(void)
{
    FollowState state;

    follow_state_init(&state, RUN_STATE_PRELAUNCH);
    follow_state_connected(&state);
    take_requests(&state, true, true);
    follow_state_status(&state, "running", true);
    follow_state_migration(&state, NULL);
    take_requests(&state, false, false);
    follow_state_event(&state, "MIGRATION", "setup");
    take_requests(&state, false, false);
    follow_state_event(&state, "STOP", NULL);
    take_requests(&state, true, true);
    follow_state_event(&state, "MIGRATION", "device");
    take_requests(&state, true, false);
    follow_state_event(&state, "RESET", "guest-reset");
    take_requests(&state, true, false);
    follow_state_event(&state, "RESUME", NULL);
    take_requests(&state, true, true);
    follow_state_event(&state, "SUSPEND", NULL);
    take_requests(&state, true, false);
    follow_state_event(&state, "STOP", NULL);
    follow_state_lost(&state);
    take_requests(&state, false, false);
}

static void assert_hold(const FollowState *state, bool connected, VmFollowerHold hold)
{
    g_assert_cmpstr(qapi_enum_name(QAPI_TYPE(VmFollowerHold),
                                   (int)follow_state_hold(state, connected)), ==,
                    qapi_enum_name(QAPI_TYPE(VmFollowerHold), (int)hold));
}

static void test_tells_why_frames_are_held(void)
{
    FollowState state;

    follow_state_init(&state, RUN_STATE_PRELAUNCH);
    assert_hold(&state, false, VM_FOLLOWER_HOLD_VM_NOT_CONNECTED);
    follow_state_connected(&state);
    assert_hold(&state, true, VM_FOLLOWER_HOLD_VM_UNKNOWN);
    follow_state_status(&state, "inmigrate", false);
    assert_hold(&state, true, VM_FOLLOWER_HOLD_IN_MIGRATION);
    follow_state_event(&state, "RESUME", NULL);
    assert_hold(&state, true, VM_FOLLOWER_HOLD_NONE);
    follow_state_event(&state, "STOP", NULL);
    assert_hold(&state, true, VM_FOLLOWER_HOLD_VM_STOPPED);
    follow_state_status(&state, "finish-migrate", false);
    assert_hold(&state, true, VM_FOLLOWER_HOLD_IN_MIGRATION);
    follow_state_status(&state, "postmigrate", false);
    assert_hold(&state, true, VM_FOLLOWER_HOLD_IN_MIGRATION);
    follow_state_lost(&state);
    assert_hold(&state, false, VM_FOLLOWER_HOLD_VM_NOT_CONNECTED);
    follow_state_give_up(&state);
    assert_hold(&state, false, VM_FOLLOWER_HOLD_GUEST_GONE);
}

static void test_names_the_members_that_matter(void)
{
    g_assert_cmpstr(follow_event_details("MIGRATION")[0], ==, "status");
    g_assert_cmpstr(follow_event_details("MIGRATION")[1], ==, NULL);
    g_assert_cmpstr(follow_event_details("COLO_EXIT")[0], ==, "mode");
    g_assert_cmpstr(follow_event_details("COLO_EXIT")[1], ==, "reason");
    g_assert_null(follow_event_details("STOP"));
    g_assert_null(follow_event_details("RTC_CHANGE"));
    g_assert_true(follow_event_matters("COLO_EXIT"));
    g_assert_false(follow_event_matters("RTC_CHANGE"));
}

static void test_knows_the_reason_of_a_shutdown(void)
{
    FollowState state;

    follow_state_init(&state, RUN_STATE_PRELAUNCH);
    follow_state_event(&state, "SHUTDOWN", "guest-reset");
    g_assert_cmpint(state.shutdown_cause, ==, SHUTDOWN_CAUSE_GUEST_RESET);
    follow_state_event(&state, "SHUTDOWN", "boredom");
    g_assert_cmpint(state.shutdown_cause, ==, SHUTDOWN_CAUSE_NONE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    follow_lines_add("/follow-state", lines, G_N_ELEMENTS(lines));
    g_test_add_func("/follow-state/begins-stopped", test_begins_stopped);
    g_test_add_func("/follow-state/asks", test_asks);
    g_test_add_func("/follow-state/tells-why-frames-are-held", test_tells_why_frames_are_held);
    g_test_add_func("/follow-state/names-the-members-that-matter",
                    test_names_the_members_that_matter);
    g_test_add_func("/follow-state/knows-the-reason-of-a-shutdown",
                    test_knows_the_reason_of_a_shutdown);
    return g_test_run();
}
