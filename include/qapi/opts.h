/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two "key=value,..." syntaxes of the command line (docs/reference-text.rst). */

#ifndef QAPI_OPTS_H
#define QAPI_OPTS_H

#include <stdbool.h>
#include <glib.h>
#include <json-c/json.h>
#include "qapi/qapi.h"

/** An argument of syntax A, taken apart: its id and the pairs in order of appearance. */
typedef struct Opts {
    char *id;          /* owned; NULL = none given */
    GPtrArray *keys;   /* owned char *, parallel to values */
    GPtrArray *values; /* owned char * */
    bool help;         /* "help" or "?" stood where a key or the implied value was expected */
} Opts;

/**
 * opts_parse: take apart an argument of syntax A
 * @implied_key: key of a first item without "=", or NULL
 * @check_id: whether id= must be well formed
 *
 * Short booleans are accepted with a warning on stderr.
 * Returns: owned; NULL with @error set.
 */
Opts *opts_parse(const char *text, const char *implied_key, bool check_id, GError **error);

/** opts_parse_quietly: without that warning: legacy strings, and an argument read once more. */
Opts *opts_parse_quietly(const char *text, const char *implied_key, bool check_id,
                         GError **error);

/** opts_free: NULL is legal. */
void opts_free(Opts *opts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Opts, opts_free)

/** opts_get: the last value of @key, borrowed, or NULL. */
const char *opts_get(const Opts *opts, const char *key);

/** opts_set: add or replace (-set GROUP.ID.KEY=VALUE). */
void opts_set(Opts *opts, const char *key, const char *value);

/**
 * opts_to_json: the flat object for qapi_from_json(..., QAPI_INPUT_OPTS)
 *
 * All values are strings, except that a repeated key becomes an array of strings in order
 * (the walker takes the last one where no list is expected). @opts->id becomes member "id"
 * when @with_id. Returns: owned.
 */
json_object *opts_to_json(const Opts *opts, bool with_id);

/** opts_to_type: opts_to_json() and qapi_from_json() in one. Returns: owned, NULL with @error. */
void *opts_to_type(const Opts *opts, bool with_id, const QapiType *type, GError **error);

/**
 * keyval_parse: take apart an argument of syntax B, with dotted keys
 * Returns: owned nested object of strings for QAPI_INPUT_KEYVAL; NULL with @error set.
 * @help: (out) set when "help" or "?" stood where a key was expected; may be NULL = refuse
 */
json_object *keyval_parse(const char *text, const char *implied_key, bool *help, GError **error);

/** id_is_wellformed: a letter, then letters, digits, '-', '.', '_'. */
bool id_is_wellformed(const char *id);

/** id_check: id_is_wellformed() with the error and its hint. */
bool id_check(const char *id, GError **error);

/** id_generate: a new name such as "#net053" for things of kind @prefix. Returns: owned. */
char *id_generate(const char *prefix);

#endif
