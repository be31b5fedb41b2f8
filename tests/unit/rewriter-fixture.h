/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A client and a guest around filter-rewriter, and conversations between them. */

#ifndef TESTS_UNIT_REWRITER_FIXTURE_H
#define TESTS_UNIT_REWRITER_FIXTURE_H

#include "filter-fixture.h"
#include "packets.h"

/*
 *   client ──► "n0" ──► rw ──► "p0" ──► guest        tx: acknowledgements plus the offset
 *   client ◄── "n0" ◄── rw ◄── "p0" ◄── guest        rx: sequence numbers minus the offset
 *
 * The client speaks with the numbers that the primary has chosen, the guest with its own.
 */

/** What happens in a conversation. */
typedef enum StepKind {
    END,
    CLIENT,     /* @number is the acknowledgement that comes out */
    GUEST,      /* @number is the sequence number that comes out */
    CHECKPOINT,
    FAILOVER,
    WAIT,       /* @seq seconds */
    TABLE,      /* @seq connections, @ack of them translated, @number lingering */
} StepKind;

typedef struct Step {
    StepKind kind;
    uint8_t flags;
    uint32_t seq;
    uint32_t ack;
    const char *payload;
    uint32_t number;
} Step;

/** Client's SYN 100, guest's number 5000, primary's 2000. */
#define HANDSHAKE                                                                              \
    { CLIENT, SYN, 100, 0, NULL, 0 }, { GUEST, SYN | ACK, 5000, 101, NULL, 5000 },             \
    { CLIENT, ACK, 101, 2001, NULL, 5001 }

/** What came out last: a copy, so that nothing depends on how long a view lives. */
extern GByteArray *rewriter_out;
extern unsigned rewriter_n_out;

/** rewriter_add: the filter "rw" on n0, with @more options. */
NetFilter *rewriter_add(const char *more);

/** rewriter_info: what query-netfilters says; its sums are checked. */
NetRewriterInfo rewriter_info(void);

/** spec_from: the ends of the one connection of most tests. */
PacketSpec spec_from(bool from_client);

/** send_spec: one frame; it must come out at the other end at once. @buf: as it went in. */
PacketLayout send_spec(bool from_client, const PacketSpec *spec, uint8_t *buf);

/** check_numbers: it comes out with these, a right checksum, and nothing else changed. */
void check_numbers(bool from_client, const PacketSpec *spec, uint32_t want_seq,
                   uint32_t want_ack);
void check_unchanged(bool from_client, const PacketSpec *spec);

/** run_steps: until END, with @host as the last byte of the client's address. */
void run_steps(const Step *steps, uint8_t host);

/** Steps with numbers 5000 of the guest and 2000 of the primary. */
extern const Step handshake[];
extern const Step talk[];
extern const Step untranslated_talk[];

/** rewriter_tests_run: g_test_run() with what all these tests share. */
int rewriter_tests_run(void);

#endif
