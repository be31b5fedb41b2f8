/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes filter-rewriter: clients, a guest, checkpoints, failovers, stops, deletion. */

#include "fuzz.h"

#include "net/colo/events.h"
#include "net/packet/conn-track.h"
#include "net/run-state.h"
#include "qapi/qapi-commands.h"
#include "util/clock.h"
#include "filter-fixture.h"
#include "packets.h"

/*
 *   client ──► "n0" ──► rw ──► "p0" ──► guest
 *   client ◄── "n0" ◄── rw ◄── "p0" ◄── guest
 *
 * The first byte: whether the filter takes virtio-net headers. Then records; the lower 3 bits of
 * their first byte say what to do, the upper 5 are its argument:
 *
 *   a segment     1 byte: which connection; 1 byte: flags; 2 bytes: seq; 2 bytes: ack. Argument:
 *                 bit 0: with a virtio-net header, bit 1: with timestamps and SACK, others:
 *                 length of the data
 *   a raw frame   2 bytes: length; the frame. Argument: length of the virtio-net header
 *
 * What must hold: every frame comes out once, in order, and only the number and the timestamp that
 * belong to its direction differ, the number by as much as SACK does, and the checksum, which is
 * as right or wrong as before.
 */
typedef enum Action {
    ACTION_CLIENT_SEGMENT,
    ACTION_GUEST_SEGMENT,
    ACTION_CLIENT_RAW,
    ACTION_GUEST_RAW,
    ACTION_CHECKPOINT,
    ACTION_FAILOVER,
    ACTION_WAIT,
    ACTION_OTHER, /* by argument: odd stops or starts the VM, even deletes or makes the filter */
} Action;

/** A frame that is on its way. */
typedef struct Sent {
    GBytes *bytes;
    uint32_t vnet_hdr_len;
} Sent;

static GQueue fuzz_on_the_way[NET_DIRECTION__MAX]; /* Sent *, oldest first */
static bool fuzz_may_translate; /* a guest has answered a SYN since the last checkpoint */
static bool fuzz_takes_vnet_hdr;

/* --- What comes out ---------------------------------------------------------------------- */

static void fuzz_sent_free(Sent *sent)
{
    g_bytes_unref(sent->bytes);
    g_free(sent);
}

/* Over the whole segment, its checksum included; 0 and 0xffff are one number here. */
static uint32_t fuzz_sum(const NetPacket *packet)
{
    uint32_t sum = 0;

    for (uint32_t i = packet->transport; i < packet->end; i++) {
        sum += (i - packet->transport) % 2 ? packet->data[i] : (uint32_t)packet->data[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum % 0xffff;
}

static uint32_t fuzz_number(const NetPacket *packet, uint32_t at)
{
    return packet_get32(packet->data + at);
}

/* The client's timestamps are the same for both guests: it is the guest's that differ. */
static void fuzz_undo_timestamps(uint8_t *bytes, const NetPacket *before, NetDirection direction,
                                 const NetTcpOption *option)
{
    uint32_t at = option->value + (direction == NET_DIRECTION_TX ? 4 : 0);

    if (option->kind == 8 && option->len == 10) {
        memcpy(bytes + at, before->data + at, 4);
    }
}

static void fuzz_undo_sack(uint8_t *bytes, const NetTcpOption *option, uint32_t shift)
{
    for (uint32_t i = 0; option->kind == 5 && i + 4 <= option->len - 2u; i += 4) {
        uint8_t *edge = bytes + option->value + i;

        packet_put32(edge, packet_get32(edge) - shift);
    }
}

/* Undo in @bytes, a copy of what came out, what the filter may have done. */
static void fuzz_undo(uint8_t *bytes, const NetPacket *before, NetDirection direction,
                      uint32_t shift)
{
    uint32_t at = before->transport + (direction == NET_DIRECTION_TX ? 8 : 4);
    NetTcpOption option;
    uint32_t pos = 0;

    packet_put32(bytes + at, packet_get32(bytes + at) - shift);
    memcpy(bytes + before->transport + 16, before->data + before->transport + 16, 2);
    while (net_packet_next_option(before, &pos, &option)) {
        fuzz_undo_timestamps(bytes, before, direction, &option);
        if (direction == NET_DIRECTION_TX) {
            fuzz_undo_sack(bytes, &option, shift);
        }
    }
}

/* @frame differs from what was sent: it must be a segment, and differ only as it may. */
static void fuzz_check_edit(const NetFrame *frame, const NetFrame *was, NetDirection direction)
{
    uint32_t at = direction == NET_DIRECTION_TX ? 8 : 4;
    g_autofree uint8_t *undone = g_memdup2(frame->data, frame->len);
    NetPacket before, after;
    NetConnKey key;
    uint32_t shift;

    g_assert_true(fuzz_may_translate);
    g_assert_true(net_packet_parse(&before, was));
    g_assert_true(net_packet_parse(&after, frame));
    g_assert_true(net_conn_key_init(&key, &before));
    g_assert_cmpint(before.kind, ==, NET_TRANSPORT_TCP);
    g_assert_true(was->vnet_hdr_len == 0 || fuzz_takes_vnet_hdr);
    shift = fuzz_number(&after, after.transport + at) -
            fuzz_number(&before, before.transport + at);
    if (net_packet_needs_checksum(&before)) {
        g_assert_cmpmem(after.data + after.transport + 16, 2,
                        before.data + before.transport + 16, 2);
    } else {
        g_assert_cmpuint(fuzz_sum(&before), ==, fuzz_sum(&after));
    }
    fuzz_undo(undone, &before, direction, shift);
    g_assert_cmpmem(undone, frame->len, was->data, was->len);
}

/* The filter may see it when it is sent or, if it waits in front, not before it comes out. */
static void fuzz_note_answer(const NetFrame *frame)
{
    const uint8_t both = NET_TCP_SYN | NET_TCP_ACK;
    NetPacket packet;

    if (net_packet_parse(&packet, frame) && packet.kind == NET_TRANSPORT_TCP &&
        (packet.tcp_flags & both) == both) {
        fuzz_may_translate = true;
    }
}

static void fuzz_take(const NetFrame *frame, NetDirection direction)
{
    Sent *sent = g_queue_pop_head(&fuzz_on_the_way[direction]);
    NetFrame was;
    gsize len;

    g_assert_nonnull(sent);
    was.vnet_hdr_len = sent->vnet_hdr_len;
    was.data = g_bytes_get_data(sent->bytes, &len);
    was.len = (uint32_t)len;
    g_assert_cmpuint(frame->len, ==, was.len);
    g_assert_cmpuint(frame->vnet_hdr_len, ==, was.vnet_hdr_len);
    if (memcmp(frame->data, was.data, len) != 0) {
        fuzz_check_edit(frame, &was, direction);
    }
    if (direction == NET_DIRECTION_RX) {
        fuzz_note_answer(&was);
    }
    fuzz_sent_free(sent);
}

static void fuzz_guest_takes(const NetFrame *frame)
{
    fuzz_take(frame, NET_DIRECTION_TX);
}

static void fuzz_client_takes(const NetFrame *frame)
{
    fuzz_take(frame, NET_DIRECTION_RX);
}

/* --- What goes in ------------------------------------------------------------------------ */

static void fuzz_send(NetDirection direction, const uint8_t *data, size_t len,
                      uint32_t vnet_hdr_len)
{
    FixtureClient *from = direction == NET_DIRECTION_TX ? fixture_netdev : fixture_peer;
    g_autofree uint8_t *exact = g_memdup2(data, len);
    NetFrame frame = { exact, (uint32_t)len, vnet_hdr_len };
    Sent *sent = g_new(Sent, 1);

    *sent = (Sent) { g_bytes_new(data, len), vnet_hdr_len };
    g_queue_push_tail(&fuzz_on_the_way[direction], sent);
    if (direction == NET_DIRECTION_RX) {
        fuzz_note_answer(&frame);
    }
    net_client_send(&from->nc, &frame, 1);
}

static uint16_t fuzz_take_word(const uint8_t **data, size_t *len)
{
    uint16_t high = fuzz_take_byte(data, len);

    return (uint16_t)(high << 8 | fuzz_take_byte(data, len));
}

/* Half of the numbers lie in front of the wrap. */
static uint32_t fuzz_take_number(const uint8_t **data, size_t *len)
{
    return (uint32_t)(int32_t)(int16_t)fuzz_take_word(data, len);
}

static void fuzz_segment(NetDirection direction, uint8_t argument, const uint8_t **data,
                         size_t *len)
{
    static const char text[] = "0123456";
    uint8_t options[24] = { 1, 1, 8, 10, [12] = 1, 1, 5, 10, 0, 0, 0x10, 0, 0, 0, 0x20, 0 };
    bool is_tx = direction == NET_DIRECTION_TX;
    uint8_t conn = fuzz_take_byte(data, len);
    uint16_t port = (uint16_t)(40000 + conn % 16);
    uint8_t host = 9 + conn / 16;
    PacketSpec spec = {
        .vnet_hdr_len = argument & 1 ? 12 : 0,
        .src = is_tx ? host : 1, .dst = is_tx ? 1 : host,
        .src_port = is_tx ? port : 80, .dst_port = is_tx ? 80 : port,
        .options = options, .options_len = argument & 2 ? sizeof(options) : 0,
        .payload = text + (argument >> 2),
    };
    uint8_t buf[PACKET_MAX];
    PacketLayout at;

    spec.flags = fuzz_take_byte(data, len);
    spec.seq = fuzz_take_number(data, len);
    spec.ack = fuzz_take_number(data, len);
    packet_put32(options + 4, 3 * spec.seq);
    packet_put32(options + 8, 5 * spec.ack);
    at = packet_build(buf, &spec);
    fuzz_send(direction, buf, at.len, spec.vnet_hdr_len);
}

static void fuzz_raw(NetDirection direction, uint8_t argument, const uint8_t **data, size_t *len)
{
    size_t want = fuzz_take_word(data, len);

    want = MIN(want, *len);
    if (want > 0) {
        fuzz_send(direction, *data, want, MIN(argument, (uint32_t)want));
        *data += want;
        *len -= want;
    }
}

/* --- What else happens ------------------------------------------------------------------- */

/* Nothing is translated from now on; but what waits may be behind the filter, or come to it. */
static void fuzz_expect_no_translation(void)
{
    fuzz_may_translate = fuzz_on_the_way[NET_DIRECTION_TX].length > 0 ||
                         fuzz_on_the_way[NET_DIRECTION_RX].length > 0;
}

static void fuzz_add_filter(void)
{
    fixture_add(fuzz_takes_vnet_hdr ? "filter-rewriter,id=rw,netdev=n0,vnet_hdr_support=on"
                                    : "filter-rewriter,id=rw,netdev=n0");
    fuzz_expect_no_translation();
}

/* Even in the middle of what it holds. */
static void fuzz_toggle(uint8_t argument)
{
    if (argument % 2 == 0 && object_find("rw")) {
        fixture_remove("rw");
    } else if (argument % 2 == 0) {
        fuzz_add_filter();
    } else if (run_state_is_running()) {
        fixture_stop();
    } else {
        fixture_start();
    }
}

static NetRewriterInfo fuzz_info(void)
{
    g_autoptr(NetFilterInfoList) list = qmp_query_netfilters(NULL);

    return list->len > 0 ? *list->items[0].rewriter : (NetRewriterInfo) { 0 };
}

static void fuzz_checkpoint(void)
{
    NetRewriterInfo info;

    net_colo_checkpoint();
    fuzz_expect_no_translation();
    info = fuzz_info();
    g_assert_cmpuint(info.translated, ==, 0);
    g_assert_false(info.failover);
}

static void fuzz_failover(void)
{
    net_colo_failover();
    g_assert_cmpint(fuzz_info().failover, ==, object_find("rw") != NULL);
}

static void fuzz_wait(uint8_t seconds)
{
    if (run_state_is_running()) {
        clock_virtual_advance(clock_now_ns(CLOCK_TYPE_VIRTUAL) + seconds * INT64_C(10000000000));
    }
}

static void fuzz_step(Action action, uint8_t argument, const uint8_t **data, size_t *len)
{
    switch (action) {
    case ACTION_CLIENT_SEGMENT:
        fuzz_segment(NET_DIRECTION_TX, argument, data, len);
        break;
    case ACTION_GUEST_SEGMENT:
        fuzz_segment(NET_DIRECTION_RX, argument, data, len);
        break;
    case ACTION_CLIENT_RAW:
        fuzz_raw(NET_DIRECTION_TX, argument, data, len);
        break;
    case ACTION_GUEST_RAW:
        fuzz_raw(NET_DIRECTION_RX, argument, data, len);
        break;
    case ACTION_CHECKPOINT:
        fuzz_checkpoint();
        break;
    case ACTION_FAILOVER:
        fuzz_failover();
        break;
    case ACTION_WAIT:
        fuzz_wait(argument);
        break;
    case ACTION_OTHER:
        fuzz_toggle(argument);
        break;
    }
}

/* @before: what the filter said before a step of this kind. */
static void fuzz_check(Action action, const NetRewriterInfo *before)
{
    NetRewriterInfo info = fuzz_info();

    g_assert_cmpuint(info.added, ==, info.closed + info.evicted + info.connections);
    g_assert_cmpuint(info.connections, <=, NET_CONN_MAX);
    g_assert_cmpuint(info.translated, <=, info.connections);
    g_assert_cmpuint(info.lingering, <=, info.connections);
    if (before->failover && before->translated == 0 && action != ACTION_OTHER) {
        g_assert_cmpuint(info.added, ==, before->added);
    }
    if (run_state_is_running()) {
        g_assert_cmpuint(fuzz_on_the_way[NET_DIRECTION_TX].length, ==, 0);
        g_assert_cmpuint(fuzz_on_the_way[NET_DIRECTION_RX].length, ==, 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    clock_virtual_set_stepped();
    fixture_setup();
    fixture_netdev->take = fuzz_client_takes;
    fixture_peer->take = fuzz_guest_takes;
    fuzz_takes_vnet_hdr = fuzz_take_byte(&data, &len) & 1;
    fuzz_add_filter();
    while (len > 0) {
        uint8_t byte = fuzz_take_byte(&data, &len);
        NetRewriterInfo before = fuzz_info();

        fuzz_step(byte & 7, byte >> 3, &data, &len);
        fuzz_check(byte & 7, &before);
    }
    if (!run_state_is_running()) {
        fixture_start();
    }
    fuzz_check(ACTION_OTHER, &(NetRewriterInfo) { 0 });
    fixture_teardown();
    return 0;
}
