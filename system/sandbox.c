/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Confinement of the process after its start: system calls, capabilities, programs. */

#include "system/sandbox.h"

#include "config.h"

#ifdef CONFIG_CAPNG
#include <cap-ng.h>
#endif
#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "system/sandbox-calls.h"
#include "util/error.h"
#include "util/log.h"
#include "util/rights.h"

/* Numbers of system calls that get a name; those of all systems are below. */
#define SANDBOX_CALLS_MAX 1024
#define SANDBOX_NAME_MAX  32

/* --- What is asked for ------------------------------------------------------------------- */

static bool sandbox_check_allow(const char *key, bool is_allowed, const char *why, GError **error)
{
    return !is_allowed ||
           error_set(error, "%s=allow is not supported: %s", key, why);
}

#ifdef CONFIG_CAPNG
static bool sandbox_parse_capabilities(uint64_t *kept, const char *text, GError **error)
{
    g_auto(GStrv) names = g_strsplit(text, ":", -1);

    for (size_t i = 0; names[i]; i++) {
        g_autofree char *name = g_ascii_strdown(names[i], -1);
        int number = capng_name_to_capability(g_str_has_prefix(name, "cap_")
                                              ? name + strlen("cap_") : name);

        if (number < 0) {
            return error_set(error, "capabilities=%s: there is no capability '%s'", text,
                             names[i]);
        }
        *kept |= RIGHT(number);
    }
    return true;
}
#else
static bool sandbox_parse_capabilities(uint64_t *kept, const char *text, GError **error)
{
    return error_set(error, "capabilities=%s is not possible: this program was built without "
                     "libcap-ng", text);
}
#endif

bool sandbox_parse(SandboxWish *wish, const SandboxOptions *opts, GError **error)
{
    *wish = (SandboxWish) { .is_on = opts->enable };
    if (!sandbox_check_allow("obsolete", opts->obsolete == SANDBOX_PERMISSION_ALLOW,
                             "the program uses no obsolete system calls", error) ||
        !sandbox_check_allow("elevateprivileges",
                             opts->elevateprivileges == SANDBOX_ELEVATION_ALLOW,
                             "the program never gains rights after its start; children= is for "
                             "what it starts", error) ||
        !sandbox_check_allow("resourcecontrol",
                             opts->resourcecontrol == SANDBOX_PERMISSION_ALLOW,
                             "the program sets no priorities", error)) {
        return false;
    }
    wish->programs.only_allowed = opts->spawn == SANDBOX_PERMISSION_DENY;
    wish->programs.no_new_privileges = opts->elevateprivileges == SANDBOX_ELEVATION_DENY;
    return !opts->capabilities ||
           sandbox_parse_capabilities(&wish->kept, opts->capabilities, error);
}

/* --- A violation ------------------------------------------------------------------------- */

/* Made before the handler needs them: it may run anywhere, in the allocator too. */
static char call_names[SANDBOX_CALLS_MAX][SANDBOX_NAME_MAX];

static void sandbox_name_calls(void)
{
    for (int i = 0; i < SANDBOX_CALLS_MAX; i++) {
        char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);

        g_snprintf(call_names[i], sizeof(call_names[i]), "%s", name ? name : "of unknown name");
        free(name);
    }
}

/* Once it has returned, the signal that is raised here ends the process, as it would without. */
static void sandbox_tell_violation(int signal_number, siginfo_t *info, void *context)
{
    bool is_known = info->si_syscall >= 0 && info->si_syscall < SANDBOX_CALLS_MAX;
    const char *name = is_known ? call_names[info->si_syscall] : "of unknown name";
    const char *const parts[] = { "-sandbox: the system call ", name, " is not allowed" };

    log_error_from_signal(parts, G_N_ELEMENTS(parts));
    raise(signal_number);
}

static bool sandbox_catch_violations(GError **error)
{
    struct sigaction action = {
        .sa_sigaction = sandbox_tell_violation,
        .sa_flags = SA_SIGINFO | SA_RESETHAND | SA_NODEFER,
    };

    sandbox_name_calls();
    return sigaction(SIGSYS, &action, NULL) == 0 ||
           error_set_errno(error, errno, "-sandbox: cannot handle SIGSYS");
}

/* --- The filter -------------------------------------------------------------------------- */

/* For all threads at once; most calls are found in few steps. It sets no_new_privs. */
static bool sandbox_load(scmp_filter_ctx filter, GError **error)
{
    int ret = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

    if (ret == 0) {
        ret = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    }
    if (ret == 0) {
        seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* since libseccomp 2.5 */
        ret = seccomp_load(filter);
    }
    return ret == 0 ||
           error_set_errno(error, -ret, "-sandbox: cannot install the filter of system calls");
}

static bool sandbox_filter(int program_fd, GError **error)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
    bool ok;

    if (!filter) {
        return error_set(error, "-sandbox: cannot make a filter of system calls");
    }
    ok = sandbox_calls_allow(filter, program_fd, error) && sandbox_load(filter, error);
    seccomp_release(filter);
    return ok;
}

bool sandbox_enter(const SandboxWish *wish, const int daemon_fds[3], int program_fd,
                   GError **error)
{
    if (!spawner_start(&wish->programs, daemon_fds, error)) {
        return false;
    }
    if (!rights_keep_only(wish->kept)) {
        return error_set_errno(error, errno, "-sandbox: cannot give up capabilities");
    }
    return sandbox_catch_violations(error) && sandbox_filter(program_fd, error);
}
