/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parts of the reading of -chardev arguments. */

#ifndef CHARDEV_CHAR_OPTS_INTERNAL_H
#define CHARDEV_CHAR_OPTS_INTERNAL_H

#include "chardev/char-internal.h"

/** char_opts_check_numbers: numbers and sizes, with the messages that are theirs. */
bool char_opts_check_numbers(const Opts *opts, GError **error);

/** char_opts_kind: the back end called @name. Returns: -1 with @error. */
int char_opts_kind(const char *name, GError **error);

/** char_opts_has_key: whether @key means something to @kind. */
bool char_opts_has_key(ChardevBackendKind kind, const char *key);

#endif
