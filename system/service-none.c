/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A build without libsystemd: there are no reports to a service manager. */

#include "system/service.h"

void service_open(void)
{
}

void service_start(void)
{
}

void service_stop(void)
{
}
