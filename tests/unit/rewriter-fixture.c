/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A client and a guest around filter-rewriter, and conversations between them. */

#include "rewriter-fixture.h"

#include <string.h>

#include "net/colo/events.h"
#include "qapi/qapi-commands.h"
#include "util/clock.h"

#define SECOND INT64_C(1000000000)

GByteArray *rewriter_out;
unsigned rewriter_n_out;

static void take(const NetFrame *frame)
{
    g_byte_array_set_size(rewriter_out, 0);
    g_byte_array_append(rewriter_out, frame->data, frame->len);
    rewriter_n_out++;
}

NetFilter *rewriter_add(const char *more)
{
    g_autofree char *options = g_strdup_printf("filter-rewriter,id=rw,netdev=n0%s", more);

    fixture_netdev->take = take;
    fixture_peer->take = take;
    return fixture_add(options);
}

NetRewriterInfo rewriter_info(void)
{
    g_autoptr(NetFilterInfoList) list = qmp_query_netfilters(NULL);
    NetRewriterInfo info = *list->items[0].rewriter;

    g_assert_cmpuint(list->len, ==, 1);
    g_assert_cmpuint(info.added, ==, info.closed + info.evicted + info.connections);
    return info;
}

static void advance(int64_t ns)
{
    clock_virtual_advance(clock_now_ns(CLOCK_TYPE_VIRTUAL) + ns);
}

/* One frame from the client or the guest; it must come out at the other end at once. */
PacketLayout send_spec(bool from_client, const PacketSpec *spec, uint8_t *buf)
{
    FixtureClient *from = from_client ? fixture_netdev : fixture_peer;
    PacketLayout at = packet_build(buf, spec);
    g_autofree uint8_t *exact = g_memdup2(buf, at.len);
    NetFrame frame = { exact, (uint32_t)at.len, spec->vnet_hdr_len };

    rewriter_n_out = 0;
    net_client_send(&from->nc, &frame, 1);
    g_assert_cmpmem(exact, at.len, buf, at.len);
    g_assert_cmpuint(rewriter_n_out, ==, 1);
    g_assert_cmpuint(rewriter_out->len, ==, at.len);
    return at;
}

PacketSpec spec_from(bool from_client)
{
    return from_client
        ? (PacketSpec) { .src = 9, .dst = 1, .src_port = 40000, .dst_port = 80 }
        : (PacketSpec) { .src = 1, .dst = 9, .src_port = 80, .dst_port = 40000 };
}

/* @spec must come out with these numbers, a right checksum, and nothing else changed. */
void check_numbers(bool from_client, const PacketSpec *spec, uint32_t want_seq,
                   uint32_t want_ack)
{
    uint8_t buf[PACKET_MAX];
    PacketLayout at = send_spec(from_client, spec, buf);

    g_assert_cmpuint(packet_get32(rewriter_out->data + at.transport + 4), ==, want_seq);
    g_assert_cmpuint(packet_get32(rewriter_out->data + at.transport + 8), ==, want_ack);
    g_assert_true(packet_tcp_checksum_is_right(rewriter_out->data, &at, spec->is_ipv6));
    packet_put32(rewriter_out->data + at.transport + 4, spec->seq);
    packet_put32(rewriter_out->data + at.transport + 8, spec->ack);
    memcpy(rewriter_out->data + at.transport + 16, buf + at.transport + 16, 2);
    g_assert_cmpmem(rewriter_out->data, rewriter_out->len, buf, at.len);
}

void check_unchanged(bool from_client, const PacketSpec *spec)
{
    uint8_t buf[PACKET_MAX];
    PacketLayout at = send_spec(from_client, spec, buf);

    g_assert_cmpmem(rewriter_out->data, rewriter_out->len, buf, at.len);
}

static void check_table(const Step *step)
{
    NetRewriterInfo info = rewriter_info();

    g_assert_cmpuint(info.connections, ==, step->seq);
    g_assert_cmpuint(info.translated, ==, step->ack);
    g_assert_cmpuint(info.lingering, ==, step->number);
}

static void run_segment(const Step *step, uint8_t host)
{
    bool from_client = step->kind == CLIENT;
    PacketSpec spec = spec_from(from_client);

    *(from_client ? &spec.src : &spec.dst) = host;
    spec.flags = step->flags;
    spec.seq = step->seq;
    spec.ack = step->ack;
    spec.payload = step->payload;
    spec.pad_to = 60;
    check_numbers(from_client, &spec, from_client ? step->seq : step->number,
                  from_client ? step->number : step->ack);
}

static void run_step(const Step *step, uint8_t host)
{
    switch (step->kind) {
    case CLIENT:
    case GUEST:
        run_segment(step, host);
        break;
    case CHECKPOINT:
        net_colo_checkpoint();
        break;
    case FAILOVER:
        net_colo_failover();
        g_assert_true(rewriter_info().failover);
        break;
    case WAIT:
        advance(step->seq * SECOND);
        break;
    case TABLE:
        check_table(step);
        break;
    case END:
        break;
    }
}

void run_steps(const Step *steps, uint8_t host)
{
    for (size_t i = 0; steps[i].kind != END; i++) {
        g_test_message("step %zu", i);
        run_step(&steps[i], host);
    }
}

const Step handshake[] = { HANDSHAKE, { END } };
const Step talk[] = {
    { CLIENT, ACK, 101, 2001, "abc", 5001 },
    { GUEST, ACK, 5001, 104, "xyz", 2001 },
    { END },
};
const Step untranslated_talk[] = {
    { CLIENT, ACK, 101, 2001, "abc", 2001 },
    { GUEST, ACK, 5001, 104, "xyz", 5001 },
    { END },
};

int rewriter_tests_run(void)
{
    int status;

    clock_virtual_set_stepped();
    rewriter_out = g_byte_array_new();
    status = g_test_run();
    g_byte_array_unref(rewriter_out);
    return status;
}
