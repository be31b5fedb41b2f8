/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of the mux:  peer ---socket pair--- chardev b --- mux m --- users. */

#include "char-test.h"

#include <fcntl.h>

#include "chardev/char-internal.h"

/** A mux "m" on a socket pair. Returns: the other end. */
static int mux_new(Chardev **mux)
{
    Chardev *base;
    int peer = test_char_pair("b", &base);

    *mux = test_char_new("mux,id=m,chardev=b");
    return peer;
}

static void test_newest_user_has_the_focus(void)
{
    TestUser first = { .wanted = 100 }, second = { .wanted = 100 };
    Chardev *mux;
    int peer = mux_new(&mux);

    test_user_attach(&first, mux, &test_reader_ops);
    g_assert_cmpuint(first.n_opened, ==, 1);
    g_assert_cmpuint(first.n_mux_in, ==, 1);
    test_user_attach(&second, mux, &test_reader_ops);
    g_assert_cmpuint(first.n_mux_out, ==, 1);
    g_assert_cmpuint(second.n_mux_in, ==, 1);
    test_send(peer, "input");
    WAIT_UNTIL(test_user_got(&second, "input"));
    g_assert_cmpuint(first.got->len, ==, 0);
    test_user_clear(&first);
    test_user_clear(&second);
    close(peer);
    char_cleanup();
}

static void test_key_c_moves_the_focus(void)
{
    TestUser first = { .wanted = 100 }, second = { .wanted = 100 };
    Chardev *mux;
    int peer = mux_new(&mux);

    test_user_attach(&first, mux, &test_reader_ops);
    test_user_attach(&second, mux, &test_reader_ops);
    test_send(peer, "two\001cone\001ctwo");
    WAIT_UNTIL(test_user_got(&second, "twotwo"));
    g_assert_true(test_user_got(&first, "one"));
    g_assert_cmpuint(second.n_mux_out, ==, 1);
    g_assert_cmpuint(second.n_mux_in, ==, 2);
    test_user_clear(&first);
    test_user_clear(&second);
    close(peer);
    char_cleanup();
}

static void test_key_works_before_a_user_who_does_not_read(void)
{
    TestUser first = { .wanted = 100 }, second = { .wanted = 0 };
    Chardev *mux;
    int peer = mux_new(&mux);

    test_user_attach(&first, mux, &test_reader_ops);
    test_user_attach(&second, mux, &test_reader_ops);
    test_send(peer, "kept\001cone");
    WAIT_UNTIL(test_user_got(&first, "one"));
    g_assert_cmpuint(second.got->len, ==, 0);
    test_send(peer, "\001c");
    WAIT_UNTIL(second.n_mux_in == 2);
    test_user_want(&second, 100);
    WAIT_UNTIL(test_user_got(&second, "kept"));
    test_user_clear(&first);
    test_user_clear(&second);
    close(peer);
    char_cleanup();
}

static void test_unread_bytes_survive_the_end(void)
{
    TestUser user = { .wanted = 0 };
    g_autofree char *data = g_strnfill(5000, 'd');
    Chardev *mux;
    int peer = mux_new(&mux);

    test_user_attach(&user, mux, &test_reader_ops);
    test_send(peer, data);
    close(peer);
    test_settle();
    g_assert_cmpuint(user.n_closed, ==, 0);
    test_user_want(&user, 10000);
    WAIT_UNTIL(user.n_closed == 1);
    g_assert_true(test_user_got(&user, data));
    test_user_clear(&user);
    char_cleanup();
}

static void test_ctrl_a_twice_is_ctrl_a(void)
{
    TestUser user = { .wanted = 100 };
    Chardev *mux;
    int peer = mux_new(&mux);

    test_user_attach(&user, mux, &test_reader_ops);
    test_send(peer, "a\001\001b\001");
    test_send(peer, "\001c\001zd");
    WAIT_UNTIL(test_user_got(&user, "a\001b\001cd"));
    test_user_clear(&user);
    close(peer);
    char_cleanup();
}

static void test_key_b_is_a_break(void)
{
    TestUser user = { .wanted = 100 };
    Chardev *mux;
    int peer = mux_new(&mux);

    test_user_attach(&user, mux, &test_reader_ops);
    test_send(peer, "\001b");
    WAIT_UNTIL(user.n_breaks == 1);
    json_object_put(test_qmp_ok("chardev-send-break", "{'id': 'm'}"));
    g_assert_cmpuint(user.n_breaks, ==, 2);
    test_user_clear(&user);
    close(peer);
    char_cleanup();
}

static void test_key_h_prints_help(void)
{
    TestUser user = { .wanted = 100 };
    Chardev *mux;
    int peer = mux_new(&mux);
    char buffer[2000];
    ssize_t n_read = -1;

    test_user_attach(&user, mux, &test_reader_ops);
    test_send(peer, "\001h");
    WAIT_UNTIL((n_read = recv(peer, buffer, sizeof(buffer) - 1, MSG_DONTWAIT)) > 0);
    buffer[n_read] = '\0';
    g_assert_nonnull(strstr(buffer, "send a break\r\n"));
    g_assert_null(strstr(buffer, "end the process\r\n"));
    test_user_clear(&user);
    close(peer);
    char_cleanup();
}

static unsigned n_quits;

static void count_quit(void)
{
    n_quits++;
}

static void test_key_x_ends_the_process_at_a_terminal(void)
{
    TestUser user = { .wanted = 100 };
    Chardev *base = test_char_new("pty,id=base");
    Chardev *mux = test_char_new("mux,id=mux,chardev=base");
    int slave = open(base->class->pty_path(base), O_RDWR | O_NOCTTY);

    g_assert_cmpint(slave, >=, 0);
    n_quits = 0;
    char_set_quit_func(count_quit);
    test_user_attach(&user, mux, &test_reader_ops);
    g_assert_cmpint(write(slave, "\001x", 2), ==, 2);
    WAIT_UNTIL(n_quits == 1);
    test_expect(slave, "QEMU: Terminated");
    char_set_quit_func(NULL);
    test_user_clear(&user);
    close(slave);
    char_cleanup();
}

static void test_key_x_of_a_peer_does_not_end_the_process(void)
{
    TestUser user = { .wanted = 100 };
    Chardev *mux;
    int peer = mux_new(&mux);

    n_quits = 0;
    char_set_quit_func(count_quit);
    test_user_attach(&user, mux, &test_reader_ops);
    test_send(peer, "\001xand on");
    WAIT_UNTIL(test_user_got(&user, "and on"));
    test_expect(peer, "QEMU: only a terminal's user can end the process\r\n");
    g_assert_cmpuint(n_quits, ==, 0);
    char_set_quit_func(NULL);
    test_user_clear(&user);
    close(peer);
    char_cleanup();
}

static void test_key_t_adds_time_stamps(void)
{
    TestUser user = { .wanted = 100 };
    Chardev *mux;
    int peer = mux_new(&mux);

    test_user_attach(&user, mux, &test_reader_ops);
    test_send(peer, "\001t+");
    WAIT_UNTIL(user.got->len == 1);
    g_assert_cmpint(test_user_write(&user, "one\n"), ==, 4);
    test_expect(peer, "[00:00:00.000] one\n");
    test_send(peer, "\001t-");
    WAIT_UNTIL(user.got->len == 2);
    g_assert_cmpint(test_user_write(&user, "two\n"), ==, 4);
    test_expect(peer, "two\n");
    test_user_clear(&user);
    close(peer);
    char_cleanup();
}

static void test_output_of_all_users(void)
{
    TestUser first = { .wanted = 100 }, second = { .wanted = 100 };
    Chardev *mux;
    int peer = mux_new(&mux);

    test_user_attach(&first, mux, &test_reader_ops);
    test_user_attach(&second, mux, &test_reader_ops);
    g_assert_cmpint(test_user_write(&first, "1"), ==, 1);
    g_assert_cmpint(test_user_write(&second, "2"), ==, 1);
    test_expect(peer, "12");
    test_user_clear(&first);
    test_user_clear(&second);
    close(peer);
    char_cleanup();
}

static void test_full_device_blocks_and_frees_users(void)
{
    TestUser first = { .wanted = 100 }, second = { .wanted = 100 };
    g_autofree char *data = g_strnfill(4000000, 'm');
    char *buffer = g_malloc(4000000);
    Chardev *mux;
    int peer = mux_new(&mux);
    ssize_t n_taken;

    test_user_attach(&first, mux, &test_reader_ops);
    test_user_attach(&second, mux, &test_reader_ops);
    n_taken = test_user_write(&first, data);
    g_assert_cmpint(n_taken, <, 4000000);
    g_assert_cmpint(test_user_write(&second, "x"), ==, 0);
    while (n_taken > 0) {
        n_taken -= read(peer, buffer, 4000000);
    }
    WAIT_UNTIL(first.n_ready == 1 && second.n_ready == 1);
    g_free(buffer);
    test_user_clear(&first);
    test_user_clear(&second);
    close(peer);
    char_cleanup();
}

static void test_four_users_at_most(void)
{
    TestUser users[4] = { 0 };
    CharFrontend fifth = { 0 };
    g_autoptr(GError) error = NULL;
    Chardev *mux;
    int peer = mux_new(&mux);

    for (int i = 0; i < 4; i++) {
        test_user_attach(&users[i], mux, &test_reader_ops);
    }
    g_assert_false(char_frontend_attach(&fifth, mux, &test_reader_ops, NULL, &error));
    g_assert_cmpstr(error->message, ==,
                    "too many uses of multiplexed chardev 'm' (maximum is 4)");
    test_user_clear(&users[1]);
    test_user_attach(&users[1], mux, &test_reader_ops);
    for (int i = 0; i < 4; i++) {
        test_user_clear(&users[i]);
    }
    close(peer);
    char_cleanup();
}

static void test_focus_moves_when_its_user_leaves(void)
{
    TestUser first = { .wanted = 100 }, second = { .wanted = 100 };
    Chardev *mux;
    int peer = mux_new(&mux);

    test_user_attach(&first, mux, &test_reader_ops);
    test_user_attach(&second, mux, &test_reader_ops);
    test_user_clear(&second);
    g_assert_cmpuint(first.n_mux_in, ==, 2);
    test_send(peer, "input");
    WAIT_UNTIL(test_user_got(&first, "input"));
    test_user_clear(&first);
    close(peer);
    char_cleanup();
}

static void test_events_reach_all_users(void)
{
    TestUser first = { .wanted = 100 }, second = { .wanted = 100, .detach_when_closed = true };
    Chardev *mux;
    int peer = mux_new(&mux);

    test_user_attach(&first, mux, &test_reader_ops);
    test_user_attach(&second, mux, &test_reader_ops);
    close(peer);
    WAIT_UNTIL(first.n_closed == 1 && second.n_closed == 1);
    g_assert_false(char_frontend_is_open(&first.fe));
    test_user_clear(&first);
    test_user_clear(&second);
    json_object_put(test_qmp_ok("chardev-remove", "{'id': 'm'}"));
    json_object_put(test_qmp_ok("chardev-remove", "{'id': 'b'}"));
    char_cleanup();
}

static void test_user_detaches_inside_read(void)
{
    TestUser first = { .wanted = 100 }, second = { .wanted = 100, .detach_when_read = true };
    Chardev *mux;
    int peer = mux_new(&mux);

    test_user_attach(&first, mux, &test_reader_ops);
    test_user_attach(&second, mux, &test_reader_ops);
    test_send(peer, "one");
    WAIT_UNTIL(test_user_got(&second, "one"));
    test_send(peer, "two");
    WAIT_UNTIL(test_user_got(&first, "two"));
    test_user_clear(&first);
    test_user_clear(&second);
    close(peer);
    char_cleanup();
}

int main(int argc, char **argv)
{
    test_char_init(&argc, &argv);
#define ADD(name, func) g_test_add_func("/char-mux/" name, func)
    ADD("newest-user-has-the-focus", test_newest_user_has_the_focus);
    ADD("key-c-moves-the-focus", test_key_c_moves_the_focus);
    ADD("key-works-before-a-user-who-does-not-read",
        test_key_works_before_a_user_who_does_not_read);
    ADD("unread-bytes-survive-the-end", test_unread_bytes_survive_the_end);
    ADD("ctrl-a-twice-is-ctrl-a", test_ctrl_a_twice_is_ctrl_a);
    ADD("key-b-is-a-break", test_key_b_is_a_break);
    ADD("key-h-prints-help", test_key_h_prints_help);
    ADD("key-x-ends-the-process-at-a-terminal", test_key_x_ends_the_process_at_a_terminal);
    ADD("key-x-of-a-peer-does-not-end-the-process",
        test_key_x_of_a_peer_does_not_end_the_process);
    ADD("key-t-adds-time-stamps", test_key_t_adds_time_stamps);
    ADD("output-of-all-users", test_output_of_all_users);
    ADD("full-device-blocks-and-frees-users", test_full_device_blocks_and_frees_users);
    ADD("four-users-at-most", test_four_users_at_most);
    ADD("focus-moves-when-its-user-leaves", test_focus_moves_when_its_user_leaves);
    ADD("events-reach-all-users", test_events_reach_all_users);
    ADD("user-detaches-inside-read", test_user_detaches_inside_read);
    return g_test_run();
}
