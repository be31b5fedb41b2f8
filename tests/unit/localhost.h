/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the name localhost means something here: a bare chroot has no /etc/hosts. */

#ifndef TESTS_UNIT_LOCALHOST_H
#define TESTS_UNIT_LOCALHOST_H

#include <stdbool.h>
#include <netdb.h>
#include <glib.h>

/** localhost_skip: end this test as skipped when the name cannot be looked up. */
static inline bool localhost_skip(void)
{
    const struct addrinfo hints = { .ai_family = AF_INET };
    struct addrinfo *found;

    if (getaddrinfo("localhost", NULL, &hints, &found) != 0) {
        g_test_skip("localhost has no address here");
        return true;
    }
    freeaddrinfo(found);
    return false;
}

#endif
