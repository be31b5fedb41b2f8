/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors of virtqueues, which both formats have: read once, made into buffers. */

#ifndef EXPORT_VRING_DESC_H
#define EXPORT_VRING_DESC_H

#include "export/vring.h"

/* Flags of a descriptor (virtio 1.2, 2.7.5 and 2.8.1). */
#define VRING_DESC_F_NEXT 1u
#define VRING_DESC_F_WRITE 2u
#define VRING_DESC_F_INDIRECT 4u

/** A descriptor in our own memory. */
typedef struct VringDesc {
    uint64_t addr;
    uint32_t len;
    uint16_t low;  /* split: flags; packed: buffer id */
    uint16_t high; /* split: next; packed: flags */
} VringDesc;

/*
 * Guest memory that the other side changes meanwhile: each value is read once, by one load.
 * All is little-endian, and so are the hosts that this program runs on.
 */
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "rings are little-endian"
#endif

static inline uint16_t vring_load16(const uint8_t *at, int order)
{
    return __atomic_load_n((const uint16_t *)(const void *)at, order);
}

static inline void vring_store16(uint8_t *at, uint16_t value, int order)
{
    __atomic_store_n((uint16_t *)(void *)at, value, order);
}

static inline void vring_store32(uint8_t *at, uint32_t value)
{
    __atomic_store_n((uint32_t *)(void *)at, value, __ATOMIC_RELAXED);
}

static inline uint64_t vring_load64(const uint8_t *at, int order)
{
    return __atomic_load_n((const uint64_t *)(const void *)at, order);
}

/** vring_load_desc: @at is a multiple of 16. */
static inline VringDesc vring_load_desc(const uint8_t *at)
{
    uint64_t rest = vring_load64(at + 8, __ATOMIC_ACQUIRE);

    return (VringDesc) {
        .addr = vring_load64(at, __ATOMIC_RELAXED),
        .len = (uint32_t)rest,
        .low = (uint16_t)(rest >> 32),
        .high = (uint16_t)(rest >> 48),
    };
}

/** vring_log_used, _desc: @len bytes of an area, from its start, may have been written to. */
static inline void vring_log_used(const Vring *ring, size_t len)
{
    if (ring->log) {
        vring_log_mark(ring->log, ring->log_addr, len);
    }
}

static inline void vring_log_desc(const Vring *ring, size_t len)
{
    if (ring->log) {
        vring_log_mark(ring->log, ring->desc_addr, len);
    }
}

/** vring_break: the ring is of no use any more. Returns: VRING_POP_BROKEN. */
static inline VringPop vring_break(Vring *ring, const char *fault)
{
    ring->fault = fault;
    return VRING_POP_BROKEN;
}

/**
 * vring_buffer_set: a buffer that consists of @desc alone
 * @flags: of the descriptor
 *
 * Returns: whether it does, in one region and for the right direction.
 */
static inline bool vring_buffer_set(Vring *ring, VringBuffer *buffer, const VringDesc *desc,
                                    uint16_t flags)
{
    const uint16_t looked_at = VRING_DESC_F_NEXT | VRING_DESC_F_WRITE | VRING_DESC_F_INDIRECT;
    uint64_t at = desc->addr - ring->view.addr;

    if ((flags & looked_at) != (ring->setup.to_guest ? VRING_DESC_F_WRITE : 0) || desc->len == 0) {
        return false;
    }
    if (at >= ring->view.size) {
        if (!vring_memory_view(ring->mem, desc->addr, &ring->view)) {
            return false;
        }
        at = desc->addr - ring->view.addr;
    }
    buffer->data = ring->view.host + at;
    buffer->addr = desc->addr;
    buffer->len = desc->len;
    return desc->len <= ring->view.size - at;
}

/** vring_chain_add: a descriptor's memory goes behind @chain. @flags: without NEXT. */
bool vring_chain_add(Vring *ring, VringChain *chain, const VringDesc *desc, uint16_t flags);

/**
 * vring_table_read: copy the table that an INDIRECT descriptor names
 * Returns: how many descriptors @table has; valid until the next call; 0 = broken.
 */
size_t vring_table_read(Vring *ring, const VringDesc *desc, const VringDesc **table);

#endif
