/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The page of metrics: all that QMP's queries count, as OpenMetrics. */

#ifndef SYSTEM_METRICS_PAGE_H
#define SYSTEM_METRICS_PAGE_H

#include <glib.h>

/**
 * metrics_page_new: the page as of now
 *
 * Names and meanings: docs/metrics.rst, to be kept from release to release.
 * Returns: owned.
 */
GString *metrics_page_new(void);

#endif
