/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory of a guest, as a vhost-user front-end shares it. */

#ifndef EXPORT_VRING_MEMORY_H
#define EXPORT_VRING_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>
#include "export/vring-pages.h"

/** How many regions a front-end may share. */
#define VRING_REGIONS_MAX 256u

/** A region as messages describe it (vhost-user protocol, "Memory region description"). */
typedef struct VringRegionSpec {
    uint64_t guest_addr;  /* where the guest sees it */
    uint64_t size;
    uint64_t user_addr;   /* where the front-end sees it */
    uint64_t mmap_offset; /* where it begins in its file */
} VringRegionSpec;

/** A region, to translate the guest's addresses without a call; zeroed = none. */
typedef struct VringRegionView {
    uint64_t addr;  /* where the guest sees it */
    uint64_t size;
    uint8_t *host;
} VringRegionView;

/**
 * All regions of one guest.
 *
 * While a postcopy migration brings their contents, what is found in them may not have come. Who
 * translates an address then asks vring_memory_missed() before anything is touched there.
 */
typedef struct VringMemory VringMemory;

/** vring_memory_new: without any region. _free: unmap all; NULL is legal. */
VringMemory *vring_memory_new(void);
void vring_memory_free(VringMemory *mem);

/**
 * vring_memory_add: map a region
 * @fd: borrowed; need not stay open
 *
 * One that is there already, with all the same values, is no error.
 * Returns: false with @error set: it is not in the file, overlaps another, or there are too many.
 */
bool vring_memory_add(VringMemory *mem, const VringRegionSpec *spec, int fd, GError **error);

/**
 * vring_memory_set_pages: postcopy begins, before there is any region; or it has ended
 * @pages: borrowed; NULL = all that is missing would be zeros
 */
void vring_memory_set_pages(VringMemory *mem, VringPages *pages);

/**
 * vring_memory_missed: whether something that was asked for since the last call has not come
 *
 * It has been sent for. Always false but during postcopy.
 */
bool vring_memory_missed(VringMemory *mem);

/** vring_memory_fault_addr: where postcopy hears of the first byte of the region at @user_addr. */
uint64_t vring_memory_fault_addr(VringMemory *mem, uint64_t user_addr);

/** vring_memory_remove: by all but its offset. Returns: false if there is no such region. */
bool vring_memory_remove(VringMemory *mem, const VringRegionSpec *spec);

size_t vring_memory_n_regions(const VringMemory *mem);

/**
 * vring_memory_user: where what the front-end has at @addr is here
 *
 * Returns: valid until regions change; NULL unless all @len bytes are in one region.
 */
uint8_t *vring_memory_user(VringMemory *mem, uint64_t addr, uint64_t len);

/** vring_memory_ask_user: look whether @len bytes there, at least 1, have come. */
void vring_memory_ask_user(VringMemory *mem, uint64_t addr, uint64_t len);

/** vring_memory_user_to_guest: the guest's address of the memory that vring_memory_user() found. */
uint64_t vring_memory_user_to_guest(VringMemory *mem, uint64_t addr);

/**
 * vring_memory_guest: where what the guest has at @addr is here
 * @len: (in, out) bytes wanted, at least 1; at most as many are there in one piece
 *
 * Returns: valid until regions change; NULL if @addr is in no region.
 */
uint8_t *vring_memory_guest(VringMemory *mem, uint64_t addr, uint64_t *len);

/**
 * vring_memory_view: the region that has the guest's address @addr
 *
 * Valid until regions change. Returns: false, with @view unchanged, if it is in none, or during
 * postcopy, when each address is to be asked for.
 */
bool vring_memory_view(VringMemory *mem, uint64_t addr, VringRegionView *view);

/** vring_memory_read: copy from the guest's @addr; false unless all is there, and has come. */
bool vring_memory_read(VringMemory *mem, uint64_t addr, void *to, size_t len);

/**
 * vring_memory_is_lost: whether the file of a region was found cut short
 *
 * Where it should be there are zeros now. No such memory can be used any more.
 */
bool vring_memory_is_lost(const VringMemory *mem);

#endif
