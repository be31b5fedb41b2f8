/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Brings the memory of a guest page by page, as its VM does in a postcopy migration. */

#ifndef TESTS_QTEST_VHOST_PAGES_H
#define TESTS_QTEST_VHOST_PAGES_H

#include "vhost-guest.h"

/*
 *   the test, as guest ── own userfaultfd ──┐
 *                                           ├── thread ── copy of the memory
 *   the program ── its userfaultfd ─────────┘
 */
typedef struct VhostPages VhostPages;

/** vhost_pages_are_possible: whether this kernel gives us a userfaultfd. */
bool vhost_pages_are_possible(void);

/** vhost_pages_new: take all memory away from @guest, and bring it again when it is missed. */
VhostPages *vhost_pages_new(VhostGuest *guest);

/** vhost_pages_free: what has not been brought is zeros. */
void vhost_pages_free(VhostPages *pages);

/** vhost_pages_withhold: bring the program nothing; or what it has asked for meanwhile, too. */
void vhost_pages_withhold(VhostPages *pages, bool withhold);

/** vhost_pages_n_asked: for how many pages the program has asked. _wait_: until there are more. */
unsigned vhost_pages_n_asked(const VhostPages *pages);
void vhost_pages_wait_asked(const VhostPages *pages, unsigned more_than);

/** vhost_pages_wake_all: who waits in the program for a page of @guest looks for it again. */
void vhost_pages_wake_all(VhostGuest *guest);

/** vhost_pages_bring_all: the rest, as at the end of a migration. */
void vhost_pages_bring_all(VhostPages *pages);

#endif
