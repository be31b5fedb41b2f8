/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of human monitor commands share. */

#ifndef SYSTEM_HMP_INTERNAL_H
#define SYSTEM_HMP_INTERNAL_H

#include "monitor/hmp.h"

/** Completions: names of netdevs, of chardevs, of objects. */
void hmp_complete_netdev(const char *word, int arg_index, GPtrArray *candidates);
void hmp_complete_client(const char *word, int arg_index, GPtrArray *candidates);
void hmp_complete_chardev(const char *word, int arg_index, GPtrArray *candidates);
void hmp_complete_object(const char *word, int arg_index, GPtrArray *candidates);

#endif
