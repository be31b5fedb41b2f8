/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes software offloads: any frame is refused or makes plain frames within their bounds. */

#include "fuzz.h"

#include "net/packet/offload.h"

static void take_segments(NetOffload *offload, uint32_t frame_len)
{
    uint32_t size = net_offload_segment_size(offload);
    uint64_t sum = 0;
    NetFrame segment;

    g_assert_cmpuint(size, <=, frame_len);
    for (uint32_t i = 0; i < offload->n_segments; i++) {
        g_autofree uint8_t *buffer = g_malloc(size);

        g_assert_true(net_offload_next(offload, buffer, &segment));
        g_assert_cmpuint(segment.len, >, 0);
        g_assert_cmpuint(segment.len, <=, size);
        g_assert_cmpuint(segment.vnet_hdr_len, ==, 0);
        sum += segment.len;
    }
    g_assert_false(net_offload_next(offload, NULL, &segment));
    g_assert_cmpuint(sum, <=, NET_OFFLOAD_BUFFER_SIZE);
}

/* First byte: the length of the virtio-net header. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint32_t hdr_len = fuzz_take_byte(&data, &len);
    NetFrame frame = { .data = data, .len = (uint32_t)len, .vnet_hdr_len = hdr_len };
    NetOffload offload;
    const char *why = NULL;

    if (hdr_len == 0 || len > NET_FRAME_MAX) {
        return 0;
    }
    if (!net_offload_init(&offload, &frame, &why)) {
        g_assert_nonnull(why);
        return 0;
    }
    g_assert_cmpuint(offload.n_segments, >, 0);
    g_assert_cmpuint(offload.n_segments, <=, NET_BATCH_MAX);
    take_segments(&offload, frame.len);
    return 0;
}
