/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signals that end the process, or open log files again, go from their handler to the loop. */

/*
 * A SIGHUP is about log files if there are any, or to a daemon, which has no terminal that could
 * hang up. Such a one has a pipe of its own: the other is what ends a wait outside the loop.
 */

#include "system/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "follow/vm.h"
#include "system/process-internal.h"
#include "util/error.h"
#include "util/fd-watch.h"
#include "util/fd.h"
#include "util/interrupt.h"
#include "util/log.h"
#include "util/reopen.h"

typedef struct SignalNote {
    int number;
    pid_t sender; /* 0 = the kernel */
} SignalNote;

static const int signal_numbers[] = { SIGINT, SIGHUP, SIGTERM };

static int signal_read_fd = -1;
static int signal_write_fd = -1;
static FdWatch *signal_watch;
static int reopen_read_fd = -1;
static int reopen_write_fd = -1;
static FdWatch *reopen_watch;
static bool signal_is_quiet;

/*
 * A pipe rather than signalfd(2): children would inherit the blocked signals that signalfd
 * needs, whereas a handler goes away with exec. A full pipe may lose a note: one is enough.
 */
static void signal_handle(int number, siginfo_t *info, void *context)
{
    SignalNote note = { .number = number, .sender = info->si_pid };
    bool is_about_logs = number == SIGHUP && reopen_any();
    int saved = errno;

    if (write(is_about_logs ? reopen_write_fd : signal_write_fd, &note, sizeof(note)) < 0) {
        /* nothing to be done inside a handler */
    }
    errno = saved;
}

/* Returns: owned; the sender's arguments joined by blanks. */
static char *signal_sender_name(pid_t sender)
{
    g_autofree char *path = g_strdup_printf("/proc/%ld/cmdline", (long)sender);
    char *text = NULL;
    gsize len;

    if (!g_file_get_contents(path, &text, &len, NULL) || len == 0) {
        g_free(text);
        return g_strdup("<unknown process>");
    }
    for (gsize i = 0; i + 1 < len; i++) {
        if (text[i] == '\0') {
            text[i] = ' ';
        }
    }
    return text;
}

static void signal_print(SignalNote note)
{
    if (note.sender == 0) {
        log_error("terminating on signal %d", note.number);
    } else {
        g_autofree char *name = signal_sender_name(note.sender);

        log_error("terminating on signal %d from pid %ld (%s)", note.number,
                  (long)note.sender, name);
    }
}

/* Returns: whether there was a signal since the last call. */
static bool signal_take(void)
{
    SignalNote note;

    if (signal_read_fd < 0 || read(signal_read_fd, &note, sizeof(note)) != sizeof(note)) {
        return false;
    }
    if (!signal_is_quiet) {
        signal_print(note);
    }
    return true;
}

static void signal_ready(int fd, FdEvents events, void *opaque)
{
    if (signal_take()) {
        vm_request_shutdown(SHUTDOWN_CAUSE_HOST_SIGNAL);
    }
}

/* However many of them have come. */
static void signal_reopen(int fd, FdEvents events, void *opaque)
{
    SignalNote notes[16];

    while (read(fd, notes, sizeof(notes)) > 0) {
        /* one reopening is enough */
    }
    reopen_all();
}

/* @read_fd, @write_fd: (out) a pipe. Returns: its watch, for @func; NULL with @error. */
static FdWatch *signal_open_pipe(int *read_fd, int *write_fd, FdWatchFunc *func, GError **error)
{
    FdWatch *watch;
    int fds[2];

    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) {
        error_set_errno(error, errno, "cannot create a pipe");
        return NULL;
    }
    *read_fd = fds[0];
    *write_fd = fds[1];
    watch = fd_watch_new(*read_fd, func, NULL);
    fd_watch_set(watch, FD_EVENT_READ);
    return watch;
}

bool process_catch_signals(bool quiet, GError **error)
{
    struct sigaction action = { .sa_sigaction = signal_handle, .sa_flags = SA_SIGINFO };

    reopen_watch = signal_open_pipe(&reopen_read_fd, &reopen_write_fd, signal_reopen, error);
    if (!reopen_watch) {
        return false;
    }
    signal_watch = signal_open_pipe(&signal_read_fd, &signal_write_fd, signal_ready, error);
    if (!signal_watch) {
        return false;
    }
    signal_is_quiet = quiet;
    interrupt_set_fd(signal_read_fd);
    sigfillset(&action.sa_mask);
    for (size_t i = 0; i < G_N_ELEMENTS(signal_numbers); i++) {
        sigaction(signal_numbers[i], &action, NULL);
    }
    return true;
}

bool process_is_signalled(void)
{
    return signal_take();
}

static void signal_close_pipe(int *read_fd, int *write_fd, FdWatch **watch)
{
    g_clear_pointer(watch, fd_watch_free);
    fd_close(read_fd);
    fd_close(write_fd);
}

void process_release_signals(void)
{
    for (size_t i = 0; signal_read_fd >= 0 && i < G_N_ELEMENTS(signal_numbers); i++) {
        signal(signal_numbers[i], SIG_IGN); /* the end has begun; let it finish */
    }
    interrupt_set_fd(-1);
    signal_close_pipe(&signal_read_fd, &signal_write_fd, &signal_watch);
    signal_close_pipe(&reopen_read_fd, &reopen_write_fd, &reopen_watch);
}
