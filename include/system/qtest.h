/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The server of the qtest protocol: tests step the virtual clock through it. */

#ifndef SYSTEM_QTEST_H
#define SYSTEM_QTEST_H

#include <stdbool.h>
#include <glib.h>

/**
 * qtest_start: serve on a new chardev labelled "qtest"
 * @device: a device string (docs/options.rst)
 * @log: file for the conversation; NULL = stderr; "none" = no log
 *
 * Source: docs/monitors.rst, "qtest".
 */
bool qtest_start(const char *device, const char *log, GError **error);

/** qtest_stop: detach from the chardev, close the log; legal when not started. */
void qtest_stop(void);

#endif
