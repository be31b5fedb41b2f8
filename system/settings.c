/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options about the VM, its start and its outside shape. */

#include "system/startup-internal.h"

#include <stdio.h>
#include <string.h>

#include "system/process.h"
#include "util/error.h"
#include "util/log.h"

bool option_help(Startup *startup, OptionUse *use, GError **error)
{
    help_print();
    return startup_finish(startup, 0);
}

bool option_version(Startup *startup, OptionUse *use, GError **error)
{
    help_print_version();
    return startup_finish(startup, 0);
}

bool option_nodefaults(Startup *startup, OptionUse *use, GError **error)
{
    startup->nodefaults = true;
    return true;
}

bool option_no_user_config(Startup *startup, OptionUse *use, GError **error)
{
    return true;
}

bool option_stopped(Startup *startup, OptionUse *use, GError **error)
{
    startup->launch.autostart = false;
    return true;
}

bool option_preconfig(Startup *startup, OptionUse *use, GError **error)
{
    startup->launch.preconfig = true;
    return true;
}

bool option_incoming(Startup *startup, OptionUse *use, GError **error)
{
    if (strcmp(use->arg, "defer") != 0) {
        return error_set(error, "Parameter 'channel-type' does not accept value '%s'", use->arg);
    }
    startup->launch.incoming = true;
    return true;
}

bool option_no_shutdown(Startup *startup, OptionUse *use, GError **error)
{
    vm_set_action(&(ActionOptions) {
        .has_shutdown = true, .shutdown = SHUTDOWN_ACTION_PAUSE,
    });
    return true;
}

bool option_no_reboot(Startup *startup, OptionUse *use, GError **error)
{
    vm_set_action(&(ActionOptions) { .has_reboot = true, .reboot = REBOOT_ACTION_SHUTDOWN });
    return true;
}

bool option_action(Startup *startup, OptionUse *use, GError **error)
{
    g_autoptr(ActionOptions) action = option_parse_keys(startup, use, NULL, error);

    if (!action) {
        return startup->finished;
    }
    vm_set_action(action);
    return true;
}

bool option_name(Startup *startup, OptionUse *use, GError **error)
{
    g_autoptr(NameOptions) name = option_parse_keys(startup, use, "guest", error);

    if (!name) {
        return startup->finished;
    }
    if (name->guest) {
        process_set_guest_name(name->guest);
        log_set_guest_name(startup->log_guest_name ? name->guest : NULL);
    }
    if (name->process) {
        process_set_thread_name(name->process);
    }
    return true;
}

bool option_qtest(Startup *startup, OptionUse *use, GError **error)
{
    g_free(startup->qtest);
    startup->qtest = g_strdup(use->arg);
    return true;
}

bool option_qtest_log(Startup *startup, OptionUse *use, GError **error)
{
    g_free(startup->qtest_log);
    startup->qtest_log = g_strdup(use->arg);
    return true;
}

/* --- The machine and its accelerator ----------------------------------------------------- */

static bool option_set_accelerator(Startup *startup, const char *name, GError **error)
{
    if (strcmp(name, "help") == 0 || strcmp(name, "?") == 0) {
        printf("Accelerators supported:\nqtest\n");
        return startup_finish(startup, 0);
    }
    if (strcmp(name, "qtest") != 0) {
        return error_set(error, "invalid accelerator %s", name);
    }
    process_set_accelerator(ACCELERATOR_QTEST);
    return true;
}

bool option_accel(Startup *startup, OptionUse *use, GError **error)
{
    g_autoptr(Opts) opts = opts_parse(use->arg, "accel", false, error);
    const char *name;

    if (!opts) {
        return false;
    }
    name = opts_get(opts, "accel");
    if (!name) {
        if (opts->help) {
            return option_set_accelerator(startup, "help", error);
        }
        return error_set(error, "Parameter 'accel' is missing");
    }
    for (guint i = 0; i < opts->keys->len; i++) {
        const char *key = g_ptr_array_index(opts->keys, i);

        if (strcmp(key, "accel") != 0 && strcmp(name, "qtest") == 0) {
            return error_set(error, "Property 'qtest-accel.%s' not found", key);
        }
    }
    return option_set_accelerator(startup, name, error);
}

static bool option_machine_member(Startup *startup, const char *key, json_object *value,
                                  GError **error)
{
    const char *text = json_object_get_string(value);

    if (strcmp(key, "type") == 0) {
        if (strcmp(text, "help") == 0 || strcmp(text, "?") == 0) {
            printf("Supported machines are:\nnone                 no devices (default)\n");
            return startup_finish(startup, 0);
        }
        if (strcmp(text, "none") != 0) {
            error_set(error, "unsupported machine type: \"%s\"", text);
            error_append_hint(error, "Use -machine help to list supported machines");
            return false;
        }
        return true;
    }
    if (strcmp(key, "accel") == 0) {
        return option_set_accelerator(startup, text, error);
    }
    g_free(log_set_location(NULL)); /* this error has no option in front */
    return error_set(error, "Property 'none-machine.%s' not found", key);
}

bool option_machine(Startup *startup, OptionUse *use, GError **error)
{
    bool help = false;
    json_object *keyval = keyval_parse(use->arg, "type", &help, error);
    bool ok = true;

    if (!keyval) {
        return false;
    }
    if (help) {
        json_object_object_add(keyval, "type", json_object_new_string("help"));
    }
    json_object_object_foreach(keyval, key, value) {
        if (ok && !startup->finished) {
            ok = option_machine_member(startup, key, value, error);
        }
    }
    json_object_put(keyval);
    return ok;
}

/* --- Options for devices that there never are -------------------------------------------- */

static bool option_check_keyval(const char *arg, const char *implied_key, const QapiType *type,
                                GError **error)
{
    json_object *keyval = keyval_parse(arg, implied_key, NULL, error);
    void *value;

    if (!keyval) {
        return false;
    }
    value = qapi_from_json(type, keyval, QAPI_INPUT_KEYVAL, error);
    json_object_put(keyval);
    if (!value) {
        return false;
    }
    qapi_free(type, value);
    return true;
}

bool option_display(Startup *startup, OptionUse *use, GError **error)
{
    return option_check_keyval(use->arg, "type", QAPI_TYPE(DisplayOptions), error);
}

bool option_audio(Startup *startup, OptionUse *use, GError **error)
{
    return option_check_keyval(use->arg, "driver", QAPI_TYPE(AudioOptions), error);
}

bool option_nographic(Startup *startup, OptionUse *use, GError **error)
{
    startup->nographic = true;
    return true;
}

/* --- -set -------------------------------------------------------------------------------- */

static OptionUse *option_find_use(const Startup *startup, const char *group, const char *id)
{
    for (guint i = 0; i < startup->uses->len; i++) {
        OptionUse *use = g_ptr_array_index(startup->uses, i);
        g_autofree char *use_id = NULL;

        if (strcmp(use->option->name, group) != 0) {
            continue;
        }
        use_id = option_use_id(use);
        if (use_id && strcmp(use_id, id) == 0) {
            return use;
        }
    }
    return NULL;
}

/* The last value of a repeated key counts, so adding one at the end changes it. */
bool option_set(Startup *startup, OptionUse *use, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(use->arg, ".", 3);
    g_autoptr(GString) arg = NULL;
    const Option *group;
    OptionUse *target;
    char *equals;

    equals = g_strv_length(parts) == 3 ? strchr(parts[2], '=') : NULL;
    if (!equals || equals == parts[2]) {
        return error_set(error, "can't parse: \"%s\"", use->arg);
    }
    *equals = '\0';
    group = option_find(parts[0]);
    if (!group || !group->is_group) {
        return error_set(error, "There is no option group '%s'", parts[0]);
    }
    target = option_find_use(startup, parts[0], parts[1]);
    if (!target) {
        return error_set(error, "there is no %s \"%s\" defined", parts[0], parts[1]);
    }
    arg = g_string_new(target->arg);
    option_append(arg, parts[2], equals + 1);
    g_free(target->arg);
    target->arg = g_string_free(g_steal_pointer(&arg), FALSE);
    return true;
}
