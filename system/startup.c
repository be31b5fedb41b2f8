/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the command line to a running VM, in the fixed order of docs/reference-text.rst. */

#include "system/startup-internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "chardev/char.h"
#include "export/nic.h"
#include "follow/rings.h"
#include "io/socket-address.h"
#include "monitor/monitor.h"
#include "net/client.h"
#include "net/netdev.h"
#include "qom/object.h"
#include "system/qtest.h"
#include "system/ready.h"
#include "system/run-command.h"
#include "system/service.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/fd-activated.h"
#include "util/log.h"
#include "util/trace.h"

/** How long netdevs wait with connecting for a QMP client to say that it listens to events. */
#define STARTUP_GREETING_MS 100

Startup *startup_new(void)
{
    Startup *startup = g_new0(Startup, 1);

    startup->uses = g_ptr_array_new_with_free_func((GDestroyNotify)option_use_free);
    startup->launch.autostart = true;
    return startup;
}

void startup_free(Startup *startup)
{
    if (!startup) {
        return;
    }
    g_ptr_array_unref(startup->uses);
    process_user_free(startup->user);
    g_free(startup->pidfile);
    g_free(startup->qtest);
    g_free(startup->qtest_log);
    g_free(startup->logfile);
    g_free(startup->trace_file);
    g_free(startup->chroot);
    g_free(startup->run);
    g_free(startup);
}

bool startup_finish(Startup *startup, int status)
{
    startup->finished = true;
    startup->status = status;
    return true;
}

int startup_file_errno(const GError *error)
{
    static const struct {
        int code;
        int err;
    } codes[] = {
        { G_FILE_ERROR_NOENT, ENOENT }, { G_FILE_ERROR_ACCES, EACCES },
        { G_FILE_ERROR_ISDIR, EISDIR }, { G_FILE_ERROR_NOTDIR, ENOTDIR },
        { G_FILE_ERROR_LOOP, ELOOP },   { G_FILE_ERROR_NAMETOOLONG, ENAMETOOLONG },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(codes); i++) {
        if (error->code == codes[i].code) {
            return codes[i].err;
        }
    }
    return EIO;
}

/* --- Settings ---------------------------------------------------------------------------- */

/* By index, since -readconfig puts more behind itself. */
static bool startup_settings(Startup *startup)
{
    for (guint i = 0; i < startup->uses->len && !startup->finished; i++) {
        OptionUse *use = g_ptr_array_index(startup->uses, i);

        if (use->option->kind == OPTION_KIND_SETTING && !option_use_run(startup, use)) {
            return false;
        }
    }
    return true;
}

static bool startup_check_ids(Startup *startup)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (guint i = 0; i < startup->uses->len; i++) {
        OptionUse *use = g_ptr_array_index(startup->uses, i);
        g_autoptr(GError) error = NULL;

        if (use->option->is_group && !option_use_check_id(seen, use, &error)) {
            g_autofree char *before = log_set_location(use->location);

            log_gerror(error);
            g_free(log_set_location(before));
            return false;
        }
    }
    return true;
}

static bool startup_check_daemon(const Startup *startup, GError **error)
{
    if (!startup->daemonize) {
        return true;
    }
    if (startup->nographic) {
        return error_set(error, "-nographic cannot be used with -daemonize");
    }
    if (startup->exit_with_parent) {
        return error_set(error, "-run-with exit-with-parent=on cannot be used with -daemonize");
    }
    char_forbid_stdio();
    return true;
}

/* The command runs with the rights, the root folder and the terminal that the process has. */
static bool startup_check_run(const Startup *startup, GError **error)
{
    if (!startup->run) {
        return true;
    }
    if (startup->daemonize) {
        return error_set(error, "-run cannot be used with -daemonize");
    }
    return !(startup->user || startup->chroot) ||
           error_set(error, "-run cannot be used with -run-with user= or chroot=");
}

static bool startup_logging(const Startup *startup, GError **error)
{
    if (startup->log_tid && !(startup->logfile && strstr(startup->logfile, "%d"))) {
        return error_set(error, "Filename template with '%%d' required for 'tid'");
    }
    return !startup->logfile || trace_set_file(startup->logfile, error);
}

/* Messages of a daemon go there, so it is made now, while its name still leads to it. */
static bool startup_open_log(const Startup *startup, GError **error)
{
    const char *name = startup->trace_file ? startup->trace_file : startup->logfile;

    return !startup->daemonize || !name || trace_log_fd() >= 0 ||
           error_set(error, "Error opening logfile %s", name);
}

/* A daemon leaves its working directory, but connects again and again. */
static void startup_fix_paths(const Startup *startup)
{
    g_autofree char *dir = g_get_current_dir();

    if (startup->daemonize) {
        socket_address_set_base(dir);
    }
}

/* Goes to the background; the parent is finished with the status that the child reports. */
static bool startup_daemonize(Startup *startup, GError **error)
{
    int status;

    switch (startup->daemonize ? process_daemonize(&status, error) : 0) {
    case 0:
        startup_fix_paths(startup);
        return true;
    case 1:
        return startup_finish(startup, status);
    default:
        return false;
    }
}

/* Everything between the settings and the first thing that is created. */
static bool startup_process(Startup *startup)
{
    g_autoptr(GError) error = NULL;
    bool ok = startup_check_daemon(startup, &error) && startup_check_run(startup, &error) &&
              startup_daemonize(startup, &error);

    if (ok && !startup->finished) {
        ok = process_catch_signals(startup->qtest != NULL, &error) &&
             startup_logging(startup, &error) &&
             (!startup->pidfile || process_create_pidfile(startup->pidfile, &error)) &&
             (!startup->trace_file || trace_set_file(startup->trace_file, &error)) &&
             startup_open_log(startup, &error);
        if (ok && startup->exit_with_parent) {
            process_exit_with_parent();
        }
    }
    if (!ok) {
        log_gerror(error);
    }
    return ok;
}

/* --- Creation ---------------------------------------------------------------------------- */

static bool startup_object_is_late(const OptionUse *use)
{
    const char *type = qapi_enum_name(QAPI_TYPE(ObjectType), use->object->qom_type);
    const ObjectClass *class = object_class_find(type);

    return class && class->phase == OBJECT_PHASE_LATE;
}

static bool startup_object_is_early(const OptionUse *use)
{
    return !startup_object_is_late(use);
}

/* The second step of -object: its errors have no option in front, but name the object. */
static bool startup_object_add(Startup *startup, OptionUse *use)
{
    g_autofree char *location = g_strdup_printf("object '%s'", use->object->id);
    g_autofree char *before = log_set_location(location);
    g_autoptr(GError) error = NULL;
    bool ok = object_add(use->object, &error);

    if (!ok) {
        log_gerror(error);
    }
    g_free(log_set_location(before));
    return ok;
}

static bool startup_netdev_is_early(const OptionUse *use)
{
    return netdev_argument_is_early(use->arg);
}

static bool startup_netdev_is_late(const OptionUse *use)
{
    return !startup_netdev_is_early(use);
}

typedef struct StartupStep {
    OptionKind kind;
    bool (*is_due)(const OptionUse *use); /* NULL = all of the kind */
    bool (*run)(Startup *startup, OptionUse *use);
} StartupStep;

/* Options of one step take effect in order; an option may stand before what it names. */
static const StartupStep startup_steps_before_qtest[] = {
    { OPTION_KIND_OBJECT, NULL, option_use_run },
    { OPTION_KIND_OBJECT, startup_object_is_early, startup_object_add },
    { OPTION_KIND_CHARDEV, NULL, option_use_run },
};

static const StartupStep startup_steps_after_qtest[] = {
    { OPTION_KIND_NETDEV, startup_netdev_is_early, option_use_run },
    { OPTION_KIND_NETDEV, startup_netdev_is_late, option_use_run },
    { OPTION_KIND_NIC, NULL, option_use_run },
    { OPTION_KIND_DEVICE, NULL, option_use_run },
    { OPTION_KIND_EXPORT, NULL, option_use_run },
    { OPTION_KIND_OBJECT, startup_object_is_late, startup_object_add },
    { OPTION_KIND_MONITOR, NULL, option_use_run },
};

static bool startup_step(Startup *startup, const StartupStep *step)
{
    for (guint i = 0; i < startup->uses->len && !startup->finished; i++) {
        OptionUse *use = g_ptr_array_index(startup->uses, i);

        if (use->option->kind == step->kind && (!step->is_due || step->is_due(use)) &&
            !step->run(startup, use)) {
            return false;
        }
    }
    return true;
}

static bool startup_steps(Startup *startup, const StartupStep *steps, size_t n)
{
    for (size_t i = 0; i < n && !startup->finished; i++) {
        if (!startup_step(startup, &steps[i])) {
            return false;
        }
    }
    return true;
}

static bool startup_qtest(const Startup *startup)
{
    g_autoptr(GError) error = NULL;

    if (process_accelerator() == ACCELERATOR_QTEST) {
        clock_virtual_set_stepped();
    }
    if (startup->qtest && !qtest_start(startup->qtest, startup->qtest_log, &error)) {
        log_gerror(error);
        return false;
    }
    return true;
}

static bool startup_create(Startup *startup)
{
    return startup_steps(startup, startup_steps_before_qtest,
                         G_N_ELEMENTS(startup_steps_before_qtest)) &&
           (startup->finished || startup_qtest(startup)) &&
           startup_steps(startup, startup_steps_after_qtest,
                         G_N_ELEMENTS(startup_steps_after_qtest));
}

/* --- The end of start-up ----------------------------------------------------------------- */

static void startup_warn(const Startup *startup)
{
    if (!(startup->nodefaults && process_accelerator() == ACCELERATOR_QTEST)) {
        startup_check_netdevs();
        nic_check_models();
    }
}

static void startup_connect(void)
{
    netdev_hold_connections(false);
}

/* One that nobody listens on would leave its clients waiting for ever. */
static bool startup_check_activated(GError **error)
{
    g_autofree char *unused = fd_activated_unused();

    return !unused || error_set(error, "%s: passed by the service manager, but no option uses it",
                                unused);
}

static void startup_tell_ready(const Startup *startup)
{
    g_autofree char *line = startup->tells_ready ? ready_line() : NULL;

    if (line) {
        fputs(line, stdout);
        fflush(stdout);
    }
}

static bool startup_sandbox(const Startup *startup, GError **error)
{
    int fds[3];
    bool is_daemon = process_daemon_fds(startup->daemonize ? trace_log_fd() : -1, fds);

    return !startup->sandbox.is_on ||
           sandbox_enter(&startup->sandbox, is_daemon ? fds : NULL, run_command_pidfd(), error);
}

static bool startup_complete(Startup *startup)
{
    g_autoptr(GError) error = NULL;

    service_open();
    if (!startup_check_activated(&error) ||
        !process_confine(startup->chroot, startup->user, &error)) {
        log_gerror(error);
        return false;
    }
    if (startup->chroot) {
        socket_address_set_base(NULL); /* there is no such directory any more */
    }
    startup_warn(startup);
    if (!vm_launch(&startup->launch, &error)) {
        log_gerror(error);
        return false;
    }
    monitor_when_greeted(STARTUP_GREETING_MS, startup_connect);
    startup_tell_ready(startup);
    if ((startup->run && !run_command_start(startup->run, &error)) ||
        !startup_sandbox(startup, &error)) {
        log_gerror(error);
        return false;
    }
    process_daemon_ready(startup->daemonize ? trace_log_fd() : -1);
    service_start();
    return true;
}

bool startup_run(Startup *startup, int argc, char **argv)
{
    if (!options_scan(startup, argc, argv) || !startup_settings(startup)) {
        return false;
    }
    if (startup->finished) {
        return true;
    }
    if (!startup_check_ids(startup) || !startup_process(startup)) {
        return false;
    }
    if (startup->finished) {
        return true;
    }
    net_init();
    vm_rings_init();
    netdev_hold_connections(true);
    monitor_init();
    if (!startup_create(startup)) {
        return false;
    }
    if (startup->finished) {
        return true;
    }
    return startup_complete(startup);
}
