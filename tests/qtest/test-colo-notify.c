/* SPDX-License-Identifier: GPL-2.0-or-later */
/* colo-compare's notify_dev in the real program, byte for byte. */

#include "compare-rig.h"

#include <string.h>

#define HELLO "COLO_USERSPACE_PROXY_INIT"
#define ANSWER "\0\0\0\x19" "COLO_COMPARE_GET_XEN_INIT"

static void expect_bytes(CompareRig *rig, const char *want, size_t len)
{
    g_autofree char *got = g_malloc(len);

    sock_read(rig->notify_fd, got, len);
    g_assert_cmpmem(got, len, want, len);
}

static void test_hello(void)
{
    CompareRig *rig = crig_new("");

    sock_write(rig->notify_fd, "\0\0\0\x19" HELLO, 29);
    expect_bytes(rig, ANSWER, 29);
    crig_free(rig);
}

/* With virtio-net headers the word may be there or not; our own messages never have it. */
static void test_with_vnet_headers(void)
{
    CompareRig *rig = crig_new(",vnet_hdr_support=on");

    sock_write(rig->notify_fd, "\0\0\0\x19\0\0\0\0" HELLO, 33);
    expect_bytes(rig, ANSWER, 29);
    sock_write(rig->notify_fd, "\0\0\0\x19" HELLO, 29);
    expect_bytes(rig, ANSWER, 29);
    crig_send_udp(&rig->pri, 1, "this");
    crig_send_udp(&rig->sec, 1, "that");
    expect_bytes(rig, "\0\0\0\x0d" "DO_CHECKPOINT", 17);
    sock_write(rig->notify_fd, "\0\0\0\x0f\0\0\0\0" "COLO_CHECKPOINT", 23);
    crig_expect_udp(rig, 1, "this");
    crig_free(rig);
}

/* One request for each difference. */
static void test_requests_are_not_suppressed(void)
{
    CompareRig *rig = crig_new("");

    crig_send_udp(&rig->pri, 1, "this");
    crig_wait(rig, "primary.queued.frames", 1);
    for (int i = 0; i < 3; i++) {
        crig_send_udp(&rig->sec, 1, (char[]) { (char)('a' + i), 0 });
        crig_expect_notice(rig, "DO_CHECKPOINT");
    }
    crig_free(rig);
}

static void test_unknown_message(void)
{
    CompareRig *rig = crig_new("");

    crig_notify(rig, "NONSENSE");
    qtest_wait_output(rig->s, "COLO compare got unsupported instruction");
    crig_notify(rig, "MORE OF IT");
    crig_wait(rig, "notices-unknown", 2);
    crig_notify(rig, HELLO);
    crig_expect_notice(rig, "COLO_COMPARE_GET_XEN_INIT");
    crig_free(rig);
}

static void test_oversized_disconnects(void)
{
    CompareRig *rig = crig_new("");

    sock_write(rig->notify_fd, "\xff\xff\xff\xff", 4);
    sock_expect_eof(rig->notify_fd);
    qtest_wait_output(rig->s, "colo-compare notify_dev error");
    g_assert_cmpint(crig_count(rig, "notices-malformed"), ==, 1);
    sock_close(&rig->notify_fd);
    rig->notify_fd = sock_connect_unix(rig->paths[3]);
    crig_notify(rig, HELLO);
    crig_expect_notice(rig, "COLO_COMPARE_GET_XEN_INIT");
    crig_free(rig);
}

/* Half a message does not become part of the next connection's. */
static void test_reconnect_begins_anew(void)
{
    CompareRig *rig = crig_new("");

    sock_write(rig->notify_fd, "\0\0\0\x19" "COLO_USER", 13);
    sock_close(&rig->notify_fd);
    rig->notify_fd = sock_connect_unix(rig->paths[3]);
    crig_notify(rig, HELLO);
    crig_expect_notice(rig, "COLO_COMPARE_GET_XEN_INIT");
    crig_free(rig);
}

/* A manager that does not read: requests are lost and counted, nothing grows, nothing waits. */
static void test_manager_does_not_read(void)
{
    CompareRig *rig = crig_new(",max_queue_size=4294967295");

    crig_send_udp(&rig->pri, 1, "this");
    crig_wait(rig, "primary.queued.frames", 1);
    while (crig_count(rig, "requests-lost") == 0) {
        for (int i = 0; i < 500; i++) {
            crig_send_udp(&rig->sec, 1, "that");
        }
    }
    crig_expect_notice(rig, "DO_CHECKPOINT");
    crig_notify(rig, "COLO_CHECKPOINT");
    crig_expect_udp(rig, 1, "this");
    crig_free(rig);
}

static void test_nobody_there(void)
{
    CompareRig *rig = crig_new("");

    sock_close(&rig->notify_fd);
    crig_send_udp(&rig->pri, 1, "this");
    crig_send_udp(&rig->sec, 1, "that");
    crig_wait(rig, "requests-lost", 1);
    qtest_expect_event(rig->s, "COLO_CHECKPOINT_NEEDED");
    crig_free(rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/colo-notify/hello", test_hello);
    g_test_add_func("/colo-notify/with-vnet-headers", test_with_vnet_headers);
    g_test_add_func("/colo-notify/requests-are-not-suppressed", test_requests_are_not_suppressed);
    g_test_add_func("/colo-notify/unknown-message", test_unknown_message);
    g_test_add_func("/colo-notify/oversized-disconnects", test_oversized_disconnects);
    g_test_add_func("/colo-notify/reconnect-begins-anew", test_reconnect_begins_anew);
    g_test_add_func("/colo-notify/manager-does-not-read", test_manager_does_not_read);
    g_test_add_func("/colo-notify/nobody-there", test_nobody_there);
    return g_test_run();
}
