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

/* The text has the numbers in the order in which the schema names them. */
static json_object *version_emulated(void)
{
    const QapiType *triple = QAPI_TYPE(VersionTriple);
    g_auto(GStrv) numbers = g_strsplit(VERSION_EMULATED, ".", (int)triple->n_members);
    json_object *version = json_object_new_object();

    for (size_t i = 0; i < triple->n_members; i++) {
        json_object_object_add(version, triple->members[i].name,
                               json_object_new_string(numbers[i]));
    }
    return version;
}

VersionInfo *qmp_query_version(GError **error)
{
    json_object *told = json_object_new_object();
    VersionInfo *info;

    json_object_object_add(told, "qemu", version_emulated());
    json_object_object_add(told, "package", json_object_new_string(VERSION_PACKAGE));
    info = qapi_from_json(QAPI_TYPE(VersionInfo), told, QAPI_INPUT_KEYVAL, error);
    json_object_put(told);
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
