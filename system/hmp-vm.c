/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Human monitor: run state, end of the process, file descriptors, name and version. */

#include "system/hmp-internal.h"

#include <string.h>

#include "monitor/version.h"
#include "qapi/qapi-commands.h"
#include "qapi/qapi.h"

static void hmp_run_quit(Hmp *hmp)
{
    g_autoptr(GError) error = NULL;

    qmp_quit(&error);
    hmp_error(hmp, g_steal_pointer(&error));
}

static void hmp_run_stop(Hmp *hmp)
{
    g_autoptr(GError) error = NULL;

    qmp_stop(&error);
    hmp_error(hmp, g_steal_pointer(&error));
}

static void hmp_run_cont(Hmp *hmp)
{
    g_autoptr(GError) error = NULL;

    qmp_cont(&error);
    hmp_error(hmp, g_steal_pointer(&error));
}

static void hmp_run_system_reset(Hmp *hmp)
{
    g_autoptr(GError) error = NULL;

    qmp_system_reset(&error);
    hmp_error(hmp, g_steal_pointer(&error));
}

static void hmp_run_system_powerdown(Hmp *hmp)
{
    g_autoptr(GError) error = NULL;

    qmp_system_powerdown(&error);
    hmp_error(hmp, g_steal_pointer(&error));
}

static void hmp_run_getfd(Hmp *hmp)
{
    GetfdArgs args = { .fdname = (char *)hmp_str(hmp, "fdname") };
    g_autoptr(GError) error = NULL;

    qmp_getfd(&args, &error);
    hmp_error(hmp, g_steal_pointer(&error));
}

static void hmp_run_closefd(Hmp *hmp)
{
    ClosefdArgs args = { .fdname = (char *)hmp_str(hmp, "fdname") };
    g_autoptr(GError) error = NULL;

    qmp_closefd(&args, &error);
    hmp_error(hmp, g_steal_pointer(&error));
}

/* A user's pause needs no reason; every other way of not running is shown. */
static void hmp_run_info_status(Hmp *hmp)
{
    g_autoptr(StatusInfo) info = qmp_query_status(NULL);

    hmp_printf(hmp, "VM status: %s", info->running ? "running" : "paused");
    if (!info->running && info->status != RUN_STATE_PAUSED) {
        hmp_printf(hmp, " (%s)", qapi_enum_name(QAPI_TYPE(RunState), (int)info->status));
    }
    hmp_printf(hmp, "\n");
}

static void hmp_run_info_name(Hmp *hmp)
{
    g_autoptr(NameInfo) info = qmp_query_name(NULL);

    if (info->name) {
        hmp_printf(hmp, "%s\n", info->name);
    }
}

static void hmp_run_info_version(Hmp *hmp)
{
    hmp_printf(hmp, "%s (%s)\n", VERSION_EMULATED, VERSION_PACKAGE);
}

static void hmp_run_info_uuid(Hmp *hmp)
{
    g_autoptr(UuidInfo) info = qmp_query_uuid(NULL);

    hmp_printf(hmp, "%s\n", info->UUID);
}

static const HmpCommand hmp_vm_commands[] = {
    { .name = "quit|q", .help = "end the process", .run = hmp_run_quit },
    { .name = "stop|s", .help = "stop the VM", .run = hmp_run_stop },
    { .name = "cont|c", .help = "let the VM run on", .run = hmp_run_cont },
    { .name = "system_reset", .help = "reset the VM", .run = hmp_run_system_reset },
    { .name = "system_powerdown", .help = "press the VM's power button",
      .run = hmp_run_system_powerdown },
    { .name = "getfd", .args = "fdname:s", .params = "NAME",
      .help = "keep the file descriptor that came with this line as NAME",
      .run = hmp_run_getfd },
    { .name = "closefd", .args = "fdname:s", .params = "NAME",
      .help = "close the file descriptor kept as NAME", .run = hmp_run_closefd },
};
HMP_REGISTER(hmp_vm_commands, false);

static const HmpCommand hmp_vm_info_commands[] = {
    { .name = "status", .help = "whether the VM runs", .run = hmp_run_info_status },
    { .name = "name", .help = "the VM's name", .run = hmp_run_info_name },
    { .name = "version", .help = "the version", .run = hmp_run_info_version },
    { .name = "uuid", .help = "the VM's UUID", .run = hmp_run_info_uuid },
};
HMP_REGISTER(hmp_vm_info_commands, true);
