/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All options of the command line in one table, and the reading of argv. */

#include "system/startup-internal.h"

#include <string.h>

#include "net/netdev.h"
#include "util/error.h"
#include "util/log.h"

static const Option options[] = {
    /* --- network --- */
    { "netdev", "TYPE,id=ID[,KEY=VALUE...] | JSON", OPTION_SECTION_NETWORK, OPTION_KIND_NETDEV,
      "Create a network back end. \"-netdev help\" lists the types,\n"
      "\"-netdev TYPE,help\" the keys of one.",
      .is_group = true, .handle = option_netdev },
    { "nic", "[TYPE][,id=ID][,model=MODEL][,mac=MAC][,KEY=VALUE...] | none",
      OPTION_SECTION_NETWORK, OPTION_KIND_NIC,
      "Create a network back end with an idle NIC as its peer. It takes no frames: they wait,\n"
      "and the back end is read no more. The default type is user.\n"
      "\"-nic help\" lists types and models.",
      .is_group = true, .handle = option_nic },
    { "device", "MODEL,netdev=ID[,id=ID][,mac=MAC] | JSON", OPTION_SECTION_NETWORK,
      OPTION_KIND_DEVICE,
      "Plug an idle NIC into the netdev ID. \"-device help\" lists the models.",
      QAPI_TYPE(DeviceOptions), true, option_device },
    { "export", "[type=]TYPE,id=ID,netdev=ID,addr.type=...[,KEY=VALUE...] | JSON",
      OPTION_SECTION_NETWORK, OPTION_KIND_EXPORT,
      "Let a VM's QEMU attach its NIC to the netdev ID. \"-export help\" lists the types,\n"
      "\"-export TYPE,help\" the keys of one.",
      .is_group = true, .handle = option_export },
    { "object", "TYPE,id=ID[,PROPERTY=VALUE...] | JSON", OPTION_SECTION_NETWORK,
      OPTION_KIND_OBJECT,
      "Create an object such as a net filter. \"-object help\" lists the types,\n"
      "\"-object TYPE,help\" the properties of one.",
      .is_group = true, .handle = option_object },
    { "chardev", "BACKEND,id=ID[,KEY=VALUE...] | JSON", OPTION_SECTION_NETWORK,
      OPTION_KIND_CHARDEV,
      "Create a character device. \"-chardev help\" lists the back ends,\n"
      "\"-chardev BACKEND,help\" the keys of one.",
      .is_group = true, .keys = QAPI_TYPE(ChardevOptions), .handle = option_chardev },

    /* --- monitors --- */
    { "mon", "[chardev=]ID[,mode=readline|control][,pretty=on|off]", OPTION_SECTION_MONITOR,
      OPTION_KIND_MONITOR,
      "Put a monitor on the chardev ID: the human monitor, or QMP with mode=control.",
      .is_group = true, .keys = QAPI_TYPE(MonitorOptions), .handle = option_mon },
    { "qmp", "DEV", OPTION_SECTION_MONITOR, OPTION_KIND_MONITOR,
      "QMP on a new character device, for example unix:PATH,server=on,wait=off.",
      .handle = option_qmp },
    { "qmp-pretty", "DEV", OPTION_SECTION_MONITOR, OPTION_KIND_MONITOR,
      "The same, with indented output.", .handle = option_qmp_pretty },
    { "monitor", "DEV | none | chardev=ID[,mode=readline|control][,pretty=on|off]",
      OPTION_SECTION_MONITOR, OPTION_KIND_MONITOR,
      "The human monitor on a new character device, for example stdio; or QMP on the chardev\n"
      "ID, as qemu-storage-daemon has it.",
      .handle = option_monitor },

    /* --- the VM --- */
    { "S", NULL, OPTION_SECTION_VM, OPTION_KIND_SETTING,
      "Do not start the VM: it waits in state prelaunch for the command cont.",
      .handle = option_stopped },
    { "incoming", "defer", OPTION_SECTION_VM, OPTION_KIND_SETTING,
      "Begin in state inmigrate.", .handle = option_incoming },
    { "preconfig", NULL, OPTION_SECTION_VM, OPTION_KIND_SETTING,
      "Allow few QMP commands until x-exit-preconfig; only then does the VM start.",
      .handle = option_preconfig },
    { "name", "[guest=]NAME[,process=NAME][,debug-threads=on|off]", OPTION_SECTION_VM,
      OPTION_KIND_SETTING,
      "Name of the VM, for query-name and messages; process= sets the name that ps shows.\n"
      "debug-threads=on gives each thread a name of its own, as is always done here.",
      QAPI_TYPE(NameOptions), true, option_name },
    { "action", "EVENT=ACTION[,...]", OPTION_SECTION_VM, OPTION_KIND_SETTING,
      "reboot=reset|shutdown: the action of system_reset. The events shutdown, panic and\n"
      "watchdog are those of a guest inside this process; there is none, so their\n"
      "actions never take place.",
      QAPI_TYPE(ActionOptions), true, option_action },
    { "no-reboot", NULL, OPTION_SECTION_VM, OPTION_KIND_SETTING,
      "The same as -action reboot=shutdown.", .handle = option_no_reboot },
    { "no-shutdown", NULL, OPTION_SECTION_VM, OPTION_KIND_SETTING,
      "The same as -action shutdown=pause; quit and signals end the process all the same.",
      .handle = option_no_shutdown },
    { "machine", "[type=]none[,accel=qtest]", OPTION_SECTION_VM, OPTION_KIND_SETTING,
      "The machine; none is the only one and the default.",
      QAPI_TYPE(MachineOptions), true, option_machine },
    { "M", "[type=]none[,accel=qtest]", OPTION_SECTION_VM, OPTION_KIND_SETTING,
      "The same.", .handle = option_machine },
    { "display", "none", OPTION_SECTION_VM, OPTION_KIND_SETTING,
      "Without effect: there never is a display.", .handle = option_display },
    { "nographic", NULL, OPTION_SECTION_VM, OPTION_KIND_SETTING,
      "Without effect: there never is a display.", .handle = option_nographic },
    { "audio", "none", OPTION_SECTION_VM, OPTION_KIND_SETTING,
      "Without effect: there never is any sound.", .handle = option_audio },

    /* --- process --- */
    { "daemonize", NULL, OPTION_SECTION_PROCESS, OPTION_KIND_SETTING,
      "Go to the background when everything has been created; the status shows whether it\n"
      "has. Afterwards the working directory is /.", .handle = option_daemonize },
    { "pidfile", "FILE", OPTION_SECTION_PROCESS, OPTION_KIND_SETTING,
      "Write the process id to FILE and keep FILE locked. At the end FILE is removed.",
      .handle = option_pidfile },
    { "run-with", "[exit-with-parent=on|off][,chroot=DIR][,user=NAME|UID:GID]",
      OPTION_SECTION_PROCESS, OPTION_KIND_SETTING,
      "End when the parent process ends; when everything has been created, confine the\n"
      "process to DIR and give up its rights for those of the user. A helper process then\n"
      "keeps the right to remove what has been created until then: sockets, links, FILE of\n"
      "-pidfile.",
      QAPI_TYPE(RunWithOptions), true, option_run_with },
    { "run", "COMMAND", OPTION_SECTION_PROCESS, OPTION_KIND_SETTING,
      "Have the shell run COMMAND, the VM's program, when everything has been created, and end\n"
      "with it and its status. Each export without an address gets a socket for it: {ID} in\n"
      "COMMAND is the number of the descriptor for the export ID.",
      .handle = option_run },
    { "ready", "json", OPTION_SECTION_PROCESS, OPTION_KIND_SETTING,
      "Write one line of JSON to standard output when everything has been created: chardevs,\n"
      "netdevs and exports with their addresses.", .handle = option_ready },
    { "add-fd", "fd=N,set=SET[,opaque=TEXT]", OPTION_SECTION_PROCESS, OPTION_KIND_SETTING,
      "Put the inherited descriptor N into the set that /dev/fdset/SET names.",
      QAPI_TYPE(AddFdOptions), true, option_add_fd },
    { "sandbox", "on|off[,spawn=allow|deny][,elevateprivileges=children|deny]\n"
      "        [,capabilities=NAME:...][,obsolete=deny][,resourcecontrol=deny]",
      OPTION_SECTION_PROCESS, OPTION_KIND_SETTING,
      "With on, confine the process when everything has been created: to the system calls\n"
      "that it uses, and to the named capabilities. Scripts and helpers are run by a helper\n"
      "process; spawn=deny leaves it the downscripts of the command line.",
      QAPI_TYPE(SandboxOptions), true, option_sandbox },

    /* --- messages and traces --- */
    { "msg", "[timestamp=on|off][,guest-name=on|off]", OPTION_SECTION_LOG, OPTION_KIND_SETTING,
      "What to put in front of messages on stderr.",
      QAPI_TYPE(MsgOptions), true, option_msg },
    { "trace", "[[enable=]PATTERN][,events=FILE][,file=FILE]", OPTION_SECTION_LOG,
      OPTION_KIND_SETTING,
      "Switch on the trace points that match PATTERN or a line of the events file; off with\n"
      "\"-\" in front of the pattern. \"-trace help\" lists them.",
      QAPI_TYPE(TraceOptions), true, option_trace },
    { "T", "[[enable=]PATTERN][,events=FILE][,file=FILE]", OPTION_SECTION_LOG,
      OPTION_KIND_SETTING, "The same.", QAPI_TYPE(TraceOptions), .handle = option_trace },
    { "D", "FILE", OPTION_SECTION_LOG, OPTION_KIND_SETTING,
      "Write traces to FILE, where %d stands for the process id; default is stderr.",
      .handle = option_logfile },
    { "d", "ITEM,...", OPTION_SECTION_LOG, OPTION_KIND_SETTING,
      "trace:PATTERN switches on trace points. \"-d help\" lists the other items, which are\n"
      "about a guest's CPU and never log anything here.", .handle = option_log_items },

    /* --- tests --- */
    { "qtest", "DEV", OPTION_SECTION_TEST, OPTION_KIND_SETTING,
      "Serve the qtest protocol on a new character device.", .handle = option_qtest },
    { "qtest-log", "FILE | none", OPTION_SECTION_TEST, OPTION_KIND_SETTING,
      "Where to log the qtest conversation; default is stderr.", .handle = option_qtest_log },
    { "accel", "qtest", OPTION_SECTION_TEST, OPTION_KIND_SETTING,
      "Leave the virtual clock to the qtest peer.", .is_group = true, .handle = option_accel },

    /* --- general --- */
    { "readconfig", "FILE", OPTION_SECTION_GENERAL, OPTION_KIND_SETTING,
      "Read options from FILE: sections [option \"id\"], lines key = \"value\".",
      .handle = option_readconfig },
    { "set", "GROUP.ID.KEY=VALUE", OPTION_SECTION_GENERAL, OPTION_KIND_SETTING,
      "Change a key of an earlier -GROUP ...,id=ID.", .handle = option_set },
    { "nodefaults", NULL, OPTION_SECTION_GENERAL, OPTION_KIND_SETTING,
      "Create no default devices; there are none anyway. With -accel qtest also print no\n"
      "warnings about missing peers.", .handle = option_nodefaults },
    { "no-user-config", NULL, OPTION_SECTION_GENERAL, OPTION_KIND_SETTING,
      "Without effect: no configuration is read unless -readconfig asks for it.",
      .handle = option_no_user_config },
    { "version", NULL, OPTION_SECTION_GENERAL, OPTION_KIND_SETTING,
      "Print the version.", .handle = option_version },
    { "V", NULL, OPTION_SECTION_GENERAL, OPTION_KIND_SETTING,
      "The same.", .handle = option_version },
    { "help", NULL, OPTION_SECTION_GENERAL, OPTION_KIND_SETTING,
      "Print this text.", .handle = option_help },
    { "h", NULL, OPTION_SECTION_GENERAL, OPTION_KIND_SETTING,
      "The same.", .handle = option_help },
};

const Option *option_table(size_t *n)
{
    *n = G_N_ELEMENTS(options);
    return options;
}

const Option *option_find(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        if (strcmp(options[i].name, name) == 0) {
            return &options[i];
        }
    }
    return NULL;
}

OptionUse *option_use_new(const Option *option, char *arg, char *location)
{
    OptionUse *use = g_new(OptionUse, 1);

    *use = (OptionUse) { .option = option, .arg = arg, .location = location };
    return use;
}

void option_use_free(OptionUse *use)
{
    if (use) {
        qapi_free_ObjectOptions(use->object);
        g_free(use->arg);
        g_free(use->location);
        g_free(use);
    }
}

/* Options of QEMU about a guest inside the process. */
static const char *const options_of_a_guest[] = {
    "append", "bios", "blockdev", "boot", "cdrom", "cpu", "drive", "enable-kvm", "fda", "fdb",
    "global", "hda", "hdb", "hdc", "hdd", "initrd", "k", "kernel", "m", "numa", "parallel",
    "rtc", "serial", "smbios", "smp", "snapshot", "spice", "usb", "usbdevice", "vga", "virtfs",
    "vnc", NULL,
};

/* The option that @name is the beginning of, or looks like. @dashes: as they were typed. */
static void options_hint_similar(GError **error, const char *name, const char *dashes)
{
    const char *names[G_N_ELEMENTS(options) + 1] = { NULL };
    g_autoptr(GError) found = NULL;
    const char *best = NULL;
    g_autofree char *meant = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        names[i] = options[i].name;
        if (!best && strlen(name) > 2 && g_str_has_prefix(names[i], name)) {
            best = names[i];
        }
    }
    error_set(&found, "%s", name);
    /* Among names of two or three letters everything looks alike. */
    if (!best && strlen(name) > 3 && error_hint_similar(&found, name, names)) {
        best = error_similar(found);
    }
    if (best) {
        meant = g_strconcat(dashes, best, NULL);
        error_hint_meant(error, meant);
    }
}

static void options_refuse_option(GError **error, const char *typed)
{
    const char *dashes = g_str_has_prefix(typed, "--") ? "--" : "-";
    const char *name = typed + strlen(dashes);

    error_set(error, "invalid option");
    if (g_strv_contains(options_of_a_guest, name)) {
        error_append_hint(error, "There is no guest in this process; -help tells what there is.");
    } else if (strcmp(name, "net") == 0) {
        error_append_hint(error, "Use -netdev, or -nic for a netdev with a NIC.");
    } else {
        options_hint_similar(error, name, dashes);
    }
}

/* QEMU takes such a word for a disk. */
static void options_refuse_word(GError **error, const char *word)
{
    error_set(error, "not an option: an option begins with '-'");
    if (strchr(word, '=')) {
        error_append_hint(error, "Keys follow the argument of their option without a blank: "
                          "TYPE,KEY=VALUE");
    } else if (option_find(word)) {
        g_autofree char *meant = g_strconcat("-", word, NULL);

        error_hint_meant(error, meant);
    }
}

static void options_report(const char *location, GError *error)
{
    g_autofree char *before = log_set_location(location);

    log_gerror(error);
    g_error_free(error);
    g_free(log_set_location(before));
}

/* Takes the option at argv[*@i] and its argument, and moves *@i behind them. */
static bool options_scan_one(Startup *startup, int argc, char **argv, int *i)
{
    const char *typed = argv[(*i)++];
    const Option *option;
    GError *error = NULL;
    const char *arg = NULL;

    if (typed[0] != '-') {
        options_refuse_word(&error, typed);
        options_report(typed, error);
        return false;
    }
    option = option_find(typed + (typed[1] == '-' ? 2 : 1));
    if (!option) {
        options_refuse_option(&error, typed);
        options_report(typed, error);
        return false;
    }
    if (option->arg) {
        if (*i >= argc) {
            error_set(&error, "requires an argument");
            options_report(typed, error);
            return false;
        }
        arg = argv[(*i)++];
    }
    g_ptr_array_add(startup->uses,
                    option_use_new(option, g_strdup(arg),
                                   g_strjoin(" ", typed, arg, NULL)));
    return true;
}

bool options_scan(Startup *startup, int argc, char **argv)
{
    for (int i = 1; i < argc;) {
        if (!options_scan_one(startup, argc, argv, &i)) {
            return false;
        }
    }
    return true;
}

bool option_use_run(Startup *startup, OptionUse *use)
{
    g_autofree char *before = log_set_location(use->location);
    g_autoptr(GError) error = NULL;
    bool ok = use->option->handle(startup, use, &error);

    if (!ok) {
        log_gerror(error);
    }
    g_free(log_set_location(before));
    return ok;
}

/* Whether the argument is of syntax A, so that its id is compared with the others'. */
static bool option_use_is_plain(const OptionUse *use)
{
    if (!use->arg || use->arg[0] == '{' || use->option->kind == OPTION_KIND_EXPORT) {
        return false;
    }
    return use->option->kind != OPTION_KIND_NETDEV || !netdev_argument_is_early(use->arg);
}

char *option_use_id(const OptionUse *use)
{
    const char *p = use->arg;

    while (option_use_is_plain(use) && p) {
        const char *end = strchr(p, ',');

        if (g_str_has_prefix(p, "id=")) {
            return end ? g_strndup(p + 3, end - p - 3) : g_strdup(p + 3);
        }
        while (end && end[1] == ',') {
            end = strchr(end + 2, ',');
        }
        p = end ? end + 1 : NULL;
    }
    return NULL;
}

bool option_use_check_id(GHashTable *seen, const OptionUse *use, GError **error)
{
    g_autofree char *id = option_use_id(use);

    if (id && !g_hash_table_add(seen, g_strdup_printf("%s %s", use->option->name, id))) {
        return error_set(error, "Duplicate ID '%s' for %s", id, use->option->name);
    }
    return true;
}

void option_append(GString *arg, const char *key, const char *value)
{
    if (arg->len > 0) {
        g_string_append_c(arg, ',');
    }
    g_string_append_printf(arg, "%s=", key);
    for (; *value; value++) {
        g_string_append_c(arg, *value);
        if (*value == ',') {
            g_string_append_c(arg, ',');
        }
    }
}

void *option_parse_keys(Startup *startup, const OptionUse *use, const char *implied_key,
                        GError **error)
{
    const QapiType *keys = use->option->keys;
    g_autoptr(Opts) opts = opts_parse(use->arg, implied_key, false, error);

    if (!opts) {
        return NULL;
    }
    if (opts->help) {
        help_print_keys(use->option->name, keys);
        startup_finish(startup, 1);
        return NULL;
    }
    return opts_to_type(opts, false, keys, error);
}
