/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes buffers in pieces of the descriptors of virtqueues. */

#include "export/vring-desc.h"

#include <assert.h>

bool vring_chain_add(Vring *ring, VringChain *chain, const VringDesc *desc, uint16_t flags)
{
    uint64_t addr = desc->addr;
    uint64_t left = desc->len;

    if (left == 0 || addr + left < addr) {
        ring->fault = "a buffer of length 0, or beyond the end of memory";
        return false;
    }
    if (((flags & VRING_DESC_F_WRITE) != 0) != ring->setup.to_guest) {
        ring->fault = "a buffer for the other direction";
        return false;
    }
    chain->len += left;
    while (left > 0) {
        uint64_t len = left;
        uint8_t *data = vring_memory_guest(ring->mem, addr, &len);

        if (!data) {
            ring->fault = "a buffer outside of the shared memory";
            return false;
        }
        if (chain->n_pieces == VRING_PIECES_MAX) {
            ring->fault = "a buffer of too many pieces";
            return false;
        }
        chain->pieces[chain->n_pieces++] = (VringPiece) { data, len, addr };
        addr += len;
        left -= len;
    }
    return true;
}

size_t vring_table_read(Vring *ring, const VringDesc *desc, const VringDesc **table)
{
    static VringDesc copy[VRING_PIECES_MAX];
    static_assert(sizeof(copy[0]) == VRING_DESC_SIZE, "laid out as in the guest's memory");

    if (desc->len == 0 || desc->len % VRING_DESC_SIZE != 0 || desc->len > sizeof(copy)) {
        ring->fault = "an indirect table of a wrong size";
        return 0;
    }
    if (!vring_memory_read(ring->mem, desc->addr, copy, desc->len)) {
        ring->fault = "an indirect table outside of the shared memory";
        return 0;
    }
    *table = copy;
    return desc->len / VRING_DESC_SIZE;
}
