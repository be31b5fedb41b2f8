/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options that create something: objects, chardevs, netdevs, NICs and monitors. */

#include "system/startup-internal.h"

#include <stdio.h>
#include <string.h>

#include "chardev/char.h"
#include "export/export.h"
#include "export/nic.h"
#include "monitor/monitor.h"
#include "net/netdev.h"
#include "qapi/json.h"
#include "qom/object.h"
#include "system/run-command.h"
#include "util/error.h"

static bool create_is_help(const char *text)
{
    return strcmp(text, "help") == 0 || strcmp(text, "?") == 0;
}

/* Prints @text (taken) and ends with status 0; a NULL text is a failure. */
static bool create_print_help(Startup *startup, char *text)
{
    if (!text) {
        return false;
    }
    fputs(text, stdout);
    g_free(text);
    return startup_finish(startup, 0);
}

/*
 * Whether @arg is "TYPE,help" or "TYPE,?", perhaps with @key, such as "type=", in front.
 * Returns: TYPE, owned; NULL = no.
 */
static char *create_type_to_help(const char *arg, const char *key)
{
    g_auto(GStrv) items = g_strsplit(arg, ",", -1);
    const char *type = items[0];

    if (arg[0] == '{' || !type) {
        return NULL;
    }
    if (g_str_has_prefix(type, key)) {
        type += strlen(key);
    }
    for (size_t i = 1; items[i]; i++) {
        if (create_is_help(items[i])) {
            return g_strdup(type);
        }
    }
    return NULL;
}

/* The keys of the branch @name of a union. */
static bool create_help_branch(Startup *startup, const QapiType *type, const char *name,
                               GError **error)
{
    return help_print_branch(type, name, error) && startup_finish(startup, 0);
}

/* --- -object ----------------------------------------------------------------------------- */

/* Returns: false when it is not about help. */
static bool create_object_help(Startup *startup, const char *arg, bool *ok, GError **error)
{
    g_autofree char *type = create_type_to_help(arg, "qom-type=");

    if (!type && !create_is_help(arg)) {
        return false;
    }
    *ok = create_print_help(startup, object_help(type, error));
    return true;
}

/* The first of the two steps of -object; the second is startup.c's. */
bool option_object(Startup *startup, OptionUse *use, GError **error)
{
    bool ok;

    if (use->arg[0] != '{' && create_object_help(startup, use->arg, &ok, error)) {
        return ok;
    }
    use->object = object_options_parse(use->arg, error);
    return use->object != NULL;
}

/* --- -chardev ---------------------------------------------------------------------------- */

bool option_chardev(Startup *startup, OptionUse *use, GError **error)
{
    g_autofree char *redirect = NULL;
    Chardev *chr;
    int status;
    char *help = char_help(use->arg, &status);

    if (help) {
        create_print_help(startup, help);
        return startup_finish(startup, status);
    }
    chr = char_new_from_opts(use->arg, error);
    if (!chr) {
        return false;
    }
    redirect = char_redirect_text(chr);
    if (redirect) {
        printf("%s\n", redirect);
        fflush(stdout);
    }
    return true;
}

/* --- -netdev, -nic, -device -------------------------------------------------------------- */

bool option_netdev(Startup *startup, OptionUse *use, GError **error)
{
    g_autoptr(Netdev) netdev = NULL;
    g_autofree char *type = create_type_to_help(use->arg, "type=");

    if (create_is_help(use->arg)) {
        return create_print_help(startup, netdev_help());
    }
    if (type) {
        return create_help_branch(startup, QAPI_TYPE(Netdev), type, error);
    }
    netdev = netdev_options_parse(use->arg, error);
    return netdev && netdev_add(netdev, error);
}

static bool create_print_models(Startup *startup)
{
    const char *const *models = nic_models();

    for (size_t i = 0; models[i]; i++) {
        printf("%s\n", models[i]);
    }
    return startup_finish(startup, 0);
}

bool option_nic(Startup *startup, OptionUse *use, GError **error)
{
    if (strcmp(use->arg, "none") == 0) {
        return true;
    }
    if (create_is_help(use->arg)) {
        create_print_help(startup, netdev_help());
        printf("\nAvailable NIC models (use -nic model=help for a filtered list):\n");
        return create_print_models(startup);
    }
    if (strcmp(use->arg, "model=help") == 0 || strcmp(use->arg, "model=?") == 0) {
        printf("Available NIC models:\n");
        return create_print_models(startup);
    }
    return nic_from_option(use->arg, error);
}

static bool create_device(const DeviceOptions *device, GError **error)
{
    NetClient *netdev = net_netdev_find(device->netdev);
    uint8_t mac[6];

    if (!netdev) {
        return error_set(error, "Property '%s.netdev' can't find value '%s'", device->driver,
                         device->netdev);
    }
    if (device->id && net_client_find(device->id)) {
        return error_set(error, "Duplicate device ID '%s'", device->id);
    }
    if (device->mac && !nic_mac_parse(device->mac, mac, error)) {
        return false;
    }
    return nic_new(device->id, device->driver, device->mac ? mac : NULL, netdev, error) != NULL;
}

static bool create_check_model(const char *model, GError **error)
{
    return !model || nic_model_is_known(model) ||
           error_set(error, "'%s' is not a valid device model name", model);
}

static bool create_device_from_json(const char *text, GError **error)
{
    g_autoptr(DeviceOptions) device = NULL;
    json_object *json;

    if (!json_parse_text(text, &json, error)) {
        return false;
    }
    device = qapi_from_json(QAPI_TYPE(DeviceOptions), json, QAPI_INPUT_JSON, error);
    json_object_put(json);
    return device && create_check_model(device->driver, error) &&
           (!device->id || id_check(device->id, error)) && create_device(device, error);
}

bool option_device(Startup *startup, OptionUse *use, GError **error)
{
    g_autoptr(Opts) opts = NULL;
    g_autoptr(DeviceOptions) device = NULL;
    const char *model;

    if (use->arg[0] == '{') {
        return create_device_from_json(use->arg, error);
    }
    opts = opts_parse(use->arg, "driver", true, error);

    if (!opts) {
        return false;
    }
    model = opts_get(opts, "driver");
    if ((opts->help && !model) || (model && create_is_help(model))) {
        printf("Network devices:\n");
        return create_print_models(startup);
    }
    if (opts->help) {
        help_print_keys(use->option->name, use->option->keys);
        return startup_finish(startup, 0);
    }
    if (!create_check_model(model, error)) {
        return false;
    }
    device = opts_to_type(opts, true, QAPI_TYPE(DeviceOptions), error);
    return device && create_device(device, error);
}

/* --- -export ----------------------------------------------------------------------------- */

bool option_export(Startup *startup, OptionUse *use, GError **error)
{
    g_autoptr(NetExportOptions) opts = NULL;
    g_autofree char *type = create_type_to_help(use->arg, "type=");

    if (create_is_help(use->arg)) {
        return create_print_help(startup, net_export_help());
    }
    if (type) {
        return create_help_branch(startup, QAPI_TYPE(NetExportOptions), type, error);
    }
    if (startup->run) {
        char *arg = run_command_export(use->arg, error);

        if (!arg) {
            return false;
        }
        g_free(use->arg);
        use->arg = arg;
    }
    opts = net_export_options_parse(use->arg, error);
    return opts && net_export_add(opts, error);
}

/* --- Monitors ---------------------------------------------------------------------------- */

bool option_mon(Startup *startup, OptionUse *use, GError **error)
{
    return monitor_add_from_opts(use->arg, error);
}

bool option_qmp(Startup *startup, OptionUse *use, GError **error)
{
    return monitor_add_legacy(use->arg, MONITOR_MODE_CONTROL, false, error);
}

bool option_qmp_pretty(Startup *startup, OptionUse *use, GError **error)
{
    return monitor_add_legacy(use->arg, MONITOR_MODE_CONTROL, true, error);
}

/* Of a chardev that there is it is QMP, as in qemu-storage-daemon; the last mode= counts. */
bool option_monitor(Startup *startup, OptionUse *use, GError **error)
{
    if (g_str_has_prefix(use->arg, "chardev=")) {
        g_autofree char *arg = g_strdup_printf("mode=control,%s", use->arg);

        return monitor_add_from_opts(arg, error);
    }
    return monitor_add_legacy(use->arg, MONITOR_MODE_READLINE, false, error);
}
