/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Internet checksum (RFC 1071): sums of pieces, and changes to a checksum that is there. */

#include "net/packet/checksum.h"

#include <string.h>

/* Four sums that do not wait for each other; none overflows below 16 GiB. */
uint64_t net_checksum_add(uint64_t sum, const void *data, size_t len)
{
    const uint8_t *p = data;
    uint64_t sums[4] = { sum };
    uint32_t words[4];
    uint16_t half;

    for (; len >= sizeof(words); p += sizeof(words), len -= sizeof(words)) {
        memcpy(words, p, sizeof(words));
        for (int i = 0; i < 4; i++) {
            sums[i] += words[i];
        }
    }
    sum = sums[0] + sums[1] + sums[2] + sums[3];
    for (; len >= sizeof(half); p += sizeof(half), len -= sizeof(half)) {
        memcpy(&half, p, sizeof(half));
        sum += half;
    }
    if (len > 0) {
        half = 0;
        memcpy(&half, p, 1);
        sum += half;
    }
    return sum;
}

uint16_t net_checksum_fold(uint64_t sum)
{
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    return (uint16_t)sum;
}

uint16_t net_checksum_replace(uint16_t checksum_be, uint64_t old_sum, uint64_t new_sum)
{
    uint64_t sum = (uint16_t)~checksum_be;

    sum += (uint16_t)~net_checksum_fold(old_sum);
    sum += net_checksum_fold(new_sum);
    return net_checksum_finish(sum);
}
