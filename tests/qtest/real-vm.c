/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A real QEMU without a guest, and the program that follows it. */

#include "real-vm.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define QEMU_PROGRAM "qemu-system-x86_64"
#define QEMU_FIXED   QEMU_PROGRAM " -M q35 -accel tcg -m 64 -nodefaults -display none " \
                     "-no-user-config"

bool real_vm_is_there(void)
{
    g_autofree char *path = g_find_program_in_path(QEMU_PROGRAM);

    if (!path) {
        g_test_skip(QEMU_PROGRAM " is not installed");
    }
    return path != NULL;
}

static char *real_vm_path(const char *name, const char *suffix)
{
    g_autofree char *file = g_strconcat(name, suffix, NULL);

    return tmp_path(file);
}

RealVm *real_vm_new(const char *name, const char *options)
{
    RealVm *vm = g_new0(RealVm, 1);

    vm->name = g_strdup(name);
    vm->follow = real_vm_path(name, ".follow");
    vm->control = real_vm_path(name, ".control");
    vm->options = g_strdup(options);
    vm->fd = -1;
    return vm;
}

void real_vm_follow(RealVm *vm, const char *properties)
{
    vm->s = qtest_start("-chardev socket,id=qmp0,path=%s,reconnect-ms=10 "
                          "-object vm-follower,id=vm0,chardev=qmp0%s", vm->follow, properties);
}

/* In the child: it must not outlive a test that was aborted. */
static void real_vm_child_setup(gpointer opaque)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void real_vm_spawn(RealVm *vm)
{
    g_autofree char *line = g_strdup_printf(QEMU_FIXED " -qmp unix:%s,server=on,wait=off "
                                            "-qmp unix:%s,server=on,wait=off %s", vm->follow,
                                            vm->control, vm->options);
    g_auto(GStrv) argv = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_true(g_shell_parse_argv(line, NULL, &argv, NULL));
    g_spawn_async(NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD |
                  G_SPAWN_STDERR_TO_DEV_NULL, real_vm_child_setup, NULL, &vm->pid, &error);
    g_assert_no_error(error);
}

void real_vm_start(RealVm *vm)
{
    unlink(vm->control);
    unlink(vm->follow);
    real_vm_spawn(vm);
    vm->fd = sock_connect_unix(vm->control);
    g_free(sock_read_line(vm->fd));
    real_vm_do(vm, "qmp_capabilities", NULL);
}

RealVm *real_vm_run(const char *name, const char *options)
{
    RealVm *vm = real_vm_new(name, options);

    real_vm_start(vm);
    real_vm_follow(vm, "");
    real_vm_wait(vm, "state", "following");
    return vm;
}

void real_vm_wait_end(RealVm *vm)
{
    int pidfd = pidfd_open(vm->pid, 0);

    g_assert_cmpint(pidfd, >=, 0);
    wait_fd(pidfd, POLLIN, "QEMU to end");
    close(pidfd);
    g_assert_cmpint(waitpid(vm->pid, NULL, 0), ==, vm->pid);
    vm->pid = 0;
    sock_close(&vm->fd);
}

void real_vm_kill(RealVm *vm)
{
    if (vm->pid) {
        kill(vm->pid, SIGKILL);
        real_vm_wait_end(vm);
    }
}

void real_vm_free(RealVm *vm)
{
    real_vm_kill(vm);
    if (vm->s) {
        qtest_quit(vm->s);
    }
    unlink(vm->control);
    unlink(vm->follow);
    g_free(vm->name);
    g_free(vm->follow);
    g_free(vm->control);
    g_free(vm->options);
    g_free(vm);
}

json_object *real_vm_ask(RealVm *vm, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    sock_write(vm->fd, text, strlen(text));
    for (;;) {
        g_autofree char *line = sock_read_line(vm->fd);
        json_object *message;

        g_assert_nonnull(line);
        message = json_tokener_parse(line);
        if (!json_object_object_get_ex(message, "event", NULL)) {
            return message;
        }
        json_object_put(message);
    }
}

void real_vm_do(RealVm *vm, const char *name, const char *arguments)
{
    g_autoptr(json_object) reply = real_vm_ask(vm, "{'execute': '%s', 'arguments': %s}", name,
                                            arguments ? arguments : "{}");

    if (!json_object_object_get_ex(reply, "return", NULL)) {
        g_error("%s: %s: %s", vm->name, name, json_object_to_json_string(reply));
    }
}

bool real_vm_set_capability(RealVm *vm, const char *name)
{
    g_autoptr(json_object) reply =
        real_vm_ask(vm, "{'execute': 'migrate-set-capabilities', 'arguments': {'capabilities': "
                 "[{'capability': '%s', 'state': true}]}}", name);

    return json_object_object_get_ex(reply, "return", NULL);
}

char *real_vm_status(RealVm *vm)
{
    g_autoptr(json_object) reply = real_vm_ask(vm, "{'execute': 'query-status'}");
    json_object *status = json_object_object_get(json_object_object_get(reply, "return"),
                                                 "status");

    return g_strdup(json_object_get_string(status));
}

char *real_vm_member(RealVm *vm, const char *name)
{
    g_autoptr(json_object) list = qtest_qmp_return(vm->s, "{'execute': 'query-vm-follower'}");
    json_object *value = NULL;

    json_object_object_get_ex(json_object_array_get_idx(list, 0), name, &value);
    return g_strdup(value ? json_object_get_string(value) : "");
}

static int64_t real_vm_deadline(void)
{
    return g_get_monotonic_time() + wait_limit_ms() * INT64_C(1000);
}

const char *real_vm_wait_either(RealVm *vm, const char *name, const char *value,
                                const char *other)
{
    int64_t deadline = real_vm_deadline();

    for (;;) {
        g_autofree char *text = real_vm_member(vm, name);

        if (strcmp(text, value) == 0) {
            return value;
        }
        if (strcmp(text, other) == 0) {
            return other;
        }
        if (g_get_monotonic_time() > deadline) {
            g_error("%s: %s is '%s', not '%s' or '%s'", vm->name, name, text, value, other);
        }
        g_thread_yield();
    }
}

void real_vm_wait(RealVm *vm, const char *name, const char *value)
{
    real_vm_wait_either(vm, name, value, value);
}

/* An event may be ahead of what query-status says, and behind it. */
void real_vm_expect(RealVm *vm, const char *status)
{
    int64_t deadline = real_vm_deadline();

    for (;;) {
        g_autofree char *ours = real_vm_member(vm, "run-state");
        g_autofree char *own = real_vm_status(vm);

        if (strcmp(ours, status) == 0 && strcmp(own, status) == 0) {
            return;
        }
        if (g_get_monotonic_time() > deadline) {
            g_error("%s: run state is '%s', and QEMU's is '%s', not '%s'", vm->name, ours, own,
                    status);
        }
    }
}

/*
 * A QEMU that is told to end waits for ever (in monitor_cleanup of 7.2) if a command comes just
 * then: its monitors' thread wakes a loop that is not run any more.
 */
void real_vm_wait_quiet(RealVm *vm)
{
    real_vm_wait(vm, "state", "following");
    real_vm_wait(vm, "unanswered", "0");
}
