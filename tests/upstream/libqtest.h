/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What upstream/new/tests/qtest uses of QEMU's test library, done by our client. */

#ifndef TESTS_UPSTREAM_LIBQTEST_H
#define TESTS_UPSTREAM_LIBQTEST_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

typedef struct QTest QTestState;

/** qtest_initf: start the program under test with more options. End it with qtest_quit(). */
QTestState *qtest_initf(const char *format, ...) G_GNUC_PRINTF(1, 2);
void qtest_quit(QTestState *s);

/** qtest_hmp: what a command of the human monitor prints. Owned. */
char *qtest_hmp(QTestState *s, const char *format, ...) G_GNUC_PRINTF(2, 3);

/** qtest_qmp_assert_success: @json: a command without conversions. */
#define qtest_qmp_assert_success(s, json) qtest_qmp_ok(s, json)
void qtest_qmp_ok(QTestState *s, const char *format, ...) G_GNUC_PRINTF(2, 3);

int64_t qtest_clock_step(QTestState *s, int64_t ns);

/* The bus of a machine, where the program has one. */
void qtest_outl(QTestState *s, uint16_t port, uint32_t value);
void qtest_writel(QTestState *s, uint64_t address, uint32_t value);
void qtest_writeq(QTestState *s, uint64_t address, uint64_t value);
uint32_t qtest_readl(QTestState *s, uint64_t address);
uint64_t qtest_readq(QTestState *s, uint64_t address);

/** qtest_has_device: whether the program under test has this device. */
bool qtest_has_device(const char *name);

/**
 * qtest_add_data_func, qtest_add_func: a test, unless UPSTREAM_LEFT_OUT in the environment has its
 * path; that is a list with blanks between, for what the program under test cannot have.
 */
void qtest_add_data_func(const char *path, const void *data, GTestDataFunc test);
void qtest_add_func(const char *path, GTestFunc test);

#endif
