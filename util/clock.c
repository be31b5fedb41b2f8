/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The realtime and the virtual clock, and the timers of both behind one GLib source. */

/*
 * Each clock has a heap of running timers, ordered by deadline, then by the order in which
 * they were started. The source waits for one timerfd, armed for the earliest moment at
 * which a timer of either clock is due: GLib's own time-outs are too coarse for timers of
 * some 100 us. The timerfd may be armed too early, never too late: a wake-up with nothing
 * due arms it anew.
 *
 * The virtual clock is a value that is fixed while it stands still. While it runs, the time
 * since it was set running is added; in stepped mode nothing is.
 */

#include "util/clock.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <glib.h>
#include <glib-unix.h>

#define CLOCK_N_TYPES 2
#define CLOCK_NS_PER_S INT64_C(1000000000)

/* Timers run in one wake-up; a timer that starts itself for the past cannot hold the loop. */
#define CLOCK_BATCH 64

struct Timer {
    ClockType clock;
    TimerFunc *func;
    void *opaque;
    int64_t deadline_ns;
    uint64_t order;     /* of the start, among equal deadlines */
    size_t index;       /* in the heap; SIZE_MAX = not running */
};

typedef struct ClockState {
    GPtrArray *heaps[CLOCK_N_TYPES]; /* borrowed Timer *; a binary heap */
    uint64_t next_order;
    GSource *source;
    void *poll_tag;
    int timer_fd;
    int64_t armed_ns;     /* monotonic; INT64_MAX = not armed */
    bool virtual_running;
    bool virtual_stepped;
    int64_t virtual_ns;   /* value when it was last fixed */
    int64_t virtual_since_ns; /* monotonic time when it was set running */
} ClockState;

static ClockState clock_state = { .timer_fd = -1, .armed_ns = INT64_MAX };

static int64_t clock_monotonic_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * CLOCK_NS_PER_S + ts.tv_nsec;
}

int64_t clock_now_ns(ClockType clock)
{
    const ClockState *state = &clock_state;

    if (clock == CLOCK_TYPE_REALTIME) {
        return clock_monotonic_ns();
    }
    if (!state->virtual_running || state->virtual_stepped) {
        return state->virtual_ns;
    }
    return state->virtual_ns + clock_monotonic_ns() - state->virtual_since_ns;
}

/* --- The heap ---------------------------------------------------------------------------- */

static bool timer_is_before(const Timer *a, const Timer *b)
{
    if (a->deadline_ns != b->deadline_ns) {
        return a->deadline_ns < b->deadline_ns;
    }
    return a->order < b->order;
}

static void timer_place(GPtrArray *heap, Timer *timer, size_t index)
{
    heap->pdata[index] = timer;
    timer->index = index;
}

static void timer_sift_up(GPtrArray *heap, Timer *timer)
{
    size_t i = timer->index;

    while (i > 0 && timer_is_before(timer, heap->pdata[(i - 1) / 2])) {
        timer_place(heap, heap->pdata[(i - 1) / 2], i);
        i = (i - 1) / 2;
    }
    timer_place(heap, timer, i);
}

static void timer_sift_down(GPtrArray *heap, Timer *timer)
{
    size_t i = timer->index;

    for (;;) {
        size_t child = 2 * i + 1;

        if (child + 1 < heap->len
            && timer_is_before(heap->pdata[child + 1], heap->pdata[child])) {
            child++;
        }
        if (child >= heap->len || !timer_is_before(heap->pdata[child], timer)) {
            break;
        }
        timer_place(heap, heap->pdata[child], i);
        i = child;
    }
    timer_place(heap, timer, i);
}

static Timer *clock_first(ClockType clock)
{
    const GPtrArray *heap = clock_state.heaps[clock];

    return heap && heap->len > 0 ? heap->pdata[0] : NULL;
}

/* --- The source -------------------------------------------------------------------------- */

/* The monotonic time at which the first timer of @clock is due; INT64_MAX = not to be seen. */
static int64_t clock_wake_ns(ClockType clock)
{
    const ClockState *state = &clock_state;
    const Timer *first = clock_first(clock);
    int64_t ahead_ns;

    if (!first) {
        return INT64_MAX;
    }
    if (clock == CLOCK_TYPE_REALTIME) {
        return first->deadline_ns;
    }
    if (!state->virtual_running) {
        return INT64_MAX;
    }
    ahead_ns = first->deadline_ns - state->virtual_ns;
    if (state->virtual_stepped) {
        return ahead_ns <= 0 ? 0 : INT64_MAX;
    }
    return ahead_ns > INT64_MAX - state->virtual_since_ns ? INT64_MAX
                                                           : state->virtual_since_ns + ahead_ns;
}

/* Wake up in time for the earliest timer. */
static void clock_arm(void)
{
    ClockState *state = &clock_state;
    int64_t wake_ns = MIN(clock_wake_ns(CLOCK_TYPE_REALTIME), clock_wake_ns(CLOCK_TYPE_VIRTUAL));
    struct itimerspec spec = { 0 };

    if (state->timer_fd < 0 || wake_ns >= state->armed_ns) {
        return;
    }
    wake_ns = MAX(wake_ns, 1); /* 0 would disarm it */
    spec.it_value.tv_sec = wake_ns / CLOCK_NS_PER_S;
    spec.it_value.tv_nsec = wake_ns % CLOCK_NS_PER_S;
    timerfd_settime(state->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
    state->armed_ns = wake_ns;
}

static void clock_run_first(ClockType clock)
{
    Timer *timer = clock_first(clock);

    timer_stop(timer);
    timer->func(timer->opaque); /* may free the timer */
}

static void clock_run_due(ClockType clock)
{
    int64_t now_ns = clock_now_ns(clock);

    for (int i = 0; i < CLOCK_BATCH; i++) {
        const Timer *first = clock_first(clock);

        /* A timer of the virtual clock may have stopped the VM. */
        if (!first || first->deadline_ns > now_ns
            || (clock == CLOCK_TYPE_VIRTUAL && !clock_state.virtual_running)) {
            return;
        }
        clock_run_first(clock);
    }
}

static gboolean clock_dispatch(GSource *source, GSourceFunc func, gpointer data)
{
    uint64_t n_expiries;

    if (read(clock_state.timer_fd, &n_expiries, sizeof(n_expiries)) < 0 && errno == EAGAIN) {
        return G_SOURCE_CONTINUE;
    }
    clock_run_due(CLOCK_TYPE_REALTIME);
    clock_run_due(CLOCK_TYPE_VIRTUAL);
    clock_state.armed_ns = INT64_MAX;
    clock_arm();
    return G_SOURCE_CONTINUE;
}

static gboolean clock_check(GSource *source)
{
    return g_source_query_unix_fd(source, clock_state.poll_tag) != 0;
}

static void clock_init(void)
{
    static GSourceFuncs funcs = { .check = clock_check, .dispatch = clock_dispatch };
    ClockState *state = &clock_state;

    if (state->source) {
        return;
    }
    state->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (state->timer_fd < 0) {
        g_error("timerfd_create: %s", g_strerror(errno));
    }
    for (int i = 0; i < CLOCK_N_TYPES; i++) {
        state->heaps[i] = g_ptr_array_new();
    }
    state->source = g_source_new(&funcs, sizeof(GSource));
    g_source_set_static_name(state->source, "clock");
    state->poll_tag = g_source_add_unix_fd(state->source, state->timer_fd, G_IO_IN);
    g_source_set_can_recurse(state->source, TRUE); /* spares a wake-up at each dispatch */
    g_source_attach(state->source, NULL);
}

/* --- Timers ------------------------------------------------------------------------------ */

Timer *timer_new(ClockType clock, TimerFunc *func, void *opaque)
{
    Timer *timer = g_new0(Timer, 1);

    clock_init();
    timer->clock = clock;
    timer->func = func;
    timer->opaque = opaque;
    timer->index = SIZE_MAX;
    return timer;
}

void timer_start_at(Timer *timer, int64_t deadline_ns)
{
    GPtrArray *heap = clock_state.heaps[timer->clock];

    timer_stop(timer);
    timer->deadline_ns = deadline_ns;
    timer->order = clock_state.next_order++;
    timer->index = heap->len;
    g_ptr_array_add(heap, timer);
    timer_sift_up(heap, timer);
    clock_arm();
}

void timer_stop(Timer *timer)
{
    GPtrArray *heap = clock_state.heaps[timer->clock];
    size_t index = timer->index;
    Timer *last;

    if (!timer_is_running(timer)) {
        return;
    }
    timer->index = SIZE_MAX;
    last = heap->pdata[heap->len - 1];
    g_ptr_array_set_size(heap, (gint)heap->len - 1);
    if (last != timer) {
        timer_place(heap, last, index);
        timer_sift_up(heap, last);
        timer_sift_down(heap, last);
    }
}

bool timer_is_running(const Timer *timer)
{
    return timer->index != SIZE_MAX;
}

int64_t timer_deadline_ns(const Timer *timer)
{
    return timer->deadline_ns;
}

void timer_free(Timer *timer)
{
    if (timer) {
        timer_stop(timer);
        g_free(timer);
    }
}

/* --- The virtual clock ------------------------------------------------------------------- */

void clock_virtual_set_running(bool running)
{
    ClockState *state = &clock_state;

    if (running == state->virtual_running) {
        return;
    }
    state->virtual_ns = clock_now_ns(CLOCK_TYPE_VIRTUAL);
    state->virtual_since_ns = clock_monotonic_ns();
    state->virtual_running = running;
    clock_arm();
}

void clock_virtual_set_stepped(void)
{
    ClockState *state = &clock_state;

    state->virtual_ns = clock_now_ns(CLOCK_TYPE_VIRTUAL);
    state->virtual_stepped = true;
}

int64_t clock_virtual_next_deadline_ns(void)
{
    const Timer *first = clock_first(CLOCK_TYPE_VIRTUAL);

    return first && clock_state.virtual_running ? first->deadline_ns : -1;
}

void clock_virtual_advance(int64_t target_ns)
{
    ClockState *state = &clock_state;
    const Timer *first;

    if (target_ns <= state->virtual_ns) {
        return;
    }
    while (state->virtual_running && (first = clock_first(CLOCK_TYPE_VIRTUAL))
           && first->deadline_ns <= target_ns) {
        state->virtual_ns = MAX(state->virtual_ns, first->deadline_ns);
        clock_run_first(CLOCK_TYPE_VIRTUAL);
    }
    state->virtual_ns = MAX(state->virtual_ns, target_ns);
}
