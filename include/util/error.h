/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one GError domain of the program, whose codes are the QMP error classes. */

#ifndef UTIL_ERROR_H
#define UTIL_ERROR_H

#include <stdbool.h>
#include <glib.h>

/** Error code = class of the QMP error object. */
typedef enum ErrorClass {
    ERROR_CLASS_GENERIC,
    ERROR_CLASS_COMMAND_NOT_FOUND,
    ERROR_CLASS_DEVICE_NOT_ACTIVE,
    ERROR_CLASS_DEVICE_NOT_FOUND,
} ErrorClass;

#define ERROR_DOMAIN (error_domain_quark())

/** error_domain_quark: use ERROR_DOMAIN. */
GQuark error_domain_quark(void);

/** error_class_name: the name of @class as QMP writes it, e.g. "GenericError". */
const char *error_class_name(ErrorClass class);

/**
 * error_set: report a failure that a user or a peer caused
 * @error: where to put it, or NULL
 * @fmt: one phrase without full stop that names the option and the value
 *
 * Returns: false, always, so that a failure is one line at the caller.
 */
bool error_set(GError **error, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/** error_set_class: error_set() with a class other than GenericError. */
bool error_set_class(GError **error, ErrorClass class, const char *fmt, ...)
    G_GNUC_PRINTF(3, 4);

/** error_set_errno: error_set() with ": " and the text of errno value @err behind. */
bool error_set_errno(GError **error, int err, const char *fmt, ...) G_GNUC_PRINTF(3, 4);

/**
 * error_append_hint: add one line of advice to an error that is already set
 * @error: as given to the function that set it; NULL or unset is ignored
 *
 * Hints follow the message on stderr and in the human monitor; QMP has only the suggested name
 * (error_similar()) of them.
 */
void error_append_hint(GError **error, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/** error_hint: the hint lines of @error, each ended by '\n', or NULL; borrowed. */
const char *error_hint(const GError *error);

/**
 * error_hint_similar: hint at the candidate that looks most like a mistyped word
 * @candidates: NULL-terminated
 *
 * Adds "Did you mean 'X'?" when one candidate is close enough, else nothing.
 * Returns: whether there was one.
 */
bool error_hint_similar(GError **error, const char *word, const char *const *candidates);

/** error_hint_meant: hint at @meant, which the caller has found. */
void error_hint_meant(GError **error, const char *meant);

/** error_similar: the suggested name, set by the two above; borrowed, NULL = unknown. */
const char *error_similar(const GError *error);

#endif
