/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Monitors: QMP and the human monitor on character devices. */

#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

#include <stdbool.h>
#include <glib.h>
#include "chardev/char.h"
#include "qapi/qapi-types.h"

/** monitor_add: put a monitor on @chr. Returns: false with @error, e.g. chardev in use. */
bool monitor_add(Chardev *chr, MonitorMode mode, bool pretty, GError **error);

/** monitor_add_from_opts: "-mon ARG". Returns: false with @error. */
bool monitor_add_from_opts(const char *text, GError **error);

/**
 * monitor_add_legacy: "-qmp DEV", "-qmp-pretty DEV", "-monitor DEV"
 *
 * Makes a chardev and a monitor, both called compat_monitorN; "mon:DEV" puts a mux on DEV with a
 * human monitor beside this one; "none" is no monitor for MONITOR_MODE_READLINE. If the device
 * cannot be made there are two messages: the first is reported here, the second ("parse error:
 * DEV") returned in @error.
 */
bool monitor_add_legacy(const char *device, MonitorMode mode, bool pretty, GError **error);

/** monitor_init: become the sink of events. monitor_cleanup: write what is pending, detach. */
void monitor_init(void);
void monitor_cleanup(void);

/**
 * monitor_when_greeted: call @func from the loop, once, when no client that is connected is
 * still to negotiate, at the latest after @limit_ms
 *
 * Who started the process and speaks QMP with it should not miss the events of the start.
 */
void monitor_when_greeted(int limit_ms, void (*func)(void));

/** monitor_set_preconfig: until set to false, only commands with 'allow-preconfig' run. */
void monitor_set_preconfig(bool preconfig);

/**
 * monitor_flush: write pending output; before the exit.
 *
 * Blocks: until it is written, for a bounded time; runs the loop meanwhile.
 */
void monitor_flush(void);

#endif
