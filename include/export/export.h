/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exports: where a VM's QEMU attaches its NIC to a netdev. */

#ifndef EXPORT_EXPORT_H
#define EXPORT_EXPORT_H

#include <stdbool.h>
#include <glib.h>
#include "qapi/qapi-types.h"

/** net_export_add: create; the netdev is there already. Returns: false with @error set. */
bool net_export_add(const NetExportOptions *opts, GError **error);

/** net_export_remove: delete, with the event. Returns: false with @error set. */
bool net_export_remove(const char *id, NetExportRemoveMode mode, GError **error);

/**
 * net_export_options_parse: an --export argument: "key=value,..." with dotted keys, or JSON
 * Returns: owned; NULL with @error set.
 */
NetExportOptions *net_export_options_parse(const char *text, GError **error);

/** net_export_help: the text of "--export help". Owned. */
char *net_export_help(void);

/**
 * net_exports_set_armed: whether a migration is in progress
 *
 * Meanwhile exports with gate=auto hand over the next frame only when the guest's QEMU has
 * read the last one, and remember those in flight: see export/export-flow.c.
 */
void net_exports_set_armed(bool armed);

/**
 * net_exports_expect_stop: whether the VM's QEMU is about to stop for a migration
 *
 * Exports with flow control on then hand over no frames for a moment.
 */
void net_exports_expect_stop(bool expected);

/**
 * net_exports_foreach_flow: call @func for each export whose flow control is on
 *
 * @device: id of the NIC in the VM's QEMU; NULL = not given
 */
void net_exports_foreach_flow(void (*func)(const char *id, const char *device, void *opaque),
                              void *opaque);

/** Counts of frames that an export has handed over, to compare with the count of the VM's NIC. */
typedef struct NetExportTally {
    uint64_t n_frames; /* handed over so far while the export gates */
    uint64_t epoch;    /* another after each connection and each beginning of gating: numbers of
                          frames of two cannot be compared */
    bool is_read;      /* the guest's QEMU has read all of them */
} NetExportTally;

/** net_export_tally: Returns: whether @tally was set; false = that cannot be seen, or no guest. */
bool net_export_tally(const char *id, NetExportTally *tally);

/**
 * net_export_hold_back: hand over nothing until net_export_go_on(); no-op if there is no such
 *
 * If the VM starts meanwhile, net_export_go_on() finds the frames that it lost at its stop.
 */
void net_export_hold_back(const char *id);

/** Frames that were handed over before the VM stopped, and did not reach its NIC. */
typedef struct NetExportLoss {
    uint64_t n_frames;
    bool is_place_known;
    uint64_t n_before; /* if so: how many had been handed over before the first of them */
} NetExportLoss;

/**
 * net_export_go_on: end net_export_hold_back(); no-op without
 * @loss: borrowed: the frames that the VM, which runs again, lost at its stop; all others have
 *         reached its NIC.
 *        NULL = not known
 *
 * The export hands the lost frames over again; none, if @loss is NULL or impossible.
 */
void net_export_go_on(const char *id, const NetExportLoss *loss);

/**
 * net_exports_set_guest_gone: whether the guest will not come back
 *
 * Then what waits for it is dropped, under reason guest-gone, and no export asks for its netdev
 * to be read while the VM is stopped. Ends with false, or when the VM runs.
 */
void net_exports_set_guest_gone(bool gone);

/**
 * net_exports_set_guest_func: set the listener of exports that see in the rings whether the VM
 * runs
 * @func: called from the loop when the first guest runs, and when the last one has stopped
 */
void net_exports_set_guest_func(void (*func)(bool runs));

/** Who compares what exports hand over with what the VM's NICs take; constant. */
typedef struct NetExportCounterOps {
    /** Whether the two agree for this export. */
    bool (*agrees)(const char *id, void *opaque);
    /** Which exports gate, or are connected, may have changed. From anywhere: only note it. */
    void (*changed)(void *opaque);
} NetExportCounterOps;

/** net_exports_set_counter: @ops: borrowed; NULL = nobody compares them. */
void net_exports_set_counter(const NetExportCounterOps *ops, void *opaque);

/** net_exports_cleanup: delete all, without events; before net_cleanup(). */
void net_exports_cleanup(void);

#endif
