/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The system's headers that upstream/new/tests/qtest finds in QEMU's header of this name. */

#ifndef TESTS_UPSTREAM_QEMU_OSDEP_H
#define TESTS_UPSTREAM_QEMU_OSDEP_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <glib.h>
#include <glib/gstdio.h>

#endif
