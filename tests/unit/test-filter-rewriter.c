/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of filter-rewriter: each rule about numbers and states, as a conversation. */

#include "net/colo/events.h"
#include "net/colo/rewriter-conn.h"
#include "rewriter-fixture.h"

typedef struct Conversation {
    const char *name;
    Step steps[24];
} Conversation;

static const Conversation conversations[] = {
    { "measured", {
        { CLIENT, SYN, 100, 0, NULL, 0 },
        { GUEST, SYN | ACK, 5000, 101, NULL, 5000 },
        { CLIENT, ACK, 101, 2001, NULL, 5001 },
        { TABLE, .seq = 1, .ack = 1 },
        { CLIENT, PSH | ACK, 101, 2001, "abc", 5001 },
        { GUEST, PSH | ACK, 5001, 104, "xyz", 2001 },
        { CLIENT, FIN | ACK, 104, 2004, NULL, 5004 },
        { GUEST, FIN | ACK, 5004, 105, NULL, 2004 },
        { TABLE, .seq = 1, .ack = 1 },
        { CLIENT, ACK, 105, 2005, NULL, 5005 },
        { TABLE, .seq = 0 },
        { GUEST, ACK, 5005, 105, NULL, 5005 },
    } },
    { "first-ack-with-data", {
        { CLIENT, SYN, 100, 0, NULL, 0 },
        { GUEST, SYN | ACK, 5000, 101, NULL, 5000 },
        { CLIENT, PSH | ACK, 101, 2001, "abc", 5001 },
        { GUEST, ACK, 5001, 104, NULL, 2001 },
    } },
    { "guest-counts-from-less", {
        { CLIENT, SYN, 100, 0, NULL, 0 },
        { GUEST, SYN | ACK, 1000, 101, NULL, 1000 },
        { CLIENT, ACK, 101, 2001, NULL, 1001 },
        { GUEST, ACK, 1001, 101, "abc", 2001 },
    } },
    { "initial-numbers-of-0", {
        { CLIENT, SYN, 0, 0, NULL, 0 },
        { GUEST, SYN | ACK, 0, 1, NULL, 0 },
        { CLIENT, ACK, 1, 2001, NULL, 1 },
        { GUEST, ACK, 1, 1, "abc", 2001 },
    } },
    { "numbers-wrap", {
        { CLIENT, SYN, 0xffffffff, 0, NULL, 0 },
        { GUEST, SYN | ACK, 0xfffffff0, 0, NULL, 0xfffffff0 },
        { CLIENT, ACK, 0, 0x11, NULL, 0xfffffff1 },
        { GUEST, ACK, 0xffffffff, 0, "abc", 0x1f },
        { GUEST, ACK, 2, 0, "abc", 0x22 },
    } },
    { "equal-numbers", {
        { CLIENT, SYN, 100, 0, NULL, 0 },
        { GUEST, SYN | ACK, 2000, 101, NULL, 2000 },
        { CLIENT, ACK, 101, 2001, NULL, 2001 },
        { TABLE, .seq = 1, .ack = 0 },
        { GUEST, ACK, 2001, 101, "abc", 2001 },
    } },
    { "client-syn-without-answer", {
        { CLIENT, SYN, 100, 0, NULL, 0 },
        { CLIENT, ACK, 101, 2001, NULL, 2001 },
        { GUEST, ACK, 5001, 101, NULL, 5001 },
        { TABLE, .seq = 1, .ack = 0 },
    } },
    { "guest-opens", {
        { GUEST, SYN, 5000, 0, NULL, 5000 },
        { CLIENT, SYN | ACK, 100, 2001, NULL, 2001 },
        { GUEST, ACK, 5001, 101, NULL, 5001 },
        { CLIENT, ACK, 101, 2001, "abc", 2001 },
        { TABLE, .seq = 0 },
    } },
    { "seen-in-the-middle", {
        { CLIENT, ACK, 101, 2001, "abc", 2001 },
        { GUEST, ACK, 5001, 104, "abc", 5001 },
        { CLIENT, FIN | ACK, 104, 2004, NULL, 2004 },
        { GUEST, FIN | ACK, 5004, 105, NULL, 5004 },
        { CLIENT, RST, 105, 0, NULL, 0 },
        { TABLE, .seq = 0 },
    } },
    { "handshake-anew", {
        HANDSHAKE,
        { CLIENT, SYN, 900, 0, NULL, 0 },
        { GUEST, SYN | ACK, 7000, 901, NULL, 7000 },
        { CLIENT, ACK, 901, 3001, NULL, 7001 },
        { GUEST, ACK, 7001, 901, "abc", 3001 },
        { TABLE, .seq = 1, .ack = 1 },
    } },
    { "syn-repeated-before-the-answer", {
        { CLIENT, SYN, 100, 0, NULL, 0 },
        { CLIENT, SYN, 100, 0, NULL, 0 },
        { GUEST, SYN | ACK, 5000, 101, NULL, 5000 },
        { GUEST, SYN | ACK, 5000, 101, NULL, 5000 },
        { CLIENT, ACK, 101, 2001, NULL, 5001 },
    } },
    { "syn-repeated-after-the-answer", {
        { CLIENT, SYN, 100, 0, NULL, 0 },
        { GUEST, SYN | ACK, 5000, 101, NULL, 5000 },
        { CLIENT, SYN, 100, 0, NULL, 0 },
        { CLIENT, ACK, 101, 2001, NULL, 5001 },
    } },
    { "answer-repeated-with-another-number", {
        { CLIENT, SYN, 100, 0, NULL, 0 },
        { GUEST, SYN | ACK, 5000, 101, NULL, 5000 },
        { GUEST, SYN | ACK, 6000, 101, NULL, 6000 },
        { CLIENT, ACK, 101, 2001, NULL, 6001 },
    } },
    { "answer-after-the-handshake", {
        HANDSHAKE,
        { GUEST, SYN | ACK, 9000, 101, NULL, 9000 },
        { CLIENT, ACK, 101, 2001, NULL, 5001 },
    } },
    { "forged-syn", {
        HANDSHAKE,
        { CLIENT, SYN, 77777, 0, NULL, 0 },
        { GUEST, ACK, 5001, 101, NULL, 2001 },
        { CLIENT, ACK, 101, 2001, "abc", 5001 },
        { GUEST, ACK, 5001, 104, "xyz", 2001 },
        { CLIENT, FIN | ACK, 104, 2004, NULL, 5004 },
        { GUEST, FIN | ACK, 5004, 105, NULL, 2004 },
        { CLIENT, ACK, 105, 2005, NULL, 5005 },
        { TABLE, .seq = 0 },
    } },
    { "stale-reset-in-handshake", {
        { CLIENT, SYN, 100, 0, NULL, 0 },
        { GUEST, SYN | ACK, 5000, 101, NULL, 5000 },
        { CLIENT, RST, 77777, 0, NULL, 0 },
        { CLIENT, ACK, 101, 2001, NULL, 5001 },
        { GUEST, ACK, 5001, 101, "abc", 2001 },
    } },
    { "stale-ack-before-the-answer", {
        { CLIENT, SYN, 100, 0, NULL, 0 },
        { CLIENT, ACK, 900000, 777777, NULL, 777777 },
        { GUEST, SYN | ACK, 5000, 101, NULL, 5000 },
        { CLIENT, ACK, 101, 2001, NULL, 5001 },
        { GUEST, ACK, 5001, 101, "abc", 2001 },
    } },
    { "stale-ack-in-handshake", {
        { CLIENT, SYN, 100, 0, NULL, 0 },
        { GUEST, SYN | ACK, 5000, 101, NULL, 5000 },
        { CLIENT, FIN | ACK, 900000, 777777, NULL, 777777 },
        { GUEST, RST, 777777, 0, NULL, 777777 },
        { CLIENT, ACK, 101, 2001, NULL, 5001 },
        { GUEST, ACK, 5001, 101, "abc", 2001 },
        { TABLE, .seq = 1, .ack = 1, .number = 0 },
    } },
    { "stale-answer-in-handshake", {
        { CLIENT, SYN, 900000, 0, NULL, 0 },
        { GUEST, SYN | ACK, 5000, 101, NULL, 5000 },
        { CLIENT, ACK, 900001, 3001, NULL, 3001 },
        { TABLE, .seq = 1, .ack = 0 },
    } },
    { "first-ack-is-out-of-order", {
        { CLIENT, SYN, 0xffffff00, 0, NULL, 0 },
        { GUEST, SYN | ACK, 5000, 0xffffff01, NULL, 5000 },
        { CLIENT, ACK, 0xff00, 2001, "last of the window", 5001 },
        { CLIENT, ACK, 0xffffff01, 2001, "first", 5001 },
    } },
    { "odd-syns", {
        { CLIENT, SYN | RST, 100, 0, NULL, 0 },
        { CLIENT, SYN | FIN, 100, 0, NULL, 0 },
        { TABLE, .seq = 0 },
        HANDSHAKE,
        { CLIENT, SYN | ACK, 100, 2001, NULL, 2001 },
        { CLIENT, SYN | RST, 100, 2001, NULL, 2001 },
        { CLIENT, ACK, 101, 2001, NULL, 5001 },
    } },
    { "data-with-guests-fin", {
        HANDSHAKE,
        { CLIENT, FIN | ACK, 101, 2001, NULL, 5001 },
        { GUEST, FIN | ACK, 5001, 102, "bye", 2001 },
        { CLIENT, ACK, 102, 2004, NULL, 5004 },
        { TABLE, .seq = 1, .ack = 1 },
        { CLIENT, ACK, 102, 2005, NULL, 5005 },
        { TABLE, .seq = 0 },
    } },
    { "guests-fin-repeated", {
        HANDSHAKE,
        { CLIENT, FIN | ACK, 101, 2001, NULL, 5001 },
        { GUEST, FIN | ACK, 5001, 102, NULL, 2001 },
        { GUEST, FIN | ACK, 5001, 102, NULL, 2001 },
        { CLIENT, ACK, 102, 2002, NULL, 5002 },
        { TABLE, .seq = 0 },
    } },
    { "guest-closes-before-it-has-all", {
        HANDSHAKE,
        { CLIENT, FIN | ACK, 104, 2001, NULL, 5001 },
        { GUEST, FIN | ACK, 5001, 101, NULL, 2001 },
        { CLIENT, ACK, 105, 2002, NULL, 5002 },
        { TABLE, .seq = 1, .ack = 1, .number = 1 },
        { CLIENT, ACK, 101, 2002, "abc", 5002 },
        { GUEST, ACK, 5002, 105, NULL, 2002 },
        { WAIT, .seq = 120 },
        { TABLE, .seq = 0 },
    } },
    { "guest-closes-first", {
        HANDSHAKE,
        { GUEST, FIN | ACK, 5001, 101, NULL, 2001 },
        { CLIENT, ACK, 101, 2002, NULL, 5002 },
        { CLIENT, ACK, 101, 2002, "more", 5002 },
        { GUEST, ACK, 5002, 105, NULL, 2002 },
        { TABLE, .seq = 1, .ack = 1, .number = 0 },
        { CLIENT, FIN | ACK, 105, 2002, NULL, 5002 },
        { GUEST, ACK, 5002, 106, NULL, 2002 },
        { TABLE, .seq = 1, .ack = 1, .number = 1 },
        { CLIENT, FIN | ACK, 105, 2002, NULL, 5002 },
        { GUEST, ACK, 5002, 106, NULL, 2002 },
        { WAIT, .seq = 119 },
        { TABLE, .seq = 1, .ack = 1, .number = 1 },
        { WAIT, .seq = 1 },
        { TABLE, .seq = 0 },
    } },
    { "guest-closes-first-both-at-once-in-one-segment", {
        HANDSHAKE,
        { GUEST, FIN | ACK, 5001, 101, NULL, 2001 },
        { CLIENT, FIN | ACK, 101, 2002, NULL, 5002 },
        { TABLE, .seq = 1, .ack = 1, .number = 1 },
        { GUEST, ACK, 5002, 102, NULL, 2002 },
    } },
    { "fins-cross", {
        HANDSHAKE,
        { GUEST, FIN | ACK, 5001, 101, NULL, 2001 },
        { CLIENT, FIN | ACK, 101, 2001, NULL, 5001 },
        { TABLE, .seq = 1, .ack = 1, .number = 0 },
        { CLIENT, ACK, 102, 2002, NULL, 5002 },
        { TABLE, .seq = 1, .ack = 1, .number = 1 },
    } },
    { "syn-repeated-while-lingering", {
        HANDSHAKE,
        { GUEST, FIN | ACK, 5001, 101, NULL, 2001 },
        { CLIENT, FIN | ACK, 104, 2002, NULL, 5002 },
        { CLIENT, SYN, 100, 0, NULL, 0 },
        { TABLE, .seq = 1, .ack = 1, .number = 1 },
        { CLIENT, ACK, 101, 2002, "abc", 5002 },
        { GUEST, ACK, 5002, 105, NULL, 2002 },
    } },
    { "opened-again-with-the-same-number", {
        HANDSHAKE,
        { GUEST, FIN | ACK, 5001, 101, NULL, 2001 },
        { CLIENT, FIN | ACK, 101, 2002, NULL, 5002 },
        { CLIENT, SYN, 100, 0, NULL, 0 },
        { GUEST, SYN | ACK, 7000, 101, NULL, 7000 },
        { CLIENT, ACK, 101, 3001, NULL, 7001 },
        { GUEST, ACK, 7001, 101, "abc", 3001 },
        { TABLE, .seq = 1, .ack = 1, .number = 0 },
    } },
    { "use-prolongs-lingering", {
        HANDSHAKE,
        { GUEST, FIN | ACK, 5001, 101, NULL, 2001 },
        { CLIENT, FIN | ACK, 101, 2002, NULL, 5002 },
        { WAIT, .seq = 100 },
        { CLIENT, FIN | ACK, 101, 2002, NULL, 5002 },
        { WAIT, .seq = 100 },
        { TABLE, .seq = 1, .ack = 1, .number = 1 },
        { WAIT, .seq = 20 },
        { TABLE, .seq = 0 },
    } },
    { "opened-again-while-lingering", {
        HANDSHAKE,
        { GUEST, FIN | ACK, 5001, 101, NULL, 2001 },
        { CLIENT, FIN | ACK, 101, 2002, NULL, 5002 },
        { CLIENT, SYN, 900, 0, NULL, 0 },
        { TABLE, .seq = 1, .ack = 0, .number = 0 },
        { GUEST, SYN | ACK, 7000, 901, NULL, 7000 },
        { CLIENT, ACK, 901, 3001, NULL, 7001 },
        { TABLE, .seq = 1, .ack = 1, .number = 0 },
        { WAIT, .seq = 1000 },
        { TABLE, .seq = 1, .ack = 1, .number = 0 },
    } },
    { "opened-by-guest-with-the-same-ports", {
        HANDSHAKE,
        { GUEST, SYN, 9000, 0, NULL, 9000 },
        { TABLE, .seq = 0 },
        { CLIENT, SYN | ACK, 100, 9001, NULL, 9001 },
        { GUEST, ACK, 9001, 101, NULL, 9001 },
    } },
    { "guest-resets", {
        HANDSHAKE,
        { GUEST, RST | ACK, 5001, 101, NULL, 2001 },
        { TABLE, .seq = 0 },
        { CLIENT, ACK, 101, 2001, "abc", 2001 },
        { GUEST, RST, 2001, 0, NULL, 2001 },
    } },
    { "guest-resets-without-ack", {
        HANDSHAKE,
        { CLIENT, ACK, 101, 2001, "abc", 5001 },
        { GUEST, RST, 5001, 0, NULL, 2001 },
        { TABLE, .seq = 0 },
    } },
    { "guest-refuses", {
        { CLIENT, SYN, 100, 0, NULL, 0 },
        { GUEST, RST | ACK, 0, 101, NULL, 0 },
        { TABLE, .seq = 1, .ack = 0, .number = 1 },
        { WAIT, .seq = 120 },
        { TABLE, .seq = 0 },
    } },
    { "guest-answers-after-all", {
        { CLIENT, SYN, 100, 0, NULL, 0 },
        { GUEST, RST, 777, 0, NULL, 777 },
        { GUEST, SYN | ACK, 5000, 101, NULL, 5000 },
        { CLIENT, ACK, 101, 2001, NULL, 5001 },
        { TABLE, .seq = 1, .ack = 1, .number = 0 },
    } },
    { "client-resets", {
        HANDSHAKE,
        { CLIENT, RST | ACK, 101, 2001, NULL, 5001 },
        { TABLE, .seq = 1, .ack = 1, .number = 1 },
        { WAIT, .seq = 120 },
        { TABLE, .seq = 0 },
    } },
    { "client-resets-without-ack", {
        HANDSHAKE,
        { CLIENT, RST, 101, 0, NULL, 0 },
        { TABLE, .seq = 1, .ack = 1, .number = 1 },
    } },
    { "client-resets-in-handshake", {
        { CLIENT, SYN, 100, 0, NULL, 0 },
        { GUEST, SYN | ACK, 5000, 101, NULL, 5000 },
        { CLIENT, RST | ACK, 101, 2001, NULL, 2001 },
        { TABLE, .seq = 1, .ack = 0, .number = 1 },
    } },
    { "guest-ignores-a-reset", {
        HANDSHAKE,
        { CLIENT, RST, 12345, 0, NULL, 0 },
        { TABLE, .seq = 1, .ack = 1, .number = 1 },
        { GUEST, ACK, 5001, 101, "abc", 2001 },
        { TABLE, .seq = 1, .ack = 1, .number = 0 },
        { WAIT, .seq = 1000 },
        { CLIENT, ACK, 101, 2004, NULL, 5004 },
    } },
    { "checkpoint", {
        HANDSHAKE,
        { CHECKPOINT },
        { TABLE, .seq = 1, .ack = 0 },
        { CLIENT, ACK, 101, 2001, "abc", 2001 },
        { GUEST, ACK, 2001, 104, "xyz", 2001 },
        { CLIENT, FIN | ACK, 104, 2004, NULL, 2004 },
        { GUEST, FIN | ACK, 2004, 105, NULL, 2004 },
        { CLIENT, ACK, 105, 2005, NULL, 2005 },
        { TABLE, .seq = 0 },
    } },
    { "checkpoint-in-handshake", {
        { CLIENT, SYN, 100, 0, NULL, 0 },
        { GUEST, SYN | ACK, 5000, 101, NULL, 5000 },
        { CHECKPOINT },
        { CLIENT, ACK, 101, 2001, NULL, 2001 },
        { GUEST, ACK, 2001, 101, "abc", 2001 },
    } },
    { "checkpoint-before-the-answer", {
        { CLIENT, SYN, 100, 0, NULL, 0 },
        { CHECKPOINT },
        { GUEST, SYN | ACK, 6000, 101, NULL, 6000 },
        { CLIENT, ACK, 101, 2001, NULL, 6001 },
        { GUEST, ACK, 6001, 101, "abc", 2001 },
    } },
    { "checkpoint-with-answer-repeated", {
        { CLIENT, SYN, 100, 0, NULL, 0 },
        { GUEST, SYN | ACK, 5000, 101, NULL, 5000 },
        { CHECKPOINT },
        { GUEST, SYN | ACK, 2000, 101, NULL, 2000 },
        { CLIENT, ACK, 101, 2001, NULL, 2001 },
        { TABLE, .seq = 1, .ack = 0 },
    } },
    { "failover-without-translation", {
        { FAILOVER },
        { CLIENT, SYN, 100, 0, NULL, 0 },
        { GUEST, SYN | ACK, 5000, 101, NULL, 5000 },
        { CLIENT, ACK, 101, 5001, NULL, 5001 },
        { TABLE, .seq = 0 },
    } },
    { "failover-with-translation", {
        HANDSHAKE,
        { FAILOVER },
        { CLIENT, ACK, 101, 2001, "abc", 5001 },
        { GUEST, ACK, 5001, 104, "xyz", 2001 },
        { CLIENT, FIN | ACK, 104, 2004, NULL, 5004 },
        { GUEST, FIN | ACK, 5004, 105, NULL, 2004 },
        { CLIENT, ACK, 105, 2005, NULL, 5005 },
        { TABLE, .seq = 0 },
        { CLIENT, SYN, 900, 0, NULL, 0 },
        { GUEST, SYN | ACK, 7000, 901, NULL, 7000 },
        { CLIENT, ACK, 901, 7001, NULL, 7001 },
        { TABLE, .seq = 0 },
    } },
    { "failover-in-handshake", {
        { CLIENT, SYN, 100, 0, NULL, 0 },
        { GUEST, SYN | ACK, 5000, 101, NULL, 5000 },
        { FAILOVER },
        { CLIENT, ACK, 101, 2001, NULL, 5001 },
        { GUEST, ACK, 5001, 101, "abc", 2001 },
    } },
    { "checkpoint-after-failover", {
        { FAILOVER },
        { CHECKPOINT },
        HANDSHAKE,
        { TABLE, .seq = 1, .ack = 1 },
    } },
};

static void test_conversation(gconstpointer data)
{
    const Conversation *conversation = data;

    rewriter_add("");
    run_steps(conversation->steps, 9);
}

static void test_connections_are_apart(void)
{
    rewriter_add("");
    run_steps(handshake, 9);
    run_steps(untranslated_talk, 10);
    run_steps(handshake, 11);
    run_steps(talk, 9);
    run_steps(talk, 11);
    g_assert_cmpuint(rewriter_info().rewritten, ==, 6);
}

/** A segment with timestamps, and those that come out. */
typedef struct TimedStep {
    bool from_client;
    uint8_t flags;
    uint32_t seq;
    uint32_t ack;
    uint32_t own;
    uint32_t echo;
    uint32_t want_own;
    uint32_t want_echo;
} TimedStep;

static void run_timed_step(const TimedStep *step)
{
    uint8_t options[12] = { 1, 1, 8, 10 };
    PacketSpec spec = spec_from(step->from_client);
    uint8_t buf[PACKET_MAX];
    PacketLayout at;

    packet_put32(options + 4, step->own);
    packet_put32(options + 8, step->echo);
    spec.flags = step->flags;
    spec.seq = step->seq;
    spec.ack = step->ack;
    spec.options = options;
    spec.options_len = step->own != 0 ? sizeof(options) : 0;
    at = send_spec(step->from_client, &spec, buf);
    g_assert_true(packet_tcp_checksum_is_right(rewriter_out->data, &at, false));
    if (step->own != 0) {
        g_assert_cmpuint(packet_get32(rewriter_out->data + at.transport + 24), ==,
                         step->want_own);
        g_assert_cmpuint(packet_get32(rewriter_out->data + at.transport + 28), ==,
                         step->want_echo);
    }
}

/** A conversation, and how many connections are translated then. */
typedef struct TimedCase {
    const char *name;
    TimedStep steps[9]; /* ends before the one without flags */
    unsigned translated;
} TimedCase;

/* The primary's clock says 400 where the guest's says 1000: the client knows the former. */
static const TimedCase timed_cases[] = {
    { "timestamps",
      { { true, SYN, 100, 0, 70, 0, 70, 0 },
        { false, SYN | ACK, 5000, 101, 990, 70, 990, 70 },
        { false, SYN | ACK, 5000, 101, 1000, 70, 1000, 70 },
        { true, ACK, 101, 2001, 71, 400, 71, 1000 },
        { true, ACK, 101, 2001, 72, 401, 72, 1001 },
        { false, ACK, 5001, 101, 1005, 72, 405, 72 },
        { true, RST, 101, 0, 73, 0, 73, 0 },
        { true, ACK, 101, 2001, 74, 405, 74, 1005 } }, 1 },
    { "timestamps-with-equal-numbers",
      { { true, SYN, 100, 0, 70, 0, 70, 0 },
        { false, SYN | ACK, 2000, 101, 1000, 70, 1000, 70 },
        { true, ACK, 101, 2001, 71, 400, 71, 1000 },
        { false, ACK, 2001, 101, 1005, 71, 405, 71 } }, 1 },
    { "timestamps-of-one-side", /* the other has none: there is nothing to translate */
      { { true, SYN, 100, 0, 70, 0, 70, 0 },
        { false, SYN | ACK, 2000, 101, 0, 0, 0, 0 },
        { true, ACK, 101, 2001, 71, 400, 71, 400 },
        { true, SYN, 300, 0, 70, 0, 70, 0 },
        { false, SYN | ACK, 2000, 301, 1000, 70, 1000, 70 },
        { true, ACK, 301, 2001, 0, 0, 0, 0 },
        { false, ACK, 2001, 301, 1005, 71, 1005, 71 } }, 0 },
};

/* A checkpoint ends all translation. */
static void test_timed(gconstpointer data)
{
    const TimedCase *c = data;

    rewriter_add("");
    for (const TimedStep *step = c->steps; step->flags != 0; step++) {
        g_test_message("step %zu", (size_t)(step - c->steps));
        run_timed_step(step);
    }
    g_assert_cmpuint(rewriter_info().translated, ==, c->translated);
    net_colo_checkpoint();
    run_timed_step(&(TimedStep) { true, ACK, 101, 2001, 75, 406, 75, 406 });
}

static void test_state_names(void)
{
    for (int i = 0; i < REWRITER_STATE__MAX; i++) {
        g_assert_nonnull(rewriter_state_name(i));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(conversations); i++) {
        g_autofree char *path = g_strdup_printf("/filter-rewriter/%s", conversations[i].name);

        fixture_test_data(path, test_conversation, &conversations[i]);
    }
    fixture_test("/filter-rewriter/connections-are-apart", test_connections_are_apart);
    for (size_t i = 0; i < G_N_ELEMENTS(timed_cases); i++) {
        g_autofree char *path = g_strconcat("/filter-rewriter/", timed_cases[i].name, NULL);

        fixture_test_data(path, test_timed, &timed_cases[i]);
    }
    g_test_add_func("/filter-rewriter/state-names", test_state_names);
    return rewriter_tests_run();
}
