/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counting and pace for the program in the test guest and the one on the host. */

#include "lab.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000L
/* No hole takes more characters. */
#define HOLE_CHARS 24

int64_t lab_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

void lab_put_u32(uint8_t *at, uint32_t value)
{
    value = htonl(value);
    memcpy(at, &value, sizeof(value));
}

uint32_t lab_get_u32(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return ntohl(value);
}

void tally_take(Tally *tally, uint32_t seq, int64_t now_us)
{
    if (seq >= LAB_SEQ_MAX) {
        return;
    }
    if (tally->total && now_us - tally->last_us > tally->gap_us) {
        tally->gap_us = now_us - tally->last_us;
    }
    tally->last_us = now_us;
    tally->total++;
    if (tally->seen[seq]) {
        tally->duplicated++;
        return;
    }
    tally->seen[seq] = 1;
    tally->unique++;
    if (seq < tally->highest) {
        tally->reordered++;
    } else {
        tally->highest = seq;
    }
}

int tally_report(const Tally *tally, char *text, int size)
{
    int len = snprintf(text, size, "total=%u unique=%u duplicated=%u reordered=%u highest=%u "
                       "gap_us=%lld holes=", tally->total, tally->unique, tally->duplicated,
                       tally->reordered, tally->highest, (long long)tally->gap_us);
    int hole = -1;

    for (int i = 0; i <= (int)tally->highest && len < size - HOLE_CHARS; i++) {
        if (!tally->seen[i]) {
            hole = hole < 0 ? i : hole;
        } else if (hole >= 0) {
            len += snprintf(text + len, size - len, "%d-%d,", hole, i - 1);
            hole = -1;
        }
    }
    return len;
}

int pacer_open(uint32_t per_second)
{
    long ns = NS_PER_S / per_second;
    struct timespec each = { .tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S };
    struct itimerspec when = { .it_interval = each, .it_value = each };
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

    if (fd >= 0 && timerfd_settime(fd, 0, &when, NULL) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

uint64_t pacer_due(int fd)
{
    uint64_t times = 0;

    return read(fd, &times, sizeof(times)) == sizeof(times) ? times : 0;
}
