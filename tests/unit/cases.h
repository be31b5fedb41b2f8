/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables of test cases: a test for each row. */

#ifndef TESTS_UNIT_CASES_H
#define TESTS_UNIT_CASES_H

#include <glib.h>

static inline void cases_add(const char *folder, const void *cases, size_t n, size_t size,
                             const char *const *first_name, GTestDataFunc func)
{
    size_t name_at = (size_t)((const char *)first_name - (const char *)cases);

    for (size_t i = 0; i < n; i++) {
        const char *row = (const char *)cases + i * size;
        const char *name = *(const char *const *)(const void *)(row + name_at);
        g_autofree char *path = g_strconcat(folder, name, NULL);

        g_test_add_data_func(path, row, func);
    }
}

/**
 * CASES_ADD: a test for each row of @cases, an array
 * @folder: "/module/group/"; the row's name follows it
 * @member: a member of the row that is a string: its name
 * @func: is given the row
 */
#define CASES_ADD(folder, cases, member, func) \
    cases_add(folder, cases, G_N_ELEMENTS(cases), sizeof((cases)[0]), &(cases)[0].member, func)

#endif
