/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A build without libsystemd: there are no reports to a service manager. */

#include "system/service.h"

#include <glib.h>

#include "util/log.h"

void service_open(void)
{
    if (g_getenv("NOTIFY_SOCKET")) {
        log_warning("the service manager cannot be told anything: this program was built without "
                    "libsystemd");
    }
}

void service_start(void)
{
}

void service_stop(void)
{
}
