/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the human monitor share: tables, one run of a command, the line editor. */

#ifndef MONITOR_HMP_INTERNAL_H
#define MONITOR_HMP_INTERNAL_H

#include "monitor/hmp.h"

/** One argument of a run. */
typedef struct HmpArg {
    char *text;     /* owned; kinds s, o and S */
    int64_t number; /* kind i, and 0 or 1 of kinds b and - */
} HmpArg;

struct Hmp {
    GString *out;              /* owned */
    const HmpCommand *command; /* borrowed; NULL before it is found */
    char *typed;               /* owned: how the user called it, e.g. "info network" */
    GHashTable *args;          /* owned name -> owned HmpArg */
};

/** What one item of HmpCommand.args says. */
typedef struct HmpArgSpec {
    char *name; /* owned */
    char kind;  /* s, o, S, b, i or - */
    char flag;  /* the letter of kind - */
    bool optional;
} HmpArgSpec;

/** hmp_arg_specs: @args taken apart, owned array of HmpArgSpec. */
GArray *hmp_arg_specs(const char *args);

/**
 * hmp_args_parse: the arguments of hmp->command from @text, which may start with blanks
 * Returns: false when they do not fit; the error has been printed.
 */
bool hmp_args_parse(Hmp *hmp, const char *text);

/** hmp_command_find: by name or alias. Returns: NULL if there is none. */
const HmpCommand *hmp_command_find(const char *name, bool info);

/** hmp_command_list: all commands, or all info commands, sorted by name; owned array. */
GPtrArray *hmp_command_list(bool info);

/** hmp_command_has_name: whether @name is one of the names in "a|b|c". */
bool hmp_command_has_name(const HmpCommand *command, const char *name);

/** hmp_complete_names: add all names and aliases, owned strings. */
void hmp_complete_names(bool info, GPtrArray *candidates);

/* --- The line editor ---------------------------------------------------------------------- */

typedef struct HmpEdit HmpEdit;

/** The output of the editor (CR LF line ends), and the taker of finished lines. */
typedef struct HmpEditOps {
    void (*write)(const char *data, size_t len, void *opaque);
    /** Returns: false = the line is still being run, and hmp_edit_go_on() is called behind it. */
    bool (*line)(const char *line, void *opaque);
} HmpEditOps;

/** hmp_edit_new: never NULL; without libedit or a pseudo terminal a plain editor. */
HmpEdit *hmp_edit_new(const HmpEditOps *ops, void *opaque);
void hmp_edit_free(HmpEdit *edit);

/** hmp_edit_start: forget an unfinished line and show the prompt. */
void hmp_edit_start(HmpEdit *edit);

/** hmp_edit_refresh: show the prompt and the unfinished line again. */
void hmp_edit_refresh(HmpEdit *edit);

/** hmp_edit_feed: bytes from the terminal; they are kept while a line is being run. */
void hmp_edit_feed(HmpEdit *edit, const uint8_t *data, size_t len);

/** hmp_edit_go_on: a line has been run: show the prompt and take what came meanwhile. */
void hmp_edit_go_on(HmpEdit *edit);

#define HMP_PROMPT "(qemu-net-daemon) "

#endif
