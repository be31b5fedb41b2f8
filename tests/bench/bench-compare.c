/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sends the same TCP segments as two guests and checks what colo-compare releases: one run. */

#include "measure.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include <glib-unix.h>

#include "bytes.h"

/*
 *   primary ────► program under test ──► client        all ends are in this one thread
 *   secondary ──►
 *
 * Connections take turns; each sends segments of the same size, whose numbers go on. Every
 * segment must come out, in the order of its connection. With --frames there is no clock.
 */

#define HEADERS 54
#define PREFIX 4
#define SEQ_AT (PREFIX + 14 + 20 + 4)
#define PORT_AT (PREFIX + 14 + 20 + 2)
#define CHUNK_FRAMES 512
#define READ_BYTES (256 * 1024)
#define STALL_MS 20000

static struct {
    int pri;
    int sec;
    int out;
    int payload;
    int conns;
    int window;
} options = { .payload = 64, .conns = 1000, .window = 256 };

/** What one run knows. */
typedef struct Run {
    size_t record_len;
    uint8_t *chunk;         /* owned: segments on their way */
    size_t chunk_len;
    size_t chunk_frames;
    size_t written[2];      /* of the chunk, by each guest */
    uint64_t n_sent;        /* by both */
    uint64_t n_received;
    uint32_t *sent_seq;     /* owned: by connection */
    uint32_t *received_seq; /* owned */
    uint8_t *buf;           /* owned */
    size_t buf_len;
} Run;

/* A segment from the guest to a client; port and number are filled in later. */
static void build_record(const Run *run, uint8_t *record)
{
    uint8_t *ip = record + PREFIX + 14;

    memset(record, 0, run->record_len);
    put_be32(record, (uint32_t)run->record_len - PREFIX);
    memcpy(record + PREFIX, "\x52\x54\0\0\0\2\x52\x54\0\0\0\1\x08\0", 14);
    ip[0] = 0x45;
    put_be16(ip + 2, (uint32_t)run->record_len - PREFIX - 14);
    ip[8] = 64;
    ip[9] = 6;
    put_be32(ip + 12, 0x0a000001);
    put_be32(ip + 16, 0x0a000002);
    put_be16(ip + 20, 80);
    put_be32(ip + 28, 1);
    ip[32] = 0x50;
    ip[33] = 0x10;
    put_be16(ip + 34, 8192);
    memset(ip + 40, 'x', (size_t)options.payload);
}

static void run_init(Run *run)
{
    *run = (Run) { .record_len = PREFIX + HEADERS + (size_t)options.payload };
    run->chunk = g_malloc(CHUNK_FRAMES * run->record_len);
    for (size_t i = 0; i < CHUNK_FRAMES; i++) {
        build_record(run, run->chunk + i * run->record_len);
    }
    run->sent_seq = g_new0(uint32_t, options.conns);
    run->received_seq = g_new0(uint32_t, options.conns);
    run->buf = g_malloc(READ_BYTES);
}

static void run_clear(Run *run)
{
    g_free(run->chunk);
    g_free(run->sent_seq);
    g_free(run->received_seq);
    g_free(run->buf);
}

/* ---- sending ---- */

static bool chunk_is_out(const Run *run)
{
    return run->written[0] == run->chunk_len && run->written[1] == run->chunk_len;
}

/* The next segments, one of each connection in turn. */
static void chunk_fill(Run *run, uint64_t limit)
{
    uint64_t room = (uint64_t)options.window - (run->n_sent - run->n_received);

    run->chunk_frames = MIN(MIN(room, limit - run->n_sent), CHUNK_FRAMES);
    run->chunk_len = run->chunk_frames * run->record_len;
    run->written[0] = run->written[1] = 0;
    for (size_t i = 0; i < run->chunk_frames; i++) {
        uint8_t *record = run->chunk + i * run->record_len;
        uint32_t conn = (uint32_t)((run->n_sent + i) % (uint64_t)options.conns);

        put_be16(record + PORT_AT, conn);
        put_be32(record + SEQ_AT, run->sent_seq[conn]);
        run->sent_seq[conn] += (uint32_t)options.payload;
    }
    run->n_sent += run->chunk_frames;
}

static void chunk_write(Run *run, int which, int fd)
{
    size_t left = run->chunk_len - run->written[which];
    ssize_t n = left > 0 ? write(fd, run->chunk + run->written[which], left) : 0;

    if (n < 0 && errno != EAGAIN) {
        measure_fail("write: %s", g_strerror(errno));
    }
    run->written[which] += n > 0 ? (size_t)n : 0;
}

/* ---- receiving ---- */

static void check_record(Run *run, const uint8_t *record)
{
    uint32_t conn = get_be16(record + PORT_AT);

    if (get_be32(record) != run->record_len - PREFIX || conn >= (uint32_t)options.conns ||
        get_be32(record + SEQ_AT) != run->received_seq[conn] ||
        record[run->record_len - 1] != 'x') {
        measure_fail("segment %" PRIu64 " is damaged, missing or out of order", run->n_received);
    }
    run->received_seq[conn] += (uint32_t)options.payload;
    run->n_received++;
}

static void receive(Run *run)
{
    ssize_t n = read(options.out, run->buf + run->buf_len, READ_BYTES - run->buf_len);
    size_t pos = 0;

    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        measure_fail("the program under test has closed the stream");
    }
    run->buf_len += n > 0 ? (size_t)n : 0;
    for (; run->buf_len - pos >= run->record_len; pos += run->record_len) {
        check_record(run, run->buf + pos);
    }
    run->buf_len -= pos;
    memmove(run->buf, run->buf + pos, run->buf_len);
}

/* ---- the run ---- */

static void run_step(Run *run, uint64_t limit)
{
    struct pollfd fds[] = {
        { .fd = options.out, .events = POLLIN },
        { .fd = run->written[0] < run->chunk_len ? options.pri : -1, .events = POLLOUT },
        { .fd = run->written[1] < run->chunk_len ? options.sec : -1, .events = POLLOUT },
    };

    if (chunk_is_out(run) && run->n_sent - run->n_received < (uint64_t)options.window &&
        run->n_sent < limit) {
        chunk_fill(run, limit);
        fds[1].fd = options.pri;
        fds[2].fd = options.sec;
    }
    if (poll(fds, G_N_ELEMENTS(fds), STALL_MS) == 0) {
        measure_fail("nothing comes out after %" PRIu64 " segments", run->n_received);
    }
    if (fds[1].revents) {
        chunk_write(run, 0, options.pri);
    }
    if (fds[2].revents) {
        chunk_write(run, 1, options.sec);
    }
    if (fds[0].revents) {
        receive(run);
    }
}

static void run_for(Run *run, int ms)
{
    int64_t end_ns = measure_now_ns() + ms * INT64_C(1000000);

    while (measure_now_ns() < end_ns) {
        run_step(run, UINT64_MAX);
    }
}

/* Until all that was sent has come out; not more than @limit is sent. */
static void run_drain(Run *run, uint64_t limit)
{
    while (run->n_received < limit) {
        run_step(run, limit);
    }
}

static MeasureSample run_sample(const Run *run)
{
    return measure_sample(measure_now_ns(), run->n_received);
}

static void run_measure(Run *run)
{
    uint64_t n_frames = (uint64_t)measure_options.n_frames;
    MeasureSample from, to;

    run_for(run, n_frames ? 0 : measure_options.warm_up_ms);
    from = run_sample(run);
    if (n_frames) {
        run_drain(run, n_frames);
    } else {
        run_for(run, measure_options.measure_ms);
    }
    to = run_sample(run);
    run_drain(run, run->n_sent);
    measure_print(&from, &to, run->n_received);
}

int main(int argc, char **argv)
{
    static const GOptionEntry entries[] = {
        { "primary", 0, 0, G_OPTION_ARG_INT, &options.pri, "descriptor", "FD" },
        { "secondary", 0, 0, G_OPTION_ARG_INT, &options.sec, "descriptor", "FD" },
        { "out", 0, 0, G_OPTION_ARG_INT, &options.out, "descriptor", "FD" },
        { "payload", 0, 0, G_OPTION_ARG_INT, &options.payload, "of a segment", "BYTES" },
        { "conns", 0, 0, G_OPTION_ARG_INT, &options.conns, "connections", "N" },
        { "window", 0, 0, G_OPTION_ARG_INT, &options.window, "segments on their way", "N" },
        { NULL }
    };
    Run run;

    measure_parse(entries, argc, argv);
    g_unix_set_fd_nonblocking(options.pri, TRUE, NULL);
    g_unix_set_fd_nonblocking(options.sec, TRUE, NULL);
    g_unix_set_fd_nonblocking(options.out, TRUE, NULL);
    run_init(&run);
    run_measure(&run);
    run_clear(&run);
    return 0;
}
