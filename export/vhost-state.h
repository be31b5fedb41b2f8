/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of a vhost-user device in a migration: frames that wait for its guest, as bytes. */

#ifndef EXPORT_VHOST_STATE_H
#define EXPORT_VHOST_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>
#include "net/framer.h"
#include "net/hold.h"

/*
 * The form is in docs/protocol.rst, "State of a vhost-user guest": a header, the
 * frames, a checksum.
 */
#define VHOST_STATE_MAGIC "QNDSTATE"
#define VHOST_STATE_VERSION 1u
#define VHOST_STATE_HEADER_LEN 32u
#define VHOST_STATE_SUM_LEN 32u

/** What a state may be longer than the limit of what waits: the last read comes on top of that. */
#define VHOST_STATE_EXCESS                                                                     \
    ((uint64_t)NET_BATCH_MAX * (NET_FRAME_MAX + NET_HOLD_FRAME_OVERHEAD))

/* --- Writing ----------------------------------------------------------------------------- */

/** Makes the bytes of a state, piece by piece; the frames stay there. */
typedef struct VhostStateWriter {
    NetHold todo;       /* not yet in @piece */
    NetHold done;
    GByteArray *piece;  /* owned: bytes that are ready; NULL = not begun */
    size_t n_taken;     /* of @piece */
    GChecksum *sum;     /* owned: of what was in @piece so far; NULL = all is made */
} VhostStateWriter;

/** vhost_state_writer_begin: @frames: taken, empty afterwards. @writer: zeroed, or ended. */
void vhost_state_writer_begin(VhostStateWriter *writer, NetHold *frames);

/** vhost_state_writer_data: the bytes that come next; borrowed. NULL = that was all. */
const uint8_t *vhost_state_writer_data(VhostStateWriter *writer, size_t *len);

/** vhost_state_writer_advance: @n of those bytes have been written. */
void vhost_state_writer_advance(VhostStateWriter *writer, size_t n);

/** vhost_state_writer_end: @frames: (out) all that it was given, in order, behind what is there. */
void vhost_state_writer_end(VhostStateWriter *writer, NetHold *frames);

/* --- Reading ----------------------------------------------------------------------------- */

/** Takes the bytes of a state apart. */
typedef struct VhostStateReader {
    uint8_t header[VHOST_STATE_HEADER_LEN];
    uint8_t sum_read[VHOST_STATE_SUM_LEN];
    uint64_t n_read;    /* of all */
    uint64_t limit;     /* of @length, in bytes */
    uint64_t length;    /* of the frames with their prefixes */
    uint64_t n_frames;  /* how many there are to be */
    NetFramer framer;
    NetHold frames;     /* that have come */
    GChecksum *sum;     /* owned; NULL = not begun */
} VhostStateReader;

/**
 * vhost_state_reader_begin: @reader: zeroed, or ended
 * @hold_size: what may wait for the guest here, in bytes
 */
void vhost_state_reader_begin(VhostStateReader *reader, uint64_t hold_size);

/** vhost_state_reader_push: the next bytes. Returns: false with @error set: it is no state. */
bool vhost_state_reader_push(VhostStateReader *reader, const uint8_t *data, size_t len,
                             GError **error);

/**
 * vhost_state_reader_check: that was all
 * @frames: (out) behind what is there, on success
 *
 * Returns: false with @error set: it is not whole, or not what was written.
 */
bool vhost_state_reader_check(VhostStateReader *reader, NetHold *frames, GError **error);

/** vhost_state_reader_end: forget all; a zeroed one is legal. */
void vhost_state_reader_end(VhostStateReader *reader);

#endif
