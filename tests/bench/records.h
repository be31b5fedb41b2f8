/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames that carry a number, and blocks of them that are written in one go. */

#ifndef TESTS_BENCH_RECORDS_H
#define TESTS_BENCH_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * A record is a frame as it stands on the wire: on a stream with its length (be32) in front, as a
 * datagram bare. All records of a run are alike but for the stamp: the flow in the upper 16 bits,
 * the number within the flow below.
 */
enum {
    RECORD_STAMP_AT = 16,        /* within the frame */
    RECORD_STAMP_BYTES = 8,
    RECORD_FRAME_MIN = RECORD_STAMP_AT + RECORD_STAMP_BYTES,
    RECORD_FLOW_SHIFT = 48,
};

typedef struct Records {
    size_t frame_len;
    size_t header_len;           /* 4 on a stream, 0 for datagrams */
    size_t len;                  /* of a record: both */
    uint8_t *model;              /* owned: a record with stamp 0 */
} Records;

/** records_init: @frame_len: RECORD_FRAME_MIN or more. */
void records_init(Records *records, size_t frame_len, bool is_stream);

/** records_clear: */
void records_clear(Records *records);

/** records_fill: @n copies of the model into @block. */
void records_fill(const Records *records, uint8_t *block, size_t n);

/** records_stamp: number @n records of @block, from @first on. */
void records_stamp(const Records *records, uint8_t *block, size_t n, uint64_t first);

/** records_first_stamp: of a flow. */
static inline uint64_t records_first_stamp(unsigned flow)
{
    return (uint64_t)flow << RECORD_FLOW_SHIFT;
}

/** records_is_next: whether the record at @data, all of it, is the one with @stamp. */
static inline bool records_is_next(const Records *records, const uint8_t *data, uint64_t stamp)
{
    size_t at = records->header_len + RECORD_STAMP_AT;
    size_t behind = at + RECORD_STAMP_BYTES;
    uint64_t found;

    memcpy(&found, data + at, sizeof(found));
    return found == stamp && !memcmp(data, records->model, at) &&
           !memcmp(data + behind, records->model + behind, records->len - behind);
}

#endif
