/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program whose net0 has a sender and a taker on both sides, for the tests of filters. */

#ifndef TESTS_QTEST_FILTER_RIG_H
#define TESTS_QTEST_FILTER_RIG_H

#include "rig.h"

/*
 *              +--------------------- program ----------------------+
 *   rig->net ◄─┼─► netdev "net0" ◄──► filters ◄──► hub ◄──► net1 ◄──┼─► rig->peer
 *              |                      ▲     │                       |
 *   frig->in ──┼──────► "chr1" ───────┘     └─────► "chr0" ─────────┼─► rig->out
 *              +----------------------------------------------------+
 */
typedef struct FilterRig {
    Rig *rig;
    QTest *s;
    char *in_path;  /* chr1 listens there */
    int in_fd;      /* -1 = not connected */
    FrameLink in;
    uint32_t n_tx;  /* number of the next frame into net0 */
    uint32_t n_rx;  /* number of the next frame from the peer */
} FilterRig;

/** frig_new: @options: more of them, e.g. "-object ..."; chr0 is connected, chr1 is not. */
FilterRig *frig_new(const char *options);
void frig_free(FilterRig *frig);

/** frig_connect_in, frig_disconnect_in: the other end of chr1. */
void frig_connect_in(FilterRig *frig);
void frig_disconnect_in(FilterRig *frig);

/** frig_send_tx, frig_send_rx: @n frames; waits until they have been dealt with or held. */
void frig_send_tx(FilterRig *frig, uint32_t n);
void frig_send_rx(FilterRig *frig, uint32_t n);

/** frig_expect: exactly these frames are at the end of @link; n = 0: nothing is. */
void frig_expect(FrameLink *link, uint32_t first, uint32_t n);

/**
 * frig_check_verdict: five frames each way through the filter added by @options
 * @tx_out, @rx_out: whether frames of that direction come to chr0
 * @tx_on, @rx_on: whether they reach their end
 */
void frig_check_verdict(const char *options, bool tx_out, bool tx_on, bool rx_out, bool rx_on);

#endif
