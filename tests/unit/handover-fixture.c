/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A test that plays the other host of a handover. */

#include "handover-fixture.h"

static void append_message(GByteArray *stream, HandoverMessageType type, uint32_t number,
                           uint32_t count)
{
    uint32_t words[] = { 20, 20, 0x514e4832, type + 1, number, 0, count };

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        words[i] = GUINT32_TO_BE(words[i]);
    }
    g_byte_array_append(stream, (const uint8_t *)words, sizeof(words));
}

void handover_send(FixtureChar *ch, HandoverMessageType type, uint32_t number, uint32_t count)
{
    g_autoptr(GByteArray) stream = g_byte_array_new();

    append_message(stream, type, number, count);
    char_deliver(ch->chr, stream->data, stream->len);
}

/* The bytes in front of what @ch has got are this message; they are taken off. */
void handover_expect(FixtureChar *ch, HandoverMessageType type, uint32_t number, uint32_t count)
{
    g_autoptr(GByteArray) want = g_byte_array_new();

    append_message(want, type, number, count);
    g_assert_cmpuint(ch->written->len, >=, want->len);
    g_assert_cmpmem(ch->written->data, want->len, want->data, want->len);
    g_byte_array_remove_range(ch->written, 0, want->len);
}

/* The other end's greeting has come; @ch says the one of a source or of a destination. */
void handover_meet_as(FixtureChar *ch, bool is_source, bool has_key)
{
    const guint greeting_len = 8 + sizeof(HandoverHello);
    uint32_t prefix[] = { GUINT32_TO_BE(sizeof(HandoverHello)),
                          GUINT32_TO_BE(sizeof(HandoverHello)) };
    HandoverHello hello;

    g_assert_cmpuint(ch->written->len, >=, greeting_len);
    g_byte_array_remove_range(ch->written, 0, greeting_len);
    handover_hello_init(&hello, is_source, has_key, is_source ? 1 : 0);
    char_deliver(ch->chr, (const uint8_t *)prefix, sizeof(prefix));
    char_deliver(ch->chr, (const uint8_t *)&hello, sizeof(hello));
}

void handover_meet(FixtureChar *ch)
{
    handover_meet_as(ch, ch == IN, false);
}

void handover_reconnect(FixtureChar *ch)
{
    fixture_open(ch, false);
    g_byte_array_set_size(ch->written, 0);
    fixture_open(ch, true);
    handover_meet(ch);
}

void handover_expect_frames(FixtureChar *ch, uint32_t first, size_t n)
{
    fixture_expect_written(ch, first, n, true);
}

void handover_wait_written(FixtureChar *ch)
{
    int64_t deadline = g_get_monotonic_time() + DEADLINE_US;

    while (ch->written->len == 0) {
        g_main_context_iteration(NULL, TRUE);
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
    }
}

void handover_wait_got(const FixtureClient *client)
{
    int64_t deadline = g_get_monotonic_time() + DEADLINE_US;

    while (client->got->len == 0) {
        g_main_context_iteration(NULL, TRUE);
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
    }
}

NetHandoverInfo *handover_info(NetFilter *nf)
{
    NetFilterInfo info = { 0 };

    nf->ops->describe(nf, &info);
    return info.handover;
}

void handover_expect_sums(const NetHandoverInfo *info)
{
    g_assert_cmpuint(info->taken + info->in_flight + info->received, ==,
                     info->acknowledged + info->returned + info->repeated + info->injected +
                     info->cancelled + info->refused + info->kept->frames + info->dropped);
}

void handover_expect_phase(NetFilter *nf, NetHandoverPhase phase, uint64_t n_kept)
{
    g_autoptr(NetHandoverInfo) info = handover_info(nf);

    g_assert_cmpint(info->phase, ==, phase);
    g_assert_cmpuint(info->kept->frames, ==, n_kept);
    handover_expect_sums(info);
}

void handover_expect_refused(FixtureChar *ch, HandoverMessageType type, uint32_t number,
                           uint32_t count)
{
    unsigned before = ch->n_disconnects;

    handover_send(ch, type, number, count);
    g_assert_cmpuint(ch->n_disconnects, ==, before + 1);
    handover_reconnect(ch);
}
