/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log of pages of a guest's memory that are written to while the guest is migrated. */

#ifndef EXPORT_VRING_LOG_H
#define EXPORT_VRING_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

/** Bytes of memory that a bit of the log stands for. */
#define VRING_LOG_PAGE 4096u

typedef struct VringLog VringLog;

/**
 * vring_log_new: map a log, which the front-end reads and clears meanwhile
 * @fd: borrowed; need not stay open
 * @size, @offset: in its file, in bytes
 *
 * Returns: NULL with @error set.
 */
VringLog *vring_log_new(int fd, uint64_t size, uint64_t offset, GError **error);

/** vring_log_free: NULL is legal. */
void vring_log_free(VringLog *log);

/** vring_log_is_lost: whether its file was found cut short. */
bool vring_log_is_lost(const VringLog *log);

/**
 * vring_log_mark: the memory at the guest's address @addr has been written to
 *
 * Call it after the writing, and before the guest is notified. Memory without a bit in the log is
 * left out: it is not migrated. Source: vhost-user protocol, "Migration".
 */
void vring_log_mark(VringLog *log, uint64_t addr, uint64_t len);

#endif
