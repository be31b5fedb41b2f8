/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which pages of a guest's memory have come, while a postcopy migration brings them. */

#ifndef EXPORT_VRING_PAGES_H
#define EXPORT_VRING_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <glib.h>

/** The pages of all regions of one guest, and a userfaultfd (userfaultfd(2)) for them. */
typedef struct VringPages VringPages;

/** A region of a guest's memory as it is mapped for use. */
typedef struct VringPagesRegion {
    const uint8_t *map;  /* @size bytes from a page's start */
    size_t size;
    int fd;              /* borrowed: its file; need not stay open */
    off_t offset;        /* of @map in the file */
} VringPagesRegion;

/** Called from the loop: pages that were asked for have come. */
typedef void VringPagesFunc(void *opaque);

/** vring_pages_are_possible: whether the kernel lets this process have a userfaultfd. */
bool vring_pages_are_possible(void);

/** vring_pages_new: without any region. Returns: NULL with @error set: the kernel refuses it. */
VringPages *vring_pages_new(VringPagesFunc *arrived, void *opaque, GError **error);

/** vring_pages_free: nothing is waited for any more; NULL is legal. */
void vring_pages_free(VringPages *pages);

/** vring_pages_count: (out) how many of the pages that were asked for are awaited, or have come. */
void vring_pages_count(const VringPages *pages, uint64_t *awaited, uint64_t *come);

/** vring_pages_fd: the userfaultfd, by which the other side hears what is missing; borrowed. */
int vring_pages_fd(const VringPages *pages);

/**
 * vring_pages_add: from now on it is known which pages of @region have come: none yet
 *
 * Returns: false with @error set: its file cannot be mapped once more.
 */
bool vring_pages_add(VringPages *pages, const VringPagesRegion *region, GError **error);

/** vring_pages_remove: the region mapped at @map; before it is unmapped. */
void vring_pages_remove(VringPages *pages, const uint8_t *map);

/**
 * vring_pages_fault_addr: the address that the userfaultfd tells when @at is missing
 * @at: in a region
 */
uint64_t vring_pages_fault_addr(const VringPages *pages, const uint8_t *at);

/**
 * vring_pages_register: the other side is ready to bring pages of all regions that were added
 *
 * Returns: false with @error set: memory of that kind cannot be watched.
 */
bool vring_pages_register(VringPages *pages, GError **error);

/**
 * vring_pages_have: whether all pages of @len bytes at @at have come
 * @at: in a region, with all @len bytes, at least 1
 *
 * Those that have not are asked for. Who is told no does not touch them: it may ask again when
 * it hears that pages have come.
 */
bool vring_pages_have(VringPages *pages, const uint8_t *at, size_t len);

/**
 * vring_pages_mend: for a handler of SIGBUS: put memory where the calling thread found none
 *
 * Returns: whether it is a thread that fetches a page, of a file that was cut short.
 */
bool vring_pages_mend(void);

#endif
