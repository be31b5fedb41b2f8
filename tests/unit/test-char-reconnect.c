/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of socket chardevs that connect again and again, and of what they say meanwhile. */

#include "char-test.h"

#include "util/log.h"

/* A listening socket of the test's, there or not ◄--- chardev c --- user */

static void test_reconnects(void)
{
    char *folder = test_folder_new();
    g_autofree char *path = g_build_filename(folder, "s", NULL);
    g_autofree char *opts = g_strdup_printf("socket,id=c,path=%s,reconnect-ms=5", path);
    TestUser user = { .wanted = 100 };
    Chardev *chr = test_char_new(opts);
    int listener;
    int server;

    test_user_attach(&user, chr, &test_reader_ops);
    g_assert_cmpuint(user.n_opened, ==, 0);
    listener = test_listen_at(path);
    WAIT_UNTIL(user.n_opened == 1);
    server = accept(listener, NULL, NULL);
    test_send(server, "one");
    close(server);
    WAIT_UNTIL(user.n_opened == 2);
    g_assert_cmpuint(user.n_closed, ==, 1);
    server = accept(listener, NULL, NULL);
    test_send(server, "two");
    WAIT_UNTIL(test_user_got(&user, "onetwo"));
    close(server);
    close(listener);
    test_user_clear(&user);
    char_cleanup();
    test_folder_free(folder);
}

static void test_removed_while_it_tries(void)
{
    test_char_new("socket,id=c,path=/nonexistent/s,reconnect-ms=1");
    json_object_put(test_qmp_ok("chardev-remove", "{'id': 'c'}"));
    test_settle();
    g_assert_null(char_find("c"));
}

static gboolean set_flag(gpointer flag)
{
    *(bool *)flag = true;
    return G_SOURCE_REMOVE;
}

static void run_for_ms(unsigned ms)
{
    bool is_over = false;

    g_timeout_add(ms, set_flag, &is_over);
    WAIT_UNTIL(is_over);
}

static void test_complains_once(void)
{
    if (g_test_subprocess()) {
        test_char_new("socket,id=c,path=/nonexistent/s,reconnect-ms=1");
        run_for_ms(50);
        char_cleanup();
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*Unable to connect character device c: Failed to connect to "
                              "'/nonexistent/s': No such file or directory\n*");
    g_test_trap_assert_stderr_unmatched("*Unable*Unable*");
}

/* Opened once, then lost: @listener and the connection end, and nobody listens any more. */
static void reconnect_lose(TestUser *user, const char *path)
{
    int listener = test_listen_at(path);

    WAIT_UNTIL(user->n_opened == 1);
    close(accept(listener, NULL, NULL));
    close(listener);
    unlink(path);
    WAIT_UNTIL(user->n_closed == 1);
}

/* Whoever reads the log learns of the loss, too: by one line, or by its count within a minute. */
static void test_complains_again_after_a_loss(void)
{
    TestUser user = { .wanted = 100 };

    if (g_test_subprocess()) {
        char *folder = test_folder_new();
        g_autofree char *path = g_build_filename(folder, "s", NULL);
        g_autofree char *opts = g_strdup_printf("socket,id=c,path=%s,reconnect-ms=1", path);

        test_user_attach(&user, test_char_new(opts), &test_reader_ops);
        run_for_ms(30);
        reconnect_lose(&user, path);
        run_for_ms(30);
        test_user_clear(&user);
        char_cleanup();
        test_folder_free(folder);
        log_cleanup();
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*Unable to connect character device c: *"
                              "Unable to connect character device c: * (suppressed since then: "
                              "1 more)\n*");
    g_test_trap_assert_stderr_unmatched("*Unable*Unable*Unable*");
}

int main(int argc, char **argv)
{
    test_char_init(&argc, &argv);
    g_test_add_func("/char-reconnect/reconnects", test_reconnects);
    g_test_add_func("/char-reconnect/removed-while-it-tries", test_removed_while_it_tries);
    g_test_add_func("/char-reconnect/complains-once", test_complains_once);
    g_test_add_func("/char-reconnect/complains-again-after-a-loss",
                    test_complains_again_after_a_loss);
    return g_test_run();
}
