/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading whole files at run time, without ever waiting for who writes them. */

#ifndef UTIL_FILE_READ_H
#define UTIL_FILE_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <glib.h>

/**
 * file_read: all of a regular file
 * @max: more bytes are a mistake
 * @bytes: (out) owned; NULL = there is no such file
 * @error: only the reason, for a caller that puts the name of the file in front
 *
 * Returns: false with @error when it is there and cannot be read, or is no regular file.
 */
bool file_read(const char *path, size_t max, GBytes **bytes, GError **error);

#endif
