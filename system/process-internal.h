/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What process.c and signals.c share. */

#ifndef SYSTEM_PROCESS_INTERNAL_H
#define SYSTEM_PROCESS_INTERNAL_H

/** process_release_signals: from now on they are ignored, so that the end can finish. */
void process_release_signals(void);

#endif
