/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Another QMP client of the program, served while a command of the first one waits. */

#include "second-monitor.h"

#include <string.h>
#include <glib.h>

#include "sockets.h"

void second_monitor_ask(int fd)
{
    static const char query[] = "{\"execute\": \"query-status\"}\n";
    g_autofree char *reply = NULL;

    sock_write(fd, query, strlen(query));
    reply = sock_read_line(fd);
    g_assert_nonnull(reply);
    g_assert_nonnull(strstr(reply, "\"status\""));
}

int second_monitor_connect(const char *path)
{
    static const char capabilities[] = "{\"execute\": \"qmp_capabilities\"}\n";
    int fd = sock_connect_unix(path);
    g_autofree char *greeting = sock_read_line(fd);
    g_autofree char *reply = NULL;

    g_assert_nonnull(strstr(greeting, "\"QMP\""));
    sock_write(fd, capabilities, strlen(capabilities));
    reply = sock_read_line(fd);
    g_assert_cmpstr(reply, ==, "{\"return\": {}}\r");
    return fd;
}
