/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs for taps and bridges to run, which write down how they were called. */

#ifndef TESTS_QTEST_TAP_SCRIPTS_H
#define TESTS_QTEST_TAP_SCRIPTS_H

/**
 * tap_script_new: a program @name that notes its name and arguments, and then does @command
 *
 * @command: in the language of the shell; its status is the program's.
 * Returns: the path, owned.
 */
char *tap_script_new(const char *name, const char *command);

/** tap_scripts_expect_calls: the notes since the last time, a line for each call. */
void tap_scripts_expect_calls(const char *want);

#endif
