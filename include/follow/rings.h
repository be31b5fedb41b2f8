/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run state follows the VM's rings, where exports see them. */

#ifndef FOLLOW_RINGS_H
#define FOLLOW_RINGS_H

/** vm_rings_init: from now on; once at start-up. */
void vm_rings_init(void);

#endif
