/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A netdev, its peer and two chardevs in the hands of a test, around real filters. */

#ifndef TESTS_UNIT_FILTER_FIXTURE_H
#define TESTS_UNIT_FILTER_FIXTURE_H

#include <glib.h>

#include "char-fixture.h"
#include "net/client.h"
#include "net/filter.h"
#include "util/error.h"

/*
 *   netdev "n0" ──► filters under test ──► peer "p0"       tx
 *   netdev "n0" ◄── filters under test ◄── peer "p0"       rx
 *                     │           ▲
 *                  "c0"           "c1"      chardevs: bytes as the test gives and takes them
 */

/** One end of the link; frames are numbered per direction. */
typedef struct FixtureClient {
    NetClient nc;
    size_t room;       /* frames it takes before it says "not now" */
    GArray *got;       /* uint32_t sequence numbers, not yet asserted */
    uint32_t next_seq; /* of what it sends */
    size_t n_in_flight; /* the last so many frames that it got, in flight at a stop (peer only) */
    uint8_t in_flight[4][FIXTURE_FRAME_LEN];
    uint32_t last_seq; /* of what it got */
    void (*take)(const NetFrame *frame); /* instead of @got; NULL = frames are numbered */
} FixtureClient;

extern FixtureClient *fixture_netdev;
extern FixtureClient *fixture_peer;

/** fixture_test: register @func to run between set-up and tear-down; sums are checked. */
void fixture_test(const char *path, void (*func)(void));

/** fixture_test_data: the same with one of several cases. @data: constant. */
void fixture_test_data(const char *path, void (*func)(gconstpointer data), gconstpointer data);

/** fixture_setup, fixture_teardown: by hand, where there are no tests; sums are checked. */
void fixture_setup(void);
void fixture_teardown(void);

/** fixture_stop, fixture_start: the VM. */
void fixture_stop(void);
void fixture_start(void);

/** fixture_send: @n frames from @from, up to 64 in a batch. */
void fixture_send(FixtureClient *from, size_t n);

/** fixture_expect: @to has got exactly the @n frames from number @first on since last asked. */
void fixture_expect(FixtureClient *to, uint32_t first, size_t n);

/** fixture_wait_polled: until the netdev is read. */
void fixture_wait_polled(void);

/** fixture_add: -object @options must succeed. Returns: borrowed. */
NetFilter *fixture_add(const char *options);
void fixture_add_fails(const char *options, ErrorClass class, const char *message);

/** fixture_set: qom-set @property to @json. */
void fixture_set(const char *id, const char *property, const char *json);
void fixture_set_fails(const char *id, const char *property, const char *json,
                       const char *message);

/** fixture_remove: object-del. */
void fixture_remove(const char *id);

/** fixture_drops: frames that both directions of @nf dropped for @reason. */
uint64_t fixture_drops(const NetFilter *nf, NetDropReason reason);

/** fixture_held: frames that wait at @nf. */
uint64_t fixture_held(const NetFilter *nf);

/** fixture_malformed, fixture_empty: what query-netfilters tells of @nf's indev. */
uint64_t fixture_malformed(const NetFilter *nf);
uint64_t fixture_empty(const NetFilter *nf);

#endif
