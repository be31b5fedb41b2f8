/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network namespaces and tap interfaces in them, for tests that touch nothing of the host. */

#ifndef TESTS_QTEST_NETNS_H
#define TESTS_QTEST_NETNS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Interfaces go with the namespace, which goes with the last process and socket in it. Failures
 * end the test.
 */

/** netns_why_not: the reason why a test can make no namespace with taps; NULL = it can. */
const char *netns_why_not(void);

/** netns_enter_new: from now on this process and those it starts are in a new, quiet one. */
void netns_enter_new(void);

/**
 * netns_tap_open: make the tap @ifname, or use it if it is persistent
 * @flags: more than IFF_TAP and IFF_NO_PI
 * Returns: non-blocking, closed in programs that are started.
 */
int netns_tap_open(const char *ifname, int flags);

/**
 * netns_tap_make: a persistent tap for somebody else to open; down
 *
 * Let it be up after it has been opened: where the carrier comes later the kernel takes a while
 * to notice, and drops frames until then.
 */
void netns_tap_make(const char *ifname);

/** netns_inherit_fd: let programs that are started from now on have @fd. */
void netns_inherit_fd(int fd);

/** netns_link_up, netns_link_down, netns_link_delete: an interface. */
void netns_link_up(const char *ifname);
void netns_link_down(const char *ifname);
void netns_link_delete(const char *ifname);

/** netns_link_exists: whether there is an interface of that name. */
bool netns_link_exists(const char *ifname);

/** netns_add_ipv4: give it the address @text, in a network of 24 bits. */
void netns_add_ipv4(const char *ifname, const char *text);

/** netns_add_ipv6: likewise with 64 bits; the namespace must have been told before. */
void netns_add_ipv6(const char *ifname, const char *text);

/** netns_enable_ipv6: for interfaces made from now on; they check no addresses for others. */
void netns_enable_ipv6(void);

/** netns_mtu: set it. */
void netns_mtu(const char *ifname, int mtu);

/** netns_packet_socket: sends and receives whole frames on the interface; non-blocking. */
int netns_packet_socket(const char *ifname);

#endif
