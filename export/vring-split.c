/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Split virtqueues (virtio 1.2, 2.7). */

#include "export/vring-desc.h"
#include "export/vring-format.h"

/* Available and used ring: flags, index, entries, event index of the other side. */
#define SPLIT_FLAGS 0u
#define SPLIT_IDX 2u
#define SPLIT_ENTRIES 4u
#define SPLIT_AVAIL_ENTRY 2u
#define SPLIT_USED_ENTRY 8u

/* Flag 0 of either ring: do not notify. */
#define SPLIT_F_QUIET 1u

/* The used ring with the event index behind it. */
static size_t split_used_size(const Vring *ring)
{
    return SPLIT_ENTRIES + ring->setup.num * SPLIT_USED_ENTRY + 2u;
}

/* How far the guest was when we stopped is in the ring that we write. */
static bool split_start(Vring *ring, uint32_t base)
{
    ring->next_avail = (uint16_t)base;
    ring->seen_avail = ring->next_avail;
    ring->end_avail = ring->next_avail;
    ring->next_used = vring_load16(ring->used + SPLIT_IDX, __ATOMIC_RELAXED);
    return true;
}

static uint32_t split_base(const Vring *ring)
{
    return ring->next_avail;
}

/* Whether there are entries to take; a ring with more than it has room for is broken. */
static VringPop split_look(Vring *ring)
{
    if (ring->next_avail != ring->seen_avail) {
        return VRING_POP_CHAIN;
    }
    ring->seen_avail = vring_load16(ring->avail + SPLIT_IDX, __ATOMIC_ACQUIRE);
    if ((uint16_t)(ring->seen_avail - ring->next_avail) > ring->setup.num) {
        return vring_break(ring, "an available index that is too far ahead");
    }
    return ring->next_avail != ring->seen_avail ? VRING_POP_CHAIN : VRING_POP_EMPTY;
}

/*
 * Follow the chain that begins at @index of @table, which has @n entries. No chain is longer than
 * its table, unless it is a loop.
 */
static bool split_walk(Vring *ring, VringChain *chain, const VringDesc *copy, size_t n,
                       size_t index)
{
    for (size_t count = 0; count < n; count++) {
        VringDesc desc;

        if (index >= n) {
            ring->fault = "a descriptor that is out of range";
            return false;
        }
        desc = copy ? copy[index] : vring_load_desc(ring->desc + index * VRING_DESC_SIZE);
        if (desc.low & VRING_DESC_F_INDIRECT) {
            const VringDesc *table;
            size_t n_table;

            if (copy || desc.low & VRING_DESC_F_NEXT) {
                ring->fault = "an indirect table inside a chain";
                return false;
            }
            n_table = count == 0 ? vring_table_read(ring, &desc, &table) : 0;
            if (n_table == 0) {
                ring->fault = ring->fault ? ring->fault : "an indirect table behind a buffer";
                return false;
            }
            return split_walk(ring, chain, table, n_table, 0);
        }
        if (!vring_chain_add(ring, chain, &desc, desc.low)) {
            return false;
        }
        if (!(desc.low & VRING_DESC_F_NEXT)) {
            return true;
        }
        index = desc.high;
    }
    ring->fault = "a loop of descriptors";
    return false;
}

static VringPop split_pop(Vring *ring, VringChain *chain)
{
    VringPop found = split_look(ring);
    uint16_t slot = ring->next_avail & (ring->setup.num - 1);

    if (found != VRING_POP_CHAIN) {
        return found;
    }
    chain->id = vring_load16(ring->avail + SPLIT_ENTRIES + slot * SPLIT_AVAIL_ENTRY,
                             __ATOMIC_RELAXED);
    chain->n_slots = 1;
    if (!split_walk(ring, chain, NULL, ring->setup.num, chain->id)) {
        return VRING_POP_BROKEN;
    }
    ring->next_avail++;
    return VRING_POP_CHAIN;
}

static size_t split_pop_many(Vring *ring, VringBuffer *buffers, size_t n)
{
    uint16_t mask = (uint16_t)(ring->setup.num - 1);
    size_t i = 0;

    if (split_look(ring) != VRING_POP_CHAIN) {
        return 0;
    }
    n = MIN(n, (uint16_t)(ring->seen_avail - ring->next_avail));
    for (; i < n; i++) {
        uint16_t slot = (uint16_t)(ring->next_avail + i) & mask;
        uint16_t id = vring_load16(ring->avail + SPLIT_ENTRIES + slot * SPLIT_AVAIL_ENTRY,
                                   __ATOMIC_RELAXED);
        VringDesc desc;

        if (id > mask) {
            break;
        }
        desc = vring_load_desc(ring->desc + id * VRING_DESC_SIZE);
        if (!vring_buffer_set(ring, &buffers[i], &desc, desc.low)) {
            break;
        }
        buffers[i].id = id;
    }
    ring->next_avail = (uint16_t)(ring->next_avail + i);
    return i;
}

static void split_unpop(Vring *ring, size_t n)
{
    ring->next_avail = (uint16_t)(ring->next_avail - n);
}

static bool split_has_more(const Vring *ring)
{
    return vring_load16(ring->avail + SPLIT_IDX, __ATOMIC_RELAXED) != ring->next_avail;
}

/* Whether the guest wants to hear of the used entries from @old up to those before now. */
static bool split_wants_call(const Vring *ring, uint16_t old)
{
    const uint8_t *event = ring->avail + SPLIT_ENTRIES + ring->setup.num * SPLIT_AVAIL_ENTRY;

    if (!ring->setup.has_event_idx) {
        return !(vring_load16(ring->avail + SPLIT_FLAGS, __ATOMIC_RELAXED) & SPLIT_F_QUIET);
    }
    return (uint16_t)(ring->next_used - vring_load16(event, __ATOMIC_RELAXED) - 1) <
           (uint16_t)(ring->next_used - old);
}

static bool split_publish(Vring *ring)
{
    uint16_t old = ring->next_used;

    for (uint32_t i = 0; i < ring->n_staged; i++) {
        uint16_t slot = (uint16_t)(old + i) & (ring->setup.num - 1);
        uint8_t *entry = ring->used + SPLIT_ENTRIES + slot * SPLIT_USED_ENTRY;

        vring_store32(entry, ring->staged[i].id);
        vring_store32(entry + 4, ring->staged[i].len);
    }
    ring->next_used = (uint16_t)(old + ring->n_staged);
    vring_store16(ring->used + SPLIT_IDX, ring->next_used, __ATOMIC_RELEASE);
    vring_log_used(ring, split_used_size(ring));
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return split_wants_call(ring, old);
}

/* With an event index what is not renewed is soon behind, and asks for nothing. */
static bool split_set_kicks(Vring *ring, bool wanted)
{
    uint8_t *event = ring->used + SPLIT_ENTRIES + ring->setup.num * SPLIT_USED_ENTRY;

    if (!ring->setup.has_event_idx) {
        vring_store16(ring->used + SPLIT_FLAGS, wanted ? 0 : SPLIT_F_QUIET, __ATOMIC_RELAXED);
    } else if (wanted) {
        vring_store16(event, ring->end_avail, __ATOMIC_RELAXED);
    }
    vring_log_used(ring, split_used_size(ring));
    if (!wanted) {
        return false;
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return vring_load16(ring->avail + SPLIT_IDX, __ATOMIC_RELAXED) != ring->end_avail;
}

const VringFormat vring_format_split = {
    .start = split_start,
    .base = split_base,
    .pop = split_pop,
    .pop_many = split_pop_many,
    .unpop = split_unpop,
    .has_more = split_has_more,
    .publish = split_publish,
    .set_kicks = split_set_kicks,
};
