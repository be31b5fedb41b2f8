/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unit tests' client of a QMP monitor in the same process. */

#ifndef TESTS_UNIT_MONITOR_CLIENT_H
#define TESTS_UNIT_MONITOR_CLIENT_H

#include <stdbool.h>
#include <glib.h>

#include "config.h"

/*
 *   test (client) ==socketpair or unix socket== chardev -- monitor     all in this process
 */

#define CAPABILITIES "{\"execute\": \"qmp_capabilities\"}"
#define CAPABILITIES_OOB                                                       \
    "{\"execute\": \"qmp_capabilities\", \"arguments\": {\"enable\": [\"oob\"]}}"
#define OK "{\"return\": {}}"
#define GENERIC(text) "{\"error\": {\"class\": \"GenericError\", \"desc\": \"" text "\"}}"
#define PARSE_ERROR(text) GENERIC("JSON parse error, " text)

typedef struct TestClient {
    int fd;
    GString *in; /* received, not yet taken */
} TestClient;

/** A row of a table of tests. */
typedef struct TestRequest {
    const char *path;
    const char *request;
    const char *reply;
} TestRequest;

/** test_init: g_test_init(), events go to monitors, the loop wakes up to notice deadlines. */
void test_init(int *argc, char ***argv);

/** test_settle: run the loop until it has nothing more to do. */
void test_settle(void);

/** client_new: on a connected socket, taken. */
TestClient *client_new(int fd);
void client_free(TestClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestClient, client_free)

/** client_start: of a monitor on a new socket chardev with @extra keys; the greeting is unread. */
TestClient *client_start(const char *extra, bool pretty);

/** client_negotiated: greeting read, @capabilities (a request) agreed on. */
TestClient *client_negotiated(const char *capabilities);

void client_send(TestClient *client, const char *text, size_t len);
void client_send_text(TestClient *client, const char *text);

/** client_line: the next line without its CR LF. Owned. */
char *client_line(TestClient *client);
void client_skip_line(TestClient *client);

/** client_expect: the next line is @line. client_expect_event: it is an event ending in @tail. */
void client_expect(TestClient *client, const char *line);
void client_expect_event(TestClient *client, const char *tail);

/** client_ask: send @request, expect @reply. */
void client_ask(TestClient *client, const char *request, const char *reply);
void client_ask_error(TestClient *client, const char *request, const char *class,
                      const char *desc);

/** client_hang_up: and the monitor has seen it. */
void client_hang_up(TestClient *client);

#endif
