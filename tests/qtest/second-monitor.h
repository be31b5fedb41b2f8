/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Another QMP client of the program, served while a command of the first one waits. */

#ifndef TESTS_QTEST_SECOND_MONITOR_H
#define TESTS_QTEST_SECOND_MONITOR_H

/** Options of the program; their one argument is the path. */
#define SECOND_MONITOR \
    "-chardev socket,id=second,path=%s,server=on,wait=off -mon second,mode=control "

/** second_monitor_connect: a client that has negotiated. Returns: its socket, owned. */
int second_monitor_connect(const char *path);

/** second_monitor_ask: a command that is answered at once. */
void second_monitor_ask(int fd);

#endif
