/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which members of the structs of QMP are metrics, and what they mean. */

#include "system/metrics-tables.h"

#include <glib.h>

#include "qapi/qapi-types.h"

/* COUNTER, GAUGE: a member and what it is. OPTIONAL: that is not always there. */
#define ROW(struct_, member, kind_, gauge, type, text)                               \
    { .name = #member, .kind = METRIC_##kind_, .is_gauge = gauge,                     \
      .offset = offsetof(struct_, member), .enum_type = type, .help = text }
#define COUNTER(struct_, member, kind, text) ROW(struct_, member, kind, false, NULL, text)
#define GAUGE(struct_, member, kind, text) ROW(struct_, member, kind, true, NULL, text)
#define DROPS(struct_, member, type, text)                                           \
    ROW(struct_, member, DROPS, false, QAPI_TYPE(type), text)
#define STATE(struct_, member, type, text)                                           \
    ROW(struct_, member, STATE, true, QAPI_TYPE(type), text)
#define OPTIONAL(struct_, member_, kind_, gauge, text)                               \
    { .name = #member_, .kind = METRIC_##kind_, .is_gauge = gauge, .is_optional = true, \
      .offset = offsetof(struct_, member_), .has_offset = offsetof(struct_, has_##member_), \
      .help = text }

/* The lists of drops are alike but for the type of the reason. */
G_STATIC_ASSERT(sizeof(ColoDropCount) == sizeof(NetDropCount));
G_STATIC_ASSERT(offsetof(ColoDropCount, frames) == offsetof(NetDropCount, frames));
G_STATIC_ASSERT(offsetof(ColoDropCount, bytes) == offsetof(NetDropCount, bytes));
G_STATIC_ASSERT(offsetof(ColoDropCountList, items) == offsetof(NetDropCountList, items));

static const MetricRow netdev_rows[] = {
    GAUGE(NetdevInfo, link_up, BOOL, "Whether its link is up."),
    GAUGE(NetdevInfo, polled, BOOL, "Whether it is read at present."),
    GAUGE(NetdevInfo, stopped_readers, UINT32,
          "Filters that ask for it to be read while the VM is stopped."),
    COUNTER(NetdevInfo, malformed, UINT64, "Byte streams closed because of a malformed frame."),
    COUNTER(NetdevInfo, truncated, UINT64, "Datagrams cut to the longest frame."),
    DROPS(NetdevInfo, dropped, NetDropReason, "Dropped before they entered a direction."),
    OPTIONAL(NetdevInfo, kernel_dropped, UINT64, false,
             "Frames that the kernel dropped before they could be read."),
    COUNTER(NetdevInfo, limit_reached, UINT64,
            "Times that it was read no more because of its hold limit."),
};

static const MetricRow chain_rows[] = {
    COUNTER(NetChainInfo, in, COUNT, "Started at the source of the direction."),
    COUNTER(NetChainInfo, injected, COUNT, "Put in by filters."),
    COUNTER(NetChainInfo, delivered, COUNT, "Taken by the end of the direction."),
    COUNTER(NetChainInfo, consumed, COUNT, "Taken out by filters."),
    GAUGE(NetChainInfo, held, COUNT, "Waiting."),
    DROPS(NetChainInfo, dropped, NetDropReason, "Dropped on the way."),
    GAUGE(NetChainInfo, hold_size, BYTES,
          "Memory that waiting frames may take while the VM is stopped."),
    GAUGE(NetChainInfo, blocked, BOOL, "Whether the source has to wait."),
};

static const MetricRow stopped_rows[] = {
    GAUGE(NetStoppedInfo, in, COUNT, "Started at the source during the last stop of the VM."),
    GAUGE(NetStoppedInfo, consumed, COUNT, "Taken out by filters during the last stop of the VM."),
    GAUGE(NetStoppedInfo, dropped, COUNT, "Dropped during the last stop of the VM."),
};

static const MetricRow filter_rows[] = {
    GAUGE(NetFilterInfo, wants_stopped, BOOL,
          "Whether it asks for frames while the VM is stopped."),
    OPTIONAL(NetFilterInfo, enable_when_stopped, BOOL, true, "Whether it is to ask."),
    OPTIONAL(NetFilterInfo, outdev_connected, BOOL, true, "Whether frames can be sent to outdev."),
    OPTIONAL(NetFilterInfo, indev_connected, BOOL, true, "Whether indev is connected."),
    COUNTER(NetFilterInfo, in, COUNT, "Came to the filter."),
    COUNTER(NetFilterInfo, passed, COUNT, "Went on."),
    COUNTER(NetFilterInfo, consumed, COUNT, "Ended at the filter."),
    COUNTER(NetFilterInfo, injected, COUNT, "Put in by the filter."),
    COUNTER(NetFilterInfo, to_outdev, COUNT, "Sent to outdev."),
    COUNTER(NetFilterInfo, from_indev, COUNT, "Received from indev."),
    COUNTER(NetFilterInfo, copies_lost, COUNT,
            "Went on without the copy or record that they should have left."),
    COUNTER(NetFilterInfo, malformed, UINT64,
            "Connections of indev that brought what is no frame."),
    COUNTER(NetFilterInfo, empty, UINT64, "Frames of length 0 from indev."),
    GAUGE(NetFilterInfo, held, COUNT, "Waiting at the filter."),
    DROPS(NetFilterInfo, dropped, NetDropReason, "Dropped by the filter."),
    OPTIONAL(NetFilterInfo, kernel_dropped, UINT64, false,
             "Datagrams for indev that the kernel dropped."),
};

static const MetricRow handover_rows[] = {
    STATE(NetHandoverInfo, phase, NetHandoverPhase, "Where the end of the hand-over stands."),
    GAUGE(NetHandoverInfo, connected, BOOL, "Whether the channel to the other host stands."),
    GAUGE(NetHandoverInfo, round, UINT32, "Number of the present or last hand-over."),
    GAUGE(NetHandoverInfo, armed, BOOL,
          "Destination: whether a round that is not known will be taken."),
    GAUGE(NetHandoverInfo, kept, COUNT, "Kept here."),
    GAUGE(NetHandoverInfo, unsent, COUNT, "Kept and not sent yet."),
    COUNTER(NetHandoverInfo, in_flight, UINT64,
            "Frames that may not have reached the guest and went along."),
    COUNTER(NetHandoverInfo, taken, UINT64, "Source: frames taken out of the netdev."),
    COUNTER(NetHandoverInfo, acknowledged, UINT64,
            "Source: frames that the VM at the destination gets."),
    COUNTER(NetHandoverInfo, returned, UINT64, "Source: frames that went back to the guest here."),
    COUNTER(NetHandoverInfo, received, UINT64, "Destination: frames from the source."),
    COUNTER(NetHandoverInfo, repeated, UINT64, "Destination: those that were here already."),
    COUNTER(NetHandoverInfo, injected, UINT64, "Destination: those that went to the guest."),
    COUNTER(NetHandoverInfo, cancelled, UINT64, "Destination: those that were forgotten."),
    COUNTER(NetHandoverInfo, refused, UINT64,
            "Destination: those that found no room and are sent again."),
    COUNTER(NetHandoverInfo, dropped, UINT64, "Source: frames that no VM gets."),
    COUNTER(NetHandoverInfo, unasked, UINT64,
            "Source: frames returned without the word of the destination."),
    COUNTER(NetHandoverInfo, split, UINT64, "Frames that are at both VMs."),
    OPTIONAL(NetHandoverInfo, quiet, MS, true, "Source: time since the last frame came."),
};

static const MetricRow rewriter_rows[] = {
    GAUGE(NetRewriterInfo, connections, UINT32, "Connections in the table."),
    GAUGE(NetRewriterInfo, translated, UINT32, "Connections whose numbers are changed."),
    GAUGE(NetRewriterInfo, lingering, UINT32,
          "Connections that are over and stay for late segments."),
    COUNTER(NetRewriterInfo, added, UINT64, "Connections tracked so far."),
    COUNTER(NetRewriterInfo, closed, UINT64, "Connections forgotten because they were over."),
    COUNTER(NetRewriterInfo, evicted, UINT64, "Connections forgotten to make room."),
    COUNTER(NetRewriterInfo, rewritten, UINT64, "Frames changed."),
    COUNTER(NetRewriterInfo, untracked, UINT64, "Frames passed unread."),
    COUNTER(NetRewriterInfo, malformed, UINT64,
            "Frames passed because their headers are damaged."),
    GAUGE(NetRewriterInfo, failover, BOOL, "Whether a failover has happened."),
};

static const MetricRow export_rows[] = {
    GAUGE(NetExportInfo, netdev_gone, BOOL, "Whether its netdev was deleted."),
    GAUGE(NetExportInfo, shutting_down, BOOL, "Whether it is about to be deleted."),
    GAUGE(NetExportInfo, connected, BOOL, "Whether a guest is connected."),
    COUNTER(NetExportInfo, connections, UINT64, "Guests that have been connected so far."),
    GAUGE(NetExportInfo, link_up, BOOL, "Whether its link is up."),
    GAUGE(NetExportInfo, gating, BOOL, "Whether one frame is handed over at a time right now."),
    GAUGE(NetExportInfo, enable_when_stopped, BOOL,
          "Whether it keeps the netdev read while the VM is stopped."),
    GAUGE(NetExportInfo, hold_size, BYTES,
          "Memory that waiting frames may take in either direction."),
    COUNTER(NetExportInfo, to_guest, COUNT, "Handed over to the QEMU of the guest."),
    COUNTER(NetExportInfo, from_guest, COUNT, "Received from it."),
    GAUGE(NetExportInfo, held_to_guest, COUNT, "Waiting for the guest."),
    GAUGE(NetExportInfo, held_from_guest, COUNT, "Waiting for filters or the netdev."),
    GAUGE(NetExportInfo, at_limit, BOOL,
          "Whether what waits for the guest takes all the memory that it may."),
    STATE(NetExportInfo, waits_for, NetExportWait, "What frames toward the guest wait for."),
    GAUGE(NetExportInfo, reading, BOOL, "Whether what the guest sends is read."),
    OPTIONAL(NetExportInfo, unread, BYTES, true,
             "Handed over and not read yet by the QEMU of the guest."),
    GAUGE(NetExportInfo, in_flight, UINT64,
          "Frames handed over before the stop that may not have arrived."),
    COUNTER(NetExportInfo, malformed, UINT64, "Connections that brought what is no frame."),
    DROPS(NetExportInfo, dropped, NetDropReason, "Dropped by the export."),
    OPTIONAL(NetExportInfo, kernel_dropped, UINT64, false,
             "Frames from the guest that the kernel dropped."),
};

static const MetricRow compare_rows[] = {
    GAUGE(ColoCompareInfo, held, COUNT,
          "Packets of the primary that may go out and wait for outdev."),
    GAUGE(ColoCompareInfo, connections, UINT32, "Connections in the table."),
    COUNTER(ColoCompareInfo, added, UINT64, "Connections compared so far."),
    COUNTER(ColoCompareInfo, closed, UINT64,
            "Connections forgotten because they were over or idle."),
    COUNTER(ColoCompareInfo, evicted, UINT64, "Connections forgotten to make room."),
    COUNTER(ColoCompareInfo, untracked, UINT64, "Packets of the primary that cannot be compared."),
    COUNTER(ColoCompareInfo, malformed, UINT64, "Packets whose headers are damaged."),
    COUNTER(ColoCompareInfo, matches, UINT64,
            "Packets of the primary that went out as both agree."),
    COUNTER(ColoCompareInfo, mismatches, UINT64, "Differences found."),
    COUNTER(ColoCompareInfo, timeouts, UINT64,
            "Searches that found a packet that had waited too long."),
    COUNTER(ColoCompareInfo, checkpoints_requested, UINT64, "Checkpoints asked for."),
    COUNTER(ColoCompareInfo, requests_lost, UINT64, "Requests that nobody read."),
    COUNTER(ColoCompareInfo, notices_unknown, UINT64, "Messages of notify_dev that mean nothing."),
    COUNTER(ColoCompareInfo, notices_malformed, UINT64,
            "Connections of notify_dev that brought an impossible length."),
    COUNTER(ColoCompareInfo, checkpoints, UINT64, "Checkpoints taken."),
    GAUGE(ColoCompareInfo, alone, BOOL,
          "Whether all packets of the primary go out after a failover."),
};

static const MetricRow compare_side_rows[] = {
    COUNTER(ColoSideInfo, in, COUNT, "Packets that came from the guest."),
    COUNTER(ColoSideInfo, done, COUNT,
            "Packets sent to outdev (primary) or compared (secondary)."),
    GAUGE(ColoSideInfo, queued, COUNT, "Packets that wait to be compared."),
    DROPS(ColoSideInfo, dropped, ColoDropReason, "Packets dropped."),
    COUNTER(ColoSideInfo, malformed, UINT64, "Connections that brought what is no frame."),
    COUNTER(ColoSideInfo, empty, UINT64, "Frames of length 0."),
};

#define TABLE(prefix_, rows_) { .prefix = prefix_, .rows = rows_, .n_rows = G_N_ELEMENTS(rows_) }

const MetricTable metrics_netdev = TABLE("qemu_net_netdev", netdev_rows);
const MetricTable metrics_chain = TABLE("qemu_net_chain", chain_rows);
const MetricTable metrics_stopped = TABLE("qemu_net_last_stop", stopped_rows);
const MetricTable metrics_filter = TABLE("qemu_net_filter", filter_rows);
const MetricTable metrics_handover = TABLE("qemu_net_handover", handover_rows);
const MetricTable metrics_rewriter = TABLE("qemu_net_rewriter", rewriter_rows);
const MetricTable metrics_export = TABLE("qemu_net_export", export_rows);
const MetricTable metrics_compare = TABLE("qemu_net_colo_compare", compare_rows);
const MetricTable metrics_compare_side = TABLE("qemu_net_colo_side", compare_side_rows);
