/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A netdev and an export with a connected guest, all in the hands of a test. */

#ifndef TESTS_UNIT_EXPORT_FIXTURE_H
#define TESTS_UNIT_EXPORT_FIXTURE_H

#include <stdint.h>
#include <glib.h>

#include "export/export.h"
#include "export/export-internal.h"
#include "net/client.h"

/*
 *   netdev "n0" ──► export "e0" ══ socket pair ══ the test, as the guest's QEMU
 *
 * Frames are numbered in their first byte.
 */

#define FIXTURE_FRAME_LEN 60

typedef struct ExportFixture {
    NetClient *netdev;
    NetExport *exp;
    int guest;       /* its end of the socket */
    uint32_t n_sent;
} ExportFixture;

/** export_fixture_set_up: the VM runs. @more: ",KEY=VALUE" for e0 */
void export_fixture_set_up(ExportFixture *f, const char *more);

/** export_fixture_add: the same with all options of e0, and no guest yet. @guest: taken */
void export_fixture_add(ExportFixture *f, const char *export_options, int guest);

void export_fixture_tear_down(ExportFixture *f);

/** export_fixture_send: @n frames of @len bytes, one after the other. */
void export_fixture_send(ExportFixture *f, size_t n, uint32_t len);

#endif
