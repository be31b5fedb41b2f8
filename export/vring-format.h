/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two formats of virtqueues, as vring.c uses them. */

#ifndef EXPORT_VRING_FORMAT_H
#define EXPORT_VRING_FORMAT_H

#include "export/vring.h"

/**
 * What depends on the format of a ring; constant
 *
 * Each is as the function of vring.h that has its name, of a ring without a fault.
 */
struct VringFormat {
    /** Take over the place that @base says. Returns: false with @fault set: it is no good. */
    bool (*start)(Vring *ring, uint32_t base);
    uint32_t (*base)(const Vring *ring);
    /** @chain is empty, and there is room to stage it. */
    VringPop (*pop)(Vring *ring, VringChain *chain);
    /** There is room to stage all @n. */
    size_t (*pop_many)(Vring *ring, VringBuffer *buffers, size_t n);
    void (*unpop)(Vring *ring, size_t n);
    bool (*has_more)(const Vring *ring);
    /** At least one is staged; they stay staged. */
    bool (*publish)(Vring *ring);
    bool (*set_kicks)(Vring *ring, bool wanted);
};

extern const VringFormat vring_format_split;
extern const VringFormat vring_format_packed;

#endif
