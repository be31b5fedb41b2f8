/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One line on standard output that says what is ready, and where it listens. */

#include "system/ready.h"

#include <stdio.h>
#include <unistd.h>

#include "chardev/char.h"
#include "config.h"
#include "qapi/json.h"
#include "qapi/qapi-commands.h"
#include "qapi/qapi.h"

/* @list: taken. */
static void ready_add(json_object *line, const char *key, const QapiType *type, void *list)
{
    json_object_object_add(line, key, qapi_to_json(type, list));
    qapi_free(type, list);
}

/* What the three commands answer: nothing new is described here. */
char *ready_line(void)
{
    json_object *line = json_object_new_object();
    GString *text = g_string_new(NULL);

    json_object_object_add(line, "ready", json_object_new_boolean(true));
    json_object_object_add(line, "version", json_object_new_string(PROJECT_VERSION));
    json_object_object_add(line, "pid", json_object_new_int64(getpid()));
    ready_add(line, "chardevs", QAPI_TYPE(ChardevInfoList), qmp_query_chardev(NULL));
    ready_add(line, "netdevs", QAPI_TYPE(NetdevInfoList), qmp_query_netdevs(NULL));
    ready_add(line, "exports", QAPI_TYPE(NetExportInfoList), qmp_query_net_exports(NULL));
    json_format(text, line, false);
    g_string_append_c(text, '\n');
    json_object_put(line);
    return g_string_free(text, FALSE);
}
