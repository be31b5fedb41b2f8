/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter-dump records frames to a pcap file. */

/*
 * Records gather in a buffer that is written when it is full, a moment after the first of them,
 * and at the end. Frames for which a slow reader (the file may be a FIFO) leaves no room are not
 * recorded, but counted. So are frames that a full disk takes only in part: the file is cut back
 * to its last whole record, and the next records are tried again. Where nothing can be taken back,
 * as in a FIFO whose reader has gone, recording ends.
 */

#include "net/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/error.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/output-file.h"

#define DUMP_BUFFER_SIZE (256u * 1024)
#define DUMP_FLUSH_NS (INT64_C(20) * 1000 * 1000)

#define PCAP_MAGIC 0xa1b2c3d4u /* host byte order, time stamps in microseconds */
#define PCAP_LINKTYPE_ETHERNET 1

/** The file's header (docs/protocol.rst, "Recorded files"); all in host byte order. */
typedef struct PcapHeader {
    uint32_t magic;
    uint16_t version_major;
    uint16_t version_minor;
    uint32_t thiszone;
    uint32_t sigfigs;
    uint32_t snaplen;
    uint32_t linktype;
} PcapHeader;

/** In front of each frame. */
typedef struct PcapRecord {
    uint32_t seconds;
    uint32_t microseconds;
    uint32_t captured;
    uint32_t original;
} PcapRecord;

G_STATIC_ASSERT(sizeof(PcapHeader) == 24);
G_STATIC_ASSERT(sizeof(PcapRecord) == 16);

/** A filter-dump. */
typedef struct FilterDump {
    NetFilter nf;
    int fd;            /* -1 = recording has ended */
    bool is_regular;   /* it can be cut */
    bool header_due;   /* the buffer begins with the file's header */
    uint8_t *buffer;   /* owned: header or records of which not all is written, from the first on */
    size_t n_buffered;
    size_t n_out;      /* bytes written of the first */
    off_t n_whole;     /* bytes of the file up to there */
    Timer *timer;      /* owned: writes the buffer */
    int64_t wall_us;   /* wall time at creation */
    int64_t virtual_ns; /* and the clocks' time then */
    int64_t real_ns;
    int64_t last_us;   /* the newest stamp */
} FilterDump;

static const FilterDumpProperties *dump_props(const FilterDump *dump)
{
    return dump->nf.obj.props;
}

/* --- The file ---------------------------------------------------------------------------- */

/* Returns: the size of the header or record at @pos of the buffer. */
static size_t dump_item_size(const FilterDump *dump, size_t pos)
{
    PcapRecord record;

    if (pos == 0 && dump->header_due) {
        return sizeof(PcapHeader);
    }
    memcpy(&record, dump->buffer + pos, sizeof(record));
    return sizeof(record) + record.captured;
}

static void dump_buffer_header(FilterDump *dump)
{
    PcapHeader header = {
        .magic = PCAP_MAGIC,
        .version_major = 2,
        .version_minor = 4,
        .snaplen = dump_props(dump)->maxlen,
        .linktype = PCAP_LINKTYPE_ETHERNET,
    };

    memcpy(dump->buffer, &header, sizeof(header));
    dump->n_buffered = sizeof(header);
    dump->n_out = 0;
    dump->header_due = true;
}

static void dump_complain(const FilterDump *dump, const char *why)
{
    g_autofree char *source = g_strdup_printf("filter '%s'", dump->nf.obj.id);

    log_limited_warning(source, why, "cannot write '%s': %s: frames are not recorded",
                        dump_props(dump)->file, why);
}

/* Records that are in the buffer are lost. */
static void dump_lose_buffered(FilterDump *dump)
{
    for (size_t pos = 0; pos < dump->n_buffered; pos += dump_item_size(dump, pos)) {
        PcapRecord record;

        if (pos > 0 || !dump->header_due) {
            memcpy(&record, dump->buffer + pos, sizeof(record));
            net_count_add(&dump->nf.copies_lost, 1, record.original);
        }
    }
    dump->n_buffered = 0;
}

/* What cannot be mended is no pcap file any more. */
static void dump_end(FilterDump *dump)
{
    log_error("filter '%s': network dump write error - stopping dump", dump->nf.obj.id);
    fd_close(&dump->fd);
    timer_stop(dump->timer);
    net_filter_update(&dump->nf);
}

/* Take back what is written of the first record. */
static void dump_fail(FilterDump *dump, int err)
{
    bool is_torn = dump->n_out > 0;

    dump_complain(dump, g_strerror(err));
    dump_lose_buffered(dump);
    dump->n_out = 0;
    if (!dump->is_regular || (is_torn && (ftruncate(dump->fd, dump->n_whole) < 0 ||
                                          lseek(dump->fd, dump->n_whole, SEEK_SET) < 0))) {
        dump_end(dump);
    }
}

/* Forget what is wholly written. */
static void dump_advance(FilterDump *dump)
{
    size_t pos = dump->n_out == dump->n_buffered ? dump->n_buffered : 0;

    while (pos < dump->n_buffered && pos + dump_item_size(dump, pos) <= dump->n_out) {
        pos += dump_item_size(dump, pos);
    }
    dump->header_due &= pos == 0;
    dump->n_whole += (off_t)pos;
    dump->n_out -= pos;
    dump->n_buffered -= pos;
    memmove(dump->buffer, dump->buffer + pos, dump->n_buffered);
}

/* Write what the file takes now; the rest stays. Returns: 0, or the errno of a failure. */
static int dump_flush(FilterDump *dump)
{
    int err = 0;

    while (dump->fd >= 0 && err == 0 && dump->n_out < dump->n_buffered) {
        ssize_t n = write(dump->fd, dump->buffer + dump->n_out, dump->n_buffered - dump->n_out);

        if (n > 0) {
            dump->n_out += (size_t)n;
        } else if (n == 0 || errno != EINTR) {
            err = n == 0 ? EIO : errno;
        }
    }
    dump_advance(dump);
    if (err == EAGAIN) {
        return 0;
    }
    if (err != 0) {
        dump_fail(dump, err);
    }
    return err;
}

static void dump_flush_later(FilterDump *dump)
{
    if (!timer_is_running(dump->timer)) {
        timer_start_at(dump->timer, clock_now_ns(CLOCK_TYPE_REALTIME) + DUMP_FLUSH_NS);
    }
}

static bool dump_has_records(const FilterDump *dump)
{
    return dump->n_buffered > (dump->header_due ? sizeof(PcapHeader) : 0);
}

static void dump_timer(void *opaque)
{
    FilterDump *dump = opaque;

    dump_flush(dump);
    if (dump_has_records(dump)) {
        dump_flush_later(dump);
    }
}

/* Returns: @size bytes at the end of the buffer, or NULL when there is no room. */
static uint8_t *dump_reserve(FilterDump *dump, size_t size)
{
    uint8_t *place;

    if (dump->n_buffered + size > DUMP_BUFFER_SIZE) {
        dump_flush(dump);
    }
    if (dump->fd < 0 || dump->n_buffered + size > DUMP_BUFFER_SIZE) {
        return NULL;
    }
    place = dump->buffer + dump->n_buffered;
    dump->n_buffered += size;
    return place;
}

/* --- Records ----------------------------------------------------------------------------- */

/*
 * Wall time at creation plus what the virtual clock has advanced since; with
 * enable_when_stopped, when that clock would stand still, the host's clock.
 */
static int64_t dump_stamp_us(FilterDump *dump)
{
    int64_t passed_ns = dump_props(dump)->enable_when_stopped
        ? clock_now_ns(CLOCK_TYPE_REALTIME) - dump->real_ns
        : clock_now_ns(CLOCK_TYPE_VIRTUAL) - dump->virtual_ns;

    dump->last_us = MAX(dump->last_us, dump->wall_us + passed_ns / 1000);
    return dump->last_us;
}

static void dump_lose(FilterDump *dump, const NetFrame *frame)
{
    net_count_add(&dump->nf.copies_lost, 1, frame->len);
    if (dump->fd >= 0) {
        dump_complain(dump, "the reader is too slow");
    }
}

static void dump_record(FilterDump *dump, const NetFrame *frame, int64_t stamp_us)
{
    uint32_t skip = MIN(frame->vnet_hdr_len, frame->len);
    uint32_t original = frame->len - skip;
    PcapRecord record = {
        .seconds = stamp_us / G_USEC_PER_SEC,
        .microseconds = stamp_us % G_USEC_PER_SEC,
        .captured = MIN(original, dump_props(dump)->maxlen),
        .original = original,
    };
    uint8_t *place = dump_reserve(dump, sizeof(record) + record.captured);

    if (!place) {
        dump_lose(dump, frame);
        return;
    }
    memcpy(place, &record, sizeof(record));
    memcpy(place + sizeof(record), frame->data + skip, record.captured);
}

static size_t dump_run(NetFilter *nf, NetDirection direction, const NetFrame *frames, size_t n,
                       NetPass *pass)
{
    FilterDump *dump = (FilterDump *)nf;

    pass->all = true;
    if (dump->fd >= 0) {
        int64_t stamp_us = dump_stamp_us(dump);

        for (size_t i = 0; i < n; i++) {
            dump_record(dump, &frames[i], stamp_us);
        }
        dump_flush_later(dump);
    } else {
        net_count_add(&nf->copies_lost, n, net_frames_bytes(frames, n));
    }
    return n;
}

static void dump_decide(const NetFilter *nf, NetStageState *state)
{
    const FilterDump *dump = (const FilterDump *)nf;

    state->asks = net_filter_enabled_when_stopped(nf) && dump->fd >= 0;
}

static const NetFilterOps dump_ops = {
    .run = dump_run,
    .decide = dump_decide,
};

/* --- The object -------------------------------------------------------------------------- */

static bool dump_check(const FilterDumpProperties *props, GError **error)
{
    if (props->maxlen == 0) {
        return error_set(error, "Property 'filter-dump.maxlen' doesn't take value '0'");
    }
    return true;
}

static bool dump_open(FilterDump *dump, GError **error)
{
    const char *path = dump_props(dump)->file;
    struct stat st;

    dump->fd = output_file_open(path, O_TRUNC);
    if (dump->fd < 0) {
        return error_set(error, "Could not open '%s': %s", path,
                         output_file_strerror(path, errno));
    }
    dump->is_regular = fstat(dump->fd, &st) == 0 && S_ISREG(st.st_mode);
    return true;
}

/* Returns: false when the file does not even take its header. */
static bool dump_write_header(FilterDump *dump, GError **error)
{
    ssize_t n;

    dump_buffer_header(dump);
    n = write(dump->fd, dump->buffer, dump->n_buffered);
    if (n < 0 && errno != EAGAIN) {
        return error_set_errno(error, errno, "Could not write '%s'", dump_props(dump)->file);
    }
    dump->n_out = (size_t)MAX(n, 0);
    dump_advance(dump);
    return true;
}

static bool dump_start(FilterDump *dump, GError **error)
{
    dump->buffer = g_malloc(DUMP_BUFFER_SIZE);
    dump->timer = timer_new(CLOCK_TYPE_REALTIME, dump_timer, dump);
    dump->wall_us = g_get_real_time();
    dump->virtual_ns = clock_now_ns(CLOCK_TYPE_VIRTUAL);
    dump->real_ns = clock_now_ns(CLOCK_TYPE_REALTIME);
    if (!dump_open(dump, error) || !dump_write_header(dump, error)) {
        fd_close(&dump->fd);
        timer_free(dump->timer);
        g_free(dump->buffer);
        return false;
    }
    return true;
}

/* The file comes last: a filter that cannot be created must not empty an old one. */
static bool dump_create(Object *obj, GError **error)
{
    FilterDump *dump = (FilterDump *)obj;

    dump->fd = -1;
    if (!dump_check(obj->props, error) ||
        !net_filter_attach(&dump->nf, &dump_ops, error)) {
        return false;
    }
    if (!dump_start(dump, error)) {
        net_filter_detach(&dump->nf);
        return false;
    }
    net_filter_update(&dump->nf);
    return true;
}

/* The counters go with the filter. */
static void dump_notify_end(FilterDump *dump)
{
    dump_lose_buffered(dump);
    if (dump->nf.copies_lost.frames > 0) {
        log_warning("filter '%s': not recorded in '%s': %" PRIu64 " frames", dump->nf.obj.id,
                    dump_props(dump)->file, dump->nf.copies_lost.frames);
    }
}

static void dump_finalize(Object *obj)
{
    FilterDump *dump = (FilterDump *)obj;

    dump_flush(dump);
    dump_notify_end(dump);
    net_filter_detach(&dump->nf);
    fd_close(&dump->fd);
    timer_free(dump->timer);
    g_free(dump->buffer);
}

static bool dump_change(Object *obj, const QapiMember *member, const void *new_props,
                        GError **error)
{
    static const char *const fixed[] = { "file", "maxlen", NULL };

    if (!dump_check(new_props, error)) {
        return false;
    }
    if (g_strv_contains(fixed, member->name)) {
        return error_set(error, "Property 'filter-dump.%s' cannot be changed: the file is "
                         "opened and its header written at creation", member->name);
    }
    return net_filter_change((NetFilter *)obj, member, new_props, error);
}

static void dump_changed(Object *obj, const QapiMember *member)
{
    net_filter_update((NetFilter *)obj);
}

static const ObjectClass dump_class = {
    .name = "filter-dump",
    .parent = "netfilter",
    .props = QAPI_TYPE(FilterDumpProperties),
    .phase = OBJECT_PHASE_LATE,
    .size = sizeof(FilterDump),
    .create = dump_create,
    .finalize = dump_finalize,
    .change = dump_change,
    .changed = dump_changed,
};

__attribute__((constructor)) static void filter_dump_register(void)
{
    object_class_register(&dump_class);
}
