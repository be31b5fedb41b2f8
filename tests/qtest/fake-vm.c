/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The QMP monitor of a VM that is not there: what it says, byte by byte, is up to the test. */

#include "fake-vm.h"

#include <string.h>
#include <unistd.h>

FakeVm *fake_vm_new(void)
{
    FakeVm *vm = g_new0(FakeVm, 1);

    vm->fd = -1;
    vm->path = tmp_path("vm.qmp");
    fake_vm_listen(vm);
    return vm;
}

char *fake_vm_options(const FakeVm *vm, const char *properties)
{
    return g_strdup_printf("-chardev socket,id=qmp0,path=%s,reconnect-ms=5 "
                           "-object vm-follower,id=vm0,chardev=qmp0%s", vm->path, properties);
}

FakeVm *fake_vm_start(const char *properties, const char *options)
{
    FakeVm *vm = fake_vm_new();
    g_autofree char *follower = fake_vm_options(vm, properties);

    vm->s = qtest_start("%s %s", follower, options);
    return vm;
}

void fake_vm_free(FakeVm *vm)
{
    sock_close(&vm->fd);
    sock_close(&vm->listen_fd);
    unlink(vm->path);
    g_free(vm->path);
    g_free(vm);
}

void fake_vm_quit(FakeVm *vm)
{
    qtest_quit(vm->s);
    fake_vm_free(vm);
}

void fake_vm_accept(FakeVm *vm)
{
    sock_close(&vm->fd);
    vm->fd = sock_accept(vm->listen_fd);
}

void fake_vm_hang_up(FakeVm *vm)
{
    sock_close(&vm->fd);
}

void fake_vm_crash(FakeVm *vm)
{
    unlink(vm->path);
    sock_close(&vm->listen_fd);
    sock_close(&vm->fd);
}

void fake_vm_listen(FakeVm *vm)
{
    vm->listen_fd = sock_listen_unix(vm->path);
}

void fake_vm_send(FakeVm *vm, const char *text)
{
    sock_write(vm->fd, text, strlen(text));
}

void fake_vm_event(FakeVm *vm, const char *name, const char *data)
{
    g_autofree char *text = g_strdup_printf("{'timestamp': {'seconds': 1700000000, "
                                            "'microseconds': 42}, 'event': '%s'%s%s}\r\n", name,
                                            data ? ", 'data': " : "", data ? data : "");

    fake_vm_send(vm, text);
}

void fake_vm_migration(FakeVm *vm, const char *status)
{
    g_autofree char *data = g_strdup_printf("{'status': '%s'}", status);

    fake_vm_event(vm, "MIGRATION", data);
}

int64_t fake_vm_any_command(FakeVm *vm, char **name, json_object **arguments)
{
    g_autofree char *line = sock_read_line(vm->fd);
    g_autoptr(json_object) command = NULL;
    json_object *id = NULL;

    g_assert_nonnull(line);
    command = json_tokener_parse(line);
    *name = g_strdup(json_object_get_string(json_object_object_get(command, "execute")));
    *arguments = json_object_get(json_object_object_get(command, "arguments"));
    g_assert_true(json_object_object_get_ex(command, "id", &id));
    return json_object_get_int64(id);
}

int64_t fake_vm_command(FakeVm *vm, const char *name)
{
    g_autoptr(json_object) arguments = NULL;
    g_autofree char *came = NULL;
    int64_t id = fake_vm_any_command(vm, &came, &arguments);

    g_assert_cmpstr(came, ==, name);
    return id;
}

void fake_vm_reply(FakeVm *vm, int64_t id, const char *result)
{
    g_autofree char *text = g_strdup_printf("{'return': %s, 'id': %" G_GINT64_FORMAT "}\r\n",
                                            result, id);

    fake_vm_send(vm, text);
}

void fake_vm_refuse(FakeVm *vm, int64_t id, const char *desc)
{
    g_autofree char *text = g_strdup_printf("{'id': %" G_GINT64_FORMAT ", 'error': {'class': "
                                            "'GenericError', 'desc': \"%s\"}}\r\n", id, desc);

    fake_vm_send(vm, text);
}

void fake_vm_greet(FakeVm *vm)
{
    fake_vm_send(vm, FAKE_GREETING);
    fake_vm_reply(vm, fake_vm_command(vm, "qmp_capabilities"), "{}");
}

void fake_vm_answer_status(FakeVm *vm, const char *status)
{
    g_autofree char *result =
        g_strdup_printf("{'running': %s, 'singlestep': false, 'status': '%s'}",
                        strcmp(status, "running") == 0 ? "true" : "false", status);

    fake_vm_reply(vm, fake_vm_command(vm, "query-status"), result);
}

void fake_vm_answer_migration(FakeVm *vm, const char *status)
{
    g_autofree char *result = status ? g_strdup_printf("{'status': '%s'}", status)
                                     : g_strdup("{}");

    fake_vm_reply(vm, fake_vm_command(vm, "query-migrate"), result);
}

void fake_vm_accept_events(FakeVm *vm, const char *status, const char *migration)
{
    fake_vm_reply(vm, fake_vm_command(vm, "migrate-set-capabilities"), "{}");
    fake_vm_answer_status(vm, status);
    fake_vm_answer_migration(vm, migration);
}

void fake_vm_follow(FakeVm *vm, const char *status)
{
    fake_vm_accept(vm);
    fake_vm_greet(vm);
    fake_vm_answer_status(vm, status);
    fake_vm_answer_migration(vm, NULL);
    fake_vm_accept_events(vm, status, NULL);
    fake_vm_wait(vm, "state", "following");
}

char *fake_vm_member(FakeVm *vm, const char *name)
{
    g_autoptr(json_object) list = qtest_qmp_return(vm->s, "{'execute': 'query-vm-follower'}");
    json_object *value = NULL;

    g_assert_cmpuint(json_object_array_length(list), ==, 1);
    json_object_object_get_ex(json_object_array_get_idx(list, 0), name, &value);
    return g_strdup(value ? json_object_get_string(value) : "");
}

void fake_vm_assert(FakeVm *vm, const char *name, const char *value)
{
    g_autofree char *text = fake_vm_member(vm, name);

    g_assert_cmpstr(text, ==, value);
}

void fake_vm_wait(FakeVm *vm, const char *name, const char *value)
{
    int64_t deadline = g_get_monotonic_time() + wait_limit_ms() * INT64_C(1000);
    g_autofree char *text = fake_vm_member(vm, name);

    while (strcmp(text, value) != 0) {
        if (g_get_monotonic_time() > deadline) {
            g_error("vm0: %s is '%s', not '%s'", name, text, value);
        }
        g_thread_yield();
        g_free(text);
        text = fake_vm_member(vm, name);
    }
}

void fake_vm_assert_state(FakeVm *vm, const char *status)
{
    g_autoptr(json_object) info = qtest_qmp_return(vm->s, "{'execute': 'query-status'}");
    json_object *value = NULL;

    json_object_object_get_ex(info, "status", &value);
    g_assert_cmpstr(json_object_get_string(value), ==, status);
}
