/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames that carry a number, and blocks of them that are written in one go. */

#include "records.h"

#include <arpa/inet.h>
#include <glib.h>

void records_init(Records *records, size_t frame_len, bool is_stream)
{
    static const uint8_t head[] = {
        0x52, 0x54, 0x00, 0x00, 0x00, 0x01, 0x52, 0x54, 0x00, 0x00, 0x00, 0x02, 0x88, 0xb5,
    };
    uint8_t *frame;

    records->frame_len = frame_len;
    records->header_len = is_stream ? sizeof(uint32_t) : 0;
    records->len = records->header_len + frame_len;
    records->model = g_malloc0(records->len);
    if (is_stream) {
        uint32_t len_be = htonl(frame_len);
        memcpy(records->model, &len_be, sizeof(len_be));
    }
    frame = records->model + records->header_len;
    memcpy(frame, head, sizeof(head));
    for (size_t i = RECORD_FRAME_MIN; i < frame_len; i++) {
        frame[i] = i * 7 + (i >> 8);
    }
}

void records_clear(Records *records)
{
    g_free(records->model);
    records->model = NULL;
}

void records_fill(const Records *records, uint8_t *block, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        memcpy(block + i * records->len, records->model, records->len);
    }
}

void records_stamp(const Records *records, uint8_t *block, size_t n, uint64_t first)
{
    uint8_t *at = block + records->header_len + RECORD_STAMP_AT;

    for (size_t i = 0; i < n; i++, at += records->len) {
        uint64_t stamp = first + i;
        memcpy(at, &stamp, sizeof(stamp));
    }
}
