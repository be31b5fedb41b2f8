/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options about the process: background, rights, messages and traces. */

#include "system/startup-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "system/log-items.h"
#include "system/process.h"
#include "util/error.h"
#include "util/fd-activated.h"
#include "util/fd-set.h"
#include "util/log.h"
#include "util/spawner.h"
#include "util/trace.h"

bool option_daemonize(Startup *startup, OptionUse *use, GError **error)
{
    startup->daemonize = true;
    return true;
}

bool option_run(Startup *startup, OptionUse *use, GError **error)
{
    g_free(startup->run);
    startup->run = g_strdup(use->arg);
    return true;
}

bool option_ready(Startup *startup, OptionUse *use, GError **error)
{
    if (strcmp(use->arg, "json") != 0) {
        return error_set(error, "there is no format '%s' but json", use->arg);
    }
    startup->tells_ready = true;
    return true;
}

bool option_pidfile(Startup *startup, OptionUse *use, GError **error)
{
    g_free(startup->pidfile);
    startup->pidfile = g_strdup(use->arg);
    return true;
}

bool option_run_with(Startup *startup, OptionUse *use, GError **error)
{
    g_autoptr(RunWithOptions) with = option_parse_keys(startup, use, NULL, error);

    if (!with) {
        return startup->finished;
    }
    if (with->user) {
        process_user_free(startup->user);
        startup->user = process_user_find(with->user);
        if (!startup->user) {
            return error_set(error, "User \"%s\" doesn't exist (and is not <uid>:<gid>)",
                             use->arg);
        }
    }
    if (with->chroot) {
        g_free(startup->chroot);
        startup->chroot = g_steal_pointer(&with->chroot);
    }
    startup->exit_with_parent |= with->exit_with_parent;
    return true;
}

bool option_sandbox(Startup *startup, OptionUse *use, GError **error)
{
    g_autoptr(SandboxOptions) sandbox = option_parse_keys(startup, use, "enable", error);

    if (!sandbox) {
        return startup->finished;
    }
    if (!sandbox_parse(&startup->sandbox, sandbox, error)) {
        return false;
    }
    spawner_expect(startup->sandbox.is_on);
    return true;
}

bool option_add_fd(Startup *startup, OptionUse *use, GError **error)
{
    g_autoptr(AddFdOptions) add = option_parse_keys(startup, use, NULL, error);
    int fd;

    if (!add) {
        return startup->finished;
    }
    if (add->fd <= STDERR_FILENO || add->fd > G_MAXINT) {
        return error_set(error, "fd %" G_GINT64_FORMAT " cannot be put into a set", add->fd);
    }
    fd = fcntl(add->fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (fd < 0) {
        return error_set_errno(error, errno, "fd %" G_GINT64_FORMAT, add->fd);
    }
    fd_activated_forget((int)add->fd);
    return fd_set_add(fd, &add->set, add->opaque, error) >= 0;
}

/* --- Messages ---------------------------------------------------------------------------- */

bool option_msg(Startup *startup, OptionUse *use, GError **error)
{
    g_autoptr(MsgOptions) msg = option_parse_keys(startup, use, NULL, error);

    if (!msg) {
        return startup->finished;
    }
    log_set_timestamps(msg->timestamp);
    startup->log_guest_name = msg->guest_name;
    log_set_guest_name(msg->guest_name ? process_guest_name() : NULL);
    return true;
}

/* --- Traces ------------------------------------------------------------------------------ */


static void option_trace_switch(const char *pattern)
{
    bool enabled = pattern[0] != '-';
    const char *name = enabled ? pattern : pattern + 1;

    if (trace_set_matching(name, enabled) == 0 && trace_pattern_is_plain(name)) {
        log_warning("trace event '%s' does not exist", name);
    }
}

static bool option_trace_events(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    g_autoptr(GError) cause = NULL;

    if (!g_file_get_contents(path, &text, NULL, &cause)) {
        g_autofree char *location = g_strconcat(":", path, NULL);

        g_free(log_set_location(location));
        return error_set(error, "%s", g_strerror(startup_file_errno(cause)));
    }
    lines = g_strsplit(text, "\n", -1);
    for (size_t i = 0; lines[i]; i++) {
        g_autofree char *location = g_strdup_printf(":%s:%zu", path, i + 1);
        const char *pattern = g_strstrip(lines[i]);

        if (pattern[0] != '\0' && pattern[0] != '#') {
            g_autofree char *before = log_set_location(location);

            option_trace_switch(pattern);
            g_free(log_set_location(before));
        }
    }
    return true;
}

bool option_trace(Startup *startup, OptionUse *use, GError **error)
{
    g_autoptr(Opts) opts = opts_parse(use->arg, "enable", false, error);
    g_autoptr(TraceOptions) trace = NULL;

    if (!opts) {
        return false;
    }
    if (opts->help) {
        for (const TracePoint *point = trace_first(); point; point = point->next) {
            printf("%s\n", point->name);
        }
        return startup_finish(startup, 0);
    }
    trace = opts_to_type(opts, false, QAPI_TYPE(TraceOptions), error);
    if (!trace) {
        return false;
    }
    if (trace->file) {
        g_free(startup->trace_file);
        startup->trace_file = g_strdup(trace->file);
    }
    if (trace->enable) {
        option_trace_switch(trace->enable);
    }
    return !trace->events || option_trace_events(trace->events, error);
}

bool option_logfile(Startup *startup, OptionUse *use, GError **error)
{
    g_free(startup->logfile);
    startup->logfile = g_strdup(use->arg);
    return true;
}

bool option_log_items(Startup *startup, OptionUse *use, GError **error)
{
    g_autofree char *help = NULL;

    if (log_items_apply(use->arg, &startup->log_tid)) {
        return true;
    }
    help = log_items_text();
    fputs(help, stdout);
    return startup_finish(startup, 1);
}
