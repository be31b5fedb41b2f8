/* SPDX-License-Identifier: GPL-2.0-or-later */
/* COLO events of a followed VM: they count like those of a manager. */

#ifndef NET_COLO_SIDE_H
#define NET_COLO_SIDE_H

#include "qapi/qapi-types.h"

/**
 * net_colo_set_vm: query-colo-status shows what the VM says
 * @mode: which side of a pair the VM is; none = neither, not known, or there is no VM
 * @reason: why it has left COLO by its own word, failover or not; none = it has not
 */
void net_colo_set_vm(COLOMode mode, COLOExitReason reason);

/**
 * net_colo_vm_failover: the VM got the command x-colo-lost-heartbeat
 * @mode: its side; none = not known: our objects decide
 *
 * Does nothing when that command was given here before.
 */
void net_colo_vm_failover(COLOMode mode);

#endif
