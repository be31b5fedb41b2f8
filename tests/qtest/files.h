/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files and links that tests look into; a failure ends the test. */

#ifndef TESTS_QTEST_FILES_H
#define TESTS_QTEST_FILES_H

/** read_file: what is in the file. Owned. */
char *read_file(const char *path);

/** proc_link: where the link @name of /proc/@pid leads, e.g. "cwd". Owned. */
char *proc_link(int pid, const char *name);

#endif
