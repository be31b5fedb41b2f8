/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of filter-rewriter: forms of frames, order, the stopped VM, a full table, events. */

#include <string.h>

#include "net/colo/events.h"
#include "net/packet/conn-track.h"
#include "rewriter-fixture.h"

/* --- What frames look like --------------------------------------------------------------- */

typedef struct FormCase {
    const char *name;
    const char *options;
    PacketSpec form;
    bool is_rewritten;
} FormCase;

static const FormCase forms[] = {
    { "plain", "", { 0 }, true },
    { "padded", "", { .pad_to = 80 }, true },
    { "ip-options", "", { .extensions = (const uint8_t *)"\x01\x01\x01\x00",
                          .extensions_len = 4 }, true },
    { "vlan", "", { .n_tags = 1, .tags = { 0x8100 } }, false },
    { "service-tag", "", { .n_tags = 1, .tags = { 0x88a8 } }, true },
    { "service-and-vlan-tag", "", { .n_tags = 2, .tags = { 0x88a8, 0x8100 } }, true },
    { "ipv6", "", { .is_ipv6 = true }, false },
    { "first-fragment", "", { .fragment = 0x2000 }, true },
    { "later-fragment", "", { .fragment = 0x20b9 }, false },
    { "vnet-10", ",vnet_hdr_support=on", { .vnet_hdr_len = 10 }, true },
    { "vnet-12", ",vnet_hdr_support=on", { .vnet_hdr_len = 12 }, true },
    { "vnet-20", ",vnet_hdr_support=on", { .vnet_hdr_len = 20 }, true },
    { "vnet-24", ",vnet_hdr_support=on", { .vnet_hdr_len = 24 }, false },
    { "vnet-12-without-support", "", { .vnet_hdr_len = 12 }, false },
    { "no-vnet-with-support", ",vnet_hdr_support=on", { 0 }, true },
    { "other-ethertype", "", { .ether_type = 0x0806 }, false },
};

/* A segment of the given form in an established connection. */
static void check_form(const PacketSpec *form, bool from_client, bool is_rewritten)
{
    PacketSpec ends = spec_from(from_client);
    PacketSpec spec = *form;

    spec.src = ends.src;
    spec.dst = ends.dst;
    spec.src_port = ends.src_port;
    spec.dst_port = ends.dst_port;
    spec.flags = ACK;
    spec.seq = from_client ? 101 : 5001;
    spec.ack = from_client ? 2001 : 101;
    spec.payload = "abcde";
    if (is_rewritten) {
        check_numbers(from_client, &spec, from_client ? 101 : 2001, from_client ? 5001 : 101);
    } else {
        check_unchanged(from_client, &spec);
    }
}

static void test_form(gconstpointer data)
{
    const FormCase *form_case = data;
    NetRewriterInfo before;

    rewriter_add(form_case->options);
    run_steps(handshake, 9);
    before = rewriter_info();
    check_form(&form_case->form, true, form_case->is_rewritten);
    check_form(&form_case->form, false, form_case->is_rewritten);
    g_assert_cmpuint(rewriter_info().rewritten - before.rewritten, ==,
                     form_case->is_rewritten ? 2 : 0);
    g_assert_cmpuint(rewriter_info().untracked - before.untracked, ==,
                     form_case->is_rewritten ? 0 : 2);
    g_assert_cmpuint(rewriter_info().malformed, ==, 0);
}

static void test_other_protocols_pass(void)
{
    static const uint8_t protocols[] = { 1, 2, 17, 47, 50, 51, 132 };

    rewriter_add("");
    run_steps(handshake, 9);
    for (size_t i = 0; i < sizeof(protocols); i++) {
        PacketSpec spec = spec_from(true);

        spec.protocol = protocols[i];
        spec.payload = "abcdefgh";
        check_unchanged(true, &spec);
    }
    g_assert_cmpuint(rewriter_info().connections, ==, 1);
}

/* The receiver completes the checksum: the field holds what the numbers are not in. */
static void test_partial_checksum(void)
{
    PacketSpec spec = spec_from(true);
    uint8_t buf[PACKET_MAX];
    PacketLayout at;

    rewriter_add(",vnet_hdr_support=on");
    run_steps(handshake, 9);
    spec.vnet_hdr_len = 12;
    spec.vnet_flags = 1;
    spec.flags = ACK;
    spec.ack = 2001;
    at = send_spec(true, &spec, buf);
    g_assert_cmpuint(packet_get32(rewriter_out->data + at.transport + 8), ==, 5001);
    g_assert_cmpmem(rewriter_out->data + at.transport + 16, 2, buf + at.transport + 16, 2);
}

/* What the client has got out of order it names by the primary's numbers. */
static void test_selective_acknowledgement(void)
{
    static const uint8_t sack[] = { 1, 1, 5, 10, 0, 0, 0x07, 0xd5, 0, 0, 0x07, 0xdb };
    PacketSpec spec = spec_from(true);
    uint8_t buf[PACKET_MAX];
    PacketLayout at;

    rewriter_add("");
    run_steps(handshake, 9);
    spec.flags = ACK;
    spec.ack = 2001;
    spec.options = sack;
    spec.options_len = sizeof(sack);
    at = send_spec(true, &spec, buf);
    g_assert_cmpuint(packet_get32(rewriter_out->data + at.transport + 24), ==, 5005);
    g_assert_cmpuint(packet_get32(rewriter_out->data + at.transport + 28), ==, 5011);
    g_assert_true(packet_tcp_checksum_is_right(rewriter_out->data, &at, false));
    spec = spec_from(false);
    spec.flags = ACK;
    spec.seq = 5001;
    spec.options = sack;
    spec.options_len = sizeof(sack);
    check_numbers(false, &spec, 2001, 0);
}

/* Cut at every length and with every byte changed: it passes as it is or as rewritten. */
static void test_malformed_frames_pass(void)
{
    PacketSpec spec = spec_from(true);
    uint8_t buf[PACKET_MAX];
    PacketLayout at;

    rewriter_add("");
    run_steps(handshake, 9);
    spec.flags = ACK;
    at = packet_build(buf, &spec);
    for (size_t len = 1; len < at.len; len++) {
        g_autofree uint8_t *exact = g_memdup2(buf, len);
        NetFrame frame = { exact, (uint32_t)len, 0 };

        rewriter_n_out = 0;
        net_client_send(&fixture_netdev->nc, &frame, 1);
        g_assert_cmpuint(rewriter_n_out, ==, 1);
        g_assert_cmpmem(rewriter_out->data, rewriter_out->len, exact, len);
    }
    g_assert_cmpuint(rewriter_info().malformed, ==, at.len - 1);
}

static void test_malformed_is_said_once(void)
{
    if (g_test_subprocess()) {
        uint8_t data[20] = { 0 };
        NetFrame frame = { data, sizeof(data), 0 };

        packet_put16(data + 12, 0x0800);
        rewriter_add("");
        for (int i = 0; i < 100; i++) {
            net_client_send(&fixture_netdev->nc, &frame, 1);
        }
        frame.len = 10;
        net_client_send(&fixture_netdev->nc, &frame, 1);
        g_assert_cmpuint(rewriter_info().malformed, ==, 101);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*warning: filter 'rw': malformed frame: IPv4 header cut short "
                              "(1 so far)\n*warning: filter 'rw': malformed frame: Ethernet "
                              "header cut short (1 so far)\n*");
    g_test_trap_assert_stderr_unmatched("*IPv4*IPv4*");
}

static void test_missing_vnet_hdr_support_is_said_once(void)
{
    if (g_test_subprocess()) {
        PacketSpec spec = spec_from(true);

        rewriter_add("");
        spec.vnet_hdr_len = 12;
        for (int i = 0; i < 5; i++) {
            check_unchanged(true, &spec);
        }
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*warning: filter 'rw': frames have virtio-net headers: they pass "
                              "untouched without vnet_hdr_support=on\n*");
    g_test_trap_assert_stderr_unmatched("*headers*headers*");
}

/* --- Batches, the VM, the table ---------------------------------------------------------- */

/* Numbered by the client's sequence number. */
static uint32_t next_in_order;

static void take_in_order(const NetFrame *frame)
{
    g_assert_cmpuint(packet_get32(frame->data + 38), ==, next_in_order);
    g_assert_cmpuint(packet_get32(frame->data + 42), ==, next_in_order % 2 ? 5001 : 2001);
    next_in_order++;
}

/* Every other frame belongs to a translated connection. */
static void send_mixed_batch(uint32_t first, size_t n)
{
    g_autofree uint8_t *bytes = g_malloc(n * PACKET_MAX);
    NetFrame frames[NET_BATCH_MAX];

    for (size_t i = 0; i < n; i++) {
        PacketSpec spec = spec_from(true);

        spec.src = (first + i) % 2 ? 9 : 77;
        spec.flags = ACK;
        spec.seq = first + (uint32_t)i;
        spec.ack = 2001;
        spec.pad_to = 1514;
        frames[i] = (NetFrame) {
            .data = bytes + i * PACKET_MAX,
            .len = (uint32_t)packet_build(bytes + i * PACKET_MAX, &spec).len,
        };
    }
    net_client_send(&fixture_netdev->nc, frames, n);
}

static void test_order_in_batches(void)
{
    rewriter_add("");
    run_steps(handshake, 9);
    fixture_peer->take = take_in_order;
    next_in_order = 1000;
    for (uint32_t first = 1000; first < 1000 + 4 * NET_BATCH_MAX; first += NET_BATCH_MAX) {
        send_mixed_batch(first, NET_BATCH_MAX);
    }
    g_assert_cmpuint(next_in_order, ==, 1000 + 4 * NET_BATCH_MAX);
}

/* What arrives at a stopped VM is translated by what holds when it goes on, in order. */
static void test_order_over_a_stop(void)
{
    NetFilter *nf = rewriter_add("");

    run_steps(handshake, 9);
    fixture_stop();
    send_mixed_batch(1000, 300);
    send_mixed_batch(1300, 300);
    g_assert_cmpuint(fixture_held(nf), ==, 600);
    fixture_peer->take = take_in_order;
    next_in_order = 1000;
    fixture_start();
    send_mixed_batch(1600, 10);
    g_assert_cmpuint(next_in_order, ==, 1610);
}

static void test_checkpoint_while_stopped(void)
{
    PacketSpec spec = spec_from(true);
    uint8_t buf[PACKET_MAX];
    PacketLayout at;
    NetFrame frame;

    rewriter_add("");
    run_steps(handshake, 9);
    fixture_stop();
    spec.flags = ACK;
    spec.ack = 2001;
    at = packet_build(buf, &spec);
    frame = (NetFrame) { buf, (uint32_t)at.len, 0 };
    net_client_send(&fixture_netdev->nc, &frame, 1);
    net_colo_checkpoint();
    rewriter_n_out = 0;
    fixture_start();
    g_assert_cmpuint(rewriter_n_out, ==, 1);
    g_assert_cmpmem(rewriter_out->data, rewriter_out->len, buf, at.len);
}

static void open_numbered(uint32_t i, bool complete)
{
    PacketSpec client = spec_from(true);
    PacketSpec guest = spec_from(false);
    uint8_t buf[PACKET_MAX];

    client.src = guest.dst = (uint8_t)(i >> 16);
    client.src_port = guest.dst_port = (uint16_t)i;
    client.flags = SYN;
    client.seq = i;
    send_spec(true, &client, buf);
    if (!complete) {
        return;
    }
    guest.flags = SYN | ACK;
    guest.seq = 5000 + i;
    guest.ack = i + 1;
    send_spec(false, &guest, buf);
    client.flags = ACK;
    client.seq = i + 1;
    client.ack = 2001;
    check_numbers(true, &client, i + 1, 5001 + i);
}

static void close_numbered(uint32_t i)
{
    PacketSpec client = spec_from(true);
    PacketSpec guest = spec_from(false);

    client.src = guest.dst = (uint8_t)(i >> 16);
    client.src_port = guest.dst_port = (uint16_t)i;
    client.flags = guest.flags = FIN | ACK;
    client.seq = i + 1;
    client.ack = 2001;
    guest.seq = 5001 + i;
    guest.ack = i + 2;
    check_numbers(true, &client, i + 1, 5001 + i);
    check_numbers(false, &guest, 2001, i + 2);
    client.flags = ACK;
    client.seq = i + 2;
    client.ack = 2002;
    check_numbers(true, &client, i + 2, 5002 + i);
}

/* All at a time, and then one after the other. */
static void test_table_shrinks(void)
{
    NetRewriterInfo info;

    rewriter_add("");
    for (uint32_t i = 0; i < 10000; i++) {
        open_numbered(i, true);
    }
    info = rewriter_info();
    g_assert_cmpuint(info.connections, ==, 10000);
    g_assert_cmpuint(info.translated, ==, 10000);
    for (uint32_t i = 0; i < 10000; i++) {
        close_numbered(i);
    }
    for (uint32_t i = 0; i < 10000; i++) {
        open_numbered(i, true);
        close_numbered(i);
    }
    info = rewriter_info();
    g_assert_cmpuint(info.connections, ==, 0);
    g_assert_cmpuint(info.translated, ==, 0);
    g_assert_cmpuint(info.added, ==, 20000);
    g_assert_cmpuint(info.closed, ==, 20000);
    g_assert_cmpuint(info.evicted, ==, 0);
}

/* Handshakes that are never completed push out each other, not what is established. */
static void test_flood_leaves_connections_alone(void)
{
    NetRewriterInfo info;

    rewriter_add("");
    run_steps(handshake, 200);
    for (uint32_t i = 0; i < 20000; i++) {
        open_numbered(i, false);
    }
    run_steps(talk, 200);
    info = rewriter_info();
    g_assert_cmpuint(info.connections, ==, NET_CONN_MAX);
    g_assert_cmpuint(info.evicted, ==, 20001 - NET_CONN_MAX);
}

static void test_longest_unused_connection_makes_room(void)
{
    NetRewriterInfo info;

    rewriter_add("");
    run_steps(handshake, 200);
    run_steps(handshake, 201);
    for (uint32_t i = 0; i < NET_CONN_MAX - 2; i++) {
        open_numbered(i, true);
    }
    run_steps(talk, 200);
    open_numbered(NET_CONN_MAX, true);
    run_steps(talk, 200);
    run_steps(untranslated_talk, 201);
    info = rewriter_info();
    g_assert_cmpuint(info.translated, ==, NET_CONN_MAX);
    g_assert_cmpuint(info.evicted, ==, 1);
}

/* --- Properties and events --------------------------------------------------------------- */

static void test_status_off_leaves_frames_alone(void)
{
    rewriter_add("");
    run_steps(handshake, 9);
    fixture_set("rw", "status", "\"off\"");
    run_steps(untranslated_talk, 9);
    fixture_set("rw", "status", "\"on\"");
    run_steps(talk, 9);
}

static void test_one_direction_only(void)
{
    rewriter_add(",queue=tx");
    run_steps((const Step[]) { { CLIENT, SYN, 100, 0, NULL, 0 },
                               { GUEST, SYN | ACK, 5000, 101, NULL, 5000 },
                               { CLIENT, ACK, 101, 2001, NULL, 2001 },
                               { GUEST, ACK, 5001, 101, NULL, 5001 }, { END } }, 9);
}

static void test_vnet_hdr_support_at_run_time(void)
{
    const PacketSpec form = { .vnet_hdr_len = 12 };

    rewriter_add("");
    run_steps(handshake, 9);
    check_form(&form, true, false);
    fixture_set("rw", "vnet_hdr_support", "true");
    check_form(&form, true, true);
}

static void test_bad_netdev(void)
{
    fixture_add_fails("filter-rewriter,id=rw,netdev=nope", ERROR_CLASS_GENERIC,
                      "Parameter 'netdev' expects a network backend id");
}

/* The others are switched off by a failover, and not touched by a checkpoint. */
static void test_other_filters_go_off_at_failover(void)
{
    NetFilter *rw = rewriter_add("");
    NetFilter *buffer = fixture_add("filter-buffer,id=b0,netdev=n0,interval=1000");

    net_colo_checkpoint();
    g_assert_true(net_filter_is_on(buffer));
    net_colo_failover();
    g_assert_false(net_filter_is_on(buffer));
    g_assert_cmpstr(net_filter_props(buffer)->status, ==, "off");
    g_assert_true(net_filter_is_on(rw));
}

static NetColoListener *listeners[3];
static GString *told;

static void listen(NetColoEvent event, void *opaque)
{
    g_string_append_printf(told, "%s%d ", (const char *)opaque, (int)event);
    net_colo_listener_remove(listeners[2]);
    listeners[2] = NULL;
    if (g_str_equal(opaque, "a")) {
        net_colo_listener_remove(listeners[0]);
        listeners[0] = NULL;
    }
}

static void test_listeners(void)
{
    told = g_string_new(NULL);
    listeners[0] = net_colo_listener_add(listen, (char *)"a");
    listeners[1] = net_colo_listener_add(listen, (char *)"b");
    listeners[2] = net_colo_listener_add(listen, (char *)"c");
    net_colo_checkpoint();
    net_colo_failover();
    g_assert_cmpstr(told->str, ==, "a0 b0 b1 ");
    net_colo_listener_remove(listeners[1]);
    net_colo_checkpoint();
    g_assert_cmpstr(told->str, ==, "a0 b0 b1 ");
    g_string_free(told, TRUE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
        g_autofree char *path = g_strdup_printf("/filter-rewriter-frames/form/%s",
                                                forms[i].name);

        fixture_test_data(path, test_form, &forms[i]);
    }
    fixture_test("/filter-rewriter-frames/other-protocols-pass", test_other_protocols_pass);
    fixture_test("/filter-rewriter-frames/partial-checksum", test_partial_checksum);
    fixture_test("/filter-rewriter-frames/selective-acknowledgement",
                 test_selective_acknowledgement);
    fixture_test("/filter-rewriter-frames/malformed-frames-pass", test_malformed_frames_pass);
    fixture_test("/filter-rewriter-frames/malformed-is-said-once", test_malformed_is_said_once);
    fixture_test("/filter-rewriter-frames/missing-vnet-hdr-support-is-said-once",
                 test_missing_vnet_hdr_support_is_said_once);
    fixture_test("/filter-rewriter-frames/order-in-batches", test_order_in_batches);
    fixture_test("/filter-rewriter-frames/order-over-a-stop", test_order_over_a_stop);
    fixture_test("/filter-rewriter-frames/checkpoint-while-stopped",
                 test_checkpoint_while_stopped);
    fixture_test("/filter-rewriter-frames/table-shrinks", test_table_shrinks);
    fixture_test("/filter-rewriter-frames/flood-leaves-connections-alone",
                 test_flood_leaves_connections_alone);
    fixture_test("/filter-rewriter-frames/longest-unused-connection-makes-room",
                 test_longest_unused_connection_makes_room);
    fixture_test("/filter-rewriter-frames/status-off-leaves-frames-alone",
                 test_status_off_leaves_frames_alone);
    fixture_test("/filter-rewriter-frames/one-direction-only", test_one_direction_only);
    fixture_test("/filter-rewriter-frames/vnet-hdr-support-at-run-time",
                 test_vnet_hdr_support_at_run_time);
    fixture_test("/filter-rewriter-frames/bad-netdev", test_bad_netdev);
    fixture_test("/filter-rewriter-frames/other-filters-go-off-at-failover",
                 test_other_filters_go_off_at_failover);
    fixture_test("/filter-rewriter-frames/listeners", test_listeners);
    return rewriter_tests_run();
}
