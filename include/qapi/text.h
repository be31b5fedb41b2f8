/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scalars written as text on the command line (docs/reference-text.rst). */

#ifndef QAPI_TEXT_H
#define QAPI_TEXT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Each takes the whole of @text and sets *@value on success only. Returns: whether @text is
 * such a value.
 */

/** text_to_bool: on yes true y, off no false n. */
bool text_to_bool(const char *text, bool *value);

/** text_to_int64, text_to_uint64: with the base prefixes of C; leading blanks and '+' are legal. */
bool text_to_int64(const char *text, int64_t *value);
bool text_to_uint64(const char *text, uint64_t *value);

/** text_to_size: decimal with suffix b k m g t p e (powers of 1024), or hexadecimal without. */
bool text_to_size(const char *text, uint64_t *value);

/** text_to_double: a finite number. */
bool text_to_double(const char *text, double *value);

#endif
