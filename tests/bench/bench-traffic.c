/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sends numbered frames through a program and checks each one that comes out: one run of a case. */

#include "measure.h"
#include "traffic.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/*
 *   pump thread ──inputs──► program under test, or the bare relay ──outputs──► this thread
 *
 * A run warms up, is measured, and is drained: the pump stops, and every frame that it sent
 * must have come out. With --frames there is no clock: so many are sent, then it is drained.
 */

#define EVENTS_MAX 64
#define TICK_MS 20
/* So long without a frame is a failure. Long, for machines that do something else too. */
#define STALL_NS (20 * 1000000000ll)

typedef enum Phase {
    PHASE_WARM_UP,
    PHASE_MEASURE,
    PHASE_DRAIN,
} Phase;

/** Where one output is. */
typedef struct Output {
    int fd;
    unsigned flow;
    uint64_t n_received;
    uint8_t *rest;               /* owned: the record that the last read cut off */
    size_t rest_len;
} Output;

/** The receiving thread. */
typedef struct Receiver {
    Traffic *traffic;
    Output *outputs;             /* owned */
    uint64_t n_received;         /* of all flows, without copies */
    uint8_t *buf;                /* owned */
    struct mmsghdr messages[TRAFFIC_DGRAMS];
    struct iovec views[TRAFFIC_DGRAMS];
    int epoll_fd;                /* -1: there is one output, and reads of it block */
    Phase phase;
    int64_t next_phase_ns;
    int64_t last_frame_ns;
    MeasureSample from;
    MeasureSample to;
} Receiver;

/** The command line. */
static struct {
    char *inputs;
    char *outputs;
    int frame_len;
    int chunk_bytes;
    int window;
    gboolean is_dgram;
} options = { .frame_len = 64, .chunk_bytes = TRAFFIC_BLOCK_BYTES };

/* ---- one read ---- */

static void output_fail(const Output *output, size_t n_checked)
{
    measure_fail("flow %u: frame %" G_GUINT64_FORMAT " is damaged, missing or out of order",
                 output->flow, output->n_received + n_checked);
}

/* Check n records in a row. */
static void output_check(Output *output, const Records *records, const uint8_t *data, size_t n)
{
    uint64_t stamp = records_first_stamp(output->flow) + output->n_received;

    for (size_t i = 0; i < n; i++) {
        if (!records_is_next(records, data + i * records->len, stamp + i)) {
            output_fail(output, i);
        }
    }
    output->n_received += n;
}

/* A read that found nothing: that is legal only where none was waited for any longer. */
static void output_nothing_came(const Output *output, ssize_t status)
{
    if (status == 0) {
        measure_fail("flow %u: the program closed its output", output->flow);
    }
    if (errno != EAGAIN && errno != EINTR) {
        measure_fail("flow %u: cannot receive: %s", output->flow, g_strerror(errno));
    }
}

static size_t output_read_stream(Receiver *receiver, Output *output)
{
    const Records *records = &receiver->traffic->records;
    size_t len, n_records;
    ssize_t n;

    memcpy(receiver->buf, output->rest, output->rest_len);
    n = read(output->fd, receiver->buf + output->rest_len, TRAFFIC_BLOCK_BYTES);
    if (n <= 0) {
        output_nothing_came(output, n);
        return 0;
    }
    len = output->rest_len + n;
    n_records = len / records->len;
    output_check(output, records, receiver->buf, n_records);
    output->rest_len = len - n_records * records->len;
    memcpy(output->rest, receiver->buf + n_records * records->len, output->rest_len);
    return n_records;
}

static size_t output_read_datagrams(Receiver *receiver, Output *output)
{
    const Records *records = &receiver->traffic->records;
    int n = recvmmsg(output->fd, receiver->messages, TRAFFIC_DGRAMS, MSG_WAITFORONE, NULL);

    if (n <= 0) {
        output_nothing_came(output, n);
        return 0;
    }
    for (int i = 0; i < n; i++) {
        if (receiver->messages[i].msg_len != records->len) {
            output_fail(output, 0);
        }
        output_check(output, records, receiver->views[i].iov_base, 1);
    }
    return n;
}

static void receiver_read(Receiver *receiver, Output *output)
{
    Traffic *traffic = receiver->traffic;
    size_t n = traffic->is_stream ? output_read_stream(receiver, output)
                                  : output_read_datagrams(receiver, output);

    if ((size_t)(output - receiver->outputs) < traffic->n_flows) {
        receiver->n_received += n;
    }
}

/* ---- the run ---- */

static uint64_t receiver_n_through(const Receiver *receiver)
{
    const Traffic *traffic = receiver->traffic;
    uint64_t n = receiver->n_received;

    for (size_t i = traffic->n_flows; i < traffic->n_outputs; i++) {
        n = MIN(n, receiver->outputs[i].n_received);
    }
    return n;
}

static void receiver_wake_pump(Traffic *traffic)
{
    if (atomic_load(&traffic->is_waiting)) {
        g_mutex_lock(&traffic->lock);
        g_cond_signal(&traffic->is_through);
        g_mutex_unlock(&traffic->lock);
    }
}

/* Go to the next phase when it is time. */
static void receiver_tick(Receiver *receiver, int64_t now_ns)
{
    if (receiver->phase == PHASE_DRAIN || now_ns < receiver->next_phase_ns) {
        return;
    }
    if (receiver->phase == PHASE_WARM_UP) {
        receiver->from = measure_sample(now_ns, receiver->n_received);
        receiver->next_phase_ns = now_ns + measure_options.measure_ms * 1000000ll;
        receiver->phase = PHASE_MEASURE;
    } else {
        receiver->to = measure_sample(now_ns, receiver->n_received);
        receiver->phase = PHASE_DRAIN;
        atomic_store(&receiver->traffic->is_stopped, true);
        receiver_wake_pump(receiver->traffic);
    }
}

static bool receiver_is_done(const Receiver *receiver)
{
    Traffic *traffic = receiver->traffic;

    return receiver->phase == PHASE_DRAIN && atomic_load(&traffic->is_pump_done) &&
           receiver_n_through(receiver) == atomic_load(&traffic->n_sent);
}

/* Read what there is, or wait TICK_MS for it. */
static void receiver_poll(Receiver *receiver)
{
    struct epoll_event events[EVENTS_MAX];
    int n;

    if (receiver->epoll_fd < 0) {
        receiver_read(receiver, &receiver->outputs[0]);
        return;
    }
    n = epoll_wait(receiver->epoll_fd, events, EVENTS_MAX, TICK_MS);
    for (int i = 0; i < n; i++) {
        receiver_read(receiver, events[i].data.ptr);
    }
}

static void receiver_run(Receiver *receiver)
{
    Traffic *traffic = receiver->traffic;

    receiver->last_frame_ns = measure_now_ns();
    receiver->phase = traffic->n_frames ? PHASE_DRAIN : PHASE_WARM_UP;
    receiver->next_phase_ns = receiver->last_frame_ns + measure_options.warm_up_ms * 1000000ll;
    receiver->from = measure_sample(receiver->last_frame_ns, receiver->n_received);
    while (!receiver_is_done(receiver)) {
        uint64_t n_before = receiver->n_received;
        int64_t now_ns;

        receiver_poll(receiver);
        atomic_store(&traffic->n_through, receiver_n_through(receiver));
        receiver_wake_pump(traffic);
        now_ns = measure_now_ns();
        if (receiver->n_received > n_before) {
            receiver->last_frame_ns = now_ns;
        } else if (now_ns - receiver->last_frame_ns > STALL_NS) {
            measure_fail("no frame came any more: at least %" PRIuFAST64 " sent, %"
                         G_GUINT64_FORMAT " received", atomic_load(&traffic->n_sent),
                         receiver_n_through(receiver));
        }
        receiver_tick(receiver, now_ns);
    }
    if (traffic->n_frames) {
        receiver->to = measure_sample(measure_now_ns(), receiver->n_received);
    }
}

/* ---- set-up ---- */

static void receiver_init_epoll(Receiver *receiver)
{
    struct timeval tick = { .tv_usec = TICK_MS * 1000 };
    size_t n = receiver->traffic->n_outputs;

    receiver->epoll_fd = -1;
    if (n == 1) {
        setsockopt(receiver->outputs[0].fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof(tick));
        return;
    }
    receiver->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < n; i++) {
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = &receiver->outputs[i] };
        epoll_ctl(receiver->epoll_fd, EPOLL_CTL_ADD, receiver->outputs[i].fd, &event);
    }
}

static void receiver_init(Receiver *receiver, Traffic *traffic)
{
    size_t record_len = traffic->records.len;

    memset(receiver, 0, sizeof(*receiver));
    receiver->traffic = traffic;
    receiver->outputs = g_new0(Output, traffic->n_outputs);
    for (size_t i = 0; i < traffic->n_outputs; i++) {
        receiver->outputs[i].fd = traffic->outputs[i];
        receiver->outputs[i].flow = i < traffic->n_flows ? i : 0;
        receiver->outputs[i].rest = g_malloc(record_len);
    }
    /* One byte more for each datagram, to see that it is too long. */
    receiver->buf = g_malloc(MAX(record_len + TRAFFIC_BLOCK_BYTES,
                                 TRAFFIC_DGRAMS * (record_len + 1)));
    for (size_t i = 0; i < TRAFFIC_DGRAMS; i++) {
        receiver->views[i].iov_base = receiver->buf + i * (record_len + 1);
        receiver->views[i].iov_len = record_len + 1;
        receiver->messages[i].msg_hdr.msg_iov = &receiver->views[i];
        receiver->messages[i].msg_hdr.msg_iovlen = 1;
    }
    receiver_init_epoll(receiver);
}

static void receiver_clear(Receiver *receiver)
{
    for (size_t i = 0; i < receiver->traffic->n_outputs; i++) {
        g_free(receiver->outputs[i].rest);
    }
    g_free(receiver->outputs);
    g_free(receiver->buf);
    if (receiver->epoll_fd >= 0) {
        close(receiver->epoll_fd);
    }
}

/* "3,4,5" */
static int *fds_parse(const char *text, size_t *n)
{
    g_auto(GStrv) words = g_strsplit(text ? text : "", ",", -1);
    int *fds = g_new(int, g_strv_length(words) + 1);

    *n = 0;
    for (char **word = words; *word; word++) {
        fds[(*n)++] = atoi(*word);
    }
    return fds;
}

static void options_parse(int argc, char **argv)
{
    const GOptionEntry entries[] = {
        { "in", 0, 0, G_OPTION_ARG_STRING, &options.inputs, "sockets to send to", "FD,..." },
        { "out", 0, 0, G_OPTION_ARG_STRING, &options.outputs,
          "sockets to receive from: one a flow, then copies of the first flow", "FD,..." },
        { "frame", 0, 0, G_OPTION_ARG_INT, &options.frame_len, "length of a frame", "BYTES" },
        { "chunk", 0, 0, G_OPTION_ARG_INT, &options.chunk_bytes, "one turn of a flow", "BYTES" },
        { "window", 0, 0, G_OPTION_ARG_INT, &options.window, "on their way at most", "FRAMES" },
        { "dgram", 0, 0, G_OPTION_ARG_NONE, &options.is_dgram, "the sockets are datagram's",
          NULL },
        { NULL }
    };

    measure_parse(entries, argc, argv);
}

static void traffic_init(Traffic *traffic)
{
    memset(traffic, 0, sizeof(*traffic));
    traffic->inputs = fds_parse(options.inputs, &traffic->n_flows);
    traffic->outputs = fds_parse(options.outputs, &traffic->n_outputs);
    if (traffic->n_flows == 0 || traffic->n_outputs < traffic->n_flows) {
        measure_fail("--in and --out must name as many sockets, or --out more");
    }
    if (traffic->n_flows > 1 && traffic->n_outputs > traffic->n_flows) {
        measure_fail("copies are for one flow");
    }
    if (options.frame_len < RECORD_FRAME_MIN || options.chunk_bytes < 1) {
        measure_fail("--frame must be %d or more, --chunk 1 or more", RECORD_FRAME_MIN);
    }
    traffic->is_stream = !options.is_dgram;
    records_init(&traffic->records, options.frame_len, traffic->is_stream);
    traffic->chunk_bytes = options.chunk_bytes;
    traffic->window = options.window;
    traffic->n_frames = measure_options.n_frames;
    g_mutex_init(&traffic->lock);
    g_cond_init(&traffic->is_through);
}

static void traffic_clear(Traffic *traffic)
{
    records_clear(&traffic->records);
    g_free(traffic->inputs);
    g_free(traffic->outputs);
    g_mutex_clear(&traffic->lock);
    g_cond_clear(&traffic->is_through);
}

int main(int argc, char **argv)
{
    GThread *pump;
    Receiver receiver;
    Traffic traffic;

    options_parse(argc, argv);
    traffic_init(&traffic);
    receiver_init(&receiver, &traffic);
    pump = g_thread_new("pump", traffic_pump, &traffic);
    receiver_run(&receiver);
    g_thread_join(pump);
    measure_print(&receiver.from, &receiver.to, receiver.n_received);
    receiver_clear(&receiver);
    traffic_clear(&traffic);
    g_free(options.inputs);
    g_free(options.outputs);
    return 0;
}
