/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What both "key=value,..." syntaxes share: values in which a comma is doubled. */

#ifndef QAPI_PAIR_H
#define QAPI_PAIR_H

#include <stdbool.h>
#include <stddef.h>

/**
 * pair_take_value: the text from *@pos up to a single comma or the end, commas undoubled
 * @pos: is moved behind it and its comma
 *
 * Returns: owned.
 */
char *pair_take_value(const char **pos);

/** pair_is_help: whether the @len bytes at @text ask for help. */
bool pair_is_help(const char *text, size_t len);

#endif
