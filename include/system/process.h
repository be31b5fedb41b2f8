/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process itself: background, pid file, rights, signals, and its name. */

#ifndef SYSTEM_PROCESS_H
#define SYSTEM_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>
#include <glib.h>
#include "qapi/qapi-types.h"

/** process_init: at the very start of main(). */
void process_init(void);

/** process_cleanup: remove the pid file and ignore signals; last thing of all. */
void process_cleanup(void);

/** process_set_guest_name, process_guest_name: of the VM (-name); copied, borrowed; NULL = none. */
void process_set_guest_name(const char *name);
const char *process_guest_name(void);

/** process_set_thread_name: the name that ps shows (-name process=). */
void process_set_thread_name(const char *name);

/** process_set_accelerator, process_accelerator: the one of -accel. */
void process_set_accelerator(Accelerator accelerator);
Accelerator process_accelerator(void);

/**
 * process_daemonize: go on in a child process
 * @status: (out) in the parent: the status to exit with
 *
 * Blocks: in the parent, until the child calls process_daemon_ready() or ends.
 * Returns: 0 in the child, 1 in the parent, -1 with @error set.
 */
int process_daemonize(int *status, GError **error);

/**
 * process_daemon_fds: what the standard descriptors will lead to
 * @log_fd: as of process_daemon_ready()
 * @fds: (out) borrowed
 *
 * Returns: false when the process is no daemon, or has already let go of the terminal.
 */
bool process_daemon_fds(int log_fd, int fds[3]);

/**
 * process_daemon_ready: let go of the terminal and tell the parent; no-op if no daemon
 * @log_fd: borrowed: where messages go from now on; -1 = they are lost
 */
void process_daemon_ready(int log_fd);

/** process_go_home: back to where a daemon was started, to remove what has relative names. */
void process_go_home(void);

/** process_create_pidfile: write the pid to @path and keep the file locked. */
bool process_create_pidfile(const char *path, GError **error);

/** process_exit_with_parent: get SIGTERM when the parent ends, also if it has already. */
void process_exit_with_parent(void);

/** A user to become. */
typedef struct ProcessUser {
    uid_t uid;
    gid_t gid;
    gid_t *groups; /* owned: supplementary groups */
    int n_groups;
} ProcessUser;

/** process_user_find: look up NAME or UID:GID. Returns: owned; NULL if there is none. */
ProcessUser *process_user_find(const char *text);

/** process_user_free: NULL is legal. */
void process_user_free(ProcessUser *user);

/**
 * process_confine: chroot to @root, then become @user; either may be NULL
 *
 * No descriptor that leads out of @root is kept. A helper outside, with the rights of before,
 * removes what the process has made until now (util/janitor.h).
 */
bool process_confine(const char *root, const ProcessUser *user, GError **error);

/**
 * process_catch_signals: from now on SIGINT, SIGHUP and SIGTERM shut down in order
 * @quiet: print no line about it
 *
 * A SIGHUP opens log files again instead, if there are any (util/reopen.h).
 *
 * Those that come before the loop runs end what waits through interrupt_wait() and then the
 * loop as soon as it begins.
 */
bool process_catch_signals(bool quiet, GError **error);

/** process_is_signalled: whether a signal came that the loop has not seen; it is printed now. */
bool process_is_signalled(void);

#endif
