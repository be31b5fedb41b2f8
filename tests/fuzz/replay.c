/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs each file of a corpus through a fuzz harness once, as TAP; needs no clang. */

#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

static int replay_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static GPtrArray *replay_list(const char *folder)
{
    g_autoptr(GError) error = NULL;
    GDir *dir = g_dir_open(folder, 0, &error);
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    const char *name;

    if (!dir) {
        g_error("%s", error->message);
    }
    while ((name = g_dir_read_name(dir))) {
        g_ptr_array_add(names, g_strdup(name));
    }
    g_dir_close(dir);
    g_ptr_array_sort(names, replay_compare);
    return names;
}

static void replay_file(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    g_autofree uint8_t *data = NULL;
    gsize len;

    if (!g_file_get_contents(path, &text, &len, &error)) {
        g_error("%s", error->message);
    }
    /* Of the exact size, so that reads beyond the end are noticed. */
    data = g_memdup2(text, len);
    LLVMFuzzerTestOneInput(data, len);
}

int main(int argc, char **argv)
{
    g_autoptr(GPtrArray) names = NULL;

    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return EXIT_FAILURE;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    names = replay_list(argv[1]);
    printf("1..%u\n", names->len + 1);
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    printf("ok 1 nothing at all\n");
    for (guint i = 0; i < names->len; i++) {
        replay_file(argv[1], names->pdata[i]);
        printf("ok %u %s\n", i + 2, (const char *)names->pdata[i]);
    }
    return EXIT_SUCCESS;
}
