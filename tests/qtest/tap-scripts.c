/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs for taps and bridges to run, which write down how they were called. */

#include "tap-scripts.h"

#include <glib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qtest-client.h"

char *tap_script_new(const char *name, const char *command)
{
    g_autofree char *calls = tmp_path("calls");
    g_autofree char *text = g_strdup_printf("#!/bin/sh\necho %s \"$@\" >>%s\n%s\n", name, calls,
                                            command);
    char *path = tmp_path(name);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    g_assert_cmpint(chmod(path, 0755), ==, 0);
    return path;
}

void tap_scripts_expect_calls(const char *want)
{
    g_autofree char *path = tmp_path("calls");
    g_autofree char *got = NULL;

    g_file_get_contents(path, &got, NULL, NULL);
    g_assert_cmpstr(got ? got : "", ==, want);
    unlink(path);
}
