/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of socket chardevs with TLS: reading by demand, full sockets, ends, refusals. */

#include "char-test.h"

#include "tls-fixture.h"

/*
 *   user "near" ── chardev s (server) ══TLS on 127.0.0.1══ chardev c (client) ── user "far"
 */

typedef struct Link {
    TestUser near;
    TestUser far;
    Chardev *s; /* borrowed, as c */
    Chardev *c;
    char *dir;
} Link;

/* The port that chardev s has got. */
static unsigned server_port(void)
{
    g_autofree char *filename = test_filename("s");
    const char *port = strstr(filename, "127.0.0.1:");

    g_assert_nonnull(port);
    return (unsigned)g_ascii_strtoull(port + strlen("127.0.0.1:"), NULL, 10);
}

static void connect_client(Link *link)
{
    g_autofree char *text = g_strdup_printf("socket,id=c,host=127.0.0.1,port=%u,tls-creds=c0,"
                                            "reconnect-ms=20", server_port());

    link->c = test_char_new(text);
}

/* Both creds are there, and the server. */
static void link_listen(Link *link, const char *options)
{
    g_autofree char *text = g_strdup_printf("socket,id=s,host=127.0.0.1,port=0,server=on,"
                                            "wait=off,tls-creds=s0%s", options);

    link->dir = tls_psk_add("");
    link->s = test_char_new(text);
}

static void link_set_up(Link *link, gconstpointer options)
{
    link_listen(link, options ? options : "");
    connect_client(link);
}

static void link_tear_down(Link *link, gconstpointer options)
{
    test_user_clear(&link->near);
    test_user_clear(&link->far);
    char_cleanup();
    tls_psk_remove(link->dir);
}

/* Both users come, and both ends are connected; they want so many bytes. */
static void link_open(Link *link, size_t near_wanted, size_t far_wanted)
{
    link->near.wanted = near_wanted;
    link->far.wanted = far_wanted;
    test_user_attach(&link->near, link->s, &test_reader_ops);
    test_user_attach(&link->far, link->c, &test_reader_ops);
    WAIT_UNTIL(link->near.n_opened == 1 && link->far.n_opened == 1);
}

static void remove_client(Link *link)
{
    test_user_clear(&link->far);
    json_object_put(test_qmp_ok("chardev-remove", "{'id': 'c'}"));
}

static void test_both_ways(Link *link, gconstpointer data)
{
    link_open(link, 100, 100);
    g_assert_cmpint(test_user_write(&link->near, "ping"), ==, 4);
    WAIT_UNTIL(test_user_got(&link->far, "ping"));
    g_assert_cmpint(test_user_write(&link->far, "pong"), ==, 4);
    WAIT_UNTIL(test_user_got(&link->near, "pong"));
}

/* The rest of a record is in the session: nothing wakes the reader but its own wish. */
static void test_reads_what_is_wanted(Link *link, gconstpointer data)
{
    link_open(link, 3, 0);
    g_assert_cmpint(test_user_write(&link->far, "abcdef"), ==, 6);
    WAIT_UNTIL(link->near.got->len == 3);
    test_settle();
    g_assert_true(test_user_got(&link->near, "abc"));
    test_user_want(&link->near, 1);
    WAIT_UNTIL(link->near.got->len == 4);
    test_user_want(&link->near, 10);
    WAIT_UNTIL(test_user_got(&link->near, "abcdef"));
}

/* More than all buffers hold: the writer is told when it can go on, and nothing is missing. */
static void test_full(Link *link, gconstpointer data)
{
    static char piece[30000];
    size_t n_written = 0;
    ssize_t n = 1;

    memset(piece, 'x', sizeof(piece));
    link_open(link, 0, 0);
    while (n > 0) {
        struct iovec iov = { piece, sizeof(piece) };

        n = char_frontend_writev(&link->far.fe, &iov, 1);
        g_assert_cmpint(n, >=, 0);
        n_written += (size_t)n;
        n = n < (ssize_t)sizeof(piece) ? 0 : n;
    }
    test_settle();
    g_assert_cmpuint(link->far.n_ready, ==, 0);
    test_user_want(&link->near, SIZE_MAX / 2);
    WAIT_UNTIL(link->near.got->len == n_written);
    WAIT_UNTIL(link->far.n_ready == 1);
    g_assert_cmpint(test_user_write(&link->far, "last"), ==, 4);
    WAIT_UNTIL(link->near.got->len == n_written + 4);
}

static void test_end_behind_unread_bytes_waits(Link *link, gconstpointer data)
{
    link_open(link, 0, 0);
    g_assert_cmpint(test_user_write(&link->far, "last words"), ==, 10);
    remove_client(link);
    test_settle();
    g_assert_cmpuint(link->near.n_closed, ==, 0);
    test_user_want(&link->near, 4);
    WAIT_UNTIL(link->near.got->len == 4);
    test_settle();
    g_assert_cmpuint(link->near.n_closed, ==, 0);
    test_user_want(&link->near, 100);
    WAIT_UNTIL(link->near.n_closed == 1);
    g_assert_true(test_user_got(&link->near, "last words"));
}

static void test_end_without_unread_bytes_is_noticed(Link *link, gconstpointer data)
{
    link_open(link, 0, 0);
    remove_client(link);
    WAIT_UNTIL(link->near.n_closed == 1);
    connect_client(link);
    WAIT_UNTIL(link->near.n_opened == 2);
}

static void test_writer_notices_the_end(Link *link, gconstpointer data)
{
    test_user_attach(&link->near, link->s, &test_writer_ops);
    test_user_attach(&link->far, link->c, &test_reader_ops);
    WAIT_UNTIL(link->near.n_opened == 1 && link->far.n_opened == 1);
    remove_client(link);
    WAIT_UNTIL(link->near.n_closed == 1);
    g_assert_cmpint(test_user_write(&link->near, "x"), ==, -ENOTCONN);
}

static void test_connects_again(Link *link, gconstpointer data)
{
    link_open(link, 100, 100);
    char_frontend_disconnect(&link->near.fe);
    WAIT_UNTIL(link->far.n_closed == 1);
    WAIT_UNTIL(link->near.n_opened == 2 && link->far.n_opened == 2);
    g_assert_cmpint(test_user_write(&link->near, "again"), ==, 5);
    WAIT_UNTIL(test_user_got(&link->far, "again"));
}

static void test_telnet(Link *link, gconstpointer data)
{
    static const uint8_t greeting[] = { 0xff, 0xfb, 1, 0xff, 0xfb, 3, 0xff, 0xfb, 0, 0xff, 0xfd,
                                        0 };

    link_open(link, 100, 100);
    WAIT_UNTIL(link->far.got->len == sizeof(greeting));
    g_assert_cmpmem(link->far.got->data, link->far.got->len, greeting, sizeof(greeting));
    g_assert_cmpint(test_user_write(&link->far, "a\xff\xf1z"), ==, 4);
    WAIT_UNTIL(test_user_got(&link->near, "az"));
}

/* Neither end is open before both have proven themselves. */
static void test_not_open_in_the_handshake(void)
{
    Link link = { .dir = NULL };

    link_listen(&link, "");
    connect_client(&link);
    link.near.wanted = 1;
    test_user_attach(&link.near, link.s, &test_reader_ops);
    g_assert_cmpint(test_user_write(&link.near, "x"), ==, -ENOTCONN);
    link_tear_down(&link, NULL); /* in the handshake, too */
}

static void test_wrong_end(void)
{
    g_autoptr(GError) error = NULL;
    Link link = { .dir = NULL };

    link_listen(&link, "");
    g_assert_null(char_new_from_opts("socket,id=x,host=127.0.0.1,port=0,server=on,wait=off,"
                                     "tls-creds=c0", &error));
    g_assert_cmpstr(error->message, ==, "Expected TLS credentials for a server endpoint");
    link_tear_down(&link, NULL);
}

#define ADD_LINK(name, options, func) \
    g_test_add("/char-tls/" name, Link, options, link_set_up, func, link_tear_down)

int main(int argc, char **argv)
{
    test_char_init(&argc, &argv);
    ADD_LINK("both-ways", NULL, test_both_ways);
    ADD_LINK("reads-what-is-wanted", NULL, test_reads_what_is_wanted);
    ADD_LINK("full", NULL, test_full);
    ADD_LINK("end-behind-unread-bytes-waits", NULL, test_end_behind_unread_bytes_waits);
    ADD_LINK("end-without-unread-bytes-is-noticed", NULL,
             test_end_without_unread_bytes_is_noticed);
    ADD_LINK("writer-notices-the-end", NULL, test_writer_notices_the_end);
    ADD_LINK("connects-again", NULL, test_connects_again);
    ADD_LINK("telnet", ",telnet=on", test_telnet);
    g_test_add_func("/char-tls/not-open-in-the-handshake", test_not_open_in_the_handshake);
    g_test_add_func("/char-tls/wrong-end", test_wrong_end);
    return g_test_run();
}
