/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes syntax A of the command line: flat key=value lists. */

#include "fuzz.h"

#include "qapi/opts.h"

/* First byte: whether the first key is implied, and whether the id is checked. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t how = fuzz_take_byte(&data, &len);
    g_autofree char *text = fuzz_text(data, len);
    g_autoptr(GError) error = NULL;
    g_autoptr(Opts) opts = opts_parse(text, how & 1 ? "type" : NULL, how & 2, &error);
    json_object *json;

    g_assert_true((opts == NULL) == (error != NULL));
    if (opts) {
        g_assert_cmpuint(opts->keys->len, ==, opts->values->len);
        g_assert_true(!(how & 2) || !opts->id || id_is_wellformed(opts->id));
        json = opts_to_json(opts, how & 4);
        g_assert_cmpint(json_object_object_length(json), <=, (int)opts->keys->len + 1);
        json_object_put(json);
    }
    return 0;
}
