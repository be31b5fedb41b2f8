/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Passwords and keys that other objects name by the id of a secret object. */

#ifndef QOM_SECRET_H
#define QOM_SECRET_H

#include <glib.h>

/**
 * secret_lookup: the bytes of the secret object @id
 *
 * Returns: owned; NULL with @error set when there is no such object, or it is of another type.
 */
GBytes *secret_lookup(const char *id, GError **error);

#endif
