/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Losses at a stop: the VM's NIC is asked what it took, and what is missing comes again. */

#include <poll.h>
#include <string.h>

#include "export-rig.h"
#include "fake-vm.h"

/*
 *   rig->net ── net0 ── e0 ── rig->guest, the VM's QEMU: reads frames, of which its NIC counts some
 *                       │
 *                      vm0 ── vm, its monitor
 */
typedef struct Lossy {
    ExportRig *rig;
    FakeVm *vm;
    const char *nics;  /* reply to x-query-virtio */
    const char *path;  /* of the NIC that is asked */
    uint16_t taken;    /* what it says */
    bool tells;        /* it also says how many buffers it has: */
    uint16_t n_free;
    unsigned n_asked;  /* how often it was asked */
    bool migrates;
} Lossy;

#define PATH     "/machine/peripheral/nic0/virtio-backend"
#define ONE_NIC  "[{'name': 'virtio-net', 'path': '" PATH "'}]"
#define TWO_NICS "[{'name': 'virtio-net', 'path': '/machine/peripheral/other/virtio-backend'}, "  \
                 "{'name': 'virtio-blk', 'path': '/machine/peripheral/nic0/no-net'}, "            \
                 "{'name': 'virtio-net', 'path': '" PATH "'}]"

/* The counter has 16 bits: it wraps in each test. */
#define TAKEN_FIRST 65534

static Lossy *lossy_new(ExportRig *(*rig_new)(const char *more), const char *device)
{
    Lossy *l = g_new0(Lossy, 1);
    g_autofree char *follower = NULL;
    g_autofree char *more = NULL;

    l->vm = fake_vm_new();
    l->nics = ONE_NIC;
    l->path = PATH;
    l->taken = TAKEN_FIRST;
    follower = fake_vm_options(l->vm, "");
    more = g_strdup_printf("%s %s", device, follower);
    l->rig = rig_new(more);
    l->vm->s = l->rig->s;
    fake_vm_follow(l->vm, "running");
    export_rig_attach(l->rig);
    return l;
}

static void lossy_free(Lossy *l)
{
    fake_vm_assert(l->vm, "errors", "0");
    export_rig_free(l->rig);
    fake_vm_free(l->vm);
    g_free(l);
}

static char *lossy_count(Lossy *l)
{
    g_autofree char *more = l->tells
        ? g_strdup_printf(", 'last-avail-idx': %u, 'shadow-avail-idx': %u", l->taken,
                          (uint16_t)(l->taken + l->n_free))
        : g_strdup("");

    l->n_asked++;
    return g_strdup_printf("{'name': 'virtio-net', 'used-idx': %u, 'inuse': 0%s}", l->taken, more);
}

/* Answers a command as a VM in state @status does, the counter with @taken. */
static void lossy_answer(Lossy *l, const char *status)
{
    g_autofree char *name = NULL;
    g_autoptr(json_object) arguments = NULL;
    int64_t id = fake_vm_any_command(l->vm, &name, &arguments);
    g_autofree char *result = NULL;

    if (strcmp(name, "query-status") == 0) {
        result = g_strdup_printf("{'running': %s, 'status': '%s'}",
                                 strcmp(status, "running") == 0 ? "true" : "false", status);
    } else if (strcmp(name, "x-query-virtio") == 0) {
        result = g_strdup(l->nics);
    } else if (strcmp(name, "x-query-virtio-queue-status") == 0) {
        json_object *path = json_object_object_get(arguments, "path");

        g_assert_cmpstr(json_object_get_string(path), ==, l->path);
        g_assert_cmpint(json_object_get_int(json_object_object_get(arguments, "queue")), ==, 0);
        result = lossy_count(l);
    } else {
        g_assert_cmpstr(name, ==, "query-migrate");
        result = g_strdup(l->migrates ? "{'status': 'active'}" : "{}");
    }
    fake_vm_reply(l->vm, id, result);
}

/* Waits for command @name. The list of NICs may be asked for before it, at any time. */
static int64_t lossy_command(Lossy *l, const char *name)
{
    for (;;) {
        g_autofree char *came = NULL;
        g_autoptr(json_object) arguments = NULL;
        int64_t id = fake_vm_any_command(l->vm, &came, &arguments);

        if (strcmp(came, name) == 0) {
            return id;
        }
        g_assert_cmpstr(came, ==, "x-query-virtio");
        if (l->nics) {
            fake_vm_reply(l->vm, id, l->nics);
        } else {
            fake_vm_refuse(l->vm, id, "no such command");
        }
    }
}

static bool lossy_is_asked(Lossy *l)
{
    struct pollfd watch = { .fd = l->vm->fd, .events = POLLIN };

    return poll(&watch, 1, 1) > 0;
}

static bool lossy_guest_has_frame(Lossy *l)
{
    struct pollfd watch = { .fd = l->rig->guest_fd, .events = POLLIN };

    return poll(&watch, 1, 0) > 0;
}

/* Whether a NIC of the VM is counted: -1 = none is known. */
static int lossy_compared(Lossy *l)
{
    g_autofree char *nics = fake_vm_member(l->vm, "nics");

    return !strstr(nics, "compared") ? -1 : strstr(nics, "true") != NULL;
}

/* Answers what the VM is asked until the numbers have been compared. */
static void lossy_compare(Lossy *l)
{
    while (lossy_compared(l) != 1) {
        if (lossy_is_asked(l)) {
            lossy_answer(l, "running");
        }
    }
}

static void lossy_begin_migration(Lossy *l)
{
    l->migrates = true;
    fake_vm_migration(l->vm, "setup");
    fake_vm_migration(l->vm, "active");
    lossy_compare(l);
}

/* The guest reads @n frames, and its NIC takes them. */
static void lossy_deliver(Lossy *l, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        export_rig_send(l->rig, 1);
        while (!lossy_guest_has_frame(l)) {
            if (lossy_is_asked(l)) {
                lossy_answer(l, "running");
            }
        }
        export_rig_guest_gets(l->rig, 1);
        l->taken++;
    }
}

/* The VM stops, and answers until it has told what its NIC had taken. */
static void lossy_stop(Lossy *l)
{
    unsigned n_asked;

    fake_vm_event(l->vm, "STOP", NULL);
    qtest_expect_event(l->vm->s, "STOP");
    for (n_asked = l->n_asked; l->n_asked == n_asked;) {
        lossy_answer(l, l->migrates ? "finish-migrate" : "paused");
    }
}

/* The VM goes on, its migration has failed; it answers until frames come, or for good. */
static void lossy_resume(Lossy *l)
{
    if (l->migrates) {
        fake_vm_migration(l->vm, "failed");
    }
    fake_vm_event(l->vm, "RESUME", NULL);
    qtest_expect_event(l->vm->s, "RESUME");
    while (!lossy_guest_has_frame(l)) {
        if (lossy_is_asked(l)) {
            lossy_answer(l, "running");
        }
    }
}

/* --- Cases ------------------------------------------------------------------------------- */

static void check_nothing_is_lost(ExportRig *(*rig_new)(const char *more))
{
    Lossy *l = lossy_new(rig_new, "");

    lossy_begin_migration(l);
    lossy_deliver(l, 5);
    lossy_stop(l);
    export_rig_send(l->rig, 1);
    lossy_resume(l);
    export_rig_guest_gets(l->rig, 1);
    lossy_free(l);
}

/* QEMU reads the last frame before a stop, and throws it away; @n_held come while it lasts. */
static void lossy_check_stop(Lossy *l, unsigned n_held)
{
    lossy_deliver(l, 5);
    l->taken--;
    lossy_stop(l);
    export_rig_send(l->rig, n_held);
    lossy_resume(l);
    l->rig->n_guest_got--;
    export_rig_guest_gets(l->rig, 1 + n_held);
}

static void test_nothing_is_lost(void)
{
    check_nothing_is_lost(export_rig_new);
    check_nothing_is_lost(export_rig_new_dgram);
}

static void check_the_last_is_lost(ExportRig *(*rig_new)(const char *more))
{
    Lossy *l = lossy_new(rig_new, "");

    lossy_begin_migration(l);
    lossy_check_stop(l, 1);
    lossy_free(l);
}

static void test_the_last_is_lost(void)
{
    check_the_last_is_lost(export_rig_new);
    check_the_last_is_lost(export_rig_new_dgram);
}

/* It is only while the export gates, and the NIC is counted and takes what it is handed. */
static void test_exact_stop(void)
{
    Lossy *l = lossy_new(export_rig_new, "");

    export_rig_expect_str(l->rig, "exact-stop", "not-gating");
    fake_vm_migration(l->vm, "setup");
    fake_vm_migration(l->vm, "active");
    fake_vm_wait(l->vm, "migration", "active");
    export_rig_expect_str(l->rig, "exact-stop", "not-counted");
    lossy_compare(l);
    export_rig_expect_str(l->rig, "exact-stop", "true");
    lossy_deliver(l, 5);
    export_rig_expect_str(l->rig, "exact-stop", "true");
    fake_vm_migration(l->vm, "cancelled");
    fake_vm_wait(l->vm, "migration", "cancelled");
    export_rig_expect_str(l->rig, "exact-stop", "not-gating");
    lossy_free(l);
}

/* QEMU read one more behind what it threw away: that is delivered when the VM runs. */
static void test_the_last_but_one_is_lost(void)
{
    Lossy *l = lossy_new(export_rig_new, "");

    lossy_begin_migration(l);
    lossy_deliver(l, 5);
    l->taken -= 2;
    lossy_stop(l);
    l->taken++;
    export_rig_send(l->rig, 1);
    lossy_resume(l);
    l->rig->n_guest_got = 3;
    export_rig_guest_gets(l->rig, 1);
    l->rig->n_guest_got = 5;
    export_rig_guest_gets(l->rig, 1);
    lossy_free(l);
}

/* The guest had no buffers for it when the VM stopped; its NIC takes it a little later. */
static void test_late_is_not_lost(void)
{
    Lossy *l = lossy_new(export_rig_new, "");
    unsigned n_asked;

    lossy_begin_migration(l);
    lossy_deliver(l, 5);
    l->taken--;
    lossy_stop(l);
    export_rig_send(l->rig, 1);
    fake_vm_migration(l->vm, "failed");
    fake_vm_event(l->vm, "RESUME", NULL);
    for (n_asked = l->n_asked; l->n_asked < n_asked + 2;) {
        lossy_answer(l, "running");
    }
    g_assert_false(lossy_guest_has_frame(l));
    l->taken++;
    lossy_resume(l);
    export_rig_guest_gets(l->rig, 1);
    lossy_free(l);
}

/* It filters frames out: then its numbers say nothing. */
static void test_a_nic_that_filters(void)
{
    Lossy *l = lossy_new(export_rig_new, "");

    lossy_begin_migration(l);
    lossy_deliver(l, 5);
    l->taken--;
    for (unsigned n_asked = l->n_asked; l->n_asked == n_asked;) {
        lossy_answer(l, "running");
    }
    lossy_stop(l);
    export_rig_send(l->rig, 1);
    lossy_resume(l);
    export_rig_guest_gets(l->rig, 1);
    lossy_free(l);
}

/* A VM that has no such command, or no such NIC, is followed all the same. */
static void check_no_count(const char *nics)
{
    Lossy *l = lossy_new(export_rig_new, "");

    l->nics = nics;
    fake_vm_migration(l->vm, "setup");
    if (nics) {
        fake_vm_reply(l->vm, fake_vm_command(l->vm, "x-query-virtio"), nics);
    } else {
        fake_vm_refuse(l->vm, fake_vm_command(l->vm, "x-query-virtio"), "no such command");
    }
    fake_vm_migration(l->vm, "active");
    fake_vm_wait(l->vm, "migration", "active");
    g_assert_cmpint(lossy_compared(l), ==, -1);
    export_rig_send(l->rig, 5);
    export_rig_guest_gets(l->rig, 5);
    fake_vm_event(l->vm, "STOP", NULL);
    fake_vm_reply(l->vm, lossy_command(l, "query-status"),
                  "{'running': false, 'status': 'finish-migrate'}");
    fake_vm_reply(l->vm, lossy_command(l, "query-migrate"), "{'status': 'active'}");
    export_rig_send(l->rig, 1);
    fake_vm_event(l->vm, "RESUME", NULL);
    export_rig_guest_gets(l->rig, 1);
    lossy_free(l);
}

static void test_no_count(void)
{
    check_no_count(NULL);
    check_no_count("[]");
    check_no_count("{}");
    check_no_count("[1, {}, {'name': 'virtio-net'}, {'name': 'virtio-net', 'path': 1}]");
    check_no_count("[{'name': 'virtio-blk', 'path': '/machine/peripheral/d0/virtio-backend'}]");
    check_no_count(TWO_NICS);
}

static void expect_info(Lossy *l)
{
    g_autofree char *text = qtest_hmp(l->vm->s, "info vm-follower");

    g_assert_nonnull(strstr(text, "\r\n  export e0: counted by " PATH "\r\n"));
}

/* Of several NICs, the export's device says which one. */
static void test_device(void)
{
    Lossy *l = lossy_new(export_rig_new, ",device=nic0");

    export_rig_expect_str(l->rig, "device", "nic0");
    l->nics = TWO_NICS;
    lossy_begin_migration(l);
    expect_info(l);
    lossy_check_stop(l, 0);
    lossy_free(l);
}

/* The VM has no such NIC, or it is no virtio-net: that is told, and the rest goes on. */
static void test_device_that_is_not_there(void)
{
    Lossy *l = lossy_new(export_rig_new, ",device=disk0");

    fake_vm_migration(l->vm, "setup");
    fake_vm_reply(l->vm, fake_vm_command(l->vm, "x-query-virtio"), TWO_NICS);
    fake_vm_wait(l->vm, "last-error", "export 'e0': the VM has no virtio-net 'disk0'");
    fake_vm_assert(l->vm, "errors", "1");
    export_rig_send(l->rig, 5);
    export_rig_guest_gets(l->rig, 5);
    export_rig_free(l->rig);
    fake_vm_free(l->vm);
    g_free(l);
}

/* The VM does not answer: frames are not held back for long, and it is asked again. */
static void test_no_answer(void)
{
    Lossy *l = lossy_new(export_rig_new, "");
    int64_t id;

    fake_vm_migration(l->vm, "setup");
    fake_vm_migration(l->vm, "active");
    fake_vm_reply(l->vm, fake_vm_command(l->vm, "x-query-virtio"), l->nics);
    id = fake_vm_command(l->vm, "x-query-virtio-queue-status");
    export_rig_send(l->rig, 5);
    export_rig_guest_gets(l->rig, 5);
    l->taken += 5;
    g_assert_cmpint(lossy_compared(l), ==, 0);
    fake_vm_reply(l->vm, id, "{'used-idx': 1}");
    lossy_compare(l);
    lossy_stop(l);
    export_rig_send(l->rig, 1);
    lossy_resume(l);
    export_rig_guest_gets(l->rig, 1);
    lossy_free(l);
}

/* What is held back goes on when the monitor is lost, wherever that happens. */
static void test_monitor_is_lost(void)
{
    Lossy *l = lossy_new(export_rig_new, "");

    lossy_begin_migration(l);
    lossy_deliver(l, 3);
    fake_vm_command(l->vm, "x-query-virtio-queue-status");
    fake_vm_hang_up(l->vm);
    qtest_expect_event(l->vm->s, "STOP");
    export_rig_send(l->rig, 1);
    fake_vm_follow(l->vm, "running");
    export_rig_guest_gets(l->rig, 1);
    lossy_free(l);
}

/* --- With gate=on, without a migration --------------------------------------------------- */

static void set_gate(Lossy *l, const char *gate)
{
    qtest_qmp_ok(l->rig->s, "{'execute': 'net-export-set', 'arguments': {'id': 'e0', "
                            "'gate': '%s'}}", gate);
}

/* Time and again the last one that QEMU has read is thrown away. */
static void check_plain_stop(ExportRig *(*rig_new)(const char *more))
{
    Lossy *l = lossy_new(rig_new, ",gate=on");

    lossy_compare(l);
    export_rig_expect_str(l->rig, "exact-stop", "true");
    for (unsigned i = 0; i < 3; i++) {
        lossy_check_stop(l, 1);
        l->taken += 2;
        export_rig_expect_str(l->rig, "exact-stop", "true");
    }
    lossy_free(l);
}

static void test_plain_stop(void)
{
    check_plain_stop(export_rig_new);
    check_plain_stop(export_rig_new_dgram);
}

/* A frame that waits in QEMU for a buffer is none that the NIC has filtered out. */
static void test_waits_for_a_buffer(void)
{
    Lossy *l = lossy_new(export_rig_new, ",gate=on");
    unsigned n_asked;

    l->tells = true;
    l->n_free = 1;
    lossy_compare(l);
    lossy_deliver(l, 5);
    l->taken--;
    l->n_free = 0;
    for (n_asked = l->n_asked; l->n_asked < n_asked + 3;) {
        lossy_answer(l, "running");
    }
    export_rig_expect_str(l->rig, "exact-stop", "true");
    lossy_stop(l);
    export_rig_send(l->rig, 1);
    fake_vm_event(l->vm, "RESUME", NULL);
    /* As long as there is no buffer nobody knows whether it still waits. */
    for (n_asked = l->n_asked; l->n_asked < n_asked + 40;) {
        lossy_answer(l, "running");
    }
    g_assert_false(lossy_guest_has_frame(l));
    l->n_free = 1;
    while (!lossy_guest_has_frame(l)) {
        if (lossy_is_asked(l)) {
            lossy_answer(l, "running");
        }
    }
    l->rig->n_guest_got--;
    export_rig_guest_gets(l->rig, 2);
    lossy_free(l);
}

static void test_gate_is_switched(void)
{
    Lossy *l = lossy_new(export_rig_new, "");

    for (unsigned i = 0; i < 2; i++) {
        export_rig_expect_str(l->rig, "exact-stop", "not-gating");
        lossy_deliver(l, 5); /* which nobody counts */
        set_gate(l, "on");
        lossy_compare(l);
        export_rig_expect_str(l->rig, "exact-stop", "true");
        lossy_check_stop(l, 0);
        l->taken++;
        set_gate(l, "off");
        while (lossy_compared(l) != -1) {
            if (lossy_is_asked(l)) {
                lossy_answer(l, "running");
            }
        }
    }
    lossy_free(l);
}

/* It is looked for as long as it is not there. */
static void test_nic_is_plugged_in(void)
{
    Lossy *l = lossy_new(export_rig_new, ",gate=on,device=nic0");

    l->nics = "[]";
    lossy_answer(l, "running");
    export_rig_expect_str(l->rig, "exact-stop", "not-counted");
    l->nics = TWO_NICS;
    lossy_compare(l);
    export_rig_expect_str(l->rig, "exact-stop", "true");
    lossy_free(l);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vm-nics/nothing-is-lost", test_nothing_is_lost);
    g_test_add_func("/vm-nics/the-last-is-lost", test_the_last_is_lost);
    g_test_add_func("/vm-nics/the-last-but-one-is-lost", test_the_last_but_one_is_lost);
    g_test_add_func("/vm-nics/exact-stop", test_exact_stop);
    g_test_add_func("/vm-nics/late-is-not-lost", test_late_is_not_lost);
    g_test_add_func("/vm-nics/a-nic-that-filters", test_a_nic_that_filters);
    g_test_add_func("/vm-nics/no-count", test_no_count);
    g_test_add_func("/vm-nics/device", test_device);
    g_test_add_func("/vm-nics/device-that-is-not-there", test_device_that_is_not_there);
    g_test_add_func("/vm-nics/no-answer", test_no_answer);
    g_test_add_func("/vm-nics/monitor-is-lost", test_monitor_is_lost);
    g_test_add_func("/vm-nics/plain-stop", test_plain_stop);
    g_test_add_func("/vm-nics/waits-for-a-buffer", test_waits_for_a_buffer);
    g_test_add_func("/vm-nics/gate-is-switched", test_gate_is_switched);
    g_test_add_func("/vm-nics/nic-is-plugged-in", test_nic_is_plugged_in);
    return g_test_run();
}
