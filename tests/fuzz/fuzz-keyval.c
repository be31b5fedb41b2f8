/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes syntax B of the command line: key=value lists with dotted keys. */

#include "fuzz.h"

#include "qapi/opts.h"

/** Only objects, lists and strings come out. */
static void check_value(json_object *value)
{
    if (json_object_is_type(value, json_type_object)) {
        json_object_object_foreach(value, key, member) {
            g_assert_cmpuint(strlen(key), >, 0);
            check_value(member);
        }
    } else if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            check_value(json_object_array_get_idx(value, i));
        }
    } else {
        g_assert_true(json_object_is_type(value, json_type_string));
    }
}

/* First byte: whether the first key is implied, and whether help may be asked for. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t how = fuzz_take_byte(&data, &len);
    g_autofree char *text = fuzz_text(data, len);
    g_autoptr(GError) error = NULL;
    bool help = false;
    json_object *json = keyval_parse(text, how & 1 ? "type" : NULL, how & 2 ? &help : NULL,
                                     &error);

    g_assert_true((json == NULL) == (error != NULL));
    if (json) {
        check_value(json);
    }
    json_object_put(json);
    return 0;
}
