/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The VM's program that -run starts, with a connected socket for each export. */

#include "system/run-command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "follow/vm.h"
#include "qapi/opts.h"
#include "util/error.h"
#include "util/fd-activated.h"
#include "util/fd.h"
#include "util/interrupt.h"

/* What a shell adds to the number of a signal that ended a program. */
#define STATUS_OF_SIGNAL 128

/** The socket for one export. */
typedef struct RunFd {
    char *id; /* owned */
    int fd;   /* owned: the program's end */
} RunFd;

static struct {
    GArray *fds;      /* owned RunFd; NULL = none */
    pid_t parent;     /* this process */
    pid_t pid;        /* 0 = not started, or has ended */
    int pidfd;        /* owned; -1 = not started, or the kernel has none */
    guint watch;      /* id of the source; 0 = none */
    bool has_ended;   /* by itself */
    int status;       /* then: of waitpid() */
} run = { .pidfd = -1 };

/* --- Exports ----------------------------------------------------------------------------- */

/* The variable that tells the program its socket. Owned. */
static char *run_variable(const char *id)
{
    char *name = g_strdup_printf("QND_FD_%s", id);

    return g_strcanon(name, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "_", '_');
}

/* "vm-0" and "vm.0" would have the same variable. */
static bool run_check_variable(const char *id, GError **error)
{
    g_autofree char *name = run_variable(id);

    for (guint i = 0; run.fds && i < run.fds->len; i++) {
        const char *other = g_array_index(run.fds, RunFd, i).id;
        g_autofree char *taken = run_variable(other);

        if (strcmp(name, taken) == 0 && strcmp(id, other) != 0) {
            return error_set(error, "export '%s': the variable %s of -run is that of export '%s'",
                             id, name, other);
        }
    }
    return true;
}

/* Returns: owned */
static char *run_add_pair(const char *id, bool is_datagram, GError **error)
{
    RunFd entry = { 0 };
    char *name;
    int fds[2];

    if (!run_check_variable(id, error)) {
        return NULL;
    }
    if (socketpair(AF_UNIX, (is_datagram ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0, fds) < 0) {
        error_set_errno(error, errno, "cannot create a socket pair");
        return NULL;
    }
    if (!run.fds) {
        run.fds = g_array_new(FALSE, FALSE, sizeof(RunFd));
    }
    entry.id = g_strdup(id);
    entry.fd = fds[1];
    g_array_append_val(run.fds, entry);
    name = g_strdup_printf("run:%s", id);
    fd_activated_add(name, fds[0]);
    return name;
}

static const char *run_member(json_object *keyval, const char *key)
{
    json_object *value;

    return json_object_object_get_ex(keyval, key, &value) ? json_object_get_string(value) : NULL;
}

char *run_command_export(const char *text, GError **error)
{
    json_object *keyval = text[0] == '{' ? NULL : keyval_parse(text, "type", NULL, NULL);
    g_autofree char *name = NULL;
    const char *id = keyval ? run_member(keyval, "id") : NULL;
    const char *type = keyval ? run_member(keyval, "type") : NULL;
    char *result = NULL;

    if (!id || !type || json_object_object_get_ex(keyval, "addr", NULL)) {
        result = g_strdup(text); /* what is wrong with it is told by who carries it out */
    } else {
        name = run_add_pair(id, strcmp(type, "dgram") == 0, error);
        result = name ? g_strdup_printf("%s,addr.type=fd,addr.str=%s", text, name) : NULL;
    }
    json_object_put(keyval);
    return result;
}

/* --- The program ------------------------------------------------------------------------- */

static char *run_command_text(const char *command)
{
    GString *text = g_string_new(command);

    for (guint i = 0; run.fds && i < run.fds->len; i++) {
        const RunFd *entry = &g_array_index(run.fds, RunFd, i);
        g_autofree char *place = g_strdup_printf("{%s}", entry->id);
        g_autofree char *number = g_strdup_printf("%d", entry->fd);

        g_string_replace(text, place, number, 0);
    }
    return g_string_free(text, FALSE);
}

static char **run_command_environment(void)
{
    char **env = g_get_environ();

    for (guint i = 0; run.fds && i < run.fds->len; i++) {
        const RunFd *entry = &g_array_index(run.fds, RunFd, i);
        g_autofree char *name = run_variable(entry->id);
        g_autofree char *number = g_strdup_printf("%d", entry->fd);

        env = g_environ_setenv(env, name, number, TRUE);
    }
    return env;
}

/* In the new process: it has its sockets, signals as they come, and its end with that of ours. */
static void run_command_set_up(gpointer opaque)
{
    for (guint i = 0; run.fds && i < run.fds->len; i++) {
        fcntl(g_array_index(run.fds, RunFd, i).fd, F_SETFD, 0);
    }
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != run.parent) {
        raise(SIGTERM); /* ours has ended before it could be tied to */
    }
}

static void run_command_ended(GPid pid, int status, gpointer opaque)
{
    run.watch = 0;
    run.pid = 0;
    run.has_ended = true;
    run.status = status;
    vm_request_shutdown(SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
}

/* The program has them now. */
static void run_command_close_fds(void)
{
    for (guint i = 0; run.fds && i < run.fds->len; i++) {
        RunFd *entry = &g_array_index(run.fds, RunFd, i);

        fd_close(&entry->fd);
        g_free(entry->id);
    }
    g_clear_pointer(&run.fds, g_array_unref);
}

bool run_command_start(const char *command, GError **error)
{
    g_autofree char *text = run_command_text(command);
    g_auto(GStrv) env = run_command_environment();
    const char *const argv[] = { "/bin/sh", "-c", text, NULL };
    g_autoptr(GError) cause = NULL;

    run.parent = getpid();
    if (!g_spawn_async(NULL, (char **)argv, env,
                       G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_LEAVE_DESCRIPTORS_OPEN |
                           G_SPAWN_CHILD_INHERITS_STDIN,
                       run_command_set_up, NULL, &run.pid, &cause)) {
        return error_set(error, "-run %s: %s", command, cause->message);
    }
    run.pidfd = pidfd_open(run.pid, 0);
    run.watch = g_child_watch_add(run.pid, run_command_ended, NULL);
    run_command_close_fds();
    return true;
}

int run_command_pidfd(void)
{
    return run.pidfd;
}

/* By the descriptor: behind -sandbox on there is no kill(2). */
static void run_command_signal(int number)
{
    if (run.pidfd < 0 || pidfd_send_signal(run.pidfd, number, NULL, 0) < 0) {
        kill(run.pid, number);
    }
}

int run_command_end(void)
{
    int status = -1;

    run_command_close_fds();
    if (run.pid > 0) {
        g_source_remove(run.watch);
        run_command_signal(SIGTERM);
        if (run.pidfd >= 0 && interrupt_wait(run.pidfd, POLLIN, -1) == EINTR) {
            run_command_signal(SIGKILL);
        }
        while (waitpid(run.pid, NULL, 0) < 0 && errno == EINTR) {
        }
        run.pid = 0;
    }
    fd_close(&run.pidfd);
    if (run.has_ended) {
        status = WIFEXITED(run.status) ? WEXITSTATUS(run.status)
                                       : STATUS_OF_SIGNAL + WTERMSIG(run.status);
    }
    return status;
}
