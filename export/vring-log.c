/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Marks pages of a guest's memory as written to, for its migration. */

/*
 * Bit p % 8 of byte p / 8 stands for page p of the guest's memory. The front-end takes bits out by
 * atomic exchanges, so they are put in by an atomic OR, which comes behind the writing.
 */

#include "export/vring-log.h"

#include "export/vring-memory.h"

struct VringLog {
    VringMemory *mem; /* owned: the log is its one region, so that its file may be cut short */
    uint8_t *bits;    /* in @mem */
    uint64_t size;
};

VringLog *vring_log_new(int fd, uint64_t size, uint64_t offset, GError **error)
{
    VringRegionSpec spec = { .size = size, .mmap_offset = offset };
    VringMemory *mem = vring_memory_new();
    VringLog *log;

    if (!vring_memory_add(mem, &spec, fd, error)) {
        vring_memory_free(mem);
        return NULL;
    }
    log = g_new0(VringLog, 1);
    log->mem = mem;
    log->bits = vring_memory_user(mem, 0, size);
    log->size = size;
    return log;
}

void vring_log_free(VringLog *log)
{
    if (log) {
        vring_memory_free(log->mem);
        g_free(log);
    }
}

bool vring_log_is_lost(const VringLog *log)
{
    return vring_memory_is_lost(log->mem);
}

void vring_log_mark(VringLog *log, uint64_t addr, uint64_t len)
{
    uint64_t page = addr / VRING_LOG_PAGE;
    uint64_t last = (addr + len - 1) / VRING_LOG_PAGE;

    for (; len > 0 && page <= last && page / 8 < log->size; page++) {
        __atomic_fetch_or(&log->bits[page / 8], (uint8_t)(1u << page % 8), __ATOMIC_SEQ_CST);
    }
}
