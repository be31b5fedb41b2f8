/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tasks done in a process of their own, by a helper that keeps the rights for them. */

/*
 * The helper distrusts the daemon, which may be under a guest's control by then. The requests are
 * a closed table, each entry with so many texts. A request is one message: the number of the
 * entry, the texts, and a socket for the answer. The helper forks a worker for each, which ends
 * its program and itself when the other end of that socket is closed.
 *
 *   this process ──► requests ──► helper ──► fork ──► worker ──► fork, exec ──► program
 *        ▲                                             │
 *        └──── the answer, with a descriptor ──────────┘
 *
 * As long as no rights have been given up there is no helper: the worker is forked from this
 * process.
 */

#include "util/spawner.h"

#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/detached.h"
#include "util/error.h"
#include "util/fd-watch.h"
#include "util/fd.h"
#include "util/interrupt.h"
#include "util/rights.h"

#define SPAWNER_TASKS_MAX 8
#define SPAWNER_ARGS_MAX  4
#define SPAWNER_REQUEST_MAX 16384

struct SpawnerCall {
    int fd;              /* owned: where the answer comes, and then the end of the worker */
    SpawnerReply reply;  /* valid if @has_reply */
    bool has_reply;
    int passed;          /* owned: what came with it; -1 = nothing */
    FdWatch *watch;      /* owned */
    SpawnerCallFunc *func;
    void *opaque;
};

/** The request, by numbers and text that may come from an attacker. */
typedef struct SpawnerRequest {
    uint32_t task;
    char texts[SPAWNER_REQUEST_MAX]; /* each ended by NUL */
} SpawnerRequest;

/** What a worker is to do. */
typedef struct SpawnerWork {
    const SpawnerTask *task; /* NULL = refuse */
    const char *args[SPAWNER_ARGS_MAX];
    int fd;                  /* for the answer */
} SpawnerWork;

static struct {
    const SpawnerTask *tasks[SPAWNER_TASKS_MAX];
    uint32_t n_tasks;
    GPtrArray *allowed;      /* owned paths */
    GPtrArray *calls;        /* borrowed SpawnerCall *: all there are; NULL = none yet */
    SpawnerPolicy policy;
    bool is_expected;
    int fd;                  /* to the helper; in it, to the process; -1 = there is none */
} spawner = { .fd = -1 };

void spawner_register(const SpawnerTask *task)
{
    g_assert(spawner.n_tasks < SPAWNER_TASKS_MAX && task->n_args <= SPAWNER_ARGS_MAX);
    spawner.tasks[spawner.n_tasks++] = task;
}

void spawner_allow(const char *program)
{
    if (!spawner.allowed) {
        spawner.allowed = g_ptr_array_new_with_free_func(g_free);
    }
    g_ptr_array_add(spawner.allowed, g_strdup(program));
}

void spawner_expect(bool is_expected)
{
    spawner.is_expected = is_expected;
}

bool spawner_is_expected(void)
{
    return spawner.is_expected;
}

bool spawner_is_on(void)
{
    return spawner.fd >= 0;
}

/* --- Messages with a descriptor ---------------------------------------------------------- */

/* @passed: goes with it; -1 = none. Returns: whether all was sent. */
static bool spawner_send(int to, const void *data, size_t len, int passed)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = { .header = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
                              .cmsg_len = CMSG_LEN(sizeof(int)) } };
    struct iovec iov = { (void *)data, len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    ssize_t n;

    if (passed >= 0) {
        memcpy(CMSG_DATA(&control.header), &passed, sizeof(passed));
        msg.msg_control = &control;
        msg.msg_controllen = sizeof(control);
    }
    do {
        n = sendmsg(to, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n == (ssize_t)len;
}

/*
 * There is room for one descriptor: the kernel closes what else comes with it, or it would stay
 * open for ever.
 * @passed: (out) what came with it; -1 = none.
 * Returns: the length, also of what is longer than @size; 0 at the end, -1 with errno.
 */
static ssize_t spawner_receive(int from, void *data, size_t size, int *passed)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = { data, size };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
                          .msg_controllen = CMSG_LEN(sizeof(int)) };
    struct cmsghdr *cmsg;
    ssize_t n;

    *passed = -1;
    do {
        n = recvmsg(from, &msg, MSG_CMSG_CLOEXEC | MSG_TRUNC);
    } while (n < 0 && errno == EINTR);
    cmsg = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
    if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS &&
        cmsg->cmsg_len == CMSG_LEN(sizeof(int))) {
        memcpy(passed, CMSG_DATA(cmsg), sizeof(int));
    }
    return n;
}

/* --- The worker -------------------------------------------------------------------------- */

static void spawner_work(void *opaque)
{
    const SpawnerWork *work = opaque;
    SpawnerReply reply = { 0 };
    auto_fd int fd = -1;

    prctl(PR_SET_NAME, "spawned");
    interrupt_set_fd(work->fd);
    if (work->task) {
        fd = work->task->run(work->args, true, &reply);
    } else {
        reply.step = SPAWNER_STEP_REFUSED;
    }
    spawner_send(work->fd, &reply, sizeof(reply), fd);
}

/* Returns: 0, or the errno of the call that failed. */
static int spawner_fork_worker(SpawnerWork *work)
{
    const int kept[] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, work->fd };

    return detached_start(kept, G_N_ELEMENTS(kept), spawner_work, work);
}

/* --- The helper: no lock of GLib's is taken here ----------------------------------------- */

static bool spawner_is_allowed(const SpawnerTask *task, const char *program)
{
    if (!task->is_program || !spawner.policy.only_allowed) {
        return true;
    }
    for (guint i = 0; spawner.allowed && i < spawner.allowed->len; i++) {
        if (strcmp(g_ptr_array_index(spawner.allowed, i), program) == 0) {
            return true;
        }
    }
    return false;
}

/* Finds the texts, as many as there have to be, and none behind them. */
static bool spawner_split(const SpawnerRequest *request, size_t len, unsigned n_args,
                          const char *args[])
{
    const char *at = request->texts;
    const char *end = at + len;

    for (unsigned i = 0; i < n_args; i++) {
        const char *nul = memchr(at, '\0', (size_t)(end - at));

        if (!nul) {
            return false;
        }
        args[i] = at;
        at = nul + 1;
    }
    return at == end;
}

static void spawner_serve_one(const SpawnerRequest *request, size_t len, int fd)
{
    SpawnerWork work = { .fd = fd };
    const SpawnerTask *task;

    if (len < sizeof(request->task) || len > sizeof(*request) ||
        request->task >= spawner.n_tasks) {
        return;
    }
    task = spawner.tasks[request->task];
    if (!spawner_split(request, len - sizeof(request->task), task->n_args, work.args) ||
        (task->is_valid && !task->is_valid(work.args))) {
        return;
    }
    work.task = spawner_is_allowed(task, work.args[0]) ? task : NULL;
    spawner_fork_worker(&work); /* if it cannot, the socket is closed without an answer */
}

static void spawner_serve(void)
{
    static SpawnerRequest request;
    ssize_t n;
    int fd;

    while ((n = spawner_receive(spawner.fd, &request, sizeof(request), &fd)) > 0) {
        /* The number of a descriptor behind the standard ones, or it is none of ours. */
        if (fd > STDERR_FILENO) {
            spawner_serve_one(&request, (size_t)n, fd);
        }
        fd_close(&fd);
    }
}

/** What a helper begins with. */
typedef struct SpawnerStart {
    int fd;                /* to the process */
    const int *daemon_fds; /* NULL = it stays where it is */
} SpawnerStart;

static void spawner_leave_terminal(const int fds[3])
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        dup2(fds[fd], fd);
    }
    if (chdir("/") < 0) {
        /* programs are named by absolute paths */
    }
}

static void spawner_help(void *opaque)
{
    const SpawnerStart *start = opaque;

    spawner.fd = start->fd;
    if (start->daemon_fds) {
        spawner_leave_terminal(start->daemon_fds);
    }
    prctl(PR_SET_NAME, "spawner");
    if (spawner.policy.no_new_privileges) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    }
    if (spawner.policy.only_allowed && !spawner.allowed) {
        rights_keep_only(RIGHT(CAP_NET_ADMIN)); /* taps are all that is left to do */
    }
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    spawner_serve();
}

static int spawner_compare_fds(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

bool spawner_start(const SpawnerPolicy *policy, const int daemon_fds[3], GError **error)
{
    SpawnerStart start = { .daemon_fds = daemon_fds };
    int kept[7] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO };
    size_t n = 3;
    int fds[2];
    int err;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
        return error_set_errno(error, errno, "cannot create a socket pair");
    }
    spawner.policy = *policy;
    kept[n++] = start.fd = fds[1];
    for (int i = 0; daemon_fds && i < 3; i++) {
        kept[n++] = daemon_fds[i];
    }
    qsort(kept, n, sizeof(kept[0]), spawner_compare_fds);
    err = detached_start(kept, n, spawner_help, &start);
    close(fds[1]);
    if (err != 0) {
        close(fds[0]);
        return error_set_errno(error, err, "cannot fork");
    }
    spawner.fd = fds[0];
    return true;
}

/* --- The process ------------------------------------------------------------------------- */

static uint32_t spawner_task_number(const SpawnerTask *task)
{
    uint32_t i = 0;

    while (spawner.tasks[i] != task) {
        i++;
        g_assert(i < spawner.n_tasks);
    }
    return i;
}

static bool spawner_ask_helper(const SpawnerTask *task, const char *const args[], int fd,
                               GError **error)
{
    SpawnerRequest request = { .task = spawner_task_number(task) };
    size_t len = 0;

    for (unsigned i = 0; i < task->n_args; i++) {
        size_t size = strlen(args[i]) + 1;

        if (size > sizeof(request.texts) - len) {
            return error_set(error, "%s: '%.32s...' is too long", task->name, args[i]);
        }
        memcpy(request.texts + len, args[i], size);
        len += size;
    }
    return spawner_send(spawner.fd, &request, offsetof(SpawnerRequest, texts) + len, fd) ||
           error_set_errno(error, errno, "%s: cannot ask the helper process", task->name);
}

/* Returns: where the answer will come; -1 with @error. */
static int spawner_ask(const SpawnerTask *task, const char *const args[], GError **error)
{
    SpawnerWork work = { .task = task };
    auto_fd int ours = -1;
    auto_fd int theirs = -1;
    int fds[2];
    int err;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
        error_set_errno(error, errno, "cannot create a socket pair");
        return -1;
    }
    ours = fds[0];
    theirs = fds[1];
    if (spawner_is_on()) {
        return spawner_ask_helper(task, args, theirs, error) ? fd_steal(&ours) : -1;
    }
    work.fd = theirs;
    memcpy(work.args, args, task->n_args * sizeof(args[0]));
    err = spawner_fork_worker(&work);
    if (err != 0) {
        error_set_errno(error, err, "cannot fork");
        return -1;
    }
    return fd_steal(&ours);
}

static void spawner_take_reply(int from, SpawnerReply *reply, int *fd)
{
    *reply = (SpawnerReply) { 0 };
    if (spawner_receive(from, reply, sizeof(*reply), fd) != sizeof(*reply)) {
        *reply = (SpawnerReply) { .step = SPAWNER_STEP_LOST };
    }
    reply->text[SPAWNER_TEXT_MAX - 1] = '\0';
}

bool spawner_run(const SpawnerTask *task, const char *const args[], bool interruptible,
                 SpawnerReply *reply, int *fd, GError **error)
{
    auto_fd int from = -1;
    struct pollfd pfd = { .events = POLLIN };
    char byte;

    *fd = -1;
    if (!spawner_is_on()) {
        *reply = (SpawnerReply) { 0 };
        *fd = task->run(args, interruptible, reply);
        return true;
    }
    from = spawner_ask(task, args, error);
    if (from < 0) {
        return false;
    }
    pfd.fd = from;
    if (interruptible && interrupt_wait(from, POLLIN, -1) == EINTR) {
        return error_set(error, "%s was interrupted", task->name);
    }
    while (!interruptible && poll(&pfd, 1, -1) < 0 && errno == EINTR) {
    }
    spawner_take_reply(from, reply, fd);
    while (reply->step != SPAWNER_STEP_LOST && recv(from, &byte, 1, 0) < 0 && errno == EINTR) {
        /* until the worker has ended: then nobody else has what came */
    }
    return true;
}

bool spawner_reply_check(const SpawnerTask *task, const SpawnerReply *reply, GError **error)
{
    switch (reply->step) {
    case SPAWNER_STEP_REFUSED:
        return error_set(error, "%s: refused by -sandbox spawn=deny", task->name);
    case SPAWNER_STEP_LOST:
        return error_set(error, "%s: the helper process gave no answer", task->name);
    default:
        return true;
    }
}

/* --- In the background ------------------------------------------------------------------- */

static void spawner_call_free(SpawnerCall *call)
{
    g_ptr_array_remove_fast(spawner.calls, call);
    fd_watch_free(call->watch);
    fd_close(&call->fd);
    fd_close(&call->passed);
    g_free(call);
}

/* @call is no longer valid. */
static void spawner_call_complete(SpawnerCall *call)
{
    SpawnerCallFunc *func = call->func;
    void *opaque = call->opaque;
    SpawnerReply reply = call->reply;
    int fd = fd_steal(&call->passed);

    spawner_call_free(call);
    func(&reply, fd, opaque);
}

/*
 * The answer, then the end of the worker: once it is told, nobody else has the descriptor.
 * Returns: whether that is all.
 */
static bool spawner_call_take(SpawnerCall *call)
{
    if (!call->has_reply) {
        spawner_take_reply(call->fd, &call->reply, &call->passed);
        call->has_reply = true;
        return call->reply.step == SPAWNER_STEP_LOST;
    }
    return true;
}

static void spawner_call_event(int fd, FdEvents events, void *opaque)
{
    if (spawner_call_take(opaque)) {
        spawner_call_complete(opaque);
    }
}

SpawnerCall *spawner_call_start(const SpawnerTask *task, const char *const args[],
                                SpawnerCallFunc *func, void *opaque, GError **error)
{
    int fd = spawner_ask(task, args, error);
    SpawnerCall *call;

    if (fd < 0) {
        return NULL;
    }
    if (!spawner.calls) {
        spawner.calls = g_ptr_array_new();
    }
    call = g_new0(SpawnerCall, 1);
    call->fd = fd;
    call->passed = -1;
    call->func = func;
    call->opaque = opaque;
    call->watch = fd_watch_new(fd, spawner_call_event, call);
    fd_watch_set(call->watch, FD_EVENT_READ);
    g_ptr_array_add(spawner.calls, call);
    return call;
}

void spawner_call_cancel(SpawnerCall *call)
{
    if (call) {
        spawner_call_free(call);
    }
}

void spawner_finish(void)
{
    while (spawner.calls && spawner.calls->len > 0) {
        SpawnerCall *call = g_ptr_array_index(spawner.calls, 0);

        while (!spawner_call_take(call)) {
        }
        spawner_call_complete(call);
    }
    g_clear_pointer(&spawner.calls, g_ptr_array_unref);
}

void spawner_cleanup(void)
{
    fd_close(&spawner.fd);
    g_clear_pointer(&spawner.allowed, g_ptr_array_unref);
}
