/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of stop, cont and reset in every state, also in those only a followed VM reaches. */

#include <glib.h>

#include "follow/vm.h"
#include "net/run-state.h"
#include "qapi/qapi.h"
#include "cases.h"

/* Names of the events, each followed by a blank. */
static GString *events;

static void event_sink(const char *name, json_object *data)
{
    g_string_append_printf(events, "%s ", name);
}

static void go_to(RunState state)
{
    if (!run_state_can_set(run_state_get(), RUN_STATE_PRELAUNCH)) {
        run_state_set(RUN_STATE_PAUSED);
    }
    run_state_set(RUN_STATE_PRELAUNCH);
    run_state_set(state);
    g_string_truncate(events, 0);
}

/* One row of the tables: what is done in which state, and what comes of it. */
typedef struct Row {
    const char *name;
    const char *(*act)(void); /* returns: the error's text, or NULL */
    RunState from;
    RunState to;
    const char *events;
    const char *error;
} Row;

static char last_error[256];

static const char *act_stop(void)
{
    vm_stop();
    return NULL;
}

static const char *act_cont(void)
{
    g_autoptr(GError) error = NULL;

    if (vm_start(&error)) {
        return NULL;
    }
    g_strlcpy(last_error, error->message, sizeof(last_error));
    return last_error;
}

static const char *act_reset(void)
{
    vm_system_reset();
    return NULL;
}

static const char *act_powerdown(void)
{
    vm_system_powerdown();
    return NULL;
}

#define RESET_IS_REQUIRED "Resetting the Virtual Machine is required"
#define NOT_FINALIZED     "Migration is not finalized yet"
#define S(name)           RUN_STATE_##name

static const Row rows[] = {
    { "stop/running", act_stop, S(RUNNING), S(PAUSED), "STOP " },
    { "stop/paused", act_stop, S(PAUSED), S(PAUSED), "" },
    { "stop/prelaunch", act_stop, S(PRELAUNCH), S(PRELAUNCH), "" },
    { "stop/inmigrate", act_stop, S(INMIGRATE), S(INMIGRATE), "" },
    { "stop/postmigrate", act_stop, S(POSTMIGRATE), S(POSTMIGRATE), "" },
    { "stop/finish-migrate", act_stop, S(FINISH_MIGRATE), S(FINISH_MIGRATE), "" },
    { "stop/internal-error", act_stop, S(INTERNAL_ERROR), S(INTERNAL_ERROR), "" },
    { "stop/shutdown", act_stop, S(SHUTDOWN), S(SHUTDOWN), "" },
    { "cont/running", act_cont, S(RUNNING), S(RUNNING), "" },
    { "cont/paused", act_cont, S(PAUSED), S(RUNNING), "RESUME " },
    { "cont/prelaunch", act_cont, S(PRELAUNCH), S(RUNNING), "RESUME " },
    { "cont/inmigrate", act_cont, S(INMIGRATE), S(INMIGRATE), "" },
    { "cont/postmigrate", act_cont, S(POSTMIGRATE), S(RUNNING), "RESUME " },
    { "cont/io-error", act_cont, S(IO_ERROR), S(RUNNING), "RESUME " },
    { "cont/finish-migrate", act_cont, S(FINISH_MIGRATE), S(FINISH_MIGRATE), "", NOT_FINALIZED },
    { "cont/internal-error", act_cont, S(INTERNAL_ERROR), S(INTERNAL_ERROR), "",
      RESET_IS_REQUIRED },
    { "cont/shutdown", act_cont, S(SHUTDOWN), S(SHUTDOWN), "", RESET_IS_REQUIRED },
    { "reset/running", act_reset, S(RUNNING), S(RUNNING), "RESET " },
    { "reset/paused", act_reset, S(PAUSED), S(PRELAUNCH), "RESET " },
    { "reset/prelaunch", act_reset, S(PRELAUNCH), S(PRELAUNCH), "RESET " },
    { "reset/inmigrate", act_reset, S(INMIGRATE), S(INMIGRATE), "RESET " },
    { "reset/internal-error", act_reset, S(INTERNAL_ERROR), S(PRELAUNCH), "RESET " },
    { "reset/shutdown", act_reset, S(SHUTDOWN), S(PRELAUNCH), "RESET " },
    { "powerdown/running", act_powerdown, S(RUNNING), S(RUNNING), "POWERDOWN " },
    { "powerdown/paused", act_powerdown, S(PAUSED), S(PAUSED), "POWERDOWN " },
    { "powerdown/prelaunch", act_powerdown, S(PRELAUNCH), S(PRELAUNCH), "POWERDOWN " },
    { "powerdown/inmigrate", act_powerdown, S(INMIGRATE), S(INMIGRATE), "POWERDOWN " },
};

static void test_row(const void *data)
{
    const Row *row = data;

    go_to(row->from);
    g_assert_cmpstr(row->act(), ==, row->error);
    g_assert_cmpint(run_state_get(), ==, row->to);
    g_assert_cmpstr(events->str, ==, row->events);
}

/* Who has seen STOP and not yet RESUME knows that no frame reaches the guest. */
static void note_state(bool running, RunState state, void *opaque)
{
    g_string_append(events, running ? "running " : "stopped ");
}

static void test_events_enclose_the_running_vm(void)
{
    RunStateListener *listener;

    go_to(RUN_STATE_PAUSED);
    listener = run_state_listener_add(RUN_STATE_ORDER_NET, note_state, NULL);
    g_assert_true(vm_start(NULL));
    vm_stop();
    run_state_listener_remove(listener);
    g_assert_cmpstr(events->str, ==, "RESUME running stopped STOP ");
}

/* --- A followed VM ------------------------------------------------------------------------- */

static void note_name(bool running, RunState state, void *opaque)
{
    g_string_append_printf(events, "%s ", qapi_enum_name(QAPI_TYPE(RunState), (int)state));
}

static void test_follows_from_any_state_to_any(void)
{
    for (int from = 0; from < RUN_STATE__MAX; from++) {
        for (int to = 0; to < RUN_STATE__MAX; to++) {
            const char *expected = from == to ? "" : from == RUN_STATE_RUNNING ? "STOP "
                                 : to == RUN_STATE_RUNNING ? "RESUME " : "";

            go_to((RunState)from);
            vm_follow((RunState)to);
            g_assert_cmpint(run_state_get(), ==, to);
            g_assert_cmpstr(events->str, ==, expected);
        }
    }
}

/* Filters and exports act on the states of a migration: none may be passed through. */
static void test_follows_by_plain_stops(void)
{
    RunStateListener *listener;

    go_to(RUN_STATE_RUNNING);
    listener = run_state_listener_add(RUN_STATE_ORDER_NET, note_name, NULL);
    vm_follow(RUN_STATE_INMIGRATE);
    g_assert_cmpstr(events->str, ==, "paused STOP prelaunch inmigrate ");
    g_string_truncate(events, 0);
    vm_follow(RUN_STATE_RUNNING);
    vm_follow(RUN_STATE_POSTMIGRATE);
    g_assert_cmpstr(events->str, ==, "RESUME running paused STOP postmigrate ");
    run_state_listener_remove(listener);
}

static void test_commands_are_refused_while_followed(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(vm_check_own(&error));
    vm_set_follower("vm0");
    g_assert_false(vm_check_own(&error));
    g_assert_cmpstr(error->message, ==, "The run state is that of the VM that vm-follower 'vm0' "
                    "follows: use the VM's own monitor");
    vm_set_follower(NULL);
    g_assert_true(vm_check_own(NULL));
}

static void assert_no_launch(const VmLaunch *launch, const char *message)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(vm_launch(launch, &error));
    g_assert_cmpstr(error->message, ==, message);
}

static void test_launch_is_the_followed_vms_business(void)
{
    go_to(RUN_STATE_PRELAUNCH);
    vm_set_follower("vm0");
    assert_no_launch(&(VmLaunch) { .autostart = false },
                     "-S cannot be used together with vm-follower 'vm0': the VM that it follows "
                     "decides the run state");
    assert_no_launch(&(VmLaunch) { .autostart = true, .incoming = true },
                     "-incoming cannot be used together with vm-follower 'vm0': the VM that it "
                     "follows decides the run state");
    g_assert_true(vm_launch(&(VmLaunch) { .autostart = true }, NULL));
    g_assert_cmpint(run_state_get(), ==, RUN_STATE_PRELAUNCH);
    vm_set_follower(NULL);
    g_assert_true(vm_launch(&(VmLaunch) { .autostart = true }, NULL));
    g_assert_cmpint(run_state_get(), ==, RUN_STATE_RUNNING);
}

static void test_second_shutdown_is_not_told(void)
{
    go_to(RUN_STATE_RUNNING);
    vm_request_shutdown(SHUTDOWN_CAUSE_HOST_QMP_QUIT);
    vm_request_shutdown(SHUTDOWN_CAUSE_HOST_SIGNAL);
    g_assert_cmpstr(events->str, ==, "SHUTDOWN ");
    vm_run(); /* returns at once */
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    events = g_string_new(NULL);
    qapi_event_set_sink(event_sink);
    CASES_ADD("/vm/", rows, name, test_row);
    g_test_add_func("/vm/events-enclose-the-running-vm", test_events_enclose_the_running_vm);
    g_test_add_func("/vm/follows-from-any-state-to-any", test_follows_from_any_state_to_any);
    g_test_add_func("/vm/follows-by-plain-stops", test_follows_by_plain_stops);
    g_test_add_func("/vm/commands-are-refused-while-followed",
                    test_commands_are_refused_while_followed);
    g_test_add_func("/vm/launch-is-the-followed-vms-business",
                    test_launch_is_the_followed_vms_business);
    g_test_add_func("/vm/second-shutdown-is-not-told", test_second_shutdown_is_not_told);
    status = g_test_run();
    run_state_cleanup();
    g_string_free(events, TRUE);
    return status;
}
