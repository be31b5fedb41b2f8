/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The page of metrics: all that QMP's queries count, as OpenMetrics. */

/*
 * The numbers come from the structs that QMP shows, so that the two cannot differ. A table for
 * each kind of struct says which of its members are metrics, and what they are; the name of one is
 * that of its member, behind that of the table. A family is written for all objects at once, as
 * the format wants it.
 */

#include "system/metrics-page.h"

#include "config.h"
#include "net/run-state.h"
#include "qapi/qapi-commands.h"
#include "qapi/qapi.h"
#include "system/metrics-tables.h"
#include "util/openmetrics.h"

/** The most labels that an object has, with the one of a sample and the end. */
#define LABELS_MAX 6

/** One object of a kind: its struct, and the labels that tell it from others of the kind. */
typedef struct MetricObject {
    const void *info; /* borrowed from a list of the page */
    OpenMetricsLabel labels[LABELS_MAX];
    unsigned n_labels;
} MetricObject;

/** What a page is made of. */
typedef struct MetricsPage {
    OpenMetrics om;
    NetdevInfoList *netdevs;      /* owned */
    NetFilterInfoList *filters;   /* owned */
    NetExportInfoList *exports;   /* owned */
    ColoCompareInfoList *compares; /* owned */
} MetricsPage;

/* --- Objects ------------------------------------------------------------------------------- */

static GArray *objects_new(void)
{
    return g_array_new(FALSE, TRUE, sizeof(MetricObject));
}

static MetricObject *objects_add(GArray *objects, const void *info, const char *name,
                                 const char *value)
{
    MetricObject object = { .info = info, .n_labels = 1 };

    object.labels[0] = (OpenMetricsLabel) { name, value };
    g_array_append_val(objects, object);
    return &g_array_index(objects, MetricObject, objects->len - 1);
}

static void object_label(MetricObject *object, const char *name, const char *value)
{
    g_assert(object->n_labels + 2 < LABELS_MAX);
    object->labels[object->n_labels++] = (OpenMetricsLabel) { name, value };
}

/* --- Samples ------------------------------------------------------------------------------- */

#define MEMBER(type, info, offset) G_STRUCT_MEMBER(type, info, offset)

static const NetCountInfo *row_count(const MetricRow *row, const void *info)
{
    return MEMBER(NetCountInfo *, info, row->offset);
}

/* A sample for each reason for which anything was dropped. */
static void sample_drops(OpenMetrics *om, const MetricRow *row, MetricObject *object,
                         bool is_bytes)
{
    OpenMetricsLabel *label = &object->labels[object->n_labels];
    const NetDropCountList *drops = MEMBER(NetDropCountList *, object->info, row->offset);

    for (size_t i = 0; i < drops->len; i++) {
        const NetDropCount *drop = &drops->items[i];

        label->name = "reason";
        label->value = qapi_enum_name(row->enum_type, (int)drop->reason);
        openmetrics_sample(om, object->labels, is_bytes ? drop->bytes : drop->frames);
    }
    *label = (OpenMetricsLabel) { NULL, NULL };
}

/* A sample for each value of the enum: 1 for the present one. */
static void sample_states(OpenMetrics *om, const MetricRow *row, MetricObject *object)
{
    OpenMetricsLabel *label = &object->labels[object->n_labels];
    int state = MEMBER(int, object->info, row->offset);

    for (size_t i = 0; i < row->enum_type->n_values; i++) {
        label->name = om->name;
        label->value = qapi_enum_name(row->enum_type, (int)i);
        openmetrics_sample(om, object->labels, state == (int)i);
    }
    *label = (OpenMetricsLabel) { NULL, NULL };
}

static void sample_row(OpenMetrics *om, const MetricRow *row, MetricObject *object, bool is_bytes)
{
    const void *info = object->info;

    if (row->is_optional && !MEMBER(bool, info, row->has_offset)) {
        return;
    }
    switch (row->kind) {
    case METRIC_UINT64:
    case METRIC_BYTES:
        openmetrics_sample(om, object->labels, MEMBER(uint64_t, info, row->offset));
        break;
    case METRIC_UINT32:
        openmetrics_sample(om, object->labels, MEMBER(uint32_t, info, row->offset));
        break;
    case METRIC_BOOL:
        openmetrics_sample(om, object->labels, MEMBER(bool, info, row->offset));
        break;
    case METRIC_MS:
        openmetrics_sample_ms(om, object->labels, MEMBER(uint64_t, info, row->offset));
        break;
    case METRIC_COUNT:
        openmetrics_sample(om, object->labels, is_bytes ? row_count(row, info)->bytes
                                                        : row_count(row, info)->frames);
        break;
    case METRIC_DROPS:
        sample_drops(om, row, object, is_bytes);
        break;
    case METRIC_STATE:
        sample_states(om, row, object);
        break;
    }
}

/* --- Families ------------------------------------------------------------------------------ */

static const char *const metric_units[] = {
    [METRIC_UINT64] = NULL, [METRIC_UINT32] = NULL, [METRIC_BOOL] = NULL, [METRIC_MS] = "seconds",
    [METRIC_BYTES] = "bytes", [METRIC_COUNT] = "frames", [METRIC_DROPS] = "frames",
    [METRIC_STATE] = NULL,
};

/* @unit: of the family; NULL = none */
static void page_add_family(MetricsPage *page, const MetricTable *table, const MetricRow *row,
                            const char *unit, GArray *objects)
{
    g_autofree char *name = g_strconcat(table->prefix, "_", row->name, unit ? "_" : NULL, unit,
                                        NULL);
    OpenMetricsType type = row->kind == METRIC_STATE ? OPENMETRICS_STATESET
                           : row->is_gauge ? OPENMETRICS_GAUGE : OPENMETRICS_COUNTER;
    bool is_bytes = unit && g_str_equal(unit, "bytes");

    openmetrics_family(&page->om, type, name, unit, row->help);
    for (guint i = 0; i < objects->len; i++) {
        sample_row(&page->om, row, &g_array_index(objects, MetricObject, i), is_bytes);
    }
}

/* @objects: taken */
static void page_add_table(MetricsPage *page, const MetricTable *table, GArray *objects)
{
    for (size_t i = 0; i < table->n_rows; i++) {
        const MetricRow *row = &table->rows[i];

        page_add_family(page, table, row, metric_units[row->kind], objects);
        if (row->kind == METRIC_COUNT || row->kind == METRIC_DROPS) {
            page_add_family(page, table, row, "bytes", objects);
        }
    }
    g_array_unref(objects);
}

/* Objects and what does not change about them. @objects: taken */
static void page_add_info(MetricsPage *page, const char *name, const char *help, GArray *objects)
{
    openmetrics_family(&page->om, OPENMETRICS_INFO, name, NULL, help);
    for (guint i = 0; i < objects->len; i++) {
        openmetrics_sample(&page->om, g_array_index(objects, MetricObject, i).labels, 1);
    }
    g_array_unref(objects);
}

/* --- What there is ------------------------------------------------------------------------- */

static void page_add_process(MetricsPage *page)
{
    const OpenMetricsLabel labels[] = { { "version", PROJECT_VERSION }, { NULL, NULL } };

    openmetrics_family(&page->om, OPENMETRICS_INFO, "qemu_net_daemon", NULL, "The program.");
    openmetrics_sample(&page->om, labels, 1);
    openmetrics_family(&page->om, OPENMETRICS_GAUGE, "qemu_net_vm_running", NULL,
                       "Whether the VM runs.");
    openmetrics_sample(&page->om, NULL, run_state_is_running());
}

static void objects_add_chain(GArray *objects, const NetdevInfo *netdev, const void *chain,
                              const char *direction)
{
    if (chain) {
        object_label(objects_add(objects, chain, "netdev", netdev->id), "direction", direction);
    }
}

static void page_add_netdevs(MetricsPage *page)
{
    GArray *infos = objects_new();
    GArray *objects = objects_new();
    GArray *chains = objects_new();
    GArray *stops = objects_new();

    for (size_t i = 0; i < page->netdevs->len; i++) {
        const NetdevInfo *netdev = &page->netdevs->items[i];
        MetricObject *info = objects_add(infos, netdev, "netdev", netdev->id);

        object_label(info, "type", qapi_enum_name(QAPI_TYPE(NetClientDriver), (int)netdev->type));
        object_label(info, "peer", netdev->peer);
        objects_add(objects, netdev, "netdev", netdev->id);
        objects_add_chain(chains, netdev, netdev->tx, "tx");
        objects_add_chain(chains, netdev, netdev->rx, "rx");
        objects_add_chain(stops, netdev, netdev->tx ? netdev->tx->while_stopped : NULL, "tx");
        objects_add_chain(stops, netdev, netdev->rx ? netdev->rx->while_stopped : NULL, "rx");
    }
    page_add_info(page, "qemu_net_netdev", "Netdevs, and the peer of each.", infos);
    page_add_table(page, &metrics_netdev, objects);
    page_add_table(page, &metrics_chain, chains);
    page_add_table(page, &metrics_stopped, stops);
}

static void page_add_filters(MetricsPage *page)
{
    GArray *infos = objects_new();
    GArray *objects = objects_new();
    GArray *handovers = objects_new();
    GArray *rewriters = objects_new();

    for (size_t i = 0; i < page->filters->len; i++) {
        const NetFilterInfo *filter = &page->filters->items[i];
        MetricObject *info = objects_add(infos, filter, "filter", filter->id);

        object_label(info, "type", filter->type);
        object_label(info, "netdev", filter->netdev);
        object_label(info, "queue", qapi_enum_name(QAPI_TYPE(NetFilterDirection),
                                                   (int)filter->queue));
        objects_add(objects, filter, "filter", filter->id);
        if (filter->handover) {
            objects_add(handovers, filter->handover, "filter", filter->id);
        }
        if (filter->rewriter) {
            objects_add(rewriters, filter->rewriter, "filter", filter->id);
        }
    }
    page_add_info(page, "qemu_net_filter", "Filters, and the netdev of each.", infos);
    page_add_table(page, &metrics_filter, objects);
    page_add_table(page, &metrics_handover, handovers);
    page_add_table(page, &metrics_rewriter, rewriters);
}

static void page_add_exports(MetricsPage *page)
{
    GArray *infos = objects_new();
    GArray *objects = objects_new();

    for (size_t i = 0; i < page->exports->len; i++) {
        const NetExportInfo *export = &page->exports->items[i];
        MetricObject *info = objects_add(infos, export, "export", export->id);

        object_label(info, "type", qapi_enum_name(QAPI_TYPE(NetExportType), (int)export->type));
        object_label(info, "netdev", export->netdev);
        objects_add(objects, export, "export", export->id);
    }
    page_add_info(page, "qemu_net_export", "Exports, and the netdev of each.", infos);
    page_add_table(page, &metrics_export, objects);
}

static void page_add_compares(MetricsPage *page)
{
    GArray *objects = objects_new();
    GArray *sides = objects_new();

    for (size_t i = 0; i < page->compares->len; i++) {
        const ColoCompareInfo *compare = &page->compares->items[i];

        objects_add(objects, compare, "colo_compare", compare->id);
        object_label(objects_add(sides, compare->primary, "colo_compare", compare->id), "side",
                     "primary");
        object_label(objects_add(sides, compare->secondary, "colo_compare", compare->id), "side",
                     "secondary");
    }
    page_add_table(page, &metrics_compare, objects);
    page_add_table(page, &metrics_compare_side, sides);
}

GString *metrics_page_new(void)
{
    MetricsPage page = {
        .netdevs = qmp_query_netdevs(NULL),
        .filters = qmp_query_netfilters(NULL),
        .exports = qmp_query_net_exports(NULL),
        .compares = qmp_query_colo_compare(NULL),
    };

    openmetrics_init(&page.om);
    page_add_process(&page);
    page_add_netdevs(&page);
    page_add_filters(&page);
    page_add_exports(&page);
    page_add_compares(&page);
    qapi_free_NetdevInfoList(page.netdevs);
    qapi_free_NetFilterInfoList(page.filters);
    qapi_free_NetExportInfoList(page.exports);
    qapi_free_ColoCompareInfoList(page.compares);
    return openmetrics_finish(&page.om);
}
