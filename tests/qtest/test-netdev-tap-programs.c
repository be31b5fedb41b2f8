/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The programs that netdevs tap and bridge run: scripts for the interface, and the helper. */

#include "tap-rig.h"
#include "tap-scripts.h"
#include "second-monitor.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- Scripts ----------------------------------------------------------------------------- */

static void test_scripts(void)
{
    g_autofree char *up = tap_script_new("up", "exit 0");
    g_autofree char *down = tap_script_new("down", "exit 0");
    Pair *pair;

    if (tap_skipped()) {
        return;
    }
    tap_enter();
    pair = pair_new("-netdev tap,id=net0,ifname=t0,script=%s,downscript=%s", up, down);
    tap_scripts_expect_calls("up t0\n");
    pair_wait_info(pair, "ifname=t0,script=%s,downscript=%s", up, down);
    qtest_qmp_ok(pair->s, "{'execute': 'netdev_add', 'arguments': {'type': 'tap', 'id': 'n1', "
                 "'script': '%s', 'downscript': '%s'}}", up, down);
    tap_scripts_expect_calls("up tap0\n");
    qtest_qmp_ok(pair->s, "{'execute': 'netdev_del', 'arguments': {'id': 'n1'}}");
    tap_scripts_expect_calls("down tap0\n");
    tap_check_traffic(pair);
    tap_scripts_expect_calls("");
    pair_free(pair);
    tap_scripts_expect_calls("down t0\n");
}

/*
 * A program that ends as a shell told by signals expects: ours are not passed on. The C library may
 * leave its own two behind, 32 and 33.
 */
static void test_script_environment(void)
{
    g_autofree char *up = tap_script_new("up", "for fd in 3 4 5 6 7 8 9; do\n"
                                         "[ -e /proc/$$/fd/$fd ] && ls -l /proc/$$/fd/$fd |\n"
                                         "grep -v /up$ >&2 && exit 9; done\n"
                                         "grep -q '^SigIgn:.*[08]0000000$' /proc/$$/status || "
                                         "exit 8");
    QTest *s;

    if (tap_skipped()) {
        return;
    }
    tap_enter();
    s = qtest_start("-netdev tap,id=a,ifname=t0,script=%s", up);
    qtest_quit(s);
    tap_scripts_expect_calls("up t0\n");
}

static void test_script_fails(void)
{
    g_autofree char *up = tap_script_new("up", "exit 3");
    g_autofree char *down = tap_script_new("down", "exit 0");
    g_autofree char *message = g_strdup_printf("network script %s failed with status 768", up);
    QTest *s;

    if (tap_skipped()) {
        return;
    }
    tap_enter();
    qtest_expect_start_error(message, "-netdev tap,id=a,ifname=t0,script=%s,downscript=%s", up,
                             down);
    tap_scripts_expect_calls("up t0\n");
    s = qtest_start("%s", "");
    qtest_qmp_error(s, "GenericError", "network script /no/such failed with status 256",
                    TAP_ADD, ", 'ifname': 't0', 'script': '/no/such'");
    qtest_qmp_error(s, "GenericError", message, "{'execute': 'netdev_add', 'arguments': "
                    "{'type': 'tap', 'id': 'x', 'ifname': 'new', 'script': '%s'}}", up);
    g_assert_false(netns_link_exists("new"));
    qtest_quit(s);
    tap_scripts_expect_calls("up new\n");
    qtest_expect_start_error("failed with status 256\n/no/such: No such file or directory",
                             "-netdev tap,id=a,ifname=t0,script=/no/such");
}

static void test_downscript_fails(void)
{
    g_autofree char *down = tap_script_new("down", "exit 1");
    g_autofree char *message = g_strdup_printf("network script %s failed with status 256", down);
    QTest *s;

    if (tap_skipped()) {
        return;
    }
    tap_enter();
    s = qtest_start("-netdev tap,id=a,ifname=t0,downscript=%s", down);
    qtest_qmp_ok(s, "{'execute': 'netdev_del', 'arguments': {'id': 'a'}}");
    qtest_wait_output(s, message);
    qtest_quit(s);
    tap_scripts_expect_calls("down t0\n");
}

/* A script that takes its time does not keep the process from ending when it is told to. */
static void test_script_interrupted(void)
{
    g_autofree char *fifo = tmp_path("fifo");
    g_autofree char *command = g_strdup_printf("read line <%s", fifo);
    g_autofree char *up = tap_script_new("up", command);
    g_autofree char *message = g_strdup_printf("network script %s was interrupted", up);
    QTest *s;
    int fd;

    if (tap_skipped()) {
        return;
    }
    tap_enter();
    g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
    s = qtest_start_plain("-nodefaults -netdev tap,id=a,ifname=t0,script=%s", up);
    fd = open(fifo, O_WRONLY | O_CLOEXEC); /* until the script reads it */
    g_assert_cmpint(fd, >=, 0);
    qtest_signal(s, SIGTERM);
    qtest_wait_output(s, message);
    g_assert_cmpint(qtest_wait_exit(s), ==, 0);
    sock_close(&fd);
    tap_scripts_expect_calls("up t0\n");
}

/* --- Scripts at run time: only the command waits ------------------------------------------ */

/* A program that is called, and goes on when the test has written to "go". */
static char *make_waiting_script(const char *name)
{
    g_autofree char *fifo = tmp_path("go");
    g_autofree char *command = g_strdup_printf("trap 'echo %s ended >>%s.ended; exit 1' TERM\n"
                                               "read line <%s &\nwait $!", name, fifo, fifo);

    unlink(fifo);
    g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
    return tap_script_new(name, command);
}

/* Returns when the script that waits reads. */
static int script_arrives(void)
{
    g_autofree char *fifo = tmp_path("go");
    int fd = open(fifo, O_WRONLY | O_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    return fd;
}

static void script_goes_on(int fd)
{
    g_assert_cmpint(write(fd, "\n", 1), ==, 1);
    sock_close(&fd);
}

static void test_script_at_run_time(void)
{
    g_autofree char *up = make_waiting_script("up");
    g_autofree char *path = tmp_path("second");
    g_autoptr(json_object) reply = NULL;
    QTest *s;
    int second;
    int fd;

    if (tap_skipped()) {
        return;
    }
    tap_enter();
    s = qtest_start(SECOND_MONITOR, path);
    second = second_monitor_connect(path);
    qtest_qmp_send(s, "{'execute': 'netdev_add', 'arguments': {'type': 'tap', 'id': 'n0', "
                   "'ifname': 'new', 'script': '%s'}}", up);
    fd = script_arrives();
    second_monitor_ask(second);
    g_assert_true(netns_link_exists("new"));
    script_goes_on(fd);
    reply = qtest_qmp_receive(s);
    g_assert_true(json_object_object_get_ex(reply, "return", NULL));
    g_assert_true(netns_link_exists("new"));
    tap_scripts_expect_calls("up new\n");
    qtest_quit(s);
    sock_close(&second);
}

/* The answer comes when the script has ended; it ends even if nobody waits for that. */
static void test_downscript_at_run_time(void)
{
    g_autofree char *down = make_waiting_script("down");
    g_autofree char *path = tmp_path("second");
    g_autoptr(json_object) reply = NULL;
    QTest *s;
    int second;
    int fd;

    if (tap_skipped()) {
        return;
    }
    tap_enter();
    s = qtest_start(SECOND_MONITOR "-netdev tap,id=a,ifname=t0,downscript=%s", path, down);
    second = second_monitor_connect(path);
    qtest_qmp_send(s, "{'execute': 'netdev_del', 'arguments': {'id': 'a'}}");
    fd = script_arrives();
    second_monitor_ask(second);
    g_assert_false(fd_is_readable(qtest_qmp_fd(s)));
    script_goes_on(fd);
    reply = qtest_qmp_receive(s);
    g_assert_true(json_object_object_get_ex(reply, "return", NULL));
    tap_scripts_expect_calls("down t0\n");
    qtest_quit(s);
    sock_close(&second);
}

/* Who asked is gone: the script gets SIGTERM, and the interface goes. */
static void test_script_unwanted(void)
{
    g_autofree char *up = make_waiting_script("up");
    g_autofree char *path = tmp_path("second");
    g_autofree char *fifo = tmp_path("go");
    g_autofree char *ended = g_strconcat(fifo, ".ended", NULL);
    g_autofree char *line = NULL;
    QTest *s;
    int second;
    int fd;
    int ended_fd;

    if (tap_skipped()) {
        return;
    }
    tap_enter();
    g_assert_cmpint(mkfifo(ended, 0600), ==, 0);
    s = qtest_start(SECOND_MONITOR, path);
    second = second_monitor_connect(path);
    line = g_strdup_printf("{\"execute\": \"netdev_add\", \"arguments\": {\"type\": \"tap\", "
                           "\"id\": \"n0\", \"ifname\": \"new\", \"script\": \"%s\"}}\n", up);
    sock_write(second, line, strlen(line));
    fd = script_arrives();
    qtest_qmp_ok(s, "{'execute': 'yank', 'arguments': {'instances': [{'type': 'chardev', "
                 "'id': 'second'}]}}");
    ended_fd = open(ended, O_RDONLY | O_CLOEXEC); /* until the script writes it */
    g_assert_cmpint(ended_fd, >=, 0);
    while (netns_link_exists("new")) {
        qtest_qmp_ok(s, "{'execute': 'query-status'}");
    }
    sock_close(&ended_fd);
    sock_close(&fd);
    sock_close(&second);
    qtest_quit(s);
    unlink(ended);
    tap_scripts_expect_calls("up new\n");
}

/* --- Helpers ----------------------------------------------------------------------------- */

/*
 * This program itself is the helper when it is called as one. What it then does is the name of
 * the bridge.
 */
static int helper_option(int argc, char **argv, const char *name, const char **value)
{
    for (int i = 1; i < argc; i++) {
        if (g_str_has_prefix(argv[i], name)) {
            *value = argv[i] + strlen(name);
            return 1;
        }
    }
    return 0;
}

static void helper_send_fd(int to, int fd)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = { .header = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
                              .cmsg_len = CMSG_LEN(sizeof(int)) } };
    char byte = 0;
    struct iovec iov = { &byte, 1 };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
                          .msg_controllen = sizeof(control) };

    memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
    g_assert_cmpint(sendmsg(to, &msg, 0), ==, 1);
}

static int helper_main(int argc, char **argv)
{
    const char *bridge;
    const char *fd;

    if (!helper_option(argc, argv, "--fd=", &fd) ||
        !helper_option(argc, argv, "--br=", &bridge)) {
        return 2;
    }
    if (strcmp(bridge, "fails") == 0) {
        return 1;
    }
    if (strcmp(bridge, "silent") != 0) {
        helper_send_fd(atoi(fd), netns_tap_open("t0", IFF_VNET_HDR));
    }
    return strcmp(bridge, "late") == 0;
}

static char *helper_path(void)
{
    char *path = g_file_read_link("/proc/self/exe", NULL);

    g_assert_nonnull(path);
    return path;
}

static void check_helper(const char *netdev, const char *info)
{
    Pair *pair;

    if (tap_skipped()) {
        return;
    }
    tap_enter();
    pair = pair_new("-netdev '%s'", netdev);
    pair_wait_info(pair, "%s", info);
    tap_check_traffic(pair);
    pair_free(pair);
}

static void test_helper(void)
{
    g_autofree char *path = helper_path();
    g_autofree char *netdev = g_strdup_printf("tap,id=net0,helper=%s", path);
    g_autofree char *info = g_strdup_printf("helper=%s", path);

    check_helper(netdev, info);
}

static void test_helper_bridge(void)
{
    g_autofree char *path = helper_path();
    g_autofree char *netdev = g_strdup_printf("bridge,id=net0,helper=%s,br=virbr7", path);
    g_autofree char *info = g_strdup_printf("helper=%s,br=virbr7", path);

    check_helper(netdev, info);
}

static void test_helper_default_bridge(void)
{
    g_autofree char *path = helper_path();
    g_autofree char *netdev = g_strdup_printf("bridge,id=net0,helper=%s", path);
    g_autofree char *info = g_strdup_printf("helper=%s,br=br0", path);

    check_helper(netdev, info);
}

/* With blanks it is a command of a shell, which may name the bridge itself. */
static void test_helper_shell(void)
{
    g_autofree char *path = helper_path();
    g_autofree char *netdev = g_strdup_printf("tap,id=net0,helper=test 1 -eq 1 && %s", path);
    g_autofree char *info = g_strdup_printf("helper=test 1 -eq 1 && %s", path);

    check_helper(netdev, info);
}

static void test_helper_shell_bridge(void)
{
    g_autofree char *path = helper_path();
    g_autofree char *netdev = g_strdup_printf("bridge,id=net0,br=fails,helper=%s --br=good",
                                              path);
    g_autofree char *info = g_strdup_printf("helper=%s --br=good,br=fails", path);

    check_helper(netdev, info);
}

/* The bridge's name is an argument, whatever is in it; with /bin/true nothing comes of it. */
static void test_helper_shell_does_not_see_the_bridge(void)
{
    g_autofree char *made = tmp_path("made");
    QTest *s = qtest_start("%s", "");

    qtest_qmp_error(s, "GenericError", "failed to recv file descriptor: No data available",
                    "{'execute': 'netdev_add', 'arguments': {'type': 'bridge', 'id': 'x', "
                    "'helper': '/bin/true and blanks', 'br': 'b;touch %s;$(touch %s)'}}", made,
                    made);
    qtest_quit(s);
    g_assert_false(g_file_test(made, G_FILE_TEST_EXISTS));
}

static void test_helper_errors(void)
{
    g_autofree char *path = helper_path();
    QTest *s;

    if (tap_skipped()) {
        return;
    }
    tap_enter();
    s = qtest_start("%s", "");
    qtest_qmp_error(s, "GenericError", "bridge helper failed",
                    TAP_ADD, ", 'helper': '/no/such'");
    qtest_qmp_error(s, "GenericError", "bridge helper failed",
                    TAP_ADD, ", 'helper': 'exit 1'");
    for (int i = 0; i < 2; i++) {
        qtest_qmp_error(s, "GenericError", "bridge helper failed", "{'execute': 'netdev_add', "
                        "'arguments': {'type': 'bridge', 'id': 'x', 'helper': '%s', "
                        "'br': '%s'}}", path, i ? "late" : "fails");
    }
    qtest_qmp_error(s, "GenericError", "failed to recv file descriptor: No data available",
                    "{'execute': 'netdev_add', 'arguments': {'type': 'bridge', 'id': 'x', "
                    "'helper': '%s', 'br': 'silent'}}", path);
    qtest_quit(s);
}

static void test_helper_interrupted(void)
{
    g_autofree char *fifo = tmp_path("helper-fifo");
    g_autofree char *helper = g_strdup_printf("read line <%s", fifo);
    QTest *s;
    int fd;

    g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
    s = qtest_start_plain("-nodefaults -netdev 'tap,id=a,helper=%s;:'", helper);
    fd = open(fifo, O_WRONLY | O_CLOEXEC);
    g_assert_cmpint(fd, >=, 0);
    qtest_signal(s, SIGTERM);
    qtest_wait_output(s, "bridge helper was interrupted");
    g_assert_cmpint(qtest_wait_exit(s), ==, 0);
    sock_close(&fd);
}

int main(int argc, char **argv)
{
    /* A shell makes what it starts in the background ignore these, and so all that we start. */
    signal(SIGINT, SIG_DFL);
    signal(SIGQUIT, SIG_DFL);
    const char *rest;

    if (helper_option(argc, argv, "--use-vnet", &rest)) {
        return helper_main(argc, argv);
    }
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/netdev-tap-programs/scripts", test_scripts);
    g_test_add_func("/netdev-tap-programs/script-environment", test_script_environment);
    g_test_add_func("/netdev-tap-programs/script-fails", test_script_fails);
    g_test_add_func("/netdev-tap-programs/script-interrupted", test_script_interrupted);
    g_test_add_func("/netdev-tap-programs/downscript-fails", test_downscript_fails);
    g_test_add_func("/netdev-tap-programs/script-at-run-time", test_script_at_run_time);
    g_test_add_func("/netdev-tap-programs/downscript-at-run-time", test_downscript_at_run_time);
    g_test_add_func("/netdev-tap-programs/script-unwanted", test_script_unwanted);
    g_test_add_func("/netdev-tap-programs/helper", test_helper);
    g_test_add_func("/netdev-tap-programs/helper-bridge", test_helper_bridge);
    g_test_add_func("/netdev-tap-programs/helper-default-bridge", test_helper_default_bridge);
    g_test_add_func("/netdev-tap-programs/helper-shell", test_helper_shell);
    g_test_add_func("/netdev-tap-programs/helper-shell-bridge", test_helper_shell_bridge);
    g_test_add_func("/netdev-tap-programs/helper-shell-does-not-see-the-bridge",
                    test_helper_shell_does_not_see_the_bridge);
    g_test_add_func("/netdev-tap-programs/helper-errors", test_helper_errors);
    g_test_add_func("/netdev-tap-programs/helper-interrupted", test_helper_interrupted);
    return g_test_run();
}
