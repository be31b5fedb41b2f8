/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What does not depend on the format of a virtqueue: its memory, its place, its faults. */

/*
 * The guest owns the ring and may be hostile. Each value on which a decision depends is read once
 * into our own memory and checked there. A ring found malformed stays as it is, with @fault set,
 * until it is set up anew.
 *
 * Buffers are given back in the order in which they were taken, all of a pass together. Between
 * two passes none is in our hands, so the state for GET_VRING_BASE is exact at any time.
 */

#include "export/vring.h"

#include "export/vring-format.h"

/* Buffers whose memory is sent for together with that of the one before them. */
#define AHEAD_MAX 64u

/* --- Start and stop ---------------------------------------------------------------------- */

/* @align: as virtio 1.2, 2.7 and 2.8, demand. NULL unless all of it is in one region. */
static uint8_t *vring_area(Vring *ring, uint64_t addr, size_t len, size_t align)
{
    uint8_t *area = vring_memory_user(ring->mem, addr, len);

    return (uintptr_t)area % align == 0 ? area : NULL;
}

/** How long the areas of a ring are. */
typedef struct VringSizes {
    size_t desc, avail, used;
} VringSizes;

static VringSizes vring_sizes(const VringSetup *setup)
{
    size_t event = setup->has_event_idx ? 2 : 0;

    return (VringSizes) {
        .desc = (size_t)VRING_DESC_SIZE * setup->num,
        .avail = setup->is_packed ? 4 : 4 + 2 * setup->num + event,
        .used = setup->is_packed ? 4 : 4 + 8 * setup->num + event,
    };
}

static bool vring_find_areas(Vring *ring)
{
    const VringSetup *setup = &ring->setup;
    VringSizes sizes = vring_sizes(setup);

    ring->desc = vring_area(ring, setup->desc, sizes.desc, 16);
    ring->avail = vring_area(ring, setup->avail, sizes.avail, setup->is_packed ? 4 : 2);
    ring->used = vring_area(ring, setup->used, sizes.used, 4);
    if (!ring->desc || !ring->avail || !ring->used) {
        ring->fault = "an address outside of the shared memory, or not aligned";
        return false;
    }
    ring->desc_addr = vring_memory_user_to_guest(ring->mem, setup->desc);
    return true;
}

static bool vring_size_is_good(const VringSetup *setup)
{
    return setup->num > 0 && setup->num <= VRING_SIZE_MAX &&
           (setup->is_packed || (setup->num & (setup->num - 1)) == 0);
}

bool vring_is_there(const VringSetup *setup, VringMemory *mem)
{
    VringSizes sizes = vring_sizes(setup);

    if (!vring_size_is_good(setup)) {
        return true;
    }
    vring_memory_missed(mem);
    vring_memory_ask_user(mem, setup->desc, sizes.desc);
    vring_memory_ask_user(mem, setup->avail, sizes.avail);
    vring_memory_ask_user(mem, setup->used, sizes.used);
    return !vring_memory_missed(mem);
}

bool vring_start(Vring *ring, const VringSetup *setup, VringMemory *mem, uint32_t base)
{
    *ring = (Vring) {
        .setup = *setup,
        .format = setup->is_packed ? &vring_format_packed : &vring_format_split,
        .mem = mem,
    };
    if (!vring_size_is_good(setup)) {
        ring->fault = "a wrong number of entries";
        return false;
    }
    ring->staged = g_new(VringUsed, setup->num);
    ring->has_base = vring_find_areas(ring) && ring->format->start(ring, base);
    return ring->has_base;
}

uint32_t vring_base(const Vring *ring)
{
    return ring->format->base(ring);
}

void vring_stop(Vring *ring)
{
    g_free(ring->staged);
    *ring = (Vring) { 0 };
}

bool vring_move(Vring *ring, VringMemory *mem)
{
    ring->mem = mem;
    ring->view = (VringRegionView) { 0 };
    return !ring->fault && vring_find_areas(ring);
}

/* --- Buffers ----------------------------------------------------------------------------- */

static VringPop pop_one(Vring *ring, VringChain *chain)
{
    chain->n_pieces = 0;
    chain->len = 0;
    return ring->format->pop(ring, chain);
}

/* The buffer found, or the table of its descriptors, has not come: send for the next ones, too. */
static VringPop pop_none_yet(Vring *ring, VringChain *chain, const VringMark *mark)
{
    for (unsigned i = 0; i < AHEAD_MAX && !ring->fault; i++) {
        if (pop_one(ring, chain) == VRING_POP_EMPTY) {
            break;
        }
    }
    vring_memory_missed(ring->mem);
    vring_rewind(ring, mark);
    ring->fault = NULL;
    ring->waits = true;
    return VRING_POP_EMPTY;
}

VringPop vring_pop(Vring *ring, VringChain *chain)
{
    VringMark mark = vring_mark(ring);
    VringPop found = VRING_POP_EMPTY;

    if (ring->fault) {
        return VRING_POP_BROKEN;
    }
    ring->waits = false;
    if (ring->n_staged < ring->setup.num) {
        found = pop_one(ring, chain);
    }
    if (G_UNLIKELY(vring_memory_missed(ring->mem))) {
        found = pop_none_yet(ring, chain, &mark);
    }
    if (found == VRING_POP_EMPTY) {
        ring->end_avail = ring->next_avail;
        ring->end_wrap = ring->avail_wrap;
    }
    return found;
}

size_t vring_pop_many(Vring *ring, VringBuffer *buffers, size_t n)
{
    n = MIN(n, ring->setup.num - ring->n_staged);
    if (ring->fault) {
        return 0;
    }
    return ring->format->pop_many(ring, buffers, n);
}

void vring_unpop(Vring *ring, size_t n)
{
    ring->format->unpop(ring, n);
}

bool vring_has_more(const Vring *ring)
{
    return ring->fault || ring->format->has_more(ring);
}

bool vring_publish(Vring *ring)
{
    bool calls;

    if (ring->n_staged == 0) {
        return false;
    }
    calls = ring->format->publish(ring) || !ring->has_called;
    ring->has_called = true;
    ring->n_staged = 0;
    return calls;
}

bool vring_set_kicks(Vring *ring, bool wanted)
{
    return !ring->fault && ring->format->set_kicks(ring, wanted);
}
