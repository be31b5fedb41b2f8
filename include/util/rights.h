/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capabilities of this process, given up for good. */

#ifndef UTIL_RIGHTS_H
#define UTIL_RIGHTS_H

#include <stdbool.h>
#include <stdint.h>

/** RIGHT: the bit of a capability, as in RIGHT(CAP_NET_ADMIN). */
#define RIGHT(capability) (UINT64_C(1) << (capability))

/**
 * rights_keep_only: give up all capabilities but those of @kept that there are
 *
 * Of the calling thread, and of those that it makes from now on. Kept capabilities are permitted
 * and effective, not inheritable nor ambient: a program that is started has none, unless the user
 * is root; the bounding set, which says what root gets then, is cut as well if that is allowed.
 * Returns: false with errno set.
 */
bool rights_keep_only(uint64_t kept);

#endif
