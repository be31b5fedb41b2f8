/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packed virtqueues (virtio 1.2, 2.8). */

#include "export/vring-desc.h"
#include "export/vring-format.h"

/* Descriptor: address, length, buffer id, flags. */
#define PACKED_LEN 8u
#define PACKED_ID 12u
#define PACKED_FLAGS 14u
#define PACKED_F_AVAIL 0x80u
#define PACKED_F_USED 0x8000u

/* Event suppression area: offset with wrap counter, flags. */
#define PACKED_EVENT_FLAGS 2u
#define PACKED_EVENT_SIZE 4u
#define PACKED_EVENT_ENABLE 0u
#define PACKED_EVENT_DISABLE 1u
#define PACKED_EVENT_DESC 2u
#define PACKED_WRAP 0x8000u

static uint16_t packed_position(uint16_t index, bool wrap)
{
    return (uint16_t)(index | (wrap ? PACKED_WRAP : 0));
}

static bool packed_start(Vring *ring, uint32_t base)
{
    uint16_t avail = (uint16_t)base;
    uint16_t used = (uint16_t)(base >> 16);

    used = used == 0 ? avail : used;
    ring->next_avail = avail & (PACKED_WRAP - 1);
    ring->avail_wrap = avail & PACKED_WRAP;
    ring->next_used = used & (PACKED_WRAP - 1);
    ring->used_wrap = used & PACKED_WRAP;
    ring->end_avail = ring->next_avail;
    ring->end_wrap = ring->avail_wrap;
    if (ring->next_avail >= ring->setup.num || ring->next_used >= ring->setup.num) {
        ring->fault = "a base that is out of range";
    }
    return !ring->fault;
}

static uint32_t packed_base(const Vring *ring)
{
    return packed_position(ring->next_avail, ring->avail_wrap) |
           (uint32_t)packed_position(ring->next_used, ring->used_wrap) << 16;
}

static bool packed_is_available(uint16_t flags, bool wrap)
{
    return !!(flags & PACKED_F_AVAIL) == wrap && !!(flags & PACKED_F_USED) != wrap;
}

static void packed_advance(const Vring *ring, uint16_t *index, bool *wrap, uint32_t n)
{
    uint32_t next = *index + n;

    if (next >= ring->setup.num) {
        next -= ring->setup.num;
        *wrap = !*wrap;
    }
    *index = (uint16_t)next;
}

static bool packed_walk_table(Vring *ring, VringChain *chain, const VringDesc *desc)
{
    const VringDesc *table;
    size_t n = vring_table_read(ring, desc, &table);

    for (size_t i = 0; i < n; i++) {
        if (!vring_chain_add(ring, chain, &table[i], table[i].high)) {
            return false;
        }
    }
    return n > 0;
}

/* Takes entries up to the one without NEXT; all of a chain are available when its first is. */
static bool packed_walk(Vring *ring, VringChain *chain, VringDesc desc)
{
    uint16_t index = ring->next_avail;
    bool wrap = ring->avail_wrap;

    if (desc.high & VRING_DESC_F_INDIRECT) {
        if (desc.high & VRING_DESC_F_NEXT) {
            ring->fault = "an indirect table inside a chain";
            return false;
        }
        chain->n_slots = 1;
        chain->id = desc.low;
        return packed_walk_table(ring, chain, &desc);
    }
    for (uint32_t count = 1;; count++) {
        if (desc.high & VRING_DESC_F_INDIRECT) {
            ring->fault = "an indirect table inside a chain";
            return false;
        }
        if (!vring_chain_add(ring, chain, &desc, desc.high)) {
            return false;
        }
        if (!(desc.high & VRING_DESC_F_NEXT)) {
            chain->n_slots = (uint16_t)count;
            chain->id = desc.low;
            return true;
        }
        if (count == ring->setup.num) {
            ring->fault = "a chain longer than the ring";
            return false;
        }
        packed_advance(ring, &index, &wrap, 1);
        desc = vring_load_desc(ring->desc + index * VRING_DESC_SIZE);
    }
}

static VringPop packed_pop(Vring *ring, VringChain *chain)
{
    VringDesc desc = vring_load_desc(ring->desc + ring->next_avail * VRING_DESC_SIZE);

    if (!packed_is_available(desc.high, ring->avail_wrap)) {
        return VRING_POP_EMPTY;
    }
    if (!packed_walk(ring, chain, desc)) {
        return VRING_POP_BROKEN;
    }
    packed_advance(ring, &ring->next_avail, &ring->avail_wrap, chain->n_slots);
    return VRING_POP_CHAIN;
}

static size_t packed_pop_many(Vring *ring, VringBuffer *buffers, size_t n)
{
    uint16_t index = ring->next_avail;
    bool wrap = ring->avail_wrap;
    size_t i = 0;

    for (; i < n; i++) {
        VringDesc desc = vring_load_desc(ring->desc + index * VRING_DESC_SIZE);

        if (!packed_is_available(desc.high, wrap) ||
            !vring_buffer_set(ring, &buffers[i], &desc, desc.high)) {
            break;
        }
        buffers[i].id = desc.low;
        packed_advance(ring, &index, &wrap, 1);
    }
    ring->next_avail = index;
    ring->avail_wrap = wrap;
    return i;
}

static void packed_unpop(Vring *ring, size_t n)
{
    if (ring->next_avail < n) {
        ring->next_avail = (uint16_t)(ring->next_avail + ring->setup.num);
        ring->avail_wrap = !ring->avail_wrap;
    }
    ring->next_avail = (uint16_t)(ring->next_avail - n);
}

static bool packed_has_more(const Vring *ring)
{
    uint16_t flags = vring_load16(ring->desc + ring->next_avail * VRING_DESC_SIZE + PACKED_FLAGS,
                                  __ATOMIC_RELAXED);

    return packed_is_available(flags, ring->avail_wrap);
}

/* Where @index of a lap is, counted from the start of the lap that ends at @next_used. */
static int32_t packed_place(const Vring *ring, uint16_t index, bool wrap)
{
    return wrap == ring->used_wrap ? (int32_t)index : (int32_t)index - (int32_t)ring->setup.num;
}

/* Whether the guest wants to hear of the used entries from @old up to those before now. */
static bool packed_wants_call(const Vring *ring, uint16_t old, bool old_wrap)
{
    uint32_t area = __atomic_load_n((const uint32_t *)(const void *)ring->avail,
                                    __ATOMIC_RELAXED);
    uint16_t flags = (uint16_t)(area >> 16) & 3;
    int32_t event;

    if (flags != PACKED_EVENT_DESC || !ring->setup.has_event_idx) {
        return flags != PACKED_EVENT_DISABLE;
    }
    event = packed_place(ring, area & (PACKED_WRAP - 1), area & PACKED_WRAP);
    return event >= packed_place(ring, old, old_wrap) && event < (int32_t)ring->next_used;
}

static uint16_t packed_used_flags(const Vring *ring, const VringUsed *used, bool wrap)
{
    return (uint16_t)((wrap ? PACKED_F_AVAIL | PACKED_F_USED : 0) |
                      (ring->setup.to_guest && used->len > 0 ? VRING_DESC_F_WRITE : 0));
}

/* The first entry's flags come last: with them the guest sees all of them. */
static bool packed_publish(Vring *ring)
{
    uint16_t old = ring->next_used;
    bool old_wrap = ring->used_wrap;

    for (uint32_t i = 0; i < ring->n_staged; i++) {
        const VringUsed *used = &ring->staged[i];
        uint8_t *entry = ring->desc + ring->next_used * VRING_DESC_SIZE;

        vring_store32(entry + PACKED_LEN, used->len);
        vring_store16(entry + PACKED_ID, used->id, __ATOMIC_RELAXED);
        if (i > 0) {
            vring_store16(entry + PACKED_FLAGS, packed_used_flags(ring, used, ring->used_wrap),
                          __ATOMIC_RELEASE);
        }
        packed_advance(ring, &ring->next_used, &ring->used_wrap, used->n_slots);
    }
    vring_store16(ring->desc + old * VRING_DESC_SIZE + PACKED_FLAGS,
                  packed_used_flags(ring, &ring->staged[0], old_wrap), __ATOMIC_RELEASE);
    vring_log_desc(ring, (size_t)VRING_DESC_SIZE * ring->setup.num);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return packed_wants_call(ring, old, old_wrap);
}

static bool packed_set_kicks(Vring *ring, bool wanted)
{
    uint16_t flags;

    if (wanted && ring->setup.has_event_idx) {
        vring_store16(ring->used, packed_position(ring->end_avail, ring->end_wrap),
                      __ATOMIC_RELAXED);
        flags = PACKED_EVENT_DESC;
    } else {
        flags = wanted ? PACKED_EVENT_ENABLE : PACKED_EVENT_DISABLE;
    }
    vring_store16(ring->used + PACKED_EVENT_FLAGS, flags, __ATOMIC_RELEASE);
    vring_log_used(ring, PACKED_EVENT_SIZE);
    if (!wanted) {
        return false;
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    flags = vring_load16(ring->desc + ring->end_avail * VRING_DESC_SIZE + PACKED_FLAGS,
                         __ATOMIC_RELAXED);
    return packed_is_available(flags, ring->end_wrap);
}

const VringFormat vring_format_packed = {
    .start = packed_start,
    .base = packed_base,
    .pop = packed_pop,
    .pop_many = packed_pop_many,
    .unpop = packed_unpop,
    .has_more = packed_has_more,
    .publish = packed_publish,
    .set_kicks = packed_set_kicks,
};
