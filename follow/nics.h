/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts what the VM's NICs take in, to know which frames a stop of it cost. */

#ifndef FOLLOW_NICS_H
#define FOLLOW_NICS_H

#include <stdbool.h>
#include "monitor/qmp-client.h"
#include "qapi/qapi-types.h"

typedef struct VmNics VmNics;

/** The NIC that an export names is not there. @message: borrowed. */
typedef void VmNicsComplainFunc(const char *message, void *opaque);

/**
 * vm_nics_new: @client: borrowed, for longer than the result lives
 * @complain, @opaque: called from the loop
 *
 * Returns: owned.
 */
VmNics *vm_nics_new(QmpClient *client, VmNicsComplainFunc *complain, void *opaque);

/** vm_nics_free: legal for NULL. */
void vm_nics_free(VmNics *nics);

/** vm_nics_set_armed: whether a migration may stop the VM; the exports know it already. */
void vm_nics_set_armed(VmNics *nics, bool armed);

/** vm_nics_exports_changed: other exports may gate, or be connected, or the VM can be asked now. */
void vm_nics_exports_changed(VmNics *nics);

/** vm_nics_will_run, _stopped: before our run state follows the VM's, or does not change. */
void vm_nics_will_run(VmNics *nics);
void vm_nics_stopped(VmNics *nics);

/** vm_nics_forget: the connection to the VM has ended. */
void vm_nics_forget(VmNics *nics);

/** vm_nics_agree: whether all that @export handed over is known to have reached the NIC. */
bool vm_nics_agree(const VmNics *nics, const char *export);

/** vm_nics_info: Returns: owned. */
VmFollowerNicList *vm_nics_info(const VmNics *nics);

#endif
