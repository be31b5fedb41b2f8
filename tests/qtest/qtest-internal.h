/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the qtest client share. */

#ifndef TESTS_QTEST_QTEST_INTERNAL_H
#define TESTS_QTEST_QTEST_INTERNAL_H

#include <pthread.h>
#include <fcntl.h>
#include <stdio.h>
#include "qtest-client.h"

struct QTest {
    GPid pid;
    int pidfd;              /* readable once the process has ended */
    int qtest_fd;           /* -1 = started without */
    int qmp_fd;             /* -1 = started without */
    GString *qtest_input;   /* read and not yet taken */
    GString *qmp_input;
    GQueue *events;         /* json_object, owned, oldest first */
    int output_fd;          /* the program's standard output and error */
    GThread *output_thread; /* reads output_fd, so that the program never waits for us */
    pthread_mutex_t output_lock; /* of output; one that ThreadSanitizer understands */
    pthread_cond_t output_grown;
    GString *output;
};

/** qtest_event_free: json_object_put() for queues. */
void qtest_event_free(gpointer event);

/** qtest_negotiate: take the greeting and send qmp_capabilities. */
void qtest_negotiate(QTest *s);

/** qtest_qmp_read_line: the next line from QMP, without LF. Owned. */
char *qtest_qmp_read_line(QTest *s);

#endif
