/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A real QEMU without a guest, and the program that follows it. */

#ifndef TESTS_QTEST_REAL_VM_H
#define TESTS_QTEST_REAL_VM_H

#include "qtest-client.h"

/*
 *   test ──QMP──► qemu-system-x86_64 ◄──QMP── vm-follower vm0 of the program
 */

/** One QEMU and its follower. */
typedef struct RealVm {
    QTest *s;      /* the program; NULL = not started */
    char *name;    /* owned */
    char *follow;  /* owned: path of the monitor for the follower */
    char *control; /* owned: path of the test's monitor */
    char *options; /* owned: more options */
    GPid pid;      /* 0 = not running */
    int fd;        /* of the test's monitor */
} RealVm;

/** real_vm_is_there: whether there is a QEMU; if not, the test is skipped with the reason. */
bool real_vm_is_there(void);

/** real_vm_new: nothing runs yet. @name: unique among those of a test. */
RealVm *real_vm_new(const char *name, const char *options);

/** real_vm_follow: start the program; @properties: more properties of vm0. */
void real_vm_follow(RealVm *vm, const char *properties);

/** real_vm_start: start QEMU, and negotiate on the test's monitor. */
void real_vm_start(RealVm *vm);

/** real_vm_run: both, and the follower follows. */
RealVm *real_vm_run(const char *name, const char *options);

/** real_vm_kill: by SIGKILL. real_vm_wait_end: it ends by itself. */
void real_vm_kill(RealVm *vm);
void real_vm_wait_end(RealVm *vm);

/** real_vm_free: end what runs. */
void real_vm_free(RealVm *vm);

/** real_vm_ask: Returns: the reply, with "return" or "error". Owned. */
json_object *real_vm_ask(RealVm *vm, const char *format, ...) G_GNUC_PRINTF(2, 3);

/** real_vm_do: command @name; @arguments: JSON with single quotes, NULL = none. Must succeed. */
void real_vm_do(RealVm *vm, const char *name, const char *arguments);

/** real_vm_set_capability: Returns: false when this QEMU cannot. */
bool real_vm_set_capability(RealVm *vm, const char *name);

/** real_vm_status: what query-status of QEMU itself says. Owned. */
char *real_vm_status(RealVm *vm);

/** real_vm_member: a member of query-vm-follower as text, "" if absent. Owned. */
char *real_vm_member(RealVm *vm, const char *name);

/** real_vm_wait: until that is @value. */
void real_vm_wait(RealVm *vm, const char *name, const char *value);

/** real_vm_wait_either: until it is one of these. Returns: which. */
const char *real_vm_wait_either(RealVm *vm, const char *name, const char *value,
                                const char *other);

/** real_vm_wait_quiet: the follower follows, and has nothing to ask before the next event. */
void real_vm_wait_quiet(RealVm *vm);

/** real_vm_expect: ours becomes run state @status, and so does QEMU's own. */
void real_vm_expect(RealVm *vm, const char *status);

#endif
