/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program with the netdev under test and a socket netdev, joined by a hub. */

#include "pair.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

/* How long to wait before looking at a state again that tells no event. */
#define LOOK_AGAIN_MS 2

Pair *pair_new(const char *format, ...)
{
    Pair *pair = g_new0(Pair, 1);
    g_autofree char *net0 = NULL;
    va_list args;
    int theirs;

    va_start(args, format);
    net0 = g_strdup_vprintf(format, args);
    va_end(args);
    sock_pair(SOCK_STREAM, &pair->peer_fd, &theirs);
    pair->s = qtest_start("%s -netdev socket,id=peer,fd=%d "
                          "-netdev hubport,id=h0,hubid=1,netdev=net0 "
                          "-netdev hubport,id=h1,hubid=1,netdev=peer", net0, theirs);
    sock_close(&theirs);
    frame_link_init(&pair->peer, FRAME_LINK_STREAM, pair->peer_fd);
    return pair;
}

void pair_free(Pair *pair)
{
    qtest_assert_conservation(pair->s);
    qtest_quit(pair->s);
    frame_link_clear(&pair->peer);
    sock_close(&pair->peer_fd);
    g_free(pair);
}

char *pair_info(Pair *pair)
{
    g_autoptr(json_object) netdev = qtest_netdev(pair->s, "net0");
    json_object *info;

    g_assert_true(json_object_object_get_ex(netdev, "info", &info));
    return g_strdup(json_object_get_string(info));
}

void pair_wait_info(Pair *pair, const char *format, ...)
{
    int64_t deadline = g_get_monotonic_time() + wait_limit_ms() * INT64_C(1000);
    g_autofree char *wanted = NULL;
    va_list args;

    va_start(args, format);
    wanted = g_strdup_vprintf(format, args);
    va_end(args);
    for (;;) {
        g_autofree char *info = pair_info(pair);

        if (strcmp(info, wanted) == 0) {
            return;
        }
        if (g_get_monotonic_time() > deadline) {
            g_error("info of net0 is '%s', not '%s'", info, wanted);
        }
        poll(NULL, 0, LOOK_AGAIN_MS);
    }
}

void pair_check(Pair *pair, FrameLink *link, uint32_t n)
{
    frame_link_send(link, 0, n);
    frame_link_expect(&pair->peer, 0, n);
    frame_link_send(&pair->peer, n, n);
    frame_link_expect(link, n, n);
}

void pair_check_fd(Pair *pair, FrameLinkKind kind, int fd, uint32_t n)
{
    FrameLink link;

    frame_link_init(&link, kind, fd);
    pair_check(pair, &link, n);
    frame_link_clear(&link);
}

void pair_add_given(Pair *pair, int fd, const char *members)
{
    qtest_getfd(pair->s, "given", fd);
    qtest_qmp_ok(pair->s, "{'execute': 'netdev_add', 'arguments': {'id': 'n1', %s}}", members);
    qtest_qmp_ok(pair->s, "{'execute': 'netdev_add', 'arguments': "
                 "{'type': 'hubport', 'id': 'h2', 'hubid': 1, 'netdev': 'n1'}}");
}

void qtest_getfd(QTest *s, const char *name, int fd)
{
    g_autofree char *text = g_strdup_printf("{\"execute\": \"getfd\", "
                                            "\"arguments\": {\"fdname\": \"%s\"}}", name);
    g_autoptr(json_object) reply = NULL;
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = { .header = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
                              .cmsg_len = CMSG_LEN(sizeof(int)) } };
    struct iovec iov = { text, strlen(text) };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
                          .msg_controllen = sizeof(control) };

    memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
    g_assert_cmpint(sendmsg(qtest_qmp_fd(s), &msg, 0), ==, strlen(text));
    sock_close(&fd);
    reply = qtest_qmp_receive(s);
    g_assert_true(json_object_object_get_ex(reply, "return", NULL));
}
