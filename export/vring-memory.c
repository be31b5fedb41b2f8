/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Maps the memory that a vhost-user front-end shares, and translates addresses into it. */

/*
 * Every address that comes from the guest or the front-end is translated here, and a translated
 * range lies in one region with all its bytes.
 *
 * The front-end keeps the files and may cut them short, also after they were checked. An access to
 * a page behind the new end raises SIGBUS. The handler then puts empty memory in the place of that
 * region, so that the access goes on, and notes that the memory is lost; the owner looks at that
 * after each piece of work and ends the connection. One thread uses regions, and the list of
 * memories does not change while one of them is used, so the handler may walk it. Other threads,
 * those of vring-pages.c, touch memory of their own.
 */

#include "export/vring-memory.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/error.h"

typedef struct VringRegion {
    VringRegionSpec spec;
    uint8_t *host;    /* where @spec.guest_addr is */
    uint8_t *map;     /* owned: @map_size bytes */
    size_t map_size;
} VringRegion;

struct VringMemory {
    VringMemory *next;      /* borrowed: of all that there are */
    GArray *regions;        /* owned VringRegion */
    guint last;             /* region found last */
    VringPages *pages;      /* borrowed: of postcopy; NULL = all is there */
    bool has_missed;
    volatile sig_atomic_t is_lost;
};

static VringMemory *memories;
static struct sigaction action_before;
static bool is_guarded;

/* --- SIGBUS ------------------------------------------------------------------------------ */

static bool region_replace(const VringRegion *region, const uint8_t *at)
{
    return at >= region->map && at < region->map + region->map_size &&
           mmap(region->map, region->map_size, PROT_READ | PROT_WRITE,
                MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED;
}

static bool memory_replace(VringMemory *mem, const uint8_t *at)
{
    for (guint i = 0; i < mem->regions->len; i++) {
        if (region_replace(&g_array_index(mem->regions, VringRegion, i), at)) {
            mem->is_lost = 1;
            return true;
        }
    }
    return false;
}

/* A signal of other memory is raised again, for the earlier handler. */
static void guard_bus_error(int number, siginfo_t *info, void *context)
{
    int err = errno;

    if (info->si_code == BUS_ADRERR && vring_pages_mend()) {
        errno = err;
        return;
    }
    for (VringMemory *mem = memories; mem && info->si_code == BUS_ADRERR; mem = mem->next) {
        if (memory_replace(mem, info->si_addr)) {
            errno = err;
            return;
        }
    }
    sigaction(SIGBUS, &action_before, NULL);
    if (info->si_code <= 0) {
        raise(SIGBUS); /* sent by a process: it does not happen again by itself */
    }
    errno = err;
}

static void guard_install(void)
{
    struct sigaction action = { .sa_sigaction = guard_bus_error, .sa_flags = SA_SIGINFO };

    if (!is_guarded) {
        sigaction(SIGBUS, &action, &action_before);
        is_guarded = true;
    }
}

/* --- Life -------------------------------------------------------------------------------- */

static void region_unmap(void *opaque)
{
    VringRegion *region = opaque;

    munmap(region->map, region->map_size);
}

VringMemory *vring_memory_new(void)
{
    VringMemory *mem = g_new0(VringMemory, 1);

    guard_install();
    mem->regions = g_array_new(FALSE, FALSE, sizeof(VringRegion));
    g_array_set_clear_func(mem->regions, region_unmap);
    mem->next = memories;
    memories = mem;
    return mem;
}

void vring_memory_free(VringMemory *mem)
{
    if (!mem) {
        return;
    }
    for (VringMemory **at = &memories; *at; at = &(*at)->next) {
        if (*at == mem) {
            *at = mem->next;
            break;
        }
    }
    vring_memory_set_pages(mem, NULL);
    g_array_unref(mem->regions);
    g_free(mem);
}

bool vring_memory_is_lost(const VringMemory *mem)
{
    return mem->is_lost;
}

size_t vring_memory_n_regions(const VringMemory *mem)
{
    return mem->regions->len;
}

/* --- Regions ----------------------------------------------------------------------------- */

static VringRegion *memory_region(const VringMemory *mem, guint i)
{
    return &g_array_index(mem->regions, VringRegion, i);
}

static bool ranges_overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a < b + b_size && b < a + a_size;
}

static bool spec_is_same(const VringRegionSpec *a, const VringRegionSpec *b)
{
    return a->guest_addr == b->guest_addr && a->size == b->size && a->user_addr == b->user_addr;
}

static bool region_check(const VringMemory *mem, const VringRegionSpec *spec, GError **error)
{
    uint64_t end;

    if (spec->size == 0 || __builtin_add_overflow(spec->guest_addr, spec->size, &end) ||
        __builtin_add_overflow(spec->user_addr, spec->size, &end) ||
        __builtin_add_overflow(spec->mmap_offset, spec->size, &end) || end > INT64_MAX / 2) {
        return error_set(error, "memory region of %" PRIu64 " bytes at 0x%" PRIx64
                         " is out of range", spec->size, spec->guest_addr);
    }
    if (mem->regions->len >= VRING_REGIONS_MAX) {
        return error_set(error, "more than %u memory regions", VRING_REGIONS_MAX);
    }
    for (guint i = 0; i < mem->regions->len; i++) {
        const VringRegionSpec *other = &memory_region(mem, i)->spec;

        if (ranges_overlap(spec->guest_addr, spec->size, other->guest_addr, other->size) ||
            ranges_overlap(spec->user_addr, spec->size, other->user_addr, other->size)) {
            return error_set(error, "memory region at 0x%" PRIx64 " overlaps the one at 0x%"
                             PRIx64, spec->guest_addr, other->guest_addr);
        }
    }
    return true;
}

static bool region_add_pages(const VringRegion *region, VringPages *pages, int fd, GError **error)
{
    uint64_t skip = (uint64_t)(region->host - region->map);

    return vring_pages_add(pages, &(VringPagesRegion) {
        .map = region->map, .size = region->map_size, .fd = fd,
        .offset = (off_t)(region->spec.mmap_offset - skip),
    }, error);
}

/* Huge pages want whole pages; the file system has their size. */
static bool region_map(VringRegion *region, int fd, GError **error)
{
    const VringRegionSpec *spec = &region->spec;
    size_t align = (size_t)sysconf(_SC_PAGESIZE);
    uint64_t skip;
    struct stat st;

    if (fstat(fd, &st) < 0) {
        return error_set_errno(error, errno, "memory region at 0x%" PRIx64, spec->guest_addr);
    }
    if (S_ISREG(st.st_mode) && (uint64_t)st.st_size < spec->mmap_offset + spec->size) {
        return error_set(error, "memory region at 0x%" PRIx64 " is longer than its file",
                         spec->guest_addr);
    }
    if (st.st_blksize > 0 && ((size_t)st.st_blksize & ((size_t)st.st_blksize - 1)) == 0) {
        align = MAX(align, (size_t)st.st_blksize);
    }
    skip = spec->mmap_offset % align;
    region->map_size = (skip + spec->size + align - 1) / align * align;
    region->map = mmap(NULL, region->map_size, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_NORESERVE, fd, (off_t)(spec->mmap_offset - skip));
    if (region->map == MAP_FAILED) {
        return error_set_errno(error, errno, "memory region at 0x%" PRIx64 " cannot be mapped",
                               spec->guest_addr);
    }
    madvise(region->map, region->map_size, MADV_DONTDUMP);
    region->host = region->map + skip;
    return true;
}

bool vring_memory_add(VringMemory *mem, const VringRegionSpec *spec, int fd, GError **error)
{
    VringRegion region = { .spec = *spec };

    for (guint i = 0; i < mem->regions->len; i++) {
        if (spec_is_same(&memory_region(mem, i)->spec, spec) &&
            memory_region(mem, i)->spec.mmap_offset == spec->mmap_offset) {
            return true;
        }
    }
    if (!region_check(mem, spec, error) || !region_map(&region, fd, error)) {
        return false;
    }
    if (mem->pages && !region_add_pages(&region, mem->pages, fd, error)) {
        region_unmap(&region);
        return false;
    }
    g_array_append_val(mem->regions, region);
    return true;
}

bool vring_memory_remove(VringMemory *mem, const VringRegionSpec *spec)
{
    for (guint i = 0; i < mem->regions->len; i++) {
        if (spec_is_same(&memory_region(mem, i)->spec, spec)) {
            if (mem->pages) {
                vring_pages_remove(mem->pages, memory_region(mem, i)->map);
            }
            g_array_remove_index(mem->regions, i);
            mem->last = 0;
            return true;
        }
    }
    return false;
}

/* --- Postcopy ---------------------------------------------------------------------------- */

void vring_memory_set_pages(VringMemory *mem, VringPages *pages)
{
    for (guint i = 0; mem->pages && i < mem->regions->len; i++) {
        vring_pages_remove(mem->pages, memory_region(mem, i)->map);
    }
    g_assert(!pages || mem->regions->len == 0);
    mem->pages = pages;
    mem->has_missed = false;
}

bool vring_memory_missed(VringMemory *mem)
{
    bool missed = mem->has_missed;

    mem->has_missed = false;
    return missed;
}

static void memory_ask(VringMemory *mem, const uint8_t *at, uint64_t len)
{
    if (G_UNLIKELY(mem->pages) && !vring_pages_have(mem->pages, at, len)) {
        mem->has_missed = true;
    }
}

/* --- Translation ------------------------------------------------------------------------- */

/* The region that has the front-end's @addr. */
static const VringRegion *memory_find_user(const VringMemory *mem, uint64_t addr)
{
    for (guint i = 0; i < mem->regions->len; i++) {
        const VringRegion *region = memory_region(mem, i);

        if (addr - region->spec.user_addr < region->spec.size) {
            return region;
        }
    }
    return NULL;
}

uint8_t *vring_memory_user(VringMemory *mem, uint64_t addr, uint64_t len)
{
    const VringRegion *region = memory_find_user(mem, addr);
    uint64_t at = region ? addr - region->spec.user_addr : 0;

    return region && len <= region->spec.size - at ? region->host + at : NULL;
}

void vring_memory_ask_user(VringMemory *mem, uint64_t addr, uint64_t len)
{
    const uint8_t *at = vring_memory_user(mem, addr, len);

    if (at) {
        memory_ask(mem, at, len);
    }
}

uint64_t vring_memory_fault_addr(VringMemory *mem, uint64_t user_addr)
{
    const VringRegion *region = memory_find_user(mem, user_addr);

    g_assert(region && mem->pages);
    return vring_pages_fault_addr(mem->pages, region->host);
}

uint64_t vring_memory_user_to_guest(VringMemory *mem, uint64_t addr)
{
    const VringRegion *region = memory_find_user(mem, addr);

    g_assert(region);
    return region->spec.guest_addr + (addr - region->spec.user_addr);
}

static bool region_has(const VringRegion *region, uint64_t addr)
{
    return addr - region->spec.guest_addr < region->spec.size;
}

static const VringRegion *memory_find(VringMemory *mem, uint64_t addr)
{
    if (G_LIKELY(mem->last < mem->regions->len &&
                 region_has(memory_region(mem, mem->last), addr))) {
        return memory_region(mem, mem->last);
    }
    for (guint i = 0; i < mem->regions->len; i++) {
        if (region_has(memory_region(mem, i), addr)) {
            mem->last = i;
            return memory_region(mem, i);
        }
    }
    return NULL;
}

uint8_t *vring_memory_guest(VringMemory *mem, uint64_t addr, uint64_t *len)
{
    const VringRegion *region = memory_find(mem, addr);
    uint64_t at;

    if (!region) {
        return NULL;
    }
    at = addr - region->spec.guest_addr;
    *len = MIN(*len, region->spec.size - at);
    memory_ask(mem, region->host + at, *len);
    return region->host + at;
}

bool vring_memory_view(VringMemory *mem, uint64_t addr, VringRegionView *view)
{
    const VringRegion *region = mem->pages ? NULL : memory_find(mem, addr);

    if (region) {
        *view = (VringRegionView) {
            .addr = region->spec.guest_addr, .size = region->spec.size, .host = region->host,
        };
    }
    return region;
}

bool vring_memory_read(VringMemory *mem, uint64_t addr, void *to, size_t len)
{
    uint8_t *at = to;

    while (len > 0) {
        uint64_t piece = len;
        const uint8_t *from = vring_memory_guest(mem, addr, &piece);

        if (!from || mem->has_missed) {
            return false;
        }
        memcpy(at, from, piece);
        at += piece;
        addr += piece;
        len -= piece;
    }
    return true;
}
