/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program with the netdev under test and a socket netdev, joined by a hub. */

#ifndef TESTS_QTEST_PAIR_H
#define TESTS_QTEST_PAIR_H

#include "qtest-client.h"

/*
 *               +--------------- program ---------------+
 *   test ──── net0 ── hub 1 ── "peer" (socket, fd) ──── pair->peer
 *
 * Frames get through while the VM runs.
 */
typedef struct Pair {
    QTest *s;
    int peer_fd;
    FrameLink peer;
} Pair;

/** pair_new: @format: the options that make net0, "-netdev ..." */
Pair *pair_new(const char *format, ...) G_GNUC_PRINTF(1, 2);

/** pair_free: the counters must add up and the program must end in order. */
void pair_free(Pair *pair);

/** pair_info: INFO of net0 in info network. Owned. */
char *pair_info(Pair *pair);

/** pair_wait_info: until it is @format. */
void pair_wait_info(Pair *pair, const char *format, ...) G_GNUC_PRINTF(2, 3);

/** pair_check: @n frames in each direction between @link, the other end of net0, and the peer. */
void pair_check(Pair *pair, FrameLink *link, uint32_t n);

/** pair_check_fd: the same over @fd. */
void pair_check_fd(Pair *pair, FrameLinkKind kind, int fd, uint32_t n);

/** PAIR_WITHOUT_NET0: for pair_new() when the test makes the netdev later. */
#define PAIR_WITHOUT_NET0 "-netdev hubport,id=net0,hubid=2"

/**
 * pair_add_given: netdev n1, which uses a descriptor, in net0's place
 * @fd: taken; handed over under the name "given"
 * @members: JSON of netdev_add but for the id; they name it
 */
void pair_add_given(Pair *pair, int fd, const char *members);

/** qtest_getfd: hand @fd (taken) over as @name. */
void qtest_getfd(QTest *s, const char *name, int fd);

#endif
