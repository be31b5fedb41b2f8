/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP commands on the run state and the process, and the idle answers that tools expect. */

#include <string.h>

#include "follow/vm.h"
#include "net/run-state.h"
#include "qapi/qapi-commands.h"
#include "system/process.h"
#include "system/startup-internal.h"
#include "util/error.h"

StatusInfo *qmp_query_status(GError **error)
{
    StatusInfo *info = g_new0(StatusInfo, 1);

    info->running = run_state_is_running();
    info->status = run_state_get();
    return info;
}

bool qmp_stop(GError **error)
{
    if (!vm_check_own(error)) {
        return false;
    }
    vm_stop();
    return true;
}

bool qmp_cont(GError **error)
{
    return vm_check_own(error) && vm_start(error);
}

bool qmp_system_reset(GError **error)
{
    if (!vm_check_own(error)) {
        return false;
    }
    vm_system_reset();
    return true;
}

bool qmp_system_powerdown(GError **error)
{
    vm_system_powerdown();
    return true;
}

bool qmp_quit(GError **error)
{
    vm_request_shutdown(SHUTDOWN_CAUSE_HOST_QMP_QUIT);
    return true;
}

bool qmp_x_exit_preconfig(GError **error)
{
    return vm_exit_preconfig(error);
}

bool qmp_set_action(const ActionOptions *args, GError **error)
{
    vm_set_action(args);
    return true;
}

NameInfo *qmp_query_name(GError **error)
{
    NameInfo *info = g_new0(NameInfo, 1);

    info->name = g_strdup(process_guest_name());
    return info;
}

UuidInfo *qmp_query_uuid(GError **error)
{
    UuidInfo *info = g_new0(UuidInfo, 1);

    info->UUID = g_strdup("00000000-0000-0000-0000-000000000000");
    return info;
}

TargetInfo *qmp_query_target(GError **error)
{
    TargetInfo *info = g_new0(TargetInfo, 1);

    info->arch = g_strdup("x86_64");
    return info;
}

KvmInfo *qmp_query_kvm(GError **error)
{
    return g_new0(KvmInfo, 1);
}

AcceleratorInfo *qmp_query_accelerators(GError **error)
{
    AcceleratorInfo *info = g_new0(AcceleratorInfo, 1);

    info->enabled = process_accelerator();
    info->present = g_new0(AcceleratorList, 1);
    info->present->items = g_new(Accelerator, 1);
    info->present->items[info->present->len++] = ACCELERATOR_QTEST;
    return info;
}

MachineInfoList *qmp_query_machines(GError **error)
{
    MachineInfoList *list = g_new0(MachineInfoList, 1);

    list->len = 1;
    list->items = g_new0(MachineInfo, 1);
    list->items[0] = (MachineInfo) {
        .name = g_strdup("none"),
        .has_is_default = true,
        .is_default = true,
        .cpu_max = 1,
    };
    return list;
}

CpuDefinitionInfoList *qmp_query_cpu_definitions(GError **error)
{
    return g_new0(CpuDefinitionInfoList, 1);
}

CpuInfoFastList *qmp_query_cpus_fast(GError **error)
{
    return g_new0(CpuInfoFastList, 1);
}

BlockInfoList *qmp_query_block(GError **error)
{
    return g_new0(BlockInfoList, 1);
}

JobInfoList *qmp_query_jobs(GError **error)
{
    return g_new0(JobInfoList, 1);
}

MigrationInfo *qmp_query_migrate(GError **error)
{
    return g_new0(MigrationInfo, 1);
}

static CommandLineParameterType command_line_type(const QapiType *type)
{
    switch (type->kind) {
    case QAPI_KIND_BOOL:
        return COMMAND_LINE_PARAMETER_TYPE_BOOLEAN;
    case QAPI_KIND_INT:
    case QAPI_KIND_UINT:
    case QAPI_KIND_NUMBER:
        return COMMAND_LINE_PARAMETER_TYPE_NUMBER;
    case QAPI_KIND_SIZE:
        return COMMAND_LINE_PARAMETER_TYPE_SIZE;
    case QAPI_KIND_STR:
    case QAPI_KIND_ENUM:
    case QAPI_KIND_STRUCT:
    case QAPI_KIND_UNION:
    case QAPI_KIND_ALTERNATE:
    case QAPI_KIND_LIST:
    case QAPI_KIND_ANY:
    case QAPI_KIND_NULL:
        break;
    }
    return COMMAND_LINE_PARAMETER_TYPE_STRING;
}

/* "false" and "true" are written as the command line takes them. */
static char *command_line_default(const char *json_text)
{
    if (!json_text) {
        return NULL;
    }
    if (strcmp(json_text, "false") == 0) {
        return g_strdup("off");
    }
    if (strcmp(json_text, "true") == 0) {
        return g_strdup("on");
    }
    return json_text[0] == '"' ? g_strndup(json_text + 1, strlen(json_text) - 2)
                               : g_strdup(json_text);
}

static CommandLineParameterInfoList *command_line_parameters(const QapiType *keys)
{
    CommandLineParameterInfoList *list = g_new0(CommandLineParameterInfoList, 1);

    if (keys) {
        list->len = keys->n_members;
        list->items = g_new0(CommandLineParameterInfo, keys->n_members);
    }
    for (size_t i = 0; i < list->len; i++) {
        const QapiMember *member = &keys->members[i];

        list->items[i] = (CommandLineParameterInfo) {
            .name = g_strdup(member->name),
            .type = command_line_type(member->type),
            .help = g_strdup(member->doc),
            .q_default = command_line_default(member->default_text),
        };
    }
    return list;
}

CommandLineOptionInfoList *qmp_query_command_line_options(
    const QueryCommandLineOptionsArgs *args, GError **error)
{
    g_autoptr(CommandLineOptionInfoList) list = g_new0(CommandLineOptionInfoList, 1);
    size_t n;
    const Option *table = option_table(&n);

    list->items = g_new0(CommandLineOptionInfo, n);
    for (size_t i = 0; i < n; i++) {
        if (!table[i].is_group || (args->option && strcmp(args->option, table[i].name) != 0)) {
            continue;
        }
        list->items[list->len++] = (CommandLineOptionInfo) {
            .option = g_strdup(table[i].name),
            .parameters = command_line_parameters(table[i].keys),
        };
    }
    if (args->option && list->len == 0) {
        error_set(error, "invalid option name: %s", args->option);
        return NULL;
    }
    return g_steal_pointer(&list);
}
