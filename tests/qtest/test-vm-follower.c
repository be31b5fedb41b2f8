/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vm-follower takes over a VM's run state: what it does, what it shows, and what it refuses. */

#include <string.h>

#include "export-rig.h"
#include "fake-vm.h"
#include "rig.h"

/*
 *   test (the VM) ◄──unix── chardev qmp0 ◄── vm-follower vm0 of the program
 *
 * What each event means is a matter of tests/unit/test-follow-state.c.
 */

/* --- The run state ------------------------------------------------------------------------- */

static void test_starts_without_a_vm(void)
{
    FakeVm *vm = fake_vm_new();
    g_autofree char *options = fake_vm_options(vm, "");

    fake_vm_crash(vm);
    vm->s = qtest_start("%s", options);
    fake_vm_assert_state(vm, "prelaunch");
    fake_vm_assert(vm, "state", "disconnected");
    fake_vm_assert(vm, "connected", "false");
    fake_vm_assert(vm, "hold", "vm-not-connected");
    fake_vm_assert(vm, "vm-status", "");
    fake_vm_assert(vm, "gone-ms", "");
    fake_vm_listen(vm);
    fake_vm_follow(vm, "running");
    qtest_expect_event(vm->s, "RESUME");
    fake_vm_assert_state(vm, "running");
    fake_vm_assert(vm, "version", "7.2.22");
    fake_vm_assert(vm, "vm-status", "running");
    fake_vm_assert(vm, "hold", "none");
    fake_vm_assert(vm, "reconnects", "0");
    fake_vm_quit(vm);
}

static void test_follows_stop_and_cont(void)
{
    FakeVm *vm = fake_vm_start("", "");

    fake_vm_follow(vm, "prelaunch");
    fake_vm_assert_state(vm, "prelaunch");
    fake_vm_assert(vm, "hold", "vm-stopped");
    fake_vm_event(vm, "RESUME", NULL);
    qtest_expect_event(vm->s, "RESUME");
    fake_vm_event(vm, "STOP", NULL); /* taken although the queries behind RESUME are open */
    qtest_expect_event(vm->s, "STOP");
    fake_vm_assert_state(vm, "paused");
    fake_vm_answer_status(vm, "save-vm");
    fake_vm_wait(vm, "run-state", "save-vm");
    g_assert_false(qtest_has_event(vm->s, "STOP"));
    fake_vm_event(vm, "RESUME", NULL);
    qtest_expect_event(vm->s, "RESUME");
    fake_vm_assert(vm, "errors", "0");
    fake_vm_quit(vm);
}

/*
 * The thread of a migration tells STOP and RESUME while the loop that answers has the answer of
 * before in its hands: that is not believed, and it is asked again.
 */
static void test_answers_of_before(void)
{
    FakeVm *vm = fake_vm_start("", "");

    fake_vm_follow(vm, "running");
    qtest_expect_event(vm->s, "RESUME");
    fake_vm_migration(vm, "active");
    fake_vm_event(vm, "STOP", NULL);
    qtest_expect_event(vm->s, "STOP");
    fake_vm_event(vm, "RESUME", NULL);
    qtest_expect_event(vm->s, "RESUME");
    fake_vm_answer_status(vm, "finish-migrate");
    fake_vm_answer_migration(vm, "failed");
    fake_vm_event(vm, "STOP", NULL); /* the second question is open */
    qtest_expect_event(vm->s, "STOP");
    fake_vm_answer_status(vm, "running");
    fake_vm_answer_migration(vm, "failed");
    fake_vm_answer_status(vm, "save-vm");
    fake_vm_wait(vm, "run-state", "save-vm");
    g_assert_false(qtest_has_event(vm->s, "RESUME"));
    g_assert_false(qtest_has_event(vm->s, "STOP"));
    fake_vm_quit(vm);
}

static void test_source_of_a_migration(void)
{
    FakeVm *vm = fake_vm_start("", "");

    fake_vm_follow(vm, "running");
    qtest_expect_event(vm->s, "RESUME");
    fake_vm_migration(vm, "setup");
    fake_vm_migration(vm, "active");
    fake_vm_wait(vm, "migration", "active");
    fake_vm_assert(vm, "armed", "true");
    fake_vm_event(vm, "STOP", NULL);
    qtest_expect_event(vm->s, "STOP");
    fake_vm_assert_state(vm, "finish-migrate"); /* the queries are open */
    fake_vm_assert(vm, "hold", "in-migration");
    fake_vm_migration(vm, "completed");
    fake_vm_wait(vm, "run-state", "postmigrate");
    fake_vm_answer_status(vm, "finish-migrate"); /* older than "completed" */
    fake_vm_answer_migration(vm, "active");
    fake_vm_assert(vm, "run-state", "postmigrate");
    fake_vm_crash(vm);
    fake_vm_wait(vm, "state", "disconnected");
    fake_vm_assert_state(vm, "postmigrate");
    fake_vm_assert(vm, "armed", "false");
    fake_vm_quit(vm);
}

static void test_destination_of_a_migration(void)
{
    FakeVm *vm = fake_vm_start("", "");

    fake_vm_follow(vm, "inmigrate");
    fake_vm_assert_state(vm, "inmigrate");
    fake_vm_migration(vm, "active");
    fake_vm_wait(vm, "migration", "active");
    fake_vm_assert(vm, "armed", "false");
    fake_vm_answer_status(vm, "inmigrate");
    fake_vm_event(vm, "RESUME", NULL);
    qtest_expect_event(vm->s, "RESUME");
    fake_vm_migration(vm, "completed");
    fake_vm_wait(vm, "migration", "completed");
    fake_vm_assert_state(vm, "running");
    fake_vm_quit(vm);
}

static void test_crash_is_waited_for(void)
{
    FakeVm *vm = fake_vm_start("", "");

    fake_vm_follow(vm, "running");
    qtest_expect_event(vm->s, "VM_FOLLOWER_STATE");
    fake_vm_crash(vm);
    qtest_expect_event(vm->s, "STOP");
    qtest_expect_event(vm->s, "VM_FOLLOWER_STATE");
    fake_vm_assert_state(vm, "paused");
    fake_vm_assert(vm, "hold", "vm-not-connected");
    fake_vm_listen(vm);
    fake_vm_accept(vm);
    fake_vm_wait(vm, "state", "greeting");
    fake_vm_assert(vm, "hold", "vm-unknown");
    fake_vm_greet(vm);
    fake_vm_wait(vm, "state", "negotiating");
    fake_vm_answer_status(vm, "running");
    qtest_expect_event(vm->s, "RESUME");
    fake_vm_assert(vm, "vm-status", "running");
    fake_vm_assert(vm, "state", "negotiating");
    fake_vm_assert(vm, "reconnects", "1");
    fake_vm_assert(vm, "gone-ms", "");
    fake_vm_quit(vm);
}

/* The source is gone, and its place is taken by the destination of another migration. */
static void test_another_vm_comes(void)
{
    FakeVm *vm = fake_vm_start("", "");

    fake_vm_follow(vm, "running");
    fake_vm_hang_up(vm);
    qtest_expect_event(vm->s, "STOP");
    fake_vm_follow(vm, "inmigrate");
    fake_vm_assert_state(vm, "inmigrate");
    fake_vm_quit(vm);
}

/* Frames wait while the VM is stopped, and go first when it runs. */
static void test_frames_follow(void)
{
    FakeVm *vm = fake_vm_new();
    g_autofree char *options = fake_vm_options(vm, "");
    Rig *rig = rig_new_with_taker("%s", options);

    vm->s = rig->s;
    rig_send(rig, 5);
    fake_vm_follow(vm, "running");
    rig_expect_peer(rig, 5);
    fake_vm_event(vm, "STOP", NULL);
    qtest_expect_event(vm->s, "STOP");
    rig_send(rig, 3);
    fake_vm_event(vm, "RESUME", NULL);
    rig_expect_peer(rig, 3);
    rig_free(rig);
    fake_vm_free(vm);
}

/* --- Exports ------------------------------------------------------------------------------- */

static ExportRig *export_rig_follow(FakeVm *vm, const char *properties)
{
    g_autofree char *options = fake_vm_options(vm, properties);
    g_autofree char *more = g_strconcat(" ", options, NULL);
    ExportRig *rig = export_rig_new(more);

    vm->s = rig->s;
    fake_vm_follow(vm, "running");
    qtest_expect_event(vm->s, "RESUME");
    export_rig_attach(rig);
    export_rig_check(rig, 3);
    return rig;
}

/* They gate from the beginning of a migration until it has failed. */
static void test_exports_gate_in_a_migration(void)
{
    FakeVm *vm = fake_vm_new();
    ExportRig *rig = export_rig_follow(vm, "");

    g_assert_cmpint(export_rig_count(rig, "gating"), ==, 0);
    fake_vm_migration(vm, "setup");
    export_rig_wait(rig, "gating", 1);
    export_rig_check(rig, 20);
    fake_vm_migration(vm, "failed");
    export_rig_wait(rig, "gating", 0);
    export_rig_check(rig, 20);
    fake_vm_migration(vm, "active");
    export_rig_wait(rig, "gating", 1);
    fake_vm_hang_up(vm);
    export_rig_wait(rig, "gating", 0);
    export_rig_free(rig);
    fake_vm_free(vm);
}

/* What waits for a VM that is given up is dropped and counted, and nothing more is read. */
static void test_exports_drop_what_a_gone_vm_is_owed(void)
{
    FakeVm *vm = fake_vm_new();
    ExportRig *rig = export_rig_follow(vm, ",on-exit=stop");

    fake_vm_crash(vm);
    qtest_expect_event(vm->s, "STOP");
    export_rig_detach(rig);
    export_rig_send(rig, 7);
    export_rig_wait(rig, "held-to-guest.frames", 7);
    qtest_qom_set(vm->s, "vm0", "exit-timeout", "1");
    export_rig_wait(rig, "held-to-guest.frames", 0);
    g_assert_cmpint(export_rig_count(rig, "dropped.guest-gone.frames"), ==, 7);
    g_assert_cmpint(qtest_netdev_count(vm->s, "net0", "polled"), ==, 0);
    rig->n_guest_got += 7;
    fake_vm_listen(vm);
    fake_vm_follow(vm, "running");
    export_rig_attach(rig);
    export_rig_check(rig, 5);
    export_rig_free(rig);
    fake_vm_free(vm);
}

/* --- on-exit ------------------------------------------------------------------------------- */

static void expect_state_event(FakeVm *vm, const char *state, const char *hold)
{
    g_autoptr(json_object) event = qtest_wait_event(vm->s, "VM_FOLLOWER_STATE");
    json_object *data = json_object_object_get(event, "data");

    g_assert_cmpstr(json_object_get_string(json_object_object_get(data, "id")), ==, "vm0");
    g_assert_cmpstr(json_object_get_string(json_object_object_get(data, "state")), ==, state);
    g_assert_cmpstr(json_object_get_string(json_object_object_get(data, "hold")), ==, hold);
}

static void test_gives_up_a_crashed_vm(void)
{
    FakeVm *vm = fake_vm_start(",on-exit=stop,exit-timeout=20", "");

    fake_vm_follow(vm, "running");
    expect_state_event(vm, "following", "none");
    fake_vm_crash(vm);
    expect_state_event(vm, "disconnected", "vm-not-connected");
    expect_state_event(vm, "disconnected", "guest-gone");
    fake_vm_assert_state(vm, "paused");
    fake_vm_assert(vm, "hold", "guest-gone");
    fake_vm_listen(vm);
    fake_vm_follow(vm, "running");
    expect_state_event(vm, "following", "none");
    fake_vm_quit(vm);
}

/* A greeting proves nothing: only a known state does. */
static void test_a_mere_connection_does_not_count(void)
{
    FakeVm *vm = fake_vm_start(",exit-timeout=20", "");

    fake_vm_follow(vm, "running");
    expect_state_event(vm, "following", "none");
    fake_vm_hang_up(vm);
    expect_state_event(vm, "disconnected", "vm-not-connected");
    fake_vm_accept(vm);
    fake_vm_greet(vm);
    expect_state_event(vm, "disconnected", "guest-gone");
    fake_vm_answer_status(vm, "running");
    fake_vm_wait(vm, "hold", "none");
    fake_vm_answer_migration(vm, NULL);
    fake_vm_accept_events(vm, "running", NULL);
    expect_state_event(vm, "following", "none");
    fake_vm_quit(vm);
}

static void expect_exit(FakeVm *vm, const char *reason, bool guest)
{
    g_autoptr(json_object) event = qtest_wait_event(vm->s, "SHUTDOWN");
    json_object *data = json_object_object_get(event, "data");

    g_assert_cmpstr(json_object_get_string(json_object_object_get(data, "reason")), ==, reason);
    g_assert_cmpint(json_object_get_boolean(json_object_object_get(data, "guest")), ==, guest);
    g_assert_cmpint(qtest_wait_exit(vm->s), ==, 0);
    fake_vm_free(vm);
}

static void test_quits_behind_a_crash(void)
{
    FakeVm *vm = fake_vm_start(",on-exit=quit,exit-timeout=20", "");

    fake_vm_follow(vm, "running");
    fake_vm_crash(vm);
    expect_exit(vm, "host-error", false);
}

/* Nothing is waited for: the time-out would be far beyond the test's limit. */
static void test_quits_at_once_behind_a_shutdown(void)
{
    FakeVm *vm = fake_vm_start(",on-exit=quit,exit-timeout=4000000000", "");

    fake_vm_follow(vm, "running");
    fake_vm_event(vm, "SHUTDOWN", "{'guest': true, 'reason': 'guest-shutdown'}");
    fake_vm_crash(vm);
    expect_exit(vm, "guest-shutdown", true);
}

static void test_holds_behind_a_shutdown(void)
{
    FakeVm *vm = fake_vm_start("", "");

    fake_vm_follow(vm, "running");
    expect_state_event(vm, "following", "none");
    fake_vm_event(vm, "SHUTDOWN", "{'guest': true, 'reason': 'guest-shutdown'}");
    fake_vm_crash(vm);
    expect_state_event(vm, "disconnected", "guest-gone");
    fake_vm_assert_state(vm, "shutdown");
    fake_vm_quit(vm);
}

/* A source whose guest has moved hands over what still comes, until the time is over. */
static void test_quit_of_a_source_is_no_shutdown(void)
{
    FakeVm *vm = fake_vm_start(",on-exit=quit", "");

    fake_vm_follow(vm, "running");
    fake_vm_migration(vm, "active");
    fake_vm_event(vm, "STOP", NULL);
    fake_vm_migration(vm, "completed");
    fake_vm_event(vm, "SHUTDOWN", "{'guest': false, 'reason': 'host-qmp-quit'}");
    fake_vm_crash(vm);
    fake_vm_wait(vm, "state", "disconnected");
    fake_vm_assert_state(vm, "postmigrate");
    fake_vm_assert(vm, "hold", "vm-not-connected");
    qtest_qom_set(vm->s, "vm0", "exit-timeout", "1");
    expect_exit(vm, "host-error", false);
}

static void test_on_exit_changes_when_the_vm_is_gone(void)
{
    FakeVm *vm = fake_vm_start(",exit-timeout=10", "");

    fake_vm_follow(vm, "running");
    fake_vm_crash(vm);
    fake_vm_wait(vm, "hold", "guest-gone");
    qtest_qom_set_str(vm->s, "vm0", "on-exit", "stop");
    fake_vm_assert(vm, "on-exit", "stop");
    qtest_qom_set_str(vm->s, "vm0", "on-exit", "quit");
    expect_exit(vm, "host-error", false);
}

static void test_a_vm_that_never_came_is_not_given_up(void)
{
    FakeVm *vm = fake_vm_start(",on-exit=quit,exit-timeout=0", "");

    fake_vm_accept(vm);
    fake_vm_hang_up(vm);
    fake_vm_follow(vm, "paused");
    fake_vm_quit(vm);
}

/* --- Creation, deletion, refusals ---------------------------------------------------------- */

#define OWN_MONITOR "The run state is that of the VM that vm-follower 'vm0' follows: use the " \
                    "VM's own monitor"

static void test_commands_are_refused(void)
{
    static const char *const commands[] = { "stop", "cont", "system_reset" };
    FakeVm *vm = fake_vm_start("", "");

    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        g_autofree char *printed = qtest_hmp(vm->s, "%s", commands[i]);

        qtest_qmp_error(vm->s, "GenericError", OWN_MONITOR, "{'execute': '%s'}", commands[i]);
        g_assert_cmpstr(printed, ==, "Error: " OWN_MONITOR "\r\n");
    }
    fake_vm_assert_state(vm, "prelaunch");
    fake_vm_quit(vm);
}

static void test_deletion_gives_the_run_state_back(void)
{
    FakeVm *vm = fake_vm_start("", "");
    g_autoptr(json_object) list = NULL;

    fake_vm_follow(vm, "running");
    qtest_expect_event(vm->s, "RESUME");
    qtest_object_del(vm->s, "vm0");
    sock_expect_eof(vm->fd);
    fake_vm_assert_state(vm, "running");
    qtest_stop(vm->s);
    list = qtest_qmp_return(vm->s, "{'execute': 'query-vm-follower'}");
    g_assert_cmpuint(json_object_array_length(list), ==, 0);
    qtest_object_add(vm->s, "{'qom-type': 'vm-follower', 'id': 'vm0', 'chardev': 'qmp0'}");
    fake_vm_follow(vm, "running"); /* on a connection of its own */
    fake_vm_quit(vm);
}

static void test_creation_stops_what_is_not_known_to_run(void)
{
    FakeVm *vm = fake_vm_start("", "");

    qtest_object_del(vm->s, "vm0");
    qtest_cont(vm->s);
    qtest_object_add(vm->s, "{'qom-type': 'vm-follower', 'id': 'vm0', 'chardev': 'qmp0'}");
    qtest_expect_event(vm->s, "STOP");
    fake_vm_assert_state(vm, "paused");
    fake_vm_quit(vm);
}

static void expect_refusal(FakeVm *vm, const char *class, const char *desc, const char *members)
{
    qtest_qmp_error(vm->s, class, desc, "{'execute': 'object-add', 'arguments': {'qom-type': "
                    "'vm-follower', %s}}", members);
}

static void test_refused_creations(void)
{
    FakeVm *vm = fake_vm_start("", "-chardev null,id=n -chardev null,id=m0,mux=on "
                               "-netdev hubport,id=p,hubid=1 "
                               "-object filter-mirror,id=f,netdev=p,outdev=n");

    expect_refusal(vm, "GenericError", "vm-follower 'vm1': there is vm-follower 'vm0' already: "
                   "only one VM can be followed", "'id': 'vm1', 'chardev': 'n'");
    qtest_object_del(vm->s, "vm0");
    expect_refusal(vm, "DeviceNotFound", "vm-follower 'a': chardev 'no' not found",
                   "'id': 'a', 'chardev': 'no'");
    expect_refusal(vm, "GenericError", "vm-follower 'a': chardev 'n' is already in use",
                   "'id': 'a', 'chardev': 'n'");
    expect_refusal(vm, "GenericError", "vm-follower 'a': chardev 'm0' is a mux: a QMP client needs "
                   "one for itself",
                   "'id': 'a', 'chardev': 'm0'");
    expect_refusal(vm, "GenericError", "Parameter 'chardev' is missing", "'id': 'a'");
    expect_refusal(vm, "GenericError", "Parameter 'on-exit' does not accept value 'dance'",
                   "'id': 'a', 'chardev': 'qmp0', 'on-exit': 'dance'");
    qtest_cont(vm->s); /* nothing of them has stayed */
    fake_vm_quit(vm);
}

static void test_refused_changes(void)
{
    FakeVm *vm = fake_vm_start("", "");

    qtest_qmp_error(vm->s, "GenericError", "Property 'vm-follower.chardev' can only be given when "
                    "the object is created", "{'execute': 'qom-set', 'arguments': {'path': "
                    "'/objects/vm0', 'property': 'chardev', 'value': 'x'}}");
    qtest_qmp_error(vm->s, "GenericError", NULL, "{'execute': 'qom-set', 'arguments': {'path': "
                    "'/objects/vm0', 'property': 'on-exit', 'value': 'x'}}");
    fake_vm_quit(vm);
}

static void test_refused_command_lines(void)
{
#define FOLLOWER "-nodefaults -chardev null,id=n -object vm-follower,id=vm0,chardev=n "
    qtest_expect_start_error("-S cannot be used together with vm-follower 'vm0': the VM that it "
                             "follows decides the run state", FOLLOWER "-S");
    qtest_expect_start_error("-incoming cannot be used together with vm-follower 'vm0': the VM "
                             "that it follows decides the run state", FOLLOWER "-incoming defer");
    qtest_expect_start_error("vm-follower 'vm0': chardev 'q' not found",
                             "-object vm-follower,id=vm0,chardev=q");
    qtest_expect_start_error("vm-follower 'vm1': there is vm-follower 'vm0' already: only one VM "
                             "can be followed",
                             FOLLOWER "-object vm-follower,id=vm1,chardev=n");
}

/* --- What it shows ------------------------------------------------------------------------- */

static void test_info(void)
{
    FakeVm *vm = fake_vm_start("", "");
    g_autofree char *before = qtest_hmp(vm->s, "info vm-follower");
    g_autofree char *after = NULL;

    g_assert_nonnull(strstr(before, "  frames to the guest are held: vm-"));
    g_assert_null(strstr(before, "COLO"));
    fake_vm_follow(vm, "running");
    fake_vm_event(vm, "WATCHDOG", "{'action': 'pause'}");
    fake_vm_event(vm, "STOP", NULL);
    qtest_expect_event(vm->s, "STOP");
    after = qtest_hmp(vm->s, "info vm-follower");
    g_assert_nonnull(strstr(after, "vm0: chardev=qmp0,on-exit=hold: connected, following, "
                            "QEMU 7.2.22\r\n"
                            "  unanswered 2, reconnects 0, errors 0\r\n"
                            "  VM: watchdog, migration none; here: watchdog\r\n"
                            "  frames to the guest are held: vm-stopped\r\n"));
    g_assert_nonnull(strstr(after, " s ago, 1700000000.000042: WATCHDOG pause -> running\r\n"));
    g_assert_nonnull(strstr(after, " s ago, 1700000000.000042: STOP -> watchdog\r\n"));
    fake_vm_quit(vm);
}

static void test_info_of_a_lost_vm(void)
{
    FakeVm *vm = fake_vm_start("", "");
    g_autofree char *text = NULL;

    fake_vm_follow(vm, "running");
    fake_vm_migration(vm, "colo");
    fake_vm_event(vm, "RESUME", NULL);
    fake_vm_event(vm, "COLO_EXIT", "{'mode': 'primary', 'reason': 'error'}");
    fake_vm_send(vm, "rubbish\r\n");
    fake_vm_crash(vm);
    fake_vm_wait(vm, "connected", "false");
    text = qtest_hmp(vm->s, "info vm-follower");
    g_assert_nonnull(strstr(text, "vm0: chardev=qmp0,on-exit=hold: not connected, disconnected, "
                            "gone for "));
    g_assert_nonnull(strstr(text, "  unanswered 0, reconnects 0, errors 1: "));
    g_assert_nonnull(strstr(text, "  VM: unknown, migration colo; here: paused\r\n"));
    g_assert_nonnull(strstr(text, "  COLO: none, 1 checkpoints, 0 pauses; ended as primary: "
                            "error\r\n"));
    g_assert_nonnull(strstr(text, ": COLO_EXIT primary error -> running\r\n"));
    fake_vm_quit(vm);
}

static json_object *events_of(FakeVm *vm)
{
    g_autofree char *text = fake_vm_member(vm, "events");

    return json_tokener_parse(text);
}

static const char *event_text(json_object *events, size_t i, const char *name)
{
    return json_object_get_string(json_object_object_get(json_object_array_get_idx(events, i),
                                                         name));
}

static void test_events(void)
{
    FakeVm *vm = fake_vm_start("", "");
    g_autoptr(json_object) events = NULL;

    fake_vm_follow(vm, "running");
    fake_vm_migration(vm, "active");
    fake_vm_event(vm, "NIC_RX_FILTER_CHANGED", "{'path': '/x'}"); /* does not matter */
    fake_vm_event(vm, "MIGRATION_PASS", "{'pass': 1}");
    fake_vm_event(vm, "MIGRATION_PASS", "{'pass': 2}"); /* takes the place of the first */
    fake_vm_event(vm, "STOP", NULL);
    qtest_expect_event(vm->s, "STOP");
    events = events_of(vm);
    g_assert_cmpuint(json_object_array_length(events), ==, 3);
    g_assert_cmpstr(event_text(events, 0, "name"), ==, "MIGRATION");
    g_assert_cmpstr(event_text(events, 0, "detail"), ==, "active");
    g_assert_cmpstr(event_text(events, 0, "run-state"), ==, "running");
    g_assert_cmpstr(event_text(events, 1, "detail"), ==, "2");
    g_assert_cmpstr(event_text(events, 2, "name"), ==, "STOP");
    g_assert_cmpstr(event_text(events, 2, "detail"), ==, NULL);
    g_assert_cmpstr(event_text(events, 2, "run-state"), ==, "finish-migrate");
    g_assert_nonnull(strstr(event_text(events, 2, "timestamp"), "1700000000"));
    fake_vm_quit(vm);
}

/* Such a time counts as none: it is reckoned with. */
static void test_impossible_times(void)
{
    static const char *const times[] = {
        "'seconds': 9223372036854775807, 'microseconds': 9223372036854775807",
        "'seconds': -9223372036854775808, 'microseconds': -9223372036854775808",
        "'seconds': -1, 'microseconds': -1",
        "'seconds': 9223372036854, 'microseconds': 1000000",
    };
    FakeVm *vm = fake_vm_start("", "");
    g_autoptr(json_object) events = NULL;

    fake_vm_follow(vm, "running");
    for (size_t i = 0; i < G_N_ELEMENTS(times); i++) {
        g_autofree char *text =
            g_strdup_printf("{'event': 'MIGRATION_PASS', 'timestamp': {%s}}"
                            "{'event': 'STOP', 'timestamp': {%s}}{'event': 'RESUME'}", times[i],
                            times[i]);

        fake_vm_send(vm, text);
        qtest_expect_event(vm->s, "STOP");
    }
    events = events_of(vm);
    for (size_t i = 0; i < json_object_array_length(events); i++) {
        g_assert_cmpstr(event_text(events, i, "timestamp"), ==,
                        "{ \"seconds\": 0, \"microseconds\": 0 }");
    }
    fake_vm_quit(vm);
}

static void test_only_the_last_events_are_kept(void)
{
    FakeVm *vm = fake_vm_start("", "");
    g_autoptr(json_object) events = NULL;

    fake_vm_follow(vm, "running");
    for (int i = 0; i < 40; i++) {
        fake_vm_event(vm, "RESET", "{'guest': true, 'reason': 'guest-reset'}");
    }
    fake_vm_event(vm, "STOP", NULL);
    qtest_expect_event(vm->s, "STOP");
    events = events_of(vm);
    g_assert_cmpuint(json_object_array_length(events), ==, 32);
    g_assert_cmpstr(event_text(events, 31, "name"), ==, "STOP");
    fake_vm_quit(vm);
}

#define ADD(name, func) g_test_add_func("/vm-follower/" name, func)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("starts-without-a-vm", test_starts_without_a_vm);
    ADD("follows-stop-and-cont", test_follows_stop_and_cont);
    ADD("answers-of-before", test_answers_of_before);
    ADD("source-of-a-migration", test_source_of_a_migration);
    ADD("destination-of-a-migration", test_destination_of_a_migration);
    ADD("crash-is-waited-for", test_crash_is_waited_for);
    ADD("another-vm-comes", test_another_vm_comes);
    ADD("frames-follow", test_frames_follow);
    ADD("exports/gate-in-a-migration", test_exports_gate_in_a_migration);
    ADD("exports/drop-what-a-gone-vm-is-owed", test_exports_drop_what_a_gone_vm_is_owed);
    ADD("on-exit/gives-up-a-crashed-vm", test_gives_up_a_crashed_vm);
    ADD("on-exit/a-mere-connection-does-not-count", test_a_mere_connection_does_not_count);
    ADD("on-exit/quits-behind-a-crash", test_quits_behind_a_crash);
    ADD("on-exit/quits-at-once-behind-a-shutdown", test_quits_at_once_behind_a_shutdown);
    ADD("on-exit/holds-behind-a-shutdown", test_holds_behind_a_shutdown);
    ADD("on-exit/quit-of-a-source-is-no-shutdown", test_quit_of_a_source_is_no_shutdown);
    ADD("on-exit/changes-when-the-vm-is-gone", test_on_exit_changes_when_the_vm_is_gone);
    ADD("on-exit/a-vm-that-never-came-is-not-given-up",
        test_a_vm_that_never_came_is_not_given_up);
    ADD("commands-are-refused", test_commands_are_refused);
    ADD("deletion-gives-the-run-state-back", test_deletion_gives_the_run_state_back);
    ADD("creation-stops-what-is-not-known-to-run", test_creation_stops_what_is_not_known_to_run);
    ADD("refused-creations", test_refused_creations);
    ADD("refused-changes", test_refused_changes);
    ADD("refused-command-lines", test_refused_command_lines);
    ADD("info", test_info);
    ADD("info-of-a-lost-vm", test_info_of_a_lost_vm);
    ADD("events", test_events);
    ADD("impossible-times", test_impossible_times);
    ADD("only-the-last-events-are-kept", test_only_the_last_events_are_kept);
    return g_test_run();
}
