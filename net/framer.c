/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cuts a length-prefixed byte stream into frames. */

/*
 * Frames that lie whole in the data of one read are views into it. Only the last, cut short
 * by the end of the read, is copied: its prefix into "prefix", its payload into "partial".
 * The next push completes it there. As the batch then holds a view into "partial", that push
 * ends before the data's own unfinished last frame, which the caller offers again.
 */

#include "net/framer.h"

#include <string.h>

#include "util/bytes.h"
#include "util/error.h"

void net_framer_init(NetFramer *framer, bool vnet_hdr)
{
    *framer = (NetFramer) { .vnet_hdr = vnet_hdr };
}

void net_framer_reset(NetFramer *framer)
{
    framer->prefix_len = 0;
    framer->partial_len = 0;
}

void net_framer_clear(NetFramer *framer)
{
    net_framer_reset(framer);
    g_clear_pointer(&framer->partial, g_free);
}

bool net_framer_is_between_frames(const NetFramer *framer)
{
    return framer->prefix_len == 0;
}

static uint32_t framer_prefix_size(const NetFramer *framer)
{
    return framer->vnet_hdr ? 8 : 4;
}

/* The length is judged as soon as its word is there, not when the second word is. */
static bool framer_check_length(uint32_t len, GError **error)
{
    if (len <= NET_FRAME_MAX) {
        return true;
    }
    return error_set(error, "serious error: oversized packet received,connection terminated.");
}

static void framer_emit(const NetFramer *framer, NetBatch *batch, const uint8_t *prefix,
                        const uint8_t *data)
{
    uint32_t len = get_be32(prefix);
    uint32_t vnet_hdr_len = framer->vnet_hdr ? get_be32(prefix + 4) : 0;

    batch->frames[batch->n++] = (NetFrame) {
        .data = data,
        .len = len,
        .vnet_hdr_len = MIN(vnet_hdr_len, len),
    };
}

/* Go on with the prefix that an earlier read began. */
static ssize_t framer_fill_prefix(NetFramer *framer, const uint8_t *data, size_t len,
                                  GError **error)
{
    uint32_t had = framer->prefix_len;
    size_t take = MIN(len, framer_prefix_size(framer) - had);

    memcpy(framer->prefix + had, data, take);
    framer->prefix_len += take;
    if (had < 4 && framer->prefix_len >= 4 &&
        !framer_check_length(get_be32(framer->prefix), error)) {
        return -1;
    }
    return take;
}

/* Go on with the payload that an earlier read began; at its end it goes into @batch. */
static size_t framer_fill_payload(NetFramer *framer, const uint8_t *data, size_t len,
                                  NetBatch *batch)
{
    uint32_t want = get_be32(framer->prefix);
    size_t take = MIN(len, want - framer->partial_len);

    if (want == 0) {
        framer->n_empty++;
        net_framer_reset(framer);
        return 0;
    }
    if (framer->partial_len == 0 && take == want) {
        framer_emit(framer, batch, framer->prefix, data);
        net_framer_reset(framer);
        return take;
    }
    if (framer->partial == NULL) {
        framer->partial = g_malloc(NET_FRAME_MAX);
    }
    memcpy(framer->partial + framer->partial_len, data, take);
    framer->partial_len += take;
    if (framer->partial_len == want) {
        framer_emit(framer, batch, framer->prefix, framer->partial);
        net_framer_reset(framer);
    }
    return take;
}

/* Finish what earlier reads began. */
static ssize_t framer_continue(NetFramer *framer, const uint8_t *data, size_t len,
                               NetBatch *batch, GError **error)
{
    ssize_t used = framer_fill_prefix(framer, data, len, error);

    if (used < 0 || framer->prefix_len < framer_prefix_size(framer)) {
        return used;
    }
    return used + framer_fill_payload(framer, data + used, len - used, batch);
}

/* Keep the data's unfinished last frame: @len bytes, less than a prefix and its payload. */
static void framer_keep(NetFramer *framer, const uint8_t *data, size_t len)
{
    uint32_t prefix_size = framer_prefix_size(framer);

    framer->prefix_len = MIN(len, prefix_size);
    memcpy(framer->prefix, data, framer->prefix_len);
    framer->partial_len = len - framer->prefix_len;
    if (framer->partial_len > 0) {
        if (framer->partial == NULL) {
            framer->partial = g_malloc(NET_FRAME_MAX);
        }
        memcpy(framer->partial, data + prefix_size, framer->partial_len);
    }
}

/* Views of the whole frames in @data. Returns: bytes consumed, -1 with @error set. */
static ssize_t framer_cut(NetFramer *framer, const uint8_t *data, size_t len, NetBatch *batch,
                          GError **error)
{
    uint32_t prefix_size = framer_prefix_size(framer);
    size_t pos = 0;

    while (batch->n < NET_BATCH_MAX && len - pos >= 4) {
        uint32_t frame_len = get_be32(data + pos);

        if (!framer_check_length(frame_len, error)) {
            return -1;
        }
        if (len - pos < (size_t)prefix_size + frame_len) {
            break;
        }
        if (frame_len == 0) {
            framer->n_empty++;
        } else {
            framer_emit(framer, batch, data + pos, data + pos + prefix_size);
        }
        pos += prefix_size + frame_len;
    }
    return pos;
}

ssize_t net_framer_push(NetFramer *framer, const uint8_t *data, size_t len, NetBatch *batch,
                        GError **error)
{
    ssize_t pos = 0;
    ssize_t used;

    batch->n = 0;
    if (framer->prefix_len > 0) {
        pos = framer_continue(framer, data, len, batch, error);
        if (pos < 0 || framer->prefix_len > 0) {
            return pos;
        }
    }
    used = framer_cut(framer, data + pos, len - pos, batch, error);
    if (used < 0) {
        return -1;
    }
    pos += used;
    if (batch->n == 0 || (batch->n < NET_BATCH_MAX && batch->frames[0].data != framer->partial)) {
        framer_keep(framer, data + pos, len - pos);
        pos = len;
    }
    return pos;
}
