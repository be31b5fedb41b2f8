/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vm-follower beside a real QEMU: stop, migrations of each kind, failures, ends. */

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "real-vm.h"

/*
 *   qemu a ◄── vm-follower of program a          qemu a ══ migration ══► qemu b
 *   qemu b ◄── vm-follower of program b
 *
 * There is no guest in them; the event orders are those of docs/reference-vm.rst.
 */

/* A source that runs, and a destination that waits. */
typedef struct Pair {
    RealVm *a;
    RealVm *b;
    char *path; /* owned: where b waits */
} Pair;

static void pair_init(Pair *pair, const char *a_options, const char *b_options)
{
    g_autofree char *options = NULL;

    pair->path = tmp_path("migration");
    options = g_strdup_printf("-incoming unix:%s %s", pair->path, b_options);
    pair->a = real_vm_run("a", a_options);
    pair->b = real_vm_run("b", options);
    real_vm_expect(pair->b, "inmigrate");
}

static void pair_clear(Pair *pair)
{
    real_vm_free(pair->a);
    real_vm_free(pair->b);
    unlink(pair->path);
    g_free(pair->path);
}

static void pair_migrate(Pair *pair)
{
    g_autofree char *arguments = g_strdup_printf("{'uri': 'unix:%s'}", pair->path);

    real_vm_do(pair->a, "migrate", arguments);
}

/* Memory goes so slowly that the migration stays active. */
static void pair_migrate_slowly(Pair *pair)
{
    real_vm_do(pair->a, "migrate-set-parameters", "{'max-bandwidth': 4096, 'downtime-limit': 1}");
    pair_migrate(pair);
    real_vm_wait(pair->a, "migration", "active");
    real_vm_wait(pair->a, "armed", "true");
}

/* --- stop, cont, reset, end ---------------------------------------------------------------- */

static void test_stop_and_cont(void)
{
    RealVm *vm;

    vm = real_vm_run("a", "-S");
    real_vm_expect(vm, "prelaunch");
    for (int i = 0; i < 20; i++) {
        real_vm_do(vm, "cont", NULL);
        real_vm_do(vm, "cont", NULL); /* no second event */
        real_vm_expect(vm, "running");
        qtest_expect_event(vm->s, "RESUME");
        real_vm_do(vm, "stop", NULL);
        real_vm_do(vm, "stop", NULL);
        real_vm_expect(vm, "paused");
        qtest_expect_event(vm->s, "STOP");
    }
    g_assert_false(qtest_has_event(vm->s, "RESUME"));
    real_vm_do(vm, "system_reset", NULL);
    real_vm_expect(vm, "prelaunch");
    real_vm_wait(vm, "errors", "0");
    real_vm_free(vm);
}

static void test_reset_of_a_running_vm(void)
{
    RealVm *vm;

    vm = real_vm_run("a", "");
    real_vm_expect(vm, "running");
    qtest_forget_events(vm->s);
    real_vm_do(vm, "system_reset", NULL);
    real_vm_expect(vm, "running");
    g_assert_false(qtest_has_event(vm->s, "STOP"));
    real_vm_free(vm);
}

static void test_dump(void)
{
    g_autofree char *path = tmp_path("dump");
    g_autofree char *arguments = g_strdup_printf("{'paging': false, 'protocol': 'file:%s'}", path);
    RealVm *vm;

    vm = real_vm_run("a", "");
    real_vm_expect(vm, "running");
    qtest_forget_events(vm->s);
    real_vm_do(vm, "dump-guest-memory", arguments);
    qtest_expect_event(vm->s, "STOP");
    qtest_expect_event(vm->s, "RESUME");
    real_vm_expect(vm, "running");
    real_vm_free(vm);
}

static void test_quit_is_a_shutdown(void)
{
    RealVm *vm;

    vm = real_vm_run("a", "");
    real_vm_wait_quiet(vm);
    real_vm_do(vm, "quit", NULL);
    real_vm_wait_end(vm);
    real_vm_wait(vm, "state", "disconnected");
    real_vm_wait(vm, "run-state", "shutdown");
    real_vm_wait(vm, "hold", "guest-gone");
    real_vm_free(vm);
}

static void test_on_exit_quit(void)
{
    RealVm *vm;

    vm = real_vm_new("a", "");
    real_vm_start(vm);
    real_vm_follow(vm, ",on-exit=quit,exit-timeout=4000000000");
    real_vm_expect(vm, "running");
    real_vm_wait_quiet(vm);
    kill(vm->pid, SIGTERM);
    real_vm_wait_end(vm);
    g_assert_cmpint(qtest_wait_exit(vm->s), ==, 0);
    vm->s = NULL;
    real_vm_free(vm);
}

static void test_killed_and_started_again(void)
{
    RealVm *vm;

    vm = real_vm_run("a", "");
    real_vm_expect(vm, "running");
    real_vm_kill(vm);
    real_vm_wait(vm, "state", "disconnected");
    real_vm_wait(vm, "run-state", "paused");
    real_vm_wait(vm, "hold", "vm-not-connected");
    real_vm_start(vm);
    real_vm_expect(vm, "running");
    real_vm_wait(vm, "reconnects", "1");
    real_vm_free(vm);
}

static void test_program_first(void)
{
    RealVm *vm;

    vm = real_vm_new("a", "");
    real_vm_follow(vm, "");
    real_vm_wait(vm, "hold", "vm-not-connected");
    real_vm_start(vm);
    real_vm_expect(vm, "running");
    real_vm_free(vm);
}

/* A monitor serves one client at a time: the follower waits until the other has left. */
static void test_monitor_that_is_taken(void)
{
    RealVm *vm;
    int fd;

    vm = real_vm_new("a", "");
    real_vm_start(vm);
    fd = sock_connect_unix(vm->follow);
    g_free(sock_read_line(fd));
    real_vm_follow(vm, "");
    real_vm_wait(vm, "state", "greeting");
    real_vm_wait(vm, "hold", "vm-unknown");
    sock_close(&fd);
    real_vm_expect(vm, "running");
    real_vm_free(vm);
}

/* --- Migration ----------------------------------------------------------------------------- */

static void expect_moved(Pair *pair)
{
    real_vm_expect(pair->b, "running");
    real_vm_expect(pair->a, "postmigrate");
    real_vm_wait(pair->a, "migration", "completed");
    real_vm_wait(pair->b, "migration", "completed");
    real_vm_wait(pair->b, "armed", "false");
    real_vm_wait(pair->a, "errors", "0");
    real_vm_wait(pair->b, "errors", "0");
}

static void test_precopy(void)
{
    Pair pair;

    pair_init(&pair, "", "");
    pair_migrate(&pair);
    expect_moved(&pair);
    real_vm_wait_quiet(pair.a);
    real_vm_do(pair.a, "quit", NULL);
    real_vm_wait_end(pair.a);
    real_vm_wait(pair.a, "state", "disconnected");
    real_vm_wait(pair.a, "run-state", "postmigrate");
    pair_clear(&pair);
}

static void test_cont_on_the_source_afterwards(void)
{
    Pair pair;

    pair_init(&pair, "", "");
    pair_migrate(&pair);
    expect_moved(&pair);
    real_vm_do(pair.a, "cont", NULL);
    real_vm_expect(pair.a, "running");
    real_vm_wait(pair.a, "armed", "false");
    pair_clear(&pair);
}

static void test_source_paused_before(void)
{
    Pair pair;

    pair_init(&pair, "", "");
    real_vm_do(pair.a, "stop", NULL);
    real_vm_expect(pair.a, "paused");
    pair_migrate(&pair);
    real_vm_expect(pair.b, "paused");
    real_vm_expect(pair.a, "postmigrate");
    real_vm_do(pair.b, "cont", NULL);
    real_vm_expect(pair.b, "running");
    pair_clear(&pair);
}

static void test_destination_stays_paused(void)
{
    Pair pair;

    pair_init(&pair, "", "-S");
    pair_migrate(&pair);
    real_vm_expect(pair.b, "paused");
    real_vm_expect(pair.a, "postmigrate");
    real_vm_do(pair.b, "cont", NULL);
    real_vm_expect(pair.b, "running");
    pair_clear(&pair);
}

static void test_incoming_defer(void)
{
    Pair pair = { .path = tmp_path("migration") };
    g_autofree char *arguments = g_strdup_printf("{'uri': 'unix:%s'}", pair.path);

    pair.a = real_vm_run("a", "");
    pair.b = real_vm_run("b", "-incoming defer");
    real_vm_expect(pair.b, "inmigrate");
    real_vm_do(pair.b, "migrate-incoming", arguments);
    pair_migrate(&pair);
    expect_moved(&pair);
    pair_clear(&pair);
}

/* Stopped for the switch-over, with commands still working. */
static void pair_pause(Pair *pair)
{
    g_assert_true(real_vm_set_capability(pair->a, "pause-before-switchover"));
    pair_migrate(pair);
    real_vm_wait(pair->a, "migration", "pre-switchover");
    real_vm_expect(pair->a, "finish-migrate");
    real_vm_wait(pair->a, "hold", "in-migration");
    real_vm_wait(pair->a, "armed", "true");
}

static void test_pause_continued(void)
{
    Pair pair;

    pair_init(&pair, "", "");
    pair_pause(&pair);
    real_vm_do(pair.a, "migrate-continue", "{'state': 'pre-switchover'}");
    expect_moved(&pair);
    pair_clear(&pair);
}

static void test_pause_cancelled(void)
{
    Pair pair;

    pair_init(&pair, "", "");
    pair_pause(&pair);
    real_vm_do(pair.a, "migrate_cancel", NULL);
    real_vm_expect(pair.a, "running");
    real_vm_wait(pair.a, "migration", "cancelled");
    real_vm_wait(pair.a, "armed", "false");
    real_vm_wait(pair.b, "state", "disconnected");
    real_vm_wait(pair.b, "run-state", "inmigrate");
    pair_clear(&pair);
}

static void test_pause_destination_killed(void)
{
    Pair pair;

    pair_init(&pair, "", "");
    pair_pause(&pair);
    real_vm_kill(pair.b);
    real_vm_do(pair.a, "migrate-continue", "{'state': 'pre-switchover'}");
    real_vm_expect(pair.a, "running");
    real_vm_wait(pair.a, "migration", "failed");
    real_vm_wait(pair.a, "armed", "false");
    pair_clear(&pair);
}

static void test_pause_source_killed(void)
{
    Pair pair;

    pair_init(&pair, "", "");
    pair_pause(&pair);
    real_vm_kill(pair.a);
    real_vm_wait(pair.a, "state", "disconnected");
    real_vm_wait(pair.a, "run-state", "finish-migrate");
    pair_clear(&pair);
}

static void test_destination_killed_while_active(void)
{
    Pair pair;

    pair_init(&pair, "", "");
    real_vm_expect(pair.a, "running");
    qtest_forget_events(pair.a->s);
    pair_migrate_slowly(&pair);
    real_vm_kill(pair.b);
    real_vm_wait(pair.a, "migration", "failed");
    real_vm_wait(pair.a, "armed", "false");
    real_vm_expect(pair.a, "running");
    g_assert_false(qtest_has_event(pair.a->s, "STOP"));
    pair_clear(&pair);
}

static void test_cancelled_while_active(void)
{
    Pair pair;

    pair_init(&pair, "", "");
    real_vm_expect(pair.a, "running");
    qtest_forget_events(pair.a->s);
    pair_migrate_slowly(&pair);
    real_vm_do(pair.a, "migrate_cancel", NULL);
    real_vm_wait(pair.a, "migration", "cancelled");
    real_vm_wait(pair.a, "armed", "false");
    real_vm_expect(pair.a, "running");
    g_assert_false(qtest_has_event(pair.a->s, "STOP"));
    pair_clear(&pair);
}

static void test_stop_while_active(void)
{
    Pair pair;

    pair_init(&pair, "", "");
    pair_migrate_slowly(&pair);
    real_vm_do(pair.a, "stop", NULL);
    real_vm_expect(pair.a, "paused");
    real_vm_wait(pair.a, "armed", "true");
    real_vm_do(pair.a, "cont", NULL);
    real_vm_expect(pair.a, "running");
    real_vm_wait(pair.a, "armed", "true");
    real_vm_do(pair.a, "migrate-set-parameters", "{'max-bandwidth': 1000000000}");
    expect_moved(&pair);
    pair_clear(&pair);
}

/* b lacks a device of a: it cannot load the state. */
static void pair_init_mismatched(Pair *pair)
{
    pair_init(pair, "-device virtio-balloon-pci", "");
}

/*
 * Without a return path the source takes what it could write for loaded, unless the end of b
 * was faster than its last write.
 */
static void test_load_fails_without_return_path(void)
{
    Pair pair;
    const char *end;

    pair_init_mismatched(&pair);
    pair_migrate(&pair);
    real_vm_wait_end(pair.b);
    real_vm_wait(pair.b, "state", "disconnected");
    real_vm_wait(pair.b, "run-state", "inmigrate");
    end = real_vm_wait_either(pair.a, "migration", "completed", "failed");
    if (strcmp(end, "completed") == 0) {
        real_vm_expect(pair.a, "postmigrate"); /* it does not know */
        real_vm_wait(pair.a, "armed", "true");
        real_vm_do(pair.a, "cont", NULL);
    }
    real_vm_expect(pair.a, "running");
    real_vm_wait(pair.a, "armed", "false");
    pair_clear(&pair);
}

static void test_load_fails_with_return_path(void)
{
    Pair pair;

    pair_init_mismatched(&pair);
    g_assert_true(real_vm_set_capability(pair.a, "return-path"));
    g_assert_true(real_vm_set_capability(pair.b, "return-path"));
    pair_migrate(&pair);
    real_vm_wait_end(pair.b);
    real_vm_wait(pair.a, "migration", "failed");
    real_vm_expect(pair.a, "running");
    real_vm_wait(pair.a, "armed", "false");
    pair_clear(&pair);
}

static void test_postcopy(void)
{
    Pair pair;

    pair_init(&pair, "", "");
    if (!real_vm_set_capability(pair.b, "postcopy-ram") ||
        !real_vm_set_capability(pair.a, "postcopy-ram")) {
        g_test_skip("QEMU cannot do postcopy here");
        pair_clear(&pair);
        return;
    }
    pair_migrate_slowly(&pair);
    real_vm_do(pair.a, "migrate-start-postcopy", NULL);
    real_vm_wait(pair.b, "run-state", "running");
    real_vm_wait(pair.a, "hold", "in-migration");
    real_vm_do(pair.a, "migrate-set-parameters", "{'max-bandwidth': 1000000000}");
    expect_moved(&pair);
    pair_clear(&pair);
}

/* The program comes when the migration is under way: the capability cannot be set yet. */
static void test_program_comes_in_the_middle(void)
{
    Pair pair;

    pair_init(&pair, "", "");
    pair_migrate_slowly(&pair);
    qtest_quit(pair.a->s);
    real_vm_follow(pair.a, "");
    real_vm_wait(pair.a, "armed", "true");
    real_vm_wait(pair.a, "errors", "0");
    real_vm_do(pair.a, "migrate_cancel", NULL);
    real_vm_wait(pair.a, "migration", "cancelled"); /* an event or the answer to a question */
    real_vm_wait(pair.a, "armed", "false");
    real_vm_expect(pair.a, "running");
    pair_clear(&pair);
}

typedef struct Case {
    const char *name;
    void (*run)(void);
} Case;

static const Case cases[] = {
    { "stop-and-cont", test_stop_and_cont },
    { "reset-of-a-running-vm", test_reset_of_a_running_vm },
    { "dump", test_dump },
    { "quit-is-a-shutdown", test_quit_is_a_shutdown },
    { "on-exit-quit", test_on_exit_quit },
    { "killed-and-started-again", test_killed_and_started_again },
    { "program-first", test_program_first },
    { "monitor-that-is-taken", test_monitor_that_is_taken },
    { "precopy", test_precopy },
    { "cont-on-the-source-afterwards", test_cont_on_the_source_afterwards },
    { "source-paused-before", test_source_paused_before },
    { "destination-stays-paused", test_destination_stays_paused },
    { "incoming-defer", test_incoming_defer },
    { "pause/continued", test_pause_continued },
    { "pause/cancelled", test_pause_cancelled },
    { "pause/destination-killed", test_pause_destination_killed },
    { "pause/source-killed", test_pause_source_killed },
    { "active/destination-killed", test_destination_killed_while_active },
    { "active/cancelled", test_cancelled_while_active },
    { "active/stopped", test_stop_while_active },
    { "load-fails/without-return-path", test_load_fails_without_return_path },
    { "load-fails/return-path", test_load_fails_with_return_path },
    { "postcopy", test_postcopy },
    { "program-comes-in-the-middle", test_program_comes_in_the_middle },
};

static void test_case(const void *data)
{
    const Case *c = data;

    if (real_vm_is_there()) {
        c->run();
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/vm-follower-qemu/", cases[i].name, NULL);

        g_test_add_data_func(path, &cases[i], test_case);
    }
    return g_test_run();
}
