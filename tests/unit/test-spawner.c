/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of the helper process: requests of a process that is sane, and of one that is not. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <glib.h>

#include "loop.h"
#include "util/error.h"
#include "util/fd.h"
#include "util/spawner.h"

/*
 *   test ──► requests, good and bad ──► helper ──► worker ──► answer
 */

#define FDS_MAX 64
#define N_ARGS 3
#define MARK 0x600du

/* --- A task ------------------------------------------------------------------------------ */

static bool echo_is_valid(const char *const args[])
{
    return strcmp(args[2], "refused") != 0;
}

static int echo_run(const char *const args[], bool interruptible, SpawnerReply *reply)
{
    g_snprintf(reply->text, sizeof(reply->text), "%s+%s+%s", args[0], args[1], args[2]);
    reply->flags = MARK;
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static const SpawnerTask echo = {
    .name = "echo", .n_args = N_ARGS, .is_valid = echo_is_valid, .run = echo_run,
};

/* Before main(), as all tasks. */
__attribute__((constructor)) static void echo_register(void)
{
    spawner_register(&echo);
}

/* The socket to the helper. */
static int helper = -1;

/* The next number that a descriptor gets is that of the helper's socket. */
static void helper_start(void)
{
    struct rlimit limit = { FDS_MAX, FDS_MAX };
    g_autoptr(GError) error = NULL;
    SpawnerPolicy policy = { .only_allowed = true };

    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
    helper = fcntl(STDIN_FILENO, F_DUPFD, 0);
    close(helper);
    spawner_start(&policy, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(spawner_is_on());
}

static void expect_echo(const char *a, const char *b, const char *c, const char *want)
{
    g_autoptr(GError) error = NULL;
    SpawnerReply reply;
    int fd;

    spawner_run(&echo, (const char *[]) { a, b, c }, false, &reply, &fd, &error);
    g_assert_no_error(error);
    g_assert_cmpint(reply.step, ==, SPAWNER_STEP_DONE);
    g_assert_cmpstr(reply.text, ==, want);
    g_assert_cmpint(fd, >=, 0);
    close(fd);
}

static void test_answers(void)
{
    expect_echo("a", "", "c", "a++c");
}

typedef struct Answer {
    bool is_there;
    char text[SPAWNER_TEXT_MAX];
} Answer;

static void answer_set(const SpawnerReply *reply, int fd, void *opaque)
{
    Answer *answer = opaque;

    answer->is_there = true;
    g_strlcpy(answer->text, reply->text, sizeof(answer->text));
    fd_close(&fd);
}

static void test_answers_in_the_background(void)
{
    g_autoptr(GError) error = NULL;
    Answer answer = { false };

    g_assert_nonnull(spawner_call_start(&echo, (const char *[]) { "x", "y", "z" }, answer_set,
                                        &answer, &error));
    LOOP_UNTIL(answer.is_there);
    g_assert_cmpstr(answer.text, ==, "x+y+z");
}

static void test_longest(void)
{
    g_autofree char *text = g_strnfill(16384 - 4, 'x');
    g_autofree char *longer = g_strnfill(16384, 'x');
    g_autofree char *want = g_strnfill(SPAWNER_TEXT_MAX - 1, 'x');
    g_autoptr(GError) error = NULL;
    SpawnerReply reply;
    int fd;

    expect_echo(text, "", "z", want);
    g_assert_false(spawner_run(&echo, (const char *[]) { longer, "", "" }, false, &reply, &fd,
                               &error));
    g_assert_nonnull(strstr(error->message, "is too long"));
}

/* The helper refuses it; so would the process, if it were sane. */
static void test_invalid(void)
{
    g_autoptr(GError) error = NULL;
    SpawnerReply reply;
    int fd;

    g_assert_true(spawner_run(&echo, (const char *[]) { "", "", "refused" }, false, &reply, &fd,
                              &error));
    g_assert_cmpint(reply.step, ==, SPAWNER_STEP_LOST);
    g_assert_false(spawner_reply_check(&echo, &reply, &error));
    g_assert_cmpstr(error->message, ==, "echo: the helper process gave no answer");
}

/* --- A process that is under somebody's control ------------------------------------------ */

/* With @n_fds copies of @fd. */
static void send_request(const void *data, size_t len, int fd, unsigned n_fds)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(16 * sizeof(int))];
    } control = { .header = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
                              .cmsg_len = CMSG_LEN(n_fds * sizeof(int)) } };
    struct iovec iov = { (void *)data, len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
                          .msg_controllen = CMSG_SPACE(n_fds * sizeof(int)) };

    g_assert_cmpuint(n_fds, <=, 16);
    for (unsigned i = 0; i < n_fds; i++) {
        memcpy(CMSG_DATA(&control.header) + i * sizeof(int), &fd, sizeof(int));
    }
    if (n_fds == 0) {
        msg.msg_control = NULL;
        msg.msg_controllen = 0;
    }
    g_assert_cmpint(sendmsg(helper, &msg, MSG_NOSIGNAL), ==, (ssize_t)len);
}

/* @n_fds: how often it has the socket for the answer. Returns: whether an answer came. */
static bool is_answered(const void *data, size_t len, unsigned n_fds)
{
    SpawnerReply reply;
    int fds[2];
    ssize_t n;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), ==, 0);
    send_request(data, len, fds[1], n_fds);
    close(fds[1]);
    n = recv(fds[0], &reply, sizeof(reply), 0); /* 0 = all who had the other end have closed it */
    close(fds[0]);
    g_assert_true(n == 0 || (n == sizeof(reply) && reply.flags == MARK));
    return n > 0;
}

/* @texts: what follows the number of the task. */
static bool is_task_answered(uint32_t task, const char *texts, size_t len, unsigned n_fds)
{
    g_autofree char *request = g_malloc(sizeof(task) + len);

    memcpy(request, &task, sizeof(task));
    memcpy(request + sizeof(task), texts, len);
    return is_answered(request, sizeof(task) + len, n_fds);
}

/* The number of the task: that which answers three texts. */
static uint32_t echo_number(void)
{
    uint32_t number = 0;

    while (!is_task_answered(number, "a\0b\0c", 6, 1)) {
        number++;
        g_assert_cmpuint(number, <, 8);
    }
    return number;
}

static void test_bad_numbers(void)
{
    static const uint32_t numbers[] = { 8, 0x80000000, UINT32_MAX };

    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
        g_assert_false(is_task_answered(numbers[i], "a\0b\0c", 6, 1));
    }
    g_assert_false(is_answered("abc", 3, 1));
    test_answers();
}

static void test_bad_texts(void)
{
    uint32_t number = echo_number();
    g_autofree char *too_long = g_strnfill(20000, 'x');

    g_assert_false(is_task_answered(number, "", 0, 1));
    g_assert_false(is_task_answered(number, "a\0b", 4, 1));
    g_assert_false(is_task_answered(number, "a\0b\0c", 5, 1)); /* without the last NUL */
    g_assert_false(is_task_answered(number, "a\0b\0c\0d", 8, 1));
    g_assert_false(is_task_answered(number, "a\0b\0refused", 12, 1));
    /* What is cut off at the longest request leaves one that looks whole. */
    too_long[10] = too_long[20] = too_long[16383] = '\0';
    g_assert_false(is_task_answered(number, too_long, 20000, 1));
    test_answers();
}

/* More descriptors than one are no request, and are not kept: the helper would run out of them. */
static void test_many_descriptors(void)
{
    uint32_t number = echo_number();

    for (int i = 0; i < FDS_MAX; i++) {
        is_task_answered(number, "a\0b\0c", 6, 2);
        is_task_answered(number, "a\0b\0c", 6, 16);
        g_assert_false(is_task_answered(number, "a\0b\0c", 6, 0));
    }
    test_answers();
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    helper_start();
    g_test_add_func("/spawner/answers", test_answers);
    g_test_add_func("/spawner/answers-in-the-background", test_answers_in_the_background);
    g_test_add_func("/spawner/longest", test_longest);
    g_test_add_func("/spawner/invalid", test_invalid);
    g_test_add_func("/spawner/bad-numbers", test_bad_numbers);
    g_test_add_func("/spawner/bad-texts", test_bad_texts);
    g_test_add_func("/spawner/many-descriptors", test_many_descriptors);
    status = g_test_run();
    spawner_finish();
    spawner_cleanup();
    return status;
}
