/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes text in the OpenMetrics format, version 1.0.0. */

#ifndef UTIL_OPENMETRICS_H
#define UTIL_OPENMETRICS_H

#include <stdint.h>
#include <glib.h>

/** The media type of such a text. */
#define OPENMETRICS_MEDIA_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/** What the samples of a family mean. */
typedef enum OpenMetricsType {
    OPENMETRICS_COUNTER,  /* only grows, from the start of the process or of what it is about */
    OPENMETRICS_GAUGE,    /* goes up and down */
    OPENMETRICS_INFO,     /* 1; what is told is in the labels */
    OPENMETRICS_STATESET, /* 1 for the state that is the present one, 0 for the others */
} OpenMetricsType;

/** A label. The last one of a list has no name. */
typedef struct OpenMetricsLabel {
    const char *name;
    const char *value; /* any UTF-8; NULL = "" */
} OpenMetricsLabel;

/** A text that is being written; embedded. */
typedef struct OpenMetrics {
    GString *text;         /* owned */
    OpenMetricsType type;  /* of the present family */
    const char *name;      /* borrowed: its name */
} OpenMetrics;

/** openmetrics_init: an empty text. */
void openmetrics_init(OpenMetrics *om);

/**
 * openmetrics_family: what follows are samples of this family, of which there is no other part
 * @name: [a-z0-9_]; ends with "_" and the unit, if it has one; borrowed until the next family
 * @unit: NULL = none
 * @help: a sentence
 */
void openmetrics_family(OpenMetrics *om, OpenMetricsType type, const char *name, const char *unit,
                        const char *help);

/** openmetrics_sample: one of the present family. @labels: NULL = none */
void openmetrics_sample(OpenMetrics *om, const OpenMetricsLabel *labels, uint64_t value);

/** openmetrics_sample_ms: the same for milliseconds, in a family in seconds. */
void openmetrics_sample_ms(OpenMetrics *om, const OpenMetricsLabel *labels, uint64_t value_ms);

/** openmetrics_finish: the whole text. Owned by the caller. */
GString *openmetrics_finish(OpenMetrics *om);

#endif
