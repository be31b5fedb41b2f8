/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the program in the test guest and the one on the host share: datagrams, counting, pace. */

#ifndef TESTS_FUNCTIONAL_LAB_H
#define TESTS_FUNCTIONAL_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Datagrams to LAB_PORT_CONTROL begin with a letter and the number of a stream; numbers are
 * big-endian.
 *
 *   'S' stream seq32                  one of a numbered stream into the guest; it is counted
 *   'Q' stream                        asks for the count: a text comes back (tally_report)
 *   'T' stream port16 pps32 count32   starts a numbered stream out of the guest, to that port
 *   'G' stream seq32                  one of that stream
 *   'C' text                          runs the text in a shell
 */
enum {
    LAB_PORT_ECHO = 7,           /* UDP: sends each datagram back */
    LAB_PORT_CONTROL = 7000,     /* UDP */
    LAB_PORT_DISCARD = 5001,     /* TCP */
    LAB_PORT_ZEROES = 5002,      /* TCP: without end */
    LAB_PORT_TCP_ECHO = 5003,    /* TCP */
    LAB_STREAMS = 16,
    LAB_SEQ_MAX = 400000,        /* numbers from there on are not counted */
    LAB_DATAGRAM = 64,           /* bytes of 'S' and 'G' */
    LAB_REPORT_MAX = 1400,
};

/** lab_now_us: the monotonic clock. */
int64_t lab_now_us(void);

/** lab_put_u32: @value at @at, big-endian. */
void lab_put_u32(uint8_t *at, uint32_t value);

/** lab_get_u32: the number at @at. */
uint32_t lab_get_u32(const uint8_t *at);

typedef struct Tally {
    uint32_t total;
    uint32_t unique;
    uint32_t duplicated;
    uint32_t reordered;          /* came first after a higher number */
    uint32_t highest;
    int64_t last_us;
    int64_t gap_us;              /* the longest between two arrivals */
    uint8_t seen[LAB_SEQ_MAX];
} Tally;

/** tally_take: count the arrival of number @seq at @now_us. */
void tally_take(Tally *tally, uint32_t seq, int64_t now_us);

/**
 * tally_report: write what was counted
 * @text: (out) "total=N unique=N duplicated=N reordered=N highest=N gap_us=N holes=A-B,C-D"
 *
 * Returns: its length; holes that do not fit are left out.
 */
int tally_report(const Tally *tally, char *text, int size);

/**
 * pacer_open: a timer that falls due @per_second times a second
 *
 * Returns: its fd, to be polled; -1 and errno.
 */
int pacer_open(uint32_t per_second);

/** pacer_due: wait for the timer at @fd. Returns: how often it fell due since the last call. */
uint64_t pacer_due(int fd);

#endif
