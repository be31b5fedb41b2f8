/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vm-follower passes its VM's checkpoints, failovers and COLO_EXIT on to filters and managers. */

#include "compare-rig.h"
#include "export-rig.h"
#include "fake-vm.h"
#include "filter-rig.h"

#include <string.h>

/*
 *   test (the VM) ◄──unix── chardev qmp0 ◄── vm-follower vm0 ──► cmp0, or the secondary's filters
 *
 * The VM says what QEMU was seen to say (docs/reference-vm.rst). Which of its RESUMEs ends a
 * checkpoint is a matter of tests/unit/test-follow-colo.c.
 */

#define LOST "{'execute': 'x-colo-lost-heartbeat'}"
#define SECONDARY                                                                              \
    "-object filter-redirector,id=inject,netdev=net0,queue=tx,indev=chr1"                      \
    " -object filter-redirector,id=reply,netdev=net0,queue=rx,outdev=chr0"                     \
    " -object filter-rewriter,id=rw,netdev=net0 "
#define PRIMARY_ERROR "{'mode': 'primary', 'reason': 'error'}"
#define SECONDARY_ERROR "{'mode': 'secondary', 'reason': 'error'}"

/* --- What it shows ------------------------------------------------------------------------- */

static void expect_status(QTest *s, const char *mode, const char *last_mode, const char *reason)
{
    g_autoptr(json_object) status = qtest_qmp_return(s, "{'execute': 'query-colo-status'}");
    g_autofree char *got = g_strdup_printf(
        "%s %s %s", json_object_get_string(json_object_object_get(status, "mode")),
        json_object_get_string(json_object_object_get(status, "last-mode")),
        json_object_get_string(json_object_object_get(status, "reason")));
    g_autofree char *want = g_strdup_printf("%s %s %s", mode, last_mode, reason);

    g_assert_cmpstr(got, ==, want);
}

/* Member @name of vm0's colo, as text; owned. */
static char *colo_member(FakeVm *vm, const char *name)
{
    g_autofree char *text = fake_vm_member(vm, "colo");
    g_autoptr(json_object) colo = json_tokener_parse(text);

    return g_strdup(json_object_get_string(json_object_object_get(colo, name)));
}

static void expect_colo(FakeVm *vm, const char *name, const char *want)
{
    g_autofree char *got = colo_member(vm, name);

    g_assert_cmpstr(got, ==, want);
}

static void expect_exit(FakeVm *vm, const char *mode, const char *reason)
{
    g_autoptr(json_object) event = qtest_wait_event(vm->s, "COLO_EXIT");
    json_object *data = json_object_object_get(event, "data");

    g_assert_cmpstr(json_object_get_string(json_object_object_get(data, "mode")), ==, mode);
    g_assert_cmpstr(json_object_get_string(json_object_object_get(data, "reason")), ==, reason);
    g_assert_cmpint(json_object_object_length(data), ==, 2);
}

static void expect_filter_status(QTest *s, const char *id, const char *want)
{
    g_autofree char *got = qtest_qom_get(s, id, "status");

    g_assert_cmpstr(got, ==, want);
}

/* --- The primary --------------------------------------------------------------------------- */

/* The VM has gone into COLO and runs; its queries are open. */
static CompareRig *primary_new(FakeVm **vm)
{
    g_autofree char *options = NULL;
    g_autofree char *more = NULL;
    CompareRig *rig;

    *vm = fake_vm_new();
    options = fake_vm_options(*vm, "");
    more = g_strconcat(" ", options, NULL);
    rig = crig_new(more);
    (*vm)->s = rig->s;
    fake_vm_follow(*vm, "running");
    qtest_expect_event(rig->s, "RESUME");
    fake_vm_migration(*vm, "setup");
    fake_vm_migration(*vm, "active");
    fake_vm_event(*vm, "STOP", NULL);
    fake_vm_migration(*vm, "colo");
    fake_vm_event(*vm, "RESUME", NULL);
    qtest_expect_event(rig->s, "STOP");
    qtest_expect_event(rig->s, "RESUME");
    g_assert_cmpint(crig_count(rig, "checkpoints"), ==, 1);
    return rig;
}

static void primary_free(CompareRig *rig, FakeVm *vm)
{
    crig_free(rig);
    fake_vm_free(vm);
}

static void primary_queue(CompareRig *rig)
{
    crig_send_udp(&rig->pri, 1, "waits");
    crig_wait(rig, "primary.queued.frames", 1);
}

static void test_primary_checkpoint(void)
{
    FakeVm *vm;
    CompareRig *rig = primary_new(&vm);

    expect_status(rig->s, "primary", "none", "none");
    primary_queue(rig);
    fake_vm_event(vm, "STOP", NULL);
    qtest_expect_event(rig->s, "STOP");
    fake_vm_assert_state(vm, "colo");
    fake_vm_event(vm, "MIGRATION_PASS", "{'pass': 4}");
    crig_expect_nothing(rig);
    fake_vm_event(vm, "RESUME", NULL);
    crig_expect_udp(rig, 1, "waits");
    qtest_expect_event(rig->s, "RESUME");
    g_assert_cmpint(crig_count(rig, "checkpoints"), ==, 2);
    expect_colo(vm, "checkpoints", "2");
    primary_free(rig, vm);
}

/* No client may see a packet that the secondary does not know: where that is open, it waits. */
static void test_primary_pause(void)
{
    FakeVm *vm;
    CompareRig *rig = primary_new(&vm);

    primary_queue(rig);
    fake_vm_event(vm, "STOP", NULL);
    qtest_expect_event(rig->s, "STOP");
    fake_vm_answer_status(vm, "paused");
    fake_vm_wait(vm, "run-state", "paused");
    fake_vm_event(vm, "RESUME", NULL);
    qtest_expect_event(rig->s, "RESUME");
    fake_vm_event(vm, "STOP", NULL);
    fake_vm_event(vm, "RESUME", NULL);
    qtest_expect_event(rig->s, "RESUME");
    g_assert_cmpint(crig_count(rig, "checkpoints"), ==, 1);
    g_assert_cmpint(crig_count(rig, "primary.queued.frames"), ==, 1);
    expect_colo(vm, "pauses", "2");
    crig_expect_nothing(rig);
    primary_free(rig, vm);
}

static void test_primary_failover(void)
{
    FakeVm *vm;
    CompareRig *rig = primary_new(&vm);

    primary_queue(rig);
    fake_vm_event(vm, "STOP", NULL);
    fake_vm_migration(vm, "completed");
    fake_vm_event(vm, "COLO_EXIT", PRIMARY_ERROR);
    fake_vm_event(vm, "RESUME", NULL);
    crig_expect_udp(rig, 1, "waits");
    expect_exit(vm, "primary", "error");
    crig_wait(rig, "alone", 1);
    g_assert_cmpint(crig_count(rig, "checkpoints"), ==, 1);
    expect_status(rig->s, "none", "primary", "request");
    expect_colo(vm, "mode", "none");
    expect_colo(vm, "last-mode", "primary");
    expect_colo(vm, "reason", "error");
    fake_vm_assert_state(vm, "running");
    /* A manager that tells both QEMU and us is not to be punished for being second. */
    qtest_qmp_ok(rig->s, LOST);
    expect_status(rig->s, "none", "primary", "request");
    primary_free(rig, vm);
}

/* COLO_EXIT may come before the end of the migration (docs/reference-vm.rst). */
static void test_primary_failover_by_request(void)
{
    FakeVm *vm;
    CompareRig *rig = primary_new(&vm);

    primary_queue(rig);
    fake_vm_event(vm, "STOP", NULL);
    fake_vm_event(vm, "COLO_EXIT", "{'mode': 'primary', 'reason': 'request'}");
    fake_vm_event(vm, "RESUME", NULL);
    fake_vm_migration(vm, "completed");
    crig_expect_udp(rig, 1, "waits");
    expect_exit(vm, "primary", "request");
    fake_vm_wait(vm, "migration", "completed");
    expect_status(rig->s, "none", "primary", "request");
    primary_free(rig, vm);
}

static void test_primary_exit_is_no_failover(void)
{
    FakeVm *vm;
    CompareRig *rig = primary_new(&vm);

    primary_queue(rig);
    fake_vm_event(vm, "STOP", NULL);
    fake_vm_event(vm, "MIGRATION_PASS", "{'pass': 4}");
    fake_vm_event(vm, "COLO_EXIT", PRIMARY_ERROR);
    expect_exit(vm, "primary", "error");
    fake_vm_event(vm, "RESUME", NULL);
    fake_vm_wait(vm, "run-state", "running");
    expect_status(rig->s, "primary", "none", "error");
    g_assert_cmpint(crig_count(rig, "alone"), ==, 0);
    crig_expect_nothing(rig);
    primary_free(rig, vm);
}

/* The command was given here first: the VM's failover changes nothing more. */
static void test_own_command_first(void)
{
    FakeVm *vm;
    CompareRig *rig = primary_new(&vm);

    qtest_qmp_ok(rig->s, LOST);
    expect_status(rig->s, "none", "primary", "request");
    fake_vm_event(vm, "STOP", NULL);
    fake_vm_migration(vm, "completed");
    fake_vm_event(vm, "COLO_EXIT", PRIMARY_ERROR);
    fake_vm_event(vm, "RESUME", NULL);
    expect_exit(vm, "primary", "error");
    fake_vm_wait(vm, "run-state", "running");
    g_assert_cmpint(crig_count(rig, "alone"), ==, 1);
    expect_status(rig->s, "none", "primary", "request");
    qtest_qmp_error(rig->s, "GenericError", "COLO failover is already activated", LOST);
    primary_free(rig, vm);
}

/* COLO begins anew, with another secondary: packets are compared again. */
static void test_next_round(void)
{
    FakeVm *vm;
    CompareRig *rig = primary_new(&vm);

    fake_vm_event(vm, "STOP", NULL);
    fake_vm_migration(vm, "completed");
    fake_vm_event(vm, "RESUME", NULL);
    crig_wait(rig, "alone", 1);
    fake_vm_migration(vm, "setup");
    fake_vm_migration(vm, "active");
    fake_vm_event(vm, "STOP", NULL);
    fake_vm_migration(vm, "colo");
    fake_vm_event(vm, "RESUME", NULL);
    crig_wait(rig, "alone", 0);
    expect_status(rig->s, "primary", "primary", "none");
    expect_colo(vm, "checkpoints", "2");
    qtest_qmp_ok(rig->s, LOST);
    primary_free(rig, vm);
}

/* --- The secondary ------------------------------------------------------------------------- */

static FilterRig *secondary_start(FakeVm **vm)
{
    g_autofree char *options = NULL;
    g_autofree char *all = NULL;
    FilterRig *frig;

    *vm = fake_vm_new();
    options = fake_vm_options(*vm, "");
    all = g_strconcat(SECONDARY, options, NULL);
    frig = frig_new(all);
    (*vm)->s = frig->s;
    frig_connect_in(frig);
    return frig;
}

/* The VM has gone into COLO and runs; its queries are open. */
static FilterRig *secondary_new(FakeVm **vm)
{
    FilterRig *frig = secondary_start(vm);

    fake_vm_follow(*vm, "inmigrate");
    fake_vm_migration(*vm, "active");
    fake_vm_migration(*vm, "colo");
    fake_vm_event(*vm, "RESUME", NULL);
    qtest_expect_event(frig->s, "RESUME");
    fake_vm_answer_status(*vm, "running");
    fake_vm_answer_migration(*vm, "colo");
    expect_colo(*vm, "checkpoints", "1");
    return frig;
}

static void secondary_free(FilterRig *frig, FakeVm *vm)
{
    frig_free(frig);
    fake_vm_free(vm);
}

static void send_segment(FrameLink *link, bool to_guest, uint8_t flags, uint32_t seq, uint32_t ack)
{
    PacketSpec spec = {
        .src = to_guest ? 9 : 1, .dst = to_guest ? 1 : 9,
        .src_port = to_guest ? 20000 : 80, .dst_port = to_guest ? 80 : 20000,
        .flags = flags, .seq = seq, .ack = ack,
    };
    uint8_t buf[PACKET_MAX];
    PacketLayout at = packet_build(buf, &spec);

    frame_link_send_bytes(link, buf, at.len);
}

static void expect_segment(FrameLink *link, bool to_guest, uint8_t flags, uint32_t seq,
                           uint32_t ack)
{
    PacketSpec spec = {
        .src = to_guest ? 9 : 1, .dst = to_guest ? 1 : 9,
        .src_port = to_guest ? 20000 : 80, .dst_port = to_guest ? 80 : 20000,
        .flags = flags, .seq = seq, .ack = ack,
    };
    uint8_t buf[PACKET_MAX];
    PacketLayout at = packet_build(buf, &spec);

    frame_link_expect_bytes(link, buf, at.len);
}

/* The guest counts from 5000, the primary's did from 2000. */
static void secondary_open(FilterRig *frig)
{
    send_segment(&frig->in, true, SYN, 100, 0);
    expect_segment(&frig->rig->peer, true, SYN, 100, 0);
    send_segment(&frig->rig->peer, false, SYN | ACK, 5000, 101);
    expect_segment(&frig->rig->out, false, SYN | ACK, 5000, 101);
    send_segment(&frig->in, true, ACK, 101, 2001);
    expect_segment(&frig->rig->peer, true, ACK, 101, 5001);
}

/* What came while the VM was stopped is for a guest that has the primary's numbers. */
static void test_secondary_checkpoint(void)
{
    FakeVm *vm;
    FilterRig *frig = secondary_new(&vm);

    expect_status(frig->s, "secondary", "none", "none");
    secondary_open(frig);
    fake_vm_event(vm, "STOP", NULL);
    qtest_expect_event(frig->s, "STOP");
    send_segment(&frig->in, true, ACK, 102, 2002);
    qtest_wait_filter(frig->s, "rw", "held.frames", 1);
    g_assert_cmpint(qtest_filter_count(frig->s, "rw", "rewriter.translated"), ==, 1);
    fake_vm_answer_status(vm, "colo");
    fake_vm_event(vm, "RESUME", NULL);
    expect_segment(&frig->rig->peer, true, ACK, 102, 2002);
    g_assert_cmpint(qtest_filter_count(frig->s, "rw", "rewriter.translated"), ==, 0);
    send_segment(&frig->rig->peer, false, ACK, 2002, 102);
    expect_segment(&frig->rig->out, false, ACK, 2002, 102);
    secondary_free(frig, vm);
}

/* The answer comes behind RESUME: it says nothing, and that is enough. */
static void test_secondary_late_answer(void)
{
    FakeVm *vm;
    FilterRig *frig = secondary_new(&vm);

    secondary_open(frig);
    fake_vm_event(vm, "STOP", NULL);
    fake_vm_event(vm, "RESUME", NULL);
    fake_vm_answer_status(vm, "running");
    qtest_expect_event(frig->s, "RESUME");
    g_assert_cmpint(qtest_filter_count(frig->s, "rw", "rewriter.translated"), ==, 0);
    secondary_free(frig, vm);
}

static void test_secondary_pause(void)
{
    FakeVm *vm;
    FilterRig *frig = secondary_new(&vm);

    secondary_open(frig);
    fake_vm_event(vm, "STOP", NULL);
    fake_vm_answer_status(vm, "paused");
    fake_vm_wait(vm, "run-state", "paused");
    fake_vm_event(vm, "RESUME", NULL);
    qtest_expect_event(frig->s, "RESUME");
    send_segment(&frig->in, true, ACK, 102, 2002);
    expect_segment(&frig->rig->peer, true, ACK, 102, 5002);
    expect_colo(vm, "pauses", "1");
    secondary_free(frig, vm);
}

static void expect_secondary_filters(FilterRig *frig, const char *status, int64_t failover)
{
    expect_filter_status(frig->s, "inject", status);
    expect_filter_status(frig->s, "reply", status);
    expect_filter_status(frig->s, "rw", "\"on\"");
    g_assert_cmpint(qtest_filter_count(frig->s, "rw", "rewriter.failover"), ==, failover);
}

/* Which side goes on alone is the manager's to say: to the VM, and so to us. */
static void test_secondary_failover(void)
{
    FakeVm *vm;
    FilterRig *frig = secondary_new(&vm);

    secondary_open(frig);
    fake_vm_event(vm, "COLO_EXIT", SECONDARY_ERROR);
    expect_exit(vm, "secondary", "error");
    expect_status(frig->s, "secondary", "none", "error");
    expect_secondary_filters(frig, "\"on\"", 0);
    fake_vm_event(vm, "STOP", NULL);
    fake_vm_migration(vm, "completed");
    fake_vm_event(vm, "RESUME", NULL);
    qtest_expect_event(frig->s, "STOP");
    qtest_expect_event(frig->s, "RESUME");
    expect_secondary_filters(frig, "\"off\"", 1);
    expect_status(frig->s, "none", "secondary", "request");
    g_assert_false(qtest_has_event(frig->s, "COLO_EXIT"));
    /* The client's connection lives on, by the secondary's own netdev. */
    send_segment(&frig->rig->peer, false, ACK, 5001, 101);
    expect_segment(&frig->rig->net, false, ACK, 2001, 101);
    qtest_qmp_ok(frig->s, LOST);
    expect_secondary_filters(frig, "\"off\"", 1);
    secondary_free(frig, vm);
}

/* The primary dies while it sends its state: the guest keeps its own, and its numbers. */
static void test_secondary_fails_over_in_a_checkpoint(void)
{
    FakeVm *vm;
    FilterRig *frig = secondary_new(&vm);

    secondary_open(frig);
    fake_vm_event(vm, "STOP", NULL);
    fake_vm_answer_status(vm, "colo");
    fake_vm_event(vm, "COLO_EXIT", SECONDARY_ERROR);
    fake_vm_migration(vm, "completed");
    fake_vm_event(vm, "RESUME", NULL);
    qtest_expect_event(frig->s, "RESUME");
    expect_secondary_filters(frig, "\"off\"", 1);
    g_assert_cmpint(qtest_filter_count(frig->s, "rw", "rewriter.translated"), ==, 1);
    secondary_free(frig, vm);
}

/* The user switches a filter on again: the VM's failover does not undo that. */
static void test_secondary_own_command_first(void)
{
    FakeVm *vm;
    FilterRig *frig = secondary_new(&vm);

    qtest_qmp_ok(frig->s, LOST);
    qtest_qom_set_str(frig->s, "inject", "status", "on");
    fake_vm_event(vm, "STOP", NULL);
    fake_vm_migration(vm, "completed");
    fake_vm_event(vm, "RESUME", NULL);
    qtest_expect_event(frig->s, "RESUME");
    expect_filter_status(frig->s, "inject", "\"on\"");
    expect_status(frig->s, "none", "secondary", "request");
    qtest_qmp_error(frig->s, "GenericError", "COLO failover is already activated", LOST);
    secondary_free(frig, vm);
}

/* The follower comes when COLO is under way: it asks which side the VM is. */
static void test_comes_late(void)
{
    FakeVm *vm;
    FilterRig *frig = secondary_start(&vm);

    fake_vm_accept(vm);
    fake_vm_greet(vm);
    fake_vm_answer_status(vm, "running");
    fake_vm_answer_migration(vm, "colo");
    fake_vm_reply(vm, fake_vm_command(vm, "migrate-set-capabilities"), "{}");
    fake_vm_reply(vm, fake_vm_command(vm, "query-colo-status"),
                  "{'mode': 'secondary', 'last-mode': 'none', 'reason': 'none'}");
    fake_vm_answer_status(vm, "running");
    fake_vm_wait(vm, "state", "following");
    expect_colo(vm, "mode", "secondary");
    secondary_open(frig);
    fake_vm_event(vm, "STOP", NULL);
    fake_vm_event(vm, "RESUME", NULL);
    qtest_expect_event(frig->s, "STOP");
    qtest_expect_event(frig->s, "RESUME");
    g_assert_cmpint(qtest_filter_count(frig->s, "rw", "rewriter.translated"), ==, 0);
    secondary_free(frig, vm);
}

/* The VM is lost: what our objects say counts again. */
static void test_vm_is_lost(void)
{
    FakeVm *vm;
    CompareRig *rig = primary_new(&vm);

    fake_vm_event(vm, "COLO_EXIT", PRIMARY_ERROR);
    expect_exit(vm, "primary", "error");
    expect_status(rig->s, "primary", "none", "error");
    fake_vm_crash(vm);
    fake_vm_wait(vm, "state", "disconnected");
    expect_colo(vm, "mode", "none");
    expect_colo(vm, "last-mode", "primary");
    expect_status(rig->s, "primary", "none", "none");
    qtest_object_del(rig->s, "vm0");
    expect_status(rig->s, "primary", "none", "none");
    primary_free(rig, vm);
}

/* --- Beside other things ------------------------------------------------------------------- */

/* In COLO both VMs run, and frames are copied, not handed over. */
static void test_no_hand_over(void)
{
    FakeVm *vm = fake_vm_new();
    g_autofree char *options = fake_vm_options(vm, "");
    g_autofree char *more = g_strconcat(" -chardev null,id=side0 -object filter-handover,id=h0,"
                                        "netdev=net0,outdev=side0,wait=1 ", options, NULL);
    ExportRig *rig = export_rig_new(more);

    vm->s = rig->s;
    fake_vm_follow(vm, "running");
    qtest_expect_event(vm->s, "RESUME");
    export_rig_attach(rig);
    export_rig_check(rig, 3);
    fake_vm_migration(vm, "active");
    fake_vm_event(vm, "STOP", NULL);
    qtest_expect_event(vm->s, "STOP");
    qtest_expect_event(vm->s, "NET_HANDOVER"); /* it may have been any migration */
    export_rig_send(rig, 5);
    fake_vm_migration(vm, "colo");
    fake_vm_wait(vm, "run-state", "colo");
    fake_vm_refuse(vm, fake_vm_command(vm, "x-query-virtio"), "no such command");
    fake_vm_answer_status(vm, "finish-migrate");
    fake_vm_answer_migration(vm, "colo");
    fake_vm_event(vm, "RESUME", NULL);
    export_rig_guest_gets(rig, 5);
    qtest_expect_event(vm->s, "RESUME");
    qtest_forget_events(vm->s);
    fake_vm_event(vm, "STOP", NULL);
    fake_vm_migration(vm, "completed");
    qtest_expect_event(vm->s, "STOP");
    fake_vm_wait(vm, "migration", "completed");
    fake_vm_assert_state(vm, "colo");
    export_rig_send(rig, 5);
    fake_vm_event(vm, "RESUME", NULL);
    export_rig_guest_gets(rig, 5);
    g_assert_false(qtest_has_event(vm->s, "NET_HANDOVER"));
    export_rig_free(rig);
    fake_vm_free(vm);
}

/* Garbage in COLO_EXIT lets nobody go on alone. */
static void test_strange_exit(void)
{
    FakeVm *vm;
    FilterRig *frig = secondary_new(&vm);

    fake_vm_event(vm, "COLO_EXIT", "{'mode': 7, 'reason': ['request']}");
    expect_exit(vm, "secondary", "error");
    fake_vm_event(vm, "COLO_EXIT", "{}");
    expect_exit(vm, "secondary", "error");
    fake_vm_event(vm, "COLO_EXIT", NULL);
    expect_exit(vm, "secondary", "error");
    expect_secondary_filters(frig, "\"on\"", 0);
    secondary_free(frig, vm);
}

#define ADD(name, func) g_test_add_func("/vm-follower-colo/" name, func)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("primary/checkpoint", test_primary_checkpoint);
    ADD("primary/pause", test_primary_pause);
    ADD("primary/failover", test_primary_failover);
    ADD("primary/failover-by-request", test_primary_failover_by_request);
    ADD("primary/exit-is-no-failover", test_primary_exit_is_no_failover);
    ADD("primary/own-command-first", test_own_command_first);
    ADD("primary/next-round", test_next_round);
    ADD("secondary/checkpoint", test_secondary_checkpoint);
    ADD("secondary/late-answer", test_secondary_late_answer);
    ADD("secondary/pause", test_secondary_pause);
    ADD("secondary/failover", test_secondary_failover);
    ADD("secondary/fails-over-in-a-checkpoint", test_secondary_fails_over_in_a_checkpoint);
    ADD("secondary/own-command-first", test_secondary_own_command_first);
    ADD("secondary/comes-late", test_comes_late);
    ADD("secondary/strange-exit", test_strange_exit);
    ADD("vm-is-lost", test_vm_is_lost);
    ADD("no-handover", test_no_hand_over);
    return g_test_run();
}
