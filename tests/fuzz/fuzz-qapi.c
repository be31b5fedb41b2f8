/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes the walker that fills schema types from JSON and from both command-line syntaxes. */

#include "fuzz.h"

#include "qapi/json.h"
#include "qapi/opts.h"
#include "qapi/qapi-types.h"

static const QapiType *const types[] = {
    QAPI_TYPE(Netdev), QAPI_TYPE(ObjectOptions), QAPI_TYPE(ChardevBackend),
    QAPI_TYPE(ChardevOptions), QAPI_TYPE(NetExportOptions),
};

/** The value through JSON text and back, and a copy, are equal to it. */
static void check_value(const QapiType *type, const void *value)
{
    json_object *json = qapi_to_json(type, value), *again = NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    void *clone = qapi_clone(type, value);
    void *back;

    g_assert_true(qapi_equal(type, value, clone));
    json_format(text, json, true);
    json_parse_text(text->str, &again, &error);
    g_assert_no_error(error);
    back = qapi_from_json(type, again, QAPI_INPUT_JSON, &error);
    g_assert_no_error(error);
    g_assert_true(qapi_equal(type, value, back));
    qapi_free(type, back);
    qapi_free(type, clone);
    json_object_put(again);
    json_object_put(json);
}

static json_object *read_text(const char *text, QapiInput input)
{
    g_autoptr(Opts) opts = NULL;
    json_object *json = NULL;

    switch (input) {
    case QAPI_INPUT_JSON:
        json_parse_text(text, &json, NULL);
        return json;
    case QAPI_INPUT_OPTS:
        opts = opts_parse(text, "type", false, NULL);
        return opts ? opts_to_json(opts, true) : NULL;
    case QAPI_INPUT_KEYVAL:
        return keyval_parse(text, "type", NULL, NULL);
    }
    return NULL;
}

/* First byte: the type; second: the kind of input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const QapiType *type = types[fuzz_take_byte(&data, &len) % G_N_ELEMENTS(types)];
    QapiInput input = fuzz_take_byte(&data, &len) % 3;
    g_autofree char *text = fuzz_text(data, len);
    json_object *json = read_text(text, input);
    g_autoptr(GError) error = NULL;
    void *value;

    if (!json) {
        return 0;
    }
    value = qapi_from_json(type, json, input, &error);
    g_assert_true((value == NULL) == (error != NULL));
    /* JSON cannot hold the other bytes that a command line may; it gets U+FFFD for them. */
    if (value && g_utf8_validate(text, -1, NULL)) {
        check_value(type, value);
    }
    qapi_free(type, value);
    json_object_put(json);
    return 0;
}
