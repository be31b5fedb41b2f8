/* SPDX-License-Identifier: GPL-2.0-or-later */
/* yank and query-yank, also out of band. */

#include <string.h>

#include "cases.h"
#include "qtest-client.h"

/*
 *   test ──unix──► chardev c of the program ◄── yank by QMP
 */

static QTest *start(int *client)
{
    g_autofree char *path = tmp_path("yank.sock");
    QTest *s = qtest_start("-chardev socket,id=c,path=%s,server=on,wait=off "
                           "-chardev null,id=n -chardev ringbuf,id=r "
                           "-netdev hubport,id=p,hubid=1 "
                           "-object filter-redirector,id=f,netdev=p,outdev=c", path);

    *client = sock_connect_unix(path);
    return s;
}

static char *plain(json_object *value)
{
    return g_strdup(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
}

static void test_lists_sockets_only(void)
{
    int client;
    QTest *s = start(&client);
    g_autoptr(json_object) list = qtest_qmp_return(s, "{'execute': 'query-yank'}");
    g_autofree char *text = plain(list);

    g_assert_nonnull(strstr(text, "{\"type\":\"chardev\",\"id\":\"c\"}"));
    g_assert_null(strstr(text, "\"n\""));
    g_assert_null(strstr(text, "\"r\""));
    sock_close(&client);
    qtest_quit(s);
}

static void test_cuts_the_connection(void)
{
    g_autofree char *path = tmp_path("yank.sock");
    int client;
    QTest *s = start(&client);

    qtest_qmp_ok(s, "{'execute': 'yank', "
                    "'arguments': {'instances': [{'type': 'chardev', 'id': 'c'}]}}");
    sock_expect_eof(client);
    sock_close(&client);
    client = sock_connect_unix(path); /* it listens on */
    sock_close(&client);
    qtest_quit(s);
}

typedef struct Refusal {
    const char *name;
    const char *instances;
} Refusal;

static const Refusal refusals[] = {
    { "unknown", "{'type': 'chardev', 'id': 'no'}" },
    { "no-socket", "{'type': 'chardev', 'id': 'n'}" },
    { "block-node", "{'type': 'block-node', 'node-name': 'c'}" },
    { "migration", "{'type': 'migration'}" },
    { "one-of-two", "{'type': 'chardev', 'id': 'c'}, {'type': 'chardev', 'id': 'no'}" },
};

static void test_refusal(const void *data)
{
    const Refusal *refusal = data;
    int client;
    QTest *s = start(&client);

    qtest_qmp_error(s, "DeviceNotFound", "Instance not found",
                    "{'execute': 'yank', 'arguments': {'instances': [%s]}}", refusal->instances);
    g_assert_false(fd_is_readable(client)); /* nothing was cut */
    sock_close(&client);
    qtest_quit(s);
}

static void test_missing_instances(void)
{
    QTest *s = qtest_start("-M none");

    qtest_qmp_error(s, "GenericError", "Parameter 'instances' is missing",
                    "{'execute': 'yank'}");
    qtest_quit(s);
}

/* A greeted client of a second monitor, with oob. */
static int connect_oob(const char *path)
{
    static const char enable[] =
        "{\"execute\": \"qmp_capabilities\", \"arguments\": {\"enable\": [\"oob\"]}}\n";
    int fd = sock_connect_unix(path);

    g_free(sock_read_line(fd));
    sock_write(fd, enable, strlen(enable));
    g_free(sock_read_line(fd));
    return fd;
}

static void test_out_of_band(void)
{
    static const char request[] = "{\"exec-oob\": \"query-yank\", \"id\": 1}\n";
    g_autofree char *path = tmp_path("oob.sock");
    QTest *s = qtest_start("-qmp unix:%s,server=on,wait=off", path);
    int fd = connect_oob(path);
    g_autofree char *reply = NULL;

    sock_write(fd, request, strlen(request));
    reply = sock_read_line(fd);
    g_assert_nonnull(strstr(reply, "\"compat_monitor0\""));
    g_assert_nonnull(strstr(reply, "\"id\": 1"));
    sock_close(&fd);
    qtest_quit(s);
}

/* A client may cut the branch it sits on; the next one is greeted. */
static void test_own_connection(void)
{
    static const char request[] = "{\"exec-oob\": \"yank\", \"arguments\": {\"instances\": "
                                  "[{\"type\": \"chardev\", \"id\": \"compat_monitor0\"}]}}\n";
    g_autofree char *path = tmp_path("own.sock");
    QTest *s = qtest_start("-qmp unix:%s,server=on,wait=off", path);
    int fd = connect_oob(path);

    sock_write(fd, request, strlen(request));
    sock_expect_eof(fd);
    sock_close(&fd);
    fd = connect_oob(path);
    sock_close(&fd);
    qtest_quit(s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/yank/lists-sockets-only", test_lists_sockets_only);
    g_test_add_func("/yank/cuts-the-connection", test_cuts_the_connection);
    CASES_ADD("/yank/refuses/", refusals, name, test_refusal);
    g_test_add_func("/yank/missing-instances", test_missing_instances);
    g_test_add_func("/yank/out-of-band", test_out_of_band);
    g_test_add_func("/yank/own-connection", test_own_connection);
    return g_test_run();
}
