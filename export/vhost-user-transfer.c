/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Brings what waits for a vhost-user guest to the host that it migrates to, through its QEMU. */

/*
 * At the source the frames leave the chain when the state is saved, and count as delivered; they
 * are kept until it is known where the guest goes on. At the destination they enter the chain, as
 * injected, only when the guest's rings are started. In both places they go in front of all that
 * waits: what a filter-handover brings is younger.
 *
 * A filter on the way that takes what waits for the guest (a filter-handover, a redirector) has
 * taken it before the state is saved, and the state is then empty. So each frame goes one way.
 *
 * The pipe is the front-end's. Both ends of it may be slow, and nobody waits for it but the loop.
 */

#include "export/vhost-user-transfer.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/error.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/trace.h"

TRACE_POINT(vhost_user_transfer);

/* Bytes of one wake-up; a pipe has mostly no more. */
#define TRANSFER_TURN (256u * 1024)

/* A pipe has no more than this in it, whoever made it (pipe(7): /proc/sys/fs/pipe-max-size). */
#define TRANSFER_TURNS_AT_END 4096u

#define PHASE_NAME(phase) qapi_enum_name(QAPI_TYPE(NetExportStatePhase), (int)(phase))

static void transfer_set_phase(VhostUserTransfer *transfer, NetExportStatePhase phase)
{
    TRACE(vhost_user_transfer, "%s: %s -> %s", transfer->source, PHASE_NAME(transfer->phase),
          PHASE_NAME(phase));
    transfer->phase = phase;
    g_clear_pointer(&transfer->error, g_free);
}

static void transfer_close_pipe(VhostUserTransfer *transfer)
{
    g_clear_pointer(&transfer->watch, fd_watch_free);
    fd_close(&transfer->fd);
}

/* The other end of the pipe learns it by the end of the pipe, the front-end when it asks. */
static void transfer_fail(VhostUserTransfer *transfer, const char *why)
{
    const char *what = transfer->phase == NET_EXPORT_STATE_PHASE_SAVING ? "saved" : "loaded";

    transfer_close_pipe(transfer);
    vhost_state_writer_end(&transfer->writer, &transfer->frames);
    vhost_state_reader_end(&transfer->reader);
    transfer_set_phase(transfer, NET_EXPORT_STATE_PHASE_FAILED);
    transfer->error = g_strdup_printf("the state could not be %s: %s", what, why);
    log_limited_error(transfer->source, what, "%s", transfer->error);
}

/* --- Saving ------------------------------------------------------------------------------ */

/* Returns: whether there is more to write, and room for it; the phase may have changed. */
static bool transfer_write_some(VhostUserTransfer *transfer, size_t *budget)
{
    size_t len;
    const uint8_t *data = vhost_state_writer_data(&transfer->writer, &len);
    ssize_t n;

    if (!data) {
        transfer_close_pipe(transfer);
        vhost_state_writer_end(&transfer->writer, &transfer->frames);
        transfer_set_phase(transfer, NET_EXPORT_STATE_PHASE_SAVED);
        return false;
    }
    n = write(transfer->fd, data, len);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        transfer_fail(transfer, g_strerror(errno));
    }
    if (n <= 0) {
        return n < 0 && errno == EINTR;
    }
    vhost_state_writer_advance(&transfer->writer, (size_t)n);
    *budget -= MIN(*budget, (size_t)n);
    return true;
}

static void transfer_writable(int fd, FdEvents events, void *opaque)
{
    VhostUserTransfer *transfer = opaque;
    size_t budget = TRANSFER_TURN;

    while (budget > 0 && transfer_write_some(transfer, &budget)) {
        continue;
    }
}

/* --- Loading ----------------------------------------------------------------------------- */

/** What a read of the pipe has found. */
typedef enum TransferRead {
    TRANSFER_READ_SOME,
    TRANSFER_READ_NOTHING, /* at the moment */
    TRANSFER_READ_END,     /* or the phase is "failed" */
} TransferRead;

static TransferRead transfer_read_some(VhostUserTransfer *transfer)
{
    static uint8_t buffer[TRANSFER_TURN];
    g_autoptr(GError) error = NULL;
    ssize_t n;

    do {
        n = read(transfer->fd, buffer, sizeof(buffer));
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN) {
        return TRANSFER_READ_NOTHING;
    }
    if (n < 0) {
        transfer_fail(transfer, g_strerror(errno));
        return TRANSFER_READ_END;
    }
    if (n > 0 && !vhost_state_reader_push(&transfer->reader, buffer, (size_t)n, &error)) {
        transfer_fail(transfer, error->message);
        return TRANSFER_READ_END;
    }
    return n > 0 ? TRANSFER_READ_SOME : TRANSFER_READ_END;
}

static void transfer_loaded(VhostUserTransfer *transfer)
{
    g_autoptr(GError) error = NULL;

    if (transfer->phase != NET_EXPORT_STATE_PHASE_LOADING) {
        return;
    }
    if (!vhost_state_reader_check(&transfer->reader, &transfer->frames, &error)) {
        transfer_fail(transfer, error->message);
        return;
    }
    transfer_close_pipe(transfer);
    vhost_state_reader_end(&transfer->reader);
    transfer_set_phase(transfer, NET_EXPORT_STATE_PHASE_LOADED);
}

static void transfer_readable(int fd, FdEvents events, void *opaque)
{
    VhostUserTransfer *transfer = opaque;

    if (transfer_read_some(transfer) == TRANSFER_READ_END) {
        transfer_loaded(transfer);
    }
}

/* The front-end has closed its end: what is in the pipe is the rest. */
static void transfer_read_rest(VhostUserTransfer *transfer)
{
    TransferRead found = TRANSFER_READ_SOME;

    for (unsigned i = 0; i < TRANSFER_TURNS_AT_END && found == TRANSFER_READ_SOME; i++) {
        found = transfer_read_some(transfer);
    }
    if (found == TRANSFER_READ_END) {
        transfer_loaded(transfer);
    } else {
        transfer_fail(transfer, "it has not ended when the VM's QEMU asks for the outcome");
    }
}

/* --- Begin and end ----------------------------------------------------------------------- */

/* The frames of an earlier attempt wait for the guest as before. Takes @reason. */
static bool transfer_refuse(VhostUserTransfer *transfer, GError *reason, GError **error)
{
    transfer_set_phase(transfer, NET_EXPORT_STATE_PHASE_FAILED);
    transfer->error = g_strdup(reason->message);
    g_propagate_error(error, reason);
    return false;
}

/*
 * More frames come while a VM that does not run is saved time and again. Those that are kept are
 * out of the chain, and its limit is no limit for them; and no destination takes more than this.
 */
static bool transfer_has_room(const VhostUserTransfer *transfer, GError **error)
{
    uint64_t limit = MIN(transfer->nc->hold_size, INT64_MAX) + VHOST_STATE_EXCESS;
    NetClientCounts counts;
    uint64_t cost;

    net_client_get_counts(transfer->nc, &counts);
    cost = net_hold_cost(&transfer->frames) + counts.to_held.bytes +
           counts.to_held.frames * NET_HOLD_FRAME_OVERHEAD;
    return transfer->frames.n_frames == 0 || cost <= limit ||
           error_set(error, "what waits takes %" PRIu64 " bytes with the frames of an earlier "
                     "attempt, and the hold-size of this export allows %" PRIu64, cost, limit);
}

/* What has begun before is given up. Frames that are kept stay: the VM may be one that waits. */
static void transfer_abandon(VhostUserTransfer *transfer)
{
    transfer_close_pipe(transfer);
    vhost_state_writer_end(&transfer->writer, &transfer->frames);
    vhost_state_reader_end(&transfer->reader);
    transfer_set_phase(transfer, NET_EXPORT_STATE_PHASE_NONE);
}

/* Anything else might be always ready, or never. */
static bool transfer_take_pipe(VhostUserTransfer *transfer, int fd, FdWatchFunc *func,
                               FdEvents events, GError **error)
{
    auto_fd int taken = fd;
    struct stat st;

    if (fstat(taken, &st) < 0 || !(S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)) ||
        !fd_set_nonblocking(taken, true)) {
        return error_set(error, "the descriptor given is no pipe");
    }
    transfer->fd = fd_steal(&taken);
    transfer->watch = fd_watch_new(transfer->fd, func, transfer);
    fd_watch_set(transfer->watch, events);
    return true;
}

bool vhost_user_transfer_save(VhostUserTransfer *transfer, int fd, GError **error)
{
    GError *reason = NULL;
    auto_fd int taken = fd;

    transfer_abandon(transfer);
    if (!transfer_has_room(transfer, &reason) ||
        !transfer_take_pipe(transfer, fd_steal(&taken), transfer_writable, FD_EVENT_WRITE,
                            &reason)) {
        return transfer_refuse(transfer, reason, error);
    }
    net_client_take_held(transfer->nc, &transfer->frames);
    transfer_set_phase(transfer, NET_EXPORT_STATE_PHASE_SAVING);
    vhost_state_writer_begin(&transfer->writer, &transfer->frames);
    return true;
}

bool vhost_user_transfer_load(VhostUserTransfer *transfer, int fd, GError **error)
{
    GError *reason = NULL;

    if (transfer->phase == NET_EXPORT_STATE_PHASE_LOADED) {
        net_hold_clear(&transfer->frames);
    }
    transfer_abandon(transfer);
    if (!transfer_take_pipe(transfer, fd, transfer_readable, FD_EVENT_READ, &reason)) {
        return transfer_refuse(transfer, reason, error);
    }
    transfer_set_phase(transfer, NET_EXPORT_STATE_PHASE_LOADING);
    vhost_state_reader_begin(&transfer->reader, transfer->nc->hold_size);
    return true;
}

bool vhost_user_transfer_check(VhostUserTransfer *transfer, GError **error)
{
    if (transfer->phase == NET_EXPORT_STATE_PHASE_LOADING) {
        transfer_read_rest(transfer);
    }
    switch (transfer->phase) {
    case NET_EXPORT_STATE_PHASE_SAVED:
    case NET_EXPORT_STATE_PHASE_LOADED:
        return true;
    case NET_EXPORT_STATE_PHASE_NONE:
        return error_set(error, "no state was to be saved or loaded");
    case NET_EXPORT_STATE_PHASE_SAVING:
    case NET_EXPORT_STATE_PHASE_LOADING:
        transfer_fail(transfer, "the VM's QEMU has not read all of it");
        break;
    case NET_EXPORT_STATE_PHASE_FAILED:
        break;
    }
    return error_set(error, "%s", transfer->error);
}

void vhost_user_transfer_started(VhostUserTransfer *transfer)
{
    if (transfer->phase == NET_EXPORT_STATE_PHASE_NONE) {
        return;
    }
    transfer_close_pipe(transfer);
    vhost_state_writer_end(&transfer->writer, &transfer->frames);
    vhost_state_reader_end(&transfer->reader);
    net_client_return_held(transfer->nc, &transfer->frames);
    transfer_set_phase(transfer, NET_EXPORT_STATE_PHASE_NONE);
}

void vhost_user_transfer_closed(VhostUserTransfer *transfer)
{
    if (transfer->phase == NET_EXPORT_STATE_PHASE_SAVED ||
        transfer->phase == NET_EXPORT_STATE_PHASE_LOADED) {
        net_hold_clear(&transfer->frames);
    }
    vhost_user_transfer_started(transfer);
}

/* --- Life -------------------------------------------------------------------------------- */

void vhost_user_transfer_init(VhostUserTransfer *transfer, NetClient *nc, const char *source)
{
    *transfer = (VhostUserTransfer) {
        .nc = nc, .source = source, .phase = NET_EXPORT_STATE_PHASE_NONE, .fd = -1,
    };
}

void vhost_user_transfer_clear(VhostUserTransfer *transfer)
{
    transfer_close_pipe(transfer);
    vhost_state_writer_end(&transfer->writer, &transfer->frames);
    vhost_state_reader_end(&transfer->reader);
    net_hold_clear(&transfer->frames);
    g_free(transfer->error);
}

NetExportStateInfo *vhost_user_transfer_info(const VhostUserTransfer *transfer)
{
    const VhostStateWriter *writer = &transfer->writer;
    NetExportStateInfo *info;

    if (transfer->phase == NET_EXPORT_STATE_PHASE_NONE) {
        return NULL;
    }
    info = g_new0(NetExportStateInfo, 1);
    info->phase = transfer->phase;
    info->frames = transfer->frames.n_frames + writer->todo.n_frames + writer->done.n_frames +
                   transfer->reader.frames.n_frames;
    info->bytes = transfer->frames.n_bytes + writer->todo.n_bytes + writer->done.n_bytes +
                  transfer->reader.frames.n_bytes;
    info->error = g_strdup(transfer->error);
    return info;
}
