/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which peers may come, by the names that they have proven: authz objects. */

#ifndef QOM_AUTHZ_H
#define QOM_AUTHZ_H

#include <stdbool.h>
#include <glib.h>

/**
 * authz_is_allowed: ask the authz object @id about a peer
 * @identity: the name that the peer has proven; NULL = it has none, and is never allowed
 *
 * The object is looked up now: it may be made after what names it, and be deleted at any time.
 * Returns: false with @error set when the peer is denied, or there is no such object.
 */
bool authz_is_allowed(const char *id, const char *identity, GError **error);

#endif
