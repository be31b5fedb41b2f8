/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP commands about QMP itself: negotiation, version, command list, the human monitor. */

#include "monitor/monitor-internal.h"

#include "monitor/version.h"
#include "qapi/qapi-commands.h"
#include "qapi/qapi.h"
#include "util/error.h"

bool qmp_qmp_capabilities(const QmpCapabilitiesArgs *args, GError **error)
{
    Monitor *mon = monitor_current();
    bool oob = false;

    for (size_t i = 0; args->enable && i < args->enable->len; i++) {
        switch (args->enable->items[i]) {
        case QMP_CAPABILITY_OOB:
            oob = true;
            break;
        }
    }
    return qmp_session_negotiate(mon->qmp, oob, error);
}

VersionInfo *qmp_query_version(GError **error)
{
    VersionInfo *info = g_new0(VersionInfo, 1);

    info->qemu = g_new0(VersionTriple, 1);
    info->qemu->major = QEMU_VERSION_MAJOR;
    info->qemu->minor = QEMU_VERSION_MINOR;
    info->qemu->micro = QEMU_VERSION_MICRO;
    info->package = g_strdup(VERSION_PACKAGE);
    return info;
}

CommandInfoList *qmp_query_commands(GError **error)
{
    CommandInfoList *list = g_new0(CommandInfoList, 1);

    list->len = qapi_n_commands;
    list->items = g_new0(CommandInfo, list->len);
    for (size_t i = 0; i < list->len; i++) {
        list->items[i].name = g_strdup(qapi_commands[i].name);
    }
    return list;
}

char *qmp_human_monitor_command(const HumanMonitorCommandArgs *args, GError **error)
{
    if (args->has_cpu_index) {
        error_set(error, "Parameter 'cpu-index' expects a CPU number");
        return NULL;
    }
    return hmp_execute(args->command_line);
}
