/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The items of -d and of the human monitor's log. */

#ifndef SYSTEM_LOG_ITEMS_H
#define SYSTEM_LOG_ITEMS_H

#include <stdbool.h>

/**
 * log_items_apply: switch on "ITEM,ITEM..."
 * @tid: (out) set to true when tid is among them; NULL = not wanted here
 *
 * Returns: false when an item is unknown; those in front of it are on.
 */
bool log_items_apply(const char *items, bool *tid);

/** log_items_text: the list of all items, for a person. Owned. */
char *log_items_text(void);

#endif
