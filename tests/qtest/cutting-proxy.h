/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A proxy between two unix sockets that cuts, holds and slices what it forwards, on purpose. */

#ifndef TESTS_QTEST_CUTTING_PROXY_H
#define TESTS_QTEST_CUTTING_PROXY_H

#include <stdint.h>

typedef struct CuttingProxy CuttingProxy;

/** cutting_proxy_new: listen at @from; each connection there leads to @to. Runs in a thread. */
CuttingProxy *cutting_proxy_new(const char *from, const char *to);
void cutting_proxy_free(CuttingProxy *proxy);

/**
 * cutting_proxy_disturb: from now on, until told otherwise
 * @chunk: bytes that are forwarded at once
 * @n_cuts: connections that are cut, @cut_after[] bytes (both directions together) after this
 *     call or the cut before
 */
void cutting_proxy_disturb(CuttingProxy *proxy, unsigned chunk, unsigned n_cuts,
                           const uint32_t *cut_after);

/** cutting_proxy_hold: bit 0: forward nothing to @to, bit 1: nothing to @from. */
void cutting_proxy_hold(CuttingProxy *proxy, unsigned directions);

/** cutting_proxy_n_cuts: so far. */
unsigned cutting_proxy_n_cuts(CuttingProxy *proxy);

#define CUTTING_PROXY_MAX_CUTS 8u

#endif
