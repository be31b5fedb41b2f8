/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A build without libsystemd: no service manager is told anything. */

#include "system/service.h"

void service_start(void)
{
}

void service_stop(void)
{
}
