/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which QEMU the monitors and -version say they speak like. */

#ifndef MONITOR_VERSION_H
#define MONITOR_VERSION_H

#include "config.h"

#define QEMU_VERSION_MAJOR 10
#define QEMU_VERSION_MINOR 2
#define QEMU_VERSION_MICRO 50
#define QEMU_VERSION_TEXT  "10.2.50"

/** What query-version calls the package. */
#define VERSION_PACKAGE "qemu-net-daemon " PROJECT_VERSION

#endif
