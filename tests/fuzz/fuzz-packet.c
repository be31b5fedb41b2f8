/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes the packet parser: no offset leads out of the frame, and an edit can be undone. */

#include "fuzz.h"

#include "net/packet/packet.h"

static void check_bounds(const NetPacket *packet)
{
    g_assert_cmpuint(packet->end, <=, packet->len);
    g_assert_cmpuint(packet->network, <=, packet->len);
    g_assert_cmpuint(packet->transport, <=, packet->end);
    g_assert_cmpuint(packet->payload, <=, packet->end);
    g_assert_cmpuint(packet->n_tags, <=, 2);
    g_assert_nonnull(net_packet_fault_name(packet->fault));
    if (packet->kind != NET_TRANSPORT_NONE) {
        g_assert_cmpint(packet->fault, ==, NET_PACKET_FAULT_NONE);
        g_assert_cmpuint(packet->network, <, packet->transport);
        g_assert_cmpuint(packet->transport, <=, packet->payload);
        g_assert_true(packet->ip_version == 4 || packet->ip_version == 6);
    }
}

static void check_options(const NetPacket *packet)
{
    NetTcpOption option;
    uint32_t pos = 0;

    while (net_packet_next_option(packet, &pos, &option)) {
        g_assert_cmpuint(option.len, >=, 2);
        g_assert_cmpuint(option.value, >=, packet->transport + 22);
        g_assert_cmpuint(option.value + option.len - 2, <=, packet->payload);
    }
}

static void edit(const NetPacket *packet, uint8_t *copy, uint32_t shift)
{
    NetTcpEdit tcp_edit;

    net_tcp_edit_begin(&tcp_edit, packet, copy);
    net_tcp_edit_set_seq(&tcp_edit, packet->tcp_seq + shift);
    net_tcp_edit_set_ack(&tcp_edit, packet->tcp_ack + shift);
    net_tcp_edit_shift_sack(&tcp_edit, shift);
    net_tcp_edit_shift_timestamps(&tcp_edit, (NetTcpTimestamps) { .own = shift,
                                                                  .echo = 2 * shift });
    net_tcp_edit_end(&tcp_edit);
}

/* There and back: all is as before but the checksum, where 0 and 0xffff mean the same. */
static void check_edit(const NetPacket *packet)
{
    g_autofree uint8_t *copy = g_memdup2(packet->data, packet->len);
    uint32_t checksum = packet->transport + 16;
    NetFrame frame = { copy, packet->len, packet->vnet_hdr_len };
    NetPacket changed;

    edit(packet, copy, 0x01020304);
    g_assert_true(net_packet_parse(&changed, &frame));
    g_assert_cmpuint(changed.tcp_seq, ==, packet->tcp_seq + 0x01020304);
    edit(&changed, copy, 0u - 0x01020304);
    g_assert_cmpmem(copy, checksum, packet->data, checksum);
    g_assert_cmpmem(copy + checksum + 2, packet->len - checksum - 2,
                    packet->data + checksum + 2, packet->len - checksum - 2);
}

/* First byte: the length of the virtio-net header. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint32_t vnet_hdr_len = fuzz_take_byte(&data, &len);
    g_autofree uint8_t *exact = g_memdup2(data, len);
    NetFrame frame = { exact, (uint32_t)len, vnet_hdr_len };
    NetPacket packet;
    bool is_whole = net_packet_parse(&packet, &frame);

    g_assert_true(is_whole == (packet.fault == NET_PACKET_FAULT_NONE));
    check_bounds(&packet);
    check_options(&packet);
    if (packet.kind == NET_TRANSPORT_TCP) {
        check_edit(&packet);
    }
    return 0;
}
