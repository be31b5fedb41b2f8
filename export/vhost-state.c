/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of a vhost-user device in a migration: frames that wait for its guest, as bytes. */

/*
 * The writer goes along the frames that it was given and makes pieces of bounded size; it keeps
 * the frames, as the guest may go on where it is. The reader believes nothing: what it has taken
 * is of use only when the last byte has come and the checksum is right.
 */

#include "export/vhost-state.h"

#include <inttypes.h>
#include <string.h>

#include "util/bytes.h"
#include "util/error.h"

/* A piece is at most a batch of frames beyond this. */
#define PIECE_LEN (64u * 1024)

/* --- Writing ----------------------------------------------------------------------------- */

static void writer_add(VhostStateWriter *writer, const void *data, size_t len)
{
    g_byte_array_append(writer->piece, data, (guint)len);
    g_checksum_update(writer->sum, data, (gssize)len);
}

void vhost_state_writer_begin(VhostStateWriter *writer, NetHold *frames)
{
    uint8_t header[VHOST_STATE_HEADER_LEN] = VHOST_STATE_MAGIC;
    uint64_t length = frames->n_bytes + frames->n_frames * NET_HOLD_FRAME_OVERHEAD;

    *writer = (VhostStateWriter) {
        .todo = *frames,
        .piece = g_byte_array_new(),
        .sum = g_checksum_new(G_CHECKSUM_SHA256),
    };
    *frames = (NetHold) { 0 };
    put_be32(header + 8, VHOST_STATE_VERSION);
    put_be64(header + 16, length);
    put_be64(header + 24, writer->todo.n_frames);
    writer_add(writer, header, sizeof(header));
}

static void writer_add_frame(VhostStateWriter *writer, const NetFrame *frame)
{
    uint8_t prefix[NET_HOLD_FRAME_OVERHEAD];

    put_be32(prefix, frame->len);
    put_be32(prefix + 4, frame->vnet_hdr_len);
    writer_add(writer, prefix, sizeof(prefix));
    writer_add(writer, frame->data, frame->len);
}

static void writer_add_frames(VhostStateWriter *writer)
{
    NetBatch batch;
    size_t n = 0;

    net_hold_peek(&writer->todo, &batch);
    while (n < batch.n && writer->piece->len < PIECE_LEN) {
        writer_add_frame(writer, &batch.frames[n]);
        n++;
    }
    net_hold_push(&writer->done, batch.frames, n);
    net_hold_pop(&writer->todo, n);
}

static void writer_add_sum(VhostStateWriter *writer)
{
    uint8_t digest[VHOST_STATE_SUM_LEN];
    gsize len = sizeof(digest);

    g_checksum_get_digest(writer->sum, digest, &len);
    g_byte_array_append(writer->piece, digest, (guint)len);
    g_clear_pointer(&writer->sum, g_checksum_free);
}

const uint8_t *vhost_state_writer_data(VhostStateWriter *writer, size_t *len)
{
    if (writer->n_taken == writer->piece->len) {
        g_byte_array_set_size(writer->piece, 0);
        writer->n_taken = 0;
        if (writer->todo.n_frames > 0) {
            writer_add_frames(writer);
        } else if (writer->sum) {
            writer_add_sum(writer);
        } else {
            return NULL;
        }
    }
    *len = writer->piece->len - writer->n_taken;
    return writer->piece->data + writer->n_taken;
}

void vhost_state_writer_advance(VhostStateWriter *writer, size_t n)
{
    g_assert(n <= writer->piece->len - writer->n_taken);
    writer->n_taken += n;
}

void vhost_state_writer_end(VhostStateWriter *writer, NetHold *frames)
{
    if (!writer->piece) {
        return;
    }
    net_hold_append(frames, &writer->done);
    net_hold_append(frames, &writer->todo);
    g_byte_array_unref(writer->piece);
    if (writer->sum) {
        g_checksum_free(writer->sum);
    }
    *writer = (VhostStateWriter) { 0 };
}

/* --- Reading ----------------------------------------------------------------------------- */

void vhost_state_reader_begin(VhostStateReader *reader, uint64_t hold_size)
{
    *reader = (VhostStateReader) {
        .limit = MIN(hold_size, INT64_MAX - VHOST_STATE_EXCESS) + VHOST_STATE_EXCESS,
        .sum = g_checksum_new(G_CHECKSUM_SHA256),
    };
    net_framer_init(&reader->framer, true);
}

static bool reader_check_header(VhostStateReader *reader, GError **error)
{
    const uint8_t *header = reader->header;

    if (memcmp(header, VHOST_STATE_MAGIC, 8) != 0) {
        return error_set(error, "it is no state of a qemu-net-daemon");
    }
    if (get_be32(header + 8) != VHOST_STATE_VERSION || get_be32(header + 12) != 0) {
        return error_set(error, "it has version %u.%u, and only %u.0 is known here",
                         get_be32(header + 8), get_be32(header + 12), VHOST_STATE_VERSION);
    }
    reader->length = get_be64(header + 16);
    reader->n_frames = get_be64(header + 24);
    if (reader->length > reader->limit) {
        return error_set(error, "its frames take %" PRIu64 " bytes, and the hold-size of this "
                         "export allows %" PRIu64, reader->length, reader->limit);
    }
    return true;
}

static bool reader_take_frames(VhostStateReader *reader, const uint8_t *data, size_t len,
                               GError **error)
{
    while (len > 0) {
        NetBatch batch;
        ssize_t n = net_framer_push(&reader->framer, data, len, &batch, error);

        if (n < 0) {
            return false;
        }
        net_hold_push(&reader->frames, batch.frames, batch.n);
        data += n;
        len -= (size_t)n;
    }
    return true;
}

/* Where the next bytes belong, and how many of them at most: they do not go beyond one part. */
static uint8_t *reader_place(VhostStateReader *reader, uint64_t *room)
{
    uint64_t end = VHOST_STATE_HEADER_LEN + reader->length;

    if (reader->n_read < VHOST_STATE_HEADER_LEN) {
        *room = VHOST_STATE_HEADER_LEN - reader->n_read;
        return reader->header + reader->n_read;
    }
    if (reader->n_read < end) {
        *room = end - reader->n_read;
        return NULL;
    }
    *room = end + VHOST_STATE_SUM_LEN - reader->n_read;
    return reader->sum_read + (reader->n_read - end);
}

static bool reader_take(VhostStateReader *reader, const uint8_t *data, size_t len, uint8_t *place,
                        GError **error)
{
    uint64_t before = reader->n_read;

    reader->n_read += len;
    if (!place) {
        g_checksum_update(reader->sum, data, (gssize)len);
        return reader_take_frames(reader, data, len, error);
    }
    memcpy(place, data, len);
    if (before >= VHOST_STATE_HEADER_LEN) {
        return true;
    }
    g_checksum_update(reader->sum, data, (gssize)len);
    return reader->n_read < VHOST_STATE_HEADER_LEN || reader_check_header(reader, error);
}

bool vhost_state_reader_push(VhostStateReader *reader, const uint8_t *data, size_t len,
                             GError **error)
{
    while (len > 0) {
        uint64_t room;
        uint8_t *place = reader_place(reader, &room);
        size_t n = MIN(room, len);

        if (n == 0) {
            return error_set(error, "there is more behind its end");
        }
        if (!reader_take(reader, data, n, place, error)) {
            return false;
        }
        data += n;
        len -= n;
    }
    return true;
}

static bool reader_sum_is_right(const VhostStateReader *reader)
{
    uint8_t digest[VHOST_STATE_SUM_LEN];
    gsize len = sizeof(digest);

    g_checksum_get_digest(reader->sum, digest, &len);
    return memcmp(digest, reader->sum_read, sizeof(digest)) == 0;
}

bool vhost_state_reader_check(VhostStateReader *reader, NetHold *frames, GError **error)
{
    if (reader->n_read < VHOST_STATE_HEADER_LEN ||
        reader->n_read < VHOST_STATE_HEADER_LEN + reader->length + VHOST_STATE_SUM_LEN) {
        return error_set(error, "it ends behind %" PRIu64 " bytes, in the middle",
                         reader->n_read);
    }
    if (!reader_sum_is_right(reader)) {
        return error_set(error, "its checksum is wrong");
    }
    if (reader->frames.n_frames != reader->n_frames ||
        !net_framer_is_between_frames(&reader->framer)) {
        return error_set(error, "it has %" PRIu64 " frames, and not %" PRIu64,
                         reader->frames.n_frames, reader->n_frames);
    }
    net_hold_append(frames, &reader->frames);
    return true;
}

void vhost_state_reader_end(VhostStateReader *reader)
{
    if (!reader->sum) {
        return;
    }
    net_framer_clear(&reader->framer);
    net_hold_clear(&reader->frames);
    g_checksum_free(reader->sum);
    *reader = (VhostStateReader) { 0 };
}
