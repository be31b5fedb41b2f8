/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Internet checksum (RFC 1071): sums of pieces, and changes to a checksum that is there. */

#ifndef NET_PACKET_CHECKSUM_H
#define NET_PACKET_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/*
 * The ones' complement sum does not depend on the byte order (RFC 1071, 2B), so all values here
 * are in the order in which they lie in the packet: store a result by memcpy(), and convert a
 * number first with GUINT16_TO_BE() or GUINT32_TO_BE().
 */

/**
 * net_checksum_add: add bytes to a sum
 * @sum: 0, or the result of an earlier call for a piece of even length
 * @len: an odd last byte counts as if a zero byte followed
 * Returns: the sum, not folded.
 */
uint64_t net_checksum_add(uint64_t sum, const void *data, size_t len);

/** net_checksum_add_word: add a 16-bit word as it lies in the packet, or a 32-bit one. */
static inline uint64_t net_checksum_add_word(uint64_t sum, uint32_t word_be)
{
    return sum + word_be;
}

/** net_checksum_fold: the sum in 16 bits, as it stands in a field to be completed later. */
uint16_t net_checksum_fold(uint64_t sum);

/** net_checksum_finish: the checksum to store: the complement of the folded sum. */
static inline uint16_t net_checksum_finish(uint64_t sum)
{
    return (uint16_t)~net_checksum_fold(sum);
}

/** net_checksum_finish_nonzero: the same in its other form for 0, which UDP takes for absent. */
static inline uint16_t net_checksum_finish_nonzero(uint64_t sum)
{
    uint16_t checksum = net_checksum_finish(sum);

    return checksum ? checksum : UINT16_MAX;
}

/**
 * net_checksum_replace: the new checksum when covered bytes change (RFC 1624, 3)
 * @checksum_be: as it is stored now
 * @old_sum, @new_sum: net_checksum_add() over the same even-aligned range before and after
 *
 * A wrong checksum stays wrong: damage is not hidden.
 */
uint16_t net_checksum_replace(uint16_t checksum_be, uint64_t old_sum, uint64_t new_sum);

#endif
