/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The QMP monitor of a VM that is not there: what it says, byte by byte, is up to the test. */

#ifndef TESTS_QTEST_FAKE_VM_H
#define TESTS_QTEST_FAKE_VM_H

#include "qtest-client.h"

/*
 *   test (the VM) ◄──unix── chardev qmp0 ◄── vm-follower vm0 of the program
 */

#define FAKE_GREETING                                                                            \
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}, "           \
    "\"package\": \"Debian\"}, \"capabilities\": [\"oob\"]}}\r\n"

typedef struct FakeVm {
    QTest *s;
    char *path;    /* owned: where it listens */
    int listen_fd; /* -1 = nobody listens */
    int fd;        /* -1 = not connected */
} FakeVm;

/**
 * fake_vm_start: a program with follower vm0, and a VM that listens but has not accepted yet
 * @properties: more properties of vm0, ",on-exit=stop"
 * @options: more options of the program
 */
FakeVm *fake_vm_start(const char *properties, const char *options);

/** fake_vm_new: the same in two steps; vm->s is to be set. fake_vm_options: owned. */
FakeVm *fake_vm_new(void);
char *fake_vm_options(const FakeVm *vm, const char *properties);

/** fake_vm_quit: the program must end in order. Frees @vm. */
void fake_vm_quit(FakeVm *vm);

/** fake_vm_free: the program has ended already. */
void fake_vm_free(FakeVm *vm);

/** fake_vm_accept: the follower's connection. fake_vm_hang_up: close it. */
void fake_vm_accept(FakeVm *vm);
void fake_vm_hang_up(FakeVm *vm);

/** fake_vm_crash: the connection ends, and nobody listens. fake_vm_listen: again. */
void fake_vm_crash(FakeVm *vm);
void fake_vm_listen(FakeVm *vm);

/** fake_vm_send: these bytes. */
void fake_vm_send(FakeVm *vm, const char *text);

/** fake_vm_event: @data: JSON with single quotes; NULL = none. */
void fake_vm_event(FakeVm *vm, const char *name, const char *data);

/** fake_vm_migration: the event MIGRATION. */
void fake_vm_migration(FakeVm *vm, const char *status);

/**
 * fake_vm_any_command: the next one
 * @name, @arguments: owned; @arguments NULL = none
 *
 * Returns: its id.
 */
int64_t fake_vm_any_command(FakeVm *vm, char **name, json_object **arguments);

/** fake_vm_command: the next one must be @name. Returns: its id. */
int64_t fake_vm_command(FakeVm *vm, const char *name);

/** fake_vm_reply: @result: JSON with single quotes. fake_vm_refuse: an error. */
void fake_vm_reply(FakeVm *vm, int64_t id, const char *result);
void fake_vm_refuse(FakeVm *vm, int64_t id, const char *desc);

/** fake_vm_greet: greeting, and qmp_capabilities answered. */
void fake_vm_greet(FakeVm *vm);

/** fake_vm_answer_status: query-status must come; @status is the answer. */
void fake_vm_answer_status(FakeVm *vm, const char *status);

/** fake_vm_answer_migration: query-migrate must come; NULL: there was none. */
void fake_vm_answer_migration(FakeVm *vm, const char *status);

/** fake_vm_accept_events: take the capability, and answer what is asked then. */
void fake_vm_accept_events(FakeVm *vm, const char *status, const char *migration);

/** fake_vm_follow: accept, greet, and answer everything that is asked at first. */
void fake_vm_follow(FakeVm *vm, const char *status);

/** fake_vm_member: a member of query-vm-follower's only entry as text, "" if absent. Owned. */
char *fake_vm_member(FakeVm *vm, const char *name);

/** fake_vm_assert: it is @value now. fake_vm_wait: it becomes @value. */
void fake_vm_assert(FakeVm *vm, const char *name, const char *value);
void fake_vm_wait(FakeVm *vm, const char *name, const char *value);

/** fake_vm_assert_state: query-status says @status. */
void fake_vm_assert_state(FakeVm *vm, const char *status);

#endif
