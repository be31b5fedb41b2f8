/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which members of the structs of QMP are metrics, and what they mean. */

#ifndef SYSTEM_METRICS_TABLES_H
#define SYSTEM_METRICS_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include "qapi/qapi.h"

/** What a member of a struct is. */
typedef enum MetricKind {
    METRIC_UINT64,
    METRIC_UINT32,
    METRIC_BOOL,
    METRIC_BYTES, /* uint64_t */
    METRIC_MS,    /* uint64_t, milliseconds; the metric is in seconds */
    METRIC_COUNT, /* NetCountInfo *: a family of frames and one of bytes */
    METRIC_DROPS, /* a list of drops: the same two, by reason */
    METRIC_STATE, /* an enum */
} MetricKind;

/** A member that is a metric. */
typedef struct MetricRow {
    const char *name; /* as in QMP, with "_" for "-"; the unit is added */
    MetricKind kind;
    bool is_gauge;
    bool is_optional; /* there is a bool at @has_offset */
    size_t offset;
    size_t has_offset;
    const QapiType *enum_type; /* of DROPS and STATE */
    const char *help;
} MetricRow;

/** The metrics of one kind of struct. */
typedef struct MetricTable {
    const char *prefix;
    const MetricRow *rows;
    size_t n_rows;
} MetricTable;

extern const MetricTable metrics_netdev;       /* of NetdevInfo */
extern const MetricTable metrics_chain;        /* of NetChainInfo */
extern const MetricTable metrics_stopped;      /* of NetStoppedInfo */
extern const MetricTable metrics_filter;       /* of NetFilterInfo */
extern const MetricTable metrics_handover;     /* of NetHandoverInfo */
extern const MetricTable metrics_rewriter;     /* of NetRewriterInfo */
extern const MetricTable metrics_export;       /* of NetExportInfo */
extern const MetricTable metrics_compare;      /* of ColoCompareInfo */
extern const MetricTable metrics_compare_side; /* of ColoSideInfo */

#endif
