/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes batches of frames to a length-prefixed byte stream without tearing one. */

/*
 * A batch becomes one vectored write. A frame that came from such a stream often has the very
 * prefix it needs in front of it, right behind the frame before: then it joins that frame's
 * piece, and a batch that passes through unchanged is one piece but for its first prefix.
 */

#include "net/frame-writer.h"

#include <errno.h>
#include <string.h>
#include <glib.h>

/** One vectored write in the making. */
typedef struct FrameWrite {
    struct iovec iov[2 * NET_BATCH_MAX];
    int n_iov;
    uint8_t prefixes[NET_BATCH_MAX][8];
} FrameWrite;

void net_frame_writer_init(NetFrameWriter *writer, bool vnet_hdr, NetWritevFunc *func,
                           void *opaque)
{
    *writer = (NetFrameWriter) { .writev = func, .opaque = opaque, .vnet_hdr = vnet_hdr };
}

void net_frame_writer_clear(NetFrameWriter *writer)
{
    g_clear_pointer(&writer->pending, g_free);
    writer->pending_len = 0;
    writer->pending_out = 0;
}

static uint32_t writer_prefix_size(const NetFrameWriter *writer)
{
    return writer->vnet_hdr ? 8 : 4;
}

static void writer_make_prefix(uint8_t *prefix, const NetFrame *frame)
{
    uint32_t words_be[2] = { GUINT32_TO_BE(frame->len), GUINT32_TO_BE(frame->vnet_hdr_len) };

    memcpy(prefix, words_be, sizeof(words_be));
}

static bool writer_word_is(const uint8_t *at, uint32_t word)
{
    uint32_t word_be;

    memcpy(&word_be, at, sizeof(word_be));
    return word_be == GUINT32_TO_BE(word);
}

/* Whether @frame with its prefix lies right behind the end of @last. */
static bool writer_joins(const struct iovec *last, const NetFrame *frame, uint32_t prefix_size)
{
    const uint8_t *end = (const uint8_t *)last->iov_base + last->iov_len;

    return frame->data == end + prefix_size && writer_word_is(end, frame->len) &&
           (prefix_size == 4 || writer_word_is(end + 4, frame->vnet_hdr_len));
}

/* Returns: the bytes of all @n frames with prefixes. */
static size_t writer_gather(FrameWrite *write, uint32_t prefix_size, const NetFrame *frames,
                            size_t n)
{
    size_t total = 0;

    write->n_iov = 0;
    for (size_t i = 0; i < n; i++) {
        struct iovec *next = write->iov + write->n_iov;

        total += prefix_size + frames[i].len;
        if (i > 0 && writer_joins(next - 1, &frames[i], prefix_size)) {
            next[-1].iov_len += prefix_size + frames[i].len;
            continue;
        }
        writer_make_prefix(write->prefixes[i], &frames[i]);
        next[0] = (struct iovec) { write->prefixes[i], prefix_size };
        next[1] = (struct iovec) { (void *)frames[i].data, frames[i].len };
        write->n_iov += 2;
    }
    return total;
}

static void writer_keep(NetFrameWriter *writer, const NetFrame *frame, size_t out)
{
    uint32_t prefix_size = writer_prefix_size(writer);
    uint8_t prefix[8];

    g_free(writer->pending);
    writer->pending_prefix_len = prefix_size;
    writer->pending_vnet_hdr_len = frame->vnet_hdr_len;
    writer->pending_len = prefix_size + frame->len;
    writer->pending_out = out;
    writer->pending = g_malloc(writer->pending_len);
    writer_make_prefix(prefix, frame);
    memcpy(writer->pending, prefix, prefix_size);
    memcpy(writer->pending + prefix_size, frame->data, frame->len);
}

/* @out bytes of @n frames are out. Returns: frames of which at least a part is. */
static size_t writer_account(NetFrameWriter *writer, const NetFrame *frames, size_t n, size_t out)
{
    uint32_t prefix_size = writer_prefix_size(writer);

    for (size_t i = 0; i < n; i++) {
        if (out < (size_t)prefix_size + frames[i].len) {
            if (out == 0) {
                return i;
            }
            writer_keep(writer, &frames[i], out);
            return i + 1;
        }
        out -= prefix_size + frames[i].len;
    }
    return n;
}

size_t net_frame_writer_write(NetFrameWriter *writer, const NetFrame *frames, size_t n,
                              int *error_out)
{
    size_t done = 0;

    *error_out = 0;
    while (done < n && net_frame_writer_is_idle(writer)) {
        FrameWrite write;
        size_t n_now = MIN(n - done, NET_BATCH_MAX);
        size_t total = writer_gather(&write, writer_prefix_size(writer), frames + done, n_now);
        ssize_t out = writer->writev(write.iov, write.n_iov, writer->opaque);

        if (out < 0) {
            *error_out = -out;
            break;
        }
        done += writer_account(writer, frames + done, n_now, out);
        if ((size_t)out < total) {
            break;
        }
    }
    return done;
}

int net_frame_writer_flush(NetFrameWriter *writer)
{
    struct iovec iov;
    ssize_t out;

    if (net_frame_writer_is_idle(writer)) {
        return 1;
    }
    iov.iov_base = writer->pending + writer->pending_out;
    iov.iov_len = writer->pending_len - writer->pending_out;
    out = writer->writev(&iov, 1, writer->opaque);
    if (out < 0) {
        return out;
    }
    writer->pending_out += out;
    if (writer->pending_out < writer->pending_len) {
        return 0;
    }
    net_frame_writer_clear(writer);
    return 1;
}

bool net_frame_writer_is_idle(const NetFrameWriter *writer)
{
    return writer->pending_len == 0;
}

void net_frame_writer_rewind(NetFrameWriter *writer)
{
    writer->pending_out = 0;
}

bool net_frame_writer_take(NetFrameWriter *writer, NetFrame *frame)
{
    if (net_frame_writer_is_idle(writer)) {
        return false;
    }
    *frame = (NetFrame) {
        .data = writer->pending + writer->pending_prefix_len,
        .len = writer->pending_len - writer->pending_prefix_len,
        .vnet_hdr_len = writer->pending_vnet_hdr_len,
    };
    writer->pending_len = 0;
    writer->pending_out = 0;
    return true;
}
