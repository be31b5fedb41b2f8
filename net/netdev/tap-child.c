/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The programs that netdev tap runs: scripts for the interface, and the bridge helper. */

/*
 * Both are waited for where they are started: in a process that is there for that, or at start-up
 * in this one (util/spawner.h).
 */

#include "net/netdev/tap-internal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/error.h"
#include "util/fd.h"
#include "util/interrupt.h"

/* The descriptor that a helper finds its socket at; none above it stays open. */
#define HELPER_FD 3

/* Status of a program that could not be started: as if a shell had tried. */
#define STATUS_NOT_STARTED (1 << 8)

/* How long to wait before looking again whether a program has ended. */
#define WAIT_MAX_MS 32

/* Signals that this process ignores or handles; a program expects them as they come. */
static const int child_signals[] = { SIGINT, SIGHUP, SIGTERM, SIGPIPE, SIGXFSZ };

static void child_set_signals(posix_spawnattr_t *attr)
{
    sigset_t set;

    sigemptyset(&set);
    posix_spawnattr_setsigmask(attr, &set);
    for (size_t i = 0; i < G_N_ELEMENTS(child_signals); i++) {
        sigaddset(&set, child_signals[i]);
    }
    posix_spawnattr_setsigdefault(attr, &set);
    posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

/*
 * Start @argv, which gets standard input, output and error and @fd (-1 = none) as HELPER_FD.
 * Returns: 0 with @pid, or an errno.
 */
static int child_start(char *const argv[], int fd, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    int err;

    /* Under valgrind posix_spawn() does not report its failure. */
    if (access(argv[0], X_OK) < 0) {
        return errno;
    }
    posix_spawn_file_actions_init(&actions);
    if (fd >= 0) {
        posix_spawn_file_actions_adddup2(&actions, fd, HELPER_FD);
    }
    posix_spawn_file_actions_addclosefrom_np(&actions, fd >= 0 ? HELPER_FD + 1 : HELPER_FD);
    posix_spawnattr_init(&attr);
    child_set_signals(&attr);
    err = posix_spawn(pid, argv[0], &actions, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return err;
}

/* Returns: whether the program has ended by now. */
static bool child_has_ended(pid_t pid, int flags, int *status)
{
    pid_t done;

    do {
        done = waitpid(pid, status, flags);
    } while (done < 0 && errno == EINTR);
    if (done < 0) {
        *status = 0; /* it was waited for elsewhere */
    }
    return done != 0;
}

/*
 * Wait until the program ends or, if @interruptible, this process is asked to. Looking again and
 * again works where there is no pidfd_open() (before Linux 5.3, under valgrind).
 */
static bool child_wait(pid_t pid, bool interruptible, int *status)
{
    int wait_ms = 1;

    while (!child_has_ended(pid, interruptible ? WNOHANG : 0, status)) {
        if (interrupt_wait(-1, 0, wait_ms) == EINTR) {
            kill(pid, SIGTERM);
            return false;
        }
        wait_ms = MIN(wait_ms * 2, WAIT_MAX_MS);
    }
    return true;
}

/* --- Scripts ----------------------------------------------------------------------------- */

typedef enum ScriptStep {
    SCRIPT_STEP_INTERRUPTED = 1,
} ScriptStep;

/* @args: the script, the name of the interface. */
static int script_run(const char *const args[], bool interruptible, SpawnerReply *reply)
{
    char *argv[] = { (char *)args[0], (char *)args[1], NULL };
    pid_t pid;
    int status = STATUS_NOT_STARTED;

    reply->err = child_start(argv, -1, &pid);
    if (!reply->err && !child_wait(pid, interruptible, &status)) {
        reply->step = SCRIPT_STEP_INTERRUPTED;
    }
    reply->status = status;
    return -1;
}

/* One word, and no path: what a script that was allowed makes of others is not known. */
static bool script_is_valid(const char *const args[])
{
    return tap_is_interface_name(args[1]);
}

const SpawnerTask tap_script_task = {
    .name = "network script",
    .n_args = 2,
    .is_program = true,
    .is_valid = script_is_valid,
    .run = script_run,
};

bool tap_script_check(const char *script, const SpawnerReply *reply, GError **error)
{
    if (!spawner_reply_check(&tap_script_task, reply, error)) {
        return false;
    }
    if (reply->err == EAGAIN || reply->err == ENOMEM) {
        return error_set_errno(error, reply->err, "could not launch network script %s", script);
    }
    if (reply->step == SCRIPT_STEP_INTERRUPTED) {
        return error_set(error, "network script %s was interrupted", script);
    }
    if (reply->status != 0) {
        error_set(error, "network script %s failed with status %d", script, reply->status);
        if (reply->err) {
            error_append_hint(error, "%s: %s", script, g_strerror(reply->err));
        }
        return false;
    }
    return true;
}

/* --- The bridge helper ------------------------------------------------------------------- */

/*
 * A helper with blanks is a command of a shell. Our arguments come behind it one by one, as
 * the shell's own: the bridge's name, say, is no part of the command.
 * Returns: as child_start().
 */
static int helper_start(const char *helper, const char *bridge, int fd, pid_t *pid)
{
    g_autofree char *fd_option = g_strdup_printf("--fd=%d", HELPER_FD);
    g_autofree char *br_option = g_strdup_printf("--br=%s", bridge);
    g_autofree char *command = NULL;
    char *program[] = { (char *)helper, (char *)"--use-vnet", fd_option, br_option, NULL };
    char *shell[] = { (char *)"/bin/sh", (char *)"-c", NULL, (char *)"sh",
                      (char *)"--use-vnet", fd_option, NULL, NULL };

    if (!strpbrk(helper, " \t")) {
        return child_start(program, fd, pid);
    }
    command = g_strdup_printf("%s \"$@\"", helper);
    shell[2] = command;
    shell[6] = strstr(helper, "--br=") ? NULL : br_option;
    return child_start(shell, fd, pid);
}

/* The descriptor that comes with one byte. Returns: -1 with errno; ENODATA at the end. */
static int helper_receive_fd(int fd)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    char byte;
    struct iovec iov = { &byte, 1 };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
                          .msg_controllen = CMSG_LEN(sizeof(int)) }; /* for one, and no more */
    struct cmsghdr *cmsg;
    ssize_t n;
    int received;

    do {
        n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return -1;
    }
    cmsg = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
    if (!cmsg || cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS ||
        cmsg->cmsg_len != CMSG_LEN(sizeof(received))) {
        errno = ENODATA;
        return -1;
    }
    memcpy(&received, CMSG_DATA(cmsg), sizeof(received));
    return received;
}

typedef enum HelperStep {
    HELPER_STEP_SOCKETS = 1,
    HELPER_STEP_START,
    HELPER_STEP_INTERRUPTED,
    HELPER_STEP_RECEIVE,
    HELPER_STEP_END,
} HelperStep;

/* Returns: the descriptor that the helper has opened, or -1. */
static int helper_finish(pid_t pid, int fd, SpawnerReply *reply)
{
    auto_fd int received = -1;
    int err = interrupt_wait(fd, POLLIN, -1);

    if (err == EINTR) {
        kill(pid, SIGTERM);
        reply->step = HELPER_STEP_INTERRUPTED;
        return -1;
    }
    received = helper_receive_fd(fd);
    reply->err = received < 0 ? errno : 0;
    if (!child_wait(pid, true, &reply->status)) {
        reply->step = HELPER_STEP_INTERRUPTED;
        return -1;
    }
    if (reply->status != 0) {
        reply->step = HELPER_STEP_END;
        return -1;
    }
    if (received < 0) {
        reply->step = HELPER_STEP_RECEIVE;
    }
    return fd_steal(&received);
}

/* @args: the helper, the bridge. */
static int helper_run(const char *const args[], bool interruptible, SpawnerReply *reply)
{
    auto_fd int ours = -1;
    auto_fd int theirs = -1;
    int fds[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
        reply->step = HELPER_STEP_SOCKETS;
        reply->err = errno;
        return -1;
    }
    ours = fds[0];
    theirs = fds[1];
    reply->err = helper_start(args[0], args[1], theirs, &pid);
    if (reply->err) {
        reply->step = HELPER_STEP_START;
        return -1;
    }
    fd_close(&theirs);
    return helper_finish(pid, ours, reply);
}

const SpawnerTask tap_helper_task = {
    .name = "bridge helper",
    .n_args = 2,
    .is_program = true,
    .run = helper_run,
};

bool tap_helper_check(const char *helper, const SpawnerReply *reply, GError **error)
{
    if (!spawner_reply_check(&tap_helper_task, reply, error)) {
        return false;
    }
    switch ((HelperStep)reply->step) {
    case HELPER_STEP_SOCKETS:
        return error_set_errno(error, reply->err, "cannot make a socket pair");
    case HELPER_STEP_START:
        error_set(error, "bridge helper failed");
        error_append_hint(error, "%s: %s", helper, g_strerror(reply->err));
        return false;
    case HELPER_STEP_INTERRUPTED:
        return error_set(error, "bridge helper was interrupted");
    case HELPER_STEP_RECEIVE:
        return error_set_errno(error, reply->err, "failed to recv file descriptor");
    case HELPER_STEP_END:
        return error_set(error, "bridge helper failed");
    }
    return true;
}

__attribute__((constructor)) static void tap_child_register(void)
{
    spawner_register(&tap_script_task);
    spawner_register(&tap_helper_task);
}
