/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A test that plays the other host of a handover. */

#ifndef TESTS_UNIT_HANDOVER_FIXTURE_H
#define TESTS_UNIT_HANDOVER_FIXTURE_H

#include "net/filter/handover.h"
#include "filter-fixture.h"

/*
 *   source:       netdev "n0" ──► h0 ──► peer "p0"      destination:  netdev "n0" ──► h0 ──► "p0"
 *                                 │▲                                                   ▲│
 *                                "c0" the test                               the test "c1"
 */

#define OUT (&fixture_chars[0])
#define IN (&fixture_chars[1])

#define DEADLINE_US (20 * G_USEC_PER_SEC)

/** handover_send: send a message to the end on @ch. */
void handover_send(FixtureChar *ch, HandoverMessageType type, uint32_t number, uint32_t count);

/** handover_expect: the bytes in front of what @ch has got are this message; they go off. */
void handover_expect(FixtureChar *ch, HandoverMessageType type, uint32_t number, uint32_t count);

/** handover_expect_frames: exactly these, behind no more messages. */
void handover_expect_frames(FixtureChar *ch, uint32_t first, size_t n);

/** handover_meet_as: take the end's greeting, and greet it as a source or a destination. */
void handover_meet_as(FixtureChar *ch, bool is_source, bool has_key);

/** handover_meet: as what is expected on @ch, without a key. */
void handover_meet(FixtureChar *ch);

/** handover_reconnect: a new connection, up to the greetings. */
void handover_reconnect(FixtureChar *ch);

/** handover_expect_refused: the end hangs up on this message; then there is a new connection. */
void handover_expect_refused(FixtureChar *ch, HandoverMessageType type, uint32_t number,
                             uint32_t count);

/** handover_wait_written, handover_wait_got: until there is something. */
void handover_wait_written(FixtureChar *ch);
void handover_wait_got(const FixtureClient *client);

/** handover_info: what query-netfilters tells. Returns: owned. */
NetHandoverInfo *handover_info(NetFilter *nf);

/** handover_expect_sums: those of qapi/net-stats.json. */
void handover_expect_sums(const NetHandoverInfo *info);

/** handover_expect_phase: where the end stands, and the sums of qapi/net-stats.json. */
void handover_expect_phase(NetFilter *nf, NetHandoverPhase phase, uint64_t n_kept);

#endif
