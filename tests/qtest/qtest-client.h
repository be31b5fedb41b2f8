/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starts the program under test and speaks qtest and QMP with it. */

#ifndef TESTS_QTEST_QTEST_CLIENT_H
#define TESTS_QTEST_QTEST_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>
#include <json-c/json.h>
#include "frames.h"
#include "sockets.h"

/*
 * The program is the one named by QTEST_QEMU_BINARY; QTEST_WRAPPER (valgrind and its options)
 * goes in front of it, QTEST_SANDBOX=on confines it. QTEST_LOG=1 shows the conversation;
 * QTEST_OLD_QEMU=1 leaves options out that old releases of QEMU do not know. Whatever goes wrong
 * ends the test with a message.
 * JSON is written with single quotes and printf conversions:
 *
 *     QTest *s = qtest_start("-nic socket,id=net0,fd=%d", fd);
 *     qtest_qmp_ok(s, "{'execute': 'set_link', 'arguments': {'name': '%s', 'up': false}}", id);
 *     qtest_quit(s);
 */
typedef struct QTest QTest;

G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_object, json_object_put)

/* ---- the process ---- */

/**
 * qtest_start: start the program with qtest, QMP and "-nodefaults", and greet it
 * @format: more options, split like a shell does
 * Returns: end it with qtest_quit().
 */
QTest *qtest_start(const char *format, ...) G_GNUC_PRINTF(1, 2);

/** qtest_start_ungreeted: as above, but QMP is not negotiated: the greeting comes first. */
QTest *qtest_start_ungreeted(const char *format, ...) G_GNUC_PRINTF(1, 2);

/** qtest_start_plain: start with these options only: no qtest, no QMP, no clock control. */
QTest *qtest_start_plain(const char *format, ...) G_GNUC_PRINTF(1, 2);

/** qtest_attach_qmp: negotiate on @fd (taken), a connection to a control monitor of @s. */
void qtest_attach_qmp(QTest *s, int fd);

/** qtest_quit: SIGTERM; the program must end with status 0. Frees @s. */
void qtest_quit(QTest *s);

/** qtest_kill: SIGKILL, as if the host had died. Frees @s. */
void qtest_kill(QTest *s);

/** qtest_wait_exit: the program must end by itself. Frees @s. Returns: its exit status. */
int qtest_wait_exit(QTest *s);

/** qtest_wait_killed: the program must be ended by a signal. Frees @s. Returns: its number. */
int qtest_wait_killed(QTest *s);

/** qtest_signal: send a signal. */
void qtest_signal(QTest *s, int number);

int qtest_pid(const QTest *s);

/**
 * qtest_wait_output: until standard output or error of the program holds @text
 * qtest_output: all that was written before this call. Owned.
 */
void qtest_wait_output(QTest *s, const char *text);
char *qtest_output(QTest *s);

/**
 * qtest_run: run the program with these options only, to its end
 * @out, @err: (out) what it wrote; owned; may be NULL
 * Returns: its exit status.
 */
int qtest_run(char **out, char **err, const char *format, ...) G_GNUC_PRINTF(3, 4);

/**
 * qtest_expect_start_error: the program must refuse these options with status 1
 * @message: a part of what standard error must hold, without "PROG: "
 */
void qtest_expect_start_error(const char *message, const char *format, ...) G_GNUC_PRINTF(2, 3);

/** qtest_has_netdev: whether this type is built in. */
bool qtest_has_netdev(const char *type);

/* ---- QMP ---- */

/** qtest_qmp: Returns: the whole reply, with "return" or "error". Owned. */
json_object *qtest_qmp(QTest *s, const char *format, ...) G_GNUC_PRINTF(2, 3);

/** qtest_qmp_return: must succeed. Returns: what "return" holds. Owned. */
json_object *qtest_qmp_return(QTest *s, const char *format, ...) G_GNUC_PRINTF(2, 3);

/** qtest_qmp_ok: must succeed. */
void qtest_qmp_ok(QTest *s, const char *format, ...) G_GNUC_PRINTF(2, 3);

/** qtest_qmp_error: must fail. @class, @desc: of the error, exactly; NULL = any. */
void qtest_qmp_error(QTest *s, const char *class, const char *desc, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

/** qtest_qmp_send, qtest_qmp_receive: the halves of qtest_qmp(). */
void qtest_qmp_send(QTest *s, const char *format, ...) G_GNUC_PRINTF(2, 3);
json_object *qtest_qmp_receive(QTest *s);

/** qtest_qmp_send_raw: these bytes, as they are. */
void qtest_qmp_send_raw(QTest *s, const void *data, size_t len);

/** qtest_qmp_fd: the QMP socket. */
int qtest_qmp_fd(const QTest *s);

/** qtest_wait_event: the oldest event @name not yet asked for. Owned. Others are kept. */
json_object *qtest_wait_event(QTest *s, const char *name);

/** qtest_expect_event: qtest_wait_event() for those who do not look inside. */
void qtest_expect_event(QTest *s, const char *name);

/** qtest_has_event: whether one has come by now (a command is run to be sure). */
bool qtest_has_event(QTest *s, const char *name);

/** qtest_forget_events: those that have come by now. */
void qtest_forget_events(QTest *s);

/** qtest_stop, qtest_cont: with their events. */
void qtest_stop(QTest *s);
void qtest_cont(QTest *s);

/** qtest_object_add: @json: the arguments of object-add. qtest_object_del: by id. */
void qtest_object_add(QTest *s, const char *json);
void qtest_object_del(QTest *s, const char *id);

/** qtest_qom_set: property of the object @id below /objects; @json: the value as JSON. */
void qtest_qom_set(QTest *s, const char *id, const char *property, const char *json);
void qtest_qom_set_bool(QTest *s, const char *id, const char *property, bool value);
void qtest_qom_set_str(QTest *s, const char *id, const char *property, const char *value);

/** qtest_qom_get: as JSON text. Owned. */
char *qtest_qom_get(QTest *s, const char *id, const char *property);

/** qtest_hmp: what a human monitor command prints. Owned. */
char *qtest_hmp(QTest *s, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* ---- the qtest protocol ---- */

/** qtest_line: send one line. Returns: the reply line. Owned. */
char *qtest_line(QTest *s, const char *format, ...) G_GNUC_PRINTF(2, 3);

/** qtest_expect_line: send @line; the reply must be @reply. */
void qtest_expect_line(QTest *s, const char *line, const char *reply);

/** qtest_clock_step: by @ns; 0 = to the next deadline. Returns: the virtual clock, in ns. */
int64_t qtest_clock_step(QTest *s, int64_t ns);

/** qtest_wait_chardev: until socket chardev @id has a connection, or has none. */
void qtest_wait_chardev(QTest *s, const char *id, bool connected);

/* ---- counters ---- */

/** qtest_query_entry: of the list that @command returns, the entry with this id. Owned. */
json_object *qtest_query_entry(QTest *s, const char *command, const char *id);

/** qtest_netdev, qtest_filter: its entry in query-netdevs, query-netfilters. Owned. */
json_object *qtest_netdev(QTest *s, const char *id);
json_object *qtest_filter(QTest *s, const char *id);

/**
 * json_path: a member, such as "tx.held.frames"
 *
 * In a list of drops a reason picks one ("tx.dropped.overflow.frames"), and "frames" or
 * "bytes" is the sum of all. Booleans are 0 and 1. A member that is missing ends the test.
 */
int64_t json_path(json_object *object, const char *path);

/** qtest_netdev_count, qtest_filter_count: json_path() of the entry. */
int64_t qtest_netdev_count(QTest *s, const char *id, const char *path);
int64_t qtest_filter_count(QTest *s, const char *id, const char *path);

/** qtest_wait_netdev, qtest_wait_filter: until json_path() of the entry is @value. */
void qtest_wait_netdev(QTest *s, const char *id, const char *path, int64_t value);
void qtest_wait_filter(QTest *s, const char *id, const char *path, int64_t value);

/** qtest_query_count, qtest_wait_query: the same of any command that lists things with an id. */
int64_t qtest_query_count(QTest *s, const char *command, const char *id, const char *path);
void qtest_wait_query(QTest *s, const char *command, const char *id, const char *path,
                      int64_t value);

/** qtest_assert_conservation: the sums of every chain and every filter hold. */
void qtest_assert_conservation(QTest *s);

#endif
