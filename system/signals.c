/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signals that end the process, carried from their handler to the loop by a pipe. */

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

typedef struct SignalNote {
    int number;
    pid_t sender; /* 0 = the kernel */
} SignalNote;

static const int signal_numbers[] = { SIGINT, SIGHUP, SIGTERM };

static int signal_read_fd = -1;
static int signal_write_fd = -1;
static FdWatch *signal_watch;
static bool signal_is_quiet;

/*
 * A pipe rather than signalfd(2): children would inherit the blocked signals that signalfd
 * needs, whereas a handler goes away with exec. A full pipe may lose a note: one is enough.
 */
static void signal_handle(int number, siginfo_t *info, void *context)
{
    SignalNote note = { .number = number, .sender = info->si_pid };
    int saved = errno;

    if (write(signal_write_fd, &note, sizeof(note)) < 0) {
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

bool process_catch_signals(bool quiet, GError **error)
{
    struct sigaction action = { .sa_sigaction = signal_handle, .sa_flags = SA_SIGINFO };
    int fds[2];

    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) {
        return error_set_errno(error, errno, "cannot create a pipe");
    }
    signal_read_fd = fds[0];
    signal_write_fd = fds[1];
    signal_is_quiet = quiet;
    signal_watch = fd_watch_new(signal_read_fd, signal_ready, NULL);
    fd_watch_set(signal_watch, FD_EVENT_READ);
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

void process_release_signals(void)
{
    if (signal_read_fd < 0) {
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(signal_numbers); i++) {
        signal(signal_numbers[i], SIG_IGN); /* the end has begun; let it finish */
    }
    interrupt_set_fd(-1);
    g_clear_pointer(&signal_watch, fd_watch_free);
    fd_close(&signal_read_fd);
    fd_close(&signal_write_fd);
}
