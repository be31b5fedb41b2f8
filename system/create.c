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
#include "qom/object.h"
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

/* --- -object ----------------------------------------------------------------------------- */

/* "help", "?", "TYPE,help", "TYPE,?". Returns: false when no help was asked for. */
static bool create_object_help(Startup *startup, const char *arg, bool *ok, GError **error)
{
    g_auto(GStrv) items = g_strsplit(arg, ",", -1);
    const char *type = items[0] ? items[0] : "";

    if (create_is_help(arg)) {
        *ok = create_print_help(startup, object_help(NULL, error));
        return true;
    }
    if (g_str_has_prefix(type, "qom-type=")) {
        type += strlen("qom-type=");
    }
    for (size_t i = 1; items[0] && items[i]; i++) {
        if (create_is_help(items[i])) {
            *ok = create_print_help(startup, object_help(type, error));
            return true;
        }
    }
    return false;
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

    if (create_is_help(use->arg)) {
        return create_print_help(startup, netdev_help());
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

bool option_device(Startup *startup, OptionUse *use, GError **error)
{
    g_autoptr(Opts) opts = opts_parse(use->arg, "driver", true, error);
    g_autoptr(DeviceOptions) device = NULL;
    const char *model;

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
    if (model && !nic_model_is_known(model)) {
        return error_set(error, "'%s' is not a valid device model name", model);
    }
    device = opts_to_type(opts, true, QAPI_TYPE(DeviceOptions), error);
    return device && create_device(device, error);
}

/* --- -export ----------------------------------------------------------------------------- */

bool option_export(Startup *startup, OptionUse *use, GError **error)
{
    g_autoptr(NetExportOptions) opts = NULL;

    if (create_is_help(use->arg)) {
        return create_print_help(startup, net_export_help());
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

bool option_monitor(Startup *startup, OptionUse *use, GError **error)
{
    return monitor_add_legacy(use->arg, MONITOR_MODE_READLINE, false, error);
}
