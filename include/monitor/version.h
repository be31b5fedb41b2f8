/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which QEMU the monitors and -version say they speak like. */

#ifndef MONITOR_VERSION_H
#define MONITOR_VERSION_H

#include "config.h"

/** The version of QEMU whose options, commands and texts these are. */
#define VERSION_EMULATED "10.2.50"

/** What query-version calls the package. */
#define VERSION_PACKAGE "qemu-net-daemon " PROJECT_VERSION

#endif
