/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtqueues as a device sees them: take the guest's buffers, give them back, notify. */

#ifndef EXPORT_VRING_H
#define EXPORT_VRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "export/vring-log.h"
#include "export/vring-memory.h"

/** Most entries of a ring (virtio 1.2, 2.7: a split ring's limit; the same for a packed one). */
#define VRING_SIZE_MAX 32768u

/** Bytes of a descriptor, in both formats (virtio 1.2, 2.7.5 and 2.8.13). */
#define VRING_DESC_SIZE 16u

/** Most pieces of guest memory that one buffer may consist of. */
#define VRING_PIECES_MAX 1024u

/** A part of a buffer; it lies in one region. */
typedef struct VringPiece {
    uint8_t *data;  /* in memory that the guest may change at any time */
    uint64_t len;   /* at least 1 */
    uint64_t addr;  /* where the guest sees it */
} VringPiece;

/** A buffer of the guest: a chain of descriptors. Large; not for the stack. */
typedef struct VringChain {
    uint16_t id;       /* by which the guest knows it */
    uint16_t n_slots;  /* entries of the ring that it takes */
    uint32_t n_pieces;
    uint64_t len;      /* of all pieces together */
    VringPiece pieces[VRING_PIECES_MAX];
} VringChain;

/** A buffer of one descriptor that lies in one region, as most do. */
typedef struct VringBuffer {
    uint8_t *data;  /* in memory that the guest may change at any time */
    uint64_t addr;  /* where the guest sees it */
    uint32_t len;   /* at least 1 */
    uint16_t id;    /* by which the guest knows it */
} VringBuffer;

/** A buffer that waits to be given back. */
typedef struct VringUsed {
    uint16_t id;
    uint16_t n_slots;
    uint32_t len;      /* bytes written into it */
} VringUsed;

/** What is to be known of a ring before it can start. */
typedef struct VringSetup {
    bool is_packed;      /* VIRTIO_F_RING_PACKED */
    bool has_event_idx;  /* VIRTIO_F_EVENT_IDX */
    bool to_guest;       /* its buffers are written to */
    uint32_t num;        /* entries */
    uint64_t desc;       /* this and the next members: addresses of the front-end */
    uint64_t avail;      /* packed: the driver's event area */
    uint64_t used;       /* packed: the device's event area */
} VringSetup;

/** What depends on the format of a ring: vring-format.h. */
typedef struct VringFormat VringFormat;

/** A ring that runs; zeroed = stopped. Its members are for vring*.c only. */
typedef struct Vring {
    VringSetup setup;
    const VringFormat *format;
    VringMemory *mem;     /* borrowed */
    uint8_t *desc;        /* this and the next members: in @mem */
    uint8_t *avail;
    uint8_t *used;
    uint64_t desc_addr;   /* where the guest sees @desc */
    VringLog *log;        /* borrowed: writes to the ring are marked there; NULL = not */
    uint64_t log_addr;    /* the guest's address to mark for @used */
    uint16_t next_avail;  /* split: runs freely; packed: an entry */
    uint16_t next_used;
    bool avail_wrap;      /* packed: the wrap counters */
    bool used_wrap;
    uint16_t seen_avail;  /* split: the guest's index when it was read last */
    uint16_t end_avail;   /* where the last vring_pop() that found nothing looked */
    bool end_wrap;
    bool has_base;        /* @next_avail and its companions are valid */
    bool has_called;      /* the guest has been notified since the start */
    VringRegionView view; /* the region where a buffer was found last */
    VringUsed *staged;    /* owned: @setup.num of them */
    uint32_t n_staged;
    bool waits;           /* what vring_pop() would have found has not come, in postcopy */
    const char *fault;    /* constant: why it is of no use any more; NULL = it is */
} Vring;

/** What vring_pop() found. */
typedef enum VringPop {
    VRING_POP_EMPTY,
    VRING_POP_CHAIN,
    VRING_POP_BROKEN, /* @fault says why */
} VringPop;

/** Where a ring was: for vring_rewind(). */
typedef struct VringMark {
    uint16_t next_avail;
    bool avail_wrap;
    uint32_t n_staged;
} VringMark;

/**
 * vring_start: begin with the state of @base
 * @mem: borrowed until vring_stop()
 * @base: as SET_VRING_BASE has it: split: next index of the available ring; packed: bits 0 to 15
 *        next available entry with wrap counter, 16 to 31 the same of the used ones, which are
 *        those of the former if zero
 *
 * Returns: false with @fault set: a number or an address is no good.
 */
bool vring_start(Vring *ring, const VringSetup *setup, VringMemory *mem, uint32_t base);

/**
 * vring_is_there: whether all memory of such a ring has come, which matters during postcopy
 *
 * If not, it has been sent for. A ring that is no good is there: vring_start() refuses it.
 */
bool vring_is_there(const VringSetup *setup, VringMemory *mem);

/** vring_base: the state for GET_VRING_BASE; only if @has_base. */
uint32_t vring_base(const Vring *ring);

/** vring_stop: let go of the guest's memory; legal if it was not started, or that failed. */
void vring_stop(Vring *ring);

/** vring_set_log: mark what is written to the ring from now on. @log: borrowed; NULL = do not. */
static inline void vring_set_log(Vring *ring, VringLog *log, uint64_t addr)
{
    ring->log = log;
    ring->log_addr = addr;
}

/** vring_move: the same ring, in other memory. Returns: false with @fault set. */
bool vring_move(Vring *ring, VringMemory *mem);

/**
 * vring_pop: the next buffer
 * @chain: (out) its pieces are valid until memory regions change
 *
 * It is empty also while the memory of that buffer, or of its descriptors, has not come: @waits
 * tells, and the owner is told when more of the memory has come.
 */
VringPop vring_pop(Vring *ring, VringChain *chain);

/**
 * vring_pop_many: the next buffers, as far as each is of one descriptor and nothing is wrong
 * @buffers: (out) up to @n; valid until memory regions change
 *
 * Returns: how many; 0 = what vring_pop() finds next is for it to deal with.
 */
size_t vring_pop_many(Vring *ring, VringBuffer *buffers, size_t n);

/** vring_unpop: the last @n buffers of vring_pop_many(), none of them staged, are not taken yet. */
void vring_unpop(Vring *ring, size_t n);

/** vring_has_more: whether vring_pop() would find something; cheap enough to wait with. */
bool vring_has_more(const Vring *ring);

/** vring_stage: @chain, into which @len bytes were written, can be given back, in order. */
static inline void vring_stage(Vring *ring, const VringChain *chain, uint32_t len)
{
    ring->staged[ring->n_staged++] = (VringUsed) { chain->id, chain->n_slots, len };
}

/** vring_stage_buffer: the same for a buffer of vring_pop_many(). */
static inline void vring_stage_buffer(Vring *ring, const VringBuffer *buffer, uint32_t len)
{
    ring->staged[ring->n_staged++] = (VringUsed) { buffer->id, 1, len };
}

/** vring_mark, vring_rewind: take back what was popped and staged since then. */
static inline VringMark vring_mark(const Vring *ring)
{
    return (VringMark) { ring->next_avail, ring->avail_wrap, ring->n_staged };
}

static inline void vring_rewind(Vring *ring, const VringMark *mark)
{
    ring->next_avail = mark->next_avail;
    ring->avail_wrap = mark->avail_wrap;
    ring->n_staged = mark->n_staged;
}

/** vring_publish: give back what is staged. Returns: whether the guest wants to be notified. */
bool vring_publish(Vring *ring);

/**
 * vring_set_kicks: say whether the guest is to notify of buffers
 *
 * The notification is for buffers that were not there yet when vring_pop() found no more, even if
 * some buffers were taken back since. Returns: whether @wanted and there are some already.
 */
bool vring_set_kicks(Vring *ring, bool wanted);

#endif
