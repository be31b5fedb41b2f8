/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What upstream/new/tests/qtest uses of QEMU's test library, done by our client. */

#include "qtest-client.h"

#include <inttypes.h>
#include <string.h>
/* Behind ours: what is declared in both is the same. */
#include "libqtest.h"

QTestState *qtest_initf(const char *format, ...)
{
    g_autofree char *options = NULL;
    va_list args;

    va_start(args, format);
    options = g_strdup_vprintf(format, args);
    va_end(args);
    return qtest_start("%s", options);
}

static uint64_t qtest_number(QTestState *s, const char *command, uint64_t address)
{
    g_autofree char *reply = qtest_line(s, "%s 0x%" PRIx64, command, address);

    g_assert_true(g_str_has_prefix(reply, "OK "));
    return g_ascii_strtoull(reply + strlen("OK "), NULL, 0);
}

static void qtest_put(QTestState *s, const char *command, uint64_t address, uint64_t value)
{
    g_autofree char *line = g_strdup_printf("%s 0x%" PRIx64 " 0x%" PRIx64, command, address,
                                            value);

    qtest_expect_line(s, line, "OK");
}

void qtest_outl(QTestState *s, uint16_t port, uint32_t value)
{
    qtest_put(s, "outl", port, value);
}

void qtest_writel(QTestState *s, uint64_t address, uint32_t value)
{
    qtest_put(s, "writel", address, value);
}

void qtest_writeq(QTestState *s, uint64_t address, uint64_t value)
{
    qtest_put(s, "writeq", address, value);
}

uint32_t qtest_readl(QTestState *s, uint64_t address)
{
    return qtest_number(s, "readl", address);
}

uint64_t qtest_readq(QTestState *s, uint64_t address)
{
    return qtest_number(s, "readq", address);
}

bool qtest_has_device(const char *name)
{
    g_autofree char *wanted = g_strdup_printf("\"%s\"", name);
    g_autofree char *out = NULL;

    return qtest_run(&out, NULL, "-machine none -device help") == 0 && strstr(out, wanted);
}

static bool qtest_is_left_out(const char *path)
{
    const char *list = g_getenv("UPSTREAM_LEFT_OUT");
    g_auto(GStrv) paths = g_strsplit(list ? list : "", " ", -1);

    return g_strv_contains((const char *const *)paths, path);
}

void qtest_add_data_func(const char *path, const void *data, GTestDataFunc test)
{
    if (!qtest_is_left_out(path)) {
        g_test_add_data_func(path, data, test);
    }
}

void qtest_add_func(const char *path, GTestFunc test)
{
    if (!qtest_is_left_out(path)) {
        g_test_add_func(path, test);
    }
}
