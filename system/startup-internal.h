/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the command line asked for, and the steps that carry it out. */

#ifndef SYSTEM_STARTUP_INTERNAL_H
#define SYSTEM_STARTUP_INTERNAL_H

#include <stdbool.h>
#include <glib.h>
#include "follow/vm.h"
#include "qapi/opts.h"
#include "qapi/qapi-types.h"
#include "qapi/qapi.h"
#include "system/process.h"
#include "system/sandbox.h"

typedef struct Startup Startup;
typedef struct Option Option;
typedef struct OptionUse OptionUse;

/** What an option is about: decides when it is carried out (startup.c). */
typedef enum OptionKind {
    OPTION_KIND_SETTING, /* while the command line is read */
    OPTION_KIND_OBJECT,
    OPTION_KIND_CHARDEV,
    OPTION_KIND_NETDEV,
    OPTION_KIND_NIC,
    OPTION_KIND_DEVICE,
    OPTION_KIND_EXPORT,
    OPTION_KIND_MONITOR,
} OptionKind;

/** Heading under which -help shows an option. */
typedef enum OptionSection {
    OPTION_SECTION_NETWORK,
    OPTION_SECTION_MONITOR,
    OPTION_SECTION_VM,
    OPTION_SECTION_PROCESS,
    OPTION_SECTION_LOG,
    OPTION_SECTION_TEST,
    OPTION_SECTION_GENERAL,
    OPTION_SECTION__MAX,
} OptionSection;

/** An option of the command line. */
struct Option {
    const char *name;      /* without dash */
    const char *arg;       /* form of its argument for -help; NULL = takes none */
    OptionSection section;
    OptionKind kind;
    const char *help;      /* lines separated by '\n' */
    /** Its keys, for query-command-line-options; NULL = none, or they depend on a type. */
    const QapiType *keys;
    bool is_group;         /* key=value pairs: -readconfig may hold it */
    /** Carry it out. Help that was printed instead ends the start-up: startup_finish(). */
    bool (*handle)(Startup *startup, OptionUse *use, GError **error);
};

/** An option as it was given. */
struct OptionUse {
    const Option *option;
    char *arg;              /* owned; NULL = takes none */
    char *location;         /* owned; for log_set_location() */
    ObjectOptions *object;  /* owned; of -object, between its two steps */
};

/** Everything that the settings ask for. */
struct Startup {
    GPtrArray *uses;        /* owned OptionUse *, in order */
    bool finished;          /* help or a version was printed: end with @status */
    int status;
    VmLaunch launch;
    bool nodefaults;
    bool daemonize;
    bool nographic;
    char *name;             /* owned, as the rest below; NULL = not given */
    char *process_name;
    char *pidfile;
    char *qtest;
    char *qtest_log;
    char *logfile;
    char *trace_file;
    char *chroot;
    char *run;
    bool tells_ready;
    ProcessUser *user;
    SandboxWish sandbox;
    bool log_tid;
    bool log_guest_name;
    bool exit_with_parent;
};

/* --- options.c --------------------------------------------------------------------------- */

/** option_find: the option called @name (without dash), or NULL. */
const Option *option_find(const char *name);

/** option_table: all options, *@n of them. */
const Option *option_table(size_t *n);

/** options_scan: pass 1: @argv to startup->uses, or an error that is printed here. */
bool options_scan(Startup *startup, int argc, char **argv);

/** options_run: carry out one use under its location; prints its error. */
bool option_use_run(Startup *startup, OptionUse *use);

/** option_use_new: @arg is taken and may be NULL; @location is taken. */
OptionUse *option_use_new(const Option *option, char *arg, char *location);
void option_use_free(OptionUse *use);

/** option_use_id: the first id= of an argument of syntax A. Owned; NULL = none. */
char *option_use_id(const OptionUse *use);

/**
 * option_use_check_id: refuse an id that an earlier use of the same option has
 * @seen: a set of owned strings, empty at first: the ids of the uses that were checked so far
 */
bool option_use_check_id(GHashTable *seen, const OptionUse *use, GError **error);

/** option_append: add ",KEY=VALUE" to an argument of syntax A. */
void option_append(GString *arg, const char *key, const char *value);

/**
 * option_parse_keys: an argument of syntax A with the keys of @use's option
 *
 * Returns: owned, of type use->option->keys; NULL when help was printed (startup_finish()
 * was called) or with @error set.
 */
void *option_parse_keys(Startup *startup, const OptionUse *use, const char *implied_key,
                        GError **error);

/* --- help.c ------------------------------------------------------------------------------ */

void help_print(void);
void help_print_version(void);

/** help_print_keys: "NAME options:" and a line for each member of @type. */
void help_print_keys(const char *name, const QapiType *type);

/** help_print_branch: the same for the branch @name of a union. Returns: false with @error. */
bool help_print_branch(const QapiType *type, const char *name, GError **error);

/* --- startup.c --------------------------------------------------------------------------- */

/** startup_new: nothing asked for yet. */
Startup *startup_new(void);
void startup_free(Startup *startup);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Startup, startup_free)

/**
 * startup_run: read the command line and create what it asks for
 *
 * Errors are printed. Returns: false when the process has to end with status 1; see also
 * startup->finished.
 */
bool startup_run(Startup *startup, int argc, char **argv);

/** startup_file_errno: the errno behind an error of g_file_get_contents(). */
int startup_file_errno(const GError *error);

/** startup_finish: nothing more is to be done; the process ends with @status. Returns: true. */
bool startup_finish(Startup *startup, int status);

/* --- check-netdevs.c --------------------------------------------------------------------- */

/** startup_check_netdevs: warn about netdevs and hubs that lead nowhere; when all are made. */
void startup_check_netdevs(void);

/* --- Handlers, by file ------------------------------------------------------------------- */

typedef bool OptionHandler(Startup *startup, OptionUse *use, GError **error);

/* settings.c */
OptionHandler option_help, option_version, option_nodefaults, option_no_user_config,
    option_stopped, option_preconfig, option_incoming, option_no_shutdown, option_no_reboot,
    option_action, option_name, option_qtest, option_qtest_log, option_machine, option_accel,
    option_display, option_nographic, option_audio, option_set;
/* settings-process.c */
OptionHandler option_daemonize, option_pidfile, option_run_with, option_sandbox, option_run,
    option_ready, option_add_fd, option_logfile, option_log_items, option_trace, option_msg;
/* readconfig.c */
OptionHandler option_readconfig;
/* create.c */
OptionHandler option_object, option_chardev, option_netdev, option_nic, option_device,
    option_export, option_mon, option_qmp, option_qmp_pretty, option_monitor;

#endif
