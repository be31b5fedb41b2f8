/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of the human monitor's "info network". */

#ifndef SYSTEM_INFO_NETWORK_H
#define SYSTEM_INFO_NETWORK_H

/** info_network_text: hubs, NICs and netdevs with their filters, lines ended by CR LF. Owned. */
char *info_network_text(void);

#endif
